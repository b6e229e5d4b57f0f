"""Tasks over one's own recordings: what they count, who is apart from whom, and which classes meet
which split."""

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.events import downscaled, event_array
from minisnn.data.sets.samples import draw_samples

SENSOR = (20, 30)  # rows, columns


def marked(label: int, number: int, ms_long: int = 100) -> np.ndarray:
    """A recording that tells which it is: the row of its ON events is the label, the column the
    number."""
    t = np.arange(ms_long) * 1000
    return event_array(np.full(ms_long, number), np.full(ms_long, label), t, np.ones(ms_long, int))


def labelled(classes: int = 6, each: int = 5) -> tuple[list, list]:
    rows = [(label, number) for label in range(classes) for number in range(each)]
    return [marked(*row) for row in rows], [f"class {label}" for label, _ in rows]


def told(x: np.ndarray) -> list[tuple[int, int]]:
    """(label, number) of every sample."""
    return [tuple(map(int, np.argwhere(one[..., 1].sum(0))[0])) for one in x]


def test_symbols_side_by_side():
    data = ms.Recordings(
        *labelled(),
        sensor=SENSOR,
        made_of={"ab": ("class 0", "class 1"), "cc": ("class 2", "class 2")},
    )
    assert data.input_shape == (20, 60, 2) and data.classes == ("ab", "cc")
    task = data.episode(0, 0, ways=2, shots=1, queries=2)
    for x, y in zip(task.x_query, task.y_query):
        rows, columns = np.nonzero(x[..., 1].sum(0))
        marks = dict(zip(columns // 30, rows))
        assert (marks[0], marks[1]) == ((0, 1) if task.classes[y] == "ab" else (2, 2))


def test_three_in_a_row_use_every_combination_before_one_comes_again():
    rng = np.random.default_rng(0)
    support, query = draw_samples(rng, [(0, 1, 0)], {0: 5, 1: 4}, 2, 12)
    rows = [tuple(one) for one in query[0].tolist()]
    # three and two recordings of query: 3 x 2 x 2
    assert all(a != c for a, _, c in rows) and len(set(rows)) == 12
    assert {a for a, _, c in support[0]} | {c for a, _, c in support[0]} == set(range(5)) - {
        a for a, _, _ in rows
    }


def test_bins_cells_and_counts():
    events = event_array([0, 3, 3, 29], [0, 5, 5, 19], [1000, 1500, 3600, 30_999], [1, 0, 0, 1])
    data = ms.Recordings(
        [events] * 2, [7, 7], sensor=SENSOR, size=(10, 10), bin_ms=2, duration_ms=30
    )
    expected = np.zeros((15, 10, 10, 2))
    expected[0, 0, 0, 1] = expected[0, 2, 1, 0] = expected[1, 2, 1, 0] = expected[14, 9, 9, 1] = 1
    assert np.array_equal(data.pool.dense(np.array([1]))[0], expected) and data.classes == ("7",)


def test_downscaling_by_area_keeps_every_event_and_the_share_of_each_pixel():
    x, y = np.meshgrid(np.arange(5), np.arange(5))
    events = event_array(
        np.repeat(x.ravel(), 4000),
        np.repeat(y.ravel(), 4000),
        np.zeros(100_000, int),
        np.ones(100_000, int),
    )
    found = downscaled(events, (5, 5), (2, 3))
    count = np.bincount(found["y"].astype(int) * 3 + found["x"], minlength=6)
    assert count.sum() == 100_000 and np.abs(count / 100_000 - 1 / 6).max() < 0.005
    # columns 1 to 2 of 5 lie in cells 0 (2/3) and 1 (1/3)
    middle = found[(events["x"] == 1) & (events["y"] == 0)]
    assert abs(np.mean(middle["x"] == 0) - 2 / 3) < 0.03 and not middle["y"].any()
    whole = downscaled(events, (5, 5), (5, 1))
    assert np.array_equal(whole["y"], events["y"]) and not whole["x"].any()
    assert np.array_equal(downscaled(events, (5, 5), (2, 3)), found)
    for size in ((6, 5), (0, 1), (1,)):
        with pytest.raises(
            ValueError,
            match=r"size is .*; expected rows and columns from 1 to those of the sensor, \(5, 5\)",
        ):
            downscaled(events, (5, 5), size)


def test_takes_are_cut_and_stay_on_one_side():
    takes = [marked(label, number, 1000) for label in range(3) for number in range(2)]
    data = ms.Recordings(takes, np.repeat(range(3), 2), sensor=SENSOR, hop_ms=150)
    # the last begins at 750 ms
    assert len(data.pool) == 6 * 6 and np.bincount(data.pool.numbers).tolist() == [6] * 6
    for index in range(50):
        task = data.episode(0, index, ways=3, shots=2, queries=4)
        assert not set(told(task.x_support)) & set(told(task.x_query))
    both = [data.ungrouped().episode(0, k, 3, 2, 4) for k in range(20)]
    assert any(set(told(task.x_support)) & set(told(task.x_query)) for task in both)


def test_groups_are_apart_even_through_one_another():
    """A session of two subjects joins them: neither may be on both sides."""
    events, labels = labelled(3, 8)
    subject, session = np.tile(list("aabbccdd"), 3), np.tile([0, 1, 1, 2, 3, 3, 4, 4], 3)
    data = ms.Recordings(
        events, labels, sensor=SENSOR, groups={"subject": subject, "session": session}
    )
    seen = set()
    for index in range(40):
        task = data.episode(1, index, ways=3, shots=1, queries=4)
        support, query = (
            {"abcd".index(subject[n]) for n in side.ravel()} for side in task.recordings
        )
        joined = (
            [{0: 0, 1: 0, 2: 2, 3: 3}[k] for k in support],
            [{0: 0, 1: 0, 2: 2, 3: 3}[k] for k in query],
        )
        assert not set(joined[0]) & set(joined[1])
        seen |= support
    assert seen == {0, 1, 2, 3}


def test_groups_that_cannot_be_apart_are_told():
    events, labels = labelled(3, 4)
    how = dict(sensor=SENSOR, groups={"subject": [*"abab", *"cccc", *"abab"]})
    with pytest.raises(
        ValueError,
        match="class class 1 has 4 recordings, all of one group by subject; expected at least 2",
    ):
        ms.Recordings(events, labels, **how)
    rooms = ["home", "lab"] * 6
    with pytest.raises(
        ValueError,
        match="within 'home', class class 0 has 2 recordings, all of one group by subject; expected",
    ):
        ms.Recordings(events, labels, sensor=SENSOR, groups={"subject": rooms}, within=rooms)
    # each class by two of three, so that two classes at most can be dealt out
    data = ms.Recordings(
        events, labels, sensor=SENSOR, groups={"subject": [*"aabb", *"bbcc", *"aacc"]}
    )
    assert data.episode(0, 0, ways=2).ways == 2
    with pytest.raises(
        ValueError,
        match="a task of class [0-2] class [0-2] class [0-2]: 3 groups hold the recordings of 3 "
        "symbols, .* of every symbol, and more where symbols share them",
    ):
        data.episode(0, 0, ways=3)


def test_splits_of_shared_symbols_have_groups_enough_for_their_tasks():
    """Recordings of a split that are of one subject serve a classifier, but no task."""
    events, labels = labelled(2, 16)
    made_of = {"ab": ["class 0", "class 1"], "ba": ["class 1", "class 0"], "aa": ["class 0"] * 2}
    groups = {"subject": [*"aabbccddeeffgghh"] * 2}
    data = ms.Recordings(events, labels, sensor=SENSOR, made_of=made_of, groups=groups)
    for seed in range(20):
        for part in data.split(seed).values():
            assert part.episode(0, 0, ways=1).ways == 1
    alone = [
        len(np.unique(part.groups[part.symbols[0]])) for part in data.split_recordings().values()
    ]
    assert min(alone) == 1
    few = {"subject": [*"aabbccdd"] * 2}
    data = ms.Recordings(*labelled(2, 8), sensor=SENSOR, made_of=made_of, groups=few)
    with pytest.raises(
        ValueError,
        match="class class [01] has 8 recordings in 4 groups; expected at least 2 groups in each of",
    ):
        data.split()


def test_recordings_are_divided_within_what_tasks_are_within():
    events, labels = labelled(3, 16)
    place = np.tile(np.repeat(["home", "lab"], 8), 3)
    data = ms.Recordings(events, labels, sensor=SENSOR, within=place)
    for part in data.split_recordings().values():
        for symbol in range(3):
            met = place[part.symbols[symbol]]
            assert min(np.sum(met == "home"), np.sum(met == "lab")) >= 2
        for index in range(10):
            task = part.episode(0, index, ways=3)
            assert len({place[k] for side in task.recordings for k in side.ravel()}) == 1
    # or whole places are held out
    four = np.tile(np.repeat(list("abcd"), 4), 3)
    data = ms.Recordings(events, labels, sensor=SENSOR, within=four)
    parts = data.split_recordings(together=four)
    met = [set(four[part.symbols[0]].tolist()) for part in parts.values()]
    assert sum(map(len, met)) == len(set().union(*met)) == 4
    for part in parts.values():
        for index in range(10):
            assert part.episode(0, index, ways=3).ways == 3
    few = ms.Recordings(
        *labelled(2, 8), sensor=SENSOR, within=[0] * 4 + [1] * 4 + [0] * 4 + [1] * 4
    )
    with pytest.raises(
        ValueError, match="within [01], class class [01] has 4 recordings; expected"
    ):
        few.split_recordings()


def test_splits_are_disjoint_and_whole():
    data = ms.Recordings(*labelled(10, 2), sensor=SENSOR)
    parts = data.split()
    assert [len(parts[name].classes) for name in ("train", "val", "test")] == [6, 2, 2]
    assert sorted(one for part in parts.values() for one in part.classes) == sorted(data.classes)
    assert {n: p.classes for n, p in data.split(seed=0).items()} == {
        n: p.classes for n, p in parts.items()
    }
    assert {n: p.classes for n, p in data.split(seed=1).items()} != {
        n: p.classes for n, p in parts.items()
    }
    named = data.split(test=["class 3", "class 9"], train=0.9, val=0.1)
    assert named["test"].classes == ("class 3", "class 9") and [
        len(named[n].classes) for n in ("train", "val")
    ] == [6, 2]
    assert set(named["test"].episode(0, 0, ways=2).classes) == {"class 3", "class 9"}
    few = ms.Recordings(*labelled(3, 2), sensor=SENSOR).split()
    assert [len(part.classes) for part in few.values()] == [1, 1, 1]
