"""Event recordings in the HDF5 files of torchneuromorphic (Neftci's group; n_mnist.hdf5,
dvssign.hdf5).

    data/<key>/times    uint32 (N,), microseconds
    data/<key>/addrs    uint8 (N, 3): polarity, x, y
    data/<key>/labels   one whole number, the class
    extra/train_keys, extra/test_keys                       the keys of a split, in the order of recording
    extra/train_keys_by_label, extra/test_keys_by_label     (labels, n): a row of keys a class, filled up by -1; may be missing
"""

from pathlib import Path

import numpy as np

from .arrays import MOST_EVENTS
from .events import check_events, event_array
from .hdf5 import Hdf5, naming

SENSORS = {"n_mnist.hdf5": (34, 34), "dvssign.hdf5": (180, 240)}  # rows, columns
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
        found = []
        with naming(self.path, WHAT):
            for split in ("train", "test"):
                label_of: dict[int, int] = {}
                # asking each recording takes far longer
                if self.has(table := f"extra/{split}_keys_by_label"):
                    rows = enumerate(self.array(table, MOST_EVENTS).tolist())
                    label_of = {key: label for label, row in rows for key in row}
                for key in self.array(f"extra/{split}_keys", MOST_EVENTS).ravel().tolist():
                    label = label_of[key] if key in label_of else self._label(key)
                    found.append((key, str(label), None, split))
            if len({key for key, *_ in found}) != len(found):
                raise ValueError("extra names a recording twice; expected each in one split, once")
        return found

    def _label(self, key: int) -> int:
        labels = np.unique(self.array(f"data/{key}/labels", MOST_EVENTS)).tolist()
        if len(labels) != 1:
            raise ValueError(f"data/{key}/labels holds {labels[:5]}; expected one label")
        return labels[0]

    def read(self, key: int) -> np.ndarray:
        """Events of one recording (dtype EVENT), sorted by time; events of one time keep their
        order."""
        with naming(self.path, WHAT), naming(f"{self.path}: data/{key}"):
            p, x, y = self.array(f"data/{key}/addrs", 3 * MOST_EVENTS).T
            events = event_array(x, y, self.array(f"data/{key}/times", MOST_EVENTS), p)
            check_events(events, SENSORS.get(self.path.name))
        return events
