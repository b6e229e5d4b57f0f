"""Events in memory, and counts of them in space and time.

A recording is a structured array of dtype EVENT, sorted by time: column `x`, row `y`, time `t` in
microseconds, polarity `p` (1 = ON, brighter; 0 = OFF, darker). For a network it becomes a count
tensor (T, H, W, 2), channel 0 = OFF, 1 = ON.
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import array, must, need, shown
from .columns import PIXELS, as_picture, columns_in, in_words, is_row, microseconds
from .hdf5 import naming
from .times import check_clock, check_unit

EVENT = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i1")])
# the largest count that a cell of a uint8 tensor holds; further events of the cell are dropped
SATURATION = 255


def event_array(
    x: ArrayLike, y: ArrayLike, t: ArrayLike, p: ArrayLike, whole: bool = True
) -> np.ndarray:
    """Build an event array from four sequences of equal length, sorted by time (simultaneous events
    keep their order).

    whole   whether they are a whole recording, rather than a part

    Raises ValueError if lengths differ, values are not whole numbers, do not fit EVENT, or p is
    not 0 or 1. It also raises the errors of `times.check_clock`.

        >>> ms.event_array(x=[4, 2], y=[0, 1], t=[30, 10], p=[1, 0])["t"]
        array([10, 30])
    """
    columns = {name: array(name, values) for name, values in zip("xytp", (x, y, t, p))}
    shapes = {name: values.shape for name, values in columns.items()}
    good = len(set(shapes.values())) == 1 and columns["t"].ndim == 1
    need("the length or shape of columns", shapes, good, "(N,), the same for each")
    events = np.empty(columns["t"].size, EVENT)
    for name, values in columns.items() if events.size else ():
        must(f"the dtype of {name}", values.dtype.kind in "biuf", "one of numbers", values.dtype)
        low, high = values.min(), values.max()
        limit = np.iinfo(EVENT[name])
        good = limit.min <= low and high <= limit.max
        need(f"the reach of {name}", f"{low} to {high}", good, f"{limit.min} to {limit.max}")
        if values.dtype.kind == "f" and np.any(values != np.rint(values)):
            raise ValueError(f"{name} holds a value that is not a whole number")
        events[name] = values
    check_events(events)
    check_clock(events, whole)
    t = events["t"]
    return events[np.argsort(t, kind="stable")] if np.any(t[:-1] > t[1:]) else events


def as_recording(
    recording: Any,
    sensor: Sequence[int] | None = None,
    time: str | None = None,
    columns: str | Sequence[str] | None = None,
    whole: bool = True,
) -> np.ndarray:
    """Return the events of pixels or units, sorted by time.

    recording   a structured array, a mapping with columns named as in `columns.NAMES`, in any
                order, or an array (N, 4) with the order of its columns; x, y, t and p, or t and
                unit. Polarities are booleans, 0 and 1, or -1 and 1
    sensor      rows and columns, where events may be outside; or (n,) of n units, which also
                accepts events of one row of pixels, or x and t as in tonic; None: not known
    time        unit of the times, "ns", "us", "ms" or "s"; None: the unit in the column's name
                (t_ms, timestamp_us), else microseconds if the times are whole numbers, and
                otherwise an error
    columns     for an array without names, its columns in order, "t,x,y,p"
    whole       whether it is a whole recording, whose clock and unit of time can be judged

    Raises ValueError for anything else, and for masked values.
    """
    held, unit = columns_in(recording, columns)
    t = held["t"]
    p = held.get("p", t)
    if not held.keys() >= PIXELS:
        x = held.get("unit", held.get("x") if is_row(sensor) else None)
        need("the list of columns", ", ".join(held), x is not None, "x, y, t and p")
        check_row(sensor)
        held |= {"x": np.asarray(x), "y": np.zeros(t.shape, np.int8)}
        p = np.ones(t.shape, np.int8)
    elif p.dtype.kind in "if" and p.min(initial=0) == -1 and np.isin(p, (-1, 1)).all():
        p = p > 0
    events = event_array(held["x"], held["y"], microseconds(t, time, unit), p, whole)
    if sensor is not None and is_row(sensor):
        if events.size and (np.ptp(events["y"]) or np.ptp(events["p"])):
            raise ValueError(
                "events have rows or polarities; expected events of one row of units, or a sensor of "
                "rows and columns"
            )
        events["y"], events["p"] = 0, 1
        check_events(events, as_picture(sensor))
    if whole and (time or unit) is None:
        check_unit(events, None if sensor is None else tuple(sensor))
    return events


def check_row(sensor: Sequence[int] | None) -> None:
    """Raise ValueError if a sensor for recordings of units has rows and columns."""
    if sensor is not None and not is_row(sensor):
        raise ValueError(
            "holds times of units; expected their number, such as --sensor 700 (in Python "
            f"sensor=700), not {in_words(sensor)}"
        )


def as_events(events: Any, shape: tuple[int, int]) -> np.ndarray:
    """Convert events on a sensor of `shape` rows and columns to dtype EVENT, sorted by time, like
    `as_recording`. They may be a part of a recording, which begins late."""
    with naming("events"):
        events = as_recording(events, shape, whole=False)
        check_events(events, shape)
    return events


def check_events(events: np.ndarray, shape: tuple[int, int] | None = None) -> None:
    """Raise ValueError unless `events` is of dtype EVENT, with polarities 0 or 1, inside a sensor
    of `shape` (H, W)."""
    if not isinstance(events, np.ndarray) or events.dtype != EVENT or events.ndim != 1:
        raise ValueError(f"found {shown(events)}; expected events, as event_array makes them")
    if not events.size:
        return
    names = "p" if shape is None else "xyp"
    reach = {name: (int(events[name].min()), int(events[name].max())) for name in names}
    low, high = reach["p"]
    expected = "0 (OFF) and 1 (ON), where -1 or 2 stand for OFF or ON give p > 0 or p == 2"
    need("the reach of polarities", f"{low} to {high}", 0 <= low and high <= 1, expected)
    for axis, size in zip("yx", shape or ()):
        low, high = reach[axis]
        if low < 0 or high >= size:
            rows, columns = shape or (0, 0)
            looks = "; they look counted from 1" * (low == 1 and high == size)
            if 0 <= reach["x"][0] <= reach["x"][1] < rows and 0 <= reach["y"][1] < columns:
                looks = "; x and y look swapped"
            of = in_words((rows, columns) if rows > 1 else (columns,))
            raise ValueError(
                f"{axis} reaches from {low} to {high}; expected 0 to {size - 1} on a sensor of "
                f"{of}{looks}"
            )


def bin_events(
    events: np.ndarray,
    duration_ms: float = 100,
    step_ms: float = 1,
    *,
    shape: tuple[int, int] = (34, 34),
    crop: tuple[int, int] | None = None,
    scale: int = 1,
    start: str | float = "first event",
) -> np.ndarray:
    """Count events per time step, cell and polarity: uint8 (T, H, W, 2), channel 0 = OFF, 1 = ON.

        T = duration_ms / step_ms,  H, W = crop / scale
        events[k] adds one to counts[(t - t0) // step, y // scale, x // scale, p]    where t0 <= t < t0 + duration

    events   an argument of `as_events`, in any order
    shape    rows and columns of the sensor; an event outside raises ValueError
    crop     rows and columns to keep, from the top left corner (None: all); others are dropped
    scale    cells are squares of scale x scale pixels (integer division of the coordinates); it
             must divide the crop
    start    t0: "first event", the time of the first event (before the crop); "zero"; or a time in
             microseconds

    A cell's count is at most 255 per step. A recording without events gives zeros.

    The paper's Double N-MNIST (Stewart & Neftci 2022, section 2.3) is bin_events(events, crop=(32,
    32), scale=2).

        >>> events = ms.event_array(x=[4, 2], y=[0, 1], t=[3000, 1000], p=[1, 0])
        >>> ms.bin_events(events, duration_ms=4, shape=(2, 6)).shape
        (4, 2, 6, 2)
    """
    events = as_events(events, shape)
    cells = steps_of(duration_ms, step_ms), *crop_cells(shape, crop, scale)
    first = int(events["t"][0]) if events.size else 0
    begin: Any = {"first event": first, "zero": 0}.get(str(start), start)
    good = not isinstance(begin, str) and begin == int(begin)
    need("start", start, good, "'first event', 'zero' or a whole number of microseconds")
    return counted_in(events, cells, round(step_ms * 1000), int(begin), scale)


def counted_in(
    events: np.ndarray, cells: tuple[int, ...], step_us: int, begin_us: int, scale: int = 1
) -> np.ndarray:
    """Count checked events in `cells` (T, H, W), like `bin_events`: uint8 (T, H, W, 2)."""
    steps, rows, columns = cells
    step = (events["t"] - begin_us) // step_us
    row = events["y"].astype(np.int64) // scale
    column = events["x"].astype(np.int64) // scale
    inside = (step >= 0) & (step < steps) & (row < rows) & (column < columns)
    cell = ((step * rows + row) * columns + column) * 2 + events["p"]
    total = np.bincount(cell[inside], minlength=steps * rows * columns * 2)
    return np.minimum(total, SATURATION).astype(np.uint8).reshape(*cells, 2)


def downscaled(
    events: np.ndarray, sensor: tuple[int, int], size: tuple[int, int], number: int = 0
) -> np.ndarray:
    """Move events of a sensor (rows, columns) to a coarser grid of `size` cells, by area, without
    losing any.

        column = floor((x + u) · cells / pixels),  u uniform in [0, 1) for each event, seeded by `number`

    So the events of a pixel that overlaps two cells are divided between them in proportion to the
    area; the same holds for rows. Nothing is random if the number of cells divides the number of
    pixels. Raises ValueError if `size` is finer than the sensor.
    """
    fits = len(size) == 2 and all(0 < cells <= pixels for cells, pixels in zip(size, sensor))
    need("size", size, fits, f"rows and columns from 1 to those of the sensor, {tuple(sensor)}")
    out = events.copy()
    rng = np.random.default_rng(number)
    for axis, cells, pixels in zip("yx", size, sensor):
        place = events[axis].astype(np.int64)
        if pixels % cells:
            drawn = np.floor((place + rng.random(len(events))) * (cells / pixels))
            out[axis] = drawn.clip(0, cells - 1)
        else:
            out[axis] = place // (pixels // cells)
    return out


def windows(
    events: np.ndarray, duration_ms: float, hop_ms: float, lasting_ms: float | None = None
) -> list[np.ndarray]:
    """Cut a continuous recording, sorted by time, into parts of `duration_ms` that begin every
    `hop_ms`. A shorter remainder at the end is left out, and so are parts without events.

    lasting_ms   length of the recording from time zero on; None: from the first event to the last

    Raises ValueError if there is no part, or if there are more parts than events, because the clock
    jumped ahead.
    """
    time = events["t"]
    first = int(time[0]) if lasting_ms is None else 0
    length = (int(time[-1]) - first) / 1000 if lasting_ms is None else lasting_ms
    tiny = 1e-9  # 100 * 1.1 rounds to more than 110
    number = int(np.floor((length - duration_ms) / hop_ms + tiny)) + 1
    if lasting_ms is None and number > len(time):
        longest = np.diff(time).max() / 1e6
        raise ValueError(
            f"a part every {hop_ms:g} ms would be {number:,} of {len(time):,} events; there is none "
            f"for {longest:g} s, expected a clock without jumps"
        )
    begins = first + np.arange(number) * (hop_ms * 1000)
    edges = (np.searchsorted(time, begin) for begin in (begins, begins + duration_ms * 1000))
    parts = [events[low:high] for low, high in zip(*edges) if low < high]
    if not parts:
        raise ValueError(f"the recording lasts {length:g} ms; expected parts of {duration_ms:g} ms")
    return parts


def event_map(events: np.ndarray, shape: tuple[int, int] = (34, 34)) -> np.ndarray:
    """Count the events of each pixel and polarity over the whole recording: int64 (H, W, 2),
    channel 0 = OFF, 1 = ON."""
    events = as_events(events, shape)
    cell = (events["y"].astype(np.int64) * shape[1] + events["x"]) * 2 + events["p"]
    return np.bincount(cell, minlength=shape[0] * shape[1] * 2).reshape(*shape, 2)


def crop_cells(shape: tuple[int, int], crop: tuple[int, int] | None, scale: int) -> tuple[int, int]:
    """Return the numbers of rows and columns of cells into which `crop` and `scale` divide a
    sensor. Raises ValueError if they do not fit it."""
    rows, columns = shape if crop is None else crop
    fits = 0 < rows <= shape[0] and 0 < columns <= shape[1]
    need("crop", crop, fits, f"rows and columns from 1 to those of the sensor, {tuple(shape)}")
    divides = scale == int(scale) and scale >= 1 and not rows % scale and not columns % scale
    need("scale", scale, divides, f"a whole number that divides {rows} rows and {columns} columns")
    return rows // int(scale), columns // int(scale)


def steps_of(duration_ms: float, step_ms: float) -> int:
    """Return the number of time steps in a recording. Raises ValueError if it is not whole."""
    good = isinstance(step_ms, Real) and step_ms >= 0.001
    good = good and abs(step_ms * 1000 - round(step_ms * 1000)) < 1e-6
    need("step_ms", step_ms, good, "a positive whole number of microseconds, in ms")
    steps = duration_ms / step_ms if isinstance(duration_ms, Real) else 0
    good = 0.5 <= steps < np.inf and abs(steps - round(steps)) < 1e-9
    need("duration_ms", duration_ms, good, f"a whole number of steps of {step_ms} ms")
    return round(steps)
