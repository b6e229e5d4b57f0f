"""From the nodes of a chain, whatever tool wrote them, to layers.

`write` says how this library writes a chain. Read are, too: w_in, r and thresholds of layers or
channels, which are taken into the weights (a reset to zero does not see their scale); a LIF, a
CubaLIF with beta = 0; LI and LIF in a row, which Norse makes of a CubaLIF; AvgPool2d and SumPool2d,
which are means of spikes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .walk import NEURONS, POOLS, WEIGHTS, chain_of, image_shape
from .write import corners, fourfold, ors, outcome

QUIET = 1e6  # from this threshold on a neuron counts as one that never fires


class Layer(NamedTuple):
    """A synapse as this library has it, weights (k, k, C_in, C_out) or (features, K), and what
    fires: its decays, and what it multiplies its input by and its threshold, one a channel."""

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

    def as_settings(self) -> dict[str, Any]:
        """What `Conv` or `Dense` is made from."""
        if self.weight.ndim == 2:
            recurrent = self.recurrent is not None
            return dict(kind="dense", channels=len(self.bias), recurrent=recurrent)
        size = dict(kernel=len(self.weight), stride=self.stride, pool=self.pool)
        return dict(kind="conv", channels=len(self.bias), **size)


class Reader:
    """Walks through a graph, from the input on.

    layers       what it found
    input_shape  as `SpikingNet` has it
    silenced     the threshold of the last neurons, which is left out, or None
    unfiltered   names of neurons whose input is not scaled by their synapse's filter

    readout      "membrane" leaves the threshold of last neurons that fire out
    fires        whether the last neurons may fire
    """

    def __init__(self, graph: Any, dt: float, readout: str | None, fires: bool):
        self.nodes, self.loops, self.within = chain_of(graph)
        self.dt = dt
        names = list(self.nodes)
        shape = next(iter(self.nodes[names[0]].output_type.values()))
        self.shape, self.batch = image_shape(self.place(names[0]), shape)
        self.input_shape = [*self.shape[1:], self.shape[0]]
        self.layers: list[Layer] = []
        self.unfiltered: list[str] = []
        self.silenced: float | None = None
        self.flat = False
        self.factor = 1  # of the weights to come, behind a sum
        linear: list[str] = []
        synapse = None  # an LI whose LIF is to come
        for name, after in zip(names[1:], names[2:]):
            if self.nodes[name].kind not in NEURONS:
                linear.append(name)
            elif (self.nodes[name].kind, synapse) == ("LI", None) and (
                self.nodes[after].kind in ("LI", "LIF")
            ):
                synapse = name
            else:
                self.neurons(name, linear, synapse, last=self.nodes[after].kind == "Output")
                linear, synapse = [], None
        if linear or synapse or not self.layers:
            raise ValueError("the graph ends without neurons behind a synapse; expected some")
        level = float(np.min(self.layers[-1].threshold))
        if level < QUIET and not fires:
            if readout != "membrane":
                raise ValueError(
                    f"node {self.layers[-1].name!r} fires at {level:g}; expected a last layer that "
                    f"never does, whose membranes are the logits: a CubaLI, a threshold of "
                    f"{QUIET:g} or more, or readout membrane, to leave its threshold out"
                )
            self.silenced = level
        arrays = [array for b in self.layers for array in (b.weight, b.bias)]
        whole = all(np.can_cast(array.dtype, np.float32) for array in arrays)
        self.dtype = np.dtype(np.float32 if whole else np.float64)

    def place(self, name: str) -> str:
        """A node's name and type."""
        return f"node {name!r} ({self.within[name].kind})"

    def wrong(self, name: str, what: str, found: Any, expected: Any) -> ValueError:
        """What does not fit, in a sentence."""
        return ValueError(f"{self.place(name)}: {what} is {found}; expected {expected}")

    # ---- neurons

    def neurons(self, name: str, linear: list[str], before: str | None, last: bool) -> None:
        """Add a layer: the linear nodes before it, an LI that is its synapse, and it."""
        if name not in self.loops and self.is_or(name, before, linear):
            return self.pooled("max", name)
        if last and name in self.loops:
            raise self.wrong(name, "the last layer", "recurrent", "one that does not hear itself")
        weight, bias, stride = self.synapse(name, linear)
        alpha, beta, scale, threshold = self.constants(name, before, self.shape)
        if not last and np.max(threshold) >= QUIET:
            expected = "neurons that fire, before the last layer"
            raise self.wrong(name, "its threshold", "none that is ever reached", expected)
        recurrent = None
        if name in self.loops:
            recurrent, more = self.heard(name, weight)
            bias = bias + more
        layer = Layer(name, weight, bias, alpha, beta, scale, threshold, stride, recurrent)
        self.layers.append(layer)

    def constants(
        self, name: str, before: str | None, shape: tuple[int, ...]
    ) -> tuple[float, float, np.ndarray, np.ndarray]:
        """(alpha, beta, scale, threshold) of neurons, behind an LI that is their synapse."""
        node = self.nodes[name]
        given = {"v_threshold": getattr(node, "v_threshold", math.inf)}
        given["tau_mem"] = getattr(node, "tau_mem", getattr(node, "tau", None))
        for what in ("r", "v_leak", "v_reset", "tau_syn", "w_in"):
            given[what] = getattr(node, what, None)
        if before:
            synapse = self.nodes[before]
            given |= dict(tau_syn=synapse.tau, w_in=synapse.r, v_leak_of_LI=synapse.v_leak)
        arrays = {
            what: per_channel(f"{self.place(name)}: {what}", np.asarray(value), shape)
            for what, value in given.items()
            if value is not None
        }
        for what, array in arrays.items():
            if what.startswith("v_") and what != "v_threshold" and np.any(array):
                raise self.wrong(name, what, array[np.abs(array).argmax()], 0)
        scale = arrays["r"] * arrays.get("w_in", 1.0)
        if not np.all(scale):
            raise self.wrong(
                name, "r or w_in", 0, "another number, so that its input has an effect"
            )
        alpha = self.decay(name, "tau_mem", given["tau_mem"], arrays["tau_mem"])
        beta = 0.0
        if "tau_syn" in arrays:
            beta = self.decay(name, "tau_syn", given["tau_syn"], arrays["tau_syn"])
        if beta and node.kind == "CubaLIF" and np.all(arrays["w_in"] == 1):
            self.unfiltered.append(name)
        return alpha, beta, scale, arrays["v_threshold"]

    def decay(self, name: str, what: str, given: Any, tau: np.ndarray) -> float:
        """The decay a step of a time constant, which all neurons of a layer have."""
        if not np.allclose(tau, tau[0], rtol=1e-6, atol=0):
            raise self.wrong(name, what, "not the same everywhere", "one time constant a layer")
        decay = 1 - self.dt / float(tau[0]) if tau[0] > 0 else -1
        if not -1e-6 <= decay < 1:
            expected = f"one from the step of {self.dt:g} s on, whose decay is below 1"
            raise self.wrong(name, what, f"{tau[0]:g} s", expected)
        if np.asarray(given).dtype == np.float32:  # a multiple of 1 / 4096 where it is as near
            simple = round(4096 * decay) / 4096
            near = abs(simple - decay) <= 4 * np.finfo(np.float32).eps * (1 - decay)
            decay = simple if near else decay
        return decay if decay > 1e-6 else 0.0

    def is_or(self, name: str, before: str | None, linear: list[str]) -> bool:
        """Whether a synapse and neurons without memory are the OR of 2 x 2 spikes."""
        if len(linear) != 1 or self.nodes[linear[0]].kind != "Conv2d" or not self.unpooled():
            return False
        node = self.nodes[linear[0]]
        weight = np.asarray(node.weight)
        where = ors(self.shape[0]) != 0
        steps = [self.two(linear[0], what) for what in ("stride", "padding", "dilation")]
        if (
            weight.shape != where.shape
            or np.any(node.bias)
            or not np.array_equal(weight != 0, where)
        ):
            return False
        if steps != [(2, 2), (0, 0), (1, 1)] or int(np.ravel(node.groups)[0]) != 1:
            return False
        shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))
        alpha, beta, scale, threshold = self.constants(name, before, shape)
        least = weight[where].reshape(len(weight), -1).min(1) * scale
        return bool(alpha == beta == 0 and np.all(threshold >= 0) and np.all(least > threshold))

    def heard(self, name: str, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(recurrent weights, row j what neuron j sends, their bias) of a dense layer."""
        loop, size = self.loops[name], weight.shape[-1]
        back, bias = self.numbers(loop)
        plain = back.ndim == 2
        if back.ndim == 4:
            steps = [self.two(loop, of) for of in ("stride", "dilation", "padding")]
            plain = steps == [(1, 1), (1, 1), (0, 0)] and back.shape[2:] == (1, 1)
        if weight.ndim != 2 or not plain or back.shape[:2] != (size, size):
            found = f"{back.shape} weights in its loop"
            raise self.wrong(name, "recurrence", found, "a dense layer's, from each to each")
        return np.ascontiguousarray(back.reshape(size, size).T), bias

    # ---- what is linear

    def numbers(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The weights of a node as it has them, and its bias."""
        node = self.within[name]
        weight = np.asarray(node.weight)
        bias = getattr(node, "bias", None)
        bias = np.zeros(len(weight), weight.dtype) if bias is None else np.asarray(bias)
        for what, array in (("weight", weight), ("bias", bias)):
            if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
                raise self.wrong(name, what, "NaN, infinity or no numbers", "finite numbers")
        if bias.shape != weight.shape[:1]:
            raise self.wrong(name, "bias's shape", bias.shape, weight.shape[:1])
        return weight, bias

    def synapse(self, name: str, linear: list[str]) -> tuple[np.ndarray, np.ndarray, int]:
        """(weight, bias, stride) of the nodes before neurons: pooling and what drops a rest, then
        weights, and a Flatten before or behind them."""
        found = cropped = None
        for at in linear:
            what = self.nodes[at].kind
            if found and what != "Flatten":
                raise self.wrong(at, "a synapse", f"behind {found!r}", "neurons between them")
            if what in POOLS:
                sizes = [self.two(at, of) for of in ("kernel_size", "stride", "padding")]
                if sizes != [(2, 2), (2, 2), (0, 0)]:
                    raise self.wrong(at, "kernel, stride, padding", sizes, "2, 2, 0")
                self.pooled("mean", at)
                self.factor = 1 if what == "AvgPool2d" else 4
            elif what == "Flatten":
                self.flatten(at)
            elif what == "Conv2d" and self.is_crop(at):
                cropped = at
                self.shape = (self.shape[0], *(2 * (side // 2) for side in self.shape[1:]))
            elif what in WEIGHTS:
                found = at
        if not found:
            raise ValueError(f"{self.place(name)} has no synapse; expected weights before it")
        weight, bias = self.numbers(found)
        weight = weight if self.factor == 1 else weight * self.factor
        axes = 4 if self.nodes[found].kind == "Conv2d" else 2
        if weight.ndim != axes:
            raise self.wrong(found, "weight's shape", weight.shape, f"{axes} axes")
        stride = 1
        if axes == 4:
            weight, stride = self.conv(found, weight)
        else:
            weight = self.dense(found, weight)
        if cropped and (not self.layers or self.layers[-1].pool == "none"):
            raise self.wrong(cropped, "what follows", "no pooling", "some, which drops the rest")
        self.factor = 1
        return weight, bias, stride

    def two(self, name: str, what: str) -> tuple[int, int]:
        """(rows, columns) of what may be one number, or a word for one."""
        value = getattr(self.within[name], what)
        if isinstance(value, (str, bytes, np.str_)):
            sides = np.shape(self.within[name].weight)[2:]
            return (sides[0] // 2, sides[1] // 2) if value in ("same", b"same") else (0, 0)
        first, *rest = np.ravel(value).tolist()
        return int(first), int(rest[0] if rest else first)

    def flatten(self, name: str) -> None:
        """A Flatten: of all axes, whatever it calls them."""
        node, axes = self.nodes[name], len(self.shape) + self.batch
        ends = [int(np.ravel(end)[0]) % axes for end in (node.start_dim, node.end_dim)]
        if len(self.shape) == 3 and ends != [self.batch, axes - 1]:
            raise self.wrong(name, "start_dim, end_dim", ends, "all of (C, H, W): 0, -1")
        self.flat = True

    def unpooled(self) -> bool:
        """Whether the last layer is convolutional, and nothing has pooled it yet."""
        last = self.layers[-1] if self.layers else None
        return last is not None and last.weight.ndim == 4 and last.pool == "none"

    def pooled(self, pool: str, name: str) -> None:
        """2 x 2 pooling of the layer before."""
        if self.flat or not self.unpooled() or min(self.shape[1:]) < 2:
            expected = "one of an image of 2 x 2 sites or more, behind a Conv2d and its neurons"
            raise self.wrong(name, "pooling", pool, expected)
        self.layers[-1] = self.layers[-1]._replace(pool=pool)
        self.shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))

    def is_crop(self, name: str) -> bool:
        """Whether a Conv2d does nothing but drop the last row or column of an image of odd size."""
        node = self.nodes[name]
        sides = tuple(1 + n % 2 for n in self.shape[1:])
        return (
            len(sides) == 2
            and max(sides) == 2
            and np.array_equal(node.weight, corners(self.shape[0], sides))
            and not np.any(node.bias)
            and [self.two(name, of) for of in ("stride", "padding")] == [(1, 1), (0, 0)]
        )

    def conv(self, name: str, weight: np.ndarray) -> tuple[np.ndarray, int]:
        """(weight, stride) of a Conv2d: (k, k, C_in, C_out), or (features, K) where it is as large
        as the image."""
        node, sides = self.nodes[name], weight.shape[2:]
        padding: tuple[float, float]
        stride, padding, dilation = (self.two(name, of) for of in ("stride", "padding", "dilation"))
        found = weight.shape[1], int(np.ravel(node.groups)[0]), dilation
        if self.flat or len(self.shape) != 3 or found != (self.shape[0], 1, (1, 1)):
            expected = f"those of {self.shape} coming in, 1 and 1"
            raise self.wrong(name, "channels, groups, dilation", found, expected)
        if min(stride) < 1 or min(padding) < 0:
            raise self.wrong(name, "stride, padding", (stride, padding), "1 or more, 0 or more")
        if outcome(self.shape[1:], sides, stride, padding) == (1, 1):
            (top, left), (h, w) = padding, self.shape[1:]
            beyond = [(0, max(p + n - k, 0)) for p, n, k in zip(padding, (h, w), sides)]
            wide = np.pad(weight, [(0, 0), (0, 0), *beyond])[:, :, top : top + h, left : left + w]
            whole = self.dense(name, wide.reshape(len(wide), -1), flat=True)
            self.shape = (*self.shape, 1, 1)
            return whole, 1
        if self.repeats(weight) and stride[0] % 2 == 0 == sides[0] % 2:
            if max(side % 2 for side in self.shape[1:]) and sides[0] > 2:
                expected = "an even one, or a Conv2d before it that drops the rest"
                raise self.wrong(name, "the image that a mean is over", self.shape[1:], expected)
            weight = 4 * weight[..., ::2, ::2]
            self.pooled("mean", name)
            stride = (stride[0] // 2, stride[1] // 2)
            sides, padding = weight.shape[2:], (padding[0] / 2, padding[1] / 2)
        k, s = sides[0], stride[0]
        if (stride, sides, padding) != ((s, s), (k, k), (k // 2, k // 2)) or k % 2 == 0:
            expected = (
                "odd and square, the same both ways, half of the kernel (padding='same'), or 2 x 2 "
                "pooling behind the neurons before it"
            )
            raise self.wrong(name, "kernel, stride, padding", (sides, stride, padding), expected)
        self.shape = (len(weight), *(-(-side // s) for side in self.shape[1:]))
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0)), s

    def dense(self, name: str, weight: np.ndarray, flat: bool = False) -> np.ndarray:
        """(features, K) of (K, features), features as (H, W, C); `flat`: whatever was before."""
        flat = flat or self.flat or self.shape[1:] in ((), (1, 1))
        if not flat or weight.shape[1] != math.prod(self.shape):
            expected = f"{math.prod(self.shape)} features coming in, of an image behind a Flatten"
            raise self.wrong(name, "weight's shape", weight.shape, expected)
        if len(self.shape) == 3:
            weight = weight.reshape(-1, *self.shape)
            if self.repeats(weight):
                weight = 4 * weight[..., ::2, ::2]
                self.flat = False
                self.pooled("mean", name)
            weight = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
        else:
            weight = weight.T
        self.shape, self.flat = (weight.shape[1],), False
        return np.ascontiguousarray(weight)

    def repeats(self, weight: np.ndarray) -> bool:
        """Whether a mean of the spikes before lies in weights (..., 2k, 2k)."""
        even = not any(side % 2 for side in weight.shape[-2:])
        return (
            even and self.unpooled() and np.array_equal(fourfold(4 * weight[..., ::2, ::2]), weight)
        )


def per_channel(place: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(C,) of a constant: one number, or one for every channel or neuron of a layer of `shape` (C,
    …)."""
    if array.dtype.kind not in "iuf" or not array.size or np.isnan(array).any():
        raise ValueError(f"{place} is NaN or no number; expected numbers")
    if not place.endswith("v_threshold") and not np.isfinite(array).all():
        raise ValueError(f"{place} is infinite; expected finite numbers")
    found = array.shape
    if array.size in (1, math.prod(shape)):
        array = np.resize(array, shape)
    elif array.ndim < len(shape):
        array = array.reshape(found + (1,) * (len(shape) - array.ndim))
    try:
        flat = np.broadcast_to(array, shape).reshape(shape[0], -1).astype(float)
    except ValueError:
        raise ValueError(f"{place} has shape {found}; expected one number, or {shape}") from None
    if not np.allclose(flat, flat[:, :1], rtol=1e-6, atol=0):
        raise ValueError(f"{place} is not the same in a channel; expected one for each")
    return flat[:, 0]
