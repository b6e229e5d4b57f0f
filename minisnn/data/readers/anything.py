"""Recordings of any camera as users have them on disk: one file, or a folder or an index of them.

    .npy         a structured array with columns as `columns.NAMES` has them, or (N, 4) whose order is said
    .npz         one such array, or one named `events`, or the columns by name
    .csv, .txt   columns by name in the first line, or in an order that is said, separated by commas, semicolons, tabs or blanks
    .h5, .hdf5   one recording, events/x, y, t and p or a table `events`; or all of a set, as torchneuromorphic or SHD has it
    .bin, .bs2   of N-MNIST's form; .bin is of 34 x 34 pixels unless a sensor is said, of which .bs2 must be
    .mat         ASL-DVS
    .raw, .dat, .aedat4, .es   of cameras, by the library faery (extra `cameras`)

Columns t and unit in place of x, y, t and p make recordings that are no pictures (`units`). Nothing in
a file is executed; every error names it.
"""

import csv
import importlib.util
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...files import called, size_of
from .arrays import SETS, Held, holds_events, read_arrays, read_hdf5, read_sensor
from .asl import SHAPE as ASL, read_asl
from .columns import UNITS, name_of, order_of
from .events import EVENT, as_events, in_order
from .hdf5 import Hdf5, naming, one_line
from .nmnist import SHAPE as NMNIST, read_nmnist
from .plausible import check_unit
from .spoken import UNITS as SPOKEN_UNITS, SpokenFile, holds_spoken, is_spoken, opened
from .text import read_table
from .torchneuromorphic import SENSORS, TorchNeuromorphic
from .units import as_recording, in_words, is_row

MOST_EVENTS = 20_000_000  # of a file of a camera

CAMERA = "a recording of a camera"
INDEX = "index.csv"
NOTES = (".txt", ".csv")  # where no recordings are expected
# names of folders, and in the column
SPLITS = {name: name for name in ("train", "val", "test")} | dict(valid="val", validation="val")
_LARGEST = 1 << 33  # bytes
MOST_KINDS = 5  # of files, in a warning
PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst")


class Way(NamedTuple):
    """How a recording is read, as `read_events` says it."""

    time: str | None = None
    sensor: tuple[int, ...] | None = None
    columns: str | None = None


class Reader(NamedTuple):
    """A form of files.

    read     gives (events, whether something says the unit of their times) of a path and a `Way`
    sensor   gives rows and columns of the sensor, or (n,), of a path; None where nothing says them
    says     whether every file of this form says its unit of time and its columns
    """

    read: Callable[[Path, Way], tuple[np.ndarray, bool]]
    sensor: Callable[[Path], tuple[int, ...] | None] = lambda path: None
    says: bool = False


def read_events(
    path: str | Path,
    time: str | None = None,
    flip_y: int | None = None,
    sensor: tuple[int, ...] | None = None,
    columns: str | None = None,
) -> np.ndarray:
    """Events of one recording (dtype EVENT), sorted by time (`events.in_order`); those of units are
    in one row, x is the unit.

    time      unit of the times of files whose form does not say it (`events.as_events`)
    flip_y    rows of the sensor, where y grows upwards in the file: row y becomes flip_y - 1 - y
    sensor    rows and columns of the sensor that recorded .bin and .bs2; None: N-MNIST's, of .bin
              alone; (n,): a row of n units
    columns   "t,x,y,p", the order of the columns of arrays and text without names
    Raises ValueError, naming the file, where it holds no events or is damaged, and where nothing
    says the unit of its times and they cannot be microseconds (`plausible`); FileNotFoundError
    where it is missing.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in READERS:
        raise ValueError(
            f"{path}: no recording that can be read; expected a file ending in "
            f"{', '.join(SUFFIXES)}"
        )
    events, said = READERS[kind].read(path, Way(time, sensor, columns))
    if not events.size:
        raise ValueError(f"{path}: the recording has no events; expected at least one")
    try:
        events = in_order(events)
        if not said:
            check_unit(events, sensor)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return _flipped(events, flip_y)


def _flipped(events: np.ndarray, rows: int | None) -> np.ndarray:
    if rows is not None:
        events = events.copy()
        events["y"] = rows - 1 - events["y"]
    return events


def sensor_of(path: str | Path) -> tuple[int, ...] | None:
    """Rows and columns of the sensor, where the format or the file says: N-MNIST, ASL-DVS,
    .npz with `sensor`, cameras'; (n,) of a row of n units, as SHD has 700."""
    path = Path(path)
    kind = path.suffix.lower()
    return READERS[kind].sensor(path) if kind in READERS else None


