"""Trace filters: bounds over every state, distance to real filters over every spike train, the
32-bit product."""

import itertools

import numpy as np
import pytest
from numba import njit


from minisnn.hardware.chip import traces
from minisnn.hardware.chip.formats import ROUNDINGS, shift
from minisnn.hardware.chip.traces import addends, presynaptic, presynaptic_step

MODES = pytest.mark.parametrize(
    "mode", [ROUNDINGS[name] for name in traces.DETERMINISTIC], ids=traces.DETERMINISTIC
)
EDGES = (
    -(2**30),
    -(2**30) + 1,
    -70_000_001,
    -4097,
    -4096,
    -4095,
    -1,
    0,
    1,
    4095,
    4096,
    4097,
    70_000_001,
    2**30 - 1,
)


def distance(mode: int, *factors: int) -> float:
    """Largest distance, in units of the last place, of a chain of filters from real ones with the
    same factors."""
    error = 0.5 if mode == ROUNDINGS["nearest"] else 1.0
    return sum(error / (1 - a / 4096) for a in factors)


@njit
def mixes(x, y, a, plus, minus, out):
    for n in range(x.size):
        out[n] = traces.mix(x[n], y[n], a, plus, minus)


@MODES
def test_presynaptic_traces_never_exceed_one_from_any_state(mode):
    """All 4097 x 4097 states and both inputs, then q for every factor."""
    for q0 in range(0, 4097):
        p, q = np.arange(4097), np.full(4097, q0)
        presynaptic_step(p, q, np.full(4097, q0 & 1), 3891, 3686, mode, 12, 1)
        assert 0 <= p.min() and p.max() <= 4096 and 0 <= q[0] <= 4096
    for B in range(0, 4096, 5):
        for s in (0, 1):
            p, q = np.zeros(4097, np.int64), np.arange(4097)
            presynaptic_step(p, q, np.full(4097, s), B, B, mode, 12, 1)
            assert 0 <= q.min() and q.max() <= 4096


@MODES
def test_distance_to_real_filters_for_every_train_of_fourteen_steps(mode):
    A, B = 3891, 3686
    trains = np.array(list(itertools.product((0, 1), repeat=14)), np.uint8)
    spikes = np.concatenate([trains, np.zeros((len(trains), 40), np.uint8)], 1).T.copy()
    found = np.empty(spikes.shape, np.int32)
    presynaptic(spikes, found, A, B, mode)
    p, q, a, b = np.zeros(len(trains)), np.zeros(len(trains)), A / 4096, B / 4096
    off_p = 0.0
    for t, s in enumerate(spikes):
        off_p = max(off_p, np.abs(found[t] - p).max())
        p, q = a * p + (1 - a) * q, b * q + (1 - b) * 4096 * s
    assert off_p <= distance(mode, A, B)
    assert off_p > 0.2 * distance(mode, A, B)  # the bound is not idle


@MODES
def test_the_product_in_32_bits_is_exact(mode):
    x, y = (np.array(column, np.int32) for column in zip(*itertools.product(EDGES, EDGES)))
    rng = np.random.default_rng(1)
    x, y = (
        np.concatenate([edge, rng.integers(-(2**30), 2**30, 20_000, np.int32)]) for edge in (x, y)
    )
    for a in (0, 1, 2662, 3686, 3891, 4095):
        found = np.empty(len(x), np.int32)
        mixes(x, y, np.int32(a), *np.array(addends(mode, 12), np.int32), found)
        exact = [shift.py_func(a * int(p) + (4096 - a) * int(q), 12, mode, 0) for p, q in zip(x, y)]
        np.testing.assert_array_equal(found, exact)
