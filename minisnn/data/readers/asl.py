"""ASL-DVS files: letters of American Sign Language in front of an event camera.

Bi, Chadha, Abbas, Bourtsoulatze & Andreopoulos 2019, "Graph-based object classification for
neuromorphic vision sensing", ICCV. 24 letters (j and z are movements), 4,200 recordings of about
100 ms each by a DAVIS240c of 240 x 180 pixels, in <letter>/<letter>_<number>.mat. A file has four
variables of equal length, as rows or columns:

    ts   time in microseconds    x, y   column and row of the pixel    pol   polarity (1 = ON)

Files of MATLAB 5 to 7 and of 7.3 (HDF5) are read. In some releases y grows upwards: `flip_y`
mirrors the picture.
"""

from pathlib import Path

import numpy as np

from ...arguments import need
from .events import check_events, event_array
from .hdf5 import naming
from .matlab import variables
from .nmnist import numbered

LETTERS = tuple("abcdefghiklmnopqrstuvwxy")
SHAPE = (180, 240)  # rows, columns
VARIABLES = ("ts", "x", "y", "pol")
WHAT = "a recording of ASL-DVS, ts, x, y and pol"


def asl_files(root: str | Path) -> list[tuple[str, int, Path]]:
    """List the recordings under `root` as (letter, number, path), in this order.

    root: the folder that holds a folder for each letter, in upper or lower case; letters may be
    missing. No file is opened. Raises ValueError, naming root, if it has no such recordings. It
    also raises the errors of `nmnist.numbered`.
    """
    found = numbered(Path(root).glob("*/[!.]*.[mM][aA][tT]"), LETTERS)
    need(f"{root}: the list of recordings", [], found, "a/a_0001.mat to y/y_4200.mat, of ASL-DVS")
    return found


def read_asl(path: str | Path, flip_y: bool = False) -> np.ndarray:
    """Read one recording's events (dtype EVENT), sorted by time; simultaneous events keep their
    order.

    flip_y: row y becomes 179 - y, for releases whose y grows upwards. Raises FileNotFoundError if
    the file is missing, and ValueError, naming the file, if it is not a MATLAB file, is damaged,
    lacks a variable, or has values that cannot be events of this sensor.
    """
    with naming(path, WHAT):
        found = variables(Path(path), VARIABLES, WHAT)
        need("the list of its variables of real numbers", [*found], len(found) == 4, WHAT)
        t, x, y, p = (found[name].reshape(-1) for name in VARIABLES)
        events = event_array(x, y, t, p)
        check_events(events, SHAPE)
        if not events.size or events["t"][0] < 0:
            raise ValueError("there are no events, or the first is before time zero")
    if flip_y:
        events["y"] = SHAPE[0] - 1 - events["y"]
    return events
