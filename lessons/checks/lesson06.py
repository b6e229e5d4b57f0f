"""Lesson 6: learning one task."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, mine, right, same, wrong

mine.prepare(__name__)


def _case(seed):
    net = ms.SpikingNet((4, 4, 2), (3,), 3, kernel=3, window=12, dtype=np.float64, backend="numpy")
    rng = np.random.default_rng(seed)
    x = (rng.random((3, 12, 4, 4, 2)) < 0.3).astype(float)
    return net, net.init(rng, x=x), x, np.arange(3), rng


def _descend(net, theta, x, y, step, steps, again=True, unit=False, fade=False):
    losses, start = np.zeros(steps), net.loss_and_gradient(theta, x, y)[1]
    for n in range(steps):
        losses[n], gradient = net.loss_and_gradient(theta, x, y)
        theta = theta - step / (n + 1 if fade else 1) * (
            gradient / np.linalg.norm(gradient) if unit else gradient if again else start
        )
    return theta, losses


@kept("6.1")
def descend(function):
    """6.1: gradient descent."""
    net, theta, x, y, _ = _case(0)
    found, losses = answer("6.1", function, net, theta, x, y, 0.2, 3, returns=2)
    expected, expected_losses = _descend(net, theta, x, y, 0.2, 3)
    same(
        "6.1",
        "theta_N",
        found,
        expected,
        (
            (
                _descend(net, theta, x, y, -0.2, 3)[0],
                "you go uphill: theta minus the step size times the gradient",
            ),
            (_descend(net, theta, x, y, 1.0, 3)[0], "the gradient is multiplied by step_size"),
            (
                _descend(net, theta, x, y, 0.2, 3, again=False)[0],
                "the gradient is taken at every step anew, at the theta reached; yours keeps that "
                "of the start",
            ),
            (
                _descend(net, theta, x, y, 0.2, 3, unit=True)[0],
                "the step is as long as the gradient times step_size; yours has always one length",
            ),
            (
                _descend(net, theta, x, y, 0.2, 3, fade=True)[0],
                "step_size stays what it is; yours gets shorter from step to step",
            ),
            (theta, "theta has not moved"),
        ),
    )
    late = np.append(expected_losses[1:], net.loss(expected, x, y))
    same(
        "6.1",
        "losses",
        losses,
        expected_losses,
        (
            (
                late,
                "losses[0] is the loss at theta itself, before the first step; yours is taken "
                "after it",
            ),
        ),
    )
    right("6.1", "One line, repeated.")


def along(function):
    """6.2: the true and the surrogate loss on a line."""
    net, theta, x, y, rng = _case(1)
    d, ts = rng.standard_normal(net.size), np.array([-0.2, 0.0, 0.1, 0.3])
    true, twin = answer("6.2", function, net, theta, d, ts, x, y, returns=2)
    record = net.record(theta, x)
    expected = np.array([net.loss(theta + t * d, x, y) for t in ts])
    jet, smooth = (
        np.array([net.loss(theta + t * d, x, y, spike=form, record=record) for t in ts])
        for form in ("jet", "smooth")
    )
    if close(true, jet) and close(twin, jet):
        raise wrong("6.2", "both of yours are the twin's: the true loss is that of hard spikes")
    same(
        "6.2",
        "true",
        true,
        expected,
        ((jet, "true and twin are exchanged: return the true loss first"),),
    )
    same(
        "6.2",
        "twin",
        twin,
        jet,
        (
            (
                expected,
                "the twin is recorded once, at theta; recorded anew at every point it is the "
                "network itself",
            ),
            (
                smooth,
                "this is the smooth form, which has a soft spike everywhere; the twin is the form "
                '"jet"',
            ),
        ),
    )
    right("6.2", "Equal at t = 0, and the twin's slope there is the surrogate gradient.")


def flipped(function):
    """6.3: how many spikes come or go."""
    net = ms.SpikingNet(
        (4, 4, 2), (3,), 3, kernel=3, hidden=(5,), window=12, dtype=np.float64, backend="numpy"
    )
    x = _case(2)[2]
    rng = np.random.default_rng(2)
    theta = net.init(rng, x=x)
    moved = theta + 0.3 * rng.standard_normal(net.size)
    for name in ("conv1", "hidden1"):
        _flipped(function, net, theta, moved, x, name)
    right(
        "6.3",
        "The surrogate loss sees none of these flips; the true one jumps with those that reach the "
        "readout.",
    )


def _flipped(function, net, theta, moved, x, name):
    here, there = net.spikes(theta, x, name), net.spikes(moved, x, name)
    found = answer("6.3", function, net, theta, moved, x, name)
    if close(found, (here != there).sum()):
        raise wrong("6.3", "this is their number; asked for is the share, their mean")
    same(
        "6.3",
        "share",
        found,
        (here != there).mean(),
        (
            (
                abs(here.mean() - there.mean()),
                "spikes that come and spikes that go cancel in the activity; compare entry by "
                "entry",
            ),
            (
                here.mean() - there.mean(),
                "spikes that come and spikes that go cancel in the activity; compare entry by "
                "entry",
            ),
            (
                (net.spikes(theta, x, "conv1") != net.spikes(moved, x, "conv1")).mean(),
                "this is the share of conv1, whichever block is asked for: use `name`",
            ),
            (
                (here == there).mean(),
                "this is the share that stays; asked for is the share that differs",
            ),
        ),
    )


def slope_of_step(function):
    """6.4: the loss after one step, by the step size, against differences of the twin."""
    for seed, step in ((3, 0.3), (4, 0.05)):
        net, theta, x, y, _ = _case(seed)
        found = answer("6.4", function, net, theta, x, y, step)
        g = net.loss_and_gradient(theta, x, y)[1]
        end, h = theta - step * g, 1e-5
        record = net.record(end, x)
        up, down = (
            net.loss(theta - (step + s) * g, x, y, spike="jet", record=record) for s in (h, -h)
        )
        there = net.loss_and_gradient(end, x, y)[1]
        if found.ndim:
            raise wrong(
                "6.4",
                f"a slope is one number; yours has shape {found.shape}: an inner product makes one "
                "of two vectors",
            )
        same(
            "6.4",
            "slope",
            found,
            (up - down) / (2 * h),
            (
                (
                    -(g @ g),
                    "the slope is asked for where the step ends; yours is that at the start",
                ),
                (there @ g, "the minus is missing: the point moves along -g"),
                (
                    -(there @ there),
                    "the point moves along -g(theta), the old gradient, not the one found at its "
                    "end",
                ),
                (
                    -step * (there @ g),
                    "a slope by the step size: the point moves by -g for each unit of it; yours "
                    "has step_size once more",
                ),
                (
                    g @ g,
                    "the slope is asked for where the step ends, and the point moves along -g: the "
                    "minus is missing",
                ),
                (
                    -np.linalg.norm(there),
                    "not the steepest slope there: the slope along the way of the step",
                ),
            ),
            1e-5,
        )
    right(
        "6.4",
        "Where it is negative, a longer step would have been better: step sizes can be learned.",
    )
