"""Event recordings in the HDF5 files of torchneuromorphic (Neftci's group; n_mnist.hdf5,
dvssign.hdf5).

    data/<key>/times    uint32 (N,), microseconds
    data/<key>/addrs    uint8 (N, 3): polarity, x, y
    data/<key>/labels   one whole number, the class
    extra/train_keys, extra/test_keys                       the keys of a split, in the order of recording
    extra/train_keys_by_label, extra/test_keys_by_label     (labels, n): a row of keys a class; old files lack them
    attributes N, Ntrain, Ntest of extra                    numbers of recordings; may be missing, then nothing is lost

Links out of the file, or out of the place where a name stands, are refused, and sizes are looked at
before anything of them is allocated.
"""

from pathlib import Path

import numpy as np

from ...parallel.arguments import need, shown
from .events import check_events, event_array
from .hdf5 import Hdf5

SENSORS = {"n_mnist.hdf5": (34, 34), "dvssign.hdf5": (180, 240)}  # rows, columns
MOST_EVENTS = (
    4_000_000  # of one recording: 100 ms at the largest rate of these sensors are a third of it
)
MOST_KEYS = 1_000_000


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
        self._file = Hdf5(self.path, "a torchneuromorphic file")
        try:
            self._keys = {
                split: self._whole(f"extra/{split}_keys", 1) for split in ("train", "test")
            }
            for split, keys in self._keys.items():
                self._check_keys(f"extra/{split}_keys", keys)
                if len(np.unique(keys)) != len(keys):
                    raise ValueError(
                        f"{self.path}: extra/{split}_keys names a recording twice; expected each "
                        "once"
                    )
            both = np.intersect1d(self._keys["train"], self._keys["test"])
            if both.size:
                raise ValueError(
                    f"{self.path}: recording {both[0]} is in extra/train_keys and in "
                    "extra/test_keys; expected it in one of them"
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

    def keys(self, split: str, label: int | None = None) -> np.ndarray:
        """Keys of the recordings of a split, "train" or "test", or of one class of it: int64 (n,).

        A class comes from extra/<split>_keys_by_label where the file has it (a row a class, or a
        group of one data set a class; keys below zero fill up short rows), else from the label of
        every recording of the split. Raises ValueError where the split is another, or the file has
        no such class or a key without a recording.
        """
        need("split", shown(split), split in self._keys, "'train' or 'test'")
        if label is None:
            return self._keys[split].copy()
        _check_whole("label", label)
        name = f"extra/{split}_keys_by_label"
        self._check_open()
        groups = self._file.names(name)
        if groups is None and not self._file.has(name):
            keys = self._keys[split]
            return keys[[self.label(key) == label for key in keys]] if keys.size else keys.copy()
        if groups is not None:
            keys = self._whole(f"{name}/{int(label)}", 1)
        else:
            table = self._whole(name, 2)
            if label >= len(table):
                raise ValueError(
                    f"{self.path}: {name} has {len(table)} rows; expected one for label {label}"
                )
            keys = table[label]
        keys = keys[keys >= 0]
        stray = np.setdiff1d(keys, self._keys[split])
        if stray.size:
            raise ValueError(
                f"{self.path}: {name} holds the key {stray[0]} for label {label}; expected "
                f"keys of extra/{split}_keys"
            )
        return keys

    def labelled(self, split: str) -> list[tuple[int, int]]:
        """(key, class) of every recording of a split, in the order of its keys; from the table of
        keys by class where there is one of all of them, which is far quicker than to ask each
        recording."""
        keys = self.keys(split)
        name = f"extra/{split}_keys_by_label"
        if self._file.has(name):
            of = {
                int(key): label
                for label in range(len(self._whole(name, 2)))
                for key in self.keys(split, label)
            }
            if len(of) == len(keys):
                return [(int(key), of[int(key)]) for key in keys]
        return [(int(key), self.label(key)) for key in keys]

    def label(self, key: int) -> int:
        """The class of one recording."""
        values = self._whole(f"{self._place(key)}/labels", None).reshape(-1)
        if values.size < 1 or np.any(values != values[0]) or values[0] < 0:
            raise ValueError(
                f"{self.path}: {self._place(key)}/labels holds {values[:5].tolist()}; expected "
                "one label from 0 on"
            )
        return int(values[0])

    def read(self, key: int) -> np.ndarray:
        """Events of one recording (dtype EVENT), sorted by time; events of one time keep their
        order.

        Raises ValueError, naming file and recording, where it is absent, empty, or not as the
        file's format says.
        """
        place = self._place(key)
        times = self._whole(f"{place}/times", 1)
        addresses = self._whole(f"{place}/addrs", 2)
        if addresses.shape != (len(times), 3):
            raise ValueError(
                f"{self.path}: {place}/addrs has shape {addresses.shape}; expected "
                f"({len(times)}, 3), polarity, x and y of each of its times"
            )
        if not times.size:
            raise ValueError(f"{self.path}: {place} has no events; expected at least one")
        try:
            events = event_array(addresses[:, 1], addresses[:, 2], times, addresses[:, 0])
            check_events(events, self.shape)
        except ValueError as error:
            raise ValueError(f"{self.path}: {place}: {error}") from None
        return events

    def _place(self, key: int) -> str:
        _check_whole("key", key)
        return f"data/{int(key)}"

    def _whole(self, name: str, dimensions: int | None) -> np.ndarray:
        """A data set of whole numbers, int64."""
        self._check_open()
        most = MOST_KEYS if name.startswith("extra/") else 3 * MOST_EVENTS
        values = self._file.array(name, most)
        if not values.size and values.dtype.kind == "f":  # h5py stores an empty list as floats
            values = values.astype(np.int64)
        if values.dtype.kind not in "iu" or dimensions is not None and values.ndim != dimensions:
            found = f"{name} has type {values.dtype} and shape {values.shape}"
            axes = "" if dimensions is None else f" with {dimensions} axes"
            raise ValueError(f"{self.path}: {found}; expected whole numbers{axes}")
        if values.size and values.max() > np.iinfo(np.int64).max:
            raise ValueError(
                f"{self.path}: {name} reaches {values.max()}; expected at most "
                f"{np.iinfo(np.int64).max}"
            )
        return values.astype(np.int64)

    def _check_open(self) -> None:
        if not self._file:
            raise ValueError(f"{self.path}: the file has been closed; expected an open one")

    def _check_keys(self, name: str, keys: np.ndarray) -> None:
        data = self._file.names("data")
        if data is None:
            raise ValueError(
                f"{self.path}: there is no group data; expected data/<key>/times, addrs and labels"
            )
        known = set(data)
        for key in keys.tolist():
            if str(key) not in known:
                raise ValueError(
                    f"{self.path}: {name} holds the key {key}, but there is no data/{key}; the "
                    "file is incomplete"
                )


def _check_whole(name: str, value: object) -> None:
    good = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 0
    need(name, shown(value), good, "a whole number from 0 on")
