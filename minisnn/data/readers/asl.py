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
from pathlib import Path

import numpy as np

from ...files import size_of
from .arrays import MOST_EVENTS
from .events import check_events, event_array
from .hdf5 import Hdf5, naming

LETTERS = tuple("abcdefghiklmnopqrstuvwxy")
SHAPE = (180, 240)  # rows, columns
VARIABLES = ("ts", "x", "y", "pol")
WHAT = "a recording of ASL-DVS, ts, x, y and pol"


def asl_files(root: str | Path) -> list[tuple[str, int, Path]]:
    """The recordings under `root` as (letter, number, path), in this order.

    root: the folder that holds a folder for each letter, in upper or lower case; letters may be
    missing. No file is opened. Raises ValueError, naming root, where it holds no such recordings,
    and naming the file where it is not named <letter>_<number>.mat after its folder, or two of a
    letter have the same number.
    """
    found: dict[tuple[str, int], Path] = {}
    for path in Path(root).glob("*/*"):
        letter = path.parent.name.lower()
        if letter in LETTERS and path.suffix.lower() == ".mat" and path.name[0] != ".":
            match = re.fullmatch(rf"{letter}_0*([1-9][0-9]*)", path.stem.lower())
            if not match:
                raise ValueError(f"{path}: not a recording's name; expected {letter}_0001.mat")
            twin = found.setdefault((letter, int(match[1])), path)
            if twin != path:
                raise ValueError(f"{path}: has the same letter and number as {twin}")
    if not found:
        raise ValueError(
            f"{root}: no recordings; expected a/a_0001.mat to y/y_4200.mat, of ASL-DVS"
        )
    return [(*one, found[one]) for one in sorted(found)]


def read_asl(path: str | Path, flip_y: bool = False) -> np.ndarray:
    """Events of one recording (dtype EVENT), sorted by time; events of the same time keep their
    order.

    flip_y: row y becomes 179 - y, for releases whose y grows upwards. Raises FileNotFoundError
    where the file is missing, and ValueError, naming the file, where it is not a MATLAB file, is
    damaged, lacks a variable, or has values that are no events of this sensor.
    """
    with naming(path, WHAT):
        found = _variables(Path(path))
        t, x, y, p = (np.ravel(found[name]) for name in VARIABLES)
        events = event_array(x, y, t, p)
        check_events(events, SHAPE)
        if not events.size or events["t"][0] < 0:
            raise ValueError("there are no events, or times below zero")
    if flip_y:
        events["y"] = SHAPE[0] - 1 - events["y"]
    return events


def _variables(path: Path) -> dict[str, np.ndarray]:
    """The variables of a file of version 5 to 7, or of 7.3, which is HDF5."""
    size_of(path, WHAT, 1 << 62)
    with open(path, "rb") as file:
        start = file.read(520)
    if b"\x89HDF\r\n\x1a\n" in (start[:8], start[512:]):
        with Hdf5(path, WHAT) as held:
            return {name: held.array(name, MOST_EVENTS) for name in VARIABLES}
    from scipy.io import loadmat

    return loadmat(path, variable_names=VARIABLES)
