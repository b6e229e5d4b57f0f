"""Find the path through a NIR graph: consecutive nodes, and loops by which neurons receive their
own spikes. Graphs that are not a single chain raise a ValueError.

NIR expresses recurrence by edges (neurons - weights - the same neurons), or by an inner graph of
just these nodes; snnTorch writes and reads both.
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

    names   names of the nodes, in order of execution
    loops   {name of neurons: name of their recurrent weights}
    nodes   all nodes by name, including those of loops
    """

    names: list[str]
    loops: dict[str, str]
    nodes: dict[str, Any]


def chain_of(graph: Any) -> Chain:
    """Return the chain of a graph. Raises ValueError if it is not one, or has an unsupported
    node."""
    inner, edges = _flattened(graph)
    nodes = {name: _plain(node) for name, node in inner.items()}
    strange = {name for edge in edges for name in edge} - set(nodes)
    strange |= {f"{name} ({node.kind})" for name, node in nodes.items() if node.kind not in _KNOWN}
    if strange:
        raise ValueError(
            f"the graph has {', '.join(sorted(strange))}; expected only {', '.join(sorted(_KNOWN))}"
        )
    after = {name: [b for a, b in edges if a == name] for name in nodes}
    inputs = [name for name, node in nodes.items() if node.kind == "Input"]
    if len(inputs) != 1:
        raise ValueError(f"the graph has {len(inputs)} inputs; expected one")
    at = inputs[0]
    names = [*inputs]
    inside = list[str]()
    loops = dict[str, str]()
    while nodes[at].kind != "Output":
        back = {target: _way_back(nodes, after, at, target) for target in after[at]}
        ways = [way for way in back.values() if way]
        weights = [name for way in ways for name in way if nodes[name].kind in WEIGHTS]
        ahead = [target for target in after[at] if not back[target]]
        if len(ahead) != 1 or ahead[0] in names or len(weights) != len(ways) or len(ways) > 1:
            raise ValueError(
                f"node {at!r} leads to {' and '.join(map(repr, after[at])) or 'nothing'}; expected "
                "one node after another up to an Output, and at most one Linear, Affine or Conv2d "
                "by which neurons receive their own spikes"
            )
        loops |= {at: weights[0]} if weights else {}
        inside += [name for way in ways for name in way]
        at = ahead[0]
        names.append(at)
    met = len(names) + len(inside)
    if len(nodes) != met or len(edges) != met - 1 + len(loops):
        raise ValueError("the graph is more than one chain; expected one node after another")
    return Chain(names, loops, nodes)


def _plain(node: Any) -> SimpleNamespace:
    """Return a node as a plain object with its `kind`, and with NumPy arrays, whatever tool made
    it."""
    values = {
        name: np.asarray(value) if hasattr(value, "__array__") else value
        for name, value in getattr(node, "__dict__", {}).items()
    }
    return SimpleNamespace(kind=type(node).__name__, **values)


def _way_back(nodes: Any, after: Any, start: str, at: str) -> list[str]:
    """Return the nodes on the path from `at` back to the neurons `start`, or to the LI before them;
    [] if there is no such path."""
    path: list[str] = []
    while nodes[at].kind in (*WEIGHTS, "Flatten") and at not in path and len(after[at]) == 1:
        path.append(at)
        at = after[at][0]
    arrives = at == start or nodes[at].kind == "LI" and after[at] == [start]
    return path if arrives and nodes[start].kind in NEURONS else []


def _flattened(graph: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return a graph's nodes and edges, with the nodes of inner graphs named "outer.inner"."""
    nodes = dict(graph.nodes)
    edges = [tuple(edge) for edge in graph.edges]
    for name in [name for name, node in nodes.items() if type(node).__name__ == "NIRGraph"]:
        inner, wires = _flattened(nodes.pop(name))
        kinds = {n: type(node).__name__ for n, node in inner.items()}
        first, last = ([n for n in kinds if kinds[n] == end] for end in ("Input", "Output"))
        nodes |= {f"{name}.{n}": node for n, node in inner.items() if n not in first + last}
        entering = [f"{name}.{b}" for a, b in wires if a in first]
        leaving = [f"{name}.{a}" for a, b in wires if b in last]
        edges = [
            (source, target)
            for a, b in edges
            for source in (leaving if a == name else [a])
            for target in (entering if b == name else [b])
        ]
        inside = [(a, b) for a, b in wires if a not in first and b not in last]
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in inside]
    return nodes, edges


def image_shape(place: str, shape: Any) -> tuple[tuple[int, ...], bool]:
    """Return the shape (C, H, W) or (features,), and whether a batch axis came first, as Norse
    writes it."""
    sizes = tuple(np.ravel(shape).tolist())
    batch = len(sizes) in (2, 4) and sizes[0] == 1
    sizes = sizes[batch:]
    if len(sizes) not in (1, 3) or any(n != int(n) or n < 1 for n in sizes):
        raise ValueError(f"{place}: its shape is {sizes}; expected (C, H, W) or one axis")
    return tuple(map(int, sizes)), batch
