"""Few-shot tasks over recordings: for your own data, and as the base class of the bundled sets.

A class is one symbol, or several side by side in a picture. Recordings are binned into counts once
and kept sparsely (`pool`), then divided into support and query (`samples`).
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import combinations
from typing import Any

import numpy as np

from ...arguments import is_masked, is_sequence, must, need, shown, whole
from ...meta.tasks import Task
from ..store.cache import identity
from .counting import Form, counted, one_or_two
from .pool import Counts
from .samples import (
    SHARES,
    SPLITS,
    copies,
    draw_samples,
    joined,
    places_of,
    same_symbols,
    split_classes,
    used_by,
    used_symbols,
)


class Recordings:
    """N-way K-shot tasks over labelled recordings.

        counts[t, i, j, p] = events at  (time - first event) // bin_ms = t,  row i, column j of `size` cells,  polarity p

    events       recordings, read one at a time. Each is a structured array with x, y, t and p
                 (`readers.events.as_events`), an array (N, 4) whose `columns` are given, or frames
                 (T, 2, H, W) or (T, H, W, 2), one per time step; or, for units instead of pixels,
                 columns t and unit (`readers.columns`), which give samples (T, units). Without
                 `labels`: pairs of a recording and its label, as in tonic's data sets and PyTorch's
                 subsets and loaders (`counting`). Or a `Pool` of counts, whose labels are numbers;
                 options of counting then have no effect
    labels       one for each recording, numbers or texts: the names of the classes
    sensor       rows and columns of pixels, or the number of units; None: as stated by
                 `events.sensor_size` (tonic: columns, rows, polarities) or by the frames
    size         rows and columns of cells, or a number of units, to which the sensor is downscaled
                 by area, keeping all events (`readers.events.downscaled`); None: those of the
                 sensor
    bin_ms, duration_ms   length of a time step, and of a recording, which starts at its first event
    time         unit of the times, "ns", "us", "ms" or "s"; None: the unit in the column's name
                 (t_ms), else microseconds; times that cannot be microseconds then raise ValueError
                 (`readers.times`)
    columns      "t,x,y,p", the order of the columns of arrays (N, 4)
    hop_ms       cut each continuous recording into parts of `duration_ms`, one per this many
                 milliseconds. All parts of a recording then form a group, "take"; a group of this
                 name in `groups` overrides it
    groups       {"subject": one name or number for each recording, …}: groups that support and
                 query must not share; {}: only recordings. Copies, which have the same events after
                 their first, count as one recording
    within       one name or number for each recording: all recordings of a task share it, and it is
                 drawn for each task
    made_of      {class name: symbols side by side}, symbols being labels; None: a class for every
                 label
    source, kind   the origin of the recordings, and the word for a symbol, in messages

    Raises ValueError, naming the recording, if events are not as described or not from one clock.
    Also raises ValueError if a symbol has fewer than two recordings, or if its recordings are all
    in one group or are shared with another symbol. Warns of recordings with hardly any counted
    events or with uncounted frames, and of a sensor far larger than the region that contains its
    events.

    >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
    >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
    >>> tasks
    Recordings: 6 classes, 24 recordings in all, recordings given in Python
    >>> tasks.episode(seed=0, index=0, ways=3, queries=2)  # doctest: +ELLIPSIS
    Task: 3 classes: ...; 3 support and 6 query samples of shape (100, 8, 8, 2), uint8
    """

    # lists of classes; all classes of a task are from one of these
    alike: Sequence[Sequence[str]] | None = None
    of_split: str | None = None  # "train", "val" or "test", if the set is one of several splits

    def __init__(
        self,
        events: Counts | Iterable[Any],
        labels: Sequence[Any] | None = None,
        *,
        sensor: tuple[int, int] | tuple[int] | int | None = None,
        size: tuple[int, int] | tuple[int] | int | None = None,
        bin_ms: float = 1.0,
        duration_ms: float = 100.0,
        hop_ms: float | None = None,
        time: str | None = None,
        columns: str | None = None,
        groups: Mapping[str, Any] | None = None,
        within: Any = None,
        made_of: Mapping[str, Sequence[Any]] | None = None,
        source: str = "recordings given in Python",
        kind: str = "class",
    ):
        names = None
        if isinstance(events, Counts):
            pool, of = events, np.arange(len(events))
        else:
            how = (one_or_two(sensor), one_or_two(size), bin_ms, duration_ms, hop_ms, time, columns)
            pool, names = counted(events, labels, Form(*how), source)
            of = pool.numbers
        apart = {
            name: per_recording(f"groups[{name!r}]", group, of)
            for name, group in (groups or {}).items()
        }
        if names is not None and hop_ms is not None:
            apart.setdefault("take", of)
        self.pool = pool
        self.source = source
        self.kind = kind
        self.made_of = symbols_of(made_of, pool, names)
        self.classes = tuple(self.made_of)
        self.symbols = {
            symbol: np.flatnonzero(pool.labels == symbol) for symbol in sorted(used_symbols(self))
        }
        self.called = dict(enumerate(names or ())) or {
            own[0]: name for name, own in self.made_of.items() if len(own) == 1
        }
        self.within = None if within is None else per_recording("within", within, of)
        copy_of = copies(pool)
        same = np.array_equal(copy_of, np.arange(len(pool)))
        twins = [] if same else [copy_of]  # copies stay on one side
        self.apart = tuple(apart)
        self.groups = joined([*apart.values(), *twins])
        self.takes = joined([apart[name] for name in apart if name == "take"] + twins)
        check_tasks(self, copy_of)
        if names is not None:
            check_groups(self)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}: {len(self.classes)} classes, {len(used_by(self))} recordings "
            f"in all, {self.source}"
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape (H, W, C) or (units,) of a sample, for a network's `input_shape`.

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
        >>> tasks.input_shape
        (8, 8, 2)
        """
        beside = len(next(iter(self.made_of.values())))
        if len(self.pool.shape) == 2:
            return (beside * self.pool.shape[1],)
        _, height, width, channels = self.pool.shape
        return height, beside * width, channels

    def sample_task(
        self,
        rng: np.random.Generator,
        ways: int = 5,
        shots: int = 1,
        queries: int = 5,
        classes: Sequence[str] | None = None,
    ) -> Task:
        """Draw an N-way K-shot task: `shots` support and `queries` query samples of each of `ways`
        classes.

        The classes are drawn from the set, or given by name. Samples are sorted by class.
        Recordings side by side are drawn independently, and no recording or group is both in
        support and in query (see `draw_samples`).

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
        >>> rng = np.random.default_rng(0)
        >>> task = tasks.sample_task(rng, shots=2, queries=1, classes=["a", "c"])
        >>> task.classes, task.y_support.tolist(), task.y_query.tolist()
        (('a', 'c'), [0, 0, 1, 1], [0, 1])
        """
        for name, number in dict(ways=ways, shots=shots, queries=queries).items():
            whole(name, number, 1)
        known = len(self.classes)
        need("ways", ways, classes is not None or ways <= known, f"at most {known}, the classes")
        if classes is None:
            enough = [names for names in self.alike or () if len(names) >= ways] or [self.classes]
            alike = enough[rng.integers(len(enough))]
            classes = [alike[k] for k in rng.choice(len(alike), size=ways, replace=False)]
        for name in classes:
            need("class", name, name in self.made_of, f"one of {' '.join(self.classes)}")
        made_of = [self.made_of[name] for name in classes]
        places = self.symbols
        if self.within is not None:
            value = rng.choice(np.unique(self.within[used_by(self)]))
            places = {one: where[self.within[where] == value] for one, where in places.items()}
        sizes = {symbol: len(where) for symbol, where in places.items()}
        groups = self.groups
        apart = groups if groups is None else {one: groups[at] for one, at in places.items()}
        try:
            sides = draw_samples(rng, made_of, sizes, shots, queries, apart)
        except ValueError as error:
            raise ValueError(f"{self.source}: a task of {' '.join(classes)}: {error}") from error
        support, query = (_recordings(made_of, places, side) for side in sides)
        met = (support, query) if self.takes is None else (self.takes[support], self.takes[query])
        if groups is None and self.takes is not None:  # the rule does not use the support
            met = (np.zeros((len(support), 0), np.int64), met[1])
        way = np.arange(len(classes))
        x_support, x_query = self._counts(support, query)
        labels = way.repeat(shots), way.repeat(queries)
        return Task(x_support, labels[0], x_query, labels[1], tuple(classes), met)

    def episode(
        self, seed: int, index: int, ways: int = 5, shots: int = 1, queries: int = 5
    ) -> Task:
        """Return task number `index` of the series `seed`, independent of the order in which tasks
        are drawn.

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
        >>> one, again = (tasks.episode(seed=0, index=7, ways=3, queries=2) for _ in range(2))
        >>> one.classes == again.classes, np.array_equal(one.x_query, again.x_query)
        (True, True)
        """
        key = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=(whole("index", index, 0),))
        return self.sample_task(np.random.default_rng(key), ways, shots, queries)

    def only(self, classes: Sequence[str]) -> "Recordings":
        """Return the same recordings with tasks of these classes only.

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
        >>> tasks.only(["a", "b"]).classes
        ('a', 'b')
        """
        good = len(set(classes)) == len(classes) > 0 and self.made_of.keys() >= set(classes)
        expected = f"one or more of {' '.join(self.classes)}, each once"
        need(f"{self.source}: the classes", tuple(classes), good, expected)
        alike = self.alike and [[name for name in some if name in classes] for some in self.alike]
        made_of = {name: self.made_of[name] for name in classes}
        return self._with(classes=tuple(classes), made_of=made_of, alike=alike)

    def split(self, seed: int = 0, **classes: Sequence[str] | float) -> "dict[str, Recordings]":
        """Split by class into disjoint sets to meta-train, validate and test, for `train(data=…)`:
        {"train": …, "val": …, "test": …}.

        train, val, test   names of classes, or a share of the others; by default 64, 16 and 20 % as in
                           Double N-MNIST. `seed` draws the shares, each of at least two classes if
                           there are enough

        If classes of several splits are made of the same symbols, recordings are divided as well
        (`split_recordings`).

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
        >>> {name: len(part.classes) for name, part in tasks.split(train=0.34, val=0.33, test=0.33).items()}
        {'train': 2, 'val': 2, 'test': 2}
        >>> tasks.split(train=["a", "b"], val=["c", "d"], test=["e", "f"])["test"].classes
        ('e', 'f')
        """
        named = split_classes(self.classes, seed, self.source, **classes)
        sets = {name: self.only(named[name]) for name in SPLITS}
        if same_symbols(sets.values()):
            own = places_of(self, SHARES, seed, None, dealt=self.groups is not None)
            sets = {name: part.among(own[name]) for name, part in sets.items()}
        return as_splits(sets)

    def split_recordings(
        self, seed: int = 0, *, together: Sequence[Any] | None = None, **shares: float
    ) -> "dict[str, Recordings]":
        """Split by recording into sets of the same classes, {"train": …, "val": …, "test": …}.

        Each has some recordings of every symbol. Ordinary classifiers are trained and tested on such
        sets (rule classify).

        train, val, test   shares of each symbol's recordings; by default 64, 16 and 20 %
        together           one name or number for each recording; recordings with the same one stay
                           in the same set; None: the groups that support and query must not share

        Raises ValueError if a symbol has too few recordings, or groups of them, for all sets.

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abc") * 8)
        >>> parts = tasks.split_recordings(train=0.5, val=0.25, test=0.25)
        >>> {name: len(part.symbols[0]) for name, part in parts.items()}
        {'train': 4, 'val': 2, 'test': 2}
        """
        good = all(0 < share < np.inf for share in shares.values())
        good = good and set(shares) in (set(), set(SPLITS))
        need("the shares", shares, good, "train, val and test, each above 0")
        each = np.arange(len(self.pool))
        group = None if together is None else per_recording("together", together, each)
        places = places_of(self, shares or SHARES, seed, group)
        return as_splits({name: self.among(own) for name, own in places.items()})

    def name_of(self, symbol: int) -> str:
        """Return a symbol's name for messages: its label, or, if it has none, the class made of
        it."""
        return f"{self.kind} {self.called.get(symbol, symbol)}"

    def among(self, places: np.ndarray) -> "Recordings":
        """Return a set with the same classes and only these recordings, given by their indices in
        the pool."""
        within = {symbol: np.intersect1d(own, places) for symbol, own in self.symbols.items()}
        return self._with(symbols=within)

    def _with(self, **changes: Any) -> "Recordings":
        part = copy(self)
        vars(part).update(changes)
        return part

    def ungrouped(self) -> "Recordings":
        """Return the same recordings without groups, for rules that do not learn from the support.

        >>> frames = [np.full((100, 2, 8, 8), n) for n in range(1, 9)]
        >>> tasks = ms.Recordings(frames, list("abababab"), groups={"subject": [1, 1, 1, 1, 2, 2, 2, 2]})
        >>> tasks.groups is None, tasks.ungrouped().groups is None
        (False, True)
        """
        return self._with(groups=None)

    def identity(self) -> str:
        """Return a hash of everything that the tasks depend on: the recordings' contents, and how
        they are divided.

        >>> frames = np.random.default_rng(0).poisson(0.1, (24, 100, 2, 8, 8))
        >>> tasks = ms.Recordings(frames, list("abcdef") * 4)
        >>> tasks.identity() == tasks.identity(), tasks.identity() == tasks.only(["a", "b"]).identity()
        (True, False)
        """
        made_from = [
            type(self).__qualname__,
            self.pool.identity(),
            self.made_of,
            self.classes,
            [[symbol, places] for symbol, places in self.symbols.items()],
            self.groups,
            self.within,
            getattr(self, "align", None),
        ]
        return identity(made_from)

    def _counts(self, support: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the support and query samples of a task, each given as the indices of its
        recordings, (B, S)."""
        return self.pool.side_by_side(support), self.pool.side_by_side(query)


def as_splits(sets: dict[str, Recordings]) -> dict[str, Recordings]:
    """Mark each set with the name of its split."""
    for name, tasks in sets.items():
        tasks.of_split = name
    return sets


def _recordings(
    made_of: Sequence[tuple[int, ...]], places: Mapping[int, np.ndarray], drawn: np.ndarray
) -> np.ndarray:
    """Return the recordings that `draw_samples` drew for each symbol, as indices in the pool, (ways
    · samples, S)."""
    found = [
        [places[symbol][of] for symbol, of in zip(symbols, way.T)]
        for symbols, way in zip(made_of, drawn)
    ]
    return np.concatenate([np.stack(sides, axis=-1) for sides in found])


def symbols_of(
    made_of: Mapping[str, Sequence[Any]] | None, pool: Counts, names: list[str] | None
) -> dict[str, tuple[int, ...]]:
    """Return the numbers of each class's symbols; every class has equally many. If made_of is None,
    every label is a class. `names` are the labels' names, if any."""
    numbers = np.unique(pool.labels).tolist()
    places = dict(zip(names or map(str, numbers), range(len(names)) if names else numbers))
    if made_of is None:
        return {name: (place,) for name, place in places.items()}
    wants = f"a list of one label or more, of {shown(list(places))}"
    for name, symbols in made_of.items():
        good = is_sequence(symbols) and len(symbols)
        good = good and (not names or all(str(symbol) in places for symbol in symbols))
        must(f"made_of[{name!r}]", good, wants, symbols)
    sides = {len(symbols) for symbols in made_of.values()}
    need("the numbers of symbols in made_of", sides, len(sides) == 1, "as many in each")
    return {
        name: tuple(places.get(str(symbol), symbol) for symbol in own)
        for name, own in made_of.items()
    }


def per_recording(name: str, given: Any, recordings: np.ndarray) -> np.ndarray:
    """Repeat a group's entry for every part of a recording. Raises ValueError unless it is a list
    of names or numbers, one for each recording."""
    number = int(recordings.max(initial=-1)) + 1
    good = is_sequence(given) and len(given) == number and not is_masked(given)
    good = good and not any(entry is None or np.ndim(entry) or entry != entry for entry in given)
    must(name, good, f"a list of {number} names or numbers, one for each recording", given)
    return np.asarray(given)[recordings]


def _drawn_from(tasks: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a description and the recordings of each set from which a task draws: each symbol, and
    if `within` is given, each symbol within each of its values."""
    for symbol in sorted(used_symbols(tasks)):
        where = tasks.symbols[symbol]
        name = tasks.name_of(symbol)
        yield name, where
        if tasks.within is not None:
            for value in np.unique(tasks.within[used_by(tasks)]).tolist():
                yield f"within {value!r}, {name}", where[tasks.within[where] == value]


def check_tasks(tasks: Any, same: np.ndarray) -> None:
    """Raise ValueError if the names of two classes differ only in how accents are encoded, if a
    symbol has fewer than two different recordings, or if most of its recordings are also recordings
    of another symbol."""
    encoded: dict[str, str] = {}
    for name in tasks.classes:
        other = encoded.setdefault(unicodedata.normalize("NFC", name), name)
        expected = f"one, not {ascii(other)} and {ascii(name)}, which are encoded in two ways"
        need(f"{tasks.source}: the name of two classes", name, other == name, expected)
    for name, where in _drawn_from(tasks):
        different = len(np.unique(same[where]))
        copied = ", copies of one" * (different < len(where))
        if different < 2:
            raise ValueError(
                f"{tasks.source}: {name} has {len(where)} recording{'s' * (len(where) != 1)}"
                f"{copied}, expected at least 2, one for support and one for query"
            )
    held = {symbol: {*same[own].tolist()} for symbol, own in tasks.symbols.items()}
    for one, other in combinations(held, 2) if len(np.unique(same)) < len(same) else ():
        common = len(held[one] & held[other])
        number = min(len(held[one]), len(held[other]))
        if 2 * common > number:
            raise ValueError(
                f"{tasks.source}: {tasks.name_of(one)} and {tasks.name_of(other)} have the "
                f"same recordings, {common} of {number}; expected each recording in only one"
            )


def check_groups(*sets: Any) -> None:
    """Raise ValueError if all recordings of a symbol, or all its recordings within one value of
    `within`, are in one group, since support and query must not share a group."""
    for tasks in sets:
        split = f" in {tasks.of_split}" if tasks.of_split else ""
        for name, where in _drawn_from(tasks) if tasks.groups is not None else ():
            if len(np.unique(tasks.groups[where])) < 2:
                raise ValueError(
                    f"{tasks.source}: {name} has {len(where)} recordings{split}, all of one group "
                    f"by {' and '.join(tasks.apart)}; expected at least 2 groups, one for support "
                    "and one for query"
                )
