"""From a chain of Conv2d, Affine and neurons with a reset, from whatever tool, to layers, of which
`networks` makes a network.

`chain` says how this library writes one. Read are, too: w_in, r and thresholds of layers or
channels, which are taken into the weights (a reset to zero does not see their scale); a LIF, a
CubaLIF with beta = 0; LI and LIF in a row, which Norse makes of a CubaLIF; AvgPool2d and SumPool2d,
which are means of spikes. What is not clear from the nodes, whether weights that repeat are a mean
of spikes and whether a kernel that fits once is one of a conv layer, the metadata decides where
this library wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .geometry import is_crop, on_image, ors, outcome, repeats
from ..layers.block import Block
from .constants import Neuron, neuron_of, numbers, per_channel, plain
from .recurrence import Loop, unrolled
from .walk import input_shape, one_after_another

if TYPE_CHECKING:
    import nir

QUIET = 1e6  # from this threshold on a neuron counts as one that never fires
_POOLS = ("AvgPool2d", "SumPool2d")
_LINEAR = ("Conv2d", "Affine", "Linear", *_POOLS, "Flatten")
_FIRING = ("CubaLIF", "LIF", "CubaLI", "LI")
KINDS = ("Input", "Output", *_LINEAR, *_FIRING)


class Layer(NamedTuple):
    """A synapse as this library has it, weights (k, k, C_in, C_out) or (features, K), with its
    stride, what fires, a number a channel, and its recurrent weights (K, K) or None."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    neuron: Neuron
    stride: int = 1
    recurrent: np.ndarray | None = None


