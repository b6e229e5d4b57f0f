"""Recordings given in Python, turned into counts, with warnings about events that look lost.

Recordings are read one at a time from a list, from tonic's data sets as pairs, from subsets and
loaders of PyTorch, or as frames. These packages are not imported: any object with the same methods
works.

    data set      items (events, label), or only events with labels next to them; `sensor_size` (columns, rows, polarities),
                  its own or that of the data set within it
    Subset        a data set with `dataset` and `indices`
    DataLoader    the items of its data set that its sampler names, each once, in the data set's order: a loader shuffles,
                  joins items to batches and may draw one twice, which would put one recording into support and query
    frames        (T, 2, H, W) as tonic's ToFrame makes them, or (T, H, W, 2); channel 0 = OFF, 1 = ON
"""

import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, zip_longest
from typing import Any

import numpy as np

from ...arguments import array, must, need, shown, wholes
from ..readers.columns import as_picture, in_words, is_row, meaning, names_in
from ..readers.events import (
    EVENT,
    SATURATION,
    as_recording,
    bin_events,
    check_events,
    downscaled,
    windows,
)
from ..readers.pictures import by_value
from ..readers.times import check_alike
from .pool import Pool

# A recording has too few counted events if its busiest part of the same length has TIMES as many
# (SPARE times if they are fewer than FEW); or if a pause of a quarter of that time, IDLE times the
# usual one, follows one of the first FEW stamps; or if REST times as many events come after a pause
# longer than they last; or if a pause is TIMES as long as everything else, because a clock wrapped
# and events are unsorted.
FEW, SPARE, TIMES = 5, 30, 100
PART, IDLE, IDLE_US, REST = 4, 30, 20_000, 10
NAMED = 5  # most recordings named in a warning
REACHING = 1000  # fewest cells with events from which a sensor's size is judged


def one_or_two(size: Any) -> Any:
    """Return a single number of units as (n,), and anything else unchanged."""
    number = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    return (int(size),) if number else size


@dataclass(frozen=True)
class Form:
    """Options of `Recordings` for reading and counting. `sensor` is None if not known yet, and (n,)
    for a row of units."""

    sensor: tuple[int, ...] | None
    size: tuple[int, ...] | None
    bin_ms: float
    duration_ms: float
    hop_ms: float | None
    time: str | None = None
    columns: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if `size` is given in pixels and `sensor` in units, or the other way
        round."""
        if self.sensor is not None and self.size is not None:
            row = is_row(self.sensor)
            expected = "a number of units" if row else "rows and columns of cells"
            need("size", self.size, is_row(self.size) == row, f"{expected}, like the sensor")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a recording's counts, (T, H, W, 2) or (T, units)."""
        return self._binned(np.zeros(0, EVENT)).shape

    def _binned(self, events: np.ndarray, start: str = "first event") -> np.ndarray:
        cells = as_picture(self.size or self.sensor or ())
        found = bin_events(events, self.duration_ms, self.bin_ms, shape=cells, start=start)
        return found[:, 0, :, 1] if is_row(self.sensor) else found

    def events(self, given: Any, name: str, checked: bool, met: dict[str, str]) -> np.ndarray:
        """Return a recording's events, sorted by time; `met` as in `check_alike`."""
        if are_frames(given):
            found = sensor_of_frames(given)
            expected = f"those of the sensor, {in_words(self.sensor or ())}"
            need("the sensor of frames", in_words(found), found == self.sensor, expected)
            return events_of_frames(given, self.bin_ms)
        if not checked:
            given = as_recording(given, self.sensor, self.time, self.columns)
        check_events(given, as_picture(self.sensor or ()))
        if self.time is not None:
            check_alike(met, given, self.sensor, self.time, name)
        return given

    def counts(self, events: np.ndarray, lasting_ms: float | None) -> Iterator[np.ndarray]:
        """Yield the counts of a recording, or of its parts. lasting_ms: the length of a recording
        that consists of frames, which starts at zero."""
        assert self.sensor is not None
        if not len(events):
            raise ValueError("the recording has no events; expected at least one")
        # seeded by its content, so that copies of a recording stay equal
        held = np.diff(events["t"], prepend=events["t"][:1]), events["x"], events["y"]
        seed = zlib.crc32(b"".join(column.tobytes() for column in held))
        cells = as_picture(self.size or self.sensor)
        events = downscaled(events, as_picture(self.sensor), cells, seed)
        if self.hop_ms is not None:
            parts = windows(events, self.duration_ms, self.hop_ms, lasting_ms)
            yield from map(self._binned, parts)
        else:
            yield self._binned(events, "first event" if lasting_ms is None else "zero")


