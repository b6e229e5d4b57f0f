"""The recordings in a folder, or a file of many, as a set of tasks: which classes, or which
recordings of all of them, train, validate and test."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...arguments import need, one_of
from ..readers.anything import READERS, Entry, entries, read_entry, sensor_of_all
from ..readers.plausible import Judge
from ..readers.spoken import forget, is_spoken
from ..readers.units import is_row
from ..store.cache import content_of
from .counting import Form, counts_of, one_or_two, tell_lost, tell_reach
from .pool import Pool
from .pools import Keep, pool_of
from .recordings import Recordings, as_splits, check_dealt
from .samples import LEAST, SPLITS, copies, joined, places_of, split_classes

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
    """The recordings under `root` as a set of tasks (`Recordings`), with a class for every label.

    split       of the classes: those of the folders train, val and test, or of the column split, if
                each has labels of its own; otherwise `class_seed` draws 64, 16 and 20 % of them
    sensor      rows and columns, or (n,) of n units; None: those that the format states, as
                N-MNIST's does; otherwise they must be given
    classes     "train": the classes that meta-train, in the recordings of `split`. A rule that
                tells all classes apart is tested on other recordings of them. These are those of
                the folders or the column, if all labels are the same there. Otherwise `class_seed`
                draws them: whole continuous recordings, and whole subjects if the index names
                enough. Of three classes and fewer it is all of them
    flip_y      whether y grows upwards in the files

    The other arguments are those of `Recordings` and `read_entry`. A continuous recording, and a
    subject that the index names, is on one side of a task only. Raises ValueError, naming what is
    at fault.
    """
    if root is None:
        raise ValueError("recordings need --root with one folder for each class, or index.csv")
    one_of("split", split, SPLITS)
    one_of("classes", classes or split, SPLITS)
    source = str(root)
    found = entries(root)
    deals = dealt_by(found, source)
    check_taken(found, source, time=time, columns=columns)
    sensor = sensor or sensor_of_all(found)
    if sensor is None:
        raise ValueError(
            f"{root}: its files do not say how large the sensor is; give --sensor ROWS,COLUMNS, or "
            "--sensor UNITS where recordings are of (time, unit)"
        )
    if flip_y and is_row(sensor):
        raise ValueError(f"{root}: flip_y turns pictures over; units have no rows, leave it out")
    cells = None if size is None else tuple(one_or_two(size))
    form = Form(tuple(sensor), cells, bin_ms, duration_ms, hop_ms)
    form.check()
    how = time, sensor[0] if flip_y else None, columns
    names = sorted({one.label for one in found})
    pool = _read(found, names, source, form, how, Keep(cache, progress))
    of = [found[k] for k in pool.numbers]
    takes = takes_of(found, of, pool)
    made_of = {name: (k,) for k, name in enumerate(names)}
    whole = Recordings(pool, made_of=made_of, groups=groups_of(of, takes), source=source)
    if classes is not None and deals == "recordings":
        return _as_named(whole, of, takes, class_seed)[split]
    # one of three classes would train, if any: all of them are told apart
    if classes is None or len(names) > len(SPLITS):
        tell_unused(found, source)
        parts = classes_of(found, class_seed, source)
        sets = as_splits({part: whole.only(chosen) for part, chosen in parts.items()})
        if classes is None:
            check_dealt(*sets.values())
            return sets[split]
        whole = sets[classes]
    return _drawn(whole, takes, class_seed)[split]


def _read(
    found: list[Entry], names: list[str], source: str, form: Form, how: tuple, keep: Keep
) -> Pool:
    """Counts of the recordings, or of their parts, with warnings of what is lost; how: options of
    `read_entry`."""
    time, flip, columns = how
    few: list[tuple[int, int, int, bool]] = []

    def batches() -> Iterator[tuple]:
        # where nothing says a unit, the reader has judged
        judge = None if time is None else Judge(time)
        read = (read_entry(one, time, flip, form.sensor, columns) for one in found)
        labelled = zip(read, (names.index(one.label) for one in found))
        try:
            yield from counts_of(labelled, (one.name for one in found), form, judge, few, True)
        finally:
            forget()

    what = f"reading {len(found)} recordings of {source}"
    total = len(found) if form.hop_ms is None else None
    files = {one.path for one in found}
    made_from = dict(form=form, entries=[[*map(str, one)] for one in found], how=how)
    pool = pool_of("recordings", form.shape, batches(), keep, what, total, few, files, **made_from)
    tell_lost(pool, source, [one.name for one in found])
    tell_reach(pool, source, form.sensor or ())
    return pool


def takes_of(found: list[Entry], of: list[Entry], pool: Pool) -> list[Any]:
    """The take of every part: the first of the recordings with the very same bytes, under whatever
    names, or with the same events in files that differ, such as one that was converted."""
    first: dict[tuple, str] = {}
    same = {one.name: first.setdefault((content_of(one.path), one.key), one.name) for one in found}
    takes = [same[one.name] for one in of]
    copy_of = copies(pool)
    return takes if copy_of is None else joined([np.array(takes), copy_of]).tolist()


def check_taken(found: Sequence[Entry], source: str, **said: str | None) -> None:
    """ValueError where `time` or `columns` is said, and no file takes it."""
    kinds = sorted({one.path.suffix.lower() for one in found})
    saying = {kind for kind, reader in READERS.items() if reader.says}
    takes = ["time", "columns"] * (not saying >= set(kinds))
    if found[0].key is not None:  # all in one file
        takes = ["time"] * is_spoken(found[0].path)
    for name, value in said.items():
        if value is not None and name not in takes:
            raise ValueError(
                f"{source}: --{name} {value} (in Python {name}={value!r}) would do nothing: files "
                f"ending in {' and '.join(kinds)} say it themselves; leave it out"
            )


def groups_of(found: Sequence[Entry], takes: Sequence[Any]) -> dict[str, list[Any]]:
    """What support and query must not share: the takes of entries, and their subjects, where some
    are named; a recording of none is of its own."""
    groups = {"take": list(takes)}
    if any(one.subject for one in found):
        groups["subject"] = [one.subject or f"file {one.name}" for one in found]
    return groups


def of_one_group(found: Sequence[Entry]) -> list[str]:
    """Labels of several entries that are all of one recording or subject, so that not both sides
    of a task can have some."""
    groups = groups_of(found, [one.name for one in found])
    group = joined([np.array(one) for one in groups.values()])
    labels = np.array([one.label for one in found])
    own = {label: group[labels == label] for label in np.unique(labels).tolist()}
    return [label for label, one in own.items() if len(one) > 1 and len(np.unique(one)) == 1]


# ---- splits


def labels_of(found: Sequence[Entry]) -> dict[str | None, list[str]]:
    """The labels that the folders train, val and test, or the column split, give each split that
    has some, and None, where recordings name no split."""
    labels = {
        part: sorted({one.label for one in found if one.split == part}) for part in (*SPLITS, None)
    }
    return {part: names for part, names in labels.items() if names}


def dealt_by(found: Sequence[Entry], source: str) -> str:
    """What the splits that folders or a column name deal out: "classes", where each has labels of
    its own, "recordings", where all have the same labels, or "nothing", where there is one at most.
    ValueError where some labels only are in several, or splits are named for some only."""
    labels = labels_of(found)
    if len(labels) < 2:
        return "nothing"
    labels.pop(None, None)
    many = Counter(one for own in labels.values() for one in own)
    several = sorted(one for one in many if many[one] > 1)
    rest = sorted(one for one in many if many[one] < len(labels))
    if len(labels) > 1 and not rest:
        return "recordings"
    if several:
        raise ValueError(
            f"{source}: {_some(several)} {'is' if len(several) == 1 else 'are'} in more than one "
            f"of {', '.join(map(str, labels))}, but {_some(rest)} not in all of them; expected "
            "labels of their own in each split, or the same labels in all"
        )
    check_named(found, source)
    return "classes"


def check_named(found: Sequence[Entry], source: str) -> None:
    """ValueError unless all recordings name a split, and some train, and others test."""
    splits = {one.split for one in found}
    if None in splits or not {"train", "test"} <= splits:
        nameless = sum(one.split is None for one in found)
        named = " and ".join(part for part in SPLITS if part in splits)
        raise ValueError(
            f"{source}: {nameless} recordings name no split, the others {named}; expected train and "
            "test, and maybe val, of all recordings, or of none"
        )


def _some(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED)
    return ", ".join(names[:MOST_NAMED]) + more


def tell_unused(found: Sequence[Entry], source: str) -> None:
    """Warn where splits are named that do not choose the classes."""
    named = [part for part in labels_of(found) if part is not None]
    if named and dealt_by(found, source) != "classes":
        why = f"all recordings are of {named[0]}"
        if len(named) > 1:
            why = f"{' and '.join(named)} have the same labels"
        warnings.warn(
            f"{source}: {why}, so these splits are not used; which classes train, validate and test "
            "is drawn",
            stacklevel=3,
        )


def classes_of(found: Sequence[Entry], class_seed: int, source: str) -> dict[str, list[str]]:
    """The classes of each split: those of the folders train, val and test, or of the column split,
    where each has labels of its own, else drawn; where none are named to validate, those are drawn
    of the training classes. ValueError where there are too few, and as `dealt_by`."""
    names = sorted({one.label for one in found})
    if dealt_by(found, source) != "classes":
        return split_classes(names, class_seed, source)
    labels = labels_of(found)
    if "val" in labels:
        return {part: labels[part] for part in SPLITS}
    return split_classes(names, class_seed, source, train=0.8, val=0.2, test=labels["test"])


def _as_named(
    whole: Recordings, of: list[Entry], takes: list[Any], seed: int
) -> dict[str, Recordings]:
    """All classes in the recordings that the folders or the column of splits name; where they name
    none to validate, `seed` draws those, of the training recordings. ValueError where they cannot
    serve."""
    check_named(of, whole.source)
    split_of: dict[str, str | None] = {}
    for one, take in zip(of, takes):
        if split_of.setdefault(take, one.split) != one.split:
            raise ValueError(
                f"{one.name}: parts of this recording, or copies of it, are in {split_of[take]} "
                f"and in {one.split}; expected each recording in one split"
            )
    where = {part: np.flatnonzero([one.split == part for one in of]) for part in SPLITS}
    if not len(where["val"]):
        where |= places_of(whole.among(where["train"]), {"train": 0.8, "val": 0.2}, seed, takes)
    sets = as_splits({part: whole.among(where[part]) for part in SPLITS})
    for part, tasks in sets.items():
        for symbol, own in tasks.symbols.items():
            expected = f"at least {LEAST} recordings of {tasks.name_of(symbol)} in {part}"
            need(f"{whole.source}: the number", len(own), len(own) >= LEAST, expected)
    return sets


def _drawn(tasks: Recordings, takes: list[Any], seed: int) -> dict[str, Recordings]:
    """The recordings of these classes divided by continuous recordings and subjects, or by the
    former only, with a message."""
    try:
        return tasks.split_recordings(seed)
    except ValueError:
        # no subjects are named
        if tasks.groups is None or len(set(takes)) == len(np.unique(tasks.groups)):
            raise
    sets = tasks.split_recordings(seed, together=takes)
    warnings.warn(
        f"{tasks.source}: there are too few subjects to divide them; recordings of one subject "
        "train, validate and test, in different continuous recordings",
        stacklevel=3,
    )
    return sets
