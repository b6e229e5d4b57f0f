"""A second process that compiles: what it is given, and when it is started."""

import sys

import numpy as np
import pytest
from numba import config

import minisnn as ms
from minisnn.meta import beforehand
from minisnn.parallel import children, compilation
from slowly import all_but

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)


def tripled(x):
    return 3 * x


@pytest.fixture
def alone(monkeypatch):
    """Nothing was asked for or started."""
    for name in ("_asked", "_started", "_child"):
        monkeypatch.setattr(children, name, None)
    monkeypatch.setattr(children, "get_threads", lambda: 2)


def test_a_process_is_started_at_the_first_kernel_that_is_missing(alone, tmp_path, monkeypatch):
    (tmp_path / "compiles.py").write_text(
        "import sys\ndef main(): open(__file__ + '.read', 'a').write(sys.stdin.read())\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    children.compile_beside("compiles", lambda: "words")
    assert children._child is None
    assert compilation.njit(cache=True)(tripled)(2) == 6
    first = children._child
    assert first is not None and first.wait(30) == 0
    assert (tmp_path / "compiles.py.read").read_text() == "words"
    children.compile_beside("compiles", lambda: "words")
    children.start_beside()
    assert children._child is first  # the same, once


@pytest.mark.parametrize("case", ["one thread", "compiles already"])
def test_where_nothing_is_gained_nothing_is_started(alone, case, monkeypatch):
    if case == "one thread":
        monkeypatch.setattr(children, "get_threads", lambda: 1)
    else:
        monkeypatch.setenv(children._BESIDE, "1")
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
