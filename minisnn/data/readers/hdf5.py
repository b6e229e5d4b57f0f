"""Safe reading of HDF5 files written by others: links are not followed, and an array's size is
checked before it is read."""

import math
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from ...files import size_of

LONGEST = 400  # most characters quoted from a library's error message, since some contain the file's content


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


class Hdf5:
    """An open HDF5 file; use it in a `with` statement, or drop it.

    path   the file        what   what is expected to be in it, for errors

    Methods raise h5py's errors for a damaged file, and ValueError if a part is missing, is a link
    to another file, or is not as expected; `naming` adds the file's name.
    """

    def __init__(self, path: str | Path, what: str):
        import h5py

        size_of(path, what, 1 << 62)
        self.path = Path(path)
        with naming(path, what):
            self.file = h5py.File(path, "r")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.file.close()

    def find(self, name: str) -> Any:
        """Return the data set or group of that name; None if there is none."""
        item: Any = self.file.get(name or "/")
        links = getattr(item, "is_virtual", False) or getattr(item, "external", None)
        if links or item is not None and item.file != self.file:
            raise ValueError(f"{name} is in another file; expected the data themselves")
        return item

    def has(self, name: str) -> bool:
        """Return whether there is a data set of that name."""
        return hasattr(self.find(name), "shape")

    def names(self, group: str = "") -> list[str]:
        """List the names in a group; [] if there is no such group."""
        item = self.find(group)
        return [] if item is None or hasattr(item, "shape") else list(item)

    def array(self, name: str, most: int, row: int | None = None) -> np.ndarray:
        """Read a data set, or one of its rows, of at most `most` values. Raises ValueError if it is
        missing."""
        if not self.has(name):
            raise ValueError(f"there is no {name}")
        item = self.find(name)
        if math.prod(item.shape if row is None else item.shape[1:]) > most:
            raise ValueError(f"{name} has shape {item.shape}; expected at most {most} values")
        if item.attrs.get("MATLAB_empty", 0):  # such an array contains its shape
            return np.zeros(0, item.dtype)
        return np.asarray(item[() if row is None else row])

    def texts(self, name: str) -> list[str] | None:
        """Read texts, in UTF-8 or else Latin-1, or numbers as texts; None if there is no such data
        set."""
        if not self.has(name):
            return None
        found = [
            one if isinstance(one, bytes) else str(one).encode()
            for one in np.ravel(self.find(name)[()]).tolist()
        ]
        with suppress(UnicodeDecodeError):
            return [text.decode() for text in found]
        return [text.decode("latin-1") for text in found]
