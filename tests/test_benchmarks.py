"""The benchmarks can be imported: they are no tests, and nothing else calls them."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from processes import python

HERE = Path(__file__).parent / "benchmarks"
PEERS = dict(torch_peer="torch", snntorch_peer="snntorch", torch_entry="torch", jax_peer="jax")


@pytest.mark.slow
def test_benchmarks_are_importable():
    lines = [f"import runpy, sys; sys.path.insert(0, {str(HERE)!r})"]
    for path in sorted(HERE.glob("*.py")):
        if path.stem not in PEERS or find_spec(PEERS[path.stem]):
            lines.append(f"runpy.run_path({str(path)!r}, run_name='benchmark')")
    done = python("-c", "\n".join(lines))
    assert done.returncode == 0, done.stderr
