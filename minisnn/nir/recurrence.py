"""Loops of a chain: neurons that hear their own spikes, a step later.

NIR says recurrence by edges, neurons - weights - the same neurons, or by a graph inside the graph
that holds just these; snnTorch writes and reads both. `unrolled` takes either out of a graph, so
that a chain is left, and keeps the weights by the name of the neurons.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from .constants import numbers, plain
from .walk import kind, successors

_SYNAPSES = ("Linear", "Affine", "Conv2d")
_FIRING = ("CubaLIF", "LIF")


class Loop(NamedTuple):
    """Weights from a layer's spikes to itself, row j what neuron j sends, and a bias; `name` of the
    node in words."""

    name: str
    weight: np.ndarray
    bias: np.ndarray


def is_chain(graph: Any) -> bool:
    """Whether a graph is one of neurons with a reset, in it or in a graph inside it."""
    nodes = list(_nodes(graph))
    nodes += [inner for node in nodes for inner in _nodes(node)]
    return any(type(node).__name__ in _FIRING for node in nodes)


def _nodes(graph: Any) -> list[Any]:
    found = getattr(graph, "nodes", None)
    return list(found.values()) if isinstance(found, dict) else []


def _wires(place: str, edges: Any) -> list[tuple[str, str]]:
    """Edges, each of two names."""
    for edge in edges:
        pair = isinstance(edge, (tuple, list)) and len(edge) == 2
        if not pair or not all(isinstance(name, str) for name in edge):
            raise ValueError(f"{place} has an edge {edge!r}; expected two of its nodes")
    return [tuple(edge) for edge in edges]


def flattened(graph: Any) -> Any:
    """A graph with the nodes of those inside it, under "outer.inner".

    Raises ValueError where one inside has not one Input and one Output, or another inside it.
    """
    nodes = getattr(graph, "nodes", None)
    edges = getattr(graph, "edges", None)
    if not isinstance(nodes, dict) or not isinstance(edges, (list, tuple, set)):
        return graph
    inside = [name for name, node in nodes.items() if type(node).__name__ == "NIRGraph"]
    if not inside:
        return graph
    nodes = dict(nodes)
    edges = _wires("the graph", edges)
    for name in inside:
        inner = nodes.pop(name)
        place = f"node {name!r} (NIRGraph)"
        within = getattr(inner, "nodes", None)
        wires = getattr(inner, "edges", None)
        if not isinstance(within, dict) or not isinstance(wires, (list, tuple, set)):
            raise ValueError(f"{place} has no nodes or no edges; expected a graph")
        wires = _wires(place, wires)
        kinds = {one: type(node).__name__ for one, node in within.items()}
        if "NIRGraph" in kinds.values():
            raise ValueError(f"{place} has a graph inside it; expected neurons and their weights")
        ends = []
        for end in ("Input", "Output"):
            found = [one for one, what in kinds.items() if what == end]
            if len(found) != 1:
                raise ValueError(f"{place} has {len(found)} {end} nodes; expected one")
            ends.append(found[0])
        first, last = ends
        for one, node in within.items():
            if one not in ends:
                nodes[f"{name}.{one}"] = node
        entering = [b for a, b in wires if a == first]
        leaving = [a for a, b in wires if b == last]
        if first in leaving or last in entering or not entering or not leaving:
            raise ValueError(f"{place} does not lead through neurons; expected it to")
        between = [(a, b) for a, b in wires if a != first and b != last]
        edges = [
            (a, b)
            for source, target in edges
            for a in ([f"{name}.{one}" for one in leaving] if source == name else [source])
            for b in ([f"{name}.{one}" for one in entering] if target == name else [target])
        ]
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in between]
    metadata = getattr(graph, "metadata", {})
    return SimpleNamespace(nodes=nodes, edges=edges, metadata=metadata)


def unrolled(graph: Any) -> tuple[Any, dict[str, Loop]]:
    """(a graph without its loops, the loop of each node that has one).

    Raises ValueError where neurons hear themselves twice, or by anything but weights.
    """
    loops: dict[str, Loop] = {}
    nodes = dict(graph.nodes)
    edges = [tuple(edge) for edge in graph.edges]
    for name, node in graph.nodes.items():
        if type(node).__name__ not in _FIRING:
            continue
        for path in _ways_back(graph, name):
            if name in loops:
                raise ValueError(f"{kind(graph, name)} hears itself twice; expected one loop")
            loops[name] = _loop(graph, name, path)
            nodes = {one: node for one, node in nodes.items() if one not in path}
            edges = [(a, b) for a, b in edges if a not in path and b not in path]
    if not loops:
        return graph, {}
    return SimpleNamespace(nodes=nodes, edges=edges, metadata=graph.metadata), loops


def _ways_back(graph: Any, name: str) -> list[list[str]]:
    """Nodes between neurons and themselves, each leading to one other alone."""
    found = []
    for target in successors(graph, name):
        path: list[str] = []
        at = target
        while type(graph.nodes[at]).__name__ in (*_SYNAPSES, "Flatten") and at not in path:
            path.append(at)
            after = successors(graph, at)
            if len(after) != 1 or sum(b == at for _, b in graph.edges) != 1:
                break
            at = after[0]
        current = type(graph.nodes[at]).__name__ == "LI" and successors(graph, at) == [name]
        if at == name or (current and path and at not in path):
            found.append(path)
    return found


def _loop(graph: Any, name: str, path: list[str]) -> Loop:
    weighing = [one for one in path if type(graph.nodes[one]).__name__ in _SYNAPSES]
    if len(weighing) != 1:
        what = " and ".join(repr(one) for one in weighing) or "no weights"
        raise ValueError(
            f"{kind(graph, name)} hears itself through {what}; expected one Linear, Affine or Conv2d"
        )
    place = kind(graph, weighing[0])
    node = plain(graph.nodes[weighing[0]])
    weight = numbers(place, "weight", node.weight)
    square = weight.shape[0] == weight.shape[1]
    if weight.ndim not in (2, 4) or not square or weight.shape[2:] not in ((), (1, 1)):
        raise ValueError(
            f"{place}: weight's shape is {weight.shape}; expected as many rows as columns, from a "
            "layer's spikes to itself"
        )
    if weight.ndim == 4:
        usual = dict(stride=1, padding=0, dilation=1, groups=1)
        for what, value in usual.items():
            found = getattr(node, what)
            if not isinstance(found, str) and np.any(np.asarray(found) != value):
                raise ValueError(f"{place}: {what} is {found}; expected {value}")
    weight = weight.reshape(weight.shape[:2])
    bias = getattr(node, "bias", None)
    bias = np.zeros(len(weight), weight.dtype) if bias is None else numbers(place, "bias", bias)
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"{place}: bias's shape is {bias.shape}; expected {weight.shape[:1]}")
    return Loop(place, np.ascontiguousarray(weight.T), bias)
