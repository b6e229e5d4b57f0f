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
    readout   s W, s b and a CubaLIF of threshold NEVER; the logits are its membrane at the last step

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

from ..layers.cuba import CubaLIF
from ..network.spiking import SpikingNet
from .common import below, need_nir, tau_of

if TYPE_CHECKING:
    import nir

Sizes = tuple[int, ...]
NEVER = 1e30  # a threshold that no membrane reaches


class Tool(NamedTuple):
    """What a simulator asks of a graph: seconds of its steps, whether it fires at v = threshold
    (others ask for more), whether its Flatten leaves the batch alone, where it keeps the readout's
    membrane, whether w_in = r = 1, and what it makes of a time constant, `leak`(tau, dt) = 1 -
    decay, where it does so in float32."""

    dt: float
    reaches: bool
    flattens: bool
    membrane: str
    unit: bool = False
    leak: Callable[[Any, float], np.ndarray] | None = None


def _leak_of_norse(tau: Any, dt: float) -> np.ndarray:
    return np.float32(dt) * (np.float32(1) / np.asarray(tau, np.float32))


TOOLS = {
    "snntorch": Tool(1e-4, False, False, "mem of the last Synaptic"),
    "norse": Tool(1e-3, False, False, "v of the last LIFBoxCell", True, _leak_of_norse),
    "spikingjelly": Tool(1e-4, True, True, "v of the last CUBALIFNode"),
}
GENERAL = Tool(1e-3, False, True, "")


def build(net: SpikingNet, theta: np.ndarray, dt: float, tool: str | None = None) -> nir.NIRGraph:
    """Nodes and edges of a network of `CubaLIF`, named after its blocks; arrays in float64.

    Raises ValueError for a dt that cannot be, and for means over an image with one side odd and one
    even.
    """
    neuron: Any = net.neuron
    library = need_nir()
    views = net.views(theta.astype(np.float64))
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    asks = TOOLS[tool] if tool else GENERAL
    whole, power = (1.0, 1.0) if asks.unit else scales(neuron)
    least = neuron.threshold * power / whole
    if not asks.reaches:
        least = float(below(least, np.dtype(np.float32 if tool else np.float64)))

    def put(name: str, node: Any) -> None:
        if nodes:
            edges.append((list(nodes)[-1], name))
        nodes[name] = node

    # images are (C, H, W) in NIR
    shape: tuple[int, ...] = (
        net.input_shape[-1],
        *net.input_shape[:-1],
    )

    def fire(
        name: str, shape: tuple[int, ...], threshold: float, alpha: float = 0.0, beta: float = 0.0
    ) -> None:
        taus = [_tau_for(asks, decay, dt) for decay in (beta, alpha)]
        values = dict(
            zip(
                ("tau_syn", "tau_mem", "w_in", "r"),
                [*taus, *(1.0 if asks.unit else tau / dt for tau in taus)],
            ),
            v_leak=0.0,
            v_reset=0.0,
            v_threshold=threshold,
        )
        put(name, library.CubaLIF(**{key: np.full(shape, value) for key, value in values.items()}))

    def conv(
        name: str,
        weight: np.ndarray,
        bias: np.ndarray,
        stride: int = 1,
        padding: tuple[int, int] = (0, 0),
    ) -> None:
        nonlocal shape
        put(
            name,
            library.Conv2d(shape[1:], np.ascontiguousarray(weight), stride, padding, 1, 1, bias),
        )
        shape = (len(weight), *outcome(shape[1:], weight.shape[2:], (stride, stride), padding))

    put("input", library.Input(input_type=np.array(shape)))
    for n, b in enumerate(net.blocks):
        scale = whole if b.readout else power
        weight = scale * (neuron.gain if n == 0 else 1) * views[f"{b.name}.weight"]
        bias = scale * views[f"{b.name}.bias"]
        mean = n > 0 and net.blocks[n - 1].pool == "spikes"
        name = f"{b.name}_synapse"
        odd = tuple(side % 2 for side in shape[1:]) if mean else ()
        if any(odd):  # what the mean drops
            if not all(odd):  # the library nir infers shapes as if kernels were square
                raise ValueError(
                    f"{b.name} would need a mean over {shape[1]} x {shape[2]} sites, one side "
                    "odd and one even, which no Conv2d of NIR drops; expected both or none"
                )
            conv(f"{net.blocks[n - 1].name}_crop", corners(shape[0], (2, 2)), np.zeros(shape[0]))
        if b.name.startswith("conv"):
            weight = weight.transpose(3, 2, 0, 1)
            half = b.kernel - 1 if mean else b.kernel // 2
            conv(name, fourfold(weight) if mean else weight, bias, 1 + mean, (half, half))
        else:
            if len(shape) == 3:
                h, w = (side // (1 + mean) for side in shape[1:])
                weight = weight.reshape(h, w, shape[0], -1).transpose(3, 2, 0, 1)
                weight = fourfold(weight) if mean else weight
            if len(shape) == 3 and not asks.flattens:
                k = max(shape[1:])  # square, and so far apart that it fits once
                top, left = padding = ((k - shape[1] + 1) // 2, (k - shape[2] + 1) // 2)
                square = np.zeros((*weight.shape[:2], k, k))
                square[:, :, top : top + shape[1], left : left + shape[2]] = weight
                conv(name, square, bias, k, padding)
            else:
                if len(shape) == 3:
                    put(
                        "flatten",
                        library.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1),
                    )
                    weight = weight.reshape(len(weight), -1).T
                put(name, library.Affine(np.ascontiguousarray(weight.T), bias))
                shape = (b.channels,)
        fire(f"{b.name}_spike", shape, NEVER if b.readout else least, neuron.alpha, neuron.beta)
        if b.pool == "max":
            conv(f"{b.name}_pool", ors(b.channels), np.zeros(b.channels), 2)
            fire(f"{b.name}_or", shape, 0.5)
    put("output", library.Output(output_type=np.array(shape)))
    return library.NIRGraph(nodes, edges)


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


def outcome(sides: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes) -> tuple[int, ...]:
    """Sides of what a Conv2d makes of an image."""
    return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(sides, kernel, stride, padding))


