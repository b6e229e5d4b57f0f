"""Whether times can be microseconds: what a sensor can do and what a moving scene does to its
pixels, whatever the picture.

Files seldom say the unit of their times, and a wrong one makes wrong recordings that train well:
milliseconds taken for microseconds lay a second of events into one step, nanoseconds leave nearly
all of them out. What is judged are

    the interval from one event of a pixel to its next     too short: half of them below PIXEL_US; too long: nine in ten above
                                                           PIXEL_SECONDS, or above COARSE_SECONDS where all times are whole
                                                           thousands, as nanoseconds of a clock of microseconds are
    events a second of the whole sensor                    too many: above READOUT, or A_PIXEL for each pixel; too few:
                                                           below one

    1,000 recordings of N-MNIST   half of the intervals above 4.2 to 24 ms, a tenth below 2.2 to 5.7
                                  ms; 3,700 to 23,000 events a second
    37 s of two takes of ASL-DVS  by frames of 10 ms: half above 28 to 124 ms, a tenth below 9 to 28
                                  ms; as counted, 70,000 events a second on average, 365,000 in the
                                  busiest 10 ms
    216 simulated gestures        half above 0.5 to 3.4 ms, a tenth below 0.3 to 2.3 ms; 36,000 to
                                  530,000 events a second
    sensors, by their makers      read out at most 1 million events a second (128 x 128), 12 million
                                  (346 x 260), 50 million (640 x 480), 1,066 million (1280 x 720:
                                  1,157 for each pixel)
    background noise              0.05 to 0.16 events a second of a pixel: a tenth of the intervals
                                  below 0.7 to 2 s

so a unit that is wrong by a thousand leaves these bounds, mostly by a factor of ten, and one that
is right stays within them: all of the recordings above pass, and in milliseconds, nanoseconds and
seconds all but one second of ASL-DVS fail. A recording is refused where nothing says the unit;
fewer than LEAST events tell nothing.
"""

import math
from typing import NamedTuple

import numpy as np

from .columns import UNITS

# events of a recording, and intervals of its pixels, below which nothing is said
LEAST, REPEATED = (
    100,
    20,
)
PIXEL_US, PIXEL_SECONDS, COARSE_SECONDS = 100, 1.0, 0.1
READOUT, A_PIXEL = 12e6, 1200.0  # events a second
A_UNIT = 1000.0  # of a unit that is no pixel: neurons rest a millisecond after each spike
# a pixel with more of the events, and so many times as many as most, is left out
HOT_SHARE, HOT_TIMES = (
    0.02,
    20,
)
OTHERS = ("ms", "ns", "s")
_LONGEST = 1e15  # us, thirty years


class Pace(NamedTuple):
    """How fast the events of a recording come, their times taken for microseconds.

    number       of events                  length    us from the first to the last
    tenth, half  quantiles of the intervals between events of one pixel, us; None where they are few
    pixels       of the sensor, or of the part of it that events reach
    thousands    whether all times are whole thousands, counted from the first
    most         events a second that the sensor can make
    """

    number: int
    length: int
    tenth: float | None
    half: float | None
    pixels: int
    thousands: bool = False
    most: float = READOUT

    @classmethod
    def of(cls, events: np.ndarray, sensor: tuple[int, ...] | None = None) -> "Pace":
        """Of events of dtype EVENT, of a sensor of rows and columns or a row of units (n,)."""
        if np.any(np.diff(events["t"]) < 0):
            events = events[np.argsort(events["t"], kind="stable")]
        t, tenth, half = events["t"], None, None
        if len(events) < LEAST:
            return cls(len(events), int(t[-1] - t[0]) if len(events) else 0, None, None, 1)
        pixel = (events["y"].astype(np.int64) << 16) + events["x"]
        order = np.argsort(pixel, kind="stable")
        _, place, count = np.unique(pixel[order], return_inverse=True, return_counts=True)
        hot = count > max(HOT_SHARE * len(events), HOT_TIMES * np.median(count))
        interval = np.diff(t[order])[(np.diff(place) == 0) & ~hot[place[1:]]]
        if len(interval) >= REPEATED:
            tenth, half = map(float, np.percentile(interval, (10, 50)))
        reach = (int(events[axis].max()) - int(events[axis].min()) + 1 for axis in "yx")
        pixels = math.prod(sensor or reach)
        most = max(READOUT, A_PIXEL * pixels)
        if sensor is not None and len(sensor) == 1:
            most = A_UNIT * pixels
        thousands = not np.any((t - t[0]) % 1000)
        return cls(len(events), int(t[-1] - t[0]), tenth, half, pixels, thousands, most)

    def fault(self, factor: float = 1.0) -> str | None:
        """What no sensor and no scene does, if times are multiplied by `factor`; None where all is
        well."""
        if self.number < LEAST:
            return None
        seconds = self.length * factor / 1e6
        if not self.length:
            return f"one moment of all {self.number:,} events"
        rate = self.number / seconds
        said = f"{rate:,.0f} events a second" if rate >= 10 else f"{rate:.2g} events a second"
        lasting = f"{self.number:,} events in {_span(seconds)}, {said}"
        if rate > self.most:
            return f"{lasting}, more than a sensor can read out"
        # of the clock, us: what lies within one is not known
        tick = factor if factor > 1 else 1000 * self.thousands
        if self.half is not None and self.half * factor + tick < PIXEL_US:
            return (
                f"{lasting}, and {_span(self.half * factor / 1e6)} from one event of a pixel to "
                "its next"
            )
        most = COARSE_SECONDS if self.thousands and factor == 1 else PIXEL_SECONDS
        if self.tenth is not None and self.tenth * factor > most * 1e6:
            return (
                f"{lasting}, and {_span(self.tenth * factor / 1e6)} and more from one event of a "
                "pixel to its next"
            )
        return lasting if rate < 1 else None

    def instead(self) -> str | None:
        """The unit that the times must have; None where microseconds will do, or nothing else would
        do better."""
        if self.fault() is None:
            return None
        return next(
            (unit for unit in OTHERS if self.length and self.fault(UNITS[unit]) is None), None
        )


