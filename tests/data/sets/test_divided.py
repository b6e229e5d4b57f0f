"""Recordings are divided among splits so that none, nor a take, is in two of them."""

from pathlib import Path

import numpy as np
import pytest

import minisnn as ms

from minisnn.data.readers.events import event_array
from minisnn.data.sets import samples
from minisnn.data.sets.pool import Pool
from minisnn.data.sets.named import open_set


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


def test_shares_are_kept_where_recordings_are_alone():
    labels, alone = np.repeat(np.arange(4), 100), np.arange(400)
    split = divided(labels, alone)
    for symbol in range(4):
        assert np.bincount(split[labels == symbol]).tolist() == [64, 16, 20]
    assert not np.array_equal(split, divided(labels, alone, 1))


@pytest.mark.parametrize(
    "number, groups, words", [(5, 5, "5 recordings"), (40, 2, "40 recordings in 2 groups")]
)
def test_too_few_are_told(number, groups, words):
    with pytest.raises(ValueError, match=f"{words}; expected at least 2 in each"):
        divided(np.zeros(number, int), np.arange(number) % groups)


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


def test_without_a_folder_to_validate_the_training_recordings_give_some():
    for n in range(40):
        save(f"r/{['train', 'test'][n // 30]}/c{n % 3}/{n}.npy", n)
    places = used()
    assert (
        len(places["test"]) == 10
        and len(places["train"] | places["val"]) == 30
        and len(places["val"]) >= 6
    )
    assert not places["train"] & places["val"]


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
            "a has 1 recordings in test; expected at least 2",
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


@pytest.mark.filterwarnings("error")
def test_splits_that_are_used_need_no_note():
    of = {"train": "abcd", "val": "ef", "test": "gh"}
    indexed([f"{c},{part}" for part, own in of.items() for c in own for _ in "12"], "label,split")
    assert {part: "".join(classes(part)) for part in of} == of
    indexed([f"{c}," for c in "abcdef" for _ in "12"], "label,split")
    assert len(classes("test")) == 2


def test_a_class_of_one_subject_is_told_before_a_task_is_drawn():
    """Whichever split is opened; a classifier that learns nothing from a support can do with it."""
    rows = [f"{c},{'ann' if c == 'd' else who}" for c in "abcdefgh" for who in ["ann", "bob"] * 3]
    indexed(rows, "label,subject")
    for split in ("train", "val", "test"):
        with pytest.raises(
            ValueError,
            match="r: class d has 6 recordings in (train|val|test), all of one group by take and sub",
        ):
            classes(split)
    with pytest.warns(UserWarning, match="r: there are too few subjects to divide them"):
        assert classes("test", classes="train")


def test_parts_of_one_recording_are_one_group():
    for n in range(12):
        save(f"r/c{n // 2}/{n}.npy", n)
    Path("r/c3/6.npy").unlink()
    how = dict(root="r", progress=False, sensor=(10, 12), duration_ms=5, hop_ms=5)
    with pytest.raises(
        ValueError, match="class c3 has [234] recordings in .*, all of one group by take"
    ):
        open_set("recordings", "test", **how)


def test_what_a_set_is_told_by():
    """What it holds and how it is dealt out; not what else an object of one's own carries."""
    rng = np.random.default_rng(0)
    x, t = rng.integers(0, 5, (24, 30)), np.sort(rng.integers(0, 9000, (24, 30)), 1)
    events = [event_array(a, a, b, a % 2) for a, b in zip(x, t)]

    def made(events=events, **how):
        return ms.Recordings(events, np.arange(24) % 4, sensor=(5, 5), duration_ms=9, **how)

    first = made()
    first.sample_task = lambda *_: None
    assert (
        first.identity() == made().identity()
        and made().only(["1", "2"]).identity() != first.identity()
    )
    other = [one.copy() for one in events]
    other[7]["x"][3] = 4 - other[7]["x"][3] if other[7]["x"][3] != 2 else 0
    groups = {"subject": np.arange(24) // 4}
    apart = [
        made(other),
        made(groups=groups),
        made(within=np.arange(24) // 12),
        made().split_recordings(1, train=1, val=1, test=1),
    ]
    told = [one.identity() for one in (*apart[:3], *apart[3].values())]
    assert len({first.identity(), *told}) == 7


@pytest.mark.parametrize("seed", [None, -1, 0.5, True, "0", [1, 2]])
def test_seeds_are_numbers_so_that_splits_and_episodes_come_again(seed):
    data = ms.Recordings(*noise_of_three(), sensor=(4, 4), duration_ms=5)
    for call in (
        data.split,
        data.split_recordings,
        lambda seed: data.episode(seed, 0, 2),
        lambda seed: data.episode(0, seed, 2),
    ):
        with pytest.raises(ValueError, match="(seed|index) must be"):
            call(seed)
    assert data.split(np.int64(3))["train"].classes == data.split(3)["train"].classes


def noise_of_three():
    """Recordings and labels of ten classes."""
    rng = np.random.default_rng(0)
    frames = [rng.poisson(1.0, (5, 2, 4, 4)) for _ in range(60)]
    return frames, [number // 6 for number in range(60)]


@pytest.mark.parametrize("share", [0.0, -1.0, float("nan"), float("inf")])
def test_shares_are_above_nothing(share):
    data = ms.Recordings(*noise_of_three(), sensor=(4, 4), duration_ms=5)
    for divide in (data.split, data.split_recordings):
        with pytest.raises(ValueError, match="the shares .*above 0"):
            divide(0, train=share, val=0.5, test=0.5)


def test_together_is_one_a_recording():
    data = ms.Recordings(*noise_of_three(), sensor=(4, 4), duration_ms=5)
    with pytest.raises(ValueError, match="together must be a list of 60"):
        data.split_recordings(together=[1])


@pytest.mark.parametrize("size", [dict(ways=2.0), dict(shots=1.5), dict(queries=True)])
def test_sizes_of_tasks_are_whole(size):
    data = ms.Recordings(*noise_of_three(), sensor=(4, 4), duration_ms=5)
    with pytest.raises(ValueError, match=f"{next(iter(size))} must be a whole number"):
        data.episode(0, 0, **size)
