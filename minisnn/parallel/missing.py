"""Messages and callbacks for kernels that were not in the cache."""

import sys
import warnings
from collections.abc import Callable
from functools import cache

from ..stopping import check

_asked: dict[str, Callable[[], None]] = {}  # {name: function to call when a kernel is missing}


def when_missing(what: str, function: Callable[[], None]) -> None:
    """Register a function that is called once, the next time a kernel is missing from the cache. It
    replaces any function that was registered under the same name."""
    _asked[what] = function


def announce() -> None:
    """Print a message the next time a kernel is missing, which is the first time after an
    installation or a change of the sources."""
    words = "the kernels are compiled first, once: about half a minute"
    when_missing("announce", lambda: print(words, file=sys.stderr, flush=True))


def missed() -> None:
    """Call the registered functions, because a kernel is about to be compiled."""
    check()
    while _asked:
        _asked.popitem()[1]()


@cache
def cannot_keep(reason: str) -> None:
    """Warn, once, that compiled kernels cannot be stored in the cache."""
    warnings.warn(
        f"compiled kernels cannot be stored ({reason}), so each command compiles them, about "
        "half a minute; set NUMBA_CACHE_DIR to a writable folder",
        stacklevel=2,
    )
