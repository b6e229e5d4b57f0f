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
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, process
from multiprocessing.reduction import ForkingPickler
from threading import Lock
from typing import Any

from .. import stopping
from ..arguments import whole
from .executor import Call, Others, WorkersLost

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
        self._workers: list[_Worker] = []
        super().__init__()

    # an interruption inside an import or a finaliser would be swallowed
    @stopping.heeded(signal.SIGINT)
    def carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        """As `Executor.in_order`, in the worker processes."""
        left = deque(range(len(items)))
        due = 0
        found: dict[int, tuple[Any, BaseException | None]] = {}
        deaths: Counter[int] = Counter()
        failed = len(items)  # the first task known to have raised an error
        packed = _packed_call(call)  # its parameters are large: for all workers once
        try:
            while due < len(items):
                while left and left[0] < failed and (worker := self._idle()):
                    worker.begin(left.popleft(), call, packed, sets, items)
                for worker in self._heard():
                    task = worker.task
                    answer = worker.answer()
                    if answer is None:
                        left.appendleft(task)
                        deaths[task] += 1
                        self._bury(worker, deaths[task])
                    elif worker.task is None:
                        found[task] = answer
                        failed = failed if answer[1] is None else min(failed, task)
                while due in found:
                    value, error = found.pop(due)
                    if error is not None:
                        raise error
                    collect(value)
                    due += 1
        except BaseException:
            self.give_up()
            raise

    def _idle(self) -> "_Worker | None":
        """A worker without a task, a new one where there are not yet all."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) < self.number:
            # known before it starts: a signal as it does must not lose it
            self._workers.append(_Worker())
            self._workers[-1].start()
            return self._workers[-1]
        return None

    def _heard(self) -> list["_Worker"]:
        """Workers that have answered, or died."""
        busy: dict[Any, _Worker] = {
            worker.pipe: worker for worker in self._workers if worker.task is not None
        }
        heard: list = []
        while not heard:
            stopping.check()
            heard = connection.wait(list(busy), stopping.PAUSE)
        stopping.check()
        return [busy[pipe] for pipe in heard]

    def _bury(self, worker: "_Worker", deaths: int) -> None:
        self._workers.remove(worker)
        end = worker.end()
        if not worker.stands and (worker.process.exitcode or 0) > 0:
            raise WorkersLost(
                f"a worker process could not start ({end}); a script must run its commands "
                'under if __name__ == "__main__": for each worker imports it'
            )
        if deaths >= TRIES:
            raise WorkersLost(
                f"a worker process died {TRIES} times at the same task ({end}); where memory "
                "is short, fewer workers need less"
            )
        warnings.warn(
            f"a worker process died ({end}); another one does its task again", stacklevel=4
        )

    def forget(self) -> None:
        """In a process that was forked: its next call starts workers of its own."""
        super().forget()
        for worker in self._workers:
            worker.pipe.close()
            process._children.discard(worker.process)  # type: ignore[attr-defined]  # or it would end with this process
        self._workers = []

    def give_up(self) -> None:
        """End all workers at once; the next call starts others."""
        workers, self._workers, self.new = self._workers, [], True
        for worker in workers:
            if worker.process.pid is not None:  # None where it could not start
                worker.process.kill()
        for worker in workers:
            worker.end()


class _Worker:
    """A worker process as its master sees it: `task`, the number of what it does; `stands` once it
    has been heard of."""

    def __init__(self) -> None:
        context = get_context("spawn")  # a fork would copy locks that other threads hold
        self.pipe, self._theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(self._theirs,), daemon=True, name="minisnn worker"
        )
        self.task: Any = None
        self.stands = False
        self.call: Call | None = None
        self.sets: list = []

    def start(self) -> None:
        with _starting, _sober():
            self.process.start()
        self._theirs.close()  # else its death would not close the pipe

    def begin(self, task: int, call: Call, packed: bytes, sets: list, items: Sequence) -> None:
        """Send what the worker does not know yet, and the task."""
        self.task = task
        parts = [ForkingPickler.dumps(items[task])]
        if self.call is not call:
            known = [
                next((n for n, one in enumerate(self.sets) if one is two), None) for two in sets
            ]
            new = [two for n, two in zip(known, sets) if n is None]
            parts += [packed, ForkingPickler.dumps((known, new))]
            self.call, self.sets = call, sets
        with suppress(OSError):  # it is dead: `answer` will find out
            self.pipe.send(len(parts))
            for part in parts:
                self.pipe.send_bytes(part)

    def answer(self) -> tuple[Any, BaseException | None] | None:
        """(result, error) of its task, or None where it is dead; the task stays its own where it
        only said that it stands."""
        try:
            packed = self.pipe.recv_bytes()
        except (EOFError, OSError):
            return None
        if self.stands:
            self.task = None
        self.stands = True
        return ForkingPickler.loads(packed)

    def end(self) -> str:
        """Give the process up; how it ended, in words."""
        self.pipe.close()
        if self.process.pid is None:
            return "not started"
        self.process.join(5)
        code = self.process.exitcode
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def _sober() -> Iterator[None]:
    """What a process starts with: libraries that use one thread, and some signals blocked."""
    from multiprocessing import resource_tracker

    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        if hasattr(signal, "pthread_sigmask"):
            # the first start would, and let signals through from then on
            resource_tracker.ensure_running()
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF)
        try:
            yield
        finally:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        for name, value in before.items():
            del os.environ[name]
            os.environ.update({name: value} if value is not None else {})


def _packed_call(call: Call) -> bytes:
    return bytes(ForkingPickler.dumps(call))


def _serve(pipe: connection.Connection) -> None:
    """The life of a worker: remember what it is sent, do what it is asked, until its master is
    gone."""
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    task = _Task()
    with suppress(EOFError, OSError):
        pipe.send_bytes(ForkingPickler.dumps((None, None)))  # it stands
        while True:
            parts = [pipe.recv_bytes() for _ in range(pipe.recv())]
            pipe.send_bytes(task.answer(*parts))


class _Task:
    """What a worker knows of its tasks."""

    def __init__(self) -> None:
        self.call: Any = None
        self.sets: list = []

    def answer(self, item: bytes, call: bytes | None = None, sets: bytes | None = None) -> bytes:
        """(result, error) of a task, as it is sent; `call` and `sets` where they are new."""
        try:
            if call is not None and sets is not None:
                self.call = None  # if it cannot be read, no other is taken for it
                known, new = ForkingPickler.loads(sets)
                more = iter(new)
                self.sets = [next(more) if n is None else self.sets[n] for n in known]
                self.call = ForkingPickler.loads(call)
            value = self.call(self.sets, ForkingPickler.loads(item))
            return bytes(ForkingPickler.dumps((value, None)))
        except BaseException as error:
            error.add_note(f"in a worker process:\n{traceback.format_exc()}")
            return _of_error(error)


def _of_error(error: BaseException) -> bytes:
    """An error as it is sent; a RuntimeError that names it, where its class does not travel."""
    try:
        packed = bytes(ForkingPickler.dumps((None, error)))
        ForkingPickler.loads(packed)
    except BaseException:
        other = RuntimeError(f"{type(error).__name__}: {error}")
        for note in error.__notes__:
            other.add_note(note)
        packed = bytes(ForkingPickler.dumps((None, other)))
    return packed
