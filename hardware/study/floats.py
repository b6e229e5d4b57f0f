"""Float twins of the chip's ways to learn, so that like is compared with like.

Parameters in float32, the conv layers frozen, the same kind of error, the same power of two as step
and the same order of samples; nothing is rounded and nothing clipped, but in the error "target",
whose definition clips.
"""

from typing import NamedTuple

import numpy as np

from minisnn.core.loss import softmax
from minisnn.core.neuron import Spike, at_work
from minisnn.experiments.readout import spikes_of, traces

from ..chip.calibrate import under_kernels
from ..chip.errors import TRIGGER
from ..chip.feedback import Feedback, signs
from ..chip.learner import Learner


class Parameters(NamedTuple):
    """Of a readout: weight (inputs, ways), bias (ways,)."""

    weight: np.ndarray
    bias: np.ndarray


class FloatReadout:
    """The readout of a float network on the spikes of its frozen conv layers."""

    def __init__(self, net, theta: np.ndarray):
        views = net.views(theta)
        self.net, self.theta, self.neuron = net, theta, net.neuron
        self.weight, self.bias = views["readout.weight"], views["readout.bias"]

    def traces(self, x: np.ndarray) -> np.ndarray:
        """Presynaptic p at every step, float32 (B, T, inputs)."""
        return traces(spikes_of(self.net, self.theta, x), self.neuron, np.float32)

    def traces_of(self, x: np.ndarray, seed: int = 1) -> np.ndarray:
        """As `IntegerNet.traces_of`; nothing here is random."""
        return self.traces(x)

    def membranes(self, p: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """u at every step, (B, T, ways)."""
        current = p @ weight + bias
        if not self.neuron.delay:  # CubaLIF's readout integrates alone
            return current
        neuron = at_work(self.neuron, {}, Spike(self.neuron.spike, self.neuron.threshold))
        z = (np.zeros_like(current[:, 0]),) * len(self.neuron.states)
        u = np.empty_like(current)
        for t in range(current.shape[1]):
            u[:, t], z = neuron.forward(current[:, t], z)
        return u

    def learn(self, learner: Learner, p: np.ndarray, y: np.ndarray) -> Parameters:
        """The readout after the rule; p (B, T, inputs), y (B,). Theta is a fraction of the largest
        |G|, as in integers."""
        weight = self.weight.copy()
        bias = self.bias.copy()
        for part in (
            [slice(b, b + 1) for b in range(len(y))] if learner.online else [slice(0, len(y))]
        ):
            G, Gb = self._gradient(learner, p[part], y[part], weight, bias)
            for array, g, step in ((weight, G, learner.log2_weight), (bias, Gb, learner.log2_bias)):
                size = np.abs(g)
                array -= np.float32(2.0**step) * np.where(
                    size > size.max() * learner.threshold / 256, g, 0
                )
        return Parameters(weight, bias)

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
    """The errors of `errors.error` in real numbers, like u (..., ways)."""
    one_hot = np.eye(u.shape[-1], dtype=u.dtype)[y]
    if kind == "target":
        return np.clip(u, 0, 1) - one_hot
    e = softmax(u.reshape(-1, u.shape[-1])).reshape(u.shape) - one_hot
    return (
        np.where(np.abs(e) > TRIGGER / 128, np.sign(e), 0).astype(u.dtype)
        if kind == "ternary"
        else e
    )


def float_learn_all(
    net, theta: np.ndarray, learner: Learner, feedback: Feedback, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The twin of `feedback.learn_all`: theta after the same rule, the same signs and steps.

    The first layer's step is one of the weights times the input gain, as the chip holds them.
    """
    readout = FloatReadout(net, theta)
    new = theta.copy()
    p = readout.traces(x)
    e = float_error(learner.error, readout.membranes(p, readout.weight, readout.bias)[:, -1], y)
    views = net.views(new)
    record = net.record(theta, x)
    inputs = x
    end = np.array([x.shape[1] - 1])
    for n, b in enumerate(net.blocks[:-1]):
        d = np.clip(e @ signs(feedback.seed + n, net.ways, b.channels), -1, 1)
        u = record[n]["u"][:, -1]
        h = d[:, None, None] * net.neuron.spike.prime(u - net.neuron.threshold)
        seen = under_kernels(traces(inputs, net.neuron, np.float32, end), net.kernel)
        weight = views[f"{b.name}.weight"]
        gain = net.neuron.gain if n == 0 else 1.0
        weight -= (
            2.0**feedback.log2_weight
            / gain
            * (seen.T @ h.reshape(len(seen), -1)).reshape(weight.shape)
        )
        views[f"{b.name}.bias"][...] -= 2.0**feedback.log2_bias * h.sum((0, 1, 2))
        inputs = net.spikes(theta, x, b.name)
    views["readout.weight"][...], views["readout.bias"][...] = readout.learn(learner, p, y)
    return new
