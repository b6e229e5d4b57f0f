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

from ...files import write_whole
from .hdf5 import Hdf5
from .columns import UNITS as FACTORS
from .events import event_array
from .torchneuromorphic import TorchNeuromorphic
from .units import check_range, number_of

UNITS = 700
LONGEST_S, SHORTEST_S = 10.0, 0.02  # of a recording; no word takes so long, or so little
TELLING = 20  # spikes that tell how long a recording is: fewer may all be at its beginning
MOST_EVENTS = 1_000_000  # of one recording; a word has some 8,000
MOST_RECORDINGS = 1_000_000
BATCH = 64  # recordings that are read at once
WHAT = "recordings of (time, unit) as SHD has them: spikes/times, spikes/units and labels"


class SpokenFile:
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
        if time is not None and time not in FACTORS:
            raise ValueError(f"time is {time!r}; expected {', '.join(FACTORS)}")
        self.path = Path(path)
        self.units = UNITS if units is None else int(units)
        self.time = time
        self.file = Hdf5(self.path, WHAT)
        try:
            self.labels = self._labels()
            self.words = self._words()
            self.speakers = self._speakers()
            self.coarse_ms = self._coarse_ms()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SpokenFile":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the file up."""
        self.file.close()

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.labels)

    def read(self, number: int) -> np.ndarray:
        """Events of one recording (dtype EVENT, in one row: x is the unit), sorted by time, in
        microseconds from its beginning; those of one time keep their order."""
        return self.read_some([number])[0]

    def read_some(self, numbers: list[int]) -> list[np.ndarray]:
        """Events of some recordings, each as `read` gives them.

        Raises ValueError, naming file and recording, where units and times differ in number, a time
        is below zero or not finite, a unit is none, or the times cannot be in their unit.
        """
        for number in numbers:
            if not 0 <= number < len(self):
                raise ValueError(f"recording {number}; expected 0 to {len(self) - 1}")
        found = []
        for first in range(0, len(numbers), BATCH):
            rows = [int(one) for one in numbers[first : first + BATCH]]
            most = MOST_EVENTS * len(rows)
            times, units = (
                self.file.rows(f"spikes/{name}", rows, most)[1] for name in ("times", "units")
            )
            for number, t, unit in zip(rows, times, units):
                try:
                    found.append(self._events(t, unit))
                except ValueError as error:
                    raise ValueError(f"{self.path}: recording {number}: {error}") from None
        return found

    def _events(self, t: np.ndarray, unit: np.ndarray) -> np.ndarray:
        if t.shape != unit.shape:
            raise ValueError(
                f"spikes/times has {len(t)} values and spikes/units {len(unit)}; expected one unit "
                "for each time"
            )
        seconds = t.astype(np.float64) * (FACTORS[self.time or "s"] / 1e6)
        if t.size:
            if not np.isfinite(seconds).all():
                raise ValueError("spikes/times holds NaN or infinite values; expected finite times")
            if seconds.min() < 0:
                raise ValueError(
                    f"spikes/times begins at {t.min():g}; expected times from 0, the recording's "
                    "beginning, on"
                )
            if unit.dtype.kind == "f" and np.any(unit != np.rint(unit)):
                raise ValueError("spikes/units holds fractions; expected whole numbers")
            check_range(unit, self.units)
            self._check_length(float(t.max()), seconds)
        none = np.zeros(len(t), int)
        return event_array(unit, none, np.rint(seconds * 1e6), none + 1)

    def _check_length(self, last: float, seconds: np.ndarray) -> None:
        """ValueError where nothing says the unit, and it cannot be seconds; or it cannot be what is
        said, and seconds would do."""
        reach = float(seconds.max())
        if self.time is None and reach > LONGEST_S:
            fits = [one for one in ("ms", "us", "ns") if _plausible(last, one)]
            way = f"say --time {fits[0]} (in Python time={fits[0]!r})" if fits else ""
            looks = f"; they look like {fits[0]}: {way}" if fits else ""
            raise ValueError(
                f"times reach {last:,.6g}, and in seconds, the unit of this format, no word lasts "
                f"so long{looks}, or --time s if it does"
            )
        said = self.time not in (None, "s") and len(seconds) >= TELLING
        if said and reach < SHORTEST_S and _plausible(last, "s"):
            raise ValueError(
                f"times reach {last:.6g}, and in {self.time}, as is said, no word is so short; they "
                "look like s: leave --time out"
            )

    def _labels(self) -> np.ndarray:
        for name in ("labels", "spikes/times", "spikes/units"):
            if not self.file.has(name):
                raise ValueError(f"{self.path}: there is no {name}; expected {WHAT}")
        labels = np.ravel(self.file.array("labels", MOST_RECORDINGS))
        if labels.dtype.kind not in "iu" or labels.size and labels.min() < 0:
            found = labels.min() if labels.size and labels.dtype.kind in "iu" else labels.dtype
            raise ValueError(f"{self.path}: labels holds {found}; expected whole numbers from 0 on")
        for name in ("spikes/times", "spikes/units"):
            rows = self.file.rows(name, [], MOST_EVENTS)[0]
            if rows != len(labels):
                raise ValueError(
                    f"{self.path}: {name} has {rows} rows and labels {len(labels)}; expected one "
                    "label for each recording"
                )
        if not labels.size:
            raise ValueError(f"{self.path}: holds no recordings; expected some")
        return labels.astype(np.int64)

    def _words(self) -> list[str]:
        words = self.file.texts("extra/keys", MOST_RECORDINGS)
        if words is None:
            return [str(one) for one in range(int(self.labels.max()) + 1)]
        if len(set(words)) != len(words):
            raise ValueError(f"{self.path}: extra/keys names a word twice; expected each once")
        if self.labels.max() >= len(words):
            raise ValueError(
                f"{self.path}: labels reach {self.labels.max()}, and extra/keys names {len(words)} "
                f"words; expected labels from 0 to {len(words) - 1}"
            )
        return words

    def _speakers(self) -> list[str] | None:
        name = "extra/speaker"
        found: list[str] | None = self.file.texts(name, MOST_RECORDINGS)
        if found is None and self.file.has(name):
            numbers = np.ravel(self.file.array(name, MOST_RECORDINGS))
            found = [str(one) for one in numbers.tolist()]
        if found is not None and len(found) != len(self):
            raise ValueError(
                f"{self.path}: {name} has {len(found)} entries and labels {len(self)}; expected "
                "one for each recording"
            )
        return found

    def _coarse_ms(self) -> float:
        factor = FACTORS[self.time or "s"]
        times = self.file.rows("spikes/times", [0], MOST_EVENTS)[1][0]
        if times.dtype.kind != "f":
            return factor / 1e3
        with np.errstate(over="ignore", invalid="ignore"):  # seconds in ns are too many for float16
            return float(np.spacing(np.array(1e6 / factor, times.dtype))) * factor / 1e3


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

    rows = {"times": [np.ravel(one) for one in times], "units": [np.ravel(one) for one in units]}
    others = dict(labels=np.ravel(labels))
    if speakers is not None:
        others["extra/speaker"] = np.ravel(speakers)
    sizes = {name: len(some) for name, some in rows.items()}
    sizes |= {name: len(some) for name, some in others.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(
            f"recordings differ in number: {sizes}; expected one entry for each in all"
        )
    for number, (t, unit) in enumerate(zip(rows["times"], rows["units"])):
        if len(t) != len(unit):
            raise ValueError(
                f"recording {number} has {len(t)} times and {len(unit)} units; expected as many"
            )
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for name, kind in (("times", np.float32), ("units", np.uint16)):
            place = f"spikes/{name}"
            made = file.create_dataset(place, (len(rows[name]),), h5py.vlen_dtype(kind))
            for number, one in enumerate(rows[name]):
                made[number] = one.astype(kind)
        for name, numbers in others.items():
            file[name] = numbers.astype(np.uint16)
        if words is not None:
            file["extra/keys"] = list(words)
    write_whole(Path(path), image.getvalue())
    return Path(path)


def is_spoken(path: Path) -> bool:
    """Whether an HDF5 file is of this form."""
    with Hdf5(path, "recordings") as file:
        return holds_spoken(file.names()) and file.has("spikes/times")


_open: dict[tuple, SpokenFile | TorchNeuromorphic] = {}  # the one that was asked last


def opened(
    path: Path, changed: tuple[int, ...], sensor: tuple[int, ...] | None, time: str | None
) -> SpokenFile | TorchNeuromorphic:
    """A file of many recordings, of this form or torchneuromorphic's, that are read one after the
    other: it stays open until another one is asked, or `forget`. changed: what the system says of
    the file, so that another one under its name is opened."""
    key = path, changed, sensor, time
    if key not in _open:
        forget()
        spoken = is_spoken(path)
        units = number_of(sensor, str(path)) if spoken else None
        _open[key] = SpokenFile(path, units, time) if spoken else TorchNeuromorphic(path)
    return _open[key]


def forget() -> None:
    """Close the file that `opened` left open: while it is, HDF5 lets nobody write it again."""
    while _open:
        _open.popitem()[1].close()


def holds_spoken(names: list[str] | None) -> bool:
    """Whether a file with these names at its top is of this form."""
    return {"spikes", "labels"} <= set(names or ())
