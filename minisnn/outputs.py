"""What a command may write over: nothing that exists, unless --force is given.

Commands declare where they write (`commands.options.add_output`), and all of it is checked before
any work begins.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import UNFINISHED, check_can_write, whole_folder


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    words    what it is, for people
    folder   whether it is a folder
    shared   a folder in which other files may be, for whoever writes there replaces none of them
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
    """Arrays as a compressed .npz file."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


CHECKPOINT = Kind("a checkpoint")
FOLDER = Kind("a new or empty folder", folder=True)
# RunFolder.check_free says what of a run is there
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
    if path.exists():
        check_not_read(path, inputs, kind)
        if path.is_dir() != kind.folder:
            what = "folder" if path.is_dir() else "file"
            raise ValueError(f"{path}: there is a {what} of this name; expected {kind.words}")
        if not path.is_dir() and not path.is_file():
            raise ValueError(f"{path}: this is a device or a pipe; expected {kind.words}")
        if not kind.folder and not force:
            raise ValueError(
                f"{path}: there is a file of this name; expected none to write {kind.words} to: "
                "give another name, or --force to replace it"
            )
        if kind.folder and not kind.shared and not force and (names := _entries(path)):
            raise ValueError(
                f"{path}: the folder holds other files ({_few(names)}); expected {kind.words}: "
                "give another folder, or --force to write there"
            )
    elif not kind.folder and not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.absolute().parent} to write it to")
    place = path.absolute()
    while not place.parent.is_dir():
        place = place.parent
    if os.path.lexists(place) and not path.exists():
        raise ValueError(
            f"{path}: {place} is a file, or a link that leads nowhere; expected {kind.words}"
        )
    check_can_write(place / UNFINISHED if place.is_dir() else place, path)


def check_not_read(path: str | Path, inputs: Iterable[str | Path | None], kind: Kind) -> None:
    """ValueError where an output of this kind would be written over what is read, or into it."""
    path = Path(path)
    for given in filter(None, inputs):
        given = Path(given).expanduser()
        if not path.exists() or not given.exists():
            continue
        what = None
        if os.path.samefile(path, given):
            what = f"this is also the input {given}"
        elif not kind.folder and _is_in(path, given):
            what = f"this is part of the input {given}"
        elif kind is RUN and _is_in(given, path):
            what = f"the input {given} is in this folder"
        if what is not None:
            thing = "folder" if kind.folder else "name"
            raise ValueError(f"{path}: {what}; expected another {thing} for the output")


def _is_in(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents


def check_no_network(path: Path, what: str) -> None:
    """ValueError where a network stands in the place of an output."""
    if path.suffix.lower() in (".h5", ".hdf5") or (path / "config.json").exists():
        raise ValueError(
            f"{path}: this names {what} to write; name the network with --checkpoint {path}"
        )


def check_distinct(paths: Iterable[str | Path]) -> None:
    """ValueError where two outputs have the same place."""
    seen: set[str] = set()
    for path in paths:
        place = os.path.realpath(path)
        if place in seen:
            raise ValueError(f"{path}: two outputs have this name; expected a name for each")
        seen.add(place)


@contextmanager
def marked_folder(path: str | Path, force: bool = False, kind: Kind = FOLDER) -> Iterator[Path]:
    """A folder to write into, whose files move to `path` together when the block ends, as of
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
    """ValueError where one of these files, {name: content}, would replace a folder or, unless by
    force, another file."""
    for name in new:
        if (folder / name).is_dir():
            raise ValueError(f"{folder / name}: there is a folder of this name; expected a file")
    others = [
        name
        for name, content in new.items()
        if (folder / name).exists()
        and not ((folder / name).is_file() and (folder / name).read_bytes() == content)
    ]
    if others and not force:
        raise ValueError(
            f"{folder}: {_few(others)} would be replaced; give another folder, or --force"
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + ", …" * (len(names) > 3)


def _entries(folder: Path) -> list[str]:
    """What is in a folder, but for what a killed process was writing."""
    return sorted(one.name for one in folder.iterdir() if one.name != UNFINISHED)
