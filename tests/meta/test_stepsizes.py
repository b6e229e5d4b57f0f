"""Step sizes are the same to the last bit whatever vector instructions NumPy uses."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
import small

import minisnn as ms
from minisnn.meta.stepsizes import StepSizes

PROGRAM = """
import hashlib
import numpy as np
from minisnn.meta.stepsizes import StepSizes
from minisnn.network.spiking import SpikingNet
net = SpikingNet((6, 6, 2), (8,), 3, 3, dtype="float64", backend="numpy")
rng, found = np.random.default_rng(0), hashlib.sha256()
for kind in ("scalar", "layer", "array", "parameter"):
    steps = StepSizes(net, kind, 4.0)
    log = rng.standard_normal(len(steps.starts))
    gradient = rng.standard_normal(net.size) if steps.flat else 0.3
    for a in (steps.value(log), steps.log_gradient(log, gradient), list(steps.report(log).values())):
        found.update(np.asarray(a, np.float64).tobytes())
    found.update(steps.log_of(np.exp2(rng.integers(-9, 9, net.size)) * rng.random(net.size)).tobytes())
print(found.hexdigest())
"""


@pytest.mark.parametrize("scale", [0.01, 1.0, 200.0])
def test_a_step_size_is_the_exponential_to_a_unit_in_the_last_place(scale):
    net = small.network(input_shape=(5000,), channels=())
    x = np.random.default_rng(1).uniform(-scale, scale, net.size)
    x[:2] = 0, -800
    expected = np.array([math.exp(one) for one in x])
    found = StepSizes(net, "parameter", 1.0).value(x)
    assert (np.abs(found - expected) <= np.spacing(expected)).all()
    np.testing.assert_array_equal(found[:2], [1, 0])


def test_no_bit_depends_on_the_vector_instructions():
    try:
        from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    except ImportError:
        pytest.skip("this NumPy does not tell what it chooses from")
    chosen = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    if not chosen:
        pytest.skip("this processor has nothing to choose from")

    def printed(**environment):
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return subprocess.run(
            command,
            env={**os.environ, **path, **environment},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert printed() == printed(NPY_DISABLE_CPU_FEATURES=" ".join(chosen)) != ""


def test_step_sizes_that_are_written_into_later_change_nothing():
    case = ms.gradcheck.random_case(np.random.default_rng(0))
    steps = np.full(case.net.size, 0.1)
    loop = ms.InnerLoop(steps)
    before = loop.loss(case.net, case.theta, case.task)
    steps[:] = 5
    assert loop.loss(case.net, case.theta, case.task) == before
