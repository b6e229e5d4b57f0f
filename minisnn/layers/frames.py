"""A block of the non-spiking peer: convolution, 2 x 2 max pooling and softplus, composed from their passes.

    u = W x + b      v = largest u of each 2 x 2 window (first among equals, odd rests dropped)      y = softplus(v)

Softplus rises, so pooling before it gives what pooling after it gives, at a quarter of the cost. At a given choice of
sites pooling is linear: `pool.gather` is its own tangent, `pool.scatter` its adjoint and the tangent of that. A dense
block pools nothing; the readout's y is u. Shapes and `products` as in `convolution`; y (B, 1, H', W', C_out). The passes
take the `Block` of the spiking network; its neuron is no concern here.
"""

from . import activation, convolution, pool
from .block import Block


def forward(block: Block, products, weight, bias, x, choice=None):
    """(y, tape); `choice` (B, 1, H', W', C_out) is a recorded one of `pool.choose`, kept instead of the largest."""
    u, tape = convolution.forward(products, weight, bias, x)
    tape["u"] = u
    if block.readout:
        return u, tape
    if block.pool == "max" and choice is None:
        choice = pool.choose(u)
    tape["choice"] = choice
    y, tape["activation"] = activation.forward(pool.gather(u, block.pool, choice))
    return y, tape


def backward(block: Block, products, weight, tape, dy, need_dx=True):
    """(dx, dweight, dbias) from dy; dx is None where it is not needed."""
    tape["dy"] = dy
    if not block.readout:
        dy = pool.scatter(activation.backward(tape["activation"], dy), block.pool, tape["choice"], block.input_shape[:2])
    return convolution.backward(products, block.kernel, weight, tape, dy, need_dx)


def forward_tangent(block: Block, products, weight, weight_dot, bias_dot, tape, x_dot):
    """(y_dot, tape_dot); x_dot is None where the input is data."""
    u_dot, tape_dot = convolution.forward_tangent(products, weight, weight_dot, bias_dot, tape, x_dot)
    if block.readout:
        return u_dot, tape_dot
    v_dot = pool.gather(u_dot, block.pool, tape["choice"])
    y_dot, tape_dot["activation"] = activation.forward_tangent(tape["activation"], v_dot)
    return y_dot, tape_dot


def backward_tangent(block: Block, products, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    if not block.readout:
        dv_dot = activation.backward_tangent(tape["activation"], tape_dot["activation"], tape["dy"], dy_dot)
        dy_dot = pool.scatter(dv_dot, block.pool, tape["choice"], block.input_shape[:2])
    return convolution.backward_tangent(products, block.kernel, weight, weight_dot, tape, tape_dot, dy_dot, need_dx)
