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
from itertools import pairwise
from pathlib import Path

import numpy as np

from .events import check_events, event_array
from ..foreign.process import ForeignFile, read_matlab
from .torchneuromorphic import MOST_EVENTS
from ...files import called, size_of

LETTERS = tuple("abcdefghiklmnopqrstuvwxy")
SHAPE = (180, 240)  # rows, columns
VARIABLES = ("ts", "x", "y", "pol")
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
    what = "a recording of ASL-DVS"
    size_of(path, what, _LARGEST_FILE)
    with called(path), open(path, "rb") as file:
        head = file.read(520)
    if b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:]):
        with ForeignFile(path, what) as file:
            return file.numbers(list(VARIABLES), MOST_EVENTS)
    if head[126:128] not in (b"IM", b"MI"):
        found = "no MATLAB file of version 5 or 7.3" if head else "the file is empty"
        raise ValueError(f"{path}: {found}; expected {what}")
    return read_matlab(path, VARIABLES, MOST_EVENTS, what)
