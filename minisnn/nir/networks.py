"""Of layers that a chain was read into (`unchain`) a network: of `CubaLIF`, or of `LIF` where a
threshold is subtracted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..layers.block import Block
from ..layers.cuba import CubaLIF, LeakyIntegrator
from ..layers.lif import LIF
from ..network.spiking import SpikingNet
from ..network.theta import held
from .chain import scales
from .common import reached
from .unchain import QUIET, Layer, Reader

MOST_APART = 1e-6  # of decays that count as one; float32 time constants are known to that


def layers_of(reader: Reader) -> list[dict[str, Any]]:
    """What the nodes say of each layer below the readout, as `Conv` and `Dense` have it."""
    found: list[dict[str, Any]] = []
    for b, pool in zip(reader.blocks[:-1], reader.pools):
        channels = b.weight.shape[-1]
        if b.weight.ndim == 4:
            shape = dict(kernel=len(b.weight), stride=b.stride, pool=pool)
            found.append(dict(kind="conv", channels=channels, **shape))
        else:
            recurrent = b.recurrent is not None
            found.append(dict(kind="dense", channels=channels, recurrent=recurrent))
    return found


def settings_of(reader: Reader) -> dict[str, Any]:
    """The configuration of a network, but for its neuron, of what was read: in the short form where
    its layers are alike."""
    layers = layers_of(reader)
    ways = reader.blocks[-1].weight.shape[-1]
    if reader.blocks[-1].weight.ndim == 4:
        raise reader.wrong(reader.last, "the last layer", "one of an image", "a dense one")
    settings: dict[str, Any] = dict(
        input_shape=reader.input_shape, ways=ways, dtype=reader.dtype.name
    )
    conv = [one for one in layers if one["kind"] == "conv"]
    dense = [one for one in layers if one["kind"] == "dense"]
    kinds = {(one["kernel"], one["stride"], one["pool"]) for one in conv} or {(5, 1, "max")}
    kernel, stride, pool = min(kinds)
    alike = len(kinds) == 1 and stride == 1 and pool != "none"
    if not alike or any(one["recurrent"] for one in dense):
        return {**settings, "layers": layers}
    widths = dict(channels=[one["channels"] for one in conv])
    widths["hidden"] = [one["channels"] for one in dense]
    return {**settings, **widths, "kernel": kernel, "pool": pool}


def listed(settings: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """These settings with their layers as a list."""
    short = ("channels", "hidden", "kernel", "pool")
    rest = {name: one for name, one in settings.items() if name not in short}
    return {**rest, "layers": layers_of(reader)}


def guess(reader: Reader) -> dict[str, Any]:
    """The configuration of a network of `CubaLIF` that a chain from elsewhere is of.

    Its neuron has the decays of the readout. A layer of others, or of a threshold that no factor
    makes of the first, has a neuron of its own.
    """
    blocks = reader.blocks
    settings = settings_of(reader)
    last = blocks[-1].neuron
    thresholds = {float(v) for b in blocks[:-1] for v in np.unique(b.neuron.threshold)}
    of_their_own = len(thresholds) > 1 and min(thresholds) <= 0
    level = 0.3 if len(blocks) == 1 else _level(blocks[0], reader)
    neuron = dict(kind="cuba", alpha=last.alpha, beta=last.beta, threshold=level, gain=1.0)
    own = {}
    for n, b in enumerate(blocks[:-1]):
        if of_their_own or not _alike(b.neuron, last):
            decays = dict(alpha=b.neuron.alpha, beta=b.neuron.beta)
            own[n] = {**neuron, **decays, "threshold": _level(b, reader)}
    if own:
        settings = listed(settings, reader)
        for n, one in own.items():
            settings["layers"][n]["neuron"] = one
    return {**settings, "neuron": neuron}


def _level(b: Layer, reader: Reader) -> float:
    """The threshold at which a layer's first channel fires."""
    return reached(_first(b), reader.dtype)


