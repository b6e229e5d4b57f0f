"""Another Python for a part of the work: it finds modules where this process does, and nowhere
else."""

import atexit
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import parent_process
from pathlib import Path

from .threads import get_threads

_PARENT = "MINISNN_COMPILES_BESIDE"  # of a process that `start_beside` starts: for whom it compiles
_asked: tuple[str, Callable[[], str]] | None = None  # a module, and what its `main` is to be told
_told: tuple[str, str] | None = None  # the same of the process that was started last
_child: subprocess.Popen | None = None
_HOME = str(Path(__file__).resolve().parents[2])


class Taken(Exception):
    """A kernel that the process beside this one is at."""


def python(*words: object) -> list[str]:
    """The command of this very Python, which does not look into the folder that it is started
    in."""
    return [sys.executable, "-P", *map(str, words)]


def surroundings(**changes: str) -> dict[str, str]:
    """The environment of a process that `python` starts, with `changes`: this process's paths, and
    this library's; what it prints is UTF-8 on every system."""
    paths = [*filter(None, sys.path), _HOME]
    made = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
    return {**os.environ, **made, **changes}


def compile_beside(module: str, words: Callable[[], str]) -> None:
    """From the first kernel on that is missing, let a process beside this one compile, too: a
    module's `main`, with `words()`, asked for then, as its standard input."""
    global _asked
    if _PARENT not in os.environ and parent_process() is None and get_threads() > 1:
        _asked = module, words


def start_beside() -> None:
    """A kernel is missing: start what `compile_beside` asked for, if anything, and not the same
    twice or two at a time."""
    global _asked, _told, _child
    if _asked is None or beside():
        return
    (module, words), _asked = _asked, None
    told = module, words()
    if told == _told:
        return
    _told = told
    command = python("-c", f"from {module} import main; main()")
    environment = surroundings(**{_PARENT: str(os.getpid())})
    try:
        _child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert _child.stdin is not None
        with _child.stdin as to:
            to.write(told[1].encode())
    except OSError:  # then this process compiles alone
        return


@atexit.register
def _end() -> None:
    if _child is not None and _child.poll() is None:
        _child.kill()
        _child.wait()


def beside() -> int:
    """The process that compiles with this one: the one that was started, while it runs, or the one
    that started this; 0 for none."""
    if _child is not None:
        return _child.pid if _child.poll() is None else 0
    return int(os.environ.get(_PARENT, 0))


def leaves() -> bool:
    """Whether this process leaves what the other is at, and does not wait for it."""
    return _PARENT in os.environ
