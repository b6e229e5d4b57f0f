"""The paper's neuron (Stewart & Neftci 2022, Eq. 4 and 5): its constants and its step.

    u_t = I_t - rho r_t       r_{t+1} = gamma r_t + (1 - gamma) s_t       s_t = spike(u_t)

I_t = W p_t + b is the current of its synapse, r the refractory trace.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from .neuron import SLOPE, Dynamics

if TYPE_CHECKING:
    from .surrogate import Surrogate


@dataclass(frozen=True, repr=False)
class LIF(Dynamics):
    """Constants of the paper's neuron.

    Its states p, q, r start at zero; x_t are presynaptic spikes, or gain * event count in the first
    layer.

        u_t = W p_t + b - rho r_t                p_{t+1} = alpha p_t + (1 - alpha) q_t
        s_t = 1 if u_t >= threshold else 0       q_{t+1} = beta  q_t + (1 - beta)  x_t
                                                 r_{t+1} = gamma r_t + (1 - gamma) s_t

    alpha, beta, gamma   decay per step of the membrane, synaptic and refractory trace, in [0, 1)
    rho                  strength of the reset; 0 switches it off
    threshold            firing threshold of u
    slope                kappa of the surrogate derivative 1 / (kappa |u - threshold| + 1)^2
    gain                 factor on the event counts that enter the first layer
    surrogate            a `Surrogate` in place of that derivative, or None

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
    slope: float = SLOPE
    gain: float = 10.0
    surrogate: "Surrogate | None" = field(default=None, kw_only=True)
    kind: ClassVar[str] = "lif"
    chip: ClassVar[str] = "lif"
    states: ClassVar[tuple[str, ...]] = ("r",)
    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma")

    def forward(self, I, z, spike):
        (r,) = z
        u = I - self.rho * r
        r = self.gamma * r + (1 - self.gamma) * spike(u)
        return u, (r,)

    def backward(self, at, du, dz):
        (dr,) = dz
        du = du + (1 - self.gamma) * dr * at.slope  # r' = gamma r + (1 - gamma) spike(u)
        dr = self.gamma * dr - self.rho * du  # u = I - rho r
        return du, (dr,)

    def forward_tangent(self, at, I_dot, z_dot):
        (r_dot,) = z_dot
        u_dot = I_dot - self.rho * r_dot
        r_dot = self.gamma * r_dot + (1 - self.gamma) * at.slope * u_dot
        return u_dot, (r_dot,)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        (dr,) = dz
        (dr_dot,) = dz_dot
        du_dot = du_dot + (1 - self.gamma) * (dr_dot * at.slope + dr * at.curvature * dot.u)
        dr_dot = self.gamma * dr_dot - self.rho * du_dot
        return du_dot, (dr_dot,)

    def learning(self, names: tuple[str, ...]) -> "LIF":
        """The neuron whose constants of these names are learned: gamma is one of its step."""
        return LearningLIF(**vars(self)) if "gamma" in names else self

    @property
    def silent_bias(self) -> float:
        """What has just fired is reset, and a small inner step moves the membrane by less."""
        return self.threshold - 10 * self.rho

    @classmethod
    def from_time_constants(
        cls,
        tau_membrane: float = 19.5e-3,
        tau_synapse: float = 9.5e-3,
        tau_refractory: float = 2.3e-3,
        dt: float = 1e-3,
        **others: Any,
    ) -> "LIF":
        """The neuron with decays exp(-dt / tau); all times in seconds. Raises ValueError for times
        that are not positive.

        >>> neuron = ms.LIF.from_time_constants(tau_membrane=20e-3, dt=1e-3)
        >>> round(neuron.alpha, 4)
        0.9512
        """
        times = dict(
            tau_membrane=tau_membrane, tau_synapse=tau_synapse, tau_refractory=tau_refractory, dt=dt
        )
        for name, time in times.items():
            if not time > 0:
                raise ValueError(f"LIF {name} must be a positive time in seconds, not {time!r}")
        alpha, beta, gamma = (
            math.exp(-dt / tau) for tau in (tau_membrane, tau_synapse, tau_refractory)
        )
        return cls(alpha, beta, gamma, **others)


@dataclass(frozen=True, repr=False)
class LearningLIF(LIF):
    """The same step where gamma is learned: it is a state that stays as it is."""

    learnable: ClassVar[tuple[str, ...]] = ("gamma",)

    def forward(self, I, z, spike):
        r, gamma = z
        u = I - self.rho * r
        return u, (gamma * r + (1 - gamma) * spike(u), gamma)

    def backward(self, at, du, dz):
        (r,) = at.z
        (gamma,) = at.constants
        dr, dgamma = dz
        du = du + (1 - gamma) * dr * at.slope  # r' = gamma r + (1 - gamma) spike(u)
        dgamma = dgamma + dr * (r - at.spike)
        return du, (gamma * dr - self.rho * du, dgamma)  # u = I - rho r

    def forward_tangent(self, at, I_dot, z_dot):
        (r,) = at.z
        (gamma,) = at.constants
        r_dot, gamma_dot = z_dot
        u_dot = I_dot - self.rho * r_dot
        r_dot = gamma * r_dot + (1 - gamma) * at.slope * u_dot + gamma_dot * (r - at.spike)
        return u_dot, (r_dot, gamma_dot)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        (r,) = at.z
        (gamma,) = at.constants
        (r_dot,) = dot.z
        (gamma_dot,) = dot.constants
        dr, _ = dz
        dr_dot, dgamma_dot = dz_dot
        slope_dot = at.curvature * dot.u
        du_dot = du_dot + (1 - gamma) * (dr_dot * at.slope + dr * slope_dot)
        du_dot = du_dot - gamma_dot * dr * at.slope
        dgamma_dot = dgamma_dot + dr_dot * (r - at.spike) + dr * (r_dot - at.slope * dot.u)
        return du_dot, (gamma * dr_dot + gamma_dot * dr - self.rho * du_dot, dgamma_dot)
