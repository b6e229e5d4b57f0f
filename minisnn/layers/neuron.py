"""What a spiking block is given: the constants of its neuron, checked.

`LIF` (Stewart & Neftci 2022, Eq. 4 and 5), `CubaLIF` (the chip's) and `LeakyIntegrator`, the readout of the latter. Each says

    delay     steps from a spike to the membranes it reaches
    readout   what the readout of a network of such neurons is given
    pools     how a block pools where the network is asked for "max" or "mean": of the membrane, or the mean of the "spikes"
"""

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar


class _Constants:
    """Finite floats; decays lie in [0, 1), the slope is positive."""

    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for field in fields(self):  # type: ignore[arg-type]
            v = getattr(self, field.name)
            if isinstance(v, bool) or not isinstance(v, (int, float)) or not math.isfinite(v):
                raise ValueError(f"{kind} {field.name} must be a finite number, not {v!r}")
            object.__setattr__(self, field.name, float(v))
        for name in self.decaying:
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{kind} {name} must lie in [0, 1), not {getattr(self, name)}")
        slope = getattr(self, "slope", 1)
        if slope <= 0:
            raise ValueError(f"{kind} slope must be positive, not {slope}")

    def configuration(self) -> dict[str, Any]:
        """What `neuron_of` makes the neuron from."""
        return {**({} if isinstance(self, LIF) else {"kind": "cuba"}), **vars(self)}


@dataclass(frozen=True)
class LIF(_Constants):
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
    delay: ClassVar[int] = 2
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma")

    @property
    def readout(self) -> "LIF":
        """The neuron of the readout."""
        return self

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
        times = dict(tau_membrane=tau_membrane, tau_synapse=tau_synapse, tau_refractory=tau_refractory, dt=dt)
        for name, time in times.items():
            if not time > 0:
                raise ValueError(f"LIF {name} must be a positive time in seconds, not {time!r}")
        alpha, beta, gamma = (math.exp(-dt / tau) for tau in (tau_membrane, tau_synapse, tau_refractory))
        return cls(alpha, beta, gamma, **others)


@dataclass(frozen=True)
class CubaLIF(_Constants):
    """Constants of the current-based neuron with a hard reset, what Loihi and most simulators mean by LIF. State is zero at the
    start, and nothing delays within a step; x_t are presynaptic spikes, first layer: gain * event count.

        i_t = beta i_{t-1} + (1 - beta) (W x_t + b)        w_t = alpha v_{t-1} + (1 - alpha) i_t
        s_t = 1 if w_t >= threshold else 0                 v_t = w_t (1 - s_t)

    The bias is one more synapse, from a source that fires at every step. "max" pooling is the OR of four spikes, "mean" their
    mean. The readout is a `LeakyIntegrator`. It is meta-trained in Stewart et al. 2024 (arXiv 2408.15800).

    alpha, beta   decay a step of the membrane and of the current, in [0, 1)
    threshold     firing threshold of w       slope   kappa of the surrogate 1 / (kappa |w - threshold| + 1)^2
    gain          factor on the event counts that enter the first layer
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.3
    slope: float = 10.0
    gain: float = 10.0
    delay: ClassVar[int] = 0
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "spikes"}

    @property
    def decays(self) -> tuple[float, ...]:
        """Of the filters of `current`."""
        return (self.beta,)

    @property
    def readout(self) -> "LeakyIntegrator":
        """The neuron of the readout: the same two filters, no spike."""
        return LeakyIntegrator(self.alpha, self.beta)


@dataclass(frozen=True)
class LeakyIntegrator(_Constants):
    """The readout of a network of `CubaLIF`: its two filters, no spike, no reset; v_t = alpha v_{t-1} + (1 - alpha) i_t."""

    alpha: float
    beta: float
    delay: ClassVar[int] = 0
    threshold: ClassVar[float] = math.inf  # never reached

    @property
    def decays(self) -> tuple[float, ...]:
        """Of the filters of `current`."""
        return (self.beta, self.alpha)


NEURONS = {"lif": LIF, "cuba": CubaLIF}


def neuron_of(configuration: dict[str, Any]) -> LIF | CubaLIF:
    """The neuron of a `configuration()`; without a "kind" it is an LIF, as in checkpoints of version 0.1."""
    constants = dict(configuration)
    kind = constants.pop("kind", "lif")
    if kind not in NEURONS:
        raise ValueError(f"the neuron's kind must be one of {', '.join(NEURONS)}, not {kind!r}")
    return NEURONS[kind](**constants)