class Entry(NamedTuple):
    """A recording of a data set: its file, its label, the part of it (microseconds; None: all), who
    or what it is of, the split that its folder or row names, and its key in a file of many."""

    path: Path
    label: str
    start: int | None = None
    stop: int | None = None
    subject: str | None = None
    split: str | None = None
    key: int | None = None

    @property
    def name(self) -> str:
        """Of the recording, by which its parts are told to be of one."""
        return str(self.path) if self.key is None else f"{self.path}: recording {self.key}"


def sensor_of_all(found: Sequence[Entry]) -> tuple[int, ...] | None:
    """Rows and columns of the one sensor that files tell, or (n,); None where none does.

    A file that cannot be read tells none: reading it says why. Raises ValueError, naming both files, where two tell
    different sensors.
    """
    told: tuple[int, ...] | None = None
    by = None
    for path in dict.fromkeys(one.path for one in found):
        try:
            sensor = sensor_of(path)
        except (ValueError, OSError):
            continue
        if told is not None and sensor is not None and sensor != told:
            raise ValueError(
                f"{path} has a sensor of {in_words(sensor)}, {by} one of {in_words(told)}; expected "
                "one for all, or --sensor ROWS,COLUMNS that holds both"
            )
        if told is None:
            told, by = sensor, path
    return told


def holds_set(path: Path) -> bool:
    """Whether this is an HDF5 file of many recordings, as torchneuromorphic writes it or SHD has
    it; a missing one is taken for what its name says."""
    if path.suffix.lower() not in SETS or path.is_dir():
        return False
    if not path.is_file() or not holds_events(path):
        return path.suffix.lower() == ".hdf5"
    with Hdf5(path, "recordings") as file:
        names = file.names()
        return {"data", "extra"} <= set(names or ()) or holds_spoken(names)


def entries(root: str | Path) -> list[Entry]:
    """The recordings of a data set, in order of their names; no recording is opened.

    root: a folder with one folder for each class, alone or within train, val (also valid or
    validation) and test; or an HDF5 file of torchneuromorphic, or of SHD's form; or an index, which
    is a CSV file (or a folder with index.csv). Its columns are path and label, and optionally
    start, stop (of a part, in us, or start_ms, stop_s and so on), subject and split. In folders what
    begins with a dot is hidden; a warning counts what else is not read. Raises
    ValueError, naming it, for anything else, for two entries of one part of a file, and where
    recordings lie beside the folders of splits, which would not be read.
    """
    root = Path(root).expanduser()
    if root.is_file() and root.suffix.lower() in SETS:
        found = _in_one_file(root)
    elif (root / INDEX).is_file() or root.is_file():
        found = list(_indexed(root / INDEX if root.is_dir() else root))
    elif not root.is_dir():
        raise ValueError(f"{root}: no such folder or index of recordings")
    else:
        folders = [one for one in _shown(root) if one.is_dir()]
        splits = [one for one in folders if one.name.lower() in SPLITS]
        inside: list[tuple[str | None, Path]] = [
            (SPLITS[part.name.lower()], one)
            for part in splits
            for one in _shown(part)
            if one.is_dir()
        ]
        if inside and (beside := [one for one in folders if one not in splits and _holds(one)]):
            raise ValueError(
                f"{root}: recordings in {', '.join(one.name for one in beside)} would not be read "
                f"beside {' and '.join(one.name for one in splits)}; expected folders train, val "
                "(or valid) and test alone"
            )
        classes = inside or [(None, one) for one in folders]
        there = [(split, path) for split, folder in classes for path in _shown(folder)]
        found = [
            Entry(path, path.parent.name, split=split)
            for split, path in there
            if path.suffix.lower() in SUFFIXES and not path.is_dir()
        ]
        read = {one.path for one in found}
        if found:
            left = [path for _, path in there if path not in read]
            _tell_left_out(root, left + [one for part in (root, *splits) for one in _loose(part)])
    if not found:
        raise ValueError(
            f"{root}: no recordings; expected <class>/<recording> ending in "
            f"{', '.join(SUFFIXES)}, or {INDEX} with path and label{nearly(root)}"
        )
    seen: dict[tuple, Entry] = {}
    for one in found:
        if seen.setdefault((one.path, one.start, one.stop, one.key), one) is not one:
            raise ValueError(
                f"{root}: {one.path.name} is listed twice; expected each part of a recording once"
            )
    return found


