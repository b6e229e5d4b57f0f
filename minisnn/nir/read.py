"""Read networks of `CubaLIF`, or of `LIF` if spikes subtract the threshold, from a NIR file or
graph."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import must
from ..core.architecture import Conv, Dense
from ..core.cuba import CubaLIF
from ..core.neuron import LIF
from ..meta.kept import loop_of
from ..network.spiking import SpikingNet
from ..training.checkpoint import Checkpoint
from .layers import QUIET, Layer, Reader
from .sentences import of_import, warn
from .walk import chain_of
from .write import VERSION, build, need_nir

if TYPE_CHECKING:
    import nir

NOT_SAID = "not said by the graph"


def import_nir(
    path: str | Path,
    *,
    dt: float | None = None,
    reset: str | None = None,
    readout: str | None = None,
) -> Checkpoint:
    """Read a NIR file: return the network, its theta and its inner loop, bit for bit if minisnn
    wrote the file. The arguments are those of `from_nir`.

    Raises FileNotFoundError, or ValueError naming the file and the node that does not fit.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.export_nir("net.nir", net, theta, inner=ms.InnerLoop(steps=3))
    >>> found = ms.import_nir("net.nir")
    >>> found.inner.steps, np.array_equal(found.theta, theta)
    (3, True)
    """
    checkpoint = read_file(path, dt=dt, reset=reset, readout=readout)
    warn(checkpoint.provenance.get(NOT_SAID, []), str(path))
    return checkpoint


def from_nir(
    graph: nir.NIRGraph,
    *,
    dt: float | None = None,
    reset: str | None = None,
    readout: str | None = None,
) -> Checkpoint:
    """Convert a NIR graph to a `Checkpoint` with a `SpikingNet`, its theta, and its inner loop, if
    minisnn stored one in the graph's metadata.

    A chain of Conv2d, Affine and neurons from another tool is read, too. Arguments supply what the
    graph leaves open, and a UserWarning names the assumptions:

    dt        seconds per step; required unless the graph implies it by r = tau / dt
    reset     "zero" resets the membrane to zero in the step of the spike (the default, as in NIR's
              own equations); "subtract" subtracts the threshold in the step after it. A graph
              written by snnTorch does not state which. "subtract" gives a network with the neuron
              `LIF`, in which each layer is two steps later, and allows no bias
    readout   "membrane" is for a graph whose last neurons fire, because the other tool counts their
              spikes. It leaves out their threshold: logits are the membranes at the last step

    Raises ValueError naming the node that does not fit, and what was expected of it.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> np.array_equal(ms.nir.from_nir(ms.nir.to_nir(net, theta)).theta, theta)
    True
    """
    checkpoint = _read(graph, dt, reset, readout)
    warn(checkpoint.provenance.get(NOT_SAID, []), "the graph")
    return checkpoint


def read_file(path: str | Path, **given: Any) -> Checkpoint:
    """Read a NIR file as `import_nir` does, but record its warnings in the checkpoint's provenance
    instead.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> ms.export_nir("net.nir", net, net.init(np.random.default_rng(0)))
    >>> ms.nir.read_file("net.nir").provenance
    {'imported from': 'NIR'}
    """
    library = need_nir()
    with open(path, "rb"):  # raises FileNotFoundError with Python's own message
        pass
    try:
        return _read(library.read(path), **given)
    except Exception as error:  # nir and h5py raise any error on a damaged file
        words = " ".join(str(error).split())[:400]
        kind = "" if isinstance(error, ValueError) else f"no NIR chain: {type(error).__name__}: "
        raise ValueError(f"{path}: {kind}{words}") from error


def _read(
    graph: Any, dt: float | None = None, reset: str | None = None, readout: str | None = None
) -> Checkpoint:
    must("the graph", isinstance(graph, need_nir().NIRGraph), "a nir.NIRGraph", graph)
    must("reset", reset in (None, "zero", "subtract"), "zero or subtract", reset)
    must("readout", readout in (None, "membrane"), "membrane", readout)
    must("dt", dt is None or 0 < dt < math.inf, "a positive time in seconds", dt)
    sentences = []
    if "minisnn" in graph.metadata:
        try:
            own = _ours(graph)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            sentences = [f"what minisnn noted in the metadata is left out ({error})"]
        else:
            if (dt, reset, readout) != (None, None, None):
                raise ValueError("minisnn wrote the graph; leave dt, reset and readout out")
            return own
    implied = _implied_step(graph)
    step = implied if dt is None else dt
    if step is None:
        raise ValueError(
            "the graph does not say how long a step is (r is not tau / dt); give dt in seconds "
            "(Norse 1.1.0 multiplies its time constants by dt: for its steps of 0.001 s give 1e-6)"
        )
    whence = f"{step:g} s, " + ("of which every r is tau / dt" if dt is None else "as you say")
    if implied is not None and abs(implied - step) > 1e-5 * implied:
        whence += f", though every r is tau / {implied:g} s, as if for steps of that"
    reader = Reader(graph, step, readout, fires=reset == "subtract")
    net, theta = (_as_lif if reset == "subtract" else _as_cuba)(reader)
    if not np.isfinite(theta).all():
        raise ValueError(f"weights, times r and w_in, are too large for {net.dtype}")
    return _checkpoint(net, theta, sentences + of_import(net, reader, whence, reset))


def _ours(graph: nir.NIRGraph) -> Checkpoint:
    """Return the checkpoint in the metadata. Raises ValueError, or other errors of Python, if the
    version differs or the graph has been changed since."""
    kept = json.loads(graph.metadata["minisnn"])
    if kept["version"] != VERSION:
        raise ValueError(f"version {kept['version']}, where this minisnn reads {VERSION}")
    net = SpikingNet.from_configuration(kept["network"])
    theta = net._vector(np.asarray(graph.metadata["theta"]), "theta")
    if not _same(graph, build(net, theta, kept["dt"], kept["tool"])):
        raise ValueError("the nodes are no longer those that were written")
    if kept["inner_loop"] is None:
        return _checkpoint(net, theta, [])
    if own := kept["inner_loop"].get("own"):
        sentence = f"no inner loop: the network learns by {own}, an object of your own"
        return _checkpoint(net, theta, [sentence])
    step = np.asarray(graph.metadata["step_size"])
    axes = graph.metadata.get("axes")
    inner = loop_of(kept["inner_loop"], step if step.ndim else float(step), axes)
    inner.check(net)
    return _checkpoint(net, theta, [], inner)


def _same(graph: nir.NIRGraph, written: nir.NIRGraph) -> bool:
    """Return whether two graphs have the same edges and nodes, with numbers that are identical bit
    for bit."""
    edges = [sorted(map(tuple, either.edges)) for either in (graph, written)]
    return edges[0] == edges[1] and all(
        type(graph.nodes[name]) is type(node)
        and all(
            np.array_equal(np.asarray(getattr(graph.nodes[name], of)), np.asarray(value))
            for of, value in vars(node).items()
            if of not in ("input_type", "output_type", "metadata")
        )
        for name, node in written.nodes.items()
    )


def _checkpoint(net: Any, theta: Any, sentences: list[str], inner: Any = None) -> Checkpoint:
    said = {NOT_SAID: sentences} if sentences else {}
    return Checkpoint(net, theta, inner, provenance={"imported from": "NIR", **said})


def _implied_step(graph: nir.NIRGraph) -> float | None:
    """Return the step dt in seconds if the graph's constants all imply the same dt by r = tau / dt
    and w_in = tau_syn / dt, as snnTorch and SpikingJelly write them. Return None if they disagree,
    or if every r and w_in is 1."""
    ratios, digits = [], 12
    for node in chain_of(graph).nodes.values():
        for tau, factor in (("tau_mem", "r"), ("tau", "r"), ("tau_syn", "w_in")):
            pair = np.asarray(getattr(node, tau, 0.0)), np.asarray(getattr(node, factor, 0.0))
            usable = all(array.dtype.kind == "f" and array.size for array in pair)
            if hasattr(node, tau) and usable and not np.all(pair[1] == 1):
                with np.errstate(all="ignore"):
                    ratios += np.ravel(pair[0] / pair[1]).astype(float).tolist()
                digits = 6 if pair[0].dtype == np.float32 else digits
    alike = ratios and ratios[0] > 0 and np.allclose(ratios, ratios[0], rtol=1e-5, atol=0)
    return float(f"{ratios[0]:.{digits}g}") if alike else None


# ---- networks of the layers that were found


def _network(reader: Reader, neuron: Any, own: dict[int, Any], parts: list) -> tuple:
    """Return (net, theta) for all layers; some have a neuron of their own (`own`)."""
    *hidden, last = reader.layers
    if last.weight.ndim == 4:
        raise reader.wrong(last.name, "the last layer", "one of an image", "a dense one")
    layers: list[Conv | Dense] = []
    for n, b in enumerate(hidden):
        neuron_of = own.get(n)
        if b.weight.ndim == 4:
            layers.append(Conv(len(b.bias), len(b.weight), b.stride, b.pool, neuron=neuron_of))
        else:
            layers.append(Dense(len(b.bias), b.recurrent is not None, neuron=neuron_of))
    shape = tuple(reader.input_shape)
    ways = len(last.bias)
    net = SpikingNet(shape, layers=layers, ways=ways, neuron=neuron, dtype=reader.dtype)
    with np.errstate(over="ignore"):
        return net, np.concatenate([np.ravel(part) for part in parts]).astype(net.dtype)


def _fires_at(b: Layer, reader: Reader) -> float:
    """Return the threshold for which firing at v >= threshold is equivalent to the graph's v >
    threshold, in a layer's first channel."""
    level = np.array(b.threshold[0], reader.dtype)
    tiny = -np.finfo(level.dtype).tiny
    return 0.0 if level == tiny else float(np.nextafter(level, level.dtype.type(np.inf)))


