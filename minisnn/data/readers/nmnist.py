"""N-MNIST recordings on disk (Orchard, Jayawant, Cohen & Thakor 2015, Frontiers in Neuroscience
9:437).

The data set (CC BY-SA 4.0) lies in Train/<digit>/<number>.bin and Test/<digit>/<number>.bin, where
<number> counts the pictures of MNIST from 1. A file has five bytes an event, for a sensor of 34 x
34 pixels:

    byte 0: x    byte 1: y    byte 2, top bit: polarity (1 = ON)    the other 23 bits of bytes 2-4: time in microseconds

A row with y = 240 is not an event: the clock has overflowed, and 8192 us are added to the times of
all rows after it.
"""

import re
from pathlib import Path

import numpy as np

from .clock import check_clock
from .events import EVENT, as_events
from ...files import read_whole

SHAPE = (34, 34)
OVERFLOW_ROW = 240
OVERFLOW_US = 8192
_LARGEST_TIME = (1 << 23) - 1
_MOST_ROWS = 2_000_000  # the real recordings have some 4,000


def read_nmnist(path: str | Path, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Events of one file in N-MNIST's format, sorted by time.

    shape   rows and columns of the sensor, where it differs, as N-Caltech101's does. At most
            OVERFLOW_ROW rows, for the byte of that row says that the clock has overflowed

    Raises ValueError, naming the file, where it is empty, truncated, or not a recording of such a
    sensor, and FileNotFoundError where it is missing.

    >>> with open("one.bin", "wb") as file:
    ...     _ = file.write(bytes([5, 7, 0b10000000, 0, 200]))  # x, y, polarity and time: ON at 200 us
    >>> events = ms.read_nmnist("one.bin")
    >>> [int(events[name][0]) for name in ("x", "y", "p", "t")]
    [5, 7, 1, 200]
    """
    if shape[0] > OVERFLOW_ROW or shape[1] > 256:
        raise ValueError(
            f"{path}: a file of N-MNIST's form cannot be of a sensor of {shape[1]} x {shape[0]} "
            "pixels: x is one byte, and y "
            f"one below {OVERFLOW_ROW}"
        )
    path = Path(path)
    raw = np.frombuffer(read_whole(path, "an N-MNIST recording", 5 * _MOST_ROWS), np.uint8)
    if not raw.size:
        raise ValueError(
            f"{path}: the file is empty; expected an N-MNIST recording of five bytes an event"
        )
    if raw.size % 5:
        raise ValueError(
            f"{path}: {raw.size} bytes are not a whole number of five-byte events; the file is "
            "truncated or no N-MNIST recording"
        )
    if not raw.any():
        raise ValueError(
            f"{path}: the file holds nothing but zero bytes; expected an N-MNIST recording"
        )
    x, y, high, middle, low = raw.reshape(-1, 5).T.astype(np.int64)
    overflow = y == OVERFLOW_ROW
    time = ((high & 127) << 16 | middle << 8 | low) + OVERFLOW_US * np.cumsum(overflow)
    keep = ~overflow
    if not keep.any():
        raise ValueError(
            f"{path}: the file holds overflow rows only; expected an N-MNIST recording with events"
        )
    outside = keep & ((x >= shape[1]) | (y >= shape[0]))
    if outside.any():
        row = int(np.argmax(outside))
        sensor = (
            f"expected x below {shape[1]} and y below {shape[0]} on a sensor of {shape[1]} x "
            f"{shape[0]} pixels"
        )
        raise ValueError(
            f"{path}: row {row} lies at x = {x[row]}, y = {y[row]}; {sensor}, so the file is "
            "damaged, of another sensor (--sensor) or no N-MNIST recording"
        )
    events = np.empty(int(keep.sum()), EVENT)
    events["x"] = x[keep]
    events["y"] = y[keep]
    events["t"] = time[keep]
    events["p"] = (high >> 7)[keep]
    backwards = np.diff(events["t"]) < 0
    if backwards.any():
        row = int(np.argmax(backwards)) + 1
        raise ValueError(
            f"{path}: time falls from {events['t'][row - 1]} to {events['t'][row]} us at event "
            f"{row}; expected times in order, so the file is damaged or no N-MNIST recording"
        )
    try:
        check_clock(events)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return events


def write_nmnist(path: str | Path, events: np.ndarray) -> None:
    """Write events in N-MNIST's format, so that read_nmnist gives them back (overflow rows where
    time asks for them).

    Raises ValueError where the events are none, too many or all zero, lie outside 34 x 34 pixels,
    or have times below zero or out of order.
    """
    events = as_events(events, SHAPE)
    if not events.size:
        raise ValueError(f"{path}: there are no events to write; expected at least one")
    time = events["t"]
    if time[0] < 0 or np.any(np.diff(time) < 0):
        raise ValueError(
            f"{path}: event times start at {time[0]} us or are out of order; expected times from "
            "zero on, sorted"
        )
    # rows that must stand before each event
    overflows = np.maximum(-((_LARGEST_TIME - time) // OVERFLOW_US), 0)
    before = np.diff(overflows, prepend=0)
    place = np.arange(events.size) + np.cumsum(before)
    if events.size + int(before.sum()) > _MOST_ROWS:
        raise ValueError(
            f"{path}: there are {events.size + int(before.sum())} rows to write; expected at most "
            f"{_MOST_ROWS}"
        )
    rows = np.zeros((events.size + int(before.sum()), 5), np.uint8)
    rows[:, 1] = OVERFLOW_ROW
    stored = time - OVERFLOW_US * overflows
    third = (events["p"].astype(np.int64) << 7) | (stored >> 16)
    rows[place] = np.stack(
        [events["x"], events["y"], third, (stored >> 8) & 255, stored & 255], axis=1
    )
    if not rows.any():  # read_nmnist would take it for a file that was never written to its end
        raise ValueError(
            f"{path}: all events are OFF at x = 0, y = 0 and time 0, a file of zero bytes; "
            "expected a recording"
        )
    Path(path).write_bytes(rows.tobytes())


def labelled_files(root: str | Path, split: str) -> dict[str, list[tuple[int, Path]]]:
    """The recordings of one split under `root`, by the names of their folders: {label: [(number,
    path), ...]}, both sorted.

    root: the folder that holds Train or Test, in upper or lower case.  split: "train" or "test", in
    any case. Nothing is opened. Raises ValueError, naming root, where the split is absent or empty,
    and naming the file where it has no number.
    """
    root = Path(root)
    if split.lower() not in ("train", "test"):
        raise ValueError(f"split is {split!r}; expected 'train' or 'test'")
    if not root.is_dir():
        raise ValueError(
            f"{root}: no such folder; expected the root of N-MNIST, which holds Train or Test"
        )
    names = sorted(one.name for one in root.iterdir() if one.is_dir() and one.name[0] != ".")
    folder = next((root / name for name in names if name.lower() == split.lower()), None)
    if folder is None:
        raise ValueError(
            f"{root}: there is no folder {split.capitalize()}; found {names or 'no folders'}, "
            "expected the root of N-MNIST, which holds Train or Test"
        )
    files = {
        label.name: _numbered(label)
        for label in sorted(folder.iterdir())
        if label.is_dir() and label.name[0] != "."
    }
    files = {label: numbered for label, numbered in files.items() if numbered}
    if not files:
        raise ValueError(
            f"{root}: no recordings in {folder.name}; expected {folder.name}/<digit>/<number>.bin"
        )
    return files


def nmnist_files(root: str | Path, split: str) -> dict[int, list[tuple[int, Path]]]:
    """`labelled_files` of the ten digits; one without a folder or without files has an empty list.

    Raises ValueError, naming root, where there are none of them, too.
    """
    files = labelled_files(root, split)
    digits = {digit: files.get(str(digit), []) for digit in range(10)}
    if not any(digits.values()):
        raise ValueError(
            f"{root}: the recordings are of {', '.join(list(files)[:9])}; expected the digits "
            "0 to 9, of which Double N-MNIST is made"
        )
    return digits


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    numbered = []
    for path in folder.iterdir():
        if path.suffix.lower() != ".bin" or path.name.startswith("."):
            continue
        if not re.fullmatch("0*[1-9][0-9]{0,8}", path.stem):
            raise ValueError(
                f"{path}: the file name is not an MNIST picture number; expected for example "
                "00002.bin"
            )
        numbered.append((int(path.stem), path))
    return sorted(numbered)
