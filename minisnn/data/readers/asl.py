"""ASL-DVS files: letters of American Sign Language in front of an event camera.

Bi, Chadha, Abbas, Bourtsoulatze & Andreopoulos 2019, "Graph-based object classification for
neuromorphic vision sensing", ICCV. 24 letters (j and z are movements), 4,200 recordings of about
100 ms each by a DAVIS240c of 240 x 180 pixels, in <letter>/<letter>_<number>.mat. A file has four
variables of equal length, as rows or columns:

    ts   time in microseconds    x, y   column and row of the pixel    pol   polarity (1 = ON)

Files of MATLAB 5 to 7 and of 7.3 (HDF5) are read. In some releases y grows upwards: `flip_y`
mirrors the picture.
"""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...arguments import need
from ...files import read_whole
from .arrays import MOST_EVENTS
from .events import check_events, event_array
from .hdf5 import Hdf5, naming
from .nmnist import numbered

LETTERS = tuple("abcdefghiklmnopqrstuvwxy")
SHAPE = (180, 240)  # rows, columns
VARIABLES = ("ts", "x", "y", "pol")
WHAT = "a recording of ASL-DVS, ts, x, y and pol"
COMPRESSED, MATRIX = 15, 14  # codes of parts of a MATLAB file, and of numeric types
STORED = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 12, 13), "i1 u1 i2 u2 i4 u4 f4 f8 i8 u8".split()))
_LARGEST_FILE = 40 * MOST_EVENTS  # bytes


def asl_files(root: str | Path) -> list[tuple[str, int, Path]]:
    """List the recordings under `root` as (letter, number, path), in this order.

    root: the folder that holds a folder for each letter, in upper or lower case; letters may be
    missing. No file is opened. Raises ValueError, naming root, if it has no such recordings,
    and as `nmnist.numbered`.
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
        found = _variables(Path(path))
        need("the list of its variables of real numbers", [*found], len(found) == 4, WHAT)
        t, x, y, p = (found[name] for name in VARIABLES)
        events = event_array(x, y, t, p)
        check_events(events, SHAPE)
        if not events.size or events["t"][0] < 0:
            raise ValueError("there are no events, or times below zero")
    if flip_y:
        events["y"] = SHAPE[0] - 1 - events["y"]
    return events


def _variables(path: Path) -> dict[str, np.ndarray]:
    """Return the variables, each (N,), of a MATLAB file of version 5 to 7, or of 7.3, which is
    HDF5. (scipy reads the former too, but can crash on damaged bytes.)"""
    content = read_whole(path, WHAT, _LARGEST_FILE)
    if b"\x89HDF\r\n\x1a\n" in (content[:8], content[512:520]):
        with Hdf5(path, WHAT) as file:
            own = [name for name in VARIABLES if file.has(name)]
            return {name: file.array(name, MOST_EVENTS).reshape(-1) for name in own}
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise ValueError("no MATLAB file of version 5 or 7.3")
    found = {}
    for kind, data in _elements(content[128:], order):
        if kind == COMPRESSED:
            with suppress(zlib.error):  # skip damaged variables; a missing one raises later
                data = zlib.decompressobj().decompress(data, _LARGEST_FILE)
                kind, data = next(_elements(data, order))
        if kind == MATRIX:
            _, _, (_, letters), *parts = _elements(data, order)
            name = letters.decode("latin-1")
            if name in VARIABLES and len(parts) == 1:  # real numbers
                stored, values = parts[0]
                found[name] = np.frombuffer(values, order + STORED[stored])
    return found


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield (type, data) of the parts of a MATLAB file; each has a header of 8 bytes, or of 4 if it
    has at most 4 bytes of data."""
    while len(content) >= 8:
        kind, size = map(int, np.frombuffer(content, f"{order}u4", 2))
        start = 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, 4
        end = start + size
        if end > len(content):
            raise ValueError(f"the file is truncated; expected {size} bytes")
        yield kind, content[start:end]
        content = content[end if kind == COMPRESSED else end + -end % 8 :]
