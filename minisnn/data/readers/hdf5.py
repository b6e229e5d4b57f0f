"""Errors that name the file in which something is wrong, and careful reading of HDF5 files written
by others: links to other files are not followed, and an array's size is checked before it is
read."""

import math
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 400  # most characters quoted from a library's error message, since some contain the file's content
MOST = 40_000_000  # most values of an array: four million events of ten columns


@contextmanager
def naming(path: str | Path, what: str = "") -> Generator[None, None, None]:
    """Convert any library's error about a damaged file into a ValueError of one line, which names
    the file and what was expected in it."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # such as OSError, KeyError, or a panic in Rust
        text = " ".join(str(error).split()) or type(error).__name__
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
        if "allow_pickle" in text:  # NumPy would advise to load them unsafely
            text = "it is no NumPy file, or holds objects, which could run code"
        named = isinstance(error, ValueError) and text.startswith(str(path))
        if named or isinstance(error, OSError) and error.filename is not None:
            raise
        text = text if isinstance(error, ValueError) else f"cannot be read ({text})"
        expected = f"; expected {what}" if what and "expected" not in text else ""
        raise ValueError(f"{path}: {text}{expected}") from None


def dataset(file: Any, name: str) -> Any:
    """Return the data set of an open h5py.File; None if there is none of this name. Raises
    ValueError if it is in another file."""
    item = file.get(name)
    if not hasattr(item, "shape"):
        return None
    if item.is_virtual or item.external or item.file != file:
        raise ValueError(f"{name} is in another file; expected the data themselves")
    return item


def values(file: Any, name: str, row: int | None = None) -> np.ndarray:
    """Read a data set of an open h5py.File, or one of its rows. Raises ValueError if it is missing,
    too large, or in another file."""
    item = dataset(file, name)
    if item is None:
        raise ValueError(f"there is no {name}")
    if math.prod(item.shape if row is None else item.shape[1:]) > MOST:
        raise ValueError(f"{name} has shape {item.shape}; expected at most {MOST} values")
    if item.attrs.get("MATLAB_empty", 0):  # such an array contains its shape
        return np.zeros(0, item.dtype)
    return np.asarray(item[() if row is None else row])
