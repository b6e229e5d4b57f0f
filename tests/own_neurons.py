"""Parts as users write them, in a file of their own and all right: neurons, what ships written once
more among them, surrogates, a loss and an inner loop."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import minisnn as ms


def half(a):
    return a * 0.5


@dataclass(frozen=True)
class Mine(ms.Neuron):
    """`LIF`, line by line."""

    gamma: float = 0.65
    rho: float = 1.0
    states = ("r",)
    learnable = ("gamma",)
    decaying = ("gamma",)

    def forward(self, I, z):
        (r,) = z
        u = I - self.rho * r
        return u, (self.gamma * r + (1 - self.gamma) * self.spike(u),)

    def backward(self, I, z, u, du, dz):
        (r,) = z
        (dr,) = dz
        du = du + (1 - self.gamma) * dr * self.slope(u)
        dgamma = dr * (r - self.spike(u))
        return du, (self.gamma * dr - self.rho * du,), (dgamma,)


@dataclass(frozen=True)
class Everything(ms.Neuron):
    """Two states of which derivatives need one, a property, helpers, comprehensions, a constant of
    this module, functions of NumPy, and two constants that are learned."""

    leak: float = 0.3
    share: float = 0.2
    states = ("v", "a")
    learnable = ("leak", "share")

    @property
    def rest(self):
        return 1 - self.alpha

    def kept(self, v):
        return np.tanh(self.leak * v) + v**3 / 4

    def forward(self, I, z):
        v, a = z
        u = self.kept(v) + half(I) - sum(rate * b for rate, b in ((self.share, a), (0.1, a)))
        s = self.spike(u)
        return u, tuple([u * (1 - s) + np.exp(-abs(u)), self.rest * s + self.alpha * a])

    def backward(self, I, z, u, du, dz):
        v, a = z
        s = self.spike(u)
        slope = self.slope(u)
        bent = -np.exp(-abs(u)) * np.square(u) / abs(u) / u
        du = du + dz[0] * (1 - s - u * slope + bent) + dz[1] * self.rest * slope
        cosh = 1 - np.tanh(self.leak * v) ** 2
        dv = du * (self.leak * cosh + 3 * v * v / 4)
        da = self.alpha * dz[1] - (self.share + 0.1) * du
        return half(du), (dv, da), {"leak": du * v * cosh, "share": -du * a}.values()


@dataclass(frozen=True)
class MyCuba(ms.Neuron):
    """`CubaLIF`, in other words."""

    threshold: float = 0.3
    states = ("v",)
    delay = 0
    pools = {"max": "max", "mean": "spikes"}  # noqa: RUF012

    def keeps(self, at):
        return 1 - at.spike - at.u * at.slope

    def forward(self, I, z, spike):
        u = self.alpha * z[0] + (1 - self.alpha) * I
        return u, (u * (1 - spike(u)),)

    def backward(self, at, du, dz):
        du = du + dz[0] * self.keeps(at)
        return (1 - self.alpha) * du, (self.alpha * du,)

    def forward_tangent(self, at, I_dot, z_dot):
        u_dot = self.alpha * z_dot[0] + (1 - self.alpha) * I_dot
        return u_dot, (u_dot * self.keeps(at),)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        bent = -2 * at.slope - at.u * at.curvature
        du_dot = du_dot + dz_dot[0] * self.keeps(at) + dz[0] * bent * dot.u
        return (1 - self.alpha) * du_dot, (self.alpha * du_dot,)


@dataclass(frozen=True)
class Plain(ms.Neuron):
    """No state at all."""

    def forward(self, I, z, spike):
        return I, z

    def backward(self, at, du, dz):
        return du, dz

    def forward_tangent(self, at, I_dot, z_dot):
        return I_dot, z_dot

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        return du_dot, dz_dot


class ArcTan(ms.Surrogate):
    def __init__(self, slope=2.0):
        self.slope = slope

    def sigma(self, a):
        return np.arctan(self.slope * a) / self.slope

    def prime(self, a):
        return 1 / (1 + (self.slope * a) ** 2)

    def second(self, a):
        return -2 * self.slope**2 * a * self.prime(a) ** 2


class Triangle(ms.Surrogate):
    kinks = (-1.0, 0.0, 1.0)

    def sigma(self, a):
        return np.where(abs(a) < 1, a - a * abs(a) / 2, np.sign(a) / 2)

    def prime(self, a):
        return np.maximum(1 - np.clip(abs(a), 0, 1), 0)

    def second(self, a):
        return np.where((a > -1) & ~(a >= 1), -np.sign(a), 0)


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


def of_the_guide(root: Path, folder: Path) -> dict[str, Any]:
    """Names of the blocks of lessons/guides/model.md but the last, which trains; every assertion in
    them holds. Each block is a file in the folder, as a user's is."""
    page = (root / "lessons" / "guides" / "model.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "own_model"}
    for n, block in enumerate(re.findall(r"```python\n(.*?)```", page, re.S)[:-1]):
        file = folder / f"block{n}.py"
        file.write_text(block, encoding="utf-8")
        exec(compile(block, file, "exec", dont_inherit=True), names)
    return names
