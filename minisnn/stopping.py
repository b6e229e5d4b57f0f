"""Ctrl-C, SIGTERM and SIGHUP (its terminal was closed): acted on at the next safe point, whatever
runs.

An exception that is raised where a signal happens to arrive is swallowed by a finaliser or a
callback of C code, which may make another error of it, or leaves a library half imported. So a
signal is only noted, and `check` raises `Stopped`: between tasks, episodes and kernels, and while
this process waits for others. Where no check comes within PATIENCE, since a library compiles, draws
or waits, `Stopped` is raised where the main thread is after all, again and again until it is being
handled. A second signal does so at once. Whatever error comes of that is the interruption.
"""

import _thread
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import _GeneratorContextManager, contextmanager
from functools import wraps
from threading import current_thread, main_thread
from typing import Any, ParamSpec, TypeVar

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# seconds; AGAIN: sooner it is the same signal, to the process and to its group
PATIENCE, AGAIN, PAUSE = (
    2.0,
    1.0,
    0.1,
)
P = ParamSpec("P")
T = TypeVar("T")
_number: int | None = None  # of the signal that was noted
_since = 0.0
_urged = False
_lock = _thread.allocate_lock()
_raised = False  # in the midst of something, which may have made another error of it
_late: list[int] | None = None  # signals that came while handlers were put back


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
    global _raised, _late
    own = (signal.SIG_DFL, signal.default_int_handler)
    before: dict[int, Any] = {}
    try:
        if current_thread() is main_thread():
            _late = None
            # from SIGINT's on no handler interrupts this
            for number in sorted(signals, key=signal.SIGINT.__ne__):
                if signal.getsignal(number) in own:
                    before[number] = signal.signal(number, _note)
        if process:
            sys.unraisablehook = _unraisable
        yield
        check()
    except Exception as error:
        if _raised:
            raise Stopped(_number or signal.SIGINT) from error
        raise
    finally:
        if before:
            _leave(dict.fromkeys(before, signal.SIG_IGN) if process else before)


def _leave(handlers: dict[int, Any]) -> None:
    """Put handlers in place of ours; raises Stopped where a signal comes meanwhile."""
    global _number, _raised, _late
    late: list[int] = []
    _late = late  # from here on ours raises nothing
    _number = None
    _raised = False
    with _lock:  # nobody is about to urge
        pass
    # SIGINT's last: what it raises leaves nothing undone
    for number, handler in reversed(handlers.items()):
        signal.signal(number, handler)
    if late:
        raise Stopped(late[0])


def _note(number: int, frame) -> None:
    """The handler of all signals, and of what `_urge` sends."""
    global _number, _since, _urged, _raised
    urged, _urged = _urged, False
    if _late is not None:
        if not urged:
            _late.append(number)
    elif _number is None:
        if not urged:
            _number = number
            _since = time.monotonic()
            _thread.start_new_thread(_urge, (_since,))
    elif not _handled() if urged else time.monotonic() - _since > AGAIN:
        _raised = True
        raise Stopped(_number)


def _handled() -> bool:
    """Whether the main thread, which runs this, is in an `except`, `finally` or `with` that an
    interruption goes through."""
    error = sys.exception()
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


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


class _Scope(_GeneratorContextManager[T]):
    """As `contextmanager` makes them; one that is interrupted as it is entered or left is over all
    the same. Else the traceback, which a notebook keeps, would keep its file or its folder held."""

    def __enter__(self) -> T:
        try:
            entered = super().__enter__()
            return entered
        except BaseException:
            self.gen.close()
            raise

    def __exit__(self, *error) -> bool | None:
        try:
            return super().__exit__(*error)
        except BaseException:
            self.gen.close()
            raise


def scope(function: Callable[P, Generator[T, None, None]]) -> Callable[P, _Scope[T]]:
    """`contextlib.contextmanager`, for what must not outlast an interruption."""

    @wraps(function)
    def made(*arguments: P.args, **keywords: P.kwargs) -> _Scope[T]:
        return _Scope(function, arguments, keywords)

    return made


def _unraisable(unraisable) -> None:
    """What finalisers and callbacks swallow is said, but for an interruption, which is raised
    again."""
    if not isinstance(unraisable.exc_value, Stopped):
        sys.__unraisablehook__(unraisable)