def _as_cuba(reader: Reader) -> tuple[SpikingNet, np.ndarray]:
    """Return (net, theta) for layers that reset to zero. Such a reset does not depend on a
    channel's scale.

    The network's neuron has the decays of the readout and the first layer's threshold; layers with
    other constants get separate neurons.
    """
    first = reader.layers[0]
    last = reader.layers[-1]
    level = _fires_at(first, reader) if first is not last else 0.3
    own, parts = {}, []
    for n, b in enumerate(reader.layers):
        scale = b.scale
        if b is not last:
            alike = np.allclose([b.alpha, b.beta], [last.alpha, last.beta], rtol=0, atol=1e-6)
            if not alike or _fires_at(b, reader) != level:
                own[n] = CubaLIF(b.alpha, b.beta, threshold=_fires_at(b, reader), gain=1.0)
            if np.ptp(b.threshold):
                if np.min(b.threshold) <= 0:
                    found = f"from {np.min(b.threshold):g} to {np.max(b.threshold):g}"
                    raise reader.wrong(b.name, "its thresholds", found, "one, or all above 0")
                scale = scale * (b.threshold[0] / b.threshold)
        heard = [] if b.recurrent is None else [b.recurrent * scale]
        parts += [b.weight * scale, b.bias * scale, *heard]
    neuron = CubaLIF(last.alpha, last.beta, threshold=level, gain=1.0)
    return _network(reader, neuron, own, parts)


