"""`import minisnn.hardware`: it costs nothing, and type checkers and editors know every public name."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minisnn import hardware

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import minisnn as ms
from minisnn import hardware
from minisnn.hardware import IntegerNet, Learner, Words, learn, one_shot

chip = assert_type(IntegerNet.of(ms.read("a.h5"), Words(weight_bits=4, readout_bits=4)), IntegerNet)
task = ms.DoubleNMnist("test").episode(0, 0)
found = one_shot(chip, chip.learner(rounding="nearest"), task)
assert_type(found.accuracy, float)
p = assert_type(chip.traces(chip.spikes(task.x_support)), NDArray[Any])
assert_type(learn(chip, Learner(), p, task.y_support).written, int)
spikes, W = np.ones((4, 2), int), np.ones((3, 2), int)
a, u, v, s = hardware.loihi.run(spikes, W, du=[1, 2, 3])
assert_type(hardware.CubaNet.of(ms.read("a.h5")), hardware.CubaNet)
"""
WRONG = """
from minisnn import hardware
hardware.Words(weight_bits="four")
hardware.nothing
"""


@pytest.mark.slow
def test_the_strict_type_checker_passes_what_is_right_and_sees_what_is_wrong(tmp_path):
    pytest.importorskip("mypy", reason='mypy is not installed; pip install "minisnn[test]"')
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "right.py", "wrong.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert (
        not [line for line in errors if not line.startswith("wrong.py:")] and done.returncode == 1
    ), done.stdout + done.stderr
    assert [line.split(":")[1] for line in errors] == ["3", "4"], errors


def test_the_stub_and_the_package_say_the_same():
    tree = ast.parse((ROOT / "hardware" / "__init__.pyi").read_text())
    homes = {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert (
        sorted(hardware.__all__) == sorted(homes) == sorted(dir(hardware))
        and (ROOT / "hardware" / "py.typed").is_file()
    )
    for name, home in homes.items():
        found = getattr(hardware, name)
        assert found is hardware.loihi or found.__module__ == f"minisnn.hardware.{home}", name
    with pytest.raises(AttributeError, match="nothing"):
        _ = hardware.nothing
