"""What `Recordings` are given, by a script or as entries of a folder, checked: each error names the
argument, or the recording."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

import numpy as np

from ...parallel import arguments
from ...parallel.arguments import is_sequence, mapping, must, one_of, shown, wholes
from ..readers.anything import Entry
from ..readers.pictures import by_value
from ..readers.plausible import Judge
from ..readers.units import in_words, is_row, lacks_rows
from ..readers.sources import are_frames, items_of, label_of, plain, sensor_in, sensor_of_frames
from .pool import Counts, Form, Pool, counts_of
from .samples import SHARES, split_classes


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


def labelled(source: Any, labels: Sequence[Any] | None, form: Form) -> tuple[Pool, list[str]]:
    """(counts, names of the labels) of recordings given in Python, of which one is held at a
    time."""
    items = items_of(source, labels)
    first = next(items, None)
    if first is None:
        raise ValueError(
            "found 0 recordings and 0 labels; expected some, and one label for each recording"
        )
    form = replace(form, sensor=_sensor(form.sensor, source, plain(first[0])))
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

    pool = Pool.collect(
        *counts_of(numbered(), (f"recording {k}" for k in count()), form, Judge(form.time))
    )
    names = sorted(met, key=by_value)
    places = np.array([names.index(name) for name in met], np.int64)
    return replace(pool, labels=places[pool.labels]), names


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
    made_of = mapping("made_of", made_of)
    for name, symbols in made_of.items():
        if not is_sequence(symbols):
            raise ValueError(f"made_of[{name!r}] must be a list of labels, not {shown(symbols)}")
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


def check_enough(
    symbols: Mapping[int, np.ndarray],
    names: Sequence[str] | Mapping[str, tuple[int, ...]],
    copy_of: np.ndarray | None,
    source: str,
    kind: str,
) -> None:
    """ValueError where a symbol has fewer than two recordings that are no copies of one; names: of
    the symbols, or the symbols of classes by their names."""
    if isinstance(names, Mapping):
        called = {own[0]: name for name, own in names.items() if len(own) == 1}
    else:
        called = dict(enumerate(names))
    for symbol, recordings in symbols.items():
        different = len(recordings if copy_of is None else np.unique(copy_of[recordings]))
        if different < 2:
            number = f"{len(recordings)} recording{'s' * (len(recordings) != 1)}"
            number += ", copies of one" * (different < len(recordings))
            raise ValueError(
                f"{source}: {kind} {called.get(symbol, symbol)} has "
                f"{number}, expected at least 2, one for support and one for query"
            )


def within_of(tasks: Any, given: Any) -> np.ndarray:
    """`within` of `Recordings`, where it has one entry a recording, and each of its values two
    recordings of every symbol."""
    within = np.asarray(given)
    if within.shape != (len(tasks.pool),):
        raise ValueError(
            f"within has shape {within.shape}; expected one entry for each recording, "
            f"{len(tasks.pool)}"
        )
    for symbol, where in tasks.symbols.items():
        for value in np.unique(within):
            if np.sum(within[where] == value) < 2:
                found = f"within {value!r}" if isinstance(value, str) else f"within {value}"
                raise ValueError(
                    f"{tasks.source}: {found}, {tasks.kind} {symbol} has fewer than 2 "
                    "recordings; expected 2 of each"
                )
    return within


def per_recording(name: str, group: Any, recordings: np.ndarray) -> np.ndarray:
    """One entry of a group for every part that was cut from its recording."""
    must(name, hasattr(group, "__len__"), "a list with one entry for each recording", group)
    if np.ma.count_masked(group) or len(group) != recordings[-1] + 1:
        raise ValueError(
            f"{name} has {len(group)} entries; expected one for each recording, "
            f"{recordings[-1] + 1}, none of them masked"
        )
    return np.asarray(group)[recordings]


def labels_of(found: Sequence[Entry]) -> dict[str, list[str]]:
    """The labels that the folders train, val and test, or the column split, give each split."""
    return {part: sorted({one.label for one in found if one.split == part}) for part in SHARES}


def told_apart(labels: dict[str, list[str]]) -> bool:
    """Whether no label is of two splits."""
    return sum(map(len, labels.values())) == len(set().union(*labels.values()))


def classes_of(found: Sequence[Entry], class_seed: int, source: str) -> dict[str, list[str]]:
    """The classes of each split: those of the folders train, val and test, or of the column split,
    where labels differ there, else drawn; where none are named to validate, those are drawn of the
    training classes. ValueError where there are too few, or splits are named for some alone."""
    names = sorted({one.label for one in found})
    labels = labels_of(found)
    named = [part for part, chosen in labels.items() if chosen]
    nameless = sum(one.split is None for one in found)
    # all of one split are a whole set
    if not told_apart(labels) or len(named) + bool(nameless) < 2:
        return split_classes(names, class_seed, source)
    if nameless or not {"train", "test"} <= set(named):
        raise ValueError(
            f"{source}: {nameless} recordings name no split, the others {' and '.join(named)}; "
            "expected train and test, and maybe val, of all recordings, or of none"
        )
    if "val" in named:
        return labels
    return split_classes(names, class_seed, source, train=0.8, val=0.2, test=labels["test"])
