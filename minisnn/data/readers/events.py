"""Events in memory, and their counts in space and time.

A recording is a structured array of dtype EVENT, sorted by time: column `x`, row `y`, time `t` in
microseconds, polarity `p` (1 = ON, brighter; 0 = OFF, darker). A network sees it as a count tensor
(T, H, W, 2), channel 0 = OFF, 1 = ON.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import need
from .clock import check_clock
from .columns import ACCEPTED, ORDER, are_fractions, microseconds, of_events, unmasked
from .plausible import unit_of_fractions

EVENT = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i1")])
EXPECTED = "expected a one-dimensional structured array of x, y, t, p, such as event_array makes"
# the largest count that a cell of a uint8 tensor holds; further events of the cell are dropped
SATURATION = 255


def event_array(x: ArrayLike, y: ArrayLike, t: ArrayLike, p: ArrayLike) -> np.ndarray:
    """Events from four sequences of equal length, sorted by time (events of one time keep their
    order).

    Raises ValueError where lengths differ, values are not whole numbers, do not fit EVENT, or p is
    not 0 or 1, and as `clock.check_clock`.
    """
    columns = {}
    for name, values in (("x", x), ("y", y), ("t", t), ("p", p)):
        values = unmasked(values, name)
        if values.ndim != 1:
            raise ValueError(
                f"{name} has shape {values.shape}; expected one value for each event, shape (N,)"
            )
        if values.dtype.kind == "f" and not np.all(
            np.isfinite(values) & (values == np.rint(values))
        ):
            raise ValueError(f"{name} holds a value that is not a whole number")
        if values.size and values.dtype.kind not in "biuf":
            raise ValueError(f"{name} has dtype {values.dtype}; expected numbers")
        limit = np.iinfo(EVENT[name])
        if values.size and not (limit.min <= values.min() and values.max() <= limit.max):
            raise ValueError(
                f"{name} reaches from {values.min()} to {values.max()}; expected values from "
                f"{limit.min} to {limit.max}"
            )
        columns[name] = values
    lengths = {name: values.size for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"x, y, t and p differ in length: {lengths}")
    events = np.empty(lengths["t"], EVENT)
    for name, values in columns.items():
        events[name] = values
    check_events(events)
    return in_order(events)


def in_order(events: np.ndarray, whole: bool = True) -> np.ndarray:
    """Events sorted by time, those of one time in their order. ValueError as `clock.check_clock`."""
    check_clock(events, whole)
    t = events["t"]
    return events[np.argsort(t, kind="stable")] if np.any(t[:-1] > t[1:]) else events


def as_events(
    events: Any,
    shape: tuple[int, int] | None = None,
    name: str = "events",
    time: str | None = None,
    columns: str | Sequence[str] | None = None,
) -> np.ndarray:
    """Events of dtype EVENT, sorted by time (those of this type stay as they are).

    events    a structured array, a mapping with columns named as in `columns.NAMES`, in any order,
              or an array (N, 4) with the order of its columns
    time      unit of the times, "ns", "us", "ms" or "s"; None: the unit in the column's name (t_ms,
              timestamp_us), else microseconds where the times are whole numbers, and an error where
              they are not
    columns   for an array without names, its columns in order, "t,x,y,p"

    Polarities are booleans, 0 and 1, or -1 and 1. Raises ValueError, naming `name`, for anything
    else, for masked values, and as `event_array` and `check_events`; arrays of this type may be
    parts of recordings, of which a late beginning says nothing.
    """
    plain = isinstance(events, np.ndarray) and not isinstance(events, np.ma.MaskedArray)
    whole = plain and events.dtype == EVENT and events.ndim == 1 and time in (None, "us")
    if whole and not (events["p"].size and events["p"].min() == -1):
        check_events(events, shape, name)
        try:
            check_clock(events, whole=False)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        return events
    try:
        held, said = of_events(events, columns)
        if not held:
            _refuse(events)
        x, y, t, p = (held[one] for one in "xytp")
        if p.size and p.dtype.kind in "if" and p.min() == -1 and np.isin(p, (-1, 1)).all():
            p = p > 0
        if (
            time is None
            and said is None
            and are_fractions(t)
            and (unit := unit_of_fractions(x, y, t))
        ):
            raise ValueError(
                f"times are fractions, and nothing gives their unit; they look like {unit}: "
                f"say --time {unit} (in Python time={unit!r})"
            )
        made = event_array(x, y, microseconds(t, time, said), p)
        check_events(made, shape)
    except ValueError as error:
        raise ValueError(f"{name}: {str(error).removeprefix('events: ')}") from None
    return made


def _refuse(events: Any) -> NoReturn:
    """ValueError for what has no columns of events."""
    flat = isinstance(events, np.ndarray) and events.ndim == 1
    names = (
        list(map(str, events))
        if isinstance(events, Mapping)
        else list(events.dtype.names or ())
        if flat
        else []
    )
    if names:
        raise ValueError(
            f"found the columns {', '.join(names)[:200]}; expected x, y, t and p, by these names: "
            f"{ACCEPTED}; or {ORDER}"
        )
    found = (
        f"{events.dtype} of shape {events.shape}"
        if isinstance(events, np.ndarray)
        else type(events).__name__
    )
    raise ValueError(f"found {found}; {EXPECTED}")


def check_events(
    events: np.ndarray, shape: tuple[int, int] | None = None, name: str = "events"
) -> None:
    """Raise ValueError unless `events` is of dtype EVENT, with polarities 0 or 1, inside a sensor
    of `shape` (H, W)."""
    if not isinstance(events, np.ndarray) or events.dtype != EVENT or events.ndim != 1:
        found = (
            f"{events.dtype} of shape {events.shape}"
            if isinstance(events, np.ndarray)
            else type(events).__name__
        )
        raise ValueError(f"{name}: found {found}; {EXPECTED}")
    if not events.size:
        return
    if events["p"].min() < 0 or events["p"].max() > 1:
        raise ValueError(
            f"{name}: polarities reach from {events['p'].min()} to {events['p'].max()}; expected 0 "
            "(OFF) and 1 (ON), "
            "where -1 or 2 stand for OFF or ON give p > 0 or p == 2"
        )
    if shape is not None:
        for axis, size in (("y", shape[0]), ("x", shape[1])):
            low = events[axis].min()
            high = events[axis].max()
            if low < 0 or high >= size:
                other = events["x" if axis == "y" else "y"]
                from_one = "; they look counted from 1" * bool(low == 1 and high == size)
                swapped = bool(
                    low >= 0
                    and high < shape[axis == "y"]
                    and other.min() >= 0
                    and other.max() < size
                )
                raise ValueError(
                    f"{name}: {axis} reaches from {low} to {high}; expected 0 to {size - 1} "
                    f"on a sensor of {shape[1]} x {shape[0]} pixels"
                    + ("; x and y look swapped" if swapped else from_one)
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
    """Count events a time step, cell and polarity: uint8 (T, H, W, 2), channel 0 = OFF, 1 = ON.

        T = duration_ms / step_ms,  H, W = crop / scale
        events[k] adds one to counts[(t - t0) // step, y // scale, x // scale, p]    where t0 <= t < t0 + duration

    events: `as_events`, in any order.  shape: rows and columns of the sensor; an event outside
    raises ValueError. crop: rows and columns kept, from the top left corner (None: all); events
    beyond are left out. scale: cells are squares of scale x scale pixels (integer division of the
    coordinates); it must divide the crop. start: t0 is the time of the recording's first event
    (before the crop), "zero", or a time in microseconds. A cell that sees more than 255 events in a
    step holds 255. A recording without events gives zeros.

    The paper's Double N-MNIST (Stewart & Neftci 2022, section 2.3) is bin_events(events, crop=(32,
    32), scale=2).
    """
    events = as_events(events, shape)
    steps = _steps(duration_ms, step_ms)
    rows, columns = crop_cells(shape, crop, scale)
    counts = np.zeros((steps, rows, columns, 2), np.uint8)
    if not events.size:
        return counts
    step = (events["t"] - _start(events, start)) // round(step_ms * 1000)
    row = events["y"].astype(np.int64) // scale
    column = events["x"].astype(np.int64) // scale
    inside = (step >= 0) & (step < steps) & (row < rows) & (column < columns)
    cell = ((step * rows + row) * columns + column) * 2 + events["p"]
    total = np.bincount(cell[inside], minlength=counts.size)
    np.minimum(total, SATURATION, out=total)
    return total.astype(np.uint8).reshape(counts.shape)


def downscaled(
    events: np.ndarray, sensor: tuple[int, int], size: tuple[int, int], number: int = 0
) -> np.ndarray:
    """Events of a sensor (rows, columns) on a coarser grid of `size` cells, by area; none are lost.

        column = floor((x + u) · cells / pixels),  u drawn evenly from [0, 1) for each event, by `number`

    So a pixel across two cells gives each of them a share of its events in proportion to the area;
    the same holds for rows. Nothing is drawn where the cells divide the pixels. Raises ValueError
    where `size` is finer than the sensor.
    """
    fits = np.shape(size) == (2,) and all(
        0 < cells <= pixels and cells == int(cells) for cells, pixels in zip(size, sensor)
    )
    need("size", size, fits, f"rows and columns from 1 to those of the sensor, {tuple(sensor)}")
    out = events.copy()
    rng = np.random.default_rng(number)
    for axis, cells, pixels in zip("yx", size, sensor):
        place = events[axis].astype(np.int64)
        if pixels % cells:
            out[axis] = np.floor((place + rng.random(len(events))) * (cells / pixels)).clip(
                0, cells - 1
            )
        else:
            out[axis] = place // (pixels // cells)
    return out


def windows(
    events: np.ndarray, duration_ms: float, hop_ms: float, lasting_ms: float | None = None
) -> list[np.ndarray]:
    """Parts of a continuous recording, each of `duration_ms`, that begin every `hop_ms`; a rest at
    the end that is shorter is left out, and so is a part without events.

    lasting_ms   how long it lasts from time zero on; None: from the first event to the last

    Raises ValueError where there is not one, and for a clock that jumps ahead, so that there are
    more parts than events.
    """
    good = isinstance(hop_ms, Real) and hop_ms > 0
    need("hop_ms", hop_ms, good, "a positive number of milliseconds")
    time = np.sort(events["t"])
    first = time[0] if len(time) and lasting_ms is None else 0
    length = lasting_ms
    if length is None:
        length = (time[-1] - first) / 1000 if len(time) else 0
    tiny = 1e-9  # 100 * 1.1 is more than 110
    if length < duration_ms - tiny:
        raise ValueError(f"the recording lasts {length:g} ms; expected at least {duration_ms:g}")
    number = int(np.floor((length - duration_ms) / hop_ms + tiny)) + 1
    if lasting_ms is None and number > len(time):
        at = int(np.diff(time).argmax())
        gap = (time[at + 1] - time[at]) / 1e6
        after = (time[at] - time[0]) / 1e6
        raise ValueError(
            f"a part every {hop_ms:g} ms would be {number:,} of {len(time):,} events; there is "
            f"none for {gap:g} s after {after:g} s, expected a clock that does not jump"
        )
    begins = first + np.arange(number) * (hop_ms * 1000)
    events = events[np.argsort(events["t"], kind="stable")]
    edges = (np.searchsorted(time, begin) for begin in (begins, begins + duration_ms * 1000))
    parts = [events[low:high] for low, high in zip(*edges) if low < high]
    if not parts:
        raise ValueError(f"the recording has no events in its parts of {duration_ms:g} ms")
    return parts


def event_map(events: np.ndarray, shape: tuple[int, int] = (34, 34)) -> np.ndarray:
    """Events of each pixel and polarity over the whole recording: int64 (H, W, 2), channel 0 = OFF,
    1 = ON."""
    events = as_events(events, shape)
    cell = (events["y"].astype(np.int64) * shape[1] + events["x"]) * 2 + events["p"]
    return np.bincount(cell, minlength=shape[0] * shape[1] * 2).reshape(*shape, 2)


def crop_cells(shape: tuple[int, int], crop: tuple[int, int] | None, scale: int) -> tuple[int, int]:
    """Rows and columns of cells that `crop` and `scale` make of a sensor; ValueError where they do
    not fit it."""
    rows, columns = shape if crop is None else crop
    fits = 0 < rows <= shape[0] and 0 < columns <= shape[1]
    need("crop", crop, fits, f"rows and columns from 1 to those of the sensor, {tuple(shape)}")
    divides = scale == int(scale) and scale >= 1 and not rows % scale and not columns % scale
    need("scale", scale, divides, f"a whole number that divides {rows} rows and {columns} columns")
    return rows // int(scale), columns // int(scale)


def _steps(duration_ms: float, step_ms: float) -> int:
    good = (
        isinstance(step_ms, Real)
        and step_ms >= 0.001
        and abs(step_ms * 1000 - round(step_ms * 1000)) < 1e-6
    )
    need("step_ms", step_ms, good, "a positive whole number of microseconds, in ms")
    steps = duration_ms / step_ms if isinstance(duration_ms, Real) else np.nan
    good = steps >= 0.5 and abs(steps - round(steps)) < 1e-9
    need("duration_ms", duration_ms, good, f"a whole number of steps of {step_ms} ms")
    return round(steps)


def _start(events: np.ndarray, start: str | float) -> int:
    if isinstance(start, str):
        if start == "first event":
            return int(events["t"].min())
        if start == "zero":
            return 0
    elif isinstance(start, Real) and start == int(start):
        return int(start)
    raise ValueError(
        f"start is {start!r}; expected 'first event', 'zero' or a whole number of microseconds"
    )
