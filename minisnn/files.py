"""Files and folders written whole or not at all, folders that one process works in, and files of
others opened with care."""

import errno
import json
import os
import re
import shutil
import stat
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

UNFINISHED = ".minisnn.tmp"  # ends the name of a folder that is being written
TRIES, PAUSE = 40, 0.05  # to replace a file that somebody reads, seconds between two of them
DAY = 86400.0  # seconds after which a leftover is nobody's, where no lock can tell
_numbers = count()
_LEFTOVER = re.compile(r"\.(.+)\.\d+-\d+\.tmp", re.DOTALL)  # what `_temporary` makes of a name


@contextmanager
def whole_file(path: str | Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write into next to `path`, which takes its name when the block ends: killed at any
    moment, or where the block raises, the place holds the old file or the new one. What killed
    processes left of a file of this name is removed. Through a link its target is written.

    previous   where the old file goes; a file is under one of the two names at every moment

    Raises OSError, naming `path`, where the disk is full or the folder cannot be written; the old
    file is still there then.
    """
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    remove_leftovers(path.parent, path.name)
    temporary = _temporary(path)
    try:
        with called(path, temporary):
            with _begun(temporary) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if previous is not None and path.exists():
                _second_name(path, previous)
            _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    with suppress(OSError):  # some systems cannot bring a folder to the disk, and need not
        _sync(path.parent)


def write_whole(path: str | Path, contents: bytes, previous: Path | None = None) -> None:
    """Write a file with these contents; see `whole_file`."""
    with whole_file(path, previous) as file:
        file.write(contents)


@contextmanager
def whole_folder(path: str | Path, into: bool = False) -> Iterator[Path]:
    """A folder to write into, whose files move to `path` when the block ends, and nowhere where it
    raises.

    path   new or empty: it appears with all its files at once
    into   it may hold files; they stay, but for those of the same names, and the new ones are moved
           in when all are whole

    No other process writes it meanwhile, and what a killed one left is removed. Raises ValueError
    where there is something of the name already, or another process is at it; OSError, naming files
    by where they were to come.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path}: there is a file of this name; expected a folder to write to")
    temporary = path / UNFINISHED if path.is_dir() else path.with_name(f".{path.name}{UNFINISHED}")
    if temporary.is_symlink():  # what it leads to would be emptied
        raise ValueError(f"{temporary}: this is a link; expected no file of this name")
    with called(path, temporary), held(temporary, path):
        try:
            if not into and path.is_dir() and any(one != temporary for one in path.iterdir()):
                raise ValueError(f"{path}: something of this name exists; expected a new folder")
            for left in temporary.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield temporary
            _move(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def held(folder: str | Path, name: str | Path | None = None) -> Iterator[None]:
    """Make a folder where there is none and hold it; afterwards it goes again, and those above it,
    where they were made for nothing. ValueError where another process holds it, which calls it
    `name`."""
    folder = Path(folder)
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with Hold(folder, name):
            yield
    finally:
        for one in made:
            with suppress(OSError):  # it has been filled, or moved
                one.rmdir()


class Hold:
    """A folder that one process works in: `with Hold(folder): ...`, or `take` and `release`.
    However the process ends, it gives the folder up.

    The lock is the system's, on the folder itself (flock), so nothing is left behind. Where there
    is none (Windows, some network file systems) nothing is held.
    """

    def __init__(self, folder: str | Path, name: str | Path | None = None):
        self.folder = Path(folder)
        self.name = name or folder
        self._descriptor: int | None = None

    def __getstate__(self) -> dict:
        """A copy, here or in another process, holds nothing."""
        return {**vars(self), "_descriptor": None}

    def take(self) -> None:
        """Hold the folder, if it is there. Raises ValueError where another process holds it."""
        if self._descriptor is not None or not self.folder.is_dir():
            return
        try:
            self._descriptor = os.open(self.folder, os.O_RDONLY)
        except OSError:  # a folder that cannot be read; whoever writes there says so
            return
        if not self._is_ours(self._descriptor):
            self.release()
            raise ValueError(
                f"{self.name}: another process is working in this folder; expected one run "
                "at a time: wait for it, or stop it"
            )

    def _is_ours(self, descriptor: int) -> bool:
        if _lock(descriptor) is False:
            return False
        try:  # the other process may have renamed or removed it between the two
            return os.path.samestat(os.fstat(descriptor), os.stat(self.folder))
        except FileNotFoundError:
            return False

    def __enter__(self) -> "Hold":
        self.take()
        return self

    def __exit__(self, *error) -> None:
        self.release()

    def release(self) -> None:
        """Give the folder up."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def check_can_write(path: Path, name: Path) -> None:
    """Before long work: OSError where `whole_file` could not begin to write `path`, ValueError
    where that needs a longer name than there can be. Both name `name`."""
    temporary = _temporary(Path(os.path.realpath(path)))
    try:
        _begun(temporary).close()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(f"{name}: the name is too long; expected a shorter one") from None
        error.filename = str(name)
        raise
    temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, *names: str | re.Pattern[str]) -> None:
    """Remove what killed processes left of files of these names, or of names that match; what a
    living one is writing stays, and so does every file that `_temporary` did not name."""
    for leftover in folder.glob(".*.tmp"):
        name = _LEFTOVER.fullmatch(leftover.name)
        if name is None or not any(
            name[1] == one if isinstance(one, str) else one.fullmatch(name[1]) for one in names
        ):
            continue
        if leftover.is_symlink() or not leftover.is_file():
            continue
        with suppress(OSError):  # it has gone, or is somebody else's
            with open(leftover, "rb") as file:
                free = _lock(file.fileno())
                if free:
                    leftover.unlink()
            # Windows removes no file that is open
            if free is None and time.time() - leftover.stat().st_mtime > DAY:
                leftover.unlink()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.tmp")


def _begun(temporary: Path) -> BinaryIO:
    """A new file, held by this process."""
    while True:
        file = open(temporary, "wb")
        if _lock(file.fileno()) is not False and temporary.exists():
            return file
        file.close()  # another process took it for a leftover before it was held


def _lock(descriptor: int) -> bool | None:
    """Whether this process has the lock of an open file or folder now, which closing it gives up;
    None where there are none."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _move(source: Path, place: Path) -> None:
    """Move a folder to a place, what is in it into the folder that is there."""
    if place.is_dir() and source.is_dir():
        for one in sorted(source.iterdir()):
            _move(one, place / one.name)
    else:
        _replace(source, place)


def _replace(source: Path, place: Path) -> None:
    """os.replace, several times on Windows, where no file is replaced that another process reads (a
    virus scanner does so with all that is new)."""
    for _ in range(TRIES if os.name == "nt" else 0):
        with suppress(PermissionError):
            return os.replace(source, place)
        time.sleep(PAUSE)
    os.replace(source, place)


def _second_name(path: Path, other: Path) -> None:
    """Give the file at `path` the name `other` too; where the file system knows one name a file,
    that name alone."""
    link = _temporary(other)
    try:
        os.link(path, link)
        _replace(link, other)
    except OSError:
        _replace(path, other)
    finally:
        link.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def called(path: str | Path, temporary: Path | None = None) -> Iterator[None]:
    """Errors of the system that name no file (a full disk, one that cannot be read any more) name
    `path`, which stands in place of `temporary`, too."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        elif temporary is not None and str(error.filename).startswith(str(temporary)):
            error.filename = str(path) + str(error.filename)[len(str(temporary)) :]
            error.filename2 = None
        raise


def size_of(path: str | Path, what: str, most: int) -> int:
    """Bytes of a file, before it is read. ValueError, naming it and `what` was expected, where it
    is a folder, a device or a pipe (which might never end), or larger than `most`;
    FileNotFoundError where it is missing."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{path}: this is a folder; expected {what}")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: this is a device or a pipe; expected {what} in a file")
    if status.st_size > most:
        raise ValueError(
            f"{path}: the file has {status.st_size} bytes; expected {what}, of at most {most}"
        )
    return status.st_size