def _as_lif(reader: Reader) -> tuple[SpikingNet, np.ndarray]:
    """Return (net, theta) for layers in which a spike subtracts the threshold in the next step, as
    is the default in snnTorch.

    u = W p - rho r with gamma = alpha and threshold = rho (1 - alpha) is a single filtered sum; a
    layer here is two steps behind the graph's.
    """
    last, parts = reader.layers[-1], []
    level = float(last.threshold[0])
    alpha = last.alpha
    for b in reader.layers:
        alike = np.allclose([b.alpha, b.beta], [alpha, last.beta], rtol=0, atol=1e-6)
        plain = b.recurrent is None and not np.any(b.bias) and b.pool != "mean"
        fires = np.min(b.threshold) > 0 and np.max(b.threshold) < QUIET
        if not (alike and plain and fires) or b is last and np.ptp(b.threshold):
            expected = (
                "no bias, loop or mean of spikes, the last one's decays, a threshold that is "
            )
            expected += "reached, and one for all of the last: a network of LIF, of reset subtract"
            raise reader.wrong(b.name, "the layer", "another", expected)
        scale = b.scale * (level / b.threshold)
        parts += [b.weight * scale, np.zeros(len(scale))]
    threshold = _fires_at(last, reader)
    neuron = LIF(alpha, last.beta, alpha, level / (1 - alpha), threshold, gain=1.0)
    return _network(reader, neuron, {}, parts)
