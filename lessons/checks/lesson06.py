"""Lesson 6: learning one task."""

import numpy as np

import minisnn as ms

from . import prepare, table

prepare(__name__)


def _case(seed, hidden=()):
    """A small network in float64, a start, recordings, their classes and the generator."""
    net = ms.SpikingNet(
        (4, 4, 2),
        (3,),
        3,
        kernel=3,
        window=12,
        dtype=np.float64,
        backend="numpy",
        hidden=hidden,
    )
    rng = np.random.default_rng(seed)
    x = (rng.random((3, 12, 4, 4, 2)) < 0.3).astype(float)
    return net, net.init(rng, x=x), x, np.arange(3), rng


@table("6.1", "theta_N losses", "One line, repeated.")
def descend():
    """Exercise 6.1: gradient descent."""
    net, theta, x, y, _ = _case(0)
    yield net, theta, x, y, 0.2, 3


@table("6.2", "true twin", "Equal at t = 0, and the twin's slope there is the surrogate gradient.")
def along():
    """Exercise 6.2: the true and the surrogate loss on a line."""
    net, theta, x, y, rng = _case(1)
    yield net, theta, rng.standard_normal(net.size), np.array([-0.2, 0.0, 0.1, 0.3]), x, y


@table(
    "6.3",
    "share",
    "The surrogate loss sees none of these flips; the true one jumps with those that reach the "
    "readout.",
)
def flipped():
    """Exercise 6.3: the share of spikes that come or go."""
    net, theta, x, _, rng = _case(2, (5,))
    moved = theta + 0.3 * rng.standard_normal(net.size)
    for name in ("conv1", "hidden1"):
        yield net, theta, moved, x, name


@table(
    "6.4",
    "slope",
    "Where it is negative, a longer step would have been better: step sizes can be learned.",
    tolerance=1e-5,
)
def slope_of_step():
    """Exercise 6.4: the derivative by the step size of the loss after one step."""
    for seed, step in ((3, 0.3), (4, 0.05)):
        net, theta, x, y, _ = _case(seed)
        yield net, theta, x, y, step
