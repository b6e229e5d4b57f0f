"""Lesson 12: one shot."""

import numpy as np

import minisnn as ms

from . import prepare, table

prepare(__name__)


def _net(channels, window, hidden=()):
    return ms.SpikingNet(
        (4, 4, 2),
        channels,
        4,
        kernel=3,
        window=window,
        dtype=np.float64,
        backend="numpy",
        hidden=hidden,
    )


@table("12.1", "errors", "Step by step, from the same five samples.")
def errors():
    """Exercise 12.1: error against inner steps, each of which changes it."""
    y = np.arange(4)
    for seed in (2, 8):
        net = _net((4,), 10)
        rng = np.random.default_rng(seed)
        x = (rng.random((44, 10, 4, 4, 2)) < 0.3).astype(float)
        yield net, net.init(rng, x=x), ms.Task(x[:4], y, x[4:], np.repeat(y, 10)), 1.0, 3


@table("12.2", "m", "A vector of ones and zeros decides who learns.")
def unfrozen():
    """Exercise 12.2: a mask of layers."""
    for frozen in (["conv1", "conv2"], ["conv2", "readout"], []):
        yield _net((3, 4), 12, (5,)), frozen
    yield _net((3,), 12, (2,) * 10), ["hidden1"]  # and not hidden10


@table("12.3", "m", "Equation 6.")
def gate():
    """Exercise 12.3: the gate of Eq. 6."""
    net = _net((3, 4), 12, (5,))
    rng = np.random.default_rng(2)
    update = rng.uniform(0.2, 1.0, net.size) * rng.choice((-1.0, 1.0), net.size)
    for n, part in enumerate(net.layout):
        update[part.slice] *= 0.5**n
    silent = np.where(rng.random(net.size) < 0.5, 0, update)
    silent[net.layout[-2].slice.start :] = 0
    yield net, update, 0.3
    yield net, update, 0.6
    yield net, silent, 0.0