def counted(source: Any, labels: Any, form: Form, of: str) -> tuple[Pool, list[str]]:
    """Return (counts, names of the labels) for recordings given in Python, with only one recording
    in memory at a time."""
    if isinstance(source, (str, bytes, Mapping)):
        raise ValueError(
            f"events must be recordings, a list of arrays of events, not {shown(source)}; a folder "
            "is opened as minisnn.data.sets.named.own('train', folder, …)"
        )
    one_each = hasattr(labels, "__getitem__") and not isinstance(labels, (str, bytes, Mapping))
    must("labels", labels is None or one_each, "a list with one label for each recording", labels)
    items = items_of(source, labels)
    first, first_label = next(items, (None, None))
    expected = "some, and one label for each; found 0 recordings"
    need("the recordings", source, first is not None, expected)
    first = plain(first)
    form = replace(form, sensor=_sensor(form.sensor, source, first))
    met: dict[str, int] = {}

    def numbered() -> Iterator[tuple[Any, int]]:
        for events, label in chain([(first, first_label)], items):
            yield events, met.setdefault(label_of(label), len(met))

    names = (f"recording {k}" for k in count())
    pool = Pool.collect(form.shape, counts_of(numbered(), names, form))
    # frames have their sensor's size
    warn_of_losses(pool, of, sensor=None if are_frames(first) else form.sensor)
    labels_met = sorted(met, key=by_value)
    places = np.array([labels_met.index(name) for name in met], np.int64)
    return replace(pool, labels=places[pool.labels]), labels_met


def _sensor(sensor: tuple[int, ...] | None, source: Any, first: Any) -> tuple[int, ...]:
    """Return the sensor's rows and columns, or (n,) for n units: as given, or else as stated by the
    source, or else the size of its frames."""
    if sensor is None:
        sensor = sensor_of_frames(first) if are_frames(first) else sensor_in(source)
        known = {meaning(name)[0] for name in names_in(first)}
        if sensor is not None and sensor[0] == 1 and known and "y" not in known:
            sensor = sensor[1:]
    good = sensor is not None and len(wholes("sensor", sensor)) in (1, 2) and min(sensor) >= 1
    expected = "rows and columns of its pixels, such as (128, 128), or the number of its units"
    need("sensor", sensor, good, expected)
    return tuple(int(side) for side in sensor or ())


def counts_of(
    recordings: Iterable[tuple[Any, int]], names: Iterable[str], form: Form, checked: bool = False
) -> Iterator[tuple]:
    """Yield batches for `Pool.collect`, given recordings as pairs (events, number of the label);
    `names` are the recordings' names in errors, and the numbers in the batches count recordings.
    checked: a reader has already checked the clock and the unit of time, and recordings may be
    parts."""
    met: dict[str, str] = {}
    lengths: dict[str, int] = {}
    for number, ((given, label), name) in enumerate(zip(recordings, names)):
        lasting = None
        few: list[tuple[int, int, int, bool]] = []
        try:
            given = plain(given)
            events = form.events(given, name, checked, met)
            if are_frames(given):
                lengths[name] = len(given)
                lasting = len(given) * round(form.bin_ms * 1000) / 1000
            elif form.hop_ms is None:
                few = undercounted(number, events["t"], None, form.duration_ms)
            for counts in form.counts(events, lasting):
                yield counts[None], [label], [number], *few
        except ValueError as error:
            raise ValueError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from error
    if lengths and form.hop_ms is None:
        warn_of_cut_frames(lengths, form.shape[0], form.bin_ms)


