"""Event Stream files (.es) of DVS events, version 2 (neuromorphic-paris/event_stream, README:
"Event Stream is a file format specification").

    bytes 0-11   "Event Stream"    12-14   version    15   type: 1 = DVS events    16-19   width, height, 16 bits each,
                 little-endian

then, an event or a sign a time,

    0xff                   127 us have passed        0xfe   a reset, which says nothing
    b0 x x y y             t = b0 >> 1 us since the event before, polarity b0 & 1 (1 = ON), column
                           and row in 16 bits each

Row 0 is at the bottom, as the format's own tools have it (faery turns it over); here it is at the
top.
"""

from pathlib import Path

import numpy as np

from ...files import read_whole
from ...parallel.compilation import njit
from .events import EVENT

MAGIC = b"Event Stream"
KINDS = ("generic", "DVS", "ATIS", "display", "colour")
# of a file: 50 million events
_HEAD = 20
_MOST_BYTES = 1 << 28
_OVERFLOW, _RESET, _US = 0xFF, 0xFE, 127


def read_head(path: Path, head: bytes) -> tuple[int, int]:
    """Rows and columns of the sensor, of a file's first bytes. ValueError, naming the file, where
    it is of another form."""
    if head[:12] != MAGIC or len(head) < 16:
        raise ValueError(
            f"{path}: does not begin with the words Event Stream; expected an Event Stream file of "
            "DVS events"
        )
    version = ".".join(map(str, head[12:15]))
    kind = head[15]
    if head[12] != 2:
        raise ValueError(f"{path}: is of version {version} of Event Stream; expected version 2")
    if kind != 1:
        of = f"{KINDS[kind]} events" if kind < len(KINDS) else f"the unknown type {kind}"
        raise ValueError(f"{path}: holds {of}; expected DVS events (type 1)")
    if len(head) < _HEAD:
        raise ValueError(f"{path}: ends within its head; expected width and height of the sensor")
    width = int.from_bytes(head[16:18], "little")
    height = int.from_bytes(head[18:20], "little")
    if not (0 < width <= np.iinfo(EVENT["x"]).max and 0 < height <= np.iinfo(EVENT["y"]).max):
        raise ValueError(
            f"{path}: has a sensor of {width} x {height} pixels; expected from 1 to "
            f"{np.iinfo(EVENT['x']).max}"
        )
    return height, width


def sensor_of_stream(path: str | Path) -> tuple[int, int]:
    """Rows and columns of the sensor, of the head alone; errors as `read_event_stream`."""
    with open(path, "rb") as file:
        return read_head(Path(path), file.read(_HEAD))


def read_event_stream(path: str | Path) -> np.ndarray:
    """Events of one file (dtype EVENT), sorted by time, row 0 on top.

    Raises ValueError, naming the file, where it is of another form, version or type, ends within an
    event, or has events outside its sensor; FileNotFoundError where it is missing.
    """
    path = Path(path)
    raw = read_whole(path, "an Event Stream file", _MOST_BYTES)
    rows, columns = read_head(path, raw[:_HEAD])
    data = np.frombuffer(raw, np.uint8, offset=_HEAD)
    t, x, y = (np.empty(len(data) // 5 + 1, np.int64) for _ in range(3))
    p = np.empty(len(t), np.int8)
    number, whole = _decoded(data, t, x, y, p)
    if not whole:
        raise ValueError(f"{path}: ends within event {number}; the file is truncated")
    outside = np.flatnonzero((x[:number] >= columns) | (y[:number] >= rows))
    if outside.size:
        k = int(outside[0])
        raise ValueError(
            f"{path}: event {k} lies at x = {x[k]}, y = {y[k]}; expected x below {columns} and "
            f"y below {rows}, so the file is damaged"
        )
    events = np.empty(number, EVENT)
    events["x"] = x[:number]
    events["y"] = rows - 1 - y[:number]
    events["t"] = t[:number]
    events["p"] = p[:number]
    return events


@njit(cache=True, nogil=True)
def _decoded(data, t, x, y, p):
    """(events, whether the last is whole) of the bytes after the head, written into t, x, y and
    p."""
    at, number, now = 0, 0, 0
    while at < len(data):
        first = data[at]
        if first == _OVERFLOW:
            now += _US
            at += 1
        elif first == _RESET:
            at += 1
        else:
            if at + 5 > len(data):
                return number, False
            now += first >> 1
            t[number] = now
            p[number] = first & 1
            x[number] = np.int64(data[at + 1]) | (np.int64(data[at + 2]) << 8)
            y[number] = np.int64(data[at + 3]) | (np.int64(data[at + 4]) << 8)
            number += 1
            at += 5
    return number, True
