"""From a network of current-based neurons with a hard reset to a NIR chain, as the room's docstring
describes, and to its file."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..files import write_whole
from ..core.layer import Layer
from ..meta.inner import InnerLoop
from ..meta.kept import kept_of
from ..core.network import Network
from ..network.spiking import SpikingNet
from .sentences import of_export

if TYPE_CHECKING:
    import nir

NEVER = 1e30  # a threshold that no membrane reaches
VERSION = 2  # of the metadata


class Tool(NamedTuple):
    """What a simulator asks of a graph.

    dt         seconds of its steps
    membrane   where it keeps that of the readout
    reaches    whether it fires at v = threshold; others ask for more
    flattens   whether its Flatten leaves the batch as it is
    unit       whether w_in = r = 1, and 1 / tau is taken in float32
    hides      whether it takes a loop of two nodes for another; with a Flatten in it, it does not
    """

    dt: float
    membrane: str
    reaches: bool = False
    flattens: bool = False
    unit: bool = False
    hides: bool = False


TOOLS = {
    "snntorch": Tool(1e-4, "mem of the last Synaptic", hides=True),
    "norse": Tool(1e-3, "v of the last LIFBoxCell", unit=True),
    "spikingjelly": Tool(1e-4, "v of the last CUBALIFNode", reaches=True, flattens=True),
}
ANY = Tool(1e-3, "the membrane of the last CubaLIF", flattens=True)


def export_nir(
    path: str | Path,
    net: Network,
    theta: np.ndarray,
    *,
    inner: InnerLoop | None = None,
    dt: float = 1e-3,
    tool: str | None = None,
) -> None:
    """Write a network as a NIR file, whole or not at all; arguments as in `to_nir`.

    Raises what `to_nir` raises, and OSError where the file cannot be written.

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
    """The NIR graph of a `SpikingNet` of `CubaLIF` and its flat theta, in float64.

    inner   how the network adapts, kept in the metadata          dt      seconds of a step
    tool    who will run it, one of `TOOLS`, which gives dt

    Raises ValueError for another network, a theta that does not fit or is not finite, dt <= 0, and
    for means over an image with one side odd and one even.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> theta = net.init(np.random.default_rng(0))
    >>> [type(node).__name__ for node in ms.nir.to_nir(net, theta).nodes.values()]
    ['Input', 'Affine', 'CubaLIF', 'Output']
    """
    need_nir()
    if tool is not None and tool not in TOOLS:
        raise ValueError(f"tool must be one of {', '.join(TOOLS)}, not {tool!r}")
    _check_kind(net)
    assert isinstance(net, SpikingNet)
    theta = net._vector(theta, "theta")
    if inner is not None:
        inner.check(net)
    dt = TOOLS[tool].dt if tool else checked(dt)
    graph = build(net, theta, dt, tool)
    kept = dict(version=VERSION, dt=dt, tool=tool, network=net.configuration(), inner_loop=None)
    graph.metadata = {
        "about": "minisnn: " + "; ".join(unsaid(net, dt=dt, tool=tool)),
        "theta": theta.copy(),
    }
    if inner is not None:
        kept["inner_loop"] = kept_of(inner)
        step = inner.step_size
        graph.metadata["step_size"] = step if np.ndim(step) else float(step)
        if (axes := getattr(inner, "axes", None)) is not None:
            graph.metadata["axes"] = axes
    graph.metadata["minisnn"] = json.dumps(kept, sort_keys=True)
    return graph


def unsaid(net: SpikingNet, *, dt: float = 1e-3, tool: str | None = None) -> list[str]:
    """What the NIR graph of a network does not tell whoever runs it, in sentences; arguments as in
    `to_nir`.

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF())
    >>> len(ms.nir.unsaid(net)) > 0
    True
    """
    asks = TOOLS[tool] if tool else ANY._replace(dt=dt)
    return of_export(net, asks.dt, asks.membrane, asks.reaches)


def need_nir() -> Any:
    """The package nir. Raises ValueError, saying how to install it, where it is missing."""
    try:
        import nir
    except ImportError as error:
        raise ValueError(
            'NIR files need the library nir; install it with: pip install "minisnn[nir]"'
        ) from error
    return nir


def checked(dt: float) -> float:
    """The seconds of a step. Raises ValueError where they are none."""
    if not 0 < dt < math.inf:
        raise ValueError(f"dt must be a positive time in seconds, not {dt}")
    return dt


def _check_kind(net: Network) -> None:
    """Raises ValueError for a network that no tool runs."""
    if not isinstance(net, SpikingNet):
        raise ValueError(
            f"NIR has no softplus, so a {type(net).__name__} cannot be exported; expected a "
            "SpikingNet of CubaLIF"
        )
    for neuron in (net.neuron, *(b.neuron for b in net.blocks if not b.readout)):
        if neuron.says("nir") != "CubaLIF":
            raise ValueError(
                f"no neuron of NIR that other tools run is a {type(neuron).__name__}; expected a "
                "network of CubaLIF (a checkpoint keeps any neuron that ships: minisnn.save)"
            )
    if net.own:
        raise ValueError(f"the network has {net.own}, an object of your own, which no file holds")


