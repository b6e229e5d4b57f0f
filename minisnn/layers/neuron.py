"""What a spiking block is given: the constants of its neuron, checked.

`LIF` (Stewart & Neftci 2022, Eq. 4 and 5), `CubaLIF` (Loihi's) and `LeakyIntegrator`, the readout
of the latter; the base of your own is `own.Neuron`. Each says

    delay     steps from a spike to the membranes it reaches
    readout   what the readout of a network of such neurons is given
    pools     how a block pools where the network is asked for "max" or "mean": of the membrane, or
              the mean of the "spikes"
    spike     the surrogate of its spike
"""

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from ..parallel.arguments import number, shown

if TYPE_CHECKING:
    from .surrogate import Surrogate

OWN = "own"  # a neuron's kind that no file can name
SLOPE = 10.0


class _Constants:
    """Finite floats; decays lie in [0, 1), the slope is positive. Those that fire may have a
    surrogate of their own."""

    decaying: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for f in fields(self):  # type: ignore[arg-type]
            v = getattr(self, f.name)
            if f.name == "surrogate":
                self._check_surrogate(v, f"{kind} surrogate")
                continue
            object.__setattr__(self, f.name, number(f"{kind} {f.name}", v))
        for name in self.decaying:
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{kind} {name} must lie in [0, 1), not {getattr(self, name)}")
        if getattr(self, "gain", 1) == 0:
            raise ValueError(f"{kind} gain must not be 0, with which a network sees nothing")
        slope = getattr(self, "slope", 1)
        if slope <= 0:
            raise ValueError(f"{kind} slope must be positive, not {slope}")

    def _check_surrogate(self, found: Any, name: str) -> None:
        if found is None:
            return
        from .surrogate import Surrogate

        if not isinstance(found, Surrogate):
            raise ValueError(
                f"{name} must be a minisnn.Surrogate with sigma, prime and second, not "
                f"{shown(found)}"
            )
        if getattr(self, "slope", SLOPE) != SLOPE:
            raise ValueError(
                f"{name} is given, so slope, that of the surrogate in its place, has no effect; "
                "leave one of them out"
            )

    @property
    def spike(self) -> "Surrogate":
        """The surrogate of the neuron's spike."""
        from .surrogate import FastSigmoid

        return getattr(self, "surrogate", None) or FastSigmoid(getattr(self, "slope", SLOPE))

    def __repr__(self) -> str:
        constants = ", ".join(f"{name}={value!r}" for name, value in self._constants().items())
        return f"{type(self).__name__}({constants})"

    def _constants(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in vars(self).items()
            if name != "surrogate" or value is not None
        }

    def configuration(self) -> dict[str, Any]:
        """What `neuron_of` makes the neuron from; of parts of your own the words alone."""
        if type(self) not in NEURONS.values():
            return {"kind": OWN, "words": repr(self)}
        constants = self._constants()
        if "surrogate" in constants:
            constants["surrogate"] = repr(constants["surrogate"])
        return {**({} if isinstance(self, LIF) else {"kind": "cuba"}), **constants}


@dataclass(frozen=True, repr=False)
class LIF(_Constants):
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
class CubaLIF(_Constants):
    """Constants of the current-based neuron with a hard reset: what Loihi and most simulators call
    LIF.

    Its states are zero at the start, and there is no delay within a step. x_t are presynaptic
    spikes, or gain * event count in the first layer.

        i_t = beta i_{t-1} + (1 - beta) (W x_t + b)        w_t = alpha v_{t-1} + (1 - alpha) i_t
        s_t = 1 if w_t >= threshold else 0                 v_t = w_t (1 - s_t)

    The bias is one more synapse, from a source that fires at every step. "max" pooling is the OR of
    four spikes, "mean" their mean. The readout is a `LeakyIntegrator`. Stewart et al. 2024 (arXiv
    2408.15800) meta-train this neuron.

    alpha, beta   decay per step of the membrane and of the current, in [0, 1)
    threshold     firing threshold of w       slope   kappa of the surrogate 1 / (kappa |w -
                  threshold| + 1)^2
    gain          factor on the event counts that enter the first layer       surrogate   a
                  `Surrogate` in its place, or None

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF(threshold=0.5))
    >>> net.neuron.threshold, type(net.blocks[-1].neuron).__name__
    (0.5, 'LeakyIntegrator')
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.3
    slope: float = SLOPE
    gain: float = 10.0
    surrogate: "Surrogate | None" = field(default=None, kw_only=True)
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


@dataclass(frozen=True, repr=False)
class LeakyIntegrator(_Constants):
    """The readout of a network of `CubaLIF`: its two filters, no spike, no reset; v_t = alpha
    v_{t-1} + (1 - alpha) i_t."""

    alpha: float
    beta: float
    delay: ClassVar[int] = 0
    threshold: ClassVar[float] = math.inf  # never reached
    states: ClassVar[tuple[str, ...]] = ()  # behind its filters

    @property
    def decays(self) -> tuple[float, ...]:
        """Of the filters of `current`."""
        return (self.beta, self.alpha)


NEURONS = {"lif": LIF, "cuba": CubaLIF}


def neuron_of(configuration: dict[str, Any]) -> LIF | CubaLIF:
    """The neuron of a `configuration()`; without a "kind" it is an LIF, as in checkpoints of
    version 0.1."""
    constants = dict(configuration)
    kind = constants.pop("kind", "lif")
    if kind == OWN or "surrogate" in constants:
        what = (
            f"neuron is {constants.get('words')}"
            if kind == OWN
            else f"neuron has the surrogate {constants['surrogate']}"
        )
        raise ValueError(
            f"the network's {what}, an object of your own; in Python: load(path, neuron=...)"
        )
    if kind not in NEURONS:
        raise ValueError(f"the neuron's kind must be one of {', '.join(NEURONS)}, not {kind!r}")
    return NEURONS[kind](**constants)
