"""What the checks hold for right is right: the course's solutions agree with the library, and with
differences of a smooth twin where they are derivatives."""

from dataclasses import replace

import numpy as np
import plain_integers
import pytest
from checks import lesson04, lesson05, lesson10, lesson15, surrogate, tested
from checks.diagnosis import copied, solution

import minisnn as ms
from minisnn.core import linear
from minisnn.core.loss import cross_entropy_backward, membranes_back

LIF = ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0)


def chip_error(u, label):
    return plain_integers.error("softmax", u.tolist(), label)


def readout_back(dlogits, u, readout, lif):
    return membranes_back(readout, dlogits, u, lif.jet("hard"))


@pytest.mark.parametrize(
    "check, number, reference",
    [
        (lesson04.by_strides, "4.1", lambda x, w: linear.conv(x.astype(float), w)),
        (lesson04.by_events, "4.2", lambda x, w: linear.conv(x.astype(float), w)),
        (lesson05.loss_backward, "5.2", cross_entropy_backward),
        (lesson05.readout_backward, "5.5", readout_back),
        (lesson15.error, "15.1", chip_error),
    ],
)
def test_a_solution_does_what_the_library_does(check, number, reference):
    for arguments in check.cases():
        expected = reference(*copied(list(arguments)))
        assert np.allclose(solution(number)(*arguments), expected, 1e-12, 1e-12)


def chip(i, spike):
    w, v = np.zeros(i.shape), 0.0
    for t in range(len(i)):
        w[t] = LIF.alpha * v + (1 - LIF.alpha) * i[t]
        v = w[t] * (1 - spike(w[t] - LIF.threshold, t))
    return w


DRIVE = np.random.default_rng(3).standard_normal(30) * 0.4


def reset(gamma, spike):
    return tested.run(DRIVE, replace(LIF, gamma=gamma), spike)


def tired(I, spike):
    return tested.run(I, LIF, spike, 0.9, 1.7)


def hearing(D, V, spike):
    u = np.zeros(D.shape)
    P = np.zeros(3)
    Q = np.zeros(3)
    for t in range(len(D)):
        u[t] = P
        given = D[t] + spike(P - LIF.threshold, t) @ V
        P = LIF.alpha * P + (1 - LIF.alpha) * Q
        Q = LIF.beta * Q + (1 - LIF.beta) * given
    return u


def leaky(x, V, decay, spike):
    u = np.zeros(x.shape)
    before = np.zeros(3)
    s = np.zeros(3)
    for t in range(len(x)):
        u[t] = decay * before + (1 - decay) * (x[t] + s @ V)
        before = u[t]
        s = spike(u[t] - LIF.threshold, t)
    return u


def twin(run, *start):
    """(the recorded membranes, how they move per unit along directions of the arguments), with
    each spike replaced by its parabola."""
    u = run(*start, lambda a, t: surrogate.step(a))
    jet = lambda a, t: surrogate.jet(a, u[t] - LIF.threshold, LIF.slope)

    def motion(*directions):
        ends = [run(*(x + h * d for x, d in zip(start, directions)), jet) for h in (1e-5, -1e-5)]
        return (ends[0] - ends[1]) / 2e-5

    return u, motion


def test_adjoints_and_tangents_agree_with_the_twin(rng):
    x, d, dy = rng.standard_normal((3, 25, 3))
    V, dV, decay = *rng.standard_normal((2, 3, 3)), 0.7
    u, motion = twin(chip, 2 * x)
    pairs = [((solution("3.4")(u, dy, LIF) * d).sum(), (dy * motion(d)).sum())]
    u, motion = twin(tired, x)
    pairs.append(((solution("17.4")(u, dy, LIF, 0.9, 1.7) * d).sum(), (dy * motion(d)).sum()))
    u, motion = twin(hearing, 3 * x, V)
    by_V, by_D = solution("13.2")(u, dy, V, LIF)
    pairs.append(((by_V * dV).sum() + (by_D * d).sum(), (dy * motion(d, dV)).sum()))
    u, motion = twin(leaky, x, V, decay)
    by_V, by_decay = solution("13.3")(x, u, dy, V, decay, LIF)
    pairs.append(((by_V * dV).sum() + by_decay, (dy * motion(0 * x, dV, 1.0)).sum()))
    u, motion = twin(reset, LIF.gamma)
    s = surrogate.step(u - LIF.threshold) * 1.0
    weights = np.arange(30.0)
    pairs.append((solution("7.4")(u, s, LIF) @ weights, motion(1.0) @ weights))
    for found, expected in pairs:
        assert expected and found == pytest.approx(expected, rel=1e-5)


