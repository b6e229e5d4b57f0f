"""How much one has to open who follows a second-order meta-gradient on the NumPy engine."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FILES, LINES = 9, 2024  # these only ever shrink


def test_the_walk_through_one_meta_gradient_is_short():
    """In a process of its own, with one thread, in which everything runs that counts; that of a
    recurrent layer with learned constants runs through the same files."""
    done = subprocess.run(
        [sys.executable, "walk.py"],
        cwd=TESTS,
        env={**os.environ, "MINISNN_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    *files, total = done.stdout.splitlines()
    names = [line.split()[1] for line in files]
    assert {"core/neuron.py", "core/layer.py", "core/loops.py"} <= set(names)
    assert not [name for name in names if "cuba" in name or "kernels" in name]
    assert len(names) <= FILES and int(total.split()[0]) <= LINES, done.stdout
