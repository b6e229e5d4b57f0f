"""From a chain of Conv2d, Affine and neurons with a reset, from whatever tool, to layers, of which
`networks` makes a network.

`chain` says how this library writes one. Read are, too: w_in, r and thresholds of layers or
channels, which are taken into the weights (a reset to zero does not see their scale); a LIF, a
CubaLIF with beta = 0; LI and LIF in a row, which Norse makes of a CubaLIF; AvgPool2d and SumPool2d,
which are means of spikes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .chain import is_crop, on_image, ors, outcome, repeats
from .constants import Neuron, neuron_of, numbers, per_channel, plain
from .walk import input_shape

if TYPE_CHECKING:
    import nir

QUIET = 1e6  # from this threshold on a neuron counts as one that never fires
_POOLS = ("AvgPool2d", "SumPool2d")
_LINEAR = ("Conv2d", "Affine", "Linear", *_POOLS, "Flatten")
_FIRING = ("CubaLIF", "LIF", "CubaLI", "LI")
KINDS = ("Input", "Output", *_LINEAR, *_FIRING)
MOST_APART = 1e-6  # of decays that count as one; float32 time constants are known to that


def is_chain(graph: nir.NIRGraph) -> bool:
    """Whether a graph is for this file: it has neurons with a reset."""
    nodes = getattr(graph, "nodes", None)
    return isinstance(nodes, dict) and any(
        type(node).__name__ in ("CubaLIF", "LIF") for node in nodes.values()
    )


class Layer(NamedTuple):
    """A synapse as this library has it, weights (k, k, C_in, C_out) or (features, K), and what
    fires, a number a channel."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    neuron: Neuron


