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

import platform
import re
import signal
import socket
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from .. import __version__
from ..stopping import check, heeded
from .executor import Call, Others, WorkersLost
from .sources import sources

PATIENCE = 300  # seconds without any worker until the run is given up


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
        self._known: dict[str, Any] = {}  # workers, and what `code` is there
        self._processors: list[str] = []  # that were spoken of
        self._meant: set[str] = set()  # workers that tasks are for, where not for all
        try:
            _check_reachable(address, timeout)
            with warnings.catch_warnings():
                # of other versions; `_threads` says it better
                warnings.simplefilter("ignore")
                self._client = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, OverflowError, ValueError) as error:
            raise WorkersLost(
                f"{address}: no Dask scheduler answers there ({_short(error)}); start one with "
                "`dask scheduler`, and give the address that it prints"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout)
            try:
                self._client.run_on_scheduler(code)  # which reads tasks, too
            except Exception as error:
                raise ValueError(f"{address}: {_difference({'scheduler': error})}") from None
            if not self._threads():
                raise ValueError(f"{address}: {_difference(self._known)}")
        except TimeoutError:
            self.close()
            raise WorkersLost(f"{address}: the scheduler has no workers; {self._hint()}") from None
        except BaseException:
            self.close()
            raise

    def _hint(self) -> str:
        return f"start some with `dask worker {self.address} --nthreads 1 --nworkers N`"

    @property
    def number(self) -> int:  # type: ignore[override]  # workers come and go
        """Threads of all workers that have the code of this machine."""
        return max(sum(self._threads().values()), 1)

    def _all(self) -> dict[str, int]:
        """Threads of every worker. WorkersLost where the scheduler does not answer."""
        try:
            return self._client.nthreads()
        except OSError as error:
            raise self._gone(f" ({_short(error)})") from None

    def _gone(self, why: str = "") -> WorkersLost:
        return WorkersLost(
            f"{self.address}: the scheduler has gone{why}; start it and its workers again"
        )

    def _threads(self) -> dict[str, int]:
        """Threads of the workers that have the code of this machine; a warning names others, and
        other processors, once."""
        workers = self._all()
        if new := workers.keys() - self._known.keys():
            answers = self._client.run(code, workers=sorted(new), on_error="return")
            self._known |= {n: one for n, one in answers.items() if not isinstance(one, OSError)}
        usable = {name: n for name, n in workers.items() if _is_same(self._known.get(name))}
        others = {name: self._known[name] for name in new & self._known.keys() - usable.keys()}
        if others and usable:
            self._warn(f"{_difference(others)}; no task is given to it")
        here = _processor()
        for name in sorted(new & usable.keys()):
            if (processor := self._known[name][1]) not in (here, *self._processors):
                self._processors.append(processor)
                self._warn(
                    f"a worker's processor is {processor}, the one here is {here}: results may "
                    "differ in their last bits from those of this machine"
                )
        return usable

    def _warn(self, text: str) -> None:
        warnings.warn(f"{self.address}: {text}", stacklevel=5)

    def forget(self) -> None:
        """In a process that was forked, which has none of the client's threads."""
        super().forget()
        self._client = None

    # an interruption would leave Dask's client with a lock that nobody gives back
    @heeded(signal.SIGINT)
    def carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        """As `Executor.in_order`, on the cluster's workers."""
        import dask

        if self._client is None:
            raise RuntimeError(
                f"{self.address}: this Cluster is another process's or closed; expected one made "
                "in this process"
            )
        futures: list = []
        try:
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
                self._send(sets)
                shared = [self._share(call), *self._sent]
                futures += self._begun(shared, items)
                for n in range(len(items)):
                    while (result := self._result(futures[n])) is None:
                        later = range(n, len(items))
                        undone = [
                            k
                            for k in later
                            if futures[k].status != "finished" or not futures[k].result()
                        ]
                        self._client.cancel([futures[k] for k in undone], force=True)
                        again = self._begun(shared, [items[k] for k in undone])
                        for k, future in zip(undone, again):
                            futures[k] = future
                    collect(*result)
        except BaseException:
            with suppress(Exception):  # the scheduler may be what was lost
                self._client.cancel(futures, force=True)
            raise

    def _send(self, sets: list) -> None:
        """Sets of tasks the cluster does not hold; what it held and is not asked for is
        forgotten."""
        held = {id(one): future for one, future in zip(self._sets, self._sent)}
        self._sent = [held.get(id(one)) or self._share(one) for one in sets]
        self._sets = sets

    def _share(self, value: Any) -> Any:
        """What several tasks need: not scattered, for the scheduler keeps what it was given, and a
        worker that takes data with it is not a loss."""
        return self._client.submit(bytes, _packed(value), key=f"shared-{uuid4().hex}", pure=False)

    def _begun(self, shared: list, items: Sequence) -> list:
        """A future for each item, on workers that are not known to have other code."""
        usable, workers = self._threads(), self._all()
        if workers and not usable:
            raise WorkersLost(f"{self.address}: {_difference(self._known)}")
        names = sorted(usable)
        self._meant = set(names) if len(names) < len(workers) else set()
        few = len(items) <= 2 * sum(usable.values())
        task = uuid4().hex
        futures = []
        for n, item in enumerate(items):
            # Dask would give few tasks to the one worker that holds what they share; many it hands
            # out as workers are free
            place: dict[str, Any] = dict(key=(f"task-{task}", n), pure=False)
            if self._meant:
                place |= dict(workers=names)
            elif few:
                place |= dict(workers=names[n % max(len(names), 1) :][:1], allow_other_workers=True)
            arguments = CODE, _packed(item), *shared
            futures.append(self._client.submit(_carry_out_as, *arguments, **place))
        return futures

    def _result(self, future: Any) -> tuple | None:
        """(what a task returned,), however long it takes while there are workers; None where it is
        to be done again, for a worker of other code had it or those that it was for have gone."""
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
            except KilledWorker as error:
                raise WorkersLost(
                    f"{self.address}: {error.allowed_failures + 1} workers died at the same "
                    "task; where memory is short, fewer workers a machine need less"
                ) from None
            except (FutureCancelledError, CancelledError):
                raise self._gone() from None
            workers: set[str] = set()
            with suppress(WorkersLost, ValueError):
                workers = set(self._all())
            if self._meant and not self._meant & workers:
                return None
            without = 0 if workers else without + 1
            if without == 10:
                self._warn("the cluster has no workers; waiting for some")
            if without >= PATIENCE:
                raise WorkersLost(
                    f"{self.address}: the cluster has had no workers for {PATIENCE} seconds; "
                    f"{self._hint()}"
                )

    def give_up(self) -> None:
        """Forget what the cluster holds, and leave it."""
        if self._client is not None:
            self._sets, self._sent = [], []
            self._client.close(timeout=2)


