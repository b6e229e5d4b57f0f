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

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import one_of
from ...files import write_whole
from .columns import UNITS as FACTORS
from .events import check_events, event_array
from .hdf5 import Hdf5, naming
from .torchneuromorphic import TorchNeuromorphic
from .units import check_row

UNITS = 700
LONGEST_S, SHORTEST_S = 10.0, 0.02  # of a recording; no word takes so long, or so little
TELLING = 20  # spikes that tell how long a recording is: fewer may all be at its beginning
MOST_EVENTS = 1_000_000  # of one recording; a word has some 8,000
MOST_RECORDINGS = 1_000_000
BATCH = 64  # recordings that are read at once
WHAT = "recordings of (time, unit) as SHD has them: spikes/times, spikes/units and labels"


class SpokenFile(Hdf5):
    """An open file of recordings; use it in a `with` statement, or close it.

    path    the file
    units   how many units there are; None: 700
    time    unit of the times, where it is not seconds: "ns", "us" or "ms"; "s" says that it is,
            however long the recordings are

    labels, words, speakers   (N,) numbers of the words, their names, and who speaks (texts), None
                              where the file does not say
    coarse_ms                 how far apart its times are at the coarsest, 1 to 2 s after the beginning

    Raises ValueError, naming the file, where it is not such a file or damaged, and
    FileNotFoundError where it is missing.
    """

    def __init__(self, path: str | Path, units: int | None = None, time: str | None = None):
        if time is not None:
            one_of("time", time, FACTORS)
        super().__init__(path, WHAT)
        self.path = Path(path)
        self.units = UNITS if units is None else int(units)
        self.time = time
        self.factor = FACTORS[time or "s"]
        try:
            with naming(self.path, WHAT):
                self._read_labels()
        except BaseException:
            self.close()
            raise

    def _read_labels(self) -> None:
        labels = np.ravel(self.array("labels", MOST_RECORDINGS))
        if labels.dtype.kind not in "iu" or labels.min() < 0:
            raise ValueError("labels holds others than whole numbers from 0 on")
        words = self.texts("extra/keys") or [str(one) for one in range(int(labels.max()) + 1)]
        if labels.max() >= len(set(words)):
            raise ValueError(f"labels reach {labels.max()}, and there are {len(set(words))} words")
        self.labels, self.words = labels.astype(np.int64), words
        self.speakers = self.texts("extra/speaker")
        if self.speakers is None and self.has("extra/speaker"):
            numbers = np.ravel(self.array("extra/speaker", MOST_RECORDINGS))
            self.speakers = [str(one) for one in numbers.tolist()]
        rows = [len(self.dataset(name)) for name in ("spikes/times", "spikes/units")]
        rows += [] if self.speakers is None else [len(self.speakers)]
        if set(rows) != {len(labels)}:
            raise ValueError(
                f"times, units and speakers are of {rows} recordings, labels of {len(labels)}"
            )
        first, _ = (self.rows(f"spikes/{name}", [0], MOST_EVENTS)[0] for name in ("times", "units"))
        self.coarse_ms = self.factor / 1e3
        if first.dtype.kind == "f":
            with np.errstate(over="ignore", invalid="ignore"):  # seconds in ns, of float16
                self.coarse_ms *= float(np.spacing(np.array(1e6 / self.factor, first.dtype)))

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.labels)

    def listed(self) -> list[tuple[int, str, str | None, None]]:
        """(number, word, speaker, None) of every recording."""
        who = self.speakers or [None] * len(self)
        return [(k, self.words[label], who[k], None) for k, label in enumerate(self.labels)]

    def read(self, number: int) -> np.ndarray:
        """Events of one recording (dtype EVENT, in one row: x is the unit), sorted by time, in
        microseconds from its beginning; those of one time keep their order."""
        return self.read_some([number])[0]

    def read_some(self, numbers: list[int]) -> list[np.ndarray]:
        """Events of some recordings, each as `read` gives them.

        Raises ValueError, naming file and recording, where units and times differ in number, a time
        is below zero or not finite, a unit is none, or the times cannot be in their unit.
        """
        found = []
        for number in numbers:
            with naming(f"{self.path}: recording {number}", WHAT):
                t, unit = (
                    self.rows(f"spikes/{name}", [int(number)], MOST_EVENTS)[0]
                    for name in ("times", "units")
                )
                found.append(self._events(t.astype(np.float64), unit))
        return found

    def _events(self, t: np.ndarray, unit: np.ndarray) -> np.ndarray:
        none = np.zeros(len(t), int)
        events = event_array(unit, none, np.rint(t * self.factor), none + 1)
        check_events(events, (1, self.units))
        if not t.size:
            return events
        if t.min() < 0:
            raise ValueError(f"times begin at {t.min():g}; expected 0, its beginning, or later")
        last = float(t.max())
        reach = last * self.factor / 1e6
        if self.time is None and reach > LONGEST_S:
            fits = [one for one in ("ms", "us", "ns") if _plausible(last, one)]
            raise ValueError(
                f"times reach {last:,.6g}, and no word lasts so many seconds, the unit of this "
                f"format{f'; they look like {fits[0]}' * bool(fits)}: say --time "
                f"{(fits or ['s'])[0]}, or --time s if they are right"
            )
        early = self.time is not None and len(t) >= TELLING and reach < SHORTEST_S
        if early and _plausible(last, "s"):
            raise ValueError(
                f"times reach {last:.6g} {self.time}; they look like s: leave out --time"
            )
        return events