def build(net: SpikingNet, theta: np.ndarray, dt: float, tool: str | None) -> nir.NIRGraph:
    """Nodes and edges of a network, named after its blocks, each layer with the constants that its
    neuron has at theta."""
    chain = _Chain(net, TOOLS[tool] if tool else ANY, np.dtype("f4" if tool else "f8"), dt)
    views = net.views(theta.astype(np.float64))
    for n, (b, _, _) in enumerate(net.parameters(theta)):
        parts = (views.get(f"{b.name}.{part}") for part in ("weight", "bias", "recurrent"))
        chain.layer(b, 1.0 if n else net.gain, *parts)
    chain.put("output", chain.nir.Output(output_type=np.array(chain.shape)))
    return chain.nir.NIRGraph(chain.nodes, chain.edges)


class _Chain:
    """The nodes so far, and the shape (C, H, W) or (C,) that the last of them hands on."""

    def __init__(self, net: SpikingNet, asks: Tool, held: np.dtype, dt: float):
        self.nir = need_nir()
        self.asks = asks
        self.held = held  # the type that a tool keeps a threshold in
        self.dt = dt
        self.before: Layer | None = None
        self.shape: tuple[int, ...] = (net.input_shape[-1], *net.input_shape[:-1])
        self.nodes = {"input": self.nir.Input(input_type=np.array(self.shape))}
        self.edges: list[tuple[str, str]] = []
        self.at = "input"

    def put(self, name: str, node: Any) -> None:
        """Add a node behind the last one."""
        self.edges.append((self.at, name))
        self.nodes[name] = node
        self.at = name

    def layer(self, b: Layer, gain: float, weight: Any, bias: Any, heard: Any) -> None:
        """Add all nodes of a block whose input has a gain; `heard` are its recurrent weights."""
        whole, power = (1.0, 1.0) if self.asks.unit else scales(b.neuron)
        scale = whole if b.readout else power
        mean = self.before is not None and self.before.pool == "spikes"
        if mean:
            self.crop(b)
        synapse = self.of_image if weight.ndim == 4 else self.dense
        synapse(b, scale * gain * weight, scale * bias, mean)
        level = NEVER if b.readout else b.neuron.threshold * power / whole
        self.neurons(f"{b.name}_spike", level, b.neuron.alpha, b.neuron.beta)
        if heard is not None:
            self.loop(b.name, np.ascontiguousarray(scale * heard.T))
        if b.pool == "max":
            self.conv(f"{b.name}_pool", ors(b.channels), np.zeros(b.channels), 2)
            self.neurons(f"{b.name}_or", 0.5)
        self.before = b

    def neurons(self, name: str, threshold: float, alpha: float = 0.0, beta: float = 0.0) -> None:
        """Add a CubaLIF, whose threshold is the largest number whose > is this library's >=."""
        unit = self.asks.unit
        tau_syn, tau_mem = (_tau(decay, self.dt, unit) for decay in (beta, alpha))
        values = dict(
            tau_syn=tau_syn,
            tau_mem=tau_mem,
            w_in=1.0 if unit else tau_syn / self.dt,
            r=1.0 if unit else tau_mem / self.dt,
            v_leak=0.0,
            v_reset=0.0,
            v_threshold=threshold if self.asks.reaches else float(below(threshold, self.held)),
        )
        self.put(
            name, self.nir.CubaLIF(**{key: np.full(self.shape, v) for key, v in values.items()})
        )

    def conv(
        self, name: str, weight: np.ndarray, bias: np.ndarray, stride: int = 1, padding: Any = 0
    ) -> None:
        """Add a Conv2d."""
        sides, kernel = self.shape[1:], weight.shape[2:]
        pads = (padding, padding) if isinstance(padding, int) else padding
        self.put(
            name,
            self.nir.Conv2d(sides, np.ascontiguousarray(weight), stride, pads, 1, 1, bias),
        )
        self.shape = (len(weight), *outcome(sides, kernel, (stride, stride), pads))

    def crop(self, b: Layer) -> None:
        """Add a node that drops what the mean over an image of odd sides drops."""
        assert self.before is not None
        odd = [side % 2 for side in self.shape[1:]]
        if any(odd) and not all(odd):  # the library nir infers shapes as if kernels were square
            raise ValueError(
                f"{b.name} would need a mean over {self.shape[1]} x {self.shape[2]} sites, one "
                "side odd and one even, which no Conv2d of NIR drops; expected both or none"
            )
        if any(odd):
            channels = self.shape[0]
            self.conv(f"{self.before.name}_crop", corners(channels, (2, 2)), np.zeros(channels))

    def of_image(self, b: Layer, weight: np.ndarray, bias: np.ndarray, mean: bool) -> None:
        """Add the synapse of a conv layer; `mean`: of means of the spikes that come in."""
        k = len(weight)
        weight = weight.transpose(3, 2, 0, 1)
        if mean:
            self.conv(f"{b.name}_synapse", fourfold(weight), bias, 2 * b.stride, 2 * (k // 2))
        else:
            self.conv(f"{b.name}_synapse", weight, bias, b.stride, k // 2)

    def dense(self, b: Layer, weight: np.ndarray, bias: np.ndarray, mean: bool) -> None:
        """Add the synapse of a dense layer, behind a Flatten or as a kernel as large as the
        image."""
        name = f"{b.name}_synapse"
        image = len(self.shape) == 3
        if image:
            sides = [side // (1 + mean) for side in self.shape[1:]]
            weight = weight.reshape(*sides, self.shape[0], -1).transpose(3, 2, 0, 1)
            weight = fourfold(weight) if mean else weight
        if image and not self.asks.flattens:
            height, width = self.shape[1:]
            k = max(height, width)  # square, and so far apart that it fits once
            top, left = (k - height + 1) // 2, (k - width + 1) // 2
            square = np.zeros((*weight.shape[:2], k, k))
            square[:, :, top : top + height, left : left + width] = weight
            self.conv(name, square, bias, k, (top, left))
            return
        if image:
            self.put("flatten", self.flatten(0))
            weight = weight.reshape(len(weight), -1).T
        self.put(name, self.nir.Affine(np.ascontiguousarray(weight.T), bias))
        self.shape = (b.channels,)

    def loop(self, layer: str, weight: np.ndarray) -> None:
        """Add recurrent weights (to, from), from the neurons back to themselves."""
        spike, name = self.at, f"{layer}_recurrent"
        if len(self.shape) == 3:
            square, bias = weight[:, :, None, None], np.zeros(len(weight))
            self.put(name, self.nir.Conv2d((1, 1), square, 1, 0, 1, 1, bias))
        else:
            if self.asks.hides:
                self.put(f"{layer}_heard", self.flatten(-1))
            self.put(name, self.nir.Linear(weight))
        self.edges.append((name, spike))
        self.at = spike

    def flatten(self, first: int) -> Any:
        """A Flatten from an axis on."""
        return self.nir.Flatten({"input": np.array(self.shape)}, start_dim=first, end_dim=-1)


def scales(neuron: Any) -> tuple[float, float]:
    """s = (1 - alpha) (1 - beta), and the power of two nearest to it; s twice where the threshold
    is not a positive number."""
    whole = (1 - neuron.alpha) * (1 - neuron.beta)
    return whole, 2.0 ** round(math.log2(whole)) if neuron.threshold > 0 else whole


def _tau(decay: float, dt: float, unit: bool) -> float:
    """The time constant whose Euler step has a decay; with `unit` the float32 number near it of
    which dt * (1 / tau), in float32, is the nearest to 1 - decay."""
    tau = dt / (1 - decay)
    if not unit:
        return tau
    one = np.float32(1)
    near = np.float32(tau) * (one + np.arange(-8, 9, dtype=np.float32) * np.finfo("f4").eps)
    apart = np.abs((np.float32(dt) * (one / near)).astype(np.float64) - (1 - decay))
    return float(near[np.lexsort((np.abs(near - np.float32(tau)), apart))[0]])


def below(threshold: float, dtype: np.dtype) -> np.floating:
    """The largest number whose > is >= threshold; never a subnormal one, which many processors take
    for zero."""
    exact = dtype.type(threshold)
    if float(exact) < threshold:  # rounded down, it is below itself
        return exact
    return min(np.nextafter(exact, dtype.type(-np.inf)), exact - np.finfo(dtype).tiny)


# ---- kernels that pool, fold and drop a rest


def outcome(sides: Any, kernel: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    """Sides of what a Conv2d makes of an image."""
    return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(sides, kernel, stride, padding))


def fourfold(weight: np.ndarray) -> np.ndarray:
    """Of (..., k, k) on the means of 2 x 2 sites the same on the sites."""
    return weight.repeat(2, -2).repeat(2, -1) / 4


def ors(channels: int) -> np.ndarray:
    """The Conv2d that is the OR of 2 x 2 spikes, with stride 2: ones from each channel to
    itself."""
    return np.eye(channels)[:, :, None, None] * np.ones((2, 2))


def corners(channels: int, sides: tuple[int, int]) -> np.ndarray:
    """A Conv2d that takes the first of the sites that it sees, of each channel."""
    weight = np.zeros((channels, channels, *sides))
    weight[:, :, 0, 0] = np.eye(channels)
    return weight
