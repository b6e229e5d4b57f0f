"""Float twins of the two learning rules, so that like is compared with like.

Parameters in float32, the conv layers frozen, the same kind of error, the same power of two as step and the same order of
samples; nothing is rounded and nothing clipped, but in the error "target", whose definition clips.
"""

import numpy as np

from minisnn.experiments.readout import spikes_of, traces
from minisnn.layers.loss import softmax
from minisnn.layers.surrogate import sigma_prime

from ..chip.errors import TRIGGER
from ..chip.learner import Learner


class FloatReadout:
    """The readout of a float network on the spikes of its frozen conv layers."""

    def __init__(self, net, theta: np.ndarray):
        views = net.views(theta)
        self.net, self.theta, self.neuron = net, theta, net.neuron
        self.weight, self.bias = views["readout.weight"], views["readout.bias"]

    def traces(self, x: np.ndarray) -> np.ndarray:
        """Presynaptic p at every step, float32 (B, T, inputs)."""
        return traces(spikes_of(self.net, self.theta, x), self.neuron, np.float32)

    def membranes(self, p: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """u at every step, (B, T, ways)."""
        u = p @ weight + bias
        r, n = np.zeros_like(u[:, 0]), self.neuron
        for t in range(u.shape[1]):
            u[:, t] -= np.float32(n.rho) * r
            r = np.float32(n.gamma) * r + np.float32(1 - n.gamma) * (u[:, t] >= n.threshold)
        return u

    def learn(self, learner: Learner, p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(weight, bias) after the rule; p (B, T, inputs), y (B,). Theta is a fraction of the largest |G|, as in integers."""
        weight, bias = self.weight.copy(), self.bias.copy()
        for part in [slice(b, b + 1) for b in range(len(y))] if learner.online else [slice(0, len(y))]:
            G, Gb = self._gradient(learner, p[part], y[part], weight, bias)
            for array, g, step in ((weight, G, learner.log2_weight), (bias, Gb, learner.log2_bias)):
                size = np.abs(g)
                array -= np.float32(2.0**step) * np.where(size > size.max() * learner.threshold / 256, g, 0)
        return weight, bias

    def _gradient(self, learner, p, y, weight, bias):
        u = self.membranes(p, weight, bias)
        if learner.rule == "membrane":
            e = float_error(learner.error, u[:, -1], y)
            return p[:, -1].T @ e, e.sum(0)
        p, u = p[:, -learner.window :], u[:, -learner.window :]
        h = float_error(learner.error, u, np.asarray(y)[:, None]) * sigma_prime(u - self.neuron.threshold, self.neuron.slope)
        return np.tensordot(p, h, ((0, 1), (0, 1))), h.sum((0, 1))


def float_error(kind: str, u: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The errors of `errors.error` in real numbers, like u (..., ways)."""
    one_hot = np.eye(u.shape[-1], dtype=u.dtype)[y]
    if kind == "target":
        return np.clip(u, 0, 1) - one_hot
    e = softmax(u.reshape(-1, u.shape[-1])).reshape(u.shape) - one_hot
    return np.where(np.abs(e) > TRIGGER / 128, np.sign(e), 0).astype(u.dtype) if kind == "ternary" else e
