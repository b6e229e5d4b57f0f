"""Threads of the kernels: a range of independent items, shared by a pool that lives as long as the
process.

Kernels are compiled without Python's lock, so plain threads run them side by side. An item's result
does not depend on which thread computes it or when; sums over items are made afterwards in a fixed
order. If parts of a batch run in parallel (`in_order`), a thread that has finished helps with the
kernels of the others.

Any number of threads may call these functions at the same time: each works itself, and threads of
the pool help. While the main thread shares work, Ctrl-C is deferred until the next kernel
(`stopping.heeded`): raised at an arbitrary point, it would leave locks taken and threads running.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import wraps
from threading import Lock, RLock, get_ident
from typing import Any

from ..arguments import must, whole
from ..stopping import PAUSE, check, heeded

MOST = 1024  # most threads; more are a mistake, and some systems would start them all
WORTHWHILE = 1 << 18  # operations
SHARES = 8  # parts of a range per thread, which balances uneven items
LONGEST = 5  # seconds that a fork waits for products to end; none takes as long
_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
_busy: set[int] = set()  # threads that take turns
_forks = RLock()  # a handler of signals may fork within a product
_multiplying: set[int] = set()  # threads that are multiplying matrices
noted: list[tuple[Any, tuple]] | None = None  # calls of kernels, while they are only recorded


def get_threads() -> int:
    """Return the kernels' number of threads: that of `set_threads`, else of MINISNN_THREADS, else
    the number of cores that this process may use.

    >>> ms.get_threads() >= 1
    True
    """
    if _chosen is not None:
        return _chosen
    text = os.environ.get("MINISNN_THREADS")
    if text is None:
        count = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
        return len(count(0))
    must(
        "MINISNN_THREADS",
        text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST,
        f"a whole number from 1 to {MOST}",
        text,
    )
    return int(text)


def set_threads(number: int | None) -> None:
    """Use `number` threads from now on; None for the default. Results are the same for any number.

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


def processor() -> str:
    """Return the processor's name; on Linux with its family and model if the name has no number, as
    in many virtual machines."""
    import platform

    fields: dict[str, str] = {}
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        fields = dict(re.findall(r"^(model name|model|cpu family)\s*: (.*)$", file.read(), re.M))
    name = fields.get("model name") or platform.processor() or platform.machine()
    if {"cpu family", "model"} <= fields.keys() and not any(map(str.isdecimal, name)):
        return f"{name}, family {fields['cpu family']}, model {fields['model']}"
    return name


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
    others = len(_busy - {get_ident()}) if get_ident() in _busy else 0
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
    """Run no kernels in this block; record (kernel, types of its arguments) of each call
    instead."""
    global noted
    noted = []
    try:
        yield noted
    finally:
        noted = None


def in_order(function: Callable, items: Sequence, collect: Callable) -> None:
    """Call collect(function(item)) for every item: functions run in parallel, results are collected
    one by one in the items' order. Within another `in_order` they run one after the other."""
    if get_ident() in _busy or get_threads() == 1 or not len(items):
        for item in items:
            check()
            collect(function(item))
        return
    numbers = iter(range(len(items)))
    lock = Lock()
    waiting = {}
    due = 0

    def turn() -> bool:
        nonlocal due
        n = next(numbers, None)
        if n is None:
            return False
        result = function(items[n])
        with lock:
            waiting[n] = result
            del result
            while due in waiting:
                collect(waiting.pop(due))
                due += 1
        return True

    _together(turn, get_threads())


@heeded(signal.SIGINT)
def _together(turn: Callable[[], bool], workers: int) -> None:
    """Call a function repeatedly in this thread and in workers - 1 others until it returns False,
    or raises an error, which is raised here."""
    import numpy as np

    global _pool
    pool = _pool = _pool or ThreadPoolExecutor(get_threads(), "minisnn")
    errors: list[BaseException] = []
    others: list[Future] = []
    settings = np.geterr()  # part of the context only since NumPy 2.0

    def take_turns() -> None:
        first = get_ident() not in _busy
        _busy.add(get_ident())
        try:
            with np.errstate(**settings):
                while not errors and turn():
                    check()
        except BaseException as error:
            errors.append(error)
        finally:
            if first:
                _busy.discard(get_ident())

    try:
        with suppress(RuntimeError):  # the system has no more threads: continue with these
            for _ in range(workers - 1):
                others.append(pool.submit(copy_context().run, take_turns))
        take_turns()
    except BaseException as error:  # also catches what signal handlers raise
        errors.append(error)
    finally:
        begun = [other for other in others if not other.cancel()]
        while wait(begun, PAUSE).not_done:  # Windows handles no signals during a wait
            pass
    if errors:
        raise errors[0]


def multiplies(function: Callable) -> Callable:
    """Wrap `function`, which multiplies matrices, so that this process is not forked meanwhile: the
    child would inherit a lock of OpenBLAS, and wait for ever."""

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
    """Reset a forked process, which has none of its parent's threads."""
    global _pool, _forks
    _multiplying.clear()
    _forks = RLock()
    _pool = None
    _busy.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_products, after_in_parent=lambda: _forks.release(), after_in_child=_forget
    )
