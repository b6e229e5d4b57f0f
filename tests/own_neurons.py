"""Neurons as users write them, in a file of their own: what ships written once more, and others."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import minisnn as ms

KAPPA = 0.5


def half(a):
    return a * 0.5


@dataclass(frozen=True)
class Mine(ms.Neuron):
    """`LIF`, line by line."""

    gamma: float = 0.65
    rho: float = 1.0
    states = ("r",)
    learnable = ("gamma",)

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
        s, slope = self.spike(u), self.slope(u)
        bent = -np.exp(-abs(u)) * np.square(u) / abs(u) / u
        du = du + dz[0] * (1 - s - u * slope + bent) + dz[1] * self.rest * slope
        cosh = 1 - np.tanh(self.leak * v) ** 2
        dv = du * (self.leak * cosh + 3 * v * v / 4)
        da = self.alpha * dz[1] - (self.share + 0.1) * du
        return half(du), (dv, da), {"leak": du * v * cosh, "share": -du * a}.values()


@dataclass(frozen=True)
class MyLIF(ms.Neuron):
    """`LIF` by four passes, line by line."""

    gamma: float = 0.65
    rho: float = 1.0
    states = ("r",)

    def forward(self, I, z, spike):
        (r,) = z
        u = I - self.rho * r
        r = self.gamma * r + (1 - self.gamma) * spike(u)
        return u, (r,)

    def backward(self, at, du, dz):
        (dr,) = dz
        du = du + (1 - self.gamma) * dr * at.slope
        dr = self.gamma * dr - self.rho * du
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
class Adaptive(ms.Neuron):
    """A hard reset and a threshold that what it fired raises: two states, comprehensions, a helper
    and a constant of the module, a property."""

    threshold: float = 0.1
    decay: float = 0.9
    share: float = 0.2
    states = ("v", "a")
    delay = 0

    @property
    def rest(self):
        return 1 - self.decay

    def forward(self, I, z, spike):
        u = self.alpha * z[0] + self.share * half(I) - 0.1 * z[1]
        s = spike(u)
        return u, tuple(one for one in (u * (1 - s), self.decay * z[1] + KAPPA * self.rest * s))

    def backward(self, at, du, dz):
        du = du + dz[0] * (1 - at.spike - at.u * at.slope) + KAPPA * self.rest * dz[1] * at.slope
        return self.share * half(du), (self.alpha * du, self.decay * dz[1] - 0.1 * du)

    def forward_tangent(self, at, I_dot, z_dot):
        u_dot = self.alpha * z_dot[0] + self.share * half(I_dot) - 0.1 * z_dot[1]
        first = (1 - at.spike - at.u * at.slope) * u_dot
        return u_dot, (first, self.decay * z_dot[1] + KAPPA * self.rest * at.slope * u_dot)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        factors = (1 - at.spike - at.u * at.slope, KAPPA * self.rest * at.slope)
        bent = (-2 * at.slope - at.u * at.curvature, KAPPA * self.rest * at.curvature)
        du_dot = du_dot + sum([d * f for d, f in zip(dz_dot, factors)])
        du_dot = du_dot + (dz[0] * bent[0] + dz[1] * bent[1]) * dot.u
        return self.share * half(du_dot), (
            self.alpha * du_dot,
            self.decay * dz_dot[1] - 0.1 * du_dot,
        )


@dataclass(frozen=True)
class Conductance(ms.Neuron):
    """u = v exp(-leak v^2) + (1 + v) I: its derivatives ask for the current and the state, and for
    their tangents."""

    threshold: float = 0.2
    leak: float = 0.05
    states = ("v",)
    delay = 0

    def slopes(self, v, I):
        e = np.exp(-self.leak * v**2)
        first = e * (1 - 2 * self.leak * v**2) + I
        return first, e * (-6 * self.leak * v + 4 * self.leak**2 * v**3)

    def forward(self, I, z, spike):
        (v,) = z
        u = v * np.exp(-self.leak * v**2) + (1 + v) * I
        return u, (half(u) * (1 - 0.8 * spike(u)),)

    def backward(self, at, du, dz):
        du = du + dz[0] * (0.5 * (1 - 0.8 * at.spike) - 0.4 * at.u * at.slope)
        first, _ = self.slopes(at.z[0], at.I)
        return du * (1 + at.z[0]), (du * first,)

    def forward_tangent(self, at, I_dot, z_dot):
        first, _ = self.slopes(at.z[0], at.I)
        u_dot = first * z_dot[0] + (1 + at.z[0]) * I_dot
        return u_dot, ((0.5 * (1 - 0.8 * at.spike) - 0.4 * at.u * at.slope) * u_dot,)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        w = 0.5 * (1 - 0.8 * at.spike) - 0.4 * at.u * at.slope
        w_dot = (-0.8 * at.slope - 0.4 * at.u * at.curvature) * dot.u
        d = du + dz[0] * w
        d_dot = du_dot + dz_dot[0] * w + dz[0] * w_dot
        first, second = self.slopes(at.z[0], at.I)
        first_dot = second * dot.z[0] + dot.I
        return d_dot * (1 + at.z[0]) + d * dot.z[0], (d_dot * first + d * first_dot,)


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


def scaled(factor):
    def of(a):
        return a * factor

    return of


twice, tenth = scaled(2.0), scaled(0.1)  # two functions of one name


class Factories(Plain):
    def forward(self, I, z, spike):
        return twice(I) + tenth(I), z

    def backward(self, at, du, dz):
        return twice(du) + tenth(du), dz


class Renamed(Plain):
    """Arguments by other names: they are told by their places."""

    states = ("v",)

    def forward(self, J, before, fire):
        u = J * before[0] + J - 0.1 * fire(J)
        return u, (0.5 * u,)

    def backward(self, here, du, dz):
        d = du + 0.5 * dz[0]
        return d * (here.z[0] + 1), (d * here.I,)


class Constants(Plain):
    """Spikes of constants, and a constant of this module."""

    def forward(self, I, z, spike):
        return KAPPA * I + spike(0.5) + spike(-self.alpha), z

    def backward(self, at, du, dz):
        return KAPPA * du, dz


class Helped(Plain):
    """By a method and by a function of this module."""

    def more(self, a):
        return 3 * a

    def forward(self, I, z, spike):
        return self.more(I) + half(I), z


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
