"""A pool of recordings: event counts kept sparsely, scattered into dense samples when a task asks
for them.

A recording of 100 ms fills some 2 % of its (100, 16, 16, 2) cells: 5,000 of them take 20 MB, dense
256 MB.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ...parallel.once import once
from ..store.cache import identity

TELLING = 10  # cells with events from which on two equal recordings are no coincidence
MOST = 0.8  # share of recordings with few counts from which on their unit of time is doubted


class Counts:
    """What a pool of any kind can do; it has `shape`, `labels` and `events_of`, see `Pool`."""

    shape: tuple[int, ...]
    labels: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        """(cells, counts) of one recording."""
        raise NotImplementedError

    def identity(self) -> str:
        """A hash of what all recordings hold and show."""
        raise NotImplementedError

    def contents(self, places: Iterable[int]) -> dict[str, int]:
        """{hash of the counts: place} of recordings that have enough of them to be told apart; none
        where recordings are only made when they are asked for."""
        return {}

    def of(self, label: int) -> np.ndarray:
        """The recordings of one symbol, by their places in the pool."""
        return np.flatnonzero(self.labels == label)

    def dense(self, which: np.ndarray) -> np.ndarray:
        """Counts of the recordings `which` (B,): uint8 (B, T, H, W, C), or (B, T, units)."""
        return self.side_by_side(np.asarray(which)[:, None])

    def side_by_side(self, which: np.ndarray) -> np.ndarray:
        """Counts of recordings put side by side along x: `which` (B, S), left to right, gives (B,
        T, H, S·W, C), of a row of units (B, T, S·units)."""
        samples, sides = np.shape(which)
        *lines, width, channels = self.shape if len(self.shape) == 4 else (*self.shape, 1)
        out = np.zeros((samples, *lines, sides * width, channels), np.uint8)
        row = width * channels
        for sample, side in np.ndindex(samples, sides):
            cell, count = self.events_of(int(which[sample, side]))
            cell = cell.astype(np.intp)
            # a cell is line·row + rest, and a line of the joined picture `sides` rows long
            place = cell + cell // row * ((sides - 1) * row) + side * row
            out[sample].reshape(-1)[place] = count
        return out if len(self.shape) == 4 else out[..., 0]


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Counts):
    """Event counts of N recordings of shape (T, H, W, C), or (T, units), and what each shows.

    cells    flat indices of the cells that hold events, one recording after the other, rising
             within each (uint16 where T·H·W·C ≤ 65536, else uint32)
    counts   uint8, the events in each of these cells
    start    int64 (N + 1,): recording i has the cells start[i] up to, not including, start[i + 1]
    labels   int64 (N,), the symbol shown
    numbers  int64 (N,), the number of the picture or file it comes from
    few      (n, 3): the number of each recording of which nearly nothing is counted, how many of its
             events are, and how many it has
    """

    shape: tuple[int, ...]
    cells: np.ndarray
    counts: np.ndarray
    start: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray
    few: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))

    def __repr__(self) -> str:
        return (
            f"Pool: {len(self)} recordings of shape {self.shape}, "
            f"{self.counts.sum(dtype=np.int64)} events"
        )

    @classmethod
    def collect(
        cls,
        shape: tuple[int, ...],
        batches: Iterable[tuple[np.ndarray, Any, Any]],
        few: Sequence[tuple[int, int, int, bool]] = (),
    ) -> "Pool":
        """Make the pool of dense batches (counts (n, T, H, W, C) uint8, labels (n,), numbers (n,)),
        one at a time; `few` may grow meanwhile."""
        small = np.prod(shape, dtype=np.int64) <= 65536
        # of cells, counts, how many cells a recording has, labels, numbers
        kinds = (np.uint16 if small else np.uint32, np.uint8, np.int64, np.int64, np.int64)
        parts: list[tuple] = [tuple(np.zeros(0, kind) for kind in kinds)]
        for dense, label, number in batches:
            flat = dense.reshape(-1)
            # of bytes, or of two axes, `nonzero` takes five times as long
            place = np.flatnonzero(flat != 0)
            recording, cell = np.divmod(place, int(np.prod(shape)))
            filled = np.bincount(recording, minlength=len(dense))
            parts.append((cell.astype(kinds[0]), flat[place], filled, label, number))
        cells, counts, lengths, labels, numbers = (
            np.concatenate(part, dtype=kind) for part, kind in zip(zip(*parts), kinds)
        )
        rows = np.array(few, np.int64).reshape(-1, 4)
        if len(rows) < MOST * len(np.unique(numbers)):
            rows = rows[rows[:, 3] == 1]
        start = np.append(0, np.cumsum(lengths))
        return cls(shape, cells, counts, start, labels, numbers, rows[:, :3])

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as named arrays; Pool(**arrays) makes the pool again."""
        return {one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}

    def identity(self) -> str:
        return self._identity

    @once
    def _identity(self) -> str:
        return identity({name: one for name, one in self.arrays().items() if name != "few"})

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


class Pieces(Counts):
    """A pool that is made piece by piece, each when a recording of it is first asked for.

    start   (pieces + 1,): piece k holds the recordings start[k] up to, not including, start[k + 1]
    make    gives piece k as a `Pool`, whose labels and numbers are those given here
    of      what all pieces are made from, as `store.cache.identity` takes it
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        labels: np.ndarray,
        numbers: np.ndarray,
        start: np.ndarray,
        make: Callable[[int], Pool],
        of: Any = None,
    ):
        self.shape = shape
        self.labels = labels
        self.numbers = numbers
        self.start = np.asarray(start)
        self.make = make
        self.made_from = of
        self.made: dict[int, Pool] = {}

    def identity(self) -> str:
        return identity([list(self.shape), self.labels, self.numbers, self.start, self.made_from])

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        piece = int(np.searchsorted(self.start, recording, "right")) - 1
        if piece not in self.made:
            self.made[piece] = self.make(piece)
        return self.made[piece].events_of(recording - self.start[piece])