class Reader:
    """Walks a chain whose nodes are `names`, from the input on.

    blocks              what it found, a `Layer` each
    pool, input_shape   as `SpikingNet` has them
    firing              whether a neuron of it fires
    last                the node whose membrane are the logits
    silenced            the threshold of the last, which is left out, or None

    readout   "membrane" leaves the threshold of last neurons that fire out; `fires` lets them
    """

    def __init__(
        self,
        graph: nir.NIRGraph,
        names: list[str],
        dt: float,
        readout: str | None = None,
        fires: bool = False,
    ):
        self.nodes = {name: plain(graph.nodes[name]) for name in names}
        self.dt = dt
        self.blocks = list[Layer]()
        self.pool: str | None = None
        self.shape = input_shape(graph, names[0])
        axes = np.size(next(iter(graph.nodes[names[0]].output_type.values())))
        self.batch = axes > len(self.shape)
        self.mean = 0
        self.dry = 0
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
        self.alike()
        arrays = [array for b in self.blocks for array in (b.weight, b.bias)]
        whole = all(np.can_cast(array.dtype, np.float32) for array in arrays)
        self.dtype = np.dtype(np.float32 if whole else np.float64)

    def shapes(self) -> dict[str, Any]:
        """What of a configuration the shapes of weights say."""
        blocks = self.blocks
        return dict(
            input_shape=self.input_shape,
            channels=[b.weight.shape[-1] for b in blocks if b.weight.ndim == 4],
            hidden=[b.weight.shape[-1] for b in blocks[:-1] if b.weight.ndim == 2],
            ways=blocks[-1].weight.shape[-1],
            pool=self.pool or "max",
            kernel=len(blocks[0].weight) if blocks[0].weight.ndim == 4 else 5,
            dtype=self.dtype.name,
        )

    def place(self, name: str) -> str:
        """A node's name and type."""
        return f"node {name!r} ({self.nodes[name].kind})"

    def wrong(self, name: str, what: str, found: Any, expected: Any) -> ValueError:
        """What does not fit, in a sentence."""
        return ValueError(f"{self.place(name)}: {what} is {found}; expected {expected}")

    def fire(self, name: str, neuron: Neuron, last: bool) -> None:
        """A layer: the linear nodes before it, and it."""
        linear, self.rest = self.rest, []
        if (
            self.blocks
            and neuron.alpha == neuron.beta == 0
            and linear
            and self.is_or(linear, neuron)
        ):
            return self.pooled("max", name, 1)
        if not last and np.max(neuron.threshold) >= QUIET:
            raise self.wrong(
                name,
                "its threshold",
                "none that is ever reached",
                "neurons that fire, before the last layer",
            )
        synapse = None
        for at in linear:
            kind = self.nodes[at].kind
            if synapse is not None and (kind in _POOLS or kind in ("Conv2d", "Affine", "Linear")):
                what = "pooling" if kind in _POOLS else "a synapse"
                raise self.wrong(at, what, f"behind {synapse!r}", "neurons between them")
            if kind in _POOLS:
                self.average(at)
            elif kind == "Flatten":
                self.flatten(at)
            elif kind == "Conv2d" and is_crop(self.nodes[at], self.shape):
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
        self.mean = 0
        for what, array in neuron.given.items():
            per_channel(self.place(name), what, array, self.shape)
        scale, threshold = (
            per_channel(self.place(name), "a constant", array, self.shape) for array in neuron[2:4]
        )
        self.blocks.append(
            Layer(name, weight, bias, neuron._replace(scale=scale, threshold=threshold))
        )

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
        if (
            self.pool not in (None, pool)
            or len(self.shape) != 3
            or self.flat
            or not self.unpooled()
        ):
            raise self.wrong(
                name,
                "pooling",
                pool,
                f"{self.pool or 'one'} of an image, behind every Conv2d and its neurons, and no "
                "other",
            )
        self.pool = pool
        self.mean = factor if pool == "mean" else 0
        self.shape = (self.shape[0], *(side // 2 for side in self.shape[1:]))
        self.dry = len(self.blocks)

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
        if outcome(self.shape[1:], sides, stride, padding) == (1, 1):
            seen = on_image(weight, padding, self.shape[1:])
            weight = self.dense(name, seen.reshape(len(seen), -1), whole=True)
            self.shape = (*self.shape, 1, 1)
            return weight
        if stride == (2, 2) and self.unpooled() and repeats(weight):
            weight = self.folded(name, weight)
            self.pooled("mean", name, 1)
            stride = (1, 1)
            padding = tuple(p / 2 for p in padding)
            sides = weight.shape[2:]
        k = sides[0]
        if stride != (1, 1) or sides != (k, k) or k % 2 == 0 or padding != (k // 2, k // 2):
            found = (sides, stride, padding)
            raise self.wrong(
                name,
                "kernel, stride, padding",
                found,
                "odd and square, 1, half of it (padding='same'), so that the image keeps its size "
                "until it is pooled",
            )
        if self.unpooled():
            raise self.wrong(
                name,
                "what comes in",
                "not pooled",
                "2 x 2 pooling behind every Conv2d and its neurons",
            )
        self.shape = (len(weight), *self.shape[1:])
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0))

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
            if self.unpooled():
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
        return (
            bool(self.blocks) and self.blocks[-1].weight.ndim == 4 and self.dry < len(self.blocks)
        )

    def folded(self, name: str, weight: np.ndarray) -> np.ndarray:
        """`fourfold` backwards."""
        if not repeats(weight):
            raise self.wrong(
                name,
                "what comes in",
                "not pooled",
                "2 x 2 pooling behind every Conv2d and its neurons, or weights that repeat in 2 x 2",
            )
        return 4 * weight[..., ::2, ::2]

    def alike(self) -> None:
        """ValueError where layers have decays or kernels of their own."""
        first = self.blocks[0]
        for b in self.blocks:
            if not np.allclose(b.neuron[:2], first.neuron[:2], rtol=0, atol=MOST_APART):
                raise self.wrong(
                    b.name, "its decays", b.neuron[:2], f"{first.neuron[:2]} as of {first.name!r}"
                )
            if b.weight.ndim == 4 and b.weight.shape[:2] != first.weight.shape[:2]:
                raise self.wrong(
                    b.name, "the kernel", b.weight.shape[:2], f"{first.weight.shape[:2]} as before"
                )
