"""Lesson 5: stacking layers."""

import numpy as np

import minisnn as ms
from minisnn.core.loss import cross_entropy_backward

from . import close, mine, table, tested

mine.prepare(__name__)


@table("5.1", "du", "A switch, set by what went forward.")
def pool_backward():
    """Exercise 5.1: the switch of max pooling."""
    rng = np.random.default_rng(0)
    ties = rng.integers(0, 2, (6, 4)).astype(float)
    for u in (rng.standard_normal((4, 6)), ties):
        yield u, rng.standard_normal((u.shape[0] // 2, u.shape[1] // 2))


@table(
    "5.2",
    "dlogits",
    "Each sample pulls its true class up and the others down, and the pulls add up to 0.",
)
def loss_backward():
    """Exercise 5.2: softmax cross-entropy."""
    logits, y = np.random.default_rng(1).standard_normal((4, 3)), np.array([2, 0, 1, 1])
    yield logits, y
    yield 1000 * logits, y


def _part(arguments, found, expected) -> str:
    """Which part of the gradient differs first, on the way down."""
    net = arguments[0]
    if found[0].shape != (net.size,):
        return ""
    mine, right = net.views(found[0]), net.views(expected[0])
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
        spikes, tapes = np.swapaxes(x, 0, 1) * net.neuron.gain, []
        for n, (b, w) in enumerate(zip(net.blocks, net.weights(theta)), 1):
            steps = 12 - 2 * (len(net.blocks) - n)
            spikes, *_, tape = b.forward(w, spikes, b.begin(3, float), steps)
            tapes.append(tape)
        yield net, theta, tapes, cross_entropy_backward(logits, np.arange(3))


@table("5.4", "du", "A switch that is never quite thrown.", tolerance=1e-6)
def soft_pool_backward():
    """Exercise 5.4: a soft maximum."""
    rng = np.random.default_rng(6)
    for shape in ((4, 6), (2, 8)):
        yield rng.standard_normal(shape), rng.standard_normal((shape[0] // 2, shape[1] // 2))
    large = np.array([[800.0, 1.0, -900.0, -901.0], [798.0, 0.0, -903.0, -900.0]])
    yield large, np.ones((1, 2))


@table("5.5", "du", "The blame for a mean is shared out over its steps.")
def readout_backward():
    """Exercise 5.5: readouts over time."""
    rng = np.random.default_rng(7)
    for n, lif in ((5, ms.LIF()), (8, ms.LIF(threshold=0.3, slope=4.0))):
        for readout in ("mean", "count"):
            yield rng.standard_normal((4, 3)), rng.standard_normal((n, 4, 3)), readout, lif


pool_backward_tested = tested.judge("5.1t")
