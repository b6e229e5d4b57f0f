"""The membrane with its reset (Eq. 4, 5):

    u_t = I_t - rho r_t       r_{t+1} = gamma r_t + (1 - gamma) s_t       s_t = spike(u_t)

The gradient flows through the reset too; with `detach_reset` the s_t in the r-equation is a
constant, and in the jet and smooth forms then the recorded spike. Shapes: I, u (B, n, H, W, C); r_K
(B, H, W, C). `a0` is the recorded u - threshold of the window, None for the hard form.
"""

import numpy as np

from . import surrogate
from .neuron import LIF


def forward(
    current: np.ndarray, r: np.ndarray, neuron: LIF, detach_reset=False, form="hard", a0=None
):
    """u from the current I and the reset state r_K; returns (u, tape), tape["end"] the state after
    the window."""
    tape = {"u": np.empty_like(current), "a0": a0, "form": form}
    for t in range(current.shape[1]):
        tape["u"][:, t] = current[:, t] - neuron.rho * r
        r = neuron.gamma * r + (1 - neuron.gamma) * _spike(tape, t, neuron, detach_reset)
    tape["end"] = r
    return tape["u"], tape


def _step_shape(sequence):
    return sequence.shape[:1] + sequence.shape[2:]


def _jet(function, tape, t, neuron):
    a0 = tape["a0"]
    return function(
        tape["form"],
        tape["u"][:, t] - neuron.threshold,
        None if a0 is None else a0[:, t],
        neuron.spike,
    )


def _spike(tape, t, neuron, detach_reset):
    """s of the reset at step t; where that is detached the twins keep the recorded one."""
    if tape["form"] != "hard" and detach_reset:
        return surrogate.step(tape["a0"][:, t])
    return _jet(surrogate.value, tape, t, neuron)


def backward(tape, dy, neuron: LIF, detach_reset=False):
    """dI (B, m, H, W, C) from dy, the adjoint of u that comes from above."""
    dI = np.empty_like(dy)
    dr = np.zeros(_step_shape(dy), dy.dtype)
    tape["dr"] = np.empty_like(dy)
    for t in reversed(range(dy.shape[1])):
        tape["dr"][:, t] = dr
        du = dy[:, t]
        if not detach_reset:
            du = du + (1 - neuron.gamma) * dr * _jet(surrogate.derivative, tape, t, neuron)
        dr = neuron.gamma * dr - neuron.rho * du
        dI[:, t] = du
    return dI


def forward_tangent(tape, current_dot, neuron: LIF, detach_reset=False):
    """u_dot (B, m, H, W, C) along current_dot; r_K is a constant."""
    u_dot = np.empty_like(current_dot)
    r_dot = np.zeros(_step_shape(current_dot), current_dot.dtype)
    for t in range(current_dot.shape[1]):
        u_dot[:, t] = current_dot[:, t] - neuron.rho * r_dot
        r_dot = neuron.gamma * r_dot
        if not detach_reset:
            r_dot = (
                r_dot
                + (1 - neuron.gamma) * _jet(surrogate.derivative, tape, t, neuron) * u_dot[:, t]
            )
    return u_dot, {"u_dot": u_dot}


def backward_tangent(tape, tape_dot, dy_dot, neuron: LIF, detach_reset=False):
    """dI_dot: `backward` differentiated along u_dot and dy_dot."""
    dI_dot = np.empty_like(dy_dot)
    dr_dot = np.zeros(_step_shape(dy_dot), dy_dot.dtype)
    for t in reversed(range(dy_dot.shape[1])):
        dr = tape["dr"][:, t]
        du_dot = dy_dot[:, t]
        if not detach_reset:
            du_dot = du_dot + (1 - neuron.gamma) * (
                dr_dot * _jet(surrogate.derivative, tape, t, neuron)
                + dr * _jet(surrogate.curvature, tape, t, neuron) * tape_dot["u_dot"][:, t]
            )
        dr_dot = neuron.gamma * dr_dot - neuron.rho * du_dot
        dI_dot[:, t] = du_dot
    return dI_dot
