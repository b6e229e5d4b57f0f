"""Lives of a device, event by event, its power going in the midst of saves: C and WebAssembly are
plain integers."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from edge_library import BUILDS, EXACT, compile_c, needs_compiler, needs_node
from lives import lives

from minisnn.hardware.c import export
from slowly import after

HERE, C = Path(__file__).parent, Path(export.__file__).parent


def played(command: list, record: bytes, expected: np.ndarray) -> None:
    ran = subprocess.run(command, input=record, capture_output=True)
    assert ran.returncode == 0, (ran.returncode, ran.stderr.decode()[-2000:])
    found = np.frombuffer(ran.stdout, "<i4")
    n = min(len(found), len(expected))
    wrong = np.flatnonzero(found[:n] != expected[:n])
    assert len(found) == len(expected) and not len(wrong), (len(found), len(expected), wrong[:5])


@needs_compiler
@pytest.mark.parametrize("build", after(1, EXACT))
def test_lives_in_c_are_those_of_plain_integers(tmp_path, build):
    """Of coarse means and of residuals, nearest and stochastic."""
    sources = [HERE / "edge_lives.c", *sorted(C.glob("minisnn_edge*.c"))]
    compile_c(tmp_path, "-O1", *BUILDS[build], f"-I{C}", "-o", "lives", *sources)
    for seed in range(4):
        record, expected, seen = lives(seed, 6, 100)
        happened = (0, 1, 2, 3, 5, 6, 8, "cut", "loaded", "refused 7")
        assert all(seen[what] > 3 for what in happened), seen
        assert seed == 0 or 0 < seen["far"] < seen[5] / 2, seen
        played([tmp_path / "lives"], record, expected)


@needs_node
def test_lives_in_webassembly_are_those_of_plain_integers():
    command = ["node", HERE / "edge_lives.mjs", C / "minisnn_edge.mjs", C / "minisnn_edge.wasm"]
    for seed in (2, 3):
        record, expected, _ = lives(seed, 4, 100)
        played(command, record, expected)
