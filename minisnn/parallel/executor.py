"""Execution of independent tasks: in this process, in other processes of this machine, or on a Dask
cluster.

Tasks of a meta-batch, test episodes and items of a study depend only on their number and arguments,
and sums over them are computed here, in order. So every executor gives the same bits.

    Executor             this process (the default)
    Workers(4)           four processes of this machine, one thread each (`workers`)
    Cluster(address)     a Dask cluster (`cluster`)

    with Workers(4) as executor:
        evaluate(net, theta, inner, episodes=600, executor=executor)
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Lock, get_ident
from typing import Any, NamedTuple

from ..stopping import check
from .compilation import compiled
from .threads import in_order, set_threads


class WorkersLost(OSError):
    """Too many workers died or left; the message says what to do."""


class Executor(AbstractContextManager):
    """Runs tasks in this process.

    number   number of tasks that run at the same time
    """

    number = 1

    def in_order(
        self, function: Callable, items: Sequence, collect: Callable, *, large: bool = False
    ) -> None:
        """Call collect(function(item)) for every item, in the items' order; raise the first error
        in that order.

        function   for other processes: a `functools.partial` of a function of a module, or such a
                   function. Its arguments are sent to each worker once per call. A set of tasks (an
                   object with `episode`) is sent again only if it differs from that of the previous
                   call; sets are assumed not to change
        large      whether a task needs much memory: in this process, tasks then run one after the
                   other, each on all threads

        >>> found = []
        >>> with ms.Workers(2) as workers:
        ...     workers.in_order(abs, [-1, -2, -3], found.append)
        >>> found
        [1, 2, 3]
        """
        if not large:
            return in_order(partial(_checked, function), items, collect)
        for item in items:
            collect(_checked(function, item))

    def close(self) -> None:
        """End all workers; the next call starts new ones.

        >>> workers = ms.Workers(2)
        >>> workers.close()
        """

    def __exit__(self, *_: object) -> None:
        self.close()


def _checked(function: Callable, item: Any) -> Any:
    check()
    return function(item)


class Others(Executor):
    """Runs tasks in other processes. Raises WorkersLost if too many of them die.

    Python threads that share an executor take turns. Raises RuntimeError if a call is made from
    within another. A subclass has two methods:

    carry_out(call, sets, items, collect)   as `in_order`, in other processes
    give_up()                               end all workers at once
    """

    carry_out: Callable[..., None]
    give_up: Callable[[], None]

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Reset the object as if nothing had been sent. A forked process needs this, because the
        workers belong to its parent."""
        self.new = True
        self._process = os.getpid()
        self._turn = Lock()  # held while a thread uses the workers
        self._talker: int | None = None  # the thread that holds the lock

    def in_order(
        self, function: Callable, items: Sequence, collect: Callable, *, large: bool = False
    ) -> None:
        """Run tasks as an executor does. The first call compiles the kernels in this process."""
        # compiles the kernels, the others find them in the cache
        if self.new and not compiled() and len(items) > 1:
            collect(function(items[0]))
            items = items[1:]
        if len(items) <= 1:  # a single task is fastest on all threads of this process
            return super().in_order(function, items, collect, large=large)
        with self._talking():
            self.new = False
            self.carry_out(*take_apart(function), items, collect)

    def close(self) -> None:
        """End all workers, after any call that another thread is making has finished. The next call
        starts new workers."""
        with self._talking():
            self.give_up()

    @contextmanager
    def _talking(self) -> Iterator[None]:
        if self._process != os.getpid():
            self.forget()
        if self._talker == get_ident():
            raise RuntimeError(
                f"these {type(self).__name__} are in the middle of a call, whose "
                "`collect` must not use them"
            )
        with self._turn:
            self._talker = get_ident()
            try:
                yield
            finally:
                self._talker = None


class Call(NamedTuple):
    """A partial function to send to another process. The sets of tasks among its arguments, whose
    positions it lists, are sent separately."""

    function: partial
    places: list[int]

    def __call__(self, sets: Sequence, item: Any) -> Any:
        set_threads(1)  # other processes use the other cores
        arguments = list(self.function.args)
        for place, tasks in zip(self.places, sets):
            arguments[place] = tasks
        return self.function.func(*arguments, item, **self.function.keywords)


def take_apart(function: Callable) -> tuple[Call, list]:
    """Split a function into a `Call`, which is sent once, and the sets of tasks that the function
    needs."""
    whole = function if isinstance(function, partial) else partial(function)
    places = [n for n, given in enumerate(whole.args) if hasattr(given, "episode")]
    left = [None if n in places else given for n, given in enumerate(whole.args)]
    call = Call(partial(whole.func, *left, **whole.keywords), places)
    return call, [whole.args[n] for n in places]
