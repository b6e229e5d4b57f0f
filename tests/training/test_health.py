"""Ailments of a run are noticed, named once, and remedies said."""

import warnings

import numpy as np
import pytest
from toy import interrupt, toy_config, toy_data

from minisnn.meta.inner import InnerLoop
from minisnn.network.spiking import SpikingNet
from minisnn.training.health import GROWTH, SPAN, Health, Unhealthy, not_finite, remedy
from minisnn.training.run import train

SILENT = dict(progress=False)


def told(call) -> list[str]:
    """The ailments that a call tells of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(one.message) for one in caught if issubclass(one.category, Unhealthy)]


def run(out, **changes):
    config = toy_config(
        **{
            **dict(updates=4, tasks=1, evaluate_every=1, evaluate_episodes=1, test_episodes=0),
            **changes,
        }
    )
    return told(lambda: train(config, out, data=toy_data(), **SILENT))


def test_a_healthy_run_hears_nothing(tmp_path):
    assert run(tmp_path, updates=30, evaluate_every=10) == []


def test_a_dead_layer_is_named_once(tmp_path):
    found = run(tmp_path, hidden=(5,), firing_threshold=100.0, init="orthogonal")
    assert len(found) == 2  # a layer each, not a look each
    for layer, text in zip(("conv1", "hidden1"), found):
        assert text.startswith(
            f"after update 1 layer {layer} is dead: it makes no spikes in 8 validation tasks"
        )
        assert "try a higher --init-rate, a lower --firing-threshold" in text


def test_a_saturated_layer_is_named_once(tmp_path):
    found = run(tmp_path, firing_threshold=-100.0, init="orthogonal")
    assert len(found) == 1
    assert found[0].startswith(
        "after update 1 layer conv1 is saturated: it fires in 100 % of its sites and steps in 8"
    )
    assert "try a lower --init-rate, a higher --firing-threshold or --rho" in found[0]


def test_one_silent_task_is_no_dead_layer():
    health, asked = Health(toy_config()), []

    def more(rate):
        asked.append(rate)
        return [{"conv1": 0.0}] * 6 + [{"conv1": rate}]

    assert told(lambda: health.look(5, {"conv1": 0.0}, lambda: more(0.1))) == []
    assert told(lambda: health.look(5, {"conv1": 0.05}, lambda: more(0.0))) == [] and asked == [0.1]
    assert len(told(lambda: health.look(5, {"conv1": 0.0}, lambda: more(5e-5)))) == 1
    assert told(lambda: health.look(6, {"conv1": 0.0}, lambda: more(0.0))) == [] and asked == [
        0.1,
        5e-5,
    ]
    assert (
        told(lambda: Health(toy_config(model="cnn")).look(5, {"conv1": 0.0}, lambda: more(0.0)))
        == []
    )


def rows(norms, loss=1.0):
    return [dict(update=n, gradient_norm=norm, loss=loss) for n, norm in enumerate(norms, 1)]


def test_exploding_is_not_an_outlier():
    rng = np.random.default_rng(0)
    usual = np.exp(rng.normal(0, 1, 300))
    usual[::17] *= 1e4  # as in runs that went well
    health = Health(toy_config())
    assert told(lambda: [health.update(row) for row in rows(usual)]) == []
    found = told(lambda: [health.update(row) for row in rows([3 * GROWTH] * SPAN * 3)])
    assert (
        len(found) == 1
        and "the meta-gradients explode, their median norm is 300 over the last 20" in found[0]
    )
    assert "try --step-size 2.5, --lr 0.001, --clip 2.5 or --order 1" in found[0]
    # a run each
    assert len(told(lambda: [Health(toy_config()).update(row) for row in rows([2e4] * SPAN)])) == 0
    high = Health(toy_config())
    assert len(told(lambda: [high.update(row) for row in rows([2e4] * 2 * SPAN)])) == 1


def test_vanished_gradients_are_told_unless_all_is_learned():
    for loss, number in ((1.1, 1), (0.0, 0)):
        health = Health(toy_config())
        found = told(
            lambda: [health.update(row) for row in rows([1.0] * SPAN + [0.0] * 2 * SPAN, loss)]
        )
        assert len(found) == number and all(
            "meta-gradients are zero, so nothing is learned" in text for text in found
        )


def test_a_real_run_that_explodes_is_told_of_and_not_again_when_resumed(tmp_path, monkeypatch):
    def growing(*arguments, **options):
        found = right(*arguments, **options)
        growing.scale *= 1.5
        return found._replace(gradient=found.gradient * np.float32(growing.scale))

    right, growing.scale = InnerLoop.meta_gradient, 1.0
    monkeypatch.setattr(InnerLoop, "meta_gradient", growing)
    config = toy_config(updates=75, tasks=1, evaluate_every=0, test_episodes=0, checkpoint_every=50)

    def stopped():
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path, data=toy_data({44: interrupt}), **SILENT)

    found = told(stopped)
    assert len(found) == 1 and "explode" in found[0]
    assert told(lambda: train(config, tmp_path, resume=True, data=toy_data(), **SILENT)) == []


def test_what_is_not_finite_is_named(tmp_path, monkeypatch):
    right = InnerLoop.meta_gradient

    def broken(loop, net, *arguments, **options):
        found = right(loop, net, *arguments, **options)
        found.gradient[net.layout[1].slice] = np.inf
        return found

    monkeypatch.setattr(InnerLoop, "meta_gradient", broken)
    with pytest.raises(
        ValueError,
        match=r"update 1: .*norm inf: not finite; .*the meta-gradient was the first to go, the "
        r"meta-gradient in conv1\.bias; try --step-size 2\.5, .* with --start ",
    ):
        train(toy_config(), tmp_path, data=toy_data(), **SILENT)
    net = SpikingNet((6, 6, 2), (3,), 3, 3, backend="numpy")
    vector = np.zeros(net.size)
    assert not_finite(net, vector) == "" and not_finite(net, vector * np.nan) == "in every layer"


def test_remedies_are_of_the_run_at_hand():
    found = remedy(toy_config(clip=None, order=1, inner_steps=3))
    assert found == "try --step-size 2.5, --lr 0.001, --clip 5 or --inner-steps 2"
    reptile = remedy(toy_config(rule="reptile", inner_steps=2, learn_step_size="no"))
    assert reptile == "try --step-size 2.5, --lr 0.001 or --clip 2.5"
