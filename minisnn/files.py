"""Files and folders written whole or not at all, folders that one process works in, and files of
others opened with care."""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

UNFINISHED = ".minisnn.tmp"  # ends the name of a folder that is being written
_numbers = count()


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write into next to `path`, which takes its name when the block ends: killed at any
    moment, or where the block raises, the place holds the old file or the new one. What killed
    processes left of a file of this name is removed. Through a link its target is written.

    Raises OSError, naming `path`, where the disk is full or the folder cannot be written.
    """
    path = Path(os.path.realpath(path))
    for leftover in path.parent.glob(f".{escape(path.name)}.*-*.tmp"):
        with suppress(OSError), open(leftover, "rb") as file:  # it has gone, or is somebody else's
            if fcntl is not None and _lock(file.fileno()):  # else a living process writes it
                leftover.unlink()
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.tmp")
    try:
        with called(path, temporary):
            with open(temporary, "wb") as file:
                _lock(file.fileno())  # so that no other process takes it for a leftover
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: str | Path, contents: bytes) -> None:
    """Write a file with these contents; see `whole_file`."""
    with whole_file(path) as file:
        file.write(contents)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """A folder to write into, whose files move to `path` when the block ends, and nowhere where it
    raises. Files that are there stay, but for those of the same names.

    What a killed process left is removed. Raises ValueError where there is a file of the name, or
    another process writes the folder; OSError, naming files by where they were to come.
    """
    path = Path(path)
    temporary = path / UNFINISHED if path.is_dir() else path.with_name(f".{path.name}{UNFINISHED}")
    if temporary.is_symlink():  # what it leads to would be emptied
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
    """Make a folder where there is none and hold it; afterwards it goes again, and those above it,
    where they were made for nothing. ValueError where another process holds it, which calls it
    `name`.

    The lock is the system's, on the folder itself (flock): however the process ends, it gives the
    folder up, and nothing is left behind. Where there is none (Windows, some network file systems)
    nothing is held.
    """
    folder = Path(folder)
    new = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = None if fcntl is None else os.open(folder, os.O_RDONLY)
    try:
        if descriptor is not None and not _lock(descriptor):
            raise ValueError(
                f"{name or folder}: another process is working in this folder; expected one run "
                "at a time: wait for it, or stop it"
            )
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        for parent in new:
            with suppress(OSError):  # it has been filled, or moved
                parent.rmdir()


def _lock(descriptor: int) -> bool:
    """Whether no other process has the lock of an open file or folder, which is this process's
    until it closes it; true where there are no locks."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
    return True


def _move(source: Path, place: Path) -> None:
    """Move a folder to a place, what is in it into the folder that is there."""
    if place.is_dir() and source.is_dir():
        for entry in sorted(source.iterdir()):
            _move(entry, place / entry.name)
    else:
        os.replace(source, place)


@contextmanager
def called(path: str | Path, temporary: Path | None = None) -> Iterator[None]:
    """Errors of the system that name no file (a full disk, one that cannot be read any more) name
    `path`, which stands in place of `temporary`, too."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        elif temporary is not None:
            error.filename = str(error.filename).replace(str(temporary), str(path))
            error.filename2 = None
        raise


def size_of(path: str | Path, what: str, most: int) -> int:
    """Bytes of a file, before it is read. ValueError, naming it and `what` was expected, where it
    is a folder, a device or a pipe (which might never end), or larger than `most`;
    FileNotFoundError where it is missing."""
    size = os.stat(path).st_size
    if not os.path.isfile(path):
        raise ValueError(f"{path}: this is a folder, a device or a pipe; expected {what} in a file")
    if size > most:
        raise ValueError(f"{path}: the file has {size} bytes; expected {what}, of at most {most}")
    return size


def read_whole(path: str | Path, what: str, most: int) -> bytes:
    """The bytes of a file that `size_of` lets pass; same errors."""
    size_of(path, what, most)
    with called(path):
        return Path(path).read_bytes()


def read_json(path: Path) -> dict[str, Any]:
    """The named values of a JSON file of ours; ValueError where it holds anything else."""
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
    """Named values as JSON, the file whole or not at all."""
    write_whole(path, (json.dumps(values, indent=2, allow_nan=False) + "\n").encode())


def check_archive(path: str | Path, what: str, most: int) -> None:
    """Before anything of it is unpacked: ValueError where a file is a zip archive (as .npz files
    are) whose members unpack to more than `most` bytes in all. What a member unpacks to beyond what
    it announces is never read. Other files pass."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > most:
            raise ValueError(f"{path}: unpacks to {total} bytes; expected {what}, at most {most}")
