"""Other processes: the same bits as in this one, whoever does the work, and whoever dies at it."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
import pieces
from minisnn.parallel import executor as executors
from minisnn import Executor, Workers, WorkersLost, train
from slowly import after
from toy import assert_same, toy_config, toy_data

HERE = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
SILENT = dict(progress=False)
CONFIG = dict(
    backend="numba",
    updates=3,
    tasks=4,
    evaluate_every=3,
    evaluate_episodes=4,
    checkpoint_every=2,
    test_episodes=5,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The kernels of these small networks are compiled or not needed."""
    monkeypatch.setattr(executors, "compiled", lambda: True)


@pytest.fixture(scope="module")
def two():
    with Workers(2) as workers:
        yield workers


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A run in this process, with two threads."""
    out = tmp_path_factory.mktemp("here") / "run"
    ms.set_threads(2)
    try:
        train(toy_config(**CONFIG), out, data=toy_data(), **SILENT)
    finally:
        ms.set_threads(None)
    return out


def squares(executor, function, n=8):
    found = []
    executor.in_order(function, range(n), found.append)
    return found


def wait_until(true, seconds=30):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def test_results_come_in_order_from_both_workers(two, tmp_path):
    found = squares(two, partial(pieces.who, str(tmp_path)), 20)
    assert [value for value, _ in found] == [n * n for n in range(20)]
    workers = {process for _, process in found}
    assert len(workers) == 2 and os.getpid() not in workers
    assert {
        process for _, process in squares(two, partial(pieces.who, str(tmp_path)))
    } == workers  # they stay
    # not worth a journey
    assert squares(two, partial(pieces.who, str(tmp_path)), 1) == [(0, os.getpid())]


def test_a_worker_uses_one_thread(two, threads):
    threads(2)
    assert {repr(calls) for _, calls in squares(two, pieces.threads_used)} == {"[(0, 8)]"}
    assert len(pieces.threads_used(0)[1]) > 1


def test_what_is_sent(two):
    """A set of tasks once a worker, however many calls; theta with each call, even where it was
    changed in place."""
    tasks = pieces.Counted()
    for _ in range(2):
        assert {times for _, times in squares(two, partial(pieces.count, tasks))} == {1}
    assert {times for _, times in squares(two, partial(pieces.count, pieces.Counted()))} == {2}
    theta = np.zeros(3)
    squares(two, partial(np.add, theta))
    theta += 1
    assert [list(one) for one in squares(two, partial(np.add, theta), 2)] == [[1] * 3, [2] * 3]


def test_the_first_error_in_order_is_raised_and_no_more_work_is_begun(two, tmp_path):
    found = []
    with pytest.raises(RuntimeError, match="strange 3") as caught:
        two.in_order(partial(pieces.fails, str(tmp_path), (3, 4)), range(500), found.append)
    assert found == [0, 1, 2] and len(list(tmp_path.iterdir())) < 20
    assert "pieces.py" in caught.value.__notes__[0]
    # and it goes on, with other workers
    assert squares(two, partial(pow, 2)) == [2**n for n in range(8)]


def test_a_killed_worker_is_replaced_and_its_task_done_again(two, tmp_path):
    with pytest.warns(UserWarning, match="died"):
        assert squares(two, partial(pieces.dies, str(tmp_path), 2, 1)) == [n * n for n in range(8)]
    done = [path.name.split("-")[0] for path in tmp_path.iterdir()]
    assert done.count("2") == 2 and len(done) == 9  # only what was missing


def test_a_task_that_kills_every_worker_ends_with_a_sentence(tmp_path):
    with (
        Workers(1) as one,
        pytest.warns(UserWarning),
        pytest.raises(WorkersLost),
    ):
        squares(one, partial(pieces.dies, str(tmp_path), 0, 9), 2)


def test_whatever_a_task_raises_reaches_the_caller(two):
    for kind, error, words in (
        ("GeneratorExit", GeneratorExit, "by the task"),
        ("SystemExit", SystemExit, "by the task"),
        ("KeyboardInterrupt", KeyboardInterrupt, "by the task"),
        ("Own", pieces.Own, "by the task"),
        ("unfit", RuntimeError, "ValueError"),
    ):
        found = []
        with pytest.raises(error) as caught:
            two.in_order(partial(pieces.raises, kind), range(8), found.append)
        assert words in str(caught.value) and found == [0, 1, 4]
    assert squares(two, partial(pow, 2)) == [2**n for n in range(8)]


def test_what_cannot_travel_is_named(two):
    with pytest.raises(Exception, match="lambda"):
        squares(two, lambda n: n)
    for wrong in (0, 10**6, True, 2.0, None):
        with pytest.raises(ValueError):
            Workers(wrong)


@pytest.mark.parametrize("number", after(1, [2, 1, 4]))
def test_training_ends_with_the_same_arrays(here, tmp_path, number):
    """theta after three updates of four tasks, validation and test episodes, to the last bit."""
    with Workers(number) as workers:
        train(toy_config(**CONFIG), tmp_path / "run", data=toy_data(), executor=workers, **SILENT)
    assert_same(here, tmp_path / "run")


def test_workers_that_are_lost_leave_a_run_that_can_go_on(here, tmp_path):
    class Lost(Executor):
        def in_order(self, function, items, collect, *, large=False):
            if function.args and function.args[-1] == 1:
                raise WorkersLost("all workers are gone")
            super().in_order(function, items, collect, large=large)

    with pytest.raises(WorkersLost):
        train(toy_config(**CONFIG), tmp_path / "run", data=toy_data(), executor=Lost(), **SILENT)
    train(toy_config(**CONFIG), tmp_path / "run", resume=True, data=toy_data(), **SILENT)
    assert_same(here, tmp_path / "run")


PROGRAM = """
import signal
import sys
from functools import partial
from multiprocessing.context import SpawnProcess
import minisnn as ms
import pieces
from minisnn.parallel import executor
executor.compiled = lambda: True
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs the tests may ignore it
    workers = ms.Workers(2)
    folder, what = sys.argv[1:]
    try:
        if what == "sleeps":
            workers.in_order(partial(pieces.sleeps, folder), range(4), print)
        workers.in_order(partial(pieces.who, folder), range(8), lambda found: None)
        print("done", flush=True)
        if what == "waits":
            input()
    except KeyboardInterrupt:
        sys.exit(130)
