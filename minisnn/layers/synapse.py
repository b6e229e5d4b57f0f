"""The synapse: events through the weights, then a chain of first-order filters (Eq. 4).

The filters are linear, so the weights may act first. With V_t = W x_t, each filter has a decay a of
the neuron's `decays`, and

    y_{t+1} = a y_t + (1 - a) V_t      where the neuron delays (`LIF`): a step for each filter
    y_t     = a y_{t-1} + (1 - a) V_t  where it does not (`CubaLIF`)

then the next filter of y, and so on. Where the synapse delays, the bias is added to the membrane:
the current is W p_t + b, with the presynaptic traces p, q of the paper. Where it does not, the bias
is one more synapse, from a source that fires at every step, and goes through the filters too.

At the window's start K each filter stands at W p + b c, with p (B, filters, H, W, C_in) the filtered
x and c (B, filters, 1, 1, 1) the filtered 1. Both are constants of theta; W p is not.

What a readout weighs is p at the last step (`features`), linear in the spikes of a window of n
steps and in the states at its start:

    p_{n-1} = sum_k g_k state_k + sum_t h_t x_t

Shapes: x (B, n, H, W, C_in), weight (k, k, C_in, C_out), bias (C_out,), y (B, n, H, W, C_out); for
features x (B, n, F), p (B, F).
"""

from typing import Any, NamedTuple

import numpy as np

from ..parallel.threads import multiplies
from .linear import correlate, correlate_input, correlate_weight

STATES = ("p", "c")


def presynaptic_traces(x: np.ndarray, neuron: Any) -> tuple[np.ndarray, np.ndarray]:
    """(p, c) after the steps of x, from zero."""
    p = []
    for decay in neuron.decays:
        end, x = _filter(np.zeros(x.shape[:1] + x.shape[2:], x.dtype), x, decay, neuron.delay)
        p.append(end)
    c = np.array(bias_traces(x.shape[1], neuron), x.dtype)
    return np.stack(p, 1), np.broadcast_to(c, (len(x), len(p)))[..., None, None, None]


def bias_traces(steps: int, neuron: Any) -> list[float]:
    """c after so many steps; zero where the bias goes past the filters."""
    c = [0.0] * len(neuron.decays)
    for _ in range(0 if neuron.delay else steps):
        one = 1.0
        for n, decay in enumerate(neuron.decays):
            c[n] = decay * c[n] + (1 - decay) * one
            one = c[n]
    return c


def _filter(y, x, decay, delay, steps=None):
    """(the state after the steps, what the filter hands on at each), from the state y; x may end
    earlier than the steps, and is zero from there on."""
    steps = x.shape[1] if steps is None else steps
    out = np.empty((len(x), steps) + x.shape[2:], x.dtype)
    for t in range(steps):
        if delay:
            out[:, t] = y
        y = decay * y
        if t < x.shape[1]:
            y = y + (1 - decay) * x[:, t]
        if not delay:
            out[:, t] = y
    return y, out


def _filter_adjoint(dy, decay, delay):
    """Adjoint of `_filter`: (that of its state, dx); where it delays the last x has no part."""
    m = dy.shape[1]
    d = np.zeros(dy.shape[:1] + dy.shape[2:], dy.dtype)
    dx = np.empty((len(dy), max(m - 1, 0) if delay else m) + dy.shape[2:], dy.dtype)
    for t in reversed(range(m)):
        if not delay:
            d = d + dy[:, t]
        if t < dx.shape[1]:
            dx[:, t] = (1 - decay) * d
        d = decay * d
        if delay:
            d = d + dy[:, t]
    return d, dx


def _filters(weight, bias, V, start, neuron, steps):
    """The current at `steps` steps from V = W x, and what stands in the filters at the start."""
    p, c = start
    y = V if neuron.delay else V + bias
    for n, decay in enumerate(neuron.decays):
        state = correlate(p[:, n], weight) + bias * c[:, n]
        y = _filter(state, y, decay, neuron.delay, steps)[1]
    return y + bias if neuron.delay else y


def _filters_adjoint(dy, neuron):
    """(dV, the adjoint of each filter's state at the start, the last filter's first)."""
    states = []
    for decay in reversed(neuron.decays):
        d, dy = _filter_adjoint(dy, decay, neuron.delay)
        states.append(d)
    return dy, states


