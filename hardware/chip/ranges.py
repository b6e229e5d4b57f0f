"""Interval analysis: what every word of the network can come to hold, whatever the events are, and
what is refused for it.

A postsynaptic trace is a rounded mean of values of V << F, so it stays between their extremes,
which are sums of negative and of positive weights times the largest count. The readout's
accumulator is a sum of at most `inputs` products of a weight and a trace of at most 4096: V << F
once more, with F = 12. Bounds hold for the weights at hand; `any` are those of any weights of the
same word length.

`check` is the one place that decides whether a network is within what was proven; kernels, plain
integers and the C library agree bit for bit on all that it lets pass, because no intermediate
leaves its word:

    V << F, Q, P, accumulator       at most 2^31 - 1 in size, of any weights           so learning cannot leave it either
    P + bias, accumulator + bias    at most 2^31 - 1: a bias has what any weights leave
    to u, k bits to the left        clipped to 2^17 before the reset (then u is clipped anyway): 2^17 + 2^15
    to u, k bits to the right       x >> k, and one bit more to nearest: no addend        k at most 31
    rho r, G r + (4096 - G) 4096    at most 2^27
    |u - threshold| slope           at most 65,535 x 32,767 + 2^14 < 2^32
    G, e p                          32 bits, saturating, and 2^19; k of an update is -12 to 32 (`learner.shifts_of`)

Loihi's neuron has `Currents` in place of membranes, whose words `minisnn.hardware.loihi` tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .formats import Format, whole, width
from .neuron import U
from .traces import BITS, UNITY

MOST_COUNT = 7  # an input count is clipped at this: 3 bits
ACCUMULATOR = 32
WORD = (1 << ACCUMULATOR - 1) - 1
SHIFT = 31  # bits from a sum to u, either way, at most
POOLS = ("none", "max", "mean")
NEURON = {  # ends of the neuron's constants
    "alpha": (0, UNITY - 1),
    "beta": (0, UNITY - 1),
    "gamma": (0, UNITY - 1),
    "rho": Format(16).ends,
    "threshold": Format(16).ends,
    "slope": (0, Format(16).highest),
}
STATE = 1 << 23  # Loihi's u and v are words of 24 bits
CURRENT_BIAS = 1 << 24  # in 16ths of the weights' unit


@dataclass(frozen=True)
class Bound:
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

    def scaled(self, factor: int) -> "Bound":
        return Bound(
            self.low * factor, self.high * factor, self.any_low * factor, self.any_high * factor
        )

    def plus(self, low: int, high: int) -> "Bound":
        return Bound(self.low + low, self.high + high, self.any_low + low, self.any_high + high)


def most_of(n: int, readout: bool, spikes: int = 1) -> int:
    """The largest number at an input of layer n: a count in the first conv layer, else so many
    spikes; a trace is one's."""
    if readout:
        return 1
    return spikes if n else MOST_COUNT


def _most(inputs: int, bits: int, most: int, fraction: int) -> int:
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
    room = WORD - _most(inputs, bits, most, fraction)
    if room < 0:
        raise ValueError(
            f"{name}: the sum of {inputs} weights of {bits} bits with {fraction} fraction bits "
            f"do not fit {ACCUMULATOR} bits; take fewer fraction or weight bits"
        )
    return room


def shift_to_u(exponent: int, fraction: int, name: str) -> int:
    """Bits to the right from sums of this exponent, `fraction` bits finer, to u; ValueError beyond
    31 either way."""
    whole(-(1 << 16), 1 << 16, **{f"{name}: exponent": exponent})
    k = int(fraction - exponent - U.fraction)
    if not -SHIFT <= k <= SHIFT:
        least = fraction - U.fraction - SHIFT
        most = fraction - U.fraction + SHIFT
        raise ValueError(
            f"{name}: weights have an exponent of {exponent}; with {fraction} fraction bits it is "
            f"{least} to {most}"
        )
    return k


class Currents(NamedTuple):
    """What Loihi's neurons in the conv layers are checked by.

    spikes      the most that arrive at an input of a layer but the first
    exponents   weight_exp of every conv layer
    decay       the factor of 4096 by which a current is kept in a step
    fraction    fraction bits of the biases that axons carry
    """

    spikes: int
    exponents: Sequence[int]
    decay: int
    fraction: int


def check(layers, neuron, words, currents: Currents | None = None) -> None:
    """ValueError, naming layer and quantity, unless no intermediate of this network can leave its
    word.

    `layers` are `quantise.IntegerLayer`, the readout last; `neuron` is an `IntegerLIF`, `words` a
    `network.Words`; `currents` of a network of Loihi's neurons.
    """
    for name, ends in NEURON.items():
        whole(*ends, **{name: getattr(neuron, name)})
    if currents:
        whole(0, UNITY - 1, current=currents.decay)
    for n, layer in enumerate(layers):
        readout = n == len(layers) - 1
        bits, fraction = words.weight_bits, currents.fraction if currents else words.fraction
        if readout:
            bits, fraction = words.readout_bits, BITS
        if (layer.bits, layer.fraction) != (bits, fraction):
            raise ValueError(
                f"{layer.name}: its weights have {layer.bits} bits and its sums {layer.fraction} "
                f"fraction bits, expected the network's {bits} and {fraction}"
            )
        if n:
            _check_below(layer, layers[n - 1])
        if currents and not readout:
            check_layer(layer, CURRENT_BIAS)
            _check_current(layer, most_of(n, False, currents.spikes), currents, n)
        else:
            check_layer(layer, room_of(n, layer, readout))
            shift_to_u(layer.exponent, layer.fraction, layer.name)


