"""Omniglot: what ships is whole, alphabets stay on their side, recordings are made when they are
asked for."""

import numpy as np
import pytest

from minisnn.data.sets import omniglot
from minisnn.data.sets.pools import centred
from minisnn.data.sets.omniglot import PEOPLE, VALIDATION, Omniglot, alphabets


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))


def test_the_pictures_are_all_there():
    found = {split: alphabets(split) for split in ("train", "val", "test")}
    assert {split: len(part) for split, part in found.items()} == {
        "train": 25,
        "val": 5,
        "test": 20,
    }
    assert {split: sum(map(len, part.values())) for split, part in found.items()} == {
        "train": 773,
        "val": 191,
        "test": 659,
    }
    for part in found.values():
        for name, pictures in part.items():
            assert pictures.shape[1:] == (PEOPLE, 28, 28) and set(np.unique(pictures)) == {0, 255}
            ink = (pictures > 0).sum((2, 3))
            assert ink.min() >= 2 and ink.max() < 250, name  # no empty drawing, none inverted
    assert set(found["val"]) == set(VALIDATION) and not set(found["train"]) & set(VALIDATION)


def test_splits_share_no_class_and_turns_are_classes_of_meta_training():
    sets = {split: Omniglot(split, progress=False) for split in ("train", "val", "test")}
    assert {split: len(one.classes) for split, one in sets.items()} == {
        "train": 8 * 773,
        "val": 191,
        "test": 659,
    }
    assert not {one.split("-")[0] for one in sets["train"].classes} & {
        one.split("-")[0] for one in sets["val"].classes
    }
    assert len(set(sets["train"].classes)) == 8 * 773
    assert {"Latin-26+270", "Latin-26+m", "Latin-26+270m"} < set(sets["train"].classes)
    assert (
        len(Omniglot("test", turns=True).classes) == 8 * 659
        and len(Omniglot("train", turns=False).classes) == 773
    )
    assert (
        all(len(where) == PEOPLE for where in sets["train"].symbols.values())
        and not sets["train"].pool.made
    )
    assert all(len(where) == 2 * PEOPLE for where in Omniglot("train", draws=2).symbols.values())


def characters_of(data: Omniglot) -> set[str]:
    return {name.partition("+")[0] for name in data.classes}


def test_the_random_split_gives_every_character_one_split():
    whole = {name: one for split in omniglot.SPLITS for name, one in alphabets(split).items()}
    lots = omniglot.random_split()
    assert {name: len(one) for name, one in lots.items()} == {
        name: len(one) for name, one in whole.items()
    }
    sets = {split: Omniglot(split, protocol="random", progress=False) for split in omniglot.SPLITS}
    found = {split: characters_of(one) for split, one in sets.items()}
    assert {split: len(one) for split, one in found.items()} == {
        "train": 1100,
        "val": 100,
        "test": 423,
    }
    assert len(set.union(*found.values())) == 1623
    assert [len(sets[split].classes) for split in omniglot.SPLITS] == [4400, 400, 1692]
    for one in sets.values():
        assert {name.partition("+")[2] for name in one.classes} == {"", "90", "180", "270"}
    assert 400 < sum(lots[name].count("train") for name in alphabets("test"))  # of all alphabets


def test_all_background_alphabets_train_at_last_and_none_validates():
    train = Omniglot("train", protocol="background")
    parts = [Omniglot(one, turns=True) for one in ("train", "val")]
    assert set(train.classes) == set.union(*(set(one.classes) for one in parts))
    assert len(train.classes) == 8 * 964 and len(train.turned) == 7 * 964
    assert Omniglot("test", protocol="background").classes == Omniglot("test").classes
    with pytest.raises(ValueError, match="omniglot-background has nothing that validates"):
        Omniglot("val", protocol="background")


@pytest.fixture
def unseen(monkeypatch):
    """Tasks without recordings, which take long to make."""
    monkeypatch.setattr(
        Omniglot,
        "_counts",
        lambda self, *sides: [np.zeros((len(one), 1, 1, 1, 2)) for one in sides],
    )


