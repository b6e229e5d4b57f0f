"""Numbers that say what recordings are like, and what looks wrong in one."""

from collections.abc import Sequence

import numpy as np

from ..readers.events import as_events, event_map
from ..readers.plausible import Pace
from ..readers.units import as_picture, is_row

MOST_COPIES = 0.1  # share of events that are the very same as another; of N-MNIST's at most 0.0016
MANY = 100  # events that tell something


def recording_statistics(
    recordings: Sequence[np.ndarray], shape: tuple[int, int] = (34, 34)
) -> dict[str, float]:
    """Named numbers of a set of recordings (arrays of dtype EVENT) of a sensor of `shape`, in the
    order of a table: events of a recording, the share of ON, the time of the last event, the share
    of pixels with any event, their events, and quantiles of the interval from one to the next.
    """
    recordings = [
        as_events(events, shape, f"recordings[{k}]") for k, events in enumerate(recordings)
    ]
    size = np.mean([events.size for events in recordings])
    maps = [event_map(events, shape).sum(axis=2) > 0 for events in recordings]
    intervals = np.concatenate([_intervals(events, shape) for events in recordings]) / 1000
    few = [np.nan] * 4
    quantiles = np.percentile(intervals, (1, 10, 50, 90)).tolist() if intervals.size else few
    return {
        "events, mean": float(size),
        "ON share": float(np.mean(np.concatenate(recordings)["p"])),
        "last event, mean ms": float(np.mean([one["t"].max() for one in recordings]) / 1000),
        "active pixels, share": float(np.mean(maps)),
        "events an active pixel": float(size / np.mean(maps) / np.prod(shape)),
        "interval of a pixel, 1 % ms": quantiles[0],
        "interval of a pixel, 10 % ms": quantiles[1],
        "interval of a pixel, 50 % ms": quantiles[2],
        "interval of a pixel, 90 % ms": quantiles[3],
    }


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
