"""Of a graph of CubaLI, Threshold and LI, the form of a network of `LIF`: what it must be of, and
whether every node is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..network.spiking import SpikingNet
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
    "Scale": ("scale",),
    "Threshold": ("threshold",),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "Conv2d": ("stride", "padding", "dilation", "groups"),
    "Flatten": ("start_dim", "end_dim"),
    **dict.fromkeys(("SumPool2d", "AvgPool2d"), ("kernel_size", "stride", "padding")),
}


def guess(graph: nir.NIRGraph, synapses: list[Any], dt: float, steps: str) -> dict[str, Any]:
    """The configuration that a graph without metadata must be of; `_compare` then holds every node
    to it."""
    order = in_order(graph)

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
    trace = first("CubaLI")
    refractory = first("LI")
    sizes = list(input_shape(graph, order[0]))
    dtype = np.dtype(np.float64 if synapses[0].weight.dtype == np.float64 else np.float32)
    synapse = next(name for name in order if graph.nodes[name] is synapses[0])
    level = value(first("Threshold", successors(graph, synapse)).threshold)
    convs = [node.weight for node in synapses if type(node).__name__ == "Conv2d"]
    dense = [len(node.weight) for node in synapses if type(node).__name__ == "Affine"]
    taus = {"alpha": trace.tau_mem, "beta": trace.tau_syn, "gamma": refractory.tau}
    neuron = {name: decay_of(value(tau), dt, steps) for name, tau in taus.items()}
    neuron |= dict(
        rho=-value(first("Scale").scale), threshold=reached(level, dtype), gain=value(trace.w_in)
    )
    averages = any(type(node).__name__ == "AvgPool2d" for node in graph.nodes.values())
    return dict(
        channels=[len(w) for w in convs],
        hidden=dense[:-1],
        ways=dense[-1] if dense else 0,
        input_shape=(*sizes[1:], sizes[0]),
        kernel=convs[0].shape[-1] if convs else 5,
        dtype=dtype.name,
        neuron=neuron,
        pool="mean" if averages else "max",
    )


def theta_of(net: SpikingNet, synapses: list[tuple[str, Any]]) -> np.ndarray:
    """The flat theta of the graph's weights and biases."""
    if len(synapses) != len(net.blocks):
        raise ValueError(
            f"the graph has {len(synapses)} Conv2d and Affine nodes; expected {len(net.blocks)}"
        )
    parts = []
    for n, (b, (name, node)) in enumerate(zip(net.blocks, synapses)):
        k, _, c_in, c_out = b.weight_shape
        wanted = (c_out, c_in, k, k) if b.name.startswith("conv") else (c_out, c_in)
        for what, array, shape in (("weight", node.weight, wanted), ("bias", node.bias, (c_out,))):
            array = np.asarray(array)
            place = f"node {name!r} ({type(node).__name__}): {what}"
            if array.shape != shape:
                raise ValueError(f"{place} has shape {array.shape}; expected {shape}")
            if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
                raise ValueError(
                    f"{place} holds NaN, infinity or no numbers; expected finite numbers"
                )
            parts.append(
                (_own_weight(net, n, array) if what == "weight" else array)
                .astype(net.dtype)
                .ravel()
            )
    return np.concatenate(parts)


def compare(found: nir.NIRGraph, expected: nir.NIRGraph) -> None:
    """ValueError, naming the node, where a graph differs from what this library would have written,
    but for names."""
    names = {"input": next(iter(found.inputs))}  # what is expected -> what was found
    order = ["input"]
    for name in order:
        here = names[name]
        _compare_node(here, found.nodes[here], expected.nodes[name])
        wanted = {type(expected.nodes[t]).__name__: t for t in successors(expected, name)}
        there = {t: type(found.nodes[t]).__name__ for t in successors(found, here)}
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
