"""Trace filters: bounds over every state, distance to real filters over every spike train, the
32-bit product."""

import itertools

import numpy as np
import pytest
from numba import njit


from minisnn.hardware.chip import traces
from plain_integers import ROUNDINGS, shift

MODES = pytest.mark.parametrize("rounding", ROUNDINGS[:3])
SIZES = 1, 4095, 4096, 4097, 70_000_001, 2**30 - 1
EDGES = *(-size for size in SIZES), -(2**30), 0, *SIZES


def distance(rounding: str, *factors: int) -> float:
    """Largest distance, in units of the last place, of a chain of filters from real ones with the
    same factors."""
    error = 0.5 if rounding == "nearest" else 1.0
    return sum(error / (1 - a / 4096) for a in factors)


@njit
def mixes(x, y, a, plus, minus, out):
    for n in range(x.size):
        out[n] = traces.mix(x[n], y[n], a, plus, minus)


@MODES
def test_presynaptic_traces_never_exceed_one_from_any_state(rounding):
    """All 4097 x 4097 states and both inputs, then q for every factor."""
    mode = ROUNDINGS.index(rounding)
    for q0 in range(0, 4097):
        p = np.arange(4097)
        q = np.full(4097, q0)
        traces.presynaptic_step(p, q, np.full(4097, q0 & 1), 3891, 3686, mode, 12, 1)
        assert 0 <= p.min() and p.max() <= 4096 and 0 <= q[0] <= 4096
    for B in range(0, 4096, 5):
        for s in (0, 1):
            p = np.zeros(4097, np.int64)
            q = np.arange(4097)
            traces.presynaptic_step(p, q, np.full(4097, s), B, B, mode, 12, 1)
            assert 0 <= q.min() and q.max() <= 4096


@MODES
def test_distance_to_real_filters_for_every_train_of_fourteen_steps(rounding):
    A, B = 3891, 3686
    every = np.array(list(itertools.product((0, 1), repeat=14)), np.uint8)
    spikes = np.pad(every, [(0, 0), (0, 40)]).T.copy()
    found = np.empty(spikes.shape, np.int32)
    traces.presynaptic(spikes, found, A, B, ROUNDINGS.index(rounding))
    p = np.zeros(len(every))
    q = np.zeros(len(every))
    a = A / 4096
    b = B / 4096
    off_p = 0.0
    for t, s in enumerate(spikes):
        off_p = max(off_p, np.abs(found[t] - p).max())
        p = a * p + (1 - a) * q
        q = b * q + (1 - b) * 4096 * s
    bound = distance(rounding, A, B)
    assert 0.2 * bound < off_p <= bound  # the bound is not idle


@MODES
def test_the_product_in_32_bits_is_exact(rounding):
    some = np.random.default_rng(1).integers(-(2**30), 2**30, (20_000, 2))
    pairs = np.concatenate([[*itertools.product(EDGES, EDGES)], some]).astype(np.int32)
    x, y = pairs.T.copy()
    for a in (0, 1, 2662, 3686, 3891, 4095):
        found = np.empty(len(x), np.int32)
        mixes(
            x,
            y,
            np.int32(a),
            *np.array(traces.addends(ROUNDINGS.index(rounding), 12), np.int32),
            found,
        )
        exact = [shift(a * int(p) + (4096 - a) * int(q), 12, rounding) for p, q in pairs]
        np.testing.assert_array_equal(found, exact)
