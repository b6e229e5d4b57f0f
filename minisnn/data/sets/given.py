"""What `Recordings` are given, by a script or as entries of a folder, checked: each error names the
argument, or the recording."""

import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

import numpy as np

from ... import arguments
from ...arguments import is_sequence, mapping, must, one_of, shown, wholes
from ..readers.anything import SAYING, Entry
from ..readers.pictures import by_value
from ..readers.plausible import Judge
from ..readers.spoken import is_spoken
from ..readers.units import in_words, is_row, lacks_rows
from ..readers.sources import are_frames, items_of, label_of, plain, sensor_in, sensor_of_frames
from .pool import Counts, Form, Pool, counts_of, tell_reach
from .samples import SHARES, joined, split_classes, used_by

MOST_NAMED = 5  # labels in a message


def check_given(events: Any, labels: Any, form: Form) -> None:
    """ValueError where these are no recordings, no labels, or no ways to count events."""
    for name in ("bin_ms", "duration_ms", "hop_ms"):
        width = getattr(form, name)
        what = "a positive number of milliseconds"
        if (width is not None or name != "hop_ms") and arguments.number(name, width, what) <= 0:
            raise ValueError(f"{name} must be {what}, not {width}")
    size = form.size
    good = size is None or len(wholes("size", size)) in (1, 2) and min(size) >= 1
    expected = "rows and columns of cells, such as (32, 32), or a number of units"
    must("size", good, expected, size)
    # as a Subset of PyTorch is
    listed = hasattr(events, "__getitem__") and hasattr(events, "__len__")
    readable = isinstance(events, (Iterable, Counts)) or listed
    if not readable or isinstance(events, (str, bytes, Mapping)):
        folder = isinstance(events, str) and bool(events)
        own = f"minisnn.data.sets.named.own('train', {events!r}, …)"
        way = f"; a folder is opened as {own}" * folder
        raise ValueError(
            f"events must be recordings, a list of arrays of events, not {shown(events)}{way}"
        )
    if form.time is not None:
        one_of("time", form.time, ("ns", "us", "ms", "s"))
    one_each = hasattr(labels, "__getitem__") and not isinstance(
        labels, (np.generic, str, bytes, Mapping)
    )
    must("labels", labels is None or one_each, "a list with one label for each recording", labels)


def labelled(
    source: Any, labels: Sequence[Any] | None, form: Form, of: str
) -> tuple[Pool, list[str]]:
    """(counts, names of the labels) of recordings given in Python, of which one is held at a
    time."""
    items = items_of(source, labels)
    first = next(items, None)
    if first is None:
        raise ValueError(
            "found 0 recordings and 0 labels; expected some, and one label for each recording"
        )
    form = replace(form, sensor=_sensor(form.sensor, source, plain(first[0])))
    frames = are_frames(plain(first[0]))
    check_size(form)
    items = chain([first], items)
    del first
    met: dict[str, int] = {}

    def numbered() -> Iterator[tuple[Any, int]]:
        for k, (events, label) in enumerate(items):
            try:
                yield events, met.setdefault(label_of(label), len(met))
            except ValueError as error:
                raise ValueError(f"recording {k}: {error}") from None

    few: list[tuple[int, int, int, bool]] = []
    names = (f"recording {k}" for k in count())
    pool = Pool.collect(*counts_of(numbered(), names, form, Judge(form.time), few), few)
    labels_met = sorted(met, key=by_value)
    places = np.array([labels_met.index(name) for name in met], np.int64)
    if not frames:  # they are as large as their sensor
        tell_reach(pool, of, form.sensor)
    return replace(pool, labels=places[pool.labels]), labels_met


def check_size(form: Form) -> None:
    """ValueError where the size is one of pixels and the sensor a row of units, or the other way
    round."""
    if form.size is not None and is_row(form.size) != is_row(form.sensor):
        assert form.sensor is not None
        expected = "a number of units" if is_row(form.sensor) else "rows and columns of cells"
        raise ValueError(
            f"size is {tuple(form.size)} of a sensor of {in_words(form.sensor)}; expected {expected}"
        )


def one_or_two(size: Any) -> Any:
    """A size of one number, of units, as (n,); all else as it is."""
    number = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    return (int(size),) if number else size


def _sensor(sensor: tuple[int, ...] | None, source: Any, first: Any) -> tuple[int, ...]:
    """Rows and columns, or (n,) of n units: as given, or as the source says, or its first recording
    where that is of frames."""
    if sensor is None:
        sensor = sensor_of_frames(first) if are_frames(first) else sensor_in(source)
        if sensor is not None and sensor[0] == 1 and not are_frames(first) and lacks_rows(first):
            sensor = sensor[1:]
    if sensor is None or len(wholes("sensor", sensor)) not in (1, 2) or min(sensor) < 1:
        raise ValueError(
            f"sensor is {shown(sensor)}; expected rows and columns of its pixels, such as (128, "
            "128), or the number of its units, such as 700"
        )
    return tuple(int(one) for one in sensor)


