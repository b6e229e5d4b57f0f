"""What a run tells is of this network, these recordings and this rule: real targets, features, and
results that were kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import ToySet, toy_config, toy_data

import minisnn as ms
from minisnn import cli
from minisnn.data.sets.recordings import Recordings
from minisnn.core.loss import LOSSES
from minisnn.training.progress import sentence
from minisnn.training.run import train

SILENT = dict(progress=False)


class Waves(ToySet):
    """Regression: where a bar lies, told by two numbers; every task has its own scale."""

    def sample_task(self, rng, ways=2, shots=4, queries=4):
        scale = rng.uniform(0.5, 1.5)

        def samples(n):
            at = rng.integers(0, 6, n)
            x = (rng.random((n, 14, 6, 6, 2)) < 0.05).astype(np.uint8)
            for one, column in zip(x, at):
                one[::2, :, column] = 1
            return x, scale * np.stack([at / 5, 1 - at / 5], 1)

        return ms.Task(*samples(shots), *samples(queries))


class Far(Waves):
    """The same, errors above 1."""

    def sample_task(self, *how, **more):
        task = super().sample_task(*how, **more)
        return ms.Task(task.x_support, task.y_support, task.x_query, 20 + 9 * task.y_query)


def test_what_a_test_set_lacks_is_told_before_training(tmp_path):
    data = toy_data()
    data["test"].input_shape = (5, 6, 2)
    with pytest.raises(ValueError, match="shape of samples of test"):
        train(toy_config(), tmp_path / "run", data=data, **SILENT)
    assert data["train"].calls == 0 and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "rule, more",
    [("maml", {}), ("anil", {}), ("reptile", dict(inner_steps=3, learn_step_size="no"))],
)
@pytest.mark.every(3)
def test_regression_trains_validates_and_is_tested(rule, more, tmp_path, capsys):
    data = {split: Waves(split) for split in toy_data()}
    config = toy_config(
        rule=rule, ways=2, shots=4, queries=4, updates=30, step_size=0.1, init_rounds=5, **more
    )
    result = train(config, tmp_path / "run", data=data, loss=LOSSES["squared"], **SILENT)
    assert {"error_before", "error_after"} <= set(
        result.curve
    ) and "accuracy_after" not in result.curve
    loss, error = result.curve["loss"], result.curve["error_after"]
    np.testing.assert_allclose(error, loss, rtol=1e-5)  # 1/2 |l - y|^2 is the mean over two outputs
    assert loss[-6:].mean() < loss[:6].mean()
    test = json.loads((tmp_path / "run" / "result.json").read_text())
    task = data["test"].episode(0, 0, 2, 4, 4)
    logits = result.net(
        result.inner.adapt(result.net, result.theta, task.x_support, task.y_support), task.x_query
    )
    assert test["per_episode"][0] == pytest.approx(np.mean((logits - task.y_query) ** 2), rel=1e-4)
    assert sentence(test).startswith(
        f"test error {test['error_after']:.4g} ± "
    ) and "mean squared" in sentence(test)
    sizes = dict(episodes=4, shots=4, queries=4)
    far = ms.evaluate(result.net, result.theta, result.inner, Far("test"), **sizes, **SILENT)
    assert 1 < far["interval"]["low"] < far["error_after"] < far["interval"]["high"]
    whole = result.theta
    again = train(config, tmp_path / "run", True, data=data, loss=LOSSES["squared"], **SILENT)
    assert np.array_equal(whole, again.theta) and again.test == test
    assert cli.main(["info", str(tmp_path / "run")]) == 0 and "error" in capsys.readouterr().out


WAVES = """
import numpy as np, minisnn as ms

class Waves:
    input_shape = (6, 6, 2)

    def sample_task(self, rng, ways=2, shots=4, queries=4):
        def samples(n):
            at = rng.integers(0, 6, n)
            x = (rng.random((n, 14, 6, 6, 2)) < 0.05).astype(np.uint8)
            return x, np.stack([at / 5, 1 - at / 5], 1)

        return ms.Task(*samples(shots), *samples(queries))

    def episode(self, seed, index, *size):
        return self.sample_task(np.random.default_rng((seed, index)), *size)

