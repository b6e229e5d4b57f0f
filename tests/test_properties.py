"""Properties that hold of whatever may come: events, episodes, round trips of files, fixed point.

Examples are the same in every run. MINISNN_EXAMPLES=1000 tries so many of each; the default is a
few.
"""

import os
import tempfile
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn.data.readers.asl import SHAPE as ASL
from minisnn.data.readers.asl import VARIABLES, read_asl
from minisnn.data.readers.events import EVENT, bin_events, event_array, event_map
from minisnn.data.sets.samples import draw_samples

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
