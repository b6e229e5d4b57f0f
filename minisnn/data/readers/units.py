"""Recordings that are no pictures: events of (time, unit), such as the spikes of an artificial
cochlea, of electrodes or of other neurons.

In memory they are events (dtype EVENT) in one row: x is the unit, y and p say nothing. A sensor of
one number, (700,), is a row of so many units, and samples are counts (T, units).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .columns import (
    PIXELS,
    UNITS_ALONE,
    are_fractions,
    columns_of,
    microseconds,
    name_of,
    of_events,
    order_of,
)
from .events import EVENT, as_events, bin_events, event_array
from .plausible import unit_of_fractions

EXPECTED = (
    "expected columns t and unit, by these names, or an array (N, 2) with columns='t,unit' "
    "(--columns t,unit)"
)


def is_row(sensor: Sequence[int] | None) -> bool:
    """Whether a sensor is a row of units, (n,), and no picture's rows and columns."""
    return sensor is not None and len(sensor) == 1


def as_picture(sensor: Sequence[int]) -> tuple[int, int]:
    """Rows and columns, of a row of units (1, n). ValueError where it is neither."""
    if len(sensor) not in (1, 2) or min(sensor) < 1:
        found = ",".join(map(str, sensor))
        raise ValueError(
            f"sensor is {found}; expected rows and columns, such as 128,128, or the number of units"
        )
    return (1, int(sensor[0])) if is_row(sensor) else (int(sensor[0]), int(sensor[1]))


def in_words(sensor: Sequence[int]) -> str:
    """ "128 x 96 pixels", or "700 units"."""
    rows, columns = as_picture(sensor)
    return (
        f"{columns} unit{'s' * (columns != 1)}" if is_row(sensor) else f"{columns} x {rows} pixels"
    )


def number_of(sensor: Sequence[int] | None, name: str) -> int | None:
    """How many units a sensor has; None where that is not known. ValueError, naming `name`, where it
    has rows and columns."""
    if sensor is None:
        return None
    if not is_row(sensor):
        raise ValueError(
            f"{name}: holds times of units; expected their number, such as --sensor 700 (in Python "
            f"sensor=700), not {in_words(sensor)}"
        )
    return int(sensor[0])


def of_units(events: Any, columns: str | Sequence[str] | None = None) -> bool:
    """Whether a recording has columns t and unit, and not those of pixels: by their names, or where
    they have none that are known by the order that is said."""
    names = list(events) if isinstance(events, Mapping) else _names(events)
    known = columns_of(names)
    if known is None and columns is not None and isinstance(events, np.ndarray):
        known = columns_of(order_of(columns))
    return known == UNITS_ALONE


def _names(events: Any) -> list[str]:
    """The names of the columns of a structured array."""
    return list(getattr(getattr(events, "dtype", None), "names", None) or ())


def lacks_rows(events: Any) -> bool:
    """Whether the columns of a recording give no row: those of units, and tonic's x, t and p."""
    known = {name_of(name) for name in (events if isinstance(events, Mapping) else _names(events))}
    return "y" not in known and bool(known & {"unit", "x"})


def as_units(
    events: Any,
    units: int | None = None,
    name: str = "events",
    time: str | None = None,
    columns: str | Sequence[str] | None = None,
) -> np.ndarray:
    """Events (dtype EVENT) in one row, sorted by time, of a structured array or a mapping with
    columns t and unit, or an array (N, 2) whose order `columns` gives.

    units   how many there are, 0 to units - 1
    time    unit of the times, as of `events.as_events`

    Events of pixels in a single row (y and p all alike, or no y, as tonic's) will do: x is the
    unit. Raises ValueError, naming `name`, for anything else, for units out of range, and for times
    that are not finite, or are fractions of nothing said.
    """
    try:
        made = None if of_units(events, columns) else _of_pixels(events, time, columns)
        if made is None:
            made = _of_columns(events, time, columns)
        if made.size and units is not None:
            check_range(made["x"], units)
    except ValueError as error:
        raise ValueError(f"{name}: {str(error).removeprefix('events: ')}") from None
    return made


