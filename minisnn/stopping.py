"""Ctrl-C, SIGTERM and SIGHUP (its terminal was closed): acted on at the next safe point, whatever
runs.

An exception that is raised where a signal happens to arrive is swallowed by a finaliser or a
callback of C code, which may make another error of it, or leaves a library half imported. So a
signal is only noted, and `check` raises `Stopped`: between tasks, episodes and kernels, and while
this process waits for others. Where no check comes within PATIENCE, since a library compiles, draws
or waits, `Stopped` is raised where the main thread is after all, again and again until it is being
handled. A second signal does so at once.
"""

import _thread
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
PATIENCE = 2.0  # seconds from a signal until the main thread is interrupted wherever it is
AGAIN = 1.0  # seconds: sooner it is the same signal, to the process and to its group
PAUSE = 0.1  # seconds between two looks
_number: int | None = None  # of the signal that was noted
_since = 0.0
_urged = False  # the next signal is one of `_urge`
_raised = False  # in the midst of something, which may have made another error of it
_lock = _thread.allocate_lock()


class Stopped(KeyboardInterrupt):
    """A signal, `number`, asks this process to end."""

    def __init__(self, number: int = signal.SIGINT):
        super().__init__()
        self.number = number


def asked() -> bool:
    """Whether a signal was noted, so that there is no time for what can be left out."""
    return _number is not None


def check() -> None:
    """A safe point: raises `Stopped` where a signal was noted."""
    if _number is not None:
        raise Stopped(_number)


def exit_code(error: BaseException | None) -> int:
    """128 and the number of the signal that an interruption came from, as shells have it."""
    while error is not None and not isinstance(error, Stopped):
        error = error.__cause__ or error.__context__
    return 128 + (signal.SIGINT if error is None else error.number)


@contextmanager
def heeded(*signals: int, process: bool = False) -> Iterator[None]:
    """In here these signals are noted, and answered on leaving at the latest. One that is ignored
    (nohup) or has a handler of somebody else's stays so, and outside the main thread all do.

    process   this process is here for nothing else: it stays deaf on its last steps. Without, all
              is then as before.
    """
    own = (signal.SIG_DFL, signal.default_int_handler)
    before: dict[int, Any] = {}
    if current_thread() is main_thread():
        before = {n: signal.getsignal(n) for n in signals if signal.getsignal(n) in own}
    if process:
        sys.unraisablehook = _unraisable
    try:
        for number in before:
            signal.signal(number, _note)
        yield
    except Exception as error:
        if _raised:
            raise Stopped(_number or signal.SIGINT) from error
        raise
    finally:
        noted = _leave({n: signal.SIG_IGN if process else one for n, one in before.items()})
    if noted is not None:
        raise Stopped(noted)


def _leave(handlers: dict[int, Any]) -> int | None:
    """Put handlers in place of ours; the signal that was noted before."""
    global _number, _since, _raised
    if not handlers:
        return _number
    _since = math.inf  # from here on ours raises nothing
    try:
        with _lock:  # nobody is about to urge
            for number, handler in reversed(handlers.items()):  # SIGINT's last, which may raise
                signal.signal(number, handler)
    finally:
        noted, _number, _raised = _number, None, False
    return noted


def _note(number: int, frame) -> None:
    """The handler of all signals, and of what `_urge` sends."""
    global _number, _since, _urged, _raised
    urged, _urged = _urged, False
    if _number is None:
        if not urged:
            _number = number
            _since = time.monotonic()
            _thread.start_new_thread(_urge, (_since,))
    elif not math.isinf(_since) and _is_due(urged):
        _raised = True
        raise Stopped(_number)


def _is_due(urged: bool) -> bool:
    """Whether a further signal interrupts at once: a second one, or one of `_urge` while the main
    thread is in no `except`, `finally` or `with` that an interruption goes through."""
    if not urged:
        return time.monotonic() - _since > AGAIN
    error = sys.exception()
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is None


def _urge(since: float) -> None:
    """Signals to the main thread, which also end its waiting for the system, as long as it should
    have stopped and has not."""
    global _urged
    time.sleep(PATIENCE)
    while True:
        with _lock:
            if _number is None or _since != since:
                return
            _urged = True
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(main_thread().ident or 0, _number)
            else:
                _thread.interrupt_main(signal.Signals(_number))
        time.sleep(PAUSE)


def _unraisable(unraisable) -> None:
    """What finalisers and callbacks swallow is said, but for an interruption, which is raised
    again."""
    if not isinstance(unraisable.exc_value, Stopped):
        sys.__unraisablehook__(unraisable)
