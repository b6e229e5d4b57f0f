"""The layers of a network, as one says them; `layout` makes blocks of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..layers.neuron import Dynamics
from ..arguments import flag, is_sequence, one_of, shown, whole
from .neurons import neuron_of

POOLS = ("max", "mean", "none")


def positive(name: str, value: Any) -> int:
    """A whole number from 1 on."""
    if whole(name, value) < 1:
        raise ValueError(f"{name} must be positive, not {value}")
    return int(value)


def odd(name: str, value: Any) -> int:
    """The size of a kernel that has a middle."""
    if whole(name, value) < 1 or value % 2 == 0:
        raise ValueError(f"{name} must be odd and positive, not {value}")
    return int(value)


def firing(name: str, neuron: Any) -> Any:
    """A neuron that has spikes."""
    if isinstance(neuron, Dynamics) and neuron.fires:
        return neuron
    kinds = "an LIF, a CubaLIF or a minisnn.Neuron of your own"
    raise ValueError(f"{name} must be {kinds}, not {shown(neuron)}")


@dataclass(frozen=True)
class Conv:
    """A layer of convolution, neurons and pooling.

    channels   that it has
    kernel     its odd size k; the image is padded by (k - 1) / 2 zeros at each side
    stride     s: of H rows ceil(H / s) are left, of W columns ceil(W / s)
    pool       of 2 x 2 sites: "max", "mean" or "none"; odd rests are dropped
    neuron     its own, or None: that of the network

    >>> net = ms.SpikingNet((9, 9, 2), layers=[ms.Conv(4, kernel=3, stride=2, pool="none")], ways=3)
    >>> net.blocks[0].output_shape
    (5, 5, 4)
    """

    channels: int
    kernel: int = 5
    stride: int = 1
    pool: str = "max"
    neuron: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        positive("Conv channels", self.channels)
        odd("Conv kernel", self.kernel)
        positive("Conv stride", self.stride)
        one_of("Conv pool", self.pool, POOLS)
        if self.neuron is not None:
            firing("Conv neuron", self.neuron)


@dataclass(frozen=True)
class Dense:
    """A dense layer.

    channels    neurons that it has
    recurrent   whether each of them also hears the layer's own spikes, of the steps before:
                V (channels, channels) weighs them, row j what neuron j sends. They go through the
                same filters as those of the layer below.
    neuron      its own, or None: that of the network

    >>> net = ms.SpikingNet((6,), layers=[ms.Dense(5, recurrent=True)], ways=3)
    >>> [p.name for p in net.layout][:3]
    ['dense1.weight', 'dense1.bias', 'dense1.recurrent']
    """

    channels: int
    recurrent: bool = False
    neuron: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        positive("Dense channels", self.channels)
        flag("Dense recurrent", self.recurrent)
        if self.neuron is not None:
            firing("Dense neuron", self.neuron)


KINDS = {"conv": Conv, "dense": Dense}


class Named(NamedTuple):
    """A layer and its name in `views`."""

    name: str
    layer: Conv | Dense


def short_form(
    channels: Sequence[int], hidden: Sequence[int], kernel: int, pool: str
) -> list[Named]:
    """Conv layers that are all alike, then dense ones."""
    conv = [Conv(width, kernel, 1, pool) for width in channels]
    named = [Named(f"conv{n}", layer) for n, layer in enumerate(conv, 1)]
    return named + [Named(f"hidden{n}", Dense(width)) for n, width in enumerate(hidden, 1)]


def listed(layers: Any) -> list[Named]:
    """The layers of a list, checked."""
    if not is_sequence(layers):
        raise ValueError(f"layers must be a list of Conv and Dense, not {shown(layers)}")
    named: list[Named] = []
    for n, given in enumerate(layers):
        layer = given
        if isinstance(given, dict):
            layer = layer_of(given)
        elif isinstance(given, str):
            layer = read_text(given)
        if not isinstance(layer, (Conv, Dense)):
            raise ValueError(f"layers[{n}] must be a Conv or a Dense, not {shown(layer)}")
        kind = type(layer).__name__.lower()
        before = [one.layer for one in named if isinstance(one.layer, type(layer))]
        if isinstance(layer, Conv) and len(before) < len(named):
            raise ValueError(f"layers[{n}] is a Conv behind a Dense, whose output is no image")
        named.append(Named(f"{kind}{len(before) + 1}", layer))
    return named


def configuration_of(layer: Conv | Dense) -> dict[str, Any]:
    """What `layer_of` makes it from, in plain JSON types."""
    found = {"kind": type(layer).__name__.lower(), **vars(layer)}
    neuron = found.pop("neuron")
    return found if neuron is None else {**found, "neuron": neuron.configuration()}


def layer_of(configuration: dict[str, Any]) -> Conv | Dense:
    """The layer of a `configuration_of`."""
    settings = dict(configuration)
    name = settings.pop("kind", None)
    one_of("a layer's kind", name, KINDS)
    kind: Any = KINDS[name]
    if isinstance(settings.get("neuron"), dict):
        try:
            settings["neuron"] = neuron_of(settings["neuron"])
        except ValueError as error:
            raise ValueError(
                str(error).replace("(path, neuron=...)", "(path, layers=...)")
            ) from None
    try:
        return kind(**settings)
    except TypeError as error:
        raise ValueError(f"a layer of kind {kind.__name__} cannot be made: {error}") from None


def in_text(layer: Conv | Dense) -> str:
    """A layer in a word, as `read_text` takes it; its neuron is left out.

    >>> from minisnn.network.layers import in_text
    >>> in_text(ms.Conv(32, kernel=3, stride=2, pool="none")), in_text(ms.Dense(64, recurrent=True))
    ('conv32-k3-s2-none', 'dense64-recurrent')
    """
    if isinstance(layer, Dense):
        return f"dense{layer.channels}" + "-recurrent" * layer.recurrent
    usual = Conv(layer.channels)
    words = [f"conv{layer.channels}"]
    words += [f"k{layer.kernel}"] * (layer.kernel != usual.kernel)
    words += [f"s{layer.stride}"] * (layer.stride != usual.stride)
    words += [layer.pool] * (layer.pool != usual.pool)
    return "-".join(words)


def in_texts(layers: Any) -> Any:
    """Layers as a run keeps them, in words."""
    if not isinstance(layers, (list, tuple)):
        return layers
    for one in layers:
        if getattr(one, "neuron", None) is not None:
            raise ValueError(
                "layers of a run are kept as words, which hold no neuron of a layer's own; give "
                "one for all layers, train(neuron=...), or train such a network by a loop of yours"
            )
    return [in_text(one) if isinstance(one, (Conv, Dense)) else one for one in layers]


def read_text(text: str) -> Conv | Dense:
    """The layer of a word: conv and its channels, then what of k (kernel), s (stride) and the pooling
    is not as usual; or dense and its neurons, and whether it is recurrent. ValueError for another.

    >>> from minisnn.network.layers import read_text
    >>> read_text("conv64-k3-mean")
    Conv(channels=64, kernel=3, stride=1, pool='mean', neuron=None)
    """
    first, *more = text.split("-")
    conv = re.fullmatch("conv([0-9]{1,7})", first)
    dense = re.fullmatch("dense([0-9]{1,7})", first)
    settings: dict[str, Any] = {}
    for word in more:
        number = re.fullmatch("([ks])([0-9]{1,7})", word)
        name = ""
        value: Any = None
        if conv and number:
            name = {"k": "kernel", "s": "stride"}[number[1]]
            value = int(number[2])
        elif conv and word in POOLS:
            name, value = "pool", word
        elif dense and word == "recurrent":
            name, value = "recurrent", True
        if not name or name in settings:
            raise ValueError(_unknown(text))
        settings[name] = value
    if conv:
        return Conv(int(conv[1]), **settings)
    if dense:
        return Dense(int(dense[1]), **settings)
    raise ValueError(_unknown(text))


def _unknown(text: str) -> str:
    forms = "conv64-k3-s2-none (kernel, stride and pooling where they are not 5, 1 and max)"
    return f"layers must be words such as {forms} and dense128-recurrent, not {shown(text)}"
