"""ASL-DVS on disk: letters of American Sign Language before an event camera.

Bi, Chadha, Abbas, Bourtsoulatze & Andreopoulos 2019, "Graph-based object classification for
neuromorphic vision sensing", ICCV. 24 letters (j and z are movements), 4,200 recordings of about
100 ms each by a DAVIS240c of 240 x 180 pixels, in <letter>/<letter>_<number>.mat. A file has four
variables of equal length, as rows or columns:

    ts   time in microseconds    x, y   column and row of the pixel    pol   polarity (1 = ON)

Files of MATLAB 5 to 7 and of 7.3 (HDF5) are read. In some releases y grows upwards: `flip_y` turns
the picture over.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np

from .events import check_events, event_array
from .hdf5 import Hdf5, naming
from .torchneuromorphic import MOST_EVENTS
from ...files import called, read_whole, size_of

LETTERS = tuple("abcdefghiklmnopqrstuvwxy")
SHAPE = (180, 240)  # rows, columns
VARIABLES = ("ts", "x", "y", "pol")
WHAT = "a recording of ASL-DVS"
COMPRESSED, MATRIX = 15, 14  # types of parts of a MATLAB file, and those of numbers
STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_LARGEST_FILE = 40 * MOST_EVENTS  # bytes


def asl_files(root: str | Path) -> list[tuple[str, Path]]:
    """The recordings under `root` as (letter, path), by letter in alphabetic order, then by number.

    root: the folder that holds one folder for each letter, in upper or lower case; letters may be
    missing. No file is opened. Raises ValueError, naming root, where it holds no such recordings.
    Raises ValueError, naming the file or folder, where a letter has two folders, a file is not
    named <letter>_<number>.mat after its folder, or two files have the same number.
    """
    root = Path(root)
    expected = "expected the root of ASL-DVS, which holds a/a_0001.mat to y/y_4200.mat"
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; {expected}")
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    files = []
    for letter in LETTERS:
        folders = [root / name for name in names if name.lower() == letter]
        if len(folders) > 1:
            raise ValueError(
                f"{root}: letter {letter} has the folders {folders[0].name} and {folders[1].name}; "
                "expected one"
            )
        there = [
            path for folder in folders for path in folder.iterdir() if path.suffix.lower() == ".mat"
        ]
        numbered = sorted(
            (recording_number(path), path) for path in there if not path.name.startswith(".")
        )
        for (number, path), (other, twin) in pairwise(numbered):
            if number == other:
                raise ValueError(
                    f"{twin}: has the same number as {path.name}; expected one file a recording"
                )
        files += [(letter, path) for _, path in numbered]
    if not files:
        raise ValueError(f"{root}: no recordings; found the folders {names[:30]}, {expected}")
    return files


def recording_number(path: str | Path) -> int:
    """The number of a recording, from 1 on, by its file name <letter>_<number>.mat; ValueError
    where it has none."""
    path = Path(path)
    letter = path.parent.name.lower()
    match = re.fullmatch(r"([a-z])_([0-9]{1,9})", path.stem.lower())
    if not match or match[1] != letter or int(match[2]) < 1:
        raise ValueError(
            f"{path}: the file name is not that of a recording of letter {letter}; expected for "
            f"example {letter}_0001.mat"
        )
    return int(match[2])


def read_asl(path: str | Path, flip_y: bool = False) -> np.ndarray:
    """Events of one recording (dtype EVENT), sorted by time; events of the same time keep their
    order.

    flip_y: row y becomes 179 - y, for releases whose y grows upwards. Raises FileNotFoundError
    where the file is missing. Raises ValueError, naming the file, where it is not a MATLAB file, is
    truncated, or lacks a variable; also where variables are empty or differ in length, and where
    values are not finite, not whole or out of range.
    """
    path = Path(path)
    columns = _variables(path)
    for name, values in columns.items():
        if values.size and max(values.shape, default=1) != values.size:
            raise ValueError(
                f"{path}: {name} has shape {values.shape}; expected one row or column, a value an "
                "event"
            )
    ts, x, y, pol = (columns[name].reshape(-1) for name in VARIABLES)
    if not ts.size:
        raise ValueError(f"{path}: the recording has no events; expected at least one")
    try:
        events = event_array(x, SHAPE[0] - 1 - y.astype(np.float64) if flip_y else y, ts, pol)
        check_events(events, SHAPE)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if events["t"][0] < 0:
        raise ValueError(f"{path}: ts begins at {events['t'][0]}; expected times from 0 on")
    return events


def _variables(path: Path) -> dict[str, np.ndarray]:
    size_of(path, WHAT, _LARGEST_FILE)
    with called(path), open(path, "rb") as file:
        head = file.read(520)
    if b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:]):
        with Hdf5(path, WHAT) as file:
            return {name: file.array(name, MOST_EVENTS) for name in VARIABLES}
    if head[126:128] not in (b"IM", b"MI"):
        found = "no MATLAB file of version 5 or 7.3" if head else "the file is empty"
        raise ValueError(f"{path}: {found}; expected {WHAT}")
    with naming(path, WHAT):
        return _read_matlab(path)


def _read_matlab(path: Path) -> dict[str, np.ndarray]:
    """The variables of a file of version 5 to 7. (scipy reads these too, but can crash the process
    where bytes are damaged.)"""
    content = read_whole(path, WHAT, _LARGEST_FILE)
    order = "<" if content[126:128] == b"IM" else ">"
    found = {}
    names = []
    for kind, data in _elements(content[128:], order):
        if kind == COMPRESSED:
            with suppress(zlib.error):  # of a variable that nobody needs, or else it will be missed
                data = zlib.decompressobj().decompress(data, _LARGEST_FILE)
                kind, data = next(_elements(data, order))
        if kind != MATRIX:
            continue
        flags, shape, name, *parts = _elements(data, order)
        name = bytes(name[1]).decode("latin-1")
        names.append(name)
        if name in VARIABLES:
            flag = int(np.frombuffer(flags[1], f"{order}u4")[0])
            if not 6 <= flag & 255 <= 15 or flag & 1 << 11 or len(parts) != 1:
                raise ValueError(f"{name} is of class {flag & 255}; expected real numbers")
            values = np.frombuffer(parts[0][1], order + STORED[parts[0][0]])
            found[name] = values.reshape(np.frombuffer(shape[1], f"{order}i4"), order="F")
    for name in VARIABLES:
        if name not in found:
            held = ", ".join(names)[:200] or "nothing"
            raise ValueError(
                f"there is no {name}, it holds {held}; the file is truncated or of another kind"
            )
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, data) of the parts of a MATLAB file, each behind a head of 8 bytes, or of 4 where its
    data are no longer than that."""
    while len(content) >= 8:
        kind, size = map(int, np.frombuffer(content, f"{order}u4", 2))
        start = 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, 4
        if size > len(content) - start:
            raise ValueError(f"the file is truncated; expected {size} bytes")
        yield kind, content[start : start + size]
        used = start + size
        content = content[used if kind == COMPRESSED else used + -used % 8 :]
