"""A thread that works in the main thread's place, so that an interruption meets nothing but a wait.

Python raises KeyboardInterrupt in the main thread wherever that is: in the midst of starting a
thread, in a lock that other threads wait for, in a compiler's tables. So the main thread shares no
locks: it puts its work on a queue, one step of C code, and waits. Whatever is raised there, the
work is given up, and the main thread waits on until nobody is at it any more. Other threads are
never interrupted, and work themselves.
"""

import atexit
import os
import sys
import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from threading import current_thread, local, main_thread

TICK = 0.1  # seconds between two looks at signals, which Windows does not heed during a wait
PATIENCE = 1.0  # seconds after which another interruption ends the wait for what was given up
_queue: SimpleQueue | None = None  # of the thread that works in the main thread's place


class _Here(local):
    """What this thread works at; of the class, where it is nothing, which is found quickly."""

    job: "Job | None" = None


_here = _Here()


class GivenUp(BaseException):
    """Ends the work at what nobody waits for any more."""


class Job:
    """What several threads do together, until one of them fails or nobody waits for it."""

    def __init__(self) -> None:
        self.parent = _here.job  # as a part of which it is done
        self.given_up = False
        self.error: BaseException | None = None  # the first one

    @property
    def over(self) -> bool:
        """Whether no more of it is to be done."""
        if self.given_up or self.error is not None:
            return True
        return self.parent is not None and self.parent.over

    def run(self, work: Callable[[], None]) -> None:
        """Call work() as a part of this."""
        before, _here.job = _here.job, self
        try:
            if not self.over:
                work()
        except GivenUp:
            pass
        except BaseException as error:
            if not self.over:
                self.error = error
        finally:
            _here.job = before

    def end(self) -> None:
        """Raise its error, or that of what it was a part of, if there is one."""
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # or it would hold itself, and all arrays of its frames
        check_given_up()


def check_given_up() -> None:
    """Raise GivenUp where nobody waits for what this thread works at."""
    if _here.job is not None and _here.job.over:
        raise GivenUp


def carry_out(work: Callable[[], None], what: str = "", job: Job | None = None) -> None:
    """Call work(), of the main thread in its place; its error, or what interrupts the wait, is
    raised. `what` cannot be broken off, which is then said."""
    job = job or Job()
    if current_thread() is not main_thread():
        job.run(work)
    else:
        run = as_here(job.run)
        try:
            _wait_for(lambda: run(work))
        except BaseException:
            job.given_up = True
            if what:
                print(f"minisnn: stops when {what} is done", file=sys.stderr, flush=True)
            _settle()
            raise
    job.end()


def as_here(function: Callable[..., None]) -> Callable[..., None]:
    """A function, to be called once by another thread, with the context of this one, and NumPy's
    errstate, which is a part of that only from NumPy 2.0 on."""
    import numpy as np

    context = copy_context()
    settings = np.geterr()

    def called(*arguments: object) -> None:
        with np.errstate(**settings):
            function(*arguments)

    return lambda *arguments: context.run(called, *arguments)


def _wait_for(function: Callable[[], None]) -> None:
    global _queue
    if _queue is None:
        queue: SimpleQueue = SimpleQueue()
        start_new_thread(_work_off, (queue,))  # `threading` would wait until it has started
        _queue = queue
    done = allocate_lock()
    done.acquire()
    _queue.put((function, done))
    while not done.acquire(timeout=TICK):
        pass


def _work_off(queue: SimpleQueue) -> None:
    while True:
        function, done = queue.get()
        function()
        del function  # nothing is held until the next one
        done.release()


def _settle() -> None:
    """Wait until all that was put is over, however often this is interrupted within PATIENCE."""
    began = time.monotonic()
    while _queue is not None:
        try:
            return _wait_for(lambda: None)
        except BaseException:
            if time.monotonic() - began > PATIENCE:
                raise


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _queue, _here
    _queue = None
    _here = _Here()


atexit.register(_settle)  # a library that is at work must not be taken down
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
