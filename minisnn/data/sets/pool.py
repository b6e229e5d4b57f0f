"""A pool of recordings: event counts kept sparsely, scattered into dense pairs when a task asks for
them.

A recording of 100 ms fills some 2 % of its (100, 16, 16, 2) cells: 5,000 of them take 20 MB, dense
256 MB.
"""

import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...parallel.once import once
from ..readers.events import EVENT, SATURATION, bin_events, downscaled, in_order, windows
from ..readers.plausible import Judge
from ..readers.sources import are_frames, events_of_frames, plain, sensor_of_frames
from ..readers.units import as_picture, as_recording, in_words, is_row
from ..store.cache import identity

# Of a recording little is counted where its busiest stretch, as long as what is counted, has so many
# times as many events, SPARE times where they are fewer than FEW; or where one of the first FEW
# stamps is followed by a quarter of that time and more without any, IDLE times the usual; or where
# the others, REST times as many, are further from them than they last; or where a pause is TIMES as
# long as all else, as where a clock wraps and events are in no order. Where fewer than FEW, and a
# SPARE-th of what there is, are counted of nearly all recordings (MOST), their unit may be another.
FEW, SPARE, TIMES, MOST = 5, 30, 100, 0.8
PART, IDLE, IDLE_US, REST = 4, 30, 20_000, 10
NAMED = 5  # recordings in a warning
TELLING = 1000  # cells with events that say how large a sensor is
# share of cells with events that hold as many as they can, from which on the loss is told
FULL = 0.001


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

    def of(self, label: int) -> np.ndarray:
        """The recordings of one symbol, by their places in the pool."""
        return np.flatnonzero(self.labels == label)

    def dense(self, which: np.ndarray) -> np.ndarray:
        """Counts of the recordings `which` (B,): uint8 (B, T, H, W, C), or (B, T, units)."""
        return self.side_by_side(np.asarray(which)[:, None])

    def side_by_side(self, which: np.ndarray) -> np.ndarray:
        """Counts of recordings put side by side along x: `which` (B, S), left to right, gives (B,
        T, H, S·W, C), of a row of units (B, T, S·units)."""
        which = np.asarray(which)
        samples, sides = which.shape
        steps, *rest = self.shape
        height, width, channels = rest if len(rest) == 3 else (1, rest[0], 1)
        joined = (height, sides * width, channels) if len(rest) == 3 else (sides * width,)
        out = np.zeros((samples, steps, *joined), np.uint8)
        row = width * channels
        for sample, side in np.ndindex(samples, sides):
            cell, count = self.events_of(int(which[sample, side]))
            cell = cell.astype(np.intp)
            # cell = line·row + rest with line = t·H + y; a line of the joined picture is `sides`
            # rows long
            place = cell + cell // row * ((sides - 1) * row) + side * row
            out[sample].reshape(-1)[place] = count
        return out


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

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        n = len(self.labels)
        if (
            self.start.shape != (n + 1,)
            or self.numbers.shape != (n,)
            or self.cells.shape != self.counts.shape
            or self.start[-1] != len(self.cells)
        ):
            raise ValueError(
                f"recordings do not fit: found {n} labels, {len(self.numbers)} numbers, "
                f"{len(self.start)} "
                f"starts, {len(self.cells)} cells and {len(self.counts)} counts"
            )

    def __repr__(self) -> str:
        return (
            f"Pool: {len(self)} recordings of shape {self.shape}, "
            f"{self.counts.sum(dtype=np.int64)} events"
        )

    @classmethod
    def collect(
        cls,
        shape: tuple[int, ...],
        batches: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
        few: Sequence[tuple[int, int, int, bool]] = (),
    ) -> "Pool":
        """Make the pool of dense batches (counts (n, T, H, W, C) uint8, labels (n,), numbers (n,)),
        one at a time; `few` may grow meanwhile."""
        small = np.prod(shape, dtype=np.int64) <= 65536
        # of cells, counts, how many cells a recording has, labels, numbers
        kinds = (np.uint16 if small else np.uint32, np.uint8, np.int64, np.int64, np.int64)
        parts: list[tuple] = [tuple(np.zeros(0, kind) for kind in kinds)]
        for dense, label, number in batches:
            if (
                dense.dtype != np.uint8
                or dense.shape != (len(label), *shape)
                or len(number) != len(label)
            ):
                raise ValueError(
                    f"counts have shape {dense.shape} and type {dense.dtype} for {len(label)} "
                    "labels and "
                    f"{len(number)} numbers, expected (n, {', '.join(map(str, shape))}) and uint8"
                )
            flat = dense.reshape(-1)
            # of bytes, or of two axes, `nonzero` takes five times as long
            place = np.flatnonzero(flat != 0)
            recording, cell = np.divmod(place, max(int(np.prod(shape)), 1))
            filled = np.bincount(recording, minlength=len(dense))
            parts.append((cell.astype(kinds[0]), flat[place], filled, label, number))
        cells, counts, lengths, labels, numbers = (
            np.concatenate(part, dtype=kind) for part, kind in zip(zip(*parts), kinds)
        )
        start = np.append(0, np.cumsum(lengths))
        rows = np.array(few, np.int64).reshape(-1, 4)
        if len(rows) < MOST * len(np.unique(numbers)):
            rows = rows[rows[:, 3] == 1]
        return cls(shape, cells, counts, start, labels, numbers, rows[:, :3])

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as named arrays; Pool(**arrays) makes the pool again."""
        return dict(
            shape=np.array(self.shape),
            cells=self.cells,
            counts=self.counts,
            start=self.start,
            labels=self.labels,
            numbers=self.numbers,
            few=self.few,
        )

    def identity(self) -> str:
        return self._identity

    @once
    def _identity(self) -> str:
        return identity({name: one for name, one in self.arrays().items() if name != "few"})

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(self.start[recording], self.start[recording + 1])
        return self.cells[part], self.counts[part]


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

    def __repr__(self) -> str:
        return (
            f"Pieces: {len(self)} recordings of shape {self.shape}, {len(self.made)} of "
            f"{len(self.start) - 1} pieces made"
        )

    def identity(self) -> str:
        return identity([list(self.shape), self.labels, self.numbers, self.start, self.made_from])

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        piece = int(np.searchsorted(self.start, recording, "right")) - 1
        if piece not in self.made:
            self.made[piece] = self.make(piece)
        return self.made[piece].events_of(recording - self.start[piece])


@dataclass(frozen=True)
class Form:
    """How recordings are read and become counts, as options of `Recordings` say it; sensor None: it
    is not known yet; one number: of a row of units."""

    sensor: tuple[int, ...] | None
    size: tuple[int, ...] | None
    bin_ms: float
    duration_ms: float
    hop_ms: float | None
    time: str | None = None
    columns: str | None = None


def counts_of(
    recordings: Iterable[tuple[Any, int]],
    names: Iterable[str],
    form: Form,
    judge: Judge | None = None,
    few: list[tuple[int, int, int, bool]] | None = None,
    checked: bool = False,
) -> tuple[tuple[int, ...], Iterator[tuple]]:
    """(shape, batches for `Pool.collect`) of recordings, pairs (events, number of their label),
    whose names errors tell; the numbers say from which of them each was cut. `judge` looks at the
    units of their times. `few` gets those of which nearly nothing is counted. checked: a reader has
    looked at their clock, and they may be parts."""
    assert form.sensor is not None
    sensor, bin_ms, duration_ms, hop_ms = form.sensor, form.bin_ms, form.duration_ms, form.hop_ms
    units = is_row(sensor)
    pixels = as_picture(sensor)
    rows = as_picture(form.size or sensor)

    def counted(number: int, events: np.ndarray, lasting_ms: float | None) -> Iterator[np.ndarray]:
        # by what it holds, so that copies of a recording remain copies
        content = (
            np.diff(events["t"], prepend=events["t"][:1]).tobytes()
            + events["x"].tobytes()
            + events["y"].tobytes()
        )
        one = downscaled(events, pixels, rows, zlib.crc32(content))
        if not len(one):
            raise ValueError("the recording has no events; expected at least one")
        whole = hop_ms is None and lasting_ms is not None  # all frames, the first of them at zero
        begin = "zero" if whole else "first event"
        if few is not None and hop_ms is None and lasting_ms is None:
            few.extend(few_of(number, one["t"], None, duration_ms))
        for part in [one] if hop_ms is None else windows(one, duration_ms, hop_ms, lasting_ms):
            counts = bin_events(part, duration_ms, bin_ms, shape=rows, start=begin)
            yield (counts[:, 0, :, 1] if units else counts)[None]

    def batches() -> Iterator[tuple]:
        lengths: dict[str, int] = {}
        for number, ((given, label), name) in enumerate(zip(recordings, names)):
            try:
                lasting = None
                if are_frames(given := plain(given)):
                    if sensor_of_frames(given) != tuple(sensor):
                        raise ValueError(
                            f"frames of {in_words(sensor_of_frames(given))}; expected those of the "
                            f"sensor, {in_words(sensor)}"
                        )
                    lengths[name] = given.shape[0]
                    events = events_of_frames(given, bin_ms)
                    lasting = given.shape[0] * round(bin_ms * 1000) / 1000
                else:
                    how = form.time, form.columns
                    events, said = as_recording(given, sensor, name, *how, inside=True)
                    events = in_order(events, not checked)
                    if judge is not None:
                        judge.look(events, sensor, name, said and form.time is None)
                for dense in counted(number, events, lasting):
                    yield dense, [label], [number]
            except ValueError as error:
                raise ValueError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from None
        if judge is not None:
            judge.finish()
        if lengths and hop_ms is None:
            tell_frames(lengths, steps, bin_ms)

    steps, *_ = bin_events(np.zeros(0, EVENT), duration_ms, bin_ms, shape=(1, 1)).shape
    return (steps, rows[1]) if units else (steps, *rows, 2), batches()


def tell_frames(lengths: Mapping[str, int], steps: int, bin_ms: float) -> None:
    """Warn where recordings of frames, so many in each by name, do not fill the steps that are
    counted, or some extend well beyond them."""
    most = max(lengths.values())
    middle = sorted(lengths.values())[len(lengths) // 2]
    long = [name for name, number in lengths.items() if number > 1.1 * steps]
    if not long and middle >= 0.9 * steps:
        return
    what = f"the last {steps - middle} steps of most are empty"
    if long:
        what = (
            f"{len(long)} of {len(lengths)} recordings are cut, such as {long[0]}, which has "
            f"{lengths[long[0]]}"
        )
    warnings.warn(
        f"recordings have {middle} frames (median), each a step of bin_ms={bin_ms:g}, and "
        f"duration_ms={steps * bin_ms:g} counts {steps} steps: {what}; give bin_ms, the length of a "
        f"frame, and duration_ms={most}*bin_ms",
        stacklevel=3,
    )


def tell_reach(pool: Pool, source: str, sensor: Sequence[int]) -> None:
    """Warn where all events are in a corner of the sensor, less than half as wide and half as high:
    then it is smaller."""
    sides = pool.shape[1:3] if len(pool.shape) == 4 else pool.shape[1:]
    places = np.unravel_index(np.unique(pool.cells), pool.shape)[1 : 1 + len(sides)]
    reach = [int(place.max(initial=-1)) + 1 for place in places]
    if len(pool.cells) >= TELLING and all(2 * far < side for far, side in zip(reach, sides)):
        far = " x ".join(
            str(-(-far * whole // side)) for far, whole, side in zip(reach, sensor, sides)
        )
        warnings.warn(
            f"{source}: a sensor of {in_words(sensor)} is given, and all events are in its first "
            f"{far}; is it smaller (--sensor)?",
            stacklevel=3,
        )


def tell_full(pool: Pool, source: str) -> None:
    """Warn where cells see more events in a step than they can count: of too coarse a grid, or too
    long steps."""
    full = int(np.sum(pool.counts == SATURATION))
    if full > FULL * max(len(pool.counts), 1):
        warnings.warn(
            f"{source}: {full:,} of {len(pool.counts):,} cells with events hold {SATURATION} in a "
            "step, the most that they "
            "can count; what they saw beyond is lost, so bright and brighter look alike: give "
            "shorter steps (--bin-ms) "
            "or more cells (--size)",
            stacklevel=3,
        )


def few_of(
    number: int, t: np.ndarray, begin: int | None, duration_ms: float
) -> list[tuple[int, int, int, bool]]:
    """[(number, events that are counted, events that there are, sure)] of a recording of which less
    is counted from `begin` on (None: its first event) than it has, else []; t: its times in
    microseconds, sorted. sure: it is so whatever the other recordings are like."""
    length = round(1000 * duration_ms)
    if not len(t):
        return []
    first = int(t[0]) if begin is None else begin
    low, high = np.searchsorted(t, (first, first + length))
    counted = int(high - low)
    busiest = int((np.searchsorted(t, t + length) - np.arange(len(t))).max())
    stamps = np.unique(t)
    idle = int(np.diff(stamps[: FEW + 1]).max(initial=0))
    usual = int(t[-1] - t[0]) / len(stamps)
    little = busiest > (SPARE if counted < FEW else TIMES) * counted
    late = begin is None and idle > max(length / PART, IDLE * usual, IDLE_US)
    rest = t[high:]
    far = (
        begin is None
        and len(rest) >= REST * counted
        and rest[0] - t[high - 1] > max(length, rest[-1] - rest[0])
    )
    pauses = np.diff(t, prepend=t[0])
    longest = int(pauses.argmax())
    wraps = (
        begin is None
        and REST * (len(t) - longest) > counted
        and pauses[longest] > max(length, TIMES * (t[-1] - t[0] - pauses[longest]))
    )
    sure = bool(little or late or far or wraps)
    sparse = counted < FEW and len(t) > SPARE * counted
    return [(number, counted, len(t), sure)] if sure or sparse else []


def tell_few(pool: Pool, source: str, names: Sequence[str] | None = None) -> None:
    """Warn of recordings of which little is counted: of a stray first stamp, a wrong unit of time,
    or a late beginning."""
    if not len(pool.few):
        return
    told = [
        f"{names[number] if names else f'recording {number}'} ({counted:,} of {there:,} events)"
        for number, counted, there in pool.few[:NAMED].tolist()
    ]
    more = f" and {len(pool.few) - NAMED} more" * (len(pool.few) > NAMED)
    warnings.warn(
        f"{source}: little is counted of {', '.join(told)}{more}; is the first stamp right, or the "
        "unit of their times another (--time)? Else give a longer duration (--duration-ms), or cut "
        "them (--hop-ms)",
        stacklevel=3,
    )
