"""Columns of events by the names that tools and files give them, or in an order that is said; and
units of time.

    x  y  t  p      any of NAMES, in upper or lower case, after "event_" or not; t with a unit at its end: t_us, time_ms
    t  unit         of recordings that are no pictures (`units`): which of a row of units, and when

Arrays (N, 4) and text without a first line of names do not say which column is what, and x and y
look alike: that is asked (`--columns t,x,y,p`, in Python columns="t,x,y,p"), never guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

NAMES = {  # of columns, as tools and files call them
    "x": "x xs col column".split(),
    "y": "y ys row".split(),
    "t": "t ts time times timestamp timestamps".split(),
    "p": "p ps pol polarity polarities on".split(),
    "unit": "unit units channel channels neuron neurons".split(),
}
PIXELS, UNITS_ALONE = ("x", "y", "t", "p"), ("t", "unit")  # columns of a recording
UNITS = {"ns": 1e-3, "us": 1, "ms": 1_000, "s": 1_000_000}  # of time, in microseconds
SKIPPED = ("-", "_")  # a column that is none of the four
ACCEPTED = (
    "; ".join(f"{one}: {', '.join(NAMES[one])}" for one in PIXELS)
    + "; times also with a unit, as t_ms; or t and unit, of a row of units"
)
ORDER = (
    "their order as --columns t,x,y,p, in Python columns='t,x,y,p' (- for a column to leave out)"
)


def name_of(column: str) -> str | None:
    """ "x", "y", "t", "p" or "unit" of a column's name, its unit left away; None for another."""
    word = str(column).strip().lower().removeprefix("event_")
    head, _, unit = word.rpartition("_")
    return next(
        (
            one
            for one, names in NAMES.items()
            if word in names or one == "t" and unit in UNITS and head in names
        ),
        None,
    )


def unit_of(column: str) -> str | None:
    """The unit of time that the name of a column says, None where it says none: "ms" of t_ms."""
    head, _, unit = str(column).strip().lower().rpartition("_")
    return unit if head and unit in UNITS else None


def columns_of(names: Iterable[Any]) -> tuple[str, ...] | None:
    """PIXELS or UNITS_ALONE, what columns of these names can be of; None where they are neither."""
    known = {name_of(name) for name in names}
    return next((one for one in (PIXELS, UNITS_ALONE) if known >= set(one)), None)


def order_of(columns: str | Sequence[str]) -> list[str]:
    """The names of columns in their order, of "t,x,y,p", "t,unit" or a list. ValueError where one
    is missing, comes twice or has another name."""
    if not isinstance(columns, str | Sequence):
        raise ValueError(f"columns is {columns!r}; expected their names in order, as t,x,y,p")
    names = [
        one.strip()
        for one in (columns.split(",") if isinstance(columns, str) else map(str, columns))
    ]
    known = [name_of(one) for one in names if one not in SKIPPED]
    if sorted(map(str, known)) not in (sorted(PIXELS), sorted(UNITS_ALONE)):
        raise ValueError(
            f"columns are {','.join(names)!r}; expected x, y, t and p, each once, in their order, "
            f"or t and unit ({ACCEPTED})"
        )
    return names


def named(table: np.ndarray, columns: str | Sequence[str] | None) -> dict[str, np.ndarray]:
    """The columns of an array (N, columns) by the names that `columns` gives them. ValueError where
    it gives none, with what the values look like, or another number of them."""
    if columns is None:
        raise ValueError(
            f"an array of shape {table.shape} has columns without names; say {ORDER}{_looks(table)}"
        )
    names = order_of(columns)
    if len(names) != table.shape[1]:
        raise ValueError(
            f"columns {','.join(names)} are {len(names)}, but the array has {table.shape[1]}"
        )
    return {name: table[:, k] for k, name in enumerate(names) if name not in SKIPPED}


def _looks(table: np.ndarray) -> str:
    """What can be told of columns without names: which grows and which is of two values; x and y
    are alike."""
    if table.shape[1] != 4 or len(table) < 20 or table.dtype.kind not in "iuf":
        return ""
    of_two = [k for k in range(4) if len(np.unique(table[:, k])) <= 2]
    grow = [k for k in range(4) if k not in of_two and np.all(np.diff(table[:, k]) >= 0)]
    if len(of_two) != 1 or len(grow) != 1:
        return ""
    orders = []
    for pair in ("xy", "yx"):
        rest = iter(pair)
        orders.append(
            ",".join("p" if k in of_two else "t" if k in grow else next(rest) for k in range(4))
        )
    return f"; by their values it is {' or '.join(orders)}"


