"""Atomic writes of files and folders, folders locked by one process, and careful reading of
untrusted files."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows has no flock
    fcntl = None  # type: ignore[assignment]

UNFINISHED = ".minisnn.tmp"  # suffix of a folder that is being written
_numbers = count()


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path` that is renamed to it when the block ends. If the
    process is killed or the block raises, the old file remains. Temporary files of killed processes
    are removed. For a link, its target is written.

    Raises OSError, naming `path`, if the disk is full or the folder is not writable.
    """
    path = Path(os.path.realpath(path))
    for leftover in path.parent.glob(f".{escape(path.name)}.*-*.tmp"):
        # some may be deleted meanwhile, or belong to other users
        with suppress(OSError), open(leftover, "rb") as file:
            # if it can be locked, no running process is writing it
            if fcntl is not None and _lock(file.fileno()):
                leftover.unlink()
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.tmp")
    try:
        with called(path, temporary):
            with open(temporary, "wb") as file:
                _lock(file.fileno())  # so that no other process deletes it as a leftover
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: str | Path, contents: bytes) -> None:
    """Write a file with these contents atomically, by `whole_file`."""
    with whole_file(path) as file:
        file.write(contents)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Make a temporary folder whose files move to `path` when the block ends, or are deleted if it
    raises. Other files in `path` stay.

    Leftovers of killed processes are removed. Raises ValueError if `path` is a file, or another
    process is writing the folder; OSErrors name files by their final paths.
    """
    path = Path(path)
    temporary = path / UNFINISHED if path.is_dir() else path.with_name(f".{path.name}{UNFINISHED}")
    if temporary.is_symlink():  # writing through a link would empty its target
        raise ValueError(f"{temporary}: this is a link; expected no file of this name")
    with called(path, temporary), held(temporary, path):
        try:
            if path.is_file():
                raise ValueError(f"{path}: a file of this name exists; expected a folder")
            for leftover in temporary.iterdir():
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            yield temporary
            _move(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def held(folder: str | Path, name: str | Path | None = None) -> Iterator[None]:
    """Lock a folder, made if needed, within the block. Afterwards, folders that were made and
    stayed empty are removed. Raises ValueError, naming `name`, if another process has locked it.

    The lock is the system's, on the folder itself (flock), so it is released however the process
    ends. Systems without it (Windows, some network file systems) are not locked.
    """
    folder = Path(folder)
    new = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = None if fcntl is None else os.open(folder, os.O_RDONLY)
    try:
        if descriptor is not None and not _lock(descriptor):
            raise ValueError(
                f"{name or folder}: another process is working in this folder; wait for it, or "
                "stop it"
            )
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        for parent in new:
            with suppress(OSError):  # the folder is not empty, or was moved
                parent.rmdir()


def _lock(descriptor: int) -> bool:
    """Try to lock an open file or folder until it is closed; return whether that worked (True if
    the system has no locks)."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
    return True


def _move(source: Path, place: Path) -> None:
    """Move a file or folder to a path, merging folders."""
    if place.is_dir() and source.is_dir():
        for entry in sorted(source.iterdir()):
            _move(entry, place / entry.name)
    else:
        os.replace(source, place)


@contextmanager
def called(path: str | Path, temporary: Path | None = None) -> Iterator[None]:
    """Name `path` in system errors that name no file, as a full disk's, or that name
    `temporary`."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        elif temporary is not None:
            error.filename = str(error.filename).replace(str(temporary), str(path))
            error.filename2 = None
        raise


def size_of(path: str | Path, what: str, most: float = math.inf) -> int:
    """Return a file's size before it is read. Raises ValueError, naming the file and the expected
    `what`, if it is a folder, a device or a pipe (which might never end), or larger than `most`
    bytes; FileNotFoundError if it is missing."""
    size = os.stat(path).st_size
    if not os.path.isfile(path):
        raise ValueError(f"{path}: this is a folder, a device or a pipe; expected {what} in a file")
    if size > most:
        raise ValueError(f"{path}: the file has {size} bytes; expected {what}, of at most {most}")
    return size


def read_whole(path: str | Path, what: str, most: float = math.inf) -> bytes:
    """Read a file, after checking it by `size_of`; same errors."""
    size_of(path, what, most)
    with called(path):
        return Path(path).read_bytes()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that minisnn wrote. Raises ValueError for anything else."""
    with called(path):
        text = Path(path).read_bytes()
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: the file is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: found a {type(values).__name__}; expected named values")
    return values


def write_json(path: Path, values: dict) -> None:
    """Write a JSON object to a file atomically."""
    write_whole(path, (json.dumps(values, indent=2, allow_nan=False) + "\n").encode())
