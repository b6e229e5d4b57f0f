"""A user's own files with names of ours, of a library or of this repository, beside a script or in
the folder that a command is started in.

Python looks first into the folder of a script, and for `python -m` and `python -c` into the one
that they are started in; so what is called numba.py there is numba to every import in that process,
which nobody can change. `minisnn` itself looks into no such folder, and the processes that it starts
do not either.
"""

from pathlib import Path

import pytest

from processes import python
from slowly import slow

OURS = ("hardware", "data", "lessons")
# what the installed command does; it stands in a folder of its own
MINISNN = """
import sys
from minisnn.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""
SCRIPT = """
import hardware, data, lessons, tests
import numpy as np
import minisnn as ms
from minisnn.hardware import Words

if __name__ == "__main__":
    assert hardware.MINE and data.MINE and lessons.MINE and tests.MINE
    net = ms.SpikingNet((4, 4, 2), (2,), 2, window=4)
    assert len(net.init(np.random.default_rng(0))) == net.size and Words().weight_bits
    found = []
    with ms.Workers(1) as workers:
        workers.in_order(data.more, [4], found.append)
    print(found)
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of the user's, with numba.py."""
    place = tmp_path / "mine"
    (place / "tests").mkdir(parents=True)
    (place / "tests" / "__init__.py").write_text("MINE = True")
    for name in OURS:
        (place / f"{name}.py").write_text("MINE = True\ndef more(x): return x + 1")
    (place / "numba.py").write_text("raise SystemError('this is not numba')")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "minisnn").write_text(MINISNN)
    return place


LIGHT = ["--version", "train --help", "lessons --list", "hardware --help"]


@pytest.mark.parametrize(
    "line",
    [
        *LIGHT,
        slow("hardware page page.html"),
        slow("train --updates 1 --draws 0 --workers 1 --quiet"),
    ],
)
@pytest.mark.every(2)
def test_the_command_takes_none_of_them(line, folder):
    small = ["--channels", "2", "--queries", "1", "--test-episodes", "2"] * ("--updates" in line)
    done = python(folder.parent / "bin" / "minisnn", *line.split(), *small, cwd=folder)
    assert done.returncode == 0 and "rror" not in done.stderr, done.stderr


def test_a_script_takes_all_of_them_and_works(folder):
    (folder / "numba.py").unlink()
    (folder / "script.py").write_text(SCRIPT)
    done = python("script.py", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[5]\n", "")
