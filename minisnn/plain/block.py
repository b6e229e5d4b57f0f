"""The four passes of a block over a batch, by the plain loops of `sample`: signatures and values as
of `minisnn.layers.block`."""

import numpy as np

from ..layers.block import EVERY_STEP, Block, enter, features, features_backward, prepare, release
from . import sample
from .neuron import neuron_of

__all__ = [
    "backward",
    "backward_tangent",
    "enter",
    "features",
    "features_backward",
    "forward",
    "forward_tangent",
    "prepare",
    "release",
]


def forward(block: Block, weight, bias, x, keep: int = EVERY_STEP):
    """(y (B, T, H', W', C_out), or the readout's logits (B, C_out); tape)."""
    neuron = neuron_of(block, weight.dtype)
    found = [sample.forward(block, neuron, weight, bias, one) for one in x]
    y = np.stack([of_one for of_one, _ in found])
    samples = [of_one for _, of_one in found]
    tape = {"samples": samples, "neuron": neuron, "u": np.stack([one.steps.u for one in samples])}
    return (y[:, -1, 0, 0] if block.readout else y), tape


def _last_step(block, tape, dlogits):
    """The readout's adjoint (or tangent of it) as a sequence: zero but at the last step."""
    if not block.readout:
        return dlogits
    dy = np.zeros(tape["u"].shape, dlogits.dtype)
    dy[:, -1, 0, 0] = dlogits
    return dy


def _together(found):
    """dx of each sample, if any, and the sums of dweight and dbias."""
    dx, dweight, dbias = zip(*found)
    return None if dx[0] is None else np.stack(dx), sum(dweight), sum(dbias)


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias); dy (B, m, H', W', C_out) or the readout's (B, C_out); dx has m - delay
    steps."""
    pairs = zip(tape["samples"], _last_step(block, tape, dy))
    return _together(sample.backward(tape["neuron"], weight, *pair, need_dx) for pair in pairs)


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """(y_dot, tape_dot) at the window's first `steps` steps; x_dot has `delay` fewer or is None."""
    if x_dot is None:
        x_dot = np.zeros((len(tape["u"]), 0, *block.input_shape), tape["u"].dtype)
    pairs = zip(tape["samples"], x_dot)
    common = tape["neuron"], weight, weight_dot, bias_dot
    found = [sample.forward_tangent(*common, *pair, steps) for pair in pairs]
    y_dot = np.stack([of_one for of_one, _ in found])
    tape_dot = {"samples": [of_one for _, of_one in found]}
    return (y_dot[:, -1, 0, 0] if block.readout else y_dot), tape_dot


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    three = zip(tape["samples"], tape_dot["samples"], _last_step(block, tape, dy_dot))
    common = tape["neuron"], weight, weight_dot
    return _together(sample.backward_tangent(*common, *each, need_dx) for each in three)
