"""Write networks of current-based neurons with a hard reset as NIR chains and files, as the
package's docstring describes."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..arguments import must
from ..files import write_whole
from ..core.layer import Layer
from ..meta.inner import InnerLoop
from ..meta.kept import arrays_of, kept_of
from ..core.network import Network
from ..network.spiking import SpikingNet
from .sentences import of_export

if TYPE_CHECKING:
    import nir

NEVER = 1e30  # a threshold that no membrane reaches
VERSION = 3  # version of the metadata


class Tool(NamedTuple):
    """What a simulator requires of a graph.

    dt         seconds per step
    membrane   the name that the simulator has for the readout's membrane
    reaches    whether neurons fire at v = threshold, rather than only above it
    unit       whether it needs w_in = r = 1, and computes 1 / tau in float32
    hides      whether it needs a Flatten in a loop of two nodes, which it otherwise misreads
    sums       whether it pools by sums instead of means
    """

    dt: float
    membrane: str
    reaches: bool = False
    unit: bool = False
    hides: bool = False
    sums: bool = False


TOOLS = {
    "snntorch": Tool(1e-4, "mem of the last Synaptic", hides=True),
    "norse": Tool(1e-3, "v of the last LIFBoxCell", unit=True, sums=True),
    "spikingjelly": Tool(1e-4, "v of the last CUBALIFNode", reaches=True),
}
ANY = Tool(1e-3, "the membrane of the last CubaLIF")


def export_nir(
    path: str | Path,
    net: Network,
    theta: np.ndarray,
    *,
    inner: InnerLoop | None = None,
    dt: float = 1e-3,
    tool: str | None = None,
) -> None:
    """Write a network to a NIR file atomically. The arguments are those of `to_nir`.

    Raises the errors of `to_nir`, and OSError if the file cannot be written.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> ms.export_nir("net.nir", net, theta)
    >>> np.array_equal(ms.import_nir("net.nir").theta, theta)
    True
    """
    graph = to_nir(net, theta, inner=inner, dt=dt, tool=tool)
    buffer = io.BytesIO()
    need_nir().write(buffer, graph)
    write_whole(Path(path), buffer.getvalue())


def to_nir(
    net: Network,
    theta: np.ndarray,
    *,
    inner: InnerLoop | None = None,
    dt: float = 1e-3,
    tool: str | None = None,
) -> nir.NIRGraph:
    """Convert a `SpikingNet` with the neuron `CubaLIF`, and its flat theta, to a NIR graph in
    float64.

    inner   inner loop, stored in the metadata          dt      seconds per step
    tool    the simulator that will run the graph, one of `TOOLS`; it determines dt

    Raises ValueError for another network, a theta that does not fit or is not finite, and dt <= 0.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> [type(node).__name__ for node in ms.nir.to_nir(net, theta).nodes.values()]
    ['Input', 'Affine', 'CubaLIF', 'Output']
    """
    need_nir()
    must("tool", tool is None or tool in TOOLS, f"one of {', '.join(TOOLS)}", tool)
    if not isinstance(net, SpikingNet):
        raise ValueError(f"NIR has no {type(net).__name__}; expected a SpikingNet of CubaLIF")
    for neuron in (net.neuron, *(b.neuron for b in net.blocks if not b.readout)):
        if neuron.says("nir") != "CubaLIF":
            raise ValueError(
                f"NIR has no node for {type(neuron).__name__} that other tools run; expected a "
                "network of CubaLIF (minisnn.save stores any built-in neuron)"
            )
    if net.own:
        raise ValueError(f"the network has {net.own}, an object of your own, which no file holds")
    theta = net._vector(theta, "theta")
    if inner is not None:
        inner.check(net)
    dt = TOOLS[tool].dt if tool else dt
    must("dt", 0 < dt < math.inf, "a positive time in seconds", dt)
    graph = build(net, theta, dt, tool)
    kept = dict(version=VERSION, dt=dt, tool=tool, network=net.configuration(), inner_loop=None)
    graph.metadata = {
        "about": "minisnn: " + "; ".join(unsaid(net, dt=dt, tool=tool)),
        "theta": theta.copy(),
    }
    if inner is not None:
        kept["inner_loop"] = kept_of(inner)
        for name, array in arrays_of(inner).items():
            graph.metadata[name] = array if array.ndim else float(array)
    graph.metadata["minisnn"] = json.dumps(kept, sort_keys=True)
    return graph


def unsaid(net: SpikingNet, *, dt: float = 1e-3, tool: str | None = None) -> list[str]:
    """List, as sentences, what a network's NIR graph leaves open for its user. The arguments are
    those of `to_nir`.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> len(ms.nir.unsaid(net)) > 0
    True
    """
    target = TOOLS[tool] if tool else ANY._replace(dt=dt)
    return of_export(net, target.dt, target.membrane, target.reaches)


def need_nir() -> Any:
    """Import the package nir. Raises ValueError, which says how to install it, if it is missing."""
    try:
        import nir
    except ImportError as error:
        raise ValueError(
            'NIR files need the library nir; install it with: pip install "minisnn[nir]"'
        ) from error
    return nir


def build(net: SpikingNet, theta: np.ndarray, dt: float, tool: str | None) -> nir.NIRGraph:
    """Return the nodes and edges of a network, named after its blocks; each layer has the constants
    that its neuron has at theta."""
    chain = _Chain(net, TOOLS[tool] if tool else ANY, np.dtype("f4" if tool else "f8"), dt)
    views = net.views(theta.astype(np.float64))
    for n, (b, _, _) in enumerate(net.parameters(theta)):
        parts = (views.get(f"{b.name}.{part}") for part in ("weight", "bias", "recurrent"))
        chain.layer(b, 1.0 if n else net.gain, *parts)
    chain.put("output", chain.nir.Output(output_type=np.array(chain.shape)))
    return chain.nir.NIRGraph(chain.nodes, chain.edges)


class _Chain:
    """The nodes added so far, and the output shape of the last one, (C, H, W) or (C,)."""

    def __init__(self, net: SpikingNet, tool: Tool, held: np.dtype, dt: float):
        self.nir = need_nir()
        self.tool = tool
        self.held = held  # the type in which the tool stores thresholds
        self.dt = dt
        self.shape: tuple[int, ...] = (net.input_shape[-1], *net.input_shape[:-1])
        self.nodes = {"input": self.nir.Input(input_type=np.array(self.shape))}
        self.edges: list[tuple[str, str]] = []
        self.at = "input"
        self.share = 1.0  # turns a sum of spikes into their mean

    def put(self, name: str, node: Any) -> None:
        """Append a node."""
        self.edges.append((self.at, name))
        self.nodes[name] = node
        self.at = name

    def layer(self, b: Layer, gain: float, weight: Any, bias: Any, heard: Any) -> None:
        """Add all nodes of a block, whose input is multiplied by `gain`; `heard` are its recurrent
        weights."""
        whole, power = (1.0, 1.0) if self.tool.unit else scales(b.neuron)
        scale = whole if b.readout else power
        self.synapse(b, scale * gain * self.share * weight, scale * bias)
        level = NEVER if b.readout else b.neuron.threshold * power / whole
        self.neurons(f"{b.name}_spike", level, b.neuron.alpha, b.neuron.beta)
        if heard is not None:
            spike = self.at
            if self.tool.hides:
                self.put(f"{b.name}_heard", self.nir.Flatten({"input": np.array(self.shape)}, -1))
            self.put(f"{b.name}_recurrent", self.nir.Linear(np.ascontiguousarray(scale * heard.T)))
            self.edges.append((self.at, spike))
            self.at = spike
        if b.pool != "none":
            two = np.array([2, 2])
            pool = self.nir.SumPool2d if self.tool.sums else self.nir.AvgPool2d
            self.put(f"{b.name}_pool", pool(two, two, np.array([0, 0])))
            self.shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))
        self.share = 0.25 if self.tool.sums and b.pool == "spikes" else 1.0
        if b.pool == "max":
            self.neurons(f"{b.name}_or", 0.5 if self.tool.sums else 0.125)

    def synapse(self, b: Layer, weight: np.ndarray, bias: np.ndarray) -> None:
        """Add weights, preceded by a Flatten if a dense layer follows an image."""
        name = f"{b.name}_synapse"
        if weight.ndim == 4:
            kernel = np.ascontiguousarray(weight.transpose(3, 2, 0, 1))
            half = len(weight) // 2
            node = self.nir.Conv2d(self.shape[1:], kernel, b.stride, (half, half), 1, 1, bias)
            self.put(name, node)
            self.shape = (b.channels, *(-(-side // b.stride) for side in self.shape[1:]))
            return
        if len(self.shape) == 3:  # flatten the last three axes, with or without a batch axis
            self.put("flatten", self.nir.Flatten({"input": np.array(self.shape)}, -3, -1))
            weight = weight.reshape(*self.shape[1:], self.shape[0], -1).transpose(2, 0, 1, 3)
        self.put(
            name, self.nir.Affine(np.ascontiguousarray(weight.reshape(-1, b.channels).T), bias)
        )
        self.shape = (b.channels,)

    def neurons(self, name: str, threshold: float, alpha: float = 0.0, beta: float = 0.0) -> None:
        """Add a CubaLIF node. Its threshold is chosen so that > is equivalent to minisnn's >=."""
        unit = self.tool.unit
        tau_syn, tau_mem = (_tau(decay, self.dt, unit) for decay in (beta, alpha))
        values = dict(
            tau_syn=tau_syn,
            tau_mem=tau_mem,
            w_in=1.0 if unit else tau_syn / self.dt,
            r=1.0 if unit else tau_mem / self.dt,
            v_leak=0.0,
            v_reset=0.0,
            v_threshold=threshold if self.tool.reaches else float(below(threshold, self.held)),
        )
        arrays = {name: np.full(self.shape, value) for name, value in values.items()}
        self.put(name, self.nir.CubaLIF(**arrays))


