"""The spike nonlinearity and the three functions that share its 2-jet.

With a = u - threshold and the slope constant kappa (`slope`; the paper's second use of beta):

    sigma(a)   = a / (1 + kappa |a|)                      the primitive: C1 and piecewise C2
    sigma'(a)  = 1 / (kappa |a| + 1)^2                    the surrogate derivative of the spike (Stewart & Neftci 2022)
    sigma''(a) = -2 kappa sign(a) / (kappa |a| + 1)^3     sign(0) = 0

Every spike carries the jet (value, slope, curvature). Three forms of the nonlinearity:

    hard     value Theta(a);                                  the spiking network itself
    jet      Theta(a0) + sigma'(a0) (a - a0) + sigma''(a0)/2 (a - a0)^2    a smooth function with that very jet at a0
    smooth   sigma(a)                                         a smooth network with the same slope and curvature

`a0` is the membrane recorded from the spiking network. At a = a0 the jet form has the spiking
network's value, slope and curvature, so the surrogate gradient and Hessian of the spiking network
are the true ones of its jet form.

Another surrogate is another `Surrogate`, given to a neuron: `LIF(surrogate=...)`.
"""

from typing import Any

import numpy as np

FORMS = ("hard", "jet", "smooth")


def inverse(a: Any) -> Any:
    """1 / a where a >= 1. In float32 the kernels have a quicker way, good to a unit in the last
    place."""
    return 1 / a


def sigma(a: np.ndarray, slope: float) -> np.ndarray:
    """Primitive of the surrogate derivative, a / (1 + slope |a|)."""
    return a / (1 + slope * np.abs(a))


def sigma_prime(a: np.ndarray, slope: float) -> np.ndarray:
    """Surrogate derivative of the spike, 1 / (slope |a| + 1)^2."""
    y = inverse(slope * np.abs(a) + 1)
    return y * y


def sigma_second(a: np.ndarray, slope: float) -> np.ndarray:
    """Derivative of the surrogate derivative, -2 slope sign(a) / (slope |a| + 1)^3."""
    y = inverse(slope * np.abs(a) + 1)
    return -2 * slope * y * y * y * np.sign(a)


def step(a: np.ndarray) -> np.ndarray:
    """Heaviside step Theta(a), 1 where a >= 0, in a's dtype."""
    return (a >= 0).astype(a.dtype)


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

    def sigma(self, a: np.ndarray) -> np.ndarray:
        """A primitive of `prime`. The paper's surrogate has a / (1 + kappa |a|):

        >>> ms.LIF(slope=1.0).spike.sigma(np.array([-1.0, 0.0, 3.0])).tolist()
        [-0.5, 0.0, 0.75]
        """
        raise NotImplementedError(f"{type(self).__name__} needs sigma(a), a primitive of prime(a)")

    def prime(self, a: np.ndarray) -> np.ndarray:
        """The surrogate derivative. The paper's is 1 / (kappa |a| + 1)^2:

        >>> ms.LIF(slope=1.0).spike.prime(np.array([-1.0, 0.0, 3.0])).tolist()
        [0.25, 1.0, 0.0625]
        """
        raise NotImplementedError(f"{type(self).__name__} needs prime(a), the surrogate derivative")

    def second(self, a: np.ndarray) -> np.ndarray:
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

    def sigma(self, a: np.ndarray) -> np.ndarray:
        return sigma(a, self.slope)

    def prime(self, a: np.ndarray) -> np.ndarray:
        return sigma_prime(a, self.slope)

    def second(self, a: np.ndarray) -> np.ndarray:
        return sigma_second(a, self.slope)


def value(form: str, a: np.ndarray, a0: Any, spike: Surrogate) -> np.ndarray:
    """The spike at `a` in one of the three forms; `a0` is the recorded membrane (used by the
    jet)."""
    if form == "hard":
        return step(a)
    if form == "jet":
        d = a - a0
        return step(a0) + spike.prime(a0) * d + 0.5 * spike.second(a0) * d * d
    return spike.sigma(a)


def derivative(form: str, a: np.ndarray, a0: Any, spike: Surrogate) -> np.ndarray:
    """First derivative of `value`; for the hard spike the surrogate one."""
    if form == "jet":
        return spike.prime(a0) + spike.second(a0) * (a - a0)
    return spike.prime(a)


def curvature(form: str, a: np.ndarray, a0: Any, spike: Surrogate) -> np.ndarray:
    """Second derivative of `value`; for the hard spike the surrogate one."""
    return spike.second(a0 if form == "jet" else a)
