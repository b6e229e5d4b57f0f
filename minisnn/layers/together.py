"""A layer whose synapse and neuron go through time together, for it hears its own spikes or learns
its neuron's constants: the four passes from its input x to its membrane u.

What enters the filters at step t is W x_t + V f_t, with the layer's own spikes s:

    f_t = s_t       where the neuron delays (`LIF`), so that they reach u two steps later
    f_t = s_{t-1}   where it does not (`CubaLIF`)

Spikes go through V with their whole jet, whether the reset is detached or not. The filters are
those of `synapse`; a step of each, with its decay a, is

    y' = a y + (1 - a) x      x is what the filter before it holds, or without delay then holds

so a decay that is learned has the derivative y - x in it. A constant of the neuron's step that is
learned is a state behind the others that keeps its value, and its adjoint at the window's start is
the derivative.

At the window's start the filters stand at W p + V z + b c, with p and z the filtered x and f. These
and the other states are constants of theta, and so is the first f of a neuron without delay; W, V
and the learned constants are not.

Shapes: x (B, n, H, W, C_in), u (B, n, H, W, C_out); V (C_out, C_out), of dense layers alone.
"""

from typing import Any, NamedTuple

import numpy as np

from . import membrane, surrogate
from .linear import correlate, correlate_input, correlate_weight, product
from .neuron import Dot
from .synapse import presynaptic_traces

Array = np.ndarray


class Weights(NamedTuple):
    """What such a layer has in place of a weight alone; or a tangent of it, or its adjoint."""

    weight: Any  # (k, k, C_in, C_out)
    recurrent: Any  # V, or None
    constants: tuple[float, ...]  # those of `block.learn`

    def both(self) -> Array:
        """[W, V], the weight of the input [x, f]."""
        if self.recurrent is None:
            return self.weight
        return np.concatenate([self.weight, self.recurrent[None, None]], 2)


class Start(NamedTuple):
    """What is constant at the window's start: the filtered [x, f] and 1, the neuron's states, and
    the spikes of the step before."""

    p: Array
    c: Array
    state: Array
    s: Array


# ---- a step of the filters F, a list


def _advance(F, x, neuron):
    """(F a step later, y - x of each filter)."""
    after, apart = [], []
    for y, a in zip(F, neuron.decays):
        after.append(a * y + (1 - a) * x)
        apart.append(y - x)
        x = y if neuron.delay else after[-1]
    return after, apart


def _advance_adjoint(dF, neuron):
    """(dx, dF a step earlier, the adjoint of each y')."""
    before, dy_after = [], []
    dx = 0
    for dy, a in zip(dF[::-1], neuron.decays[::-1]):
        if not neuron.delay:
            dy = dy + dx
        dy_after.append(dy)
        before.append(a * dy + dx if neuron.delay else a * dy)
        dx = (1 - a) * dy
    return dx, before[::-1], dy_after[::-1]


def _advance_tangent(F_dot, x_dot, apart, decays_dot, neuron):
    """(F_dot a step later, y_dot - x_dot of each filter)."""
    after, apart_dot = [], []
    for y_dot, a, d, a_dot in zip(F_dot, neuron.decays, apart, decays_dot):
        after.append(a * y_dot + (1 - a) * x_dot + a_dot * d)
        apart_dot.append(y_dot - x_dot)
        x_dot = y_dot if neuron.delay else after[-1]
    return after, apart_dot


def _advance_adjoint_tangent(dF_dot, dy_after, decays_dot, neuron):
    """`_advance_adjoint` differentiated along dF_dot and the decays."""
    before, dy_after_dot = [], []
    dx_dot = 0
    for n in reversed(range(len(dF_dot))):
        a = neuron.decays[n]
        a_dot = decays_dot[n]
        dy_dot = dF_dot[n] if neuron.delay else dF_dot[n] + dx_dot
        dy_after_dot.append(dy_dot)
        back = a * dy_dot + a_dot * dy_after[n]
        before.append(back + dx_dot if neuron.delay else back)
        dx_dot = (1 - a) * dy_dot - a_dot * dy_after[n]
    return dx_dot, before[::-1], dy_after_dot[::-1]


# ---- the constants that are learned


