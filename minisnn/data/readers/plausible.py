"""Whether times can be microseconds: what a sensor can do and what a moving scene does to its
pixels, whatever the picture.

Files seldom say the unit of their times, and a wrong one makes wrong recordings that train well:
milliseconds taken for microseconds put a second of events into one step, nanoseconds leave nearly
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

LEAST, REPEATED = 100, 20  # events, and intervals of pixels, below which nothing is judged
PIXEL_US, PIXEL_SECONDS, COARSE_SECONDS = 100, 1.0, 0.1
READOUT, A_PIXEL = 12e6, 1200.0  # events a second
A_UNIT = 1000.0  # of a unit that is no pixel: neurons rest a millisecond after each spike
# a pixel with more of the events, and so many times as many as most, is left out
HOT_SHARE, HOT_TIMES = 0.02, 20


class Pace(NamedTuple):
    """How fast the events of a recording come, their times taken for microseconds.

    number       of events                  length    us from the first to the last
    tenth, half  quantiles of the intervals between events of one pixel, us; NaN where they are few
    thousands    whether all times are whole thousands, counted from the first
    most         events a second that the sensor can make
    """

    number: int
    length: int
    tenth: float
    half: float
    thousands: bool
    most: float

    @classmethod
    def of(cls, events: np.ndarray, sensor: tuple[int, ...] | None = None) -> "Pace":
        """Of events of dtype EVENT, sorted by time, of a sensor of rows and columns or a row of
        units (n,)."""
        t = np.ascontiguousarray(events["t"])
        length = int(np.ptp(t)) if len(t) else 0
        if len(events) < LEAST:
            return cls(len(events), length, math.nan, math.nan, False, READOUT)
        pixel = (events["y"].astype(np.int64) << 16) + events["x"]
        order = np.argsort(pixel, kind="stable")
        _, place, count = np.unique(pixel[order], return_inverse=True, return_counts=True)
        hot = count > max(HOT_SHARE * len(events), HOT_TIMES * np.median(count))
        interval = np.diff(t[order])[(np.diff(place) == 0) & ~hot[place[1:]]]
        few = [math.nan] * 2
        tenth, half = np.percentile(interval, (10, 50)) if len(interval) >= REPEATED else few
        pixels = math.prod(sensor or (int(np.ptp(events[axis])) + 1 for axis in "yx"))
        units = sensor is not None and len(sensor) == 1
        most = A_UNIT * pixels if units else max(READOUT, A_PIXEL * pixels)
        thousands = not np.any((t - t[0]) % 1000)
        return cls(len(events), length, float(tenth), float(half), thousands, most)

    def fault(self, factor: float = 1.0) -> str | None:
        """What no sensor and no scene does, if times are multiplied by `factor`; None where all is
        well."""
        if self.number < LEAST:
            return None
        if not self.length:
            return f"one moment of all {self.number:,} events"
        seconds = self.length * factor / 1e6
        rate = self.number / seconds
        lasting = f"{self.number:,} events in {seconds:.3g} s, {rate:,.3g} events a second"
        if rate > self.most:
            return f"{lasting}, more than a sensor can read out"
        # of the clock, us: what is within one is not known
        tick = factor if factor > 1 else 1000 * self.thousands
        longest = COARSE_SECONDS if self.thousands and factor == 1 else PIXEL_SECONDS
        half, tenth = self.half * factor, self.tenth * factor / 1e6
        if half + tick < PIXEL_US:
            return f"{lasting}, and {half:.3g} us from one event of a pixel to its next"
        if tenth > longest:
            return f"{lasting}, and {tenth:.3g} s and more from one event of a pixel to its next"
        return lasting if rate < 1 else None


def check_unit(events: np.ndarray, sensor: tuple[int, ...] | None = None) -> None:
    """ValueError where nothing says the unit of the times of a recording (dtype EVENT), and they
    cannot be microseconds."""
    pace = Pace.of(events, sensor)
    if (fault := pace.fault()) is None:
        return
    fits = [one for one in ("ms", "ns", "s") if pace.length and pace.fault(UNITS[one]) is None]
    looks = "no other unit makes them plausible either"
    if fits:
        looks = f"they look like {fits[0]}: say --time {fits[0]} (in Python time={fits[0]!r})"
    raise ValueError(
        f"taken for microseconds its times make {fault}; {looks}, or --time us if they are right"
    )


class Judge:
    """Looks at every recording of a set whose unit of time is said for all of them.

    Where the unit fits some of them and not others, these differ in it. Where it fits none, who
    says it knows.
    """

    def __init__(self, time: str):
        self.time = time
        self.fits: list[str] = []
        self.fails: list[str] = []

    def look(self, events: np.ndarray, sensor: tuple[int, ...] | None, name: str) -> None:
        """At the events of a recording, their times in microseconds already. ValueError where
        recordings differ in their unit."""
        fault = Pace.of(events, sensor).fault()
        if fault is not None:
            self.fails.append(f"{name}: taken for {self.time} its times make {fault}")
        elif len(events) >= LEAST:
            self.fits.append(name)
        if self.fits and self.fails:
            raise ValueError(
                f"{self.fails[0]}, while those of {self.fits[0]} are plausible; expected one unit "
                "in all recordings, or columns that are named for theirs (t_us, t_ms)"
            )
