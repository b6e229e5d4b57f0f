"""Variables of real numbers in a MATLAB file of version 5 to 7, or of 7.3, which is HDF5. (scipy
reads the former too, but damaged bytes end the process.)"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...files import read_whole
from .hdf5 import MOST, dataset, values

COMPRESSED, MATRIX = 15, 14  # codes of parts of a MATLAB file, and of numeric types
STORED = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 12, 13), "i1 u1 i2 u2 i4 u4 f4 f8 i8 u8".split()))


def variables(path: Path, names: Sequence[str], what: str) -> dict[str, np.ndarray]:
    """Return those of the variables `names` that the file contains, with MATLAB's rows and columns.
    Call it inside `naming`. Raises ValueError if the file is not a MATLAB file, or is truncated."""
    content = read_whole(path, what, 8 * MOST)
    if b"\x89HDF\r\n\x1a\n" in (content[:8], content[512:520]):
        import h5py

        with h5py.File(path) as file:
            return {name: values(file, name).T for name in names if dataset(file, name)}
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise ValueError("no MATLAB file of version 5 or 7.3")
    found = {}
    for kind, data in _elements(content[128:], order):
        if kind == COMPRESSED:
            with suppress(zlib.error):  # skip damaged variables; a missing one raises later
                data = zlib.decompressobj().decompress(data, 8 * MOST)
                kind, data = next(_elements(data, order))
        if kind == MATRIX:
            _, (_, shape), (_, letters), *parts = _elements(data, order)
            name = letters.decode("latin-1")
            if name in names and len(parts) == 1:  # real numbers
                stored, numbers = parts[0]
                flat = np.frombuffer(numbers, order + STORED[stored])
                found[name] = flat.reshape(np.frombuffer(shape, f"{order}i4"), order="F")
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