def symbols_of(
    made_of: Mapping[str, Sequence[Any]] | None, pool: Counts, names: list[str] | None, source: str
) -> dict[str, tuple[int, ...]]:
    """The numbers of the symbols that each class is made of, as many in each; made_of None: a class
    for every label. `names` are those of the labels, where they have some."""
    places = {name: place for place, name in enumerate(names or ())}
    if made_of is None:
        made_of = {str(one): (one,) for one in (names or np.unique(pool.labels).tolist())}
    must("made_of", mapping("made_of", made_of), "labels of one class or more", made_of)
    for name, symbols in made_of.items():
        listed = is_sequence(symbols) and len(symbols)
        must(f"made_of[{name!r}]", listed, "a list of one label or more", symbols)
    found = {
        name: tuple(_symbol(one, places, name) for one in symbols)
        for name, symbols in made_of.items()
    }
    if len({len(symbols) for symbols in found.values()}) != 1:
        raise ValueError(
            f"{source}: made_of has classes of different numbers of symbols; expected the same "
            "number in each"
        )
    return found


def _symbol(one: Any, places: Mapping[str, int], name: str) -> int:
    """The number of a symbol, by its label."""
    if not places or str(one) in places:
        return places.get(str(one), one) if places else int(one)
    raise ValueError(f"made_of[{name!r}] names {one!r}; expected labels, {' '.join(places)}")


def called_by(labels: list[str] | None, made_of: Mapping[str, tuple[int, ...]]) -> dict[int, str]:
    """What messages call the symbols: by their labels, else by the classes of one symbol."""
    if labels is not None:
        return dict(enumerate(labels))
    return {own[0]: name for name, own in made_of.items() if len(own) == 1}


def _drawn_from(tasks: Any) -> Iterator[tuple[str, np.ndarray]]:
    """What a task may draw from, in words, and the places of its recordings: each symbol, or each
    within a value of `within`."""
    values: list[Any] = [None]
    if tasks.within is not None:
        values = np.unique(tasks.within[used_by(tasks)]).tolist()
    for symbol in sorted({one for name in tasks.classes for one in tasks.made_of[name]}):
        where, name = tasks.symbols[symbol], f"{tasks.kind} {tasks.called.get(symbol, symbol)}"
        for value in values:
            if value is None:
                yield name, where
            else:
                yield f"within {value!r}, {name}", where[tasks.within[where] == value]


def check_enough(tasks: Any, copy_of: np.ndarray | None) -> None:
    """ValueError where a symbol has fewer than two recordings that are no copies of one, or those
    of a value of `within` are fewer."""
    for name, where in _drawn_from(tasks):
        different = len(where if copy_of is None else np.unique(copy_of[where]))
        if different < 2:
            number = f"{len(where)} recording{'s' * (len(where) != 1)}"
            number += ", copies of one" * (different < len(where))
            raise ValueError(
                f"{tasks.source}: {name} has {number}, expected at least 2, one for support and "
                "one for query"
            )


def check_different(tasks: Any, copy_of: np.ndarray | None) -> None:
    """ValueError where the names of two classes differ in how their accents are encoded alone, or
    most recordings of one are recordings of another one, too."""
    seen: dict[str, str] = {}
    for name in tasks.classes:
        other = seen.setdefault(unicodedata.normalize("NFC", name), name)
        if other != name:
            raise ValueError(
                f"{tasks.source}: two classes are called {name}, {ascii(other)} and {ascii(name)}; "
                "expected one, for they differ in how it is encoded alone"
            )
    if copy_of is None:
        return
    shown_by: dict[int, set[int]] = {}
    held = {symbol: set(copy_of[where].tolist()) for symbol, where in tasks.symbols.items()}
    for symbol, recordings in held.items():
        for one in recordings:
            shown_by.setdefault(one, set()).add(symbol)
    for symbol, recordings in held.items():
        shared = Counter(k for one in recordings for k in shown_by[one] - {symbol})
        for twin, number in shared.most_common(1):
            if 2 * number > len(recordings):
                one, two = (tasks.called.get(k, k) for k in sorted((symbol, twin)))
                raise ValueError(
                    f"{tasks.source}: {tasks.kind} {one} and {tasks.kind} {two} have the very same "
                    f"recordings, {number} of {len(recordings)}; expected each recording in one of "
                    "them"
                )


