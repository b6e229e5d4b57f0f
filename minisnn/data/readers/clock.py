"""Stamps that a clock did not give: what wraps, begins again, strays, or was never written.

A recording is counted from its smallest stamp on, so one event that is stamped too early moves the
whole of it out of what is counted. All readers, and arrays in memory, pass here.

Honest recordings need not be sorted. Events come in no order, in packets that overtake each other by
some milliseconds, or one polarity, row, pixel or unit after the other.
"""

import numpy as np

LATE = 10_000  # us that events of one clock overtake each other by
SHARE = 20  # of so many events more than one is before the one ahead of it: they are in no order
LEAST = 50  # events that say where a recording begins, and rows of zeros that no sensor makes


def check_clock(events: np.ndarray, whole: bool = True) -> None:
    """Raise ValueError where stamps of a recording (columns x, y, t, p, as they were recorded) are
    not those of one clock:

        t falls back by more than half of the time that has passed    (the clock wraps or begins again)
        rows of zeros stand behind the events, or many of them anywhere    (they were never written)
        the first event is further from the second than the second from the last    (if `whole`)
    """
    t = events["t"]
    if len(t) < 2:
        return
    falls = np.flatnonzero(t[:-1] > t[1:])
    _check_zeros(events, falls)
    if falls.size and np.any(t[:-1] < t[1:]):  # else newest first
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
    if events["y"].any() or not events["p"].all():  # else of units, which have no polarity
        zero &= events["p"] == 0
    number = int(zero.sum())
    behind = falls.size and falls[-1] >= len(zero) - 1 - number and zero[falls[-1] + 1 :].all()
    if number < len(zero) and (behind or number >= LEAST):
        raise ValueError(
            f"{number:,} of {len(zero):,} rows hold nothing but zeros, as where a file was not "
            "written to its end; expected events only"
        )


def _check_falls(events: np.ndarray, falls: np.ndarray) -> None:
    t = events["t"]
    fallen = t[falls] - t[falls + 1]
    passed = np.maximum.accumulate(t)[falls] - np.minimum.accumulate(t)[falls]
    late = fallen > LATE
    back = late & (2 * fallen > passed)
    if SHARE * falls.size >= len(t) and back.any():
        # in no order, or each a little late: then what wraps leaves a gap
        most = np.subtract(*np.percentile(t, (95, 5)))
        if SHARE * np.sum(4 * fallen > most) >= len(t):
            return
        back &= 4 * np.diff(np.sort(t)).max() > fallen
    wrong, later = falls[back], fallen[late & ~back]
    if not wrong.size or _is_grouped(events, wrong):
        return
    # packets of several cameras follow each other: the first falls are no longer than most
    if later.size <= wrong.size or fallen[back].max() > 2 * np.median(later):
        at = int(wrong[0])
        raise ValueError(
            f"times fall back by {(int(t[at]) - int(t[at + 1])) / 1e6:g} s after event {at + 1:,}: "
            "the clock wraps or begins again, or a stamp is wrong; expected times that grow, or "
            "each stretch as a recording of its own"
        )


def _is_grouped(events: np.ndarray, late: np.ndarray) -> bool:
    """Whether events come one polarity, column, row or pixel after the other, maybe of each polarity,
    and times fall back where the next begins."""
    x, y, p = (events[name].astype(np.int64) for name in "xyp")
    for place in (np.zeros_like(x), x, y, (y << 16) + x):
        for key in (2 * place, 2 * place + p):
            change = np.flatnonzero(key[1:] != key[:-1])
            several = 2 * (change.size + 1) <= len(key)  # not a pixel for each event
            if several and change.size + 1 == len(np.unique(key)) and np.isin(late, change).all():
                return True
    return False