def chosen(columns: Iterable[Any]) -> dict[str, str]:
    """{"x": name of the column, …} of those that are there."""
    names = list(map(str, columns))
    return {one: name for name in reversed(names) if (one := name_of(name))} | {
        one: one for one in NAMES if one in names
    }


def of_events(
    events: Any,
    columns: str | Sequence[str] | None = None,
    wanted: Sequence[str] = PIXELS,
) -> tuple[dict[str, np.ndarray], str | None]:
    """({"x": …, "y": …, "t": …, "p": …}, the unit of time that a name says) of a structured array,
    a mapping, or an array (N, columns) whose names `columns` gives; {} where it is none of them or
    lacks one of those `wanted`. ValueError for masked values."""
    if (
        isinstance(events, np.ndarray)
        and events.ndim == 2
        and events.dtype.names is None
        and events.shape[1] >= len(wanted)
    ):
        events = named(unmasked(events, "the array"), columns)
    if isinstance(events, Mapping):
        names = list(map(str, events))
    elif isinstance(events, np.ndarray) and events.ndim == 1:
        names = list(events.dtype.names or ())
    else:
        return {}, None
    found = chosen(names)
    if not set(wanted) <= found.keys():
        if columns is None or isinstance(events, Mapping):
            return {}, None
        found = _by_place(names, order_of(columns))
        if not set(wanted) <= found.keys():
            return {}, None
        said = unit_of(next(one for one in order_of(columns) if name_of(one) == "t"))
        return {one: unmasked(events[found[one]], found[one]) for one in wanted}, said
    return {one: unmasked(events[found[one]], found[one]) for one in wanted}, unit_of(found["t"])


def _by_place(names: list[str], columns: list[str]) -> dict[str, str]:
    """{"x": name of the column that stands where `columns` has x, …}."""
    if len(names) != len(columns):
        raise ValueError(
            f"columns {','.join(columns)} are {len(columns)}, but the array has "
            f"{', '.join(names)[:200]}"
        )
    return {str(name_of(one)): name for one, name in zip(columns, names) if one not in SKIPPED}


def unmasked(values: Any, name: str) -> np.ndarray:
    """An array; ValueError where some of it is masked, for what lies below a mask is no value."""
    hidden = int(np.ma.count_masked(values)) if isinstance(values, np.ma.MaskedArray) else 0
    if hidden:
        raise ValueError(
            f"{name} has {hidden} masked values; leave those events out, as events[~mask] does"
        )
    return np.asarray(values)


def are_fractions(t: np.ndarray) -> bool:
    """Whether times are finite and not all whole."""
    return t.dtype.kind == "f" and bool(np.isfinite(t).all()) and not np.all(t == np.rint(t))


def microseconds(t: np.ndarray, time: str | None, said: str | None) -> np.ndarray:
    """Times in microseconds: of the unit `time`, or `said` by their column's name, or else taken
    for microseconds where they are whole. ValueError where they are fractions of nothing said, do
    not fit 64 bits, or have a type too coarse."""
    if time is not None and time not in UNITS:
        raise ValueError(f"time is {time!r}; expected {', '.join(UNITS)}")
    if time is not None and said is not None and said != time:
        raise ValueError(f"times are said to be in {time}, but their column is named for {said}")
    unit = time or said
    if unit is None and are_fractions(t):
        raise ValueError(
            "times are fractions, and nothing gives their unit; give it: time='us', 'ms' or 's' "
            "(--time)"
        )
    if unit in (None, "us") and t.dtype.kind in "iu":
        return t
    factor = UNITS[unit or "us"]
    if t.size and not (
        t.dtype.kind in "iuf"
        and np.isfinite(t).all()
        and np.abs(t.astype(float)).max() * factor < 2**62
    ):
        raise ValueError("times are not all finite numbers that fit 64 bits of microseconds")
    if (
        t.size
        and t.dtype.kind == "f"
        and (coarse := float(np.spacing(np.abs(t).max())) * factor) > 1000
        and t.size > 1
    ):
        raise ValueError(
            f"times of type {t.dtype} near {float(np.abs(t).max()):g} {unit or 'us'} are "
            f"{coarse / 1000:g} ms apart at least; expected float64, or times from the "
            "beginning of the recording on"
        )
    if unit == "ns" and t.dtype.kind in "iu":
        return t // 1000
    return np.rint(t.astype(float) * factor).astype(np.int64)
