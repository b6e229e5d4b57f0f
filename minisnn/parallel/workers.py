"""Worker processes of this machine, in place of a library's pool.

loky and `concurrent.futures` give up every worker and task when one worker dies, and send a set of
tasks with each task. A Dask cluster does neither, but listens on a port where any user of the
machine can run code.

Data travel through private pipes and are pickled by Python's own `multiprocessing`; no file is ever
unpickled. A script that uses Workers must run its commands under `if __name__ == "__main__":`,
because each worker imports it.
"""

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.reduction import ForkingPickler
from threading import Lock
from typing import Any

from .. import stopping
from ..arguments import whole
from .executor import Call, Others, WorkersLost
from .threads import check_given_up, in_order

MOST = 1024  # processes: more are a slip
TRIES = 3  # deaths of workers at one task before it is held to be the task's fault
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",  # of macOS
)
# what workers are deaf to, for it is their master's business; SIGTERM is how they are ended at exit
DEAF = [number for number in stopping.SIGNALS if number != signal.SIGTERM]
_starting = Lock()  # one thread at a time changes what a process starts with


class Workers(Others):
    """Processes of this machine, with one thread each. A worker that dies is replaced, and its task
    is done again.

    Raises ValueError for a number that is not from 1 to MOST, `WorkersLost` where workers cannot
    start or the same task ends TRIES of them.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0), batch=2)
    >>> found = []
    >>> with ms.Workers(2) as workers:
    ...     workers.in_order(net.init, [np.random.default_rng(n) for n in range(3)], found.append)
    >>> [np.array_equal(theta, net.init(np.random.default_rng(n))) for n, theta in enumerate(found)]
    [True, True, True]
    """

    def __init__(self, number: int):
        self.number = whole("the number of workers", number, 1, MOST)
        super().__init__()

    # an interruption inside an import or a finaliser would be swallowed
    @stopping.heeded(signal.SIGINT)
    def carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        """As `Executor.in_order`, in the worker processes: for each of them a thread here waits."""
        packed = _packed(call)  # its parameters are large: for all workers once
        last = len(items)  # the first task known to have raised an error

        def ask(n: int) -> tuple[Any, BaseException | None]:
            nonlocal last
            if n > last:
                return None, None  # which nobody collects
            answer = self._ask(packed, sets, items[n])
            if answer[1] is not None:
                last = min(last, n)
            return answer

        def collected(answer: tuple[Any, BaseException | None]) -> None:
            value, error = answer
            if error is not None:
                raise error
            collect(value)

        try:
            in_order(ask, range(len(items)), collected, self.number)
        except BaseException:
            self.give_up()
            raise

    def _ask(self, call: bytes, sets: list, item: Any) -> tuple[Any, BaseException | None]:
        """(result, error) of a task, by whoever is idle."""
        for deaths in range(1, TRIES + 1):
            if self._idle:
                worker = self._idle.pop()
            else:
                worker = _Worker()
                self._workers.append(worker)
            answer = worker.answer(call, sets, item)
            if answer is not None:
                self._idle.append(worker)
                return answer
            self._workers.remove(worker)
            end = worker.end()
            if deaths < TRIES:
                again = "another one does its task again"
                warnings.warn(f"a worker process died ({end}); {again}", stacklevel=2)
        raise WorkersLost(
            f"a worker process died {TRIES} times at the same task ({end}); where memory is short, "
            "fewer workers need less"
        )

    def forget(self) -> None:
        """In a process that was forked: its next call starts workers of its own."""
        super().forget()
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []

    def give_up(self) -> None:
        """End all workers at once; the next call starts others."""
        workers, self._workers, self._idle, self.new = self._workers, [], [], True
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()


class _Worker:
    """A worker process as its master sees it. WorkersLost where it cannot start."""

    def __init__(self) -> None:
        context = get_context("spawn")  # a fork would copy locks that other threads hold
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs,), daemon=True, name="minisnn worker"
        )
        with _starting, _sober():
            self.process.start()
        theirs.close()  # else its death would not close the pipe
        self.call = b""
        self.sets: list = []
        with suppress(EOFError, OSError):
            self._heard()
            return
        end = self.end()
        if (self.process.exitcode or 0) > 0:
            raise WorkersLost(
                f"a worker process could not start ({end}); a script must run its commands "
                'under if __name__ == "__main__": for each worker imports it'
            )

    def answer(self, call: bytes, sets: list, item: Any) -> tuple[Any, Any] | None:
        """(result, error) of a task, or None where the worker is dead; what it knows of the call
        and the sets is not sent again."""
        known = len(sets) == len(self.sets) and all(map(lambda a, b: a is b, sets, self.sets))
        new = call if call is not self.call else None
        parts = _packed(item), new, None if known else _packed(sets)
        self.call, self.sets = call, sets
        try:
            self.pipe.send(parts)
            return self._heard()
        except (EOFError, OSError):
            return None

    def _heard(self) -> Any:
        """What the worker says. EOFError where it is dead."""
        while not self.pipe.poll(stopping.PAUSE):
            stopping.check()
            check_given_up()
        return self.pipe.recv()

    def end(self) -> str:
        """Give the process up; how it ended, in words."""
        self.pipe.close()
        self.process.join(5)
        code = self.process.exitcode
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def _sober() -> Iterator[None]:
    """What a process starts with: libraries that use one thread, and some signals blocked."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    if hasattr(signal, "pthread_sigmask"):
        # the first start would, and let signals through from then on
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF)
    try:
        yield
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name in ONE_THREAD:
            del os.environ[name]
        os.environ.update({name: before[name] for name in ONE_THREAD if name in before})


def _packed(value: Any) -> bytes:
    return bytes(ForkingPickler.dumps(value))


def _serve(pipe: connection.Connection) -> None:
    """The life of a worker: remember what it is sent, do what it is asked, until its master is
    gone."""
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    known: dict[str, Any] = {"sets": []}
    with suppress(EOFError, OSError):
        pipe.send(None)  # it stands
        while True:
            pipe.send_bytes(_answer(known, *pipe.recv()))


def _answer(known: dict[str, Any], item: bytes, call: bytes | None, sets: bytes | None) -> bytes:
    """(result, error) of a task, as it is sent; `call` and `sets` where they are new. A
    RuntimeError names an error whose class does not travel."""
    try:
        for name, new in (("call", call), ("sets", sets)):
            if new is not None:
                known[name] = ForkingPickler.loads(new)
        value = known["call"](known["sets"], ForkingPickler.loads(item))
        return _packed((value, None))
    except BaseException as error:
        note = f"in a worker process:\n{traceback.format_exc()}"
        error.add_note(note)
        try:
            packed = _packed((None, error))
            ForkingPickler.loads(packed)
        except BaseException:
            other = RuntimeError(f"{type(error).__name__}: {error}")
            other.add_note(note)
            packed = _packed((None, other))
        return packed