def _of_decays(block, constants):
    """What of them belongs to the filters, 0 for the others."""
    named = dict(zip(block.learn, constants))
    return [named.get(name, 0.0) for name in block.neuron.filtering]


def _of_states(block, constants, like):
    """What of them is a state, an array for each, and zeros for the other states."""
    named = dict(zip(block.learn, constants))
    return tuple(np.full_like(like, named.get(name, 0.0)) for name in block.neuron.carried)


def _gradient(block, of_decays, of_states):
    """The sums for the constants, in the order of `block.learn`."""
    named = dict(zip(block.neuron.filtering, of_decays))
    named |= {name: one.sum() for name, one in zip(block.neuron.carried, of_states)}
    return np.array([named[name] for name in block.learn])


# ---- the passes


def _zero(sequence):
    """Nothing at a step of it."""
    return np.zeros(sequence.shape[:1] + sequence.shape[2:], sequence.dtype)


def before(block, weights, bias, x):
    """(u of the steps before the window, what is constant at its start)."""
    neuron = block.neuron
    shape = (len(x), *block.input_shape[:2], block.channels)
    heard = block.channels * block.recurrent
    none = np.zeros((len(x), 0, *shape[1:3], block.input_shape[2] + heard), x.dtype)
    state = membrane.begin(neuron, np.zeros(shape, x.dtype))
    start = Start(*presynaptic_traces(none, neuron), state, np.zeros(shape, x.dtype))
    u, tape = forward(block, weights, bias, x, start)
    s = tape["spikes"][:, -1] if u.shape[1] else start.s
    return u, Start(*presynaptic_traces(tape["x"], neuron), tape["end"], s)


def forward(block, weights, bias, x, start, form="hard", u0=None):
    """(u, tape) of the window's steps from its `start`; u0 is the recorded membrane of a twin."""
    neuron = block.neuron
    drive = correlate(x, weights.weight)
    both = weights.both()
    F = [correlate(p, both) + bias * c for p, c in _by_filter(start.p, start.c)]
    z = membrane.states_of(neuron, start.state)
    u = np.empty_like(drive)
    a0 = None if u0 is None else u0 - neuron.threshold
    tape = {"u": u, "I": np.empty_like(u), "a0": a0, "form": form, "z": [], "apart": []}
    s = np.empty_like(u)
    heard = start.s
    for t in range(u.shape[1]):
        if not neuron.delay:
            F, apart = _advance(F, _hear(drive[:, t] + bias, heard, weights.recurrent), neuron)
        I = F[-1] + bias if neuron.delay else F[-1]
        tape["I"][:, t] = I
        u[:, t], z = membrane.step(tape, t, I, z, neuron, block.detach_reset)
        heard = s[:, t] = _jet(surrogate.value, tape, t, neuron)
        if neuron.delay:
            F, apart = _advance(F, _hear(drive[:, t], heard, weights.recurrent), neuron)
        tape["apart"].append(apart)
    if block.recurrent:
        f = s if neuron.delay else np.concatenate([start.s[:, None], s], 1)[:, : s.shape[1]]
        x = np.concatenate([x, f], -1)
    tape.update(x=x, spikes=s, p=start.p, c=start.c, end=membrane.stacked(z, u))
    return u, tape


def _by_filter(p, c):
    """Pairs of the filtered [x, f] and 1 at the window's start, one for each filter."""
    return zip(np.moveaxis(p, 1, 0), np.moveaxis(c, 1, 0))


def _hear(drive, s, V):
    return drive if V is None else drive + product(s, V)


def _jet(function, tape, t, neuron):
    """Of the layer's own spikes at a step."""
    a0 = tape["a0"]
    a = tape["u"][:, t] - neuron.threshold
    return function(tape["form"], a, None if a0 is None else a0[:, t], neuron.spike)


