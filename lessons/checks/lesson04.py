"""Lesson 4: convolution three ways."""

import numpy as np
from numba import njit
from numba.core.errors import NumbaError

from . import prepare, table, wrong

prepare(__name__)


def _pictures():
    """(x, w): spikes, counts, and entries of both signs."""
    for seed, shape, k, O in ((0, (5, 7, 2), 3, 4), (1, (6, 4, 3), 5, 2), (2, (4, 5, 2), 3, 2)):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 4, shape) if seed else 1.0
        x = (rng.random(shape) < 0.3) * sizes
        if seed == 2:
            x[1] -= x[2]
        yield x, rng.standard_normal((k, k, shape[2], O))


@table("4.1", "V", "Equal to the definition, at the speed of matrix products.")
def by_strides():
    """Exercise 4.1: k * k shifted matrix products."""
    yield from _pictures()


@table("4.2", "V", "Nothing is done where nothing happens.")
def by_events():
    """Exercise 4.2: spike by spike."""
    yield from _pictures()


def _compiled(function):
    """Raise Wrong where numba cannot compile the bounds of a loop."""
    compiled = njit(function)

    @njit
    def places(y, H, k):
        return [i for i in range(*compiled(y, H, k))]

    try:
        places(0, 8, 5)
    except NumbaError as error:
        text = (
            "the places are right, but numba cannot compile your function, and the event loop "
            "below needs that: use plain arithmetic, min and max, and nothing of NumPy"
        )
        raise wrong("4.3", text) from error


@table(
    "4.3",
    "first end",
    "With such bounds the inner loop has no question to ask, and runs at full speed.",
    also=_compiled,
)
def reach():
    """Exercise 4.3: the part of the kernel that stays inside."""
    for H, k in ((8, 5), (3, 7), (4, 1)):
        for y in range(H):
            yield y, H, k
