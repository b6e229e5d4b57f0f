"""From a NIR file or graph to a network: weights and constants are taken from its nodes, then every node is compared with what
this library would have written for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..training.checkpoint import Checkpoint
from ..data.readers.foreign import ForeignFile
from ..data.readers.hdf5 import one_line
from ..meta.inner import InnerLoop
from ..meta.kept import loop_of
from ..network.spiking import SpikingNet
from .unchain import KINDS, is_chain, read as read_chain
from .common import decay_of, need_nir, reached, tau_of
from .write import build, image_before

if TYPE_CHECKING:
    import nir

MOST = 1 << 26  # values in a file
_FROM = {"imported from": "NIR"}
_FIELDS = {  # what of a node must be as this library writes it; weights may be anything of the right shape
    "Input": (),
    "Output": (),
    "Affine": (),
    "Scale": ("scale",),
    "Threshold": ("threshold",),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "Conv2d": ("stride", "padding", "dilation", "groups"),
    "Flatten": ("start_dim", "end_dim"),
    **dict.fromkeys(("SumPool2d", "AvgPool2d"), ("kernel_size", "stride", "padding")),
}


def import_nir(path: str | Path, *, dt: float | None = None, steps: str | None = None) -> Checkpoint:
    """The network, theta and inner loop of a NIR file; of one that this library wrote, bit for bit. As `from_nir`.

    Raises FileNotFoundError, or ValueError naming the file and the node that does not fit.
    """
    library = need_nir()
    with ForeignFile(path, "a NIR graph") as file:
        texts, arrays = file.tree(MOST)
    try:
        graph = library.dict2NIRNode({**_nested({**texts, **arrays})["node"], "type_check": True})
    except Exception as error:  # nir raises whatever Python does: AssertionError, KeyError, TypeError, ...
        raise ValueError(f"{path}: not a NIR graph, or a damaged one ({type(error).__name__}: {one_line(error)})") from None
    try:
        return from_nir(graph, dt=dt, steps=steps)
    except ValueError as error:
        raise ValueError(f"{path}: {one_line(error)}") from None


def from_nir(graph: nir.NIRGraph, *, dt: float | None = None, steps: str | None = None) -> Checkpoint:
    """The `SpikingNet` of a NIR graph and its theta, as a `Checkpoint`; with its inner loop, where the metadata has one.

    A graph without this library's metadata is read too where it has the form that `to_nir` gives it, under any names: its
    decays follow from the time constants by dt (1e-3) and steps ("euler"); what NIR cannot say takes `SpikingNet`'s defaults.
    Raises ValueError naming the node that does not fit, and what was expected of it.
    """
    need_nir()
    known = KINDS if (of_chain := is_chain(graph)) else tuple(_FIELDS)
    for name, node in graph.nodes.items():
        if (kind := type(node).__name__) not in known:
            beside = " beside neurons that are set back when they fire" if of_chain else ""
            raise ValueError(f"node {name!r} is a {kind}{beside}; expected {', '.join(sorted(known))}")
    said = _said(graph)
    for name, given in (("dt", dt), ("steps", steps)):
        if said and given not in (None, said[name]):
            raise ValueError(f"{name} is {given}, where minisnn wrote the graph for {said[name]}; leave {name} out")
    dt, steps = said.get("dt", 1e-3 if dt is None else dt), said.get("steps", steps or "euler")
    if of_chain:
        if steps != "euler":
            raise ValueError("a CubaLIF is read in Euler steps; expected steps euler, not exponential")
        tau_of(0.5, dt, steps)  # refuses a dt that cannot be
        net, theta = read_chain(graph, _one_after_another(graph), said, dt, _network)
        return Checkpoint(net, theta, _inner(graph, said, net), provenance=_FROM)
    nodes = [(name, graph.nodes[name]) for name in _in_order(graph)]
    synapses = [(name, node) for name, node in nodes if type(node).__name__ in ("Conv2d", "Affine")]
    if not synapses:
        raise ValueError("the graph has no Conv2d and no Affine behind its input; expected a network")
    net = _network(said["network"] if said else _guess(graph, [node for _, node in synapses], dt, steps))
    theta = _theta(net, synapses)
    _compare(graph, build(net, theta, dt, steps))
    return Checkpoint(net, theta, _inner(graph, said, net), provenance=_FROM)


def _inner(graph: nir.NIRGraph, said: dict[str, Any], net: SpikingNet) -> InnerLoop | None:
    """How the network adapts, where the metadata has it."""
    if said.get("inner_loop") is None:
        return None
    try:
        step = np.asarray(graph.metadata["step_size"])
        inner = loop_of(said["inner_loop"], step if step.ndim else float(step))
        inner.check(net)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"metadata: the inner loop is not one of this version of minisnn ({error})") from None
    return inner


def _one_after_another(graph: nir.NIRGraph) -> list[str]:
    """The names of a chain. ValueError where it branches."""
    names = _in_order(graph)
    for name, after in zip(names, [*names[1:], None]):
        there = _successors(graph, name)
        if there != [after] * (after is not None):
            leads = f"leads to {' and '.join(map(repr, sorted(there))) or 'nothing'}"
            raise ValueError(f"node {name!r} ({type(graph.nodes[name]).__name__}) {leads}; expected one node after another")
    for name in sorted(set(graph.nodes) - set(names))[:1]:
        raise ValueError(
            f"node {name!r} ({type(graph.nodes[name]).__name__}) is not reached from the input; expected one network"
        )
    return names


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


def _successors(graph: nir.NIRGraph, name: str) -> list[str]:
    return [target for source, target in graph.edges if source == name]


def _in_order(graph: nir.NIRGraph) -> list[str]:
    """Names of the nodes that the input reaches, nearest first. ValueError where there is not one input."""
    inputs = list(graph.inputs)
    if len(inputs) != 1:
        raise ValueError(f"the graph has {len(inputs)} inputs{': ' * bool(inputs) + ', '.join(inputs)}; expected one")
    names = inputs
    for name in names:
        names.extend(t for t in dict.fromkeys(_successors(graph, name)) if t not in names)
    return names


def _said(graph: nir.NIRGraph) -> dict[str, Any]:
    """What this library noted in the metadata, {} where it did not write the graph."""
    text = graph.metadata.get("minisnn")
    if text is None:
        return {}
    try:
        said = json.loads(text)
        version, found = said["version"], {key: said[key] for key in ("dt", "steps", "network", "inner_loop")}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"metadata: what minisnn noted is damaged ({error})") from None
    if version != 1:
        raise ValueError(f"metadata: written in version {_brief(version)}; this minisnn reads version 1")
    return found


def _guess(graph: nir.NIRGraph, synapses: list[Any], dt: float, steps: str) -> dict[str, Any]:
    """The configuration that a graph without metadata must be of; `_compare` then holds every node to it."""
    order = _in_order(graph)

    def first(kind: str, names: list[str] = order) -> Any:
        for name in names:
            if type(graph.nodes[name]).__name__ == kind:
                return graph.nodes[name]
        raise ValueError(f"the graph has no {kind}; expected the blocks that minisnn.nir describes")

    def value(array: Any) -> float:
        if np.size(array) == 0:
            raise ValueError("a node has no parameters at all; expected one number a neuron")
        return float(np.ravel(array)[0])

    tau_of(0.5, dt, steps)  # refuses a dt or steps that cannot be
    trace, refractory, sizes = first("CubaLI"), first("LI"), [int(n) for n in first("Input").output_type["output"]]
    dtype = np.dtype(np.float64 if synapses[0].weight.dtype == np.float64 else np.float32)
    synapse = next(name for name in order if graph.nodes[name] is synapses[0])
    level = value(first("Threshold", _successors(graph, synapse)).threshold)
    convs = [node.weight for node in synapses if type(node).__name__ == "Conv2d"]
    dense = [len(node.weight) for node in synapses if type(node).__name__ == "Affine"]
    taus = {"alpha": trace.tau_mem, "beta": trace.tau_syn, "gamma": refractory.tau}
    neuron = {name: decay_of(value(tau), dt, steps) for name, tau in taus.items()}
    neuron |= dict(rho=-value(first("Scale").scale), threshold=reached(level, dtype), gain=value(trace.w_in))
    averages = any(type(node).__name__ == "AvgPool2d" for node in graph.nodes.values())
    layers = dict(channels=[len(w) for w in convs], hidden=dense[:-1], ways=dense[-1] if dense else 0)
    shape = dict(input_shape=(*sizes[1:], sizes[0]), kernel=convs[0].shape[-1] if convs else 5)
    return dict(**layers, **shape, dtype=dtype.name, neuron=neuron, pool="mean" if averages else "max")


def _network(configuration: dict[str, Any]) -> SpikingNet:
    try:
        return SpikingNet.from_configuration(configuration)
    except (TypeError, AttributeError, KeyError, OverflowError) as error:
        raise ValueError(f"metadata: the network is not one of this version of minisnn ({error})") from None


def _theta(net: SpikingNet, synapses: list[tuple[str, Any]]) -> np.ndarray:
    """The flat theta of the graph's weights and biases."""
    if len(synapses) != len(net.blocks):
        raise ValueError(f"the graph has {len(synapses)} Conv2d and Affine nodes; expected {len(net.blocks)}")
    parts = []
    for n, (b, (name, node)) in enumerate(zip(net.blocks, synapses)):
        k, _, c_in, c_out = b.weight_shape
        wanted = (c_out, c_in, k, k) if b.name.startswith("conv") else (c_out, c_in)
        for what, array, shape in (("weight", node.weight, wanted), ("bias", node.bias, (c_out,))):
            array, place = np.asarray(array), f"node {name!r} ({type(node).__name__}): {what}"
            if array.shape != shape:
                raise ValueError(f"{place} has shape {array.shape}; expected {shape}")
            if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
                raise ValueError(f"{place} holds NaN, infinity or no numbers; expected finite numbers")
            parts.append((_own_weight(net, n, array) if what == "weight" else array).astype(net.dtype).ravel())
    return np.concatenate(parts)


