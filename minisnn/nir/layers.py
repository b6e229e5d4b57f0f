"""Build layers from the nodes of a NIR chain, whichever tool wrote it.

`write` describes how minisnn writes a chain. This module reads such chains, and also: w_in, r and
thresholds per layer or channel, which are multiplied into the weights (a reset to zero does not
depend on scale); LIF, as a CubaLIF with beta = 0; LI followed by LIF, as Norse writes a CubaLIF;
SumPool2d; and a Conv2d as large as the image.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .walk import NEURONS, POOLS, chain_of, image_shape

ZERO = ("v_leak", "v_reset", "leak_of_LI")  # constants of NIR that must be zero here
CONSTANTS = ("v_threshold", "tau_mem", "tau_syn", "r", "w_in", *ZERO)
QUIET = 1e6  # a neuron with at least this threshold counts as one that never fires


class Layer(NamedTuple):
    """A synapse with weights (k, k, C_in, C_out) or (features, K), and its neurons, described by
    their decays and by two values per channel: the factor on their input, and their threshold."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    alpha: float
    beta: float
    scale: np.ndarray
    threshold: np.ndarray
    stride: int = 1
    recurrent: np.ndarray | None = None
    pool: str = "none"


class Reader:
    """Reads the chain from its input to its output, and makes layers.

    layers       the layers found in the graph
    input_shape  the input shape in the form that `SpikingNet` uses
    silenced     the threshold that was left out of the last neurons, or None
    unfiltered   names of neurons whose synapse does not scale its input

    readout      "membrane" removes the threshold of last neurons that fire
    fires        whether the last neurons may fire
    """

    def __init__(self, graph: Any, dt: float, readout: str | None, fires: bool):
        names, self.loops, self.nodes = chain_of(graph)
        self.dt = dt
        shape = next(iter(self.nodes[names[0]].output_type.values()))
        self.shape, self.batch = image_shape(self.place(names[0]), shape)
        self.input_shape = [*self.shape[1:], self.shape[0]]
        self.layers: list[Layer] = []
        self.unfiltered: list[str] = []
        self.flat = False
        self.factor = 1  # multiplies the next weights, after sum pooling
        linear: list[str] = []
        synapse = None  # an LI node whose LIF follows
        for name, after in zip(names[1:], names[2:]):
            following = self.nodes[after].kind
            if self.nodes[name].kind not in NEURONS:
                linear.append(name)
            elif self.nodes[name].kind == "LI" and not synapse and following in ("LI", "LIF"):
                synapse = name
            else:
                self.neurons(name, linear, synapse, last=following == "Output")
                linear, synapse = [], None
        if linear or synapse or not self.layers:
            raise ValueError("the graph ends in a synapse; expected neurons after it")
        last = self.layers[-1]
        level = float(np.min(last.threshold))
        if level < QUIET and not fires and readout != "membrane":
            raise self.wrong(
                last.name,
                "the threshold of the last layer",
                f"{level:g}",
                f"one that is never reached, {QUIET:g} or more, as its membranes are the logits, "
                "or readout membrane, to leave its threshold out",
            )
        self.silenced = level if level < QUIET and not fires else None
        arrays = [array for b in self.layers for array in (b.weight, b.bias)]
        whole = all(np.can_cast(array.dtype, np.float32) for array in arrays)
        self.dtype = np.dtype(np.float32 if whole else np.float64)

    def place(self, name: str) -> str:
        """Return a node's name and type."""
        return f"node {name!r} ({self.nodes[name].kind})"

    def wrong(self, name: str, what: str, found: Any, expected: Any) -> ValueError:
        """Make a ValueError that says what does not fit."""
        return ValueError(f"{self.place(name)}: {what} is {found}; expected {expected}")

    # ---- neurons

    def neurons(self, name: str, linear: list[str], before: str | None, last: bool) -> None:
        """Add a layer, which consists of these neurons and the linear nodes before them; an LI node
        there is the neurons' synapse."""
        if [self.nodes[node].kind in POOLS for node in linear] == [True] and not last:
            return self.any_of_four(name, linear[0], before)
        weight, bias, stride = self.synapse(name, linear, last)
        alpha, beta, scale, threshold = self.constants(name, before)
        if not last and np.max(threshold) >= QUIET:
            raise self.wrong(name, "its threshold", "never reached", "one that is, before the last")
        recurrent = None
        if name in self.loops:
            if last:
                raise self.wrong(name, "the last layer", "recurrent", "one without a loop")
            recurrent, heard = self.heard(name, weight)
            bias = bias + heard
        layer = Layer(name, weight, bias, alpha, beta, scale, threshold, stride, recurrent)
        self.layers.append(layer)

    def constants(
        self, name: str, before: str | None
    ) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Return (alpha, beta, scale, threshold) of neurons; an LI node before them is their
        synapse."""
        given: dict[str, Any] = dict(
            v_threshold=math.inf, tau_syn=self.dt, w_in=1.0, **dict.fromkeys(ZERO, 0.0)
        )
        given |= vars(self.nodes[name])
        given.setdefault("tau_mem", given.get("tau"))
        if before:
            synapse = self.nodes[before]
            given |= dict(tau_syn=synapse.tau, w_in=synapse.r, leak_of_LI=synapse.v_leak)
        values = {what: np.asarray(given[what]) for what in CONSTANTS}
        arrays = {what: self.per_channel(name, what, value) for what, value in values.items()}
        for what in ZERO:
            if np.any(arrays[what]):
                raise self.wrong(name, what, arrays[what].tolist(), 0)
        scale = arrays["r"] * arrays["w_in"]
        if not np.all(scale):
            raise self.wrong(name, "r or w_in", 0, "a number by which its input has an effect")
        alpha, beta = (
            self.decay(name, what, values[what], arrays[what]) for what in ("tau_mem", "tau_syn")
        )
        if beta and self.nodes[name].kind == "CubaLIF" and np.all(arrays["w_in"] == 1):
            self.unfiltered.append(name)
        return alpha, beta, scale, arrays["v_threshold"]

    def per_channel(self, name: str, what: str, array: np.ndarray) -> np.ndarray:
        """Return a constant as an array (C,), given one number, or one for every channel or
        neuron."""
        numbers = array.dtype.kind in "iuf" and array.size > 0
        bounded = numbers and (what == "v_threshold" or np.isfinite(array).all())
        if not bounded or np.isnan(array).any():
            raise self.wrong(name, what, "not finite, or no numbers", "finite numbers")
        shape = self.shape
        if array.size in (1, math.prod(shape)):
            array = np.resize(array, shape)
        elif array.shape == shape[:1]:
            array = array.reshape(-1, 1, 1)
        elif array.shape != (shape[0], 1, 1):
            raise self.wrong(name, f"{what}'s shape", array.shape, f"one number, or {shape}")
        flat = np.broadcast_to(array, shape).reshape(shape[0], -1).astype(float)
        if not np.allclose(flat, flat[:, :1], rtol=1e-6, atol=0):
            raise self.wrong(name, what, "not the same in a channel", "one for each channel")
        return flat[:, 0]

    def decay(self, name: str, what: str, given: np.ndarray, tau: np.ndarray) -> float:
        """Return the decay per step of a time constant, which all neurons of a layer share."""
        if not np.allclose(tau, tau[0], rtol=1e-6, atol=0):
            raise self.wrong(name, what, "not the same everywhere", "one time constant a layer")
        decay = 1 - self.dt / float(tau[0]) if tau[0] > 0 else -1
        if not -1e-6 <= decay < 1:
            expected = f"one from the step of {self.dt:g} s on, whose decay is below 1"
            raise self.wrong(name, what, f"{tau[0]:g} s", expected)
        if given.dtype == np.float32:  # rounded to a multiple of 1 / 4096 if it is that close
            simple = round(4096 * decay) / 4096
            near = abs(simple - decay) <= 4 * np.finfo(np.float32).eps * (1 - decay)
            decay = simple if near else decay
        return decay if decay > 1e-6 else 0.0

    def any_of_four(self, name: str, pool: str, before: str | None) -> None:
        """Read 2 x 2 pooling that is written as a sum, followed by memoryless neurons that fire if
        any of four inputs has fired."""
        self.pooled("max", pool)
        alpha, beta, scale, threshold = self.constants(name, before)
        one = scale if self.nodes[pool].kind == "SumPool2d" else scale / 4
        if alpha or beta or name in self.loops or not np.all((threshold >= 0) & (one > threshold)):
            expected = "neurons behind weights, or ones without memory that one spike of four fires"
            raise self.wrong(name, "what is before it", "pooling", expected)

    def heard(self, name: str, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the recurrent weights of a dense layer (row j is what neuron j sends), and its
        bias."""
        back, bias = self.numbers(self.loops[name])
        if weight.ndim != 2 or back.shape != 2 * weight.shape[1:]:
            found = f"{back.shape} weights in its loop"
            raise self.wrong(name, "recurrence", found, "a dense layer's, from each to each")
        return np.ascontiguousarray(back.T), bias

    # ---- linear nodes

    def numbers(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a node's weights in its own shape, and its bias."""
        weight = np.asarray(self.nodes[name].weight)
        bias = np.asarray(getattr(self.nodes[name], "bias", np.zeros(len(weight), weight.dtype)))
        for what, array in (("weight", weight), ("bias", bias)):
            if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
                raise self.wrong(name, what, "NaN, infinity or no numbers", "finite numbers")
        axes = 4 if self.nodes[name].kind == "Conv2d" else 2
        if weight.ndim != axes or bias.shape != weight.shape[:1]:
            shapes = weight.shape, bias.shape
            raise self.wrong(name, "weight's shape, bias's", shapes, f"{axes} axes, and the first")
        return weight, bias

    def synapse(
        self, name: str, linear: list[str], last: bool = False
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Return (weight, bias, stride) of the nodes before neurons: pooling, then weights, and a
        Flatten before or after them."""
        weights = None
        for at in linear:
            kind = self.nodes[at].kind
            if weights and kind != "Flatten":
                raise self.wrong(at, "what is before it", weights, "neurons between them")
            if kind in POOLS:
                self.pooled("mean", at)
                self.factor = 1 if kind == "AvgPool2d" else 4
            elif kind == "Flatten":
                self.flatten(at)
            else:
                weights = at
        if not weights:
            raise self.wrong(name, "what is before it", "no synapse", "weights")
        weight, bias = self.numbers(weights)
        weight = weight if self.factor == 1 else weight * self.factor
        self.factor = 1
        if weight.ndim == 4:
            return self.conv(weights, weight, bias, last)
        return self.dense(weights, weight), bias, 1

    def two(self, name: str, what: str) -> tuple[int, int]:
        """Return (rows, columns), given one number, two numbers, or a string."""
        value = getattr(self.nodes[name], what)
        if isinstance(value, (str, bytes, np.str_)):
            sides = np.shape(self.nodes[name].weight)[2:]
            return (sides[0] // 2, sides[1] // 2) if value in ("same", b"same") else (0, 0)
        first, last = np.resize(value, 2).tolist()
        return int(first), int(last)

    def flatten(self, name: str) -> None:
        """Read a Flatten node that flattens all axes, however they are numbered."""
        node = self.nodes[name]
        axes = len(self.shape) + self.batch
        ends = [int(np.ravel(end)[0]) % axes for end in (node.start_dim, node.end_dim)]
        if len(self.shape) == 3 and ends != [self.batch, axes - 1]:
            raise self.wrong(name, "start_dim, end_dim", ends, "all of (C, H, W): 0, -1")
        self.flat = True

    def pooled(self, pool: str, name: str) -> None:
        """Add 2 x 2 pooling to the preceding layer."""
        last = self.layers[-1] if self.layers else None
        sizes = [self.two(name, of) for of in ("kernel_size", "stride", "padding")]
        if sizes != [(2, 2), (2, 2), (0, 0)]:
            raise self.wrong(name, "kernel, stride, padding", sizes, "2, 2, 0")
        image = last is not None and last.weight.ndim == 4 and not self.flat
        if last is None or not image or last.pool != "none" or min(self.shape[1:]) < 2:
            expected = "one of an image of 2 x 2 sites or more, behind a Conv2d and its neurons"
            raise self.wrong(name, "pooling", pool, expected)
        self.layers[-1] = last._replace(pool=pool)
        self.shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))

    def conv(
        self, name: str, weight: np.ndarray, bias: np.ndarray, last: bool
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Return (weight, bias, stride) of a Conv2d: weights (k, k, C_in, C_out), or (features,
        K) where the kernel is as large as the image; below the last layer, one site remains an
        image."""
        (h, w) = weight.shape[2:]
        k = weight.shape[2]
        stride, padding, dilation = (self.two(name, of) for of in ("stride", "padding", "dilation"))
        found = weight.shape[1], int(np.ravel(self.nodes[name].groups)[0]), dilation
        if self.flat or len(self.shape) != 3 or found != (self.shape[0], 1, (1, 1)):
            expected = f"those of {self.shape} coming in, 1 and 1"
            raise self.wrong(name, "channels, groups, dilation", found, expected)
        if (h, w) == self.shape[1:] and padding == (0, 0) and (k > 1 or last):
            self.flat = True
            return self.dense(name, weight.reshape(len(weight), -1)), bias, 1
        if (h, w, *stride, *padding) != (k, k, *stride[:1] * 2, k // 2, k // 2) or k % 2 == 0:
            expected = (
                "odd and square, the same both ways, half of the kernel (padding='same'), or 2 x 2 "
                "pooling behind the neurons before it"
            )
            raise self.wrong(name, "kernel, stride, padding", ((h, w), stride, padding), expected)
        if stride[0] < 1:
            raise self.wrong(name, "stride", stride, "1 or more")
        self.shape = (len(weight), *(-(-side // stride[0]) for side in self.shape[1:]))
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0)), bias, stride[0]

    def dense(self, name: str, weight: np.ndarray) -> np.ndarray:
        """Reorder weights (K, features), features in (C, H, W), to (features, K), features in (H,
        W, C)."""
        flat = self.flat or len(self.shape) == 1
        if not flat or weight.shape[1] != math.prod(self.shape):
            expected = f"{math.prod(self.shape)} features coming in, of an image behind a Flatten"
            raise self.wrong(name, "weight's shape", weight.shape, expected)
        if len(self.shape) == 3:
            weight = weight.reshape(-1, *self.shape).transpose(0, 2, 3, 1)
        self.shape, self.flat = (len(weight),), False
        return np.ascontiguousarray(weight.reshape(len(weight), -1).T)
