"""Runs of regression: errors and R^2 next to what must be beaten, on the same tasks."""

import json

import numpy as np
import pytest

import minisnn as ms
from minisnn import cli
from minisnn.training.baselines import baselines, explained
from minisnn.training.regression import PENALTIES, chosen

SMALL = "--updates 3 --evaluate-every 2 --evaluate-episodes 2 --test-episodes 6 --hidden 12".split()
LESS = "--shots 6 --queries 5 --tasks 2 --quiet".split()


@pytest.mark.parametrize(
    "asked",
    [
        "waves",
        "waves --rule maml --inner-steps 2",
        "waves --readout mean --rule anil",
        "waves --readout count --rule maml --order 1",
        "waves --rule imaml --inner-steps 3 --proximal 30 --neuron cuba",
        "bars --rule maml --inner-steps 0",
        "movement",
        "movement --rule maml",
    ],
)
def test_a_run_of_regression_is_measured_shown_and_tested_again(
    asked, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    run = ["train", "--dataset", *asked.split(), *SMALL, *LESS, "--out", "run"]
    assert cli.main(run) == 0
    lines = capsys.readouterr().out.splitlines()
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert lines[0].startswith("test error") and "R²" in lines[0]
    found = ms.read("run/checkpoint.h5")
    towards = {"towards"} if found.theta[found.net.slice_of("readout")].any() else set()
    assert set(result["rules"]) == {"mean", "inputs", "random", "own"} | towards
    sets = {"waves": ms.Waves, "movement": ms.Movement, "bars": ms.Bars}
    tasks = sets[asked.split()[0]]("test")
    errors, r2 = [], []
    for index in range(6):
        task = tasks.episode(0, index, found.net.ways, 6, 5)
        answers = found.loop.logits(found.net, found.theta, task)
        errors.append(np.mean((answers - task.y_query) ** 2))
        off, y = (a.reshape(-1, task.ways) for a in (answers - task.y_query, task.y_query))
        r2.append(np.mean(1 - (off**2).mean(0) / y.var(0)))
    assert result["error_after"] == pytest.approx(np.mean(errors), rel=1e-6)
    assert result["r2"] == pytest.approx(np.mean(r2), rel=1e-5)
    assert result["r2_ci95"] == pytest.approx(1.96 * np.std(r2, ddof=1) / np.sqrt(6), rel=1e-3)
    of_mean = [
        np.mean((task.y_support.mean(0) - task.y_query) ** 2)
        for task in (tasks.episode(0, index, found.net.ways, 6, 5) for index in range(6))
    ]
    assert result["rules"]["mean"]["mean"] == pytest.approx(np.mean(of_mean))

    again = "evaluate --checkpoint run --episodes 6 --json again.json --quiet"
    assert cli.main(again.split()) == 0
    tested = json.loads((tmp_path / "again.json").read_text())
    assert tested["error_after"] == result["error_after"] and tested["r2"] == result["r2"]


OWN = """
import minisnn as ms
import numpy as np

class Held(ms.Waves):
    def samples(self, rng, n):
        x, y = super().samples(rng, n)
        return x, np.repeat(y[:, None], self.steps, 1)
"""
STEPS = "--loss squared --readout steps --ways 1 --channels none --window 24"


@pytest.mark.parametrize(
    "asked, outputs",
    [
        ("waves --rule maml", 1),
        ("bars --rule maml --channels 3 --hidden none", 2),
        ("movement", 2),
        (f"own.py:Held --rule maml {STEPS}", 1),
    ],
)
def test_every_command_takes_a_network_of_regression_or_refuses_it(
    asked, outputs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    here = ["--dataset", "own.py:Held"] if "own" in asked else []

    def said(command, code=0):
        capsys.readouterr()
        assert cli.main(command.split()) == code, command
        out, err = capsys.readouterr()
        assert "Traceback" not in err and "defect" not in err
        for word in ("class", "-way", "-shot", "accuracy"):
            assert code or word not in out + err, command
        return out + err

    small, less = (list(words) for words in (SMALL, LESS[:-1]))
    if "--hidden" in asked:
        small = small[: small.index("--hidden")]
    text = said(" ".join(["train", "--dataset", asked, *small, *less, "--out", "nets/run"]))
    assert f"{outputs}-output" in text and "curve.png" in text
    assert f"{outputs} output" in said("info nets/run")
    shown = said(" ".join(["show", "--checkpoint", "nets/run", *here, "--out", "task"]))
    assert shown.split()[-1].endswith("answers.png") and (tmp_path / "task/answers.png").is_file()
    said(" ".join(["evaluate", "--checkpoint", "nets/run", *here, "--episodes", "2"]))
    assert cli.main(["check", "--checkpoint", "nets/run"]) == 0
    for name in ("double_nmnist_maml", "double_asl_maml"):
        (tmp_path / "nets" / name).symlink_to("run")
    for refused in (
        "explore shots --networks nets --out there",
        "report --networks nets --out there --only table-2",
        "relearn --networks nets --out there",
        "hardware export --checkpoint nets/run chip",
    ):
        said(refused, 2)
    said("nir export nets/run net.nir", 0 if asked == "movement" else 2)  # CubaLIF integrates


class Stopped(ms.Waves):
    """Ctrl-C at the fourth training task, which is after two updates."""

    drawn = 0

    def sample_task(self, *size):
        Stopped.drawn += 1
        if Stopped.drawn == 4:
            raise KeyboardInterrupt
        return super().sample_task(*size)


def test_a_run_that_tells_no_error_before_is_resumed(tmp_path):
    how = dict(rule="ridge", loss="squared", ways=1, channels=(), hidden=(8,), window=24)
    less = dict(updates=4, evaluate_every=0, first_order_updates=0, test_episodes=2)
    config = ms.TrainingConfig(**how, **less, shots=4, queries=4, tasks=1)
    data = {"train": Stopped(), "val": ms.Waves("val"), "test": ms.Waves("test")}
    with pytest.raises(KeyboardInterrupt):
        ms.train(config, tmp_path / "run", progress=False, data=data)
    result = ms.train(config, tmp_path / "run", resume=True, progress=False, data=data)
    assert len(result.curve["loss"]) == 4 and np.isfinite(result.curve["error_after"]).all()


def test_pooled_tasks_are_fine_tuned_and_ridge_is_drawn_towards_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pooled = ["train", "--dataset", "waves", "--rule", "maml", "--inner-steps", "0"]
    assert cli.main([*pooled, *SMALL, *LESS, "--out", "pooled"]) == 0
    assert "trained on all tasks as one" in capsys.readouterr().out
    found, task = ms.read("pooled"), ms.Waves("test").episode(0, 0, 1, 6, 5)
    x = np.concatenate([task.x_support, task.x_query])

    tuned = (
        "evaluate --checkpoint pooled --episodes 1 --inner-steps 2 --step-size 0.05 --json a.json"
    )
    assert cli.main(tuned.split()) == 0
    result = json.loads((tmp_path / "a.json").read_text())
    loop = ms.InnerLoop(step_size=0.05, steps=2)
    error = np.mean((loop.logits(found.net, found.theta, task) - task.y_query) ** 2)
    assert result["error_after"] == pytest.approx(error, rel=1e-5)

    # least squares on what the network's answers leave of the targets
    F = np.pad(found.net.features(found.theta, x), ((0, 0), (0, 1)), constant_values=1)
    answers = found.net(found.theta, x)
    left = task.y_support - answers[:6]
    penalised = F[:6].T @ F[:6] + chosen(F[:6], left, 6) * np.eye(F.shape[1])
    W = np.linalg.solve(penalised, F[:6].T @ left)
    error = np.mean((answers[6:] + F[6:] @ W - task.y_query) ** 2)
    assert result["rules"]["towards"]["mean"] == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("each", [1, 4])
def test_the_penalty_is_the_best_for_samples_left_out(each):
    rng = np.random.default_rng(0)
    F = rng.standard_normal((6 * each, 5))
    Y = F @ rng.standard_normal((5, 2)) + rng.standard_normal((6 * each, 2))

    def error(penalty):
        found = 0.0
        for n in range(6):
            out = np.arange(6 * each) // each == n
            A = F[~out].T @ F[~out] + penalty * np.eye(5)
            W = np.linalg.solve(A, F[~out].T @ Y[~out])
            found += np.sum((F[out] @ W - Y[out]) ** 2)
        return found

    assert chosen(F, Y, 6) == min(PENALTIES, key=error)


def test_answers_that_say_nothing_explain_nothing():
    y = np.random.default_rng(0).standard_normal((40, 3, 2))
    assert explained(np.broadcast_to(y.mean((0, 1)), y.shape), y) == pytest.approx(0, abs=1e-12)
    assert explained(y, y) == 1 and np.isnan(explained(y, np.zeros_like(y)))


class Noise(ms.Waves):
    """Targets that no spike codes."""

    def samples(self, rng, n):
        x, y = super().samples(rng, n)
        return x, rng.permutation(y)


def test_noise_is_not_explained_by_any_rule():
    net = ms.SpikingNet((48,), (), hidden=(30,), ways=1, loss="squared", window=24)
    theta = net.init(np.random.default_rng(0), Noise().episode(0, 0).x_support)
    how = dict(episodes=60, shots=10, queries=10, progress=False)
    rules = lambda tasks: baselines(net, theta, tasks)
    found = ms.evaluate(net, theta, ms.Ridge(penalty=1.0), Noise("test"), beside=rules, **how)
    shown = {"this": found, **found["rules"]}
    for name, row in shown.items():
        assert row["r2"] < row["r2_ci95"], name


@pytest.mark.parametrize(
    "asked, word",
    [
        ("waves --loss cross_entropy", "ways"),
        ("waves --ways 2", "ways"),
        ("waves --rule prototypes", "loss"),
        ("waves --neuron cuba --readout count --rule maml", "count"),
    ],
)
def test_what_does_not_fit_is_a_sentence(asked, word, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--dataset", *asked.split(), *SMALL, *LESS, "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert word in said and "Traceback" not in said
