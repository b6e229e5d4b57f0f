"""Checks that a command overwrites nothing, unless --force is given.

A command annotates its outputs with their kind (`commands.signature`), and all outputs are checked
before any work begins.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from errno import EACCES
from pathlib import Path
from typing import NamedTuple

from .files import UNFINISHED


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


def check_all(paths: Sequence[tuple[Path, Kind | None]], force: bool = False) -> None:
    """Check all paths of a command (`check`). Each comes with its kind of output, or with None if
    it is an input.

    Raises ValueError also if two outputs have the same path.
    """
    inputs = [path for path, kind in paths if kind is None]
    places = [os.path.realpath(path) for path, kind in paths if kind is not None]
    for path, kind in paths:
        if kind is not None:
            check(path, kind, inputs, force)
            if places.count(os.path.realpath(path)) > 1:
                raise ValueError(f"{path}: two outputs have this name; give them different names")


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
        entries = path.iterdir() if kind.folder and not kind.shared else ()
        if not force and (not kind.folder or any(one.name != UNFINISHED for one in entries)):
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


def check_files(folder: Path, new: Mapping[str, bytes], force: bool = False) -> None:
    """Raise ValueError if one of these files, {name: content}, would replace a folder or, without
    force, a file with other contents."""
    for name, content in new.items():
        place = folder / name
        if place.is_dir() or place.exists() and not force and place.read_bytes() != content:
            raise ValueError(f"{place}: this would be replaced; give another folder, or --force")
