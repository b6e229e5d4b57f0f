"""A run: what its folder holds, its updates written out, stops that resume to the same bits, and
what it refuses."""

import csv
import json
import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import faulty
import numpy as np
import pytest
from processes import python
from slowly import after
from toy import assert_same, interrupt, small_set, toy_config, toy_data
from written import read_json

import minisnn as ms
from minisnn.data.camera.distorted import distorted
from minisnn.meta.optim import cosine
from minisnn.meta.tasks import Classification
from minisnn.training.presets import chosen

CONFIG = toy_config(**faulty.CONFIG)  # of `undisturbed`
BRIEF = dict(evaluate_every=0, test_episodes=0)
HERE = Path(__file__).parents[1]


def run(config, out, data=None, **how):
    return ms.train(config, out, data=data or toy_data(), progress=False, **how)


def task_of(tasks, u: int, k: int = 0, ways=3, queries=2, distort=0.0):
    """Task k of update u, by its key, and then distorted by the same draws."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(2, u, k)))
    task = tasks.sample_task(rng, ways, 1, queries)
    if distort:
        support = distorted(task.x_support, rng, distort)
        query = distorted(task.x_query, rng, distort)
        task = replace(task, x_support=support, x_query=query)
    return task


def test_a_run_folder_has_all_its_files(undisturbed):
    files = {"config.json", "checkpoint.h5", "log.csv", "curve.png", "result.json"}
    assert {path.name for path in undisturbed.iterdir()} == files
    assert (undisturbed / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert ms.read(undisturbed).config == CONFIG
    rows = list(csv.DictReader((undisturbed / "log.csv").open()))
    assert [int(row["update"]) for row in rows] == list(range(1, 13))
    names = "loss accuracy_before accuracy_after gradient_norm lr seconds step_size_conv1.weight"
    assert all(np.isfinite(float(row[name])) for row in rows for name in names.split())
    for name in ("validation", "activity_conv1"):
        assert [row["update"] for row in rows if row[name]] == ["6", "12"]
    result = read_json(undisturbed / "result.json")
    assert (result["episodes"], result["updates"], result["split"]) == (2, 12, "test")


@pytest.mark.parametrize("distort", [0.0, 0.7])
def test_three_updates_written_out(tmp_path, distort):
    how = dict(learn_step_size="layer", clip=0.5, updates=3, order=1, distort=distort)
    config = toy_config(dtype="float64", **how, **BRIEF)
    found = run(config, tmp_path / "run")
    still = replace(config, lr=1e-30, step_size_lr=1e-30, updates=1)
    theta, net, tasks = run(still, tmp_path / "begin").theta, found.net, toy_data()["train"]
    split, log_step = net.layout[2].slice.start, np.zeros(2)
    outer = ms.Adam(net.size, dtype=np.float64)
    inner = ms.Adam(2, dtype=np.float64)
    for u in range(3):
        a = 5.0 * np.repeat(np.exp(log_step), [split, net.size - split])
        loss, gradient, steps, right = 0, 0, 0, np.zeros(2)
        for k in range(2):
            task = task_of(tasks, u, k, distort=distort)
            one = ms.InnerLoop(a).meta_gradient(net, theta, task, order=1)
            da = a * one.step_size_gradient / 2
            loss = loss + one.loss / 2
            gradient = gradient + one.gradient / 2
            steps = steps + np.array([da[:split].sum(), da[split:].sum()])
            answers = (one.support_logits, task.y_support), (one.query_logits, task.y_query)
            right += [np.mean(logits.argmax(1) == y) / 2 for logits, y in answers]
        norm = np.linalg.norm(gradient)
        fraction = cosine(u, 3, 1.0, 0.02)
        assert norm > 0.5 or u
        expected = dict(loss=loss, gradient_norm=norm, lr=2e-3 * fraction, tasks=2 * u + 2)
        expected |= dict(accuracy_before=right[0], accuracy_after=right[1])
        expected |= dict(step_size_conv1=a[0], step_size_readout=a[-1])
        assert {name: found.curve[name][u] for name in expected} == pytest.approx(expected, 1e-9)
        shrunk = min(1, 0.5 / norm)
        theta = outer.step(theta, gradient * shrunk, 2e-3 * fraction)
        log_step = inner.step(log_step, steps * shrunk, 0.01 * fraction)
    np.testing.assert_allclose(found.theta, theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.inner.step_size[[0, -1]], 5 * np.exp(log_step), rtol=1e-12)


def test_a_classifier_written_out(tmp_path):
    """Adam on the mean loss of batches, nothing adapted."""
    sets = small_set().split_recordings()
    how = dict(rule="classify", queries=24, tasks=1, learn_step_size="no", clip=None, lr=1e-2)
    config = toy_config(**how, updates=4, evaluate_every=0, test_episodes=2)
    found = run(config, tmp_path / "run", sets)
    still = replace(config, lr=1e-30, updates=1, test_episodes=0)
    theta, net = run(still, tmp_path / "begin", sets).theta, found.net
    tasks = Classification(sets["train"])
    adam = ms.Adam(net.size)
    for u in range(4):
        batch = task_of(tasks, u, ways=64, queries=24)
        gradient = net.loss_and_gradient(theta, batch.x_query, batch.y_query)[1]
        theta = adam.step(theta, gradient, cosine(u, 4, 1e-2, 2e-4))
    assert np.array_equal(found.theta, theta) and found.inner.steps == 0
    assert found.test["ways"] == 64
    assert found.test["accuracy_after"] == found.test["accuracy_before"]


def test_class_means_first_and_then_the_rule(tmp_path):
    """The first updates are those of rule prototypes, bit for bit."""
    how = dict(train_ways=5, train_queries=3, learn_step_size="no", lr_end=1.0, **BRIEF)
    first = run(toy_config(rule="prototypes", updates=3, **how), tmp_path / "a")
    both = run(toy_config(prototype_updates=3, updates=4, **how), tmp_path / "b")
    np.testing.assert_array_equal(both.curve["loss"][:3], first.curve["loss"])
    assert isinstance(first.inner, ms.ClassMeans) and not isinstance(both.inner, ms.ClassMeans)
    assert both.net.views(both.theta)["readout.weight"].any()  # which prototypes do not learn


# ---- from a checkpoint


@pytest.mark.parametrize("ways", [3, 2, 4])
def test_a_start_is_where_the_checkpoint_ended(undisturbed, tmp_path, ways):
    """For another number of classes each begins as the mean of those of the checkpoint, and step
    sizes grow with their number, since a share of the loss is smaller among more."""
    found = ms.read(undisturbed)
    still = dict(lr=1e-9, step_size_lr=1e-9, step_size=2.0, updates=1, seed=7, **BRIEF)
    made = run(toy_config(start=str(undisturbed), ways=ways, **still), tmp_path / "run")
    old = found.net.views(found.theta)
    new = made.net.views(made.theta)
    for name in old:
        mean = ways != 3 and name.startswith("readout")
        kept = old[name].mean(-1, keepdims=True) if mean else old[name]
        np.testing.assert_allclose(new[name], np.broadcast_to(kept, new[name].shape), atol=1e-7)
    steps = [one.net.views(one.inner.step_size)["conv1.weight"] for one in (found, made)]
    np.testing.assert_allclose(steps[1], steps[0] * ways / 3, rtol=1e-6)


@pytest.mark.parametrize("start", [False, True])
def test_a_readout_of_zero_stays_zero(undisturbed, tmp_path, start):
    start = str(undisturbed) if start else None
    how = dict(zero_readout=True, learn_step_size="no", step_size=2.0, start=start, **BRIEF)
    found = run(toy_config(updates=2, **how), tmp_path / "run")
    views = found.net.views(found.theta)
    assert not views["readout.weight"].any() and (views["readout.bias"] == -10).all()
    assert np.all(found.curve["gradient_norm"] > 0)


def test_a_start_of_another_neuron_is_refused(undisturbed, tmp_path):
    """Its weights would mean something else."""
    with pytest.raises(ValueError, match="differs"):
        run(toy_config(start=str(undisturbed), neuron="cuba", **BRIEF), tmp_path / "run")


# ---- stopped, killed, and where the disk is full


@pytest.mark.parametrize("call", after(1, [8, 3, 14]))  # two tasks for the initialisation
def test_ctrl_c_saves_and_a_resumed_run_equals_an_undisturbed_one(undisturbed, tmp_path, call):
    out = tmp_path / "a run"
    with pytest.raises(KeyboardInterrupt, match="a run', resume=True"):
        run(CONFIG, out, toy_data({call: interrupt}))
    assert ms.read(out).progress["update"] == call - 3
    run(CONFIG, out, resume=True)
    assert_same(undisturbed, out)
    assert (out / "log.csv").read_text().count("\n") == 13


def test_one_run_at_a_time_in_a_folder(undisturbed, tmp_path):
    """Whoever resumes, or begins again by force, where a run is under way is refused; the run does
    not notice."""
    pytest.importorskip("fcntl", reason="this system has no flock, by which a folder is held")
    out = tmp_path / "run"
    refused = []

    def another():
        for how in (dict(resume=True), dict(force=True)):
            with pytest.raises(ValueError, match="another process"):
                run(CONFIG, out, **how)
            refused.append(how)

    run(CONFIG, out, toy_data({9: another}))
    assert len(refused) == 2
    assert_same(undisturbed, out)
    for name in (
        "checkpoint.h5",
        "log.csv",
        "result.json",
    ):  # as killed before its first checkpoint
        (out / name).unlink()
    run(CONFIG, out, resume=True)
    assert_same(undisturbed, out)


def killed(out, *moment) -> bool:
    """Carry out the run of CONFIG in a process that is killed at a moment."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    done = python(HERE / "faulty.py", out, *moment, environment={"PYTHONPATH": path})
    assert done.returncode in (0, -9), done.stderr
    return done.returncode < 0


