"""Reptile against plain loops, for both networks; and runs by every rule that are stopped."""

import numpy as np
import pytest
import small
from differences import off
from toy import assert_same, interrupt, toy_config, toy_data

import minisnn as ms
from minisnn import train

SILENT = dict(progress=False)
RULES = {
    "annealed anil": dict(rule="anil", first_order_updates=3, inner_steps=2),
    "imaml": dict(
        rule="imaml", learn_step_size="no", inner_steps=3, proximal=2.0, zero_readout=True
    ),
    "reptile": dict(rule="reptile", inner_steps=2, learn_step_size="no"),
}


# ---- Reptile


@pytest.mark.parametrize("kind", [dict(neuron=ms.LIF(gain=5.0), window=16), dict(kind=ms.ConvNet)])
@pytest.mark.parametrize("options", [{"freeze": ("conv1",)}, {"threshold": 0.005}])
def test_reptile_is_the_way_that_gradient_descent_went(backend, kind, options):
    net = small.network(backend, hidden=(4,), **kind)
    theta, task = small.task(net, steps=20)
    sizes = np.random.default_rng(1).uniform(0.1, 0.4, net.size)
    x = np.concatenate([task.x_support, task.x_query])
    y = np.concatenate([task.y_support, task.y_query])
    theta_n = ms.adapt(net, theta, x, y, sizes, 2, **options)
    loss, gradient = ms.reptile_gradient(net, theta, task, sizes, 2, **options)
    assert off(gradient, theta - theta_n) < 1e-13 and gradient.any()
    assert loss == pytest.approx(net.loss(theta_n, task.x_query, task.y_query), rel=1e-12)


def test_reptile_in_float32_keeps_its_digits_and_takes_real_targets():
    net = small.network(ways=1, loss="squared", dtype="float32")
    theta, task = small.task(net)
    loss, found = ms.reptile_gradient(net, theta, task, 1e-6, 2)
    exact = net.like(dtype="float64")
    same, expected = ms.reptile_gradient(exact, theta.astype(np.float64), task, 1e-6, 2)
    assert found.dtype == np.float32 and off(found, expected) < 1e-4
    assert loss == pytest.approx(same, rel=1e-5)


# ---- training


@pytest.mark.parametrize("name", RULES)
def test_a_run_that_was_stopped_equals_one_that_was_not(tmp_path, name):
    changes = dict(
        step_size=5.0,
        updates=8,
        evaluate_every=0,
        checkpoint_every=3,
        test_episodes=2,
    )
    if name == "imaml":
        changes["step_size"] = 0.2
    config = toy_config(**{**changes, **RULES[name]})
    whole = train(config, tmp_path / "whole", data=toy_data(), **SILENT)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "parts", data=toy_data({11: interrupt}), **SILENT)
    train(config, tmp_path / "parts", resume=True, data=toy_data(), **SILENT)
    assert_same(tmp_path / "whole", tmp_path / "parts")
    assert ms.read(tmp_path / "parts").config == config and np.isfinite(whole.theta).all()
    if config.rule == "anil":
        assert whole.inner.freeze == ("conv1",)


def test_annealing_changes_order_at_its_update(tmp_path):
    how = dict(updates=3, evaluate_every=0, test_episodes=0)
    orders = dict(order=1), dict(first_order_updates=2)
    configs = [toy_config(**how, **order) for order in orders]
    first, mixed = (
        train(config, tmp_path / str(n), data=toy_data(), **SILENT).curve["gradient_norm"]
        for n, config in enumerate(configs)
    )
    assert (mixed[:2] == first[:2]).all() and mixed[2] != first[2]


def test_layers_that_do_not_exist_are_named_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError):
        train(toy_config(rule="anil", freeze=("conv9",)), tmp_path / "run", **SILENT)
    assert not (tmp_path / "run").exists()
