"""Float twins of the chip's learning rules, for a fair comparison.

A twin has parameters in float32 and frozen conv layers. It uses the same kind of error, the same
power of two as step size and the same order of samples. Nothing is rounded, and nothing is clipped
except in the error "target", whose definition clips.
"""

import numpy as np

from minisnn.core.loss import softmax
from minisnn.core.neuron import Spike
from minisnn.experiments.readout import spikes_of, traces

from ..chip.errors import TRIGGER
from ..chip.learner import Learned, Learner


class FloatReadout:
    """The readout of a float network, which learns on the spikes of the frozen conv layers."""

    def __init__(self, net, theta: np.ndarray):
        views = net.views(theta)
        self.net, self.theta, self.neuron = net, theta, net.neuron
        self.weight = views["readout.weight"]
        self.bias = views["readout.bias"]

    def traces(self, x: np.ndarray) -> np.ndarray:
        """Return the presynaptic traces p at every step, float32 (B, T, inputs)."""
        return traces(spikes_of(self.net, self.theta, x), self.neuron, np.float32)

    def traces_of(self, x: np.ndarray, seed: int = 1) -> np.ndarray:
        """Return the traces as `IntegerNet.traces_of` does. `seed` is not used, since nothing is
        random."""
        return self.traces(x)

    def membranes(self, p: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Return the membranes u at every step, (B, T, ways)."""
        current = p @ weight + bias
        if not self.neuron.delay:  # CubaLIF's readout only integrates
            return current
        neuron = self.neuron.at_work({}, Spike(self.neuron.spike, self.neuron.threshold))
        z = (np.zeros_like(current[:, 0]),) * len(self.neuron.states)
        u = np.empty_like(current)
        for t in range(current.shape[1]):
            u[:, t], z = neuron.forward(current[:, t], z)
        return u

    def learn(self, learner: Learner, p: np.ndarray, y: np.ndarray) -> Learned:
        """Learn the readout by the learner's rule from traces p (B, T, inputs) and labels y (B,).
        The threshold is a fraction of the largest |G|, as in the integer learner."""
        held = self.weight.copy(), self.bias.copy()
        for p_, y_ in zip(p[:, None], y[:, None]) if learner.online else [(p, y)]:
            gradients = self._gradient(learner, p_, y_, *held)
            for array, g, l in zip(held, gradients, (learner.log2_weight, learner.log2_bias)):
                size = np.abs(g)
                gated = size <= size.max() * learner.threshold / 256
                array -= np.float32(2.0**l) * np.where(gated, 0, g)
        return Learned(*held)

    def _gradient(self, learner, p, y, weight, bias):
        u = self.membranes(p, weight, bias)
        if learner.rule == "membrane":
            e = float_error(learner.error, u[:, -1], y)
            return p[:, -1].T @ e, e.sum(0)
        p = p[:, -learner.window :]
        u = u[:, -learner.window :]
        slope = self.neuron.spike.prime(u - self.neuron.threshold)
        h = float_error(learner.error, u, np.asarray(y)[:, None]) * slope
        return np.tensordot(p, h, ((0, 1), (0, 1))), h.sum((0, 1))


def float_error(kind: str, u: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the errors that `errors.error` computes, in real numbers, with the shape of u (...,
    ways)."""
    one_hot = np.eye(u.shape[-1], dtype=u.dtype)[y]
    if kind == "target":
        return np.clip(u, 0, 1) - one_hot
    e = softmax(u.reshape(-1, u.shape[-1])).reshape(u.shape) - one_hot
    return np.sign(e) * (np.abs(e) > TRIGGER / 128) if kind == "ternary" else e
