"""Recordings are divided among splits so that none, nor a take, is in two of them."""

from pathlib import Path

import numpy as np
import pytest
from sweeps import noise

import minisnn as ms


def used_by(part: ms.Recordings) -> np.ndarray:
    """Places of a set's recordings."""
    return np.unique(np.concatenate([*part.symbols.values()]))


@pytest.mark.parametrize("every", [False, True])
def test_groups_stay_together_and_every_symbol_is_everywhere(rng, every):
    """Takes of one symbol each, or of all of them."""
    groups = np.repeat(np.arange(24), 6)
    labels = np.tile(np.arange(6) % 3, 24) if every else groups % 3
    counts = np.ones((len(labels), 1, 1, 1, 2), np.uint8)
    for seed in range(50):
        place = rng.permutation(len(labels))
        parts = ms.Recordings(
            counts, labels[place], duration_ms=1, groups={"take": groups[place]}
        ).split_recordings(seed)
        used = [place[used_by(part)] for part in parts.values()]
        met = [set(groups[one].tolist()) for one in used]
        assert sum(map(len, met)) == len(set.union(*met)) == 24
        numbers = np.array([np.bincount(labels[one], minlength=3) for one in used])
        assert (numbers >= 2).all() and (numbers[0] > numbers[1:].max(0)).all()


# ---- of a folder of recordings


def save(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    np.save(name, noise(rng, (10, 12), 40, 20))


def opened(split: str, classes: str | None = "train"):
    how = dict(sensor=(10, 12), duration_ms=20, classes=classes)
    return ms.open_set("recordings", split, "r", False, **how)


def used() -> dict[str, set[int]]:
    """Places of the recordings of a classifier in each split."""
    sets = {split: opened(split) for split in ("train", "val", "test")}
    assert len({one.classes for one in sets.values()}) == 1
    places = {split: set(used_by(one).tolist()) for split, one in sets.items()}
    assert sum(map(len, places.values())) == len(set().union(*places.values()))
    return places


def indexed(rows: list[str], head: str) -> None:
    """A data set of so many recordings, whose index has these columns."""
    for n in range(len(rows)):
        save(f"r/{n}.npy", n)
    lines = "".join(f"{n}.npy,{row}\n" for n, row in enumerate(rows))
    Path("r/index.csv").write_text(f"path,{head}\n{lines}")


@pytest.mark.parametrize(
    "rows, message",
    [
        (
            ["a,train", "a,train", "b,test", "b,test", "a,test", "a,test"],
            "labels",
        ),
        (["a,train", "a,train", "a,test", "a,test", "a,"], "without a split"),
        (["a,train", "a,train", "a,val", "a,val"], "expected train and test"),
        (["a,train", "a,train", "a,val", "a,val", "a,test"], "class a in test"),
    ],
)
def test_splits_that_cannot_serve(rows, message):
    indexed(rows, "label,split")
    with pytest.raises(ValueError, match=message):
        opened("train")


@pytest.mark.parametrize(
    "last", ["deep/../3.npy,a,,,test", "copy.npy,a,,,test", "3.npy,a,1,2,test"]
)
def test_a_recording_in_two_splits_is_told(last):
    """Under another spelling of its name, as a copy, or in parts."""
    for n in range(12):
        save(f"r/{n}.npy", n)
    save("r/deep/x.npy", 99)
    save("r/copy.npy", 3)
    rows = [f"{n}.npy,a,,,{['train', 'val', 'test'][n // 4]}" for n in range(12)]
    if ",1,2," in last:
        t = np.arange(40) * 50
        np.save("r/3.npy", ms.event_array(t % 12, t % 10, t, t % 2))
        rows[3] = "3.npy,a,0,1,train"
    Path("r/index.csv").write_text("\n".join(["path,label,start_ms,stop_ms,split", *rows, last]))
    with pytest.raises(ValueError, match="copies of it, are in train and in test"):
        opened("train")


def test_subjects_are_divided_or_too_few():
    indexed([f"c{n % 2},s{n % 4 // 2}" for n in range(48)], "label,subject")
    with pytest.raises(ValueError, match="in 2 groups"):
        opened("train")
    indexed([f"c{n % 2},s{n // 6}" for n in range(48)], "label,subject")
    subjects = {split: {place // 6 for place in of} for split, of in used().items()}
    assert not subjects["train"] & subjects["test"] and not subjects["train"] & subjects["val"]


def test_a_label_in_two_splits_is_no_reason_to_draw_others():
    """Only where all splits have the same labels are classes drawn, and that is said."""
    of = {"train": "abcdefghijl", "val": "mno", "test": "lpqrs"}
    indexed([f"{c},{part}" for part, own in of.items() for c in own for _ in "12"], "label,split")
    for classes in (None, "train"):
        with pytest.raises(ValueError, match="labels"):
            opened("test", classes)
    indexed([f"{c},{part}" for part in of for c in "abcdef" for _ in "12"], "label,split")
    with pytest.warns(UserWarning, match="train and val and test have the same labels"):
        assert len(opened("test", None).classes) == 2
    indexed([f"{c},train" for c in "abcdef" for _ in "12"], "label,split")
    with pytest.warns(UserWarning, match="train is the only split"):
        assert len(opened("test", None).classes) == 2