MOMENTS = ["write 3 0.6", "replace 2", "sync 2", *(f"write {n} 0.{n}" for n in range(1, 7))]


@pytest.mark.parametrize("moment", after(1, MOMENTS))
def test_a_run_killed_while_it_writes_resumes(undisturbed, tmp_path, moment):
    out = tmp_path / "run"
    assert killed(out, moment) and list(out.glob(".*.tmp"))
    run(CONFIG, out, resume=True)
    assert_same(undisturbed, out)
    assert not list(out.glob(".*")), "what a killed process left is removed"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_run_killed_by_the_clock_resumes(undisturbed, tmp_path, seed):
    """Whatever it may be doing: loading, training, saving, testing."""
    out = tmp_path / "run"
    seconds = np.random.default_rng(seed).uniform(1.0, 4.0)
    assert killed(out, f"clock {seconds}") or (out / "result.json").exists()
    begun = (out / "config.json").exists()
    assert begun or not list(out.glob("checkpoint*"))
    run(CONFIG, out, resume=begun)
    assert_same(undisturbed, out)


def vanish():
    raise FileNotFoundError(2, "No such file or directory", "recordings/7.bin")


def test_data_that_vanish_lose_no_update(undisturbed, tmp_path):
    with pytest.raises(OSError, match="the state after update 5 is saved") as error:
        run(CONFIG, tmp_path, toy_data({8: vanish}))
    assert error.value.filename == "recordings/7.bin"
    run(CONFIG, tmp_path, resume=True)
    assert_same(undisturbed, tmp_path)


