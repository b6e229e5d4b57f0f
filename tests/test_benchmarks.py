"""The benchmarks still run: they are no tests, and nothing else calls them."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "benchmarks"
PEERS = {"torch_peer.py": "torch", "jax_peer.py": "jax"}


NAMES = sorted(path.name for path in HERE.glob("*.py"))


def import_all(names):
    lines = [f"runpy.run_path({str(HERE / name)!r}, run_name='benchmark')" for name in names]
    code = "\n".join([f"import runpy, sys; sys.path.insert(0, {str(HERE)!r})", *lines])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_benchmarks_are_importable():
    import_all([name for name in NAMES if name not in PEERS])


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_importable(name):
    pytest.importorskip(
        PEERS[name], reason=f"{PEERS[name]}, which minisnn is timed beside, is an extra: pip install -e '.[peer]'"
    )
    import_all([name])


@pytest.mark.slow
@pytest.mark.parametrize("words", [["passes.py", "--repeat", "1"], ["memory.py", "--activity", "0.07"]])
def test_a_benchmark_prints_its_ratios(words):
    done = subprocess.run([sys.executable, HERE / words[0], *words[1:]], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert any(character.isdigit() for character in done.stdout.splitlines()[-1])
