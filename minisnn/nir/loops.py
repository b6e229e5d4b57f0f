"""Of a graph of CubaLI, Threshold and LI, the form of a network of `LIF`: what it must be of, and
whether every node is so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network.spiking import SpikingNet
from ..network.theta import held
from .common import decay_of, reached, tau_of
from .walk import in_order, input_shape, successors
from .write import image_before

if TYPE_CHECKING:
    import nir

# what of a node must be as this library writes it; weights may be anything of the right shape
FIELDS = {
    "Input": (),
    "Output": (),
    "Affine": (),
    "Linear": (),
    "Scale": ("scale",),
    "Threshold": ("threshold",),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "Conv2d": ("stride", "padding", "dilation", "groups"),
    "Flatten": ("start_dim", "end_dim"),
    **dict.fromkeys(("SumPool2d", "AvgPool2d"), ("kernel_size", "stride", "padding")),
}

HEARD = "CubaLI of a recurrent layer"


def guess(graph: nir.NIRGraph, dt: float, steps: str) -> dict[str, Any]:
    """The configuration that a graph without metadata must be of; `compare` then holds every node
    to it.

    The network's neuron is that of the readout; a layer of others has a neuron of its own.
    """
    tau_of(0.5, dt, steps)  # refuses a dt or steps that cannot be
    order = in_order(graph)
    synapses = synapses_of(graph)
    sizes = list(input_shape(graph, order[0]))
    weight = graph.nodes[synapses[0]].weight
    dtype = np.dtype(np.float64 if weight.dtype == np.float64 else np.float32)
    gain = _value(_one(graph, "CubaLI", order).w_in)
    layers = [_layer(graph, name, dt, steps, dtype, gain) for name in synapses]
    neuron = layers.pop().pop("neuron")
    for one in layers:
        if one["neuron"] == neuron:
            del one["neuron"]
    settings = dict(
        input_shape=(*sizes[1:], sizes[0]),
        dtype=dtype.name,
        neuron=neuron,
        ways=len(graph.nodes[synapses[-1]].weight),
    )
    return {**settings, **_short(layers)}


def synapses_of(graph: nir.NIRGraph) -> list[str]:
    """Names of the Conv2d and Affine nodes, from the input on. Raises ValueError where there is
    none."""
    found = [
        name for name in in_order(graph) if type(graph.nodes[name]).__name__ in ("Conv2d", "Affine")
    ]
    if not found:
        raise ValueError(
            "the graph has no Conv2d and no Affine behind its input; expected a network"
        )
    return found


def _layer(
    graph: nir.NIRGraph, name: str, dt: float, steps: str, dtype: np.dtype, gain: float
) -> dict[str, Any]:
    """What the nodes around a synapse say of its layer."""
    after = successors(graph, name)
    before = [source for source, target in graph.edges if target == name]
    spike = _one(graph, "Threshold", after)
    fired = successors(graph, next(one for one in after if graph.nodes[one] is spike))
    trace = _one(graph, "CubaLI", before)
    refractory = _one(graph, "LI", fired)
    resets = [s for s, t in graph.edges if graph.nodes[t] is spike]
    taus = {"alpha": trace.tau_mem, "beta": trace.tau_syn, "gamma": refractory.tau}
    neuron = {key: decay_of(_value(tau), dt, steps) for key, tau in taus.items()}
    neuron |= dict(rho=-_value(_one(graph, "Scale", resets).scale), gain=gain)
    neuron["threshold"] = reached(_value(spike.threshold), dtype)
    node = graph.nodes[name]
    channels = len(node.weight)
    if type(node).__name__ == "Affine":
        heard = [one for one in fired if role(graph, one) == HEARD]
        return dict(kind="dense", channels=channels, recurrent=bool(heard), neuron=neuron)
    kinds = {type(graph.nodes[one]).__name__ for one in (*after, *fired)}
    pool = "mean" if "AvgPool2d" in kinds else "max" if "SumPool2d" in kinds else "none"
    stride = int(np.ravel(node.stride)[0])
    shape = dict(kernel=int(node.weight.shape[-1]), stride=stride, pool=pool)
    return dict(kind="conv", channels=channels, **shape, neuron=neuron)


def _short(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Layers in the short form of a configuration, where it has them."""
    conv = [one for one in layers if one["kind"] == "conv"]
    dense = [one for one in layers if one["kind"] == "dense"]
    kinds = {(one["kernel"], one["stride"], one["pool"]) for one in conv} or {(5, 1, "max")}
    kernel, stride, pool = min(kinds)
    alike = len(kinds) == 1 and stride == 1 and pool != "none"
    if not alike or any("neuron" in one or one.get("recurrent") for one in layers):
        return dict(layers=layers)
    widths = dict(channels=[one["channels"] for one in conv])
    return {
        **widths,
        "hidden": [one["channels"] for one in dense],
        "kernel": kernel,
        "pool": pool,
    }


def _one(graph: nir.NIRGraph, kind: str, names: list[str]) -> Any:
    """The first node of a kind. ValueError where there is none."""
    for name in names:
        if type(graph.nodes[name]).__name__ == kind:
            return graph.nodes[name]
    raise ValueError(f"the graph has no {kind}; expected the blocks that minisnn.nir describes")


