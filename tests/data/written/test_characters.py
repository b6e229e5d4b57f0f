"""Tasks over written characters: splits by alphabets, what is asked, what controls take away, and
what a run and a checkpoint keep of it."""

import numpy as np
import pytest
import strokes

import minisnn as ms
from minisnn.data.sets.samples import shared
from minisnn import read_strokes

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return strokes.file(tmp_path_factory.mktemp("strokes") / "strokes.npz")


def alphabet(name: str) -> str:
    return name.partition("/")[0]


def test_no_alphabet_is_in_two_splits(path):
    sets = {split: ms.Written(split, path) for split in SPLITS}
    found = {split: {alphabet(one) for one in tasks.classes} for split, tasks in sets.items()}
    assert found == {
        "train": {"Japanese_(katakana)", "Latin", "Sanskrit"},
        "val": {"Greek"},
        "test": {"Korean", "Ogham"},
    }
    assert len(sets["train"].classes) == 8 * 19 and len(sets["test"].classes) == 13
    assert {"Latin/06", "Latin/06+90", "Latin/06+m", "Latin/06+270m"} < set(sets["train"].classes)
    assert all(shared(sets[a], sets[b]) is None for a, b in (("train", "val"), ("train", "test")))
    assert ms.Written("test", path, alphabets=["Ogham"]).classes == tuple(
        f"Ogham/{k:02d}" for k in range(1, 7)
    )


@pytest.mark.parametrize("split", SPLITS)
def test_all_classes_of_a_task_are_of_one_alphabet_and_turn(path, split):
    tasks = ms.Written(split, path)
    met = set()
    for k in range(12):
        task = tasks.episode(0, k, ways=5, shots=1, queries=2)
        kinds = {(alphabet(one), one.partition("+")[2]) for one in task.classes}
        assert len(kinds) == 1 and len(set(task.classes)) == 5
        met |= kinds
        support, query = (set(side.ravel().tolist()) for side in task.recordings or ())
        assert not support & query
    assert len(met) > (split != "val")
    # of several alphabets where none has so many
    assert len(tasks.episode(0, 0, ways=6, queries=1).classes) == 6


def test_counts_are_those_of_a_loop(path):
    found = read_strokes(path)
    tasks = ms.Written("test", path, size=(16, 16), bin_ms=10, duration_ms=320)
    task = tasks.episode(0, 0, ways=2, queries=1)
    number = int(tasks.pool.numbers[task.recordings[0][0, 0]])
    drawn = found.of(number)
    points = np.concatenate([one.xy for one in drawn])
    low, high = points.min(0), points.max(0)
    side = (high - low).max() / 0.8
    length = [np.hypot(*np.diff(one.xy, axis=0).T).sum() for one in drawn]
    whole = sum(length) + 8 * (len(drawn) - 1)
    counts = np.zeros((32, 16, 16, 2), int)
    clock = 0.0
    for one, way in zip(drawn, length):
        at = np.append(0, np.cumsum(np.hypot(*np.diff(one.xy, axis=0).T)))
        number = int(np.ceil(way))
        for k in (0, *range(number + 1), number):
            s = way * k / number
            xy = np.array([np.interp(s, at, one.xy[:, axis]) for axis in (0, 1)])
            column, row = np.floor(((xy - (low + high) / 2) / side + 0.5) * 16).astype(int)
            step = min(int((clock + s) / whole * 16), 15)
            counts[step, row, column, 1] += 1
        clock += way + 8
    seen = task.x_support[0].astype(int)
    assert not seen[16:].any()  # then the pen rests
    # a lifted pen is at both ends, and rounding may move a point to the cell beside
    assert seen[..., 0].sum() == 2 * len(drawn)
    assert np.abs(seen.sum(3).sum((1, 2)) - counts[..., 1].sum((1, 2))).sum() <= 6
    assert np.abs(seen.sum((0, 3)) - counts.sum((0, 3))).sum() <= 4


