"""The benchmarks still run: they are no tests, and nothing else calls them."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from minisnn.results.measure import KINDS

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


def test_what_boards_say_is_read_and_becomes_figures_and_a_table(tmp_path):
    boards = runpy.run_path(str(HERE / "edge_boards.py"), run_name="benchmark")
    said = "5275 numbers, 0 differ, crc 175\nRAM 104728 bytes, of them stack 656\ninstructions a sample 382234130\n"
    counted = [int(number) for number in boards["SAID"].search(said).groups()]
    figures = {"wrong": dict(value=0, unit="")}
    boards["write"](tmp_path / "out.json", {("small", "m4"): [counted], ("short", "rv32"): [counted]}, figures)
    figures, more = KINDS["figures"]([tmp_path / "out.json"])
    assert figures["small-m4-ram"] == dict(value=104728, unit="") and figures["wrong"]["value"] == 0
    (table,) = more["tables"]
    assert table["name"] == "boards" and table["rows"][0] == ["small", "Cortex-M4", "104,728", "656", "382"]
    assert table["rows"][1][:2] == ["stepwise, short", "RV32IMC"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["passes.py", "--repeat", "1"], ["memory.py", "--activity", "0.07"]])
def test_a_benchmark_prints_its_ratios(words):
    done = subprocess.run([sys.executable, HERE / words[0], *words[1:]], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert any(character.isdigit() for character in done.stdout.splitlines()[-1])
