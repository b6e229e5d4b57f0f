"""The way through a NIR graph: nodes one after another, and loops by which neurons hear their own
spikes. What is no single chain is refused in a sentence.

NIR says recurrence by edges, neurons - weights - the same neurons, or by a graph inside the graph
that holds just these; snnTorch writes and reads both.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

WEIGHTS = ("Conv2d", "Affine", "Linear")
POOLS = ("AvgPool2d", "SumPool2d")
NEURONS = ("CubaLIF", "LIF", "CubaLI", "LI")
_KNOWN = {"Input", "Output", "Flatten", *WEIGHTS, *POOLS, *NEURONS}


class Chain(NamedTuple):
    """A graph from its Input to its Output.

    nodes   by name, in the order in which they act
    loops   by the name of neurons, the name of the weights by which they hear themselves
    within  all nodes, those of the loops too
    """

    nodes: dict[str, Any]
    loops: dict[str, str]
    within: dict[str, Any]


def chain_of(graph: Any) -> Chain:
    """The chain of a graph. Raises ValueError where it is none, or has a node that no network here
    has."""
    found, edges = _flattened(graph)
    nodes = {name: _plain(node) for name, node in found.items()}
    for name, node in nodes.items():
        if node.kind not in _KNOWN:
            raise ValueError(
                f"node {name!r} is a {node.kind}; expected {', '.join(sorted(_KNOWN))}"
            )
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in edges:
        if a not in after or b not in after:
            raise ValueError(f"the graph has an edge {(a, b)!r}; expected two of its nodes")
        after[a].append(b)
    inputs = [name for name, node in nodes.items() if node.kind == "Input"]
    if len(inputs) != 1:
        raise ValueError(f"the graph has {len(inputs)} inputs; expected one")
    names, inside, loops, at = [*inputs], list[str](), dict[str, str](), inputs[0]
    while nodes[at].kind != "Output":
        ahead = []
        for target in after[at]:
            path = _way_back(nodes, after, at, target)
            if path is None:
                ahead.append(target)
                continue
            weights = [name for name in path if nodes[name].kind in WEIGHTS]
            if at in loops or len(weights) != 1:
                raise ValueError(
                    f"node {at!r} hears itself by {sorted({*weights, *loops.values()})}; expected "
                    "one Linear, Affine or Conv2d"
                )
            loops[at] = weights[0]
            inside += path
        if len(ahead) != 1 or ahead[0] in names:
            raise ValueError(
                f"node {at!r} leads to {' and '.join(map(repr, ahead)) or 'nothing'}; expected one "
                "node after another, up to an Output"
            )
        at = ahead[0]
        names.append(at)
    if len(edges) != len(names) - 1 + len(inside) + len(loops) or set(nodes) - {*names, *inside}:
        raise ValueError("the graph is more than one chain; expected one node after another")
    return Chain({name: nodes[name] for name in names}, loops, nodes)


def _plain(node: Any) -> SimpleNamespace:
    """A node with its `kind`, its arrays NumPy's, whatever tool made it."""
    values = {
        name: np.asarray(value) if hasattr(value, "__array__") else value
        for name, value in vars(node).items()
    }
    return SimpleNamespace(kind=type(node).__name__, **values)


def _way_back(nodes: Any, after: Any, start: str, at: str) -> list[str] | None:
    """The nodes that lead from `at` back to the neurons `start`, or to the LI before them; None
    where it does not lead there."""
    if nodes[start].kind not in NEURONS:
        return None
    path: list[str] = []
    while nodes[at].kind in (*WEIGHTS, "Flatten") and at not in path and len(after[at]) == 1:
        path.append(at)
        at = after[at][0]
    synapse = path and nodes[at].kind == "LI" and after[at] == [start]
    return path if at == start or synapse else None


def _flattened(graph: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nodes and edges of a graph, with those of graphs inside it as "outer.inner"."""
    nodes, edges = dict(graph.nodes), [tuple(edge) for edge in graph.edges]
    for name in [name for name, node in nodes.items() if type(node).__name__ == "NIRGraph"]:
        inner, wires = _flattened(nodes.pop(name))
        ends = [
            [n for n, node in inner.items() if type(node).__name__ == end]
            for end in ("Input", "Output")
        ]
        if len(ends[0]) != 1 or len(ends[1]) != 1:
            raise ValueError(f"node {name!r} is a graph without one Input and one Output")
        (first,), (last,) = ends
        nodes |= {f"{name}.{n}": node for n, node in inner.items() if n not in (first, last)}
        entering = [f"{name}.{b}" for a, b in wires if a == first]
        leaving = [f"{name}.{a}" for a, b in wires if b == last]
        edges = [
            (source, target)
            for a, b in edges
            for source in (leaving if a == name else [a])
            for target in (entering if b == name else [b])
        ]
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in wires if a != first and b != last]
    return nodes, edges


def image_shape(place: str, shape: Any) -> tuple[tuple[int, ...], bool]:
    """((C, H, W) or (features,), whether a batch stood before it, as Norse writes it)."""
    sizes = tuple(int(n) for n in np.ravel(shape))
    batch = len(sizes) in (2, 4) and sizes[0] == 1
    sizes = sizes[batch:]
    if len(sizes) not in (1, 3) or sizes != tuple(np.ravel(shape)[batch:]) or min(sizes) < 1:
        raise ValueError(f"{place}: its shape is {sizes}; expected (C, H, W) or one axis")
    return sizes, batch
