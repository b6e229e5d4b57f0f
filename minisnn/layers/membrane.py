"""The time loop of a membrane, for every neuron: its four passes of one step, over all steps.

    u_t, z_{t+1} = neuron.forward(I_t, z_t, spike)

I is the synapse's current, u the membrane, z the neuron's states, which are zero at the start. The
gradient flows through the spike of a reset too. With `detach_reset` that spike is a constant, in
the jet and smooth forms then the recorded one, and slope and curvature of a step are zero.

Shapes: I, u (B, n, H, W, C); states at the window's start (B, H, W, C, number of states), which are
constants. `a0` is the recorded u - threshold of the window, None for the hard form.
"""

from typing import Any

import numpy as np

from . import surrogate
from .neuron import At, Dot

Array = np.ndarray


def forward(
    current: Array,
    z: Array | None,
    neuron: Any,
    detach_reset: bool = False,
    form: str = "hard",
    a0: Any = None,
) -> tuple[Array, dict]:
    """u from the current I and the states z before the window (None: zero); returns (u, tape),
    tape["end"] the states after it."""
    if z is None:
        z = begin(neuron, np.empty(current.shape[:1] + current.shape[2:], current.dtype))
    u = np.empty_like(current)
    tape = {"u": u, "I": current, "a0": a0, "form": form, "z": []}
    states = states_of(neuron, z)
    for t in range(current.shape[1]):
        u[:, t], states = step(tape, t, current[:, t], states, neuron, detach_reset)
    tape["end"] = stacked(states, u)
    return u, tape


def begin(neuron: Any, like: Array) -> Array:
    """The states before the first step: zero, and learnable constants as they are."""
    z = np.zeros((*like.shape, len(neuron.carried)), like.dtype)
    for n, name in enumerate(neuron.learnable, len(neuron.states)):
        z[..., n] = getattr(neuron, name)
    return z


def states_of(neuron: Any, z: Array) -> tuple[Array, ...]:
    """A tuple of the states z; learnable constants are the neuron's, whatever was recorded."""
    constants = (np.full(z.shape[:-1], getattr(neuron, name), z.dtype) for name in neuron.learnable)
    return *np.moveaxis(z, -1, 0)[: len(neuron.states)], *constants


