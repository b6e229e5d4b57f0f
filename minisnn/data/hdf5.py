"""HDF5 files of others, read so that no damage, link or absurd size does harm: it is told in a sentence, before allocating."""
from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py


def open_hdf5(path: str | Path, what: str) -> "h5py.File":
    """An HDF5 file, open to be read. ValueError, naming it and `what` was expected, where it cannot be opened."""
    import h5py
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: this is a folder; expected {what}")
    with open(path, "rb"):              # where it is missing or locked away, the system's own error says so best
        pass
    try:
        return h5py.File(path, "r")
    except Exception as error:
        raise ValueError(f"{path}: not readable as HDF5, or truncated ({one_line(error)}); expected {what}") from None


def find_item(file: "h5py.Group", name: str, path: Path) -> "h5py.Dataset | h5py.Group | None":
    """The data set or group of that name, None where there is none; ValueError where a link stands in its way."""
    import h5py
    item = file
    parts = name.split("/")
    for depth, part in enumerate(parts, 1):
        if not isinstance(item, h5py.Group):
            return None
        link = told(partial(item.get, part, None, getlink=True), path, name)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{path}: {'/'.join(parts[:depth])} is a link to another place or file; "
                             "expected the data themselves, links are not followed")
        item = told(partial(item.__getitem__, part), path, name)
    return item


def read_numbers(file: "h5py.Group", name: str, path: Path, most: int) -> np.ndarray:
    """The numbers of a data set, of at most `most` values. ValueError, naming file and data set, where there are none.

    MATLAB's empty arrays, which hold their own shape, come back empty.
    """
    import h5py
    item = find_item(file, name, path)
    if item is None:
        raise ValueError(f"{path}: there is no {name}; the file is of another kind or incomplete")
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"{path}: {name} is a group; expected a data set of numbers")

    def facts() -> tuple:
        outside = item.is_virtual or bool(item.external)
        return outside, item.shape, item.dtype, item.chunks or (), bool(item.attrs.get("MATLAB_empty", 0))

    outside, shape, dtype, chunks, empty = told(facts, path, name)
    if outside:
        raise ValueError(f"{path}: {name} lies in other files; expected the data themselves, links are not followed")
    if shape is None or dtype.kind not in "biuf":
        raise ValueError(f"{path}: {name} is of type {dtype} and shape {shape}; expected an array of numbers")
    largest = max(_product(shape), _product(chunks))
    if largest > most:
        raise ValueError(f"{path}: {name} asks for {largest} values; expected at most {most}")
    if empty:
        return np.zeros(0, dtype)
    return told(lambda: np.asarray(item[()]), path, name)


def walk(file: "h5py.Group", path: Path, most: int, depth: int = 8, items: int = 10_000) -> None:
    """Before a reader of somebody else's opens a file: ValueError where it holds links, data that lie elsewhere, more than
    `most` values or `items` entries, or groups within groups deeper than `depth`."""
    import h5py
    stack: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    values = 0
    while stack:
        place, group, level = stack.pop()
        if level > depth:
            raise ValueError(f"{path}: {place} lies deeper than {depth} groups; expected a flatter file")
        for part in told(partial(list, group), path, place or "the file"):
            name, items = f"{place}/{part}", items - 1
            item = find_item(group, part, path)
            if isinstance(item, h5py.Group):
                stack.append((name, item, level + 1))
            elif isinstance(item, h5py.Dataset):
                if told(lambda item=item: item.is_virtual or bool(item.external), path, name):
                    raise ValueError(f"{path}: {name} lies in other files; expected the data themselves")
                chunks = told(lambda item=item: item.chunks or (), path, name)
                values += max(_product(told(lambda item=item: item.shape or (), path, name)), _product(chunks))
            if values > most or items < 0:
                raise ValueError(f"{path}: the file holds too much at {name}; expected at most {most} values")


def _product(sizes: tuple[int, ...]) -> int:
    total = 1
    for size in sizes:
        total *= int(size)              # of Python's integers, which do not overflow
    return total


def told(call, path: Path, name: str):
    """What `call` returns; whatever HDF5 raises is told in one sentence."""
    try:
        return call()
    except Exception as error:          # h5py raises OSError, KeyError, RuntimeError, TypeError, MemoryError, ...
        raise ValueError(f"{path}: {name} cannot be read, the file is damaged ({one_line(error)})") from None


def one_line(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
