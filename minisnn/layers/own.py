"""A neuron of your own, whose class has the four passes of a step.

Below it the membrane made of them: passes over all steps, with signatures and shapes as in
`membrane`, which serve `LeakyIntegrator` too, whose u is what its filters give. The states of all
sites are (B, H, W, C, number of states); those at the window's start are constants.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from . import surrogate
from .surrogate import Surrogate
from .membrane import _jet, _spike, _step_shape
from .neuron import SLOPE, LeakyIntegrator, _Constants

Array = np.ndarray
PASSES = ("forward", "backward", "forward_tangent", "backward_tangent")


class At(NamedTuple):
    """A step of `Neuron` where its derivatives are taken: the current I, the states z before it,
    the membrane u, and value, slope and curvature of the spike (both zero where the reset is
    detached). Arrays (B, H, W, C)."""

    I: Array
    z: tuple[Array, ...]
    u: Array
    spike: Array
    slope: Array
    curvature: Array


class Dot(NamedTuple):
    """Directional derivatives at a step of I, z and u."""

    I: Array
    z: tuple[Array, ...]
    u: Array


@dataclass(frozen=True, repr=False)
class Neuron(_Constants):
    """The base of a neuron of your own: its constants, and the four passes of ONE step.

    It is a dataclass (frozen=True) whose constants are all floats. The passes work element by
    element: no site sees another. `states` names the states z, which are zero at the start:

        forward(I, z, spike) -> (u, z')                   u the membrane, spike(u) its spike, z' the states of the next step
        backward(at, du, dz) -> (dI, dz)                  from the adjoints of u and z' to those of I and z
        forward_tangent(at, I_dot, z_dot) -> (u_dot, z_dot')
        backward_tangent(at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot), `backward` differentiated line by line

    z, dz, … are tuples; `at` is an `At`, `dot` a `Dot`. Adjoints of the spike continue by at.slope,
    and their tangents also by at.curvature dot.u. The passes need not know whether the reset is
    detached, which twin is computed, or where the window begins.

    I is W p_t + b of presynaptic traces as of `LIF`, with its delay of two steps. In a class with
    `delay = 0` it is the current i_t = beta i_{t-1} + (1 - beta) (W x_t + b) of `CubaLIF`, and the
    readout is then a `LeakyIntegrator`. Networks of such neurons run on the NumPy backend; other
    tools and chips do not know them. `gradcheck.check(net)` proves the passes.

    >>> class Plain(ms.Neuron):
    ...     def forward(self, I, z, spike):
    ...         return I, z
    ...     def backward(self, at, du, dz):
    ...         return du, dz
    ...     def forward_tangent(self, at, I_dot, z_dot):
    ...         return I_dot, z_dot
    ...     def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
    ...         return du_dot, dz_dot
    >>> net = ms.SpikingNet((4,), (), ways=2, neuron=Plain(), window=8)
    >>> net.backend, ms.gradcheck.check(net, inner_steps=()).ok
    ('numpy', True)
    """

    alpha: float = 0.95
    beta: float = 0.9
    threshold: float = 0.0
    slope: float = SLOPE
    gain: float = 10.0
    surrogate: "Surrogate | None" = field(default=None, kw_only=True)
    states: ClassVar[tuple[str, ...]] = ()
    delay: ClassVar[int] = 2
    pools: ClassVar[dict[str, str]] = {"max": "max", "mean": "mean"}
    forward: ClassVar[Callable]
    backward: ClassVar[Callable]
    forward_tangent: ClassVar[Callable]
    backward_tangent: ClassVar[Callable]

    def __post_init__(self) -> None:
        super().__post_init__()
        lacks = [name for name in PASSES if not callable(getattr(self, name, None))]
        if lacks:
            raise ValueError(
                f"{type(self).__name__} lacks {', '.join(lacks)}; a neuron has the passes "
                f"{', '.join(PASSES)}"
            )
        if self.delay not in (0, 2):
            raise ValueError(
                f"{type(self).__name__} delay must be 2 (traces as of LIF) or 0 (a current), not "
                f"{self.delay!r}"
            )

    @property
    def decays(self) -> tuple[float, ...]:
        """Of the filters of `current`."""
        return (self.beta,)

    @property
    def readout(self) -> Any:
        """The neuron of the readout."""
        return self if self.delay else LeakyIntegrator(self.alpha, self.beta)


def forward(
    current: Array,
    z: Array,
    neuron: Any,
    detach_reset: bool = False,
    form: str = "hard",
    a0: Any = None,
) -> tuple[Array, dict]:
    """u from the current I and z before the window; returns (u, tape), tape["end"] the states after
    the window."""
    tape = {"u": np.empty_like(current), "I": current, "a0": a0, "form": form, "end": z, "z": []}
    if not hasattr(neuron, "forward"):
        return current, tape
    states = tuple(np.moveaxis(z, -1, 0))
    for t in range(current.shape[1]):
        tape["z"].append(states)

        def spike(u):
            tape["u"][:, t] = u
            return _spike(tape, t, neuron, detach_reset)

        tape["u"][:, t], states = neuron.forward(current[:, t], states, spike)
        states = _as(states, current.dtype, neuron, "forward")
    tape["end"] = np.stack(states, -1) if states else z
    return tape["u"], tape


def _as(states, dtype, neuron, name):
    """What a pass of the user's returns for its states, in the network's dtype."""
    if not isinstance(states, tuple) or len(states) != len(neuron.states):
        found = (
            f"{len(states)} in a {type(states).__name__}"
            if hasattr(states, "__len__")
            else type(states).__name__
        )
        kind = type(neuron).__name__
        expected = f"a tuple of {len(neuron.states)} ({', '.join(neuron.states) or 'none'})"
        raise ValueError(f"{kind}.{name} returned {found} for its states; expected {expected}")
    return tuple(np.asarray(state, dtype) for state in states)


def _at(tape, t, neuron, detach_reset) -> At:
    u = tape["u"][:, t]
    spike = _spike(tape, t, neuron, detach_reset)
    jets = (surrogate.derivative, surrogate.curvature)
    slope, curvature = (
        np.zeros_like(u) if detach_reset else _jet(jet, tape, t, neuron) for jet in jets
    )
    return At(tape["I"][:, t], tape["z"][t], u, spike, slope, curvature)


def _nothing(sequence, neuron):
    return (np.zeros(_step_shape(sequence), sequence.dtype),) * len(neuron.states)


def backward(tape: dict, dy: Array, neuron: Any, detach_reset: bool = False) -> Array:
    """dI (B, m, H, W, C) from dy, the adjoint of u that comes from above."""
    if not hasattr(neuron, "backward"):
        return dy
    dI = np.empty_like(dy)
    dz = _nothing(dy, neuron)
    tape.update(dy=dy, dz=[])  # dz[n] of the step m - 1 - n
    for t in reversed(range(dy.shape[1])):
        tape["dz"].append(dz)
        dI[:, t], dz = neuron.backward(_at(tape, t, neuron, detach_reset), dy[:, t], dz)
        dz = _as(dz, dy.dtype, neuron, "backward")
    return dI


def forward_tangent(
    tape: dict, current_dot: Array, neuron: Any, detach_reset: bool = False
) -> tuple[Array, dict]:
    """u_dot (B, m, H, W, C) along current_dot; the states at the window's start are constants."""
    if not hasattr(neuron, "forward_tangent"):
        return current_dot, {}
    u_dot = np.empty_like(current_dot)
    z_dot = _nothing(current_dot, neuron)
    dots = []
    for t in range(current_dot.shape[1]):
        before = z_dot
        at = _at(tape, t, neuron, detach_reset)
        u_dot[:, t], z_dot = neuron.forward_tangent(at, current_dot[:, t], before)
        z_dot = _as(z_dot, current_dot.dtype, neuron, "forward_tangent")
        dots.append(Dot(current_dot[:, t], before, u_dot[:, t]))
    return u_dot, {"dots": dots}


def backward_tangent(
    tape: dict, tape_dot: dict, dy_dot: Array, neuron: Any, detach_reset: bool = False
) -> Array:
    """dI_dot: `backward` differentiated along u_dot and dy_dot."""
    if not hasattr(neuron, "backward_tangent"):
        return dy_dot
    dI_dot = np.empty_like(dy_dot)
    dz_dot = _nothing(dy_dot, neuron)
    m = dy_dot.shape[1]
    for t in reversed(range(m)):
        at = _at(tape, t, neuron, detach_reset)
        (dy, dz) = (tape["dy"][:, t], tape["dz"][m - 1 - t])
        dI_dot[:, t], dz_dot = neuron.backward_tangent(
            at, tape_dot["dots"][t], dy, dz, dy_dot[:, t], dz_dot
        )
        dz_dot = _as(dz_dot, dy_dot.dtype, neuron, "backward_tangent")
    return dI_dot
