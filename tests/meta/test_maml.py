"""Adaptation and meta-gradient: against plain loops, an explicit Hessian and finite differences of
the jet form."""

import numpy as np
import pytest
import small
from differences import off

import minisnn as ms


@pytest.fixture
def net(backend):
    return small.network(backend, neuron=ms.LIF(gain=3.0))


# ---- adaptation


def test_adapted_parameters_are_an_array_of_their_own(net):
    theta, x, y = small.samples(net)
    for steps in (0, 1):
        adapted = ms.adapt(net, theta, x, y, steps=steps, freeze=("conv1", "readout"))
        assert np.array_equal(adapted, theta)
        assert not np.shares_memory(adapted, theta)


def test_frozen_layers_and_step_sizes_of_every_parameter(net):
    theta, task = small.task(net)
    gradient = net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
    sizes = np.random.default_rng(1).random(net.size)
    found = ms.adapt(net, theta, task.x_support, task.y_support, sizes, 1)
    assert off(found, theta - sizes * gradient) < 1e-14
    for frozen in (("conv1",), ("readout",)):
        moved = net.views(
            ms.adapt(net, theta, task.x_support, task.y_support, 0.3, 2, frozen) - theta
        )
        for name, change in moved.items():
            assert change.any() != name.startswith(frozen[0]), name


def test_threshold_gates_small_updates(net):
    theta, task = small.task(net)
    data = task.x_support, task.y_support
    gradient = net.loss_and_gradient(theta, *data)[1]
    threshold = float(np.quantile(np.abs(0.3 * gradient), 0.6))
    expected = theta - np.where(np.abs(0.3 * gradient) > threshold, 0.3 * gradient, 0)
    assert off(ms.adapt(net, theta, *data, 0.3, 1, threshold=threshold), expected) < 1e-14
    assert np.array_equal(ms.adapt(net, theta, *data, 0.3, 1, threshold=1e9), theta)
    assert off(ms.adapt(net, theta, *data, 0.3, 1, threshold=0.0), theta - 0.3 * gradient) < 1e-14


def test_threshold_fraction_is_of_the_range_within_a_layer(net):
    """Eq. 6 with f (max - min) of |a g| over weights and bias of one layer together."""
    theta, task = small.task(net)
    gradient = net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
    change = (
        ms.adapt(net, theta, task.x_support, task.y_support, 0.3, 1, threshold_fraction=0.2) - theta
    )
    for layer in ("conv1", "readout"):
        of = [v for name, v in net.views(gradient).items() if name.startswith(layer)]
        size = np.abs(0.3 * np.concatenate([v.ravel() for v in of]))
        moved = np.concatenate(
            [v.ravel() for name, v in net.views(change).items() if name.startswith(layer)]
        )
        written = size > 0.2 * (size.max() - size.min())
        assert np.array_equal(moved != 0, written) and 0 < written.sum() < written.size


# ---- meta-gradient


def test_maml_and_fomaml_differ(net):
    theta, task = small.task(net)
    loss, second = ms.meta_gradient(net, theta, task, 0.5, order=2)
    same, first = ms.meta_gradient(net, theta, task, 0.5, order=1)
    assert loss == pytest.approx(same, rel=1e-12) and off(first, second) > 0.02
    assert loss == pytest.approx(ms.meta_loss(net, theta, task, 0.5), rel=1e-12)
    none = [ms.meta_gradient(net, theta, task, 0.5, steps=0, order=order)[1] for order in (1, 2)]
    query = net.loss_and_gradient(theta, task.x_query, task.y_query)[1]
    assert off(none[0], query) < 1e-14 and off(none[1], query) < 1e-14


def test_logits_before_and_after(net):
    theta, task = small.task(net)
    loss, _, _, before, after = ms.InnerLoop(0.3, 2).meta_gradient(net, theta, task)
    adapted = ms.adapt(net, theta, task.x_support, task.y_support, 0.3, 2)
    assert (
        off(before, net(theta, task.x_support)) < 1e-12
        and off(after, net(adapted, task.x_query)) < 1e-12
    )
    assert loss == pytest.approx(net.loss(adapted, task.x_query, task.y_query), rel=1e-12)
    assert ms.InnerLoop(0.3, 0).meta_gradient(net, theta, task).support_logits is None