def warn_of_cut_frames(lengths: Mapping[str, int], steps: int, bin_ms: float) -> None:
    """Warn if frames do not fill the counted steps, or extend well beyond them. `lengths` maps each
    recording's name to its number of frames."""
    middle = sorted(lengths.values())[len(lengths) // 2]
    longest = max(lengths, key=lambda name: lengths[name])
    cut = sum(number > 1.1 * steps for number in lengths.values())
    if cut or middle < 0.9 * steps:
        warnings.warn(
            f"with bin_ms={bin_ms:g} and duration_ms={steps * bin_ms:g}, {steps} frames are "
            f"counted: {cut} of {len(lengths)} recordings are cut, and the median length is {middle} "
            f"frames; the longest is {longest}: give bin_ms, the length of a frame, and "
            f"duration_ms={lengths[longest]}*bin_ms",
            stacklevel=3,
        )


def warn_of_losses(
    pool: Pool,
    source: str,
    names: Sequence[str] | None = None,
    sensor: tuple[int, ...] | None = None,
) -> None:
    """Warn of recordings in which few events are counted, because of a stray first stamp, a wrong
    unit of time, or a late beginning. Also warn of a sensor at least twice as wide and high as the
    region that contains its events."""
    if len(pool.few):
        examples = [
            f"{names[number] if names else f'recording {number}'} ({counted:,} of {total:,} events)"
            for number, counted, total in pool.few[:NAMED].tolist()
        ]
        more = f" and {len(pool.few) - NAMED} more" * (len(pool.few) > NAMED)
        warnings.warn(
            f"{source}: few events are counted of {', '.join(examples)}{more}; is their first time "
            "stamp wrong, or their unit of time (--time)? Otherwise give a longer --duration-ms, or cut "
            "them (--hop-ms)",
            stacklevel=3,
        )
    if sensor is None or len(pool.cells) < REACHING:
        return
    sides = pool.shape[1:3][: len(sensor)]
    places = np.unravel_index(np.unique(pool.cells), pool.shape)[1:]
    reach = [int(place.max()) + 1 for place in places[: len(sensor)]]
    if all(2 * far < side for far, side in zip(reach, sides)):
        far = [str(-(-far * whole // side)) for far, whole, side in zip(reach, sensor, sides)]
        warnings.warn(
            f"{source}: a sensor of {in_words(sensor)} is given, and all events are in its first "
            f"{' x '.join(far)}; is it smaller (--sensor)?",
            stacklevel=3,
        )


def undercounted(
    number: int, t: np.ndarray, begin: int | None, duration_ms: float
) -> list[tuple[int, int, int, bool]]:
    """Return [(number, counted events, all events, sure)] for a recording in which too few events
    are counted from `begin` on (None: from its first event), otherwise []. t: its times in
    microseconds, sorted. sure: whether this holds regardless of the other recordings."""
    if not len(t):
        return []
    length = round(1000 * duration_ms)
    first = int(t[0]) if begin is None else begin
    low, high = np.searchsorted(t, (first, first + length))
    counted = int(high - low)
    busiest = int((np.searchsorted(t, t + length) - np.arange(len(t))).max())
    sure = busiest > (SPARE if counted < FEW else TIMES) * counted
    if begin is None:
        stamps = np.unique(t)
        idle = int(np.diff(stamps[: FEW + 1]).max(initial=0))
        usual = int(t[-1] - t[0]) / len(stamps)
        rest = t[high:]
        sure = sure or idle > max(length / PART, IDLE * usual, IDLE_US)
        if len(rest) >= REST * counted:
            sure = sure or rest[0] - t[high - 1] > max(length, rest[-1] - rest[0])
        pauses = np.diff(t, prepend=t[0])
        longest = int(pauses.argmax())
        if REST * (len(t) - longest) > counted:
            others = t[-1] - t[0] - pauses[longest]
            sure = sure or pauses[longest] > max(length, TIMES * others)
    sparse = counted < FEW and len(t) > SPARE * counted
    return [(number, counted, len(t), bool(sure))] if sure or sparse else []


def items_of(source: Any, labels: Iterable[Any] | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield (events, label) of every recording of a source, one at a time; a stream is read once.

    Raises ValueError if there are no labels, or if there are not as many as recordings.
    """
    each = _each(source)
    for number, pair in enumerate(each if labels is None else zip_longest(each, labels)):
        good = isinstance(pair, (tuple, list)) and len(pair) == 2
        good = good and not any(part is None for part in pair)
        expected = "one for each recording: a list of as many, or pairs (events, label)"
        need("labels", f"missing, or without recordings, at number {number}", good, expected)
        yield pair[0], pair[1]


def _each(source: Any) -> Iterable[Any]:
    data: Any = getattr(source, "dataset", None)
    if hasattr(source, "collate_fn") and hasattr(data, "__getitem__"):  # a loader
        drawn = getattr(source, "sampler", None)
        places = source.batch_sampler if drawn is None else drawn
        each = {int(place) for some in places for place in np.atleast_1d(some)}
        return (data[place] for place in sorted(each))
    if hasattr(source, "collate_fn"):
        return data
    if hasattr(source, "__getitem__") and not hasattr(source, "__iter__"):
        return (source[place] for place in range(len(source)))
    return source


def sensor_in(source: Any) -> tuple[int, int] | None:
    """Return the sensor's rows and columns as stated by a data set, or by the data set that it
    wraps."""
    while source is not None and getattr(source, "sensor_size", None) is None:
        source = getattr(source, "dataset", None)
    return None if source is None else (int(source.sensor_size[1]), int(source.sensor_size[0]))


def label_of(label: Any) -> str:
    """Return the name of a class from a text, a number, or an array or tensor of one number.
    Raises ValueError for a fraction, or anything else."""
    value = label
    if hasattr(value, "__array__") and not hasattr(value, "mask"):
        value = np.asarray(value)
        value = value.item() if value.size == 1 else value
    if isinstance(value, bytes):
        value = value.decode()
    good = isinstance(value, (str, int)) or isinstance(value, float) and value.is_integer()
    must("a label", good, "a text or a whole number", label)
    return str(int(value) if isinstance(value, float) else value)


def plain(events: Any) -> Any:
    """Convert arrays of other libraries, such as tensors, to NumPy's; return anything else
    unchanged."""
    if not isinstance(events, (np.ndarray, dict)) and hasattr(events, "__array__"):
        return np.asarray(events)
    return events


def are_frames(events: Any) -> bool:
    """Return whether a recording is an array of frames rather than of events."""
    return isinstance(events, np.ndarray) and events.ndim == 4 and events.dtype.names is None


def sensor_of_frames(frames: np.ndarray) -> tuple[int, int]:
    """Return the rows and columns of frames. Raises ValueError unless exactly one axis has length
    two, for the polarities."""
    first = frames.shape[1] == 2
    expected = "(T, 2, H, W) or (T, H, W, 2), one axis that of the two polarities"
    need("the shape of frames", frames.shape, first != (frames.shape[3] == 2), expected)
    return frames.shape[2:4] if first else frames.shape[1:3]


def events_of_frames(frames: np.ndarray, bin_ms: float) -> np.ndarray:
    """Convert frames of `bin_ms` to events (dtype EVENT). Each cell and polarity gets as many
    events as its count, all at the frame's beginning.

    Raises ValueError for values that are not counts from 0 to SATURATION, and for masked ones. It
    also raises the errors of `sensor_of_frames`.
    """
    frames = array("the array of frames", frames)
    sensor_of_frames(frames)
    if frames.shape[1] == 2:
        frames = np.moveaxis(frames, 1, 3)
    low = frames.min(initial=0)
    high = frames.max(initial=0)
    good = low >= 0 and high <= SATURATION and np.all(frames == np.rint(frames))
    expected = f"counts of events, whole numbers to {SATURATION}, without scaling or weights"
    need("the reach of frames", f"from {low} to {high}", good, expected)
    where = np.nonzero(frames)
    step, row, column, polarity = np.repeat(where, frames[where].astype(np.int64), axis=1)
    events = np.empty(len(step), EVENT)
    for name, values in zip("xytp", (column, row, step * round(bin_ms * 1000), polarity)):
        events[name] = values
    return events
