"""Learning one sample at a time: an update after each, all of them differentiated through."""

import numpy as np
import pytest
import small
from differences import off

import minisnn as ms
from minisnn import InnerLoop, OnlineReadout


@pytest.mark.parametrize("kind", [ms.LIF, ms.CubaLIF])
def test_every_sample_makes_a_step_of_its_own(backend, kind):
    net = small.network(backend, neuron=kind(gain=3.0, threshold=0.1))
    theta, task = small.task(net)
    expected = theta
    for x, y in list(zip(task.x_support, task.y_support)) * 2:
        expected = expected - 0.3 * net.loss_and_gradient(expected, x[None], y[None])[1]
    loop = InnerLoop(0.3, 2, online=True)
    found = loop.adapt(net, theta, task.x_support, task.y_support)
    assert off(found, expected) < 1e-14
    assert off(found, InnerLoop(0.3, 2).adapt(net, theta, task.x_support, task.y_support)) > 1e-3
    backwards = loop.adapt(net, theta, task.x_support[::-1], task.y_support[::-1])
    assert off(found, backwards) > 1e-6, "the order matters"


@pytest.mark.parametrize("steps, flat", [(1, False), (2, True)])
def test_the_readout_from_zero_is_anil_online_through_its_hessians(steps, flat):
    """Features once and a recursion of the readout alone, against the general inner loop with a
    Hessian-vector product an update: the same answers, meta-gradients of both orders, and gradients
    of the step sizes."""
    net = small.network(input_shape=(8, 8, 2), channels=(3, 4), neuron=ms.CubaLIF(threshold=0.1))
    theta, task = small.fitted(net)
    zeroed = net.without_readout(theta)
    a = np.random.default_rng(3).uniform(1, 3, net.size) if flat else 2.0
    general = InnerLoop(a, steps, freeze=tuple(b.name for b in net.blocks[:-1]), online=True)
    found = OnlineReadout(a, steps)
    np.testing.assert_allclose(
        found.logits(net, theta, task), general.logits(net, zeroed, task), rtol=1e-10, atol=1e-12
    )
    adapted = general.adapt(net, zeroed, task.x_support, task.y_support)
    np.testing.assert_allclose(
        found.adapt(net, theta, task.x_support, task.y_support), adapted, rtol=1e-10, atol=1e-13
    )
    below = slice(0, net.layout[-2].slice.start)
    for order in (1, 2):
        one = found.meta_gradient(net, theta, task, order)
        other = general.meta_gradient(net, zeroed, task, order)
        size = np.abs(other.gradient[below]).max()
        assert size > 1e-6 and np.abs(one.gradient - other.gradient)[below].max() < 1e-10 * size
        assert abs(one.loss - other.loss) < 1e-12 and not one.gradient[below.stop :].any()
        np.testing.assert_allclose(
            one.step_size_gradient, other.step_size_gradient, rtol=1e-8, atol=1e-12
        )
