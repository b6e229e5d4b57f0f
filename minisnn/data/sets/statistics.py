"""Statistics of sets of recordings: what they have in common, real ones and simulated ones
(data/compare_camera.py)."""

from collections.abc import Sequence

import numpy as np

from ..readers.events import as_events, event_map
from ..readers.plausible import Pace
from ..readers.units import as_picture, is_row

SACCADES_MS = ((0, 105), (105, 210), (210, np.inf))  # of N-MNIST


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
    if not len(recordings):
        raise ValueError("recordings is empty; expected at least one recording")
    recordings = [
        as_events(events, shape, f"recordings[{k}]") for k, events in enumerate(recordings)
    ]
    for k, events in enumerate(recordings):
        if not events.size:
            raise ValueError(f"recordings[{k}] has no events; expected at least one")
    size = np.array([events.size for events in recordings])
    joined = np.concatenate(recordings)
    time = joined["t"] / 1000.0
    last = np.array([events["t"].max() for events in recordings]) / 1000.0
    sizes = dict(
        mean=size.mean(), sd=size.std(), least=size.min(), median=np.median(size), most=size.max()
    )
    table = {f"events, {name}": value for name, value in sizes.items()} | {
        "ON share": np.mean(joined["p"])
    }
    ends = dict(mean=last.mean(), earliest=last.min(), latest=last.max())
    table |= {f"last event, {name} ms": value for name, value in ends.items()}
    for k, (begin, end) in enumerate(SACCADES_MS, start=1):
        within = time[(time >= begin) & (time < end)]
        table[f"saccade {k}, share"] = within.size / time.size
        for percent in (10, 50, 90):
            table[f"saccade {k}, {percent} % by ms"] = (
                np.percentile(within, percent) if within.size else np.nan
            )
    maps = np.stack([event_map(events, shape).sum(axis=2) for events in recordings])
    active = np.mean(maps > 0)
    table |= {
        "active pixels, share": active,
        "events an active pixel": size.mean() / (active * maps[0].size),
    }
    interval = np.concatenate([_intervals(events, shape) for events in recordings]) / 1000.0
    for percent in (1, 10, 50, 90):
        table[f"interval of a pixel, {percent} % ms"] = (
            np.percentile(interval, percent) if interval.size else np.nan
        )
    corner = np.all(
        [np.isin(joined[axis], (0, 1, side - 2, side - 1)) for axis, side in zip("yx", shape)],
        axis=0,
    )
    for polarity, name in ((1, "ON"), (0, "OFF")):
        found = np.sum(corner & (joined["p"] == polarity))
        table[f"{name} noise of a corner pixel, Hz"] = found / (16 * last.sum() / 1000)
    return {name: float(value) for name, value in table.items()}


MOST_COPIES = 0.1  # share of events that are the very same as another; of N-MNIST's at most 0.0016


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
    units = is_row(sensor)
    if not len(events):
        return ["has no events"]
    found = []
    t = np.sort(events["t"])
    length = (t[-1] - t[0]) / 1000
    gaps = np.diff(t) / 1000
    pixel, count = np.unique(events["y"].astype(np.int64) * 65536 + events["x"], return_counts=True)
    if (
        len(events) > 100
        and count.max() > 0.02 * len(events)
        and count.max() > 20 * np.median(count)
    ):
        hot = pixel[count.argmax()]
        place = f"unit {hot % 65536}" if units else f"pixel at x {hot % 65536}, y {hot // 65536}"
        found.append(f"the {place} makes {count.max() / len(events):.0%} of the events: it is hot")
    if len(events) > 100 and gaps.max() > 20 and gaps.max() > 0.3 * length:
        at = (t[gaps.argmax()] - t[0]) / 1000
        found.append(
            f"{gaps.max():.0f} ms without an event after {at:.0f} ms: its clock jumps, or nothing "
            "moved"
        )
    if fault := Pace.of(events, sensor).fault():
        found.append(f"its times make {fault}: is their unit different (--time)?")
    elif length < 1:
        found.append(
            f"lasts {length:.3g} ms: are its times in ms or s, and taken for microseconds?"
        )
    copies = len(events) - len(np.unique(events))
    if copies > MOST_COPIES * len(events) and len(events) > 100:
        found.append(
            f"{copies / len(events):.0%} of its events are copies of others: has it been joined "
            "twice?"
        )
    if len(np.unique(events["p"])) == 1 and len(events) > 100 and not units:
        found.append(f"all its events are {'ON' if events['p'][0] else 'OFF'}")
    for axis, size in zip("yx", as_picture(sensor) if sensor else ()):
        if events[axis].min() < 0 or events[axis].max() >= size:
            found.append(
                f"{axis} reaches from {events[axis].min()} to {events[axis].max()} on a sensor of "
                f"{size}"
            )
    if (
        len(found) == 1
        and sensor is not None
        and not units
        and sensor[0] != sensor[1]
        and found[0][:1] in "xy"
    ):
        rows, columns = sensor
        if events["x"].max() < rows and events["y"].max() < columns:
            found.append("x and y look swapped")
    return found


def _intervals(events: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    pixel = events["y"].astype(np.int64) * shape[1] + events["x"]
    order = np.lexsort((events["t"], pixel))
    return np.diff(events["t"][order])[np.diff(pixel[order]) == 0]
