"""Functions of a module, as other processes need them: each is a task that leaves a trace, dies or
fails."""

import os
import pickle
import signal
import time
from pathlib import Path

from minisnn.parallel.executor import take_apart
from minisnn import Executor, get_threads
from minisnn.parallel.shares import parallel


class Travelling(Executor):
    """Does in this process what a worker would do: with copies of all that is sent, but for sets of
    tasks."""

    number, journeys = 2, 0

    def in_order(self, function, items, collect, *, large=False):
        if len(items) <= 1:
            return super().in_order(function, items, collect, large=large)
        call, sets = take_apart(function)
        call = pickle.loads(pickle.dumps(call))
        for item in items:
            collect(pickle.loads(pickle.dumps(call(sets, item))))
            self.journeys += 1


def who(trace: str, item: int):
    """(item squared, process), and a file that says so."""
    (Path(trace) / f"{item}-{os.getpid()}").touch()
    time.sleep(0.01)
    return item * item, os.getpid()


def slow_who(item: int) -> tuple[int, int]:
    """(item squared, process)."""
    time.sleep(0.1)
    return item * item, os.getpid()


def dies(trace: str, when: int, times: int, item: int) -> int:
    """item squared; at one item the process is killed, the first so many times."""
    begun = len(list(Path(trace).glob(f"{item}-*")))
    (Path(trace) / f"{item}-{begun}").touch()
    if item == when and begun < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def fails(trace: str, at: tuple[int, ...], item: int) -> int:
    (Path(trace) / str(item)).touch()
    time.sleep(0.4 if item == min(at) else 0)  # the first in order is not the first in time
    if item in at:
        raise Strange(item, "strange")
    return item


class Strange(ValueError):
    """An error that cannot be pickled as others are."""

    def __init__(self, item: int, what: str):
        super().__init__(f"{what} {item}")


def threads_used(item: int) -> tuple[int, list]:
    """(threads the process would use, the calls a kernel got)."""
    calls: list = []
    parallel(lambda start, stop: calls.append((start, stop)), 8)
    return get_threads(), calls


def count(tasks, item: int) -> tuple[int, int]:
    """(process, how often its set of tasks was unpacked)."""
    time.sleep(0.02)  # so long that another worker takes a part
    return os.getpid(), tasks.unpacked


class Counted:
    """A set of tasks that counts how often it arrives in a process."""

    unpacked = 0

    def episode(self, *_):
        raise NotImplementedError

    def __setstate__(self, state):
        type(self).unpacked += 1

    def __getstate__(self):
        return {"a": "state"}


def sleeps(trace: str, item: int) -> None:
    """A file that says which process is asleep, and ten minutes."""
    (Path(trace) / f"{item}-{os.getpid()}").touch()
    time.sleep(600)


class Own(BaseException):
    """No Exception, of a module of the user's."""


def raises(kind: str, item: int) -> int:
    """item squared; at 3 an error, most of which are no Exceptions."""
    errors = dict(
        GeneratorExit=GeneratorExit,
        SystemExit=SystemExit,
        KeyboardInterrupt=KeyboardInterrupt,
        Own=Own,
    )
    if item == 3:
        raise ValueError(lambda: 3) if kind == "unfit" else errors[kind]("by the task")
    return item * item