def test_orders_look_alike_when_they_are_summed(path):
    tasks = ms.Written("test", path, over="order", alphabets=["Korean"])
    name = tasks.classes[0].split()[0]
    own = [one for one in tasks.classes if one.startswith(name)]
    assert len(own) == 8
    places = [tasks.symbols[tasks.made_of[one][0]] for one in own]
    for k in range(len(places[0])):
        dense = tasks.pool.dense(np.array([where[k] for where in places])).astype(int)
        assert len({tasks.pool.numbers[where[k]] for where in places}) == 1
        assert (dense.sum(1) == dense[:1].sum(1)).all()
        assert len({one.tobytes() for one in dense}) == 8
    for k in range(8):
        task = tasks.episode(1, k, ways=5, queries=2)
        assert len({one.split()[0] for one in task.classes}) == 1
        support, query = (set(tasks.pool.numbers[s].ravel()) for s in task.recordings)
        assert not support & query  # no drawing is on both sides, in whatever order


def test_a_class_of_orders_is_written_alike_by_all(path):
    """Wherever a drawer began, and from which end: of one class all begin at one place, of two
    classes of a character not."""
    tasks = ms.Written("test", path, over="order", alphabets=["Korean"])
    firsts = {}
    for name, (symbol,) in tasks.made_of.items():
        dense = tasks.pool.dense(tasks.symbols[symbol])
        places = [np.argwhere(one[..., 1])[0][1:] for one in dense]
        assert np.ptp(places, axis=0).max() <= 5, name
        firsts.setdefault(name.split()[0], []).append(np.mean(places, 0))
    assert all(np.ptp(some, axis=0).max() > 5 for some in firsts.values())


def test_controls_take_the_time_and_leave_the_pixels(path):
    how = dict(root=path, alphabets=["Korean"])
    plain, mixed, summed = (
        ms.Written("test", control=one, **how).episode(0, 1)
        for one in ("none", "shuffled", "summed")
    )
    x, y, z = (task.x_query.astype(int) for task in (plain, mixed, summed))
    assert np.array_equal(x.sum(1), y.sum(1)) and not np.array_equal(x, y)
    assert np.array_equal(x.sum((2, 3, 4)), y.sum((2, 3, 4)))  # and how many there are at a time
    assert np.array_equal(np.minimum(x.sum(1), 255), z[:, 0]) and (z == z[:, :1]).all()


def test_drawers_are_classes_or_not_met(path):
    tasks = ms.Written("test", path, over="drawers")
    assert set(tasks.classes) == {
        f"{name} by {k:02d}" for name in ("Korean", "Ogham") for k in range(1, 11)
    }
    task = tasks.episode(0, 0, ways=5, queries=3)
    who = read_strokes(path).drawer[tasks.pool.numbers[task.recordings[1]]].ravel()
    assert (who.reshape(5, 3) == who.reshape(5, 3)[:, :1]).all() and len(set(who)) == 5
    drawer = read_strokes(path).drawer
    sets = {split: ms.Written(split, path, over="new-drawers") for split in SPLITS}
    met = {split: set(drawer[one.pool.numbers].tolist()) for split, one in sets.items()}
    assert met == {"train": {1, 2, 3, 4, 6, 7, 8, 9}, "val": {5, 10}, "test": {5, 10}}
    task = sets["train"].episode(0, 0, ways=5, queries=3)
    sides = [set(drawer[sets["train"].pool.numbers[one]].ravel()) for one in task.recordings]
    assert not sides[0] & sides[1]


def test_turns_are_those_of_pictures(path):
    tasks = ms.Written("train", path, size=(21, 21), alphabets=None)
    looks = {}
    for name in tasks.classes:
        if name.startswith("Latin/01"):
            where = tasks.symbols[tasks.made_of[name][0]]
            looks[name.partition("+")[2]] = tasks.pool.dense(where[:1])[0].sum((0, 3)) > 0
    for turn, look in looks.items():
        expected = np.rot90(looks[""], -int(turn.strip("m") or 0) // 90)
        expected = expected[:, ::-1] if "m" in turn else expected
        assert (look != expected).sum() <= 2, turn  # what lies on an edge may round otherwise
    assert len(looks) == 8


def test_characters_that_train_are_told_apart_by_other_drawers(path):
    sets = {split: ms.Written(split, path, classes="train") for split in SPLITS}
    drawer = read_strokes(path).drawer
    assert len({one.classes for one in sets.values()}) == 1 and len(sets["val"].classes) == 19
    who = {
        split: set(drawer[one.pool.numbers[np.concatenate(list(one.symbols.values()))]].tolist())
        for split, one in sets.items()
    }
    assert who["train"] == {1, 2, 3, 4, 6, 7, 8, 9} and who["val"] == who["test"] == {5, 10}
