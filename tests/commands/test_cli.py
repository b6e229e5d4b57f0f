import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minisnn
from minisnn.training import checkpoint, evaluation, intervals, progress
from minisnn.training import run as training
from minisnn import cli, gradcheck
from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.sets.digits import load_digits
from minisnn.data.sets import named
from minisnn.data.readers.nmnist import nmnist_files, read_nmnist
from minisnn.training.baselines import baselines
from minisnn.training.settings import TrainingConfig
from toy import ToySet

TOY = (
    "--channels 4 --kernel 3 --window 8 --ways 3 --queries 2 --backend numba --updates 6 "
    "--evaluate-every 3 "
    "--evaluate-episodes 2 --test-episodes 3"
).split()
COMMAND = [sys.executable, "-m", "minisnn"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(minisnn.__file__).parents[1])}


@pytest.fixture(autouse=True)
def toy_sets(monkeypatch, tmp_path):
    """Toy tasks in place of every data set; runs/ lies in a folder of the test's own."""

    def open_set(name, split, root=None, progress=True, align=None, draws=0):
        if root == "absent":
            raise ValueError("absent: no such folder")
        return ToySet(split)

    for module in (evaluation, named):
        monkeypatch.setattr(module, "open_set", open_set)
    monkeypatch.delenv("MINISNN_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Exit code, standard output and standard error of a command line."""

    def call(*arguments):
        code = cli.main([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def trained(run):
    assert run("train", *TOY, "--quiet")[0] == 0
    return Path("runs/quick-1")


def test_train_ends_with_the_accuracy_and_keeps_it_beside_the_checkpoint(run):
    code, out, err = run("train", *TOY)
    result = json.loads(Path("runs/quick-1/result.json").read_text())
    lines = [progress.sentence(result), *progress.table(result, "Proto-MAML, meta-trained")]
    assert (
        code == 0
        and out.splitlines() == lines
        and len(lines) == 8
        and "MAML's step, not trained for it" in lines[-2]
    )
    assert (
        "% on 3 unseen 3-way 1-shot episodes (" in out
        and "before adaptation; ± for more episodes" in out
    )
    assert Path("runs/quick-1/checkpoint.h5").is_file() and "run folder runs/quick-1" in err
    assert run("train", *TOY, "--quiet")[0] == 0
    assert Path("runs/quick-2").is_dir()


def test_every_setting_is_an_option(run, monkeypatch):
    values = dict(
        dataset="double-nmnist",
        model="snn",
        neuron="lif",
        root="folder",
        ways=7,
        shots=3,
        queries=4,
        channels=(5, 6),
        hidden=(3,),
        kernel=7,
        pool="mean",
        window=11,
        detach_reset=True,
        alpha=0.5,
        beta=0.4,
        gamma=0.3,
        rho=0.2,
        firing_threshold=0.1,
        slope=3.0,
        gain=2.0,
        dtype="float64",
        backend="numpy",
        step_size=0.7,
        inner_steps=4,
        learn_step_size="scalar",
        step_size_lr=0.3,
        freeze=("conv1", "conv2"),
        gate_threshold=None,
        gate_fraction=0.05,
        online=True,
        error_threshold=0.2,
        rule="anil",
        order=2,
        first_order_updates=3,
        zero_readout=False,
        prototype_updates=2,
        train_ways=8,
        train_queries=9,
        scale=0.3,
        draws=0,
        distort=0.7,
        align=False,
        updates=9,
        tasks=8,
        optimiser="sgd",
        lr=0.6,
        lr_end=0.5,
        momentum=0.8,
        clip=None,
        seed=12,
        start=None,
        init="lsuv",
        init_rate=0.2,
        init_variance=2.0,
        init_rounds=3,
        init_readout="zero",
        init_tasks=5,
        evaluate_every=13,
        evaluate_episodes=14,
        checkpoint_every=15,
        test_episodes=16,
        test_seed=17,
    )
    reading = dict(
        dataset="recordings",
        root="folder",
        sensor=(40, 50),
        size=(20, 25),
        bin_ms=2.0,
        duration_ms=50.0,
    )
    reading.update(hop_ms=25.0, time="ms", flip_y=True, columns="t,x,y,p")
    implicit = dict(rule="imaml", proximal=0.5, cg_steps=3)
    implicit.update(inner_steps=4, step_size=0.5, zero_readout=True)
    listed = dict(layers=("conv4-k3-s2", "dense8-recurrent"), learn=("alpha", "beta"))
    listed.update(adapt_constants=True)
    written = dict(dataset="written", root="strokes.npz", strokes=("order",))
    means = dict(rule="prototypes", learn_step_size="no", readings=4, looks=5, axes=6)
    groups = (values, reading, implicit, listed, written, means)
    assert set().union(*groups) == set(vars(TrainingConfig()))
    seen = {}
    monkeypatch.setattr(
        training,
        "train",
        lambda config, out, **options: seen.update(config=config, out=out) or 1 / 0,
    )
    for chosen in groups:
        words = []
        for name, value in chosen.items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                text = (
                    ",".join(map(str, value))
                    if isinstance(value, tuple)
                    else "none"
                    if value is None
                    else str(value)
                )
                words += [f"--{flag}", text]
        run("train", *words, "--preset", "paper", "--out", "here")
        assert seen == {"config": TrainingConfig(**chosen), "out": Path("here")}


def test_a_setting_that_does_nothing_is_a_warning(run):
    line = *TOY, "--momentum", 0.5, "--scale", 0.2, "--test-episodes", 0, "--quiet"
    code, _, err = run("train", *line)
    assert code == 0 and err.count("does nothing") == 1
    assert "note: --momentum does nothing with optimiser adam" in err


def test_resume_goes_on_and_takes_no_settings(run, trained):
    (trained / "result.json").unlink()
    code, out, _ = run("train", "--resume", trained, "--quiet")
    assert code == 0 and out.startswith("test accuracy")
    code, _, err = run("train", "--resume", trained, "--lr", 3, "--force")
    assert code == 2 and "--lr" in err and "--force" in err
    code, _, err = run("train", "--resume", "nowhere")
    assert code == 2 and "nowhere: no run to resume" in err


def test_a_run_is_not_overwritten_without_force(run, trained):
    code, _, err = run("train", *TOY, "--lr", 0.1, "--out", trained)
    assert code == 2 and "other settings (lr 0.003 -> 0.1)" in err and err.count("\n") == 1
    assert run("train", *TOY, "--lr", 0.1, "--out", trained, "--force", "--quiet")[0] == 0


def evaluated(run, *words) -> tuple[dict, str]:
    """What `evaluate` writes, and prints."""
    code, out, err = run("evaluate", *words, "--json", "a.json", "--force")
    assert code == 0, err
    return json.loads(Path("a.json").read_text()), out


def test_evaluate_says_and_writes_what_evaluate_finds(run, trained):
    how = ("--checkpoint", trained / "checkpoint.h5", "--episodes", 4, "--seed", 5)
    result, out = evaluated(run, *how, "--split", "val")
    found = checkpoint.read(trained)
    beside = partial(baselines, found.net, found.theta, inner=found.inner)
    what = found.net, found.theta, found.inner, ToySet("val"), "val", 4, 5
    expected = evaluation.evaluate(*what, queries=2, progress=False, beside=beside)
    table = progress.table(expected, "Proto-MAML, meta-trained")
    assert out.splitlines() == [progress.sentence(result), *table]
    assert "other than in training: seed 5, not 0" in out
    for name in set(expected) - {"dataset"}:
        assert result[name] == expected[name], name
    assert result["dataset"] == "double-nmnist" and result["inner_steps"] == 1
    again, _ = evaluated(run, "--checkpoint", trained, "--episodes", 3)  # the test of the training
    first = json.loads((trained / "result.json").read_text())
    assert again["per_episode"] == first["per_episode"]


def test_evaluate_by_another_rule(run, trained):
    """By name as in the table beside, and Proto-MAML without a step is the nearest mean."""
    ways = ((), ("--rule", "nearest"), ("--rule", "maml"), ("--inner-steps", 0))
    mine = "--checkpoint", trained, "--episodes", 3
    whole, nearest, maml, still = (evaluated(run, *mine, *how)[0] for how in ways)
    assert whole["rule"] == "proto-maml"
    assert whole["rules"]["own"]["per_episode"] == nearest["per_episode"] == still["per_episode"]
    assert whole["rules"]["maml"]["per_episode"] == maml["per_episode"] != nearest["per_episode"]
    # beside another rule stands its own, and no step that would begin from a readout of zero
    assert maml["rules"]["Proto-MAML, meta-trained"]["per_episode"] == whole["per_episode"]
    assert not {"maml", "proto-maml"} & maml["rules"].keys()


def test_evaluate_against_another_network(run, trained):
    """On the same episodes, by its own rule, and the paired difference; one of other recordings is
    refused."""
    assert run("train", *TOY, "--preset", "maml", "--seed", 1, "--quiet", "--out", "other")[0] == 0
    second, _ = evaluated(run, "--checkpoint", "other", "--episodes", 3)
    mine = "--checkpoint", trained, "--episodes", 3, "--no-baselines"
    first, out = evaluated(run, *mine, "--against", "other")
    [(name, row)] = first["rules"].items()
    apart = np.subtract(first["per_episode"], second["per_episode"])
    assert name == "other, MAML, meta-trained" and name in out and apart.any()
    assert row["per_episode"] == second["per_episode"]
    assert row["less"][:2] == pytest.approx([apart.mean(), intervals.ci95(apart)])
    half = 100 * row["less_interval"]["half"]
    assert f"{100 * apart.mean():+.1f} ± {half:.1f}" in out.splitlines()[-2]
    wider, out = evaluated(run, *mine, "--against", trained, "--ways", 4)
    assert [*wider["rules"].values()][0]["less"][:2] == [0, 3 / 24] and "4-way 1-shot" in out
    for name, word in (
        ("double_asl_maml.h5", "(30, 80, 2)"),
        ("double_nmnist_pretrained.h5", "a classifier"),
    ):
        code, out, err = run("evaluate", "--checkpoint", trained, "--against", name)
        assert code == 2 and not out and err.count("\n") == 1 and word in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["evaluate", "--checkpoint", "absent.h5"], "absent.h5: no such file or directory"),
        (["evaluate", "--checkpoint", "text.h5"], "text.h5: cannot be read"),
        (
            ["evaluate", "--checkpoint", "text.h5", "--json", "no/where.json"],
            "no/where.json: there is no folder",
        ),
        (["train", "--lr", "-1"], "lr must be above 0, not -1.0"),
        (["train", *TOY, "--root", "absent"], "absent: no such folder"),
        (["train", *TOY, "--out", "text.h5"], "of this name"),
        (["train", *TOY, "--kernel", "4"], "kernel must be odd"),
        (["show", "--out", "text.h5"], "of this name"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(run, arguments, message):
    Path("text.h5").write_text("no checkpoint")
    code, out, err = run(*arguments)
    assert code == 2 and not out
    assert err.startswith("minisnn: ") and message in err and err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["text.h5"]


def test_a_slip_of_the_pen_is_told_what_it_may_have_been(capsys):
    for line, near in (
        ("train --update 5", "--update 5; did you mean --updates?"),
        ("hardware refuse --alowed 5", "--alowed 5; did you mean --allowed?"),
        ("lessons --path fast elsewhere", "unrecognized arguments: elsewhere\n"),
    ):
        with pytest.raises(SystemExit, match="2"):
            cli.main(line.split())
        assert near in capsys.readouterr().err


@pytest.mark.parametrize(
    "error, code, message",
    [
        (ValueError("two\nlines"), 2, "minisnn: two lines\n"),
        (
            FileNotFoundError(2, "No such file or directory", "a.h5"),
            2,
            "minisnn: a.h5: no such file or directory\n",
        ),
        (KeyboardInterrupt(), 130, "minisnn: stopped\n"),
        (training.Interrupted("saved"), 130, "minisnn: saved\n"),
        (MemoryError(), 2, "minisnn: there is not enough memory"),
        (
            ZeroDivisionError("x"),
            1,
            "minisnn: a defect of minisnn: ZeroDivisionError: x; please report it, "
            "with what this shows: MINISNN_DEBUG=1 minisnn train",
        ),
    ],
)
def test_exit_codes(run, monkeypatch, error, code, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(training, "train", fail)
    monkeypatch.syspath_prepend(Path.cwd())  # as python -m does; else names of tests are in the way
    found, _, err = run("train", *TOY)
    assert found == code and err.startswith(message)
    monkeypatch.setenv("MINISNN_DEBUG", "1")
    with pytest.raises(type(error)):
        run("train", *TOY)


def test_sigterm_saves_like_ctrl_c_with_its_own_code(run, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    sample, calls = ToySet.sample_task, []

    def sample_task(self, *arguments, **settings):
        calls.append(1)
        if len(calls) == 10:
            os.kill(os.getpid(), signal.SIGTERM)
        return sample(self, *arguments, **settings)

    monkeypatch.setattr(ToySet, "sample_task", sample_task)
    try:
        code, _, err = run("train", *TOY, "--quiet")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert code == 143 and "--resume runs/quick-1" in err
    # after a task of val and one of test
    assert checkpoint.read("runs/quick-1").progress["update"] == 3


def test_check_exits_with_1_where_a_derivative_is_wrong(run, monkeypatch):
    right = minisnn.LIF.backward

    def wrong(neuron, I, z, u, du, dz):
        dI, dz, dk = right(neuron, I, z, u, du, dz)
        return -dI, dz, dk

    monkeypatch.setattr(minisnn.LIF, "backward", wrong)
    small = "--channels 1 --input 2,2,1 --backend numpy".split()
    code, out, _ = run("check", "--model", "both", *small)
    assert code == 1
    assert "To blame: LIF.backward dI in conv1" in out
    assert "WRONG" in out
    assert "1 of 3 networks passed" in out


def test_check_takes_random_networks_and_checkpoints(run, trained, monkeypatch):
    seen = []

    def check(net, theta, seed):
        seen.append((net, theta))
        return gradcheck.Report("title", [])

    monkeypatch.setattr(gradcheck, "check", check)
    run("check", "--model", "both", "--random", 2, "--backend", "numpy", "--seed", 4)
    run("check", "--checkpoint", trained, "--backend", "numpy")
    assert [type(net).__name__ for net, _ in seen] == ["SpikingNet"] * 2 + ["ConvNet"] * 2 + [
        "SpikingNet"
    ]
    assert len({json.dumps(net.configuration()) for net, _ in seen}) == 5
    np.testing.assert_array_equal(seen[4][1], checkpoint.read(trained).theta)
    assert seen[4][0].dtype == np.float64 and seen[4][0].configuration()["channels"] == [4]


def pictures(folder: Path, labels="ab", each=2):
    """A folder of labelled pictures, each with a bright bar at another place."""
    for k, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for n in range(each):
            image = np.zeros((20, 20), np.uint8)
            image[4:16, 5 + 3 * k + n : 8 + 3 * k + n] = 255
            np.save(folder / label / f"{n}.npy", image)
    return folder


def test_record_shipped_digits_as_the_camera_sees_them(run):
    code, out, _ = run(
        "record", "--out", "made", "--each", 2, "--seed", 3, "--duration", 100, "--quiet"
    )
    files, digits = nmnist_files("made", "train"), load_digits()
    assert code == 0 and "made: 20 recordings of 10 labels" in out
    for digit in range(10):
        numbers = digits.numbers[digits.labels == digit][:2]
        assert [number for number, _ in files[digit]] == numbers.tolist()
    number, path = files[7][1]
    expected = EventCamera().record(digits.images[digits.numbers == number][0], 3, number, 100)
    np.testing.assert_array_equal(read_nmnist(path), expected)


def test_record_writes_all_or_nothing_and_over_nothing(run, monkeypatch):
    folder = pictures(Path("pictures"))
    code, _, err = run("record", folder, "--out", folder)
    assert code == 2 and err.startswith("minisnn: pictures: this is")
    np.save(folder / "b" / "1.npy", np.zeros((20, 20), np.uint8))
    record = EventCamera.record
    monkeypatch.setattr(
        EventCamera,
        "record",
        lambda self, picture, *rest: record(self, picture, *rest)[: picture.max()],
    )
    code, _, err = run("record", folder, "--out", "made", "--quiet")
    assert code == 2 and "picture 4 of the set gives no events" in err
    assert [path.name for path in Path().iterdir()] == ["pictures"]


def test_info_of_a_run_and_of_a_checkpoint(run, trained):
    code, out, _ = run("info", trained)
    assert code == 0
    for words in (
        "network     SpikingNet for inputs 6 x 6 x 2, 3 classes, 187 parameters",
        "conv1     3 x 3 x 2 x 4",
        "ClassMeans, step_size conv1.weight",
        "MAML, 6 of 6 updates of 1 x 3-way 1-shot",
        "activity conv1",
        "result      test accuracy",
    ):
        assert words in out, words
    assert "result" not in run("info", trained / "checkpoint.h5")[1]
    net = minisnn.SpikingNet(
        (6,), layers=[minisnn.Dense(5)], ways=3, learn=("alpha", "gamma"), backend="numpy"
    )
    theta = net.init(np.random.default_rng(0))
    net.views(theta)["dense1.alpha"][...] = 0
    minisnn.save("learned.h5", net, theta)
    assert f"learned alpha 0.5 gamma {net.neuron.gamma:g} -> " in run("info", "learned.h5")[1]
    (trained / "checkpoint.h5").unlink()
    (trained / "checkpoint.previous.h5").unlink()
    assert "stopped before its first checkpoint" in run("info", trained)[1]


def test_info_of_recordings_and_pictures(run):
    folder = pictures(Path("pictures"), "012", 4)
    run("record", folder, "--out", "made", "--quiet")
    code, out, _ = run("info", "made", "--sample", 6)
    assert code == 0 and "made: 12 recordings of 3 classes, of 34 x 34 pixels" in out
    code, out, _ = run("info", "made/Train/1/00005.bin")
    assert code == 0 and "events of 34 x 34 pixels" in out and "ON share" in out
    code, out, _ = run("info", folder)
    assert code == 0 and "12 pictures of 20 x 20 pixels, 3 labels" in out
    Path("empty").mkdir()
    for path, message in (
        ("empty", "no run"),
        ("absent", "no such file"),
        ("pictures/0/0.npy", "labels"),
    ):
        code, _, err = run("info", path)
        assert code == 2 and message in err and err.count("\n") == 1


def test_help_is_quick_and_teaches():
    asked = [[], *([name] for name in cli.COMMANDS)]
    program = f"""
import sys
from minisnn import cli

for arguments in {asked!r}:
    print("ASKED")
    try:
        cli.main([*arguments, "--help"])
    except SystemExit:
        pass
    heavy = {{"numpy", "numba", "matplotlib", "h5py", "scipy", "tqdm"}}
    print("LOADED", sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    helps = done.stdout.split("ASKED\n")[1:]
    for arguments, text in zip(asked, helps, strict=True):
        assert "LOADED []" in text, arguments
        # an example
        assert f"minisnn {' '.join(arguments or ['train'])}" in text.split("\n", 1)[1]


def test_it_is_a_module_and_a_pipe_may_close(tmp_path):
    done = subprocess.run([*COMMAND, "--version"], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout.strip() == f"minisnn {minisnn.__version__}"
    assert subprocess.run(COMMAND, env=ENVIRONMENT, capture_output=True).returncode == 2
    wrong = subprocess.run(
        [*COMMAND, "evaluate", "--checkpoint", "absent"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 2 and wrong.stderr == "minisnn: absent: no such file or directory\n"


@pytest.mark.slow
def test_workers_give_the_same_run(run, trained):
    """train by two processes, and evaluate by one, as without them."""
    found = {}
    for name, *where in (("here",), ("there", "--workers", 2)):
        code, out, err = run("train", *TOY, "--tasks", 2, "--out", name, *where)
        assert code == 0, err
        found[name] = (
            out,
            json.loads(Path(name, "result.json").read_text())["per_episode"],
            minisnn.read(name).theta.tobytes(),
        )
        code, out, err = run(
            "evaluate",
            "--checkpoint",
            trained,
            "--episodes",
            4,
            "--json",
            f"{name}.json",
            *where[:2],
        )
        found[name] += (code, out, json.loads(Path(f"{name}.json").read_text()))
    assert found["here"] == found["there"]


@pytest.mark.parametrize(
    "where, words",
    [
        (("--scheduler", "localhost"), "expected an address such as tcp://10.0.0.1:8786"),
        (("--workers", "0"), "argument --workers: 0 is too small; expected at least 1"),
        (("--workers", "2", "--scheduler", "tcp://localhost:1"), "is not allowed with --workers"),
    ],
)
def test_workers_that_cannot_be_had(run, trained, capsys, where, words):
    try:
        code, _, err = run("evaluate", "--checkpoint", "runs/quick-1", *where)
    except SystemExit as exit:
        code, err = exit.code, capsys.readouterr().err
    assert code == 2 and words in err and "Traceback" not in err


@pytest.mark.parametrize("kind", ["file", "folder", "package"])
def test_what_is_called_hardware_here_is_not_taken_for_the_packages_own(kind, tmp_path):
    """`python -m minisnn` looks into the folder one is in first."""
    (tmp_path / "hardware.py").write_text("1 / 0") if kind == "file" else (
        tmp_path / "hardware"
    ).mkdir()
    if kind == "package":
        (tmp_path / "hardware" / "__init__.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    command = [sys.executable, "-m", "minisnn", "lessons", "--list"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr and "One leaky neuron" in done.stdout
