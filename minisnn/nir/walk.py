"""Walks through a NIR graph, whoever made it: what is no graph, or no single network, is refused in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import nir

_INSTEAD = {  # what a foreign node is, and what to change
    "NIRGraph": "a graph inside the graph, which recurrent layers are written as; leave the recurrence out",
    "IF": "a membrane that never fades; give it a decay below 1",
    "Conv1d": "a convolution over one axis; make it a Conv2d over images (C, H, W), or a Linear",
    "Delay": "a delay, which no layer here has; leave it out",
    "Scale": "a factor on what comes in; multiply it into the weights that follow",
    "Threshold": "a spike without a membrane of its own; give the layer neurons, such as a CubaLIF",
    "I": "an integrator that never fades; give it a decay below 1",
}


def check_nodes(graph: nir.NIRGraph, known: tuple[str, ...], beside: str = "") -> None:
    """ValueError where this is no graph, where an edge has no node, or where a node is of a kind that is not known."""
    nodes, edges = getattr(graph, "nodes", None), getattr(graph, "edges", None)
    if not isinstance(nodes, dict) or not isinstance(edges, (list, tuple, set)):
        raise ValueError(f"expected a nir.NIRGraph, found {type(graph).__name__}")
    for name, node in nodes.items():
        if (kind := type(node).__name__) not in known:
            why = f", {_INSTEAD[kind]}" if kind in _INSTEAD and not beside else ""
            raise ValueError(f"node {name!r} is a {kind}{why}{beside}; expected {', '.join(sorted(known))}")
    one_input(graph)
    for edge in edges:
        if not isinstance(edge, (tuple, list)) or len(edge) != 2 or not set(edge) <= set(nodes):
            raise ValueError(f"the graph has an edge {edge!r}; expected two of its nodes")
    if len({tuple(edge) for edge in edges}) != len(edges):
        raise ValueError("the graph has an edge twice; expected every edge once")


def kind(graph: nir.NIRGraph, name: str) -> str:
    """A node's name and type, as sentences have it."""
    return f"node {name!r} ({type(graph.nodes[name]).__name__})"


def successors(graph: nir.NIRGraph, name: str) -> list[str]:
    """The nodes that a node leads to."""
    return [target for source, target in graph.edges if source == name]


def one_input(graph: nir.NIRGraph) -> str:
    """The name of the one Input. ValueError where there is none, or several."""
    inputs = [name for name, node in graph.nodes.items() if type(node).__name__ == "Input"]
    if len(inputs) != 1:
        raise ValueError(f"the graph has {len(inputs)} inputs{': ' * bool(inputs) + ', '.join(inputs)}; expected one")
    return inputs[0]


def in_order(graph: nir.NIRGraph) -> list[str]:
    """Names of the nodes that the input reaches, nearest first. ValueError where there is not one input."""
    names = [one_input(graph)]
    for name in names:
        names.extend(t for t in dict.fromkeys(successors(graph, name)) if t not in names)
    return names


def one_after_another(graph: nir.NIRGraph) -> list[str]:
    """The names of a chain from its input to its output. ValueError where it branches, goes in a circle, or ends elsewhere."""
    names = in_order(graph)
    for name, after in zip(names, [*names[1:], None]):
        there = successors(graph, name)
        if there != [after] * (after is not None):
            leads = f"leads to {' and '.join(map(repr, sorted(there))) or 'nothing'}"
            raise ValueError(f"{kind(graph, name)} {leads}; expected one node after another")
    for name in sorted(set(graph.nodes) - set(names))[:1]:
        raise ValueError(f"{kind(graph, name)} is not reached from the input; expected one network")
    outputs = [name for name in names if type(graph.nodes[name]).__name__ == "Output"]
    if outputs != names[-1:]:
        raise ValueError(f"the graph ends in {kind(graph, names[-1])}; expected one Output there and nowhere else")
    return names


def input_shape(graph: nir.NIRGraph, name: str) -> tuple[int, ...]:
    """(C, H, W) or (features,) of an Input; Norse writes the batch, an axis of 1 before them, too."""
    kinds: Any = getattr(graph.nodes[name], "output_type", None)
    found = np.ravel(next(iter(kinds.values()))) if isinstance(kinds, dict) and len(kinds) == 1 else np.zeros(0)
    if found.dtype.kind not in "iuf" or not np.isfinite(found).all() or (found != np.floor(found)).any() or (found < 1).any():
        raise ValueError(f"{kind(graph, name)}: its shape is {found.tolist()}; expected whole numbers from 1 on")
    shape = tuple(int(n) for n in found)
    shape = shape[1:] if len(shape) in (2, 4) and shape[0] == 1 else shape
    if len(shape) not in (1, 3):
        raise ValueError(f"{kind(graph, name)}: its shape is {shape}; expected (C, H, W) or one axis")
    return shape