def read_whole(path: str | Path, what: str, most: int) -> bytes:
    """The bytes of a file that `size_of` lets pass; same errors."""
    size_of(path, what, most)
    with called(path), open(path, "rb") as file:
        return file.read(most + 1)


def read_json(path: Path) -> dict[str, Any]:
    """The named values of a JSON file of ours; ValueError where it holds anything else."""
    what = "the settings or results of a run"
    try:
        values = json.loads(read_whole(path, what, 1 << 26).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: the file is not JSON ({error}); expected {what}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: found a {type(values).__name__}; expected named values")
    return values


def write_json(path: Path, values: dict) -> None:
    """Named values as JSON, the file whole or not at all."""
    write_whole(path, (json.dumps(values, indent=2, allow_nan=False) + "\n").encode())


def check_archive(
    path: str | Path, what: str, most: int, densest: int = 200, small: int = 1 << 24
) -> None:
    """Before anything of it is unpacked: ValueError, naming file and member, where a file is a zip
    archive (as .npz files are) whose members unpack to more than `most` bytes in all, or one of
    them to more than `small` bytes and `densest` times its packed size, as no `what` does. What a
    member unpacks to beyond what it announces is never read. Other files pass."""
    if not zipfile.is_zipfile(path):
        return
    total = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            total += member.file_size
            if member.file_size > max(densest * member.compress_size, small):
                raise ValueError(
                    f"{path}: {member.filename} unpacks to {member.file_size} bytes, more than "
                    f"{what} would"
                )
            if total > most:
                raise ValueError(
                    f"{path}: unpacks to {total} bytes and more; expected {what}, of at most {most}"
                )
