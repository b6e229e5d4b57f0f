"""The spike: a step whose derivatives are those of a smooth function, the surrogate.

With a = u - threshold and the slope constant kappa (`slope`; the paper's second use of beta):

    sigma(a)   = a / (1 + kappa |a|)                      the primitive: C1 and piecewise C2
    sigma'(a)  = 1 / (kappa |a| + 1)^2                    the spike's derivative (Stewart & Neftci 2022)
    sigma''(a) = -2 kappa sign(a) / (kappa |a| + 1)^3     sign(0) = 0

So every spike carries a 2-jet: value, slope, curvature. It comes in three forms:

    hard     value Theta(a);                                  the spiking network itself
    jet      Theta(a0) + sigma'(a0) (a - a0) + sigma''(a0)/2 (a - a0)^2    smooth, with that very jet at a0
    smooth   sigma(a)                                         smooth, with the same slope and curvature

a0 is the membrane that was recorded of the spiking network. There the jet form has the spiking
network's value, slope and curvature, so that the surrogate gradient and Hessian of the spiking
network are the true ones of its jet form.

Another surrogate is another `Surrogate`, given to a neuron: `LIF(surrogate=...)`.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .dual import Array, curve, value

FORMS = ("hard", "jet", "smooth")


def inverse(a: Any) -> Any:
    """1 / a where a >= 1. In float32 the kernels have a quicker way, good to a unit in the last
    place."""
    return a.inverse if hasattr(a, "inverse") else 1 / a


class Surrogate:
    """A surrogate derivative: three functions of arrays a = u - threshold, element by element, in
    a's dtype.

    sigma(a)    a primitive of `prime`: the spike of the smooth form
    prime(a)    the derivative that a spike is given
    second(a)   the derivative of `prime`
    kinks       where `second` jumps, if anywhere: checks of the smooth form keep clear of these a

    >>> class Triangle(ms.Surrogate):
    ...     kinks = (-1.0, 0.0, 1.0)
    ...     def sigma(self, a):
    ...         return np.where(abs(a) < 1, a - a * abs(a) / 2, np.sign(a) / 2)
    ...     def prime(self, a):
    ...         return np.maximum(1 - abs(a), 0)
    ...     def second(self, a):
    ...         return np.where(abs(a) < 1, -np.sign(a), 0)
    >>> neuron = ms.LIF(surrogate=Triangle())
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=neuron, window=8, backend="numpy")
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    kinks: tuple[float, ...] = ()

    def sigma(self, a: Array) -> Array:
        """A primitive of `prime`. The paper's surrogate has a / (1 + kappa |a|):

        >>> ms.LIF(slope=1.0).spike.sigma(np.array([-1.0, 0.0, 3.0])).tolist()
        [-0.5, 0.0, 0.75]
        """
        raise NotImplementedError(f"{type(self).__name__} needs sigma(a), a primitive of prime(a)")

    def prime(self, a: Array) -> Array:
        """The surrogate derivative. The paper's is 1 / (kappa |a| + 1)^2:

        >>> ms.LIF(slope=1.0).spike.prime(np.array([-1.0, 0.0, 3.0])).tolist()
        [0.25, 1.0, 0.0625]
        """
        raise NotImplementedError(f"{type(self).__name__} needs prime(a), the surrogate derivative")

    def second(self, a: Array) -> Array:
        """The derivative of `prime`. The paper's surrogate has -2 kappa sign(a) / (kappa |a| +
        1)^3:

        >>> ms.LIF(slope=1.0).spike.second(np.array([-1.0, 1.0, 3.0])).tolist()
        [0.25, -0.25, -0.03125]
        """
        raise NotImplementedError(
            f"{type(self).__name__} needs second(a), the derivative of prime(a)"
        )

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({values})"


class FastSigmoid(Surrogate):
    """That of the paper, see above (the name is Zenke & Ganguli's, 2018)."""

    kinks = (0.0,)

    def __init__(self, slope: float):
        self.slope = slope

    def sigma(self, a: Array) -> Array:
        return a / (1 + self.slope * np.abs(a))

    def prime(self, a: Array) -> Array:
        y = inverse(self.slope * np.abs(a) + 1)
        return y * y

    def second(self, a: Array) -> Array:
        y = inverse(self.slope * np.abs(a) + 1)
        return -2 * self.slope * y * y * y * np.sign(a)


def step(a: Any) -> Any:
    """Heaviside step Theta(a): 1 where a >= 0, in a's dtype."""
    return (a >= 0).astype(a.dtype) if hasattr(a, "dtype") else float(a >= 0)


@dataclass(frozen=True)
class Spike:
    """The spike of a membrane u and its slope, as functions for numbers with a derivative too.

    form       "hard", "jet" or "smooth"
    recorded   of a twin: the membrane u0 of the network that it was recorded of
    detached   whether the spike is a constant: its value in a twin is then the recorded one, and
               its slope is zero
    """

    surrogate: Surrogate
    threshold: float
    form: str = "hard"
    recorded: Any = None
    detached: bool = False

    def about(self, recorded: Any, detached: bool = False) -> "Spike":
        """The same at another recorded membrane."""
        if recorded is None and detached == self.detached:
            return self
        return replace(self, recorded=recorded, detached=detached)

    def value(self, u: Any) -> Any:
        """1 from the threshold on; its derivative is the surrogate."""
        a = u - self.threshold
        if self.form == "hard":
            return step(value(a)) if self.detached else curve(step, self.surrogate.prime)(a)
        a0 = self.recorded - self.threshold
        if self.detached:
            return step(a0)
        if self.form == "smooth":
            return curve(self.surrogate.sigma, self.surrogate.prime)(a)
        away = a - a0
        return (
            step(a0)
            + self.surrogate.prime(a0) * away
            + 0.5 * self.surrogate.second(a0) * away * away
        )

    def slope(self, u: Any) -> Any:
        """The surrogate derivative; its own derivative is the curvature."""
        if self.detached:
            return np.zeros_like(value(u))
        a = u - self.threshold
        if self.form != "jet":
            return curve(self.surrogate.prime, self.surrogate.second)(a)
        a0 = self.recorded - self.threshold
        return self.surrogate.prime(a0) + self.surrogate.second(a0) * (a - a0)
