"""Lesson 5: stacking layers."""

import numpy as np

import minisnn as ms
from minisnn.core.loss import cross_entropy_backward

from . import close, prepare, table, tested

prepare(__name__)


def _part(arguments, found, expected) -> str:
    """Which part of the gradient differs first, on the way down."""
    net = arguments[0]
    if found[0].shape != (net.size,):
        return ""
    mine = net.views(found[0])
    right = net.views(expected[0])
    name = next((name for name in [*right][::-1] if not close(mine[name], right[name])), "")
    state = "is not right" if name and mine[name].any() else "is still zero"
    return f"{name} {state} (all above it is right)"


@table(
    "5.3",
    "gradient",
    "That is all of backpropagation: the same list, read from the end.",
    place=_part,
)
def backward():
    """Exercise 5.3: the reversed loop."""
    for channels, hidden in (((3, 4), ()), ((2,), (5,))):
        net = ms.SpikingNet(
            (4, 4, 2),
            channels,
            3,
            kernel=3,
            window=12,
            dtype=np.float64,
            backend="numpy",
            hidden=hidden,
        )
        rng = np.random.default_rng(3)
        x = (rng.random((3, 12, 4, 4, 2)) < 0.3).astype(float)
        theta = net.init(rng, x=x)
        logits = net.gradients(theta, x, np.arange(3), second=False)[2]
        spikes = np.swapaxes(x, 0, 1) * net.neuron.gain
        tapes = []
        for n, (b, w) in enumerate(zip(net.blocks, net.weights(theta)), 1):
            steps = 12 - 2 * (len(net.blocks) - n)
            spikes, *_, tape = b.forward(w, spikes, b.begin(3, float), steps)
            tapes.append(tape)
        yield net, theta, tapes, cross_entropy_backward(logits, np.arange(3))


pool_backward_tested = tested.judge("5.1t")
