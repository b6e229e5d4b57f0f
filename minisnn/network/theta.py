"""Where the arrays of a network lie in theta, and what theta holds for a constant that is learned.

theta is flat, layer by layer: weight, bias, the recurrent weights of a layer that has them, then
its learned constants. A decay, which lies between 0 and 1, is held as its logit a, any other
constant as it is:

    alpha = 1 / (1 + exp(-a))       d alpha / da = alpha (1 - alpha)
                                    d2 alpha / da2 = alpha (1 - alpha) (1 - 2 alpha)

Engines are given the constants and return derivatives by them; `Chain` takes these to theta.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..layers.block import Block
from ..layers.linear import fold, fold_weight, unfold, unfold_weight
from ..layers.together import Weights
from ..parallel.checks import Checks
from .engine import Array, Engine


@dataclass(frozen=True)
class Parameter:
    """Where one array lies in theta."""

    name: str
    shape: tuple[int, ...]
    slice: slice

    @property
    def layer(self) -> str:
        """The name of its layer."""
        return self.name.partition(".")[0]

    @property
    def part(self) -> str:
        """What it is there: weight, bias, recurrent, or the name of a constant."""
        return self.name.partition(".")[2]


def parameters_of(blocks: Iterable[Block]) -> list[Parameter]:
    """The arrays of these blocks, one behind the other."""
    found: list[Parameter] = []
    at = 0
    for b in blocks:
        shapes: dict[str, tuple[int, ...]] = {"weight": b.own_weight_shape, "bias": (b.channels,)}
        if b.recurrent:
            shapes["recurrent"] = (b.channels, b.channels)
        shapes |= {name: () for name in b.learn}
        for name, shape in shapes.items():
            found.append(Parameter(f"{b.name}.{name}", shape, slice(at, at + math.prod(shape))))
            at = found[-1].slice.stop
    return found


def is_logit(b: Block, name: str) -> bool:
    """Whether theta holds the logit of a constant."""
    return name in b.neuron.decaying


def held(b: Block, name: str) -> float:
    """What theta holds for a constant as the layer's neuron has it."""
    value = getattr(b.neuron, name)
    if not is_logit(b, name):
        return value
    if value == 0:
        raise ValueError(
            f"{b.name} cannot learn {name} from 0 on, which no logit has; give its neuron a larger "
            "one"
        )
    return math.log(value) - math.log1p(-value)


def value(b: Block, name: str, raw: Any) -> float:
    """The constant that theta holds as `raw`."""
    raw = float(raw)
    if not is_logit(b, name):
        return raw
    return 1 / (1 + math.exp(-raw)) if raw > -700 else 0.0


def with_constants(b: Block, constants: tuple[float, ...]) -> Block:
    """The block with its neuron at these constants. Raises ValueError where they cannot be."""
    try:
        return replace(b, neuron=replace(b.neuron, **dict(zip(b.learn, constants))))
    except ValueError as error:
        raise ValueError(f"theta's constants of {b.name}: {error}") from None


class Chain:
    """The way of derivatives from the constants to what theta holds of them."""

    def __init__(self, blocks: Iterable[Block], learned: list[Parameter], theta: Array):
        named = {b.name: b for b in blocks}
        self.at = np.array([p.slice.start for p in learned], np.intp)
        first, second = [], []
        for p in learned:
            b = named[p.layer]
            logit = is_logit(b, p.part)
            a = value(b, p.part, theta[p.slice][0])
            first.append(a * (1 - a) if logit else 1.0)
            second.append(a * (1 - a) * (1 - 2 * a) if logit else 0.0)
        self.first = np.array(first, theta.dtype)
        self.second = np.array(second, theta.dtype)

    def tangent(self, v: Array) -> Array:
        """A direction of theta as one of weights and constants."""
        if not self.at.size:
            return v
        v = v.copy()
        v[self.at] *= self.first
        return v

    def gradient(self, by_constants: Array) -> Array:
        """The gradient by theta, from that by weights and constants."""
        return self.tangent(by_constants)

    def product(self, by_constants: Array, v: Array, along: Array) -> Array:
        """H v by theta, from its like by weights and constants `along`, their gradient and v."""
        if not self.at.size:
            return along
        found = self.tangent(along)
        found[self.at] += self.second * v[self.at] * by_constants[self.at]
        return found


def own_weight(b: Block, weight: Array) -> Array:
    """The layer's weight (k, k, C_in, C_out) of that of its block."""
    return unfold_weight(weight, b.stride, b.own_kernel) if b.stride > 1 else weight


