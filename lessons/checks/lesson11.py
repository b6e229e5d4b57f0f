"""Lesson 11: the outer loop, and why the second order matters."""

import numpy as np

import minisnn as ms

from . import called, prepare, table, wrong
from .diagnosis import solution
from .lesson10 import small_task

prepare(__name__)


def _tasks():
    """A small network, a start, and three tasks of the same recordings."""
    net, theta, task, rng = small_task()
    x = np.concatenate([task.x_support, task.x_query])
    y = np.arange(3)
    orders = [rng.permutation(9) for _ in range(3)]
    return net, theta, [ms.Task(x[n[:3]], y, x[n[3:]], np.repeat(y, 2)) for n in orders]


def _array(function):
    """Raise Wrong where the losses are a list, which the next cell cannot compute with."""
    net, theta, tasks = _tasks()
    if not isinstance(called("11.1", function, net, theta, tasks[:1], 5.0, 1)[1], np.ndarray):
        raise wrong("11.1", "return the losses as an array: np.array(losses)")


@table(
    "11.1",
    "theta_0 losses",
    "The inner loop learns a task, the outer loop learns to learn.",
    tolerance=1e-6,
    also=_array,
)
def meta_train():
    """Exercise 11.1: the outer loop."""
    for a, order in ((20.0, 2), (20.0, 1), (5.0, 2)):  # gradients that are clipped and others
        yield *_tasks(), a, order


@table("11.2", "theta m v", "Each parameter has a step of its own length.")
def adam():
    """Exercise 11.2: Adam, four steps, then one of gradients no larger than 10^-8."""
    rng = np.random.default_rng(5)
    theta = rng.standard_normal(7)
    notes = np.zeros((2, 7))
    for n in range(1, 5):
        g = 3 * rng.standard_normal(7)
        yield theta, g, notes, n, 0.1
        theta, notes = solution("11.2")(theta, g, notes, n, 0.1)
    small = np.array([0.0, 1e-8, -3e-8, 2.0])
    yield np.array([0.3, -0.2, 0.5, 1.0]), small, np.zeros((2, 4)), 1, 0.1
