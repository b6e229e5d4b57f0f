"""Trace filters: bounds over every state, distance to real filters over every spike train, the
32-bit product."""

import itertools

import numpy as np
import pytest
from numba import njit


from minisnn.hardware.chip import traces
from minisnn.hardware.chip.formats import FLOOR, NEAREST, ROUNDINGS, ZERO, shift
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
    error = {FLOOR: 1.0, ZERO: 1.0, NEAREST: 0.5}[mode]
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


@njit
def postsynaptic(V, A, B, plus, minus, p, q, found):
    for t in range(V.shape[0]):
        for n in range(V.shape[1]):
            found[t, n, 0], found[t, n, 1] = p[n], q[n]
            p[n], q[n] = (
                traces.mix(p[n], q[n], A, plus, minus),
                traces.mix(q[n], V[t, n], B, plus, minus),
            )


@MODES
@pytest.mark.parametrize("most", [1, 300, 2**26])
def test_signed_postsynaptic_traces_keep_both_bounds_at_any_scale(mode, most):
    rng, A, B = np.random.default_rng(4), np.int32(3891), np.int32(3686)
    V = rng.integers(-most, most + 1, (300, 400)).astype(np.int32)
    # long pushes to either side
    V[:, ::4] = np.repeat(np.where(rng.random((6, 100)) < 0.5, -most, most), 50, 0)
    V[150:, 1::4] = 0  # and long silences
    found = np.empty((*V.shape, 2), np.int64)
    postsynaptic(
        V,
        A,
        B,
        *np.array(addends(mode, 12), np.int32),
        np.zeros(400, np.int32),
        np.zeros(400, np.int32),
        found,
    )
    p, q, a, b, off = np.zeros(400), np.zeros(400), A / 4096, B / 4096, [0.0, 0.0]
    for t, v in enumerate(V):
        off = [
            max(off[0], np.abs(found[t, :, 0] - p).max()),
            max(off[1], np.abs(found[t, :, 1] - q).max()),
        ]
        p, q = a * p + (1 - a) * q, b * q + (1 - b) * v
    assert off[0] <= distance(mode, A, B) and off[1] <= distance(mode, B)
    assert most == 1 or (off[0] > 0.2 * distance(mode, A, B) and off[1] > 0.2 * distance(mode, B))
