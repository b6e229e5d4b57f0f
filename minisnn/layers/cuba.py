"""The current-based neuron with a hard reset, and the leaky integrator that is its readout.

    u_t = alpha v_{t-1} + (1 - alpha) I_t       v_t = u_t (1 - s_t)       s_t = spike(u_t)

I_t is the current i_t of its synapse, u the membrane before the reset. The gradient flows through
the reset: with slope and curvature of the spike at u,

    dv/du = 1 - s - u slope        d2v/du2 = -2 slope - u curvature
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from .neuron import SLOPE, Dynamics

if TYPE_CHECKING:
    from .surrogate import Surrogate


@dataclass(frozen=True, repr=False)
class CubaLIF(Dynamics):
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
    threshold     firing threshold of w
    slope         kappa of the surrogate 1 / (kappa |w - threshold| + 1)^2
    gain          factor on the event counts that enter the first layer
    surrogate     a `Surrogate` in its place, or None

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
    kind: ClassVar[str] = "cuba"
    nir: ClassVar[str] = "CubaLIF"
    chip: ClassVar[str] = "cuba"
    scales: ClassVar[bool] = True
    states: ClassVar[tuple[str, ...]] = ("v",)
    delay: ClassVar[int] = 0
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "spikes"}

    def forward(self, I, z, spike):
        (v,) = z
        u = self.alpha * v + (1 - self.alpha) * I
        return u, (u * (1 - spike(u)),)

    def backward(self, at, du, dz):
        (dv,) = dz
        du = du + dv * (1 - at.spike - at.u * at.slope)  # v' = u (1 - spike(u))
        return (1 - self.alpha) * du, (self.alpha * du,)  # u = alpha v + (1 - alpha) I

    def forward_tangent(self, at, I_dot, z_dot):
        (v_dot,) = z_dot
        u_dot = self.alpha * v_dot + (1 - self.alpha) * I_dot
        return u_dot, ((1 - at.spike - at.u * at.slope) * u_dot,)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        (dv,) = dz
        (dv_dot,) = dz_dot
        du_dot = du_dot + dv_dot * (1 - at.spike - at.u * at.slope)
        du_dot = du_dot + dv * (-2 * at.slope - at.u * at.curvature) * dot.u
        return (1 - self.alpha) * du_dot, (self.alpha * du_dot,)

    @property
    def readout(self) -> "LeakyIntegrator":
        """The neuron of the readout: the same two filters, no spike."""
        return LeakyIntegrator(self.alpha, self.beta)

    def learning(self, names: tuple[str, ...]) -> "CubaLIF":
        """The neuron whose constants of these names are learned: alpha is one of its step."""
        return LearningCubaLIF(**vars(self)) if "alpha" in names else self


@dataclass(frozen=True, repr=False)
class LearningCubaLIF(CubaLIF):
    """The same step where alpha is learned: it is a state that stays as it is."""

    nir: ClassVar[str] = "CubaLIF"
    learnable: ClassVar[tuple[str, ...]] = ("alpha",)

    def forward(self, I, z, spike):
        v, alpha = z
        u = alpha * v + (1 - alpha) * I
        return u, (u * (1 - spike(u)), alpha)

    # v and I are told apart by u alone: u = alpha v + (1 - alpha) I, so v - I = (u - I) / alpha

    def backward(self, at, du, dz):
        (alpha,) = at.constants
        dv, dalpha = dz
        du = du + dv * (1 - at.spike - at.u * at.slope)  # v' = u (1 - spike(u))
        dalpha = dalpha + du * ((at.u - at.I) / alpha)
        return (1 - alpha) * du, (alpha * du, dalpha)

    def forward_tangent(self, at, I_dot, z_dot):
        (alpha,) = at.constants
        v_dot, alpha_dot = z_dot
        u_dot = alpha * v_dot + (1 - alpha) * I_dot + alpha_dot * ((at.u - at.I) / alpha)
        return u_dot, ((1 - at.spike - at.u * at.slope) * u_dot, alpha_dot)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        (alpha,) = at.constants
        (alpha_dot,) = dot.constants
        dv, _ = dz
        dv_dot, dalpha_dot = dz_dot
        through = 1 - at.spike - at.u * at.slope
        apart = (at.u - at.I) / alpha
        apart_dot = (dot.u - dot.I - alpha_dot * apart) / alpha
        du = du + dv * through
        du_dot = du_dot + dv_dot * through
        du_dot = du_dot + dv * (-2 * at.slope - at.u * at.curvature) * dot.u
        dalpha_dot = dalpha_dot + du_dot * apart + du * apart_dot
        dI_dot = (1 - alpha) * du_dot - alpha_dot * du
        return dI_dot, (alpha * du_dot + alpha_dot * du, dalpha_dot)


@dataclass(frozen=True, repr=False)
class LeakyIntegrator(Dynamics):
    """The readout of a network of `CubaLIF`: the synapse's two filters, no spike and no reset.

    v_t = alpha v_{t-1} + (1 - alpha) i_t, the membrane, is what the second filter gives.
    """

    alpha: float
    beta: float
    delay: ClassVar[int] = 0
    fires: ClassVar[bool] = False
    threshold: ClassVar[float] = math.inf  # never reached

    @property
    def filtering(self) -> tuple[str, ...]:
        """Both filters are the synapse's."""
        return ("beta", "alpha")

    def forward(self, I, z, spike):
        return I, z

    def backward(self, at, du, dz):
        return du, dz

    def forward_tangent(self, at, I_dot, z_dot):
        return I_dot, z_dot

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        return du_dot, dz_dot