def _gradients(tape, dy, dV, states, neuron, k):
    """(dweight, dbias), summed over the window's x and the states at its start."""
    dweight = correlate_weight(tape["x"][:, : dV.shape[1]], dV, k)
    dbias = np.zeros(dV.shape[-1], dV.dtype)
    for n, d in zip(reversed(range(len(states))), states):
        dweight = dweight + correlate_weight(tape["p"][:, n], d, k)
        dbias = dbias + (tape["c"][:, n] * d).sum((0, 1, 2))
    at = dy if neuron.delay else dV
    return dweight, dbias + at.sum((0, 1, 2, 3))


def forward(weight, bias, x, start, neuron):
    """The current in the window; start = (p, c), or None: from zero."""
    start = start or presynaptic_traces(x[:, :0], neuron)
    y = _filters(weight, bias, correlate(x, weight), start, neuron, x.shape[1])
    p, c = start
    return y, {"x": x, "p": p, "c": c}


def backward(weight, tape, dy, neuron):
    """(dx, dweight, dbias) from dy (B, m, H, W, C_out); dx has m - delay steps."""
    dV, states = _filters_adjoint(dy, neuron)
    tape["dV"] = dV
    return correlate_input(dV, weight), *_gradients(tape, dy, dV, states, neuron, len(weight))


def forward_tangent(weight, weight_dot, bias_dot, tape, x_dot, neuron, steps):
    """y_dot for the window's first `steps` steps; x_dot has `delay` fewer, or is None where the
    input is data. The filters are linear: the tangent of each is the filter itself."""
    V_dot = correlate(tape["x"][:, : max(steps - neuron.delay, 0)], weight_dot)
    if x_dot is not None:
        V_dot = V_dot + correlate(x_dot, weight)
    start = tape["p"], tape["c"]
    y_dot = _filters(weight_dot, bias_dot, V_dot, start, neuron, steps)
    return y_dot, {"x_dot": x_dot}


def backward_tangent(weight, weight_dot, tape, tape_dot, dy_dot, neuron):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated along theta_dot, x_dot, dy_dot."""
    dV_dot, states = _filters_adjoint(dy_dot, neuron)
    dV = tape["dV"]
    dx_dot = correlate_input(dV_dot, weight) + correlate_input(dV, weight_dot)
    dweight_dot, dbias_dot = _gradients(tape, dy_dot, dV_dot, states, neuron, len(weight))
    if tape_dot["x_dot"] is not None:
        dweight_dot = dweight_dot + correlate_weight(tape_dot["x_dot"], dV, len(weight))
    return dx_dot, dweight_dot, dbias_dot


class Coefficients(NamedTuple):
    """g (a number for each filter's state) and h (m,)."""

    states: tuple[float, ...]
    x: np.ndarray


def coefficients(steps: int, neuron: Any, dtype: np.dtype) -> Coefficients:
    """The weights of what p_{n-1} is a sum of: the filters' adjoint of a one at the last step."""
    dy = np.zeros((1, steps), dtype)
    dy[0, -1] = 1
    states: list[float] = []
    for decay in reversed(neuron.decays):
        d, dy = _filter_adjoint(dy, decay, neuron.delay)
        states.insert(0, float(d[0]))
    return Coefficients(tuple(states), dy[0])


@multiplies
def features(x: np.ndarray, neuron: Any, start: np.ndarray | None = None) -> np.ndarray:
    """p_{n-1} from x (B, n, F) and the filters' states at its start, (B, filters, F); from zero
    where they are None."""
    h = coefficients(x.shape[1], neuron, x.dtype)
    p = np.tensordot(x[:, : len(h.x)], h.x, (1, 0))
    if start is not None:
        p = p + sum(x.dtype.type(g) * start[:, n] for n, g in enumerate(h.states))
    return p


def features_adjoint(dp: np.ndarray, steps: int, neuron: Any) -> np.ndarray:
    """dx_t = h_t dp, (B, m, F) with m = steps - delay."""
    return coefficients(steps, neuron, dp.dtype).x[None, :, None] * dp[:, None]
