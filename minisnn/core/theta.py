"""Where the arrays of a network are in theta, and what theta holds for a constant that is learned.

theta is flat, layer by layer: weight, bias, the recurrent weights of a layer that has them, then
its learned constants. A decay, which is between 0 and 1, is held as its logit a, any other constant
as it is:

    alpha = 1 / (1 + exp(-a))       d alpha / da = alpha (1 - alpha)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import log, log1p, prod
from typing import Any

import numpy as np

from .dual import Array, Dual, logistic
from .layer import Layer, Weights


@dataclass(frozen=True)
class Parameter:
    """Where one array is in theta."""

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


def layout_of(layers: Iterable[Layer]) -> tuple[Parameter, ...]:
    """The arrays of these layers, one behind the other."""
    layout: list[Parameter] = []
    at = 0
    for layer in layers:
        for name, shape in layer.parameters().items():
            end = at + prod(shape)
            layout.append(Parameter(f"{layer.name}.{name}", shape, slice(at, end)))
            at = end
    return tuple(layout)


def is_logit(layer: Layer, name: str) -> bool:
    """Whether theta holds the logit of a constant."""
    return name in layer.neuron.decaying


def held(layer: Layer, name: str) -> float:
    """What theta holds for a constant as the layer's neuron has it."""
    constant = getattr(layer.neuron, name)
    if not is_logit(layer, name):
        return constant
    if constant == 0:
        raise ValueError(
            f"{layer.name} cannot learn {name} from 0 on, which no logit has; give its neuron a "
            "larger one"
        )
    return log(constant) - log1p(-constant)


def weights_of(layer: Layer, arrays: dict[str, Any]) -> Weights:
    """What a layer computes with, from its arrays in theta. Raises ValueError where a constant is out
    of range."""
    constants = {}
    for name in layer.learn:
        a = arrays[name]
        constants[name] = logistic(a) if is_logit(layer, name) else a
    plain = {name: float(a) for name, a in constants.items() if not isinstance(a, Dual)}
    if plain:  # those that move are the same
        try:
            replace(layer.neuron, **plain)
        except ValueError as error:
            raise ValueError(f"theta's constants of {layer.name}: {error}") from None
    weight = arrays["weight"].reshape(layer.weight_shape)
    return Weights(weight, arrays["bias"], arrays.get("recurrent"), constants)


def flat(size: int, dtype: Any, pieces: Iterable[tuple[slice, Any]], of: Callable) -> Array:
    """One vector of the pieces, each at its place: of their value or of their derivative."""
    vector = np.zeros(size, dtype)
    for at, piece in pieces:
        vector[at] = np.ravel(of(piece))
    return vector


def chained(layer: Layer, w: Weights, name: str, adjoint: Any) -> Any:
    """The adjoint of what theta holds, from that of an array or a constant."""
    if name in w.constants and is_logit(layer, name):
        alpha = w.constants[name]
        return adjoint * alpha * (1 - alpha)
    return adjoint


def array_views(layout: Iterable[Parameter], theta: Any) -> dict[str, Array]:
    """The arrays in theta by name."""
    return {p.name: theta[p.slice].reshape(p.shape) for p in layout}
