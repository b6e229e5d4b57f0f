"""Tasks over written characters: splits by alphabets, what is asked, what controls take away, and
what a run and a checkpoint keep of it."""

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.sets.samples import shared
from minisnn import read_strokes

SPLITS = ("train", "val", "test")


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


def test_new_drawers_are_not_met(path):
    drawer = read_strokes(path).drawer
    sets = {split: ms.Written(split, path, over="new-drawers") for split in SPLITS}
    met = {split: set(drawer[one.pool.numbers].tolist()) for split, one in sets.items()}
    assert met == {"train": {1, 2, 3, 4, 6, 7, 8, 9}, "val": {5, 10}, "test": {5, 10}}
    task = sets["train"].episode(0, 0, ways=5, queries=3)
    sides = [set(drawer[sets["train"].pool.numbers[one]].ravel()) for one in task.recordings]
    assert not sides[0] & sides[1]


def test_characters_that_train_are_told_apart_by_other_drawers(path):
    sets = {split: ms.Written(split, path, classes="train") for split in SPLITS}
    drawer = read_strokes(path).drawer
    assert len({one.classes for one in sets.values()}) == 1 and len(sets["val"].classes) == 19
    who = {
        split: set(drawer[one.pool.numbers[np.concatenate(list(one.symbols.values()))]].tolist())
        for split, one in sets.items()
    }
    assert who["train"] == {1, 2, 3, 4, 6, 7, 8, 9} and who["val"] == who["test"] == {5, 10}
