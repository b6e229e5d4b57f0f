"""From a chain of Conv2d, Affine and neurons with a hard reset, from whatever tool, to a network of `CubaLIF`.

`chain` says how this library writes one. Read are, too: w_in, r and thresholds of layers or channels, which are taken into the
weights (a reset to zero does not see their scale); a LIF, a CubaLIF with beta = 0; LI and LIF in a row, which Norse makes of a
CubaLIF; AvgPool2d and SumPool2d, which are means of spikes.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..layers.neuron import CubaLIF
from ..network.spiking import SpikingNet
from .chain import NEVER, fourfold, outcome, scales
from .common import decay_of, reached, simple

if TYPE_CHECKING:
    import nir

QUIET = 1e6  # from this threshold on a neuron counts as one that never fires
_LINEAR = ("Conv2d", "Affine", "Linear", "AvgPool2d", "SumPool2d", "Flatten")
_FIRING = ("CubaLIF", "LIF", "CubaLI", "LI")
KINDS = ("Input", "Output", *_LINEAR, *_FIRING)


def is_chain(graph: nir.NIRGraph) -> bool:
    """Whether a graph is for this file: it has neurons that are set back, or none that fire and no Threshold."""
    return any(type(node).__name__ in ("CubaLIF", "LIF") for node in graph.nodes.values())


class _Neuron(NamedTuple):
    """Constants of a node that integrates: decays, effective weight and threshold of every neuron (C, ...)."""

    alpha: float
    beta: float
    scale: np.ndarray
    threshold: np.ndarray


class _Block(NamedTuple):
    """A synapse as this library has it, weights (k, k, C_in, C_out) or (features, K), and what fires."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    neuron: _Neuron


def read(
    graph: nir.NIRGraph, names: list[str], said: dict[str, Any], dt: float, make: Callable[[dict], SpikingNet]
) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of a chain whose nodes are `names`, from the input on; make(configuration) -> net.

    Raises ValueError naming the node that does not fit.
    """
    reader = _Reader(graph, names, dt)
    blocks, first = reader.blocks, reader.blocks[0].neuron
    thresholds = {float(v) for b in blocks[:-1] for v in np.unique(b.neuron.threshold)}
    dtype = np.dtype(np.float64 if blocks[0].weight.dtype == np.float64 else np.float32)
    level = reached(float(np.ravel(first.threshold)[0]), dtype) if len(blocks) > 1 else 0.3
    guess: dict[str, Any] = dict(
        input_shape=reader.input_shape,
        channels=[b.weight.shape[-1] for b in blocks if b.weight.ndim == 4],
        hidden=[b.weight.shape[-1] for b in blocks[:-1] if b.weight.ndim == 2],
        ways=blocks[-1].weight.shape[-1],
        pool=reader.pool or "max",
        kernel=len(blocks[0].weight) if blocks[0].weight.ndim == 4 else 5,
        dtype=dtype.name,
    )
    guess["neuron"] = dict(kind="cuba", alpha=first.alpha, beta=first.beta, threshold=level, gain=1.0)
    network = said.get("network", guess)
    net = make(network)
    if not isinstance(net.neuron, CubaLIF):
        raise ValueError("metadata: the network is not one of CubaLIF, which the graph is made of")
    for key in ("input_shape", "channels", "hidden", "ways", *(["pool", "kernel"] if net.channels else [])):
        if np.any(np.asarray(guess[key]) != np.asarray(network[key])):
            raise ValueError(f"metadata: {key} of the network is {network[key]}; expected {guess[key]}, which the graph has")
    if not np.allclose([first.alpha, first.beta], [net.neuron.alpha, net.neuron.beta], rtol=1e-5, atol=1e-8):
        raise ValueError(
            f"metadata: the decays are {net.neuron.alpha}, {net.neuron.beta}; expected {first.alpha}, {first.beta}"
        )
    parts = []
    for n, (b, own) in enumerate(zip(blocks, net.blocks)):
        scale = b.neuron.scale
        if not own.readout:
            scale = scale * _rescaled(b, net.neuron, first.threshold, bool(said), thresholds)
        parts += [(b.weight * scale / (net.neuron.gain if n == 0 else 1)).ravel(), b.bias * scale]
    return net, np.concatenate(parts).astype(net.dtype)


def _rescaled(b: _Block, neuron: CubaLIF, first: np.ndarray, ours: bool, thresholds: set[float]) -> Any:
    """What makes of a layer's threshold that of the network; a reset to zero does not see the scale of a channel."""
    if len(thresholds) == 1 and (not ours or neuron.threshold <= 0):
        return 1.0
    if min(thresholds) <= 0:
        raise ValueError(f"node {b.name!r}: thresholds are {sorted(thresholds)[:3]}; expected one, or all above 0")
    if not ours:
        return np.ravel(first)[0] / b.neuron.threshold
    whole, power = scales(neuron)
    ratio = neuron.threshold / b.neuron.threshold
    return next((exact for exact in (1.0, whole / power) if np.allclose(ratio, exact, rtol=3e-7, atol=0)), ratio)


