"""Tasks over one's own recordings: what they count, who is apart from whom, and which classes meet
which split."""

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.events import downscaled, event_array
from minisnn.data.sets.pool import Pool
from minisnn.data.sets.samples import draw_samples, split_classes

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


def test_a_task_of_single_symbols():
    data = ms.Recordings(*labelled(), sensor=SENSOR)
    assert data.input_shape == (20, 30, 2) and data.classes == tuple(f"class {k}" for k in range(6))
    for index in range(30):
        task = data.episode(3, index, ways=4, shots=2, queries=3)
        assert task.x_support.shape == (8, 100, 20, 30, 2) and task.x_query.shape == (
            12,
            100,
            20,
            30,
            2,
        )
        support, query = told(task.x_support), told(task.x_query)
        assert not set(support) & set(query)
        for marks, y in ((support, task.y_support), (query, task.y_query)):
            assert [f"class {label}" for label, _ in marks] == [task.classes[k] for k in y]
        assert all(len({m for m, y in zip(query, task.y_query) if y == k}) == 3 for k in range(4))


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
    shared = ms.Recordings(
        takes, np.repeat(range(3), 2), sensor=SENSOR, hop_ms=150, shared=["take"]
    )
    both = [shared.episode(0, k, 3, 2, 4) for k in range(20)]
    assert any(set(told(task.x_support)) & set(told(task.x_query)) for task in both)
    assert not any(
        set(task.recordings[0].ravel()) & set(task.recordings[1].ravel()) for task in both
    )


def test_takes_that_are_named_hold_all_parts_of_their_recordings():
    """Two takes, each in two recordings of every class: what is cut from one take stays together."""
    events = [marked(label, number, 320) for label in range(3) for number in range(4)]
    groups = {"take": [0, 0, 1, 1] * 3}
    data = ms.Recordings(events, np.repeat(range(3), 4), sensor=SENSOR, hop_ms=100, groups=groups)
    assert len(data.pool) == 3 * len(events) and len(np.unique(data.takes)) == 2
    for index in range(20):
        task = data.episode(0, index, ways=3, shots=2, queries=2)
        support, query = (
            {number // 2 for _, number in told(x)} for x in (task.x_support, task.x_query)
        )
        assert not support & query


@pytest.mark.parametrize("bin_ms, duration_ms", [(1, 100), (1.1, 100 * 1.1), (0.1, 10)])
def test_frames_are_cut_to_their_last_one(bin_ms, duration_ms):
    """A frame lasts a step, be it empty or not, so that twice as many make two parts."""
    frames = np.zeros((200, 2, 4, 4), int)
    frames[1:-1] = 1
    for many, parts in ((200, 2), (199, 1), (100, 1)):
        twins = [frames[:many] * k for k in (1, 2, 3, 4)]
        data = ms.Recordings(
            twins, [0, 0, 1, 1], bin_ms=bin_ms, duration_ms=duration_ms, hop_ms=duration_ms
        )
        assert np.bincount(data.pool.numbers).tolist() == [parts] * 4
    with pytest.raises(ValueError, match="recording 0: the recording lasts 9.*; expected at least"):
        ms.Recordings([frames[:99]] * 2, [0, 0], bin_ms=1, hop_ms=100)
    late = np.zeros((150, 2, 4, 4), int)
    late[120:] = 1
    with pytest.raises(ValueError, match="recording 0: the recording has no events in its parts"):
        ms.Recordings([late] * 2, [0, 0], bin_ms=1, hop_ms=100)


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
    assert ms.Recordings(events, labels, **how, shared=["subject"]).groups is None
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


def test_numbers_of_classes_that_are_enough_for_three_ways():
    """As the guide says."""
    names = list(map(str, range(40)))
    parts = {n: split_classes(names[:n], 0, "r").values() for n in range(9, 41)}
    enough = [n for n, of in parts.items() if min(map(len, of)) >= 3]
    assert enough == [16, 17, *range(19, 41)]


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


def made(**how):
    """Recordings of six classes, with options."""
    return ms.Recordings(*labelled(), **{"sensor": SENSOR, **how})


NO_GROUPS = ["ab" * 15, dict.fromkeys(range(30), 1), [None, "b"] * 15, ["a", float("nan")] * 15,
             np.full(30, np.nan), np.zeros((30, 2)), [[1], [1, 2]] * 15, [{}] * 30, 5, ["a", "b"]]  # fmt: skip


@pytest.mark.parametrize("given", NO_GROUPS)
def test_groups_are_one_name_a_recording(given):
    data = made()
    for call in (
        lambda: made(groups={"who": given}),
        lambda: made(within=given),
        lambda: data.split_recordings(together=given),
        lambda: ms.Recordings(data.pool, groups={"who": given}),
    ):
        with pytest.raises(ValueError, match="must be a list of 30 names or numbers"):
            call()


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda e, k: ms.Recordings(e, sensor=SENSOR), "labels are missing"),
        (lambda e, k: ms.Recordings(e[:6], k[:6], sensor=SENSOR), "class class 1 has 1 recording"),
        (lambda e, k: made(sensor=(30, 4)), "reaches from"),
        (lambda e, k: made(bin_ms=0), "bin_ms"),
        (lambda e, k: made(hop_ms=10, duration_ms=500), "lasts 99 ms"),
        (lambda e, k: made().split_recordings(train="a", val=1, test=1), "shares"),
        (lambda e, k: made().split(train=None, val=0.2, test=0.3), "train must be"),
        (lambda e, k: made(made_of={"x": []}), "made_of"),
        (lambda e, k: made(made_of={}), "made_of"),
        (lambda e, k: made(shared=["who"]), "shared"),
        (lambda e, k: made(made_of={"a": ["b"]}), "made_of"),
        (lambda e, k: made(made_of={"a": k[:1], "b": k[:2]}), "different numbers"),
        (lambda e, k: made().only(["nobody"]), "nobody"),
        (lambda e, k: made().split(train=["class 1"], val=["class 1"], test=0.2), "two of them"),
        (lambda e, k: made().split(train=0.5), "expected train, val and test"),
    ],
)
def test_what_does_not_fit_is_told(call, word):
    with pytest.raises(ValueError, match=word):
        call(*labelled())


def test_a_pool_alone_is_enough():
    dense = np.random.default_rng(0).poisson(0.1, (8, 4, 3, 3, 2)).astype(np.uint8)
    data = ms.Recordings(
        Pool.collect(dense.shape[1:], [(dense, np.repeat([2, 5], 4), np.arange(8))])
    )
    assert data.classes == ("2", "5") and data.episode(0, 0, ways=2, queries=2).x_query.shape == (
        4,
        4,
        3,
        3,
        2,
    )
