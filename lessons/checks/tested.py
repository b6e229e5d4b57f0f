"""Tests that students write, judged by the functions that they let pass; and a bug of a student's,
judged by the tests that it gets past.

A test is handed a function, right or wrong, in a world of its own: what belongs to the function, and
an example. The constants of a world are not handed over, and differ from one to the next, so nobody
can compare with a solution of their own. A wrong function is a right one with a part changed
(slips.txt). A test says no by an `assert` that fails, or by returning False. Every other error is a
crash: at a right function it is a false alarm, and at a wrong one it finds nothing.
"""

import ast
import contextlib
import copy
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

import minisnn as ms
from minisnn.core.loss import softmax

from . import answer, close, diagnosis, right, surrogate, wrong
from .solutions import SOLUTIONS

NAMES = {
    "np": np,
    "step": surrogate.step,
    "sigma_prime": surrogate.sigma_prime,
    "sigma_second": surrogate.sigma_second,
}
OTHER = ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.7, threshold=0.3, slope=4.0)
SLOW = ms.LIF(alpha=0.7, beta=0.85, gamma=0.8, rho=0.6, threshold=-0.2, slope=2.5)

# what a test may take for true: exercise, a pattern of its source, what is said
MISREAD = (
    ("3.1t", r"\bf\(I,", "f takes the membrane, twin(I), and not I"),
    ("3.2t", r"\bforward\(f\(", "f is the adjoint of forward, and not its inverse"),
    ("7.2t", r"\bbackward\(u_dot,", "backward is not linear in u: how it moves is a difference"),
    (
        "8.2t",
        r"\bproduct\(theta\), gradient\(theta\)",
        "the gradient at theta is not H theta: H v is how it moves along v",
    ),
)


class Suspect(NamedTuple):
    """A function for a test: what it gets wrong, or what a right one is like; `given` makes it
    anew, with its world behind it."""

    habit: str
    right: bool
    given: Callable[[], tuple]


class Verdict(NamedTuple):
    """What became of the functions: found and survived are wrong ones, alarms are (right one, what
    the test said), crashes are errors other than AssertionError at wrong ones."""

    found: list[Suspect]
    survived: list[Suspect]
    alarms: list[tuple[Suspect, str]]
    crashes: list[str]


class Case(NamedTuple):
    """What an exercise has: its function's source, the worlds (what they are like, how they are
    made), and right functions that are written in another way."""

    source: str
    worlds: tuple[tuple[str, Callable[[Callable], tuple]], ...]
    others: tuple[tuple[str, str], ...] = ()


def suspects(exercise: str) -> list[Suspect]:
    """All functions for tests of an exercise: the right ones first."""
    source, worlds, others = CASES[exercise]
    found = [Suspect(what, True, _given(source, world)) for what, world in worlds]
    found += [Suspect(what, True, _given(other, worlds[-1][1])) for what, other in others]
    for n, (habit, changed) in enumerate(diagnosis.known(exercise, source)):
        found.append(Suspect(habit, False, _given(changed, worlds[n % len(worlds)][1])))
    return found


def _given(source: str, world: Callable[[Callable], tuple]) -> Callable[[], tuple]:
    return lambda: world(made(source))


def made(source: str) -> Callable:
    """The last function of a source, with names of its own."""
    space = dict(NAMES)
    exec(compile(source, "<suspect>", "exec"), space)
    return list(space.values())[-1]


def judge(exercise: str) -> Callable:
    """The check of a test that a student writes; with `hint` it says what the survivor of that
    number gets wrong."""

    def judged(test: Callable, hint: int = 0) -> None:
        found = verdict(exercise, test)
        if found.alarms:
            raise wrong(exercise, _alarm(exercise, found, hint, diagnosis.written(test)))
        if found.survived:
            raise wrong(exercise, _count(found, hint))
        many = len(found.found)
        text = f"Your test finds all {many} wrong functions and accuses no right one."
        right(exercise, text)

    return judged


