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

TRIES = 4  # times that a task is begun before it is held to be what its workers die of
PATIENCE = 300  # seconds without any worker until the run is given up


class Cluster(Others):
    """The workers of a Dask scheduler.

    address    such as tcp://10.0.0.1:8786, as `dask scheduler` prints it
    timeout    seconds to wait for the scheduler, and for a first worker

    Tasks are for workers of this machine's code only: the sources of minisnn, and the versions of
    Python, NumPy and numba. A warning names a worker of other code, which refuses a task that
    reaches it nevertheless.

    Raises ValueError where Dask is not installed and where the address is not one, `WorkersLost`
    where there is no scheduler, no worker, or none of this code.

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
        self._known: dict[str, str] = {}  # workers, and the other code that they have
        self._processors = {code()[1]}  # that were spoken of
        self._hint = f"start some with `dask worker {address} --nthreads 1 --nworkers N`"
        try:
            _check_reachable(address, timeout)
            self._client = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, OverflowError, ValueError) as error:
            raise WorkersLost(
                f"{address}: no Dask scheduler answers there ({_short(error)}); start one with "
                "`dask scheduler`, and give the address that it prints"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout)
            self._usable()
        except TimeoutError:
            self.close()
            raise WorkersLost(f"{address}: the scheduler has no workers; {self._hint}") from None
        except BaseException:
            self.close()
            raise

    @property
    def number(self) -> int:  # type: ignore[override]  # workers come and go
        """Threads of all workers that have the code of this machine."""
        return max(sum(self._usable().values()), 1)

    def _all(self) -> dict[str, int]:
        """Threads of every worker. WorkersLost where the scheduler does not answer."""
        try:
            return self._client.nthreads()
        except (OSError, ValueError) as error:
            raise self._gone(f" ({_short(error)})") from None

    def _gone(self, why: str = "") -> WorkersLost:
        return WorkersLost(
            f"{self.address}: the scheduler has gone{why}; start it and its workers again"
        )

    def _died(self, number: int) -> WorkersLost:
        return WorkersLost(
            f"{self.address}: {number} workers died at the same task; where memory is short, fewer "
            "workers a machine need less"
        )

    def _usable(self) -> dict[str, int]:
        """Threads of the workers that have the code of this machine; a warning names others, and
        other processors, once. WorkersLost where all have other code."""
        workers = self._all()
        new = sorted(workers.keys() - self._known.keys())
        answers = self._client.run(code, workers=new, on_error="return") if new else {}
        for name, found in answers.items():
            if isinstance(found, OSError):  # it has gone
                continue
            fault = self._known[name] = _other_code(found)
            if fault:
                self._warn(f"worker {name} has {fault}; no task is given to it")
            elif found[1] not in self._processors:
                self._warn(
                    f"a worker's processor is {found[1]}, the one here is {code()[1]}: results may "
                    "differ in their last bits from those of this machine"
                )
                self._processors.add(found[1])
        if workers and all(map(self._known.get, workers)):
            raise WorkersLost(f"{self.address}: no worker has the code of this machine, {CODE}")
        return {name: threads for name, threads in workers.items() if self._known.get(name) == ""}

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
        begun: list = []  # a future for each item, and the workers that it is for
        group = uuid4().hex

        def begin(n: int, names: list[str] | None) -> tuple[Any, list[str] | None]:
            task = CODE, _packed(items[n]), *shared
            key = f"task-{group}", uuid4().hex
            future = self._client.submit(_carry_out_as, *task, key=key, workers=names, pure=False)
            return future, names

        try:
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
                self._send(sets)
                shared = [self._share(call), *self._sent]
                names = sorted(usable := self._usable())
                # Dask would give few tasks, or those that are for some workers only, to the one that
                # holds what they share; many it hands out as workers are free
                few = len(items) <= 2 * sum(usable.values())
                placed = names and (few or len(names) < len(self._all()))
                for n in range(len(items)):
                    begun.append(begin(n, [names[n % len(names)]] if placed else None))
                for n in range(len(items)):
                    for _ in range(TRIES):
                        result = self._result(*begun[n])
                        if result is not None:
                            break
                        self._known = {name: fault for name, fault in self._known.items() if fault}
                        begun[n] = begin(n, sorted(self._usable()))
                    else:
                        raise self._died(TRIES)
                    collect(*result)
        except BaseException:
            with suppress(Exception):  # the scheduler may be what was lost
                self._client.cancel([future for future, _ in begun], force=True)
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

    def _result(self, future: Any, names: list[str] | None) -> tuple | None:
        """(what a task returned,), however long it takes while there are workers; None where it is
        to be begun again: a worker of other code had it, or those that it was for have gone."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        without = 0
        while without < PATIENCE:
            check()
            # known before one waits: then a TimeoutError is the task's own
            failed = future.status == "error"
            try:
                return future.result(timeout=None if failed else 1)
            except TimeoutError:
                if failed:
                    raise
            except KilledWorker as error:
                raise self._died(error.allowed_failures + 1) from None
            except (FutureCancelledError, CancelledError):
                raise self._gone() from None
            workers = self._all()
            if workers and names and not workers.keys() & set(names):
                return None
            without = 0 if workers else without + 1
            if without == 10:
                self._warn("the cluster has no workers; waiting for some")
        raise WorkersLost(
            f"{self.address}: the cluster has had no workers for {PATIENCE} seconds; {self._hint}"
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


def code() -> tuple[str, str]:
    """What the results of this process depend on, and its processor."""
    from llvmlite.binding import get_host_cpu_name

    return CODE, get_host_cpu_name()


def _other_code(found: Any) -> str:
    """What a worker has in place of the code of this machine; empty where it has that."""
    if not isinstance(found, tuple):
        return f"no minisnn that runs ({_short(found)})"
    return "" if found[0] == CODE else f"{found[0]}; expected {CODE}"


def _check_reachable(address: str, timeout: float) -> None:
    """Dask tries for ever where somebody else listens. A scheduler greets whoever connects: eight
    bytes, the length of what follows. With TLS the client has to speak first."""
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout) as probe:
        if scheme == "tcp" and int.from_bytes(probe.recv(8), "little") - 1 not in range(1 << 20):
            raise OSError("somebody else does")


def _short(error: Any) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]


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
