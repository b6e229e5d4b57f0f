"""The synapse of a current-based neuron: events and bias through a chain of leaky filters, none of
which delays.

    V_t = W x_t + b      y_t = a y_{t-1} + (1 - a) V_t      then the next filter of y_t, and so on

for the decays a of the neuron: beta for the current i of `CubaLIF`, beta and alpha for the v of its
`LeakyIntegrator`. At the window's start each filter stands at W p + b c, with p (B, filters, H, W,
C_in) the filtered x and c (B, filters, 1, 1, 1) the filtered 1, both constants of theta. Other
shapes as in `synapse`.
"""

from typing import Any

import numpy as np

from .synapse import correlate, correlate_input, correlate_weight

STATES = ("p", "c")


def presynaptic_traces(x: np.ndarray, neuron) -> tuple[np.ndarray, np.ndarray]:
    """(p, c) after the steps of x, from zero."""
    p = []
    shape = x.shape[:1] + x.shape[2:]
    for decay in neuron.decays:
        x = _filter(np.zeros(shape, x.dtype), x, decay)
        p.append(x[:, -1] if x.shape[1] else np.zeros(shape, x.dtype))
    c = np.broadcast_to(np.array(bias_traces(x.shape[1], neuron), x.dtype), (len(x), len(p)))
    return np.stack(p, 1), c[..., None, None, None]


def bias_traces(steps: int, neuron) -> list[float]:
    """c after so many steps."""
    c = [0.0] * len(neuron.decays)
    for _ in range(steps):
        one = 1.0
        for n, decay in enumerate(neuron.decays):
            one = c[n] = decay * c[n] + (1 - decay) * one
    return c


def _filter(y, x, decay):
    """y_t = decay y_{t-1} + (1 - decay) x_t from the state y."""
    out = np.empty_like(x)
    for t in range(x.shape[1]):
        out[:, t] = y = decay * y + (1 - decay) * x[:, t]
    return out


def _filter_adjoint(dy, decay):
    """Adjoint of `_filter`: (that of its state, dx)."""
    d = np.zeros(dy.shape[:1] + dy.shape[2:], dy.dtype)
    dx = np.empty_like(dy)
    for t in reversed(range(dy.shape[1])):
        d = d + dy[:, t]
        dx[:, t] = (1 - decay) * d
        d = decay * d
    return d, dx


def forward(weight, bias, x, start, neuron):
    """y in the window; start = (p, c)."""
    p, c = start
    y = correlate(x, weight) + bias
    for n, decay in enumerate(neuron.decays):
        y = _filter(correlate(p[:, n], weight) + bias * c[:, n], y, decay)
    return y, {"x": x, "p": p, "c": c}


def _through_filters(tape, dy, neuron, k):
    """(dV, dweight, dbias) of the filters' states at the window's start: what `backward` and its
    tangent share."""
    dweight: Any = 0
    dbias: Any = 0
    for n, decay in reversed(list(enumerate(neuron.decays))):
        d, dy = _filter_adjoint(dy, decay)
        dweight = dweight + correlate_weight(tape["p"][:, n], d, k)
        dbias = dbias + (tape["c"][:, n] * d).sum((0, 1, 2))
    return dy, dweight, dbias


def backward(weight, tape, dy, neuron):
    """(dx, dweight, dbias) from dy (B, m, H, W, C_out)."""
    dV, dweight, dbias = _through_filters(tape, dy, neuron, len(weight))
    tape["dV"] = dV
    dx = correlate_input(dV, weight)
    dweight = dweight + correlate_weight(tape["x"][:, : dV.shape[1]], dV, len(weight))
    return dx, dweight, dbias + dV.sum((0, 1, 2, 3))


def forward_tangent(weight, weight_dot, bias_dot, tape, x_dot, neuron, steps):
    """y_dot for the window's first `steps` steps; x_dot has as many, or is None where the input is
    data."""
    y_dot = correlate(tape["x"][:, :steps], weight_dot) + bias_dot
    if x_dot is not None:
        y_dot = y_dot + correlate(x_dot, weight)
    for n, decay in enumerate(neuron.decays):
        y_dot = _filter(
            correlate(tape["p"][:, n], weight_dot) + bias_dot * tape["c"][:, n], y_dot, decay
        )
    return y_dot, {"x_dot": x_dot}


def backward_tangent(weight, weight_dot, tape, tape_dot, dy_dot, neuron):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated along theta_dot, x_dot,
    dy_dot."""
    dV_dot, dweight_dot, dbias_dot = _through_filters(tape, dy_dot, neuron, len(weight))
    dV, x_dot = tape["dV"], tape_dot["x_dot"]
    dx_dot = correlate_input(dV_dot, weight) + correlate_input(dV, weight_dot)
    dweight_dot = dweight_dot + correlate_weight(tape["x"][:, : dV.shape[1]], dV_dot, len(weight))
    if x_dot is not None:
        dweight_dot = dweight_dot + correlate_weight(x_dot, dV, len(weight))
    return dx_dot, dweight_dot, dbias_dot + dV_dot.sum((0, 1, 2, 3))
