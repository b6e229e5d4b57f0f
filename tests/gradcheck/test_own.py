"""A surrogate, a neuron, a loss and a rule of your own: what the page says runs and is proven, and
a slip in any is named."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import off
from own_neurons import of_the_guide
from toy import toy_config, toy_data

import minisnn as ms
from minisnn.core import neuron as surrogate

PAGE = (Path(__file__).parents[2] / "lessons" / "guides" / "model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Names of the page's blocks but the last, which trains; every assertion in them holds."""
    return of_the_guide(Path(__file__).parents[2], tmp_path_factory.mktemp("page"))


def small(**parts):
    if "neuron" in parts:
        parts.setdefault("backend", "numpy")  # which takes what has no file to be read from
    return ms.SpikingNet((5, 4, 2), (2,), ways=3, kernel=3, window=8, dtype="float64", **parts)


def test_each_part_takes_less_than_thirty_lines():
    assert len(BLOCKS) == 6 and all(len(block.strip().splitlines()) < 30 for block in BLOCKS)


@pytest.mark.slow
def test_the_pages_run_trains_and_is_read_again(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = dict(
        updates=2,
        evaluate_every=1,
        evaluate_episodes=1,
        test_episodes=1,
        channels=(2,),
        queries=1,
        window=4,
    )
    few = "config = replace(config, **data)\nfound = ms.train(config, "
    block = (
        BLOCKS[-1]
        .replace("found = ms.train(config, ", few)
        .replace('own-model", **own)\nprint', 'own-model", data=sets, **own)\nprint')
    )
    assert "data=sets" in block and few in block
    exec(
        compile(block, "model.md", "exec", dont_inherit=True),
        page | {"replace": replace, "data": data, "sets": toy_data()},
    )


@dataclass(frozen=True)
class Hard(ms.Neuron):
    """CubaLIF once more."""

    threshold: float = 0.3
    states, delay, pools = ("v",), 0, {"max": "max", "mean": "spikes"}

    def forward(self, I, z, spike):
        u = self.alpha * z[0] + (1 - self.alpha) * I
        return u, (u * (1 - spike(u)),)

    def backward(self, at, du, dz):
        du = du + dz[0] * (1 - at.spike - at.u * at.slope)
        return (1 - self.alpha) * du, (self.alpha * du,)

    def forward_tangent(self, at, I_dot, z_dot):
        u_dot = self.alpha * z_dot[0] + (1 - self.alpha) * I_dot
        return u_dot, (u_dot * (1 - at.spike - at.u * at.slope),)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        bent = 2 * at.slope + at.u * at.curvature
        du_dot = du_dot + dz_dot[0] * (1 - at.spike - at.u * at.slope) - dz[0] * dot.u * bent
        return (1 - self.alpha) * du_dot, (self.alpha * du_dot,)


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_the_chips_neuron_written_as_ones_own_is_the_chips(page, rng, pool, detach):
    """And the page's, that does not tire, is the paper's."""
    pairs = [(Hard(), ms.CubaLIF()), (page["Tiring"](weight=0.0), ms.LIF())]
    for own, shipped in pairs:
        net = small(neuron=shipped, pool=pool, detach_reset=detach, backend="numpy")
        same, theta = net.like(neuron=own), ms.gradcheck.random_theta(net, rng)
        x, y = ms.gradcheck.random_data(net, rng)
        a, b, v = (
            net.gradients(theta, x, y),
            same.gradients(theta, x, y),
            rng.standard_normal(net.size),
        )
        np.testing.assert_array_equal(same.features(theta, x), net.features(theta, x))
        assert off(b.gradient, a.gradient) < 1e-14 and off(b.hvp(v), a.hvp(v)) < 1e-13


def test_a_surrogate_with_the_shipped_functions_changes_nothing(rng):
    class Same(surrogate.FastSigmoid):
        pass

    net = small(backend="numpy")
    same = net.like(neuron=ms.LIF(surrogate=Same(10.0)))
    theta, (x, y) = ms.gradcheck.random_theta(net, rng), ms.gradcheck.random_data(net, rng)
    np.testing.assert_array_equal(
        same.loss_and_gradient(theta, x, y).gradient, net.loss_and_gradient(theta, x, y).gradient
    )


def test_a_loss_of_ones_own_is_given_one_hot_targets_on_both_engines(backend, rng):
    class Squares(ms.Loss):
        def value(self, logits, y):
            assert y.shape == logits.shape and y.dtype == logits.dtype
            return 0.5 * np.sum((logits - y) ** 2) / len(y)

        def backward(self, logits, y):
            return (logits - y) / len(y)

        def backward_tangent(self, logits, logits_dot, y):
            return logits_dot / len(y)

    net, shipped = (small(loss=loss, backend=backend) for loss in (Squares(), "squared"))
    theta, (x, y), v = (
        ms.gradcheck.random_theta(net, rng),
        ms.gradcheck.random_data(net, rng),
        rng.standard_normal(net.size),
    )
    for targets in (y, np.eye(3)[y] * 0.8):
        a, b = net.gradients(theta, x, targets), shipped.gradients(theta, x, targets)
        assert a.loss == b.loss
        np.testing.assert_array_equal(a.hvp(v), b.hvp(v))
    cnn = ms.ConvNet((5, 4, 2), (2,), 3, 3, "float64", loss=Squares(), backend=backend)
    assert ms.gradcheck.check(cnn, inner_steps=(1,)).ok


def test_a_rule_whose_update_is_the_plain_one_is_maml(page, rng):
    net, plain, pulled = small(), ms.InnerLoop(0.3, 3), page["PulledSteps"](0.3, 3, pull=0.0)
    theta = ms.gradcheck.random_theta(net, rng)
    task = ms.Task(*ms.gradcheck.random_data(net, rng), *ms.gradcheck.random_data(net, rng))
    for order in (1, 2):
        a, b = (loop.meta_gradient(net, theta, task, order) for loop in (plain, pulled))
        assert off(b.gradient, a.gradient) < 1e-14 and b.step_size_gradient == pytest.approx(
            a.step_size_gradient, rel=1e-13
        )


def test_a_run_goes_on_with_the_parts_it_was_made_with_alone(page, tmp_path, capsys):
    from minisnn import cli

    own = dict(neuron=page["Tiring"](), loss=page["OneAgainstAll"](), rule=page["Pulled"]())
    # kernels for this neuron were proven above
    config = toy_config(backend="numpy")
    whole = ms.train(config, tmp_path / "whole", data=toy_data(), progress=False, **own)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="resume=True .* the same data and parts"):
        ms.train(config, tmp_path / "run", data=toy_data({20: stop}), progress=False, **own)
    for other in ({}, {**own, "neuron": page["Tiring"](weight=0.5)}, {**own, "rule": None}):
        with pytest.raises(ValueError, match="the run was made with neuron=Tiring"):
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
    net, theta = ms.load(tmp_path / "run", neuron=own["neuron"], loss=own["loss"])
    assert (
        repr(net.neuron) == repr(own["neuron"])
        and ms.read(tmp_path / "run", **own).inner.pull == 0.1
    )
    for command in ("evaluate --checkpoint", "info", "show --checkpoint", "train --resume"):
        assert cli.main([*command.split(), str(tmp_path / "run")]) == 2
        assert re.search(r"in Python|of your own", capsys.readouterr().err)