def _plain(node: Any) -> SimpleNamespace:
    """A node with its `kind`, its arrays NumPy's, whatever tool made it."""
    fields = {name: np.asarray(value) if hasattr(value, "__array__") else value for name, value in vars(node).items()}
    return SimpleNamespace(kind=type(node).__name__, **fields)


class _Reader:
    """Walks a chain; `blocks`, `pool` and `input_shape` are what it found."""

    def __init__(self, graph: nir.NIRGraph, names: list[str], dt: float):
        self.nodes = {name: _plain(graph.nodes[name]) for name in names}
        self.dt, self.blocks = dt, list[_Block]()
        self.pool: str | None = None
        [shape] = graph.nodes[names[0]].output_type.values()
        shape = tuple(int(n) for n in np.ravel(shape))
        shape = shape[1:] if len(shape) in (2, 4) and shape[0] == 1 else shape  # Norse writes the batch, too
        if len(shape) not in (1, 3):
            raise ValueError(f"node {names[0]!r} (Input): its shape is {shape}; expected (C, H, W) or one axis")
        self.shape, self.mean, self.rest = shape, 0, list[str]()
        self.input_shape = [*shape[1:], shape[0]]
        waiting = None  # LI, whose LIF is to come
        for name, after in zip(names[1:], [*names[2:], None]):
            node, kind = self.nodes[name], self.nodes[name].kind
            if kind == "Output":
                continue
            if kind in _LINEAR:
                self.rest.append(name)
            elif kind == "LI" and after and self.nodes[after].kind in ("LI", "LIF") and waiting is None:
                waiting = node
            else:
                self.fire(name, self.neuron(name, node, waiting))
                waiting = None
        if self.rest or not self.blocks:
            raise ValueError(f"the graph ends in {', '.join(self.rest) or 'its input'}; expected neurons behind a synapse")
        if (last := np.min(self.blocks[-1].neuron.threshold)) < QUIET:
            raise ValueError(
                f"node {names[-2]!r} fires at {last:g}; expected the last layer to integrate alone, which logits are read "
                f"from: a CubaLI, or a threshold of {QUIET:g} or more"
            )
        self.alike()

    def wrong(self, name: str, what: str, found: Any, expected: Any) -> ValueError:
        return ValueError(f"node {name!r} ({self.nodes[name].kind}): {what} is {found}; expected {expected}")

    def neuron(self, name: str, node: Any, synapse: Any) -> _Neuron:
        """Of a CubaLIF, LIF, CubaLI or LI, behind an LI that is its synapse."""
        zero: list[Any] = [node.v_leak, getattr(node, "v_reset", 0.0)] + ([] if synapse is None else [synapse.v_leak])
        if any(np.any(array) for array in zero):
            raise self.wrong(name, "v_leak or v_reset", max(float(np.abs(a).max()) for a in zero), 0)
        tau_mem, tau_syn, w_in = getattr(node, "tau_mem", None), getattr(node, "tau_syn", self.dt), getattr(node, "w_in", 1.0)
        if synapse is not None:
            tau_syn, w_in = synapse.tau, synapse.r
        decays = []
        for what, tau in (("tau_mem", node.tau if tau_mem is None else tau_mem), ("tau_syn", tau_syn)):
            if np.size(tau) == 0 or not np.allclose(tau, np.ravel(tau)[0], rtol=1e-6):
                raise self.wrong(name, what, "not the same everywhere", "one time constant")
            decays.append(max(simple(decay_of(float(np.ravel(tau)[0]), self.dt, "euler"), tau), -1.0))
            if not -1e-6 <= decays[-1] < 1:
                raise self.wrong(name, what, f"{float(np.ravel(tau)[0]):g} s", f"at least the step of {self.dt:g} s; give dt")
        threshold = np.asarray(getattr(node, "v_threshold", NEVER), float)
        alpha, beta = (decay if decay > 1e-6 else 0.0 for decay in decays)
        return _Neuron(alpha, beta, np.asarray(w_in * node.r, float), threshold)

    def channels(self, name: str, array: np.ndarray, axes: int) -> np.ndarray:
        """One number a channel of what is given for every neuron."""
        flat = array.reshape(len(array), -1) if array.ndim == 3 else array.reshape(-1, 1)
        if len(flat) == 1:
            return np.full(axes, flat[0, 0])
        if len(flat) != axes or not np.allclose(flat, flat[:, :1], rtol=1e-6):
            raise self.wrong(name, "a constant", "not the same in a channel", f"one for each of {axes}")
        return flat[:, 0]

    def fire(self, name: str, neuron: _Neuron) -> None:
        """A layer: the linear nodes before it, and it."""
        linear, self.rest = self.rest, []
        if self.blocks and neuron.alpha == neuron.beta == 0 and linear and self.is_or(linear, neuron):
            return self.pooled("max", name, 1)
        synapse = None
        for at in linear:
            node, kind = self.nodes[at], self.nodes[at].kind
            if kind in ("AvgPool2d", "SumPool2d"):
                sizes = [tuple(np.broadcast_to(v, 2).tolist()) for v in (node.kernel_size, node.stride, node.padding)]
                if sizes != [(2, 2), (2, 2), (0, 0)]:
                    raise self.wrong(at, "kernel, stride, padding", sizes, "2, 2, 0")
                self.pooled("mean", at, 1 if kind == "AvgPool2d" else 4)
            elif kind == "Conv2d" and self.is_crop(node):
                self.shape = (self.shape[0], *(2 * (side // 2) for side in self.shape[1:]))
            elif kind != "Flatten":
                if synapse is not None:
                    raise self.wrong(at, "a synapse", f"behind {synapse!r}", "neurons between them")
                synapse = at
        if synapse is None:
            raise ValueError(f"node {name!r} has no Conv2d, Affine or Linear before it; expected one")
        node = self.nodes[synapse]
        weight = self.numbers(synapse, "weight", node.weight) * (self.mean or 1)
        bias = getattr(node, "bias", None)
        bias = np.zeros(len(weight), weight.dtype) if bias is None else self.numbers(synapse, "bias", bias)
        weight = self.conv(synapse, node, weight) if weight.ndim == 4 else self.dense(synapse, weight)
        if bias.shape != weight.shape[-1:]:
            raise self.wrong(synapse, "bias's shape", bias.shape, weight.shape[-1:])
        self.mean = 0
        parts = (self.channels(name, array, weight.shape[-1]) for array in neuron[2:])
        self.blocks.append(_Block(name, weight, bias, _Neuron(*neuron[:2], *parts)))

    def numbers(self, name: str, what: str, array: Any) -> np.ndarray:
        array = np.asarray(array)
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise self.wrong(name, what, "NaN, infinity or no numbers", "finite numbers")
        return array

    def pooled(self, pool: str, name: str, factor: int) -> None:
        """2 x 2 pooling of the block before."""
        if self.pool not in (None, pool) or len(self.shape) != 3 or self.mean:
            raise self.wrong(name, "pooling", pool, f"{self.pool or 'one'} of an image behind every Conv2d and no other")
        self.pool, self.mean = pool, factor if pool == "mean" else 0
        self.shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))
        self.dry = len(self.blocks)

    def is_or(self, linear: list[str], neuron: _Neuron) -> bool:
        node = self.nodes[linear[0]]
        if (
            len(linear) != 1
            or node.kind != "Conv2d"
            or np.shape(node.weight)[2:] != (2, 2)
            or len(node.weight) != node.weight.shape[1]
        ):
            return False
        weight = np.asarray(node.weight) * np.max(neuron.scale)
        ones, most = np.eye(len(weight))[:, :, None, None] * np.ones((2, 2)), np.max(neuron.threshold)
        steps = [tuple(np.broadcast_to(v, 2).tolist()) for v in (node.stride, node.padding, node.dilation)]
        fits = np.array_equal(weight != 0, ones != 0) and weight[ones != 0].min() > most and np.min(neuron.threshold) >= 0
        return bool(fits and not np.any(node.bias) and steps == [(2, 2), (0, 0), (1, 1)])

    def is_crop(self, node: Any) -> bool:
        """Whether a Conv2d does nothing but drop the last row or column of an image of odd size."""
        if len(self.shape) != 3 or np.shape(node.weight) != (self.shape[0],) * 2 + tuple(1 + n % 2 for n in self.shape[1:]):
            return False
        eye = np.zeros(np.shape(node.weight))
        eye[:, :, 0, 0] = np.eye(self.shape[0])
        return max(np.shape(node.weight)[2:]) == 2 and np.array_equal(node.weight, eye) and not np.any(node.bias)

    def conv(self, name: str, node: Any, weight: np.ndarray) -> np.ndarray:
        """(k, k, C_in, C_out), or (features, K) of a kernel as large as the image."""
        sides = weight.shape[2:]
        stride, dilation = (tuple(np.broadcast_to(v, 2).tolist()) for v in (node.stride, node.dilation))
        padding = node.padding
        if isinstance(padding, str):
            padding = tuple(k // 2 if padding == "same" else 0 for k in sides)
        padding, groups = tuple(np.broadcast_to(padding, 2).tolist()), int(np.ravel(node.groups)[0])
        if len(self.shape) != 3 or weight.shape[1] != self.shape[0] or groups != 1 or dilation != (1, 1):
            raise self.wrong(
                name, "weight's shape (groups, dilation)", (weight.shape, groups, dilation), f"{self.shape} coming in"
            )
        if outcome(self.shape[1:], sides, stride, padding) == (1, 1):  # what of the kernel lies on the image
            (top, left), (h, w) = padding, self.shape[1:]
            weight = np.pad(weight, ((0, 0), (0, 0), (0, max(top + h - sides[0], 0)), (0, max(left + w - sides[1], 0))))
            weight = self.dense(name, weight[:, :, top : top + h, left : left + w].reshape(len(weight), -1))
            self.shape = (*self.shape, 1, 1)
            return weight
        if stride == (2, 2) and self.blocks and self.unpooled():
            weight = self.folded(name, weight)
            self.pooled("mean", name, 1)
            stride, padding, sides = (1, 1), tuple(p / 2 for p in padding), weight.shape[2:]
        if self.unpooled():
            raise self.wrong(name, "what comes in", "not pooled", "2 x 2 pooling behind every Conv2d and its neurons")
        k = sides[0]
        if stride != (1, 1) or sides != (k, k) or k % 2 == 0 or padding != (k // 2, k // 2):
            found = (sides, stride, padding)
            raise self.wrong(name, "kernel, stride, padding", found, "odd and square, 1, half of it: the image keeps its size")
        self.shape = (len(weight), *self.shape[1:])
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0))

    def dense(self, name: str, weight: np.ndarray) -> np.ndarray:
        if len(self.shape) == 3:
            if weight.shape[1] != np.prod(self.shape):
                raise self.wrong(name, "weight's shape", weight.shape, f"{np.prod(self.shape)} features coming in")
            weight = weight.reshape(-1, *self.shape)
            if self.blocks and self.unpooled():
                weight = self.folded(name, weight)
                self.pooled("mean", name, 1)
            weight = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
        else:
            weight = weight.T
            if len(weight) != self.shape[0]:
                raise self.wrong(name, "weight's shape", weight.T.shape, f"{self.shape[0]} features coming in")
        self.shape = (weight.shape[1],)
        return np.ascontiguousarray(weight)

    def unpooled(self) -> bool:
        """Whether the last block is convolutional, and nothing has pooled it yet."""
        return bool(self.blocks) and self.blocks[-1].weight.ndim == 4 and getattr(self, "dry", 0) < len(self.blocks)

    def folded(self, name: str, weight: np.ndarray) -> np.ndarray:
        """`fourfold` backwards."""
        found = 4 * weight[..., ::2, ::2]
        if weight.shape[-1] % 2 or weight.shape[-2] % 2 or not np.array_equal(fourfold(found), weight):
            raise self.wrong(name, "what comes in", "not pooled", "2 x 2 pooling, or weights that repeat in 2 x 2")
        return found

    def alike(self) -> None:
        first = self.blocks[0]
        for b in self.blocks:
            if not np.allclose(b.neuron[:2], first.neuron[:2], rtol=1e-5, atol=1e-7):
                raise self.wrong(b.name, "its decays", b.neuron[:2], f"{first.neuron[:2]} as of {first.name!r}")
            if b.weight.ndim == 4 and b.weight.shape[:2] != first.weight.shape[:2]:
                raise self.wrong(b.name, "the kernel", b.weight.shape[:2], f"{first.weight.shape[:2]} as before")
