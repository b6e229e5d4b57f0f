"""Readers of users' recordings from any camera: one file, or a folder or an index of files.

    .npy         a structured array with columns as `columns.NAMES` has them, or (N, 4) whose order is given
    .npz         one such array, or one named `events`, or the columns by name
    .csv, .txt   columns by name in the first line, or in an order that is given, between commas, semicolons, tabs or blanks
    .h5, .hdf5   one recording, events/x, y, t and p or a table `events`; or all of a set, as torchneuromorphic or SHD has it
    .bin, .bs2   of N-MNIST's form; .bin is of 34 x 34 pixels unless a sensor is given, of which .bs2 must be
    .mat         ASL-DVS
    .raw, .dat, .aedat4, .es   of cameras, by the library faery (extra `cameras`)

Columns t and unit instead of x, y, t and p make recordings of units instead of pixels (`columns`).
Nothing in a file is executed; every error names it.
"""

import csv
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...arguments import need
from ...files import size_of
from .arrays import SETS, read_arrays, read_hdf5, read_table, sensor_of_npz
from .asl import SHAPE as ASL
from .asl import read_asl
from .columns import UNITS, as_picture, in_words
from .events import as_recording
from .hdf5 import naming
from .many import SENSORS, forget, is_spoken, opened
from .many import UNITS as SPOKEN_UNITS
from .nmnist import SHAPE as NMNIST
from .nmnist import read_nmnist
from .times import check_unit

INDEX = "index.csv"
NOTES = (".txt", ".csv")  # may be notes, where no recordings are expected
# names of splits, as folders or in the column
SPLITS = {name: name for name in ("train", "val", "test")} | dict(valid="val", validation="val")
Sensor = tuple[int, ...] | None  # rows and columns, or (n,) of a row of n units; None: not known


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


def _sensor_of_hdf5(path: Path) -> Sensor:
    return SENSORS.get(path.name) or ((SPOKEN_UNITS,) if is_spoken(path) else None)


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
_HDF5 = Reader(lambda path, *_: read_hdf5(path), _sensor_of_hdf5)
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


def read_events(
    path: str | Path,
    time: str | None = None,
    flip_y: int | None = None,
    sensor: Sensor = None,
    columns: str | None = None,
) -> np.ndarray:
    """Read one recording's events (dtype EVENT), sorted by time (`times.check_clock`); events of
    units are in one row, where x is the unit.

    time      unit of the times in files whose format does not state it (`events.as_events`)
    flip_y    rows of the sensor, where y grows upwards in the file: row y becomes flip_y - 1 - y
    sensor    rows and columns of the sensor that recorded .bin and .bs2; None: N-MNIST's, of .bin
              only; (n,): a row of n units
    columns   "t,x,y,p", the order of the columns of arrays and text without names

    Raises ValueError, naming the file, if it has no events or is damaged, or if its unit of time is
    not given and cannot be microseconds (`times`); FileNotFoundError if it is missing.
    """
    path = Path(path)
    with naming(path, "a recording"):
        reader: Any = READERS.get(path.suffix.lower())
        need("its ending", path.suffix, reader, f"one of {', '.join(SUFFIXES)}")
        size_of(path, "a recording", 1 << 62)
        time = "us" if reader.says else time
        events, known = as_recording(reader.read(path, sensor, columns), sensor, time, columns)
        if not events.size:
            raise ValueError("the recording has no events; expected at least one")
        if not known:
            check_unit(events, sensor)
    return _flipped(events, flip_y)


def _flipped(events: np.ndarray, rows: int | None) -> np.ndarray:
    if rows is not None:
        events = events.copy()
        events["y"] = rows - 1 - events["y"]
    return events


def sensor_of(path: str | Path) -> Sensor:
    """Return the sensor's rows and columns, or (n,) for a row of n units such as SHD's 700, if the
    format or the file states them, as N-MNIST, ASL-DVS, .npz with `sensor` and camera files do."""
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    with naming(path, "a recording"):
        return reader and reader.sensor(path)


class Entry(NamedTuple):
    """A recording of a data set: its file, its label, the interval of the file that it covers (in
    microseconds; None: all), its subject, the split named by its folder or row, and its key in a
    file of many recordings."""

    path: Path
    label: str
    start: int | None = None
    stop: int | None = None
    subject: str | None = None
    split: str | None = None
    key: int | None = None

    @property
    def name(self) -> str:
        """The recording's name, shared by its parts."""
        return str(self.path) if self.key is None else f"{self.path}: recording {self.key}"


def read_entry(
    entry: Entry,
    time: str | None = None,
    flip_y: int | None = None,
    sensor: Sensor = None,
    columns: str | None = None,
) -> np.ndarray:
    """Read the events of an entry, within its interval only; the options are those of
    `read_events`."""
    if entry.key is not None:
        held = opened(entry.path, sensor and tuple(sensor), time)
        return _flipped(held.read(entry.key), flip_y)
    events = read_events(entry.path, time, flip_y, sensor, columns)
    t = events["t"]
    start = t[0] if entry.start is None else entry.start
    stop = t[-1] + 1 if entry.stop is None else entry.stop
    part = events[slice(*np.searchsorted(t, (start, stop)))]
    if not part.size:
        raise ValueError(
            f"{entry.path}: no events from {start} to {stop} us; the recording has those from "
            f"{t[0]} to {t[-1]} us"
        )
    return part


