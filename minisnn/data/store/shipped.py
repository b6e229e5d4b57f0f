"""Where the files lie that travel with the package: digits, tables, meta-trained networks,
lessons."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def shipped(name: str) -> Path:
    """Path of the shipped file `name`: in a wheel beside the package's code, in a clone in its data
    folder.

    Raises FileNotFoundError where this installation lacks the file.
    """
    return _find(name, _PACKAGE / "_shipped", _PACKAGE.parent / "data")


def if_shipped(name: str) -> Path | None:
    """`shipped`, or None where this installation lacks the file."""
    try:
        return shipped(name)
    except FileNotFoundError:
        return None


def folder(name: str) -> Path:
    """Path of a folder of the project, "lessons", or of a file in it: in a wheel among the folders
    that it carries as a whole or in the package, in a clone as it lies there.

    Raises FileNotFoundError where this installation lacks it.
    """
    carried = _PACKAGE / "_folders"
    return _find(name, *([carried, _PACKAGE] if carried.is_dir() else []), _PACKAGE.parent)


def _find(name: str, *places: Path) -> Path:
    for place in places:
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"shipped file {name!r} is missing; looked in {places}")


def find_checkpoint(path: str | Path) -> Path:
    """The file or folder itself, or where there is none the checkpoint of this name that travels
    with the package."""
    path = Path(path).expanduser()
    named = not path.exists() and path.name == str(path)
    return named and if_shipped(path.name) or path
