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
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from .. import stopping
from ..arguments import whole
from .executor import Call, Others, WorkersLost

MOST = 1024  # processes: more are a slip
TRIES = 3  # deaths of workers at one task before it is held to be the task's fault
_starting = Lock()  # one thread at a time changes what a process starts with
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",  # of macOS
)


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
        self._workers: list[_Worker] = []

    # an interruption inside an import or a finaliser would be swallowed
    @stopping.heeded(signal.SIGINT)
    def carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        """As `Executor.in_order`, in the worker processes."""
        left = deque(range(len(items)))
        due = 0
        found: dict[int, Any] = {}
        deaths: Counter[int] = Counter()
        failed = len(items)  # the first task known to have raised an error
        packed = b""  # the call, for all workers once
        try:
            while due < len(items):
                while left and left[0] < failed and (worker := self._idle()):
                    packed = packed or _packed_call(call)
                    worker.begin(left.popleft(), call, packed, sets, items)
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
        from multiprocessing.connection import wait

        busy: dict[Any, _Worker] = {
            worker.pipe: worker for worker in self._workers if worker.task is not None
        }
        stopping.check()
        while not (heard := wait(list(busy), stopping.PAUSE)):
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
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.forget()

    def give_up(self) -> None:
        """End all workers at once; the next call starts others."""
        workers, self._workers, self.new = self._workers, [], True
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.end()


@dataclass
class _Answer:
    """What a worker found at a task; without a number it only says that it stands."""

    number: int | None = None
    value: Any = None
    error: BaseException | None = None


class _Worker:
    """A worker process as its master sees it: `task`, the number of what it does; `stands` once it
    has been heard of."""

    def __init__(self):
        from multiprocessing import get_context

        context = get_context("spawn")  # a fork would copy locks that other threads hold
        self.pipe, self._theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(self._theirs,), daemon=True, name="minisnn worker"
        )
        self.task: int | None = None
        self.stands, self.call, self.sets = False, None, []

    def start(self) -> None:
        from multiprocessing.util import Finalize

        # before multiprocessing sends what workers are deaf to, and waits for them
        self._at_exit = Finalize(self, _kill, (self.process,), exitpriority=0)
        with _starting, _sober():
            self.process.start()
        self._theirs.close()  # else its death would not close the pipe

    def kill(self) -> None:
        _kill(self.process)

    def forget(self) -> None:
        """It is the worker of the process that this one was forked from."""
        from multiprocessing import process

        self.pipe.close()
        process._children.discard(self.process)  # type: ignore[attr-defined]  # or it would be ended with this process

    def begin(self, task: int, call: Call, packed: bytes, sets: list, items: Sequence) -> None:
        """Send what the worker does not know yet, and the task."""
        self.task = task
        try:
            if self.call is not call:
                known = [
                    next((n for n, one in enumerate(self.sets) if one is two), None) for two in sets
                ]
                self.pipe.send(None)
                self.pipe.send_bytes(packed)
                self.pipe.send((known, [two for n, two in zip(known, sets) if n is None]))
                self.call, self.sets = call, sets
            self.pipe.send(task)
            self.pipe.send(items[task])
        except OSError:  # it is dead: `answer` will find out
            pass
        except Exception as error:
            raise _cannot_be_sent(call, error) from None

    def answer(self) -> _Answer | None:
        """What it has sent, or None where it is dead. ValueError where that cannot be unpacked
        here."""
        try:
            packed = self.pipe.recv_bytes()
        except (EOFError, OSError):
            return None
        self.stands = True
        try:
            return _unpacked(packed)
        except Exception as error:
            raise ValueError(
                "what a task returned in a worker process cannot be unpacked here "
                f"({_words(error)}); expected numbers, arrays, and classes of modules that can "
                "be imported"
            ) from None

    def end(self) -> str:
        """Give the process up; how it ended, in words."""
        self.pipe.close()
        if self.process.pid is None:
            return "not started"
        self.process.join(5)
        self._at_exit.cancel()
        code = self.process.exitcode
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _kill(process: Any) -> None:
    """End a process at once; one that could not start, as where no file may be opened, has nothing
    to end."""
    if process.pid is not None:
        process.kill()


