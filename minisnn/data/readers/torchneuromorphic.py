"""Event recordings in the HDF5 files of torchneuromorphic (Neftci's group; n_mnist.hdf5,
dvssign.hdf5).

    data/<key>/times    uint32 (N,), microseconds
    data/<key>/addrs    uint8 (N, 3): polarity, x, y
    data/<key>/labels   one whole number, the class
    extra/train_keys, extra/test_keys                       the keys of a split, in the order of recording
    extra/train_keys_by_label, extra/test_keys_by_label     (labels, n): a row of keys a class, filled up by -1; may be missing

Links out of the file, or out of the place where a name stands, are refused, and sizes are looked at
before anything of them is allocated.
"""

from pathlib import Path

import numpy as np

from .events import check_events, event_array
from .hdf5 import Hdf5, naming

SENSORS = {"n_mnist.hdf5": (34, 34), "dvssign.hdf5": (180, 240)}  # rows, columns
# of one recording: 100 ms at the largest rate of these sensors are a third of it
MOST_EVENTS = 4_000_000
MOST_KEYS = 1_000_000
WHAT = "a torchneuromorphic file"


class TorchNeuromorphic(Hdf5):
    """An open file of recordings; use it in a `with` statement, or close it.

    Raises ValueError, naming the file, where it is not such a file or damaged, and
    FileNotFoundError where it is missing.
    """

    def __init__(self, path: str | Path):
        super().__init__(path, WHAT)
        self.path = Path(path)

    def listed(self) -> list[tuple[int, str, None, str]]:
        """(key, class, None, split) of every recording, those that train first."""
        with naming(self.path, WHAT):
            found = [
                (key, str(label), None, split)
                for split in ("train", "test")
                for key, label in self._labelled(split)
            ]
            if len({key for key, *_ in found}) != len(found):
                raise ValueError("extra names a recording twice; expected each in one split, once")
        return found

    def _labelled(self, split: str) -> list[tuple[int, int]]:
        """(key, class) of a split, in the order of its keys; from the table of keys by class where
        there is one of all of them, which is far quicker than to ask each recording."""
        keys = self._whole(f"extra/{split}_keys", MOST_KEYS).reshape(-1).tolist()
        label_of: dict[int, int] = {}
        name = f"extra/{split}_keys_by_label"
        if self.has(name):
            table = self._whole(name, MOST_KEYS).tolist()
            label_of = {key: label for label, row in enumerate(table) for key in row}
        if not label_of.keys() >= set(keys):
            label_of = {key: self._label(key) for key in keys}
        return [(key, label_of[key]) for key in keys]

    def _label(self, key: int) -> int:
        labels = np.unique(self._whole(f"data/{key}/labels", MOST_EVENTS)).tolist()
        if len(labels) != 1:
            raise ValueError(f"data/{key}/labels holds {labels[:5]}; expected one label")
        return labels[0]

    def read(self, key: int) -> np.ndarray:
        """Events of one recording (dtype EVENT), sorted by time; events of one time keep their
        order."""
        with naming(self.path, WHAT):
            times = self._whole(f"data/{key}/times", MOST_EVENTS)
            addresses = self._whole(f"data/{key}/addrs", 3 * MOST_EVENTS)
            if addresses.shape != (times.size, 3) or not times.size:
                raise ValueError(
                    f"data/{key} has times of shape {times.shape} and addrs of {addresses.shape}; "
                    "expected (N,) and (N, 3), polarity, x and y of each event"
                )
            p, x, y = addresses.T
            with naming(f"{self.path}: data/{key}"):
                events = event_array(x, y, times, p)
                check_events(events, SENSORS.get(self.path.name))
        return events

    def _whole(self, name: str, most: int) -> np.ndarray:
        """A data set of whole numbers."""
        values = self.array(name, most)
        if values.size and values.dtype.kind not in "iu":  # an empty list is stored as floats
            raise ValueError(f"{name} has type {values.dtype}; expected whole numbers")
        return values