def _shown(folder: Path) -> list[Path]:
    """What a folder holds and does not hide, in order of names."""
    return sorted(one for one in folder.iterdir() if not one.name.startswith("."))


def _tell_left_out(root: Path, left: Sequence[Path]) -> None:
    """Warn of what stands in folders of classes, or outside them, and is not read, with how many of
    each kind."""
    kinds = Counter(
        "folders" if one.is_dir() else _ending(one) or "without an ending" for one in left
    )
    if kinds:
        told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common(MOST_KINDS))
        warnings.warn(
            f"{root}: {len(left)} files or folders in {len({one.parent for one in left})} folders are "
            f"not read ({told}), such as {left[0].relative_to(root)}; recordings end in "
            f"{', '.join(SUFFIXES)}",
            stacklevel=3,
        )


def _ending(path: Path) -> str:
    """What a file's name ends in: of one that is packed also what it is inside, .npy.gz."""
    return "".join(
        path.suffixes[-2:] if path.suffix.lower() in PACKED else path.suffixes[-1:]
    ).lower()


def _holds(folder: Path) -> bool:
    """Whether recordings lie in a folder or in folders of it; text in itself may be notes."""
    own = (one for one in folder.glob("*") if one.suffix.lower() not in NOTES)
    return any(map(_is_recording, (*own, *folder.glob("*/*"))))


def _is_recording(path: Path) -> bool:
    kind = path.suffix.lower()
    return path.is_file() and kind in SUFFIXES and (kind not in SETS or holds_events(path))


def _loose(folder: Path) -> list[Path]:
    """Recordings in a folder of folders; arrays may be labels, and text notes."""
    arrays = (".npy", ".npz")
    return [
        one
        for one in _shown(folder)
        if one.suffix.lower() not in NOTES
        and _is_recording(one)
        and (one.suffix.lower() not in arrays or holds_events(one, ordered=True))
    ]


def _in_one_file(root: Path) -> list[Entry]:
    """The recordings that an HDF5 file of many holds; those of SHD's form name no split."""
    if is_spoken(root):
        with SpokenFile(root) as held:
            who: Sequence[str | None] = held.speakers or [None] * len(held)
            labels = [held.words[label] for label in held.labels.tolist()]
        return [Entry(root, label, subject=who[k], key=k) for k, label in enumerate(labels)]
    with TorchNeuromorphic(root) as held:
        pairs = [(split, pair) for split in ("train", "test") for pair in held.labelled(split)]
    return [Entry(root, str(label), split=split, key=key) for split, (key, label) in pairs]


