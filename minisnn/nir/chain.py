"""Networks of current-based neurons with a hard reset as chains of Conv2d, Affine and CubaLIF,
which other tools run.

A network of `CubaLIF` becomes, with s = (1 - alpha) (1 - beta) and c the power of two nearest to
it,

    conv      Conv2d of c W, c b      CubaLIF  tau_syn = dt / (1 - beta), tau_mem = dt / (1 - alpha), w_in = tau_syn / dt,
                                               r = tau_mem / dt, v_leak = v_reset = 0, threshold c / s times the network's
    "max"     the OR of four spikes: Conv2d of 2 x 2 ones from each channel to itself, stride 2, and a CubaLIF without memory
              (tau_syn = tau_mem = dt) of threshold 0.5
    "mean"    no node: the next synapse has kernels of 2k x 2k and stride 2, every weight four times over, divided by 4
    dense     Flatten and Affine, or a Conv2d as large as the image for a tool whose Flatten takes the batch for an axis
    recurrent a loop CubaLIF - Linear of c V - the same CubaLIF; a Conv2d of 1 x 1 where neurons are (C, 1, 1)
    readout   s W, s b and a CubaLIF of threshold NEVER; the logits are its membrane at the last step

each layer with the constants of its own neuron, or with those that it has learned,
whose forward Euler step is the network's own step: the same spikes in the same step. A reset to
zero does not see the scale of a layer, so that the float32 weights of a network stay as they are.
The gain is multiplied into the first. For Norse w_in = r = 1, c = s = 1. Read back (`unchain`),
parameters are exact: where a product does not divide back into what it was of, theta itself lies in
the metadata, and is taken while the weights are still those that were written for it.

Tools hold what they read in float32, even where they then compute in float64. A network of which
float32 holds everything runs there spike for spike: decays of 1 - 2^-n, a gain of 2^n, and a
threshold one hair above a float32 number where a tool fires beyond its threshold only. Of another
network a membrane is off by 1e-7, a few spikes in a million flip, and each moves others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..layers.block import Block
from ..layers.cuba import CubaLIF
from ..network.spiking import SpikingNet
from .common import below, blocks_at, need_nir, tau_of
from .geometry import Sizes, corners, fourfold, ors, outcome

if TYPE_CHECKING:
    import nir

NEVER = 1e30  # a threshold that no membrane reaches


class Tool(NamedTuple):
    """What a simulator asks of a graph: seconds of its steps, whether it fires at v = threshold
    (others ask for more), whether its Flatten leaves the batch alone, where it keeps the readout's
    membrane, whether w_in = r = 1, what it makes of a time constant, `leak`(tau, dt) = 1 - decay,
    where it does so in float32, and whether it takes a loop of two nodes for what it is not, so
    that a Flatten, which does nothing, must stand in the loop."""

    dt: float
    reaches: bool
    flattens: bool
    membrane: str
    unit: bool = False
    leak: Callable[[Any, float], np.ndarray] | None = None
    hides: bool = False


def _leak_of_norse(tau: Any, dt: float) -> np.ndarray:
    one = np.float32(1)
    return np.float32(dt) * (one / np.asarray(tau, np.float32))


TOOLS = {
    "snntorch": Tool(1e-4, False, False, "mem of the last Synaptic", hides=True),
    "norse": Tool(1e-3, False, False, "v of the last LIFBoxCell", True, _leak_of_norse),
    "spikingjelly": Tool(1e-4, True, True, "v of the last CUBALIFNode"),
}
GENERAL = Tool(1e-3, False, True, "")


def build(net: SpikingNet, theta: np.ndarray, dt: float, tool: str | None = None) -> nir.NIRGraph:
    """Nodes and edges of a network of `CubaLIF`, named after its blocks; arrays in float64, each
    layer with the constants that its neuron has at theta.

    Raises ValueError for a dt that cannot be, and for means over an image with one side odd and one
    even.
    """
    made = _Chain(
        net, TOOLS[tool] if tool else GENERAL, np.dtype(np.float32 if tool else float), dt
    )
    views = net.views(theta.astype(np.float64))
    for b in blocks_at(net, theta):
        gain = 1.0 if made.before else net.gain
        parts = (views.get(f"{b.name}.{part}") for part in ("weight", "bias", "recurrent"))
        made.layer(b, gain, *parts)
    made.put("output", made.library.Output(output_type=np.array(made.shape)))
    return made.library.NIRGraph(made.nodes, made.edges)


class _Chain:
    """The nodes so far, and the shape (C, H, W) or (C,) that the last of them hands on."""

    def __init__(self, net: SpikingNet, asks: Tool, held: np.dtype, dt: float):
        self.library = need_nir()
        self.asks = asks
        self.held = held  # the type that thresholds are rounded to
        self.dt = dt
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.before: Block | None = None
        # images are (C, H, W) in NIR
        self.shape: Sizes = (net.input_shape[-1], *net.input_shape[:-1])
        self.at = "input"
        self.nodes["input"] = self.library.Input(input_type=np.array(self.shape))

    def put(self, name: str, node: Any) -> None:
        """A node behind the last one."""
        self.edges.append((self.at, name))
        self.nodes[name] = node
        self.at = name

    def layer(self, b: Block, gain: float, weight: Any, bias: Any, heard: Any) -> None:
        """All nodes of a block whose input has a gain, `heard` its recurrent weights or None."""
        whole, power = (1.0, 1.0) if self.asks.unit else scales(b.neuron)
        scale = whole if b.readout else power
        mean = self.before is not None and self.before.pool == "spikes"
        if mean:
            self.crop(b)
        synapse = self.synapse_of_image if b.name.startswith("conv") else self.dense
        synapse(b, scale * gain * weight, scale * bias, mean)
        least = NEVER if b.readout else self.least(b.neuron.threshold * power / whole)
        self.fire(f"{b.name}_spike", least, b.neuron.alpha, b.neuron.beta)
        if heard is not None:
            self.loop(b.name, np.ascontiguousarray(scale * heard.T))
        if b.pool == "max":
            self.conv(f"{b.name}_pool", ors(b.channels), np.zeros(b.channels), 2)
            self.fire(f"{b.name}_or", 0.5)
        self.before = b

    def least(self, threshold: float) -> float:
        """What is written for a threshold."""
        return threshold if self.asks.reaches else float(below(threshold, self.held))

    def fire(self, name: str, threshold: float, alpha: float = 0.0, beta: float = 0.0) -> None:
        """Neurons."""
        tau_syn = _tau_for(self.asks, beta, self.dt)
        tau_mem = _tau_for(self.asks, alpha, self.dt)
        values = dict(
            tau_syn=tau_syn,
            tau_mem=tau_mem,
            w_in=1.0 if self.asks.unit else tau_syn / self.dt,
            r=1.0 if self.asks.unit else tau_mem / self.dt,
            v_leak=0.0,
            v_reset=0.0,
            v_threshold=threshold,
        )
        arrays = {key: np.full(self.shape, value) for key, value in values.items()}
        self.put(name, self.library.CubaLIF(**arrays))

    def conv(
        self,
        name: str,
        weight: np.ndarray,
        bias: np.ndarray,
        stride: int = 1,
        padding: tuple[int, int] = (0, 0),
    ) -> None:
        """A Conv2d."""
        sides = self.shape[1:]
        weight = np.ascontiguousarray(weight)
        self.put(name, self.library.Conv2d(sides, weight, stride, padding, 1, 1, bias))
        self.shape = (len(weight), *outcome(sides, weight.shape[2:], (stride, stride), padding))

    def crop(self, b: Block) -> None:
        """A node that drops what the mean over an image of odd sides drops."""
        odd = [side % 2 for side in self.shape[1:]]
        if not any(odd):
            return
        if not all(odd):  # the library nir infers shapes as if kernels were square
            found = f"{b.name} would need a mean over {self.shape[1]} x {self.shape[2]} sites"
            raise ValueError(
                f"{found}, one side odd and one even, which no Conv2d of NIR drops; expected "
                "both or none"
            )
        assert self.before is not None
        channels = self.shape[0]
        self.conv(f"{self.before.name}_crop", corners(channels, (2, 2)), np.zeros(channels))

    def synapse_of_image(self, b: Block, weight: np.ndarray, bias: np.ndarray, mean: bool) -> None:
        """That of a conv layer."""
        weight = weight.transpose(3, 2, 0, 1)
        k = weight.shape[-1]
        if mean:
            weight = fourfold(weight)
        half = k - 1 if mean else k // 2
        self.conv(f"{b.name}_synapse", weight, bias, b.stride * (1 + mean), (half, half))

    def dense(self, b: Block, weight: np.ndarray, bias: np.ndarray, mean: bool) -> None:
        """That of a dense layer, behind a Flatten or as a kernel as large as the image."""
        name = f"{b.name}_synapse"
        image = len(self.shape) == 3
        if image:
            h, w = (side // (1 + mean) for side in self.shape[1:])
            weight = weight.reshape(h, w, self.shape[0], -1).transpose(3, 2, 0, 1)
            weight = fourfold(weight) if mean else weight
        if image and not self.asks.flattens:
            height, width = self.shape[1:]
            k = max(height, width)  # square, and so far apart that it fits once
            top, left = padding = ((k - height + 1) // 2, (k - width + 1) // 2)
            square = np.zeros((*weight.shape[:2], k, k))
            square[:, :, top : top + height, left : left + width] = weight
            self.conv(name, square, bias, k, padding)
            return
        if image:
            self.put("flatten", self._flatten(0))
            weight = weight.reshape(len(weight), -1).T
        self.put(name, self.library.Affine(np.ascontiguousarray(weight.T), bias))
        self.shape = (b.channels,)

    def loop(self, layer: str, weight: np.ndarray) -> None:
        """From the neurons back to themselves by recurrent weights (to, from)."""
        spike, name = self.at, f"{layer}_recurrent"
        if len(self.shape) == 3:
            k = len(weight)
            square = weight[:, :, None, None]
            self.put(name, self.library.Conv2d((1, 1), square, 1, 0, 1, 1, np.zeros(k)))
        else:
            if self.asks.hides:
                self.put(f"{layer}_heard", self._flatten(-1))
            self.put(name, self.library.Linear(weight))
        self.edges.append((name, spike))
        self.at = spike

    def _flatten(self, first: int) -> Any:
        shape = {"input": np.array(self.shape)}
        return self.library.Flatten(shape, start_dim=first, end_dim=-1)


def scales(neuron: CubaLIF) -> tuple[float, float]:
    """s and c; c = s where the threshold is not a positive number."""
    whole = (1 - neuron.alpha) * (1 - neuron.beta)
    return whole, 2.0 ** round(math.log2(whole)) if neuron.threshold > 0 else whole


def _tau_for(tool: Tool, decay: float, dt: float) -> float:
    """Seconds of which a tool makes a decay a step: of the float32 numbers around dt / (1 - decay)
    the one of which it makes the nearest, where it divides in float32."""
    tau = tau_of(decay, dt, "euler")
    if tool.leak is None:
        return tau
    near = np.float32(tau) * (1 + np.arange(-8, 9) * np.finfo(np.float32).eps).astype(np.float32)
    apart = np.abs(tool.leak(near, dt).astype(np.float64) - (1 - decay))
    return float(near[np.lexsort((np.abs(near - np.float32(tau)), apart))[0]])
