"""What is said and done when a kernel was not kept."""

import sys
import warnings
from collections.abc import Callable
from functools import cache

from ..stopping import check

_asked: dict[str, Callable[[], None]] = {}  # by name, to be called when a kernel is missing


def when_missing(what: str, function: Callable[[], None]) -> None:
    """Call a function when the next kernel is missing, once; in place of another one of that
    name."""
    _asked[what] = function


def announce() -> None:
    """Say so where the next kernel is not there yet: once after installing, and after a change of
    it."""
    words = "the kernels are compiled first, once: about half a minute"
    when_missing("announce", lambda: print(words, file=sys.stderr, flush=True))


def missed() -> None:
    """Nothing was kept: this is the moment to say that a kernel is about to be compiled, or to stop
    before it."""
    check()
    while _asked:
        _asked.popitem()[1]()


@cache
def cannot_keep(reason: str) -> None:
    """Say once that kernels cannot be kept."""
    warnings.warn(
        f"compiled kernels cannot be kept ({reason}), so that each command compiles them, about "
        "half a minute; name a folder that can be written to: NUMBA_CACHE_DIR=DIR",
        stacklevel=2,
    )
