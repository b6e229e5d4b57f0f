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
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from .. import __version__
from ..stopping import check, heeded
from .executor import Call, Others, WorkersLost

PATIENCE = 300  # seconds without any worker until the run is given up


class Cluster(Others):
    """The workers of a Dask scheduler.

    address    such as tcp://10.0.0.1:8786, as `dask scheduler` prints it
    timeout    seconds to wait for the scheduler, and for a first worker

    Raises ValueError where Dask is not installed, where the address is not one, and where the
    cluster has another version of Python, NumPy, numba or minisnn. Raises `WorkersLost` where there
    is no scheduler or no worker.

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
        try:
            _check_reachable(address, timeout)
            with warnings.catch_warnings():
                # of other versions; `_check_versions` says it better
                warnings.simplefilter("ignore")
                self._client = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, OverflowError, ValueError) as error:
            raise WorkersLost(
                f"{address}: no Dask scheduler answers there ({_short(error)}); start one with "
                "`dask scheduler`, and give the address that it prints"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout)
            self._check_versions()
        except BaseException as error:
            self.close()
            if not isinstance(error, OSError):
                raise
            raise WorkersLost(
                f"{address}: the scheduler has no workers; {self._start_some()}"
            ) from None

    def _start_some(self) -> str:
        return f"start some with `dask worker {self.address} --nthreads 1 --nworkers N`"

    def _check_versions(self) -> None:
        found = {
            f"worker {name}": one
            for name, one in self._client.run(description, on_error="return").items()
        }
        processors = {one["processor"] for one in found.values() if isinstance(one, dict)}
        here = description()
        try:
            found["the scheduler"] = self._client.run_on_scheduler(description)
        except Exception as error:
            found["the scheduler"] = error
        for name, there in found.items():
            if not isinstance(there, dict):
                raise ValueError(
                    f"{self.address}: {name} cannot run minisnn ({_short(there)}); it needs "
                    "the same packages as this machine"
                )
            for what in ("Python", "minisnn", "NumPy", "numba"):
                if there[what] != here[what]:
                    raise ValueError(
                        f"{self.address}: {name} has {what} {there[what]}, here it is "
                        f"{here[what]}; expected the same on all machines"
                    )
        if processors != {here["processor"]}:
            warnings.warn(
                f"the workers' processors are {', '.join(sorted(processors))}, the one here is "
                f"{here['processor']}: results may differ in their last bits from those of "
                "this machine",
                stacklevel=3,
            )

    @property
    def number(self) -> int:  # type: ignore[override]  # workers come and go
        """Threads of all workers."""
        return max(sum(self._threads().values()), 1)

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
            name = uuid4().hex
            shared = self._submit(_itself, call, key=f"call-{name}")
            threads = self._threads()
            workers = sorted(threads)
            few = len(items) <= 2 * sum(threads.values())
            for n, item in enumerate(items):
                # Dask would give few tasks to the one worker that holds what they share; many it
                # hands out as workers are free
                place = (
                    dict(workers=[workers[n % len(workers)]], allow_other_workers=True)
                    if few and workers
                    else {}
                )
                futures.append(
                    self._submit(
                        _carry_out, shared, item, *self._sent, key=(f"task-{name}", n), **place
                    )
                )
            for future in futures:
                collect(self._result(future))
        except BaseException:
            with suppress(Exception):  # the scheduler may be what was lost
                self._client.cancel(futures, force=True)
            raise

    def _send(self, sets: list) -> None:
        """Sets of tasks the cluster does not hold; what it held and is not asked for is
        forgotten."""
        held = {id(one): future for one, future in zip(self._sets, self._sent)}
        self._sent = [
            held.get(id(one)) or self._submit(_itself, one, key=f"tasks-{uuid4().hex}")
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
                without = 0 if self._alive() else without + 1
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

    def _alive(self) -> bool:
        try:
            return bool(self._threads())
        except (WorkersLost, ValueError):
            return False

    def give_up(self) -> None:
        """Forget what the cluster holds, and leave it."""
        if self._client is not None:
            self._sets, self._sent = [], []
            self._client.close(timeout=2)


def description() -> dict[str, str]:
    """What results depend on, of the machine that this runs on."""
    import numba
    import numpy
    from llvmlite.binding import get_host_cpu_name

    return dict(
        Python=".".join(platform.python_version_tuple()[:2]),
        minisnn=f"{__version__} ({_source()})",
        NumPy=numpy.__version__,
        numba=numba.__version__,
        processor=get_host_cpu_name(),
    )


@cache
def _source() -> str:
    """A short hash of this package's source: two states of one version differ, too."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    return digest.hexdigest()[:8]


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


def _itself(what):
    return what


def _carry_out(call: Call, item, *sets):
    return call(sets, item)
