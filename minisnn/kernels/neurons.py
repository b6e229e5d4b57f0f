"""The neurons that ship, with the tangents of their two methods written out: as fast as the compiler
makes them, where numbers with a derivative would slow the loops down. Tests hold them to `core`.

    forward(I, z, spike) -> (u, z')
    backward(at, du, dz) -> (dI, dz)
    forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
    backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)

A constant that is learned is a state behind the others, which keeps its value.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ..core import neuron as core


@dataclass(frozen=True, repr=False)
class LIF(core.LIF):
    """u = I - rho r        r' = gamma r + (1 - gamma) spike(u)"""

    learnable: ClassVar[tuple[str, ...]] = ()

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


@dataclass(frozen=True, repr=False)
class LearningLIF(core.LIF):
    """The same step where gamma is learned."""

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


@dataclass(frozen=True, repr=False)
class CubaLIF(core.CubaLIF):
    """u = alpha v + (1 - alpha) I        v' = u (1 - spike(u))"""

    learnable: ClassVar[tuple[str, ...]] = ()

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


@dataclass(frozen=True, repr=False)
class LearningCubaLIF(core.CubaLIF):
    """The same step where alpha is learned."""

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
class Leaky(core.Leaky):
    """u = I"""

    def forward(self, I, z, spike):
        return I, z

    def backward(self, at, du, dz):
        return du, dz

    def forward_tangent(self, at, I_dot, z_dot):
        return I_dot, z_dot

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        return du_dot, dz_dot


WRITTEN: dict[
    type, tuple[type, type]
] = {  # by what is in core, without and with what its step learns
    core.LIF: (LIF, LearningLIF),
    core.CubaLIF: (CubaLIF, LearningCubaLIF),
    core.Leaky: (Leaky, Leaky),
}


def written(neuron: Any, learn: tuple[str, ...]) -> Any:
    """The neuron with its tangents written out, where it ships; else itself."""
    kinds = WRITTEN.get(type(neuron))
    if kinds is None:
        return neuron
    kind = kinds[not set(neuron.learnable).isdisjoint(learn)]
    return kind(**{f.name: getattr(neuron, f.name) for f in fields(neuron)})