def fourfold(weight: np.ndarray) -> np.ndarray:
    """Of (..., k, k) on the means of 2 x 2 sites the same on the sites."""
    return weight.repeat(2, -2).repeat(2, -1) / 4


def repeats(weight: np.ndarray) -> bool:
    """Whether weights are `fourfold`: a mean of 2 x 2 sites lies in them."""
    sides = weight.shape[-2:]
    return not (sides[0] % 2 or sides[1] % 2) and np.array_equal(
        fourfold(4 * weight[..., ::2, ::2]), weight
    )


def ors(channels: int) -> np.ndarray:
    """The Conv2d that is the OR of 2 x 2 spikes, with stride 2: ones from each channel to
    itself."""
    return np.eye(channels)[:, :, None, None] * np.ones((2, 2))


def corners(channels: int, sides: Sizes) -> np.ndarray:
    """A Conv2d that takes the first of the sites that it sees, of each channel."""
    weight = np.zeros((channels, channels, *sides))
    weight[:, :, 0, 0] = np.eye(channels)
    return weight


def is_crop(node: Any, shape: Sizes) -> bool:
    """Whether a Conv2d does nothing but drop the last row or column of an image (C, H, W) of odd
    size."""
    if len(shape) != 3:
        return False
    sides = tuple(1 + n % 2 for n in shape[1:])
    return (
        max(sides) == 2
        and np.shape(node.weight) == (shape[0], shape[0], *sides)
        and np.array_equal(node.weight, corners(shape[0], sides))
        and not np.any(node.bias)
    )


def on_image(weight: np.ndarray, padding: Sizes, sides: Sizes) -> np.ndarray:
    """What of a kernel that fits once lies on the image."""
    (top, left) = padding
    (h, w) = sides
    beyond = [max(first + n - k, 0) for first, n, k in zip(padding, sides, weight.shape[2:])]
    wide = np.pad(weight, ((0, 0), (0, 0), (0, beyond[0]), (0, beyond[1])))
    return wide[:, :, top : top + h, left : left + w]
