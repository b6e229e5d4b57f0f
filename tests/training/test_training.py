import csv
import json
from dataclasses import asdict, fields, replace
import os
import signal
import subprocess
import sys
import textwrap
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from toy import SPLITS, ToySet, assert_same, interrupt, toy_config, toy_data

from minisnn import cli
from minisnn.core.neuron import LIF
from minisnn.meta.functions import meta_gradient
from minisnn.meta.inner import InnerLoop
from minisnn.meta.optim import Adam, cosine
from minisnn.meta.rules import GROUPS, RULES
from minisnn.meta.stepsizes import StepSizes
from minisnn.network.convolutional import ConvNet
from minisnn.network.spiking import SpikingNet
from minisnn.training import checkpoint
from minisnn.training.folder import RunFolder, free_folder
from minisnn.training.presets import PRESETS, chosen
from minisnn.training.progress import Bar
from minisnn.training.origin import TRAIN, Origin
from minisnn.training.run import Interrupted, Result, _Run, train
from minisnn.training.settings import TrainingConfig
from minisnn.training.update import task_of
from slowly import after

SILENT = dict(progress=False)
HERE = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
RUN_FILES = {
    "config.json",
    "checkpoint.h5",
    "checkpoint.previous.h5",
    "log.csv",
    "curve.png",
    "result.json",
}


@pytest.fixture(autouse=True)
def quick_curves(monkeypatch):
    """Figures take most of the time of a toy run; only that of `undisturbed` is drawn."""
    monkeypatch.setattr(RunFolder, "draw", lambda self, rows, chance: None)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(toy_config(), out, data=toy_data(), **SILENT)
    return out


