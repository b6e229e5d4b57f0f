"""SIGKILL at random moments of a run, while a checkpoint is written included: it resumes to the
very arrays of one that was left alone; and damage of the newest checkpoint."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import faulty
from minisnn.training import checkpoint
from minisnn.training.checkpoint import CURRENT, PREVIOUS
from minisnn.training.run import train
from written import rewrite
from toy import assert_same, interrupt, toy_config, toy_data

HERE = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
CONFIG = toy_config(**faulty.CONFIG)
STEPS = ("write", "sync", "link", "replace")
SILENT = dict(progress=False)


def resume_and_compare(out, undisturbed):
    if (out / "config.json").exists():
        train(CONFIG, out, resume=True, data=toy_data(), **SILENT)
    else:  # killed before there was anything to go on with
        assert not list(out.glob("checkpoint*"))
        train(CONFIG, out, data=toy_data(), **SILENT)
    assert_same(undisturbed, out)
    assert not list(out.glob(".*")), "what a killed process left is removed"


def killed_in_a_write(out, moment):
    done = subprocess.run(
        [sys.executable, HERE / "faulty.py", out, moment],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("moment", ["write 3 0.6", "replace 2"])
@pytest.mark.every(2)
def test_a_run_killed_while_it_writes_resumes(undisturbed, tmp_path, moment):
    killed_in_a_write(tmp_path / "run", moment)
    left = list((tmp_path / "run").glob(".*.tmp"))
    assert (
        left
        and checkpoint.read(tmp_path / "run").progress["update"]
        == {"write 3 0.6": 2, "replace 2": 0}[moment]
    )
    resume_and_compare(tmp_path / "run", undisturbed)


@pytest.mark.slow
def test_twenty_kills_at_random_moments(undisturbed, tmp_path):
    """Ten in the middle of a write, ten by the clock, whatever the run may be doing: loading,
    training, saving, testing."""
    rng = np.random.default_rng(0)
    for n in range(10):
        moment = f"{STEPS[n % 4]} {rng.integers(1, 8)} {rng.random():.3f}"
        killed_in_a_write(tmp_path / f"{n}", moment)
        resume_and_compare(tmp_path / f"{n}", undisturbed)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, HERE / "faulty.py", tmp_path / "whole"],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
    )
    whole, killed, attempts = time.perf_counter() - began, 0, 0
    startup = None
    while killed < 10:
        attempts += 1
        assert attempts < 60, "the run ends before it can be killed"
        out = tmp_path / f"clock-{attempts}"
        process = subprocess.Popen(
            [sys.executable, HERE / "faulty.py", out], env=ENVIRONMENT, stdout=subprocess.PIPE
        )
        began = time.perf_counter()
        process.stdout.readline()  # the run begins now
        startup = startup or time.perf_counter() - began
        time.sleep(rng.random() * max(whole - startup, 0.05))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
        resume_and_compare(out, undisturbed)


# ---- damage


@pytest.fixture
def stopped(tmp_path):
    """A run that was stopped after its fifth update, with the checkpoint of its fourth beside the
    newest."""
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, out, data=toy_data({8: interrupt}), **SILENT)
    return out


@pytest.mark.parametrize("damage", ["cut", "byte", "gone", "nan"])
@pytest.mark.every(2)
def test_where_the_newest_is_damaged_the_one_before_is_used(undisturbed, stopped, damage):
    newest, whole = stopped / CURRENT, (stopped / CURRENT).read_bytes()
    assert checkpoint.read(newest).progress["update"] == 5
    assert checkpoint.read(stopped / PREVIOUS).progress["update"] == 4
    if damage == "cut":
        newest.write_bytes(whole[: len(whole) // 2])
    elif damage == "byte":
        newest.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    elif damage == "gone":
        newest.unlink()
    else:
        rewrite(newest, newest, lambda file: file["optimiser/outer/m"].__setitem__(3, np.nan))
    words = {"cut": "truncated", "byte": "checksum", "gone": "is missing", "nan": "finite"}[damage]
    with pytest.warns(
        UserWarning,
        match=f"checkpoint.h5.*{words}.*; in its place checkpoint.previous.h5 is used, of update 4",
    ):
        train(CONFIG, stopped, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, stopped)


def test_a_damaged_checkpoint_never_replaces_a_good_one(stopped):
    (stopped / CURRENT).write_bytes(b"damaged")
    with (
        pytest.warns(UserWarning, match="checkpoint.previous.h5 is used"),
        pytest.raises(ZeroDivisionError),
    ):
        # after the first save
        train(CONFIG, stopped, resume=True, data=toy_data({1: lambda: 1 / 0}), **SILENT)
    assert checkpoint.read(stopped / CURRENT).progress["update"] == 4
    assert checkpoint.read(stopped / PREVIOUS).progress["update"] == 4


def progress(text):
    return lambda file: file.attrs.modify("progress", text)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda file: file.__delitem__("optimiser/outer/m"), "optimiser/outer/m must be"),
        (progress('{"update": 4}'), "curve must be of 4 rows"),
        (progress('{"update": 400}'), "not that of the run"),
    ],
)
def test_what_does_not_fit_the_run_is_found_when_it_is_resumed(stopped, change, words):
    (stopped / PREVIOUS).unlink()
    rewrite(stopped / CURRENT, stopped / CURRENT, change)
    before = (stopped / CURRENT).read_bytes()
    with pytest.raises(ValueError, match=words):
        train(CONFIG, stopped, resume=True, data=toy_data(), **SILENT)
    assert (stopped / CURRENT).read_bytes() == before
