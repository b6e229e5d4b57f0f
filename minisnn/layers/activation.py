"""Softplus, and the block of the non-spiking peer that ends in it: convolution, 2 x 2 max pooling, softplus.

    softplus(u) = log(1 + exp(u))       its slope s = 1 / (1 + exp(-u))       its curvature s (1 - s)

(Dugas et al. 2001). It is smooth everywhere, so gradient and Hessian of a network of it are true ones but where two
sites of a window tie. Block:

    u = W x + b      v = largest u of each 2 x 2 window (first among equals, odd rests dropped)      y = softplus(v)

Softplus rises, so pooling before it gives what pooling after it gives, at a quarter of the cost. A dense block is the
convolution of a 1 x 1 image and pools nothing; the readout's y is u.

Shapes: a frame is a sequence of one step, as `pool` takes it: x (B, 1, H, W, C_in), u (B, 1, H, W, C_out),
y (B, 1, H', W', C_out), weight (k, k, C_in, C_out). `products` does the convolutions: `Reference` or
`minisnn.kernels.frames.Compiled`. The passes take the `Block` of the spiking network; its neuron is no concern here.
"""
import numpy as np

from . import pool, synapse
from .block import Block


def softplus(u: np.ndarray) -> tuple[np.ndarray, dict]:
    """(y, tape) with y = max(u, 0) + log(1 + exp(-|u|))."""
    e = np.exp(-np.abs(u))
    slope = np.where(u >= 0, u.dtype.type(1), e) / (1 + e)
    return np.maximum(u, 0) + np.log1p(e), {"slope": slope, "curvature": e / (1 + e) ** 2}


def softplus_backward(tape: dict, dy: np.ndarray) -> np.ndarray:
    """du = y' dy."""
    return dy * tape["slope"]


def softplus_forward_tangent(tape: dict, u_dot: np.ndarray) -> tuple[np.ndarray, dict]:
    """(y_dot, tape_dot) with y_dot = y' u_dot."""
    return u_dot * tape["slope"], {"u_dot": u_dot}


def softplus_backward_tangent(tape: dict, tape_dot: dict, dy: np.ndarray, dy_dot: np.ndarray) -> np.ndarray:
    """du_dot = y' dy_dot + y'' u_dot dy: `softplus_backward` differentiated along u_dot and dy_dot."""
    return dy_dot * tape["slope"] + dy * tape["curvature"] * tape_dot["u_dot"]


class Reference:
    """`synapse.correlate` and its adjoints; weights are taken as `prepare` gives them."""

    prepare = staticmethod(lambda weight: weight)
    correlate = staticmethod(synapse.correlate)
    correlate_input = staticmethod(synapse.correlate_input)
    correlate_weight = staticmethod(synapse.correlate_weight)


def forward(block: Block, products, weight, bias, x, choice=None):
    """(y, tape); `choice` (B, 1, H', W', C_out) is a recorded one of `pool.choose`, kept instead of the largest."""
    u = products.correlate(x, weight) + bias
    tape = {"x": x, "u": u}
    if block.readout:
        return u, tape
    if block.pool == "max" and choice is None:
        choice = pool.choose(u)
    tape["choice"] = choice
    y, tape["activation"] = softplus(pool.gather(u, block.pool, choice))
    return y, tape


def backward(block: Block, products, weight, tape, dy, need_dx=True):
    """(dx, dweight, dbias) from dy; dx is None where it is not needed."""
    tape["dy"] = dy
    if not block.readout:
        dy = pool.scatter(softplus_backward(tape["activation"], dy), block.pool, tape["choice"], block.input_shape[:2])
    tape["du"], dx = dy, None
    if need_dx:
        dx = products.correlate_input(dy, weight)
    return dx, products.correlate_weight(tape["x"], dy, block.kernel), dy.sum((0, 1, 2, 3))


def forward_tangent(block: Block, products, weight, weight_dot, bias_dot, tape, x_dot):
    """(y_dot, tape_dot); x_dot is None where the input is data."""
    u_dot = products.correlate(tape["x"], weight_dot)
    if x_dot is not None:
        u_dot = u_dot + products.correlate(x_dot, weight)
    u_dot = u_dot + bias_dot
    if block.readout:
        return u_dot, {"x_dot": x_dot}
    v_dot = pool.gather(u_dot, block.pool, tape["choice"])
    y_dot, tape_dot = softplus_forward_tangent(tape["activation"], v_dot)
    return y_dot, {"x_dot": x_dot, "activation": tape_dot}


def backward_tangent(block: Block, products, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    if not block.readout:
        dv_dot = softplus_backward_tangent(tape["activation"], tape_dot["activation"], tape["dy"], dy_dot)
        dy_dot = pool.scatter(dv_dot, block.pool, tape["choice"], block.input_shape[:2])
    dx_dot = None
    if need_dx:
        dx_dot = products.correlate_input(dy_dot, weight) + products.correlate_input(tape["du"], weight_dot)
    dweight_dot = products.correlate_weight(tape["x"], dy_dot, block.kernel)
    if tape_dot["x_dot"] is not None:
        dweight_dot = dweight_dot + products.correlate_weight(tape_dot["x_dot"], tape["du"], block.kernel)
    return dx_dot, dweight_dot, dy_dot.sum((0, 1, 2, 3))
