"""From a NIR file or graph to a network of `CubaLIF`, or of `LIF` where a threshold is subtracted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.neuron import CubaLIF
from ..core.neuron import LIF
from ..meta.kept import loop_of
from ..network.spiking import SpikingNet
from ..training.checkpoint import Checkpoint
from .layers import QUIET, Layer, Reader
from .sentences import of_import, warn
from .walk import chain_of
from .write import VERSION, build, checked, need_nir

if TYPE_CHECKING:
    import nir

CHOICES = {"reset": ("zero", "subtract"), "readout": ("membrane",)}
NOT_SAID = "not said by the graph"


def import_nir(
    path: str | Path,
    *,
    dt: float | None = None,
    reset: str | None = None,
    readout: str | None = None,
) -> Checkpoint:
    """The network, theta and inner loop of a NIR file, bit for bit if this library wrote it.
    Arguments as in `from_nir`.

    Raises FileNotFoundError, or ValueError naming the file and the node that does not fit.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.export_nir("net.nir", net, theta, inner=ms.InnerLoop(steps=3))
    >>> found = ms.import_nir("net.nir")
    >>> found.inner.steps, np.array_equal(found.theta, theta)
    (3, True)
    """
    found = read_file(path, dt=dt, reset=reset, readout=readout)
    warn(found.provenance.get(NOT_SAID, []), str(path))
    return found


def from_nir(
    graph: nir.NIRGraph,
    *,
    dt: float | None = None,
    reset: str | None = None,
    readout: str | None = None,
) -> Checkpoint:
    """The `SpikingNet` of a NIR graph and its theta, as a `Checkpoint`; with its inner loop, where
    the metadata has one of this library.

    A chain of Conv2d, Affine and neurons from another tool is read, too. Arguments supply what it
    does not say, and each time a UserWarning names what was assumed:

    dt        seconds of a step; needed where the graph does not say it by r = tau / dt
    reset     "zero", in the step of the spike (the default, NIR's own equations), or "subtract" the
              threshold in the step after it: snnTorch writes both alike. "subtract" makes a network
              of `LIF`, each layer two steps later, and knows no bias
    readout   "membrane" leaves out the threshold of last neurons that fire, whose spikes another
              tool counts; logits are membranes at the last step

    Raises ValueError naming the node that does not fit, and what was expected of it.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> np.array_equal(ms.nir.from_nir(ms.nir.to_nir(net, theta)).theta, theta)
    True
    """
    found = _read(graph, dt, reset, readout)
    warn(found.provenance.get(NOT_SAID, []), "the graph")
    return found


def read_file(path: str | Path, **given: Any) -> Checkpoint:
    """`import_nir` without its warning, whose sentences are in the provenance.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> ms.export_nir("net.nir", net, net.init(np.random.default_rng(0)))
    >>> ms.nir.read_file("net.nir").provenance
    {'imported from': 'NIR'}
    """
    library = need_nir()
    with open(path, "rb"):  # FileNotFoundError in Python's words
        pass
    try:
        return _read(library.read(path), *(given.get(name) for name in ("dt", "reset", "readout")))
    except Exception as error:  # nir and h5py raise whatever Python does
        words = " ".join(str(error).split())[:500]
        if not isinstance(error, ValueError):
            words = f"not a NIR chain, or a damaged file ({type(error).__name__}: {words})"
        raise ValueError(f"{path}: {words}") from None


def _read(graph: Any, dt: float | None, reset: str | None, readout: str | None) -> Checkpoint:
    if not isinstance(graph, need_nir().NIRGraph):
        raise ValueError(f"expected a nir.NIRGraph, found {type(graph).__name__}")
    for name, chosen in (("reset", reset), ("readout", readout)):
        if chosen not in (None, *CHOICES[name]):
            raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}, not {chosen!r}")
    found, why = _ours(graph)
    if found is None:
        return _theirs(graph, dt, reset, readout, why)
    if (dt, reset, readout) != (None, None, None):
        raise ValueError(
            "minisnn wrote the graph, which says its step, reset and readout itself; leave dt, "
            "reset and readout out"
        )
    return found


# ---- what this library wrote


def _ours(graph: nir.NIRGraph) -> tuple[Checkpoint | None, list[str]]:
    """What the metadata keep, where the graph is still what was written for it; else (None, why
    they are not taken)."""
    if "minisnn" not in graph.metadata:
        return None, []
    try:
        kept = json.loads(graph.metadata["minisnn"])
        if kept["version"] != VERSION:
            raise ValueError(f"version {kept['version']}, where this minisnn reads {VERSION}")
        net = SpikingNet.from_configuration(kept["network"])
        theta = net._vector(np.asarray(graph.metadata["theta"]), "theta")
        if not _same(graph, build(net, theta, kept["dt"], kept["tool"])):
            raise ValueError("the nodes are no longer those that were written")
        inner, sentences = None, []
        if own := (kept["inner_loop"] or {}).get("own"):
            sentences = [f"no inner loop: the network learns by {own}, an object of your own"]
        elif kept["inner_loop"]:
            step = np.asarray(graph.metadata["step_size"])
            size = step if step.ndim else float(step)
            inner = loop_of(kept["inner_loop"], size, graph.metadata.get("axes"))
            inner.check(net)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        return None, [f"what minisnn noted in the metadata is left out ({error})"]
    return _checkpoint(net, theta, sentences, inner), []


def _same(graph: nir.NIRGraph, written: nir.NIRGraph) -> bool:
    """Whether two graphs have the same edges, and nodes with the same numbers, to the last bit."""
    edges = [sorted(map(tuple, one.edges)) for one in (graph, written)]
    return (
        graph.nodes.keys() == written.nodes.keys()
        and edges[0] == edges[1]
        and all(
            type(graph.nodes[name]) is type(node)
            and all(
                np.array_equal(np.asarray(getattr(graph.nodes[name], of)), np.asarray(value))
                for of, value in vars(node).items()
                if of not in ("input_type", "output_type", "metadata")
            )
            for name, node in written.nodes.items()
        )
    )


def _checkpoint(net: Any, theta: Any, sentences: list[str], inner: Any = None) -> Checkpoint:
    provenance: dict[str, Any] = {"imported from": "NIR"}
    if sentences:
        provenance[NOT_SAID] = sentences
    return Checkpoint(net, theta, inner, provenance=provenance)


# ---- what other tools wrote


def _theirs(
    graph: nir.NIRGraph,
    dt: float | None,
    reset: str | None,
    readout: str | None,
    sentences: list[str],
) -> Checkpoint:
    implied = _implied_step(graph)
    if dt is None and implied is None:
        raise ValueError(
            "no r of the graph says how long a step is, by tau / dt; expected dt, its seconds "
            "(Norse 1.1.0 writes time constants times dt, so 1e-6 for steps of 0.001 s)"
        )
    step = implied if dt is None else checked(dt)
    assert step is not None
    whence = f"{step:g} s, " + ("of which every r is tau / dt" if dt is None else "as you say")
    if implied is not None and abs(implied - step) > 1e-5 * implied:
        whence += f", though every r is tau / {implied:g} s, as if for steps of that"
    subtracts = reset == "subtract"
    reader = Reader(graph, step, readout, subtracts)
    net, theta = (_as_lif if subtracts else _as_cuba)(reader)
    if not np.isfinite(theta).all():
        raise ValueError(f"weights, times r and w_in, are too large for {net.dtype}")
    return _checkpoint(net, theta, sentences + of_import(net, reader, whence, reset))


def _implied_step(graph: nir.NIRGraph) -> float | None:
    """Seconds of the steps for which every r = tau / dt and w_in = tau_syn / dt, as snnTorch and
    SpikingJelly write them, or None where they are not so, or are all 1."""
    ratios, digits, ones = np.zeros(0), 12, True
    for node in chain_of(graph).nodes.values():
        for names in (("tau_mem", "r"), ("tau", "r"), ("tau_syn", "w_in")):
            if not all(hasattr(node, name) for name in names):
                continue
            tau, factor = (np.asarray(getattr(node, name)) for name in names)
            try:
                with np.errstate(all="ignore"):
                    ratios = np.append(ratios, (tau / factor).astype(float))
            except (TypeError, ValueError):  # the reader names what is wrong with them
                return None
            ones &= bool(np.all(factor == 1))
            digits = 6 if tau.dtype == np.float32 else digits
    alike = ratios.size and ratios[0] > 0 and np.allclose(ratios, ratios[0], rtol=1e-5, atol=0)
    return float(f"{ratios[0]:.{digits}g}") if alike and not ones else None


def _settings(reader: Reader, own: dict[int, Any]) -> dict[str, Any]:
    """The configuration of a network, but for its neuron: in the short form where its layers are
    alike, and none has a neuron of its `own`."""
    last = reader.layers[-1]
    if last.weight.ndim == 4:
        raise reader.wrong(last.name, "the last layer", "one of an image", "a dense one")
    settings = dict(input_shape=reader.input_shape, ways=len(last.bias), dtype=reader.dtype.name)
    layers = [b.as_settings() for b in reader.layers[:-1]]
    conv = [one for one in layers if one["kind"] == "conv"]
    dense = [one for one in layers if one["kind"] == "dense"]
    kinds = {(one["kernel"], one["stride"], one["pool"]) for one in conv} or {(5, 1, "max")}
    kernel, stride, pool = min(kinds)
    plain = len(kinds) == 1 and stride == 1 and pool != "none"
    if own or not plain or any(one["recurrent"] for one in dense):
        for n, neuron in own.items():
            layers[n]["neuron"] = neuron
        return {**settings, "layers": layers}
    channels, hidden = ([one["channels"] for one in several] for several in (conv, dense))
    return {**settings, "channels": channels, "hidden": hidden, "kernel": kernel, "pool": pool}


def _fires_at(b: Layer, reader: Reader) -> float:
    """The threshold, reached, that > means in a layer's first channel."""
    level = np.array(b.threshold[0], reader.dtype)
    tiny = -np.finfo(level.dtype).tiny
    return 0.0 if level == tiny else float(np.nextafter(level, level.dtype.type(np.inf)))


def _as_cuba(reader: Reader) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of layers that are reset to zero, which does not see the scale of a channel.

    The network's neuron has the decays of the readout and the first layer's threshold; a layer of
    others has a neuron of its own.
    """
    layers = reader.layers
    last = layers[-1]
    level = _fires_at(layers[0], reader) if len(layers) > 1 else 0.3
    neuron = CubaLIF(last.alpha, last.beta, threshold=level, gain=1.0)
    own = {}
    parts = []
    for n, b in enumerate(layers):
        scale = b.scale
        if b is not last:
            decays = [b.alpha, b.beta], [last.alpha, last.beta]
            alike = np.allclose(*decays, rtol=0, atol=1e-6)
            if not alike or _fires_at(b, reader) != level:
                own[n] = CubaLIF(b.alpha, b.beta, threshold=_fires_at(b, reader), gain=1.0)
            if np.ptp(b.threshold):
                if np.min(b.threshold) <= 0:
                    found = f"from {np.min(b.threshold):g} to {np.max(b.threshold):g}"
                    raise reader.wrong(b.name, "its thresholds", found, "one, or all above 0")
                scale = scale * (b.threshold[0] / b.threshold)
        parts += [(b.weight * scale).ravel(), b.bias * scale]
        if b.recurrent is not None:
            parts.append((b.recurrent * scale).ravel())
    settings = _settings(reader, {n: one.configuration() for n, one in own.items()})
    net = SpikingNet.from_configuration({**settings, "neuron": neuron})
    with np.errstate(over="ignore"):
        return net, np.concatenate(parts).astype(net.dtype)


def _as_lif(reader: Reader) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of layers of which a spike subtracts the threshold in the step after it,
    snnTorch's default.

    u = W p - rho r with gamma = alpha and threshold = rho (1 - alpha) is one filter of one sum, and
    a layer does in step t + 2 what it does there in step t.
    """
    layers, last = reader.layers, reader.layers[-1]
    level = float(last.threshold[0])
    why = "as reset subtract makes a network of LIF"
    parts = []
    for b in layers:
        decays = [b.alpha, b.beta], [last.alpha, last.beta]
        if not np.allclose(*decays, rtol=0, atol=1e-6):
            raise reader.wrong(b.name, "its decays", decays[0], f"{decays[1]}, {why}")
        if b.recurrent is not None or np.any(b.bias) or b.pool == "mean":
            found = "with a bias, a loop or a mean of spikes"
            raise reader.wrong(b.name, "the layer", found, f"none of them, {why}")
        if np.min(b.threshold) <= 0 or np.max(b.threshold) >= QUIET:
            raise reader.wrong(b.name, "its threshold", b.threshold[0], f"one that fires, {why}")
        scale = b.scale * (level / b.threshold)
        parts += [(b.weight * scale).ravel(), np.zeros(len(scale))]
    if np.ptp(last.threshold):
        raise reader.wrong(last.name, "its thresholds", "several", "one, as membranes are compared")
    alpha = last.alpha
    threshold = _fires_at(last, reader)
    neuron = LIF(alpha, last.beta, alpha, level / (1 - alpha), threshold, gain=1.0)
    net = SpikingNet.from_configuration({**_settings(reader, {}), "neuron": neuron})
    with np.errstate(over="ignore"):
        return net, np.concatenate(parts).astype(net.dtype)