class Reader:
    """Walks a chain whose nodes are `names`, from the input on.

    blocks              what it found, a `Layer` each
    pools               the pooling of each: "max", "mean" or "none"
    input_shape         as `SpikingNet` has it
    firing              whether a neuron of it fires
    last                the node whose membrane are the logits
    silenced            the threshold of the last, which is left out, or None

    readout   "membrane" leaves the threshold of last neurons that fire out; `fires` lets them
    loops     the recurrent weights of nodes, by their names
    meant     the layers that the metadata name, or None
    """

    def __init__(
        self,
        graph: nir.NIRGraph,
        names: list[str],
        dt: float,
        readout: str | None = None,
        fires: bool = False,
        *,
        loops: dict[str, Loop] | None = None,
        meant: Sequence[Block] | None = None,
    ):
        self.loops = loops or {}
        self.meant = meant
        self.stride = 1
        self.nodes = {name: plain(graph.nodes[name]) for name in names}
        self.dt = dt
        self.blocks = list[Layer]()
        self.pools = list[str]()
        self.shape = input_shape(graph, names[0])
        axes = np.size(next(iter(graph.nodes[names[0]].output_type.values())))
        self.batch = axes > len(self.shape)
        self.mean = 0
        self.flat = False
        self.rest = list[str]()
        self.input_shape = [*self.shape[1:], self.shape[0]]
        self.silenced: float | None = None
        waiting = None  # LI, whose LIF is to come
        for name, after in zip(names[1:], names[2:]):
            node = self.nodes[name]
            if node.kind in _LINEAR:
                self.rest.append(name)
            elif node.kind == "LI" and self.nodes[after].kind in ("LI", "LIF") and waiting is None:
                waiting = node
            else:
                neuron = neuron_of(self.place(name), node, waiting, dt)
                self.fire(name, neuron, self.nodes[after].kind == "Output")
                waiting = None
        if self.rest or not self.blocks:
            raise ValueError(
                f"the graph ends in {', '.join(self.rest) or 'its input'}; expected neurons behind "
                "a synapse"
            )
        self.last = self.blocks[-1].name
        self.firing = fires or len(self.blocks) > 1
        if (last := float(np.min(self.blocks[-1].neuron.threshold))) < QUIET and not fires:
            if readout != "membrane":
                raise ValueError(
                    f"node {self.last!r} fires at {last:g}; expected the last layer to integrate "
                    "alone, which logits are read "
                    f"from: a CubaLI, or a threshold of {QUIET:g} or more, or readout membrane, to "
                    "leave its threshold out"
                )
            self.silenced = last
        arrays = [array for b in self.blocks for array in (b.weight, b.bias)]
        whole = all(np.can_cast(array.dtype, np.float32) for array in arrays)
        self.dtype = np.dtype(np.float32 if whole else np.float64)

    def place(self, name: str) -> str:
        """A node's name and type."""
        return f"node {name!r} ({self.nodes[name].kind})"

    def wrong(self, name: str, what: str, found: Any, expected: Any) -> ValueError:
        """What does not fit, in a sentence."""
        return ValueError(f"{self.place(name)}: {what} is {found}; expected {expected}")

    def fire(self, name: str, neuron: Neuron, last: bool) -> None:
        """A layer: the linear nodes before it, and it."""
        linear, self.rest = self.rest, []
        without_memory = neuron.alpha == neuron.beta == 0 and name not in self.loops
        if self.blocks and without_memory and linear and self.is_or(linear, neuron):
            return self.pooled("max", name, 1)
        if last and name in self.loops:
            raise self.wrong(name, "the last layer", "recurrent", "one that does not hear itself")
        if not last and np.max(neuron.threshold) >= QUIET:
            raise self.wrong(
                name,
                "its threshold",
                "none that is ever reached",
                "neurons that fire, before the last layer",
            )
        synapse = None
        cropped = None
        self.stride = 1
        for at in linear:
            kind = self.nodes[at].kind
            if synapse is not None and (kind in _POOLS or kind in ("Conv2d", "Affine", "Linear")):
                what = "pooling" if kind in _POOLS else "a synapse"
                raise self.wrong(at, what, f"behind {synapse!r}", "neurons between them")
            if kind in _POOLS:
                self.average(at)
            elif kind == "Flatten":
                self.flatten(at)
            elif kind == "Conv2d" and is_crop(self.nodes[at], self.shape) and self.steps_once(at):
                cropped = at
                self.shape = (self.shape[0], *(2 * (side // 2) for side in self.shape[1:]))
            else:
                synapse = at
        if synapse is None:
            raise ValueError(
                f"{self.place(name)} has no Conv2d, Affine or Linear before it; expected one"
            )
        node = self.nodes[synapse]
        weight = numbers(self.place(synapse), "weight", node.weight)
        weight = weight * self.mean if self.mean > 1 else weight
        bias = getattr(node, "bias", None)
        bias = (
            np.zeros(len(weight), weight.dtype)
            if bias is None
            else numbers(self.place(synapse), "bias", bias)
        )
        if weight.ndim != (4 if node.kind == "Conv2d" else 2):
            raise self.wrong(
                synapse,
                "weight's shape",
                weight.shape,
                "4 axes" if node.kind == "Conv2d" else "2 axes",
            )
        weight = (
            self.conv(synapse, node, weight) if weight.ndim == 4 else self.dense(synapse, weight)
        )
        if bias.shape != weight.shape[-1:]:
            raise self.wrong(synapse, "bias's shape", bias.shape, weight.shape[-1:])
        if cropped and (not self.blocks or self.pools[-1] == "none"):
            raise self.wrong(cropped, "what follows", "no pooling", "some, which drops the rest")
        self.mean = 0
        for what, array in neuron.given.items():
            per_channel(self.place(name), what, array, self.shape)
        scale, threshold = (
            per_channel(self.place(name), "a constant", array, self.shape) for array in neuron[2:4]
        )
        recurrent = None
        if name in self.loops:
            recurrent, bias = self.heard(name, weight, bias)
        neuron = neuron._replace(scale=scale, threshold=threshold)
        self.blocks.append(Layer(name, weight, bias, neuron, self.stride, recurrent))
        self.pools.append("none")

    def heard(self, name: str, weight: np.ndarray, bias: np.ndarray) -> tuple[Any, np.ndarray]:
        """(the recurrent weights of a dense layer, its bias with that of the loop)."""
        loop = self.loops[name]
        if weight.ndim != 2 or loop.weight.shape != (len(bias), len(bias)):
            found = f"{loop.weight.shape} weights in its loop"
            expected = "a dense layer, and from each of its neurons to each"
            raise self.wrong(name, "recurrence", found, expected)
        return loop.weight, bias + loop.bias

    def two(self, name: str, what: str) -> Any:
        """(rows, columns) of what may be one number."""
        value = getattr(self.nodes[name], what)
        if isinstance(value, str):
            return value
        found = np.ravel(value)
        if (
            found.size not in (1, 2)
            or found.dtype.kind not in "iuf"
            or (found != np.floor(found)).any()
        ):
            raise self.wrong(name, what, found.tolist(), "one or two whole numbers")
        return tuple(int(n) for n in np.broadcast_to(found, 2))

    def steps_once(self, name: str) -> bool:
        """Whether a Conv2d sees every site once, without padding."""
        steps = [self.two(name, what) for what in ("stride", "padding", "dilation")]
        return steps in ([(1, 1), pad, (1, 1)] for pad in ((0, 0), "valid"))

    def flatten(self, name: str) -> None:
        """A Flatten: of all axes, whatever it calls them."""
        first, last = (
            int(np.ravel(getattr(self.nodes[name], end))[0]) for end in ("start_dim", "end_dim")
        )
        axes = len(self.shape) + self.batch
        if len(self.shape) == 3 and (first % axes != self.batch or last % axes != axes - 1):
            raise self.wrong(name, "start_dim, end_dim", (first, last), "all of (C, H, W): 0, -1")
        self.flat = True

    def average(self, name: str) -> None:
        """An AvgPool2d or SumPool2d: a mean of spikes."""
        sizes = [self.two(name, what) for what in ("kernel_size", "stride", "padding")]
        if sizes != [(2, 2), (2, 2), (0, 0)]:
            raise self.wrong(name, "kernel, stride, padding", sizes, "2, 2, 0")
        self.pooled("mean", name, 1 if self.nodes[name].kind == "AvgPool2d" else 4)

    def pooled(self, pool: str, name: str, factor: int) -> None:
        """2 x 2 pooling of the block before."""
        if len(self.shape) != 3 or self.flat or not self.unpooled():
            expected = "one of an image, behind a Conv2d and its neurons, and no other"
            raise self.wrong(name, "pooling", pool, expected)
        if min(self.shape[1:]) < 2:
            raise self.wrong(name, "what it pools", self.shape[1:], "at least 2 x 2 sites")
        self.pools[-1] = pool
        self.mean = factor if pool == "mean" else 0
        self.shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))

    def is_or(self, linear: list[str], neuron: Neuron) -> bool:
        """Whether a synapse and neurons without memory are the OR of 2 x 2 spikes."""
        node = self.nodes[linear[0]]
        if len(linear) != 1 or node.kind != "Conv2d" or not self.unpooled():
            return False
        weight = numbers(self.place(linear[0]), "weight", node.weight) * np.max(neuron.scale)
        if weight.shape[2:] != (2, 2) or len(weight) != weight.shape[1]:
            return False
        ones = ors(len(weight)) != 0
        steps = [self.two(linear[0], what) for what in ("stride", "padding", "dilation")]
        return bool(
            np.array_equal(weight != 0, ones)
            and weight[ones].min() > np.max(neuron.threshold)
            and np.min(neuron.threshold) >= 0
            and not np.any(node.bias)
            and steps in ([(2, 2), pad, (1, 1)] for pad in ((0, 0), "valid"))
        )

    def conv(self, name: str, node: Any, weight: np.ndarray) -> np.ndarray:
        """(k, k, C_in, C_out), or (features, K) of a kernel as large as the image."""
        sides = weight.shape[2:]
        stride, dilation, padding = (
            self.two(name, what) for what in ("stride", "dilation", "padding")
        )
        if isinstance(padding, str):
            padding = tuple(k // 2 if padding == "same" else 0 for k in sides)
        groups = int(np.ravel(node.groups)[0])
        if (
            self.flat
            or len(self.shape) != 3
            or weight.shape[1] != self.shape[0]
            or groups != 1
            or dilation != (1, 1)
        ):
            found = weight.shape, groups, dilation
            raise self.wrong(
                name, "weight's shape (groups, dilation)", found, f"{self.shape} coming in, 1, 1"
            )
        if min(stride) < 1 or min(padding) < 0:
            raise self.wrong(name, "stride, padding", (stride, padding), "1 or more, 0 or more")
        if outcome(self.shape[1:], sides, stride, padding) == (1, 1) and not self.means_conv():
            seen = on_image(weight, padding, self.shape[1:])
            weight = self.dense(name, seen.reshape(len(seen), -1), whole=True)
            self.shape = (*self.shape, 1, 1)
            return weight
        if stride[0] % 2 == 0 and sides[0] % 2 == 0 and self.means_mean(weight):
            if max(side % 2 for side in self.shape[1:]) and sides[0] > 2:
                expected = "an even one, or a Conv2d before it that drops the rest"
                raise self.wrong(name, "the image that a mean is over", self.shape[1:], expected)
            weight = self.folded(name, weight)
            self.pooled("mean", name, 1)
            stride = tuple(s // 2 for s in stride)
            padding = tuple(p / 2 for p in padding)
            sides = weight.shape[2:]
        k = sides[0]
        s = stride[0]
        if stride != (s, s) or sides != (k, k) or k % 2 == 0 or padding != (k // 2, k // 2):
            found = (sides, stride, padding)
            expected = (
                "odd and square, the same both ways, half of the kernel (padding='same'), or 2 x 2 "
                "pooling behind the neurons before it"
            )
            raise self.wrong(name, "kernel, stride, padding", found, expected)
        self.stride = s
        self.shape = (len(weight), *(-(-side // s) for side in self.shape[1:]))
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0))

    def means_conv(self) -> bool:
        """Whether the metadata say that the layer to come is a conv layer."""
        n = len(self.blocks)
        return bool(self.meant and n < len(self.meant) and self.meant[n].name.startswith("conv"))

    def means_mean(self, weight: np.ndarray) -> bool:
        """Whether a mean of the spikes before lies in weights (..., 2k, 2k)."""
        if not self.unpooled():
            return False
        n = len(self.blocks) - 1
        if self.meant and n < len(self.meant):
            return self.meant[n].pool == "spikes"
        return repeats(weight)

    def dense(self, name: str, weight: np.ndarray, whole: bool = False) -> np.ndarray:
        """(features, K), features as (H, W, C); `whole`: of a kernel as large as the image."""
        if len(self.shape) == 3:
            if weight.shape[1] != np.prod(self.shape) or not (
                whole or self.flat or self.shape[1:] == (1, 1)
            ):
                flat = "" if self.flat or whole else " and a Flatten before it"
                raise self.wrong(
                    name,
                    "weight's shape",
                    weight.shape,
                    f"{np.prod(self.shape)} features coming in{flat}",
                )
            weight = weight.reshape(-1, *self.shape)
            if self.means_mean(weight):
                weight = self.folded(name, weight)
                self.pooled_flat(name)
            weight = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
        else:
            weight = weight.T
            if len(weight) != self.shape[0]:
                raise self.wrong(
                    name, "weight's shape", weight.T.shape, f"{self.shape[0]} features coming in"
                )
        self.shape = (weight.shape[1],)
        return np.ascontiguousarray(weight)

    def pooled_flat(self, name: str) -> None:
        """The mean that lies in weights behind a Flatten."""
        flat, self.flat = self.flat, False
        self.pooled("mean", name, 1)
        self.flat = flat

    def unpooled(self) -> bool:
        """Whether the last block is convolutional, and nothing has pooled it yet."""
        return bool(self.blocks) and self.blocks[-1].weight.ndim == 4 and self.pools[-1] == "none"

    def folded(self, name: str, weight: np.ndarray) -> np.ndarray:
        """`fourfold` backwards."""
        if not repeats(weight):
            expected = "weights that repeat in 2 x 2, the mean that the metadata name"
            raise self.wrong(name, "what comes in", "not pooled", expected)
        return 4 * weight[..., ::2, ::2]


def reader_of(
    graph: Any,
    dt: float,
    readout: str | None = None,
    fires: bool = False,
    meant: Sequence[Block] | None = None,
) -> Reader:
    """The reader of a graph that is a chain but for its loops. Arguments as of `Reader`."""
    straight, loops = unrolled(graph)
    names = one_after_another(straight)
    return Reader(straight, names, dt, readout, fires, loops=loops, meant=meant)
