"""Another Python for a part of the work: it finds modules where this process does, and nowhere
else."""

import atexit
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path

from .threads import get_threads

_BESIDE = "MINISNN_COMPILES_BESIDE"  # of a process that `start_beside` starts
_asked: tuple[str, Callable[[], str]] | None = None  # a module, and its `main`'s standard input
_started: tuple[str, str] | None = None  # the same of the process that was started last
_HOME = str(Path(__file__).resolve().parents[2])
_child: subprocess.Popen | None = None


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
    """From the first kernel on that is missing, let a process next to this one compile, too: a
    module's `main`, with `words()`, asked for then, as its standard input."""
    global _asked
    if _BESIDE not in os.environ and parent_process() is None and get_threads() > 1:
        _asked = module, words


def start_beside() -> None:
    """A kernel is missing: start what `compile_beside` asked for, if anything, and not the same
    twice or two at a time."""
    global _asked, _started, _child
    if _asked is None or _child is not None and _child.poll() is None:
        return
    (module, words), _asked = _asked, None
    if _started == (module, words()):
        return
    _started = module, words()
    with suppress(OSError):  # then this process compiles alone
        _child = subprocess.Popen(
            python("-c", f"from {module} import main; main()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=surroundings(**{_BESIDE: "1"}),
        )
        assert _child.stdin is not None
        with _child.stdin as to:
            to.write(_started[1].encode())


@atexit.register
def _end() -> None:
    if _child is not None:
        _child.kill()
        _child.wait()