def as_recording(
    events: Any,
    sensor: Sequence[int] | None,
    name: str,
    time: str | None = None,
    columns: str | Sequence[str] | None = None,
    inside: bool = False,
) -> tuple[np.ndarray, bool]:
    """(events of pixels or of units, sorted by time, whether something says their unit of time).

    sensor   rows and columns, or (n,) of a row of n units; None: as the columns are
    inside   whether events must lie within rows and columns; units always must
    """
    units = is_row(sensor) or of_units(events, columns)
    if units:
        made = as_units(events, number_of(sensor, name), name, time, columns)
    else:
        within = as_picture(sensor) if inside and sensor is not None else None
        made = as_events(events, within, name, time, columns)
    kind = UNITS_ALONE if of_units(events, columns) else PIXELS
    return made, time is not None or of_events(events, columns, kind)[1] is not None


def check_range(unit: np.ndarray, units: int) -> None:
    """ValueError where a unit is not of 0 to units - 1."""
    low, high = unit.min(), unit.max()
    if low < 0 or high >= units:
        from_one = "; they look counted from 1" * bool(low == 1 and high == units)
        raise ValueError(
            f"units reach from {low} to {high}; expected 0 to {units - 1} of {units} units"
            f"{from_one}"
        )


def _of_pixels(events: Any, time: str | None, columns: Any) -> np.ndarray | None:
    """Events of pixels that lie in one row; None where they are none."""
    plain = isinstance(events, np.ndarray) and events.dtype == EVENT
    if not plain and not of_events(events, columns)[0]:
        return None
    made = as_events(events, None, "events", time, columns)
    if made.size and (np.ptp(made["y"]) or np.ptp(made["p"])):
        raise ValueError(
            "events have rows or polarities; expected those of one row of units, or a sensor of "
            "rows and columns"
        )
    return _row(made["x"], made["t"])


def _of_columns(events: Any, time: str | None, columns: Any) -> np.ndarray:
    held, said = of_events(events, columns, UNITS_ALONE)
    if not held:  # tonic has x, t and p of them
        held, said = of_events(events, columns, ("t", "x"))
        held = {"t": held["t"], "unit": held["x"]} if held else held
    if not held:
        names = list(map(str, events)) if isinstance(events, Mapping) else _names(events)
        found = f"the columns {', '.join(names)[:200]}" if names else type(events).__name__
        if isinstance(events, np.ndarray) and not names:
            found = f"{events.dtype} of shape {events.shape}"
        raise ValueError(f"found {found}; {EXPECTED}")
    t, unit = np.asarray(held["t"]), np.asarray(held["unit"])
    if t.ndim != 1 or t.shape != unit.shape:
        raise ValueError(
            f"t has shape {t.shape} and unit {unit.shape}; expected one value for each event"
        )
    if time is None and said is None and are_fractions(t):
        looks = unit_of_fractions(unit, np.zeros_like(unit), t)
        if looks:
            raise ValueError(
                f"times are fractions, and nothing gives their unit; they look like {looks}: say "
                f"--time {looks} (in Python time={looks!r})"
            )
    return _row(unit, microseconds(t, time, said))


def _row(unit: np.ndarray, t: np.ndarray) -> np.ndarray:
    try:
        return event_array(unit, np.zeros(len(unit), int), t, np.ones(len(unit), int))
    except ValueError as error:
        raise ValueError(str(error).replace("x ", "unit ", 1)) from None


def bin_units(
    events: np.ndarray,
    units: int,
    duration_ms: float,
    step_ms: float,
    start: str | float = "first event",
) -> np.ndarray:
    """Count events (dtype EVENT, in one row) a time step and unit: uint8 (T, units), as
    `events.bin_events` does.

    counts[t, u] = events at  (time - t0) // step = t,  unit u
    """
    counts = bin_events(events, duration_ms, step_ms, shape=(1, units), start=start)
    return counts[:, 0, :, 1]