def _compare(found: nir.NIRGraph, expected: nir.NIRGraph) -> None:
    """ValueError, naming the node, where a graph differs from what this library would have written, but for names."""
    names = {"input": next(iter(found.inputs))}  # what is expected -> what was found
    order = ["input"]
    for name in order:
        here = names[name]
        _compare_node(here, found.nodes[here], expected.nodes[name])
        wanted = {type(expected.nodes[t]).__name__: t for t in _successors(expected, name)}
        there = {t: type(found.nodes[t]).__name__ for t in _successors(found, here)}
        if sorted(there.values()) != sorted(wanted):
            leads = f"leads to {' and '.join(sorted(there.values())) or 'nothing'}"
            kind = type(found.nodes[here]).__name__
            raise ValueError(f"node {here!r} ({kind}) {leads}; expected {' and '.join(sorted(wanted))}")
        for target, kind in there.items():
            if names.setdefault(wanted[kind], target) != target:
                raise ValueError(f"node {here!r} leads to {target!r}; expected it to lead to {names[wanted[kind]]!r}")
            if wanted[kind] not in order:
                order.append(wanted[kind])
    left = set(found.nodes) - set(names.values())
    for name in sorted(left)[:1]:
        kind = type(found.nodes[name]).__name__
        raise ValueError(f"node {name!r} ({kind}) is not reached from the input; expected one network")