def room_of(n: int, layer, readout: bool) -> int:
    """The largest bias of layer n that cannot make its sums overflow."""
    most = most_of(n, readout)
    return room_for_bias(layer.weight.shape, layer.bits, most, layer.fraction, layer.name)


def _check_current(layer, most: int, currents: Currents, n: int) -> None:
    """A current beyond 24 bits is wrapped once, as on the chip, so it may grow while more arrives:
    to where as much decays."""
    exponent = currents.exponents[n]
    whole(-8, 7, **{f"{layer.name}: weight_exp": exponent})
    bias = max(int(layer.bias.max()), -int(layer.bias.min())) >> currents.fraction
    weights = _most(int(np.prod(layer.weight.shape[:3])), layer.bits, most, 0)
    arrives = 2 * (weights + bias + 1) << max(exponent, 0)
    enters = 64 * ((arrives >> max(-exponent, 0)) + 1)
    grows = max(enters - 2 * STATE, 0) * UNITY // (UNITY - currents.decay)
    if max(arrives, STATE + grows + 1 + enters + STATE) > WORD:
        raise ValueError(
            f"{layer.name}: the currents of these weights, biases and decays can leave "
            f"{ACCUMULATOR} bits; take a smaller weight_exp"
        )


def _check_below(layer, below) -> None:
    """The input is what the layer below hands on, or all of it as one row."""
    shape = tuple(layer.input_shape)
    if shape not in (below.output_shape, (1, 1, int(np.prod(below.output_shape)))):
        raise ValueError(
            f"{layer.name}: its input {shape} is not the {below.output_shape} that {below.name} "
            "hands on"
        )


def check_layer(layer, room: int) -> None:
    """ValueError unless the shapes of a layer fit each other, its weights their word and its biases
    -room .. room."""
    name = layer.name
    shape = layer.weight.shape
    word = Format(layer.bits)
    square = len(shape) == 4 and shape[0] == shape[1] and shape[0] % 2 == 1 and shape[3] > 0
    if not square or shape[2] != layer.input_shape[2] or layer.bias.shape != shape[3:]:
        raise ValueError(
            f"{name}: weights {shape} and biases {layer.bias.shape} do not fit its input "
            f"{layer.input_shape}"
        )
    if layer.pool not in POOLS:
        raise ValueError(f"{name}: pool must be one of {', '.join(POOLS)}, not {layer.pool!r}")
    if 0 in layer.output_shape:
        raise ValueError(f"{name}: pooling leaves nothing of its input {layer.input_shape}")
    low = int(layer.weight.min())
    high = int(layer.weight.max())
    if not word.holds(low, high):
        raise ValueError(
            f"{name}: weights from {low} to {high}; {layer.bits} bits hold {word.lowest} to "
            f"{word.highest}"
        )
    largest = max(int(layer.bias.max()), -int(layer.bias.min()))
    if largest > room:
        raise ValueError(
            f"{name}: a bias of {largest} in size; its sums leave room for {room} in {ACCUMULATOR} "
            "bits"
        )


def sums(layer, most: int) -> Bound:
    """Of V: at most `most` events at every input. (At the rim of a picture there are fewer inputs,
    so this holds there too.)"""
    w = layer.weight.reshape(-1, layer.weight.shape[3]).astype(np.int64)
    low = np.minimum(w, 0).sum(0).min()
    high = np.maximum(w, 0).sum(0).max()
    half = 1 << layer.bits - 1
    return Bound(int(low), int(high), -len(w) * half, len(w) * (half - 1)).scaled(most)


def analyse(layers, spikes: int = 1) -> dict[str, dict[str, Bound]]:
    """{layer: {quantity: Bound}}; `spikes` as of `most_of`."""
    found = {}
    for n, layer in enumerate(layers):
        readout = layer is layers[-1]
        V = sums(layer, most_of(n, readout, spikes))
        scaled = V.scaled(1 << layer.fraction)
        bias = (min(int(layer.bias.min()), 0), max(int(layer.bias.max()), 0))
        found[layer.name] = {"V": V, "Q, P": scaled, "P + bias": scaled.plus(*bias)}
        if readout:
            found[layer.name] = {
                "p, q": Bound(0, UNITY, 0, UNITY),
                "sum w p": scaled,
                "sum w p + bias": scaled.plus(*bias),
            }
    return found
