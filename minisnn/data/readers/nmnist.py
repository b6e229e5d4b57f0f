"""N-MNIST's files (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience 9:437).

The data set (CC BY-SA 4.0) is in Train/<digit>/<number>.bin and Test/<digit>/<number>.bin, where
<number> counts the pictures of MNIST from 1. A file has five bytes per event, from a sensor with 34
x 34 pixels:

    byte 0: x    byte 1: y    byte 2, top bit: polarity (1 = ON)    the other 23 bits of bytes 2-4: time in microseconds

A row with y = 240 is not an event: it marks an overflow of the clock, and 8192 us are added to the
times of all later rows.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...arguments import need
from ...files import read_whole
from .events import as_events, check_events, event_array
from .hdf5 import naming

SHAPE = (34, 34)
OVERFLOW_ROW = 240
OVERFLOW_US = 8192
WHAT = "an N-MNIST recording of five-byte events, of this sensor (--sensor)"
_LARGEST_TIME = (1 << 23) - 1


def read_nmnist(path: str | Path, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Read the events of a file in N-MNIST's format, sorted by time.

    shape   rows and columns of the sensor, if not N-MNIST's, as for N-Caltech101; at most
            OVERFLOW_ROW rows, since that row's number marks an overflow

    Raises ValueError, naming the file, if it is empty, truncated, or not a recording of such a
    sensor, and FileNotFoundError if it is missing.

    >>> with open("one.bin", "wb") as file:
    ...     _ = file.write(bytes([5, 7, 0b10000000, 0, 200]))  # x, y, polarity and time: ON at 200 us
    >>> events = ms.read_nmnist("one.bin")
    >>> [int(events[name][0]) for name in ("x", "y", "p", "t")]
    [5, 7, 1, 200]
    """
    raw = np.frombuffer(read_whole(path, WHAT, 1 << 31), np.uint8)
    with naming(path, WHAT):
        fits = shape[0] <= OVERFLOW_ROW and shape[1] <= 256
        need("shape", shape, fits, f"one of x in a byte, and y in one below {OVERFLOW_ROW}")
        good = raw.size % 5 == 0 and raw.any()
        need("the file", f"of {raw.size} bytes", good, "five-byte events, not only zeros")
        x, y, high, middle, low = raw.reshape(-1, 5).T.astype(np.int64)
        overflow = y == OVERFLOW_ROW
        time = ((high & 127) << 16 | middle << 8 | low) + OVERFLOW_US * np.cumsum(overflow)
        x, y, t, p = (column[~overflow] for column in (x, y, time, high >> 7))
        if not t.size or np.any(np.diff(t) < 0):
            raise ValueError("there are no events, or their times fall")
        events = event_array(x, y, t, p)
        check_events(events, shape)
    return events


def write_nmnist(path: str | Path, events: np.ndarray) -> None:
    """Write events in N-MNIST's format, for read_nmnist; late times need overflow rows.

    Raises ValueError if there are no events or all are zero, if some are outside 34 x 34 pixels, or
    if times are negative or out of order.

        >>> ms.write_nmnist("0.bin", ms.event_array(x=[4, 2], y=[0, 1], t=[10, 30], p=[1, 0]))
        >>> ms.read_nmnist("0.bin")["x"]
        array([4, 2], dtype=int16)
    """
    events = as_events(events, SHAPE)
    time = events["t"]
    if not events.size or time[0] < 0 or np.any(np.diff(time) < 0):
        raise ValueError(f"{path}: expected events with times from zero on, sorted")
    # overflow rows before each event
    overflows = np.maximum(-((_LARGEST_TIME - time) // OVERFLOW_US), 0)
    before = np.diff(overflows, prepend=0)
    rows = np.zeros((events.size + int(before.sum()), 5), np.uint8)
    rows[:, 1] = OVERFLOW_ROW
    stored = time - OVERFLOW_US * overflows
    third = (events["p"].astype(np.int64) << 7) | (stored >> 16)
    columns = events["x"], events["y"], third, (stored >> 8) & 255, stored & 255
    rows[np.arange(events.size) + np.cumsum(before)] = np.stack(columns, axis=1)
    if not rows.any():  # read_nmnist would reject it as a file that was not written to its end
        raise ValueError(f"{path}: all events are OFF at x = 0, y = 0 and time 0")
    Path(path).write_bytes(rows.tobytes())


def numbered(paths: Iterable[Path], labels: Iterable[str]) -> list[tuple[str, int, Path]]:
    """List the files <label>/<number> or <label>/<label>_<number> for these labels, in upper or
    lower case, as (label, number, path), in this order. Raises ValueError, naming the file, if its
    name has no number, or the same number as another file with its label."""
    found: dict[tuple[str, int], Path] = {}
    for path in paths:
        label = path.parent.name.lower()
        if label in labels:
            match: Any = re.fullmatch(rf"({label}_)?0*([1-9][0-9]*)", path.stem.lower())
            need(f"{path}: its name", path.name, match, f"a number, such as 00002{path.suffix}")
            twin = found.setdefault((label, int(match[2])), path)
            need(f"{path}: its number", match[2], twin == path, f"another than that of {twin}")
    return [(*key, found[key]) for key in sorted(found)]


def nmnist_files(root: str | Path, split: str) -> dict[int, list[tuple[int, Path]]]:
    """List the recordings of one split under `root` by digit, as {digit: [(number, path), ...]},
    sorted; a digit without files has an empty list.

    root: the folder that holds Train or Test, in upper or lower case.  split: "train" or "test", in
    any case. No file is opened. Raises ValueError, naming root, if it has no recordings. It also
    raises the errors of `numbered`.
    """
    files = Path(root).glob("*/*/[!.]*.[bB][iI][nN]")
    found = numbered(
        (path for path in files if path.parts[-3].lower() == split.lower()), "0123456789"
    )
    expected = f"{split}/<digit>/<number>.bin, of which Double N-MNIST is made"
    need(f"{root}: the list of recordings in {split}", [], found, expected)
    return {
        digit: [(number, path) for label, number, path in found if label == str(digit)]
        for digit in range(10)
    }
