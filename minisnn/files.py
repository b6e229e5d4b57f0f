"""Files written whole or not at all, and files of others opened with care."""

import os
import stat
from pathlib import Path


def write_whole(path: str | Path, contents: bytes, previous: Path | None = None) -> None:
    """Write a file beside its place, then rename it into it: killed at any moment, the place holds the old or the new one.

    previous   where the old file goes; a file is under one of the two names at every moment

    Raises OSError, naming `path`, where the disk is full or the folder cannot be written; the old file is still there then.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            _second_name(path, previous)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        try:
            temporary.unlink(missing_ok=True)
        except OSError:  # the folder has gone or is read-only; the first error says more
            pass
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise


class Hold:
    """A folder that one process works in: `with Hold(folder): ...`, or `take` and `release`. However the process ends, it gives
    the folder up.

    The lock is the system's, on the folder itself (flock), so nothing is left behind. Where there is none (Windows, some
    network file systems) nothing is held.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._descriptor: int | None = None

    def take(self) -> None:
        """Hold the folder, if it is there. Raises ValueError where another process holds it."""
        if self._descriptor is not None or not self.folder.is_dir():
            return
        try:
            import fcntl
        except ImportError:
            return
        try:
            descriptor = os.open(self.folder, os.O_RDONLY)
        except OSError:  # a folder that cannot be read; whoever writes there says so
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ValueError(
                f"{self.folder}: another process works in this folder; expected one run at a time, wait for it or stop it"
            ) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
            return
        self._descriptor = descriptor

    def __enter__(self) -> "Hold":
        self.take()
        return self

    def __exit__(self, *error) -> None:
        self.release()

    def release(self) -> None:
        """Give the folder up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _second_name(path: Path, other: Path) -> None:
    """Give the file at `path` the name `other` too; where the file system knows one name a file, that name alone."""
    link = other.with_name(f".{other.name}.{os.getpid()}.tmp")
    try:
        try:
            link.unlink(missing_ok=True)
            os.link(path, link)
        except OSError:
            os.replace(path, other)
        else:
            os.replace(link, other)
    finally:
        link.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, too; some systems cannot, and need not."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, names: tuple[str, ...]) -> None:
    """Remove what processes left that were killed while they wrote files of these names."""
    for name in names:
        for leftover in folder.glob(f".{name}.*.tmp"):
            leftover.unlink(missing_ok=True)


def size_of(path: str | Path, what: str, most: int) -> int:
    """Bytes of a file, before it is read. ValueError, naming it and `what` was expected, where it is a folder, a device or
    a pipe (which might never end), or larger than `most`; FileNotFoundError where it is missing."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{path}: this is a folder; expected {what}")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: this is a device or a pipe; expected {what} in a file")
    if status.st_size > most:
        raise ValueError(f"{path}: the file has {status.st_size} bytes; expected {what}, of at most {most}")
    return status.st_size


def read_whole(path: str | Path, what: str, most: int) -> bytes:
    """The bytes of a file that `size_of` lets pass; same errors."""
    size_of(path, what, most)
    with open(path, "rb") as file:
        return file.read(most + 1)
