"""Features that are read at several times of a recording: their gradient, the engines, and what
they are for."""

import numpy as np
import pytest

from minisnn import CubaLIF, LIF, Task, SpikingNet

NEURONS = [LIF(), CubaLIF(threshold=0.1)]


def make(neuron=None, window=14, backend="numpy", T=16, channels=(3, 4), hidden=()):
    net = SpikingNet(
        (8, 8, 2), channels, 3, 3, "max", neuron, window, np.float64, hidden=hidden, backend=backend
    )
    rng = np.random.default_rng(0)
    x = [(rng.random((3 * n, T, 8, 8, 2)) < 0.1).astype(np.uint8) for n in (1, 2)]
    task = Task(x[0], np.arange(3), x[1], np.arange(6) % 3)
    return net, net.init(rng, task.x_support, rate=0.2), task, rng


@pytest.mark.parametrize("T", [16, 18])
@pytest.mark.parametrize("neuron", NEURONS)
def test_each_reading_is_the_last_trace_of_what_was_seen_so_far(neuron, T):
    """Four readings of a recording are the features of its first quarter, half, and so on."""
    for backend in ("numpy", "numba"):
        net, theta, task, _ = make(neuron, backend=backend, T=T)
        found = net.features(theta, task.x_query, readings=4)
        ends = [4, 8, 12, 16] if T == 16 else [4, 9, 14, 18]
        alone = [net.features(theta, task.x_query[:, :n]) for n in ends]
        np.testing.assert_allclose(found, np.concatenate(alone, 1), rtol=1e-12, atol=1e-15)
        assert found.any(0).reshape(4, -1).any(1)[1:].all()


def test_what_does_not_fit():
    net, theta, task, _ = make(window=12)
    with pytest.raises(ValueError):
        net.features(theta, task.x_query, readings=17)
    with pytest.raises(ValueError):
        net.features_and_pullback(theta, task.x_query, readings=4)
    assert (
        net.features(theta, task.x_query, readings=4).shape[1]
        == 4 * net.features(theta, task.x_query).shape[1]
    )