def split(neuron: Any, z: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """(states, constants) of what a step has carried."""
    n = len(neuron.states)
    return z[:n], z[n:]


def stacked(states: tuple[Array, ...], u: Array) -> Array:
    """One array of the states, (B, H, W, C, how many)."""
    return np.stack(states, -1) if states else np.zeros((len(u), *u.shape[2:], 0), u.dtype)


def step(tape: dict, t: int, I: Array, z: tuple, neuron: Any, detach_reset: bool) -> tuple:
    """(u_t, z_{t+1}) from I_t and z_t; the tape, which has I, gains z."""
    tape["z"].append(z)

    def spike(membrane):
        tape["u"][:, t] = membrane
        return _Spike(tape, t, neuron, detach_reset)("value")

    u, z = neuron.forward(I, z, spike)
    return u, _as(z, I.dtype, neuron, "forward")


def _as(states, dtype, neuron, name):
    """What a pass returns for its states, in the network's dtype."""
    if not isinstance(states, tuple) or len(states) != len(neuron.carried):
        found = type(states).__name__
        if hasattr(states, "__len__"):
            found = f"{len(states)} in a {found}"
        names = ", ".join(neuron.carried) or "none"
        raise ValueError(
            f"{type(neuron).__name__}.{name} returned {found} for its states; "
            f"expected a tuple of {len(neuron.carried)} ({names})"
        )
    return tuple(np.asarray(state, dtype) for state in states)


class _Spike:
    """The jet of a step's spike at u, from the arrays alone: a step that is kept in a tape must not
    hold the tape."""

    def __init__(self, tape, t, neuron, detach_reset):
        self.form = tape["form"]
        self.u = tape["u"][:, t]
        self.a0: Any = None if tape["a0"] is None else tape["a0"][:, t]
        self.neuron = neuron
        self.detached = detach_reset

    def __call__(self, name: str) -> Array:
        """The `surrogate` function of that name at this step. Where the reset is detached its spike
        is a constant, in the twins the recorded one."""
        if self.detached and name != "value":
            return np.zeros_like(self.u)
        if self.detached and self.form != "hard":
            return surrogate.step(self.a0)
        function = getattr(surrogate, name)
        return function(self.form, self.u - self.neuron.threshold, self.a0, self.neuron.spike)


def steps_of(tape: dict, steps: int, neuron: Any, detach_reset: bool) -> list[At]:
    """The window's steps, made once, so that each jet is computed once."""
    known = tape.setdefault("at", [])
    for t in range(len(known), steps):
        spike = _Spike(tape, t, neuron, detach_reset)
        z, constants = split(neuron, tape["z"][t])
        known.append(At(tape["I"][:, t], z, tape["u"][:, t], constants, spike))
    return known


def _nothing(sequence, neuron):
    zero = np.zeros(sequence.shape[:1] + sequence.shape[2:], sequence.dtype)
    return (zero,) * len(neuron.carried)


def backward(tape: dict, dy: Array, neuron: Any, detach_reset: bool = False) -> Array:
    """dI (B, m, H, W, C) from dy, the adjoint of u that comes from above."""
    m = dy.shape[1]
    dI = np.empty_like(dy)
    dz = _nothing(dy, neuron)
    at = steps_of(tape, m, neuron, detach_reset)
    tape.update(dy=dy, dz=[None] * m)
    for t in reversed(range(m)):
        tape["dz"][t] = dz
        dI[:, t], dz = step_back(at[t], dy[:, t], dz, neuron)
    return dI


def step_back(at: At, du: Array, dz: tuple, neuron: Any) -> tuple:
    """(dI_t, dz_t) from the adjoints of u_t and z_{t+1}."""
    dI, before = neuron.backward(at, du, dz)
    return dI, _as(before, du.dtype, neuron, "backward")


def forward_tangent(
    tape: dict, current_dot: Array, neuron: Any, detach_reset: bool = False
) -> tuple[Array, dict]:
    """u_dot (B, m, H, W, C) along current_dot; the states at the window's start are constants."""
    m = current_dot.shape[1]
    u_dot = np.empty_like(current_dot)
    z_dot = _nothing(current_dot, neuron)
    at = steps_of(tape, m, neuron, detach_reset)
    dots = []
    for t in range(m):
        before = z_dot
        u_dot[:, t], z_dot = step_along(at[t], current_dot[:, t], before, neuron)
        states, constants = split(neuron, before)
        dots.append(Dot(current_dot[:, t], states, u_dot[:, t], constants))
    return u_dot, {"dots": dots}


def step_along(at: At, I_dot: Array, z_dot: tuple, neuron: Any) -> tuple:
    """(u_dot, z_dot one step later)."""
    u_dot, after = neuron.forward_tangent(at, I_dot, z_dot)
    return u_dot, _as(after, I_dot.dtype, neuron, "forward_tangent")


def backward_tangent(
    tape: dict, tape_dot: dict, dy_dot: Array, neuron: Any, detach_reset: bool = False
) -> Array:
    """dI_dot: `backward` differentiated along u_dot and dy_dot."""
    m = dy_dot.shape[1]
    dI_dot = np.empty_like(dy_dot)
    dz_dot = _nothing(dy_dot, neuron)
    at = steps_of(tape, m, neuron, detach_reset)
    for t in reversed(range(m)):
        adjoints = tape["dy"][:, t], tape["dz"][t], dy_dot[:, t], dz_dot
        dI_dot[:, t], dz_dot = step_back_along(at[t], tape_dot["dots"][t], *adjoints, neuron)
    return dI_dot


def step_back_along(
    at: At, dot: Dot, du: Array, dz: tuple, du_dot: Array, dz_dot: tuple, neuron: Any
) -> tuple:
    """(dI_dot, dz_dot one step earlier): `step_back` differentiated."""
    dI_dot, before = neuron.backward_tangent(at, dot, du, dz, du_dot, dz_dot)
    return dI_dot, _as(before, du_dot.dtype, neuron, "backward_tangent")
