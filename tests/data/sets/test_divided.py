"""Recordings are divided among splits so that none, nor a take, is in two of them."""

from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.readers.events import event_array
from minisnn.data.sets import samples
from minisnn.data.sets.named import open_set
from minisnn.data.sets.pool import Pool


def takes(rng, number: int, symbols: int, every: bool):
    """(labels, groups) of recordings: takes of one symbol each, or of all of them."""
    group = np.repeat(np.arange(number), 6)
    return (np.tile(np.arange(6) % symbols, number) if every else group % symbols), group


def divided(labels, groups, seed=0):
    """The split of every recording."""
    counts = np.ones((len(labels), 1, 1, 1, 2), np.uint8)
    pool = Pool.collect(counts.shape[1:], [(counts, labels, np.arange(len(labels)))])
    parts = ms.Recordings(pool, groups={"take": groups}).split_recordings(seed)
    split = np.full(len(labels), -1)
    for k, part in enumerate(parts.values()):
        split[samples.used_by(part)] = k
    return split


@pytest.mark.parametrize("every", [False, True])
def test_groups_stay_together_and_every_symbol_is_everywhere(rng, every):
    for seed in range(50):
        labels, groups = takes(rng, 24, 3, every)
        order = rng.permutation(len(labels))
        split = divided(labels[order], groups[order], seed)
        for group in range(24):
            assert len(set(split[groups[order] == group])) == 1
        numbers = np.array(
            [
                [np.sum((split == k) & (labels[order] == symbol)) for k in range(3)]
                for symbol in range(3)
            ]
        )
        assert (numbers >= 2).all() and (numbers[:, 0] > numbers[:, 1:].max(1)).all()