def verdict(exercise: str, test: Callable) -> Verdict:
    """What a test says to each function. Raises Wrong where it is no test: it returns something
    else than True or False, changes what it is given, or never calls the function."""
    calls = [0]
    found = Verdict([], [], [], [])
    for one in suspects(exercise):
        said, crashed = asked(exercise, test, one, calls)
        if one.right and said:
            found.alarms.append((one, said))
        elif not one.right:
            (found.found if said and not crashed else found.survived).append(one)
            found.crashes.extend([said] * crashed)
    if not calls[0] and not found.alarms:
        raise wrong(exercise, "your test never calls the function that it is given")
    return found


def asked(exercise, test, suspect, calls) -> tuple[str, bool]:
    """(what the test says against a function, or "" if nothing; whether it is a crash)."""
    function, *rest = suspect.given()

    def counting(*arguments):
        calls[0] += 1
        return function(*arguments)

    before = copy.deepcopy([one for one in rest if isinstance(one, np.ndarray)])
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = test(counting, *rest)
    except (NotImplementedError, KeyboardInterrupt):
        raise
    except AssertionError as error:
        return f"its assert failed{_text(error)}", False
    except BaseException as error:
        return f"it stopped with {type(error).__name__}{_text(error)}", True
    after = [one for one in rest if isinstance(one, np.ndarray)]
    # a wrong function may have done it, a right one did not
    if suspect.right and not all(map(np.array_equal, before, after)):
        raise wrong(
            exercise,
            "your test changes one of its arguments; work on a copy, or whoever tests next is "
            "misled",
        )
    if answer is not None and not isinstance(answer, bool | np.bool_):
        raise wrong(
            exercise,
            f"a test returns nothing, or True or False; yours returns a {type(answer).__name__}",
        )
    return ("" if answer is None or answer else "it returned False"), False


