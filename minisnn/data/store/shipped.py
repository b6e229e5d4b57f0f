"""Paths of files bundled with the package: digits, tables, meta-trained networks, lessons."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def shipped(name: str) -> Path:
    """Return the path of the bundled file `name`. In a wheel it is next to the package's code; in a
    clone it is in the data folder.

    Raises FileNotFoundError if this installation lacks the file.
    """
    return _find(name, _PACKAGE / "_shipped", _PACKAGE.parent / "data")


def if_shipped(name: str) -> Path | None:
    """Return what `shipped` returns, or None if this installation lacks the file."""
    try:
        return shipped(name)
    except FileNotFoundError:
        return None


def folder(name: str) -> Path:
    """Return the path of a project folder such as "lessons", or of a file in it, in a wheel or a
    clone.

    Raises FileNotFoundError if this installation lacks it.
    """
    carried = _PACKAGE / "_folders"
    return _find(name, *([carried, _PACKAGE] if carried.is_dir() else []), _PACKAGE.parent)


def _find(name: str, *places: Path) -> Path:
    for place in places:
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"shipped file {name!r} is missing; looked in {places}")


def find_checkpoint(path: str | Path) -> Path:
    """Return the given file or folder if it exists, otherwise the bundled checkpoint with this
    name."""
    path = Path(path).expanduser()
    named = not path.exists() and path.name == str(path)
    return named and if_shipped(path.name) or path
