"""Tasks on a Dask cluster (extra `minisnn[dask]`): any number of machines, with workers that come
and go.

Start a cluster with Dask's own commands, the second one on each machine:

    dask scheduler                                        prints its address
    dask worker tcp://10.0.0.1:8786 --nthreads 1 --nworkers 8

Dask repeats the tasks of a dead worker elsewhere, and results are collected in the order of the
tasks, so they do not depend on which worker ran which task. Data sets are opened here and sent to
the workers, whose disks need none.

Anyone who can connect to a Dask scheduler can run code on its workers, as this module does. Keep it
in a private network, or use Dask's TLS (tls://).
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

PATIENCE = 300  # seconds without any worker before the run fails


class Cluster(Others):
    """The workers that are connected to a Dask scheduler.

    address    such as tcp://10.0.0.1:8786, as `dask scheduler` prints it
    timeout    seconds to wait for the scheduler, and for a first worker

    All workers must run the same code as this machine: sources of minisnn, and versions of Python,
    NumPy and numba. Each task carries its code's digest, and a worker that joined later with other
    code rejects it.

    Raises ValueError if Dask is not installed or the address is malformed, and `WorkersLost` if
    there is no scheduler, no worker, or a worker with other code.

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
        self._sets: list = []  # sets of tasks, and their copies on the cluster
        self._sent: list = []
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
            self._check_code()
        except TimeoutError:
            self.close()
            raise WorkersLost(f"{address}: the scheduler has no workers; {self._hint}") from None
        except BaseException:
            self.close()
            raise

    @property
    def number(self) -> int:  # type: ignore[override]  # workers come and go
        """The number of threads of all workers together."""
        return max(sum(self._threads().values()), 1)

    def _threads(self) -> dict[str, int]:
        """The number of threads of each worker. Raises WorkersLost if the scheduler does not
        answer."""
        try:
            return self._client.nthreads()
        except (OSError, ValueError) as error:
            raise self._gone(f" ({_short(error)})") from None

    def _gone(self, why: str = "") -> WorkersLost:
        return WorkersLost(
            f"{self.address}: the scheduler has gone{why}; start it and its workers again"
        )

    def _check_code(self) -> None:
        """Raise WorkersLost if a worker has other code; warn if a worker has another processor."""
        found = self._client.run(code, on_error="return")
        for name, answer in found.items():
            if not isinstance(answer, (tuple, OSError)):
                raise WorkersLost(f"worker {name} has no minisnn that runs ({_short(answer)})")
            if isinstance(answer, tuple):  # the worker is still there
                _check_made_by(answer[0])
        others = {answer[1] for answer in found.values() if isinstance(answer, tuple)} - {code()[1]}
        if others:
            warnings.warn(
                f"{self.address}: processors of workers are {', '.join(sorted(others))}, the one here "
                f"is {code()[1]}: results may differ in their last bits from those of this machine",
                stacklevel=3,
            )

    def forget(self) -> None:
        """Reset the object in a forked process, which has none of the client's threads."""
        super().forget()
        self._client = None

    # an interruption would leave a lock of Dask's client taken
    @heeded(signal.SIGINT)
    def carry_out(self, call: Call, sets: list, items: Sequence, collect: Callable) -> None:
        """Run `Executor.in_order` on the cluster's workers."""
        import dask

        if self._client is None:
            raise RuntimeError(
                f"{self.address}: this Cluster is another process's or closed; expected one made "
                "in this process"
            )
        begun: list = []  # a future for each item
        group = f"task-{uuid4().hex}"
        try:
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
                self._send(sets)
                shared = [self._share(call), *self._sent]
                # Dask would give few tasks to the worker that holds the shared arguments
                names = sorted(self._threads()) if len(items) <= 2 * self.number else []
                for n, item in enumerate(items):
                    place = names[n % len(names) :][:1] if names else None
                    how = dict(key=(group, n), workers=place, allow_other_workers=bool(place))
                    task = CODE, _packed(item), *shared
                    begun.append(self._client.submit(_carry_out_as, *task, pure=False, **how))
                for future in begun:
                    collect(self._result(future))
        except BaseException:
            with suppress(Exception):  # the scheduler itself may be lost
                self._client.cancel(begun, force=True)
            raise

    def _send(self, sets: list) -> None:
        """Send the sets of tasks that the cluster lacks, and drop those that are no longer
        needed."""
        held = {id(one): future for one, future in zip(self._sets, self._sent)}
        self._sent = [held.get(id(one)) or self._share(one) for one in sets]
        self._sets = sets

    def _share(self, value: Any) -> Any:
        """Send arguments that several tasks share. They are stored by the scheduler, not scattered,
        so that nothing is lost when a worker leaves."""
        return self._client.submit(bytes, _packed(value), key=f"shared-{uuid4().hex}", pure=False)

    def _result(self, future: Any) -> Any:
        """Wait for the result of a task for as long as there are workers."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        without = 0
        while without < PATIENCE:
            check()
            # the future is done, so a TimeoutError comes from the task
            failed = future.status == "error"
            try:
                return future.result(timeout=None if failed else 1)
            except TimeoutError:
                if failed:
                    raise
            except KilledWorker as error:
                raise WorkersLost(
                    f"{self.address}: {error.allowed_failures + 1} workers died at the same task; "
                    "if memory is short, use fewer workers per machine"
                ) from None
            except (FutureCancelledError, CancelledError):
                raise self._gone() from None
            without = 0 if self._threads() else without + 1
            if without == 10:
                wait = f"{self.address}: the cluster has no workers; waiting for some"
                warnings.warn(wait, stacklevel=4)
        raise WorkersLost(
            f"{self.address}: the cluster has had no workers for {PATIENCE} seconds; {self._hint}"
        )

    def give_up(self) -> None:
        """Release everything on the cluster, and disconnect."""
        if self._client is not None:
            self._sets, self._sent = [], []
            self._client.close(timeout=2)


# computed at import, which on a worker is when its first task arrives
CODE = (
    f"minisnn {__version__} ({sources()[:12]}), Python "
    f"{'.'.join(platform.python_version_tuple()[:2])}, "
    f"NumPy {version('numpy')}, numba {version('numba')}"
)


def code() -> tuple[str, str]:
    """Return the versions on which this process's results depend, and its processor."""
    from llvmlite.binding import get_host_cpu_name

    return CODE, get_host_cpu_name()


def _check_made_by(found: str) -> None:
    if found != CODE:
        raise WorkersLost(f"a worker and the machine that asks it differ: {found}, and {CODE}")


def _check_reachable(address: str, timeout: float) -> None:
    """Check that a Dask scheduler listens at an address, because Dask itself would retry for ever.
    A scheduler first sends eight bytes, which give the length of its message; with TLS the client
    sends first."""
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout) as probe:
        if scheme == "tcp" and int.from_bytes(probe.recv(8), "little") - 1 not in range(1 << 20):
            raise OSError("somebody else does")


def _short(error: Any) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]


def _packed(what: Any) -> bytes:
    """Wrap bytes so that schedulers and workers that run other code pass them on unchanged."""
    from distributed.protocol.pickle import dumps

    return dumps(what)


@lru_cache(4)
def _open(packed: bytes) -> Any:
    """Unpack the arguments that tasks share. The last few that were unpacked stay in memory."""
    from distributed.protocol.pickle import loads

    return loads(packed)


def _carry_out_as(made_by: str, item: bytes, *shared: bytes) -> Any:
    """Run a task on a worker, and return the task's result."""
    _check_made_by(made_by)
    call, *sets = map(_open, shared)
    return call(sets, _open.__wrapped__(item))
