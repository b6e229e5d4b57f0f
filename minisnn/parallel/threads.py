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
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from threading import Condition, Lock, local
from typing import Any

from ..stopping import check
from ..arguments import must, whole
from .stand_in import Effort, GivenUp, as_here, carry_out, check_effort, work_at

_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
_lock = Lock()
MOST = 1024  # threads: more are a slip, and some systems would start them all
WORTHWHILE = 1 << 18  # operations
SHARES = 8  # turns a thread takes at a range, so that uneven items even out


class _Inside(local):
    """What this thread is inside of; of the class, where it is nothing, which is found quickly."""

    crew: "_Crew | None" = None
    busy = False


_inside = _Inside()


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
    up. Inside a function that `in_order` calls, the other threads have work of their own: those
    that have none left take a share.
    """
    check()
    if _notes is not None:
        _note_call(kernel, 0, 0, *arguments)
        return
    crew = _inside.crew
    check_effort()
    most = 1 if work < WORTHWHILE or _inside.busy else crew.idle + 1 if crew else get_threads()
    workers = min(most, items)
    if workers <= 1:
        if items:
            kernel(0, items, *arguments)
    elif crew:
        crew.share(_Range(kernel, items, arguments, workers, crew.effort))
    else:
        carry_out(
            lambda effort: _together(
                _Range(kernel, items, arguments, workers, effort).turn, workers, effort
            )
        )


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
    workers = 1 if _inside.busy or _inside.crew else get_threads()
    if workers == 1 or not len(items):
        for item in items:
            check()
            collect(function(item))
        return
    turns = count()
    lock = Lock()
    waiting = {}
    due = [0]

    def turn() -> bool:
        n = next(turns)
        if n >= len(items):
            return False
        result = function(items[n])
        with lock:
            waiting[n] = result
            del result
            while due[0] in waiting:
                collect(waiting.pop(due[0]))
                due[0] += 1
        return True

    carry_out(lambda effort: _together(turn, workers, effort, _Crew(effort)))


class _Range:
    """A kernel's items, a share of them a turn, whoever takes it."""

    def __init__(
        self, kernel: Callable, items: int, arguments: tuple, workers: int, effort: Effort
    ):
        self.kernel = kernel
        self.items = items
        self.arguments = arguments
        self.effort = effort
        self.share = max(items // (SHARES * workers), 1)
        self.turns = count()
        self.helpers = 0  # threads beside its owner's that are at it
        self.error: BaseException | None = None  # that ended one of them

    def turn(self) -> bool:
        start = next(self.turns) * self.share
        if start < self.items:
            self.kernel(start, min(start + self.share, self.items), *self.arguments)
        return start < self.items

    def run(self) -> None:
        try:
            while self.turn():
                check()
                self.effort.check()
        except BaseException:
            self.items = 0  # nobody begins another share
            raise


class _Crew:
    """Threads that work off one list; `idle` of them have found nothing left on it, and help with
    what the others share."""

    def __init__(self, effort: Effort):
        self.effort = effort
        self.busy = 0
        self.idle = 0
        self.ranges: list[_Range] = []
        self._changed = Condition()

    def share(self, given: _Range) -> None:
        """Work at a range, together with those who are idle."""
        with self._changed:
            self.ranges.append(given)
            self._changed.notify_all()
        try:
            given.run()
        finally:
            with self._changed:  # also after an error: nobody may write to what is given up
                self._over(given)
                while given.helpers:
                    self._changed.wait()
        if given.error is not None:
            raise given.error

    def enter(self) -> None:
        """This thread works at the list; one that never came is not waited for."""
        with self._changed:
            self.busy += 1

    def leave(self) -> None:
        """This thread works at the list no more."""
        with self._changed:
            self.busy -= 1
            self._changed.notify_all()

    def help(self) -> None:
        """Take shares until nobody works at the list any more."""
        while (given := self._next()) is not None:
            try:
                given.run()
            except BaseException as error:
                given.error = error  # for its owner
            with self._changed:
                given.helpers -= 1
                self._over(given)
                self._changed.notify_all()

    def _next(self) -> _Range | None:
        """A range to help with, once there is one; None where nobody works any more."""
        with self._changed:
            self.idle += 1
            while self.busy and not self.ranges:
                self._changed.wait()
            self.idle -= 1
            if not self.ranges:
                return None
            self.ranges[-1].helpers += 1
            return self.ranges[-1]

    def _over(self, given: _Range) -> None:
        if given in self.ranges:
            self.ranges.remove(given)


@contextmanager
def alone() -> Iterator[None]:
    """In here this thread uses no others: what a process does that shares a machine with its
    like."""
    before = _inside.busy
    _inside.busy = True
    try:
        yield
    finally:
        _inside.busy = before


def _together(
    turn: Callable[[], bool], workers: int, effort: Effort, crew: _Crew | None = None
) -> None:
    """Take turns in this thread and in workers - 1 others until one returns False, or the effort is
    over."""

    def work_on() -> None:
        _inside.crew = crew
        before = work_at(effort)
        if crew:
            crew.enter()
        try:
            while not effort.over and turn():
                check()
        except GivenUp:
            effort.over = True
        except BaseException as error:
            effort.fail(error)
        finally:
            _inside.crew = None
            if crew:
                crew.leave()
        if crew:
            crew.help()
        work_at(before)

    pool = _get_pool()
    others: list[Future] = []
    with suppress(RuntimeError):  # the system may have no more threads: those there are do it all
        for _ in range(workers - 1):
            others.append(pool.submit(as_here(work_on)))  # np.errstate holds for all
    work_on()
    for other in others:
        if not other.cancel():  # one that had not begun has nothing left to do
            other.result()


def _get_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(get_threads() - 1, 1), "minisnn")
        return _pool


def _forget() -> None:
    """A forked process has none of its parent's threads, and works at nothing yet."""
    global _pool, _inside, _lock
    _pool = None
    _inside = _Inside()
    _lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
