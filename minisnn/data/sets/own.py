"""The recordings in a folder, or in a file of many, as a set of tasks, divided into splits by class
or by recording."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...arguments import need, one_of
from ..readers.anything import READERS, Entry, entries, read_entry, sensor_of_all
from ..readers.many import forget, is_spoken
from .counting import Form, counts_of, one_or_two, warn_of_losses
from .pool import Keep, pool_of
from .recordings import Recordings, as_splits, check_groups
from .samples import LEAST, SPLITS, places_of, split_classes

MOST_NAMED = 5  # labels in a message


def own(
    split: str = "train",
    root: str | Path | None = None,
    *,
    sensor: tuple[int, ...] | None = None,
    size: tuple[int, ...] | None = None,
    bin_ms: float = 1.0,
    duration_ms: float = 100.0,
    hop_ms: float | None = None,
    time: str | None = None,
    flip_y: bool = False,
    columns: str | None = None,
    class_seed: int = 0,
    classes: str | None = None,
    cache: bool = True,
    progress: bool = True,
) -> Recordings:
    """Open the recordings under `root` as a set of tasks (`Recordings`), with a class for every
    label.

    split       of the classes: those of the folders train, val and test, or of the column split, if
                each has labels of its own; otherwise `class_seed` draws 64, 16 and 20 % of them
    sensor      rows and columns, or (n,) of n units; None: those that the format states, as
                N-MNIST's does; otherwise they must be given
    classes     "train": the classes that meta-train, in the recordings of `split`. A rule that
               classifies all classes is tested on other recordings of them. These are those of
                the folders or the column, if all labels are the same in each. Otherwise `class_seed`
                draws them: whole continuous recordings, and whole subjects if the index names
               them. Three classes or fewer are all used
    flip_y      whether y grows upwards in the files

    The other arguments are those of `Recordings` and `read_entry`. A continuous recording, and a
    subject that the index names, is on one side of a task only. Raises ValueError, naming the fault.
    """
    if root is None:
        raise ValueError("recordings need --root with one folder for each class, or index.csv")
    one_of("split", split, SPLITS)
    one_of("classes", classes or split, SPLITS)
    source = str(root)
    found = entries(root)
    deals, _ = division_of(found, source)
    check_options_needed(found, source, time=time, columns=columns)
    sensor = sensor or sensor_of_all(found)
    if sensor is None:
        raise ValueError(
            f"{root}: its files do not say how large the sensor is; give --sensor ROWS,COLUMNS, or "
            "--sensor UNITS where recordings are of (time, unit)"
        )
    cells = None if size is None else tuple(one_or_two(size))
    form = Form(tuple(sensor), cells, bin_ms, duration_ms, hop_ms, time, columns)
    rows = sensor[0] if flip_y else None
    names = sorted({one.label for one in found})

    def batches() -> Iterator[tuple]:
        read = (read_entry(one, time, rows, form.sensor, columns) for one in found)
        labelled = zip(read, (names.index(one.label) for one in found))
        yield from counts_of(labelled, (one.name for one in found), form, checked=True)
        forget()

    what = f"reading {len(found)} recordings of {source}"
    total = len(found) if form.hop_ms is None else None
    files = {one.path for one in found}
    made_from = dict(form=form, entries=[[*map(str, one)] for one in found], rows=rows)
    keep = Keep(cache, progress)
    pool = pool_of("recordings", form.shape, batches(), keep, what, total, files, **made_from)
    warn_of_losses(pool, source, [one.name for one in found], form.sensor)
    of = [found[k] for k in pool.numbers]
    groups = {"take": [one.name for one in of]}  # not shared by support and query
    if any(one.subject for one in of):  # a recording of none is of its own
        groups["subject"] = [one.subject or f"file {one.name}" for one in of]
    made_of = {name: (k,) for k, name in enumerate(names)}
    whole = Recordings(pool, made_of=made_of, groups=groups, source=source)
    if classes is not None and deals == "recordings":
        return _as_named(whole, of, class_seed)[split]
    # of three classes at most one would train, so all are classified
    if classes is None or len(names) > len(SPLITS):
        parts = classes_of(found, class_seed, source)
        sets = as_splits({part: whole.only(chosen) for part, chosen in parts.items()})
        if classes is None:
            check_groups(*sets.values())
            return sets[split]
        whole = sets[classes]
    return whole.split_recordings(class_seed)[split]


def check_options_needed(found: Sequence[Entry], source: str, **given: str | None) -> None:
    """Raise ValueError where `time` or `columns` is given and no file needs it."""
    kinds = sorted({one.path.suffix.lower() for one in found})
    takes = [] if all(kind in READERS and READERS[kind].says for kind in kinds) else [*given]
    if found[0].key is not None:  # all in one file
        takes = ["time"] * is_spoken(found[0].path)
    for name, value in given.items():
        good = value is None or name in takes
        expected = f"none, since files ending in {' and '.join(kinds)} state it"
        need(f"{source}: --{name} (in Python {name}=)", value, good, expected)


# ---- splits


def division_of(found: Sequence[Entry], source: str) -> tuple[str, dict[str, list[str]]]:
    """Return what the named splits divide, and each split's labels: "classes" if each has different
    labels, "recordings" if all have the same ones, or "nothing" for one split at most. ValueError
    where only some labels are in several splits, or only some recordings name a split."""
    met = {part: {one.label for one in found if one.split == part} for part in SPLITS}
    labels = {part: sorted(names) for part, names in met.items() if names}
    if len({one.split for one in found}) < 2:
        return "nothing", labels
    many = Counter(name for names in labels.values() for name in names)
    if set(many.values()) == {len(labels)}:
        return "recordings", labels
    several = [name for name in sorted(many) if many[name] > 1]
    rest = [name for name in sorted(many) if many[name] < len(labels)]
    both = f"{several[:MOST_NAMED]} are in several of them, and {rest[:MOST_NAMED]} are not in all"
    expected = "labels of their own in each, or the same in all"
    need(f"{source}: labels in {', '.join(labels)}", both, not several, expected)
    check_named(found, source)
    return "classes", labels


def check_named(found: Sequence[Entry], source: str) -> None:
    """Raise ValueError unless all recordings name a split, with some to train and some to test."""
    many = Counter(one.split or "without a split" for one in found)
    good = set(many) in ({"train", "test"}, {*SPLITS})
    expected = "train and test, and maybe val, of all recordings, or of none"
    need(f"{source}: the number of recordings by split", dict(many), good, expected)


def classes_of(found: Sequence[Entry], class_seed: int, source: str) -> dict[str, list[str]]:
    """Return each split's classes: named by the folders train, val and test or by the column split,
    if these have different labels, else drawn, with a warning where named splits are ignored. Where
    no validation split is named, it is drawn from the training classes. ValueError where there are
    too few classes, and as in `division_of`."""
    deals, labels = division_of(found, source)
    names = sorted({one.label for one in found})
    if deals == "classes" and "val" in labels:
        return labels
    if deals == "classes":
        return split_classes(names, class_seed, source, train=0.8, val=0.2, test=labels["test"])
    if labels:
        why = "have the same labels" if deals == "recordings" else "is the only split"
        warnings.warn(
            f"{source}: {' and '.join(labels)} {why}, so these splits are not used; the classes "
            "of each split are drawn",
            stacklevel=3,
        )
    return split_classes(names, class_seed, source)


def _as_named(whole: Recordings, of: list[Entry], seed: int) -> dict[str, Recordings]:
    """Return all classes in each named split's recordings; a missing validation split is drawn by
    `seed` from the training recordings. ValueError where they do not suffice."""
    check_named(of, whole.source)
    assert whole.takes is not None
    split_of: dict[int, str | None] = {}
    for one, take in zip(of, whole.takes.tolist()):
        if split_of.setdefault(take, one.split) != one.split:
            raise ValueError(
                f"{one.name}: parts of this recording, or copies of it, are in {split_of[take]} "
                f"and in {one.split}; expected each recording in one split"
            )
    where = {part: np.flatnonzero([one.split == part for one in of]) for part in SPLITS}
    if not len(where["val"]):
        train = whole.among(where["train"])
        where |= places_of(train, {"train": 0.8, "val": 0.2}, seed, whole.takes)
    sets = as_splits({part: whole.among(where[part]) for part in SPLITS})
    for part, tasks in sets.items():
        for symbol, own in tasks.symbols.items():
            expected = f"at least {LEAST} recordings of {tasks.name_of(symbol)} in {part}"
            need(f"{whole.source}: the number", len(own), len(own) >= LEAST, expected)
    return sets