class Theta(Checks):
    """What a network knows of its theta."""

    blocks: tuple[Block, ...]
    layout: tuple[Parameter, ...]
    learned: list[Parameter]
    input_shape: tuple[int, ...]

    def views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays in theta by name; views, not copies.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> theta = np.zeros(net.size, np.float32)
        >>> net.views(theta)["readout.bias"][...] = 1
        >>> {name: array.shape for name, array in net.views(theta).items()}, float(theta.sum())
        ({'readout.weight': (6, 3), 'readout.bias': (3,)}, 3.0)
        """
        self._check_vector(theta, "theta")
        return {p.name: theta[p.slice].reshape(p.shape) for p in self.layout}

    def slice_of(self, layer: str) -> slice:
        """Where a layer's arrays lie in theta.

        >>> ms.SpikingNet((6,), (), hidden=(5,), ways=3).slice_of("readout")
        slice(35, 53, None)
        """
        parts = [p.slice for p in self.layout if p.layer == layer]
        return slice(parts[0].start, parts[-1].stop)

    def parameters(
        self, theta: np.ndarray, engine: Engine | None = None, along: np.ndarray | None = None
    ) -> list[tuple[Block, Any, np.ndarray]]:
        """(block, weight, bias) of every block: views into theta, or into a direction `along` which
        theta moves; the neuron at the constants that theta holds, the weight (k, k, C_in, C_out) or
        `Weights`, prepared for an engine."""
        v = self.views(theta if along is None else along)
        prepare = engine.prepare if engine else lambda weight: weight
        of_constants = self.views(theta) if self.learned else {}
        found = []
        for b in self.blocks:
            own = v[f"{b.name}.weight"]
            folded = fold_weight(own, b.stride) if b.stride > 1 else own
            weight: Any = folded.reshape(b.weight_shape)
            constants = tuple(value(b, name, of_constants[f"{b.name}.{name}"]) for name in b.learn)
            if b.joint:
                dots = tuple(float(v[f"{b.name}.{name}"]) for name in b.learn)
                numbers = constants if along is None else dots
                weight = Weights(weight, v.get(f"{b.name}.recurrent"), numbers)
            block = with_constants(b, constants) if b.learn else b
            found.append((block, prepare(weight), v[f"{b.name}.bias"]))
        return found

    def constants(self, theta: np.ndarray) -> dict[str, float]:
        """The learned constants by name, as the neurons have them: a decay, not its logit.

        >>> net = ms.SpikingNet((6,), layers=[ms.Dense(5)], ways=3, learn=("alpha",))
        >>> found = net.constants(net.init(np.random.default_rng(0)))
        >>> {name: round(constant, 6) for name, constant in found.items()}
        {'dense1.alpha': 0.95}
        """
        named = {b.name: b for b in self.blocks}
        views = self.views(theta)
        return {p.name: value(named[p.layer], p.part, views[p.name]) for p in self.learned}

    def chain(self, theta: np.ndarray) -> Chain:
        """The way of derivatives by constants to those by theta.

        >>> net = ms.SpikingNet((6,), layers=[ms.Dense(5)], ways=3, learn=("alpha",))
        >>> chain = net.chain(net.init(np.random.default_rng(0)))
        >>> round(float(chain.first[0]), 4)  # alpha (1 - alpha)
        0.0475
        """
        return Chain(self.blocks, self.learned, theta)

    def add(self, total: np.ndarray, b: Block, dweight: Any, dbias: np.ndarray) -> None:
        """total, flat like theta, += a block's sums; those of constants are by these.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> total = np.zeros(net.size)
        >>> net.add(total, net.blocks[0], np.ones((1, 1, 6, 3)), np.full(3, 2.0))
        >>> float(total.sum())
        24.0
        """
        v = self.views(total)
        parts: dict[str, Any] = {"bias": dbias}
        if isinstance(dweight, Weights):
            if b.recurrent:
                parts["recurrent"] = dweight.recurrent
            parts |= dict(zip(b.learn, dweight.constants))
            dweight = dweight.weight
        parts["weight"] = own_weight(b, dweight)
        for name, part in parts.items():
            view = v[f"{b.name}.{name}"]
            np.add(view, np.reshape(part, view.shape), out=view)

    def fit(self, b: Block, x: Any) -> Any:
        """x as a block takes it: flat (H, W, C) where it is dense, folded where it has a stride."""
        if b.stride > 1:
            if not isinstance(x, np.ndarray):
                return x.folded(b.stride, b.input_shape)
            return fold(x, b.stride)
        return x.reshape(*x.shape[:2], *b.input_shape) if isinstance(x, np.ndarray) else x

    def unfit(self, n: int, dx: np.ndarray) -> np.ndarray:
        """The adjoint of `fit` of block n: that of what the block below hands on.

        >>> net = ms.SpikingNet((8, 8, 2), (4,), ways=3)
        >>> net.unfit(1, np.zeros((2, 10, 1, 1, 64))).shape
        (2, 10, 4, 4, 4)
        """
        b = self.blocks[n]
        shape = self.blocks[n - 1].output_shape if n else self.entry_shape
        if b.stride > 1:
            return unfold(dx, b.stride, shape)
        return dx.reshape(*dx.shape[:2], *shape)

    @property
    def entry_shape(self) -> tuple[int, int, int]:
        """A step of the input as it enters, (H, W, C), before a fold.

        >>> ms.SpikingNet((9, 9, 2), layers=[ms.Conv(4, stride=2)], ways=3).entry_shape
        (9, 9, 2)
        """
        first = self.blocks[0]
        if first.stride == 1:
            return first.input_shape
        H, W, C = self.input_shape
        return (H, W, C)
