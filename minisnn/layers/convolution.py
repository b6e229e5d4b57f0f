"""The convolution of frames, and the products it is made of:

    u = W x + b

A dense block is the convolution of a 1 x 1 image. Shapes: a frame is a sequence of one step, as
`pool` takes it: x (B, 1, H, W, C_in), u (B, 1, H, W, C_out), bias (C_out,). A `FrameWeight` carries the
sums out: the one here, or that of `minisnn.kernels.frames`.
"""

import numpy as np

from . import linear


class FrameWeight:
    """A weight (k, k, C_in, C_out), its correlation and the adjoints of that, by `synapse`."""

    def __init__(self, weight: np.ndarray):
        self.weight = weight

    def correlate(self, x):
        return linear.correlate(x, self.weight)

    def correlate_input(self, dy):
        return linear.correlate_input(dy, self.weight)

    def correlate_weight(self, x, dy):
        return linear.correlate_weight(x, dy, len(self.weight))


def forward(weight, bias, x):
    """(u, tape)."""
    return weight.correlate(x) + bias, {"x": x}


def backward(weight, tape, du, need_dx=True):
    """(dx, dweight, dbias) from du; dx is None where it is not needed."""
    tape["du"] = du
    dx = weight.correlate_input(du) if need_dx else None
    return dx, weight.correlate_weight(tape["x"], du), du.sum((0, 1, 2, 3))


def forward_tangent(weight, weight_dot, bias_dot, tape, x_dot):
    """(u_dot, tape_dot); x_dot is None where the input is data."""
    u_dot = weight_dot.correlate(tape["x"])
    if x_dot is not None:
        u_dot = u_dot + weight.correlate(x_dot)
    return u_dot + bias_dot, {"x_dot": x_dot}


def backward_tangent(weight, weight_dot, tape, tape_dot, du_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated along theta_dot, x_dot,
    du_dot."""
    dx_dot = None
    if need_dx:
        dx_dot = weight.correlate_input(du_dot) + weight_dot.correlate_input(tape["du"])
    dweight_dot = weight.correlate_weight(tape["x"], du_dot)
    if tape_dot["x_dot"] is not None:
        dweight_dot = dweight_dot + weight.correlate_weight(tape_dot["x_dot"], tape["du"])
    return dx_dot, dweight_dot, du_dot.sum((0, 1, 2, 3))
