"""Properties that hold of whatever may come: events, episodes, round trips of files, fixed point.

Examples are the same in every run. MINISNN_EXAMPLES=1000 tries so many of each; the default is a
few.
"""

import os
import tempfile
from collections import Counter
from fractions import Fraction
from math import floor
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

import minisnn as ms
from minisnn.hardware.chip.formats import (
    FLOOR,
    NEAREST,
    STOCHASTIC,
    ZERO,
    ends,
    nearest,
    real,
    shift,
    width,
    xorshift32,
)
from minisnn.training import checkpoint
from minisnn.data.readers.asl import SHAPE as ASL
from minisnn.data.readers.asl import VARIABLES, read_asl
from minisnn.data.sets.recordings import Recordings
from minisnn.data.readers.events import EVENT, bin_events, event_array, event_map
from minisnn.data.sets.samples import draw_samples
from minisnn.data.sets.pool import Pool
from minisnn.meta.inner import InnerLoop

pytest.importorskip("hypothesis", reason="hypothesis is not installed; it comes with minisnn[test]")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

settings.register_profile(
    "minisnn",
    max_examples=int(os.environ.get("MINISNN_EXAMPLES", 15)),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("minisnn")


def lists_of_events(rows: int = 34, columns: int = 34, last: int = 20_000_000, least: int = 1):
    """Events in any order, as (x, y, t, p)."""
    one = st.tuples(
        st.integers(0, columns - 1),
        st.integers(0, rows - 1),
        st.integers(0, last),
        st.integers(0, 1),
    )
    return st.lists(one, min_size=least, max_size=40)


def array(events) -> np.ndarray:
    return event_array(*np.array(events, np.int64).reshape(-1, 4).T)


# ---- events


@given(lists_of_events(last=5, least=0))
def test_events_are_sorted_and_none_is_lost(events):
    found = array(events)
    # a stable sort
    assert found.dtype == EVENT and found.tolist() == sorted(events, key=lambda event: event[2])


@given(
    lists_of_events(last=120_000),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 5, 0.5]),
    st.booleans(),
)
def test_binning_counts_every_event_in_its_cell(events, scale, step, zero):
    found = array(events)
    counts = bin_events(
        found, 100, step, crop=(32, 32), scale=scale, start="zero" if zero else "first event"
    )
    first = 0 if zero else min(t for _, _, t, _ in events)
    expected = Counter()
    for x, y, t, p in events:
        if x < 32 and y < 32 and t - first < 100_000:
            expected[int((t - first) // (1000 * step)), y // scale, x // scale, p] += 1
    assert {
        tuple(map(int, cell)): int(counts[tuple(cell)]) for cell in np.argwhere(counts)
    } == expected
    assert event_map(found).sum() == len(events)


# ---- episodes


@st.composite
def episodes(draw):
    """Classes as pairs of symbols, how many recordings each symbol has, shots and queries."""
    symbols = draw(st.integers(1, 5))
    pair = st.tuples(st.integers(0, symbols - 1), st.integers(0, symbols - 1))
    classes = draw(st.lists(pair, min_size=1, max_size=6, unique=True))
    sizes = {symbol: draw(st.integers(2, 9)) for symbol in range(symbols)}
    return (
        classes,
        sizes,
        draw(st.integers(1, 4)),
        draw(st.integers(1, 7)),
        draw(st.integers(0, 2**32 - 1)),
    )


@given(episodes())
def test_no_recording_is_in_support_and_query(episode):
    classes, sizes, shots, queries, seed = episode
    support, query = draw_samples(np.random.default_rng(seed), classes, sizes, shots, queries)
    assert support.shape == (len(classes), shots, 2) and query.shape == (len(classes), queries, 2)
    seen = {}
    for name, drawn in (("support", support), ("query", query)):
        for way, side in np.ndindex(len(classes), 2):
            symbol = classes[way][side]
            assert 0 <= drawn[way, :, side].min() and drawn[way, :, side].max() < sizes[symbol]
            seen.setdefault((name, symbol), set()).update(drawn[way, :, side].tolist())
    places = Counter(symbol for pair in classes for symbol in pair)
    for symbol in places:
        assert not seen["support", symbol] & seen["query", symbol]
        assert len(seen["support", symbol]) <= min(places[symbol] * shots, sizes[symbol] // 2)
    again = draw_samples(np.random.default_rng(seed), classes, sizes, shots, queries)
    np.testing.assert_array_equal(support, again[0])
    np.testing.assert_array_equal(query, again[1])
    for way, (left, right) in enumerate(classes):
        if left == right and sizes[left] // 2 > 1 and len(seen["support", left]) > 1:
            assert (support[way, :, 0] != support[way, :, 1]).all()


def pool(symbols: int, each: int) -> Pool:
    """Recording k of a symbol has the one count k + 1 at the cell of its symbol."""
    dense = np.zeros((symbols * each, 4, 2, 3, 2), np.uint8)
    labels = np.repeat(np.arange(symbols), each)
    dense[np.arange(len(labels)), 1, 1, labels % 3, labels // 3] = 1 + np.arange(len(labels)) % each
    return Pool.collect(dense.shape[1:], [(dense, labels, np.arange(len(labels)))])


@given(st.integers(2, 5), st.integers(2, 7), st.data())
def test_samples_show_the_symbols_of_their_class(symbols, each, data):
    pairs = [(left, right) for left in range(symbols) for right in range(symbols)]
    tasks = Recordings(
        pool(symbols, each), made_of={f"{left}{right}": (left, right) for left, right in pairs}
    )
    ways, shots = data.draw(st.integers(1, min(len(pairs), 5))), data.draw(st.integers(1, 3))
    task = tasks.episode(
        data.draw(st.integers(0, 99)), data.draw(st.integers(0, 99)), ways, shots, 2
    )
    assert len(set(task.classes)) == ways
    for x, y in ((task.x_support, task.y_support), (task.x_query, task.y_query)):
        assert Counter(y.tolist()) == dict.fromkeys(range(ways), len(y) // ways)
        for sample, label in zip(x, y):
            for side, symbol in enumerate(task.classes[label]):
                part, s = sample[:, :, 3 * side : 3 * side + 3], int(symbol)
                assert (
                    np.argwhere(part).tolist() == [[1, 1, s % 3, s // 3]]
                    and 1 <= part.max() <= each
                )


# ---- files


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@given(
    events=lists_of_events(*ASL, last=2**31 - 1),
    kind=st.sampled_from(["5", "5 packed", "7.3"]),
    types=st.tuples(*[st.sampled_from(["f8", "u4", "i4"])] * 4),
    column=st.booleans(),
    flip=st.booleans(),
)
def test_matlab_comes_back(folder, events, kind, types, column, flip):
    path = folder / "a_0001.mat"
    expected = array(sorted(events, key=lambda event: event[2]))
    variables = {
        name: expected[field].astype(dtype)
        for name, field, dtype in zip(VARIABLES, ("t", "x", "y", "p"), types)
    }
    variables = {
        name: values[:, None] if column else values[None] for name, values in variables.items()
    }
    if kind == "7.3":
        with h5py.File(path, "w") as file:
            for name, values in variables.items():
                file[name] = values.T
    else:
        savemat(path, variables, do_compression=kind == "5 packed")
    if flip:
        expected["y"] = ASL[0] - 1 - expected["y"]
    np.testing.assert_array_equal(read_asl(path, flip), expected)


@given(data=st.data())
def test_checkpoints_come_back(folder, data):
    spiking = data.draw(st.booleans())
    channels = tuple(data.draw(st.lists(st.integers(1, 3), max_size=2)))
    common = dict(hidden=tuple(data.draw(st.lists(st.integers(1, 4), max_size=2))), backend="numpy")
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    make = ms.SpikingNet if spiking else ms.ConvNet
    net = make(
        (5, 4, 2),
        channels,
        data.draw(st.integers(2, 4)),
        data.draw(st.sampled_from([1, 3])),
        dtype=dtype,
        **common,
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    theta = rng.standard_normal(net.size).astype(dtype)
    step = data.draw(st.sampled_from([0.5, "flat"]))
    inner = InnerLoop(
        rng.random(net.size).astype(dtype) if step == "flat" else step, data.draw(st.integers(0, 3))
    )
    updates = data.draw(st.integers(0, 5))
    curve = {"loss": rng.random(updates), "validation": np.full(updates, np.nan)}
    checkpoint.save(
        folder / "a.h5", net, theta, inner=inner, curve=curve, rng=rng, progress={"update": updates}
    )
    found = checkpoint.read(folder / "a.h5")
    assert found.net.configuration() == net.configuration() and found.progress == {
        "update": updates
    }
    assert found.theta.dtype == theta.dtype and found.inner.steps == inner.steps
    np.testing.assert_array_equal(found.theta, theta)
    np.testing.assert_array_equal(found.inner.step_size, inner.step_size)
    np.testing.assert_array_equal(found.curve["loss"], curve["loss"])
    again = np.random.default_rng()
    again.bit_generator.state = found.random
    np.testing.assert_array_equal(again.random(3), rng.random(3))


# ---- fixed point

WORD = st.integers(-(2**40), 2**40)


@given(WORD, st.integers(1, 20), st.data())
def test_shifts_round_as_they_say(x, k, data):
    exact, noise = Fraction(x, 1 << k), data.draw(st.integers(0, (1 << k) - 1))
    for function in (shift, shift.py_func):
        assert function(x, k, FLOOR, 0) == floor(exact) and function(x, k, ZERO, 0) == int(exact)
        assert abs(function(x, k, NEAREST, 0) - exact) <= Fraction(1, 2)
        stochastic = function(x, k, STOCHASTIC, noise)
        assert abs(stochastic - exact) < 1 and stochastic == floor(exact + Fraction(noise, 1 << k))
        assert function(-x, k, ZERO, 0) == -function(x, k, ZERO, 0)


@given(WORD, WORD)
def test_the_shortest_word_holds_its_range_and_no_shorter_one_does(a, b):
    low, high = min(a, b), max(a, b)
    bits = width(low, high)
    assert ends(bits)[0] <= low and high <= ends(bits)[1]
    assert bits == 1 or low < ends(bits - 1)[0] or high > ends(bits - 1)[1]


@given(st.integers(2, 32), st.integers(-8, 40), st.floats(-1e9, 1e9))
def test_quantised_values_are_nearest_or_at_the_end(bits, fraction, value):
    low, high = ends(bits)
    integer = int(nearest(value, fraction, low, high)[0])
    assert low <= integer <= high
    exact = Fraction(value) * Fraction(2) ** fraction
    if low <= exact <= high:
        assert abs(integer - exact) <= Fraction(1, 2) + Fraction(abs(exact), 2**52)
    else:
        assert integer == (low if exact < low else high)
    assert nearest(real(integer, fraction), fraction, low, high)[0] == integer


@given(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_random_states_stay_apart_and_in_their_word(a, b):
    assert 1 <= xorshift32(a) < 2**32 and xorshift32.py_func(a) == xorshift32(a)
    assert (xorshift32(a) == xorshift32(b)) == (a == b)