def test_a_random_task_has_classes_turned_as_lots_fall(unseen):
    classes = Omniglot("test", protocol="random").episode(0, 0, 20).classes
    assert len({name.partition("+")[2] for name in classes}) > 1


def test_a_class_of_the_random_split_is_the_character_of_its_number(small):
    [name, _] = small["train"]
    of_split = {
        split: np.flatnonzero([one == split for one in omniglot.random_split()[name][:3]])
        for split in omniglot.SPLITS
    }
    split, places = next(one for one in of_split.items() if 0 < len(one[1]) < 3)
    whole = Omniglot("train", progress=False)
    part = Omniglot(split, protocol="random", turns=False, progress=False)
    own = [one for one in part.classes if one.startswith(name)]
    assert own == [f"{name}-{place + 1:02d}" for place in places]
    for one in own:
        seen, expected = (
            data.pool.dense(data.symbols[data.made_of[one][0]]) for data in (part, whole)
        )
        assert np.array_equal(seen, expected)


def test_classes_of_a_task_are_turned_alike(unseen):
    data, found = Omniglot("train", progress=False), set()
    for index in range(60):
        classes = data.episode(0, index, 20).classes
        turns = {name.partition("+")[2] for name in classes}
        assert len(turns) == 1 and len(set(classes)) == 20
        found |= turns
    assert found == {"", "90", "180", "270", "m", "90m", "180m", "270m"}
    given = ("Latin-01", "Latin-01+90")
    assert data.sample_task(np.random.default_rng(0), 2, classes=given).classes == given
    mixed = data.only(["Latin-01", "Latin-02", "Latin-01+90"])
    for index in range(20):
        assert set(mixed.episode(0, index, 2).classes) == {"Latin-01", "Latin-02"}
    # no turn has three: as of any set
    assert len(mixed.episode(0, 0, 3).classes) == 3


@pytest.fixture
def small(monkeypatch):
    """Two alphabets of three and two characters."""
    whole = {split: dict(list(alphabets(split).items())[:2]) for split in omniglot.SPLITS}
    few = {
        split: {n: p[: 3 - k] for k, (n, p) in enumerate(part.items())}
        for split, part in whole.items()
    }
    monkeypatch.setattr(omniglot, "alphabets", few.__getitem__)
    return few


def test_a_task_records_the_alphabets_that_it_needs(small):
    data = Omniglot("train", progress=False)
    assert data.input_shape == (16, 16, 2) and len(data.classes) == 40
    first, second = small["train"]
    names = [f"{first}-01", f"{first}-03"]
    task = data.sample_task(np.random.default_rng(0), 2, 1, 4, names)
    assert (
        task.classes == tuple(names)
        and task.x_query.shape == (8, 100, 16, 16, 2)
        and len(data.pool.made) == 1
    )
    assert 300 < task.x_query.sum() / 8 < 4000
    support, query = task.recordings
    assert (
        support.shape == (2, 1)
        and query.shape == (8, 1)
        and not set(support.ravel()) & set(query.ravel())
    )
    again = Omniglot("train", progress=False).sample_task(np.random.default_rng(0), 2, 1, 4, names)
    assert np.array_equal(again.x_query, task.x_query)
    other = Omniglot("train", cache=False, seed=1, progress=False).sample_task(
        np.random.default_rng(0), 2, 1, 4, names
    )
    assert not np.array_equal(other.x_query, task.x_query)


