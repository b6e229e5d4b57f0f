"""A second process that compiles: what it compiles, and when it is started."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numba import config

import minisnn as ms
from minisnn.meta import beforehand
from minisnn.parallel import compilation
from slowly import all_but

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)


def tripled(x):
    return 3 * x


NETWORKS = {
    "conv": lambda: ms.SpikingNet((8, 8, 2), (4, 5), ways=3, kernel=3, window=9),
    "cuba": lambda: ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=9, neuron=ms.CubaLIF()),
    "list": lambda: ms.SpikingNet(
        (6,), layers=[ms.Dense(5, recurrent=True)], ways=3, window=9, learn=("alpha",)
    ),
}


def begun(net, monkeypatch, tmp_path) -> list[list[str]]:
    """The processes that are started where kernels are missing: twice, and for two types."""
    lines: list = []

    class Started:
        def __init__(self, line, **how):
            lines.append(line)

        def kill(self):
            """At the end."""

    monkeypatch.setattr(subprocess, "Popen", Started)
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(beforehand, "_begun", set())
    compilation.when_missing(None)
    for number in (2, 2.0):
        beforehand.expect(net)
        assert compilation.njit(cache=True)(tripled)(number) == 6
    return lines


@pytest.fixture
def two_threads():
    ms.set_threads(2)
    yield
    ms.set_threads(None)


def test_a_process_is_started_once_and_where_something_is_gained(
    two_threads, monkeypatch, tmp_path
):
    net = NETWORKS["conv"]()
    lines = begun(net, monkeypatch, tmp_path / "a")
    assert len(lines) == 1 and lines[0][:2] == [sys.executable, "-P"]
    for nothing in (
        ms.SpikingNet((6,), (), ways=2, backend="numpy"),
        ms.ConvNet((8, 8, 2), (3,), ways=2),
    ):
        assert not begun(nothing, monkeypatch, tmp_path / "b")
    ms.set_threads(1)
    assert not begun(net, monkeypatch, tmp_path / "c")


@pytest.mark.parametrize("name", all_but(["conv"], NETWORKS))
def test_the_kernels_of_a_meta_gradient_are_known_beforehand(
    name, two_threads, monkeypatch, tmp_path
):
    """And their types: what runs is compiled for nothing else."""
    net = NETWORKS[name]()
    with monkeypatch.context() as patched:
        ((*_, described),) = begun(net, patched, tmp_path)
    small = ms.SpikingNet.from_configuration(json.loads(described))
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
