"""Lists of users' recordings: folders of classes, an index, or one HDF5 file of many."""

import csv
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...arguments import need
from .anything import READERS, SUFFIXES, flipped, read_events, sensor_of
from .columns import UNITS, Sensor, in_words
from .hdf5 import naming
from .many import listed, read_one

INDEX = "index.csv"
NOTES = (".txt", ".csv")  # may be notes, where no recordings are expected
SETS = (".hdf5", ".h5")  # may hold many recordings
# names of splits, as folders or in the column
SPLITS = {name: name for name in ("train", "val", "test")} | dict(valid="val", validation="val")


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
    sensor: Sensor = None,
    time: str | None = None,
    columns: str | None = None,
    flip_y: bool = False,
) -> np.ndarray:
    """Read the events of an entry, within its interval only; the options are those of
    `read_events`."""
    if entry.key is not None:
        events = read_one(entry.path, entry.key, sensor, time)
        return flipped(events, sensor) if flip_y else events
    events = read_events(entry.path, sensor, time, columns, flip_y)
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
        found = [
            Entry(root, row.label, subject=row.subject, split=row.split, key=row.key)
            for row in listed(root)
        ]
    else:
        found = _indexed(index) if index.is_file() else _in_folders(root)
    if not found:
        raise ValueError(
            f"{root}: no recordings; expected <class>/<recording> ending in "
            f"{', '.join(SUFFIXES)}, or {INDEX} with path and label"
        )
    [(first, number)] = Counter(one._replace(label="", split=None) for one in found).most_common(1)
    if number > 1:
        raise ValueError(f"{root}: {first.path.name} is listed twice; expected each part once")
    return found


def _in_folders(root: Path) -> list[Entry]:
    """List the recordings in a folder of folders; a warning counts other files in these folders or
    next to them."""
    folders = [path for path in _shown(root) if path.is_dir()]
    splits = {path: SPLITS[path.name.lower()] for path in folders if path.name.lower() in SPLITS}
    classes: dict[Path, str | None] = {
        path: split for folder, split in splits.items() for path in _shown(folder) if path.is_dir()
    }
    classes = classes or dict.fromkeys(folders)
    found = [
        Entry(path, folder.name, split=split)
        for folder, split in classes.items()
        for path in _shown(folder)
        if path.suffix.lower() in READERS and path.is_file()
    ]
    read = {entry.path for entry in found}
    left = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path not in read
        # counts every file in a class's folder, and elsewhere files that look like recordings
        and (not classes.keys().isdisjoint(path.parents) or _looks_recorded(path))
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


def _looks_recorded(path: Path) -> bool:
    return path.suffix.lower() in READERS and path.suffix.lower() not in NOTES


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
    need("the split", split, split in ("", *SPLITS), "train, val or test")
    who = cells.get("subject") or None
    return Entry(place, label, **times, subject=who, split=SPLITS.get(split))
