"""Threads of the kernels: a range of independent items, shared out over a pool that lives as long
as the process.

Kernels are compiled without Python's lock, so plain threads run them side by side. An item's result
does not depend on which thread computes it or when; sums over items are made afterwards in a fixed
order. Where parts of a batch run side by side (`in_order`), a thread that finds none left takes a
share of the kernels of those still at work.

Any thread may call these functions, several at once: each works itself, and threads of the pool
help. The main thread may be interrupted at any moment, so another one does all that is shared in
its place (`stand_in`).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import wraps
from threading import Lock, RLock, get_ident, local
from time import monotonic, sleep
from typing import Any

from ..stopping import check
from ..arguments import must, whole
from .stand_in import Job, as_here, carry_out, check_given_up

_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
_lock = Lock()
_at_work = 0  # threads that take turns at something
MOST = 1024  # threads: more are a slip, and some systems would start them all
WORTHWHILE = 1 << 18  # operations
PATIENCE = 5  # seconds that a fork waits for products, longer than any takes
SHARES = 8  # turns a thread takes at a range, so that uneven items even out


class _Here(local):
    """Whether this thread takes turns at something, and whether it uses no others."""

    at_work = False
    alone = False


_here = _Here()


def get_threads() -> int:
    """The number of threads of the kernels: that of `set_threads`, else MINISNN_THREADS, else the
    cores this process may use.

    >>> ms.get_threads() >= 1
    True
    """
    if _chosen is not None:
        return _chosen
    text = os.environ.get("MINISNN_THREADS")
    if text is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    good = text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST
    must("MINISNN_THREADS", good, f"a whole number from 1 to {MOST}", text)
    return int(text)


def processor() -> str:
    """Name of the processor, as the system tells it; on Linux with its family and model where the
    name has no number, as in many virtual machines."""
    import platform

    told: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                told.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    name = told.get("model name") or platform.processor() or platform.machine()
    family, model = told.get("cpu family"), told.get("model")
    if family and model and not any(letter.isdecimal() for letter in name):
        return f"{name}, family {family}, model {model}"
    return name


def set_threads(number: int | None) -> None:
    """Use `number` threads from now on; None for the default. Results are the same for any number.

    A computation that another Python thread has begun continues with the threads it has. Raises
    ValueError for anything but a whole number from 1 to MOST, or None.

    >>> ms.set_threads(1)
    >>> ms.get_threads()
    1
    >>> ms.set_threads(None)
    """
    global _chosen, _pool
    _chosen = None if number is None else whole("the number of threads", number, 1, MOST)
    _pool = None  # whose threads end when nobody works with them any more


def parallel(kernel: Callable, items: int, *arguments: Any, work: int = 1 << 62) -> None:
    """Call kernel(start, stop, *arguments) until every item of range(items) is done once.

    `work`, a rough number of operations, tells what is over before another thread would have woken
    up.
    """
    check()
    check_given_up()
    if _notes is not None:
        _note_call(kernel, 0, 0, *arguments)
        return
    workers = min(get_threads(), items)
    if _here.at_work:  # as a part of something, with those who have nothing left of it
        workers = min(workers, get_threads() - _at_work + 1)
    if workers <= 1 or work < WORTHWHILE or _here.alone:
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


_notes: list[tuple[Any, tuple]] | None = None


@contextmanager
def noting() -> Iterator[list[tuple[Any, tuple]]]:
    """No kernel runs inside: (kernel, types of its arguments) of each is noted instead, and what it
    would have filled stays as it is."""
    global _notes
    _notes = []
    try:
        yield _notes
    finally:
        _notes = None


def notes() -> bool:
    """Whether kernels are noted."""
    return _notes is not None


def note(kernel: Any, kinds: tuple) -> bool:
    """Note a kernel; False where it is not asked for."""
    if _notes is not None:
        _notes.append((kernel, kinds))
    return _notes is not None


def _note_call(kernel: Any, *arguments: Any) -> None:
    from numba import typeof

    note(kernel, tuple(map(typeof, arguments)))


def in_order(function: Callable, items: Sequence, collect: Callable) -> None:
    """collect(function(item)) for every item: the functions side by side, what they return one by
    one in the items' order.

    Inside another `in_order` they go one after the other.
    """
    workers = 1 if _here.alone or _here.at_work else get_threads()
    if workers == 1 or not len(items):
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

    _together(turn, workers)


@contextmanager
def alone() -> Iterator[None]:
    """In here this thread uses no others: what a process does that shares a machine with its
    like."""
    before = _here.alone
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = before


def _together(turn: Callable[[], bool], workers: int) -> None:
    """Take turns in this thread and in workers - 1 others until one returns False."""
    job = Job()

    def take_turns() -> None:
        with _counted():
            while not job.over and turn():
                check()

    def together() -> None:
        others: list[Future] = []
        with suppress(RuntimeError):  # the system may have no more threads: those there are do all
            for _ in range(workers - 1):
                others.append(_get_pool().submit(as_here(job.run), take_turns))
        job.run(take_turns)
        wait([other for other in others if not other.cancel()])  # what had not begun never does

    carry_out(together, job=job)


@contextmanager
def _counted() -> Iterator[None]:
    """In here this thread takes turns at something."""
    before = _here.at_work
    _here.at_work = True
    _count(not before)
    try:
        yield
    finally:
        _here.at_work = before
        _count(-(not before))


def _count(more: int) -> None:
    global _at_work
    with _lock:
        _at_work += more


def _get_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(get_threads(), "minisnn")
        return _pool


_forks = RLock()  # a handler of signals may fork within a product
_multiplying: set[int] = set()  # threads in a product of matrices


def multiplies(function: Callable) -> Callable:
    """`function`, whose products of matrices are never under way when this process is forked: its
    child would wait for ever for a lock that OpenBLAS holds in them."""

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
    _forks.acquire()  # no more begin
    end = monotonic() + PATIENCE
    while _multiplying - {get_ident()} and monotonic() < end:
        sleep(1e-3)


def _forget() -> None:
    """A forked process has none of its parent's threads, and works at nothing yet."""
    global _pool, _here, _lock, _at_work, _forks
    _multiplying.clear()
    _forks = RLock()
    _pool = None
    _here = _Here()
    _lock = Lock()
    _at_work = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_products, after_in_parent=lambda: _forks.release(), after_in_child=_forget
    )
