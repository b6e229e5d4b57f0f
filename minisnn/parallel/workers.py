"""Worker processes on this machine.

Why not a library: loky and `concurrent.futures` abandon all workers and tasks when one worker dies,
and send the data set with each task. A Dask cluster does neither, but opens a port through which
any user of the machine can run code.

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
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.reduction import ForkingPickler
from threading import Lock
from typing import Any

from .. import stopping
from ..arguments import whole
from .executor import Call, Others, WorkersLost

MOST = 1024  # most processes; more are a mistake
IDLE = -1  # task number of an idle worker
TRIES = 3  # deaths of workers at one task before the run fails
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",  # BLAS of macOS
)
# signals that workers ignore, since their parent handles them; SIGTERM ends workers at exit
DEAF = [number for number in stopping.SIGNALS if number != signal.SIGTERM]
_starting = Lock()  # one thread at a time changes the settings of new processes
Answer = tuple[Any, BaseException | None]  # a task's result, or the error that it raised


class Workers(Others):
    """Processes on this machine, each with one thread. A worker that dies is replaced, and its task
    is repeated.

    Raises ValueError for a number outside 1 to MOST, and `WorkersLost` if workers cannot start or
    the same task kills TRIES of them.

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
        """Run `Executor.in_order` in the worker processes."""
        packed = _packed(call)  # pickled once for all workers: its parameters are large
        to_do = deque(range(len(items)))
        deaths = Counter[int]()
        answers: dict[int, Answer] = {}
        due = 0
        try:
            while len(self._workers) < min(self.number, len(items)):
                self._workers.append(_Worker())
            while due < len(items):
                for worker in self._workers:
                    if worker.task == IDLE and to_do:
                        n = to_do.popleft()
                        worker.ask(n, packed, sets, items[n])
                if due not in answers:
                    self._hear(answers, to_do, deaths)
                    continue
                value, error = answers.pop(due)
                if error is not None:
                    raise error
                collect(value)
                due += 1
        except BaseException:
            self.give_up()
            raise

    def _hear(self, answers: dict[int, Answer], to_do: deque[int], deaths: Counter[int]) -> None:
        """Wait for an answer. The tasks of dead workers are queued again, and nothing new starts
        after an error."""
        busy = [worker for worker in self._workers if worker.task != IDLE]
        ready = connection.wait([worker.pipe for worker in busy], stopping.PAUSE)
        for worker in [worker for worker in busy if worker.pipe in ready]:
            n = worker.task
            answer = worker.answer()
            if answer is not None:
                answers[n] = answer
                while answer[1] is not None and to_do and to_do[-1] > n:
                    to_do.pop()
                continue
            to_do.appendleft(n)
            deaths[n] += 1
            end = worker.end()
            if deaths[n] == TRIES:
                raise WorkersLost(
                    f"a worker process died {TRIES} times at the same task ({end}); if memory "
                    "is short, use fewer workers; a script must run its commands under "
                    'if __name__ == "__main__": since each worker imports it'
                )
            again = "another one does its task again"
            warnings.warn(f"a worker process died ({end}); {again}", stacklevel=2)
            self._workers[self._workers.index(worker)] = _Worker()
        stopping.check()

    def forget(self) -> None:
        """Reset the object in a forked process, whose next call starts workers of its own."""
        super().forget()
        self._workers: list[_Worker] = []

    def give_up(self) -> None:
        """End all workers immediately; the next call starts new ones."""
        workers, self._workers, self.new = self._workers, [], True
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()


class _Worker:
    """The parent's handle of a worker process."""

    def __init__(self) -> None:
        context = get_context("spawn")  # a fork would copy locks that other threads hold
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs,), daemon=True, name="minisnn worker"
        )
        with _starting, _sober():
            self.process.start()
        theirs.close()  # otherwise the pipe would stay open when the worker dies
        self.task = IDLE  # number of the running task
        self.call = b""
        self.sets: list = []

    def ask(self, task: int, call: bytes, sets: list, item: Any) -> None:
        """Begin a task. A call and sets of tasks that the worker already has are not sent again."""
        known = [*map(id, sets)] == [*map(id, self.sets)]
        new = call if call is not self.call else None
        parts = _packed(item), new, None if known else _packed(sets)
        self.task, self.call, self.sets = task, call, sets
        with suppress(OSError):  # the worker is dead, which `answer` detects
            self.pipe.send(parts)

    def answer(self) -> Answer | None:
        """Return the result of the task, or None if the worker is dead."""
        self.task = IDLE
        with suppress(EOFError, OSError):
            return self.pipe.recv()
        return None

    def end(self) -> str:
        """End the process, and return a description of how it ended."""
        self.pipe.close()
        self.process.join(5)
        code = self.process.exitcode
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def _sober() -> Iterator[None]:
    """Prepare a process: limit its libraries to one thread, and block some signals."""
    before = {name: os.environ[name] for name in ONE_THREAD if name in os.environ}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    blocks = hasattr(signal, "pthread_sigmask")
    if blocks:
        # started later, with the first worker, the tracker would unblock the signals
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF)
    try:
        yield
    finally:
        if blocks:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name in ONE_THREAD:
            del os.environ[name]
        os.environ.update(before)


def _packed(value: Any) -> bytes:
    return bytes(ForkingPickler.dumps(value))


def _serve(pipe: connection.Connection) -> None:
    """The main loop of a worker: store what it is sent, and run tasks, until its parent has
    ended."""
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    known: dict[str, Any] = {"sets": []}
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(known, *pipe.recv()))


def _answer(known: dict[str, Any], item: bytes, call: bytes | None, sets: bytes | None) -> bytes:
    """Run a task and return its (result, error) in the form in which it is sent. `call` and `sets`
    are given if they are new. An error whose class cannot be pickled is replaced by a RuntimeError
    that names it."""
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
