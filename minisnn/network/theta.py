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
from ..layers.linear import unfold_weight
from .engine import Array


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
