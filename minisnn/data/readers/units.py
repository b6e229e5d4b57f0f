"""Recordings of any columns as events, and sensors that are no pictures: events of (time, unit),
such as the spikes of an artificial cochlea, of electrodes or of other neurons.

In memory these are events (dtype EVENT) in one row: x is the unit, y and p say nothing. A sensor of
one number, (700,), is a row of so many units, and samples are counts (T, units).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .columns import name_of, names_in
from .events import bin_events, check_events, of_columns
from .hdf5 import naming


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


def check_row(sensor: Sequence[int] | None) -> None:
    """ValueError where a sensor that recorded units has rows and columns."""
    if sensor is not None and not is_row(sensor):
        raise ValueError(
            "holds times of units; expected their number, such as --sensor 700 (in Python "
            f"sensor=700), not {in_words(sensor)}"
        )


def lacks_rows(recording: Any) -> bool:
    """Whether the columns of a recording give no row: those of units, and tonic's x, t and p."""
    known = {name_of(name) for name in names_in(recording)}
    return "y" not in known and bool(known & {"unit", "x"})


def as_recording(
    recording: Any,
    sensor: Sequence[int] | None,
    name: str,
    time: str | None = None,
    columns: str | Sequence[str] | None = None,
    inside: bool = False,
) -> tuple[np.ndarray, bool]:
    """(events of pixels or of units, sorted by time, whether something gives their unit of time).

    sensor   rows and columns, or (n,) of a row of n units, for which events of one row of pixels
             will do; None: as the columns are
    time, columns   as of `events.as_events`
    inside   whether events must lie within rows and columns; units always must

    Raises ValueError, naming `name`, for anything else.
    """
    row = is_row(sensor)
    with naming(name):
        events, known, units = of_columns(recording, time, columns, row)
        if units:
            check_row(sensor)
        elif row:
            if events.size and (np.ptp(events["y"]) or np.ptp(events["p"])):
                raise ValueError(
                    "events have rows or polarities; expected those of one row of units, or a "
                    "sensor of rows and columns"
                )
            events = events.copy()
            events["y"], events["p"] = 0, 1
        if sensor is not None and (inside or row):
            check_events(events, as_picture(sensor))
    return events, known


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
