"""The benchmarks still run: they are no tests, and nothing else calls them."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "benchmarks"
PEERS = {"torch_peer.py": "torch", "jax_peer.py": "jax"}


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.py")))
def test_a_benchmark_is_importable(name):
    if name in PEERS:
        pytest.importorskip(
            PEERS[name], reason=f"{PEERS[name]}, which minisnn is timed beside, is an extra: pip install -e '.[peer]'"
        )
    code = f"import runpy, sys; sys.path.insert(0, {str(HERE)!r}); runpy.run_path({str(HERE / name)!r}, run_name='benchmark')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("words", [["passes.py", "--repeat", "1"], ["memory.py", "--activity", "0.07"]])
def test_a_benchmark_prints_its_ratios(words):
    done = subprocess.run([sys.executable, HERE / words[0], *words[1:]], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert any(character.isdigit() for character in done.stdout.splitlines()[-1])