def backward(block, weights, tape, du):
    """(dx, `Weights`, dbias) from du (B, m, H, W, C_out), the adjoint of u that comes from above; dx
    has m - delay steps. The tape gains what the tangent asks for."""
    neuron = block.neuron
    m = du.shape[1]
    V = weights.recurrent
    dF = [_zero(du)] * len(neuron.decays)
    dz = (_zero(du),) * len(neuron.carried)
    ds = _zero(du)
    dD = np.empty_like(du)
    dI = np.empty_like(du)
    of_decays = np.zeros(len(dF))
    at = membrane.steps_of(tape, m, neuron, block.detach_reset)
    kept: dict[str, list[Any]] = {name: [None] * m for name in ("du", "dz", "ds", "dy_after")}
    for t in reversed(range(m)):
        if neuron.delay:
            dD[:, t], dF, dy_after = _advance_adjoint(dF, neuron)
            ds = None if V is None else product(dD[:, t], V.T)
        whole = du[:, t]
        if V is not None:
            whole = whole + ds * _jet(surrogate.derivative, tape, t, neuron)
        kept["du"][t], kept["dz"][t], kept["ds"][t] = whole, dz, ds
        dI[:, t], dz = membrane.step_back(at[t], whole, dz, neuron)
        dF[-1] = dF[-1] + dI[:, t]
        if not neuron.delay:
            dD[:, t], dF, dy_after = _advance_adjoint(dF, neuron)
            ds = None if V is None else product(dD[:, t], V.T)
        kept["dy_after"][t] = dy_after
        of_decays += [np.sum(a * b) for a, b in zip(dy_after, tape["apart"][t])]
    tape.update(dD=dD, **kept)
    sums = _sums(block, weights, tape, dI, dD, dF, tape["x"])
    return _below(block, correlate_input(dD, weights.weight)), *_together(
        block, sums, of_decays, dz
    )


def _below(block, dx):
    """What the layer below needs of it: the adjoint of the last steps is zero."""
    return dx[:, : max(dx.shape[1] - block.neuron.delay, 0)]


def _sums(block, weights, tape, dI, dD, dF, x):
    """(d[W, V], dbias) over the window's [x, f] and the filters at its start."""
    k = len(weights.weight)
    both = correlate_weight(x[:, : dD.shape[1]], dD, k)
    dbias = (dI if block.neuron.delay else dD).sum((0, 1, 2, 3))
    for n, d in enumerate(dF):
        both = both + correlate_weight(tape["p"][:, n], d, k)
        dbias = dbias + (tape["c"][:, n] * d).sum((0, 1, 2))
    return both, dbias


def _together(block, sums, of_decays, of_states):
    both, dbias = sums
    n = block.input_shape[2]
    recurrent = both[0, 0, n:] if block.recurrent else None
    constants = _gradient(block, of_decays, of_states)
    return Weights(both[:, :, :n], recurrent, constants), dbias


def forward_tangent(block, weights, weights_dot, bias_dot, tape, x_dot, steps):
    """(u_dot, tape_dot) at the window's first steps; x_dot has `delay` fewer, or is None where the
    input is data."""
    neuron = block.neuron
    V, V_dot = weights.recurrent, weights_dot.recurrent
    drive_dot = correlate(_feedforward(block, tape)[:, :steps], weights_dot.weight)
    if x_dot is not None:
        drive_dot[:, : x_dot.shape[1]] += correlate(x_dot, weights.weight)
    both = weights_dot.both()
    F_dot = [correlate(p, both) + bias_dot * c for p, c in _by_filter(tape["p"], tape["c"])]
    decays_dot = _of_decays(block, weights_dot.constants)
    u_dot = np.empty_like(drive_dot)
    z_dot = _of_states(block, weights_dot.constants, _zero(u_dot))
    s_dot = np.zeros_like(u_dot)
    tape_dot = {"dots": [], "apart": [], "x_dot": x_dot, "s_dot": s_dot}
    heard = _zero(u_dot)
    at = membrane.steps_of(tape, steps, neuron, block.detach_reset)

    def hear(drive, t, heard):
        if V is None:
            return drive
        f = tape["x"][:, t, ..., block.input_shape[2] :]
        return drive + product(f, V_dot) + product(heard, V)

    for t in range(steps):
        if not neuron.delay:
            d = hear(drive_dot[:, t] + bias_dot, t, heard)
            F_dot, apart = _advance_tangent(F_dot, d, tape["apart"][t], decays_dot, neuron)
        I_dot = F_dot[-1] + bias_dot if neuron.delay else F_dot[-1]
        before = z_dot
        u_dot[:, t], z_dot = membrane.step_along(at[t], I_dot, before, neuron)
        states, constants = membrane.split(neuron, before)
        tape_dot["dots"].append(Dot(I_dot, states, u_dot[:, t], constants))
        if V is not None:
            heard = s_dot[:, t] = u_dot[:, t] * _jet(surrogate.derivative, tape, t, neuron)
        if neuron.delay:
            d = hear(drive_dot[:, t], t, heard)
            F_dot, apart = _advance_tangent(F_dot, d, tape["apart"][t], decays_dot, neuron)
        tape_dot["apart"].append(apart)
    return u_dot, tape_dot


