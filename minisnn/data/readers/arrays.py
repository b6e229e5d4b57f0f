"""Read one recording from a file, as an array or as columns by name. Nothing in the file is
executed, and there is a limit on what is unpacked.

.npy, .npz    one array, or several by name
.csv, .txt    columns by name in the first line, or in an order that is given, separated by commas, semicolons, tabs or blanks
.h5, .hdf5    a group `events`, CD/events or `spikes`, or the file itself, with a data set for each column, by
              a name that `columns` knows; or a table, a data set `events`: with named columns, or
              (N, 4) without, whose order `columns` gives
"""

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...arguments import need
from ...files import read_whole, size_of
from .columns import ACCEPTED, ORDER, columns_of, name_of, names_in, order_of
from .hdf5 import Hdf5, naming

SETS = (".hdf5", ".h5")
EVENTS = "events"  # name of the array of events, if there are several
MOST_BYTES = 1 << 31  # bytes of a file, packed or unpacked: 60 million events
Held = np.ndarray | Mapping[str, np.ndarray]
MOST_EVENTS = 4_000_000  # most events in a recording
PLACES = ("events", "CD/events", "spikes", "")
WHAT = "a recording in HDF5"
LARGEST = 1 << 33  # bytes of text
NUMBERS = re.compile(r"(?i:[-+.,;\s\de]|true|false)*")  # a first line without names


def load(path: Path, *wanted: str) -> Any:
    """Read the array of an .npy file, or those `wanted` of an .npz file, by name."""
    size_of(path, "a NumPy file", MOST_BYTES)
    held = np.load(path, allow_pickle=False)
    if isinstance(held, np.ndarray):
        return held
    with held:
        return {name: held[name] for name in held.files if not wanted or name in wanted}


def read_arrays(path: Path) -> Held:
    """Read an array of events, or columns by name, from an .npy or .npz file. If there are several
    arrays, the one called `events` is read. Raises ValueError if the file is damaged or contains
    Python objects."""
    arrays = load(path)
    if isinstance(arrays, np.ndarray) or columns_of(arrays):
        return arrays
    return arrays.get(EVENTS, next(iter(arrays.values())) if len(arrays) == 1 else arrays)


def sensor_of_npz(path: Path) -> tuple[int, ...] | None:
    """Read the array `sensor` of an .npz file; None if there is none."""
    sensor = load(path, "sensor").get("sensor", np.zeros(0))
    good = sensor.dtype.kind in "iu" and sensor.shape in ((1,), (2,))
    return tuple(map(int, sensor)) if good else None


def read_hdf5(path: Path) -> Held:
    """Read an array of events, or columns by name, from an HDF5 file of one recording.

    Raises ValueError if it holds none, or several.
    """
    with Hdf5(path, WHAT) as file:
        inside = file.names()
        if holds_many(inside):
            raise ValueError("holds many recordings; expected one, or its name as a data set's")
        for place in PLACES:
            if file.has(place):
                return file.array(place, 4 * MOST_EVENTS)
            names = [name for name in file.names(place) if name_of(name)]
            if columns_of(names):
                return {name: file.array(f"{place}/{name}", MOST_EVENTS).ravel() for name in names}
    raise ValueError(
        f"holds {', '.join(inside)[:200] or 'nothing'}; expected events with x, y, t and p, as data "
        f"sets of a group or columns of a table ({ACCEPTED}), or a set as torchneuromorphic or SHD "
        "has it"
    )


def read_table(path: Path, columns: str | None = None) -> dict[str, np.ndarray]:
    """Read the columns of a text table by name, as numbers; True and False are 1 and 0.

    columns   their names in order, if the first line has no names or others

    Raises ValueError if a row has more or fewer values than there are names, if a value is not a
    number, or if there are no names.
    """
    text = read_whole(path, "a table of events", LARGEST).removeprefix(b"\xef\xbb\xbf")
    first, _, rest = text.partition(b"\n")
    head = first.decode("utf-8", "replace").strip().lstrip("#").strip()
    mark = next((one for one in ",;\t" if one in head), None)
    names = [name.strip().strip('"') for name in head.split(mark)]
    if columns_of(names) is None:
        expected = f"the names of its columns ({ACCEPTED}), or {ORDER}"
        need("the first line", head[:150], columns is not None, expected)
        rest = text if NUMBERS.fullmatch(head) else rest
        names = order_of(columns, names)
    rows = io.BytesIO(rest.lower().replace(b"true", b"1").replace(b"false", b"0"))
    table = np.zeros((0, len(names)))
    if rest.strip():  # float64 holds times to 0.3 us, also those of nanoseconds since 1970
        table = np.loadtxt(rows, comments=None, delimiter=mark, ndmin=2)
    number = table.shape[1]
    expected = f"one for each of {', '.join(names)}"
    need("the number of columns", number, number == len(names), expected)
    return dict(zip(reversed(names), reversed(table.T)))  # if names repeat, the first counts


def holds_many(names: list[str]) -> bool:
    """Return whether an HDF5 file with these names at its top holds a set of recordings in the form
    of torchneuromorphic or SHD."""
    return {"data", "extra"} <= set(names) or {"spikes", "labels"} <= set(names)


def holds_set(path: Path) -> bool:
    """Return whether this is an HDF5 file of many recordings, in the form of torchneuromorphic or
    SHD."""
    if path.suffix.lower() in SETS and path.is_file():
        with suppress(ValueError), naming(path), Hdf5(path, WHAT) as file:
            return holds_many(file.names())
    return False


def holds_events(path: Path, ordered: bool = False) -> bool:
    """Return whether a NumPy file contains columns of events: either named columns, or an unnamed
    array (N, 4), or one with more columns if their order is given (`ordered`). Any HDF5 file other
    than a checkpoint counts."""
    with suppress(ValueError, OSError, EOFError):
        if path.suffix.lower() in SETS:
            with naming(path), Hdf5(path, WHAT) as file:
                return "network" not in file.file.attrs
        held = read_arrays(path)
        names = names_in(held)
        if names or isinstance(held, Mapping):
            return columns_of(names) is not None or not isinstance(held, Mapping) and len(names) > 3
        return held.ndim == 2 and (held.shape[1] == 4 or ordered and held.shape[1] > 1)
    return False
