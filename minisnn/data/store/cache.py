"""A cache of made arrays, each entry named by a hash of everything that made it.

A setting, a source file or a line of the code that changes asks for another entry, so that none is ever stale.
The folder is that of the environment variable MINISNN_CACHE, or else the platform's own for caches; all of it may be
deleted at any time. An entry is written beside its place and renamed into it: killed at any moment, none is half there.
"""

import ast
import dataclasses
import hashlib
import importlib.util
import json
import os
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import remove_leftovers, whole_file
from ...parallel.compilation import nothing_is_kept

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
                (by content); `file_identity` and `code_identity` describe input files and the code
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


def code_identity(*modules: str) -> str:
    """A hash of what the code of modules says, wherever they lie: layout, comments, docstrings and the places that they import
    from do not count."""
    digest = hashlib.sha256()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"there is no module {name}", name=name)
        tree = ast.parse(Path(spec.origin).read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                node.module, node.level = None, 0
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                body[0].value.value = None
        digest.update(ast.dump(tree).encode() + b"\0")
    return digest.hexdigest()


def identity(value: Any) -> str:
    """A hash of numbers, texts, arrays, lists, dictionaries and dataclasses, by content, as in `cached`."""
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()[:32]


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
    expected = "expected numbers, texts, arrays, lists, dictionaries or dataclasses"
    raise TypeError(f"made_from holds a {type(value).__name__}, {expected}")


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
    remove_leftovers(path.parent)
    with whole_file(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as entry:
        for name, array in {_KEY: key, **arrays}.items():
            with entry.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _tell_unusable(place: Path | str, error: Exception):
    if str(place) not in _unusable and not nothing_is_kept():
        _unusable.add(str(place))
        text = f"cache folder {place} cannot be used ({getattr(error, 'strerror', None) or error}); going on without it, "
        warnings.warn(text + "set MINISNN_CACHE to a folder that can be written", stacklevel=3)