def test_what_is_recorded_is_the_picture_turned_and_mirrored(small):
    data, [name, _] = Omniglot("train", progress=False), small["train"]
    pictures = omniglot.thickened(small["train"][name].reshape(-1, 28, 28))
    suffixes = ("", "+90", "+180", "+270", "+m", "+90m", "+180m", "+270m")
    for turn, suffix in enumerate(suffixes):
        where = data.symbols[data.made_of[f"{name}-02{suffix}"][0]]
        frames, likeness = data.pool.dense(where).sum((1, 4)).astype(float), []
        for k in range(len(suffixes)):
            turned = np.rot90(pictures[PEOPLE : 2 * PEOPLE], -k, (1, 2))[
                :, :, :: 1 if k < 4 else -1
            ]
            shown = np.pad(turned, ((0, 0), (3, 3), (3, 3)))[:, :32, :32]
            cells = shown.reshape(PEOPLE, 16, 2, 16, 2).sum((2, 4)).astype(float)
            likeness.append(np.corrcoef(cells.ravel(), frames.ravel())[0, 1])
        assert int(np.argmax(likeness)) == turn, (suffix, likeness)


def test_draws_are_recordings_of_their_own(small):
    data = Omniglot("val", draws=2, progress=False)
    drawing = data.pool.numbers % (len(data.pool) // 2)
    for index in range(20):
        support, query = (
            drawing[side].ravel() for side in data.episode(0, index, 2, 2, 3).recordings
        )
        assert not set(support.tolist()) & set(query.tolist())
    where = data.symbols[0]
    assert len(where) == 2 * PEOPLE
    one, other = data.pool.dense(where[[0, PEOPLE]])
    assert one.any() and other.any() and not np.array_equal(one, other)


def test_a_classifier_meets_other_peoples_drawings(small):
    train, test = Omniglot("train", classes="train"), Omniglot("test", classes="train")
    assert train.classes == test.classes and len(train.classes) == 5
    for symbol, where in train.symbols.items():
        assert (
            len(where) == 16
            and len(test.symbols[symbol]) == 4
            and not set(where) & set(test.symbols[symbol])
        )


def test_centred_recordings_have_their_mean_event_in_the_middle(small):
    names = [f"{next(iter(small['train']))}-0{k}" for k in (1, 2)]
    for size in (32, 16):
        plain, moved = (
            Omniglot("train", size=(size, size), centred=on, progress=False) for on in (False, True)
        )
        x, z = (
            one.sample_task(np.random.default_rng(0), 2, 1, 4, names).x_query.astype(float)
            for one in (plain, moved)
        )
        place = np.arange(size) - (size - 1) / 2
        of = lambda one: (
            np.stack([one.sum((1, 3, 4)) @ place, one.sum((1, 2, 4)) @ place])
            / one.sum((1, 2, 3, 4))
            * 32
            / size
        )
        assert np.abs(of(x)).max() > 1.5 and np.abs(of(z)).max() < 0.7
        assert (z.sum((1, 2, 3, 4)) > 0.9 * x.sum((1, 2, 3, 4))).all()


def test_centring_moves_by_whole_cells_and_leaves_the_empty_alone():
    counts = np.zeros((3, 2, 6, 5, 2), np.uint8)
    counts[0, 0, 0, 0, 0], counts[0, 1, 1, 0, 1] = 7, 7
    counts[1, 1, 5, 2, 1] = 3
    found = centred(counts)
    assert found[0, 0, 2, 2, 0] == 7 and found[0, 1, 3, 2, 1] == 7 and found[0].sum() == 14
    assert found[1, 1, 3, 2, 1] == 3 and found[1].sum() == 3 and not found[2].any()


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(bin_ms=1.5), "bin_ms is"),
        (dict(bin_ms=0), "bin_ms is"),
        (dict(bin_ms=4), "duration_ms is"),
        (
            dict(bin_ms=10, duration_ms=305),
            "duration_ms is",
        ),
        (dict(bin_ms=10, duration_ms=310), "duration_ms is"),
        (dict(bin_ms=10, duration_ms=5), "duration_ms is"),
        (
            dict(protocol="lots"),
            "protocol",
        ),
        (
            dict(size=(16, 32)),
            "size is",
        ),
        (dict(size=(20, 20)), "size is"),
        (dict(split="background"), "split"),
        (dict(classes="test"), "classes"),
        (dict(root="here"), "root"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Omniglot(**options)