# ---- of a folder of recordings


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def save(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    x, t = rng.integers(0, 12, 40), np.sort(rng.integers(0, 20_000, 40))
    np.save(name, event_array(x, rng.integers(0, 10, 40), t, rng.integers(0, 2, 40)))


def opened(split: str, **how):
    return open_set(
        "recordings", split, "r", False, sensor=(10, 12), duration_ms=20, classes="train", **how
    )


def used(**how) -> dict[str, set[int]]:
    return {
        split: set(samples.used_by(opened(split, **how)).tolist())
        for split in ("train", "val", "test")
    }


def test_known_classes_are_met_in_other_recordings():
    for n in range(60):
        save(f"r/c{n % 5}/{n}.npy", n)
    sets, places = {split: opened(split) for split in ("train", "val", "test")}, used()
    # those that meta-train
    assert len({one.classes for one in sets.values()}) == 1 and len(sets["train"].classes) == 3
    assert sum(map(len, places.values())) == len(set().union(*places.values())) == 36
    whole = open_set("recordings", "train", "r", False, sensor=(10, 12), duration_ms=20)
    assert whole.classes == sets["test"].classes and len(samples.used_by(whole)) == 36


def test_folders_of_the_same_labels_are_the_splits():
    for n in range(40):
        save(f"r/{['train', 'train', 'val', 'test'][n // 10]}/c{n % 3}/{n}.npy", n)
    places = used()
    assert [len(places[split]) for split in ("train", "val", "test")] == [20, 10, 10]
    tasks = opened("test")
    names = {tasks.source for _ in tasks.classes}
    assert tasks.classes == ("c0", "c1", "c2") and names == {"r"}


@pytest.mark.parametrize(
    "rows, message",
    [
        (
            ["a,train", "a,train", "b,test", "b,test", "a,test", "a,test"],
            "r: a is in more than one of train, test, but b not in all of them; expected labels",
        ),
        (
            ["a,train", "a,train", "a,test", "a,test", "a,"],
            "1 recordings name no split, the others train and test; expected",
        ),
        (
            ["a,train", "a,train", "a,val", "a,val"],
            "0 recordings name no split, the others train and val; expected train and",
        ),
        (
            ["a,train", "a,train", "a,val", "a,val", "a,test"],
            "class a in test",
        ),
    ],
)
def test_splits_that_cannot_serve(rows, message):
    for n in range(len(rows)):
        save(f"r/{n}.npy", n)
    Path("r/index.csv").write_text(
        "path,label,split\n" + "\n".join(f"{n}.npy,{row}" for n, row in enumerate(rows))
    )
    with pytest.raises(ValueError, match=message):
        opened("train")


@pytest.mark.parametrize("how", ["again", "copy", "part"])
def test_a_recording_in_two_splits_is_told(how):
    """Under another spelling of its name, as a copy, or in parts."""
    for n in range(12):
        save(f"r/{n}.npy", n)
    save("r/deep/x.npy", 99)
    save("r/copy.npy", 3)
    rows = [f"{n}.npy,a,,,{['train', 'val', 'test'][n // 4]}" for n in range(12)]
    rows += [
        dict(again="deep/../3.npy,a,,,test", copy="copy.npy,a,,,test", part="3.npy,a,1,2,test")[how]
    ]
    if how == "part":
        rows[3] = "3.npy,a,0,1,train"
        save_times(3)
    Path("r/index.csv").write_text("path,label,start_ms,stop_ms,split\n" + "\n".join(rows))
    with pytest.raises(
        ValueError,
        match="parts of this recording, or copies of it, are in train and in test; expected each",
    ):
        opened("train")


def save_times(n: int) -> None:
    t = np.arange(40) * 50
    np.save(f"r/{n}.npy", event_array(t % 12, t % 10, t, t % 2))


def test_copies_of_a_recording_are_of_one_take():
    for n in range(40):
        save(f"r/c{n % 4}/{n}.npy", n // 8 * 4 + n % 4)
    tasks = open_set("recordings", "train", "r", False, sensor=(10, 12), duration_ms=20)
    assert np.bincount(tasks.takes).tolist() == [2] * 20
    for seed in range(20):
        found = tasks.episode(seed, 0, ways=2, shots=1, queries=8)
        assert not set(found.recordings[0].ravel()) & set(found.recordings[1].ravel())
    takes = {split: set(tasks.takes[list(places)].tolist()) for split, places in used().items()}
    assert not takes["train"] & takes["test"] and not takes["train"] & takes["val"]


def test_too_few_subjects_are_told():
    rows = [f"{n}.npy,c{n % 2},s{n % 4 // 2}" for n in range(48)]
    for n in range(48):
        save(f"r/{n}.npy", n)
    Path("r/index.csv").write_text("path,label,subject\n" + "\n".join(rows))
    with pytest.warns(
        UserWarning,
        match="r: there are too few subjects to divide them; recordings of one subject train",
    ):
        opened("train")
    Path("r/index.csv").write_text(
        "path,label,subject\n" + "\n".join(f"{n}.npy,c{n % 2},s{n // 6}" for n in range(48))
    )
    subjects = {split: {place // 6 for place in of} for split, of in used().items()}
    assert not subjects["train"] & subjects["test"] and not subjects["train"] & subjects["val"]


def indexed(rows: list[str], head: str) -> None:
    """A data set of so many recordings, whose index has these columns."""
    for n in range(len(rows)):
        save(f"r/{n}.npy", n)
    lines = "".join(f"{n}.npy,{row}\n" for n, row in enumerate(rows))
    Path("r/index.csv").write_text(f"path,{head}\n{lines}")


def classes(split: str, **how) -> tuple[str, ...]:
    found = open_set("recordings", split, "r", False, sensor=(10, 12), duration_ms=20, **how)
    return found.classes


def test_a_label_in_two_splits_is_no_reason_to_draw_others():
    """Only where all splits have the same labels are classes drawn, and that is said."""
    of = {"train": "abcdefghijl", "val": "mno", "test": "lpqrs"}
    indexed([f"{c},{part}" for part, own in of.items() for c in own for _ in "12"], "label,split")
    for how in ({}, {"classes": "train"}):
        with pytest.raises(
            ValueError,
            match="r: l is in more than one of train, val, test, but a, b, c, d, e and 13 more not in",
        ):
            classes("test", **how)
    indexed([f"{c},{part}" for part in of for c in "abcdef" for _ in "12"], "label,split")
    with pytest.warns(
        UserWarning, match="r: train and val and test have the same labels, so these"
    ):
        assert len(classes("test")) == 2
    indexed([f"{c},train" for c in "abcdef" for _ in "12"], "label,split")
    with pytest.warns(UserWarning, match="r: all recordings are of train, so these splits are not"):
        assert len(classes("test")) == 2
