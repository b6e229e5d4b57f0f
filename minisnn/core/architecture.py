"""Build layers from a network's settings, and convert settings to plain values for files.

`Conv` and `Dense` describe layers; `built` makes a `layer.Layer` of each, and the readout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ..arguments import flag, is_sequence, must, one_of, shown, whole
from .bases import FIRST, OWN, Loss
from .cuba import readout_of
from .kinds import NEURONS, neuron_class
from .layer import Layer
from .loss import LOSSES, READOUTS
from .neuron import Dynamics

POOLS = ("max", "mean", "none")
Named = tuple[str, "Conv | Dense"]  # (layer, its name in `views`)


def odd(name: str, value: Any) -> int:
    """Return a kernel's size. Raises ValueError unless the size is odd and positive."""
    must(name, whole(name, value) > 0 and value % 2, "odd and positive", value)
    return int(value)


def firing(name: str, neuron: Any) -> Any:
    """Return a neuron. Raises ValueError unless the neuron spikes."""
    good = isinstance(neuron, Dynamics) and neuron.fires
    must(name, good, "an LIF, a CubaLIF or a minisnn.Neuron of your own", neuron)
    return neuron


@dataclass(frozen=True)
class Conv:
    """A convolutional layer: convolution, neurons, and pooling.

    channels   number of output channels
    kernel     odd size k; the image is padded by (k - 1) / 2 zeros at each side
    stride     s: the output has ceil(H / s) rows and ceil(W / s) columns
    pool       pooling of 2 x 2 sites: "max", "mean" or "none"; an odd last row or column is dropped
    neuron     neuron of this layer, or None: the network's

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

    channels    number of neurons
    recurrent   True: the layer also receives its own spikes of earlier steps, weighted by V
                (channels, channels), in which row j weights what neuron j sends. They pass through
                the same filters as the spikes of the layer below.
    neuron      neuron of this layer, or None: the network's

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


def short_form(
    channels: Sequence[int], hidden: Sequence[int], kernel: int, pool: str
) -> list[Named]:
    """Make the list of layers that the short settings describe: identical conv layers, then dense
    ones."""
    conv = [(f"conv{n}", Conv(c, kernel, 1, pool)) for n, c in enumerate(channels, 1)]
    return conv + [(f"hidden{n}", Dense(c)) for n, c in enumerate(hidden, 1)]


def listed(layers: Any) -> list[Named]:
    """Check the layers in a list, and name them."""
    must("layers", is_sequence(layers), "a list of Conv and Dense", layers)
    named: list[Named] = []
    for n, given in enumerate(layers):
        layer = layer_of(given) if isinstance(given, dict) else given
        must(f"layers[{n}]", isinstance(layer, (Conv, Dense)), "a Conv or a Dense", layer)
        alike = sum(isinstance(other, type(layer)) for _, other in named)
        if isinstance(layer, Conv) and alike < len(named):
            raise ValueError(f"layers[{n}] is a Conv after a Dense, whose output is not an image")
        named.append((f"{type(layer).__name__.lower()}{alike + 1}", layer))
    return named


def built(
    named: list[Named],
    ways: int,
    input_shape: tuple[int, ...],
    neuron: Any,
    learn: tuple,
    **how: Any,
) -> tuple[Layer, ...]:
    """Build a network's layers, including its readout. Raises ValueError if the shapes do not
    fit."""
    shape: tuple[int, ...] = input_shape
    layers: list[Layer] = []
    for name, layer in named:
        own = layer.neuron or neuron
        known = sorted({*own.filtering, *own.learnable} - {"weight", "bias", "recurrent"})
        what = f"constants that {name}'s {type(own).__name__} can learn ({', '.join(known)})"
        must("learn", set(learn) <= set(known), what, learn)
        if isinstance(layer, Dense):
            flat = 1, 1, prod(shape)
            how_dense = dict(recurrent=layer.recurrent, learn=learn, dense=True, **how)
            made = Layer(name, flat, layer.channels, 1, "none", own, **how_dense)
        else:
            must("input_shape", len(shape) == 3, f"(H, W, C) where {name} is a Conv", input_shape)
            pool = own.pools.get(layer.pool, layer.pool)
            of_conv: Any = (
                shape,
                layer.channels,
                layer.kernel,
                pool,
                own,
                layer.stride,
                False,
                learn,
            )
            made = Layer(name, *of_conv, **how)
            if pool != "none" and min(made.sites) < 2:
                raise ValueError(
                    f"{name} would pool an image of {' x '.join(map(str, made.sites))}; input {input_shape} allows "
                    f"{len(layers)} conv blocks that pool, and channels or layers name more. A row "
                    "of channels takes hidden layers (--channels none --hidden 64)"
                )
        shape = made.output_shape
        layers.append(made)
    flat = 1, 1, prod(shape)
    readout = Layer(
        "readout", flat, ways, 1, "none", readout_of(neuron), readout=True, dense=True, **how
    )
    return (*layers, readout)


def loss_of(loss: Any) -> Loss:
    """Return the loss for a setting, which is a name in LOSSES, or a `Loss`. Raises ValueError for
    anything else."""
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    if isinstance(loss, dict):  # a configuration
        what = f"the network's loss is {loss.get('words')}, an object of your own"
        raise ValueError(f"{what}; in Python: read(path, loss=...)")
    methods = ("value", "backward", "backward_tangent")
    if not isinstance(loss, Loss) or not all(callable(getattr(loss, m, None)) for m in methods):
        own = f"a minisnn.Loss with {', '.join(methods)}, not {shown(loss)}"
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, or {own}")
    return loss


def check_readout(readout: Any, loss: Any, neuron: Any) -> str:
    """Return the name of a readout, after checking that it fits the loss and the readout's
    neuron."""
    one_of("readout", readout, READOUTS)
    if readout == "count":
        what = "used with a neuron that spikes in the readout, as LIF; other readouts integrate"
        must("readout 'count'", neuron.fires, what, type(neuron).__name__)
    if readout == "steps":
        what = "used with a loss over steps, as 'squared'"
        must("readout 'steps'", loss.name != "cross_entropy", what, loss.name)
    return readout


# ---- plain values


def configuration_of(setting: Any) -> Any:
    """Return one of a network's settings in plain JSON types. For a custom object this is only its
    repr."""
    if isinstance(setting, (Conv, Dense)):
        known = {name: configuration_of(a) for name, a in vars(setting).items()}
        if setting.neuron is None:
            del known["neuron"]
        return {"kind": type(setting).__name__.lower(), **known}
    if isinstance(setting, Dynamics):
        return setting.configuration()
    if isinstance(setting, Loss):
        return setting.name if setting.name in LOSSES else {"words": setting.name}
    if isinstance(setting, tuple):
        return [configuration_of(a) for a in setting]
    return setting.name if isinstance(setting, np.dtype) else setting


def layer_of(configuration: dict[str, Any]) -> Conv | Dense:
    """Build the layer that `configuration_of` describes."""
    settings = dict(configuration)
    kinds = {"conv": Conv, "dense": Dense}
    kind = settings.pop("kind", None)
    one_of("a layer's kind", kind, kinds)
    if isinstance(settings.get("neuron"), dict):
        settings["neuron"] = neuron_of(settings["neuron"])
    try:
        return kinds[kind](**settings)
    except TypeError as error:
        raise ValueError(f"a layer of kind {kind} cannot be made: {error}") from None


def neuron_of(configuration: dict[str, Any]) -> Any:
    """Build the neuron that a `configuration()` describes. If there is no "kind", as in checkpoints
    written by version 0.1, build an LIF."""
    constants = dict(configuration)
    kind = constants.pop("kind", FIRST)
    if kind == OWN or "surrogate" in constants:
        words = constants.get("words") or f"with the surrogate {shown(constants['surrogate'])}"
        raise ValueError(
            f"the network's neuron is {words}, a custom object; in Python: read(path, neuron=...)"
        )
    one_of("the neuron's kind", kind, NEURONS)
    return neuron_class(kind)(**constants)
