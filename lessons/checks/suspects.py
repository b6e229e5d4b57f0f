"""The functions that students' tests are judged by: right ones and wrong ones, each in a world of
its own.

A world is what a test is handed beside the function: an example, and a function that is right. The
constants of a world are not handed over, and differ from one to the next. So nobody can compare
with a solution of their own. A wrong function is the course's solution, or one like it, with a part
changed: suspects.txt.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

import minisnn as ms
from minisnn.core.loss import softmax

from . import surrogate
from .solutions import SOLUTIONS

LIST = Path(__file__).with_name("suspects.txt")
NAMES = {
    "np": np,
    "step": surrogate.step,
    "sigma_prime": surrogate.sigma_prime,
    "sigma_second": surrogate.sigma_second,
}
OTHER = ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.7, threshold=0.3, slope=4.0)
SLOW = ms.LIF(alpha=0.7, beta=0.85, gamma=0.8, rho=0.6, threshold=-0.2, slope=2.5)


class Suspect(NamedTuple):
    """A function for a test: what it gets wrong, or what a right one is like; `given` makes it
    anew, with its world behind it."""

    habit: str
    right: bool
    given: Callable[[], tuple]


class Case(NamedTuple):
    """What an exercise has: its function's source, the worlds (what they are like, how they are
    made), right functions that are written in another way, and worlds where none is wrong."""

    source: str
    worlds: tuple[tuple[str, Callable[[Callable], tuple]], ...]
    others: tuple[tuple[str, str], ...] = ()
    alone: tuple[tuple[str, Callable[[Callable], tuple]], ...] = ()


def suspects(exercise: str) -> list[Suspect]:
    """All functions for tests of an exercise: the right ones first."""
    case = CASES[exercise]
    everywhere = (*case.worlds, *case.alone)
    found = [Suspect(what, True, _given(case.source, world)) for what, world in everywhere]
    _, last = case.worlds[-1]
    found += [Suspect(what, True, _given(source, last)) for what, source in case.others]
    for n, (part, other, habit) in enumerate(listed(exercise)):
        _, world = case.worlds[n % len(case.worlds)]
        found.append(Suspect(habit, False, _given(case.source.replace(part, other), world)))
    return found


@cache
def listed(exercise: str) -> tuple[tuple[str, str, str], ...]:
    """(part of the source, what stands there instead, what is wrong with it) of an exercise."""
    lines = (line.split(" | ") for line in LIST.read_text(encoding="utf-8").splitlines())
    return tuple(
        (part.replace("\\n", "\n"), other.replace("\\n", "\n"), habit)
        for number, part, other, habit in (line for line in lines if len(line) == 4)
        if number == exercise
    )


def _given(source: str, world: Callable[[Callable], tuple]) -> Callable[[], tuple]:
    return lambda: world(made(source))


def made(source: str) -> Callable:
    """The last function of a source, with names of its own."""
    space = dict(NAMES)
    exec(compile(source, "<suspect>", "exec"), space)
    return list(space.values())[-1]


def in_single(function: Callable) -> Callable:
    """The same function, whose answer has single precision."""
    return lambda *arguments: np.float32(function(*arguments))


# worlds: each takes the exercise's function, and returns what a test is handed


def membrane(lif, shape: tuple, seed: int, kind: Callable = lambda f: f):
    """(f(u, dy), twin(I), I) of a neuron: the twin's parabolas touch where I leads."""

    def world(function):
        I = 0.4 * np.random.default_rng((40, seed)).standard_normal(shape)
        a0 = run(I, lif, lambda a, t: surrogate.step(a)) - lif.threshold
        own = kind(lambda u, dy: function(u, dy, lif))
        return own, lambda moved: run(np.asarray(moved), lif, parabola(a0, lif)), I

    return world


def run(I: np.ndarray, lif, spike: Callable, *tired: float) -> np.ndarray:
    """The membrane of a neuron whose spikes are spike(u - threshold, t); `tired` are the decay and
    strength of a second reset."""
    zeta, eta = tired or (0.0, 0.0)
    u, r, z = np.zeros(I.shape), 0.0, 0.0
    for t in range(len(I)):
        u[t] = I[t] - lif.rho * r - eta * z
        s = spike(u[t] - lif.threshold, t)
        r = lif.gamma * r + (1 - lif.gamma) * s
        z = zeta * z + (1 - zeta) * s
    return u


