"""Event recordings in the HDF5 files of torchneuromorphic (Neftci's group; n_mnist.hdf5,
dvssign.hdf5).

    data/<key>/times    uint32 (N,), microseconds
    data/<key>/addrs    uint8 (N, 3): polarity, x, y
    data/<key>/labels   one whole number, the class
    extra/train_keys, extra/test_keys                       the keys of a split, in the order of recording
    extra/train_keys_by_label, extra/test_keys_by_label     (labels, n): a row of keys a class, filled up by -1; may be missing
    attributes N, Ntrain, Ntest of extra                    numbers of recordings; may be missing, then nothing is lost

Links out of the file, or out of the place where a name stands, are refused, and sizes are looked at
before anything of them is allocated.
"""

from pathlib import Path

import numpy as np

from ...arguments import need, shown
from .events import check_events, event_array
from .hdf5 import Hdf5, naming

SENSORS = {"n_mnist.hdf5": (34, 34), "dvssign.hdf5": (180, 240)}  # rows, columns
# of one recording: 100 ms at the largest rate of these sensors are a third of it
MOST_EVENTS = 4_000_000
MOST_KEYS = 1_000_000
WHAT = "a torchneuromorphic file"


class TorchNeuromorphic:
    """An open file of recordings; use it in a `with` statement, or close it.

    path    the file
    shape   rows and columns of the sensor, which events must not leave; None: those of SENSORS
            where the file has one of its names, else none are asked for

    Raises ValueError, naming the file, where it is not such a file or damaged, and
    FileNotFoundError where it is missing.
    """

    def __init__(self, path: str | Path, shape: tuple[int, int] | None = None):
        self.path = Path(path)
        self.shape = SENSORS.get(self.path.name) if shape is None else shape
        self._file = Hdf5(self.path, WHAT)
        try:
            with naming(self.path, WHAT):
                self._keys = {split: self._keys_of(split) for split in ("train", "test")}
                both = np.intersect1d(self._keys["train"], self._keys["test"])
                if both.size:
                    raise ValueError(
                        f"recording {both[0]} is in extra/train_keys and in extra/test_keys; "
                        "expected it in one of them"
                    )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "TorchNeuromorphic":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the file up."""
        self._file.close()

    def __len__(self) -> int:
        """Number of recordings of both splits."""
        return sum(map(len, self._keys.values()))

    def keys(self, split: str) -> np.ndarray:
        """Keys of the recordings of a split, "train" or "test": int64 (n,)."""
        need("split", shown(split), split in self._keys, "'train' or 'test'")
        return self._keys[split].copy()

    def labelled(self, split: str) -> list[tuple[int, int]]:
        """(key, class) of every recording of a split, in the order of its keys; from the table of
        keys by class where there is one of all of them, which is far quicker than to ask each
        recording."""
        keys = self.keys(split).tolist()
        name = f"extra/{split}_keys_by_label"
        if self._file.has(name):
            with naming(self.path, WHAT):
                table = self._whole(name, 2)
            label_of = {key: label for label, row in enumerate(table.tolist()) for key in row}
            stray = label_of.keys() - {*keys} - {-1}
            if any(key >= 0 for key in stray):
                raise ValueError(
                    f"{self.path}: {name} holds the key {max(stray)}; expected keys of "
                    f"extra/{split}_keys"
                )
            if label_of.keys() >= {*keys}:
                return [(key, label_of[key]) for key in keys]
        return [(key, self.label(key)) for key in keys]

    def label(self, key: int) -> int:
        """The class of one recording."""
        with naming(self.path, WHAT):
            values = self._whole(f"data/{key}/labels", None).reshape(-1)
            if values.size < 1 or np.any(values != values[0]) or values[0] < 0:
                raise ValueError(
                    f"data/{key}/labels holds {values[:5].tolist()}; expected one label from 0 on"
                )
        return int(values[0])

    def read(self, key: int) -> np.ndarray:
        """Events of one recording (dtype EVENT), sorted by time; events of one time keep their
        order.

        Raises ValueError, naming file and recording, where it is absent, empty, or not as the
        file's format says.
        """
        place = f"data/{key}"
        with naming(self.path, WHAT):
            times = self._whole(f"{place}/times", 1)
            addresses = self._whole(f"{place}/addrs", 2)
            if addresses.shape != (len(times), 3):
                raise ValueError(
                    f"{place}/addrs has shape {addresses.shape}; expected ({len(times)}, 3), "
                    "polarity, x and y of each of its times"
                )
            if not times.size:
                raise ValueError(f"{place} has no events; expected at least one")
        with naming(f"{self.path}: {place}", WHAT):
            events = event_array(addresses[:, 1], addresses[:, 2], times, addresses[:, 0])
            check_events(events, self.shape)
        return events

    def _keys_of(self, split: str) -> np.ndarray:
        name = f"extra/{split}_keys"
        keys = self._whole(name, 1)
        if len(np.unique(keys)) != len(keys):
            raise ValueError(f"{name} names a recording twice; expected each once")
        names = self._file.names("data")
        if names is None:
            raise ValueError("there is no group data; expected data/<key>/times, addrs and labels")
        absent = {*map(str, keys.tolist())} - {*names}
        if absent:
            raise ValueError(
                f"{name} holds the key {min(absent)}, but there is no data/{min(absent)}; the file "
                "is incomplete"
            )
        return keys

    def _whole(self, name: str, dimensions: int | None) -> np.ndarray:
        """A data set of whole numbers, int64."""
        values = self._file.array(name, MOST_KEYS if name[0] == "e" else 3 * MOST_EVENTS)
        if not values.size and values.dtype.kind == "f":  # h5py stores an empty list as floats
            values = values.astype(np.int64)
        if values.dtype.kind not in "iu" or dimensions is not None and values.ndim != dimensions:
            axes = "" if dimensions is None else f" with {dimensions} axes"
            raise ValueError(
                f"{name} has type {values.dtype} and shape {values.shape}; expected whole "
                f"numbers{axes}"
            )
        if values.size and values.max() > np.iinfo(np.int64).max:
            raise ValueError(f"{name} reaches {values.max()}; expected numbers of 63 bits")
        return values.astype(np.int64)
