"""Losses of the logits (B, ways), or (B, n, ways) of n steps, and their first and second derivatives.

A `Loss` has three methods: the mean loss over the batch, its gradient dlogits, and the directional
derivative of that along logits_dot. Another loss is another such object, `SpikingNet(loss=...)`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import shown
from .dual import Array


class Loss:
    """A loss of the logits (B, ways), or with readout="steps" (B, n, ways), and their targets y, with
    its derivatives. Your own is a subclass with these three:

    value(logits, y)                           the mean loss over the batch, a number
    backward(logits, y)                        its gradient dlogits, in the shape of the logits
    backward_tangent(logits, logits_dot, y)    the directional derivative of that gradient along
                                               logits_dot

    one_hot   True: y has the shape and dtype of the logits; labels become one-hot rows, and
              real-valued targets may be given. False: y is (B,) labels, nothing else

    >>> class Quartic(ms.Loss):
    ...     def value(self, logits, y):
    ...         return ((logits - y) ** 4).sum() / len(y)
    ...     def backward(self, logits, y):
    ...         return 4 * (logits - y) ** 3 / len(y)
    ...     def backward_tangent(self, logits, logits_dot, y):
    ...         return 12 * (logits - y) ** 2 * logits_dot / len(y)
    >>> net = ms.SpikingNet((4,), (), ways=2, loss=Quartic(), window=8)
    >>> ms.gradcheck.check(net, inner_steps=()).ok
    True
    """

    one_hot: bool = True
    value: Callable
    backward: Callable
    backward_tangent: Callable

    @property
    def name(self) -> str:
        """The name of the loss in files and messages.

        >>> ms.SpikingNet((4,), (), ways=2, loss="squared").criterion.name
        'squared'
        """
        return next((name for name, loss in LOSSES.items() if type(loss) is type(self)), repr(self))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({values})"


def softmax(logits: Array) -> Array:
    """exp(l_k) / sum_j exp(l_j) for each row, shifted by the row's maximum."""
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class CrossEntropy(Loss):
    """Mean softmax cross-entropy, -mean_b log softmax(logits_b)[y_b]; y (B,) integer labels."""

    one_hot = False

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
        return s * (logits_dot - (s * logits_dot).sum(1, keepdims=True)) / len(y)


class Squared(Loss):
    """Half the squared error, 1/2 |logits - y|^2, summed over outputs and its mean over samples and,
    where logits (B, n, ways) have them, steps; y in the shape of the logits."""

    def value(self, logits, y):
        return float(0.5 * np.sum((logits - y) ** 2) / y[..., 0].size)

    def backward(self, logits, y):
        return (logits - y) / y[..., 0].size

    def backward_tangent(self, logits, logits_dot, y):
        return logits_dot / y[..., 0].size


LOSSES: dict[str, Loss] = {"cross_entropy": CrossEntropy(), "squared": Squared()}
cross_entropy = LOSSES["cross_entropy"].value
cross_entropy_backward = LOSSES["cross_entropy"].backward


def loss_of(loss: Any) -> Loss:
    """The loss of a name in LOSSES, or your own; ValueError for anything else."""
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    if isinstance(loss, dict):  # of a configuration
        what = f"the network's loss is {loss.get('words')}, an object of your own"
        raise ValueError(f"{what}; in Python: read(path, loss=...)")
    methods = ("value", "backward", "backward_tangent")
    if not isinstance(loss, Loss) or not all(callable(getattr(loss, m, None)) for m in methods):
        own = f"a minisnn.Loss with {', '.join(methods)}, not {shown(loss)}"
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, or {own}")
    return loss