def scales(neuron: Any) -> tuple[float, float]:
    """Return s = (1 - alpha) (1 - beta), and the power of two nearest to it, or s twice if the
    threshold is not positive."""
    whole = (1 - neuron.alpha) * (1 - neuron.beta)
    return whole, 2.0 ** round(math.log2(whole)) if neuron.threshold > 0 else whole


def _tau(decay: float, dt: float, unit: bool) -> float:
    """Return the time constant whose Euler step has this decay; with `unit`, the nearby float32
    number for which dt * (1 / tau), in float32, is nearest to 1 - decay."""
    tau = dt / (1 - decay)
    if not unit:
        return tau
    one = np.float32(1)
    near = np.float32(tau) * (one + np.arange(-8, 9, dtype=np.float32) * np.finfo("f4").eps)
    apart = np.abs((np.float32(dt) * (one / near)).astype(np.float64) - (1 - decay))
    return float(near[np.lexsort((np.abs(near - np.float32(tau)), apart))[0]])


def below(threshold: float, dtype: np.dtype) -> np.floating:
    """Return the largest number x for which v > x is equivalent to v >= threshold; not a subnormal
    one, since many processors treat those as zero."""
    exact = dtype.type(threshold)
    if float(exact) < threshold:  # rounding down gave a smaller number
        return exact
    return min(np.nextafter(exact, dtype.type(-np.inf)), exact - np.finfo(dtype).tiny)
