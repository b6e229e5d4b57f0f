"""Checks of time stamps: whether they can come from one clock, and whether their unit is plausible
for a sensor.

A recording is counted from its smallest stamp on, so a single early stamp would move all other
events out of the counted time. `check_clock` is applied to recordings from all readers, and to
arrays in memory. Valid recordings need not be sorted: events may come in any order, in packets that
overtake each other by some milliseconds, or grouped by polarity, row, pixel or unit.

Files seldom state the unit of their times, and a wrong one makes wrong recordings that train well:
milliseconds read as microseconds put a second of events into one step, nanoseconds leave nearly all
of them out. The criteria are

    the interval from one event of a pixel to its next     too short: half of them below PIXEL_US; too long: nine in ten above
                                                           PIXEL_SECONDS, or above COARSE_SECONDS where all times are whole
                                                           thousands, as nanoseconds of a clock of microseconds are
    events per second of the whole sensor                  too many: above READOUT, or A_PIXEL for
                                                           each pixel; too few: below one

    1,000 recordings of N-MNIST   half of the intervals above 4.2 to 24 ms, a tenth below 2.2 to 5.7
                                  ms; 3,700 to 23,000 events per second
    37 s of two takes of ASL-DVS  by frames of 10 ms: half above 28 to 124 ms, a tenth below 9 to 28
                                  ms; as counted, 70,000 events per second on average, 365,000 in the
                                  busiest 10 ms
    216 simulated gestures        half above 0.5 to 3.4 ms, a tenth below 0.3 to 2.3 ms; 36,000 to
                                  530,000 events per second
    sensors, by their makers      read out at most 1 million events per second (128 x 128), 12 million
                                  (346 x 260), 50 million (640 x 480), 1,066 million (1280 x 720:
                                  1,157 for each pixel)
    background noise              0.05 to 0.16 events per second of a pixel: a tenth of the intervals
                                  below 0.7 to 2 s

so a unit that is wrong by a thousand leaves these bounds, mostly by a factor of ten, and the right
one stays within them: all of the recordings above pass, and in milliseconds, nanoseconds and
seconds all but one second of ASL-DVS fail. Implausible recordings raise ValueError if their unit is
not given; recordings of fewer than LEAST events are not judged.
"""

import math

import numpy as np

from .columns import UNITS

LATE = 10_000  # us by which events of one clock may overtake each other
SHARE = 20  # events count as unsorted if more than one in this number is out of order
LEAST = 50  # events that show where a recording begins; zero rows that no sensor makes
ENOUGH, REPEATED = 100, 20  # fewest events and pixel intervals to judge a unit
PIXEL_US, PIXEL_SECONDS, COARSE_SECONDS = 100, 1.0, 0.1
READOUT, A_PIXEL = 12e6, 1200.0  # events per second
A_UNIT = 1000.0  # per unit that is not a pixel: neurons pause for a millisecond after each spike
# a pixel with a larger share of events, and this many times the median, is ignored
HOT_SHARE, HOT_TIMES = 0.02, 20


def check_clock(events: np.ndarray, whole: bool = True) -> None:
    """Raise ValueError if a recording's time stamps (columns x, y, t, p, as recorded) do not come
    from one clock. Each of these conditions raises it:

        t falls back by more than half of the time that has passed    (the clock wraps or begins again)
        rows of zeros follow the events, or many are anywhere (they were never written)
        the first event is further from the second than the second from the last    (if `whole`)
    """
    t = events["t"]
    if len(t) < 2:
        return
    falls = np.flatnonzero(t[:-1] > t[1:])
    _check_zeros(events, falls)
    _check_falls(events, falls)
    if whole and len(t) >= LEAST:
        first, second = np.partition(t, 1)[:2].tolist()
        last = int(t.max())
        if second - first > max(last - second, LATE):
            raise ValueError(
                f"one event is stamped {(second - first) / 1e6:g} s before all others, which last "
                f"{(last - second) / 1e6:g} s; expected times of one clock, so leave that event out"
            )


def _check_zeros(events: np.ndarray, falls: np.ndarray) -> None:
    zero = (events["t"] == 0) & (events["x"] == 0) & (events["y"] == 0)
    if events["y"].any() or not events["p"].all():  # units have no polarity
        zero &= events["p"] == 0
    number = int(zero.sum())
    behind = falls.size and falls[-1] >= len(zero) - 1 - number and zero[falls[-1] + 1 :].all()
    if number < len(zero) and (behind or number >= LEAST):
        raise ValueError(
            f"{number:,} of {len(zero):,} rows hold only zeros, as in a file that was not "
            "written to its end; expected events only"
        )


