"""The leaky integrate-and-fire neuron's constants (Stewart & Neftci 2022, Eq. 4 and 5)."""

import math
from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True)
class LIF:
    """Constants of the neuron. State p, q, r starts at zero; x_t are presynaptic spikes, first layer: gain * event count.

        u_t = W p_t + b - rho r_t                p_{t+1} = alpha p_t + (1 - alpha) q_t
        s_t = 1 if u_t >= threshold else 0       q_{t+1} = beta  q_t + (1 - beta)  x_t
                                                 r_{t+1} = gamma r_t + (1 - gamma) s_t

    alpha, beta, gamma   decay a step of the membrane, synaptic and refractory trace, in [0, 1)
    rho                  strength of the reset; 0 switches it off
    threshold            firing threshold of u
    slope                kappa of the surrogate derivative 1 / (kappa |u - threshold| + 1)^2
    gain                 factor on the event counts that enter the first layer

    The defaults are the constants of the paper's authors (steps of 1 ms: time constants 19.5, 9.5 and 2.3 ms).
    """

    alpha: float = 0.95
    beta: float = 0.9
    gamma: float = 0.65
    rho: float = 1.0
    threshold: float = 0.0
    slope: float = 10.0
    gain: float = 10.0
    delay: ClassVar[int] = 2  # steps from a spike to the membranes it reaches

    def __post_init__(self) -> None:
        for field in fields(self):
            v = getattr(self, field.name)
            if isinstance(v, bool) or not isinstance(v, (int, float)) or not math.isfinite(v):
                raise ValueError(f"LIF {field.name} must be a finite number, not {v!r}")
            object.__setattr__(self, field.name, float(v))
        for name in ("alpha", "beta", "gamma"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"LIF {name} must lie in [0, 1), not {getattr(self, name)}")
        if self.slope <= 0:
            raise ValueError(f"LIF slope must be positive, not {self.slope}")

    @classmethod
    def from_time_constants(
        cls,
        tau_membrane: float = 19.5e-3,
        tau_synapse: float = 9.5e-3,
        tau_refractory: float = 2.3e-3,
        dt: float = 1e-3,
        **others: float,
    ) -> "LIF":
        """The neuron with decays exp(-dt / tau); every time in seconds."""
        for name, tau in (
            ("tau_membrane", tau_membrane),
            ("tau_synapse", tau_synapse),
            ("tau_refractory", tau_refractory),
            ("dt", dt),
        ):
            if not tau > 0:
                raise ValueError(f"LIF {name} must be a positive time in seconds, not {tau!r}")
        return cls(
            alpha=math.exp(-dt / tau_membrane), beta=math.exp(-dt / tau_synapse), gamma=math.exp(-dt / tau_refractory), **others
        )
