"""Class-mean rules: their gradients against finite differences of the twins, the two engines, and
the definition."""

import numpy as np
import pytest

from minisnn.core.neuron import CubaLIF
from minisnn.core.neuron import LIF
from minisnn.meta.functions import adapt
from minisnn.meta.inner import InnerLoop
from minisnn.meta.prototypes import (
    ClassMeans,
    affine_logits,
    class_means,
    distance_logits,
    nearest,
    with_prototypes,
)
from minisnn.meta.tasks import Task
from minisnn.network.convolutional import ConvNet
from minisnn.network.spiking import SpikingNet

SCALE = 20.0  # untrained traces are small; at this scale the softmax is neither flat nor one-hot


def make(
    channels=(3, 4),
    hidden=(),
    dtype=np.float64,
    backend="numpy",
    pool="max",
    neuron=None,
    detach=False,
    seed=0,
):
    rng, ways, shots = np.random.default_rng(seed), 3, 2
    options = dict(dtype=dtype, hidden=hidden, backend=backend, detach_reset=detach)
    net = SpikingNet((8, 8, 2), channels, ways, 3, pool, neuron, 12, **options)
    x = [(rng.random((ways * n, 20, 8, 8, 2)) < 0.1).astype(np.uint8) for n in (shots, 3)]
    task = Task(x[0], np.repeat(np.arange(ways), shots), x[1], np.repeat(np.arange(ways), 3))
    return net, net.init(rng, task.x_support, rate=0.2), task, rng


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


CUBA = dict(neuron=CubaLIF(threshold=0.1))
NETWORKS = [
    dict(),
    dict(pool="mean"),
    CUBA,
    dict(hidden=(6,)),
    dict(detach=True),
    dict(channels=(), hidden=(7,)),
]


def test_features_are_what_the_readout_weighs():
    """A readout without reset answers W p + b; that of the non-spiking peer always does."""
    net, theta, task, _ = make(neuron=LIF(rho=0.0))
    peer = ConvNet((8, 8, 2), (3,), 3, 3, np.float64)
    for one, at in ((net, theta), (peer, peer.init(np.random.default_rng(0)))):
        views = one.views(at)
        views["readout.bias"][...] = 0.25
        found = one.features(at, task.x_query) @ views["readout.weight"] + 0.25
        np.testing.assert_allclose(found, one(at, task.x_query), rtol=1e-12)


@pytest.mark.parametrize("options", NETWORKS)
def test_pullback_against_differences(options):
    """<dp, p> of the jet twin has the pullback as its gradient."""
    net, theta, task, rng = make(**options)
    record = net.record(theta, task.x_support)
    found = net.features_and_pullback(theta, task.x_support)
    dp, v = rng.standard_normal(found.p.shape), rng.standard_normal(net.size)
    value = lambda t: np.sum(dp * net.features(t, task.x_support, spike="jet", record=record))
    h = 1e-5
    slope = (value(theta + h * v) - value(theta - h * v)) / (2 * h)
    gradient = found.pullback(dp)
    assert abs(gradient @ v - slope) < 1e-7 * np.linalg.norm(gradient) * np.linalg.norm(v)
    assert not any(gradient[p.slice].any() for p in net.layout[-2:])


def test_every_part_of_proto_maml_counts():
    """Hessians, and the way back through the class means."""
    net, theta, task, _ = make()
    loop = ClassMeans(0.5, 1, scale=SCALE)
    full = loop.meta_gradient(net, theta, task)
    first = loop.meta_gradient(net, theta, task, order=1).gradient
    start = with_prototypes(
        net, theta, class_means(net.features(theta, task.x_support), task.y_support, 3), SCALE
    )
    stopped = InnerLoop(0.5, 1).meta_gradient(net, start, task).gradient
    body = slice(0, net.layout[-2].slice.start)
    assert (
        relative(first[body], full.gradient[body]) > 1e-3
        and relative(stopped[body], full.gradient[body]) > 1e-3
    )
    assert not full.gradient[body.stop :].any()


def test_start_of_proto_maml_answers_as_the_nearest_mean():
    """Without reset the logits are those of the distances but for a number a sample; theta is left
    as it was."""
    net, theta, task, _ = make(neuron=LIF(rho=0.0))
    before = theta.copy()
    c, p = (
        class_means(net.features(theta, task.x_support), task.y_support, 3),
        net.features(theta, task.x_query),
    )
    start = with_prototypes(net, theta, c, SCALE)
    np.testing.assert_array_equal(theta, before)
    np.testing.assert_allclose(net(start, task.x_query), affine_logits(p, c, SCALE), rtol=1e-10)
    np.testing.assert_allclose(
        nearest(net, theta, task, SCALE), distance_logits(p, c, SCALE), rtol=1e-12
    )
    np.testing.assert_allclose(
        distance_logits(p, c, SCALE), -SCALE * ((p[:, None] - c[None]) ** 2).sum(2), rtol=1e-9
    )
    np.testing.assert_array_equal(
        ClassMeans(steps=0, scale=SCALE).logits(net, theta, task), nearest(net, theta, task, SCALE)
    )
    np.testing.assert_array_equal(
        ClassMeans(0.5, 2, scale=SCALE).adapt(net, theta, task.x_support, task.y_support),
        adapt(net, start, task.x_support, task.y_support, 0.5, 2),
    )


def test_any_number_of_ways():
    """Prototypes need no readout of the task's size; Proto-MAML does, and says so."""
    net, theta, task, _ = make()
    two = task.y_support < 2, task.y_query < 2
    fewer = Task(
        task.x_support[two[0]], task.y_support[two[0]], task.x_query[two[1]], task.y_query[two[1]]
    )
    assert ClassMeans(steps=0, scale=SCALE).meta_gradient(net, theta, fewer).query_logits.shape == (
        6,
        2,
    )
