"""From a float theta to the integers of the chip: weights of few bits with one power-of-two exponent a layer.

    weight = integer 2^exponent,  -2^(bits-1) <= integer < 2^(bits-1)          bias = integer 2^(exponent - F)

Of all exponents the one is taken whose weights have the least squared error: in few bits it pays to saturate the few largest.
The readout's weights are going to change: its exponent is taken for weights after adaptation (`readout_exponent`).
"""

import math
from dataclasses import dataclass

import numpy as np

from .formats import Format, nearest

WEIGHT_BITS = range(2, 9)


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A layer's integers and where it stands; arrays are (k, k, C_in, C_out) int8 and (C_out,) int32.

    exponent   of the weights
    fraction   bits by which sums are finer: biases have the exponent `exponent - fraction`; 12 in the readout, as its traces
    saturated  weights and biases that were clipped when theta was quantised
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
        return (H, W, self.weight.shape[3]) if self.pool == "none" else (H // 2, W // 2, self.weight.shape[3])

    @property
    def memory_bits(self) -> int:
        """Of weights and biases."""
        return self.weight.size * self.bits + self.bias.size * 32


def integers(weight: np.ndarray, exponent: int, bits: int) -> tuple[np.ndarray, int]:
    """(int8 weights, how many were clipped) at an exponent, rounded to nearest."""
    form = Format(bits, -exponent)
    whole, clipped = nearest(weight, form.fraction, form.lowest, form.highest)
    return whole.astype(np.int8), clipped


def best_exponent(weight: np.ndarray, bits: int) -> int:
    """The exponent of least squared error, the larger of equal ones, from that which clips nothing on down."""
    largest = float(np.abs(weight).max())
    top = math.ceil(math.log2(largest / (2 ** (bits - 1) - 0.5))) if largest else -8
    held = {e: np.ldexp(integers(weight, e, bits)[0].astype(np.float64), e) for e in range(top, top - 6, -1)}
    return min(held, key=lambda e: (np.mean((held[e] - weight) ** 2), -e))


def layer(name: str, weight, bias, exponent: int, bits: int, input_shape, pool: str, fraction: int, room: int) -> IntegerLayer:
    """A layer quantised; weight (k, k, C_in, C_out), biases clipped to -room .. room."""
    (whole, clipped), (b, limited) = integers(weight, exponent, bits), nearest(bias, fraction - exponent, -room, room)
    shape, saturated = tuple(input_shape), clipped + limited
    return IntegerLayer(name, whole, b.astype(np.int32), exponent, bits, shape, pool, fraction, saturated)
