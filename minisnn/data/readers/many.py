"""HDF5 files of many recordings. Torchneuromorphic's (Neftci's group; n_mnist.hdf5, dvssign.hdf5):

    data/<key>/times    uint32 (N,), microseconds
    data/<key>/addrs    uint8 (N, 3): polarity, x, y
    data/<key>/labels   one whole number, the class
    extra/train_keys, extra/test_keys                       the keys of a split, in the order of recording
    extra/train_keys_by_label, extra/test_keys_by_label     (labels, n): a row of keys a class, filled up by -1; may be missing

And those of the Heidelberg spiking data sets, SHD and SSC, recordings of (time, unit), and files of
this form. Cramer, Stradmann, Schemmel & Zenke 2022, "The Heidelberg spiking data sets for the
systematic evaluation of spiking neural networks", IEEE TNNLS 33:2744. A row of each data set is a
recording:

    spikes/times    arrays of any length, seconds from the recording's beginning (float16 or
                    float32)
    spikes/units    whole numbers, the same number of them, 0 to 699: channels of an artificial
                    cochlea, low to high
    labels          whole numbers, one for each word
    extra/keys      the words, in the order of their labels; otherwise words are named by number
    extra/speaker   numbers or texts, who speaks; may be missing

Such a file does not state its unit of time. Words that last longer than LONGEST_S or shorter than
SHORTEST_S, read as seconds, raise ValueError, and the message names the unit that would fit.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...arguments import need, one_of
from .arrays import MOST_EVENTS
from .columns import UNITS as FACTORS
from .columns import check_row
from .events import check_events, event_array
from .hdf5 import Hdf5, naming

SENSORS = {"n_mnist.hdf5": (34, 34), "dvssign.hdf5": (180, 240)}  # rows, columns
UNITS = 700
LONGEST_S, SHORTEST_S = 10.0, 0.02  # largest and smallest length of a word's recording
TELLING = 20  # spikes that show the length of a recording; fewer may all be at its beginning
WHAT = "recordings of (time, unit) as SHD has them: spikes/times, spikes/units and labels"


class TorchNeuromorphic(Hdf5):
    """An open file of recordings in torchneuromorphic's form.

    Raises ValueError, naming the file, if it is damaged or not such a file, and FileNotFoundError
    if it is missing.
    """

    def __init__(self, path: str | Path):
        super().__init__(path, "a torchneuromorphic file")

    def listed(self) -> list[tuple[int, str, None, str]]:
        """List (key, class, None, split) for every recording, training recordings first."""
        found = []
        with naming(self.path, "a torchneuromorphic file"):
            for split in ("train", "test"):
                label_of: dict[int, int] = {}
                # reading each recording's label takes far longer
                if self.has(table := f"extra/{split}_keys_by_label"):
                    rows = enumerate(self.array(table, MOST_EVENTS).tolist())
                    label_of = {key: label for label, row in rows for key in row}
                for key in self.array(f"extra/{split}_keys", MOST_EVENTS).ravel().tolist():
                    if key not in label_of:
                        labels = np.unique(self.array(f"data/{key}/labels", MOST_EVENTS)).tolist()
                        need(f"data/{key}/labels", labels[:5], len(labels) == 1, "one label")
                        label_of[key] = labels[0]
                    found.append((key, str(label_of[key]), None, split))
            if len({key for key, *_ in found}) != len(found):
                raise ValueError("extra names a recording twice; expected each in one split, once")
        return found

    def read(self, key: int) -> np.ndarray:
        """Read one recording's events (dtype EVENT), sorted by time; simultaneous events keep their
        order."""
        with naming(f"{self.path}: data/{key}", "a recording of torchneuromorphic"):
            p, x, y = self.array(f"data/{key}/addrs", 3 * MOST_EVENTS).T
            events = event_array(x, y, self.array(f"data/{key}/times", MOST_EVENTS), p)
            check_events(events, SENSORS.get(self.path.name))
        return events


class SpokenFile(Hdf5):
    """An open file of spoken words; use it in a `with` statement, or drop it.

    path    the file
    units   number of units; None: 700
    time    unit of the times, if not seconds: "ns", "us" or "ms"; "s" accepts seconds for
            recordings of any length

    labels, words, speakers   (N,) numbers of the words, their names, and the speakers (texts), None
                              if the file does not name them

    Raises ValueError, naming the file, if it is damaged or not such a file, and FileNotFoundError
    if it is missing.
    """

    def __init__(self, path: str | Path, units: int | None = None, time: str | None = None):
        one_of("time", time or "s", FACTORS)
        super().__init__(path, WHAT)
        self.units = units or UNITS
        self.time = time
        with naming(self.path, WHAT):
            labels = np.ravel(self.array("labels", MOST_EVENTS))
            good = labels.dtype.kind in "iu" and labels.min() >= 0
            need("labels", labels[:5].tolist(), good, "whole numbers from 0 on")
            self.words = self.texts("extra/keys") or [str(k) for k in range(int(labels.max()) + 1)]
            if labels.max() >= len(set(self.words)):
                raise ValueError(
                    f"labels reach {labels.max()}; there are {len(set(self.words))} words"
                )
            self.labels = labels.astype(np.int64)
            self.speakers = self.texts("extra/speaker")
            found = [self.find(f"spikes/{name}") for name in ("times", "units")]
            need("spikes", self.names("spikes"), None not in found, "times and units")
            rows = [len(part) for part in (*found, self.speakers or labels)]
            each = f"of {len(labels)} recordings, as labels"
            need("the length of times, units and speakers", rows, set(rows) == {len(labels)}, each)

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.labels)

    def listed(self) -> list[tuple[int, str, str | None, None]]:
        """List (number, word, speaker, None) for every recording."""
        who: Sequence[str | None] = self.speakers or [None] * len(self)
        return [(k, self.words[label], who[k], None) for k, label in enumerate(self.labels)]

    def read(self, number: int) -> np.ndarray:
        """Read one recording's events (dtype EVENT, in one row: x is the unit), sorted by time, in
        microseconds from its beginning; simultaneous events keep their order.

        Raises ValueError, naming file and recording, if units and times differ in number, a time is
        negative or not finite, a unit does not exist, or the times cannot be in their unit.
        """
        with naming(f"{self.path}: recording {number}", WHAT):
            t = self.array("spikes/times", MOST_EVENTS, int(number)).astype(np.float64)
            unit = self.array("spikes/units", MOST_EVENTS, int(number))
            none = np.zeros(len(t), int)
            events = event_array(unit, none, np.rint(t * FACTORS[self.time or "s"]), none + 1)
            check_events(events, (1, self.units))
            if len(t):
                need("the first time", t.min(), t.min() >= 0, "0, its beginning, or later")
                self._check_length(len(t), float(t.max()))
        return events

    def _check_length(self, number: int, last: float) -> None:
        seconds = {unit: last * FACTORS[unit] / 1e6 for unit in ("ms", "us", "ns", "s")}
        fits = [unit for unit, length in seconds.items() if SHORTEST_S <= length <= LONGEST_S]
        if self.time is None and last > LONGEST_S:
            raise ValueError(
                f"times reach {last:,.6g}, but no word lasts that many seconds, the unit of this "
                f"format{f'; they look like {fits[0]}' * bool(fits)}: give --time "
                f"{(fits or ['s'])[0]}, or --time s if they are right"
            )
        short = self.time is not None and seconds[self.time] < SHORTEST_S
        if short and number >= TELLING and "s" in fits:
            raise ValueError(f"times reach {last:.6g} {self.time}; they look like s: no --time")


def is_spoken(path: Path) -> bool:
    """Return whether an HDF5 file has SHD's form."""
    with naming(path, "recordings"), Hdf5(path, "recordings") as file:
        return file.has("labels") and file.has("spikes/times")


def opened(
    path: Path, sensor: tuple[int, ...] | None = None, time: str | None = None
) -> SpokenFile | TorchNeuromorphic:
    """Open a file of many recordings; it stays open until another one is opened, the file is
    replaced, or `forget` is called."""
    status = os.stat(path)
    return _opened(path, (status.st_size, status.st_mtime_ns, status.st_ino), sensor, time)


@lru_cache(1)
def _opened(
    path: Path, _: tuple, sensor: tuple[int, ...] | None, time: str | None
) -> SpokenFile | TorchNeuromorphic:
    if not is_spoken(path):
        return TorchNeuromorphic(path)
    with naming(path):
        check_row(sensor)
    return SpokenFile(path, sensor[0] if sensor else None, time)


forget = _opened.cache_clear  # HDF5 allows nobody to rewrite a file while it is open
