"""Lesson 10: MAML, the gradient of learning."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, mine, paper, right, same, tested, wrong

mine.prepare(__name__)


def slopes(function):
    """10.1: two slopes of a parabola."""
    for start, c, h, a, N in (
        (1.5, 0.5, 2.0, 0.3, 1),
        (-1.0, 0.5, 0.6, 0.5, 3),
        (2.0, -1.0, 3.0, 0.5, 3),
    ):
        maml, fomaml = answer("10.1", function, start, c, h, a, N, returns=2)
        factor = (1 - a * h) ** N
        first = h * factor * (start - c)
        once = (1 - a * h) * h * (start - c)
        if close(fomaml, factor * first) and close(maml, first):
            raise wrong("10.1", "the two are exchanged: return MAML's slope first")
        same(
            "10.1",
            "FOMAML's slope",
            fomaml,
            first,
            (
                (
                    h * (start - c),
                    "FOMAML's slope is taken where the learner has arrived, at theta_N, not at the "
                    "start",
                ),
                (
                    once,
                    "the learner takes all N steps, yours takes one: the distance to c shrinks by "
                    "(1 - a h) ** N",
                ),
                (first / h, "the slope of L is h (theta - c): h is missing"),
                ((1 - a * h) * first, "N steps have N factors 1 - a h; yours has one more"),
            ),
        )
        same(
            "10.1",
            "MAML's slope",
            maml,
            factor * first,
            (
                (factor * first / h, "the slope of L is h (theta - c): h is missing from MAML's"),
                (
                    first,
                    "the chain rule is missing from MAML's: the end moves with the start, by (1 - "
                    "a h) ** N",
                ),
                (
                    (1 - a * h) * first,
                    "the learner takes all N steps: the end moves with the start by (1 - a h) ** N",
                ),
                (
                    factor * h * (1 - a * h) * (start - c),
                    "the learner takes all N steps before the slope is taken",
                ),
            ),
        )
    right("10.1", "They differ by the factor (1 - a h) ** N, and a factor can be negative.")


def _task(shots=1):
    """A small network in float64, a start and a task."""
    rng = np.random.default_rng(4)
    net = ms.SpikingNet((4, 4, 2), (3,), 3, kernel=3, window=12, dtype=np.float64, backend="numpy")
    x = (rng.random((9, 12, 4, 4, 2)) < 0.3).astype(float)
    return (
        net,
        net.init(rng, x=x),
        ms.Task(x[:3], np.arange(3), x[3:], np.repeat(np.arange(3), 2)),
        rng,
    )


def _back(net, thetas, task, a, of="support", end="query"):
    lam = net.loss_and_gradient(thetas[-1], getattr(task, f"x_{end}"), getattr(task, f"y_{end}"))[1]
    for theta in thetas[-2::-1]:
        lam = lam - a * net.hessian_vector_product(
            theta, getattr(task, f"x_{of}"), getattr(task, f"y_{of}"), lam
        )
    return lam


@kept("10.2")
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
                (
                    end,
                    "this is lambda_N, FOMAML's: bring it all the way back, one product for each "
                    "step that was made",
                ),
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
                    "the last slope is the *query's*: lambda_N is the gradient of its loss at "
                    "theta_N",
                ),
                (
                    _back(net, [*path, path[-1]], task, a),
                    "there is no product at theta_N, where no step began: N steps, N products; "
                    "leave out thetas[-1]",
                ),
                (
                    shifted,
                    "H_n is taken where the step began, at theta_n; yours is taken where it ended",
                ),
                (_back(net, path, task, -a), "minus: the step went down the gradient"),
                (_back(net, path, task, 1.0), "the step size a is missing before H lambda"),
            ),
        )
    assert np.abs(_back(net, thetas, task, a) - last).max() > 1e-3 * np.abs(last).max()
    right("10.2", "One Hessian-vector product for each step, and no Hessian.")


def back_tied(function):
    """10.3: the meta-gradient of a loop with a spring to its start, against differences of the
    twin."""
    net, start, task, rng = _task()
    a, c, thetas = 0.4, 0.7, [start]
    for _ in range(3):
        g = net.loss_and_gradient(thetas[-1], task.x_support, task.y_support)[1]
        thetas.append(thetas[-1] - a * (g + c * (thetas[-1] - start)))
    records = [net.record(theta, task.x_support) for theta in thetas[:-1]]
    last = net.record(thetas[-1], task.x_query)

    def F(theta):
        first = theta
        for record in records:
            g = net.loss_and_gradient(
                theta, task.x_support, task.y_support, spike="jet", record=record
            )[1]
            theta = theta - a * (g + c * (theta - first))
        return net.loss(theta, task.x_query, task.y_query, spike="jet", record=last)

    directions = rng.standard_normal((4, net.size)) / np.sqrt(net.size)
    slopes = np.array([(F(start + 1e-5 * d) - F(start - 1e-5 * d)) / 2e-5 for d in directions])
    found = answer("10.3", function, net, thetas, task, a, c)
    if found.shape != start.shape:
        raise wrong(
            "10.3", f"the gradient is flat like theta, {start.shape}; yours has shape {found.shape}"
        )
    lam, first, late = net.loss_and_gradient(thetas[-1], task.x_query, task.y_query)[1], 0.0, 0.0
    free, held = lam, lam
    for theta in thetas[-2::-1]:
        hvp = net.gradients(theta, task.x_support, task.y_support).hvp
        first, free, held = (
            first + a * c * lam,
            free - a * hvp(free),
            held - a * (hvp(held) + c * held),
        )
        lam = lam - a * (hvp(lam) + c * lam)
        late = late + a * c * lam
    same(
        "10.3",
        "slope of F along a random direction",
        directions @ found,
        slopes,
        (
            (
                directions @ lam,
                "each step has theta_0 itself on its right, besides theta_n: its share, a c "
                "lambda, is missing",
            ),
            (
                directions @ free,
                "the pull holds theta_n too: going back, lambda also loses a c lambda at every "
                "step",
            ),
            (
                directions @ (free + first),
                "the pull holds theta_n too: going back, lambda also loses a c lambda at every "
                "step",
            ),
            (
                directions @ (held + late),
                "theta_0's share of a step belongs to lambda_{n+1}: take it before it is renewed",
            ),
            (
                directions @ (lam - first),
                "the sign: theta_0 enters with + a c, for theta_n - theta_0 is taken away",
            ),
        ),
        1e-6,
    )
    right("10.3", "Nobody had derived this one for you; the twin says that it is so.")


def on_paper(lines):
    """Judge what a step with a spring hands back, exercise 10.3."""
    draw = np.random.default_rng(103)
    theta, theta_0, lam_next = draw.uniform(0.2, 1.5, (3, 3)) * draw.choice((-1, 1), (3, 3))
    A = draw.standard_normal((3, 3))
    A = A + A.T
    paper.adjoints(
        lines,
        "theta_next = theta - a * (g(theta) + c * (theta - theta_0))",
        {"a": 0.3, "c": 0.7, "theta": theta, "theta_0": theta_0},
        {"theta_next": ("lam_next", lam_next)},
        {"theta": "lam", "theta_0": "share"},
        functions={"g": lambda theta: A @ theta + theta**3},
        known={"H": A + np.diag(3 * theta**2)},
    )


def back_tested(test, hint=0):
    """10.2t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("10.2t", test, hint)