"""


def started(tmp_path, what: str) -> tuple[subprocess.Popen, set[int]]:
    """A process of two workers, in a group of its own, and the workers once both are at work."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "trace").mkdir()
    run = subprocess.Popen(
        [sys.executable, tmp_path / "program.py", tmp_path / "trace", what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
    )
    found: set[int] = set()

    def at_work() -> bool:
        found.update(int(path.name.split("-")[1]) for path in (tmp_path / "trace").iterdir())
        return len(found) == 2

    wait_until(at_work, 60)
    return run, found


@pytest.mark.parametrize("what", ["ctrl-c", "open", "killed"])
def test_no_worker_is_left(what, tmp_path):
    """Ctrl-C goes to the whole group, as from a terminal; a script may leave its workers open; a
    master may be killed."""
    run, workers = started(tmp_path, {"ctrl-c": "sleeps", "open": "", "killed": "waits"}[what])
    if what == "ctrl-c":
        os.killpg(run.pid, signal.SIGINT)
    if what == "killed":
        assert run.stdout.readline() == "done\n"
        run.kill()
    out, err = run.communicate(timeout=30)
    assert run.returncode == {"ctrl-c": 130, "open": 0, "killed": -9}[what] and not err, err
    assert out == ("done\n" if what == "open" else "")
    wait_until(lambda: not any(map(alive, workers)))


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_call_from_within_a_call_is_refused_in_a_sentence(two):
    def collect(_):
        two.in_order(partial(pow, 2), range(4), print)

    with pytest.raises(RuntimeError):
        two.in_order(partial(pow, 2), range(4), collect)
    assert squares(two, partial(pow, 2)) == [2**n for n in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_process_that_is_forked_has_workers_of_its_own(two):
    """Also one that is forked while another thread has a call. Two masters at one pipe took each
    other's answers, and both waited for ever; so did a lock that was copied."""
    expected = squares(two, partial(pow, 2))
    other = threading.Thread(target=squares, args=(two, pieces.slow_who))
    other.start()
    time.sleep(0.2)
    process = multiprocessing.get_context("fork").Process(target=_compare, args=(two, expected))
    process.start()
    other.join()
    right = all(squares(two, partial(pow, 2)) == expected for _ in range(20))
    process.join(60)
    code = process.exitcode
    process.kill()
    assert right and code == 0 and squares(two, partial(pow, 2)) == expected


def _compare(executor, expected) -> None:
    right = all(squares(executor, partial(pow, 2)) == expected for _ in range(20))
    executor.close()
    os._exit(0 if right else 1)
