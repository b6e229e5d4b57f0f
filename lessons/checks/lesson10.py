"""Lesson 10: MAML, FOMAML, and why the second order matters."""

import numpy as np

import minisnn as ms

from . import answer, right, same, wrong


def slopes(function):
    """10.1: two slopes of a parabola."""
    for start, c, h, a, N in ((1.5, 0.5, 2.0, 0.3, 1), (-1.0, 0.5, 0.6, 0.5, 3), (2.0, -1.0, 3.0, 0.5, 3)):
        maml, fomaml = answer("10.1", function, start, c, h, a, N, returns=2)
        factor = (1 - a * h) ** N
        first = h * factor * (start - c)
        once = (1 - a * h) * h * (start - c)
        same(
            "10.1",
            "FOMAML's slope",
            fomaml,
            first,
            (
                (h * (start - c), "FOMAML's slope is taken where the learner has arrived, at theta_N, not at the start"),
                (once, "the learner takes all N steps, yours takes one: the distance to c shrinks by (1 - a h) ** N"),
                (factor * first, "the two are exchanged: return MAML's slope first"),
                (first / h, "the slope of L is h (theta - c): h is missing"),
            ),
        )
        same(
            "10.1",
            "MAML's slope",
            maml,
            factor * first,
            (
                (factor * first / h, "the slope of L is h (theta - c): h is missing from MAML's"),
                (first, "the chain rule is missing from MAML's: the end moves with the start, by (1 - a h) ** N"),
                ((1 - a * h) * first, "the learner takes all N steps: the end moves with the start by (1 - a h) ** N"),
                (factor * h * (1 - a * h) * (start - c), "the learner takes all N steps before the slope is taken"),
            ),
        )
    right("10.1", "They differ by the factor (1 - a h) ** N, and a factor can be negative.")


def _task(shots=1):
    """A small network in float64, a start and a task."""
    rng = np.random.default_rng(4)
    net = ms.SpikingNet((4, 4, 2), (3,), 3, kernel=3, window=12, dtype=np.float64, backend="numpy")
    x = (rng.random((9, 12, 4, 4, 2)) < 0.3).astype(float)
    return net, net.init(rng, x=x), ms.Task(x[:3], np.arange(3), x[3:], np.repeat(np.arange(3), 2)), rng


def _back(net, thetas, task, a, of="support", end="query"):
    lam = net.loss_and_gradient(thetas[-1], getattr(task, f"x_{end}"), getattr(task, f"y_{end}"))[1]
    for theta in thetas[-2::-1]:
        lam = lam - a * net.hessian_vector_product(theta, getattr(task, f"x_{of}"), getattr(task, f"y_{of}"), lam)
    return lam


def back(function):
    """10.2: the meta-gradient."""
    net, start, task, _ = _task()
    a, thetas = 0.4, [start]
    for _ in range(3):
        thetas.append(ms.adapt(net, thetas[-1], task.x_support, task.y_support, a))
    last = net.loss_and_gradient(thetas[-1], task.x_query, task.y_query)[1]
    for path in (thetas[:2], thetas):
        end = net.loss_and_gradient(path[-1], task.x_query, task.y_query)[1]
        shifted = _back(net, [*path[1:], path[-1]], task, a)
        same(
            "10.2",
            "lambda_0",
            answer("10.2", function, net, path, task, a),
            _back(net, path, task, a),
            (
                (end, "this is lambda_N, FOMAML's: bring it all the way back, one product for each step that was made"),
                (
                    _back(net, [*path[-2::-1], path[-1]], task, a),
                    "go back from the last step to the first: the last step first",
                ),
                (
                    _back(net, path, task, a, of="query"),
                    "the Hessian is that of the support's loss: the steps went down that one",
                ),
                (
                    _back(net, path, task, a, end="support"),
                    "the last slope is the *query's*: lambda_N is the gradient of Q at theta_N",
                ),
                (
                    _back(net, [*path, path[-1]], task, a),
                    "there is no product at theta_N, where no step began: N steps, N products; leave out thetas[-1]",
                ),
                (shifted, "H_n is taken where the step began, at theta_n; yours is taken where it ended"),
                (_back(net, path, task, -a), "minus: the step went down the gradient"),
                (_back(net, path, task, 1.0), "the step size a is missing before H lambda"),
            ),
        )
    assert np.abs(_back(net, thetas, task, a) - last).max() > 1e-3 * np.abs(last).max()
    right("10.2", "One Hessian-vector product for each step, and no Hessian.")


def _meta_train(net, theta, tasks, a, order, adapted=False, joint=False, notes=True, norm=5.0, sign=1, before=False):
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
    """10.3: the outer loop."""
    net, theta, task, rng = _task()
    x = np.concatenate([task.x_support, task.x_query])
    orders = [rng.permutation(9) for _ in range(4)]
    tasks = [ms.Task(x[n[:3]], np.arange(3), x[n[3:]], np.repeat(np.arange(3), 2)) for n in orders]
    given = []

    def watched(*arguments):
        given.append(function(*arguments))
        return given[-1]

    watched.__name__ = function.__name__
    a = 20.0  # large enough for some gradients of order 2 to be clipped
    for order in (2, 1):
        expected = _meta_train(net, theta, tasks, a, order)
        found = answer("10.3", watched, net, theta, tasks, a, order, returns=2)
        for name, one, wanted, k in (("theta_0", found[0], expected[0], 0), ("losses", found[1], expected[1], 1)):
            mistakes = [
                (_meta_train(net, theta, tasks, a, order, **how)[k], text)
                for how, text in (
                    (
                        dict(adapted=True),
                        "forget what was adapted: the outer step moves the start, not the end of the inner loop",
                    ),
                    (
                        dict(joint=True),
                        "nothing has been adapted: there is no inner step in this gradient; ask ms.meta_gradient",
                    ),
                    (
                        dict(before=True),
                        "ms.meta_gradient adapts by itself: begin again from theta_0, not from what was adapted",
                    ),
                    (dict(notes=False), "Adam keeps notes from one step to the next: make it once, before the loop"),
                    (dict(norm=None), "clip the gradient before the step: ms.clip(gradient, 5)[0]"),
                    (dict(sign=-1), "adam.step goes down the gradient by itself; do not turn its sign"),
                )
            ]
            other = (_meta_train(net, theta, tasks, a, 3 - order)[k], f"this is order {3 - order}; pass `order` on")
            same("10.3", name, one, wanted, (*mistakes, other), 1e-6)
        if not isinstance(given[-1][1], np.ndarray):
            raise wrong("10.3", "return the losses as an array: np.array(losses)")
    right("10.3", "The inner loop learns a task, the outer loop learns to learn.")