def _first(b: Layer) -> float:
    """The threshold of a layer's first channel."""
    return float(np.ravel(b.neuron.threshold)[0])


def _alike(one: Any, other: Any) -> bool:
    """Whether two neurons have the same decays."""
    pairs = [one.alpha, one.beta], [other.alpha, other.beta]
    return bool(np.allclose(*pairs, rtol=0, atol=MOST_APART))


def as_cuba(reader: Reader, net: SpikingNet, ours: bool) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of layers that are reset to zero; `ours`: net is that of the metadata, and is
    held against them.

    Raises ValueError naming the node that does not fit.
    """
    if ours:
        _compare(reader, net)
    parts = []
    for n, (b, own) in enumerate(zip(reader.blocks, net.blocks)):
        scale = b.neuron.scale
        if not own.readout:
            scale = scale * _rescaled(b, own.neuron, reader, ours)
        parts += [(b.weight * scale / (net.gain if n == 0 else 1)).ravel(), b.bias * scale]
        if b.recurrent is not None:
            parts.append((b.recurrent * scale).ravel())
        parts += [np.array([_learned(b, own, name)]) for name in own.learn]
    return net, _held(parts, net)


def _learned(b: Layer, own: Block, name: str) -> float:
    """What theta holds for a constant that a layer has learned."""
    if name not in ("alpha", "beta"):
        raise ValueError(f"metadata: {own.name} learns {name}; expected alpha or beta of a CubaLIF")
    return held(replace(own, neuron=replace(own.neuron, **{name: getattr(b.neuron, name)})), name)


def _compare(reader: Reader, net: SpikingNet) -> None:
    """ValueError where the network that the metadata name is not one of these layers."""
    if not all(isinstance(b.neuron, (CubaLIF, LeakyIntegrator)) for b in net.blocks):
        raise ValueError("metadata: the network is not one of CubaLIF, which the graph is made of")
    if list(net.input_shape) != list(reader.input_shape):
        raise ValueError(
            f"metadata: input_shape of the network is {list(net.input_shape)}; expected "
            f"{list(reader.input_shape)}, which the graph has"
        )
    found = [*layers_of(reader), dict(kind="dense", channels=reader.blocks[-1].weight.shape[-1])]
    if len(found) != len(net.blocks):
        raise ValueError(
            f"metadata: the network has {len(net.blocks)} layers with its readout; expected "
            f"{len(found)}, which the graph has"
        )
    for one, b, own in zip(found, reader.blocks, net.blocks):
        wanted = _said_of(own, "recurrent" in one)
        if one != wanted:
            named = ", ".join(f"{what} {value}" for what, value in one.items())
            raise ValueError(
                f"metadata: {own.name} of the network is "
                f"{', '.join(f'{what} {value}' for what, value in wanted.items())}; expected "
                f"{named}, which the graph has"
            )
        for name in ("alpha", "beta"):
            here = getattr(b.neuron, name)
            there = getattr(own.neuron, name)
            if name not in own.learn and abs(here - there) > MOST_APART:
                raise reader.wrong(
                    b.name, "its decays", b.neuron[:2], f"{name} {there} of {own.name} in metadata"
                )


def _said_of(b: Block, below: bool) -> dict[str, Any]:
    """A block as `layers_of` has it; `below` the readout."""
    if b.name.startswith("conv"):
        pool = "mean" if b.pool == "spikes" else b.pool
        shape = dict(kernel=b.own_kernel or b.kernel, stride=b.stride, pool=pool)
        return dict(kind="conv", channels=b.channels, **shape)
    dense = dict(kind="dense", channels=b.channels)
    return {**dense, "recurrent": b.recurrent} if below else dense


def _held(parts: list[np.ndarray], net: SpikingNet) -> np.ndarray:
    """The flat theta in the network's type; ValueError where it does not hold a number."""
    with np.errstate(over="ignore"):
        theta = np.concatenate(parts).astype(net.dtype)
    if not np.isfinite(theta).all():
        raise ValueError(
            f"weights, times r and w_in, are too large for {net.dtype}; expected finite numbers"
        )
    return theta