def _text(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return f": {words[:120]}" if words else ""


def _count(found: Verdict, hint: int) -> str:
    left = len(found.survived)
    many = len(found.found) + len(found.survived)
    text = f"your test finds {len(found.found)} of {many} wrong functions, without a false alarm"
    if found.crashes:
        crash = f"; at {len(found.crashes)} {found.crashes[0]}, which says nothing of the function"
        text += f"{crash}: only an assert, or False, is a no"
    if not found.found:
        text += ": it says yes to all, and a no is an assert that fails, or False"
    if hint not in range(1, left + 1):
        return f"{text}. To hear what survivor 1 of {left} gets wrong, write (test, hint=1)"
    return f"{text}. Survivor {hint} of {left}: it {found.survived[hint - 1].habit}"


def _alarm(exercise: str, found: Verdict, hint: int, tree: ast.Module) -> str:
    one, said = found.alarms[0]
    many = f"{len(found.alarms)} right function{'s' * (len(found.alarms) > 1)}"
    text = f"a false alarm: your test accuses {many} ({said})"
    if hint:
        return f"{text}. The first of them is right, and {one.habit}"
    more = "It may expect numbers, a shape or a precision that not all of them have"
    if every := len(found.alarms) == sum(one.right for one in suspects(exercise)):
        more = (
            "It accuses all of them: the value that it expects is off, or its tolerance too small"
        )
        if found.survived:
            more = f"It accuses all of them, and lets one pass that {found.survived[0].habit}"
    if why := _misread(exercise * every, tree):
        more = f"The cause: {why}"
    return f"{text}. {more}; to hear of a right one, write (test, hint=1) in the check"


def _misread(exercise: str, tree: ast.Module) -> str:
    """What a test that accuses right functions takes for true, by its own source; `exercise` is empty
    where it accuses only some."""
    source = ast.unparse(tree)
    for number, pattern, said in MISREAD:
        if number == exercise and re.search(pattern, source):
            return said
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            compared = ast.unparse(node)
            if re.search(r"\bf\(", compared) and not re.search(r"shape|len\(|type", compared):
                what = f"`{compared}` asks for every last digit, and rounding changes that"
                return f"{what}: np.isclose takes a tolerance"
    return ""


def in_single(function: Callable) -> Callable:
    """The same function, whose answer has single precision."""
    return lambda *arguments: np.float32(function(*arguments))


def neurons(companion: Callable, size: float) -> tuple[tuple[str, Callable], ...]:
    """Worlds (f(...), companion, example) of four neurons, whose constants f knows."""

    def world(lif, shape, seed, kind=lambda f: f):
        def made_for(function):
            example = size * np.random.default_rng((40, seed)).standard_normal(shape)
            return kind(lambda *given: function(*given, lif)), companion(lif, example), example

        return made_for

    return (
        ("is that of the course's neuron", world(ms.LIF(), (20,), 0)),
        (
            "belongs to another neuron, with another threshold, slope and decays",
            world(OTHER, (31,), 1),
        ),
        ("belongs to another neuron, for arrays of shape (T, 2, 3)", world(SLOW, (17, 2, 3), 2)),
        (SINGLE, world(OTHER, (25,), 3, in_single)),
    )


def twin(lif, I):
    """The membrane, whose parabolas touch where I leads."""
    a0 = run(I, lif, lambda a, t: surrogate.step(a)) - lif.threshold
    return lambda moved: run(np.asarray(moved), lif, parabola(a0, lif))


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


def _traces(V, lif):
    """A pair of traces of V."""
    P, Q = np.zeros((len(V) + 1, *V.shape[1:])), 0.0
    for t in range(len(V)):
        P[t + 1] = lif.alpha * P[t] + (1 - lif.alpha) * Q
        Q = lif.beta * Q + (1 - lif.beta) * V[t]
    return P[:-1]


def pooling(size: tuple, shape: tuple, seed: int, kind: Callable = lambda f: f):
    """(f(u, dv), pool(u), u) of a maximum over patches."""

    def pool(u):
        (a, b), (H, W) = size, shape
        return np.asarray(u).reshape(H // a, a, W // b, b).max((1, 3))

    def world(function):
        u = np.random.default_rng((40, seed)).standard_normal(shape) - 0.5
        return kind(lambda u, dv: function(u, dv, size)), pool, u

    return world


def curved(lif, shape: tuple, seed: int):
    """(product(v), gradient(w), w) of a neuron with several samples, by its jet twin."""
    rng = np.random.default_rng((40, seed))
    P = rng.standard_normal(shape)
    y = rng.random(shape[0])
    w = rng.standard_normal(shape[1])
    a0 = P @ w - lif.threshold
    spike = parabola(a0[None], lif)

    def gradient(w):
        a = P @ np.asarray(w) - lif.threshold
        first = surrogate.sigma_prime(a0, lif.slope)
        second = surrogate.sigma_second(a0, lif.slope)
        return P.T @ ((spike(a, 0) - y) * (first + second * (a - a0))) / len(y)

    return lambda function: (lambda v: function(v, P, a0, y, lif.slope), gradient, w)


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
        p = softmax(x @ theta.reshape(self.shape))
        moved = x @ v.reshape(self.shape)
        p_dot = p * (moved - (p * moved).sum(1, keepdims=True))
        return (x.T @ p_dot / len(y)).ravel()


def learning(inputs: int, ways: int, a: float, steps: int, seed: int):
    """(f(thetas), path(theta), loss(theta), theta) of a learner that makes so many steps."""
    net = Model(inputs, ways)
    rng = np.random.default_rng((40, seed))
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
SINGLE = "answers in single precision, seven digits"
CASES = {
    "3.1t": Case(SOLUTIONS["3.1"], neurons(twin, 0.4)),
    "3.2t": Case(
        SOLUTIONS["3.2"],
        neurons(lambda lif, _: lambda V: _traces(np.asarray(V), lif), 1.0),
        (("is written as a double loop, without traces", LOOPED),),
    ),
    "5.1t": Case(
        POOL,
        (
            ("pools 2 x 2", pooling((2, 2), (6, 8), 0)),
            ("pools 3 x 2", pooling((3, 2), (9, 4), 1)),
            ("pools 2 x 4, and " + SINGLE, pooling((2, 4), (4, 16), 2, in_single)),
        ),
    ),
    "7.2t": Case(
        SOLUTIONS["7.2"],
        neurons(lambda lif, _: lambda u, dy: made(SOLUTIONS["3.1"])(u, dy, lif), 0.4),
    ),
    "8.2t": Case(
        PRODUCT,
        (
            ("belongs to one neuron with 12 samples", curved(ms.LIF(slope=5.0), (12, 4), 0)),
            ("belongs to one neuron with other constants and 9 weights", curved(OTHER, (15, 9), 1)),
            ("belongs to one neuron with 3 weights", curved(SLOW, (7, 3), 2)),
        ),
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
    "16.5t": Case(
        SOLUTIONS["16.5"], (("is the course's own", lambda function: (function,)),), MEANS
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


ZETA, ETA = 0.9, 0.7
TESTS = (  # (what it asks, the test); the last is the solution of exercise 3.1t
    (
        "whether there is one finite number for each membrane",
        "def test(f, twin, I):\n    dI = f(twin(I), 0 * I + 1)\n"
        "    assert dI.shape == I.shape and np.isfinite(dI).all()",
    ),
    (
        "whether no blame from above makes no blame below",
        "def test(f, twin, I):\n    assert not f(twin(I), 0 * I).any()",
    ),
    (
        "whether the last step, which has no future, gets what it is given",
        "def test(f, twin, I):\n    dy = np.random.default_rng(1).standard_normal(I.shape)\n"
        "    assert np.allclose(f(twin(I), dy)[-1], dy[-1])",
    ),
    (
        "whether blame goes back in time only",
        "def test(f, twin, I):\n    dy = 0 * I\n    dy[5] = 1\n"
        "    assert not f(twin(I), dy)[6:].any()",
    ),
    (
        "whether blame of two sources adds up",
        "def test(f, twin, I):\n    u, (one, two) = twin(I), "
        "np.random.default_rng(2).standard_normal((2, *I.shape))\n"
        "    assert np.allclose(f(u, one) - 3 * f(u, two), f(u, one - 3 * two))",
    ),
    (
        "whether its arguments are left as they are, and the same call gives the same",
        "def test(f, twin, I):\n    u, dy = twin(I), I[::-1].copy()\n    first = f(u, dy).copy()\n"
        "    assert (dy == I[::-1]).all() and (u == twin(I)).all() and (f(u, dy) == first).all()",
    ),
    (
        "for each step, one after the other, whether differences of the twin agree",
        "def test(f, twin, I):\n    dy = np.random.default_rng(3).standard_normal(I.shape)\n"
        "    dI, h = f(twin(I), dy), 1e-5\n    for t in range(len(I)):\n        d = 0 * I\n"
        "        d[t] = 1\n        numeric = (dy * (twin(I + h * d) - twin(I - h * d))).sum()\n"
        "        assert np.isclose(dI[t].sum(), numeric / (2 * h), 1e-4, 1e-6)",
    ),
    ("whether differences of the twin agree, along one direction", SOLUTIONS["3.1t"]),
)


def worlds(bug: Callable) -> list[Suspect]:
    """The bug, as the tests meet it: three neurons that get tired."""

    def given(lif, shape, seed):
        I = np.random.default_rng((40, seed)).standard_normal(shape)
        tired = (ZETA, ETA)
        a0 = run(I, lif, lambda a, t: surrogate.step(a), *tired) - lif.threshold
        own = lambda u, dy: bug(u, dy, lif, *tired)
        return own, lambda moved: run(np.asarray(moved), lif, parabola(a0, lif), *tired), I

    kinds = {
        "": (ms.LIF(), (20,), 0),
        ", at a neuron with other constants": (OTHER, (40,), 1),
        ", at several neurons with other constants": (SLOW, (24, 2, 3), 2),
    }
    return [Suspect(at, False, lambda kind=kind: given(*kind)) for at, kind in kinds.items()]


def fresh() -> list[tuple[str, tuple, np.ndarray]]:
    """(what it is like, arguments, the right answer) of inputs that no test has."""
    solution = made(SOLUTIONS["17.4"])
    rng = np.random.default_rng(17)
    found = []
    kinds = (
        ("300 steps", (300,), 1.0, 1.0, OTHER),
        ("a single step", (1,), 1.0, 1.0, OTHER),
        ("two steps", (2,), 1.0, 1.0, SLOW),
        ("membranes far from the threshold", (40,), 1e9, 1.0, ms.LIF()),
        ("membranes close to the threshold", (40,), 0.01, 1.0, replace(OTHER, threshold=0.0)),
        ("membranes at the threshold", (40,), 0.0, 1.0, replace(SLOW, threshold=0.0)),
        ("large blame", (40,), 1.0, 1e4, OTHER),
        ("small blame", (40,), 1.0, 1e-4, SLOW),
        ("many neurons", (15, 12, 300), 1.0, 1.0, SLOW),
        ("a neuron that never fires", (60,), 0.1, 1.0, replace(OTHER, threshold=3.0)),
        ("a neuron that always fires", (60,), 0.1, 1.0, replace(OTHER, threshold=-3.0)),
        ("a soft surrogate", (40,), 1.0, 1.0, replace(SLOW, slope=0.1)),
        ("a reset that fades at once", (40,), 1.0, 1.0, replace(OTHER, gamma=0.0)),
        ("a reset of great strength", (40,), 1.0, 1.0, replace(OTHER, rho=9.0)),
    )
    for what, shape, size, blame, lif in kinds:
        for zeta, eta in ((0.99, 0.5), (0.3, 2.0), (0.9999, 1e4)):
            u, dy = rng.standard_normal((2, *shape))
            arguments = size * u, blame * dy, lif, zeta, eta
            found.append((what, arguments, solution(*copy.deepcopy(arguments))))
    return found


def slipped(exercise: str, bug: Callable) -> None:
    """Say past how many tests a wrong function gets, and on how many fresh inputs it is wrong."""
    tests = [(asks, made(source)) for asks, source in TESTS]
    caught = {
        asks: one.habit
        for asks, test in tests
        for one in reversed(worlds(bug))
        if asked(exercise, test, one, [0])[0]
    }
    past = f"it gets past {len(TESTS) - len(caught)} of {len(TESTS)} tests"
    inputs = fresh()
    seen = [what for what, given, wanted in inputs if _shows(exercise, bug, given, wanted)]
    if caught:
        asks, at = next(iter(caught.items()))
        raise wrong(exercise, f"{past}; one that catches it asks {asks}{at}")
    if not seen:
        more = "They are longer, shorter, larger, smaller or more, or have other constants"
        text = f"on {len(inputs)} fresh inputs it is right: a bug shows somewhere. {more}"
        raise wrong(exercise, f"{past}, but {text}")
    right(
        exercise,
        f"Your bug gets past all {len(TESTS)} tests, and is wrong on {len(seen)} of {len(inputs)} "
        f"fresh inputs, first on this: {seen[0]}. A test knows what its author thought of.",
    )


def _shows(exercise, bug, given, wanted) -> bool:
    """Whether the bug answers wrongly here. Raises Wrong where it does not answer in numbers."""
    blame = np.abs(given[1]).max()
    found = answer(exercise, bug, *given)
    if found.shape != wanted.shape:
        raise wrong(exercise, "bug must return numbers, an array as large as u")
    return not close(found / blame, wanted / blame, 1e-6)