def sensor_of_all(recordings: Sequence[Entry]) -> Sensor:
    """Return the rows and columns (or (n,)) of the sensor stated by the files; None if no file
    states one.

    Unreadable files are skipped here; reading their events raises the error. Raises ValueError,
    naming both files, if two files state different sensors.
    """
    known: dict[tuple[int, ...], Path] = {}
    for path in dict.fromkeys(recording.path for recording in recordings):
        with suppress(ValueError, OSError):
            if (sensor := sensor_of(path)) is not None:
                known.setdefault(sensor, path)
    if len(known) > 1:
        (sensor, path), (other, twin), *_ = known.items()
        raise ValueError(
            f"{twin} has a sensor of {in_words(other)}, {path} one of {in_words(sensor)}; expected "
            "one for all, or --sensor ROWS,COLUMNS that holds both"
        )
    return next(iter(known), None)


def entries(root: str | Path) -> list[Entry]:
    """List the recordings of a data set, sorted by name, without opening any.

    root: a folder with one folder for each class, by themselves or within train, val (also valid or
    validation) and test; or an HDF5 file of torchneuromorphic, or of SHD's form; or an index, which
    is a CSV file (or a folder with index.csv). Its columns are path and label, and optionally
    start, stop (of a part, in us, or start_ms, stop_s and so on), subject and split. Names that
    begin with a dot are ignored; a warning counts other files that are not read. Raises ValueError,
    naming it, for anything else, and for two entries of one part of a file.
    """
    root = Path(root).expanduser()
    index = root / INDEX if root.is_dir() else root
    if root.is_file() and root.suffix.lower() in SETS:
        rows = opened(root).listed()
        forget()
        recordings = [
            Entry(root, label, None, None, who, split, key) for key, label, who, split in rows
        ]
    else:
        recordings = _indexed(index) if index.is_file() else _in_folders(root)
    if not recordings:
        raise ValueError(
            f"{root}: no recordings; expected <class>/<recording> ending in "
            f"{', '.join(SUFFIXES)}, or {INDEX} with path and label"
        )
    (first, number), *_ = Counter(
        one._replace(label="", split=None) for one in recordings
    ).most_common()
    if number > 1:
        raise ValueError(f"{root}: {first.path.name} is listed twice; expected each part once")
    return recordings


def _in_folders(root: Path) -> list[Entry]:
    """List the recordings in a folder of folders; a warning counts other files in these folders or
    next to them."""
    folders = [path for path in _shown(root) if path.is_dir()]
    splits = {path: SPLITS[path.name.lower()] for path in folders if path.name.lower() in SPLITS}
    within = [(split, path) for folder, split in splits.items() for path in _shown(folder)]
    labels: list[tuple[str | None, Path]] = [pair for pair in within if pair[1].is_dir()]
    labels = labels or [(None, path) for path in folders]
    found = [
        Entry(path, label.name, split=split)
        for split, label in labels
        for path in _shown(label)
        if path.suffix.lower() in READERS and path.is_file()
    ]
    read = {entry.path for entry in found}
    classes = {label for _, label in labels}
    left = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path not in read
        # counts every file in a class's folder, and elsewhere files that look like recordings
        and (not classes.isdisjoint(path.parents) or path.suffix.lower() in {*READERS} - {*NOTES})
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if found and left:
        many = Counter(path.suffix.lower() or "without an ending" for path in left)
        warnings.warn(
            f"{root}: {len(left)} files in {len({path.parent for path in left})} folders are not "
            f"read ({', '.join(f'{number} {kind}' for kind, number in many.items())}), such as "
            f"{left[0].relative_to(root)}; recordings end in {', '.join(SUFFIXES)}",
            stacklevel=3,
        )
    return found


def _shown(folder: Path) -> list[Path]:
    """List a folder without hidden files, sorted by name."""
    return sorted(folder.glob("[!.]*"))


def _indexed(path: Path) -> list[Entry]:
    expected = "path and label in the first line, and a row for each recording"
    with naming(path, expected), open(path, newline="", encoding="utf-8-sig") as file:
        head, *rows = [[cell.strip() for cell in row] for row in csv.reader(file)] or [[]]
        head = [name.lower() for name in head]
        need("its columns", ", ".join(head)[:150], {"path", "label"} <= set(head), expected)
    found = []
    for number, row in enumerate(rows, 2):
        if row:
            with naming(f"{path}: line {number}", ",".join(head)):
                found.append(_entry(path.parent, dict(zip(head, row, strict=True))))
    return found


def _entry(folder: Path, cells: dict[str, str]) -> Entry:
    """Make an entry from a row of an index, given as {column: cell}."""
    times: dict[str, int] = {}
    for name, value in cells.items():
        part, _, unit = name.partition("_")
        if value and part in ("start", "stop") and (unit or "us") in UNITS:
            times.setdefault(part, round(float(value) * UNITS[unit or "us"]))
    good = len(times) < 2 or 0 <= times["start"] < times["stop"]
    need("the part in us", times, good, "a start before its stop")
    place = folder / cells["path"]
    label = cells["label"]
    split = cells.get("split", "").lower()
    need("the path", str(place), place.is_file(), "one from the index on; there is no such file")
    need("the label", label, label, "a name")
    need("the split", split, not split or split in SPLITS, "train, val or test")
    who = cells.get("subject") or None
    return Entry(place, label, **times, subject=who, split=SPLITS.get(split))