# computed as the module is imported, which is when a worker's first task arrives
CODE = (
    f"minisnn {__version__} ({sources()[:12]}), Python "
    f"{'.'.join(platform.python_version_tuple()[:2])}, "
    f"NumPy {version('numpy')}, numba {version('numba')}"
)


def _processor() -> str:
    from llvmlite.binding import get_host_cpu_name

    return get_host_cpu_name()


def code() -> tuple[str, str]:
    """What the results of this process depend on, and its processor."""
    return CODE, _processor()


def _is_same(found: Any) -> bool:
    return isinstance(found, tuple) and found[0] == CODE


def _difference(others: dict[str, Any]) -> str:
    """What other code workers have, the first of them named."""
    name, found = next(iter(others.items()))
    what = found[0] if isinstance(found, tuple) else f"cannot run minisnn ({_short(found)})"
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f"worker {name}{more}: {what}; expected that of this machine, {CODE}"


def _check_reachable(address: str, timeout: float) -> None:
    """Dask tries for ever where somebody else listens. A scheduler greets whoever connects: eight
    bytes, the length of what follows. With TLS the client has to speak first."""
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout) as probe:
        if scheme == "tcp" and int.from_bytes(probe.recv(8), "little") - 1 not in range(1 << 20):
            raise OSError("somebody else does")


def _short(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error)
    return " ".join(text.split())[:200] or type(error).__name__


def _packed(what: Any) -> bytes:
    """Bytes, which schedulers and workers of other code pass on as they are."""
    from distributed.protocol.pickle import dumps

    return dumps(what)


@lru_cache(4)
def _open(packed: bytes) -> Any:
    """What tasks share; the last few stay open."""
    from distributed.protocol.pickle import loads

    return loads(packed)


def _carry_out_as(made_by: str, item: bytes, *shared: bytes) -> tuple | None:
    """(result of a task,), on a worker; None where it has other code."""
    if made_by != CODE:
        return None
    call, *sets = map(_open, shared)
    return (call(sets, _open.__wrapped__(item)),)
