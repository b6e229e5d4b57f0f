"""Interval analysis: bounds for every word of the network, for any events, and the networks that
are rejected because of them.

A postsynaptic trace is a rounded mean of values of V << F, so it stays between their extremes,
which are sums of negative and of positive weights times the largest count. The readout's
accumulator is a sum of at most `inputs` products of a weight and a trace of at most 4096, so V << F
again, with F = 12. Bounds hold for the given weights; `any` bounds hold for all weights of the same
word length.

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
    """The bounds of a quantity, `low` and `high`, for the given weights and for any weights; in
    units of the last place."""

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
    """Return the largest number at an input of layer n: an event count in the first conv layer,
    else a number of spikes; 1 for a trace."""
    if readout:
        return 1
    return spikes if n else MOST_COUNT


def most_sum(inputs: int, bits: int, most: int, fraction: int) -> int:
    """Return the largest absolute sum of any weights over this number of inputs, with `fraction`
    more fraction bits."""
    return inputs * most << bits - 1 + fraction


def room_for_bias(
    weight_shape, bits: int, most: int, fraction: int, name: str = "the layer"
) -> int:
    """Return the largest bias at which the sum of any weights, times at most `most`, still fits 32
    bits.

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
    """Return the right shift from sums of this exponent, with `fraction` more fraction bits, to u.
    Raises ValueError beyond 31 in either direction."""
    middle = fraction - U
    whole(middle - SHIFT, middle + SHIFT, **{f"{name}: exponent": exponent})
    return int(middle - exponent)


def check_neuron(neuron) -> None:
    """Raise ValueError for constants of an `IntegerLIF` that leave their words."""
    for name, limits in NEURON.items():
        whole(*limits, **{name: getattr(neuron, name)})


def room_of(n: int, layer, readout: bool) -> int:
    """Return the largest bias of layer n that cannot make its sums overflow."""
    most = most_of(n, readout)
    return room_for_bias(layer.weight.shape, layer.bits, most, layer.fraction, layer.name)


def check_sums(n: int, layer, readout: bool) -> None:
    """Raise ValueError if sums of layer n, or shifted sums, can leave their words."""
    check_layer(layer, room_of(n, layer, readout))
    shift_to_u(layer.exponent, layer.fraction, layer.name)


def check_layer(layer, room: int) -> None:
    """Raise ValueError unless the weights of a layer fit their word, and its biases -room ..
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
    """Return {layer: {quantity: Bound}}; `spikes` as in `most_of`.

    `spikes` is the largest number of events at an input. (Sites at the border have fewer inputs, so
    the bounds hold there too.)
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
