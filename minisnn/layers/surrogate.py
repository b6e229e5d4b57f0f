"""The spike nonlinearity and the three functions that share its 2-jet.

With a = u - threshold and the slope constant kappa (`slope`; the paper's second use of beta):

    sigma(a)   = a / (1 + kappa |a|)                      the primitive: C1 and piecewise C2
    sigma'(a)  = 1 / (kappa |a| + 1)^2                    the surrogate derivative of the spike (Stewart & Neftci 2022)
    sigma''(a) = -2 kappa sign(a) / (kappa |a| + 1)^3     sign(0) = 0

Every spike carries the jet (value, slope, curvature). Three forms of the nonlinearity:

    hard     value Theta(a);                                  the spiking network itself
    jet      Theta(a0) + sigma'(a0) (a - a0) + sigma''(a0)/2 (a - a0)^2    a smooth function with that very jet at a0
    smooth   sigma(a)                                         a smooth network with the same slope and curvature

`a0` is the membrane recorded from the spiking network. At a = a0 the jet form has the spiking network's value, slope
and curvature, so the surrogate gradient and Hessian of the spiking network are the true ones of its jet form.
"""

from typing import Any

import numpy as np

FORMS = ("hard", "jet", "smooth")


def sigma(a: np.ndarray, slope: float) -> np.ndarray:
    """Primitive of the surrogate derivative, a / (1 + slope |a|)."""
    return a / (1 + slope * np.abs(a))


def sigma_prime(a: np.ndarray, slope: float) -> np.ndarray:
    """Surrogate derivative of the spike, 1 / (slope |a| + 1)^2."""
    return 1 / (slope * np.abs(a) + 1) ** 2


def sigma_second(a: np.ndarray, slope: float) -> np.ndarray:
    """Derivative of the surrogate derivative, -2 slope sign(a) / (slope |a| + 1)^3."""
    return -2 * slope * np.sign(a) / (slope * np.abs(a) + 1) ** 3


def step(a: np.ndarray) -> np.ndarray:
    """Heaviside step Theta(a), 1 where a >= 0, in a's dtype."""
    return (a >= 0).astype(a.dtype)


def value(form: str, a: np.ndarray, a0: Any, slope: float) -> np.ndarray:
    """The spike at `a` in one of the three forms; `a0` is the recorded membrane (used by the jet)."""
    if form == "hard":
        return step(a)
    if form == "jet":
        d = a - a0
        return step(a0) + sigma_prime(a0, slope) * d + 0.5 * sigma_second(a0, slope) * d * d
    return sigma(a, slope)


def derivative(form: str, a: np.ndarray, a0: Any, slope: float) -> np.ndarray:
    """First derivative of `value`; for the hard spike the surrogate one."""
    if form == "jet":
        return sigma_prime(a0, slope) + sigma_second(a0, slope) * (a - a0)
    return sigma_prime(a, slope)


def curvature(form: str, a: np.ndarray, a0: Any, slope: float) -> np.ndarray:
    """Second derivative of `value`; for the hard spike the surrogate one."""
    return sigma_second(a0 if form == "jet" else a, slope)