def _check_falls(events: np.ndarray, falls: np.ndarray) -> None:
    t = events["t"]
    if not falls.size or not np.any(t[:-1] < t[1:]):  # sorted, or sorted with the newest first
        return
    fallen = t[falls] - t[falls + 1]
    passed = np.maximum.accumulate(t)[falls] - np.minimum.accumulate(t)[falls]
    late = fallen > LATE
    back = late & (2 * fallen > passed)
    if SHARE * falls.size >= len(t) and back.any():
        # unsorted, or each a little late; a wrapped clock would leave a gap
        most = np.subtract(*np.percentile(t, (95, 5)))
        if SHARE * np.sum(4 * fallen > most) >= len(t):
            return
        back &= 4 * np.diff(np.sort(t)).max() > fallen
    wrong = falls[back]
    later = fallen[late & ~back]
    if not wrong.size or _is_grouped(events, wrong):
        return
    # packets of several cameras alternate: the first falls are no longer than most
    if later.size <= wrong.size or fallen[back].max() > 2 * np.median(later):
        at = int(wrong[0])
        raise ValueError(
            f"times fall back by {(int(t[at]) - int(t[at + 1])) / 1e6:g} s after event {at + 1:,}: "
            "the clock wraps or begins again, or a stamp is wrong; expected times that grow, or "
            "each part as a separate recording"
        )


def _is_grouped(events: np.ndarray, late: np.ndarray) -> bool:
    """Return whether events are grouped by polarity, column, row or pixel (perhaps within each
    polarity), so that times fall back where a group begins."""
    x, y, p = (events[name].astype(np.int64) for name in "xyp")
    for place in (np.zeros_like(x), x, y, (y << 16) + x):
        for key in (2 * place, 2 * place + p):
            change = np.flatnonzero(key[1:] != key[:-1])
            several = 2 * (change.size + 1) <= len(key)  # unless every event has a different pixel
            if several and change.size + 1 == len(np.unique(key)) and np.isin(late, change).all():
                return True
    return False


def fault_of(
    events: np.ndarray, sensor: tuple[int, ...] | None = None, factor: float = 1
) -> str | None:
    """Describe what is implausible about a recording's times (dtype EVENT, sorted by time). Return
    None if nothing is implausible, or if there are too few events to judge.

    sensor   rows and columns, or (n,) of a row of units; None: as far as events reach
    factor   by how much the times are to be multiplied first
    """
    number = len(events)
    if number < ENOUGH:
        return None
    t = np.ascontiguousarray(events["t"])
    if t[0] == t[-1]:
        return f"one moment of all {number:,} events"
    seconds = int(t[-1] - t[0]) * factor / 1e6
    rate = number / seconds
    pixels = math.prod(sensor or (int(np.ptp(events[axis])) + 1 for axis in "yx"))
    units = sensor is not None and len(sensor) == 1
    lasting = f"{number:,} events in {seconds:.3g} s, {rate:,.3g} events per second"
    if rate > (A_UNIT * pixels if units else max(READOUT, A_PIXEL * pixels)):
        return f"{lasting}, more than a sensor can read out"
    pixel = (events["y"].astype(np.int64) << 16) + events["x"]
    order = np.argsort(pixel, kind="stable")
    _, place, count = np.unique(pixel[order], return_inverse=True, return_counts=True)
    hot = count > max(HOT_SHARE * number, HOT_TIMES * np.median(count))
    interval = np.diff(t[order])[(np.diff(place) == 0) & ~hot[place[1:]]] * factor
    if len(interval) >= REPEATED:
        tenth, half = np.percentile(interval, (10, 50))
        thousands = not np.any((t - t[0]) % 1000)
        # resolution of the clock, us
        tick = factor if factor > 1 else 1000 * thousands
        if half + tick < PIXEL_US:
            return f"{lasting}, and {half:.3g} us from one event of a pixel to its next"
        if tenth / 1e6 > (COARSE_SECONDS if thousands and factor == 1 else PIXEL_SECONDS):
            far = f"{tenth / 1e6:.3g} s and more from one event of a pixel to its next"
            return f"{lasting}, and {far}"
    return lasting if rate < 1 else None


def check_unit(
    events: np.ndarray, sensor: tuple[int, ...] | None = None, read_as: str = "us"
) -> None:
    """Raise ValueError if a recording's unit of time is not given, and its times (dtype EVENT)
    cannot be those of the unit that they were read as."""
    fault = fault_of(events, sensor)
    if fault is None:
        return
    looks = "no other unit makes them plausible either"
    for unit in ("s", "ns", "us", "ms"):
        factor = UNITS[unit] / UNITS[read_as]
        if factor != 1 and fault_of(events, sensor, factor) is None:
            looks = f"they look like {unit}: give --time {unit} (in Python time={unit!r})"
    raise ValueError(
        f"read as {read_as}, its times make {fault}; {looks}, or --time {read_as} if they are right"
    )


def check_alike(
    met: dict[str, str], events: np.ndarray, sensor: tuple[int, ...] | None, time: str, name: str
) -> None:
    """Raise ValueError if the given unit fits some recordings but not others. `met` remembers one
    recording that the unit fits and one that it does not; a unit that fits no recording is
    trusted."""
    fault = fault_of(events, sensor)
    if fault is not None:
        met.setdefault("fault", f"{name}: read as {time}, its times make {fault}")
    elif len(events) >= ENOUGH:
        met.setdefault("fits", name)
    if len(met) > 1:
        raise ValueError(
            f"{met['fault']}, while those of {met['fits']} are plausible; expected one unit "
            "in all recordings, or columns that are named for theirs (t_us, t_ms)"
        )