def make(split):
    return Waves()
"""


def test_commands_take_real_targets_or_say_in_a_sentence_that_they_do_not(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("waves.py").write_text(WAVES)
    config = toy_config(
        ways=2, shots=4, queries=4, updates=2, step_size=0.1, dataset="waves.py:make"
    )
    train(config, "run", loss=LOSSES["squared"], **SILENT)
    look = "evaluate --checkpoint run --dataset waves.py:make --episodes 2 --quiet".split()
    assert cli.main(look) == 0
    assert capsys.readouterr().out.startswith("test error ")
    learn = "train --dataset waves.py:make --channels 2 --kernel 3 --ways 2 --updates 1 --out new"
    assert cli.main([*look, "--rule", "nearest"]) == 2
    assert capsys.readouterr().err.startswith("minisnn: the loss must be cross_entropy")
    for line in (
        [*learn.split(), "--quiet"],
        [*learn.split(), "--rule", "maml", "--evaluate-every", "0", "--test-episodes", "0"],
        "show --checkpoint run --dataset waves.py:make".split(),
        "show --dataset waves.py:make --out new".split(),
    ):
        assert cli.main(line) == 2, line
        *_, err = capsys.readouterr().err.splitlines()
        assert err.startswith("minisnn: ") and "real targets" in err, line
        assert not Path("new").exists() and not Path("task").exists()
    with pytest.raises(ValueError, match="real targets"):
        ms.plots.plot_task(Waves("test").episode(0, 0))


# ---- what is said while it is done


# ---- rules that do not adapt


# ---- results that were kept


def test_a_result_is_that_of_the_network(tmp_path):
    """A finished run whose checkpoint is gone begins again; its old result is no answer."""
    config = toy_config(evaluate_every=0)
    first = train(config, tmp_path / "a", data=toy_data(), **SILENT)
    kept = tmp_path / "a" / "result.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"accuracy_after": 0.123}))
    assert (
        train(config, tmp_path / "a", True, data=toy_data(), **SILENT).test["accuracy_after"]
        == 0.123
    )
    for path in (tmp_path / "a").glob("*.h5"):
        path.unlink()
    assert train(config, tmp_path / "a", True, data=toy_data(), **SILENT).test == first.test | {
        "seconds": json.loads(kept.read_text())["seconds"]
    }
    other = train(replace(config, seed=1), tmp_path / "b", data=toy_data(), **SILENT)
    (tmp_path / "b" / "result.json").write_text((tmp_path / "a" / "result.json").read_text())
    again = train(replace(config, seed=1), tmp_path / "b", True, data=toy_data(), **SILENT)
    assert (
        again.test["per_episode"] == other.test["per_episode"] and again.test["training_seed"] == 1
    )


def recordings(seed: int, changed: int = 0) -> dict[str, Recordings]:
    """Ninety-six recordings, of which the last `changed` are others."""
    rng, other = np.random.default_rng(0), np.random.default_rng(seed)
    events = []
    for n in range(96):
        of = other if n >= 96 - changed else rng
        one = np.zeros(40, [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "?")])
        one["t"] = np.sort(of.integers(0, 14_000, 40))
        one["x"], one["y"], one["p"] = (of.integers(0, high, 40) for high in (6, 6, 2))
        events.append(one)
    return Recordings(events, np.arange(96) % 12, sensor=(6, 6), duration_ms=14).split()


@pytest.mark.parametrize("changed", [1, 92])
def test_a_run_goes_on_with_the_very_recordings(changed, tmp_path):
    config = toy_config(ways=2, updates=4, evaluate_every=2)
    train(config, tmp_path, data=recordings(0), **SILENT)
    train(config, tmp_path, True, data=recordings(0), **SILENT)
    with pytest.raises(
        ValueError,
        match="these are not the recordings that the run in .*; bring them back, or begin again",
    ):
        train(config, tmp_path, True, data=recordings(1, changed), **SILENT)


# ---- numbers that a file may hold
