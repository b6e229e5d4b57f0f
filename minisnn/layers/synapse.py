"""The synapse: events through the weights, then the two trace filters (Eq. 4).

The traces are linear in the spikes, so the weights may act first and the filters afterwards:

    V_t = W x_t       P_{t+1} = alpha P_t + (1 - alpha) Q_t       Q_{t+1} = beta Q_t + (1 - beta) V_t
    y_t = P_t + b     P_K = W p_K, Q_K = W q_K at the window's start K

which equals W p_t + b with the presynaptic traces p, q of the paper. p_K and q_K are constants of
theta; W p_K is not. A dense layer is the convolution of a 1 x 1 image whose channels are all its
inputs, so one set of passes serves both.

Shapes: x (B, n, H, W, C_in), weight (k, k, C_in, C_out), bias (C_out,), y (B, n, H, W, C_out).
Convolution here is cross-correlation of stride 1 with zero padding (k - 1) / 2.
"""

import numpy as np

from .neuron import LIF

STATES = ("p", "q")


def _padded(x: np.ndarray, k: int) -> np.ndarray:
    h = k // 2
    return np.pad(x, [(0, 0)] * (x.ndim - 3) + [(h, h), (h, h), (0, 0)]) if h else x


def correlate(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """y[h, w] = sum_ij x[h + i - pad, w + j - pad] weight[i, j] for images (..., H, W, C_in) ->
    (..., H, W, C_out)."""
    k = len(weight)
    (H, W) = x.shape[-3:-1]
    x = _padded(x, k)
    return sum(x[..., i : i + H, j : j + W, :] @ weight[i, j] for i in range(k) for j in range(k))


def correlate_input(dy: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Adjoint of `correlate` for its input: dx = W^T dy, (..., H, W, C_out) -> (..., H, W,
    C_in)."""
    return correlate(dy, weight[::-1, ::-1].transpose(0, 1, 3, 2))


def correlate_weight(x: np.ndarray, dy: np.ndarray, k: int) -> np.ndarray:
    """Adjoint of `correlate` for its weight, summed over every image: dW[i, j] = sum x[h + i - pad,
    w + j - pad] dy[h, w]."""
    H, W, n_out = dy.shape[-3:]
    x = _padded(x, k)
    dy = dy.reshape(-1, n_out)
    rows = [
        [x[..., i : i + H, j : j + W, :].reshape(-1, x.shape[-1]).T @ dy for j in range(k)]
        for i in range(k)
    ]
    return np.array(rows)


def presynaptic_traces(x: np.ndarray, neuron: LIF) -> tuple[np.ndarray, np.ndarray]:
    """Traces p_K, q_K, (B, H, W, C), after the K steps of x, from zero."""
    p = q = np.zeros(x.shape[:1] + x.shape[2:], x.dtype)
    for t in range(x.shape[1]):
        p = neuron.alpha * p + (1 - neuron.alpha) * q
        q = neuron.beta * q + (1 - neuron.beta) * x[:, t]
    return p, q


def _filter(P, Q, V, neuron, steps):
    """P_t for `steps` steps from the state (P, Q); V may end earlier, it is zero from there on."""
    y = np.empty((len(P), steps) + P.shape[1:], P.dtype)
    for t in range(steps):
        y[:, t] = P
        P = neuron.alpha * P + (1 - neuron.alpha) * Q
        Q = neuron.beta * Q
        if t < V.shape[1]:
            Q = Q + (1 - neuron.beta) * V[:, t]
    return y


def _filter_adjoint(dy, neuron):
    """Adjoint of `_filter`: (dP_K, dQ_K, dV), dV with two steps fewer than dy."""
    m = dy.shape[1]
    dP = dQ = np.zeros(dy.shape[:1] + dy.shape[2:], dy.dtype)
    dV = np.empty((len(dy), max(m - 2, 0)) + dy.shape[2:], dy.dtype)
    for t in reversed(range(m)):
        if t < m - 2:
            dV[:, t] = (1 - neuron.beta) * dQ
        dP, dQ = neuron.alpha * dP + dy[:, t], neuron.beta * dQ + (1 - neuron.alpha) * dP
    return dP, dQ, dV


def forward(weight, bias, x, start, neuron):
    """y_t = W p_t + b in the window; start = (p_K, q_K), each (B, H, W, C_in)."""
    p, q = start
    y = (
        _filter(
            correlate(p, weight), correlate(q, weight), correlate(x, weight), neuron, x.shape[1]
        )
        + bias
    )
    return y, {"x": x, "p": p, "q": q}


def backward(weight, tape, dy, neuron):
    """(dx, dweight, dbias) from dy (B, m, H, W, C_out); dx has m - 2 steps."""
    k = len(weight)
    dP, dQ, dV = _filter_adjoint(dy, neuron)
    tape["dV"] = dV
    dx = correlate_input(dV, weight)
    dweight = (
        correlate_weight(tape["x"][:, : dV.shape[1]], dV, k)
        + correlate_weight(tape["p"], dP, k)
        + correlate_weight(tape["q"], dQ, k)
    )
    dbias = dy.sum((0, 1, 2, 3))
    return dx, dweight, dbias


def forward_tangent(weight, weight_dot, bias_dot, tape, x_dot, neuron, steps):
    """y_dot for the window's first `steps` steps; x_dot has two fewer, or is None where the input
    is data."""
    V_dot = correlate(tape["x"][:, : max(steps - 2, 0)], weight_dot)
    if x_dot is not None:
        V_dot = V_dot + correlate(x_dot, weight)
    y_dot = (
        _filter(
            correlate(tape["p"], weight_dot), correlate(tape["q"], weight_dot), V_dot, neuron, steps
        )
        + bias_dot
    )
    return y_dot, {"x_dot": x_dot}


def backward_tangent(weight, weight_dot, tape, tape_dot, dy_dot, neuron):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated along theta_dot, x_dot,
    dy_dot."""
    k = len(weight)
    dP_dot, dQ_dot, dV_dot = _filter_adjoint(dy_dot, neuron)
    dV, x_dot = tape["dV"], tape_dot["x_dot"]
    dx_dot = correlate_input(dV_dot, weight) + correlate_input(dV, weight_dot)
    dweight_dot = (
        correlate_weight(tape["x"][:, : dV.shape[1]], dV_dot, k)
        + correlate_weight(tape["p"], dP_dot, k)
        + correlate_weight(tape["q"], dQ_dot, k)
    )
    if x_dot is not None:
        dweight_dot = dweight_dot + correlate_weight(x_dot, dV, k)
    dbias_dot = dy_dot.sum((0, 1, 2, 3))
    return dx_dot, dweight_dot, dbias_dot
