"""From a network to a NIR graph and file, as the package's docstring says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_whole
from ..layers.block import Block
from ..layers.cuba import CubaLIF
from ..network.base import Network
from ..meta.inner import InnerLoop
from ..meta.kept import kept_of
from ..network.spiking import SpikingNet
from .chain import TOOLS, build as build_chain
from .common import below, blocks_at, need_nir, tau_of
from .networks import as_cuba
from .told import of_export
from .unchain import reader_of

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
    chain = _is_cuba(net)
    if chain and steps != "euler":
        raise ValueError(
            "a CubaLIF is written in Euler steps, which all its tools take; expected steps euler, "
            f"not {steps}"
        )
    graph = build_chain(net, theta, dt, tool) if chain else build(net, theta, dt, steps)
    _check_finite(graph)
    said: dict[str, Any] = dict(
        version=1, dt=dt, steps=steps, tool=tool, network=net.configuration(), inner_loop=None
    )
    graph.metadata = {"about": "minisnn: " + "; ".join(unsaid(net, dt=dt, steps=steps, tool=tool))}
    if net.learned or (chain and not _comes_back(graph, net, theta, dt)):
        graph.metadata["theta"] = theta.copy()
    if inner is not None:
        said["inner_loop"] = kept_of(inner)
        graph.metadata["step_size"] = (
            inner.step_size if np.ndim(inner.step_size) else float(inner.step_size)
        )
        if (axes := getattr(inner, "axes", None)) is not None:
            graph.metadata["axes"] = axes
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
    found = as_cuba(reader_of(graph, dt, meant=net.blocks), net, ours=True)[1]
    return found.tobytes() == theta.tobytes()


def _is_cuba(net: SpikingNet) -> bool:
    """Whether all its layers are of `CubaLIF`, or none. Raises ValueError for some."""
    kinds = {isinstance(b.neuron, CubaLIF) for b in net.blocks if not b.readout}
    kinds.add(isinstance(net.neuron, CubaLIF))
    if len(kinds) > 1:
        raise ValueError(
            "the network has layers of CubaLIF, which act within a step, and of LIF, which take two, "
            "and no graph says both; expected one kind"
        )
    return kinds.pop()


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
    """Nodes and edges of a network of LIF, named after the blocks, each with the constants that its
    neuron has at theta."""
    made = _Loops(net, theta, dt, steps)
    for n, b in enumerate(blocks_at(net, theta)):
        made.block(n, b)
    return need_nir().NIRGraph(made.nodes, made.edges)


class _Loops:
    """The nodes so far, the last of them and the shape (C, H, W) or (C,) that it hands on."""

    def __init__(self, net: SpikingNet, theta: np.ndarray, dt: float, steps: str):
        self.library = need_nir()
        self.net = net
        self.views = net.views(theta)
        self.dt = dt
        self.steps = steps
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        # images are (C, H, W) in NIR
        self.shape: tuple[int, ...] = (net.input_shape[-1], *net.input_shape[:-1])
        self.at = self.put("input", self.library.Input(input_type=np.array(self.shape)))

    def put(self, name: str, node: Any, *sources: str) -> str:
        """A node behind others; its name."""
        self.nodes[name] = node
        self.edges.extend((source, name) for source in sources)
        return name

    def full(self, value: Any) -> np.ndarray:
        """A number for each neuron."""
        return np.full(self.shape, value, self.net.dtype)

    def trace(self, name: str, b: Block, gain: float, source: str) -> str:
        """Both filters of a synapse."""
        values = dict(
            tau_syn=tau_of(b.neuron.beta, self.dt, self.steps),
            tau_mem=tau_of(b.neuron.alpha, self.dt, self.steps),
            r=1,
            v_leak=0,
            w_in=gain,
        )
        arrays = {name: self.full(value) for name, value in values.items()}
        return self.put(name, self.library.CubaLI(**arrays), source)

    def synapse(self, n: int, b: Block, source: str) -> str:
        """W p + b, behind its trace."""
        weight = _nir_weight(self.net, n, self.views[f"{b.name}.weight"])
        bias = self.views[f"{b.name}.bias"].copy()
        if b.name.startswith("conv"):
            half = weight.shape[-1] // 2
            node = self.library.Conv2d(self.shape[1:], weight, b.stride, half, 1, 1, bias)
            self.shape = (b.channels, *(-(-side // b.stride) for side in self.shape[1:]))
        else:
            node = self.library.Affine(weight, bias)
            self.shape = (b.channels,)
        return self.put(f"{b.name}_synapse", node, source)

    def block(self, n: int, b: Block) -> None:
        """All nodes of a block."""
        lif = b.neuron
        conv = b.name.startswith("conv")
        if not conv and len(self.shape) == 3:
            flat = self.library.Flatten({"input": np.array(self.shape)}, start_dim=0, end_dim=-1)
            self.at = self.put("flatten", flat, self.at)
            self.shape = (int(np.prod(self.shape)),)
        trace = self.trace(f"{b.name}_trace", b, 1 if n else self.net.gain, self.at)
        u = [self.synapse(n, b, trace), f"{b.name}_reset"]
        if b.recurrent:
            u.append(f"{b.name}_recurrent")
        least = below(lif.threshold, self.net.dtype)
        spike = self.put(f"{b.name}_spike", self.library.Threshold(self.full(least)), *u)
        fades = tau_of(lif.gamma, self.dt, self.steps)
        refractory = self.library.LI(self.full(fades), self.full(1), self.full(0))
        r = self.put(f"{b.name}_refractory", refractory, spike)
        self.put(f"{b.name}_reset", self.library.Scale(self.full(-lif.rho)), r)
        if b.recurrent:
            heard = self.trace(f"{b.name}_heard", b, 1, spike)
            weight = np.ascontiguousarray(self.views[f"{b.name}.recurrent"].T)
            self.put(f"{b.name}_recurrent", self.library.Linear(weight), heard)
        self.at = spike
        if b.readout:
            self.put("output", self.library.Output(output_type=np.array(self.shape)), *u)
        elif b.pool != "none":
            self.pool(b, spike if b.pool == "max" else u, least)

    def pool(self, b: Block, sources: Any, least: Any) -> None:
        """The OR of spikes, or the mean of membranes and their spike."""
        two = np.array([2, 2])
        kinds = dict(max=self.library.SumPool2d, mean=self.library.AvgPool2d)
        node = kinds[b.pool](two, two, np.array([0, 0]))
        sources = [sources] if isinstance(sources, str) else sources
        pooled = self.put(f"{b.name}_pool", node, *sources)
        self.shape = (self.shape[0], self.shape[1] // 2, self.shape[2] // 2)
        level = 0.5 if b.pool == "max" else least
        self.at = self.put(f"{b.name}_fire", self.library.Threshold(self.full(level)), pooled)


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
