"""A bug that a student builds, and the course's tests, past which it is to slip."""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np

import minisnn as ms

from . import close, right, surrogate, wrong
from .solutions import SOLUTIONS
from .suspects import OTHER, SLOW, Suspect, made, parabola, run
from .tested import Counted, asked

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
    kinds = (ms.LIF(), (20,), 0), (OTHER, (40,), 1), (SLOW, (24, 2, 3), 2)
    return [Suspect("", False, _world(bug, *kind)) for kind in kinds]


def _world(bug, lif, shape, seed):
    def given():
        I = np.random.default_rng((40, seed)).standard_normal(shape)
        tired = ZETA, ETA
        a0 = run(I, lif, lambda a, t: surrogate.step(a), *tired) - lif.threshold
        twin = lambda moved: run(np.asarray(moved), lif, parabola(a0, lif), *tired)
        return lambda u, dy: bug(u, dy, lif, *tired), twin, I

    return given


def fresh() -> list[tuple[str, tuple, np.ndarray]]:
    """(what it is like, arguments, the right answer) of inputs that no test has."""
    solution = made(SOLUTIONS["17.4"])
    rng, found = np.random.default_rng(17), []
    kinds = (
        ("300 steps", (300,), 1.0, 1.0, OTHER),
        ("a single step", (1,), 1.0, 1.0, OTHER),
        ("two steps", (2,), 1.0, 1.0, SLOW),
        ("membranes far from the threshold", (40,), 30.0, 1.0, ms.LIF()),
        ("membranes close to the threshold", (40,), 0.01, 1.0, replace(OTHER, threshold=0.0)),
        ("membranes at the threshold", (40,), 0.0, 1.0, replace(SLOW, threshold=0.0)),
        ("large blame", (40,), 1.0, 1e4, OTHER),
        ("small blame", (40,), 1.0, 1e-4, SLOW),
        ("many neurons", (15, 8, 12), 1.0, 1.0, SLOW),
        ("a neuron that never fires", (60,), 0.1, 1.0, replace(OTHER, threshold=3.0)),
        ("a neuron that always fires", (60,), 0.1, 1.0, replace(OTHER, threshold=-3.0)),
        ("a soft surrogate", (40,), 1.0, 1.0, replace(SLOW, slope=0.1)),
        ("a reset that fades at once", (40,), 1.0, 1.0, replace(OTHER, gamma=0.0)),
        ("a reset of great strength", (40,), 1.0, 1.0, replace(OTHER, rho=9.0)),
    )
    for what, shape, size, blame, lif in kinds:
        for zeta, eta in ((0.99, 0.5), (0.3, 2.0), (0.9999, 0.5)):
            u, dy = rng.standard_normal((2, *shape))
            arguments = size * u, blame * dy, lif, zeta, eta
            found.append((what, arguments, solution(*copy.deepcopy(arguments))))
    return found


def slipped(exercise: str, bug: Callable) -> None:
    """Say past how many tests a wrong function gets, and on how many fresh inputs it is wrong."""
    caught = [asks for asks, source in TESTS if _catches(exercise, made(source), bug)]
    past = f"it gets past {len(TESTS) - len(caught)} of {len(TESTS)} tests"
    inputs = fresh()
    seen = [what for what, given, wanted in inputs if _shows(exercise, bug, given, wanted)]
    if caught:
        raise wrong(exercise, f"{past}; one that catches it asks {caught[0]}")
    if not seen:
        raise wrong(
            exercise,
            f"{past}, but on {len(inputs)} fresh inputs it is right: a bug shows somewhere. They "
            "are longer or shorter than those of the tests, larger or smaller, or have other "
            "constants",
        )
    right(
        exercise,
        f"Your bug gets past all {len(TESTS)} tests, and is wrong on {len(seen)} of {len(inputs)} "
        f"fresh inputs, first on this: {seen[0]}. A test knows what its author thought of.",
    )


def _catches(exercise, test, bug) -> bool:
    return any(asked(exercise, test, one, [0], Counted())[0] for one in worlds(bug))


def _shows(exercise, bug, given, wanted) -> bool:
    """Whether the bug answers wrongly here. Raises Wrong where it does not answer in numbers."""
    blame = np.abs(given[1]).max()
    try:
        found = bug(*copy.deepcopy(given))
    except NotImplementedError:
        raise
    except Exception as error:
        raise wrong(
            exercise, f"bug stopped with {type(error).__name__}: {error}; it must answer"
        ) from error
    try:
        found = np.asarray(found, float)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != wanted.shape:
        raise wrong(exercise, "bug must return numbers, an array as large as u")
    return not close(found / blame, wanted / blame, 1e-6)
