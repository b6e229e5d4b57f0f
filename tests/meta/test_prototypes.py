"""Class-mean rules: their gradients against finite differences of the twins, the two engines, and
the definition."""

import numpy as np

from minisnn import LIF, adapt, ClassMeans, Task, ConvNet, SpikingNet

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


def test_features_are_what_the_readout_weighs():
    """A readout without reset answers W p + b; that of the non-spiking peer always does."""
    net, theta, task, _ = make(neuron=LIF(rho=0.0))
    peer = ConvNet((8, 8, 2), (3,), 3, 3, np.float64)
    for one, at in ((net, theta), (peer, peer.init(np.random.default_rng(0)))):
        views = one.views(at)
        views["readout.bias"][...] = 0.25
        found = one.features(at, task.x_query) @ views["readout.weight"] + 0.25
        np.testing.assert_allclose(found, one(at, task.x_query), rtol=1e-12)


def test_start_of_proto_maml_answers_as_the_nearest_mean():
    """Without reset the logits are those of the distances but for a number a sample; theta is left
    as it was."""
    net, theta, task, _ = make(neuron=LIF(rho=0.0))
    before, support = theta.copy(), (task.x_support, task.y_support)
    p, seen = net.features(theta, task.x_query), net.features(theta, task.x_support)
    c = np.stack([seen[task.y_support == k].mean(0) for k in range(3)])
    logits = -SCALE * ((p[:, None] - c) ** 2).sum(2)
    found = ClassMeans(steps=0, scale=SCALE).logits(net, theta, task)
    np.testing.assert_allclose(found, logits, rtol=1e-9)
    start = ClassMeans(0.5, 0, scale=SCALE).adapt(net, theta, *support)
    np.testing.assert_array_equal(theta, before)
    apart = net(start, task.x_query) - logits
    np.testing.assert_allclose(apart, apart[:, :1] * np.ones(3), rtol=1e-9)
    found = ClassMeans(0.5, 2, scale=SCALE).adapt(net, theta, *support)
    np.testing.assert_array_equal(found, adapt(net, start, *support, 0.5, 2))


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
