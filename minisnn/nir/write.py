"""From a network to a NIR graph and file, as the package's docstring says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_whole
from ..layers.cuba import CubaLIF
from ..network.base import Network
from ..meta.inner import InnerLoop
from ..meta.kept import kept_of
from ..network.spiking import SpikingNet
from .chain import TOOLS, build as build_chain
from .common import below, need_nir, tau_of
from .networks import as_cuba
from .told import of_export
from .unchain import Reader
from .walk import one_after_another

if TYPE_CHECKING:
    import nir


def export_nir(
    path: str | Path,
    net: Network,
    theta: np.ndarray,
    *,
    inner: InnerLoop | None = None,
    dt: float = 1e-3,
    steps: str = "euler",
    tool: str | None = None,
) -> None:
    """Write a network as a NIR file, whole or not at all; arguments as in `to_nir`.

    Raises what `to_nir` raises, and OSError where the file cannot be written.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.export_nir("net.nir", net, theta)
    >>> np.array_equal(ms.import_nir("net.nir").theta, theta)
    True
    """
    graph = to_nir(net, theta, inner=inner, dt=dt, steps=steps, tool=tool)
    buffer = io.BytesIO()
    need_nir().write(buffer, graph)
    write_whole(Path(path), buffer.getvalue())


def to_nir(
    net: Network,
    theta: np.ndarray,
    *,
    inner: InnerLoop | None = None,
    dt: float = 1e-3,
    steps: str = "euler",
    tool: str | None = None,
) -> nir.NIRGraph:
    """The NIR graph of a `SpikingNet` and its flat theta, as the module's docstring describes;
    arrays in the network's dtype.

    inner   how the network adapts, kept in the metadata          dt      seconds of a step
    steps   how the tool that will run it takes a step of dt, "euler" or "exponential"
    tool    for a network of `CubaLIF`: who will run it, one of `TOOLS`, which gives dt

    Raises ValueError for another network, a theta that does not fit or is not finite, and dt <= 0.
    Also for a decay of 0 with "exponential", which has no time constant, for "exponential" steps of
    CubaLIF, and for a tool that cannot run the network.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> graph = ms.nir.to_nir(net, theta)
    >>> sorted({type(node).__name__ for node in graph.nodes.values()})
    ['Affine', 'CubaLI', 'Input', 'LI', 'Output', 'Scale', 'Threshold']
    """
    need_nir()
    if not isinstance(net, SpikingNet):
        raise ValueError(
            f"NIR has no softplus, so that a {type(net).__name__} cannot be exported; expected a "
            "SpikingNet"
        )
    theta = net._vector(theta, "theta")
    if inner is not None:
        inner.check(net)
    if tool is not None:
        dt = _step_of(tool, net)
    if net.own:
        raise ValueError(
            f"the network has {net.own}, which NIR and its tools do not know; expected LIF or "
            "CubaLIF as they ship"
        )
    if net.beyond:
        raise ValueError(
            f"a graph is written of conv layers that are all alike and dense ones; this network has "
            f"{net.beyond}"
        )
    if isinstance(net.neuron, CubaLIF) and steps != "euler":
        raise ValueError(
            "a CubaLIF is written in Euler steps, which all its tools take; expected steps euler, "
            f"not {steps}"
        )
    chain = isinstance(net.neuron, CubaLIF)
    graph = build_chain(net, theta, dt, tool) if chain else build(net, theta, dt, steps)
    _check_finite(graph)
    said: dict[str, Any] = dict(
        version=1, dt=dt, steps=steps, tool=tool, network=net.configuration(), inner_loop=None
    )
    graph.metadata = {"about": "minisnn: " + "; ".join(unsaid(net, dt=dt, steps=steps, tool=tool))}
    if chain and not _comes_back(graph, net, theta, dt):
        graph.metadata["theta"] = theta.copy()
    if inner is not None:
        said["inner_loop"] = kept_of(inner)
        graph.metadata["step_size"] = (
            inner.step_size if np.ndim(inner.step_size) else float(inner.step_size)
        )
    graph.metadata["minisnn"] = json.dumps(said, sort_keys=True)
    return graph


def unsaid(
    net: SpikingNet, *, dt: float = 1e-3, steps: str = "euler", tool: str | None = None
) -> list[str]:
    """What the NIR graph of a network does not tell whoever runs it, in sentences; arguments as in
    `to_nir`.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> len(ms.nir.unsaid(net)) > 0
    True
    """
    membrane = TOOLS[tool].membrane if tool in TOOLS else "the membrane of the last CubaLIF"
    return of_export(net, TOOLS[tool].dt if tool in TOOLS else dt, steps, tool, membrane)


def _check_finite(graph: nir.NIRGraph) -> None:
    for name, node in graph.nodes.items():
        for of in ("weight", "bias", "v_threshold", "tau_mem", "tau_syn"):
            if not np.isfinite(getattr(node, of, 0.0)).all():
                raise ValueError(
                    f"{name}'s {of} would not be finite: constants of the neuron or dt are too "
                    "large or too small"
                )


def _comes_back(graph: nir.NIRGraph, net: SpikingNet, theta: np.ndarray, dt: float) -> bool:
    """Whether the weights of a chain, divided again by what they were multiplied by, are theta to
    the last bit."""
    found = as_cuba(
        Reader(graph, one_after_another(graph), dt),
        {"network": net.configuration()},
        net.from_configuration,
    )[1]
    return found.tobytes() == theta.tobytes()


def _step_of(tool: str, net: SpikingNet) -> float:
    """Seconds of a tool's step."""
    if tool not in TOOLS:
        raise ValueError(f"tool must be one of {', '.join(TOOLS)}, not {tool!r}")
    if not isinstance(net.neuron, CubaLIF):
        raise ValueError(
            f"{tool} cannot run a network of LIF, whose reset fades: it knows no Threshold, LI or "
            "loop; expected one of CubaLIF"
        )
    return TOOLS[tool].dt


