"""Checks that a command overwrites nothing, unless --force is given.

A command annotates its outputs with their kind (`commands.signature`), and all outputs are checked
before any work begins.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from errno import EACCES
from pathlib import Path
from typing import NamedTuple

from .files import UNFINISHED, whole_folder


class Kind(NamedTuple):
    """A kind of output: its description, whether it is a folder, and whether the folder may hold
    other files, which the command does not replace."""

    words: str
    folder: bool = False
    shared: bool = False


FILE = Kind("a file")
FOLDER = Kind("a new or empty folder", folder=True)
SHARED = Kind("a folder", folder=True, shared=True)
RUN = Kind("a run folder", folder=True, shared=True)  # RunFolder.check_free checks its contents


def check(
    path: str | Path, kind: Kind, inputs: Iterable[str | Path | None] = (), force: bool = False
) -> None:
    """Check an output before any work: ValueError if `path` must not be written, OSError if
    it cannot be.

    inputs   files and folders that are read; they are never overwritten, not even by force
    force    whether existing outputs may be replaced
    """
    path = Path(path)
    check_not_read(path, inputs, kind)
    if os.path.lexists(path):
        if not (path.is_dir() if kind.folder else path.is_file()):
            raise ValueError(f"{path}: something else has this name; expected {kind.words}")
        entries = list(path.iterdir()) if kind.folder and not kind.shared else []
        mine = any(entry.name != UNFINISHED for entry in entries) or not kind.folder
        if mine and not force:
            raise ValueError(
                f"{path}: this exists; give a new name for {kind.words}, or --force to replace it"
            )
    place = path.absolute().parent
    while kind.folder and not place.exists():
        place = place.parent
    if not place.is_dir():
        raise ValueError(f"{path}: there is no folder {place} to write it to")
    if not os.access(path if path.exists() else place, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(path))


def check_not_read(path: str | Path, inputs: Iterable[str | Path | None], kind: Kind) -> None:
    """Raise ValueError if an output would overwrite an input, or be inside it."""
    target = Path(os.path.realpath(path))
    for given in [one for one in inputs if one]:
        source = Path(os.path.realpath(Path(given).expanduser()))
        within = source in target.parents and not kind.folder
        holds = target in source.parents and kind is RUN
        if target.exists() and source.exists() and (target == source or within or holds):
            raise ValueError(
                f"{path}: this is, or holds, a part of the input {given}; expected "
                "another name for the output"
            )


def check_no_network(path: Path, what: str) -> None:
    """Raise ValueError if an output's path is that of a network."""
    if path.suffix.lower() in (".h5", ".hdf5") or (path / "config.json").exists():
        raise ValueError(
            f"{path}: this names {what} to write; name the network with --checkpoint {path}"
        )


def check_distinct(paths: Iterable[str | Path]) -> None:
    """Raise ValueError if two outputs have the same path."""
    places = [os.path.realpath(path) for path in paths]
    for place in places:
        if places.count(place) > 1:
            raise ValueError(f"{place}: two outputs have this name; give them different names")


@contextmanager
def marked_folder(path: str | Path, force: bool = False, kind: Kind = FOLDER) -> Iterator[Path]:
    """Make a temporary folder whose files move to `path` together when the block ends
    (`files.whole_folder`); other files stay.

    Raises the errors of `check`, and, without force, ValueError if a different file would be
    replaced; then nothing has changed.
    """
    path = Path(path)
    check(path, kind, force=force)
    with whole_folder(path) as folder:
        yield folder
        new = [file for file in folder.rglob("*") if file.is_file()]
        check_files(path, {str(file.relative_to(folder)): file.read_bytes() for file in new}, force)


def check_files(folder: Path, new: Mapping[str, bytes], force: bool = False) -> None:
    """Raise ValueError if one of these files, {name: content}, would replace a folder or, without
    force, a file with other contents."""
    for name, content in new.items():
        place = folder / name
        if place.is_dir():
            raise ValueError(f"{place}: there is a folder of this name; expected a file")
        if place.exists() and not force and place.read_bytes() != content:
            raise ValueError(f"{place}: this would be replaced; give another folder, or --force")
