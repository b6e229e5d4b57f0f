"""Threads: parts of a batch and tasks side by side, in a pool that lives as long as the process.

An item's result does not depend on which thread computes it or when. Any thread may call these
functions, several at once. Kernels share their work in the same pool (`shares`).
"""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import wraps
from threading import RLock, get_ident
from typing import Any

from ..arguments import whole

MOST = 1024  # most threads; more are a mistake, and some systems would start them all
LONGEST = 5  # seconds that a fork waits for products to end; none takes as long
_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
busy: set[int] = set()  # threads of the pool that are at work
_forks = RLock()  # a handler of signals may fork within a product
_multiplying: set[int] = set()  # threads that are multiplying matrices


def get_threads() -> int:
    """Return the number of threads that kernels use: the number given to `set_threads`, or else
    MINISNN_THREADS, or else the number of cores that this process may use.

    >>> ms.get_threads() >= 1
    True
    """
    if _chosen is not None:
        return _chosen
    text = os.environ.get("MINISNN_THREADS")
    if text is None:
        count = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
        return len(count(0))
    return whole("MINISNN_THREADS", int(text) if text.isdecimal() else text, 1, MOST)


def set_threads(number: int | None) -> None:
    """Use `number` threads from now on; None means the default. Results are the same for any number
    of threads.

    A computation that another Python thread has begun keeps its number of threads. Raises
    ValueError for anything but a whole number from 1 to MOST, or None.

    >>> ms.set_threads(1)
    >>> ms.get_threads()
    1
    >>> ms.set_threads(None)
    """
    global _chosen, _pool
    _chosen = None if number is None else whole("the number of threads", number, 1, MOST)
    _pool = None  # threads of an old pool end by themselves


def in_order(function: Callable, items: Sequence, collect: Callable) -> None:
    """Call collect(function(item)) for every item. The calls of `function` run in parallel;
    `collect` receives the results one at a time, in the items' order. Within another `in_order`,
    the calls run one after the other."""
    if get_ident() in busy or get_threads() == 1 or len(items) < 2:
        for item in items:
            collect(function(item))
        return
    due: deque[Future] = deque()
    errors: list[BaseException] = []

    def of_item(item: Any) -> Any:
        try:
            if errors:  # nothing more begins
                raise errors[0]
            return function(item)
        except BaseException as error:
            errors.append(error)
            raise

    try:
        for item in items:
            due.append(submit(of_item, item))
        while due:
            collect(due[0].result())
            due.popleft()
    finally:  # nobody is left at work
        wait([future for future in due if not future.cancel()])


def submit(function: Callable, *arguments: Any) -> Future:
    """Begin function(*arguments) in another thread, using the context of this thread."""
    global _pool
    pool = _pool = _pool or ThreadPoolExecutor(get_threads(), "minisnn")
    return pool.submit(copy_context().run, _at_work, function, arguments)


def _at_work(function: Callable, arguments: tuple) -> Any:
    busy.add(get_ident())
    try:
        return function(*arguments)
    finally:
        busy.discard(get_ident())


def multiplies(function: Callable) -> Callable:
    """Wrap `function`, which multiplies matrices, so that this process is not forked while it runs:
    the child would inherit a lock of OpenBLAS, and wait for ever."""

    @wraps(function)
    def between_forks(*arguments: Any) -> Any:
        thread = get_ident()
        try:
            with _forks:
                _multiplying.add(thread)
            return function(*arguments)
        finally:
            _multiplying.discard(thread)

    return between_forks


def _wait_for_products() -> None:
    _forks.acquire()  # blocks further products
    end = time.monotonic() + LONGEST
    while _multiplying - {get_ident()} and time.monotonic() < end:
        time.sleep(1e-3)


def _forget() -> None:
    """Reset the state in a forked process, which has none of its parent's threads."""
    global _pool, _forks
    _multiplying.clear()
    _forks = RLock()
    _pool = None
    busy.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_products, after_in_parent=lambda: _forks.release(), after_in_child=_forget
    )
