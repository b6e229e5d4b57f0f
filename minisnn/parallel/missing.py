"""Messages and callbacks for kernels that were not in the cache."""

import sys
import warnings
from collections.abc import Callable
from functools import cache

from ..stopping import check

_asked: dict[str, Callable[[], None]] = {}  # by name, to be called when a kernel is missing


def when_missing(what: str, function: Callable[[], None]) -> None:
    """Register a function that is called once when the next kernel is missing; it replaces another
    one of that name."""
    _asked[what] = function


def announce() -> None:
    """Print a message if the next kernel is missing: once after installing, and after a change of
    it."""
    words = "the kernels are compiled first, once: about half a minute"
    when_missing("announce", lambda: print(words, file=sys.stderr, flush=True))


def missed() -> None:
    """Call the registered functions: a kernel is about to be compiled."""
    check()
    while _asked:
        _asked.popitem()[1]()


@cache
def cannot_keep(reason: str) -> None:
    """Warn once that kernels cannot be kept."""
    warnings.warn(
        f"compiled kernels cannot be kept ({reason}), so that each command compiles them, about "
        "half a minute; name a folder that can be written to: NUMBA_CACHE_DIR=DIR",
        stacklevel=2,
    )
