"""Tasks carried out by a Dask cluster (extra `minisnn[dask]`): any number of machines, and workers
that come and go.

Start a cluster with Dask's own commands, the second one on each machine:

    dask scheduler                                        prints its address
    dask worker tcp://10.0.0.1:8786 --nthreads 1 --nworkers 8

Dask starts the tasks of a worker that died again elsewhere, and results are taken in the order of
the tasks, so nothing depends on who did what. Data sets are opened here and sent to the workers,
which need none on their disks.

Whoever reaches a Dask scheduler can run code on its workers, as this module does. Keep it in a
network of your own, or use Dask's TLS (tls://).
"""

import hashlib
import platform
import re
import signal
import socket
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from .. import __version__
from ..stopping import check, heeded
from .executor import Call, Others, WorkersLost

PATIENCE = 300  # seconds without any worker until the run is given up
RESTART = 10  # seconds in which a worker that died is replaced, where all others have other code


class Cluster(Others):
    """The workers of a Dask scheduler.

    address    such as tcp://10.0.0.1:8786, as `dask scheduler` prints it
    timeout    seconds to wait for the scheduler, and for a first worker

    Every task says what code it was made by: the sources of minisnn, and the versions of Python,
    NumPy and numba. A worker of other code refuses it, whenever it joined; a warning names the
    worker, and another one does the task.

    Raises ValueError where Dask is not installed, where the address is not one, and where all
    workers have other code. Raises `WorkersLost` where there is no scheduler or no worker.

    >>> ms.Cluster("10.0.0.1")
    Traceback (most recent call last):
    ValueError: scheduler '10.0.0.1': expected an address such as tcp://10.0.0.1:8786, as `dask scheduler` prints it
    """

    _meant: set[str] | None = None  # workers that tasks are for, where not for all

    def __init__(self, address: str, timeout: float = 5):
        if not re.fullmatch(r"[a-z]+://\S+:\d+", address):
            raise ValueError(
                f"scheduler {address!r}: expected an address such as tcp://10.0.0.1:8786, as "
                "`dask scheduler` prints it"
            )
        try:
            from distributed import Client
        except ImportError:
            raise ValueError(
                "a Dask cluster needs Dask, which is not installed: python -m pip install -e "
                '".[dask]"'
            ) from None
        super().__init__()
        self.address = address
        self._client: Any = None
        self._sets: list = []  # of tasks, and where the cluster holds them
        self._sent: list = []
        self._others: dict[str, Any] = {}  # workers of other code, and which
        self._processors = {_processor()}
        try:
            _check_reachable(address, timeout)
            with warnings.catch_warnings():
                # of other versions; `_ask` says it better
                warnings.simplefilter("ignore")
                self._client = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, OverflowError, ValueError) as error:
            raise WorkersLost(
                f"{address}: no Dask scheduler answers there ({_short(error)}); start one with "
                "`dask scheduler`, and give the address that it prints"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout)
            self._check_scheduler()
            self._ask()
            if self._others.keys() >= self._threads().keys():
                raise ValueError(self._all_refuse())
        except BaseException as error:
            self.close()
            if not isinstance(error, OSError):
                raise
            raise WorkersLost(
                f"{address}: the scheduler has no workers; {self._start_some()}"
            ) from None

    def _start_some(self) -> str:
        return f"start some with `dask worker {self.address} --nthreads 1 --nworkers N`"

    def _check_scheduler(self) -> None:
        """ValueError where the scheduler, through which tasks go, cannot read them."""
        try:
            self._client.run_on_scheduler(code)
        except Exception as error:
            raise ValueError(
                f"{self.address}: the scheduler cannot run minisnn ({_short(error)}); it needs the "
                "same packages as this machine"
            ) from None

    def _ask(self) -> None:
        """Ask all workers what code they have; a warning names those now known to have other
        code."""
        answers = self._client.run(code, on_error="return")
        new = {
            name: answer
            for name, answer in answers.items()
            if answer != CODE and not isinstance(answer, OSError) and name not in self._others
        }
        self._others.update(new)
        if new and self._others.keys() < answers.keys():
            warnings.warn(
                f"{self.address}: {_difference(new)}; no task is given to it", stacklevel=4
            )

    def _all_refuse(self) -> str:
        return (
            f"{self.address}: {_difference(self._others)}; expected at least one worker with the "
            "same code as this machine"
        )

    @property
    def number(self) -> int:  # type: ignore[override]  # workers come and go
        """Threads of all workers that have the code of this machine."""
        return max(sum(self._usable(self._threads()).values()), 1)

    def _usable(self, workers: dict[str, int]) -> dict[str, int]:
        return {name: threads for name, threads in workers.items() if name not in self._others}

    def _threads(self) -> dict[str, int]:
        """Threads of every worker. WorkersLost where the scheduler does not answer."""
        try:
            return self._client.nthreads()
        except OSError as error:
            raise self._gone(f" ({_short(error)})") from None

    def _gone(self, why: str = "") -> WorkersLost:
        return WorkersLost(
            f"{self.address}: the scheduler has gone{why}; start it and its workers again"
        )

    def forget(self) -> None:
        """In a process that was forked, which has none of the client's threads."""
        super().forget()
        self._client = None

    # an interruption would leave Dask's client with a lock that nobody gives back
    @heeded(signal.SIGINT)
    def carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        """As `Executor.in_order`, on the cluster's workers."""
        if self._client is None:
            raise RuntimeError(
                f"{self.address}: this Cluster is another process's or closed; expected one made "
                "in this process"
            )
        futures: list = []
        try:
            self._send(sets)
            shared = [self._submit(bytes, _packed(call), key=f"call-{uuid4().hex}"), *self._sent]
            futures += self._begun(shared, items)
            for n in range(len(items)):
                while True:
                    try:
                        processor, result = self._result(futures[n])
                        break
                    except Elsewhere:
                        self._ask()
                    undone = [k for k in range(n, len(items)) if futures[k].status != "finished"]
                    self._client.cancel([futures[k] for k in undone], force=True)
                    again = self._begun(shared, [items[k] for k in undone])
                    for k, future in zip(undone, again):
                        futures[k] = future
                self._note(processor)
                collect(result)
        except BaseException:
            with suppress(Exception):  # the scheduler may be what was lost
                self._client.cancel(futures, force=True)
            raise

    def _begun(self, shared: list, items: Sequence) -> list:
        """A future for each item, on workers that are not known to have other code."""
        workers = self._threads()
        for _ in range(RESTART):
            if self._usable(workers) or not workers:
                break
            check()
            time.sleep(1)
            workers = self._threads()
        else:
            raise WorkersLost(self._all_refuse())
        usable = self._usable(workers)
        names = sorted(usable)
        self._meant = set(usable) if len(usable) < len(workers) else None
        few = len(items) <= 2 * sum(usable.values())
        task = uuid4().hex
        futures = []
        for n, item in enumerate(items):
            # Dask would give few tasks to the one worker that holds what they share; many it hands
            # out as workers are free
            place: dict[str, Any] = {}
            if few and names:
                place = dict(workers=[names[n % len(names)]], allow_other_workers=True)
            if self._meant:
                place = dict(workers=names)
            keys = [future.key for future in shared]
            arguments = CODE, keys, _packed(item), *shared
            futures.append(
                self._submit(_carry_out_as, *arguments, key=(f"task-{task}", n), **place)
            )
        return futures

    def _send(self, sets: list) -> None:
        """Sets of tasks the cluster does not hold; what it held and is not asked for is
        forgotten."""
        held = {id(one): future for one, future in zip(self._sets, self._sent)}
        self._sent = [
            held.get(id(one)) or self._submit(bytes, _packed(one), key=f"tasks-{uuid4().hex}")
            for one in sets
        ]
        self._sets = sets

    def _submit(self, function: Callable, *arguments, **options):
        import dask

        # not scattered: the scheduler keeps what it was given, and a worker that takes data with it
        # is not a loss
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
            return self._client.submit(function, *arguments, pure=False, **options)

    def _result(self, future):
        """What a task returned, however long it takes while there are workers."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        without = 0
        while True:
            check()
            # known before one waits: then a TimeoutError is the task's own
            failed = future.status == "error"
            try:
                return future.result(timeout=None if failed else 1)
            except TimeoutError:
                if failed:
                    raise
                workers = self._alive()
                if self._meant and not self._meant & workers:
                    raise Elsewhere from None
                without = 0 if workers else without + 1
                if without == 10:
                    warnings.warn(
                        f"{self.address}: the cluster has no workers; waiting for some",
                        stacklevel=3,
                    )
                if without >= PATIENCE:
                    raise WorkersLost(
                        f"{self.address}: the cluster has had no workers for {PATIENCE} "
                        f"seconds; {self._start_some()}"
                    ) from None
            except KilledWorker as error:
                raise WorkersLost(
                    f"{self.address}: {error.allowed_failures + 1} workers died at the same "
                    "task; where memory is short, fewer workers a machine need less"
                ) from None
            except (FutureCancelledError, CancelledError):
                raise self._gone() from None

    def _alive(self) -> set[str]:
        try:
            return set(self._threads())
        except (WorkersLost, ValueError):
            return set()

    def _note(self, processor: str) -> None:
        if processor not in self._processors:
            self._processors.add(processor)
            warnings.warn(
                f"a worker's processor is {processor}, the one here is {_processor()}: results may "
                "differ in their last bits from those of this machine",
                stacklevel=4,
            )

    def give_up(self) -> None:
        """Forget what the cluster holds, and leave it."""
        if self._client is not None:
            self._sets, self._sent = [], []
            self._client.close(timeout=2)


class Elsewhere(Exception):
    """A task is to be done by another worker: this one has other code, or those that it was for
    have gone."""


def _source() -> str:
    """A short hash of this package's sources, but for folders that an installation adds."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] not in ("_shipped", "_folders"):
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