def _span(seconds: float) -> str:
    """A time in words, of three digits."""
    units = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
    unit, size = next(one for one in units if seconds >= one[1] or one[0] == "us")
    number = seconds / size
    return f"{number:,.0f} {unit}" if number >= 1000 else f"{number:.3g} {unit}"


def check_unit(events: np.ndarray, sensor: tuple[int, ...] | None = None) -> None:
    """ValueError where nothing says the unit of the times of a recording (dtype EVENT, sorted), and
    they cannot be microseconds."""
    pace = Pace.of(events, sensor)
    fault = pace.fault()
    unit = pace.instead()
    if fault is None:
        return
    way = (
        "no other unit makes them plausible either, and if they are right say --time us (in "
        "Python time='us')"
        if unit is None
        else f"they look like {unit}: say --time {unit} (in Python time={unit!r}), or --time us if "
        "it is microseconds after all"
    )
    raise ValueError(f"taken for microseconds its times make {fault}; {way}")


def unit_of_fractions(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> str | None:
    """The one unit in which times (N,) that are fractions are plausible; None where several are, or
    none."""
    if not (t.size and x.shape == y.shape == t.shape):
        return None
    events = np.empty(t.size, [("x", np.int64), ("y", np.int64), ("t", np.int64)])
    begun = t - t.min()
    fit = []
    for unit in ("us", "ms", "s"):
        if begun.max() * UNITS[unit] > _LONGEST:
            continue
        with np.errstate(invalid="ignore"):
            events["x"] = x
            events["y"] = y
            events["t"] = np.rint(begun * UNITS[unit])
        if Pace.of(events).fault() is None:
            fit.append(unit)
    return fit[0] if len(fit) == 1 else None


class Judge:
    """Of the recordings of a set: `look` at each, then `finish`.

    time   the unit that is said for all of them; None: nothing is, and each is judged alone
           (`check_unit`)
    """

    def __init__(self, time: str | None):
        self.time = time
        self.fits: str | None = None
        self.fails: str | None = None

    def look(
        self, events: np.ndarray, sensor: tuple[int, ...] | None, name: str, said: bool = False
    ) -> None:
        """At the events of a recording, their times in microseconds already; said: its columns name
        their unit."""
        if self.time is None:
            if not said:
                check_unit(events, sensor)
            return
        pace = Pace.of(events, sensor)
        if pace.number < LEAST or said:
            return
        if (fault := pace.fault()) is None:
            self.fits = self.fits or name
        else:
            self.fails = self.fails or f"{name}: taken for {self.time} its times make {fault}"

    def finish(self) -> None:
        """ValueError where the unit fits some and not others, so that they differ in it. Where it
        fits none, who says it knows."""
        if self.fits is not None and self.fails is not None:
            raise ValueError(
                f"{self.fails}, while those of {self.fits} are plausible; expected one unit in "
                "all recordings, or columns that are named for theirs (t_us, t_ms)"
            )
