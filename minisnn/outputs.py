"""What a command may write over: nothing but what minisnn wrote as the same kind of thing, unless
--force is given.

A file is known by what it holds: every kind that minisnn writes carries a mark of its own. Files of
a folder carry none (a .hex file has no room for one); they stand in the folder's `.minisnn.json`
with their hashes, so that what somebody changed since is told apart, too.

Commands declare where they write (`commands.options.add_output`), and all of it is checked before
any work begins.
"""

import hashlib
import io
import json
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import (
    UNFINISHED,
    called,
    check_can_write,
    read_whole,
    size_of,
    whole_folder,
    write_whole,
)
from .stopping import scope

MARK = ".minisnn.json"  # in a folder: {"made_by": "minisnn", "files": {name: SHA-256}}
PICTURE_MARK = "made by minisnn"
_LARGEST_MARK = 1 << 26  # bytes
_ENDS = 1 << 16  # bytes at the beginning and at the end of a file, in which its mark lies
_HDF5 = b"\x89HDF\r\n\x1a\n"
_KNOWN = (  # first bytes of what people would miss most
    (b'{"format": "minisnn checkpoint"', "a checkpoint"),
    (_HDF5, "an HDF5 file"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an archive"),
)


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    words    what it is, for people
    ours     whether what lies at a path is one that minisnn wrote; None: what exists is never
             replaced
    folder   whether it is a folder
    shared   a folder in which other files may lie, for whoever writes there replaces none of them
    """

    words: str
    ours: Callable[[Path], bool] | None = None
    folder: bool = False
    shared: bool = False


def marked(starts: tuple[bytes, ...], mark: str) -> Callable[[Path], bool]:
    """Whether a file begins in one of these ways and holds the mark near its beginning or its
    end."""

    def ours(path: Path) -> bool:
        first, last = _ends(path)
        return first.startswith(starts) and (mark.encode() in first or mark.encode() in last)

    return ours


def json_of(command: str) -> Kind:
    """The numbers that a command writes; see `made_by`."""
    return Kind(f"numbers of {command} (JSON)", marked((b"{",), f'"made_by": "{command}"'))


def made_by(command: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Named values for JSON, marked as those of a command."""
    return {"made_by": command, **values}


def page_of(command: str) -> Kind:
    """A page whose head holds `generator(command)`."""
    return Kind(f"a page of {command}", marked((b"<",), generator(command)))


def generator(command: str) -> str:
    """What the head of a page says of who made it."""
    return f'<meta name="generator" content="{command}">'


def archive_of(what: str) -> Kind:
    """An .npz file that `archive` wrote."""
    return Kind(f"an .npz file of {what}", marked((b"PK\x03\x04",), f"minisnn: {what}"))


def archive(what: str, arrays: Mapping[str, Any]) -> bytes:
    """Arrays as a compressed .npz file, marked as holding `what`; any program reads it."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as file:
        file.comment = f"minisnn: {what}".encode()
    return buffer.getvalue()


def _nir(path: Path) -> bool:
    """Whether an HDF5 file is a NIR graph with minisnn's note in its metadata; it is looked for by
    its name, so that nothing of a stranger's file is read and no link is followed."""
    if not _ends(path)[0].startswith(_HDF5):
        return False
    import h5py

    try:
        with h5py.File(path, "r") as file:
            item: Any = file
            for part in ("node", "metadata", "minisnn"):
                if not isinstance(item.get(part, getlink=True), h5py.HardLink):
                    return False
                item = item[part]
            return isinstance(item, h5py.Dataset) and item.shape == () and item.dtype.kind == "O"
    except Exception:  # of a damaged file h5py raises OSError, KeyError, RuntimeError, ...
        return False


def _folder(path: Path) -> bool:
    return _noted(path) is not None or _of_before(path)


def _of_before(path: Path) -> bool:
    """Whether minisnn wrote a folder before folders were marked: a study's, what one experiment
    found, or the lessons'."""
    if any(_begins(one, b'{"made from": ') for one in path.glob("records/*.jsonl")):
        return True
    study = _begins(path / "findings.json", b'{\n "name": ')
    return study or _begins(
        path / "checks" / "mine.py", b'"""The student\'s own library: `mysnn.py`'
    )


def _begins(path: Path, start: bytes) -> bool:
    return path.is_file() and _ends(path)[0].startswith(start)


PICTURE_STARTS = (b"\x89PNG", b"GIF8", b"%PDF", b"<?xml")
CHECKPOINT = Kind("a checkpoint")
RECORDINGS = Kind("a new file of recordings")
NEW_FOLDER = Kind("a new or empty folder", folder=True)
# RunFolder.check_free tells what of a run lies there
RUN = Kind("a run folder", folder=True, shared=True)
DATA = Kind("a folder of recordings", folder=True, shared=True)
FOLDER = Kind("a new or empty folder, or one that minisnn wrote", _folder, folder=True)
PICTURE = Kind("a picture that minisnn drew", marked(PICTURE_STARTS, PICTURE_MARK))
NIR = Kind("a NIR file that minisnn wrote", _nir)
PAGE = page_of("minisnn hardware page")
REPORT = page_of("minisnn report")
WORDS = archive_of("Loihi's words")


def check(
    path: str | Path, kind: Kind, inputs: Iterable[str | Path] = (), force: bool = False
) -> None:
    """Before any work: ValueError, in a sentence, where an output of this kind must not or cannot
    be written to `path`.

    inputs   files and folders that are read; none of them may be written over, not even by force
    force    what is there may be replaced, whatever it is
    """
    path = Path(path)
    parent = path.absolute().parent
    if not path.exists():
        if path.is_symlink():
            raise ValueError(f"{path}: a link that leads nowhere; expected {kind.words} or no file")
        if not kind.folder and not parent.is_dir():
            raise ValueError(f"{path}: there is no folder {parent} to write it to")
        _check_above(path)
        return _check_writable(path)
    _check_not_read(path, inputs, kind)
    mode = path.stat().st_mode
    if kind.folder and not stat.S_ISDIR(mode):
        raise ValueError(f"{path}: there is a file of this name; expected a folder to write to")
    if not kind.folder and stat.S_ISDIR(mode):
        raise ValueError(f"{path}: there is a folder of this name; expected the name of a file")
    if not kind.folder and not stat.S_ISREG(mode):
        raise ValueError(f"{path}: this is a device or a pipe; expected the name of a file")
    if not (force or kind.shared or kind.folder and not _entries(path)) and not _ours(path, kind):
        raise ValueError(_refusal(path, kind))
    _check_writable(path)


def _ours(path: Path, kind: Kind) -> bool:
    return kind.ours is not None and kind.ours(path)


def _check_writable(path: Path) -> None:
    """OSError or ValueError where the system would refuse a file of this name, or one in this
    folder."""
    place = path.absolute()
    while not place.parent.is_dir():
        place = place.parent
    check_can_write(place / MARK if place.is_dir() else place, path)


def _refusal(path: Path, kind: Kind) -> str:
    if not kind.folder:
        return (
            f"{path}: {_what(path)} exists already; expected {kind.words} or no file: give "
            "another name, or --force to replace it"
        )
    names = _entries(path)
    return (
        f"{path}: the folder holds other files "
        f"({', '.join(names[:3])}{', …' * (len(names) > 3)}); expected {kind.words}: give "
        "another folder, or --force to write there"
    )


def _check_above(path: Path) -> None:
    """ValueError where a file stands in the way of a folder that would have to be made."""
    for above in path.absolute().parents:
        if above.is_dir():
            return
        if above.is_symlink():
            raise ValueError(
                f"{path}: {above} is a link that leads nowhere; expected a folder to write to"
            )
        if above.exists():
            raise ValueError(f"{path}: {above} is a file; expected a folder to write to")


def _check_not_read(path: Path, inputs: Iterable[str | Path], kind: Kind) -> None:
    for one in inputs:
        one = Path(one).expanduser()
        if not one.exists():
            continue
        if os.path.samefile(path, one):
            raise ValueError(
                f"{path}: this is also the input {one}; expected another name for the output"
            )
        if not kind.folder and _lies_in(path, one) and not _ours(path, kind):
            raise ValueError(
                f"{path}: this is part of the input {one}; expected another name for the output"
            )
        if kind is RUN and _lies_in(one, path):
            raise ValueError(
                f"{path}: the input {one} is in this folder; expected another folder for the output"
            )


def _lies_in(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents


def check_no_network(path: Path, what: str) -> None:
    """ValueError where a network stands in the place of an output."""
    if path.suffix.lower() in (".h5", ".hdf5") or (path / "config.json").exists():
        raise ValueError(
            f"{path}: this names {what} to write; name the network with --checkpoint {path}"
        )


def check_distinct(paths: Iterable[str | Path]) -> None:
    """ValueError where two outputs have the same place."""
    seen: dict[str, Path] = {}
    for path in map(Path, paths):
        place = os.path.realpath(path)
        if place in seen:
            raise ValueError(f"{path}: two outputs have this name; expected a name for each")
        seen[place] = path


@scope
def marked_folder(path: str | Path, force: bool = False) -> Generator[Path, None, None]:
    """A folder to write into, whose files come to lie in `path` together when the block ends, as of
    `files.whole_folder`; files that are there stay, and are replaced only where minisnn wrote them
    and nobody has changed them since, or by force.

    Raises ValueError as `check` does, and where a file would be replaced that somebody else wrote:
    nothing has changed then.
    """
    path = Path(path)
    check(path, FOLDER, force=force)
    with whole_folder(path, into=True) as made:
        yield made
        new = {
            one.relative_to(made).as_posix(): _hash(one)
            for one in sorted(made.rglob("*"))
            if one.is_file()
        }
        check_files(path, new, force)
        (made / MARK).write_bytes(_mark({**(_noted(path) or {}), **new}))


def check_files(folder: Path, new: Mapping[str, str | None], force: bool = False) -> None:
    """ValueError where one of these files, {name: its hash, if that is known}, would replace what
    minisnn did not write."""
    noted = _noted(folder)
    if force or noted is None and _of_before(folder):
        known: Mapping[str, str] | None = None  # whatever is there
    else:
        known = noted or {}
    others = []
    for name, content in new.items():
        place = folder / name
        if place.is_dir():
            raise ValueError(
                f"{place}: there is a folder of this name; expected the name of a file"
            )
        if known is not None and place.exists() and _hash(place) not in (content, known.get(name)):
            others.append(name)
    if others:
        found = f"{', '.join(others[:3])}{', …' * (len(others) > 3)}"
        many = "are not as minisnn wrote them" if len(others) > 1 else "is not as minisnn wrote it"
        raise ValueError(f"{folder}: {found} {many}; give another folder, or --force to replace")


def check_unchanged(folder: Path, force: bool = False) -> None:
    """ValueError where somebody has changed a file since minisnn wrote it into the folder, by the
    folder's mark."""
    check_files(folder, dict.fromkeys(_noted(folder) or {}), force)


def note(folder: Path, names: Iterable[str]) -> None:
    """Mark a folder as one that minisnn writes to, with these files in it."""
    write_whole(
        folder / MARK,
        _mark({**(_noted(folder) or {}), **{name: _hash(folder / name) for name in names}}),
    )


@contextmanager
def unmarked_again(folder: Path) -> Iterator[None]:
    """Take a mark away that was made meanwhile and stands alone in the end: nothing was written."""
    before = (folder / MARK).exists()
    try:
        yield
    finally:
        if not before and folder.is_dir() and _entries(folder) == [MARK]:
            (folder / MARK).unlink()


def _mark(files: Mapping[str, str]) -> bytes:
    return (
        json.dumps({"made_by": "minisnn", "files": dict(sorted(files.items()))}, indent=1) + "\n"
    ).encode()


def _noted(folder: Path) -> dict[str, str] | None:
    """The files that minisnn wrote into a folder, by its mark; None where there is no mark."""
    try:
        found = json.loads(read_whole(folder / MARK, "the mark of a folder", _LARGEST_MARK))
        return dict(found["files"]) if found["made_by"] == "minisnn" else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _hash(path: Path) -> str:
    size_of(path, "a file", sys.maxsize)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries(folder: Path) -> list[str]:
    """What lies in a folder, but for what a killed process was writing."""
    return sorted(one.name for one in folder.iterdir() if one.name != UNFINISHED)


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first and the last bytes of a file."""
    with called(path), open(path, "rb") as file:
        first = file.read(_ENDS)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _ENDS))
        return first, file.read(_ENDS)


def _what(path: Path) -> str:
    """What lies at a path, in a word or two."""
    if path.is_dir():
        return "a folder"
    if not path.is_file():
        return "a device or a pipe"
    first, _ = _ends(path)
    return next((words for start, words in _KNOWN if first.startswith(start)), "another file")
