"""Class-mean rules: their gradients against finite differences of the twins, the two engines, and
the definition."""

import numpy as np
import small

from minisnn import LIF, adapt, ClassMeans, ConvNet

SCALE = 20.0  # untrained traces are small; at this scale the softmax is neither flat nor one-hot
NET = small.network(neuron=LIF(rho=0.0))  # without reset


def test_features_are_what_the_readout_weighs():
    """A readout without reset answers W p + b; that of the non-spiking peer always does."""
    for net in (NET, small.network(kind=ConvNet)):
        theta, x, _ = small.samples(net)
        views = net.views(theta)
        found = net.features(theta, x) @ views["readout.weight"] + views["readout.bias"]
        np.testing.assert_allclose(found, net(theta, x), rtol=1e-12)


def test_start_of_proto_maml_answers_as_the_nearest_mean():
    """Without reset the logits are those of the distances but for a number a sample; theta is left
    as it was."""
    net = NET
    theta, task = small.fitted(net)
    before = theta.copy()
    support = (task.x_support, task.y_support)
    p = net.features(theta, task.x_query)
    seen = net.features(theta, task.x_support)
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
    """Prototypes need no readout of the task's size."""
    theta, task = small.fitted(NET.like(ways=2))
    loop = ClassMeans(steps=0, scale=SCALE)
    found = loop.meta_gradient(NET, np.resize(theta, NET.size), task)
    assert found.query_logits.shape == (6, 2)