def _feedforward(block, tape):
    return tape["x"][..., : block.input_shape[2]]


def backward_tangent(block, weights, weights_dot, tape, tape_dot, du_dot):
    """(dx_dot, `Weights`, dbias_dot): `backward` differentiated along theta_dot, x_dot, du_dot."""
    neuron = block.neuron
    m = du_dot.shape[1]
    V, V_dot = weights.recurrent, weights_dot.recurrent
    dF_dot = [_zero(du_dot)] * len(neuron.decays)
    dz_dot = (_zero(du_dot),) * len(neuron.carried)
    ds_dot = _zero(du_dot)
    dD = tape["dD"]
    dD_dot = np.empty_like(du_dot)
    dI_dot = np.empty_like(du_dot)
    of_decays = np.zeros(len(dF_dot))
    decays_dot = _of_decays(block, weights_dot.constants)
    at = membrane.steps_of(tape, m, neuron, block.detach_reset)

    def back(t, dF_dot):
        """Through the filters, and what the spikes get of it."""
        dy_after = tape["dy_after"][t]
        dx, dF_dot, new = _advance_adjoint_tangent(dF_dot, dy_after, decays_dot, neuron)
        dD_dot[:, t] = dx
        for n, (d_dot, d) in enumerate(zip(new, dy_after)):
            of_decays[n] += np.sum(d_dot * tape["apart"][t][n] + d * tape_dot["apart"][t][n])
        return dF_dot, None if V is None else product(dx, V.T) + product(dD[:, t], V_dot.T)

    for t in reversed(range(m)):
        if neuron.delay:
            dF_dot, ds_dot = back(t, dF_dot)
        dot = tape_dot["dots"][t]
        whole = du_dot[:, t]
        if V is not None:
            whole = whole + ds_dot * _jet(surrogate.derivative, tape, t, neuron)
            whole = whole + tape["ds"][t] * _jet(surrogate.curvature, tape, t, neuron) * dot.u
        adjoints = tape["du"][t], tape["dz"][t], whole, dz_dot
        dI_dot[:, t], dz_dot = membrane.step_back_along(at[t], dot, *adjoints, neuron)
        dF_dot[-1] = dF_dot[-1] + dI_dot[:, t]
        if not neuron.delay:
            dF_dot, ds_dot = back(t, dF_dot)
    dx_dot = correlate_input(dD_dot, weights.weight) + correlate_input(dD, weights_dot.weight)
    both, dbias_dot = _sums(block, weights, tape, dI_dot, dD_dot, dF_dot, tape["x"])
    both = both + _of_moved(block, weights, tape_dot, dD)
    sums = both, dbias_dot
    return _below(block, dx_dot), *_together(block, sums, of_decays, dz_dot)


def _of_moved(block, weights, tape_dot, dD):
    """What the tangents of [x, f] bring to d[W, V]."""
    moved = np.zeros((*dD.shape[:2], *block.input_shape[:2], len(weights.both()[0, 0])), dD.dtype)
    n = block.input_shape[2]
    m = dD.shape[1]
    if (x_dot := tape_dot["x_dot"]) is not None:
        moved[:, : x_dot.shape[1], ..., :n] = x_dot[:, :m]
    if block.recurrent:
        s_dot = tape_dot["s_dot"][:, :m]
        later = 0 if block.neuron.delay else 1
        moved[:, later:, ..., n:] = s_dot[:, : m - later]
    return correlate_weight(moved, dD, len(weights.weight))
