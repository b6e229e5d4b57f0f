"""Statistics of a recording, and signs that something is wrong with it."""

import numpy as np

from ..readers.events import check_events
from ..readers.times import fault_of
from ..readers.columns import as_picture, is_row

MANY = 100  # events from which on signs are reliable


def statistics(events: np.ndarray, sensor: tuple[int, ...]) -> dict[str, float]:
    """Return statistics by name, in the order of a table, for a recording (dtype EVENT) from a
    sensor of rows and columns, or of a row of units (n,)."""
    units = is_row(sensor)
    length = max(int(np.ptp(events["t"])), 1) / 1e6
    active = len(np.unique(events[["x", "y"]]))
    site = "unit" if units else "pixel"
    table = {"events": len(events)} if units else {"ON share": float(np.mean(events["p"]))}
    return table | {
        "first to last event, ms": 1000 * length,
        f"active {site}s": active,
        f"events per second of an active {site}": len(events) / length / active,
    }


def oddities(events: np.ndarray, sensor: tuple[int, ...] | None = None) -> list[str]:
    """List, as sentences, what looks wrong in a recording. sensor: rows and columns, or (n,) for a
    row of units."""
    number = len(events)
    units = is_row(sensor)
    if not number:
        return ["has no events"]
    signs = []
    if number > MANY:
        gaps = np.diff(np.sort(events["t"])) / 1000
        pixel, count = np.unique(events[["x", "y"]], return_counts=True)
        if count.max() > max(0.02 * number, 20 * np.median(count)):
            x, y = pixel[count.argmax()].item()
            place = f"unit {x}" if units else f"pixel at x {x}, y {y}"
            signs.append(f"the {place} makes {count.max() / number:.0%} of the events: it is hot")
        if gaps.max() > max(20, 0.3 * gaps.sum()):
            gap = f"{gaps.max():.0f} ms without an event after {gaps[: gaps.argmax()].sum():.0f} ms"
            signs.append(f"{gap}: its clock jumps, or nothing moved")
        if not units and len(np.unique(events["p"])) == 1:
            signs.append(f"all its events are {'ON' if events['p'][0] else 'OFF'}")
    if fault := fault_of(events, sensor):
        signs.append(f"its times make {fault}: is their unit different (--time)?")
    try:
        check_events(events, as_picture(sensor) if sensor else None)
    except ValueError as error:
        signs.append(str(error))
    return signs
