"""Statistics of sets of recordings: what they have in common, real ones and simulated ones
(data/compare_camera.py)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..readers.events import as_events, event_map
from ..readers.plausible import Pace
from ..readers.units import as_picture, is_row

SACCADES_MS = ((0, 105), (105, 210), (210, np.inf))  # of N-MNIST
MOST_COPIES = 0.1  # share of events that are the very same as another; of N-MNIST's at most 0.0016
MANY = 100  # events that tell something


def recording_statistics(
    recordings: Sequence[np.ndarray], shape: tuple[int, int] = (34, 34)
) -> dict[str, float]:
    """Named numbers of a set of recordings (arrays of dtype EVENT) of a sensor of `shape`, in the
    order of a table.

    Events a recording; share of ON events; time of the last event; share of the events in each of
    N-MNIST's three saccades, and the times by which 10, 50 and 90 % of a saccade's events have
    come; share of pixels with any event and their events; quantiles of the interval between
    successive events of a pixel; noise of the 16 pixels in the corners. Raises ValueError where
    there is no recording, or one without events.
    """
    recordings = [
        as_events(events, shape, f"recordings[{k}]") for k, events in enumerate(recordings)
    ]
    size = np.array([events.size for events in recordings])
    if not size.size or not size.min():
        raise ValueError(f"recordings have {size[:9]} events; expected one or more of each")
    joined = np.concatenate(recordings)
    time = joined["t"] / 1000.0
    last = np.array([events["t"].max() for events in recordings]) / 1000.0
    table = {f"events, {name}": of(size) for name, of in _OF_SIZES.items()}
    table["ON share"] = np.mean(joined["p"])
    for name, value in (("mean", last.mean()), ("earliest", last.min()), ("latest", last.max())):
        table[f"last event, {name} ms"] = value
    for k, (begin, end) in enumerate(SACCADES_MS, start=1):
        within = time[(time >= begin) & (time < end)]
        table[f"saccade {k}, share"] = within.size / time.size
        table |= _percentiles(f"saccade {k}, {{}} % by ms", within, (10, 50, 90))
    active = np.mean([event_map(events, shape).sum(axis=2) > 0 for events in recordings])
    table["active pixels, share"] = active
    table["events an active pixel"] = size.mean() / (active * shape[0] * shape[1])
    interval = np.concatenate([_intervals(events, shape) for events in recordings]) / 1000.0
    table |= _percentiles("interval of a pixel, {} % ms", interval, (1, 10, 50, 90))
    sides = zip("yx", shape)
    corner = np.all(
        [np.isin(joined[axis], (0, 1, side - 2, side - 1)) for axis, side in sides], axis=0
    )
    for polarity, name in ((1, "ON"), (0, "OFF")):
        found = np.sum(corner & (joined["p"] == polarity))
        table[f"{name} noise of a corner pixel, Hz"] = found / (16 * last.sum() / 1000)
    return {name: float(value) for name, value in table.items()}


_OF_SIZES: dict[str, Any] = {"mean": np.mean, "sd": np.std, "least": np.min, "median": np.median, "most": np.max}


def _percentiles(name: str, values: np.ndarray, wanted: tuple[int, ...]) -> dict[str, float]:
    found = np.percentile(values, wanted) if values.size else [np.nan] * len(wanted)
    return {name.format(percent): value for percent, value in zip(wanted, found)}


def _intervals(events: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    pixel = events["y"].astype(np.int64) * shape[1] + events["x"]
    order = np.lexsort((events["t"], pixel))
    return np.diff(events["t"][order])[np.diff(pixel[order]) == 0]


def unit_statistics(recordings: Sequence[np.ndarray]) -> dict[str, float]:
    """Named numbers of recordings of units (dtype EVENT, in one row), in the order of a table:
    events of a recording, time of its last event from the first on, active units, and their rate.
    """
    lengths = np.array([max(np.ptp(events["t"]), 1) / 1e6 for events in recordings])
    active = np.array([len(np.unique(events["x"])) for events in recordings])
    size = np.array([len(events) for events in recordings])
    return {
        "events": float(size.mean()),
        "first to last event, ms": float(1000 * lengths.mean()),
        "active units": float(active.mean()),
        "events a second of an active unit": float(np.mean(size / lengths / active)),
    }


def oddities(events: np.ndarray, sensor: tuple[int, ...] | None = None) -> list[str]:
    """What looks wrong in a recording, in words; empty where nothing does. sensor: rows and
    columns, or (n,) of a row of units."""
    if not len(events):
        return ["has no events"]
    t = np.sort(events["t"])
    length = (t[-1] - t[0]) / 1000
    found = _of_many(events, t, is_row(sensor)) if len(events) > MANY else []
    if fault := Pace.of(events, sensor).fault():
        found.append(f"its times make {fault}: is their unit different (--time)?")
    elif length < 1:
        found.append(f"lasts {length:.3g} ms: are its times in ms or s, and taken for us?")
    sides = dict(zip("yx", as_picture(sensor) if sensor else ()))
    reach = {axis: (int(events[axis].min()), int(events[axis].max())) for axis in sides}
    beyond = [
        f"{axis} reaches from {low} to {high} on a sensor of {sides[axis]}"
        for axis, (low, high) in reach.items()
        if low < 0 or high >= sides[axis]
    ]
    if beyond and not found and reach["x"][1] < sides["y"] and reach["y"][1] < sides["x"]:
        beyond.append("x and y look swapped")
    return found + beyond


def _of_many(events: np.ndarray, t: np.ndarray, units: bool) -> list[str]:
    number = len(events)
    gaps = np.diff(t) / 1000
    pixel, count = np.unique(events["y"].astype(np.int64) * 65536 + events["x"], return_counts=True)
    found = []
    if count.max() > max(0.02 * number, 20 * np.median(count)):
        y, x = divmod(int(pixel[count.argmax()]), 65536)
        place = f"unit {x}" if units else f"pixel at x {x}, y {y}"
        found.append(f"the {place} makes {count.max() / number:.0%} of the events: it is hot")
    if gaps.max() > max(20, 0.3 * gaps.sum()):
        gap = f"{gaps.max():.0f} ms without an event after {gaps[: gaps.argmax()].sum():.0f} ms"
        found.append(f"{gap}: its clock jumps, or nothing moved")
    copies = number - len(np.unique(events))
    if copies > MOST_COPIES * number:
        share = f"{copies / number:.0%} of its events are copies of others"
        found.append(f"{share}: has it been joined twice?")
    if not units and len(np.unique(events["p"])) == 1:
        found.append(f"all its events are {'ON' if events['p'][0] else 'OFF'}")
    return found
