"""The base class of custom neurons: two methods, or the four passes of version 0.2."""

from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..arguments import must
from ..parallel.once import once
from .bases import SLOPE, Surrogate
from .dual import Array, Dual, cast, derivative, value
from .neuron import Dynamics, check_states

TANGENTS = ("forward_tangent", "backward_tangent")


@dataclass(frozen=True, repr=False)
class Neuron(Dynamics):
    """The base class of custom neurons. A neuron has constants, and one step, which is defined
    forward and backward.

    A subclass is a dataclass (frozen=True) of floats. It sets, without annotation, those attributes
    of `bases.Constants` that differ, such as `states`, the names of the states z, and defines

        forward(I, z) -> (u, z')
        backward(I, z, u, du, dz) -> (dI, dz, dk)

    forward returns the membrane u and the states z' of the next step. backward receives the
    adjoints of u and z'; it returns those of I and z, and dk, those of the constants in
    `learnable`, each as an array over all sites (() if there are none). In both, self.spike(u) is
    the spike and self.slope(u) its derivative. Use arithmetic and the functions in `dual.RULES`
    (np.exp, np.tanh, ...), because the same two methods also compute the second derivatives.

    I is W p_t + b, with the presynaptic traces p of `LIF` and their delay of two steps. With `delay
    = 0` it is the current of `CubaLIF`, i_t = beta i_{t-1} + (1 - beta) (W x_t + b), and the
    readout is a leaky integrator; set `pools` as `CubaLIF` does to pool its spikes.
    `gradcheck.check(net)` checks the two methods. Such neurons cannot be exported to other tools or
    chips.

    A class of version 0.2 with four passes (forward(I, z, spike), backward(at, du, dz),
    forward_tangent, backward_tangent) still runs.

    >>> class Plain(ms.Neuron):
    ...     def forward(self, I, z):
    ...         return I, z
    ...     def backward(self, I, z, u, du, dz):
    ...         return du, dz, ()
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=Plain(), window=8, backend="numpy")
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.0
    slope: Any = SLOPE
    gain: float = 10.0
    surrogate: Surrogate | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = type(self).__name__
        needed = ("forward", "backward", *(TANGENTS if self._four else ()))
        lacks = [name for name in needed if not callable(getattr(self, name, None))]
        if lacks:
            raise ValueError(
                f"{kind} lacks {', '.join(lacks)}; a neuron has the methods {', '.join(needed)}"
            )
        what = "2 (traces as of LIF) or 0 (a current)"
        must(f"{kind} delay", self.delay in (0, 2), what, self.delay)

    @property
    def _four(self) -> bool:
        return any(hasattr(self, name) for name in TANGENTS)

    def at_work(self, constants: dict[str, Any], jet: Any) -> Any:
        return FourPasses(self, constants, jet) if self._four else super().at_work(constants, jet)


class At:
    """The point at which a step of a four-pass neuron is differentiated: the current I, the states
    z before the step, the membrane u, the learnable constants, and the spike's value, slope and
    curvature.

    Slope and curvature are zero if the reset is detached. Arrays are (B, H, W, C).
    """

    def __init__(self, I: Array, z: tuple, u: Array, constants: tuple, jet: Any):
        self.I = I
        self.z = z
        self.u = u
        self.constants = constants
        self._jet = jet

    @once
    def spike(self) -> Array:
        """The spike: 1 or 0."""
        return self._jet.value(self.u)

    @once
    def slope(self) -> Array:
        """The spike's first derivative with respect to u."""
        return self._jet.slope(self.u)

    @once
    def curvature(self) -> Array:
        """The spike's second derivative with respect to u."""
        return derivative(self._jet.slope(Dual(self.u, np.ones_like(self.u))))


class Dot(NamedTuple):
    """Directional derivatives of I, z, u and the learnable constants in a step."""

    I: Array
    z: tuple[Array, ...]
    u: Array
    constants: tuple[Array, ...] = ()


class FourPasses:
    """An adapter that gives a four-pass neuron the usual two methods. The derivatives are computed
    by the neuron's own tangent passes:

        forward(I, z, spike) -> (u, z')
        backward(at, du, dz) -> (dI, dz)
        forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
        backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)

    These passes see learnable constants as further states at the end of z, which never change.
    """

    def __init__(self, neuron: Any, constants: dict[str, Any], jet: Any):
        self.neuron = copy(neuron)
        vars(self.neuron).update({name: value(a) for name, a in constants.items()})
        self.constants = [constants.get(name, getattr(neuron, name)) for name in neuron.learnable]
        self.jet = jet

    def forward(self, I, z):
        z = self._with_constants(z, I)
        u, after = self._checked("forward", value(I), _each(value, z), self.jet.value)
        if any(isinstance(a, Dual) for a in (I, *z)):
            at = self._at(I, z, u)
            u_dot, d = self._checked("forward_tangent", at, derivative(I), _each(derivative, z))
            u, after = _dual(u, u_dot), tuple(map(_dual, after, d))
        return u, after[: len(self.neuron.states)]

    def backward(self, I, z, u, du, dz):
        n = len(z)
        z = self._with_constants(z, I)
        dz = (*dz, *(np.zeros_like(value(I)) for _ in self.constants))
        at = self._at(I, z, value(u))
        dI, before = self._checked("backward", at, value(du), _each(value, dz))
        if any(isinstance(a, Dual) for a in (I, *z, du, *dz)):
            z_dot = _each(derivative, z)
            dot = Dot(derivative(I), z_dot[:n], derivative(u), z_dot[n:])
            adjoints = value(du), _each(value, dz), derivative(du), _each(derivative, dz)
            dI_dot, d = self._checked("backward_tangent", at, dot, *adjoints)
            dI, before = _dual(dI, dI_dot), tuple(map(_dual, before, d))
        return dI, before[:n], before[n:]

    def _with_constants(self, z, I):
        return (*z, *(a + np.zeros_like(value(I)) for a in self.constants))

    def _at(self, I, z, u):
        n = len(self.neuron.states)
        z = _each(value, z)
        return At(value(I), z[:n], u, z[n:], self.jet)

    def _checked(self, name, *arguments):
        a, states = getattr(self.neuron, name)(*arguments)
        check_states(self.neuron, states, (*self.neuron.states, *self.neuron.learnable), name)
        return a, states


def _each(of, z):
    return tuple(of(a) for a in z)


def _dual(x, d):
    return Dual(x, cast(d, x.dtype))
