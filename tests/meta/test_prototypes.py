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


def errors_of_line(value, theta, direction, loss, slope, steps=(1e-3, 1e-4, 1e-5)):
    return [abs(value(theta + h * direction) - loss - h * slope) for h in steps]


CUBA = dict(neuron=CubaLIF(threshold=0.1))
NETWORKS = [
    dict(),
    dict(pool="mean"),
    CUBA,
    dict(hidden=(6,)),
    dict(detach=True),
    dict(channels=(), hidden=(7,)),
]


@pytest.mark.parametrize("options", NETWORKS)
@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.every(2)
def test_engines_and_twin_agree(steps, options):
    """Numba and NumPy give the same features and gradient, and the jet twin at its own record
    too."""
    net, theta, task, _ = make(**options)
    fast, loop = make(backend="numba", **options)[0], ClassMeans(0.5, steps, scale=SCALE)
    np.testing.assert_allclose(
        fast.features(theta, task.x_query),
        net.features(theta, task.x_query),
        rtol=1e-12,
        atol=1e-15,
    )
    expected = loop.meta_gradient(net, theta, task)
    for found in (
        loop.meta_gradient(fast, theta, task),
        loop.meta_gradient(net, theta, task, spike="jet", recorded=loop.record(net, theta, task)),
    ):
        assert relative(found.gradient, expected.gradient) < 1e-11
        assert abs(found.loss - expected.loss) < 1e-12
        np.testing.assert_allclose(found.query_logits, expected.query_logits, rtol=1e-10)
    assert abs(loop.loss(net, theta, task) - expected.loss) < 1e-12


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


@pytest.mark.parametrize(
    "steps, options", [(0, o) for o in NETWORKS] + [(n, o) for n in (1, 3) for o in NETWORKS[:3]]
)
@pytest.mark.every(2)
def test_meta_gradient_taylor(steps, options):
    """The error of the straight line falls by a hundred where the step falls by ten, in the jet
    twin: prototypical networks without steps, Proto-MAML through its steps and the class means they
    start from."""
    net, theta, task, rng = make(**options)
    loop = ClassMeans(0.5, steps, scale=SCALE)
    recorded, v = loop.record(net, theta, task), rng.standard_normal(net.size)
    found = loop.meta_gradient(net, theta, task)
    assert np.abs(found.gradient).max() > 1e-3
    value = lambda t: loop.loss(net, t, task, "jet", recorded)
    e = errors_of_line(value, theta, v, found.loss, found.gradient @ v)
    assert e[0] / e[1] > 80 and e[1] / e[2] > 80


def test_meta_gradient_of_the_peer():
    """The same rules on a network that does not spike; its only twin keeps the choices of max
    pooling."""
    _, _, task, rng = make()
    net = ConvNet((8, 8, 2), (3,), 3, 3, np.float64)
    theta, v = net.init(rng, task.x_support), rng.standard_normal(net.size)
    for steps in (0, 1):
        loop = ClassMeans(0.05, steps, scale=0.1)
        recorded, found = loop.record(net, theta, task), loop.meta_gradient(net, theta, task)
        e = errors_of_line(
            lambda t: loop.loss(net, t, task, "jet", recorded),
            theta,
            v,
            found.loss,
            found.gradient @ v,
        )
        assert e[0] / e[1] > 80 and e[1] / e[2] > 80


def test_every_part_of_proto_maml_counts():
    """Hessians, and the way back through the class means; the step sizes' gradient is that of the
    loss."""
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
    recorded, h = loop.record(net, theta, task), 1e-5
    up, down = (
        ClassMeans(0.5 + d, 1, scale=SCALE).loss(net, theta, task, "jet", recorded) for d in (h, -h)
    )
    assert full.step_size_gradient == pytest.approx((up - down) / (2 * h), rel=1e-6)


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
    with pytest.raises(ValueError, match="2 classes; expected the network's 3"):
        ClassMeans(steps=1, scale=SCALE).meta_gradient(net, theta, fewer)


def test_float32_follows_float64():
    net, theta, task, _ = make()
    loop = ClassMeans(steps=0, scale=SCALE)
    expected = loop.meta_gradient(net, theta, task)
    for backend in ("numpy", "numba"):
        single = make(dtype=np.float32, backend=backend)[0]
        found = loop.meta_gradient(single, theta.astype(np.float32), task)
        assert (
            found.gradient.dtype == np.float32
            and relative(found.gradient, expected.gradient) < 1e-3
        )


def test_what_does_not_fit():
    net, theta, task, _ = make()
    with pytest.raises(ValueError, match="scale must be a positive number, not 0"):
        ClassMeans(scale=0).meta_gradient(net, theta, task)
    with pytest.raises(ValueError, match="every class have a sample"):
        class_means(np.zeros((2, 3)), np.array([0, 0]), 2)
    squared = SpikingNet((8, 8, 2), (3,), 3, 3, loss="squared")
    with pytest.raises(ValueError, match="loss cross_entropy, not squared"):
        ClassMeans().meta_gradient(squared, squared.init(np.random.default_rng(0)), task)