def test_a_run_folder_has_all_its_files(undisturbed):
    assert {path.name for path in undisturbed.iterdir()} == RUN_FILES
    assert (undisturbed / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert RunFolder(undisturbed).config() == toy_config()
    rows = list(csv.DictReader((undisturbed / "log.csv").open()))
    assert [int(row["update"]) for row in rows] == list(range(1, 13))
    assert [int(row["tasks"]) for row in rows] == list(range(2, 25, 2))
    for name in (
        "loss",
        "accuracy_before",
        "accuracy_after",
        "gradient_norm",
        "lr",
        "seconds",
        "step_size_conv1.weight",
    ):
        assert all(np.isfinite(float(row[name])) for row in rows), name
    assert [row["update"] for row in rows if row["validation"]] == ["6", "12"]
    assert [row["update"] for row in rows if row["activity_conv1"]] == ["6", "12"]
    result = json.loads((undisturbed / "result.json").read_text())
    assert {
        "accuracy_before",
        "accuracy_after",
        "ci95",
        "episodes",
        "seed",
        "split",
        "root",
    } <= result.keys()
    assert result["episodes"] == len(result["per_episode"]) == 4 and result["updates"] == 12


def test_same_seed_same_arrays_another_seed_others(undisturbed, tmp_path):
    train(toy_config(), tmp_path / "same", data=toy_data(), **SILENT)
    assert_same(undisturbed, tmp_path / "same")
    other = train(toy_config(seed=1), tmp_path / "other", data=toy_data(), **SILENT)
    assert not np.array_equal(other.theta, checkpoint.read(undisturbed).theta)


# two tasks for the initialisation, then two an update
@pytest.mark.parametrize("call", [4, 16, 3, 9, 25])
@pytest.mark.every(3)
def test_ctrl_c_saves_and_a_resumed_run_equals_an_undisturbed_one(undisturbed, tmp_path, call):
    out = tmp_path / "a run"
    with pytest.raises(
        Interrupted,
        match=r"stopped after \d+ of 12 updates.*a run', resume=True",
    ):
        train(toy_config(), out, data=toy_data({call: interrupt}), **SILENT)
    assert checkpoint.read(out).progress["update"] == (call - 3) // 2
    result = train(toy_config(), out, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, out)
    np.testing.assert_array_equal(result.theta, checkpoint.read(undisturbed).theta)
    assert (out / "log.csv").read_text().count("\n") == 13


def test_ctrl_c_while_validating_or_testing(undisturbed, tmp_path):
    for split, call in (("val", 5), ("test", 2)):
        out, data = tmp_path / split, toy_data()
        data[split].at_call = {call: interrupt}
        with pytest.raises(Interrupted):
            train(toy_config(), out, data=data, **SILENT)
        assert not (out / "result.json").exists()
        train(toy_config(), out, resume=True, data=toy_data(), **SILENT)
        assert_same(undisturbed, out)


@pytest.mark.parametrize("call", [14])
@pytest.mark.slow
def test_a_killed_run_resumes_from_its_last_checkpoint(undisturbed, tmp_path, call):
    out = tmp_path / "run"
    program = textwrap.dedent(f"""
        import os, signal
        from minisnn.training.run import train
        from toy import toy_config, toy_data
        kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
        train(toy_config(), {str(out)!r}, data=toy_data({{{call}: kill}}), progress=False)
        """)
    killed = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert checkpoint.read(out).progress["update"] == 5
    train(toy_config(), out, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, out)


def test_one_run_at_a_time_in_a_folder(undisturbed, tmp_path):
    """Whoever resumes, or begins again by force, where a run is under way is told so; the run does
    not notice."""
    pytest.importorskip("fcntl", reason="this system has no flock, by which a folder is held")
    out, refused = tmp_path / "run", []

    def another():
        for how in (dict(resume=True), dict(force=True)):
            with pytest.raises(
                ValueError,
                match=r"run: another process is working in this folder; expected one run at a time",
            ):
                train(toy_config(), out, data=toy_data(), **how, **SILENT)
            refused.append(how)

    train(toy_config(), out, data=toy_data({9: another}), **SILENT)
    assert len(refused) == 2
    assert_same(undisturbed, out)
    train(toy_config(), out, force=True, data=toy_data(), **SILENT)  # given up at the end


def test_a_run_killed_before_its_first_checkpoint_begins_again(undisturbed, tmp_path):
    train(toy_config(), tmp_path, data=toy_data(), **SILENT)
    for name in RUN_FILES - {"config.json"}:
        (tmp_path / name).unlink(missing_ok=True)
    train(toy_config(), tmp_path, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, tmp_path)


@pytest.mark.parametrize("learn", after(2, GROUPS))
@pytest.mark.parametrize(
    "changes", [{}, dict(optimiser="sgd", momentum=0.9, order=1, inner_steps=2, dtype="float64")]
)
def test_resuming_works_for_every_kind_of_step_size(tmp_path, learn, changes):
    config = toy_config(
        learn_step_size=learn, updates=6, evaluate_every=0, test_episodes=2, **changes
    )
    whole = train(config, tmp_path / "whole", data=toy_data(), **SILENT)
    with pytest.raises(Interrupted):
        train(config, tmp_path / "parts", data=toy_data({9: interrupt}), **SILENT)
    train(config, tmp_path / "parts", resume=True, data=toy_data(), **SILENT)
    assert_same(tmp_path / "whole", tmp_path / "parts")
    step = np.asarray(whole.inner.step_size)
    distinct = {"no": 1, "scalar": 1, "layer": 2, "array": 4}.get(learn)
    assert distinct is None or len(np.unique(step)) == distinct
    assert (step > 0).all() and (np.all(step == 5.0)) == (learn == "no")
    assert step.shape == (() if learn in ("no", "scalar") else (whole.net.size,))


@pytest.mark.slow
def test_one_and_two_threads_give_the_same_arrays(tmp_path):
    program = textwrap.dedent("""
        import sys
        from minisnn.training.folder import RunFolder
        from minisnn.training.run import train
        from toy import toy_config, toy_data
        RunFolder.draw = lambda *_: None
        config = toy_config(backend="numba", channels=(4, 8), updates=5, tasks=1)
        train(config, sys.argv[1], data=toy_data(), progress=False)
        import minisnn
        assert minisnn.get_threads() == int(sys.argv[1])
        """)
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, threads],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**ENVIRONMENT, "MINISNN_THREADS": threads, "OMP_NUM_THREADS": threads},
        )
        assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "1", tmp_path / "2")


