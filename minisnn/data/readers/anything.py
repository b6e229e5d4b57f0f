"""Readers of users' recordings from any camera, one in a file.

    .npy         a structured array with columns as `columns.NAMES` has them, or (N, 4) whose order is given
    .npz         one such array, or one named `events`, or the columns by name
    .csv, .txt   columns by name in the first line, or in an order that is given, between commas, semicolons, tabs or blanks
    .h5, .hdf5   events/x, y, t and p or a table `events`
    .bin, .bs2   of N-MNIST's form; .bin is of 34 x 34 pixels unless a sensor is given, of which .bs2 must be
    .mat         ASL-DVS
    .raw, .dat, .aedat4, .es   of cameras, by the library faery (extra `cameras`)

Columns t and unit instead of x, y, t and p make recordings of units instead of pixels (`columns`).
Nothing in a file is executed; every error names it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...arguments import need
from ...files import size_of
from .arrays import read_arrays, read_hdf5, read_table, sensor_of_npz
from .asl import SHAPE as ASL
from .asl import read_asl
from .columns import Sensor, as_picture
from .events import as_recording
from .hdf5 import naming
from .many import sensor_of_set
from .nmnist import SHAPE as NMNIST
from .nmnist import read_nmnist


def _bytes(path: Path, sensor: Sensor, columns: str | None) -> Any:
    if sensor is None and path.suffix.lower() == ".bs2":
        raise ValueError("does not state the size of its sensor; give --sensor ROWS,COLUMNS")
    return read_nmnist(path, as_picture(sensor or NMNIST))


def _camera(path: Path, sensor: Sensor, columns: str | None) -> Any:
    packets = list(_stream(path)) or [np.zeros(0, [(name, int) for name in ("t", "x", "y", "on")])]
    return np.concatenate(packets)


def _stream(path: Path) -> Any:
    """Open a stream of event packets with the library faery."""
    try:
        import faery
    except ImportError as error:
        install = "pip install 'minisnn[cameras]'"
        raise ValueError(
            f"files of cameras need the library faery; install it with: {install}"
        ) from error
    return faery.events_stream_from_file(str(path))


class Reader(NamedTuple):
    """A file format.

    read     returns an argument of `events.as_recording`, from a path, the sensor and the order of
             columns
    sensor   returns the sensor that a file states
    says     whether every file of this format states its unit of time and its columns
    """

    read: Callable[[Path, Sensor, str | None], Any]
    sensor: Callable[[Path], Sensor] = lambda path: None
    says: bool = False


_CAMERA = Reader(_camera, lambda path: _stream(path).dimensions()[::-1], says=True)
_HDF5 = Reader(lambda path, *_: read_hdf5(path), sensor_of_set)
_TEXT = Reader(lambda path, _, columns: read_table(path, columns))
READERS = {
    ".npy": Reader(lambda path, *_: read_arrays(path)),
    ".npz": Reader(lambda path, *_: read_arrays(path), sensor_of_npz),
    ".csv": _TEXT,
    ".txt": _TEXT,
    ".hdf5": _HDF5,
    ".h5": _HDF5,
    ".bin": Reader(_bytes, lambda path: NMNIST, says=True),
    ".bs2": Reader(_bytes, says=True),
    ".mat": Reader(lambda path, *_: read_asl(path), lambda path: ASL, says=True),
    **dict.fromkeys((".raw", ".dat", ".aedat4", ".es"), _CAMERA),
}
SUFFIXES = tuple(READERS)


def reader_of(path: Path) -> Reader:
    """Return the reader for a file's ending. Raises ValueError if there is none."""
    reader: Any = READERS.get(path.suffix.lower())
    need("its ending", path.suffix, reader, f"one of {', '.join(SUFFIXES)}")
    return reader


def read_events(
    path: str | Path,
    sensor: Sensor = None,
    time: str | None = None,
    columns: str | None = None,
    flip_y: bool = False,
) -> np.ndarray:
    """Read one recording's events (dtype EVENT), sorted by time (`times.check_clock`); events of
    units are in one row, where x is the unit.

    sensor    rows and columns of the sensor that recorded .bin and .bs2; None: N-MNIST's, of .bin
              only; (n,): a row of n units
    time      unit of the times in files whose format does not state it (`events.as_recording`)
    columns   "t,x,y,p", the order of the columns of arrays and text without names
    flip_y    whether y grows upwards in the file, so that row y of the sensor becomes rows - 1 - y

    Raises ValueError, naming the file, if it has no events or is damaged, or if its unit of time is
    not given and cannot be microseconds (`times`); FileNotFoundError if it is missing.

        >>> ms.write_nmnist("3.bin", ms.EventCamera().record(ms.load_digits().images[0], 0, 3))
        >>> ms.read_events("3.bin").dtype.names
        ('x', 'y', 't', 'p')
    """
    path = Path(path)
    with naming(path, "a recording"):
        reader = reader_of(path)
        size_of(path, "a recording")
        given = [f"--{name}" for name, value in dict(time=time, columns=columns).items() if value]
        need("an option", given, not (reader.says and given), "none, since such files state it")
        held = reader.read(path, sensor, columns)
        events = as_recording(held, sensor, "us" if reader.says else time, columns)
        if not events.size:
            raise ValueError("the recording has no events; expected at least one")
        return flipped(events, sensor or reader.sensor(path)) if flip_y else events


def flipped(events: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Turn the rows of a recording upside down. Raises ValueError if its sensor is not known."""
    need("sensor", sensor, sensor is not None, "rows and columns, since y is turned over in them")
    events["y"] = as_picture(sensor or ())[0] - 1 - events["y"]
    return events


def sensor_of(path: str | Path) -> Sensor:
    """Return the sensor's rows and columns, or (n,) for a row of n units such as SHD's 700, if the
    format or the file states them, as N-MNIST, ASL-DVS, .npz with `sensor` and camera files do."""
    with naming(path, "a recording"):
        return reader_of(Path(path)).sensor(Path(path))
