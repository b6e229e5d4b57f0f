"""ASL-DVS on disk: letters of American Sign Language before an event camera.

Bi, Chadha, Abbas, Bourtsoulatze & Andreopoulos 2019, "Graph-based object classification for neuromorphic vision
sensing", ICCV. 24 letters (j and z are movements), 4,200 recordings of about 100 ms each by a DAVIS240c of 240 x 180
pixels, in <letter>/<letter>_<number>.mat. A file has four variables of equal length, as rows or columns:

    ts   time in microseconds    x, y   column and row of the pixel    pol   polarity (1 = ON)

Files of MATLAB 5 to 7 and of 7.3 (HDF5) are read. In some releases y grows upwards: `flip_y` turns the picture over.
"""

from __future__ import annotations

import re
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np

from .events import check_events, event_array
from .foreign import ForeignFile
from .torchneuromorphic import MOST_EVENTS
from ...files import read_whole, size_of

LETTERS = tuple("abcdefghiklmnopqrstuvwxy")
SHAPE = (180, 240)  # rows, columns
VARIABLES = ("ts", "x", "y", "pol")
_MATRIX, _COMPRESSED = 14, 15  # types of elements; those of numbers are
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_OTHER_CLASSES = {1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse"}
_LARGEST_FILE = 40 * MOST_EVENTS  # bytes
_MOST_ELEMENTS = 1000
_LATEST = 1 << 52  # microseconds; whole numbers up to here are exact in MATLAB's doubles


def asl_files(root: str | Path) -> list[tuple[str, Path]]:
    """The recordings under `root` as (letter, path), by letter in alphabetic order, then by number.

    root: the folder that holds one folder a letter, in upper or lower case; letters may be missing. No file is opened.
    Raises ValueError, naming root, where it holds no such recordings, and naming the file or folder where a letter has
    two folders, a file is not named <letter>_<number>.mat after its folder, or two files have one number.
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
            raise ValueError(f"{root}: letter {letter} has the folders {folders[0].name} and {folders[1].name}; expected one")
        numbered = sorted(
            (recording_number(path), path)
            for folder in folders
            for path in folder.iterdir()
            if path.suffix.lower() == ".mat" and not path.name.startswith(".")
        )
        for (number, path), (other, twin) in pairwise(numbered):
            if number == other:
                raise ValueError(f"{twin}: has the same number as {path.name}; expected one file a recording")
        files += [(letter, path) for _, path in numbered]
    if not files:
        raise ValueError(f"{root}: no recordings; found the folders {names[:30]}, {expected}")
    return files


def recording_number(path: str | Path) -> int:
    """The number of a recording, from 1 on, by its file name <letter>_<number>.mat; ValueError where it has none."""
    path = Path(path)
    letter = path.parent.name.lower()
    match = re.fullmatch(r"([a-z])_([0-9]{1,9})", path.stem.lower())
    if not match or match[1] != letter or int(match[2]) < 1:
        raise ValueError(f"{path}: the file name is no recording of letter {letter}; expected for example {letter}_0001.mat")
    return int(match[2])


def read_asl(path: str | Path, flip_y: bool = False) -> np.ndarray:
    """Events of one recording (dtype EVENT), sorted by time; events of one time keep their order.

    flip_y: row y becomes 179 - y, for releases whose y grows upwards.
    Raises ValueError, naming the file, where it is no MATLAB file or truncated, lacks a variable, has variables of
    differing lengths or none, or values that are not finite, not whole, or out of range; FileNotFoundError where it is
    missing.
    """
    path = Path(path)
    size_of(path, "a recording of ASL-DVS", _LARGEST_FILE)
    columns = {name: _column(path, name, values) for name, values in _variables(path).items()}
    lengths = {name: values.size for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"{path}: ts, x, y and pol differ in length: {lengths}; the file is damaged")
    if not lengths["ts"]:
        raise ValueError(f"{path}: the recording has no events; expected at least one")
    for name, low, high in (("ts", 0, _LATEST), ("x", 0, SHAPE[1] - 1), ("y", 0, SHAPE[0] - 1), ("pol", 0, 1)):
        least, largest = columns[name].min(), columns[name].max()
        if least < low or largest > high:
            raise ValueError(
                f"{path}: {name} reaches from {least} to {largest}; expected {low} to {high} in a recording of 240 x 180 pixels"
            )
    y = columns["y"].astype(np.int64)
    events = event_array(columns["x"], SHAPE[0] - 1 - y if flip_y else y, columns["ts"], columns["pol"])
    check_events(events, SHAPE)
    return events


def _variables(path: Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        head = file.read(520)
    if not head:
        raise ValueError(f"{path}: the file is empty; expected a recording of ASL-DVS")
    if b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:]):
        with ForeignFile(path, "a recording of ASL-DVS") as file:
            return file.numbers(list(VARIABLES), MOST_EVENTS)
    if head[126:128] not in (b"IM", b"MI"):
        raise ValueError(f"{path}: no MATLAB file of version 5 or 7.3; expected a recording of ASL-DVS")
    return _matlab_5(path)


def _matlab_5(path: Path) -> dict[str, np.ndarray]:
    """The four variables of a file of version 5: a header of 128 bytes, then elements, each a variable.

    "MAT-File Format", The MathWorks. scipy.io.loadmat is not used: it crashes the process on some damaged files.
    """
    data = read_whole(path, "a recording of ASL-DVS", _LARGEST_FILE)
    order = "<" if data[126:128] == b"IM" else ">"
    found: dict[str, np.ndarray] = {}
    try:
        at, elements = 128, 0
        while at < len(data):
            elements += 1
            if elements > _MOST_ELEMENTS:
                raise ValueError(f"there are more than {_MOST_ELEMENTS} elements")
            kind, body, end = _element(data, at, order)
            at = end if kind == _COMPRESSED else at + 8 + len(body)
            if kind == _COMPRESSED:
                # the name first, of a bounded piece: what else a file holds may be large
                if _variable_name(zlib.decompressobj().decompress(body, 1024), order) not in VARIABLES:
                    continue
                body = zlib.decompressobj().decompress(body, 8 * MOST_EVENTS + 1024)
                kind, body, _ = _element(body, 0, order)
            if kind == _MATRIX and (name := _variable_name(body, order, 0)) in VARIABLES:
                if name in found:
                    raise ValueError(f"there are two variables {name}")
                found[name] = _numbers(body, name, order)
    except (ValueError, struct.error, zlib.error) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}; the file is truncated, damaged or no recording") from None
    missing = [name for name in VARIABLES if name not in found]
    if missing:
        raise ValueError(f"{path}: there is no {missing[0]}; the file is truncated or no recording of ASL-DVS")
    return found


def _element(data: bytes, at: int, order: str) -> tuple[int, bytes, int]:
    """Type and content of the element at byte `at`, and where the next one begins."""
    kind, size = struct.unpack_from(order + "II", data, at)
    if kind >> 16:  # up to four bytes, packed beside their size
        kind, size, begin, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if size > 4:
            raise ValueError(f"a short element at byte {at} has {size} bytes, at most 4 fit")
    else:
        begin = at + 8
        end = begin + (size if kind == _COMPRESSED else -(-size // 8) * 8)
    body = data[begin : begin + size]
    if len(body) < size:
        raise ValueError(f"an element at byte {at} has {len(body)} of its {size} bytes")
    return kind, body, end


def _variable_name(matrix: bytes, order: str, at: int = 8) -> str:
    """Name of a matrix whose content begins at byte `at`: it follows the flags and the shape."""
    for _ in range(2):
        _, _, at = _element(matrix, at, order)
    return _element(matrix, at, order)[1].decode("latin-1")


def _numbers(matrix: bytes, name: str, order: str) -> np.ndarray:
    """The numbers of a matrix; they may be stored in a smaller type than the variable's."""
    _, flags, at = _element(matrix, 0, order)
    (word,) = struct.unpack_from(order + "I", flags)
    if word & 255 not in range(6, 16):
        found = _OTHER_CLASSES.get(word & 255, word & 255)
        raise ValueError(f"{name} is of MATLAB's class {found}, expected an array of numbers")
    if word & 0x800:
        raise ValueError(f"{name} has type complex, expected real numbers")
    _, body, at = _element(matrix, at, order)
    shape = struct.unpack(f"{order}{len(body) // 4}i", body)
    _, _, at = _element(matrix, at, order)
    kind, body, _ = _element(matrix, at, order)
    if kind not in _STORED:
        raise ValueError(f"{name} is stored as type {kind}, expected numbers")
    dtype = np.dtype(order + _STORED[kind])
    size = 1
    for length in shape:
        size *= length
    if min(shape, default=0) < 0 or size * dtype.itemsize != len(body):
        raise ValueError(f"{name} has shape {shape} and {len(body)} bytes of {dtype.name}, which do not fit")
    return np.frombuffer(body, dtype).reshape(shape, order="F")


def _column(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    """Squeezed to one axis, checked to be whole numbers, and a type that min and max compare well."""
    if values.size and max(values.shape, default=1) != values.size:
        raise ValueError(f"{path}: {name} has shape {values.shape}; expected one row or column, a value an event")
    values = values.reshape(-1)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{path}: {name} has type {values.dtype}; expected real numbers")
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: {name} holds values that are not finite; expected whole numbers")
        if not np.array_equal(values, np.rint(values)):
            raise ValueError(
                f"{path}: {name} holds values that are not whole, such as "
                f"{values[values != np.rint(values)][0]}; expected whole numbers"
            )
    return values
