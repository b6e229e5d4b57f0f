"""Parts as users write them: a surrogate, two neurons, a loss and an inner loop, all right."""

from dataclasses import dataclass

import numpy as np

import minisnn as ms


class ArcTan(ms.Surrogate):
    def sigma(self, a):
        return np.arctan(2 * a) / 2

    def prime(self, a):
        return 1 / (1 + (2 * a) ** 2)

    def second(self, a):
        return -8 * a * self.prime(a) ** 2


class Triangle(ms.Surrogate):
    kinks = (-1.0, 0.0, 1.0)

    def sigma(self, a):
        return np.where(abs(a) < 1, a - a * abs(a) / 2, np.sign(a) / 2)

    def prime(self, a):
        return np.maximum(1 - abs(a), 0)

    def second(self, a):
        return np.where(abs(a) < 1, -np.sign(a), 0)


@dataclass(frozen=True)
class Tiring(ms.Neuron):
    """u = exp(-a) I - rho r - tire a, with two traces of its spikes; rho and tire can be learned."""

    gamma: float = 0.65
    rho: float = 1.0
    decay: float = 0.9
    tire: float = 0.8
    states = ("r", "a")
    learnable = ("rho", "tire")

    def forward(self, I, z):
        r, a = z
        u = np.exp(-a) * I - self.rho * r - self.tire * a
        s = self.spike(u)
        return u, (self.gamma * r + (1 - self.gamma) * s, self.decay * a + (1 - self.decay) * s)

    def backward(self, I, z, u, du, dz):
        r, a = z
        dr, da = dz
        du = du + self.slope(u) * ((1 - self.gamma) * dr + (1 - self.decay) * da)
        of_r = self.gamma * dr - self.rho * du
        of_a = self.decay * da - self.tire * du - np.exp(-a) * I * du
        return np.exp(-a) * du, (of_r, of_a), (-r * du, -a * du)


@dataclass(frozen=True)
class Four(ms.Neuron):
    """u = I - strength a, a trace of its spikes, in four passes."""

    fading: float = 0.8
    strength: float = 0.7
    states = ("a",)
    learnable = ("strength",)

    def forward(self, I, z, spike):
        a, strength = z
        u = I - strength * a
        return u, (self.fading * a + (1 - self.fading) * spike(u), strength)

    def backward(self, at, du, dz):
        (a,), (strength,), (da, dstrength) = at.z, at.constants, dz
        dI = du + (1 - self.fading) * da * at.slope
        return dI, (self.fading * da - strength * dI, dstrength - a * dI)

    def forward_tangent(self, at, I_dot, z_dot):
        (a,), (strength,), (a_dot, strength_dot) = at.z, at.constants, z_dot
        u_dot = I_dot - strength * a_dot - strength_dot * a
        s_dot = at.slope * u_dot
        return u_dot, (self.fading * a_dot + (1 - self.fading) * s_dot, strength_dot)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        (a,), (strength,), (a_dot,), (strength_dot,) = at.z, at.constants, dot.z, dot.constants
        (da, _), (da_dot, dstrength_dot) = dz, dz_dot
        dI = du + (1 - self.fading) * da * at.slope
        bent = da_dot * at.slope + da * at.curvature * dot.u
        dI_dot = du_dot + (1 - self.fading) * bent
        of_a = self.fading * da_dot - strength * dI_dot - strength_dot * dI
        return dI_dot, (of_a, dstrength_dot - a_dot * dI - a * dI_dot)


class Branching(Four):
    """The same, with a function that dual numbers have no rule for."""

    def forward(self, I, z, spike):
        u, after = super().forward(np.where(I < np.inf, I, 0), z, spike)
        return u, after


class OneAgainstAll(ms.Loss):
    def error(self, logits, y):
        return 1 / (1 + np.exp((2 * y - 1) * logits - 1))

    def value(self, logits, y):
        return np.logaddexp(0, 1 - (2 * y - 1) * logits).sum() / len(y)

    def backward(self, logits, y):
        return (1 - 2 * y) * self.error(logits, y) / len(y)

    def backward_tangent(self, logits, logits_dot, y):
        p = self.error(logits, y)
        return p * (1 - p) * logits_dot / len(y)


@dataclass(frozen=True)
class Pulled(ms.InnerLoop):
    """Steps that are pulled back to where they started."""

    pull: float = 0.1

    def update(self, theta, start, m, g):
        return theta - self.step_size * m * (g + self.pull * (theta - start))

    def update_backward(self, theta, start, m, g, lam):
        d = self.step_size * m * lam
        of_step = -m * lam * (g + self.pull * (theta - start))
        return ms.Adjoint(lam - self.pull * d, self.pull * d, -d, of_step)


@dataclass(frozen=True)
class HeavyBall(ms.InnerLoop):
    """Steps with momentum."""

    keep: float = 0.9

    def memory(self, theta):
        return np.zeros_like(theta)

    def update(self, theta, start, m, g, velocity):
        velocity = self.keep * velocity + g
        return theta - self.step_size * m * velocity, velocity

    def update_backward(self, theta, start, m, g, velocity, lam, dvelocity):
        dvelocity = dvelocity - self.step_size * m * lam
        of_step = -m * lam * (self.keep * velocity + g)
        return ms.Adjoint(lam, 0.0, dvelocity, of_step), self.keep * dvelocity
