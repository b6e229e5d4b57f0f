"""Lives of a device, event by event, its power going in the midst of saves: C and WebAssembly are
plain integers."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from edge_library import BUILDS, COMPILERS, EXACT
from lives import lives, network
from plain_means import Means, Store

from minisnn.hardware.c import export
from slowly import after

HERE, C = Path(__file__).parent, Path(export.__file__).parent
SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
NETWORKS = 4  # coarse means and residuals, nearest and stochastic


def played(command: list, record: bytes, expected: np.ndarray) -> None:
    ran = subprocess.run(command, input=record, capture_output=True)
    assert ran.returncode == 0, (ran.returncode, ran.stderr.decode()[-2000:])
    found = np.frombuffer(ran.stdout, "<i4")
    n = min(len(found), len(expected))
    wrong = np.flatnonzero(found[:n] != expected[:n])
    assert len(found) == len(expected) and not len(wrong), (len(found), len(expected), wrong[:5])


def program(folder: Path, build: str, flags=("-O1",)) -> Path:
    """edge_lives; a skip where the compiler has no sanitizers."""
    path = folder / f"lives-{build}"
    sources = [HERE / "edge_lives.c", *sorted(C.glob("minisnn_edge*.c"))]
    command = [COMPILERS[0], "-std=c99", *flags, *BUILDS[build], f"-I{C}", "-o", path, *sources]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode and any(word in built.stderr for word in ("sanitize", "asan")):
        pytest.skip(f"{COMPILERS[0]} has no sanitizers: {built.stderr.splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    return path


def told(seen: dict) -> None:
    """Everything happened."""
    assert all(seen[what] > 3 for what in (0, 1, 2, 3, 5, 6, 8, "cut", "loaded", "refused 7")), seen


@pytest.mark.skipif(not COMPILERS, reason="no C compiler (cc, gcc or clang) is on the path")
@pytest.mark.parametrize("build", after(1, EXACT))
def test_lives_in_c_are_those_of_plain_integers(tmp_path, build):
    command = [program(tmp_path, build)]
    for seed in range(NETWORKS):
        record, expected, seen = lives(seed, 6, 100)
        told(seen)
        assert seed == 0 or 0 < seen["far"] < seen[5] / 2, seen
        played(command, record, expected)


def test_lives_in_webassembly_are_those_of_plain_integers():
    if not shutil.which("node"):
        pytest.skip("no node; Debian package: nodejs")
    command = ["node", HERE / "edge_lives.mjs", C / "minisnn_edge.mjs", C / "minisnn_edge.wasm"]
    for seed in (2, 3):
        record, expected, _ = lives(seed, 4, 100)
        played(command, record, expected)


@pytest.mark.slow
@pytest.mark.skipif(not COMPILERS, reason="no C compiler (cc, gcc or clang) is on the path")
def test_a_thousand_lives_of_two_hundred_events(tmp_path):
    """In both builds under the sanitizers, and in WebAssembly."""
    commands = [[program(tmp_path, build, ("-O1", *SANITIZE))] for build in EXACT]
    if shutil.which("node"):
        files = HERE / "edge_lives.mjs", C / "minisnn_edge.mjs", C / "minisnn_edge.wasm"
        commands.append(["node", *files])
    for seed in range(100, 140):
        record, expected, _ = lives(seed, 25, 200)
        for command in commands:
            played(command, record, expected)


def test_a_store_gives_the_last_whole_state_wherever_the_power_goes():
    """Of plain integers: at every byte of a save."""
    _, means, id, traces, size, _ = network(1)
    means.add()
    means.shot(0, traces[3], 1)
    store = Store(size)
    assert not store.write(means, id, None, 0)
    kept = means.saved(id)
    means.shot(0, traces[4], 1)
    slots = store.slots[:]
    for off in range(len(means.saved(id)) + 1):
        store.slots = slots[:]
        gone = store.write(means, id, off, 0xA5)
        found = Means(means.inputs, 1).loaded(store.newest()[1]).saved(id)
        assert Store.sequence(store.newest()[1]) == (1 if gone else 2)
        assert (found[32:36], found[40:-4]) != (kept[32:36], kept[40:-4]) or gone