def _compare_node(name: str, found: Any, expected: Any) -> None:
    kind = type(expected).__name__

    def check(field: str, here: Any, wanted: Any) -> None:
        if np.ndim(here) and np.ndim(wanted) and np.shape(here) != np.shape(wanted):
            raise ValueError(f"node {name!r} ({kind}): {field} has shape {np.shape(here)}; expected {np.shape(wanted)}")
        try:
            same = np.allclose(np.asarray(here, float), np.asarray(wanted, float), rtol=1e-5, atol=1e-8)
        except (TypeError, ValueError):  # no numbers
            same = False
        if not same:
            raise ValueError(f"node {name!r} ({kind}): {field} is {_brief(here)}; expected {_brief(wanted)}")

    if kind in ("Input", "Output"):
        check("its shape", found.output_type["output"], expected.output_type["output"])
    for field in _FIELDS[kind]:
        here, wanted = getattr(found, field), getattr(expected, field)
        if field == "padding" and isinstance(here, str) and here == "same":
            here = wanted
        if field == "end_dim":
            here, wanted = here % 3, wanted % 3
        check(field, here, wanted)


def _brief(value: Any) -> str:
    """A number, several, or a range of many."""
    array = np.unique(value) if np.size(value) > 3 else np.ravel(value)
    return ", ".join(map(str, array.tolist())) if len(array) < 4 else f"{array[0]} to {array[-1]}"


def _own_weight(net: SpikingNet, n: int, weight: np.ndarray) -> np.ndarray:
    """`_nir_weight` backwards."""
    if weight.ndim == 4:
        return weight.transpose(2, 3, 1, 0)
    image = image_before(net, n)
    if image is None:
        return weight.T
    H, W, C = image
    return weight.T.reshape(C, H, W, -1).transpose(1, 2, 0, 3)
