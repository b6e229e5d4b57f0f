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
import re
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import remove_leftovers, size_of, whole_file

FORMAT = 1  # of the entries themselves
SETTLED = 2.0  # seconds: a file that changed later than this may change again and look the same
_KEY = "made from"  # member of every entry: the text that its name is the hash of
_ENTRY = re.compile(r".+-[0-9a-f]{32}\.npz")  # names of entries
# of contents of files, by what the system says of a file that is settled
_hashes: dict[tuple, str] = {}


def folder() -> Path:
    """Where entries lie: MINISNN_CACHE, or the user's cache folder of the platform."""
    if given := os.environ.get("MINISNN_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "minisnn"


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
    try:
        path = folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    except RuntimeError as error:  # there is no home
        _tell_unusable("the user's cache folder", error)
        return dict(make())
    try:
        return _read(path, key)
    except FileNotFoundError:
        pass
    except (PermissionError, NotADirectoryError) as error:
        _tell_unusable(path.parent, error)
    except Exception as error:  # a damaged zip raises almost anything
        warnings.warn(f"cache entry {path} is damaged ({error}); it is made again", stacklevel=2)
    arrays = dict(make())
    try:
        _write(path, key, arrays)
    except OSError as error:
        _tell_unusable(path.parent, error)
    return arrays


def file_identity(paths: Iterable[Path]) -> str:
    """A hash of the files' full names and of all their bytes (`content_of`)."""
    digest = hashlib.sha256()
    for path in sorted(Path(path).absolute() for path in paths):
        digest.update(f"{path}\0{content_of(path)}\n".encode())
    return digest.hexdigest()


def check_unchanged(paths: Iterable[Path], before: str, root: Path | str) -> None:
    """ValueError where files are no longer those of which `file_identity` was `before`: what was
    read of them is of both."""
    if file_identity(paths) != before:
        raise ValueError(
            f"{root}: files changed while they were read; try again when nothing writes there"
        )


def folder_identity(root: Path) -> str:
    """A hash of a file, or of all files in a folder: their names within it, and their bytes."""
    if root.is_file():
        return content_of(root)
    digest = hashlib.sha256()
    seen = set[str]()
    for place, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        if os.path.realpath(place) in seen:  # a link to where it has been
            folders.clear()
            continue
        seen.add(os.path.realpath(place))
        for path in (Path(place, name) for name in sorted(names)):
            if path.is_file():
                digest.update(f"{path.relative_to(root)}\0{content_of(path)}\n".encode())
    return digest.hexdigest()


def content_of(path: Path) -> str:
    """SHA-256 of a file's bytes.

    A process remembers it of a file of which the system says nothing new: not its size, its times
    of change (of the contents, and of the inode, which no user can set), nor its inode. A file that
    changed a moment ago is read again, for within a tick of the clock two changes look the same; so
    is every file on Windows, which tells no time of the inode's change. It can still be fooled by
    who turns the system's clock back, or writes to the disk past the file system.
    """
    size_of(path, "data", sys.maxsize)  # a pipe might never end
    before = _status(path)
    if (known := _hashes.get((path, *before))) is not None:
        return known
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    settled = time.time() - max(before[2:4]) / 1e9 > SETTLED
    if settled and sys.platform != "win32" and _status(path) == before:
        _hashes[path, *before] = found
    return found


def _status(path: Path) -> tuple[int, int, int, int, int]:
    status = path.stat()
    return status.st_dev, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


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


def _read(path: Path, key: str) -> dict[str, np.ndarray]:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as entry:
        arrays = {name: entry[name] for name in entry.files}
    if str(arrays.pop(_KEY)) != key:
        raise ValueError("it was made from other settings")
    return arrays


def _write(path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, _ENTRY)
    with whole_file(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as entry:
        for name, array in {_KEY: key, **arrays}.items():
            with entry.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _tell_unusable(place: Path | str, error: Exception) -> None:
    warnings.warn(
        f"cache folder {place} cannot be used ({getattr(error, 'strerror', None) or error}); "
        "going on without it, set MINISNN_CACHE to a folder that can be written",
        stacklevel=3,
    )