def _rescaled(b: Layer, neuron: CubaLIF, reader: Reader, ours: bool) -> Any:
    """What makes of a layer's threshold that of its neuron; a reset to zero does not see the scale
    of a channel."""
    levels = np.unique(b.neuron.threshold)
    if min(levels.min(), neuron.threshold) <= 0:
        wanted = neuron.threshold if ours else _level(b, reader)
        near = np.allclose(levels, wanted, rtol=3e-7, atol=1e-30)
        if len(levels) > 1 or not near or _level(b, reader) != neuron.threshold and not ours:
            found = [float(one) for one in levels[:3]]
            raise ValueError(
                f"node {b.name!r}: thresholds are {found}; expected one, or all above 0"
            )
        return 1.0
    if not ours:
        own = _level(b, reader) == neuron.threshold
        return _first(b if own else reader.blocks[0]) / b.neuron.threshold
    whole, power = scales(neuron)
    ratio = neuron.threshold / b.neuron.threshold
    return next(
        (exact for exact in (1.0, whole / power) if np.allclose(ratio, exact, rtol=3e-7, atol=0)),
        ratio,
    )


def as_lif(reader: Reader) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of layers of which a spike subtracts the threshold in the step after it,
    snnTorch's default.

    As in `snntorch`: u = W p - rho r with gamma = alpha and threshold = rho (1 - alpha) is one
    filter of one sum, and a layer does in step t + 2 what it does there in step t. Raises
    ValueError for what only `CubaLIF` has: a bias, which is filtered there and not here, means of
    spikes, and a readout that never fires.
    """
    blocks, first, last = reader.blocks, reader.blocks[0].neuron, reader.blocks[-1].neuron
    why = "subtract makes a network of LIF"
    for b in blocks:
        if not _alike(b.neuron, first):
            expected = f"{first[:2]} as of {blocks[0].name!r}, since reset {why}"
            raise reader.wrong(b.name, "its decays", b.neuron[:2], expected)
        if b.recurrent is not None:
            raise ValueError(
                f"node {b.name!r} hears itself a step later, and reset {why}, which hears itself "
                "two steps later; expected no loop"
            )
        if np.any(b.bias):
            raise ValueError(
                f"node {b.name!r} has a bias before it, and reset {why}, whose bias is not "
                "filtered; expected bias=False"
            )
        low = np.min(b.neuron.threshold)
        high = np.max(b.neuron.threshold)
        if low <= 0:
            raise ValueError(
                f"node {b.name!r} fires at {low:g}, which reset subtract would add; expected a "
                "threshold above 0"
            )
        if high >= QUIET:
            found = f"node {b.name!r} fires at {high:g}, never"
            raise ValueError(
                f"{found}, and reset {why}, whose every layer fires, the readout too; expected a "
                "threshold as of the others"
            )
    if "mean" in reader.pools:
        raise ValueError(
            f"the graph has means of spikes, and reset {why}, which pools membranes; expected no "
            "AvgPool2d"
        )
    if np.ptp(last.threshold):
        raise ValueError(
            f"node {reader.last!r} has several thresholds; expected one, as its membranes are "
            "compared"
        )
    level = float(last.threshold[0])
    settings = settings_of(reader)
    neuron = LIF(
        first.alpha,
        first.beta,
        first.alpha,
        level / (1 - first.alpha),
        reached(level, reader.dtype),
        gain=1.0,
    )
    net = SpikingNet.from_configuration({**settings, "neuron": neuron})
    parts = []
    for b in blocks:
        scale = b.neuron.scale * (level / b.neuron.threshold)
        parts += [(b.weight * scale).ravel(), np.zeros(len(scale))]
    return net, _held(parts, net)
