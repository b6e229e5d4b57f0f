"""Losses on the logits and their first and second derivatives.

Each `X(logits, y)` returns the mean loss over the batch, `X_backward` its adjoint `dlogits`, and `X_backward_tangent`
the directional derivative of that adjoint along `logits_dot`. logits (B, ways).
"""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(l_k) / sum_j exp(l_j) for each row, shifted by the row's maximum."""
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> float:
    """Mean softmax cross-entropy, -mean_b log softmax(logits_b)[y_b]; y (B,) integer labels."""
    top = logits.max(1)
    log_sum = top + np.log(np.exp(logits - top[:, None]).sum(1))
    return float(np.mean(log_sum - logits[np.arange(len(y)), y]))


def cross_entropy_backward(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dlogits = (softmax(logits) - onehot(y)) / B."""
    dlogits = softmax(logits)
    dlogits[np.arange(len(y)), y] -= 1
    return dlogits / len(y)


def cross_entropy_backward_tangent(logits: np.ndarray, logits_dot: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dlogits_dot = s (logits_dot - <s, logits_dot>) / B with s = softmax(logits)."""
    s = softmax(logits)
    return s * (logits_dot - (s * logits_dot).sum(1, keepdims=True)) / len(y)


def squared(logits: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error, mean_b 1/2 |logits_b - y_b|^2; y (B, ways)."""
    return float(0.5 * np.sum((logits - y) ** 2) / len(y))


def squared_backward(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dlogits = (logits - y) / B."""
    return (logits - y) / len(y)


def squared_backward_tangent(logits: np.ndarray, logits_dot: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dlogits_dot = logits_dot / B."""
    return logits_dot / len(y)


LOSSES = {
    "cross_entropy": (cross_entropy, cross_entropy_backward, cross_entropy_backward_tangent),
    "squared": (squared, squared_backward, squared_backward_tangent),
}
