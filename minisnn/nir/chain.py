"""Networks of current-based neurons with a hard reset as chains of Conv2d, Affine and CubaLIF, which other tools run.

A network of `CubaLIF` becomes, with s = (1 - alpha) (1 - beta),

    conv      Conv2d of s W, s b      CubaLIF  tau_syn = dt / (1 - beta), tau_mem = dt / (1 - alpha), w_in = tau_syn / dt,
                                               r = tau_mem / dt, v_leak = v_reset = 0, one threshold
    "max"     the OR of four spikes: Conv2d of 2 x 2 ones from each channel to itself, stride 2, and a CubaLIF without memory
              (tau_syn = tau_mem = dt) of threshold 0.5
    "mean"    no node: the next synapse has kernels of 2k x 2k and stride 2, every weight four times over, divided by 4
    dense     Flatten and Affine, or a Conv2d as large as the image for a tool whose Flatten takes the batch for an axis
    readout   a CubaLIF of threshold NEVER; the logits are its membrane at the last step

whose forward Euler step is the network's own step: the same spikes in the same step. The gain is multiplied into the first
weights. Read back (`unchain`), s is divided out, so that float32 parameters are exact, and float64 ones to the last place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..network.spiking import SpikingNet
from .common import below, need_nir, tau_of

if TYPE_CHECKING:
    import nir

Sizes = tuple[int, ...]
NEVER = 1e30  # a threshold that no membrane reaches


class Tool(NamedTuple):
    """What a simulator asks of a graph: seconds of its steps, whether it fires at v = threshold (others ask for more),
    whether its Flatten leaves the batch alone, and where it keeps the readout's membrane."""

    dt: float
    reaches: bool
    flattens: bool
    membrane: str


TOOLS = {
    "snntorch": Tool(1e-4, False, False, "mem of the last Synaptic"),
    "norse": Tool(1e-3, False, False, "v of the last LIFBoxCell"),
    "spikingjelly": Tool(1e-4, True, True, "v of the last CUBALIFNode"),
}


def build(net: SpikingNet, theta: np.ndarray, dt: float, tool: str | None = None) -> nir.NIRGraph:
    """Nodes and edges of a network of `CubaLIF`, named after its blocks; arrays in float64.

    Raises ValueError for a dt that cannot be, and for means over an image with one side odd and one even.
    """
    library, neuron, views = need_nir(), net.neuron, net.views(theta.astype(np.float64))
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    scale = (1 - neuron.alpha) * (1 - neuron.beta)
    least = neuron.threshold
    if not (tool and TOOLS[tool].reaches):
        least = float(below(neuron.threshold, np.dtype(np.float32 if tool else net.dtype)))

    def put(name: str, node: Any) -> None:
        if nodes:
            edges.append((list(nodes)[-1], name))
        nodes[name] = node

    shape: tuple[int, ...] = (net.input_shape[-1], *net.input_shape[:-1])  # images are (C, H, W) in NIR

    def fire(name: str, shape: tuple[int, ...], threshold: float, alpha: float = 0.0, beta: float = 0.0) -> None:
        taus = [tau_of(decay, dt, "euler") for decay in (beta, alpha)]
        values = dict(zip(("tau_syn", "tau_mem", "w_in", "r"), [*taus, *(tau / dt for tau in taus)]))
        values |= dict(v_leak=0.0, v_reset=0.0, v_threshold=threshold)
        put(name, library.CubaLIF(**{key: np.full(shape, value) for key, value in values.items()}))

    def conv(name: str, weight: np.ndarray, bias: np.ndarray, stride: int = 1, padding: tuple[int, int] = (0, 0)) -> None:
        nonlocal shape
        put(name, library.Conv2d(shape[1:], np.ascontiguousarray(weight), stride, padding, 1, 1, bias))
        shape = (len(weight), *outcome(shape[1:], weight.shape[2:], (stride, stride), padding))

    put("input", library.Input(input_type=np.array(shape)))
    for n, b in enumerate(net.blocks):
        weight = scale * (neuron.gain if n == 0 else 1) * views[f"{b.name}.weight"]
        bias, mean, name = scale * views[f"{b.name}.bias"], n > 0 and net.blocks[n - 1].pool == "spikes", f"{b.name}_synapse"
        odd = tuple(side % 2 for side in shape[1:]) if mean else ()
        if any(odd):  # what the mean drops
            if not all(odd):  # the library nir infers shapes as if kernels were square
                found = f"{b.name} would need a mean over {shape[1]} x {shape[2]} sites"
                raise ValueError(f"{found}, one side odd and one even, which no Conv2d of NIR drops; expected both or none")
            crop = np.zeros((shape[0], shape[0], 2, 2))
            crop[:, :, 0, 0] = np.eye(shape[0])
            conv(f"{net.blocks[n - 1].name}_crop", crop, np.zeros(shape[0]))
        if b.name.startswith("conv"):
            weight = weight.transpose(3, 2, 0, 1)
            half = b.kernel - 1 if mean else b.kernel // 2
            conv(name, fourfold(weight) if mean else weight, bias, 1 + mean, (half, half))
        else:
            if len(shape) == 3:
                h, w = (side // (1 + mean) for side in shape[1:])
                weight = weight.reshape(h, w, shape[0], -1).transpose(3, 2, 0, 1)
                weight = fourfold(weight) if mean else weight
            if len(shape) == 3 and tool and not TOOLS[tool].flattens:
                k = max(shape[1:])  # square, and so far apart that it fits once
                top, left = padding = ((k - shape[1] + 1) // 2, (k - shape[2] + 1) // 2)
                square = np.zeros((*weight.shape[:2], k, k))
                square[:, :, top : top + shape[1], left : left + shape[2]] = weight
                conv(name, square, bias, k, padding)
            else:
                if len(shape) == 3:
                    put("flatten", library.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1))
                    weight = weight.reshape(len(weight), -1).T
                put(name, library.Affine(np.ascontiguousarray(weight.T), bias))
                shape = (b.channels,)
        fire(f"{b.name}_spike", shape, NEVER if b.readout else least, neuron.alpha, neuron.beta)
        if b.pool == "max":
            conv(f"{b.name}_pool", np.eye(b.channels)[:, :, None, None] * np.ones((2, 2)), np.zeros(b.channels), 2)
            fire(f"{b.name}_or", shape, 0.5)
    put("output", library.Output(output_type=np.array(shape)))
    return library.NIRGraph(nodes, edges)


def outcome(sides: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes) -> tuple[int, ...]:
    """Sides of what a Conv2d makes of an image."""
    return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(sides, kernel, stride, padding))


def fourfold(weight: np.ndarray) -> np.ndarray:
    """Of (..., k, k) on the means of 2 x 2 sites the same on the sites."""
    return weight.repeat(2, -2).repeat(2, -1) / 4
