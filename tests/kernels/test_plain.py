"""The kernels as plain Python, as one steps through them in a debugger (NUMBA_DISABLE_JIT=1): the
reference's very values."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import own_neurons
import pytest
from numba import config

import minisnn as ms
from minisnn.gradcheck import random_theta

SMALL = dict(kernel=3, window=6, ways=3, dtype=np.float64)
CASES = {  # name: (class, settings, events an input and step)
    "max": (ms.SpikingNet, dict(SMALL, input_shape=(5, 4, 2), channels=(3, 2)), 0.3),
    "mean": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(4, 5, 2), channels=(2, 3), pool="mean", detach_reset=True),
        0.3,
    ),
    "dense": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(4, 4, 2), channels=(2, 3), neuron=ms.LIF(threshold=-3.0)),
        3.0,
    ),
    "points": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(4, 16, 1), channels=(16, 16), kernel=5),
        0.5,
    ),
    # two rows of one site
    "narrow": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(4, 2, 2), channels=(3,)),
        0.5,
    ),
    "hidden": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(9,), channels=(), hidden=(4,), neuron=ms.LIF(threshold=0.2)),
        0.6,
    ),
    "cuba": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(5, 4, 2), channels=(3, 2), neuron=ms.CubaLIF(threshold=0.05)),
        0.3,
    ),
    "spikes": (
        ms.SpikingNet,
        dict(
            SMALL,
            input_shape=(4, 5, 2),
            channels=(2, 3),
            pool="mean",
            neuron=ms.CubaLIF(threshold=0.05),
        ),
        0.3,
    ),
    "own": (
        ms.SpikingNet,
        dict(SMALL, input_shape=(5, 4, 2), channels=(2,), neuron=own_neurons.Conductance()),
        0.3,
    ),
    "frames": (
        ms.ConvNet,
        dict(input_shape=(5, 4, 2), channels=(3,), ways=3, kernel=3, dtype=np.float64),
        0.3,
    ),
}


def results(name: str, backend: str) -> dict[str, np.ndarray]:
    kind, settings, rate = CASES[name]
    net, rng = kind(**{**settings, "backend": backend}), np.random.default_rng(0)
    x, y, theta = (
        rng.poisson(rate, (2, 9, *net.input_shape)).astype(np.uint8),
        np.array([0, 2]),
        random_theta(net, rng),
    )
    loss, gradient, logits, hvp = net.gradients(theta, x, y)
    p, pullback = net.features_and_pullback(theta, x)
    found = dict(
        loss=loss, gradient=gradient, logits=logits, hvp=hvp(rng.standard_normal(net.size)), p=p
    )
    return dict(found, pulled=pullback(rng.standard_normal(p.shape)), answers=net(theta, x[:1]))


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="this starts the tests below")
def test_kernels_as_plain_python():
    told = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        __file__,
    ]
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    plain = {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(told, env={**os.environ, **plain}, capture_output=True, text=True)
    assert done.returncode == 0 and f"{len(CASES)} passed" in done.stdout, done.stdout + done.stderr


if config.DISABLE_JIT:  # in the process that the test above starts

    @pytest.mark.parametrize("name", CASES)
    def test_they_give_the_reference_values(name):
        found, expected = results(name, "numba"), results(name, "numpy")
        for what, a in expected.items():
            assert np.abs(found[what] - a).max() < 1e-13 * max(np.abs(a).max(), 1e-3), what
            assert np.abs(a).max() > 0, what
