"""From a NIR file or graph to a network: a chain by `unchain` and `networks`, a graph of CubaLI and
loops by `loops`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..training.checkpoint import Checkpoint
from ..data.foreign.process import ForeignFile
from ..data.foreign.hdf5 import one_line
from ..layers.cuba import CubaLIF
from ..meta.inner import InnerLoop
from ..meta.kept import loop_of
from ..network.spiking import SpikingNet
from .chain import TOOLS, build as build_chain
from .common import STEPS, need_nir, tau_of
from .constants import implied_step, plain
from .loops import FIELDS, brief, compare, guess, theta_of
from .networks import as_cuba, as_lif, guess as guess_chain
from .recurrence import flattened, is_chain
from .told import READOUTS, RESETS, of_chain as chain_told, of_loops as loops_told, warn
from .unchain import KINDS, reader_of
from .walk import check_nodes
from .write import build

if TYPE_CHECKING:
    import nir

MOST = 1 << 26  # values in a file
_NUMBERS = "weight bias v_threshold threshold scale tau tau_mem tau_syn r w_in".split()
_FROM = {"imported from": "NIR"}


def import_nir(
    path: str | Path,
    *,
    dt: float | None = None,
    steps: str | None = None,
    reset: str | None = None,
    readout: str | None = None,
) -> Checkpoint:
    """The network, theta and inner loop of a NIR file, bit for bit if this library wrote it.
    Arguments as in `from_nir`.

    Raises FileNotFoundError, or ValueError naming the file and the node that does not fit.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.export_nir("net.nir", net, theta, inner=ms.InnerLoop(steps=3))
    >>> found = ms.import_nir("net.nir")
    >>> found.inner.steps, np.array_equal(found.theta, theta)
    (3, True)
    """
    found, told = told_of_file(path, dt=dt, steps=steps, reset=reset, readout=readout)
    warn(told, str(path))
    return found


def from_nir(
    graph: nir.NIRGraph,
    *,
    dt: float | None = None,
    steps: str | None = None,
    reset: str | None = None,
    readout: str | None = None,
) -> Checkpoint:
    """The `SpikingNet` of a NIR graph and its theta, as a `Checkpoint`; with its inner loop, where
    the metadata has one of this library.

    A graph without this library's metadata is read too, if it has the form that `to_nir` writes,
    under any names, or is a chain of Conv2d, Affine and neurons. Arguments supply what it does not
    say, and each time a UserWarning names what was assumed:

    dt        seconds of a step; without it the one of which every r is tau / dt, else 1e-3
    steps     how a time constant becomes a decay, "euler" (for a chain, always) or "exponential"
    reset     "zero", in the step of the spike (the default, NIR's own equations), or "subtract" the
              threshold in the step after it: snnTorch writes both alike. "subtract" makes a network
              of `LIF`, each layer two steps later, and knows no bias
    readout   "membrane" leaves out the threshold of last neurons that fire, whose spikes another
              tool counts; logits are membranes at the last step

    Raises ValueError naming the node that does not fit, and what was expected of it.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> found = ms.nir.from_nir(ms.nir.to_nir(net, theta))
    >>> np.array_equal(found.theta, theta)
    True
    """
    found, told = _told_of(graph, dt, steps, reset, readout)
    warn(told, "the graph")
    return found


def told_of_file(path: str | Path, **given: Any) -> tuple[Checkpoint, list[str]]:
    """`import_nir`, with its sentences in place of a warning: what the file does not say, and what
    was assumed.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.export_nir("net.nir", net, theta)
    >>> found, told = ms.nir.told_of_file("net.nir")
    >>> np.array_equal(found.theta, theta), type(told).__name__
    (True, 'list')
    """
    library = need_nir()
    with ForeignFile(path, "a NIR graph") as file:
        texts, arrays = file.tree(MOST)
    try:
        graph = library.dict2NIRNode({**_nested({**texts, **arrays})["node"], "type_check": True})
    except (
        Exception
    ) as error:  # nir raises whatever Python does: AssertionError, KeyError, TypeError, ...
        raise ValueError(
            f"{path}: not a NIR graph, or a damaged one ({type(error).__name__}: {one_line(error)})"
        ) from None
    try:
        return _told_of(graph, *(given.get(name) for name in ("dt", "steps", "reset", "readout")))
    except ValueError as error:
        raise ValueError(f"{path}: {one_line(error)}") from None


def _told_of(
    graph: nir.NIRGraph, dt: float | None, steps: str | None, reset: str | None, readout: str | None
) -> tuple[Checkpoint, list[str]]:
    need_nir()
    for name, chosen, known in (
        ("steps", steps, STEPS),
        ("reset", reset, RESETS),
        ("readout", readout, READOUTS),
    ):
        if chosen is not None and chosen not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {chosen!r}")
    of_chain = is_chain(graph)
    graph = flattened(graph) if of_chain else graph
    check_nodes(
        graph,
        KINDS if of_chain else tuple(FIELDS),
        " beside neurons that are reset when they fire" * of_chain,
    )
    said = _said(graph)
    for name, given in (("dt", dt), ("steps", steps)):
        if said and given not in (None, said[name]):
            raise ValueError(
                f"{name} is {given}, where minisnn wrote the graph for {said[name]}; leave {name} "
                "out"
            )
    if said and (reset == "subtract" or readout):
        raise ValueError(
            "minisnn wrote the graph, which says its reset and its readout itself; leave reset and "
            "readout out"
        )
    step, whence = _step(graph, said, dt)
    steps = said.get("steps", steps or "euler")
    tau_of(0.5, step, steps)  # refuses a dt or steps that cannot be
    told: list[str] = []
    if of_chain:
        if steps != "euler":
            raise ValueError(
                "a CubaLIF is read in Euler steps; expected steps euler, not exponential"
            )
        meant = _network(said["network"]) if said else None
        blocks = meant.blocks if meant else None
        reader = reader_of(graph, step, readout, reset == "subtract", blocks)
        if reset == "subtract":
            net, theta = as_lif(reader)
        else:
            net, theta = as_cuba(reader, meant or _network(guess_chain(reader)), bool(meant))
        if said:
            theta = _kept(graph, said, net, theta)
        else:
            told = chain_told(net, reader, whence, reset)
    else:
        if reset or readout:
            raise ValueError(
                "the graph has no neuron with an immediate reset, so reset and readout have no "
                "effect; leave them out"
            )
        net = _network(said["network"] if said else guess(graph, step, steps))
        theta = theta_of(net, graph, step, steps)
        compare(graph, build(net, theta, step, steps))
        theta = _kept(graph, said, net, theta) if said else theta
        told = [] if said else loops_told(net, whence, steps)
    if own := _own(said):
        told.append(
            f"no inner loop: the network learns by {own}, an object of your own, which a graph "
            "only names"
        )
    provenance = {**_FROM, "not said by the graph": told} if told else _FROM
    return Checkpoint(net, theta, _inner(graph, said, net), provenance=provenance), told


def _step(graph: nir.NIRGraph, said: dict[str, Any], dt: float | None) -> tuple[float, str]:
    """Seconds of a step, and where they come from."""
    if said:
        return said["dt"], ""
    implied = implied_step(plain(node) for node in graph.nodes.values())
    if dt is not None:
        if (
            implied is None
            or not isinstance(dt, (int, float))
            or abs(implied - dt) <= 1e-5 * implied
        ):
            return dt, f"{dt} s, as you say"
        return (
            dt,
            f"{dt} s, as you say, though every r is tau / {implied:g} s, as if for steps of that",
        )
    if implied is not None:
        return implied, f"{implied:g} s, of which every r is tau / dt"
    return (
        1e-3,
        "0.001 s, as nobody says otherwise (snnTorch and SpikingJelly step 0.0001 s, and Norse as "
        "it is told)",
    )


def _kept(
    graph: nir.NIRGraph, said: dict[str, Any], net: SpikingNet, theta: np.ndarray
) -> np.ndarray:
    """The theta of the metadata, where the weights are still what was written for it: as it was, to
    the last bit."""
    kept = graph.metadata.get("theta")
    if kept is None:
        return theta
    kept = np.asarray(kept)
    if kept.shape != theta.shape or kept.dtype.kind != "f" or not np.isfinite(kept).all():
        raise ValueError(
            f"metadata: theta is {kept.dtype} of shape {kept.shape}; expected {theta.size} finite "
            "numbers"
        )
    kept = kept.astype(net.dtype)
    written = _written(net, kept, said)
    same = graph.nodes.keys() == written.nodes.keys() and all(
        _same_numbers(graph.nodes[name], node) for name, node in written.nodes.items()
    )
    return kept if same else theta


def _written(net: SpikingNet, theta: np.ndarray, said: dict[str, Any]) -> nir.NIRGraph:
    """The graph that this library would write for a theta."""
    if isinstance(net.neuron, CubaLIF):
        return build_chain(net, theta, said["dt"], said["tool"])
    return build(net, theta, said["dt"], said["steps"])


def _same_numbers(found: Any, written: Any) -> bool:
    """Whether two nodes hold the same numbers, to the last bit."""
    return all(
        np.array_equal(np.asarray(getattr(found, name, 0)), np.asarray(value))
        for name, value in vars(written).items()
        if name in _NUMBERS
    )


def _own(said: dict[str, Any]) -> str:
    """The name of an inner loop of your own, where the network learns by one; else empty."""
    kept = said.get("inner_loop")
    return str(kept.get("own", ""))[:40] if isinstance(kept, dict) else ""


def _inner(graph: nir.NIRGraph, said: dict[str, Any], net: SpikingNet) -> InnerLoop | None:
    """How the network adapts, where the metadata has it and it is one of this library."""
    if said.get("inner_loop") is None or _own(said):
        return None
    try:
        step = np.asarray(graph.metadata["step_size"])
        size = step if step.ndim else float(step)
        inner = loop_of(said["inner_loop"], size, graph.metadata.get("axes"))
        inner.check(net)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(
            f"metadata: the inner loop is not one of this version of minisnn ({error})"
        ) from None
    return inner


def _nested(named: dict[str, Any]) -> dict[str, Any]:
    """{"a/b": c} as {"a": {"b": c}}, arrays without axes as NumPy's scalars."""
    tree: dict[str, Any] = {}
    for name, value in named.items():
        *groups, last = name.split("/")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value[()] if isinstance(value, np.ndarray) else value
    return tree


def _said(graph: nir.NIRGraph) -> dict[str, Any]:
    """What this library noted in the metadata, {} where it did not write the graph."""
    text = graph.metadata.get("minisnn")
    if text is None:
        return {}
    try:
        said = json.loads(text)
        version = said["version"]
        found = {key: said[key] for key in ("dt", "steps", "network", "inner_loop")}
        found["tool"] = said.get("tool")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"metadata: what minisnn noted is damaged ({error})") from None
    if found["tool"] not in (None, *TOOLS):
        raise ValueError(
            f"metadata: written for {str(found['tool'])[:40]}; expected one of {', '.join(TOOLS)}"
        )
    if version != 1:
        raise ValueError(
            f"metadata: written in version {brief(version)}; this minisnn reads version 1"
        )
    return found


def _network(configuration: dict[str, Any]) -> SpikingNet:
    try:
        return SpikingNet.from_configuration(configuration)
    except (TypeError, AttributeError, KeyError, OverflowError) as error:
        raise ValueError(
            f"metadata: the network is not one of this version of minisnn ({error})"
        ) from None