def check_dealt(*sets: Any) -> None:
    """ValueError where all recordings of a symbol, or those of a value of `within`, are of one
    group, which is never on both sides of a task."""
    for tasks in sets:
        split = f" in {tasks.of_split}" if tasks.of_split else ""
        for name, where in _drawn_from(tasks) if tasks.groups is not None else ():
            if len(np.unique(tasks.groups[where])) < 2:
                raise ValueError(
                    f"{tasks.source}: {name} has {len(where)} recordings{split}, all of one group "
                    f"by {' and '.join(tasks.apart)}; expected at least 2 groups, one for support "
                    "and one for query"
                )


def apart_of(groups: Mapping[str, Any], shared: Sequence[str]) -> tuple[str, ...]:
    """The names of the groups that support and query must not share."""
    for name in shared:
        if name not in groups:
            raise ValueError(
                f"shared names {name!r}; expected one of "
                f"{', '.join(groups) or 'no group, there are none'}"
            )
    return tuple(name for name in groups if name not in shared)


def per_recording(name: str, given: Any, recordings: np.ndarray) -> np.ndarray:
    """One entry of a group for every part that was cut from its recording. ValueError where it is
    no list of names or numbers, one for each recording and none of them missing."""
    what = "a list of names or numbers, one for each recording and none missing"
    must(name, is_sequence(given), what, given)
    number = int(recordings.max(initial=-1)) + 1
    hidden = isinstance(given, np.ma.MaskedArray) and np.ma.count_masked(given)
    if hidden or len(given) != number:
        raise ValueError(
            f"{name} has {len(given)} entries; expected one for each recording, "
            f"{number}, none of them masked"
        )
    try:
        made = np.asarray(given)
        np.unique(made)  # as is done with them: of names and numbers alone
        named = made.ndim == 1 and not any(one is None or one != one for one in given)
    except (TypeError, ValueError):  # lists of different lengths, None among names
        named = False
    must(name, named, what, given)
    return made[recordings]


# ---- of entries of a folder


def check_taken(found: Sequence[Entry], source: str, **said: str | None) -> None:
    """ValueError where `time` or `columns` is said, and no file takes it."""
    takes: list[str] = []
    first = found[0]
    if first.key is not None:  # all in one file
        takes = ["time"] * is_spoken(first.path)
        forms = f"files such as {first.path.name}"
    else:
        kinds = {one.path.suffix.lower() for one in found}
        takes = ["time", "columns"] * bool(kinds - set(SAYING))
        forms = f"files ending in {' and '.join(sorted(kinds))}"
    for name, value in said.items():
        if value is not None and name not in takes:
            raise ValueError(
                f"{source}: --{name} {value} (in Python {name}={value!r}) would do nothing: {forms} "
                "say it themselves; leave it out"
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


def labels_of(found: Sequence[Entry]) -> dict[str, list[str]]:
    """The labels that the folders train, val and test, or the column split, give each split."""
    return {part: sorted({one.label for one in found if one.split == part}) for part in SHARES}


def dealt_by(found: Sequence[Entry], source: str) -> str:
    """What the splits that folders or a column name deal out: "classes", where each has labels of
    its own, "recordings", where all have the same labels, or "nothing", where there is one at most.
    ValueError where some labels alone are in several, or splits are named for some alone."""
    labels = {part: names for part, names in labels_of(found).items() if names}
    nameless = sum(one.split is None for one in found)
    if len(labels) + bool(nameless) < 2:
        return "nothing"
    everywhere = set.intersection(*map(set, labels.values()))
    names = sorted(set().union(*labels.values()))
    if len(labels) > 1 and len(everywhere) == len(names):
        return "recordings"
    several = [one for one in names if sum(one in own for own in labels.values()) > 1]
    if several:
        rest = [one for one in names if one not in everywhere]
        raise ValueError(
            f"{source}: {_some(several)} {'is' if len(several) == 1 else 'are'} in more than one "
            f"of {', '.join(labels)}, but {_some(rest)} not in all of them; expected labels of "
            "their own in each split, or the same labels in all"
        )
    if nameless or not {"train", "test"} <= set(labels):
        raise ValueError(
            f"{source}: {nameless} recordings name no split, the others {' and '.join(labels)}; "
            "expected train and test, and maybe val, of all recordings, or of none"
        )
    return "classes"


def _some(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED)
    return ", ".join(names[:MOST_NAMED]) + more


def tell_unused(found: Sequence[Entry], source: str) -> None:
    """Warn where splits are named that do not choose the classes."""
    named = [part for part, labels in labels_of(found).items() if labels]
    if named and dealt_by(found, source) != "classes":
        why = (
            f"{' and '.join(named)} have the same labels"
            if len(named) > 1
            else f"all recordings are of {named[0]}"
        )
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
    if labels["val"]:
        return labels
    return split_classes(names, class_seed, source, train=0.8, val=0.2, test=labels["test"])
