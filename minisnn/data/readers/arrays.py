"""Read one recording from a file, as an array or as columns by name. Nothing in the file is
executed.

.npy, .npz    one array, or several by name
.csv, .txt    columns by name in the first line, or in an order that is given, separated by commas, semicolons, tabs or blanks
.h5, .hdf5    a group `events`, CD/events or `spikes`, or the file itself, with a data set for each column, by
              a name that `columns` knows; or a table, a data set `events`: with named columns, or
              (N, 4) without, whose order `columns` gives
"""

import io
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...arguments import need
from ...files import read_whole, size_of
from .columns import ACCEPTED, ORDER, Sensor, complete, meaning, order_of
from .hdf5 import dataset, values

EVENTS = "events"  # name of the array of events, if there are several
PLACES = ("events", "CD/events", "spikes", "/")
NUMBERS = re.compile(r"(?i:[-+.,;\s\de]|true|false)*")  # a first line without names


def load(path: Path, *wanted: str) -> Any:
    """Read the array of an .npy file, or those `wanted` of an .npz file, by name. Raises ValueError
    if the file is damaged or contains Python objects."""
    size_of(path, "a NumPy file")
    held = np.load(path, allow_pickle=False)
    if isinstance(held, np.ndarray):
        return held
    with held:
        return {name: held[name] for name in held.files if not wanted or name in wanted}


def read_arrays(path: Path) -> Any:
    """Read an array of events, or columns by name, from an .npy or .npz file. If there are several
    arrays, the one called `events` is read."""
    arrays = load(path)
    if isinstance(arrays, np.ndarray) or complete(arrays):
        return arrays
    return arrays.get(EVENTS, next(iter(arrays.values())) if len(arrays) == 1 else arrays)


def sensor_of_npz(path: Path) -> Sensor:
    """Read the array `sensor` of an .npz file; None if there is none."""
    sensor = load(path, "sensor").get("sensor", np.zeros(0))
    good = sensor.dtype.kind in "iu" and sensor.shape in ((1,), (2,))
    return tuple(map(int, sensor)) if good else None


def read_hdf5(path: Path) -> Any:
    """Read an array of events, or columns by name, from an HDF5 file of one recording. Raises
    ValueError if it holds none, or several."""
    import h5py

    size_of(path, "a recording in HDF5")
    with h5py.File(path) as file:
        if holds_many(file):
            raise ValueError("holds many recordings; expected one, or its name as a data set's")
        for place in PLACES:
            if dataset(file, place) is not None:
                return values(file, place)
            names = [name for name in file.get(place, ()) if meaning(name)[0]]
            if complete(names):
                return {name: values(file, f"{place}/{name}").ravel() for name in names}
        raise ValueError(
            f"holds {', '.join(file)[:200] or 'nothing'}; expected events with x, y, t and p, as "
            f"data sets of a group or columns of a table ({ACCEPTED}), or a set as torchneuromorphic "
            "or SHD has it"
        )


def holds_many(file: Any) -> bool:
    """Return whether an open h5py.File holds a set of recordings, in the form of torchneuromorphic
    or SHD."""
    return {"data", "extra"} <= set(file) or {"spikes", "labels"} <= set(file)


def read_table(path: Path, columns: str | None = None) -> dict[str, np.ndarray]:
    """Read the columns of a text table by name, as numbers; True and False are 1 and 0.

    columns   their names in order, if the first line has no names or others

    Raises ValueError if a row has more or fewer values than there are names, if a value is not a
    number, or if there are no names.
    """
    text = read_whole(path, "a table of events").removeprefix(b"\xef\xbb\xbf")
    first, _, rest = text.partition(b"\n")
    head = first.decode("utf-8", "replace").strip().lstrip("#").strip()
    mark = next((one for one in ",;\t" if one in head), None)
    names = [name.strip().strip('"') for name in head.split(mark)]
    if not complete(names):
        expected = f"the names of its columns ({ACCEPTED}), or {ORDER}"
        need("the first line", head[:150], columns is not None, expected)
        rest = text if NUMBERS.fullmatch(head) else rest
        names = order_of(columns or "", len(names))
    rows = io.BytesIO(rest.lower().replace(b"true", b"1").replace(b"false", b"0"))
    table = np.zeros((0, len(names)))
    if rest.strip():  # float64 holds times to 0.3 us, also those of nanoseconds since 1970
        table = np.loadtxt(rows, comments=None, delimiter=mark, ndmin=2)
    number = table.shape[1]
    expected = f"one for each of {', '.join(names)}"
    need("the number of columns", number, number == len(names), expected)
    return dict(zip(reversed(names), reversed(table.T)))  # if names repeat, the first counts


def kind_of_hdf5(path: Path) -> str:
    """Return what an HDF5 file holds: "set" of recordings (`holds_many`), "network" (a checkpoint),
    or else "recording"; "" if there is no such file, or it cannot be read."""
    import h5py

    if path.suffix.lower() in (".hdf5", ".h5") and path.is_file():
        with suppress(OSError), h5py.File(path) as file:
            other = "network" if "network" in file.attrs else "recording"
            return "set" if holds_many(file) else other
    return ""
