"""Ailments of a run are noticed, named once, and remedies said."""

import warnings

import numpy as np
import pytest
from toy import toy_config, toy_data

from minisnn.training.health import GROWTH, SPAN, Health, Unhealthy
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


def test_a_dead_layer_is_named_once(tmp_path):
    found = run(tmp_path, hidden=(5,), firing_threshold=100.0, init="orthogonal")
    assert len(found) == 2  # a layer each, not a look each
    for layer, text in zip(("conv1", "hidden1"), found):
        assert text.startswith(
            f"after update 1 layer {layer} is dead: it fires in 0 % of its sites and steps"
        )
        assert "try a higher --init-rate, a lower --firing-threshold" in text


def rows(norms, loss=1.0):
    return [dict(update=n, gradient_norm=norm, loss=loss) for n, norm in enumerate(norms, 1)]


def watched(health, norms, loss=1.0) -> list[str]:
    """What is said of a run with these norms of meta-gradients."""
    log = rows(norms, loss)
    return told(lambda: [health.update(log[: n + 1]) for n in range(len(log))])


def test_exploding_is_not_an_outlier():
    rng = np.random.default_rng(0)
    usual = np.exp(rng.normal(0, 1, 300))
    usual[::17] *= 1e4  # as in runs that went well
    health = Health(toy_config())
    assert watched(health, usual) == []
    (found,) = watched(health, [*usual, *[3 * GROWTH] * SPAN * 3])
    assert "explode" in found and "try --step-size 2.5, --lr 0.001, --clip 2.5 or --order" in found
    assert len(watched(Health(toy_config()), [2e4] * 2 * SPAN)) == 1


@pytest.mark.parametrize("loss, number", [(1.1, 1), (0.0, 0)])
def test_vanished_gradients_are_told_unless_all_is_learned(loss, number):
    found = watched(Health(toy_config()), [1.0] * SPAN + [0.0] * 2 * SPAN, loss)
    assert len(found) == number and all("are zero" in text for text in found)
