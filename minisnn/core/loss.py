"""From the readout's membranes to the loss, and back.

The logits are made from the membranes u_t of the readout in the window, n steps:

    last     u_n                       (B, ways), as in the paper
    mean     1/n sum_t u_t             (B, ways)
    count    1/n sum_t spike(u_t)      (B, ways), spikes per step
    steps    u_t                       (B, n, ways)

A loss (`bases.Loss`) has three methods: the mean loss over the batch, its gradient dlogits, and the
directional derivative of that gradient. To add a loss, subclass `Loss` and pass an instance as
`SpikingNet(loss=...)`.
"""

from typing import Any

import numpy as np

from .bases import Loss
from .dual import Array, linear
from .linear import at_steps

READOUTS = ("last", "mean", "count", "steps")

_mean = linear(lambda u: u.mean(0))
_mean_back = linear(lambda d, steps: np.repeat(d[None] / d.dtype.type(steps), steps, 0))
exchanged = linear(lambda a: np.swapaxes(a, 0, 1))  # samples and steps


def logits_of(readout: str, u: Any, spike: Any) -> Any:
    """Compute logits from the readout's membranes u (n, B, ways), plain or dual. `spike` is the
    spike function of the readout's neuron."""
    if readout == "last":
        return u[-1]
    if readout == "steps":
        return exchanged(u)
    return _mean(spike.value(u) if readout == "count" else u)


def membranes_back(readout: str, dlogits: Any, u: Any, spike: Any) -> Any:
    """Compute du (n, B, ways), given the adjoint of the logits."""
    if readout == "last":
        return at_steps(dlogits.reshape(1, *dlogits.shape), len(u), [len(u) - 1])
    if readout == "steps":
        return exchanged(dlogits)
    du = _mean_back(dlogits, len(u))
    return du * spike.slope(u) if readout == "count" else du


def softmax(logits: Array) -> Array:
    """exp(l_k) / sum_j exp(l_j) for each row, computed after subtracting the row's maximum."""
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class CrossEntropy(Loss):
    """Mean softmax cross-entropy, -mean_b log softmax(logits_b)[y_b]; y (B,) integer labels."""

    one_hot = False
    kind = "cross_entropy"

    def value(self, logits, y):
        top = logits.max(1)
        log_sum = top + np.log(np.exp(logits - top[:, None]).sum(1))
        return float(np.mean(log_sum - logits[np.arange(len(y)), y]))

    def backward(self, logits, y):
        dlogits = softmax(logits)  # (softmax(logits) - onehot(y)) / B
        dlogits[np.arange(len(y)), y] -= 1
        return dlogits / len(y)

    def backward_tangent(self, logits, logits_dot, y):
        s = softmax(logits)  # s (logits_dot - <s, logits_dot>) / B
        return s * (logits_dot - (s * logits_dot).sum(-1, keepdims=True)) / len(y)


class Squared(Loss):
    """Half the squared error, 1/2 |logits - y|^2. It is summed over outputs and averaged over
    samples; with logits (B, n, ways), it is also averaged over steps. y has the shape of the
    logits."""

    kind = "squared"

    def value(self, logits, y):
        return float(0.5 * np.sum((logits - y) ** 2) / y[..., 0].size)

    def backward(self, logits, y):
        return (logits - y) / y[..., 0].size

    def backward_tangent(self, logits, logits_dot, y):
        return logits_dot / y[..., 0].size


LOSSES: dict[str, Loss] = {loss.kind: loss for loss in (CrossEntropy(), Squared())}
cross_entropy = LOSSES["cross_entropy"].value
cross_entropy_backward = LOSSES["cross_entropy"].backward