def test_a_full_disk_loses_nothing_that_was_saved(undisturbed, tmp_path):
    how = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)]
    try:
        mounted = subprocess.run(how, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")

    def fill() -> None:
        with open(tmp_path / "filler", "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(1 << 12))

    out = tmp_path / "run"
    try:
        with pytest.raises(OSError, match="the state after update 4 is saved"):
            run(CONFIG, out, toy_data({8: fill}))
        assert ms.read(out).progress["update"] == 4 and not list(out.glob(".*"))
        (tmp_path / "filler").unlink()
        run(CONFIG, out, resume=True)
        assert_same(undisturbed, out)
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


class Broken(ms.MAML):
    """MAML of whose sixth task, in the third update, the loss or the gradient is not finite."""

    def __init__(self, part: str):
        self.part, self.calls = part, []

    def gradient(self, *how):
        found = super().gradient(*how)
        self.calls.append(1)
        if len(self.calls) != 6:
            return found
        return found._replace(**{self.part: np.inf * getattr(found, self.part)})


@pytest.mark.parametrize("part", after(1, ["loss", "gradient"]))
def test_what_is_not_finite_stops_the_run_and_saves_the_state_before(tmp_path, part):
    config = toy_config(**BRIEF | {"test_episodes": 2})
    rule = Broken(part)
    with pytest.raises(ValueError, match="update 3: .*not finite"):
        run(config, tmp_path / "run", rule=rule)
    assert ms.read(tmp_path / "run").progress["update"] == 2
    run(config, tmp_path / "run", resume=True, rule=rule)
    run(config, tmp_path / "whole", rule=rule)
    assert_same(tmp_path / "whole", tmp_path / "run")


# ---- what is refused or warned of


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    out = tmp_path / "run"
    config = toy_config(updates=2, evaluate_every=0, test_episodes=2)
    first = run(config, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for settings, how, word in (
        (replace(config, updates=3), {}, "--force"),
        (config, {}, "resume=True"),
        (replace(config, lr=1.0), dict(resume=True), "lr 0.002 -> 1.0"),
    ):
        with pytest.raises(ValueError, match=word):
            run(settings, out, **how)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    data = toy_data()
    assert run(config, out, data, resume=True).test == first.test
    assert data["train"].calls == 0  # nothing was left to do
    (out / "mine.txt").write_text("keep me")
    run(replace(config, updates=1), out, force=True)
    assert ms.read(out).progress["update"] == 1 and (out / "mine.txt").exists()
    assert read_json(out / "result.json")["updates"] == 1


@pytest.mark.parametrize("split, setting", [("val", "evaluate_every"), ("test", "test_episodes")])
def test_a_set_that_is_missing_or_does_not_fit_is_refused_before_training(split, setting, tmp_path):
    data = toy_data()
    data[split].input_shape = (5, 6, 2)
    with pytest.raises(ValueError, match=f"shape of samples of {split}"):
        run(CONFIG, tmp_path / "run", data)
    del data[split]
    with pytest.raises(ValueError, match=f"data must be sets for .*{split}"):
        run(CONFIG, tmp_path / "run", data)
    assert data["train"].calls == 0 and not (tmp_path / "run").exists()
    assert run(replace(CONFIG, updates=1, **{setting: 0}), tmp_path / "run", data)


def test_silent_layers_are_named_once(tmp_path):
    how = dict(hidden=(5,), firing_threshold=100.0, init="orthogonal", test_episodes=0)
    config = toy_config(updates=4, tasks=1, evaluate_every=1, evaluate_episodes=1, **how)
    with pytest.warns(UserWarning, match="is dead") as found:
        run(config, tmp_path)
    told = [str(one.message) for one in found if "dead" in str(one.message)]
    assert [text.split()[1] for text in dict.fromkeys(told)] == ["conv1", "hidden1"]


def test_a_result_is_that_of_the_network(tmp_path):
    """A finished run whose checkpoint is gone begins again; its old result is no answer."""
    config = toy_config(updates=2, evaluate_every=0)
    first, kept = run(config, tmp_path).test, tmp_path / "result.json"
    kept.write_text(json.dumps(first | {"accuracy_after": 0.123}))
    assert run(config, tmp_path, resume=True).test["accuracy_after"] == 0.123
    (tmp_path / "checkpoint.h5").unlink()
    assert run(config, tmp_path, resume=True).test["per_episode"] == first["per_episode"]


# ---- settings


def test_settings_come_back_from_json_and_foreign_ones_are_named():
    for config in map(ms.TrainingConfig.preset, ("quick", "maml", "paper", "paper-fast")):
        kept = json.loads(json.dumps(asdict(config)))
        assert ms.TrainingConfig.from_mapping(kept) == config
        former = dict(online=False, optimiser="adam", gate_threshold=None)
        assert ms.TrainingConfig.from_mapping(kept | former) == config
    for values, word in (
        (dict(color=3), "color"),
        (dict(online=True), "online"),
        (dict(lr=-3), "lr"),
    ):
        with pytest.raises(ValueError, match=f"x.json: .*{word}"):
            ms.TrainingConfig.from_mapping(values, "x.json")
    assert "inner_steps=1" in ms.TrainingConfig.__doc__


def test_what_a_preset_gives_way_to():
    """Drawn cameras to real recordings, updates by class means to fewer updates, the default to
    another rule's preset."""
    preset = ms.TrainingConfig.preset
    quick = preset("quick")
    fast = preset("paper-fast")
    assert chosen(None, {}) == quick == ms.TrainingConfig.preset()
    for changes, draws in ((dict(root="real"), 0), (dict(dataset="omniglot"), 1)):
        assert chosen("paper-fast", changes) == replace(fast, **changes, draws=draws)
    share = quick.prototype_updates / quick.updates
    assert chosen(None, {"updates": 8}).prototype_updates == int(8 * share)
    long = chosen(None, {"dataset": "double-asl"})
    assert long.updates > quick.updates
    assert chosen(None, {"updates": 8, "prototype_updates": 1}).prototype_updates == 1
    for changes in ({"rule": "anil"}, {"order": 1}, {"model": "cnn"}, {"first_order_updates": 3}):
        assert chosen(None, changes) == replace(preset("maml"), **changes)
    for rule in ("classify", "prototypes", "online", "reptile"):  # which leave no choice
        assert chosen(None, {"rule": rule, "inner_steps": 2}).learn_step_size == "no"
    with pytest.raises(ValueError, match="learn_step_size"):
        chosen(None, {"rule": "classify", "learn_step_size": "array"})
    assert chosen("quick", {"order": 1}) == replace(quick, order=1)


WANDERING = """
import os
from toy import ToySet

def tasks(split):
    os.makedirs("elsewhere", exist_ok=True)
    os.chdir("elsewhere")
    return ToySet(split)
"""


def test_what_is_written_lies_where_the_command_began(here, command):
    """Code of the user that changes the working folder takes nothing with it."""
    Path("mine.py").write_text(WANDERING)
    small = "--channels 4 --kernel 3 --window 8 --ways 3 --queries 2 --updates 2 --init-tasks 1"
    mine = f"--dataset {here}/mine.py:tasks"
    line = f"train {mine} --out run {small} --evaluate-every 1 --test-episodes 2"
    look = f"evaluate --checkpoint run {mine} --episodes 2 --json found.json"
    for one in (line, look):
        assert command(f"{one} --quiet")[0] == 0
        os.chdir(here)
    written = {path.relative_to(here).as_posix() for path in here.rglob("*.*")}
    assert {name for name in written if not name.startswith("run/")} == {"mine.py", "found.json"}
    assert (here / "run/result.json").is_file()