def nearly(root: Path) -> str:
    """What lies in a folder without recordings that may have been meant."""
    beside = sorted(one for one in root.iterdir() if one.is_file()) if root.is_dir() else []
    if held := next((one for one in beside if one.suffix.lower() in SETS), None):
        return f"; {held} may hold a whole set: name the file"
    if loose := next((one for one in beside if one.suffix.lower() in SUFFIXES), None):
        return f"; {loose.name} lies in the folder itself, put it into a folder named for its class"
    if not root.is_dir():
        return ""
    inside = (
        one for one in sorted(root.glob("*/*")) if one.is_file() and not one.name.startswith(".")
    )
    if other := next(inside, None):
        return f"; {other.relative_to(root)} is there, but recordings end in {', '.join(SUFFIXES)}"
    return ""


def read_entry(
    entry: Entry,
    time: str | None = None,
    flip_y: int | None = None,
    sensor: tuple[int, ...] | None = None,
    columns: str | None = None,
) -> np.ndarray:
    """The events of an entry, its part alone; the options are those of `read_events`."""
    if entry.key is not None:
        status = entry.path.stat()
        changed = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        held = opened(entry.path, changed, sensor and tuple(sensor), time)
        return _flipped(held.read(entry.key), flip_y)
    events = read_events(entry.path, time, flip_y, sensor, columns)
    low = entry.start or 0
    high = entry.stop if entry.stop is not None else np.iinfo(np.int64).max
    if entry.start is None and entry.stop is None:
        return events
    part = events[np.searchsorted(events["t"], low) : np.searchsorted(events["t"], high)]
    if not part.size:
        first, last = events["t"][[0, -1]]
        raise ValueError(
            f"{entry.path}: no events from {low} to {high} us; the recording has those from "
            f"{first} to {last} us"
        )
    return part


def _indexed(path: Path) -> Iterator[Entry]:
    size_of(path, "a table of recordings", _LARGEST)
    try:
        with called(path), open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path}: not a text table ({one_line(error)}); expected path and label in the first "
            "line"
        ) from None
    head = [name.strip().lower() for name in rows[0]] if rows else []
    times = {}
    for part in ("start", "stop"):
        for unit in ("", *UNITS):
            if (name := part + f"_{unit}" * bool(unit)) in head:
                times[part] = head.index(name), UNITS[unit or "us"]
    if not {"path", "label"} <= set(head):
        raise ValueError(
            f"{path}: found the columns {' '.join(', '.join(head).split())[:200] or 'none'}; "
            "expected path and label in the first line"
        )
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        try:
            get = dict(zip(head, (cell.strip() for cell in row), strict=True))
            start, stop = (
                round(float(row[times[part][0]]) * times[part][1])
                if part in times and row[times[part][0]]
                else None
                for part in ("start", "stop")
            )
            if start is not None and stop is not None and not 0 <= start < stop:
                raise ValueError(f"start {start} us and stop {stop} us")
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"{path}: line {number} cannot be read ({one_line(error)}); expected "
                f"{','.join(head)}"
            ) from None
        place = path.parent / get["path"]
        try:
            there = place.is_file()
        except OSError:  # the name is too long, or it lies behind a lock
            there = False
        named = f"{path}: line {number} names {get['path'][:80]!r}"
        if not there:
            raise ValueError(f"{named}, and there is no such file; paths begin where the index is")
        if not get["label"]:
            raise ValueError(f"{named} without a label; expected one")
        split = get.get("split") or None
        if split is not None and split.lower() not in SPLITS:
            raise ValueError(
                f"{path}: line {number} names the split {split!r}; expected train, val or test"
            )
        yield Entry(
            place,
            get["label"],
            start,
            stop,
            get.get("subject") or None,
            split and SPLITS[split.lower()],
        )


# ---- one reader a form


