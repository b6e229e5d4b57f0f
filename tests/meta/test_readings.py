"""Features that are read at several times of a recording: their gradient, the engines, and what
they are for."""

import numpy as np
import pytest

from minisnn.core.neuron import CubaLIF
from minisnn.core.neuron import LIF
from minisnn.meta.inner import InnerLoop
from minisnn.meta.prototypes import ClassMeans, class_means, nearest
from minisnn.meta.rules import RULES
from minisnn.meta.tasks import Task
from minisnn.network.convolutional import ConvNet
from minisnn.meta.remembered import remembered
from minisnn.network.spiking import SpikingNet
from minisnn.training.baselines import learns_by
from minisnn.training.settings import TrainingConfig

SCALE = 20.0
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


@pytest.mark.parametrize("options", [{}, dict(channels=(), hidden=(7,))])
@pytest.mark.parametrize("neuron", NEURONS)
def test_pullback_against_differences_and_the_engines(neuron, options):
    """<dp, p> of the jet twin has the pullback as its gradient, of a window that begins within the
    first reading; the kernels give the same."""
    net, theta, task, rng = make(neuron, **options)
    record = net.record(theta, task.x_support)
    found = net.features_and_pullback(theta, task.x_support, readings=4)
    dp, v = rng.standard_normal(found.p.shape), rng.standard_normal(net.size)

    def value(t):
        p = net.features(t, task.x_support, spike="jet", record=record, readings=4)
        return np.sum(dp * p)

    h = 1e-5
    slope = (value(theta + h * v) - value(theta - h * v)) / (2 * h)
    gradient = found.pullback(dp)
    assert abs(gradient @ v - slope) < 1e-7 * np.linalg.norm(gradient) * np.linalg.norm(v)
    fast = make(neuron, backend="numba", **options)[0]
    same = fast.features_and_pullback(theta, task.x_support, readings=4)
    np.testing.assert_allclose(same.p, found.p, rtol=1e-12, atol=1e-15)
    assert np.abs(same.pullback(dp) - gradient).max() < 1e-11 * np.abs(gradient).max()


@pytest.mark.parametrize("neuron", NEURONS)
def test_meta_gradient_against_differences(neuron):
    net, theta, task, rng = make(neuron)
    loop = ClassMeans(steps=0, scale=SCALE, readings=5)
    recorded, v = loop.record(net, theta, task), rng.standard_normal(net.size)
    found = loop.meta_gradient(net, theta, task)
    assert abs(found.loss - loop.loss(net, theta, task)) < 1e-12
    errors = [
        abs(loop.loss(net, theta + h * v, task, "jet", recorded) - found.loss - h * slope)
        for slope in [found.gradient @ v]
        for h in (1e-2, 1e-3, 1e-4)
    ]
    assert errors[0] / errors[1] > 80 and errors[1] / errors[2] > 80
    once = ClassMeans(steps=0, scale=SCALE).meta_gradient(net, theta, task)
    assert np.abs(found.gradient - once.gradient).max() > 1e-3 * np.abs(once.gradient).max()


def test_they_tell_when_something_happened():
    """Three events far from the end, in one order or another: from the last trace alone, which has
    forgotten them, few are known; by readings all are."""
    neuron = CubaLIF(0.3, 0.2, threshold=0.1)
    net = SpikingNet((4, 4, 2), (), 3, neuron=neuron)
    theta = net.init(np.random.default_rng(0))
    x = np.zeros((3, 120, 4, 4, 2), np.uint8)
    for k in range(3):
        for n in range(3):
            x[k, 2 + 10 * n, (n + k) % 3] = 1
    task = Task(x, np.arange(3), np.roll(x, 1, 1), np.arange(3))
    right = [
        np.mean(nearest(net, theta, task, SCALE, readings).argmax(1) == task.y_query)
        for readings in (1, 12)
    ]
    assert right[1] == 1 and right[0] < 1


def test_a_run_and_a_test_read_as_often_as_they_were_told():
    net, theta, task, _ = make()
    config = TrainingConfig(rule="prototypes", learn_step_size="no", readings=4)
    loop = RULES["prototypes"].loop(net, InnerLoop(), config)
    assert loop.readings == 4 and loop.steps == 0
    assert learns_by("nearest", net, theta, loop).inner.readings == 4
    assert learns_by("proto-maml", net, theta, loop).inner.readings == 1
    expected = nearest(net, theta, task, loop.scale, 4)
    np.testing.assert_array_equal(loop.logits(net, theta, task), expected)
    with remembered():  # what was read once is not taken for what is read many times
        once = net.features(theta, task.x_query)
        assert net.features(theta, task.x_query, readings=4).shape[1] == 4 * once.shape[1]


def test_what_does_not_fit():
    net, theta, task, _ = make(window=12)
    with pytest.raises(ValueError, match="at most the recording's steps, 16, not 17"):
        net.features(theta, task.x_query, readings=17)
    with pytest.raises(ValueError, match="after step 4 of 16; expected a window of at least 13"):
        net.features_and_pullback(theta, task.x_query, readings=4)
    assert (
        net.features(theta, task.x_query, readings=4).shape[1]
        == 4 * net.features(theta, task.x_query).shape[1]
    )
    peer = ConvNet((8, 8, 2), (3,), 3, 3, np.float64)
    with pytest.raises(ValueError, match="at most the recording's steps, 1, not 2"):
        peer.features(peer.init(np.random.default_rng(0)), task.x_query, readings=2)
    with pytest.raises(ValueError, match="readings must be 1 where inner steps follow, not 3"):
        ClassMeans(steps=1, readings=3).meta_gradient(net, theta, task)
    with pytest.raises(ValueError, match="of 3 readings make no readout"):
        ClassMeans(steps=0, readings=3).adapt(net, theta, task.x_support, task.y_support)
    p = net.features(theta, task.x_support, readings=4)
    assert class_means(p, task.y_support, 3).shape == (3, 4 * net.blocks[-1].weight_shape[2])
