"""A cache of made arrays, each entry named by a hash of everything that made it.

A setting, a source file or a line of the code that changes asks for another entry, so that none is ever stale.
The folder is that of the environment variable MINISNN_CACHE, or else the platform's own for caches; all of it may be
deleted at any time. An entry is written beside its place and renamed into it: killed at any moment, none is half there.
"""

import dataclasses
import hashlib
import json
import os
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

FORMAT = 1  # of the entries themselves
_KEY = "made from"  # member of every entry: the text that its name is the hash of
_unusable: set[str] = set()  # folders whose failure has been told


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


def cached(name: str, made_from: Mapping, make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays `make()` returns, from the cache where `made_from` is known there, else made and kept.

    name        first part of the entry's file name, for people who look into the folder
    made_from   everything the arrays depend on: numbers, texts, None, lists, dictionaries, dataclasses, NumPy arrays
                (by content); `file_identity` and `content_identity` describe input files and the code
    make        called without arguments; returns a dictionary of arrays

    A damaged entry is made anew, with a warning. Where the folder cannot be used the arrays are made, and that is
    said once. Raises TypeError where `made_from` holds something whose content cannot be told.
    """
    key = json.dumps(_plain({"format": FORMAT, "name": name, "made_from": made_from}), sort_keys=True)
    try:
        path = folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    except RuntimeError as error:  # Path.home() where there is no home
        _tell_unusable("the user's cache folder", error)
        return dict(make())
    try:
        return _read(path, key)
    except FileNotFoundError:
        pass
    except (PermissionError, NotADirectoryError) as error:
        _tell_unusable(path.parent, error)
    except Exception as error:  # a damaged zip raises almost anything: BadZipFile, zlib.error, EOFError, KeyError
        warnings.warn(f"cache entry {path} is damaged ({error}); it is made anew", stacklevel=2)
    arrays = dict(make())
    try:
        _write(path, key, arrays)
    except OSError as error:
        _tell_unusable(path.parent, error)
    return arrays


def file_identity(paths: Iterable[Path]) -> str:
    """A hash of the files' full names, sizes and times of change."""
    digest = hashlib.sha256()
    for path in sorted(Path(path).absolute() for path in paths):
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def content_identity(paths: Iterable[Path]) -> str:
    """A hash of what is in the files, in their order: for small ones, such as the code that makes the arrays."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()


def _plain(value):
    """`value` in JSON's own types, arrays and bytes by the hash of their content."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": content}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("made_from holds a dictionary with keys that are not texts, expected texts only")
        return {key: _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"dataclass": type(value).__qualname__, **fields}
    raise TypeError(
        f"made_from holds a {type(value).__name__}, expected numbers, texts, arrays, lists, dictionaries or dataclasses"
    )


def _read(path: Path, key: str) -> dict[str, np.ndarray]:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as entry:
        arrays = {name: entry[name] for name in entry.files}
    if str(arrays.pop(_KEY)) != key:
        raise ValueError("it was made from other settings")
    return arrays


def _write(path: Path, key: str, arrays: Mapping[str, np.ndarray]):
    if _KEY in arrays:
        raise ValueError(f"made arrays hold the reserved name {_KEY!r}, expected any other")
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}-{time.monotonic_ns()}.tmp")
    try:
        with open(temporary, "xb") as file:
            with zipfile.ZipFile(file, "w", allowZip64=True) as entry:
                for name, array in {_KEY: key, **arrays}.items():
                    with entry.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sweep(place: Path, age: float = 86400.0):
    """Remove what killed processes left behind; a file younger than a day may still be in the making."""
    for leftover in place.glob("*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > age:
                leftover.unlink()
        except OSError:
            pass


def _tell_unusable(place: Path | str, error: Exception):
    if str(place) not in _unusable:
        _unusable.add(str(place))
        reason = getattr(error, "strerror", None) or error
        warnings.warn(
            f"cache folder {place} cannot be used ({reason}); going on without it, "
            f"set MINISNN_CACHE to a folder that can be written",
            stacklevel=3,
        )
