"""The current-based neuron with a hard reset, and its readout."""

from dataclasses import dataclass, field
from math import inf
from typing import Any, ClassVar

from .bases import SLOPE, Surrogate
from .neuron import Dynamics


@dataclass(frozen=True, repr=False)
class Leaky(Dynamics):
    """The readout neuron that goes with `CubaLIF`: the synapse's two filters, without spikes and
    without a reset.

    v_t = alpha v_{t-1} + (1 - alpha) i_t      the membrane is the output of the second filter
    """

    alpha: float
    beta: float
    delay: ClassVar[int] = 0
    fires: ClassVar[bool] = False
    threshold: ClassVar[float] = inf  # never reached
    filtering = ("beta", "alpha")

    def forward(self, I, z):
        return I, z

    def backward(self, I, z, u, du, dz):
        return du, dz, ()


def readout_of(neuron: Any) -> Any:
    """Return the neuron to use in the readout of a network whose neuron is `neuron`: `Leaky`, or
    `neuron` itself if its synapse delays."""
    return Leaky(neuron.alpha, neuron.beta) if neuron.fires and not neuron.delay else neuron


@dataclass(frozen=True, repr=False)
class CubaLIF(Dynamics):
    """Current-based neuron with a hard reset, the neuron that Loihi and most simulators call LIF.

    Its states are zero at the start, and a spike reaches the next layer within the step. x_t are
    presynaptic spikes, or gain * event count in the first layer.

        i_t = beta i_{t-1} + (1 - beta) (W x_t + b)        u_t = alpha v_{t-1} + (1 - alpha) i_t
        s_t = 1 if u_t >= threshold else 0                 v_t = u_t (1 - s_t)

    The bias is one more synapse, whose source fires at every step. "max" pooling is the OR of
    four spikes, "mean" their mean. The readout is a leaky integrator (`Leaky`). Stewart et al. 2024
    (arXiv 2408.15800) meta-train this neuron.

    alpha, beta   decay per step of the membrane and of the current, in [0, 1)
    threshold     firing threshold of u
    slope         kappa of the surrogate 1 / (kappa |u - threshold| + 1)^2
    gain          factor on the event counts that enter the first layer
    surrogate     a `Surrogate` that replaces it, or None

    >>> net = ms.SpikingNet((6,), (), ways=3, neuron=ms.CubaLIF(threshold=0.5))
    >>> net.neuron.threshold, net.blocks[-1].neuron.fires
    (0.5, False)
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.3
    slope: Any = SLOPE
    gain: float = 10.0
    surrogate: Surrogate | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "cuba"
    nir: ClassVar[str] = "CubaLIF"
    chip: ClassVar[str] = "cuba"
    states: ClassVar[tuple[str, ...]] = ("v",)
    learnable: ClassVar[tuple[str, ...]] = ("alpha",)
    delay: ClassVar[int] = 0
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "spikes"}

    def forward(self, I, z):
        (v,) = z
        u = I + self.alpha * (v - I)
        return u, (u * (1 - self.spike(u)),)  # the reset: a spike sets v to 0

    def backward(self, I, z, u, du, dz):
        (v,) = z
        (dv,) = dz
        du = du + dv * (1 - self.spike(u) - u * self.slope(u))  # v' = u (1 - spike(u))
        dalpha = du * (v - I) if self.learns else None
        return (1 - self.alpha) * du, (self.alpha * du,), (dalpha,)  # u = alpha v + (1 - alpha) I
