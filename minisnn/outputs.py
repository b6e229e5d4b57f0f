"""What a command may write over: nothing that exists, unless --force is given.

Commands declare where they write (`commands.options.add_output`), and all of it is checked before
any work begins.
"""

import io
import os
import stat
import zipfile
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import UNFINISHED, check_can_write, whole_folder
from .stopping import scope


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    words    what it is, for people
    folder   whether it is a folder
    shared   a folder in which other files may lie, for whoever writes there replaces none of them
    """

    words: str
    folder: bool = False
    shared: bool = False


def json_of(command: str) -> Kind:
    """The numbers that a command writes."""
    return Kind(f"numbers of {command} (JSON)")


def made_by(command: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Named values for JSON, which say what command made them."""
    return {"made_by": command, **values}


def archive(what: str, arrays: Mapping[str, Any]) -> bytes:
    """Arrays as a compressed .npz file whose comment says `what` it holds; any program reads it."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as file:
        file.comment = f"minisnn: {what}".encode()
    return buffer.getvalue()


CHECKPOINT = Kind("a checkpoint")
RECORDINGS = Kind("a new file of recordings")
FOLDER = NEW_FOLDER = Kind("a new or empty folder", folder=True)
# RunFolder.check_free tells what of a run lies there
RUN = Kind("a run folder", folder=True, shared=True)
DATA = Kind("a folder of recordings", folder=True, shared=True)
STUDIES = Kind("a folder of studies", folder=True, shared=True)
LESSONS = Kind("a folder of lessons", folder=True, shared=True)
PICTURE = Kind("a picture")
NIR = Kind("a NIR file")
PAGE = Kind("a page")
REPORT = Kind("a report")
WORDS = Kind("an .npz file of Loihi's words")


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
    check_not_read(path, inputs, kind)
    mode = path.stat().st_mode
    if kind.folder and not stat.S_ISDIR(mode):
        raise ValueError(f"{path}: there is a file of this name; expected a folder to write to")
    if not kind.folder and stat.S_ISDIR(mode):
        raise ValueError(f"{path}: there is a folder of this name; expected the name of a file")
    if not kind.folder and not stat.S_ISREG(mode):
        raise ValueError(f"{path}: this is a device or a pipe; expected the name of a file")
    if not (force or kind.shared or kind.folder and not _entries(path)):
        raise ValueError(_refusal(path, kind))
    _check_writable(path)


def _check_writable(path: Path) -> None:
    """OSError or ValueError where the system would refuse a file of this name, or one in this
    folder."""
    place = path.absolute()
    while not place.parent.is_dir():
        place = place.parent
    check_can_write(place / UNFINISHED if place.is_dir() else place, path)


def _refusal(path: Path, kind: Kind) -> str:
    if not kind.folder:
        return (
            f"{path}: this file exists already; expected another name for {kind.words}, or --force "
            "to replace it"
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


def check_not_read(path: str | Path, inputs: Iterable[str | Path | None], kind: Kind) -> None:
    """ValueError where an output of this kind would be written over what is read, or into it."""
    path = Path(path)
    for given in inputs:
        if given is None or not path.exists() or not (one := Path(given).expanduser()).exists():
            continue
        if os.path.samefile(path, one):
            raise ValueError(
                f"{path}: this is also the input {one}; expected another name for the output"
            )
        if not kind.folder and _lies_in(path, one):
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
def marked_folder(
    path: str | Path, force: bool = False, kind: Kind = FOLDER
) -> Generator[Path, None, None]:
    """A folder to write into, whose files come to lie in `path` together when the block ends, as of
    `files.whole_folder`; files that are there stay.

    Raises ValueError as `check` does, and where a file would be replaced that holds something else,
    unless by force: nothing has changed then.
    """
    path = Path(path)
    check(path, kind, force=force)
    with whole_folder(path, into=True) as made:
        yield made
        new = [one.relative_to(made) for one in sorted(made.rglob("*")) if one.is_file()]
        check_files(path, {str(one): (made / one).read_bytes() for one in new}, force)


def check_files(folder: Path, new: Mapping[str, bytes], force: bool = False) -> None:
    """ValueError where one of these files, {name: content}, would replace another."""
    for name in new:
        if (folder / name).is_dir():
            raise ValueError(
                f"{folder / name}: there is a folder of this name; expected the name of a file"
            )
    others = [name for name in new if not force and _holds_else(folder / name, new[name])]
    if others:
        raise ValueError(
            f"{folder}: {', '.join(others[:3])}{', …' * (len(others) > 3)} would be replaced; give "
            "another folder, or --force"
        )


def _holds_else(path: Path, content: bytes) -> bool:
    """Whether there is something else at a path than a file of this content."""
    return path.exists() and not (path.is_file() and path.read_bytes() == content)


def _entries(folder: Path) -> list[str]:
    """What lies in a folder, but for what a killed process was writing."""
    return sorted(one.name for one in folder.iterdir() if one.name != UNFINISHED)