def _columns(hold: Callable[[Path, str | None], Held]) -> Callable:
    """The reader of a form of columns that does not say how they are to be read."""

    def read(path: Path, way: Way) -> tuple[np.ndarray, bool]:
        size_of(path, "a recording", _LARGEST)
        held = hold(path, way.columns)
        return as_recording(held, way.sensor, str(path), way.time, way.columns)

    return read


def _text(path: Path, columns: str | None) -> Held:
    return read_table(path, _LARGEST, name_of, None if columns is None else order_of(columns))


def _sensor_of_npz(path: Path) -> tuple[int, ...] | None:
    sensor = read_sensor(path)
    good = isinstance(sensor, np.ndarray) and sensor.dtype.kind in "iu"
    return tuple(map(int, sensor)) if good and sensor.shape in ((1,), (2,)) else None


def _sensor_of_hdf5(path: Path) -> tuple[int, ...] | None:
    return SENSORS.get(path.name) or ((SPOKEN_UNITS,) if is_spoken(path) else None)


def _bytes(path: Path, way: Way) -> tuple[np.ndarray, bool]:
    if is_row(way.sensor):
        raise ValueError(
            f"{path}: holds events of pixels; expected --sensor ROWS,COLUMNS and not a row of units"
        )
    if way.sensor is None and path.suffix.lower() == ".bs2":
        raise ValueError(
            f"{path}: does not say how large its sensor is; give --sensor ROWS,COLUMNS"
        )
    rows, columns = way.sensor or NMNIST
    return read_nmnist(path, (rows, columns)), True


def _asl(path: Path, way: Way) -> tuple[np.ndarray, bool]:
    return read_asl(path), True


@contextmanager
def _stream(path: Path) -> Generator[Any, None, None]:
    """The packets of events of a file of a camera, by faery, and its `dimensions`."""
    if importlib.util.find_spec("faery") is None:
        raise ValueError(
            f"{path}: files of cameras need the library faery; install it with: pip install "
            "'minisnn[cameras]'"
        )
    import faery

    size_of(path, CAMERA, _LARGEST)
    with naming(path, CAMERA):
        try:
            yield faery.events_stream_from_file(str(path))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # a panic of Rust
            raise ValueError(one_line(error)) from None


def _camera(path: Path, way: Way) -> tuple[np.ndarray, bool]:
    packets = []
    number = 0
    with _stream(path) as stream:
        columns, rows = stream.dimensions()
        for packet in stream:
            packets.append(packet)
            number += len(packet)
            if number > MOST_EVENTS:
                raise ValueError(f"expected at most {MOST_EVENTS} events; cut it into parts")
    if not number:
        return np.zeros(0, EVENT), True
    held = np.concatenate(packets)
    columns_of_events = {name: held[name] for name in ("x", "y", "t", "on")}
    return as_events(columns_of_events, (rows, columns), str(path), "us"), True


def _sensor_of_camera(path: Path) -> tuple[int, ...]:
    with _stream(path) as stream:
        columns, rows = stream.dimensions()
    return rows, columns


_FILMED = Reader(_camera, _sensor_of_camera, says=True)
_ARRAYS = _columns(lambda path, columns: read_arrays(path))
_HDF5 = Reader(_columns(lambda path, columns: read_hdf5(path)), _sensor_of_hdf5)
READERS = {
    ".npy": Reader(_ARRAYS),
    ".npz": Reader(_ARRAYS, _sensor_of_npz),
    ".csv": Reader(_columns(_text)),
    ".txt": Reader(_columns(_text)),
    ".hdf5": _HDF5,
    ".h5": _HDF5,
    ".bin": Reader(_bytes, lambda path: NMNIST, says=True),
    ".bs2": Reader(_bytes, says=True),
    ".mat": Reader(_asl, lambda path: ASL, says=True),
    ".raw": _FILMED,
    ".dat": _FILMED,
    ".aedat4": _FILMED,
    ".es": _FILMED,
}
SUFFIXES = tuple(READERS)
SAYING = tuple(kind for kind, reader in READERS.items() if reader.says)
