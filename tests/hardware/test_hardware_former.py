"""`import hardware` in a clone, the name that the package had: the same modules, and it says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import hardware
from hardware import Words, loihi
import hardware.chip.words
from hardware.loihi.neuron import run

import minisnn.hardware as now
import minisnn.hardware.chip.learner

assert hardware is now and Words is now.Words is hardware.chip.words.Words
assert loihi.run is run is now.loihi.run and Words.__module__ == "minisnn.hardware.chip.words"
from hardware.chip import learner
assert learner is now.chip.learner and learner.__spec__.name == "minisnn.hardware.chip.learner"
"""


def carried_out(*words, cwd) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True
    )


def test_it_is_the_same_package_and_warns_once_where_it_is_imported(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = carried_out("script.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (said,) = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert said.startswith(f"{tmp_path}/script.py:2: FutureWarning: hardware is now minisnn.")


@pytest.mark.parametrize("name", ["hardware", "minisnn.hardware"])
def test_it_is_a_command_too(name, tmp_path):
    done = carried_out("-m", name, "--bits", "9", cwd=tmp_path)
    assert done.returncode == 2 and "--bits must be numbers from 2 to 8" in done.stderr
    assert ("FutureWarning" in done.stderr) == (name == "hardware")


def test_what_it_lacks_is_missed_by_its_new_name(tmp_path):
    done = carried_out("-W", "ignore", "-c", "import hardware.nothing", cwd=tmp_path)
    assert "No module named 'minisnn.hardware.nothing'" in done.stderr