@contextmanager
def _sober() -> Iterator[None]:
    """What a process starts with: libraries that use one thread, and deaf to signals, which are its
    master's business."""
    before = os.environ.copy()
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    deaf = hasattr(signal, "pthread_sigmask")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, stopping.SIGNALS) if deaf else set()
    try:
        if deaf:
            from multiprocessing import resource_tracker

            # the first start would, and let signals through from then on
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, stopping.SIGNALS)
        yield
    finally:
        if deaf:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name in ONE_THREAD:
            del os.environ[name]
            os.environ.update({name: before[name]} if name in before else {})


def _serve(pipe) -> None:
    """The life of a worker: remember what it is told, do what it is asked, until its master is
    gone."""
    for number in stopping.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    call: Any = None
    sets: list = []
    try:
        pipe.send(_Answer())
        while True:
            number = pipe.recv()  # of a task, or None: of a call, and the sets that are new
            packed = [pipe.recv_bytes() for _ in range(2 if number is None else 1)]
            try:
                message = [_unpacked(one) for one in packed]
            except BaseException as error:  # what it was sent is not here: in __main__, say
                refuse = partial(_refuse, _words(error))
                if number is None:
                    call = refuse
                else:
                    pipe.send_bytes(_packed(refuse, [], number, None))
                continue
            if number is None:
                call, (known, more) = message
                new = iter(more)
                sets = [next(new) if n is None else sets[n] for n in known]
            else:
                pipe.send_bytes(_packed(call, sets, number, *message))
    except (EOFError, OSError):
        pass


def _cannot_be_sent(call: Call, error: Exception) -> ValueError:
    name = getattr(call.function, "__qualname__", call.function)
    return ValueError(
        f"{name} cannot be sent to a worker process ({error}); expected a function of a module, "
        "and arguments that can be pickled"
    )


def _packed_call(call: Call) -> bytes:
    """A call as it goes to each worker: its parameters are large, and packed once."""
    from multiprocessing.reduction import ForkingPickler

    try:
        return bytes(ForkingPickler.dumps(call))
    except Exception as error:
        raise _cannot_be_sent(call, error) from None


def _unpacked(packed: bytes) -> Any:
    """What came through a pipe; its errors are those of what was sent, not of the pipe."""
    from multiprocessing.reduction import ForkingPickler

    return ForkingPickler.loads(packed)


def _words(error: BaseException) -> str:
    """An error's text in a line, whatever its class makes of being asked for it."""
    try:
        text = " ".join(str(error).split())
    except BaseException:
        text = ""
    return text or type(error).__name__


def _refuse(reason: str, *_):
    raise ValueError(
        f"a worker process does not know what it was sent ({reason}); expected functions and "
        "classes of modules that it can import"
    )


def _packed(call: Callable, sets: list, number: int, item) -> bytes:
    """The answer to a task, which can be unpacked again where it is an error."""
    from multiprocessing.reduction import ForkingPickler

    answer = _answer(call, sets, number, item)
    try:
        packed = bytes(ForkingPickler.dumps(answer))
        if answer.error is not None:
            _unpacked(packed)
        return packed
    except BaseException as error:
        if answer.error is None:
            found = (
                f"what a task returned cannot be sent back from a worker process ({_words(error)})"
            )
            unfit: Exception = ValueError(
                f"{found}; expected numbers, arrays, and what else can be pickled"
            )
        else:
            unfit = RuntimeError(f"{type(answer.error).__name__}: {_words(answer.error)}")
        return bytes(ForkingPickler.dumps(_Answer(number, error=unfit)))


def _answer(call: Callable, sets: list, number: int, item) -> _Answer:
    try:
        return _Answer(number, call(sets, item))
    except BaseException as error:
        if type(error).__module__.split(".")[0] not in ("builtins", __package__.split(".")[0]):
            error = _built_in(error)  # others may not survive the journey
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return _Answer(number, error=error)


def _built_in(error: BaseException) -> BaseException:
    """The error as one of the built-in class that it is made from; where that tells nothing, as a
    RuntimeError that names its own."""
    base = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
    if base not in (BaseException, Exception):
        try:
            return base(str(error))
        except Exception:  # a class that wants more than a text
            pass
    return RuntimeError(f"{type(error).__name__}: {_words(error)}")