def parabola(a0: np.ndarray, lif) -> Callable:
    """The jet form of spikes that were recorded at a0 = u - threshold."""
    return lambda a, t: surrogate.jet(a, a0[t], lif.slope)


def synapse(lif, shape: tuple, seed: int, kind: Callable = lambda f: f):
    """(f(dI), forward(V), V) of a pair of traces."""

    def world(function):
        V = np.random.default_rng((40, seed)).standard_normal(shape)
        return kind(lambda dI: function(dI, lif)), lambda V: _traces(np.asarray(V), lif), V

    return world


def _traces(V, lif):
    P, Q = np.zeros((len(V) + 1, *V.shape[1:])), 0.0
    for t in range(len(V)):
        P[t + 1] = lif.alpha * P[t] + (1 - lif.alpha) * Q
        Q = lif.beta * Q + (1 - lif.beta) * V[t]
    return P[:-1]


def pooling(size: tuple, shape: tuple, seed: int, kind: Callable = lambda f: f, sharp=None):
    """(f(u, dv), pool(u), u) of a maximum over patches, a soft one where it has a sharpness."""

    def pool(u):
        u = np.asarray(u)
        (a, b), (H, W) = size, u.shape
        patches = u.reshape(H // a, a, W // b, b)
        if sharp is None:
            return patches.max((1, 3))
        return np.log(np.exp(sharp * patches).sum((1, 3))) / sharp

    def world(function):
        u = np.random.default_rng((40, seed)).standard_normal(shape) - 0.5
        if sharp is None:
            return kind(lambda u, dv: function(u, dv, size)), pool, u
        return kind(lambda u, dv: _soft(u, dv, size, sharp)), pool, u

    return world


def _soft(u, dv, size, sharp):
    over = np.ones(size)
    e = np.exp(sharp * u)
    sums = e.reshape(dv.shape[0], size[0], dv.shape[1], size[1]).sum((1, 3))
    return e * np.kron(dv / sums, over)


def moving(lif, shape: tuple, seed: int, kind: Callable = lambda f: f):
    """(f(u, u_dot, dy, dy_dot), backward(u, dy), u) of a membrane."""
    backward = made(SOLUTIONS["3.1"])

    def world(function):
        u = 0.4 * np.random.default_rng((40, seed)).standard_normal(shape)
        own = kind(lambda u, u_dot, dy, dy_dot: function(u, u_dot, dy, dy_dot, lif))
        return own, lambda u, dy: backward(u, dy, lif), u

    return world


def curved(lif, shape: tuple, seed: int):
    """(product(v), gradient(w), w) of a neuron with several samples, by its jet twin."""
    rng = np.random.default_rng((40, seed))
    P, y = rng.standard_normal(shape), rng.random(shape[0])
    w = rng.standard_normal(shape[1])
    a0 = P @ w - lif.threshold
    spike = parabola(a0[None], lif)

    def gradient(w):
        a = P @ np.asarray(w) - lif.threshold
        first = surrogate.sigma_prime(a0, lif.slope)
        second = surrogate.sigma_second(a0, lif.slope)
        return P.T @ ((spike(a, 0) - y) * (first + second * (a - a0))) / len(y)

    return lambda function: (lambda v: function(v, P, a0, y, lif.slope), gradient, w)


def layered(seed: int):
    """(product(v), gradient(theta), theta) of a network of two layers, by the library."""
    net = ms.SpikingNet(5, (), 3, hidden=(4,), window=15, dtype=np.float64, backend="numpy")
    rng = np.random.default_rng((40, seed))
    x, y = (rng.random((6, 15, 5)) < 0.3) * 1.0, np.repeat(np.arange(3), 2)
    theta = 2 * net.init(rng, x=x)
    record = net.record(theta, x)

    def gradient(theta):
        return net.loss_and_gradient(np.asarray(theta), x, y, spike="jet", record=record)[1]

    return lambda _: (lambda v: net.hessian_vector_product(theta, x, y, v), gradient, theta)


class Model:
    """A softmax regression: the two methods that `back` asks a network for."""

    def __init__(self, inputs: int, ways: int):
        self.shape = inputs, ways

    def loss(self, theta, x, y):
        p = softmax(x @ theta.reshape(self.shape))
        return -np.log(p[np.arange(len(y)), y]).mean()

    def loss_and_gradient(self, theta, x, y):
        p = softmax(x @ theta.reshape(self.shape))
        off = p - np.eye(self.shape[1])[y]
        return self.loss(theta, x, y), (x.T @ off / len(y)).ravel()

    def hessian_vector_product(self, theta, x, y, v):
        p, moved = softmax(x @ theta.reshape(self.shape)), x @ v.reshape(self.shape)
        p_dot = p * (moved - (p * moved).sum(1, keepdims=True))
        return (x.T @ p_dot / len(y)).ravel()


def learning(inputs: int, ways: int, a: float, steps: int, seed: int):
    """(f(thetas), path(theta), loss(theta), theta) of a learner that makes so many steps."""
    net, rng = Model(inputs, ways), np.random.default_rng((40, seed))
    y = np.arange(3 * ways) % ways
    x, q = rng.standard_normal((2, len(y), inputs))
    task = ms.Task(x, y, q, y)

    def path(theta):
        thetas = [np.asarray(theta, float)]
        for _ in range(steps):
            thetas.append(thetas[-1] - a * net.loss_and_gradient(thetas[-1], x, y)[1])
        return thetas

    def world(function):
        theta = np.random.default_rng((40, seed)).standard_normal(inputs * ways)
        own = lambda thetas: function(net, [np.asarray(one) for one in thetas], task, a)
        return own, path, lambda theta: net.loss(np.asarray(theta), q, y), theta

    return world


def integers(k: int, least: int, high: int, dtype=np.int64):
    """(f(W, G, noise), k) of a chip that writes whole numbers."""

    def world(function):
        def own(W, G, noise):
            W, G, noise = (np.asarray(one) for one in (W, G, noise))
            return function(W.astype(dtype), G, k, least, noise, high)

        return own, k

    return world


POOL = """def pool_backward(u, dv, size):
    du, (a, b) = np.zeros(u.shape), size
    for h, v in np.ndindex(dv.shape):
        i, j = divmod(u[a * h:a * h + a, b * v:b * v + b].argmax(), b)
        du[a * h + i, b * v + j] = dv[h, v]
    return du
"""
PRODUCT = """def product(v, P, a, y, slope):
    s, first, second = step(a), sigma_prime(a, slope), sigma_second(a, slope)
    return P.T @ ((first ** 2 + (s - y) * second) * (P @ v)) / len(y)
"""
MEANS = (
    (
        "has half of what the course has, W = c and b = -|c|^2 / 2",
        """def f(p, y, ways):
    p, y = np.asarray(p), np.asarray(y)
    c = np.array([p[y == k].mean(0) for k in range(ways)])
    return c.T, -0.5 * (c ** 2).sum(1)
""",
    ),
    (
        "adds one number to all biases, which no answer hears",
        """def f(p, y, ways):
    p, y = np.asarray(p), np.asarray(y)
    c = np.array([p[y == k].mean(0) for k in range(ways)])
    b = -(c ** 2).sum(1)
    return 8 * c.T, 4 * (b - b.min())
""",
    ),
    (
        "measures from the middle of all classes",
        """def f(p, y, ways):
    p, y = np.asarray(p), np.asarray(y)
    c = np.array([p[y == k].mean(0) for k in range(ways)])
    d = c - c.mean(0)
    return 2 * d.T, -(c ** 2).sum(1) + (c.mean(0) ** 2).sum()
""",
    ),
)
LOOPED = """def filter_backward(dI, lif):
    dV = np.zeros(dI.shape)
    for t in range(len(dI)):
        for k in range(2, len(dI) - t):
            ways = sum(lif.alpha ** n * lif.beta ** (k - 2 - n) for n in range(k - 1))
            dV[t] += (1 - lif.alpha) * (1 - lif.beta) * ways * dI[t + k]
    return dV
"""
CALLING = """def back(net, thetas, task, a):
    def blame(n):
        if n == len(thetas) - 1:
            return net.loss_and_gradient(thetas[n], task.x_query, task.y_query)[1]
        later = blame(n + 1)
        bent = net.hessian_vector_product(thetas[n], task.x_support, task.y_support, later)
        return later - a * bent
    return blame(0)
"""
DIVIDING = """def update(W, G, k, least, noise, high):
    D = np.floor_divide(G + noise, 2 ** k) * (np.abs(G) > least)
    return np.minimum(np.maximum(W - D, -1 - high), high)
"""
HERE, LONGER, MANY, SINGLE = (
    "is that of the course's neuron",
    "belongs to another neuron, with another threshold, slope and decays",
    "belongs to another neuron, for arrays of shape (T, 2, 3)",
    "answers in single precision, seven digits",
)
CASES = {
    "3.1t": Case(
        SOLUTIONS["3.1"],
        (
            (HERE, membrane(ms.LIF(), (20,), 0)),
            (LONGER, membrane(OTHER, (31,), 1)),
            (MANY, membrane(SLOW, (17, 2, 3), 2)),
            (SINGLE, membrane(OTHER, (25,), 3, in_single)),
        ),
    ),
    "3.2t": Case(
        SOLUTIONS["3.2"],
        (
            (HERE, synapse(ms.LIF(), (30,), 0)),
            (LONGER, synapse(OTHER, (21,), 1)),
            (MANY, synapse(SLOW, (18, 2, 3), 2)),
            (SINGLE, synapse(OTHER, (25,), 3, in_single)),
        ),
        (("is written as a double loop, without traces", LOOPED),),
    ),
    "5.1t": Case(
        POOL,
        (
            ("pools 2 x 2", pooling((2, 2), (6, 8), 0)),
            ("pools 3 x 2", pooling((3, 2), (9, 4), 1)),
            ("pools 2 x 4, and " + SINGLE, pooling((2, 4), (4, 16), 2, in_single)),
        ),
        alone=(("pools by a soft maximum", pooling((2, 2), (4, 6), 3, sharp=2.0)),),
    ),
    "7.2t": Case(
        SOLUTIONS["7.2"],
        (
            (HERE, moving(ms.LIF(), (20,), 0)),
            (LONGER, moving(OTHER, (31,), 1)),
            (MANY, moving(SLOW, (17, 2, 3), 2)),
            (SINGLE, moving(OTHER, (25,), 3, in_single)),
        ),
    ),
    "8.2t": Case(
        PRODUCT,
        (
            ("belongs to one neuron with 12 samples", curved(ms.LIF(slope=5.0), (12, 4), 0)),
            ("belongs to one neuron with other constants and 9 weights", curved(OTHER, (15, 9), 1)),
            ("belongs to one neuron with 3 weights", curved(SLOW, (7, 3), 2)),
        ),
        alone=(("belongs to a network of two layers", layered(3)),),
    ),
    "10.2t": Case(
        SOLUTIONS["10.2"],
        (
            ("goes back two steps", learning(3, 3, 2.0, 2, 0)),
            (
                "goes back three steps of another size, with other classes",
                learning(4, 2, 1.3, 3, 1),
            ),
            ("goes back five short steps", learning(2, 4, 0.4, 5, 2)),
        ),
        (("is written as a function that calls itself", CALLING),),
    ),
    "12.4t": Case(
        SOLUTIONS["12.4"], (("is the course's own", lambda function: (function,)),), MEANS
    ),
    "15.2t": Case(
        SOLUTIONS["15.2"],
        (
            ("has words of 8 bits, a gate at 40, and k = 6", integers(6, 40, 127)),
            ("has words of 12 bits, a gate at 11, and k = 5", integers(5, 11, 2047, np.int32)),
            ("has words of 10 bits, no gate, and k = 7", integers(7, 0, 511)),
        ),
        (("is written with other words, without a shift", DIVIDING),),
    ),
}
