"""Walks through a NIR graph, whoever made it: what is no graph, or no single network, is refused in
a sentence."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import nir

_INSTEAD = {  # what a foreign node is, and what to change
    "NIRGraph": "a graph inside the graph, which has no neurons with a reset",
    "IF": "a membrane that never fades; give it a decay below 1",
    "Conv1d": "a convolution over one axis; make it a Conv2d over images (C, H, W), or a Linear",
    "Delay": "a delay, which no layer here has; leave it out",
    "Scale": "a factor on what comes in; multiply it into the weights that follow",
    "Threshold": "a spike without a membrane of its own; give the layer neurons, such as a CubaLIF",
    "I": "an integrator that never fades; give it a decay below 1",
}


# and how many there may be
_WHOLE = dict(stride=2, padding=2, dilation=2, kernel_size=2, groups=1, start_dim=1, end_dim=1)
_LARGEST = 1 << 31


def check_nodes(graph: nir.NIRGraph, known: tuple[str, ...], beside: str = "") -> None:
    """ValueError where this is not a graph, where an edge has no node, or where a node is of a kind
    that is not known."""
    nodes = getattr(graph, "nodes", None)
    edges = getattr(graph, "edges", None)
    if not isinstance(nodes, dict) or not isinstance(edges, (list, tuple, set)):
        raise ValueError(f"expected a nir.NIRGraph, found {type(graph).__name__}")
    for name, node in nodes.items():
        if (found := type(node).__name__) not in known:
            why = f", {_INSTEAD[found]}" if found in _INSTEAD else ""
            raise ValueError(
                f"node {name!r} is a {found}{beside}{why}; expected {', '.join(sorted(known))}"
            )
        _check_fields(graph, name)
    one_input(graph)
    for edge in edges:
        if not isinstance(edge, (tuple, list)) or len(edge) != 2 or not set(edge) <= set(nodes):
            raise ValueError(f"the graph has an edge {edge!r}; expected two of its nodes")
    if len({tuple(edge) for edge in edges}) != len(edges):
        raise ValueError("the graph has an edge twice; expected every edge once")


def _check_fields(graph: nir.NIRGraph, name: str) -> None:
    """ValueError where a node lacks a field, or holds in it what is no number of its kind."""
    node = graph.nodes[name]
    place = kind(graph, name)
    for field in fields(node):
        what = field.name
        if what in ("input_type", "metadata", "input_shape") or (
            what == "output_type" and not _ends(node)
        ):
            continue
        if not hasattr(node, what):
            raise ValueError(f"{place} has no {what}; expected one")
        if what == "output_type":
            shape_of(graph, name)
            continue
        value = getattr(node, what)
        if what == "padding" and isinstance(value, str):
            if value not in ("same", "valid"):
                raise ValueError(
                    f"{place}: padding is {value[:40]!r}; expected same, valid or whole numbers"
                )
            continue
        found = _numbers(value)
        if found is None:
            raise ValueError(
                f"{place}: {what} is NaN, infinity or no numbers; expected finite numbers"
            )
        if not found.size:
            raise ValueError(f"{place}: {what} is empty; expected numbers")
        if what == "weight" and found.ndim < 2:
            raise ValueError(
                f"{place}: weight has shape {found.shape}; expected a row for every output"
            )
        if what in _WHOLE and (found.size > _WHOLE[what] or not _are_whole(found)):
            many = "one or two whole numbers" if _WHOLE[what] == 2 else "a whole number"
            raise ValueError(f"{place}: {what} is {str(found.tolist())[:60]}; expected {many}")


def _ends(node: Any) -> bool:
    return type(node).__name__ in ("Input", "Output")


def _numbers(value: Any) -> np.ndarray | None:
    """The value as an array of real numbers, None where it is none."""
    try:
        found = np.asarray(value)
    except (ValueError, TypeError):  # rows of unequal lengths
        return None
    return found if found.dtype.kind in "iuf" or not found.size else None


def _are_whole(found: np.ndarray) -> bool:
    return bool(
        np.isfinite(found).all()
        and (found == np.floor(found)).all()
        and (np.abs(found) < _LARGEST).all()
    )


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
        raise ValueError(
            f"the graph has {len(inputs)} inputs{': ' * bool(inputs) + ', '.join(inputs)}; "
            "expected one"
        )
    return inputs[0]


def in_order(graph: nir.NIRGraph) -> list[str]:
    """Names of the nodes that the input reaches, nearest first. ValueError where there is not one
    input."""
    names = [one_input(graph)]
    for name in names:
        names.extend(t for t in dict.fromkeys(successors(graph, name)) if t not in names)
    return names


def one_after_another(graph: nir.NIRGraph) -> list[str]:
    """The names of a chain from its input to its output. ValueError where it branches, goes in a
    circle, or ends elsewhere."""
    names = in_order(graph)
    for name, after in zip(names, [*names[1:], None]):
        there = successors(graph, name)
        if there != [after] * (after is not None):
            raise ValueError(
                f"{kind(graph, name)} leads to "
                f"{' and '.join(map(repr, sorted(there))) or 'nothing'}; expected one node "
                "after another"
            )
    for name in sorted(set(graph.nodes) - set(names))[:1]:
        raise ValueError(f"{kind(graph, name)} is not reached from the input; expected one network")
    if [name for name in names if type(graph.nodes[name]).__name__ == "Output"] != names[-1:]:
        raise ValueError(
            f"the graph ends in {kind(graph, names[-1])}; expected one Output there and nowhere "
            "else"
        )
    return names


def shape_of(graph: nir.NIRGraph, name: str) -> tuple[int, ...]:
    """What an Input or Output says of its shape."""
    kinds: Any = getattr(graph.nodes[name], "output_type", None)
    found = (
        _numbers(next(iter(kinds.values())))
        if isinstance(kinds, dict) and len(kinds) == 1
        else None
    )
    if found is None or not found.size or not _are_whole(found) or (found < 1).any():
        raise ValueError(
            f"{kind(graph, name)}: its shape is {str(kinds)[:60]}; expected whole numbers from 1 on"
        )
    return tuple(int(n) for n in found.ravel())


def input_shape(graph: nir.NIRGraph, name: str) -> tuple[int, ...]:
    """(C, H, W) or (features,) of an Input; Norse writes the batch, an axis of 1 before them,
    too."""
    shape = shape_of(graph, name)
    shape = shape[1:] if len(shape) in (2, 4) and shape[0] == 1 else shape
    if len(shape) not in (1, 3):
        raise ValueError(
            f"{kind(graph, name)}: its shape is {shape}; expected (C, H, W) or one axis"
        )
    return shape
