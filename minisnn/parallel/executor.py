"""Where independent tasks are carried out: in this process, in other processes of this machine, or by a Dask cluster.

Tasks of a meta-batch, test episodes and items of a study depend on their number and on what they are given, on nothing else;
what is summed over them is summed here, in their order. So every executor gives the same bits.

    Executor             this process (the default)
    Workers(4)           four processes of this machine, one thread each
    Cluster(address)     a Dask cluster (`cluster`)

    with Workers(4) as executor:
        evaluate(net, theta, inner, episodes=600, executor=executor)

What travels between processes goes through private pipes and is pickled by Python's own `multiprocessing`; no file is ever
unpickled. A script that uses Workers must run its commands under `if __name__ == "__main__":`, for each worker imports it.
"""

import os
import signal
import traceback
import warnings
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from .compilation import compiled
from .threads import alone, in_order

TRIES = 3  # deaths of workers at one task before it is held to be the task's fault
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkersLost(OSError):
    """Workers died or went away more often than can be helped; the message says what to do."""


class Executor:
    """Carries tasks out in this process.

    number   tasks that are carried out at once
    """

    number = 1

    def in_order(self, function: Callable, items: Sequence, collect: Callable, *, large: bool = False) -> None:
        """collect(function(item)) for every item, in the items' order; the first error in that order is raised.

        function   to leave this process, a `functools.partial` of a function of a module, or such a function. What it is
                   given goes to each worker once a call, and a set of tasks (it has `episode`) once as long as calls in a
                   row name the same one: sets are taken not to change.
        large      a task takes much memory: in this process one follows the other, and the kernels' threads share each
        """
        if large:
            for item in items:
                collect(function(item))
        else:
            in_order(function, items, collect)

    def close(self) -> None:
        """End all workers; the next call starts others."""

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.close()


@dataclass(frozen=True)
class Call:
    """A partial function on its way to another process; sets of tasks travel apart, and their places are marked."""

    function: Callable
    arguments: tuple
    keywords: dict

    def __call__(self, sets: Sequence, item):
        arguments = (sets[one.number] if isinstance(one, _Place) else one for one in self.arguments)
        with alone():
            return self.function(*arguments, item, **self.keywords)


@dataclass(frozen=True)
class _Place:
    number: int


def take_apart(function: Callable) -> tuple[Call, list]:
    """(what is sent once a call, the sets of tasks it needs)."""
    if not isinstance(function, partial):
        function = partial(function)
    sets: list = []

    def place(argument):
        if not hasattr(argument, "episode"):
            return argument
        sets.append(argument)
        return _Place(len(sets) - 1)

    return Call(function.func, tuple(map(place, function.args)), function.keywords), sets


class Workers(Executor):
    """Processes of this machine, one thread each. A worker that dies is replaced, and its task is done again.

    Raises ValueError for a number below 1, `WorkersLost` where workers cannot start or die of the same task TRIES times.
    """

    def __init__(self, number: int):
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"the number of workers must be a whole number from 1 on, not {number!r}")
        self.number = number
        self._workers: list[_Worker] = []

    def in_order(self, function: Callable, items: Sequence, collect: Callable, *, large: bool = False) -> None:
        """As `Executor.in_order`, in the worker processes. WorkersLost where TRIES of them died at one task."""
        if not self._workers and not compiled() and len(items) > 1:
            collect(function(items[0]))  # compiles the kernels; the workers find them in the cache
            items = items[1:]
        if len(items) <= 1:  # one task is done soonest by all threads of this process
            return super().in_order(function, items, collect, large=large)
        call, sets = take_apart(function)
        try:
            self._carry_out(call, sets, items, collect)
        except BaseException:
            self.close()
            raise

    def _carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        left, due = deque(range(len(items))), 0
        found: dict[int, Any] = {}
        deaths: Counter[int] = Counter()
        failed = len(items)  # the first task known to have raised an error
        while due < len(items):
            while left and left[0] < failed and (worker := self._idle()):
                worker.begin(left.popleft(), call, sets, items)
            for worker in self._heard():
                answer = worker.answer()
                if answer is None:
                    assert worker.task is not None
                    left.appendleft(worker.task)
                    deaths[worker.task] += 1
                    self._bury(worker, deaths[worker.task])
                elif answer.number is not None:
                    found[answer.number], worker.task = answer, None
                    failed = failed if answer.error is None else min(failed, answer.number)
            while due in found:
                answer = found.pop(due)
                if answer.error is not None:
                    raise answer.error
                collect(answer.value)
                due += 1

    def _idle(self) -> "_Worker | None":
        """A worker without a task, a new one where there are not yet all."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) < self.number:
            self._workers.append(_Worker())
            return self._workers[-1]
        return None

    def _heard(self) -> list["_Worker"]:
        """Workers that have answered, or died."""
        from multiprocessing.connection import wait

        busy: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers if worker.task is not None}
        return [busy[pipe] for pipe in wait(list(busy))]

    def _bury(self, worker: "_Worker", deaths: int) -> None:
        self._workers.remove(worker)
        end = worker.end()
        if not worker.stands and (worker.process.exitcode or 0) > 0:
            raise WorkersLost(
                f"a worker process could not start ({end}); a script must run its commands under "
                f'if __name__ == "__main__": for each worker imports it'
            )
        if deaths >= TRIES:
            raise WorkersLost(
                f"a worker process died {TRIES} times at the same task ({end}); where memory is short, fewer workers need less"
            )
        warnings.warn(f"a worker process died ({end}); another one does its task again", stacklevel=4)

    def close(self) -> None:
        """End all workers; the next call starts others."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()


