"""Kernels compiled by two processes: each of them by one of the two."""

import importlib
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numba import config

import minisnn as ms
from minisnn.meta import beforehand
from minisnn.parallel import children, compilation
from slowly import all_but

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)
kept = importlib.import_module("minisnn.parallel.kept")


def tripled(x):
    return 3 * x


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A folder for kernels, and another process that this one compiles with."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "beside", lambda: 7)
    end = time.monotonic() + 20

    def check():
        assert time.monotonic() < end, "waits for what never comes"

    monkeypatch.setattr(kept, "check", check)
    return tmp_path / "cache"


def _taken_by(folder: Path, process: str) -> Path:
    """A claim on the kernel in a folder, whose file is gone."""
    path = next(folder.rglob("*.nbc"))
    path.with_name(f"{path.name}.by").write_text(process)
    return path


def test_what_another_process_is_at_is_waited_for(here):
    assert compilation.njit(cache=True)(tripled)(2) == 6
    assert not list(here.rglob("*.by"))  # it was claimed, and is done
    path = _taken_by(here, "7")
    whole = path.read_bytes()
    path.unlink()
    writes = threading.Timer(0.3, path.write_bytes, [whole])
    start = time.monotonic()
    writes.start()
    again = compilation.njit(cache=True)(tripled)
    assert again(2) == 6 and sum(again.stats.cache_hits.values()) == 1
    assert time.monotonic() - start > 0.25


@pytest.mark.parametrize("process", ["8", "", "7 is gone"])
def test_a_claim_of_a_process_that_is_gone_does_not_count(here, process, monkeypatch):
    assert compilation.njit(cache=True)(tripled)(2) == 6
    path = _taken_by(here, process.split()[0] if process else "")
    path.unlink()
    if "gone" in process:
        ends = iter([7, 7, 0])
        monkeypatch.setattr(kept, "beside", lambda: next(ends, 0))
    again = compilation.njit(cache=True)(tripled)
    assert again(2) == 6 and not again.stats.cache_hits and path.exists()


def test_the_process_beside_leaves_what_the_other_is_at(here, monkeypatch):
    assert compilation.njit(cache=True)(tripled)(2) == 6
    path = _taken_by(here, "7")
    path.unlink()
    monkeypatch.setattr(kept, "leaves", lambda: True)
    with pytest.raises(children.Taken):
        compilation.njit(cache=True)(tripled)(2)
    path.with_name(f"{path.name}.by").unlink()
    assert compilation.njit(cache=True)(tripled)(2) == 6


@pytest.fixture
def alone(monkeypatch):
    """Nothing was asked for or started."""
    for name in ("_asked", "_told", "_child"):
        monkeypatch.setattr(children, name, None)
    monkeypatch.setattr(children, "get_threads", lambda: 2)


def test_a_process_is_started_at_the_first_kernel_that_is_missing(alone, tmp_path, monkeypatch):
    module = (
        "import os, sys\ndef main():\n    told = sys.stdin.read()\n    here = __file__ + '.told'\n"
    )
    module += "    from minisnn.parallel import children\n"
    module += "    open(here, 'w').write(f'{told} {children.beside()} {children.leaves()}')\n"
    (tmp_path / "compiles.py").write_text(module)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    children.compile_beside("compiles", lambda: "words")
    assert not children.beside()
    assert compilation.njit(cache=True)(tripled)(2) == 6
    assert children._child is not None and children._child.wait(30) == 0
    assert (tmp_path / "compiles.py.told").read_text() == f"words {os.getpid()} True"
    assert not children.beside()
    first = children._child
    children.compile_beside("compiles", lambda: "words")
    children.start_beside()
    assert children._child is first  # the same, once
    children.compile_beside("compiles", lambda: "other words")
    monkeypatch.setattr(children, "beside", lambda: 7)
    children.start_beside()
    assert children._child is first  # one at a time


@pytest.mark.parametrize("case", ["one thread", "compiles already"])
def test_where_nothing_is_gained_nothing_is_started(alone, case, monkeypatch):
    if case == "one thread":
        monkeypatch.setattr(children, "get_threads", lambda: 1)
    else:
        monkeypatch.setenv(children._PARENT, "1")
    children.compile_beside("compiles", str)
    children.start_beside()
    assert children._child is None


def _expected(net, monkeypatch) -> str:
    asked: list = []
    monkeypatch.setattr(beforehand, "compile_beside", lambda module, words: asked.append(words))
    beforehand.expect(net)
    return "".join(words() for words in asked)


NETWORKS = {
    "conv": lambda: ms.SpikingNet((8, 8, 2), (4, 5), ways=3, kernel=3, window=9),
    "cuba": lambda: ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=9, neuron=ms.CubaLIF()),
    "list": lambda: ms.SpikingNet(
        (6,), layers=[ms.Dense(5, recurrent=True)], ways=3, window=9, learn=("alpha",)
    ),
}


@pytest.mark.parametrize("name", all_but(["conv"], NETWORKS))
def test_the_kernels_of_a_meta_gradient_are_known_beforehand(name, monkeypatch):
    """And their types: what runs is compiled for nothing else."""
    import json

    net = NETWORKS[name]()
    small = ms.SpikingNet.from_configuration(json.loads(_expected(net, monkeypatch)))
    assert small.blocks[0].neuron == net.blocks[0].neuron
    found = beforehand.needed(small)
    rng = np.random.default_rng(0)
    x = rng.poisson(0.3, (6, 20, *net.input_shape)).astype(np.uint8)
    theta = net.init(rng, x)
    before = {kernel: set(kernel.overloads) for kernel, _ in found}  # of tests of other networks
    ms.meta_gradient(net, theta, ms.Task(x[:3], np.arange(3), x[3:], np.arange(3)))
    assert {kernel.__name__ for kernel, _ in found} >= {"forward", "backward", "backward_tangent"}
    known = {kernel: {kinds for one, kinds in found if one is kernel} for kernel, _ in found}
    assert all(set(kernel.overloads) - before[kernel] <= kinds for kernel, kinds in known.items())
    assert sum(kinds in kernel.overloads for kernel, kinds in found) > 10
    first = beforehand.needed(small, second=False)
    assert set(first) < set(found) and "along" not in {kernel.__name__ for kernel, _ in first}


def test_networks_that_compile_nothing_ask_for_nothing(monkeypatch):
    assert not _expected(ms.SpikingNet((6,), (), ways=2, backend="numpy"), monkeypatch)
    assert not _expected(ms.ConvNet((8, 8, 2), (3,), ways=2), monkeypatch)
