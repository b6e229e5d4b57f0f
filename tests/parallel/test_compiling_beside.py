"""A second process that compiles: what it compiles, and when it is started."""

import json
import subprocess
from unittest.mock import Mock

import numpy as np
import pytest
from numba import config

import minisnn as ms
from minisnn.meta import beforehand
from minisnn.parallel import missing
from slowly import all_but

if config.DISABLE_JIT:
    pytest.skip("nothing is compiled", allow_module_level=True)
NETWORKS = {
    "conv": lambda: ms.SpikingNet((8, 8, 2), (4, 5), ways=3, kernel=3, window=9),
    "cuba": lambda: ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=9, neuron=ms.CubaLIF()),
    "list": lambda: ms.SpikingNet(
        (6,), layers=[ms.Dense(5, recurrent=True)], ways=3, window=9, learn=("alpha",)
    ),
    "numpy": lambda: ms.SpikingNet((6,), (), ways=2, backend="numpy"),
    "cnn": lambda: ms.ConvNet((8, 8, 2), (3,), ways=2),
}


@pytest.fixture
def begun(monkeypatch, threads):
    """The command lines of processes that are started where kernels are missing."""
    started = Mock()
    monkeypatch.setattr(subprocess, "Popen", started)

    def of(net, number=2):
        missing.missed()  # as other tests expect
        started.reset_mock()
        threads(number)
        for _ in range(2):
            beforehand.expect(net)
            missing.missed()
        return [call.args[0] for call in started.call_args_list]

    return of


def test_a_process_is_started_once_and_where_something_is_gained(begun):
    net = ms.SpikingNet((7, 7, 2), (3,), ways=4, kernel=5, window=5)
    assert not begun(net, 1)
    assert not begun(NETWORKS["numpy"]()) and not begun(NETWORKS["cnn"]())
    assert len(begun(net)) == 1 and not begun(net)


@pytest.mark.parametrize("name", all_but(["conv"], ["conv", "cuba", "list"]))
def test_the_kernels_of_a_meta_gradient_are_known_beforehand(name, begun):
    """And their types: what runs is compiled for nothing else."""
    net = NETWORKS[name]()
    ((*_, described),) = begun(net)
    small = ms.SpikingNet.from_configuration(json.loads(described))
    found = beforehand.needed(small)
    rng = np.random.default_rng(0)
    x = rng.poisson(0.3, (6, 20, *net.input_shape)).astype(np.uint8)
    theta = net.init(rng, x)
    before = {kernel: set(kernel.overloads) for kernel, _ in found}  # of tests of other networks
    ms.meta_gradient(net, theta, ms.Task(x[:3], np.arange(3), x[3:], np.arange(3)))
    known = {kernel: {kinds for one, kinds in found if one is kernel} for kernel, _ in found}
    assert all(set(kernel.overloads) - before[kernel] <= kinds for kernel, kinds in known.items())
    assert sum(kinds in kernel.overloads for kernel, kinds in found) > 10
    assert set(beforehand.needed(small, second=False)) < set(found)
