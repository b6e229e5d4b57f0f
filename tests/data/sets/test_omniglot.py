"""Omniglot: what ships is whole, alphabets stay on their side, recordings are made when they are
asked for."""

import numpy as np
import pytest

from minisnn.data.sets.omniglot import alphabets
from minisnn import Omniglot

SPLITS = ("train", "val", "test")
PEOPLE = 20


def test_splits_share_no_class_and_turns_are_classes_of_meta_training():
    sets = {split: Omniglot(split, progress=False) for split in SPLITS}
    assert [len(one.classes) for one in sets.values()] == [8 * 773, 191, 659]
    met = [{name.split("-")[0] for name in one.classes} for one in sets.values()]
    assert sum(map(len, met)) == len(set.union(*met)) == 50
    assert {"Latin-26+270", "Latin-26+m", "Latin-26+270m"} < set(sets["train"].classes)
    assert len(Omniglot("test", turns=True).classes) == 8 * 659
    assert len(Omniglot("train", turns=False).classes) == 773
    assert all(len(where) == PEOPLE for where in sets["train"].symbols.values())
    assert not sets["train"].pool.made
    assert all(len(where) == 2 * PEOPLE for where in Omniglot("train", draws=2).symbols.values())


def test_the_random_split_gives_every_character_one_split():
    sets = [Omniglot(split, protocol="random", progress=False) for split in SPLITS]
    found = [{name.partition("+")[0] for name in one.classes} for one in sets]
    assert [len(one) for one in found] == [1100, 100, 423] and len(set.union(*found)) == 1623
    assert [len(one.classes) for one in sets] == [4400, 400, 1692]
    evaluation = tuple(alphabets("test"))
    assert 400 < sum(name.startswith(evaluation) for name in found[0])  # of all alphabets


@pytest.fixture
def unseen(monkeypatch):
    """Tasks without recordings, which take long to make."""
    monkeypatch.setattr(
        Omniglot,
        "_counts",
        lambda self, *sides: [np.zeros((len(one), 1, 1, 1, 2)) for one in sides],
    )


def test_classes_of_a_task_are_turned_alike(unseen, rng):
    data = Omniglot("train", progress=False)
    found = set()
    for index in range(60):
        classes = data.episode(0, index, 20).classes
        turns = {name.partition("+")[2] for name in classes}
        assert len(turns) == 1 and len(set(classes)) == 20
        found |= turns
    assert found == {"", "90", "180", "270", "m", "90m", "180m", "270m"}
    given = ("Latin-01", "Latin-01+90")
    assert data.sample_task(rng, 2, classes=given).classes == given
    mixed = data.only(["Latin-01", "Latin-02", "Latin-01+90"])
    for index in range(20):
        assert set(mixed.episode(0, index, 2).classes) == {"Latin-01", "Latin-02"}
    # no turn has three: as of any set
    assert len(mixed.episode(0, 0, 3).classes) == 3


def test_a_classifier_meets_other_peoples_drawings():
    train = Omniglot("train", classes="train")
    test = Omniglot("test", classes="train")
    assert train.classes == test.classes and len(train.classes) == 773
    for symbol, where in train.symbols.items():
        assert (
            len(where) == 16
            and len(test.symbols[symbol]) == 4
            and not set(where) & set(test.symbols[symbol])
        )


@pytest.mark.parametrize("wrong", [dict(duration_ms=12.5), dict(size=(7, 8)), dict(bin_ms=1.5)])
def test_what_no_camera_records_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Omniglot("test", progress=False, **wrong)
