"""Files and folders that are written whole or not at all, folders locked by one process, and
careful reading of other people's files."""

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
    """Open a temporary file next to `path` that takes its name when the block ends. If the process
    is killed or the block raises, `path` still holds the old file. Temporary files of killed
    processes are removed. For a link, its target is written.

    Raises OSError, naming `path`, where the disk is full or the folder cannot be written.
    """
    path = Path(os.path.realpath(path))
    for leftover in path.parent.glob(f".{escape(path.name)}.*-*.tmp"):
        with (
            suppress(OSError),
            open(leftover, "rb") as file,
        ):  # it is gone, or belongs to another process
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
    """Write a file with these contents, by `whole_file`."""
    with whole_file(path) as file:
        file.write(contents)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Make a temporary folder whose files move to `path` when the block ends, or are dropped if it
    raises. Other files in `path` stay.

    What a killed process left is removed. Raises ValueError if there is a file of the name, or
    another process writes the folder; OSError, naming files by where they were to come.
    """
    path = Path(path)
    temporary = path / UNFINISHED if path.is_dir() else path.with_name(f".{path.name}{UNFINISHED}")
    if temporary.is_symlink():  # its target would be emptied
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
    """Make a folder if needed and lock it. Afterwards, folders that were made and stayed empty are
    removed. ValueError, naming `name`, where another process has locked it.

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
                f"{name or folder}: another process is working in this folder; wait for it, or "
                "stop it"
            )
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        for parent in new:
            with suppress(OSError):  # it has been filled, or moved
                parent.rmdir()


def _lock(descriptor: int) -> bool:
    """Try to lock an open file or folder until it is closed; return whether that worked, True where
    there are no locks."""
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
    """Make system errors that name no file (a full disk, an unreadable one) name `path`, also in
    place of `temporary`."""
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
    """Return the bytes of a file before it is read. ValueError, naming the file and the expected
    `what`, where it is a folder, a device or a pipe (which might never end), or larger than `most`;
    FileNotFoundError where it is missing."""
    size = os.stat(path).st_size
    if not os.path.isfile(path):
        raise ValueError(f"{path}: this is a folder, a device or a pipe; expected {what} in a file")
    if size > most:
        raise ValueError(f"{path}: the file has {size} bytes; expected {what}, of at most {most}")
    return size


def read_whole(path: str | Path, what: str, most: int) -> bytes:
    """Read a file that passes `size_of`; same errors."""
    size_of(path, what, most)
    with called(path):
        return Path(path).read_bytes()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that minisnn wrote; ValueError for anything else."""
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
    """Write a JSON object, the whole file or nothing."""
    write_whole(path, (json.dumps(values, indent=2, allow_nan=False) + "\n").encode())


def check_archive(path: str | Path, what: str, most: int) -> None:
    """Raise ValueError, before unpacking, where a zip archive (such as .npz) unpacks to more than
    `most` bytes. Members are never read beyond their announced size. Other files pass."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > most:
            raise ValueError(f"{path}: unpacks to {total} bytes; expected {what}, at most {most}")
