"""The convolution of frames, and the products it is made of:

    u = W x + b

A dense block is the convolution of a 1 x 1 image. Shapes: a frame is a sequence of one step, as `pool` takes it:
x (B, 1, H, W, C_in), u (B, 1, H, W, C_out), weight (k, k, C_in, C_out), bias (C_out,). `products` carries the sums out:
`Reference` or `minisnn.kernels.frames.Compiled`; weight and weight_dot are taken as its `prepare` gives them.
"""

from . import synapse


class Reference:
    """`synapse.correlate` and its adjoints; weights are taken as they are."""

    prepare = staticmethod(lambda weight: weight)
    correlate = staticmethod(synapse.correlate)
    correlate_input = staticmethod(synapse.correlate_input)
    correlate_weight = staticmethod(synapse.correlate_weight)


def forward(products, weight, bias, x):
    """(u, tape)."""
    return products.correlate(x, weight) + bias, {"x": x}


def backward(products, kernel: int, weight, tape, du, need_dx=True):
    """(dx, dweight, dbias) from du; dx is None where it is not needed."""
    tape["du"] = du
    dx = products.correlate_input(du, weight) if need_dx else None
    return dx, products.correlate_weight(tape["x"], du, kernel), du.sum((0, 1, 2, 3))


def forward_tangent(products, weight, weight_dot, bias_dot, tape, x_dot):
    """(u_dot, tape_dot); x_dot is None where the input is data."""
    u_dot = products.correlate(tape["x"], weight_dot)
    if x_dot is not None:
        u_dot = u_dot + products.correlate(x_dot, weight)
    return u_dot + bias_dot, {"x_dot": x_dot}


def backward_tangent(products, kernel: int, weight, weight_dot, tape, tape_dot, du_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated along theta_dot, x_dot, du_dot."""
    dx_dot = None
    if need_dx:
        dx_dot = products.correlate_input(du_dot, weight) + products.correlate_input(tape["du"], weight_dot)
    dweight_dot = products.correlate_weight(tape["x"], du_dot, kernel)
    if tape_dot["x_dot"] is not None:
        dweight_dot = dweight_dot + products.correlate_weight(tape_dot["x_dot"], tape["du"], kernel)
    return dx_dot, dweight_dot, du_dot.sum((0, 1, 2, 3))
