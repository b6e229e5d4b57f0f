"""Threads of the kernels: a range of independent items, shared out over a pool that lives as long as the process.

Kernels are compiled without Python's lock, so plain threads run them side by side. An item's result does not depend on who
computes it or when; what is summed over items is summed afterwards in a fixed order.
"""
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
WORTHWHILE = 1 << 18            # operations
SHARES = 8                      # turns a thread takes at a range, so that uneven items even out


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


def parallel(kernel: Callable, items: int, *arguments, work: int = 1 << 62) -> None:
    """Call kernel(start, stop, *arguments) until every item of range(items) is done once.

    `work`, a rough number of operations, tells what is over before another thread would have woken up.
    """
    global _pool
    workers = min(get_threads(), items) if work >= WORTHWHILE else 1
    if workers <= 1:
        if items:
            kernel(0, items, *arguments)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(max(get_threads() - 1, 1), "minisnn")
    share, turns = max(items // (SHARES * workers), 1), count()

    def work():
        while (start := next(turns) * share) < items:
            kernel(start, min(start + share, items), *arguments)

    others = [_pool.submit(work) for _ in range(workers - 1)]
    try:
        work()
    finally:
        for other in others:                            # also after Ctrl-C: nobody may write to what is given up
            other.exception()
    for other in others:
        other.result()


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
