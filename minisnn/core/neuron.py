"""The spike and its surrogate derivatives, and the neuron LIF: one step forward, one step back.

    forward(I, z) -> (u, z')                     the membrane u, and the states of the next step
    backward(I, z, u, du, dz) -> (dI, dz, dk)    adjoints; dk those of the constants in `learnable`

I is the current from the synapse, z a tuple of the states before the step, zero at the start.
backward receives the adjoints du of u and dz of z'. In a step, self.spike(u) is the spike and
self.slope(u) its derivative, the surrogate. Any argument, and any learned constant, may be a number
with a derivative (`dual`): run on these, the same two methods give the second derivatives.

Both methods work element by element. They are the same for a detached reset, for each twin and on
both sides of the window's start. To write a neuron, subclass `own.Neuron`.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ..arguments import shown
from .bases import SLOPE, Constants, Surrogate
from .dual import Array, curve, value

# ---- the spike: a step whose derivatives are those of a smooth function, the surrogate
#
# With a = u - threshold and the slope constant kappa (`slope`; the paper's second use of beta):
#
#     sigma(a)   = a / (1 + kappa |a|)                      the primitive: C1 and piecewise C2
#     sigma'(a)  = 1 / (kappa |a| + 1)^2                    the spike's derivative (Stewart & Neftci 2022)
#     sigma''(a) = -2 kappa sign(a) / (kappa |a| + 1)^3     its curvature; sign(0) = 0

FORMS = ("hard", "jet", "smooth")


def inverse(a: Any) -> Any:
    """1 / a for a >= 1. The kernels compute it faster in float32, to one unit in the last place."""
    return a.inverse if hasattr(a, "inverse") else 1 / a


class FastSigmoid(Surrogate):
    """The paper's surrogate, see above. Zenke & Ganguli (2018) gave it this name."""

    kinks = (0.0,)

    def __init__(self, slope: float):
        self.slope = slope

    def sigma(self, a: Array) -> Array:
        return a / (1 + self.slope * np.abs(a))

    def prime(self, a: Array) -> Array:
        y = inverse(self.slope * np.abs(a) + 1)
        return y * y

    def second(self, a: Array) -> Array:  # the curvature
        y = inverse(self.slope * np.abs(a) + 1)
        return -2 * self.slope * y * y * y * np.sign(a)


def step(a: Any) -> Any:
    """Heaviside step Theta(a): 1 where a >= 0, in a's dtype."""
    return (a >= 0).astype(a.dtype) if hasattr(a, "dtype") else float(a >= 0)


@dataclass(frozen=True)
class Spike:
    """The spike of a membrane u, and the spike's slope; u may be a dual number. There are three
    forms:

        hard     Theta(a)                                         the spiking network itself
        jet      Theta(a0) + sigma'(a0) (a - a0) + sigma''(a0)/2 (a - a0)^2
        smooth   sigma(a)

    The last two forms, the twins, are smooth functions: their true derivatives are the surrogate
    ones, in the jet form at a = a0.

    recorded   membrane of the spiking network, which gives a twin its a0 = recorded - threshold
    detached   True: the spike is a constant, and its slope zero
    """

    surrogate: Surrogate
    threshold: float
    form: str = "hard"
    recorded: Any = None
    detached: bool = False

    def about(self, recorded: Any, detached: bool = False) -> "Spike":
        """Return this spike with another recorded membrane."""
        if recorded is None and detached == self.detached:
            return self
        return replace(self, recorded=recorded, detached=detached)

    def value(self, u: Any) -> Any:
        """1 where u >= threshold, else 0; its derivative is the surrogate."""
        of, a = self.surrogate, u - self.threshold
        if self.form == "hard":
            return step(value(a)) if self.detached else curve(step, of.prime)(a)
        a0 = self.recorded - self.threshold
        if self.detached:
            return step(a0)
        if self.form == "smooth":
            return curve(of.sigma, of.prime)(a)
        away = a - a0
        return step(a0) + of.prime(a0) * away + 0.5 * of.second(a0) * away * away

    def slope(self, u: Any) -> Any:
        """The surrogate derivative; the derivative of this is the curvature."""
        of, a = self.surrogate, u - self.threshold
        if self.detached:
            return np.zeros_like(value(u))
        if self.form != "jet":
            return curve(of.prime, of.second)(a)
        a0 = self.recorded - self.threshold
        return of.prime(a0) + of.second(a0) * (a - a0)


# ---- neurons


