"""Lesson 10: MAML, the gradient of learning."""

import numpy as np

import minisnn as ms

from . import paper, prepare, table, tested

prepare(__name__)


def small_task():
    """A small network in float64, a start, a task and the generator."""
    rng = np.random.default_rng(4)
    net = ms.SpikingNet((4, 4, 2), (3,), 3, kernel=3, window=12, dtype=np.float64, backend="numpy")
    x = (rng.random((9, 12, 4, 4, 2)) < 0.3).astype(float)
    y = np.arange(3)
    return net, net.init(rng, x=x), ms.Task(x[:3], y, x[3:], np.repeat(y, 2)), rng


def _walk(spring=0.0):
    """A network, the points of three steps of 0.4, and the task."""
    net, start, task, _ = small_task()
    thetas = [start]
    for _ in range(3):
        g = net.loss_and_gradient(thetas[-1], task.x_support, task.y_support)[1]
        thetas.append(thetas[-1] - 0.4 * (g + spring * (thetas[-1] - start)))
    return net, thetas, task


@table("10.2", "lambda_0", "One Hessian-vector product for each step, and no Hessian.")
def back():
    """Exercise 10.2: the meta-gradient."""
    net, thetas, task = _walk()
    for path in (thetas[:2], thetas):
        yield net, path, task, 0.4


@table(
    "10.3",
    "gradient",
    "Nobody had derived this one for you.",
    tolerance=1e-6,
)
def back_tied():
    """Exercise 10.3: the meta-gradient of a loop with a spring to its start."""
    yield *_walk(0.7), 0.4, 0.7


def on_paper(lines):
    """Judge what a step with a spring hands back, exercise 10.3."""
    draw = np.random.default_rng(103)
    theta, theta_0, lam_next = draw.uniform(0.2, 1.5, (3, 3)) * draw.choice((-1, 1), (3, 3))
    A = draw.standard_normal((3, 3))
    A = A + A.T
    paper.adjoints(
        lines,
        "theta_next = theta - a * (g(theta) + c * (theta - theta_0))",
        {"a": 0.3, "c": 0.45, "theta": theta, "theta_0": theta_0},
        {"theta_next": ("lam_next", lam_next)},
        {"theta": "lam", "theta_0": "share"},
        functions={"g": lambda theta: A @ theta + theta**3},
        known={"H": A + np.diag(3 * theta**2)},
    )


back_tested = tested.judge("10.2t")