def test_an_update_is_the_mean_of_the_tasks_gradients(tmp_path):
    config = toy_config(
        optimiser="sgd",
        updates=1,
        tasks=3,
        learn_step_size="no",
        clip=None,
        evaluate_every=0,
        test_episodes=0,
        dtype="float64",
        lr=0.5,
    )
    after = train(config, tmp_path / "one", data=toy_data(), **SILENT)
    data, net = toy_data()["train"], after.net

    def draw(*key):
        return data.sample_task(
            np.random.default_rng(np.random.SeedSequence(0, spawn_key=key)), 3, 1, 2
        )

    x = np.concatenate([draw(1, k).x_support for k in range(2)])
    theta = net.init(
        np.random.default_rng(np.random.SeedSequence(0, spawn_key=(0,))),
        x,
        rate=config.init_rate,
        rounds=config.init_rounds,
    )
    gradients = [meta_gradient(net, theta, draw(2, 0, k), 5.0)[1] for k in range(3)]
    expected = theta - 0.5 * sum(gradients) / 3
    np.testing.assert_allclose(after.theta, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(after.curve["gradient_norm"], [np.linalg.norm(sum(gradients) / 3)])


def test_three_updates_written_out(tmp_path):
    config = toy_config(
        dtype="float64",
        learn_step_size="layer",
        clip=0.5,
        updates=3,
        order=1,
        evaluate_every=0,
        test_episodes=0,
    )
    run = train(config, tmp_path / "run", data=toy_data(), **SILENT)
    begin = train(
        toy_config(**{**vars(config), "lr": 1e-30, "step_size_lr": 1e-30, "updates": 1}),
        tmp_path / "begin",
        data=toy_data(),
        **SILENT,
    )
    net, theta, data, curve = run.net, begin.theta, toy_data()["train"], run.curve
    split = net.layout[2].slice.start
    log_step, outer, inner = (
        np.zeros(2),
        Adam(net.size, dtype=np.float64),
        Adam(2, dtype=np.float64),
    )
    for u in range(3):
        a = 5.0 * np.repeat(np.exp(log_step), [split, net.size - split])
        loss, gradient, log_gradient, right = 0, 0, 0, np.zeros(2)
        for k in range(2):
            task = data.sample_task(
                np.random.default_rng(np.random.SeedSequence(0, spawn_key=(2, u, k))), 3, 1, 2
            )
            one, meta, da, *logits = InnerLoop(a).meta_gradient(net, theta, task, order=1)
            loss, gradient = loss + one / 2, gradient + meta / 2
            log_gradient = (
                log_gradient + np.array([(a * da)[:split].sum(), (a * da)[split:].sum()]) / 2
            )
            right += [
                np.mean(out.argmax(1) == y) / 2
                for out, y in zip(logits, (task.y_support, task.y_query))
            ]
        norm, fraction = np.linalg.norm(gradient), cosine(u, 3, 1.0, 0.02)
        assert norm > 0.5 or u
        expected = {
            "loss": loss,
            "gradient_norm": norm,
            "lr": 2e-3 * fraction,
            "tasks": 2 * u + 2,
            "accuracy_before": right[0],
            "accuracy_after": right[1],
            "step_size_conv1": a[0],
            "step_size_readout": a[-1],
        }
        assert {name: curve[name][u] for name in expected} == pytest.approx(expected, rel=1e-9)
        shrunk = min(1, 0.5 / norm)
        theta = outer.step(theta, gradient * shrunk, 2e-3 * fraction)
        log_step = inner.step(log_step, log_gradient * shrunk, 0.01 * fraction)
    np.testing.assert_allclose(run.theta, theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(run.inner.step_size[[0, -1]], 5 * np.exp(log_step), rtol=1e-12)


def test_learning_rate_falls_as_a_cosine_and_the_gradient_is_clipped(undisturbed, tmp_path):
    curve = checkpoint.read(undisturbed).curve
    np.testing.assert_allclose(curve["lr"], [cosine(u, 12, 2e-3, 4e-5) for u in range(12)])
    settings = dict(
        optimiser="sgd", updates=1, evaluate_every=0, test_episodes=0, learn_step_size="no", lr=1.0
    )
    free = train(toy_config(clip=None, **settings), tmp_path / "free", data=toy_data(), **SILENT)
    short = train(toy_config(clip=0.01, **settings), tmp_path / "short", data=toy_data(), **SILENT)
    still = toy_config(clip=None, **{**settings, "lr": 1e-30})
    start = train(still, tmp_path / "start", data=toy_data(), **SILENT).theta
    assert np.linalg.norm(free.theta - start) > 0.02
    np.testing.assert_allclose(np.linalg.norm(short.theta - start), 0.01, rtol=1e-3)


@pytest.mark.parametrize("kind", [kind for kind in GROUPS if kind != "no"])
def test_gradient_of_log_step_sizes_by_central_differences(kind):
    net = SpikingNet((6, 6, 2), (3,), 3, 3, "mean", window=8, dtype=np.float64, backend="numpy")
    rng = np.random.default_rng(3)
    task = ToySet("train").sample_task(rng)
    theta = net.init(rng, task.x_support)
    steps = StepSizes(net, kind, 2.0)
    log = steps.start + 0.1 * rng.standard_normal(len(steps.starts))
    direction = rng.standard_normal(len(log))

    # the query loss is smooth in the step sizes where it is linear: to first order, at a fixed
    # lambda
    def loss_along(h):
        theta_n = theta - steps.value(log + h * direction) * gradient
        return float(theta_n @ lam)

    gradient = net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
    theta_n = theta - steps.value(log) * gradient
    lam = net.loss_and_gradient(theta_n, task.x_query, task.y_query)[1]
    found = steps.log_gradient(
        log, InnerLoop(steps.value(log)).meta_gradient(net, theta, task).step_size_gradient
    )
    expected = (loss_along(1e-5) - loss_along(-1e-5)) / 2e-5
    np.testing.assert_allclose(found @ direction, expected, rtol=1e-7)


def test_reported_step_sizes():
    net = SpikingNet((6, 6, 2), (3,), 3, 3, backend="numpy")
    for kind, names in (
        ("no", ["step_size"]),
        ("scalar", ["step_size"]),
        ("layer", ["step_size_conv1", "step_size_readout"]),
        ("parameter", [f"step_size_{p.name}" for p in net.layout]),
    ):
        steps = StepSizes(net, kind, 4.0)
        assert steps.report(steps.start) == pytest.approx(dict.fromkeys(names, 4.0))
    log = np.log(np.arange(1.0, net.size + 1))
    geometric = 4 * np.exp(log[-3:].mean())
    assert steps.report(log)["step_size_readout.bias"] == pytest.approx(geometric)
    value = steps.value(log)
    np.testing.assert_allclose(value, 4 * np.arange(1, net.size + 1), rtol=1e-6)


def test_a_folder_that_holds_a_run_is_not_overwritten(undisturbed, tmp_path):
    out = tmp_path / "run"
    first = train(toy_config(), out, data=toy_data(), **SILENT)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match=r"other settings \(updates 12 -> 13\).*--force"):
        train(toy_config(updates=13), out, data=toy_data(), **SILENT)
    with pytest.raises(ValueError, match="this very run.*resume=True"):
        train(toy_config(), out, data=toy_data(), **SILENT)
    with pytest.raises(ValueError, match="continues with its own"):
        train(toy_config(lr=1.0), out, resume=True, data=toy_data(), **SILENT)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    data = toy_data()
    assert train(toy_config(), out, resume=True, data=data, **SILENT).test == first.test
    assert [data[split].calls for split in SPLITS] == [0, 0, 0]  # nothing was left to do
    (out / "mine.txt").write_text("keep me")
    train(toy_config(updates=1), out, force=True, data=toy_data(), **SILENT)
    assert checkpoint.read(out).progress["update"] == 1 and (out / "mine.txt").exists()
    assert json.loads((out / "result.json").read_text())["updates"] == 1


def test_folders_that_cannot_be_used_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file of this name"):
        train(toy_config(), tmp_path / "file", data=toy_data(), **SILENT)
    with pytest.raises(ValueError, match="no run to resume"):
        train(toy_config(), tmp_path, resume=True, data=toy_data(), **SILENT)
    (tmp_path / "log.csv").write_text("mine")
    with pytest.raises(ValueError, match="holds log.csv already"):
        train(toy_config(), tmp_path, data=toy_data(), **SILENT)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: the file is not JSON"):
        train(toy_config(), tmp_path, resume=True, data=toy_data(), **SILENT)


def test_a_checkpoint_of_another_run_is_not_resumed(undisturbed, tmp_path):
    train(toy_config(seed=4, updates=1), tmp_path, data=toy_data(), **SILENT)
    (tmp_path / "checkpoint.h5").write_bytes((undisturbed / "checkpoint.h5").read_bytes())
    with pytest.raises(ValueError, match="not that of the run in config.json"):
        train(toy_config(seed=4, updates=1), tmp_path, resume=True, data=toy_data(), **SILENT)


@pytest.mark.parametrize(
    "loss, meta, message",
    after(
        1, [(np.nan, 1, "query loss is nan"), (1.0, np.nan, "norm nan"), (1.0, 1e30, "norm inf")]
    ),
)
def test_what_is_not_finite_stops_the_run_and_saves_the_state_before(
    tmp_path, monkeypatch, loss, meta, message
):
    config = toy_config(optimiser="sgd", momentum=0.9)
    train(config, tmp_path / "undisturbed", data=toy_data(), **SILENT)
    calls, right = [], InnerLoop.meta_gradient

    def broken(*arguments, **options):
        calls.append(1)
        found = right(*arguments, **options)
        return (
            found
            if len(calls) != 6
            else found._replace(loss=loss, gradient=np.float32(meta) * np.ones_like(found.gradient))
        )

    monkeypatch.setattr(InnerLoop, "meta_gradient", broken)
    with pytest.raises(
        ValueError,
        match=f"update 3: the .*{message}.*: not finite; the state before it is saved in",
    ):
        train(config, tmp_path / "run", data=toy_data(), **SILENT)
    assert checkpoint.read(tmp_path / "run").progress["update"] == 2
    monkeypatch.undo()
    train(config, tmp_path / "run", resume=True, data=toy_data(), **SILENT)
    assert_same(tmp_path / "undisturbed", tmp_path / "run")


def test_ctrl_c_at_the_worst_moment(undisturbed, tmp_path):
    class Rows(list):
        def append(self, row):
            super().append(row)
            if len(self) == 4:
                raise KeyboardInterrupt  # the row is there, its state not yet

    with RunFolder(tmp_path) as folder:
        run = _Run(toy_config(), folder, toy_data(), progress=False)
        run.rows = Rows()
        with pytest.raises(Interrupted):
            run.go(None, Origin.of(TRAIN, toy_data()))
    train(toy_config(), tmp_path, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, tmp_path)


def test_nothing_is_written_where_settings_do_not_fit(tmp_path):
    for changes, message in (
        (dict(kernel=4), "kernel must be odd"),
        (dict(freeze=("conv9",)), "freeze"),
        (dict(alpha=1.5), "alpha must lie"),
    ):
        with pytest.raises(ValueError, match=message):
            train(toy_config(**changes), tmp_path / "run", **SILENT)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(lr=0), "lr must be above 0"),
        (dict(lr="fast"), "lr must be a finite number"),
        (dict(updates=2.5), "whole number"),
        (dict(ways=True), "whole number"),
        (dict(pool="sum"), "pool must be one of max, mean"),
        (dict(lr_end=2), "at most 1"),
        (dict(channels=(3, 0)), "channels must be above 0"),
        (dict(channels="16"), "list of whole numbers"),
        (dict(clip=float("nan")), "finite"),
        (dict(gate_threshold=1.0, gate_fraction=0.1), "not both"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(ValueError, match=message):
        toy_config(**changes)


def test_settings_come_back_from_json_and_foreign_ones_are_named():
    for config in PRESETS.values():
        assert TrainingConfig.from_mapping(json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(ValueError, match="x.json: unknown settings 'color'"):
        TrainingConfig.from_mapping({"color": 3}, "x.json")
    with pytest.raises(ValueError, match="x.json: lr must be"):
        TrainingConfig.from_mapping({"lr": -3}, "x.json")


def test_what_a_preset_gives_way_to():
    """Drawn cameras to real recordings, updates by class means to fewer updates, the default to
    another rule's preset."""
    quick, fast = PRESETS["quick"], PRESETS["paper-fast"]
    assert chosen(None, {}) == quick and 0 < quick.prototype_updates < quick.updates
    assert chosen("paper-fast", {}) == fast and fast.draws > 1
    for changes, draws in (
        ({"root": "real"}, 0),
        ({"dataset": "double-asl"}, 0),
        ({"dataset": "omniglot"}, 1),
        ({"dataset": "omniglot-random"}, 1),
    ):
        assert chosen("paper-fast", changes) == replace(fast, **changes, draws=draws)
    assert (
        chosen(None, {"updates": 8}).prototype_updates
        == 8 * quick.prototype_updates // quick.updates
    )
    assert chosen(None, {"updates": 8, "prototype_updates": 1}).prototype_updates == 1
    for changes in ({"rule": "anil"}, {"order": 1}, {"model": "cnn"}, {"first_order_updates": 3}):
        assert chosen(None, changes) == replace(PRESETS["maml"], **changes)
    # which leave no choice of the preset's learned step sizes
    for rule in (
        "classify",
        "prototypes",
        "online",
        "reptile",
    ):
        assert chosen(None, {"rule": rule, "inner_steps": 2}).learn_step_size == "no"
    with pytest.raises(ValueError, match="learn_step_size must be no for rule classify"):
        chosen(None, {"rule": "classify", "learn_step_size": "array"})
    assert (
        chosen("quick", {"order": 1}) == replace(quick, order=1)
        and chosen(None, {"rule": "proto-maml"}) == quick
    )


def test_a_finished_run_is_shown_in_a_line():
    """As the last value of a notebook's cell, and not as all of its arrays."""
    net = SpikingNet((6, 6, 2), (3,), 3, kernel=3)
    test = dict(
        accuracy_after=0.75,
        accuracy_before=0.5,
        episodes=9,
        ways=2,
        shots=1,
        interval=dict(half=0.1, population="new recordings"),
        align="none",
        inner_steps=1,
    )
    for tested, words in (
        (test, "test accuracy 75.0 ± 10.0 % on 9 unseen 2-way 1-shot episodes"),
        (None, "not tested"),
    ):
        shown = repr(
            Result(
                net,
                np.zeros(net.size),
                InnerLoop(1.0),
                {"loss": np.zeros(1000)},
                tested,
                Path("runs/a"),
            )
        )
        assert (
            shown.startswith(f"Result: {words}")
            and "run folder runs/a" in shown
            and len(shown) < 250
        )


def test_a_task_for_class_means_has_no_more_classes_than_the_set():
    net = SpikingNet((6, 6, 2), (3,), 3, kernel=3)
    config, rule = (
        TrainingConfig(ways=3, train_ways=20, train_queries=2, prototype_updates=1),
        RULES["prototypes"],
    )
    assert task_of(ToySet("train"), net, config, 0, rule=rule).ways == 10
    assert task_of(ToySet("train"), net, config, 0).ways == 3


def test_the_paper_preset_is_table_1():
    config = PRESETS["paper"]
    net = SpikingNet.from_configuration(config.network((16, 32, 2)))
    assert [b.output_shape for b in net.blocks[:-1]] == [(8, 16, 32), (4, 8, 64), (2, 4, 128)]
    assert (
        net.neuron == LIF()
        and config.updates == 200 * 100
        and config.lr * config.lr_end == pytest.approx(2e-3 / 50)
    )


def test_the_neuron_has_the_constants_of_the_settings():
    constants = dict(alpha=0.9, beta=0.8, gamma=0.6, rho=0.5, slope=3.0, gain=2.0)
    net = SpikingNet.from_configuration(
        toy_config(firing_threshold=0.25, **constants).network((6, 6, 2))
    )
    assert net.neuron == LIF(threshold=0.25, **constants)


def test_the_convolutional_peer_trains_and_comes_back(tmp_path):
    config = toy_config(model="cnn", backend="numba", channels=(4,), updates=4, step_size=0.1)
    first = train(config, tmp_path / "run", data=toy_data(), **SILENT)
    assert isinstance(first.net, ConvNet) and first.test["episodes"] == config.test_episodes
    train(config, tmp_path / "half", data=toy_data(), **SILENT)
    again = checkpoint.read(tmp_path / "half" / "checkpoint.h5")
    assert isinstance(again.net, ConvNet) and np.array_equal(again.theta, first.theta)


def test_free_folder_counts_up(tmp_path):
    assert free_folder("quick", tmp_path) == tmp_path / "quick-1"
    (tmp_path / "quick-1").mkdir()
    assert free_folder("quick", tmp_path) == tmp_path / "quick-2"


def test_progress_in_a_file_is_a_few_lines(tmp_path, capsys):
    train(
        toy_config(updates=40, tasks=1, evaluate_every=0, test_episodes=0),
        tmp_path,
        data=toy_data(),
    )
    text = capsys.readouterr().err
    assert text.count("\n") == 22 and text.startswith("3-way 1-shot tasks")
    assert "run folder" in text
    assert "update 40 of 40: loss" in text and " → " in text and "0:00 left" in text


def test_time_left_comes_from_the_recent_updates(capsys):
    with Bar(toy_config(updates=10, tasks=50), [], progress=True) as bar:
        for update in range(1, 6):
            bar.show(
                dict(
                    update=update,
                    loss=1.0,
                    accuracy_before=0.2,
                    accuracy_after=update / 10,
                    seconds=100 + 30 * update,
                )
            )
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "update 1 of 10: loss 1.00, accuracy 20% → 10%; 2:10, 19:30 left"
    # means of two rows
    assert lines[-1] == "update 5 of 10: loss 1.00, accuracy 20% → 45%; 4:10, 2:30 left"


def test_splits_that_are_not_needed_are_not_asked_for(tmp_path):
    train(
        toy_config(evaluate_every=0, test_episodes=0, updates=1),
        tmp_path,
        data={"train": ToySet("train")},
        **SILENT,
    )
    assert not (tmp_path / "result.json").exists() and SPLITS == ("train", "val", "test")


def test_the_inner_loop_has_the_gate_and_the_frozen_layers(tmp_path):
    config = toy_config(
        updates=1, freeze=("conv1",), gate_fraction=0.1, evaluate_every=0, test_episodes=0
    )
    inner = train(config, tmp_path, data=toy_data(), **SILENT).inner
    assert (inner.steps, inner.freeze, inner.threshold, inner.threshold_fraction) == (
        1,
        ("conv1",),
        None,
        0.1,
    )
    assert isinstance(inner, InnerLoop)


def test_no_time_is_negative(tmp_path, monkeypatch):
    """Whatever a machine makes of its clocks."""
    clock = (1e6 - 30 * n for n in count())
    monkeypatch.setattr("minisnn.training.run.time.perf_counter", lambda: next(clock))
    made = train(
        toy_config(updates=2, evaluate_every=0), tmp_path / "run", data=toy_data(), progress=False
    )
    assert (made.curve["seconds"] == 0).all() and made.test["seconds"] == 0


WANDERING = """
import os
import threading
from toy import ToySet

ALONE = threading.Lock()  # tasks are drawn by several threads, which have one working folder

class Wandering(ToySet):
    def sample_task(self, *given):
        with ALONE:
            os.makedirs("elsewhere", exist_ok=True)
            os.chdir("elsewhere")
        return super().sample_task(*given)

def tasks(split):
    os.makedirs("else", exist_ok=True)
    os.chdir("else")
    return Wandering(split)
"""


def test_what_is_written_lies_where_the_command_began(tmp_path, monkeypatch, capsys):
    """Code of the user that changes the working folder takes nothing with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    Path("mine.py").write_text(WANDERING)
    small = (
        "--channels 4 --kernel 3 --window 8 --ways 3 --queries 2 --updates 2 --evaluate-every 1 "
        "--evaluate-episodes 2"
    )
    small += " --test-episodes 2 --init-tasks 1 --quiet"
    assert cli.main(["train", "--dataset", "mine.py:tasks", "--out", "run", *small.split()]) == 0
    os.chdir(tmp_path)
    files = {
        "config.json",
        "checkpoint.h5",
        "checkpoint.previous.h5",
        "log.csv",
        "curve.png",
        "result.json",
    }
    assert {path.name for path in Path("run").iterdir()} <= files and Path(
        "run/result.json"
    ).is_file()
    line = (
        "evaluate --checkpoint run --dataset mine.py:tasks --episodes 2 --json found.json --quiet"
    )
    assert cli.main(line.split()) == 0, capsys.readouterr().err
    os.chdir(tmp_path)
    written = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert {name for name in written if not name.startswith("run/")} == {"mine.py", "found.json"}


def test_settings_are_those_of_their_groups_in_order():
    """The order of the flags, of what is saved, and of what a line says of a change."""
    groups = TrainingConfig.__bases__[::-1]
    apart = [f.name for group in groups for f in fields(group)]
    assert apart == [f.name for f in fields(TrainingConfig)] == list(asdict(TrainingConfig()))
    assert [group.TITLE for group in groups][::5] == ["data", "watching"]