@dataclass
class _Answer:
    """What a worker found at a task; without a number it only says that it stands."""

    number: int | None = None
    value: Any = None
    error: BaseException | None = None


class _Worker:
    """A worker process as its master sees it: `task`, the number of what it does; `stands` once it has been heard of."""

    def __init__(self):
        from multiprocessing import get_context

        context = get_context("spawn")  # a fork would copy locks that other threads hold
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True, name="minisnn worker")
        self.task: int | None = None
        self.stands, self.call, self.sets = False, None, []
        with _sober():
            self.process.start()
        theirs.close()  # else its death would not close the pipe

    def begin(self, task: int, call: Call, sets: list, items: Sequence) -> None:
        """Send what the worker does not know yet, and the task."""
        self.task = task
        try:
            if self.call is not call:
                known = [next((n for n, one in enumerate(self.sets) if one is two), None) for two in sets]
                self.pipe.send((call, known, [two for n, two in zip(known, sets) if n is None]))
                self.call, self.sets = call, sets
            self.pipe.send((task, items[task]))
        except OSError:  # it is dead: `answer` will find out
            pass
        except Exception as error:
            name = getattr(call.function, "__qualname__", call.function)
            raise ValueError(
                f"{name} cannot be sent to a worker process ({error}); expected a function of a module, and "
                f"arguments that can be pickled"
            ) from None

    def answer(self) -> _Answer | None:
        """What it has sent, or None where it is dead."""
        try:
            answer = self.pipe.recv()
            self.stands = True
            return answer
        except (EOFError, OSError):
            return None

    def end(self) -> str:
        """Give the process up; how it ended, in words."""
        self.pipe.close()
        self.process.join(5)
        code = self.process.exitcode
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def _sober():
    """What a process starts with: libraries that use one thread, and deaf to Ctrl-C, which is its master's business."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    deaf = hasattr(signal, "pthread_sigmask")
    if deaf:
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # the first start would, and let signals through from then on
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if deaf else set()
    try:
        yield
    finally:
        if deaf:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe) -> None:
    """The life of a worker: remember what it is told, do what it is asked, until its master is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    call: Any = None
    sets: list = []
    try:
        pipe.send(_Answer())
        while True:
            try:
                message = pipe.recv()
            except (AttributeError, ImportError) as error:  # what it was sent is not here: in __main__, say
                call = partial(_refuse, str(error))
                continue
            if isinstance(message[0], Call):
                call, known, new = message
                new = iter(new)
                sets = [next(new) if n is None else sets[n] for n in known]
            else:
                pipe.send(_answer(call, sets, *message))
    except (EOFError, OSError):
        pass


def _refuse(reason: str, *_):
    raise ValueError(
        f"a worker process does not know what it was sent ({reason}); expected functions and classes of modules "
        f"that it can import"
    )


def _answer(call: Call, sets: list, number: int, item) -> _Answer:
    try:
        return _Answer(number, call(sets, item))
    except BaseException as error:
        if type(error).__module__.split(".")[0] not in (
            "builtins",
            __package__.split(".")[0],
        ):  # others may not survive the journey
            error = _built_in(error)
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return _Answer(number, error=error)


def _built_in(error: BaseException) -> BaseException:
    """The error as one of the built-in class that it is made from."""
    try:
        return next(base for base in type(error).__mro__ if base.__module__ == "builtins")(str(error))
    except TypeError:  # a class that wants more than a text
        return RuntimeError(f"{type(error).__name__}: {error}")


def open_executor(workers: int | None = None, scheduler: str | None = None) -> Executor:
    """The executor of --workers and --scheduler; this process where both are None."""
    if workers is not None and scheduler is not None:
        raise ValueError("give workers or scheduler, not both")
    if scheduler is not None:
        from .cluster import Cluster

        return Cluster(scheduler)
    return Executor() if workers is None else Workers(workers)
