import csv
import json
from dataclasses import asdict, replace
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from toy import assert_same, interrupt, toy_config, toy_data

import minisnn as ms
from minisnn import cli
from minisnn.meta.inner import InnerLoop
from minisnn.meta.optim import Adam, cosine
from minisnn.meta.rules import GROUPS
from minisnn.training import checkpoint
from minisnn.training.folder import RunFolder
from minisnn.training.presets import PRESETS, chosen
from minisnn.training.run import Interrupted, train
from minisnn.training.settings import TrainingConfig
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
    assert data["train"].calls == 0  # nothing was left to do
    (out / "mine.txt").write_text("keep me")
    train(toy_config(updates=1), out, force=True, data=toy_data(), **SILENT)
    assert checkpoint.read(out).progress["update"] == 1 and (out / "mine.txt").exists()
    assert json.loads((out / "result.json").read_text())["updates"] == 1


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


def test_settings_come_back_from_json_and_foreign_ones_are_named():
    for config in PRESETS.values():
        assert TrainingConfig.from_mapping(json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(ValueError, match="x.json: unknown settings 'color'"):
        TrainingConfig.from_mapping({"color": 3}, "x.json")
    with pytest.raises(ValueError, match="x.json: lr must be"):
        TrainingConfig.from_mapping({"lr": -3}, "x.json")


def test_the_quick_preset_is_what_the_command_trains(monkeypatch):
    trained = []
    monkeypatch.setattr(
        "minisnn.training.run.train", lambda config, *_, **__: trained.append(config)
    )
    cli.main(["train", "--quiet", "--out", "nowhere"])
    assert trained == [ms.TrainingConfig.preset("quick")] and "maml" not in trained[0].rule[:4]
    with pytest.raises(ValueError, match="paper-fast"):
        ms.TrainingConfig.preset("fast")


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