# computed as the module is imported, which is when a worker's first task arrives
CODE = (
    f"minisnn {__version__} ({_source()}), Python {'.'.join(platform.python_version_tuple()[:2])}, "
    f"NumPy {version('numpy')}, numba {version('numba')}"
)


def code() -> str:
    """What the results of this process depend on."""
    return CODE


def _difference(others: dict[str, Any]) -> str:
    """What other code workers have, the first of them named."""
    name, answer = next(iter(others.items()))
    more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    if isinstance(answer, Exception):
        return f"worker {name}{more} cannot run minisnn ({_short(answer)})"
    return f"worker {name}{more} has {answer}, here it is {CODE}"


@cache
def _processor() -> str:
    from llvmlite.binding import get_host_cpu_name

    return get_host_cpu_name()


def _check_reachable(address: str, timeout: float) -> None:
    """Dask tries again and again, and for ever where somebody else listens; a socket tells at once.

    A scheduler greets whoever connects: eight bytes, the length of what follows. With TLS the
    client has to speak first.
    """
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout) as probe:
        if scheme == "tcp" and int.from_bytes(probe.recv(8), "little") - 1 not in range(1 << 20):
            raise OSError("somebody else does")


def _short(error) -> str:
    return (
        " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
        or type(error).__name__
    )


def _packed(what: Any) -> bytes:
    """Bytes, which schedulers and workers of other code pass on as they are."""
    from distributed.protocol.pickle import dumps

    return dumps(what)


_open: dict[str, Any] = {}  # what tasks share, by its key


def _carry_out_as(made_by: str, keys: list[str], item: bytes, *shared: bytes) -> tuple[str, Any]:
    """(processor, result) of a task, on a worker; raises `Elsewhere` where it has other code."""
    global _open
    if made_by != CODE:
        raise Elsewhere(f"this worker has {CODE}, the task was made by {made_by}")
    from distributed.protocol.pickle import loads

    known = _open
    _open = known = {
        key: known[key] if key in known else loads(packed) for key, packed in zip(keys, shared)
    }
    call, *sets = known.values()
    return _processor(), call(sets, loads(item))
