"""Convert a float theta to the chip's integers: weights of few bits, with one power-of-two exponent
per layer.

    weight = integer 2^exponent,  -2^(bits-1) <= integer < 2^(bits-1)          bias = integer 2^(exponent - F)

The exponent is the one with the least squared error of the weights; with few bits, saturating the
few largest weights reduces this error. The readout's weights change when it learns, so its exponent
is chosen for the weights after adaptation (`readout_exponent`).
"""

import math
from dataclasses import dataclass

import numpy as np

from . import ranges
from .formats import ends, nearest
from .neuron import U

WEIGHT_BITS = range(2, 9)


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A layer's integers: weight (k, k, C_in, C_out) int8 and bias (C_out,) int32, with their
    formats.

    exponent   exponent of the weights
    fraction   fraction bits of sums: biases have the exponent `exponent - fraction`; 12 in the
               readout, as in its traces
    saturated  number of weights and biases that were clipped when theta was quantised
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    exponent: int
    bits: int
    input_shape: tuple[int, int, int]
    pool: str
    fraction: int
    saturated: int = 0

    @property
    def output_shape(self) -> tuple[int, int, int]:
        H, W, _ = self.input_shape
        by = 1 if self.pool == "none" else 2
        return H // by, W // by, self.weight.shape[3]

    @property
    def memory_bits(self) -> int:
        """Return the number of bits that the weights and biases occupy."""
        return self.weight.size * self.bits + self.bias.size * 32


def integers(weight: np.ndarray, exponent: int, bits: int) -> tuple[np.ndarray, int]:
    """Round weights to the nearest int8 words with this exponent. Return (words, number
    clipped)."""
    whole, clipped = nearest(weight, -exponent, *ends(bits))
    return whole.astype(np.int8), clipped


def check_kind(net, kind: str) -> None:
    """Raise ValueError if a chip whose neuron is `kind`, "lif" or "cuba", does not support the
    network."""
    neuron = getattr(net, "neuron", None)
    says = neuron.says("chip") if neuron else ""
    # the chip learns from labels only: its error is softmax minus one-hot
    loss = f"loss {net.loss_name}" * (net.loss_name != "cross_entropy")
    if net.beyond or loss or says != kind or net.own or net.hidden or not net.channels:
        holds = {"lif": "LIF", "cuba": "CubaLIF"}[kind]
        raise ValueError(
            f"the chip holds conv layers of {holds}, all alike and with constants that are fixed, "
            "and a readout of their spikes; this network has "
            f"{net.beyond or loss or 'other layers or neurons'}"
        )


def arrays(net, theta: np.ndarray, n: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return (weight (k, k, C_in, C_out), bias) of block n in a float network. The first layer's
    weights are multiplied by the input gain. Raises ValueError if a number is not finite."""
    block = net.blocks[n]
    views = net.views(theta)
    weight = views[f"{block.name}.weight"].reshape(block.weight_shape).astype(dtype)
    bias = views[f"{block.name}.bias"].astype(dtype)
    with np.errstate(over="ignore"):  # larger values are rejected as not finite
        weight = weight * dtype(net.neuron.gain) if n == 0 else weight
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError(f"{block.name}: weights and biases must be finite")
    return weight, bias


def best_exponent(weight: np.ndarray, bits: int, least: int | None = None) -> int:
    """Return the exponent with the least squared error, or the largest of several equally good
    ones. The search begins at the exponent that clips nothing, and goes down to `least`."""
    weight = np.asarray(weight, np.float64)
    mantissa, scale = math.frexp(float(np.abs(weight).max()))
    top = scale + math.ceil(math.log2(mantissa / (2 ** (bits - 1) - 0.5))) if mantissa else -8
    if least is not None and top < least:
        return least

    def error(e: int) -> tuple[float, int]:
        held = np.ldexp(integers(weight, e, bits)[0].astype(np.float64), e)
        # scaled, so that the square neither overflows nor underflows
        return float(np.mean(np.ldexp(held - weight, -scale) ** 2)), -e

    several = range(top, top - 6, -1)
    return min((e for e in several if least is None or e >= least), key=error)


def least_exponent(bias: np.ndarray, fraction: int, room: int) -> int:
    """Return the least exponent with which sums can be shifted to the scale of u and biases stay
    within -room .. room."""
    least = fraction - U - ranges.SHIFT
    largest = float(np.abs(bias).max(initial=0))
    if not largest or not room:
        return least
    least = max(least, fraction + math.floor(math.log2(largest) - math.log2(room)))
    while nearest([-largest, largest], fraction - least, -room, room)[1]:
        least += 1
    return least


def layer(
    block, weight, bias, bits: int, fraction: int, most: int, exponent: int | None
) -> IntegerLayer:
    """Quantise one block of a float network. `most` is the largest number at one of its inputs.

    exponent   exponent of the weights; None: the one with the least squared error

    Raises ValueError if the exponent is one that `ranges.shift_to_u` refuses.
    """
    room = ranges.room_for_bias(block.weight_shape, bits, most, fraction, block.name)
    if exponent is None:
        exponent = best_exponent(weight, bits, least_exponent(bias, fraction, room))
    ranges.shift_to_u(exponent, fraction, block.name)
    whole, clipped = integers(weight, exponent, bits)
    b, limited = nearest(bias, fraction - exponent, -room, room)
    held = whole, b.astype(np.int32), exponent, bits, tuple(block.input_shape), block.pool, fraction
    return IntegerLayer(block.name, *held, clipped + limited)
