"""A block of the CNN baseline: convolution, 2 x 2 max pooling and softplus, composed from their
passes.

    u = W x + b      v = largest u of each 2 x 2 window (first among equals, odd rests dropped)      y = softplus(v)

Softplus rises, so pooling before it gives what pooling after it gives, at a quarter of the cost. At
a given choice of sites pooling is linear: `pool.gather` is its own tangent, `pool.scatter` its
adjoint and the tangent of that. A dense block pools nothing; the readout's y is u. Signatures and
shapes as in `block`, for sequences of one step; weights as `prepare` gives them.
"""

import numpy as np

from . import activation, convolution, pool
from .block import Block

prepare = convolution.FrameWeight


def release(weight):
    """Nothing of a weight takes memory that could be made again."""


def recorded(block: Block) -> tuple[str, ...]:
    """What of a block's tape a twin freezes."""
    return ("choice",)


def enter(x: np.ndarray, gain: float, dtype) -> np.ndarray:
    """gain * counts, in the network's dtype."""
    return np.multiply(x, gain, dtype=np.float64).astype(dtype)


def forward(block: Block, weight, bias, x, keep: int = 1):
    """(y, tape)."""
    return _chosen(block, weight, bias, x, pool.choose)


def twin(block: Block, weight, bias, x, form: str, frozen: dict):
    """`forward` at a recorded choice of sites (B, 1, H', W', C_out), kept instead of the
    largest."""
    return _chosen(block, weight, bias, x, lambda u: frozen["choice"])


def _chosen(block, weight, bias, x, choose):
    u, tape = convolution.forward(weight, bias, x)
    tape["u"] = u
    if block.readout:
        return u[:, 0, 0, 0], tape
    tape["choice"] = choose(u) if block.pool == "max" else None
    y, tape["activation"] = activation.forward(pool.gather(u, block.pool, tape["choice"]))
    return y, tape


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias) from dy; dx is None where it is not needed."""
    tape["dy"] = dy
    if block.readout:
        dy = dy[:, None, None, None]
    else:
        dy = pool.scatter(
            activation.backward(tape["activation"], dy),
            block.pool,
            tape["choice"],
            block.input_shape[:2],
        )
    return convolution.backward(weight, tape, dy, need_dx)


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int = 1):
    """(y_dot, tape_dot); x_dot is None where the input is data."""
    u_dot, tape_dot = convolution.forward_tangent(weight, weight_dot, bias_dot, tape, x_dot)
    if block.readout:
        return u_dot[:, 0, 0, 0], tape_dot
    v_dot = pool.gather(u_dot, block.pool, tape["choice"])
    y_dot, tape_dot["activation"] = activation.forward_tangent(tape["activation"], v_dot)
    return y_dot, tape_dot


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    if block.readout:
        dy_dot = dy_dot[:, None, None, None]
    else:
        dv_dot = activation.backward_tangent(
            tape["activation"], tape_dot["activation"], tape["dy"], dy_dot
        )
        dy_dot = pool.scatter(dv_dot, block.pool, tape["choice"], block.input_shape[:2])
    return convolution.backward_tangent(weight, weight_dot, tape, tape_dot, dy_dot, need_dx)


def features(block: Block, x, ends):
    """What the readout weighs: its input, (B, F)."""
    return x.reshape(len(x), -1)


def twin_features(block: Block, x, frozen: dict, ends):
    """The same."""
    return features(block, x, ends)


def features_backward(block: Block, dp, steps: int, ends):
    """dx (B, 1, F)."""
    return dp[:, None]
