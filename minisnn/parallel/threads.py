"""Threads of the kernels: a range of independent items, shared out over a pool that lives as long as the process.

Kernels are compiled without Python's lock, so plain threads run them side by side. An item's result does not depend on who
computes it or when; what is summed over items is summed afterwards in a fixed order.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import Event, Lock, local
from typing import Any

from ..stopping import check

_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
_inside = local()
WORTHWHILE = 1 << 18  # operations
SHARES = 8  # turns a thread takes at a range, so that uneven items even out


def get_threads() -> int:
    """How many threads the kernels use: `set_threads`, else MINISNN_THREADS, else the cores this process may use."""
    if _chosen is not None:
        return _chosen
    text = os.environ.get("MINISNN_THREADS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"MINISNN_THREADS must be a whole number from 1 on, not {text!r}")
    return int(text)


def set_threads(number: int | None) -> None:
    """Use `number` threads from now on; None for the default. Results are the same for any number."""
    global _chosen, _pool
    if number is not None and (not isinstance(number, int) or number < 1):
        raise ValueError(f"the number of threads must be a whole number from 1 on, not {number!r}")
    _chosen = number
    if _pool is not None:
        _pool.shutdown()
        _pool = None


def parallel(kernel: Callable, items: int, *arguments: Any, work: int = 1 << 62) -> None:
    """Call kernel(start, stop, *arguments) until every item of range(items) is done once.

    `work`, a rough number of operations, tells what is over before another thread would have woken up. Inside a function
    that `in_order` calls, the other threads have work of their own, and the kernel is called once.
    """
    check()
    workers = 1 if work < WORTHWHILE or getattr(_inside, "busy", False) else min(get_threads(), items)
    if workers <= 1:
        if items:
            kernel(0, items, *arguments)
        return
    share, turns = max(items // (SHARES * workers), 1), count()

    def turn() -> bool:
        start = next(turns) * share
        if start < items:
            kernel(start, min(start + share, items), *arguments)
        return start < items

    _together(turn, workers)


def in_order(function: Callable, items: Sequence, collect: Callable) -> None:
    """collect(function(item)) for every item: the functions side by side, what they return one by one in the items' order.

    As many items as there are threads go together; the threads share in each of what is left over.
    """
    workers = 1 if getattr(_inside, "busy", False) else min(get_threads(), len(items))
    together = len(items) // workers * workers if workers > 1 else 0
    turns, lock, waiting, due = count(), Lock(), {}, [0]

    def turn() -> bool:
        n = next(turns)
        if n >= together:
            return False
        with alone():
            result = function(items[n])
        with lock:
            waiting[n] = result
            del result
            while due[0] in waiting:
                collect(waiting.pop(due[0]))
                due[0] += 1
        return True

    if together:
        _together(turn, workers)
    for item in items[together:]:
        check()
        collect(function(item))


@contextmanager
def alone() -> Iterator[None]:
    """In here this thread uses no others: what a process does that shares a machine with its like."""
    before = getattr(_inside, "busy", False)
    _inside.busy = True
    try:
        yield
    finally:
        _inside.busy = before


def _together(turn: Callable[[], bool], workers: int) -> None:
    """Take turns in this thread and in workers - 1 others until one returns False; the first error ends it and is raised."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max(get_threads() - 1, 1), "minisnn")
    failed = Event()

    def work_on():
        try:
            while not failed.is_set() and turn():
                check()
        except BaseException:
            failed.set()
            raise

    others = [_pool.submit(work_on) for _ in range(workers - 1)]
    try:
        work_on()
    finally:
        for other in others:  # also after Ctrl-C: nobody may write to what is given up
            other.exception()
    for other in others:
        other.result()


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
