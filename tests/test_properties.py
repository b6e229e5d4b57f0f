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

import minisnn as ms
from minisnn.data.readers.asl import read_asl
from minisnn.data.readers.events import event_map

pytest.importorskip("hypothesis", reason="hypothesis is not installed; it comes with minisnn[test]")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

ASL = 180, 240  # rows and columns of the sensor

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
    return ms.event_array(*np.array(events, np.int64).reshape(-1, 4).T)


@given(lists_of_events(last=5, least=0))
def test_events_are_sorted_and_none_is_lost(events):
    found = array(events)
    assert found.dtype == [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")]
    # a stable sort
    assert found.tolist() == sorted(events, key=lambda event: event[2])


@given(
    lists_of_events(last=120_000),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 5, 0.5]),
    st.sampled_from(["zero", "first event", 3000]),
    st.sampled_from([(32, 32), (24, 16)]),
)
def test_binning_counts_every_event_in_its_cell(events, scale, step, start, crop):
    found = array(events)
    counts = ms.bin_events(found, 100, step, crop=crop, scale=scale, start=start)
    begin = {"zero": 0, "first event": min(t for _, _, t, _ in events)}.get(start, start)
    expected = Counter()
    for x, y, t, p in events:
        if x < crop[1] and y < crop[0] and 0 <= t - begin < 100_000:
            expected[int((t - begin) // (1000 * step)), y // scale, x // scale, p] += 1
    assert {
        tuple(map(int, cell)): int(counts[tuple(cell)]) for cell in np.argwhere(counts)
    } == expected
    assert event_map(found).sum() == len(events)


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
        for name, field, dtype in zip(("ts", "x", "y", "pol"), ("t", "x", "y", "p"), types)
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
