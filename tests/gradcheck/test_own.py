"""A surrogate, a neuron, a loss and a rule of your own: what the page says runs and is proven, and
a slip in any is named."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small
from own_neurons import of_the_guide
from toy import interrupt, toy_config, toy_data

import minisnn as ms
from minisnn.hardware import IntegerNet

PAGE = (Path(__file__).parents[2] / "lessons" / "guides" / "model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Names of the page's blocks but the last, which trains; every assertion in them holds."""
    return of_the_guide(Path(__file__).parents[2], tmp_path_factory.mktemp("page"))


@pytest.mark.slow
def test_the_pages_run_trains_and_is_read_again(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line, few = (
        "ms.train(config, ",
        "updates=2, evaluate_every=1, evaluate_episodes=1, test_episodes=1",
    )
    assert BLOCKS[-1].count(line) == BLOCKS[-1].count('own-model", **own)\nprint') == 1
    block = BLOCKS[-1].replace('own-model", ', 'own-model", data=sets, ', 1)
    block = block.replace(
        line, f"ms.train(replace(config, {few}, channels=(2,), queries=1, window=4), "
    )
    names = page | {"replace": replace, "sets": toy_data()}
    exec(compile(block, "model.md", "exec", dont_inherit=True), names)


def test_a_loss_of_ones_own_is_given_one_hot_targets_on_both_engines(backend, rng):
    class Squares(ms.Loss):
        def value(self, logits, y):
            assert y.shape == logits.shape and y.dtype == logits.dtype
            return 0.5 * np.sum((logits - y) ** 2) / len(y)

        def backward(self, logits, y):
            return (logits - y) / len(y)

        def backward_tangent(self, logits, logits_dot, y):
            return logits_dot / len(y)

    net, shipped = (small.network(backend, loss=loss) for loss in (Squares(), "squared"))
    (theta, x, y) = small.samples(net)
    v = rng.standard_normal(net.size)
    for targets in (y, np.eye(3)[y] * 0.8):
        a = net.gradients(theta, x, targets)
        b = shipped.gradients(theta, x, targets)
        assert a.loss == b.loss
        np.testing.assert_array_equal(a.hvp(v), b.hvp(v))
    cnn = small.network(backend, ms.ConvNet, loss=Squares())
    assert ms.gradcheck.check(cnn, inner_steps=(1,)).ok


def test_a_run_goes_on_with_the_parts_it_was_made_with_alone(page, tmp_path, capsys):
    from minisnn import cli

    own = dict(neuron=page["Tiring"](), loss=page["OneAgainstAll"](), rule=page["Pulled"]())
    # kernels for this neuron were proven above
    config = toy_config(backend="numpy")
    whole = ms.train(config, tmp_path / "whole", data=toy_data(), progress=False, **own)

    with pytest.raises(KeyboardInterrupt):
        ms.train(config, tmp_path / "run", data=toy_data({20: interrupt}), progress=False, **own)
    for other in ({}, {**own, "neuron": page["Tiring"](weight=0.5)}, {**own, "rule": None}):
        with pytest.raises(ValueError):
            ms.train(
                config,
                tmp_path / "run",
                resume=True,
                data=toy_data(),
                progress=False,
                **other,
            )
    again = ms.train(config, tmp_path / "run", resume=True, data=toy_data(), progress=False, **own)
    np.testing.assert_array_equal(again.theta, whole.theta)
    for parts, lacks in (
        ({}, "neuron is Tiring"),
        (dict(neuron=own["neuron"]), "loss is OneAgainstAll"),
        ({**own, "rule": None}, ""),
    ):
        with pytest.raises(ValueError, match=lacks or "learns by PulledSteps"):
            ms.read(tmp_path / "run", **parts)
    assert ms.read(tmp_path / "run", **own).inner.pull == 0.1
    for command in ("evaluate --checkpoint", "info", "show --checkpoint", "train --resume"):
        assert cli.main([*command.split(), str(tmp_path / "run")]) == 2
        assert re.search(r"in Python|of your own", capsys.readouterr().err)


def test_what_cannot_be_is_refused(page, tmp_path):
    lif = ms.LIF(surrogate=page["ArcTan"]())
    net = ms.SpikingNet((8, 8, 2), (2,), 3, 3, neuron=lif, backend="numpy")
    theta = np.ones(net.size, np.float32)
    for word, call in {
        "chip": lambda: IntegerNet(net, theta),
        "loss": lambda: small.network(loss=lambda logits, y: 0.0),
        "surrogate": lambda: ms.LIF(surrogate=np.tanh),
        "alpha": lambda: ms.train(
            toy_config(alpha=0.8), tmp_path / "no", data=toy_data(), neuron=lif
        ),
        "rule": lambda: ms.train(toy_config(), tmp_path / "no", data=toy_data(), rule="maml"),
    }.items():
        with pytest.raises(ValueError, match=word):
            call()
