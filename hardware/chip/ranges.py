"""Interval analysis: bounds that hold for every word in the network, whatever the events, and
checks that reject a network whose words could overflow.

A postsynaptic trace is a rounded mean of values V << F, so it stays between their extremes, which
are the sum of the negative weights and the sum of the positive weights, times the largest count.
The readout's accumulator is a sum of at most `inputs` products of a weight and a trace; a trace is
at most 4096, so the same bounds hold with F = 12. Bounds hold for the given weights; `any` bounds
hold for all weights of the same word length.

`IntegerNet.check` accepts a network only within these bounds. Kernels, plain integers and the C
library then agree bit for bit, because no intermediate leaves its word:

    V << F, Q, P, accumulator       at most 2^31 - 1 in size, for any weights, so learning cannot leave it either
    P + bias, accumulator + bias    at most 2^31 - 1: a bias has the room that any weights leave
    to u, k bits to the left        clipped to 2^17 before the reset (then u is clipped anyway): 2^17 + 2^15
    to u, k bits to the right       x >> k, and one bit more to nearest: no addend        k at most 31
    rho r, G r + (4096 - G) 4096    at most 2^27
    |u - threshold| slope           at most 65,535 x 32,767 + 2^14 < 2^32
    G, e p                          32 bits, saturating, and 2^19; k of an update is -12 to 32 (`Learner.shifts`)

Loihi's neurons have currents in place of membranes, which `CubaNet.check` checks.
"""

from typing import NamedTuple

import numpy as np

from .formats import ends, whole, width
from .neuron import U
from .traces import UNITY

MOST_COUNT = 7  # input counts are clipped to 3 bits
ACCUMULATOR = 32
WORD = (1 << ACCUMULATOR - 1) - 1
SHIFT = 31  # largest shift from a sum to u, in either direction
NEURON = {  # limits of the neuron's constants
    **dict.fromkeys(("alpha", "beta", "gamma"), (0, UNITY - 1)),
    **dict.fromkeys(("rho", "threshold"), ends(16)),
    "slope": (0, ends(16)[1]),
}
STATE = 1 << 23  # Loihi's u and v are words of 24 bits


class Bound(NamedTuple):
    """The limits of a quantity: `low` and `high` for the given weights, `any_low` and `any_high`
    for any weights, all in units of the last place."""

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


def most_of(n: int, readout: bool, spikes: int = 1) -> int:
    """Return the largest number at an input of layer n: 1 for the readout, whose inputs are traces;
    MOST_COUNT events for the first conv layer; `spikes` for the others."""
    if readout:
        return 1
    return spikes if n else MOST_COUNT


def most_sum(inputs: int, bits: int, most: int, fraction: int) -> int:
    """Return the largest absolute value that a sum over this number of inputs can have, for any
    weights, with `fraction` more fraction bits."""
    return inputs * most << bits - 1 + fraction


def room_for_bias(
    weight_shape, bits: int, most: int, fraction: int, name: str = "the layer"
) -> int:
    """Return the largest bias that fits 32 bits together with the sum over the inputs, for any
    weights; an input is at most `most`.

    Raises ValueError if the sum does not fit even without a bias.
    """
    inputs = int(np.prod(weight_shape[:3]))
    room = WORD - most_sum(inputs, bits, most, fraction)
    if room < 0:
        raise ValueError(
            f"{name}: the sum of {inputs} weights of {bits} bits with {fraction} fraction bits "
            f"does not fit {ACCUMULATOR} bits; use fewer fraction or weight bits"
        )
    return room


def shift_to_u(exponent: int, fraction: int, name: str) -> int:
    """Return the number of bits by which sums are shifted to the right to u's scale. The sums have
    this exponent and `fraction` more fraction bits. Raises ValueError if the shift is beyond 31 in
    either direction."""
    middle = fraction - U
    whole(middle - SHIFT, middle + SHIFT, **{f"{name}: exponent": exponent})
    return int(middle - exponent)


def check_neuron(neuron) -> None:
    """Raise ValueError if a constant of an `IntegerLIF` does not fit its word."""
    for name, limits in NEURON.items():
        whole(*limits, **{name: getattr(neuron, name)})


def room_of(n: int, layer, readout: bool) -> int:
    """Return the largest bias in layer n with which its sums cannot overflow."""
    most = most_of(n, readout)
    return room_for_bias(layer.weight.shape, layer.bits, most, layer.fraction, layer.name)


def check_sums(n: int, layer, readout: bool) -> None:
    """Raise ValueError if a sum in layer n, or a shifted sum, could overflow its word."""
    check_layer(layer, room_of(n, layer, readout))
    shift_to_u(layer.exponent, layer.fraction, layer.name)


def check_layer(layer, room: int) -> None:
    """Raise ValueError unless a layer's weights fit their word and its biases are within -room ..
    room."""
    for name, array, limits in (
        ("weights", layer.weight, ends(layer.bits)),
        ("biases", layer.bias, (-room, room)),
    ):
        low = int(array.min())
        high = int(array.max())
        if low < limits[0] or high > limits[1]:
            raise ValueError(
                f"{layer.name}: {name} from {low} to {high}; its limits are {limits[0]} to "
                f"{limits[1]}"
            )


def analyse(layers, spikes: int = 1) -> dict[str, dict[str, Bound]]:
    """Compute the bounds of every quantity in every layer. Return {layer: {quantity: Bound}}.

    `spikes` is the largest number of spikes at an input of a conv layer after the first. (Sites at
    the border have fewer inputs, so the bounds hold there too.)
    """
    found = {}
    for n, layer in enumerate(layers):
        readout = layer is layers[-1]
        w = layer.weight.reshape(-1, layer.weight.shape[3]).astype(np.int64)
        low, high = (len(w) * end for end in ends(layer.bits))
        extremes = np.minimum(w, 0).sum(0).min(), np.maximum(w, 0).sum(0).max(), low, high
        V = most_of(n, readout, spikes) * np.array(extremes)
        scaled = V << layer.fraction
        bias = [min(int(layer.bias.min()), 0), max(int(layer.bias.max()), 0)] * 2
        names = ("p, q", "sum w p", "sum w p + bias") if readout else ("V", "Q, P", "P + bias")
        first = (0, UNITY, 0, UNITY) if readout else V
        several = first, scaled, scaled + bias
        found[layer.name] = {name: Bound(*map(int, ends)) for name, ends in zip(names, several)}
    return found
