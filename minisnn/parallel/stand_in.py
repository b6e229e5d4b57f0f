"""A thread that works in the main thread's place, so that an interruption meets nothing but a wait.

Python raises KeyboardInterrupt in the main thread between any two of its steps: behind the lock
that was just taken and before the `with` that gives it back, inside `finally`, in the midst of
starting a thread. No code that shares locks with other threads stands that. So the main thread
shares none: it puts an errand on a queue, one step of C code, and waits for a lock that is released
once. Whatever is raised there, the errand is given up, and the main thread waits on until nobody
works at it any more. Other threads are never interrupted, and do their work themselves.

Errands are done one after the other. Where that last wait is interrupted as well, what was given up
is still over before the next errand begins.
"""

import atexit
import os
import sys
import time
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import local, main_thread
from typing import Any

TICK = 0.1  # seconds
PATIENCE = 1.0  # seconds after which another interruption ends the wait for what was given up
slow: dict[
    int, str
] = {}  # threads that are at something that cannot be broken off, and what is to be said then
_errands: SimpleQueue | None = None  # of the thread that works in the main thread's place


class _Here(local):
    """What this thread works at; of the class, where it is nothing, which is found quickly."""

    effort: "Effort | None" = None


_here = _Here()


class GivenUp(BaseException):
    """Ends the work at what nobody waits for any more."""


class Effort:
    """What several threads do together: `over` asks them to end, `error` is the first one of
    them."""

    def __init__(self) -> None:
        self.over = False
        self.error: BaseException | None = None

    def check(self) -> None:
        """Raises GivenUp where this is over."""
        if self.over:
            raise GivenUp

    def fail(self, error: BaseException) -> None:
        """End it with an error, unless it has ended."""
        if not self.over:
            self.error = error
        self.over = True

    def end(self) -> None:
        """Raise its error, if there is one."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # or it would hold itself, and all arrays of its frames


def check_effort() -> None:
    """Raises GivenUp where what this thread works at is over."""
    effort = _here.effort
    if effort is not None:
        effort.check()


def work_at(effort: Effort | None) -> Effort | None:
    """Tell `check_effort` what this thread works at from now on; what it worked at before is
    returned."""
    before = _here.effort
    _here.effort = effort
    return before


def carry_out(work: Callable[[Effort], None]) -> None:
    """Call work(effort), of the main thread in its place; the effort's error, or what interrupts
    the wait, is raised."""
    effort = Effort()
    if get_ident() != main_thread().ident:
        work(effort)
    else:
        tried = as_here(_tried)
        try:
            _wait_for(lambda: None if effort.over else tried(work, effort))
        except BaseException:
            effort.over = True
            _settle()
            raise
    effort.end()


def as_here(work: Callable[..., None]) -> Callable[..., None]:
    """`work`, to be called once by another thread, in the context of this one. NumPy's errstate is
    part of it from NumPy 2.0 on; before, each thread has its own."""
    context = copy_context()
    numpy = sys.modules.get("numpy")  # which a command that only helps does without
    if numpy is None:
        return partial(context.run, work)
    settings = numpy.geterr()

    def called(*arguments: Any) -> None:
        with numpy.errstate(**settings):
            work(*arguments)

    return partial(context.run, called)


def _tried(work: Callable[[Effort], None], effort: Effort) -> None:
    work_at(effort)
    try:
        work(effort)
    except BaseException as error:
        effort.fail(error)
    finally:
        work_at(None)


def _wait_for(function: Callable[[], None]) -> None:
    done = allocate_lock()
    done.acquire()
    _queue().put((function, done))
    if os.name != "nt":
        done.acquire()
    else:  # no signal is heeded there while a lock is waited for
        while not done.acquire(timeout=TICK):
            pass


def _settle() -> None:
    """Wait until all that was put is over, however often this is interrupted within PATIENCE."""
    began = time.monotonic()
    while True:
        try:
            for thread, text in list(slow.items()):
                if text:
                    slow[thread] = ""
                    print(text, file=sys.stderr, flush=True)
            return _wait_for(_nothing)
        except BaseException:
            if time.monotonic() - began > PATIENCE:
                raise


def _nothing() -> None:
    pass


def _queue() -> SimpleQueue:
    global _errands
    if _errands is None:
        queue: SimpleQueue = SimpleQueue()
        # `threading` waits for a lock until a thread has started
        start_new_thread(_work_off, (queue,))
        _errands = queue
    return _errands


def _work_off(queue: SimpleQueue) -> None:
    while True:
        function, done = queue.get()
        function()
        del function  # nothing is held until the next one
        done.release()


def _at_exit() -> None:
    if _errands is not None:
        _settle()


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _errands, _here
    _errands = None
    _here = _Here()
    slow.clear()


atexit.register(_at_exit)  # a library that is at work must not be taken down
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
