"""Interval analysis: what every word of the network can come to hold, whatever the events are, and
what is refused for it.

A postsynaptic trace is a rounded mean of values of V << F, so it stays between their extremes,
which are sums of negative and of positive weights times the largest count. The readout's
accumulator is a sum of at most `inputs` products of a weight and a trace of at most 4096: V << F
once more, with F = 12. Bounds hold for the weights at hand; `any` are those of any weights of the
same word length.

`IntegerNet.check` decides whether a network is within what was proven; kernels, plain integers and
the C library agree bit for bit on all that it lets pass, because no intermediate leaves its word:

    V << F, Q, P, accumulator       at most 2^31 - 1 in size, of any weights           so learning cannot leave it either
    P + bias, accumulator + bias    at most 2^31 - 1: a bias has what any weights leave
    to u, k bits to the left        clipped to 2^17 before the reset (then u is clipped anyway): 2^17 + 2^15
    to u, k bits to the right       x >> k, and one bit more to nearest: no addend        k at most 31
    rho r, G r + (4096 - G) 4096    at most 2^27
    |u - threshold| slope           at most 65,535 x 32,767 + 2^14 < 2^32
    G, e p                          32 bits, saturating, and 2^19; k of an update is -12 to 32 (`Learner.shifts`)

Loihi's neurons have currents in place of membranes, which `CubaNet.check` looks at.
"""

from typing import NamedTuple

import numpy as np

from .formats import ends, whole, width
from .neuron import U
from .traces import UNITY

MOST_COUNT = 7  # an input count is clipped at this: 3 bits
ACCUMULATOR = 32
WORD = (1 << ACCUMULATOR - 1) - 1
SHIFT = 31  # bits from a sum to u, either way, at most
NEURON = {  # ends of the neuron's constants
    **dict.fromkeys(("alpha", "beta", "gamma"), (0, UNITY - 1)),
    **dict.fromkeys(("rho", "threshold"), ends(16)),
    "slope": (0, ends(16)[1]),
}
STATE = 1 << 23  # Loihi's u and v are words of 24 bits


class Bound(NamedTuple):
    """Extremes that a quantity reaches, `low` and `high`, and those for any weights; in units of
    the last place."""

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
    """The largest number at an input of layer n: a count in the first conv layer, else so many
    spikes; a trace is one's."""
    if readout:
        return 1
    return spikes if n else MOST_COUNT


def most_sum(inputs: int, bits: int, most: int, fraction: int) -> int:
    """The largest sum, in size, of any weights at so many inputs, `fraction` bits finer."""
    return inputs * most << bits - 1 + fraction


def room_for_bias(
    weight_shape, bits: int, most: int, fraction: int, name: str = "the layer"
) -> int:
    """The largest bias that a word of 32 bits leaves room for beside the sum of any weights times
    at most `most`.

    Raises ValueError where there is none.
    """
    inputs = int(np.prod(weight_shape[:3]))
    room = WORD - most_sum(inputs, bits, most, fraction)
    if room < 0:
        raise ValueError(
            f"{name}: the sum of {inputs} weights of {bits} bits with {fraction} fraction bits "
            f"do not fit {ACCUMULATOR} bits; take fewer fraction or weight bits"
        )
    return room


def shift_to_u(exponent: int, fraction: int, name: str) -> int:
    """Bits to the right from sums of this exponent, `fraction` bits finer, to u; ValueError beyond
    31 either way."""
    middle = fraction - U
    whole(middle - SHIFT, middle + SHIFT, **{f"{name}: exponent": exponent})
    return int(middle - exponent)


def check_neuron(neuron) -> None:
    """ValueError for constants of an `IntegerLIF` that leave their words."""
    for name, limits in NEURON.items():
        whole(*limits, **{name: getattr(neuron, name)})


def room_of(n: int, layer, readout: bool) -> int:
    """The largest bias of layer n that cannot make its sums overflow."""
    most = most_of(n, readout)
    return room_for_bias(layer.weight.shape, layer.bits, most, layer.fraction, layer.name)


def check_sums(n: int, layer, readout: bool) -> None:
    """ValueError where sums of layer n, or what they are shifted to, can leave their words."""
    check_layer(layer, room_of(n, layer, readout))
    shift_to_u(layer.exponent, layer.fraction, layer.name)


def check_layer(layer, room: int) -> None:
    """ValueError unless the weights of a layer fit their word, and its biases -room .. room."""
    for name, array, limits in (
        ("weights", layer.weight, ends(layer.bits)),
        ("biases", layer.bias, (-room, room)),
    ):
        low, high = int(array.min()), int(array.max())
        if low < limits[0] or high > limits[1]:
            raise ValueError(
                f"{layer.name}: {name} from {low} to {high}; there is room for {limits[0]} to "
                f"{limits[1]}"
            )


def analyse(layers, spikes: int = 1) -> dict[str, dict[str, Bound]]:
    """{layer: {quantity: Bound}}; `spikes` as of `most_of`.

    There are at most so many events at every input. (At the rim of a picture there are fewer
    inputs, so this holds there too.)
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
        found[layer.name] = {name: Bound(*map(int, one)) for name, one in zip(names, several)}
    return found
