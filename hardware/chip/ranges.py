"""Interval analysis: what every word of the network can come to hold, whatever the events are.

A postsynaptic trace is a rounded mean of values of V << F, so it stays between their extremes, which are sums of negative and
of positive weights times the largest count. The readout's accumulator is a sum of at most `inputs` products of a weight and a
trace of at most 4096: V << F once more, with F = 12. Bounds hold for the weights at hand; `any` are those of any weights of
the same word length.
"""

from dataclasses import dataclass

import numpy as np

from .formats import width
from .traces import UNITY

MOST_COUNT = 7  # an input count is clipped at this: 3 bits
ACCUMULATOR = 32


@dataclass(frozen=True)
class Bound:
    """Extremes that a quantity reaches, `low` and `high`, and those for any weights; in units of the last place."""

    low: int
    high: int
    any_low: int
    any_high: int

    @property
    def bits(self) -> int:
        return width(self.low, self.high)

    @property
    def any_bits(self) -> int:
        return width(self.any_low, self.any_high)

    def scaled(self, factor: int) -> "Bound":
        return Bound(self.low * factor, self.high * factor, self.any_low * factor, self.any_high * factor)

    def plus(self, low: int, high: int) -> "Bound":
        return Bound(self.low + low, self.high + high, self.any_low + low, self.any_high + high)


def most_of(n: int, readout: bool) -> int:
    """The largest number at an input of layer n: a count in the first conv layer, else a spike."""
    return 1 if n or readout else MOST_COUNT


def room_for_bias(weight_shape, bits: int, most: int, fraction: int) -> int:
    """The largest bias that a word of 32 bits leaves room for beside the sum of any weights times at most `most`.

    Raises ValueError where there is none.
    """
    inputs = int(np.prod(weight_shape[:3]))
    room = (1 << ACCUMULATOR - 1) - 1 - (inputs * (1 << bits - 1) * most << fraction)
    if room < 0:
        what = f"the sum of {inputs} weights of {bits} bits with {fraction} fraction bits"
        raise ValueError(f"{what} do not fit 32 bits; take fewer fraction or weight bits")
    return min(room, (1 << ACCUMULATOR - 1) - 1 - UNITY)


def sums(layer, most: int) -> Bound:
    """Of V: at most `most` events at every input. (At the rim of a picture there are fewer inputs, so this holds there too.)"""
    w = layer.weight.reshape(-1, layer.weight.shape[3]).astype(np.int64)
    low, high = np.minimum(w, 0).sum(0).min(), np.maximum(w, 0).sum(0).max()
    half = 1 << layer.bits - 1
    return Bound(int(low), int(high), -len(w) * half, len(w) * (half - 1)).scaled(most)


def analyse(layers) -> dict[str, dict[str, Bound]]:
    """{layer: {quantity: Bound}}; raises ValueError where 32 bits are too few for the weights at hand."""
    found = {}
    for n, layer in enumerate(layers):
        readout = layer is layers[-1]
        V = sums(layer, most_of(n, readout))
        scaled, bias = V.scaled(1 << layer.fraction), (min(int(layer.bias.min()), 0), max(int(layer.bias.max()), 0))
        found[layer.name] = {"V": V, "Q, P": scaled, "P + bias": scaled.plus(*bias)}
        if readout:
            found[layer.name] = {"p, q": Bound(0, UNITY, 0, UNITY), "sum w p": scaled, "sum w p + bias": scaled.plus(*bias)}
        for name, bound in found[layer.name].items():
            if bound.bits > ACCUMULATOR:
                needs = f"{name} needs {bound.bits} bits, more than the {ACCUMULATOR} of a word"
                raise ValueError(f"{layer.name}: {needs}; take fewer fraction bits or weight bits")
    return found