def _value(array: Any) -> float:
    """The first of its numbers."""
    if np.size(array) == 0:
        raise ValueError("a node has no parameters at all; expected one number a neuron")
    return float(np.ravel(array)[0])


def role(graph: nir.NIRGraph, name: str) -> str:
    """What a node is among those that another leads to: its type, or the filter of what a layer
    hears of itself."""
    kind = type(graph.nodes[name]).__name__
    there = {type(graph.nodes[one]).__name__ for one in successors(graph, name)}
    return HEARD if kind == "CubaLI" and there == {"Linear"} else kind


def theta_of(net: SpikingNet, graph: nir.NIRGraph, dt: float, steps: str) -> np.ndarray:
    """The flat theta of the graph's weights, biases and learned constants."""
    synapses = synapses_of(graph)
    if len(synapses) != len(net.blocks):
        raise ValueError(
            f"the graph has {len(synapses)} Conv2d and Affine nodes; expected {len(net.blocks)}"
        )
    parts = []
    for n, (b, name) in enumerate(zip(net.blocks, synapses)):
        node = graph.nodes[name]
        own = b.own_weight_shape
        wanted = tuple(own[axis] for axis in ((3, 2, 0, 1) if len(own) == 4 else (1, 0)))
        weight = _array(name, node, "weight", wanted)
        parts += [_own_weight(net, n, weight), _array(name, node, "bias", (b.channels,))]
        if b.recurrent:
            heard = _recurrent(graph, name)
            square = (b.channels, b.channels)
            parts.append(_array(heard, graph.nodes[heard], "weight", square).T)
        if b.learn:
            found = _layer(graph, name, dt, steps, net.dtype, net.gain)["neuron"]
            neuron = replace(b.neuron, **{one: found[one] for one in b.learn})
            parts += [np.array(held(replace(b, neuron=neuron), one)) for one in b.learn]
    return np.concatenate([part.astype(net.dtype).ravel() for part in parts])


def _recurrent(graph: nir.NIRGraph, synapse: str) -> str:
    """The name of the weights by which the layer of a synapse hears itself."""
    for spike in successors(graph, synapse):
        for heard in successors(graph, spike):
            if role(graph, heard) == HEARD:
                return successors(graph, heard)[0]
    raise ValueError(f"node {synapse!r} has no loop of CubaLI and Linear; expected one")


def _array(name: str, node: Any, what: str, shape: tuple[int, ...]) -> np.ndarray:
    """A node's weight or bias, checked."""
    array = np.asarray(getattr(node, what))
    place = f"node {name!r} ({type(node).__name__}): {what}"
    if array.shape != shape:
        raise ValueError(f"{place} has shape {array.shape}; expected {shape}")
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"{place} holds NaN, infinity or no numbers; expected finite numbers")
    return array


def compare(found: nir.NIRGraph, expected: nir.NIRGraph) -> None:
    """ValueError, naming the node, where a graph differs from what this library would have written,
    but for names."""
    names = {"input": next(iter(found.inputs))}  # what is expected -> what was found
    order = ["input"]
    for name in order:
        here = names[name]
        _compare_node(here, found.nodes[here], expected.nodes[name])
        wanted = {role(expected, t): t for t in successors(expected, name)}
        there = {t: role(found, t) for t in successors(found, here)}
        if sorted(there.values()) != sorted(wanted):
            leads = f"leads to {' and '.join(sorted(there.values())) or 'nothing'}"
            kind = type(found.nodes[here]).__name__
            raise ValueError(
                f"node {here!r} ({kind}) {leads}; expected {' and '.join(sorted(wanted))}"
            )
        for target, kind in there.items():
            if names.setdefault(wanted[kind], target) != target:
                raise ValueError(
                    f"node {here!r} leads to {target!r}; expected it to lead to "
                    f"{names[wanted[kind]]!r}"
                )
            if wanted[kind] not in order:
                order.append(wanted[kind])
    for name in sorted(set(found.nodes) - set(names.values()))[:1]:
        kind = type(found.nodes[name]).__name__
        raise ValueError(
            f"node {name!r} ({kind}) is not reached from the input; expected one network"
        )


def _compare_node(name: str, found: Any, expected: Any) -> None:
    kind = type(expected).__name__

    def check(field: str, here: Any, wanted: Any) -> None:
        if np.ndim(here) and np.ndim(wanted) and np.shape(here) != np.shape(wanted):
            raise ValueError(
                f"node {name!r} ({kind}): {field} has shape {np.shape(here)}; expected "
                f"{np.shape(wanted)}"
            )
        try:
            same = np.allclose(
                np.asarray(here, float), np.asarray(wanted, float), rtol=1e-5, atol=1e-8
            )
        except (TypeError, ValueError):  # no numbers
            same = False
        if not same:
            raise ValueError(
                f"node {name!r} ({kind}): {field} is {brief(here)}; expected {brief(wanted)}"
            )

    if kind in ("Input", "Output"):
        check("its shape", *(next(iter(node.output_type.values())) for node in (found, expected)))
    for field in FIELDS[kind]:
        here = getattr(found, field)
        wanted = getattr(expected, field)
        if field == "padding" and isinstance(here, str) and here == "same":
            here = wanted
        if field == "end_dim":
            here = here % 3
            wanted = wanted % 3
        check(field, here, wanted)


def brief(value: Any) -> str:
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
