"""Recordings of (time, unit) in the HDF5 files of the Heidelberg spiking data sets, SHD and SSC, and
files of this form.

Cramer, Stradmann, Schemmel & Zenke 2022, "The Heidelberg spiking data sets for the systematic
evaluation of spiking neural networks", IEEE TNNLS 33:2744. A row of each data set is a recording:

    spikes/times    numbers of any length, seconds from the recording's beginning (float16 or float32)
    spikes/units    whole numbers, as many, 0 to 699: channels of an artificial cochlea, low to high
    labels          whole numbers, the word
    extra/keys      the words, in the order of their labels; without it words are named by number
    extra/speaker   numbers or texts, who speaks; may be missing

Nothing in a file says its unit of time. Words that last longer than LONGEST_S or shorter than
SHORTEST_S, taken for seconds, are refused, and the message names the unit that would fit.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...arguments import one_of
from .arrays import MOST_EVENTS
from .columns import UNITS as FACTORS
from .events import check_events, event_array
from .hdf5 import Hdf5, naming
from .torchneuromorphic import TorchNeuromorphic
from .units import check_row

UNITS = 700
LONGEST_S, SHORTEST_S = 10.0, 0.02  # of a recording; no word takes so long, or so little
TELLING = 20  # spikes that tell how long a recording is: fewer may all be at its beginning
WHAT = "recordings of (time, unit) as SHD has them: spikes/times, spikes/units and labels"


class SpokenFile(Hdf5):
    """An open file of recordings; use it in a `with` statement, or close it.

    path    the file
    units   how many units there are; None: 700
    time    unit of the times, where it is not seconds: "ns", "us" or "ms"; "s" says that it is,
            however long the recordings are

    labels, words, speakers   (N,) numbers of the words, their names, and who speaks (texts), None
                              where the file does not say

    Raises ValueError, naming the file, where it is not such a file or damaged, and
    FileNotFoundError where it is missing.
    """

    def __init__(self, path: str | Path, units: int | None = None, time: str | None = None):
        if time is not None:
            one_of("time", time, FACTORS)
        super().__init__(path, WHAT)
        self.path = Path(path)
        self.units = units or UNITS
        self.time = time
        with naming(self.path, WHAT):
            labels = np.ravel(self.array("labels", MOST_EVENTS))
            if labels.dtype.kind not in "iu" or labels.min() < 0:
                raise ValueError("labels holds others than whole numbers from 0 on")
            words = self.texts("extra/keys") or [str(one) for one in range(int(labels.max()) + 1)]
            if labels.max() >= len(set(words)):
                raise ValueError(f"labels reach {labels.max()}; there are {len(set(words))} words")
            self.labels, self.words = labels.astype(np.int64), words
            self.speakers = self.texts("extra/speaker")
            for name in ("spikes/times", "spikes/units"):
                if not self.has(name):
                    raise ValueError(f"there is no {name}")
            rows = [len(self.find(f"spikes/{name}")) for name in ("times", "units")]
            rows += [] if self.speakers is None else [len(self.speakers)]
            if set(rows) != {len(labels)}:
                raise ValueError(
                    f"times, units and speakers are of {rows} recordings, labels of {len(labels)}"
                )

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.labels)

    def listed(self) -> list[tuple[int, str, str | None, None]]:
        """(number, word, speaker, None) of every recording."""
        who: Sequence[str | None] = self.speakers or [None] * len(self)
        return [(k, self.words[label], who[k], None) for k, label in enumerate(self.labels)]

    def read(self, number: int) -> np.ndarray:
        """Events of one recording (dtype EVENT, in one row: x is the unit), sorted by time, in
        microseconds from its beginning; those of one time keep their order.

        Raises ValueError, naming file and recording, where units and times differ in number, a time
        is below zero or not finite, a unit is none, or the times cannot be in their unit.
        """
        with naming(f"{self.path}: recording {number}", WHAT):
            t = self.array("spikes/times", MOST_EVENTS, int(number)).astype(np.float64)
            unit = self.array("spikes/units", MOST_EVENTS, int(number))
            none = np.zeros(len(t), int)
            events = event_array(unit, none, np.rint(t * FACTORS[self.time or "s"]), none + 1)
            check_events(events, (1, self.units))
            if len(t):
                self._check_times(t)
        return events

    def _check_times(self, t: np.ndarray) -> None:
        last = float(t.max())
        if t.min() < 0:
            raise ValueError(f"times begin at {t.min():g}; expected 0, its beginning, or later")
        seconds = {unit: last * FACTORS[unit] / 1e6 for unit in ("ms", "us", "ns", "s")}
        fits = [unit for unit, one in seconds.items() if SHORTEST_S <= one <= LONGEST_S]
        if self.time is None and last > LONGEST_S:
            raise ValueError(
                f"times reach {last:,.6g}, and no word lasts so many seconds, the unit of this "
                f"format{f'; they look like {fits[0]}' * bool(fits)}: say --time "
                f"{(fits or ['s'])[0]}, or --time s if they are right"
            )
        short = self.time is not None and seconds[self.time] < SHORTEST_S
        if short and len(t) >= TELLING and "s" in fits:
            raise ValueError(f"times reach {last:.6g} {self.time}; they look like s: no --time")


def is_spoken(path: Path) -> bool:
    """Whether an HDF5 file is of this form."""
    with naming(path, "recordings"), Hdf5(path, "recordings") as file:
        return file.has("labels") and file.has("spikes/times")


_open: dict[tuple, SpokenFile | TorchNeuromorphic] = {}  # the one that was asked last


def opened(
    path: Path, sensor: tuple[int, ...] | None = None, time: str | None = None
) -> SpokenFile | TorchNeuromorphic:
    """A file of many recordings, of this form or torchneuromorphic's, that are read one after the
    other: it stays open until another one is asked, or another is there under its name, or
    `forget`."""
    status = path.stat()
    key = path, status.st_size, status.st_mtime_ns, status.st_ino, sensor, time
    if key not in _open:
        forget()
        spoken = is_spoken(path)
        with naming(path):
            check_row(sensor if spoken else None)
        _open[key] = (
            SpokenFile(path, sensor[0] if sensor else None, time)
            if spoken
            else TorchNeuromorphic(path)
        )
    return _open[key]


def forget() -> None:
    """Close the file that `opened` left open: while it is, HDF5 lets nobody write it again."""
    while _open:
        _open.popitem()[1].close()