def _plausible(last: float, unit: str) -> bool:
    return SHORTEST_S <= last * FACTORS[unit] / 1e6 <= LONGEST_S


def write_spoken(
    path: str | Path,
    times: Sequence[ArrayLike],
    units: Sequence[ArrayLike],
    labels: ArrayLike,
    words: Sequence[str] | None = None,
    speakers: ArrayLike | None = None,
) -> Path:
    """Write recordings as a file of this form; returns its path.

    times, units   for each recording its times, in seconds from its beginning, and their units
    labels         number of the word of each
    words          the names of the words, in the order of their numbers
    speakers       number of who speaks, for each recording

    The file appears only when it is whole. Raises ValueError where these differ in number.
    """
    import h5py

    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file["labels"] = np.ravel(labels).astype(np.uint16)
        for name, kind in (("times", np.float32), ("units", np.uint16)):
            file.create_dataset(f"spikes/{name}", (len(times),), h5py.vlen_dtype(kind))
        for k, (t, unit, _) in enumerate(zip(times, units, file["labels"], strict=True)):
            if np.shape(t) != np.shape(unit):
                raise ValueError(f"recording {k} has {np.size(t)} times and {np.size(unit)} units")
            file["spikes/times"][k] = t
            file["spikes/units"][k] = unit
        if speakers is not None:
            file["extra/speaker"] = np.ravel(speakers).astype(np.uint16)
        if words is not None:
            file["extra/keys"] = list(words)
    write_whole(Path(path), image.getvalue())
    return Path(path)


def is_spoken(path: Path) -> bool:
    """Whether an HDF5 file is of this form."""
    with naming(path, "recordings"), Hdf5(path, "recordings") as file:
        return holds_spoken(file.names()) and file.has("spikes/times")


def holds_spoken(names: list[str]) -> bool:
    """Whether a file with these names at its top is of this form."""
    return {"spikes", "labels"} <= set(names)


_open: dict[tuple, SpokenFile | TorchNeuromorphic] = {}  # the one that was asked last


def opened(
    path: Path, sensor: tuple[int, ...] | None = None, time: str | None = None
) -> SpokenFile | TorchNeuromorphic:
    """A file of many recordings, of this form or torchneuromorphic's, that are read one after the
    other: it stays open until another one is asked, or another is there under its name, or
    `forget`."""
    status = path.stat()
    changed = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    key = path, changed, sensor, time
    if key not in _open:
        forget()
        if is_spoken(path):
            with naming(path):
                check_row(sensor)
            _open[key] = SpokenFile(path, sensor and sensor[0], time)
        else:
            _open[key] = TorchNeuromorphic(path)
    return _open[key]


def forget() -> None:
    """Close the file that `opened` left open: while it is, HDF5 lets nobody write it again."""
    while _open:
        _open.popitem()[1].close()
