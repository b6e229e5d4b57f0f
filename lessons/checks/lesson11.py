"""Lesson 11: the outer loop, and why the second order matters."""

import numpy as np

import minisnn as ms

from . import answer, called, kept, mine, numeric, right, same, wrong
from .lesson10 import _task

mine.prepare(__name__)


def _meta_train(
    net,
    theta,
    tasks,
    a,
    order,
    adapted=False,
    joint=False,
    notes=True,
    norm=5.0,
    sign=1,
    before=False,
):
    adam, losses = ms.Adam(net.size, dtype=net.dtype), []
    for task in tasks:
        if before:
            theta = ms.adapt(net, theta, task.x_support, task.y_support, a)
        if joint:
            loss, gradient = net.loss_and_gradient(theta, task.x_query, task.y_query)
        else:
            loss, gradient = ms.meta_gradient(net, theta, task, a, order=order)
        if adapted:
            theta = ms.adapt(net, theta, task.x_support, task.y_support, a)
        adam = adam if notes else ms.Adam(net.size, dtype=net.dtype)
        theta = adam.step(theta, sign * ms.clip(gradient, norm)[0], 0.02)
        losses.append(loss)
    return theta, np.array(losses)


def meta_train(function):
    """11.1: the outer loop."""
    net, theta, task, rng = _task()
    x = np.concatenate([task.x_support, task.x_query])
    orders = [rng.permutation(9) for _ in range(4)]
    tasks = [ms.Task(x[n[:3]], np.arange(3), x[n[3:]], np.repeat(np.arange(3), 2)) for n in orders]
    given = []

    def watched(*arguments):
        given.append(function(*arguments))
        return given[-1]

    watched.__name__ = function.__name__
    # gradients of more than 5, of less than 1, and between
    for a, order in (
        (20.0, 2),
        (20.0, 1),
        (5.0, 2),
    ):
        expected = _meta_train(net, theta, tasks, a, order)
        found = answer("11.1", watched, net, theta, tasks, a, order, returns=2)
        for name, one, wanted, k in (
            ("theta_0", found[0], expected[0], 0),
            ("losses", found[1], expected[1], 1),
        ):
            mistakes = [
                (_meta_train(net, theta, tasks, a, order, **how)[k], text)
                for how, text in (
                    (
                        dict(adapted=True),
                        "forget what was adapted: the outer step moves the start, not the end of "
                        "the inner loop",
                    ),
                    (
                        dict(joint=True),
                        "nothing has been adapted: there is no inner step in this gradient; ask "
                        "ms.meta_gradient",
                    ),
                    (
                        dict(before=True),
                        "ms.meta_gradient adapts by itself: begin again from theta_0, not from "
                        "what was adapted",
                    ),
                    (
                        dict(notes=False),
                        "Adam keeps notes from one step to the next: make it once, before the loop",
                    ),
                    (dict(norm=None), "clip the gradient before the step: ms.clip(gradient, 5)[0]"),
                    (
                        dict(sign=-1),
                        "adam.step goes down the gradient by itself; do not turn its sign",
                    ),
                )
            ]
            other = (
                _meta_train(net, theta, tasks, a, 3 - order)[k],
                f"this is order {3 - order}; pass `order` on",
            )
            same("11.1", name, one, wanted, (*mistakes, other), 1e-6)
        if not isinstance(given[-1][1], np.ndarray):
            raise wrong("11.1", "return the losses as an array: np.array(losses)")
    right("11.1", "The inner loop learns a task, the outer loop learns to learn.")


def _adam(
    theta, g, notes, n, rate, shares=True, old=False, sign=1, power=2, small=1e-8, inside=0.0
):
    m = 0.9 * notes[0] + 0.1 * g
    v = 0.999 * notes[1] + 0.001 * g**power
    taken = (m, v) if not old else notes
    first, second = (1 - 0.9**n, 1 - 0.999**n) if shares else (1, 1)
    size = np.sqrt(np.abs(taken[1]) / second + inside) + small
    return theta - sign * rate * taken[0] / first / size, (m, v)


def _small_gradients(function):
    """Where a gradient is no larger than 10^-8, or 0, as of a weight that hears nothing."""
    theta, g = np.array([0.3, -0.2, 0.5, 1.0]), np.array([0.0, 1e-8, -3e-8, 2.0])
    with np.errstate(all="ignore"):  # 0 / 0 is told below
        found = called("11.2", function, theta.copy(), g.copy(), (0.0, 0.0), 1, 0.1)[0]
    if np.shape(found) == (4,) and np.isnan(found[0]):
        raise wrong(
            "11.2",
            "where a gradient is 0, the step is 0 / 0: 10^-8 is missing in the divisor",
        )
    mistakes = (
        (
            _adam(theta, g, (0.0, 0.0), 1, 0.1, small=0.0, inside=1e-8)[0],
            "10^-8 is added to the root, not under it",
        ),
        (
            _adam(theta, g, (0.0, 0.0), 1, 0.1, small=0.0, inside=1e-16)[0],
            "10^-8 is added to the root, not under it",
        ),
    )
    wanted = _adam(theta, g, (0.0, 0.0), 1, 0.1)[0]
    same("11.2", "theta after a step of gradients about 10^-8", found, wanted, mistakes)


@kept("11.2")
def adam(function):
    """11.2: Adam."""
    rng = np.random.default_rng(5)
    theta, notes, now = rng.standard_normal(7), (0.0, 0.0), (0.0, 0.0)
    for n in range(1, 5):
        g = 3 * rng.standard_normal(7)
        found = called("11.2", function, theta.copy(), g.copy(), now, n, 0.1)
        pair = isinstance(found, tuple) and len(found) == 2 and numeric(found[1])
        if not (pair and np.shape(found[1])[:1] == (2,)):
            raise wrong("11.2", "return theta and, as a pair of its own, the notes: (m, v)")
        expected = _adam(theta, g, notes, n, 0.1)
        mistakes = []
        for text, options in (
            ("the notes are too small at first: divide each by its share", {"shares": False}),
            ("downhill: minus the step", {"sign": -1}),
            ("the new notes enter the step; yours takes the old ones", {"old": True}),
            ("v takes in the squares of the gradient", {"power": 1}),
        ):
            mistakes.append((_adam(theta, g, notes, n, 0.1, **options)[0], text))
        same("11.2", f"theta after step {n}", found[0], expected[0], mistakes)
        for name, one, other in zip("mv", found[1], expected[1]):
            text = f"{name} is a note for the next step: it goes up as it stands, not divided"
            share = 1 - {"m": 0.9, "v": 0.999}[name] ** n
            same("11.2", f"{name} after step {n}", one, other, [(other / share, text)])
        (theta, notes), now = expected, found[1]
    _small_gradients(function)
    right("11.2", "Each parameter has a step of its own length.")
