"""What a run tells is of this network, these recordings and this rule: real targets, features, and
results that were kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import ToySet, toy_config, toy_data
from written import rewrite

import minisnn as ms
from minisnn import cli
from minisnn.data.sets.recordings import Recordings
from minisnn.core.loss import LOSSES
from minisnn.core.neuron import CubaLIF
from minisnn.core.neuron import LIF
from minisnn.core.own import Neuron
from minisnn.meta.inner import MOST_STEPS
from minisnn.training import checkpoint
from minisnn.training.folder import RunFolder
from minisnn.training.progress import Bar, sentence
from minisnn.training.run import train
from minisnn.training.update import nearest

SILENT = dict(progress=False)


class Features(ToySet):
    """Rows of twelve features a time step."""

    input_shape = (12,)

    def sample_task(self, rng, ways=3, shots=1, queries=2):
        rates = [
            np.random.default_rng(self.first + c).random(12) ** 4
            for c in rng.choice(10, ways, replace=False)
        ]

        def samples(n):
            x = np.concatenate([rng.random((n, 14, 12)) < rate for rate in rates])
            return x.astype(np.uint8), np.repeat(np.arange(ways), n)

        return ms.Task(*samples(shots), *samples(queries))


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


def test_rows_of_features_train_and_are_tested(tmp_path):
    data = {split: Features(split) for split in toy_data()}
    result = train(toy_config(channels=(), hidden=(8,)), tmp_path, data=data, **SILENT)
    assert result.test["episodes"] == 4 and {"frames", "random", "own"} <= set(result.test["rules"])


def test_what_a_test_set_lacks_is_told_before_training(tmp_path):
    data = toy_data()
    data["test"].input_shape = (5, 6, 2)
    with pytest.raises(
        ValueError,
        match=r"test: has samples of shape \(5, 6, 2\); the training samples have \(6, 6, 2\)",
    ):
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


@pytest.mark.parametrize(
    "y, message",
    [
        (
            np.zeros(4),
            r"y_support is of type float64 and shape \(4,\), expected integer labels, or real targets \(4, outputs\)",
        ),
        (
            np.full((4, 2), np.nan),
            "y_support holds NaN or infinite values, expected finite targets",
        ),
        (
            np.zeros((4, 3)),
            r"y_query has the shape \(4, 2\), expected labels or targets as y_support has them, \(4, 3\)",
        ),
    ],
)
def test_targets_that_do_not_fit(y, message):
    x = np.zeros((4, 3, 2, 2, 2), np.uint8)
    with pytest.raises(ValueError, match=message):
        ms.Task(x, y, x, np.zeros((4, 2)))


def test_the_error_is_drawn_as_one(tmp_path):
    from minisnn.plots import plot_learning_curve

    rows = [
        dict(tasks=n, loss=1.0, error_before=3.0, error_after=2.0, validation=1.5)
        for n in range(1, 4)
    ]
    bottom = plot_learning_curve(rows).axes[1]
    assert bottom.get_ylabel() == "mean squared error" and [
        line.get_ydata()[0] for line in bottom.lines
    ] == [3, 2, 1.5]


def test_chance_is_that_of_the_tasks_that_are_drawn(tmp_path):
    """Class means may learn from tasks of more classes than the network tells apart: guessing is
    right more seldom there."""
    from minisnn.plots import plot_learning_curve

    rows = [dict(tasks=n, loss=1.0, accuracy_after=0.5) for n in range(1, 5)]
    bottom = plot_learning_curve(rows, chance=[0.05, 0.05, 0.2, 0.2]).axes[1]
    assert bottom.lines[-1].get_ydata().tolist() == [5, 5, 20, 20]
    assert [one.get_text() for one in bottom.texts] == ["chance in training tasks, 5 %, then 20 %"]
    assert plot_learning_curve(rows).axes[0].get_title() == "Training and validation tasks"
    before = [dict(row, accuracy_before=0.0) for row in rows]  # wrong, and told all the same
    assert plot_learning_curve(before).axes[0].get_title().startswith("Between before and after")
    bottom = plot_learning_curve(rows, chance=[0.2] * 4).axes[1]
    assert [one.get_text() for one in bottom.texts] == ["chance, 20 %"]
    with pytest.raises(ValueError, match="chance has 1 values for 4 rows; expected one, or one"):
        plot_learning_curve(rows, chance=[0.2])


def test_a_run_draws_the_chance_of_its_tasks_and_means_over_alike_ones(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        RunFolder, "draw", lambda self, rows, chance: drawn.update(chance=chance(len(rows)))
    )
    config = toy_config(
        rule="proto-maml", updates=4, prototype_updates=2, train_ways=6, tasks=1, evaluate_every=0
    )
    known = len(toy_data()["train"].classes)
    train(replace(config, test_episodes=0), tmp_path, data=toy_data())
    ways = min(6, known)
    assert ways != config.ways and drawn["chance"] == [1 / ways] * 2 + [1 / config.ways] * 2


@pytest.mark.parametrize("begun", [0, 3])
def test_what_a_bar_tells_is_of_updates_alike(begun):
    """The loss of 20 classes is larger than that of five, so the two are not averaged."""
    config = toy_config(rule="proto-maml", updates=6, prototype_updates=2, tasks=1)
    rows = [
        dict(
            update=u,
            loss=3.0 if u <= 2 else 1.0,
            accuracy_before=0.0,
            accuracy_after=0.5,
            seconds=u,
        )
        for u in range(1, 6)
    ]
    with Bar(config, rows[:begun], progress=False) as bar:
        for row in rows[begun:]:
            bar.show(row)
            assert len({*bar.recent["loss"]}) == 1
        assert [*bar.recent["loss"]] == [1.0] * 3 and len(bar.recent["seconds"]) >= 3


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
    assert capsys.readouterr().err.startswith("minisnn: rules of class means")
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


def test_classes_that_a_set_does_not_name_are_asked_for(tmp_path):
    class Nameless:
        input_shape = ToySet.input_shape
        sample_task, episode = ToySet.sample_task, ToySet.episode

    config = toy_config(rule="classify", learn_step_size="no", clip=None)
    data = dict.fromkeys(toy_data(), Nameless())
    with pytest.raises(ValueError, match="classes"):
        train(config, tmp_path / "run", data=data, **SILENT)
    assert not (tmp_path / "run").exists()


# ---- what is said while it is done


@pytest.mark.parametrize("classes, said", [(4, True), (10, False)])
def test_few_classes_and_long_phases_are_announced(classes, said, tmp_path, capsys):
    data = toy_data()
    data["train"].classes = data["train"].classes[:classes]
    train(toy_config(updates=1, evaluate_every=0), tmp_path, data=data)
    err = capsys.readouterr().err
    assert ("only 4 classes" in err) == said
    assert err.index("run folder") < err.index("4 test episodes …")


# ---- rules that do not adapt


@pytest.mark.parametrize(
    "rule, tells",
    [("prototypes", False), ("proto-maml", False), ("maml", True), ("classify", False)],
)
def test_a_rule_that_does_not_adapt_does_not_speak_of_it(rule, tells, tmp_path, capsys):
    from toy import small_set

    data = small_set().split_recordings() if rule == "classify" else toy_data()
    config = toy_config(rule=rule, learn_step_size="no", clip=None)
    made = train(config, tmp_path, data=data)
    err = capsys.readouterr().err
    updates = [line for line in err.splitlines() if line.startswith("update ")]
    assert (
        ("before → after adaptation" in err) == tells
        and updates
        and all(("% → " in line) == tells for line in updates)
    )
    assert np.isfinite(made.curve["accuracy_before"]).all() == tells
    assert cli.main(["info", str(tmp_path)]) == 0
    assert ("after adaptation" in capsys.readouterr().out) == tells
    assert ("before adaptation" in sentence(made.test)) == (made.inner.steps > 0)


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


@pytest.mark.parametrize(
    "split, words", [("train", "learns from"), ("val", "is validated on"), ("test", "is tested on")]
)
def test_which_recordings_are_others_is_told(split, words, tmp_path):
    config = toy_config(ways=2, updates=2, evaluate_every=2)
    train(config, tmp_path, data=recordings(0), **SILENT)
    data = recordings(0)
    data[split] = recordings(1, 96)[split]
    with pytest.raises(
        ValueError, match=f"these are not the recordings that the run in .* {words};"
    ):
        train(config, tmp_path, True, data=data, **SILENT)


# ---- numbers that a file may hold


@pytest.mark.parametrize("make", [LIF, CubaLIF, lambda **how: toy_neuron(**how)])
def test_a_network_that_sees_nothing_is_refused(make):
    with pytest.raises(ValueError, match="gain"):
        make(gain=0.0)


def toy_neuron(gain):
    class Mine(Neuron):
        def forward(self, *given):
            return given

        backward = forward_tangent = backward_tangent = forward

    return Mine(gain=gain)


def test_a_gain_of_nothing_is_one_clear_sentence(capsys):
    assert (
        cli.main(
            [
                "train",
                "--start",
                "double_nmnist_maml.h5",
                "--gain",
                "0",
                "--channels",
                "32,64,128",
                "--quiet",
            ]
        )
        == 2
    )
    assert "gain must be other than 0" in capsys.readouterr().err


def test_theta_goes_to_another_gain():
    net, other = (
        ms.SpikingNet((4, 4, 2), (2,), 2, kernel=3, neuron=LIF(gain=gain)) for gain in (10.0, 5.0)
    )
    theta = net.init(np.random.default_rng(0))
    assert np.allclose(
        net.views(nearest(net, theta, other))["conv1.weight"], 2 * net.views(theta)["conv1.weight"]
    )


def test_inner_steps_of_a_checkpoint_have_a_limit(tmp_path):
    net = ms.SpikingNet((4, 4, 2), (2,), 2, kernel=3)
    checkpoint.save(
        tmp_path / "c.h5", net, np.zeros(net.size, np.float32), inner=ms.InnerLoop(1.0, 1000)
    )
    assert checkpoint.read(tmp_path / "c.h5").inner.steps == 1000

    def change(file):
        text = bytes(file.attrs["inner_loop"])
        file.attrs["inner_loop"] = np.bytes_(text.replace(b'"steps": 1000', b'"steps": 1000000000'))

    rewrite(tmp_path / "c.h5", tmp_path / "d.h5", change)
    with pytest.raises(
        ValueError, match="d.h5: steps must be a whole number from 0 to 1000, not 1000000000"
    ):
        checkpoint.read(tmp_path / "d.h5")
    toy_config(inner_steps=MOST_STEPS)
    with pytest.raises(ValueError, match="inner_steps must be at most 1000, not 1001"):
        toy_config(inner_steps=MOST_STEPS + 1)


def test_a_classifier_is_evaluated_as_one(tmp_path, monkeypatch, capsys):
    """On other recordings of the classes that it learned; by another rule on classes that it did
    not."""
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for n in range(120):
        one = np.zeros(60, [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "?")])
        one["t"], one["x"], one["y"] = (
            np.sort(rng.integers(0, 20_000, 60)),
            rng.integers(0, 12, 60),
            n % 10,
        )
        (tmp_path / "r" / f"c{n % 10}").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "r" / f"c{n % 10}" / f"{n}.npy", one)
    line = (
        "train --dataset recordings --root r --sensor 10,12 --duration-ms 20 --rule classify "
        "--channels 4 --kernel 3 "
    )
    line += (
        "--window 10 --updates 60 --tasks 1 --queries 6 --lr 0.02 --evaluate-every 0 "
        "--test-episodes 20 --init-tasks 1 "
    )
    line += "--out run"
    assert cli.main([*line.split(), "--learn-step-size", "no", "--quiet"]) == 0, (
        capsys.readouterr().err
    )
    said = capsys.readouterr().out.splitlines()[0]
    kept = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (
        said.endswith("% among 6 classes on unseen recordings")
        and kept["ci95_recordings"] is not None
    )
    assert kept["accuracy_after"] > 0.5  # a class is a row of pixels
    assert (
        cli.main(
            "evaluate --checkpoint run --episodes 20 --queries 6 --quiet --json e.json".split()
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines() == [said]
    assert json.loads((tmp_path / "e.json").read_text())["per_episode"] == kept["per_episode"]
    assert (
        cli.main("evaluate --checkpoint run --rule nearest --ways 2 --episodes 5 --quiet".split())
        == 0
    )
    assert "5 unseen 2-way 1-shot episodes" in capsys.readouterr().out