def test_derivatives_of_smooth_functions_agree_with_differences():
    rng, h = np.random.default_rng(1), 1e-6
    x, dx = rng.standard_normal((2, 4, 6))
    dv = rng.standard_normal((2, 3))
    w = rng.standard_normal((3, 3, 2, 4))
    slope = lambda f, at, way: (f(at + h * way) - f(at - h * way)) / (2 * h)
    pooled = lambda u: (np.log(np.exp(u.reshape(2, 2, 3, 2)).sum((1, 3))) * dv).sum()
    pairs = [((solution("5.4")(x, dv) * dx).sum(), slope(pooled, x, dx))]
    picture, way = rng.standard_normal((2, 5, 6, 2))
    dV = rng.standard_normal((5, 6, 4))
    felt = lambda picture: (linear.conv(picture, w) * dV).sum()
    pairs.append(((solution("4.4")(w, dV) * way).sum(), slope(felt, picture, way)))
    trace = solution("1.1")
    traced = lambda decay: x[0] @ trace(x[1], decay)
    pairs.append((solution("13.1")(x[1], x[0], 0.6), slope(traced, 0.6, 1.0)))
    pairs.append((solution("1.4")(x[1], 0.6) @ x[0], slope(traced, 0.6, 1.0)))
    for found, expected in pairs:
        assert found == pytest.approx(expected, rel=1e-6)
    a, p, y = 0.12, x[0], 0.0
    first = surrogate.sigma_prime(a, 4.0)
    second = surrogate.sigma_second(a, 4.0)
    gradient = lambda d: (1 + first * d + second * d**2 / 2 - y) * (first + second * d) * p
    expected = (gradient(h * (p @ dx[0])) - gradient(-h * (p @ dx[0]))) / (2 * h)
    assert np.allclose(solution("8.4")(p, a, y, 4.0) @ dx[0], expected, 1e-6)


def test_gradients_through_learning_agree_with_the_twin():
    net, thetas, task, a, c = next(lesson10.back_tied.cases())
    records = [net.record(theta, task.x_support) for theta in thetas[:-1]]
    last = net.record(thetas[-1], task.x_query)

    def after(theta, spring):
        start = theta
        for record in records:
            twin = {"spike": "jet", "record": record}
            g = net.loss_and_gradient(theta, task.x_support, task.y_support, **twin)[1]
            theta = theta - a * (g + spring * (theta - start))
        return net.loss(theta, task.x_query, task.y_query, spike="jet", record=last)

    way = np.random.default_rng(2).standard_normal(net.size) / np.sqrt(net.size)
    found = solution("10.3")(net, thetas, task, a, c) @ way
    slope = (after(thetas[0] + 1e-5 * way, c) - after(thetas[0] - 1e-5 * way, c)) / 2e-5
    assert found == pytest.approx(slope, rel=1e-6)
    x, y = task.x_support, task.y_support
    g = net.loss_and_gradient(thetas[0], x, y)[1]
    end = net.record(thetas[0] - 0.3 * g, x)
    losses = [net.loss(thetas[0] - s * g, x, y, spike="jet", record=end) for s in (0.3001, 0.2999)]
    found = solution("6.4")(net, thetas[0], x, y, 0.3)
    assert found == pytest.approx((losses[0] - losses[1]) / 2e-4, rel=1e-5)


def test_a_walk_down_the_layers_gives_the_gradient():
    for net, theta, tapes, dlogits in lesson05.backward.cases():
        x = (np.random.default_rng(3).random((3, 12, 4, 4, 2)) < 0.3).astype(float)
        expected = net.loss_and_gradient(theta, x, np.arange(3))[1]
        assert np.allclose(solution("5.3")(net, theta, tapes, dlogits), expected, 1e-12, 1e-15)
