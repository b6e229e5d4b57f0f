"""Another Python for a part of the work: it finds modules where this process does, and nowhere
else."""

import os
import sys
from pathlib import Path

_HOME = str(Path(__file__).resolve().parents[2])


def python(*words: object) -> list[str]:
    """The command of this very Python, which does not look into the folder that it is started
    in."""
    return [sys.executable, "-P", *map(str, words)]


def surroundings(**changes: str) -> dict[str, str]:
    """The environment of a process that `python` starts, with `changes`: this process's paths, and
    this library's."""
    paths = [*filter(None, sys.path), _HOME]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}