def build(net: SpikingNet, theta: np.ndarray, dt: float, steps: str) -> nir.NIRGraph:
    """Nodes and edges of a network of LIF, named after the blocks."""
    library = need_nir()
    lif = net.neuron
    dtype = net.dtype
    views = net.views(theta)
    decays = {name: tau_of(getattr(lif, name), dt, steps) for name in ("alpha", "beta", "gamma")}
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []

    def put(name: str, node: Any, *sources: str) -> str:
        nodes[name] = node
        edges.extend((source, name) for source in sources)
        return name

    def full(shape: tuple[int, ...], value: Any) -> np.ndarray:
        return np.full(shape, value, dtype)

    shape = (net.input_shape[-1], *net.input_shape[:-1])  # images are (C, H, W) in NIR
    at = put("input", library.Input(input_type=np.array(shape)))
    for n, b in enumerate(net.blocks):
        conv = b.name.startswith("conv")
        if not conv and len(shape) == 3:
            at = put(
                "flatten", library.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1), at
            )
            shape = (int(np.prod(shape)),)
        values = dict(
            tau_syn=decays["beta"],
            tau_mem=decays["alpha"],
            r=1,
            v_leak=0,
            w_in=1 if n else lif.gain,
        )
        trace = library.CubaLI(**{name: full(shape, value) for name, value in values.items()})
        at = put(f"{b.name}_trace", trace, at)
        weight = _nir_weight(net, n, views[f"{b.name}.weight"])
        bias = views[f"{b.name}.bias"].copy()
        if conv:
            synapse = library.Conv2d(shape[1:], weight, 1, b.kernel // 2, 1, 1, bias)
            shape = (b.channels, *shape[1:])
        else:
            synapse = library.Affine(weight, bias)
            shape = (b.channels,)
        u = (put(f"{b.name}_synapse", synapse, at), f"{b.name}_reset")
        least = below(lif.threshold, dtype)
        spike = put(f"{b.name}_spike", library.Threshold(full(shape, least)), *u)
        r = put(
            f"{b.name}_refractory",
            library.LI(full(shape, decays["gamma"]), full(shape, 1), full(shape, 0)),
            spike,
        )
        put(f"{b.name}_reset", library.Scale(full(shape, -vars(lif)["rho"])), r)
        if b.readout:
            put("output", library.Output(output_type=np.array(shape)), *u)
        elif conv:
            two = np.array([2, 2])
            kind, sources, level = (
                (library.SumPool2d, (spike,), 0.5)
                if net.pool == "max"
                else (library.AvgPool2d, u, least)
            )
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
            pooled = put(f"{b.name}_pool", kind(two, two, np.array([0, 0])), *sources)
            at = put(f"{b.name}_fire", library.Threshold(full(shape, level)), pooled)
        else:
            at = spike
    return library.NIRGraph(nodes, edges)


def image_before(net: SpikingNet, n: int) -> tuple[int, ...] | None:
    """(H, W, C) of what block n flattens, None where it gets no image."""
    image = net.blocks[n - 1].output_shape if n else net.input_shape
    return None if len(image) == 1 or image[:2] == (1, 1) else image


def _nir_weight(net: SpikingNet, n: int, weight: np.ndarray) -> np.ndarray:
    """(k, k, C_in, C_out) -> (C_out, C_in, k, k); (H W C, K) -> (K, C H W)."""
    if weight.ndim == 4:
        return np.ascontiguousarray(weight.transpose(3, 2, 0, 1))
    image = image_before(net, n)
    if image is not None:
        weight = weight.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
    return np.ascontiguousarray(weight.T)
