"""A cache of computed arrays; an entry's name is a hash of everything that it depends on.

If a setting, a source file or a line of code changes, another entry is used, so no entry is ever
stale. The folder is given by the environment variable MINISNN_CACHE, or else the platform's folder
for caches; all of it may be deleted at any time. An entry is written under another name and then
renamed, so that no entry is ever incomplete.
"""

import dataclasses
import hashlib
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...files import whole_file

FORMAT = 1  # version of the entries' format
_KEY = "made from"  # member of every entry: the text whose hash is in its file name


def folder() -> Path:
    """Return the cache's folder: the one named by MINISNN_CACHE, or the platform's cache folder for
    the user."""
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
    """Return the arrays of `make()`: loaded from the cache if it has an entry for `made_from`,
    otherwise computed and stored.

    name        first part of the entry's file name, to help people who look into the folder
    made_from   everything the arrays depend on: numbers, texts, None, lists, dictionaries,
                dataclasses, NumPy arrays (by content); `file_identity` and `code_identity`
                describe input files and the code
    make        called without arguments; returns a dictionary of arrays

    If an entry is damaged, or the folder cannot be used, the arrays are computed, with a warning.
    Raises TypeError if `made_from` contains something that cannot be hashed.
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
            f"cache folder {path.parent} cannot be used ({error.strerror or error}); continuing "
            "without it; set MINISNN_CACHE to a writable folder",
            stacklevel=2,
        )
    return arrays


def file_identity(paths: Iterable[Path]) -> str:
    """Return a hash of the files' full names and their status: size, inode, and the times when
    bytes and inode last changed; users cannot set the last of these."""
    known = {str(Path(path).absolute()): os.stat(path) for path in paths}
    return identity(
        sorted(
            [path, s.st_size, s.st_ino, s.st_mtime_ns, s.st_ctime_ns] for path, s in known.items()
        )
    )


def code_identity(*modules: str) -> str:
    """Return a hash of the source files on which modules may depend. For a module in minisnn.data
    this is all of minisnn.data; for any other, its whole package, or its own file if it has no
    package."""
    digest = hashlib.sha256()
    data = "minisnn.data"
    for root in sorted(
        {data if module.startswith(data) else module.split(".")[0] for module in modules}
    ):
        spec: Any = importlib.util.find_spec(root)
        origin = Path(spec.origin)
        files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
        for path in files:
            digest.update(f"{path.relative_to(origin.parent)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def identity(value: Any) -> str:
    """Return a hash of the contents of numbers, texts, arrays, lists, dictionaries and dataclasses,
    as in `cached`."""
    return hashlib.sha256(_text(value).encode()).hexdigest()[:32]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    """Convert types that JSON lacks: arrays become a hash of their content, dataclasses their
    fields."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": content}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {"dataclass": type(value).__qualname__, **fields}
    raise TypeError(f"made_from holds a {type(value).__name__}, which has no hash")
