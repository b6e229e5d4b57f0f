"""The membrane of `CubaLIF`, reset to zero when it fires:

    u_t = alpha v_{t-1} + (1 - alpha) i_t       v_t = u_t (1 - s_t)       s_t = spike(u_t)

u is the membrane before the reset, w in the neuron's docstring. The gradient flows through the
reset: with sigma' and sigma'' at u - threshold,

    dv/du = 1 - s - u sigma'        d2v/du2 = -2 sigma' - u sigma''

With `detach_reset` s is a constant (the recorded spike in the jet and smooth forms): 1 - s and 0.
Signatures and shapes as in `membrane`; the state is v, a constant at the window's start.
"""

import numpy as np

from . import surrogate
from .membrane import _jet, _spike, _step_shape


def forward(current: np.ndarray, v: np.ndarray, neuron, detach_reset=False, form="hard", a0=None):
    """u from the current i and v before the window; returns (u, tape), tape["end"] the state after
    the window."""
    tape = {"u": np.empty_like(current), "a0": a0, "form": form}
    for t in range(current.shape[1]):
        tape["u"][:, t] = neuron.alpha * v + (1 - neuron.alpha) * current[:, t]
        v = tape["u"][:, t] * (1 - _spike(tape, t, neuron, detach_reset))
    tape["end"] = v
    return tape["u"], tape


def _slope(tape, t, neuron, detach_reset):
    """dv/du at step t."""
    slope = 1 - _spike(tape, t, neuron, detach_reset)
    u = tape["u"][:, t]
    return slope if detach_reset else slope - u * _jet(surrogate.derivative, tape, t, neuron)


def _curvature(tape, t, neuron, detach_reset):
    """d2v/du2 at step t."""
    if detach_reset:
        return 0
    curvature = tape["u"][:, t] * _jet(surrogate.curvature, tape, t, neuron)
    return -2 * _jet(surrogate.derivative, tape, t, neuron) - curvature


def backward(tape, dy, neuron, detach_reset=False):
    """di (B, m, H, W, C) from dy, the adjoint of u that comes from above."""
    di = np.empty_like(dy)
    dv = np.zeros(_step_shape(dy), dy.dtype)
    tape["dv"] = np.empty_like(dy)
    for t in reversed(range(dy.shape[1])):
        tape["dv"][:, t] = dv
        du = dy[:, t] + dv * _slope(tape, t, neuron, detach_reset)
        di[:, t] = (1 - neuron.alpha) * du
        dv = neuron.alpha * du
    return di


def forward_tangent(tape, current_dot, neuron, detach_reset=False):
    """u_dot (B, m, H, W, C) along current_dot."""
    u_dot = np.empty_like(current_dot)
    v_dot = np.zeros(_step_shape(current_dot), current_dot.dtype)
    for t in range(current_dot.shape[1]):
        u_dot[:, t] = neuron.alpha * v_dot + (1 - neuron.alpha) * current_dot[:, t]
        v_dot = _slope(tape, t, neuron, detach_reset) * u_dot[:, t]
    return u_dot, {"u_dot": u_dot}


def backward_tangent(tape, tape_dot, dy_dot, neuron, detach_reset=False):
    """di_dot: `backward` differentiated along u_dot and dy_dot."""
    di_dot = np.empty_like(dy_dot)
    dv_dot = np.zeros(_step_shape(dy_dot), dy_dot.dtype)
    for t in reversed(range(dy_dot.shape[1])):
        du_dot = dy_dot[:, t] + dv_dot * _slope(tape, t, neuron, detach_reset)
        du_dot = (
            du_dot
            + tape["dv"][:, t] * _curvature(tape, t, neuron, detach_reset) * tape_dot["u_dot"][:, t]
        )
        di_dot[:, t] = (1 - neuron.alpha) * du_dot
        dv_dot = neuron.alpha * du_dot
    return di_dot
