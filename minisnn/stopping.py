"""Handling of Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) at the next safe point.

An exception that is raised where a signal happens to arrive is swallowed by a finaliser or a
callback of C code, which may make another error of it, or leaves a library half imported. So a
signal is only noted, and `check` raises `Stopped`: between tasks, episodes and kernels, and while
this process waits for others. A second signal raises it at once, wherever the main thread is: in a
library that compiles or draws, for example.
"""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
AGAIN = 1.0  # seconds: sooner it is the same signal, to the process and to its group
PAUSE = 0.1  # seconds between two looks
_number: int | None = None  # the noted signal
_since = 0.0  # time of the signal; infinity if nothing is to be raised any more


class Stopped(KeyboardInterrupt):
    """Raised for a signal, `number`, that asks this process to end."""

    def __init__(self, number: int = signal.SIGINT):
        super().__init__()
        self.number = number


def asked() -> bool:
    """Return whether a signal was noted, so optional work should be skipped."""
    return _number is not None


def check() -> None:
    """Raise `Stopped` at a safe point if a signal was noted."""
    if _number is not None:
        raise Stopped(_number)


def exit_code(error: BaseException | None) -> int:
    """Return 128 plus the number of the signal behind an interruption, as shells do."""
    while error is not None and not isinstance(error, Stopped):
        error = error.__cause__ or error.__context__
    return 128 + (signal.SIGINT if error is None else error.number)


@contextmanager
def heeded(*signals: int, process: bool = False) -> Iterator[None]:
    """Answer signals within the block at safe points: `check` raises `Stopped`, or the block's end
    does. Signals that are ignored (nohup) or have other handlers are left alone, and so are all
    signals outside the main thread.

    process   whether the block is all that this process does: signals are then ignored until its
              end. Otherwise the previous handlers are restored.
    """
    global _number, _since
    own = (signal.SIG_DFL, signal.default_int_handler)
    before: dict[int, Any] = {}
    if current_thread() is main_thread():
        before = {n: signal.getsignal(n) for n in signals if signal.getsignal(n) in own}
    try:
        for number in before:
            signal.signal(number, _note)
        yield
    except Exception as error:  # C code may have made it of an interruption
        if _number is not None:
            raise Stopped(_number) from error
        raise
    finally:
        noted = _number
        if before:
            _since = math.inf
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if process else handler)
            noted, _number = _number, None
    if noted is not None:
        raise Stopped(noted)


def _note(number: int, frame) -> None:
    """Handle any of the signals."""
    global _number, _since
    if _number is None:
        _number, _since = number, time.monotonic()
    elif time.monotonic() - _since > AGAIN:
        raise Stopped(_number)
