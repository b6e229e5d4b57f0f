"""A Dask cluster of two processes of this machine: the same bits as here, and workers that may
die."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

import minisnn as ms
import pieces
from minisnn import Cluster, WorkersLost, train
from test_executor import CONFIG, ENVIRONMENT, SILENT, here, quick, squares, wait_until  # noqa: F401
from toy import assert_same, toy_config, toy_data

pytestmark = pytest.mark.skipif(
    find_spec("distributed") is None, reason="needs Dask: python -m pip install -e '.[dask]'"
)


@pytest.fixture(scope="module")
def local():
    """Two worker processes of one thread, without a dashboard; the nanny starts another where one
    dies."""
    from dask import config as dask_settings
    from distributed import LocalCluster

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = ENVIRONMENT["PYTHONPATH"]
    try:
        # a worker that asks a dead one for data gives up after this time, 30 seconds unless told
        # otherwise
        with (
            dask_settings.set({"distributed.comm.timeouts.connect": "5s"}),
            LocalCluster(
                2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                host="127.0.0.1",
                silence_logs=100,
            ) as cluster,
        ):
            yield cluster
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


@pytest.fixture(scope="module")
def dask(local):
    with Cluster(local.scheduler_address, 30) as executor:
        yield executor


@pytest.mark.parametrize("number", [4, 12])
def test_few_and_many_tasks_come_in_order_from_both_workers(dask, tmp_path, number):
    found = squares(dask, partial(pieces.who, str(tmp_path)), number)
    assert [value for value, _ in found] == [n * n for n in range(number)]
    workers = {process for _, process in found}
    assert len(workers) == 2 and os.getpid() not in workers
    assert dask.number == 2


def test_a_run_ends_with_the_same_arrays(dask, here, tmp_path):  # noqa: F811
    train(toy_config(**CONFIG), tmp_path / "run", data=toy_data(), executor=dask, **SILENT)
    assert_same(here, tmp_path / "run")


def test_what_is_sent(dask):
    tasks = pieces.Counted()
    counts = [times for _ in range(2) for _, times in squares(dask, partial(pieces.count, tasks))]
    assert max(counts) <= 2  # once from the scheduler or the other worker, not once a task
    assert {repr(calls) for _, calls in squares(dask, pieces.threads_used)} == {"[(0, 8)]"}


@pytest.mark.slow
def test_a_task_that_kills_every_worker_ends_with_a_sentence(dask, tmp_path):
    with pytest.raises(WorkersLost):
        squares(dask, partial(pieces.dies, str(tmp_path), 0, 99), 4)


@contextmanager
def stranger(address, folder, name="parallel/executor.py", line=""):
    """A worker whose minisnn is a copy with a line more."""
    shutil.copytree(Path(ms.__file__).parent, folder / "minisnn")
    with (folder / "minisnn" / name).open("a") as file:
        file.write(line)
    path = os.pathsep.join([str(folder), ENVIRONMENT["PYTHONPATH"]])
    command = "dask worker --nthreads 1 --no-dashboard --no-nanny --name stranger".split()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, address],
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait(30)


@pytest.mark.parametrize("line", ["VALUE = 1", "raise ImportError('no minisnn')"])
def test_a_worker_of_other_code_is_refused(local, tmp_path, line):
    """At the start; and by the worker, where it joined later. One without a minisnn that runs can do
    no task, and others do."""
    address = local.scheduler_address
    with Cluster(address, 30) as dask, stranger(address, tmp_path, line=f"{line}\n"):
        wait_until(lambda: len(local.scheduler.workers) == 3, 60)
        with pytest.raises(WorkersLost):
            Cluster(address, 30)
        if line == "VALUE = 1":
            with pytest.raises(WorkersLost):
                for _ in range(100):  # others may be quicker
                    squares(dask, pieces.slow_who, 3)


def test_what_is_missing_is_named(monkeypatch):
    for address in ("localhost", "8786", "tcp://localhost", "tcp://localhost:port"):
        with pytest.raises(ValueError):
            Cluster(address)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="install"):
        Cluster("tcp://127.0.0.1:8786")