class computed:
    """A property that can be overridden by an instance attribute with the same name."""

    def __init__(self, function: Callable[[Any], Any]):
        self.function = function

    def __get__(self, neuron: Any, owner: type | None = None) -> Any:
        return self if neuron is None else self.function(neuron)


class Dynamics(Constants):
    """The base class of all neurons."""

    @computed
    def spike(self) -> Any:
        """Return the surrogate. In a step this attribute is the spike as a function of u."""
        return self.surrogate or FastSigmoid(getattr(self, "slope", SLOPE))

    def jet(self, form: str) -> Any:
        """Return the spike in one of its forms."""
        return Spike(self.spike, getattr(self, "threshold", 0.0), form)

    def at_work(self, constants: dict[str, Any], jet: Any) -> Any:
        """Return a copy that computes steps: it has these learned constants, and takes self.spike
        and self.slope from `jet`, a `Spike`."""
        worker = copy(self)
        learns = any(name in self.learnable for name in constants)
        vars(worker).update(constants, spike=jet.value, slope=jet.slope, learns=learns)
        return worker

    @property
    def filtering(self) -> tuple[str, ...]:
        """Names of the decays of the synapse's filters: beta, and alpha unless the membrane
        integrates by itself.

        >>> ms.LIF().filtering, ms.CubaLIF().filtering
        (('beta', 'alpha'), ('beta',))
        """
        return ("beta", "alpha") if self.delay else ("beta",)

    @property
    def silent_bias(self) -> float:
        """Return a bias at which the neuron stays silent through small learning steps."""
        return 0.0


@dataclass(frozen=True, repr=False)
class LIF(Dynamics):
    """The paper's neuron.

    The states p, q, r start at zero; x_t are presynaptic spikes, or gain * event count in the first
    layer.

        u_t = W p_t + b - rho r_t                p_{t+1} = alpha p_t + (1 - alpha) q_t
        s_t = 1 if u_t >= threshold else 0       q_{t+1} = beta  q_t + (1 - beta)  x_t
                                                 r_{t+1} = gamma r_t + (1 - gamma) s_t

    alpha, beta, gamma   decay per step of the membrane, synaptic and refractory trace, in [0, 1)
    rho                  strength of the reset; 0 switches it off
    threshold            firing threshold of u
    slope                kappa of the surrogate derivative 1 / (kappa |u - threshold| + 1)^2
    gain                 factor on the event counts that enter the first layer
    surrogate            a `Surrogate` that replaces this derivative, or None

    The defaults are the constants of the paper's authors (steps of 1 ms: time constants 19.5, 9.5
    and 2.3 ms). Raises ValueError for constants out of range. Source: Stewart & Neftci 2022, Eq. 4
    and 5.

    >>> ms.LIF(rho=0.0)
    LIF(alpha=0.95, beta=0.9, gamma=0.65, rho=0.0, threshold=0.0, slope=10.0, gain=10.0)
    """

    alpha: float = 0.95
    beta: float = 0.9
    gamma: float = 0.65
    rho: float = 1.0
    threshold: float = 0.0
    slope: Any = SLOPE
    gain: float = 10.0
    surrogate: Surrogate | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "lif"
    chip: ClassVar[str] = "lif"
    states: ClassVar[tuple[str, ...]] = ("r",)
    learnable: ClassVar[tuple[str, ...]] = ("gamma",)
    decaying: ClassVar[tuple[str, ...]] = ("gamma",)

    def forward(self, I, z):
        (r,) = z
        u = I - self.rho * r
        return u, (self.gamma * r + (1 - self.gamma) * self.spike(u),)

    def backward(self, I, z, u, du, dz):
        (r,) = z
        (dr,) = dz
        du = du + (1 - self.gamma) * dr * self.slope(u)  # r' = gamma r + (1 - gamma) spike(u)
        dgamma = dr * (r - self.spike(u)) if self.learns else None
        return du, (self.gamma * dr - self.rho * du,), (dgamma,)  # u = I - rho r

    @property
    def silent_bias(self) -> float:
        """Return a bias that is ten resets below the threshold."""
        return self.threshold - 10 * self.rho


def check_states(neuron: Any, states: Any, names: tuple[str, ...], method: str) -> None:
    """Raise ValueError unless a method returned one array per state."""
    if not isinstance(states, tuple) or len(states) != len(names):
        raise ValueError(
            f"{type(neuron).__name__}.{method} must return a tuple of {len(names)} states "
            f"({', '.join(names) or 'none'}), not {shown(states)}"
        )
