"""Runs of regression: errors and R^2 next to what must be beaten, on the same tasks."""

from pathlib import Path

import numpy as np
import pytest
from written import read_json

import minisnn as ms
from minisnn.training.baselines import baselines
from minisnn.training.regression import PENALTIES, chosen

TRAIN = (
    "train --updates 3 --evaluate-every 2 --evaluate-episodes 2 --test-episodes 6 --shots 6 "
    "--queries 5 --tasks 2"
)
SMALL = f"{TRAIN} --hidden 12 --quiet"


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
@pytest.mark.every(2)
def test_a_run_of_regression_is_measured_shown_and_tested_again(asked, here, command):
    code, out, err = command(f"{SMALL} --dataset {asked} --out run")
    assert code == 0, err
    assert out.startswith("test error") and "R²" in out.splitlines()[0]
    result = read_json("run/result.json")
    found = ms.read("run/checkpoint.h5")
    towards = {"towards"} if found.theta[found.net.slice_of("readout")].any() else set()
    assert set(result["rules"]) == {"mean", "inputs", "random", "own"} | towards
    sets = {"waves": ms.Waves, "movement": ms.Movement, "bars": ms.Bars}
    tasks = sets[asked.split()[0]]("test")
    errors = []
    of_mean = []
    r2 = []
    for index in range(6):
        task = tasks.episode(0, index, found.net.ways, 6, 5)
        answers = found.loop.logits(found.net, found.theta, task)
        errors.append(np.mean((answers - task.y_query) ** 2))
        of_mean.append(np.mean((task.y_support.mean(0) - task.y_query) ** 2))
        off, y = (a.reshape(-1, task.ways) for a in (answers - task.y_query, task.y_query))
        r2.append(np.mean(1 - (off**2).mean(0) / y.var(0)))
    assert result["error_after"] == pytest.approx(np.mean(errors), rel=1e-6)
    assert result["r2"] == pytest.approx(np.mean(r2), rel=1e-5)
    assert result["r2_ci95"] == pytest.approx(1.96 * np.std(r2, ddof=1) / np.sqrt(6), rel=1e-3)
    assert result["rules"]["mean"]["mean"] == pytest.approx(np.mean(of_mean))

    assert command("evaluate --checkpoint run --episodes 6 --json again.json --quiet")[0] == 0
    tested = read_json("again.json")
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
        ("bars --rule maml --channels 3 --hidden none", 2),
        ("movement", 2),
        (f"own.py:Held --rule maml {STEPS}", 1),
        ("waves --rule maml", 1),
    ],
)
@pytest.mark.every(2)
def test_every_command_takes_a_network_of_regression_or_refuses_it(asked, outputs, here, command):
    Path("own.py").write_text(OWN)
    own = "--dataset own.py:Held" if "own" in asked else ""

    def said(line, code=0):
        ended, out, err = command(line)
        assert ended == code and "Traceback" not in err and "defect" not in err, (line, err)
        for word in ("class", "-way", "-shot", "accuracy"):
            assert code or word not in out + err, line
        return out + err

    hidden = "" if "--hidden" in asked else "--hidden 12"
    text = said(f"{TRAIN} {hidden} --dataset {asked} --out nets/run")
    assert f"{outputs}-output" in text and "curve.png" in text
    assert f"{outputs} output" in said("info nets/run")
    shown = said(f"show --checkpoint nets/run {own} --out task")
    assert shown.split()[-1].endswith("answers.png") and Path("task/answers.png").is_file()
    said(f"evaluate --checkpoint nets/run {own} --episodes 2")
    assert command("check --checkpoint nets/run")[0] == 0
    for name in ("double_nmnist_maml", "double_asl_maml"):
        Path("nets", name).symlink_to("run")
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


def test_pooled_tasks_are_fine_tuned_and_ridge_is_drawn_towards_them(here, command):
    code, out, _ = command(f"{SMALL} --dataset waves --rule maml --inner-steps 0 --out pooled")
    assert code == 0 and "trained on all tasks as one" in out
    found = ms.read("pooled")
    task = ms.Waves("test").episode(0, 0, 1, 6, 5)
    x = np.concatenate([task.x_support, task.x_query])

    tuned = "--episodes 1 --inner-steps 2 --step-size 0.05 --json a.json"
    assert command(f"evaluate --checkpoint pooled {tuned}")[0] == 0
    result = read_json("a.json")
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
def test_the_penalty_is_the_best_for_samples_left_out(each, rng):
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


class Noise(ms.Waves):
    """Targets that no spike codes, or that are all the same."""

    same = False

    def samples(self, rng, n):
        x, y = super().samples(rng, n)
        return x, 0 * y if self.same else rng.permutation(y)


def test_noise_is_not_explained_by_any_rule(rng):
    net = ms.SpikingNet((48,), (), hidden=(30,), ways=1, loss="squared", window=24)
    theta = net.init(rng, Noise().episode(0, 0).x_support)
    how = dict(episodes=60, shots=10, queries=10, progress=False)
    rules = lambda tasks: baselines(net, theta, tasks)
    found = ms.evaluate(net, theta, ms.Ridge(penalty=1.0), Noise("test"), beside=rules, **how)
    shown = {"this": found, **found["rules"]}
    for name, row in shown.items():
        assert row["r2"] < row["r2_ci95"], name
    tasks = Noise("test")
    tasks.same = True  # there is nothing to explain
    assert ms.evaluate(net, theta, ms.Ridge(penalty=1.0), tasks, **how)["r2"] is None


@pytest.mark.parametrize(
    "asked, word",
    [
        ("waves --loss cross_entropy", "ways"),
        ("waves --ways 2", "ways"),
        ("waves --rule prototypes", "loss"),
        ("waves --neuron cuba --readout count --rule maml", "count"),
    ],
)
def test_what_does_not_fit_is_a_sentence(asked, word, here, command):
    code, _, err = command(f"{SMALL} --dataset {asked} --out run")
    assert code == 2 and word in err and "Traceback" not in err
