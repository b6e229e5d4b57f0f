"""The layers of a network as one says them, and the layers (`layer.Layer`) that these make."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from ..arguments import flag, is_sequence, one_of, shown, whole
from .layer import Layer
from .neuron import Dynamics, neuron_of

POOLS = ("max", "mean", "none")
ARRAYS = {"weight", "bias", "recurrent"}  # names that no learned constant can have


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
        whole("Conv channels", self.channels, 1)
        odd("Conv kernel", self.kernel)
        whole("Conv stride", self.stride, 1)
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
        whole("Dense channels", self.channels, 1)
        flag("Dense recurrent", self.recurrent)
        if self.neuron is not None:
            firing("Dense neuron", self.neuron)


KINDS: dict[str, Any] = {"conv": Conv, "dense": Dense}


Named = tuple[str, Conv | Dense]  # a layer and its name in `views`


def short_form(
    channels: Sequence[int], hidden: Sequence[int], kernel: int, pool: str
) -> list[Named]:
    """Conv layers that are all alike, then dense ones."""
    conv = [(f"conv{n}", Conv(c, kernel, 1, pool)) for n, c in enumerate(channels, 1)]
    return conv + [(f"hidden{n}", Dense(c)) for n, c in enumerate(hidden, 1)]


def listed(layers: Any) -> list[Named]:
    """The layers of a list, checked."""
    if not is_sequence(layers):
        raise ValueError(f"layers must be a list of Conv and Dense, not {shown(layers)}")
    named: list[Named] = []
    for n, given in enumerate(layers):
        layer = given
        if isinstance(given, dict):
            layer = layer_of(given)
        if not isinstance(layer, (Conv, Dense)):
            raise ValueError(f"layers[{n}] must be a Conv or a Dense, not {shown(layer)}")
        alike = sum(isinstance(other, type(layer)) for _, other in named)
        if isinstance(layer, Conv) and alike < len(named):
            raise ValueError(f"layers[{n}] is a Conv behind a Dense, whose output is no image")
        named.append((f"{type(layer).__name__.lower()}{alike + 1}", layer))
    return named


def configuration_of(layer: Conv | Dense) -> dict[str, Any]:
    """What `layer_of` makes it from, in plain JSON types."""
    settings = {"kind": type(layer).__name__.lower(), **vars(layer)}
    neuron = settings.pop("neuron")
    return settings if neuron is None else {**settings, "neuron": neuron.configuration()}


def layer_of(configuration: dict[str, Any]) -> Conv | Dense:
    """The layer of a `configuration_of`."""
    settings = dict(configuration)
    kind = settings.pop("kind", None)
    one_of("a layer's kind", kind, KINDS)
    if isinstance(settings.get("neuron"), dict):
        settings["neuron"] = neuron_of(settings["neuron"])
    try:
        return KINDS[kind](**settings)
    except TypeError as error:
        raise ValueError(f"a layer of kind {kind} cannot be made: {error}") from None


# ---- the layers that they make


class Builder:
    """Adds the layers of a network, one after the other."""

    def __init__(
        self, input_shape: tuple[int, ...], neuron: Any, detach_reset: bool, learn: tuple[str, ...]
    ):
        self.shape = input_shape
        self.input_shape = input_shape
        self.neuron = neuron
        self.detach_reset = detach_reset
        self.learn = learn
        self.layers: list[Layer] = []

    def add(self, name: str, layer: Conv | Dense) -> None:
        """One as it is said. Raises ValueError where it cannot be."""
        neuron = layer.neuron or self.neuron
        self._check_learned(name, neuron)
        if isinstance(layer, Dense):
            self._dense(name, layer.channels, neuron, recurrent=layer.recurrent, learn=self.learn)
            return
        if len(self.shape) != 3:
            raise ValueError(f"{name} needs an input_shape (H, W, C), not {self.input_shape}")
        size = tuple(-(-n // layer.stride) for n in self.shape[:2])
        if layer.pool != "none" and min(size) < 2:
            raise ValueError(self._too_small(name, *size))
        pool = neuron.pools.get(layer.pool, layer.pool)
        made = Layer(
            *(name, self.shape, layer.channels, layer.kernel, pool, neuron, layer.stride),
            learn=self.learn,
            detach_reset=self.detach_reset,
        )
        self._append(made)

    def readout(self, ways: int) -> None:
        """The last one."""
        self._dense("readout", ways, self.neuron.readout, readout=True)

    def _dense(self, name: str, channels: int, neuron: Any, **more: Any) -> None:
        shape = (1, 1, prod(self.shape))
        more["detach_reset"] = self.detach_reset
        self._append(Layer(name, shape, channels, 1, "none", neuron, dense=True, **more))

    def _append(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.shape = layer.output_shape

    def _check_learned(self, name: str, neuron: Any) -> None:
        known = sorted({*neuron.filtering, *neuron.learnable} - ARRAYS)
        for constant in self.learn:
            if constant not in known:
                many = ", in a list of names" * ("," in constant)
                raise ValueError(
                    f"learn names {constant!r}, which is no constant that {name}'s "
                    f"{type(neuron).__name__} can learn; it can learn {', '.join(known)}{many}"
                )

    def _too_small(self, name: str, h: int, w: int) -> str:
        n = len(self.layers)
        instead = (
            "; a row of channels takes hidden layers, as channels=() and hidden=(64,) "
            "(--channels none --hidden 64)"
        )
        return (
            f"{name} would pool an image of {h} x {w}; input {self.input_shape} allows {n} conv "
            f"blocks that pool, and channels or layers name more{instead * (n == 0)}"
        )
