"""Makes a set of tasks from the recordings in a folder, or in a file of many recordings. The set is
divided into splits by class or by recording."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...arguments import need, one_of
from ..readers.listing import Entry, entries, read_entry, sensor_of_all
from .counting import Form, counts_of, one_or_two, warn_of_losses
from .pool import Keep, pool_of
from .recordings import Recordings, as_splits, check_groups
from .samples import LEAST, SPLITS, places_of, split_classes

MOST_NAMED = 5  # most labels listed in a message


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

    split       which classes to use: those of the folders train, val and test, or of the column
                split, if each has different labels; otherwise `class_seed` draws 64, 16 and 20 % of
                them
    sensor      rows and columns, or (n,) of n units; None: as stated by the format
                (N-MNIST's, for example); required if it states none
    classes     "train": the classes that meta-train, in the recordings of `split`. A rule that
               classifies all classes is tested on other recordings of them. The other recordings
               are those of the folders or the column, if each has all labels. Otherwise
               `class_seed` draws them, without dividing continuous recordings, or subjects that the
               index names. With three classes or fewer, all of them are used
    flip_y      whether y grows upwards in the files

    The other arguments are those of `Recordings` and `read_entry`. Support and query share no
    continuous recording, and no subject named by the index. Raises ValueError, with a message that
    says what is wrong.
    """
    if root is None:
        raise ValueError("recordings need --root with one folder for each class, or index.csv")
    one_of("split", split, SPLITS)
    one_of("classes", classes or split, SPLITS)
    source = str(root)
    recordings = entries(root)
    deals, _ = division_of(recordings, source)
    sensor = sensor or sensor_of_all(recordings)
    if sensor is None:
        raise ValueError(
            f"{root}: its files do not state the size of the sensor; give --sensor ROWS,COLUMNS, or "
            "--sensor UNITS for recordings of (time, unit)"
        )
    cells = None if size is None else tuple(one_or_two(size))
    form = Form(tuple(sensor), cells, bin_ms, duration_ms, hop_ms, time, columns)
    names = sorted({recording.label for recording in recordings})

    def batches() -> Iterator[tuple]:
        how = (form.sensor, time, columns, flip_y)
        read = (read_entry(recording, *how) for recording in recordings)
        labelled = zip(read, (names.index(recording.label) for recording in recordings))
        yield from counts_of(
            labelled, (recording.name for recording in recordings), form, checked=True
        )

    what = f"reading {len(recordings)} recordings of {source}"
    total = len(recordings) if form.hop_ms is None else None
    files = {recording.path for recording in recordings}
    made_from = dict(
        form=form, entries=[[*map(str, recording)] for recording in recordings], flip_y=flip_y
    )
    keep = Keep(cache, progress)
    pool = pool_of("recordings", form.shape, batches(), keep, what, total, files, **made_from)
    warn_of_losses(pool, source, [recording.name for recording in recordings], form.sensor)
    of = [recordings[k] for k in pool.numbers]
    groups = {"take": [recording.name for recording in of]}  # support and query share no take
    if any(recording.subject for recording in of):  # recordings without a subject are not grouped
        groups["subject"] = [recording.subject or f"file {recording.name}" for recording in of]
    made_of = {name: (k,) for k, name in enumerate(names)}
    whole = Recordings(pool, made_of=made_of, groups=groups, source=source)
    if classes is not None and deals == "recordings":
        return _as_named(whole, of, class_seed)[split]
    # three classes would leave at most one to train, so all are classified
    if classes is None or len(names) > len(SPLITS):
        parts = classes_of(recordings, class_seed, source)
        sets = as_splits({part: whole.only(chosen) for part, chosen in parts.items()})
        if classes is None:
            check_groups(*sets.values())
            return sets[split]
        whole = sets[classes]
    return whole.split_recordings(class_seed)[split]


# ---- splits


def division_of(recordings: Sequence[Entry], source: str) -> tuple[str, dict[str, list[str]]]:
    """Return what the named splits divide, and each split's labels. They divide "classes" if each
    has different labels, "recordings" if all have the same ones, and "nothing" if there is at most
    one split. Raises ValueError if only some labels are in several splits, or only some recordings
    name a split."""
    met = {
        part: {recording.label for recording in recordings if recording.split == part}
        for part in SPLITS
    }
    labels = {part: sorted(names) for part, names in met.items() if names}
    if len({recording.split for recording in recordings}) < 2:
        return "nothing", labels
    many = Counter(name for names in labels.values() for name in names)
    if set(many.values()) == {len(labels)}:
        return "recordings", labels
    several = [name for name in sorted(many) if many[name] > 1]
    rest = [name for name in sorted(many) if many[name] < len(labels)]
    both = f"{several[:MOST_NAMED]} are in several of them, and {rest[:MOST_NAMED]} are not in all"
    expected = "different labels in each, or the same in all"
    need(f"{source}: labels in {', '.join(labels)}", both, not several, expected)
    check_named(recordings, source)
    return "classes", labels


def check_named(recordings: Sequence[Entry], source: str) -> None:
    """Raise ValueError unless all recordings name a split, with some recordings for training and
    some for testing."""
    many = Counter(recording.split or "without a split" for recording in recordings)
    good = set(many) in ({"train", "test"}, {*SPLITS})
    expected = "train and test, and maybe val, of all recordings, or of none"
    need(f"{source}: the number of recordings by split", dict(many), good, expected)


def classes_of(recordings: Sequence[Entry], class_seed: int, source: str) -> dict[str, list[str]]:
    """Return each split's classes: those of the folders train, val and test, or of the column
    split, if no label is in two of them. Otherwise classes are drawn, with a warning if named
    splits are ignored. A missing validation split is drawn from the training classes. Raises ValueError if
    there are too few classes, and also raises the errors of `division_of`."""
    deals, labels = division_of(recordings, source)
    names = sorted({recording.label for recording in recordings})
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
    """Return all classes, with each named split's recordings; a missing validation split is drawn
    by `seed` from the training recordings. Raises ValueError if there are too few."""
    check_named(of, whole.source)
    assert whole.takes is not None
    split_of: dict[int, str | None] = {}
    for recording, take in zip(of, whole.takes.tolist()):
        if split_of.setdefault(take, recording.split) != recording.split:
            raise ValueError(
                f"{recording.name}: parts of this recording, or copies of it, are in "
                f"{split_of[take]} and in {recording.split}; expected each recording in one split"
            )
    where = {part: np.flatnonzero([recording.split == part for recording in of]) for part in SPLITS}
    if not len(where["val"]):
        train = whole.among(where["train"])
        where |= places_of(train, {"train": 0.8, "val": 0.2}, seed, whole.takes)
    sets = as_splits({part: whole.among(where[part]) for part in SPLITS})
    for part, tasks in sets.items():
        for symbol, own in tasks.symbols.items():
            expected = f"at least {LEAST} recordings of {tasks.name_of(symbol)} in {part}"
            need(f"{whole.source}: the number", len(own), len(own) >= LEAST, expected)
    return sets
