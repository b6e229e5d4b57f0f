"""Tasks over one's own recordings: what they count, who is apart from whom, and which classes meet
which split."""

import numpy as np
import pytest

import minisnn as ms

SENSOR = (20, 30)  # rows, columns
MADE_OF = {"ab": ["class 0", "class 1"], "ba": ["class 1", "class 0"], "aa": ["class 0"] * 2}


def marked(label: int, number: int, ms_long: int = 100) -> np.ndarray:
    """A recording that tells which it is: the row of its ON events is the label, the column the
    number."""
    t = np.arange(ms_long) * 1000
    return ms.event_array(
        np.full(ms_long, number), np.full(ms_long, label), t, np.ones(ms_long, int)
    )


def labelled(classes: int, each: int, **how) -> ms.Recordings:
    rows = [(label, number) for label in range(classes) for number in range(each)]
    names = [f"class {label}" for label, _ in rows]
    return ms.Recordings([marked(*row) for row in rows], names, sensor=SENSOR, **how)


def told(x: np.ndarray) -> set[tuple[int, int]]:
    """(label, number) of every sample."""
    return {tuple(map(int, np.argwhere(one[..., 1].sum(0))[0])) for one in x}


def test_takes_are_cut_and_stay_on_one_side():
    takes = [marked(label, number, 1000) for label in range(3) for number in range(2)]
    data = ms.Recordings(takes, np.repeat(range(3), 2), sensor=SENSOR, hop_ms=150)
    # the last begins at 750 ms
    assert len(data.pool) == 6 * 6 and np.bincount(data.pool.numbers).tolist() == [6] * 6
    for index in range(50):
        task = data.episode(0, index, ways=3, shots=2, queries=4)
        assert not told(task.x_support) & told(task.x_query)
    both = [data.ungrouped().episode(0, k, 3, 2, 4) for k in range(20)]
    assert any(told(task.x_support) & told(task.x_query) for task in both)


def test_groups_are_apart_even_through_one_another():
    """A session of two subjects joins them: neither may be on both sides."""
    subject = np.tile(list("aabbccdd"), 3)
    session = np.tile([0, 1, 1, 2, 3, 3, 4, 4], 3)
    data = labelled(3, 8, groups={"subject": subject, "session": session})
    seen = set()
    for index in range(40):
        task = data.episode(1, index, ways=3, shots=1, queries=4)
        sides = [{subject[n].replace("b", "a") for n in side.ravel()} for side in task.recordings]
        assert not sides[0] & sides[1]
        seen |= sides[0]
    assert seen == {"a", "c", "d"}


ROOMS = ["home", "lab"] * 6


@pytest.mark.parametrize(
    "how, words",
    [
        (dict(groups={"subject": [*"abab", *"cccc", *"abab"]}), "class 1 has 4 .* by subject"),
        (dict(groups={"subject": ROOMS}, within=ROOMS), "within 'home', .* class 0 .* one group"),
        (dict(within=[0] * 7), "within must be a list of 12"),
        (dict(within=[0, 0, 0, 1] * 3), "within 1, class class 0 has 1 recording"),
        # each class by two of three, so that two classes at most can be dealt out
        (dict(groups={"subject": [*"aabb", *"bbcc", *"aacc"]}), "3 groups"),
    ],
)
def test_groups_that_cannot_be_apart_are_told(how, words):
    with pytest.raises(ValueError, match=words):
        data = labelled(3, 4, **how)
        assert data.episode(0, 0, ways=2).ways == 2
        data.episode(0, 0, ways=3)


def test_splits_of_shared_symbols_have_groups_enough_for_their_tasks():
    """Recordings of a split that are of one subject serve a classifier, but no task."""
    data = labelled(2, 16, made_of=MADE_OF, groups={"subject": [*"aabbccddeeffgghh"] * 2})
    for seed in range(20):
        for part in data.split(seed).values():
            assert part.episode(0, 0, ways=1).ways == 1
    parts = data.split_recordings().values()
    assert min(len(np.unique(part.groups[part.symbols[0]])) for part in parts) == 1
    few = labelled(2, 8, made_of=MADE_OF, groups={"subject": [*"aabbccdd"] * 2})
    with pytest.raises(ValueError, match="8 recordings in 4 groups; expected at least 2 groups"):
        few.split()


def test_splits_are_disjoint_and_whole():
    data = labelled(10, 2)

    def classes(**how):
        return {name: part.classes for name, part in data.split(**how).items()}

    parts = classes()
    assert list(map(len, parts.values())) == [6, 2, 2]
    assert sorted(sum(parts.values(), ())) == sorted(data.classes)
    assert classes(seed=0) == parts != classes(seed=1)
    named = classes(test=["class 3", "class 9"], train=0.9, val=0.1)
    assert named["test"] == ("class 3", "class 9") and len(named["train"]) == 6
    assert [len(part.classes) for part in labelled(3, 2).split().values()] == [1, 1, 1]
