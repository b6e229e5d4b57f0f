"""Columns of events, identified by the names that tools and files use or by a given order; units of
time; and sensors.

    x  y  t  p      any of NAMES, in upper or lower case, after "event_" or not; t with a unit at its end: t_us, time_ms
    t  unit         of recordings that are no pictures: which of a row of units, such as an artificial cochlea, and when

Arrays (N, 4) and text without a first line of names do not name their columns, and x and y look
alike: the order must be given (`--columns t,x,y,p`, in Python columns="t,x,y,p"); it is never
guessed.

In memory events of units (dtype EVENT) are in one row: x is the unit, y and p are unused. A sensor
given as one number, (700,), is a row of 700 units, and samples are counts (T, units).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...arguments import array, must, need, one_of, shown

NAMES = {  # names of columns in tools and files
    "x": "x xs col column".split(),
    "y": "y ys row".split(),
    "t": "t ts time times timestamp timestamps".split(),
    "p": "p ps pol polarity polarities on".split(),
    "unit": "unit units channel channels neuron neurons".split(),
}
PIXELS, UNITS_ALONE = {"x", "y", "t", "p"}, {"t", "unit"}  # columns of a recording
UNITS = {"ns": 1e-3, "us": 1, "ms": 1_000, "s": 1_000_000}  # units of time, in microseconds
SKIPPED = ("-", "_")  # any other column
ACCEPTED = (
    "; ".join(f"{column}: {', '.join(NAMES[column])}" for column in "xytp")
    + "; times also with a unit, as t_ms; or t and unit, of a row of units"
)
ORDER = (
    "their order as --columns t,x,y,p, in Python columns='t,x,y,p' (- for a column to leave out)"
)
Sensor = tuple[int, ...] | None  # rows and columns, or (n,) of a row of n units; None: not known


def meaning(column: Any) -> tuple[str | None, str | None]:
    """Return what a column of this name holds, "x", "y", "t", "p" or "unit", and the unit of time
    at the name's end, "ms" for t_ms; None for each that is unknown."""
    word = str(column).strip().lower().removeprefix("event_")
    head, _, unit = word.rpartition("_")
    if head in NAMES["t"] and unit in UNITS:
        return "t", unit
    return next((what for what, names in NAMES.items() if word in names), None), None


def complete(names: Iterable[Any]) -> bool:
    """Return whether columns of these names are all that a recording needs."""
    known = {meaning(name)[0] for name in names}
    return known >= PIXELS or known >= UNITS_ALONE


def order_of(columns: str | Sequence[str], number: int | None = None) -> list[str]:
    """Return the names of columns in their order, from "t,x,y,p", "t,unit" or a list. Raises
    ValueError if one is missing, repeated or unknown, or if there are not `number` of them."""
    listed = columns.split(",") if isinstance(columns, str) else columns
    names = [name.strip() for name in listed]
    known = sorted(str(meaning(name)[0]) for name in names if name not in SKIPPED)
    good = known in (sorted(PIXELS), sorted(UNITS_ALONE))
    expected = f"x, y, t and p, each once, in their order, or t and unit ({ACCEPTED})"
    need("the list of columns", columns, good, expected)
    need("the number of columns", number, number in (None, len(names)), f"one for each of {names}")
    return names


def names_in(recording: Any) -> list[str]:
    """Return the names of the columns of a structured array or a mapping; [] for anything else."""
    if isinstance(recording, Mapping):
        return [str(name) for name in recording]
    return list(getattr(getattr(recording, "dtype", None), "names", None) or ())


def columns_in(recording: Any, columns: Any = None) -> tuple[dict[str, np.ndarray], str | None]:
    """Return a dictionary {"x": …, "t": …, …}, and the unit of time that a column's name states,
    from a structured array, a mapping, or an array (N, columns), whose names are `columns`. Raises
    ValueError for anything else, and for masked values."""
    names = names_in(recording)
    table = isinstance(recording, np.ndarray) and recording.ndim == 2 and not names
    held = list(recording.T) if table else [recording[name] for name in names]
    if table and columns is None:
        raise ValueError(f"an array of shape {recording.shape} has no names; give {ORDER}")
    if columns is not None and isinstance(recording, np.ndarray) and not complete(names):
        names = order_of(columns, len(held))
    known: dict[str, np.ndarray] = {}
    unit = None
    for name, values in zip(names, held):
        what, stated = meaning(name)
        if what is not None and (what not in known or name == what):
            known[what] = array(name, values)
            unit = stated if what == "t" else unit
    found = f"the columns {', '.join(names)[:200]}" if names else shown(recording)
    expected = f"x, y, t and p, or t and unit, by these names: {ACCEPTED}; or {ORDER}"
    need("a recording", found, "t" in known, expected)
    return known, unit


def microseconds(t: np.ndarray, time: str | None, named: str | None) -> np.ndarray:
    """Convert times to microseconds. Their unit is `time` if given, or else the unit in their
    column's name (`named`), or else microseconds, provided they are whole numbers. Raises
    ValueError if their type is too coarse or they do not fit."""
    one_of("time", time or "us", UNITS)
    if named not in (None, time or named):
        raise ValueError(f"times are given as {time}, but their column is named for {named}")
    unit = time or named or "us"
    must("the dtype of times", t.dtype.kind in "iuf", "one of numbers", t.dtype)
    if not t.size or unit == "us" and t.dtype.kind != "f":
        return t
    most = float(np.abs(t.astype(float)).max())
    if not most * UNITS[unit] < 2**62:
        raise ValueError("times are not all finite numbers that fit 64 bits of microseconds")
    if not (time or named) and np.any(t != np.rint(t)):
        raise ValueError(
            "times are fractions, and nothing gives their unit; give --time us, ms or s (in Python "
            "time='ms')"
        )
    apart = float(np.spacing(np.abs(t).max())) * UNITS[unit] / 1000 if t.dtype.kind == "f" else 0
    if apart > 1 and t.size > 1:
        raise ValueError(
            f"times of type {t.dtype} near {most:g} {unit} have a resolution of only {apart:g} ms; "
            "expected float64, or times from the beginning of the recording on"
        )
    return np.rint(t.astype(float) * UNITS[unit]).astype(np.int64)


def is_row(sensor: Sequence[int] | None) -> bool:
    """Return whether a sensor is a row of units, (n,), rather than rows and columns of pixels."""
    return sensor is not None and len(sensor) == 1


def as_picture(sensor: Sequence[int]) -> tuple[int, int]:
    """Return a sensor as rows and columns; a row of n units becomes (1, n). Raises ValueError if
    the sensor is neither."""
    good = len(sensor) in (1, 2) and min(sensor) >= 1
    expected = "rows and columns of its pixels, such as 128,128, or the number of its units"
    need("sensor", ",".join(map(str, sensor)), good, expected)
    rows, columns = (1, *sensor)[-2:]
    return int(rows), int(columns)


def in_words(sensor: Sequence[int]) -> str:
    """Format a sensor for messages: "128 x 96 pixels", or "700 units"."""
    rows, columns = as_picture(sensor)
    return (
        f"{columns} unit{'s' * (columns > 1)}" if is_row(sensor) else f"{columns} x {rows} pixels"
    )
