"""Pools of recordings, from files or the simulated camera: event counts stored sparsely, made dense
when a task needs them, and cached.

A recording of 100 ms has events in some 2 % of its (100, 16, 16, 2) cells: 5,000 recordings take 20
MB, or 256 MB when dense.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...arguments import need
from ...terminal import bar
from ..camera.event_camera import EventCamera
from ..camera.variation import Move
from ..readers.events import SATURATION, bin_events, crop_cells
from ..store.cache import cached, code_identity, file_identity, identity
from ..store.shipped import shipped

TELLING = 10  # least cells with events for which equal recordings are no coincidence
STEPS = 100  # steps of a recording, from the first event on; usually of a millisecond
HELD_OUT = 5  # training pictures with a number divisible by this never meta-train
BATCH = 20  # pictures recorded together
MOST = 0.8  # share of recordings with few counts above which their unit of time is suspect


class Counts:
    """The common part of all pools, with `shape`, `labels` and `events_of`; see `Pool`."""

    shape: tuple[int, ...]
    labels: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (cells, counts) of one recording."""
        raise NotImplementedError

    def identity(self) -> str:
        """Return a hash of everything that the counts depend on."""
        raise NotImplementedError

    def contents(self, places: Iterable[int]) -> dict[str, int]:
        """Return {hash of the counts: index} for those recordings that have enough events to be
        distinguished, or {} if recordings are made on demand."""
        return {}

    def dense(self, which: np.ndarray) -> np.ndarray:
        """Return counts of the recordings `which` (B,): uint8 (B, T, H, W, C), or (B, T, units)."""
        return self.side_by_side(np.asarray(which)[:, None])

    def side_by_side(self, which: np.ndarray) -> np.ndarray:
        """Return counts of recordings joined side by side along x. `which` (B, S) lists them from
        left to right. The result is (B, T, H, S·W, C), or (B, T, S·units) for a row of units."""
        samples, sides = np.shape(which)
        *lines, width, channels = self.shape if len(self.shape) == 4 else (*self.shape, 1)
        out = np.zeros((samples, *lines, sides * width, channels), np.uint8)
        row = width * channels
        for sample, side in np.ndindex(samples, sides):
            cell, count = self.events_of(int(which[sample, side]))
            cell = cell.astype(np.intp)
            # a cell is line·row + rest; a line of the joined picture is `sides` times as long
            target = cell + cell // row * ((sides - 1) * row) + side * row
            out[sample].reshape(-1)[target] = count
        return out if len(self.shape) == 4 else out[..., 0]


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Counts):
    """Event counts of N recordings of shape (T, H, W, C), or (T, units), and their labels.

    cells    flat indices of the cells with events, one recording after the other, ascending within
             each (uint16 where T·H·W·C ≤ 65536, else uint32)
    counts   uint8, the events in each of these cells
    start    int64 (N + 1,): recording i has the cells start[i] : start[i + 1]
    labels   int64 (N,), the symbol that each shows
    numbers  int64 (N,), the number of the picture or file that each comes from
    few      (n, 3), a row for each recording with too few counted events: its number, how many of
             its events are counted, and how many it has
    """

    shape: tuple[int, ...]
    cells: np.ndarray
    counts: np.ndarray
    start: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray
    few: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    @classmethod
    def collect(
        cls,
        shape: tuple[int, ...],
        batches: Iterable[tuple],
        done: Callable[[int], object] = lambda _: None,
    ) -> "Pool":
        """Make a pool from dense batches, which are read one at a time. A batch is counts (n, T, H,
        W, C) uint8, labels (n,), numbers (n,), and any rows of `few`, each followed by whether it
        is sure. `done` is called with the number of recordings in each batch."""
        small = np.prod(shape, dtype=np.int64) <= 65536
        # dtypes of cells, counts, cells per recording, labels, numbers
        kinds = (np.uint16 if small else np.uint32, np.uint8, np.int64, np.int64, np.int64)
        parts: list[tuple] = [tuple(np.zeros(0, kind) for kind in kinds)]
        rows: list[tuple[int, int, int, bool]] = []
        for dense, label, number, *few in batches:
            flat = dense.reshape(-1)
            # `nonzero` of bytes, or of two axes, takes five times as long
            place = np.flatnonzero(flat != 0)
            recording, cell = np.divmod(place, int(np.prod(shape)))
            filled = np.bincount(recording, minlength=len(dense))
            parts.append((cell.astype(kinds[0]), flat[place], filled, label, number))
            rows += few
            done(len(label))
        cells, counts, lengths, labels, numbers = (
            np.concatenate(part, dtype=kind) for part, kind in zip(zip(*parts), kinds)
        )
        every = len(rows) >= MOST * len(np.unique(numbers))
        short = np.array([row[:3] for row in rows if every or row[3]], np.int64).reshape(-1, 3)
        start = np.append(0, np.cumsum(lengths))
        return cls(shape, cells, counts, start, labels, numbers, short)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the pool as named arrays; Pool(**arrays) restores it."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    def identity(self) -> str:
        """Return a hash of the contents and labels of all recordings."""
        return identity({name: array for name, array in self.arrays().items() if name != "few"})

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(self.start[recording], self.start[recording + 1])
        return self.cells[part], self.counts[part]

    def contents(self, places: Iterable[int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for place in places:
            cells, counts = self.events_of(place)
            if len(cells) >= TELLING:
                held = cells.astype(np.uint32).tobytes() + counts.tobytes()
                found.setdefault(hashlib.sha256(held).hexdigest(), place)
        return found


@dataclass(eq=False, repr=False)
class Pieces(Counts):
    """A pool that consists of pieces, each made when one of its recordings is first needed.

    start   (pieces + 1,): piece k holds the recordings start[k] up to, not including, start[k + 1]
    make    function that returns piece k as a `Pool`, with the labels and numbers given here
    made_from   everything that the pieces depend on, for `store.cache.identity`
    """

    shape: tuple[int, ...]
    labels: np.ndarray
    numbers: np.ndarray
    start: np.ndarray
    make: Callable[[int], Pool]
    made_from: Any = None
    made: dict[int, Pool] = field(default_factory=dict)

    def identity(self) -> str:
        """Return a hash of what the recordings are made from, and of their labels."""
        return identity([list(self.shape), self.labels, self.numbers, self.start, self.made_from])

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        piece = int(np.searchsorted(self.start, recording, "right")) - 1
        if piece not in self.made:
            self.made[piece] = self.make(piece)
        return self.made[piece].events_of(recording - self.start[piece])


class Keep(NamedTuple):
    """Whether to use the cache, and whether to show a progress bar in a terminal."""

    cache: bool
    progress: bool


class Sight(NamedTuple):
    """Settings with which the camera records pictures.

    camera, seed   the camera, and the seed of its noise
    crop, scale    rows and columns of the sensor that are counted; pixels along each side of a cell
    draws          recordings of each picture; with a variation, each with another scene and sensor
    move           a shift of every recording, to measure its effect
    step_ms        whole milliseconds of a time step
    centred        whether every recording is shifted by whole pixels, with its mean event nearest to
                   the middle
    steps          time steps of a recording
    """

    camera: EventCamera
    seed: int
    crop: tuple[int, int] | None
    scale: int
    draws: int = 1
    move: Move | None = None
    step_ms: int = 1
    centred: bool = False
    steps: int = STEPS

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape (T, H, W, 2) of a recording."""
        return (self.steps, *crop_cells(self.camera.sensor, self.crop, self.scale), 2)

    def counts(self, pictures: np.ndarray, numbers: Any, draw: int) -> np.ndarray:
        """Return counts of the events that the camera sees of these pictures."""
        camera = self.camera
        duration = self.steps * self.step_ms
        if self.move is not None:
            how: dict[str, Any] = dict(shape=camera.sensor, crop=self.crop, scale=self.scale)
            moved = (
                self.move.of(camera.record(one, self.seed, n, draw=draw), n)
                for one, n in zip(pictures, np.asarray(numbers).tolist())
            )
            return np.array([bin_events(events, duration, self.step_ms, **how) for events in moved])
        whole = self.step_ms == 1 and not self.centred
        cells = self.scale if whole else 1
        found = camera.record_counts(pictures, numbers, self.seed, duration, self.crop, cells, draw)
        if self.centred:
            found = centred(found)
        return found if whole else summed(found, self.step_ms, self.scale)


def centred(counts: np.ndarray) -> np.ndarray:
    """Shift each recording of counts (N, T, H, W, 2) by whole cells, such that its mean event is
    nearest to the middle. Events that leave the picture are lost; a recording without events is not
    shifted."""
    moved = np.zeros_like(counts)
    for old, new in zip(counts, moved):
        sums = old.reshape(len(old), -1).sum(0, np.uint32).reshape(old.shape[1:]).sum(2)
        sources, targets = [], []
        for along in (sums.sum(1), sums.sum(0)):
            size = len(along)
            middle = float(along @ np.arange(size)) / max(along.sum(), 1)
            by = round((size - 1) / 2 - middle) if along.any() else 0
            sources.append(slice(max(0, -by), min(size, size - by)))
            targets.append(slice(max(0, by), min(size, size + by)))
        new[:, *targets] = old[:, *sources]
    return moved


def summed(counts: np.ndarray, steps: int, cells: int) -> np.ndarray:
    """Sum counts (N, T, H, W, 2) into steps and cells that are `steps` and `cells` times as
    large."""
    n, t, h, w, _ = counts.shape
    parts = counts.reshape(n, t // steps, steps, h // cells, cells, w // cells, cells, 2)
    return np.minimum(parts.sum((2, 4, 6), np.uint16), SATURATION).astype(np.uint8)


def trains(number: np.ndarray | int) -> Any:
    """Return whether the picture or recording with this number may be used to meta-train."""
    return number % HELD_OUT != 0


def which(train: bool, of: str = "") -> str:
    """Describe, for messages, the numbers that are used to train, or the others."""
    return f"numbers {'not ' * train}divisible by {HELD_OUT}{of}"


def number_within(labels: np.ndarray) -> np.ndarray:
    """Number the recordings of each label from 1 on, in the order in which they are given."""
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    number = np.empty(len(labels), np.int64)
    number[order] = np.arange(len(labels)) - np.searchsorted(ranked, ranked) + 1
    return number


def pool_of_pictures(
    name: str,
    pictures: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    numbers: np.ndarray,
    noise: np.ndarray,
    train: bool | None,
    sight: Sight,
    keep: Keep,
    what: str,
    **made_from: Any,
) -> Pool:
    """Record pictures, given with their labels and numbers, by the camera. `train` selects those
    whose number may be used to train, those whose number may not, or all (None).

    pictures   function that returns the pictures, given an array of indices; `made_from` lists what
               they depend on, and `what` names them in messages
    noise      one number for every index; together with the seed, it draws that recording's noise
    """
    where = np.flatnonzero((trains(numbers) == train) | (train is None))

    def recorded() -> Iterator[tuple]:
        for draw, first in product(range(sight.draws), range(0, len(where), BATCH)):
            part = where[first : first + BATCH]
            yield sight.counts(pictures(part), noise[part], draw), labels[part], numbers[part]

    rows = dict(labels=labels[where], numbers=numbers[where], noise=noise[where])
    path = shipped("camera_trajectory.csv").read_text("utf-8")
    made_from.update(sight._asdict(), **rows, trajectory=path)
    total = sight.draws * len(where)
    what = f"the event camera records {total} {what}"
    return pool_of(name, sight.shape, recorded(), keep, what, total, **made_from)


def pool_of(
    name: str,
    shape: tuple[int, ...],
    batches: Iterable[tuple],
    keep: Keep,
    what: str,
    total: int | None,
    files: Iterable[Path] = (),
    **made_from: Any,
) -> Pool:
    """Make the pool from these batches (`Pool.collect`), or load it from the cache, whose key is
    `made_from`, the `files` that are read, and the code of this package. A progress bar over
    `total` recordings shows `what`. Raises ValueError if files change meanwhile."""
    files = set(files)
    before = file_identity(files)

    def make() -> dict[str, np.ndarray]:
        with bar(None, total, what, keep.progress) as shown:
            pool = Pool.collect(shape, batches, shown.update)
        # if files changed meanwhile, the pool would mix old and new contents
        expected = "the same all the time; try again when nothing writes there"
        need(what, "of files that changed meanwhile", file_identity(files) == before, expected)
        return pool.arrays()

    if keep.cache:
        made_from.update(files=before, code=code_identity(__name__), shape=list(shape))
    arrays: Any = cached(name, made_from, make) if keep.cache else make()
    return Pool(**arrays | dict(shape=tuple(map(int, arrays["shape"]))))
