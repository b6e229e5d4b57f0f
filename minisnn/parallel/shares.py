"""A kernel's range of independent items, shared by threads of the pool.

Kernels are compiled without Python's lock, so threads run them side by side; sums over items are
made afterwards in a fixed order. Where parts of a batch run side by side (`threads.in_order`),
threads that find none left take a share of the kernels of those still at work.

While the main thread shares work, Ctrl-C is deferred until the next kernel (`stopping.heeded`):
raised at an arbitrary point, it would leave locks taken and threads running.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import Any

from ..stopping import PAUSE, check, heeded
from .threads import busy, get_threads, submit

WORTHWHILE = 1 << 18  # operations
SHARES = 8  # parts of a range per thread, which balances uneven items
noted: list[tuple[Any, tuple]] | None = None  # calls of kernels, while they are only recorded


def parallel(kernel: Callable, items: int, *arguments: Any, work: int = 1 << 62) -> None:
    """Call kernel(start, stop, *arguments) until every item of range(items) is done once.

    `work` is a rough number of operations: small work is done before another thread would have
    woken up.
    """
    check()
    if noted is not None:
        from numba import typeof

        noted.append((kernel, tuple(map(typeof, (0, 0, *arguments)))))
        return
    others = len(busy - {get_ident()}) if get_ident() in busy else 0
    workers = min(get_threads() - others, items)
    if workers <= 1 or work < WORTHWHILE:
        if items:
            kernel(0, items, *arguments)
        return
    share = max(items // (SHARES * workers), 1)
    starts = iter(range(0, items, share))

    def turn() -> bool:
        start = next(starts, None)
        if start is not None:
            kernel(start, min(start + share, items), *arguments)
        return start is not None

    _together(turn, workers)


@contextmanager
def noting() -> Iterator[list[tuple[Any, tuple]]]:
    """Run no kernels in this block; instead, record (kernel, types of its arguments) for each
    call."""
    global noted
    noted = []
    try:
        yield noted
    finally:
        noted = None


@heeded(signal.SIGINT)
def _together(turn: Callable[[], bool], workers: int) -> None:
    """Call a function repeatedly, in this thread and in workers - 1 others, until it returns False
    or raises an error. The error is raised here."""
    errors: list[BaseException] = []
    others: list[Future] = []

    def take_turns() -> None:
        try:
            while not errors and turn():
                check()
        except BaseException as error:
            errors.append(error)

    try:
        with suppress(RuntimeError):  # the system has no more threads: continue with these
            for _ in range(workers - 1):
                others.append(submit(take_turns))
        take_turns()
    except BaseException as error:  # also catches what signal handlers raise
        errors.append(error)
    finally:
        begun = [other for other in others if not other.cancel()]
        while wait(begun, PAUSE).not_done:  # Windows handles no signals during a wait
            pass
    if errors:
        raise errors[0]
