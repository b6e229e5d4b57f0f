"""A cache of made arrays, each entry named by a hash of everything that made it.

A setting, a source file or a line of the code that changes asks for another entry, so that none is
ever stale. The folder is that of the environment variable MINISNN_CACHE, or else the platform's own
for caches; all of it may be deleted at any time. An entry is written beside its place and renamed
into it: killed at any moment, none is half there.
"""

import dataclasses
import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import whole_file

FORMAT = 1  # of the entries themselves
SETTLED = 2e9  # ns: a file that changed later than this may change again and look the same
_KEY = "made from"  # member of every entry: the text that its name is the hash of
# of contents of files, by what the system says of a file that is settled
_hashes: dict[tuple, str] = {}


def folder() -> Path:
    """Where entries are: MINISNN_CACHE, or the user's cache folder of the platform."""
    if given := os.environ.get("MINISNN_CACHE"):
        return Path(given).expanduser()
    variable, *usual = {
        "win32": ("LOCALAPPDATA", "AppData", "Local"),
        "darwin": ("", "Library", "Caches"),
    }.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    return Path(os.environ.get(variable) or Path.home().joinpath(*usual)) / "minisnn"


def cached(
    name: str, made_from: Mapping, make: Callable[[], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The arrays `make()` returns, from the cache where `made_from` is known there, else made and
    kept.

    name        first part of the entry's file name, for people who look into the folder
    made_from   everything the arrays depend on: numbers, texts, None, lists, dictionaries,
                dataclasses, NumPy arrays (by content); `file_identity` and `code.code_identity`
                describe input files and the code
    make        called without arguments; returns a dictionary of arrays

    A damaged entry is made again, with a warning. Where the folder cannot be used the arrays are
    made, with a warning. Raises TypeError where `made_from` holds something whose content cannot be
    told.
    """
    key = _text({"format": FORMAT, "name": name, "made_from": made_from})
    path = folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as entry:
            arrays = {name: entry[name] for name in entry.files}
        if str(arrays.pop(_KEY)) == key:
            return arrays
        raise ValueError("it was made from other settings")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except Exception as error:  # a damaged zip raises almost anything
        warnings.warn(f"cache entry {path} is damaged ({error}); it is made again", stacklevel=2)
    arrays = dict(make())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as whole:
            np.savez(whole, **{_KEY: key, **arrays})
    except OSError as error:
        warnings.warn(
            f"cache folder {path.parent} cannot be used ({error.strerror or error}); going on "
            "without it, set MINISNN_CACHE to a folder that can be written",
            stacklevel=2,
        )
    return arrays


def file_identity(paths: Iterable[Path]) -> str:
    """A hash of the files' full names and of all their bytes (`content_of`)."""
    known = sorted(Path(path).absolute() for path in paths)
    return hashlib.sha256("".join(f"{p}\0{content_of(p)}\n" for p in known).encode()).hexdigest()


def folder_identity(root: Path) -> str:
    """A hash of a file, or of the files in a folder, in its folders and in theirs: their names
    within it, and their bytes."""
    if root.is_file():
        return content_of(root)
    inside = {path for depth in ("*", "*/*", "*/*/*") for path in root.glob(depth)}
    files = sorted(path for path in inside if path.is_file())
    return identity([[str(path.relative_to(root)), content_of(path)] for path in files])


def content_of(path: Path) -> str:
    """SHA-256 of a file's bytes.

    A process remembers it of a file of which the system says nothing new: not its size, its times
    of change (of the contents, and of the inode, which no user can set), nor its inode. A file that
    changed a moment ago is read again, for within a tick of the clock two changes look the same; so
    is every file on Windows, which tells no time of the inode's change.
    """
    status = path.stat()
    changed = status.st_mtime_ns, status.st_ctime_ns
    key = path, status.st_dev, status.st_ino, status.st_size, *changed
    if key in _hashes:
        return _hashes[key]
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time_ns() - max(changed) > SETTLED and sys.platform != "win32":
        _hashes[key] = found
    return found


def identity(value: Any) -> str:
    """A hash of numbers, texts, arrays, lists, dictionaries and dataclasses, by content, as in
    `cached`."""
    return hashlib.sha256(_text(value).encode()).hexdigest()[:32]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no type for: arrays by the hash of their content, dataclasses by their fields."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": content}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return {"dataclass": type(value).__qualname__, **fields}
    raise TypeError(f"made_from holds a {type(value).__name__}, whose content cannot be told")
