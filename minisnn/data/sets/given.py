"""What `Recordings` are given, checked: each error names the argument, or the recording."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

import numpy as np

from ...arguments import is_sequence, mapping, must, shown, wholes
from ..readers.pictures import by_value
from ..readers.plausible import Judge
from ..readers.sources import are_frames, items_of, label_of, plain, sensor_in, sensor_of_frames
from ..readers.units import lacks_rows
from .counting import Form, counts_of, tell_reach
from .pool import Counts, Pool
from .samples import used_by


def counted(source: Any, labels: Any, form: Form, of: str) -> tuple[Pool, list[str]]:
    """(counts, names of the labels) of recordings given in Python, of which one is held at a
    time."""
    if isinstance(source, (str, bytes, Mapping)):
        own = f"minisnn.data.sets.named.own('train', {source!r}, …)"
        way = f"; a folder is opened as {own}" * isinstance(source, str)
        found = f"{shown(source)}{way}"
        raise ValueError(f"events must be recordings, a list of arrays of events, not {found}")
    one_each = hasattr(labels, "__getitem__") and not isinstance(labels, (str, bytes, Mapping))
    must("labels", labels is None or one_each, "a list with one label for each recording", labels)
    items = items_of(source, labels)
    first = next(items, None)
    if first is None:
        raise ValueError("found 0 recordings and 0 labels; expected one label for each recording")
    form = replace(form, sensor=_sensor(form.sensor, source, plain(first[0])))
    form.check()
    met: dict[str, int] = {}

    def numbered(items: Iterable[Any]) -> Iterator[tuple[Any, int]]:
        for k, (events, label) in enumerate(items):
            try:
                yield events, met.setdefault(label_of(label), len(met))
            except ValueError as error:
                raise ValueError(f"recording {k}: {error}") from error

    few: list[tuple[int, int, int, bool]] = []
    names = (f"recording {k}" for k in count())
    read = numbered(chain([first], items))
    pool = Pool.collect(form.shape, counts_of(read, names, form, Judge(form.time), few), few)
    labels_met = sorted(met, key=by_value)
    places = np.array([labels_met.index(name) for name in met], np.int64)
    if not are_frames(plain(first[0])):  # they are as large as their sensor
        tell_reach(pool, of, form.sensor)
    return replace(pool, labels=places[pool.labels]), labels_met


def _sensor(sensor: tuple[int, ...] | None, source: Any, first: Any) -> tuple[int, ...]:
    """Rows and columns, or (n,) of n units: as given, or as the source says, or its first recording
    where that is of frames."""
    if sensor is None and are_frames(first):
        sensor = sensor_of_frames(first)
    elif sensor is None:
        sensor = sensor_in(source)
        if sensor is not None and sensor[0] == 1 and lacks_rows(first):
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
    numbers = np.unique(pool.labels).tolist()
    places = dict(zip(names or map(str, numbers), range(len(names)) if names else numbers))
    if made_of is None:
        return {name: (place,) for name, place in places.items()}
    must("made_of", mapping("made_of", made_of), "labels of one class or more", made_of)
    for name, symbols in made_of.items():
        listed = is_sequence(symbols) and len(symbols)
        must(f"made_of[{name!r}]", listed, "a list of one label or more", symbols)
        lacking = [one for one in symbols if str(one) not in places]
        if names and lacking:
            known = " ".join(places)
            raise ValueError(f"made_of[{name!r}] names {lacking[0]!r}; expected labels, {known}")
    if len({len(symbols) for symbols in made_of.values()}) != 1:
        raise ValueError(
            f"{source}: made_of has classes of different numbers of symbols; expected the same "
            "number in each"
        )
    return {name: tuple(places.get(str(one), one) for one in own) for name, own in made_of.items()}


def per_recording(name: str, given: Any, recordings: np.ndarray) -> np.ndarray:
    """One entry of a group for every part that was cut from its recording. ValueError where it is
    no list of names or numbers, one for each recording and none of them missing."""
    number = int(recordings.max(initial=-1)) + 1
    try:
        made = np.asarray(given)
        np.unique(made)  # as is done with them: of names and numbers
        missing = np.ma.is_masked(given) or any(one is None or one != one for one in given)
        good = is_sequence(given) and made.shape == (number,) and not missing
    except (TypeError, ValueError):  # lists of different lengths, None among names
        good = False
    must(name, good, f"a list of {number} names or numbers, one for each recording", given)
    return made[recordings]


def _drawn_from(tasks: Any) -> Iterator[tuple[str, np.ndarray]]:
    """What a task may draw from, in words, and the places of its recordings: each symbol, and each
    within a value of `within`."""
    for symbol in sorted({one for name in tasks.classes for one in tasks.made_of[name]}):
        where, name = tasks.symbols[symbol], tasks.name_of(symbol)
        yield name, where
        if tasks.within is not None:
            for value in np.unique(tasks.within[used_by(tasks)]).tolist():
                yield f"within {value!r}, {name}", where[tasks.within[where] == value]


def check_tasks(tasks: Any, copy_of: np.ndarray | None, dealt: bool) -> None:
    """ValueError where the names of two classes differ in how their accents are encoded alone, a
    symbol has fewer than two recordings that are no copies of one, or all recordings of one are
    recordings of another one, too, or, `dealt`, of one group."""
    seen: dict[str, str] = {}
    for name in tasks.classes:
        other = seen.setdefault(unicodedata.normalize("NFC", name), name)
        if other != name:
            raise ValueError(
                f"{tasks.source}: two classes are called {name}, {ascii(other)} and {ascii(name)}; "
                "expected one, for they differ in how it is encoded alone"
            )
    for name, where in _drawn_from(tasks):
        different = len(where if copy_of is None else np.unique(copy_of[where]))
        if different < 2:
            number = f"{len(where)} recording{'s' * (len(where) != 1)}"
            number += ", copies of one" * (different < len(where))
            raise ValueError(
                f"{tasks.source}: {name} has {number}, expected at least 2, one for support and "
                "one for query"
            )
    held = {} if copy_of is None else {one: {*copy_of[own]} for one, own in tasks.symbols.items()}
    shown_by: dict[int, set[int]] = {}
    for symbol, own in held.items():
        for recording in own:
            shown_by.setdefault(recording, set()).add(symbol)
    for symbol, own in held.items():
        for other in set.intersection(*(shown_by[recording] for recording in own)) - {symbol}:
            raise ValueError(
                f"{tasks.source}: {tasks.name_of(symbol)} and {tasks.name_of(other)} have the very "
                "same recordings; expected each recording in one of them"
            )
    if dealt:
        check_dealt(tasks)


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