def test_what_cannot_be_is_refused_in_a_sentence(page):
    lif = ms.LIF(surrogate=page["ArcTan"]())
    for neuron in (lif, page["Tiring"]()):
        assert small(neuron=neuron, backend=None).backend == "numba"
        with pytest.raises(ValueError, match="NIR"):
            pytest.importorskip("nir") and ms.export_nir(
                "no.nir", net := small(neuron=neuron), np.zeros(net.size)
            )
    with pytest.raises(ValueError, match="the chip holds conv layers of LIF"):
        from minisnn.hardware.chip.network import IntegerNet

        net = ms.SpikingNet((8, 8, 2), (2,), 3, 3, neuron=lif, backend="numpy")
        IntegerNet(net, np.ones(net.size, np.float32))
    with pytest.raises(
        ValueError,
        match=r"loss must be one of cross_entropy, squared, or a minisnn.Loss with value",
    ):
        small(loss=lambda logits, y: 0.0)
    with pytest.raises(ValueError, match="surrogate must be a minisnn.Surrogate"):
        ms.LIF(surrogate=np.tanh)
    with pytest.raises(
        ValueError, match="slope"
    ):
        ms.LIF(slope=5.0, surrogate=page["ArcTan"]())
    with pytest.raises(ValueError, match="lacks forward, backward"):
        ms.Neuron()
    with pytest.raises(
        ValueError, match="alpha is set to 0.8, which has no effect where neuron is given"
    ):
        ms.train(toy_config(alpha=0.8), "no", data=toy_data(), neuron=lif)
    with pytest.raises(ValueError, match="rule must be a minisnn.MAML"):
        ms.train(toy_config(), "no", data=toy_data(), rule="maml")
