"""Vectors of other processors, and names of files and folders that people have."""

import pytest
from numba import config
from processes import ROOT, python

from minisnn.vectors import llvm

# spaces, letters of several scripts, all that a shell minds, 150 characters
AWKWARD = "my runs – Füße, 学習 & 'co' $(x) ".ljust(150, "o")


@pytest.mark.parametrize(
    "machine, features, bits",
    [
        ("x86_64", {"avx512f": True}, 512),
        ("x86_64", {"avx512f": False, "avx2": True}, 256),
        ("x86_64", {}, 256),
        ("aarch64", {"neon": True, "sve": True}, 128),
        ("arm64", {}, 128),  # as macOS calls it, of which some LLVMs know no features
    ],
)
def test_vectors_are_as_long_as_the_processors(machine, features, bits):
    assert llvm._vector_bits(machine, features) == bits


SESSION = """
import sys
import numpy as np
from minisnn import cli, files

if __name__ == "__main__":
    run = ["--channels", "2", "--window", "4", "--queries", "1", "--evaluate-every", "0"]
    more = ["--updates", "2", "--test-episodes", "1", "--ways", "2", "--quiet"]
    data = ["--dataset", "own data.py:noise"]
    assert cli.main(["train", *data, *run, *more, "--out", "the run"]) == 0
    assert cli.main(["train", *data, *run, *more, "--out", "the run", "--force"]) == 0
    test = ["--checkpoint", "the run", "--episodes", "2", "--queries", "1", "--workers", "2"]
    assert cli.main(["evaluate", *test, *data, "--json", "the result.json", "--quiet"]) == 0
    assert cli.main(["info", "the run"]) == 0
    files.write_whole("a", b"1")
    files.write_whole("a", b"2")
    assert files.Path("a").read_bytes() == b"2"
    with files.whole_folder("made") as folder:
        (folder / "x").write_bytes(b"x")
    print("done")
"""
OWN = """
import numpy as np
import minisnn as ms


def noise(split):
    rng = np.random.default_rng(["train", "val", "test"].index(split))
    counts = rng.poisson(0.2, (12, 6, 4, 4, 2)).astype(np.uint8)
    return ms.Recordings(list(counts), [f"class {n % 3}" for n in range(12)])
"""


@pytest.mark.slow
def test_a_session_in_a_folder_of_an_awkward_name(tmp_path):
    place = tmp_path / AWKWARD
    place.mkdir()
    (place / "own data.py").write_text(OWN, encoding="utf-8")
    (place / "session.py").write_text(SESSION, encoding="utf-8")
    done = python("session.py", cwd=place, errors="replace")
    assert done.returncode == 0 and "done" in done.stdout, done.stderr


NARROW = """
import sys
from pathlib import Path
from minisnn.vectors import llvm

llvm.VECTOR_BITS, llvm.REGISTERS = map(int, sys.argv[1:3])
sys.path.append(sys.argv[3])
import inside
from minisnn.vectors import choice

assert not choice.COMPRESSES
for name, one in inside.gradients(Path(sys.argv[4])).items():
    print(name, one, flush=True)
    assert max(one["meta"], one["hvp"]) < 1e-12 and one["same"]
"""


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("bits, registers", [(128, 32), (256, 16)])
def test_shorter_vectors_give_the_golden_values(bits, registers, tmp_path):
    """Kernels with vectors of other processors, compiled for this one."""
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    words = bits, registers, ROOT / "tests" / "emulated", tmp_path / "found"
    done = python("-c", NARROW, *words, environment=kept)
    assert done.returncode == 0, done.stdout + done.stderr
