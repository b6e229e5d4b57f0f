"""Each command runs small, writes what it says, and ends with its code."""

import json
import os
import signal
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import python
from toy import ToySet
from written import read_json

import minisnn as ms
from minisnn import EventCamera, cli, read_nmnist
from minisnn.commands.options import NETWORKS, network_for
from minisnn.training import run as training
from minisnn.training.baselines import baselines
from minisnn.training.progress import sentence

TOY = (
    "--channels 4 --kernel 3 --window 8 --ways 3 --queries 2 --updates 6 --evaluate-every 3 "
    "--evaluate-episodes 2 --test-episodes 3 --dataset mine.py:toy"
)


@pytest.fixture(autouse=True)
def mine(here):
    Path("mine.py").write_text("from toy import ToySet as toy\n")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A run that is trained once for all."""
    place = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        Path("mine.py").write_text("from toy import ToySet as toy\n")
        assert cli.main(f"train {TOY} --out run --quiet".split()) == 0
    return place / "run"


@pytest.fixture
def trained(once):
    Path("run").symlink_to(once)
    return once


def assert_told(out: str, result: dict) -> None:
    """The sentence, and a table of the accuracies of this network and of each other rule."""
    first, _, own, *others = out.splitlines()
    assert first == sentence(result) and own.startswith("Proto-MAML, meta-trained")
    shares = [result["accuracy_after"], *(row["mean"] for row in result["rules"].values())]
    for line, share in zip([own, *others], shares):
        assert f" {100 * share:.1f} " in line
    assert result["interval"]["population"] in others[-1]


# ---- train


def test_train_ends_with_the_accuracy_and_keeps_it_beside_the_checkpoint(command):
    for number in (1, 2):
        code, out, err = command(f"train {TOY}")
        assert code == 0 and f"run folder runs/quick-{number}" in err
    assert_told(out, read_json("runs/quick-1/result.json"))
    assert "MAML's step, not trained for it" in out.splitlines()[-2]
    assert "% on 3 unseen 3-way 1-shot episodes (" in out


def test_every_setting_is_an_option(command, monkeypatch):
    """With a value that is not its default, and where it is allowed."""
    line = "--ways 7 --shots 3 --queries 4 --channels 5,6 --hidden 3 --kernel 7 --pool mean "
    line += "--window 11 --detach-reset --alpha 0.5 --beta 0.4 --gamma 0.3 --rho 0.2 --slope 3.0 "
    line += "--firing-threshold 0.1 --gain 2.0 --dtype float64 --backend numpy --step-size 0.7 "
    line += "--inner-steps 4 --learn-step-size scalar --step-size-lr 0.3 --freeze conv1,conv2 "
    line += "--rule anil --first-order-updates 3 --prototype-updates 2 --train-ways 8 "
    line += "--train-queries 9 --scale 0.3 --distort 0.7 --updates 9 --tasks 8 --lr 0.6 "
    line += "--lr-end 0.5 --clip 3.0 --seed 12 --init-rate 0.2 --init-variance 2.0 --init-rounds 3 "
    line += "--init-readout zero --init-tasks 5 --evaluate-every 13 --evaluate-episodes 14 "
    line += "--checkpoint-every 15 --test-episodes 16 --test-seed 17"
    lines = (
        line,
        "--dataset recordings --root folder --sensor 40,50 --size 20,25 --bin-ms 2.0 "
        "--duration-ms 50.0 --hop-ms 25.0 --time ms --flip-y --columns t,x,y,p",
        "--rule imaml --proximal 0.5 --cg-steps 3 --inner-steps 4 --step-size 0.5 --zero-readout",
        "--layers conv4-k3-s2,dense8-recurrent --learn alpha,beta --adapt-constants --neuron cuba",
        "--dataset written --strokes order --draws 2 --no-align --start other.h5",
        "--rule prototypes --readings 4 --looks 5 --axes 6",
        "--model cnn --order 1 --init orthogonal",
        "--rule ridge --loss squared --readout mean --penalty 0.5",
    )
    seen = []
    usual = ms.TrainingConfig()
    monkeypatch.setattr(training, "train", lambda config, *_, **__: seen.append(config) or 1 / 0)
    tried = set()
    for line in lines:
        command(f"train --preset paper --out here {line}")
        changed = {one.name for one in fields(usual)}
        changed = {name for name in changed if getattr(seen[-1], name) != getattr(usual, name)}
        words = {
            word[2:].removeprefix("no-").replace("-", "_") for word in line.split() if "--" in word
        }
        assert changed == words
        tried |= changed
    assert tried == {one.name for one in fields(usual)} and len(seen) == len(lines)
    command("train --quiet --out here")
    assert seen[-1] == ms.TrainingConfig.preset("quick")


def test_resume_goes_on_and_takes_no_settings(command):
    line = f"{TOY} --updates 2 --evaluate-every 0"
    code, _, err = command(f"train {line} --scale 0.2 --seed 1 --strokes order --out run --quiet")
    assert code == 0 and "note: --strokes does nothing" in err
    result = Path("run/result.json").read_text()
    code, _, err = command(f"train {line} --lr 0.1 --out run")
    assert code == 2 and "--resume run" in err
    Path("run/result.json").unlink()
    code, out, _ = command("train --resume run --dataset mine.py:toy --quiet")
    assert code == 0 and out.startswith("test accuracy") and read_json("run/result.json")
    assert read_json("run/result.json")["per_episode"] == json.loads(result)["per_episode"]
    code, _, err = command("train --resume run --lr 3 --force")
    assert code == 2 and "--lr" in err and "--force" in err
    assert "nowhere: no run to resume" in command("train --resume nowhere")[2]
    assert command(f"train {line} --lr 0.1 --out run --force --quiet")[0] == 0


def test_sigterm_saves_like_ctrl_c_with_its_own_code(command, monkeypatch):
    # Before it trains, `train` reads twelve tasks, to know the data again.
    before = signal.getsignal(signal.SIGTERM)
    sample = ToySet.sample_task
    calls = []

    def sample_task(self, *arguments, **settings):
        calls.append(1)
        if len(calls) == 22:
            os.kill(os.getpid(), signal.SIGTERM)
        return sample(self, *arguments, **settings)

    monkeypatch.setattr(ToySet, "sample_task", sample_task)
    try:
        code, _, err = command(f"train {TOY} --quiet")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert code == 143 and "--resume runs/quick-1" in err
    assert 0 < ms.read("runs/quick-1").progress["update"] < 6


# ---- evaluate


def evaluated(command, line: str) -> tuple[dict, str]:
    """What `evaluate` writes, and prints, of toy tasks."""
    code, out, err = command(f"evaluate {line} --dataset mine.py:toy --json a.json --force")
    assert code == 0, err
    return read_json("a.json"), out


def test_evaluate_says_and_writes_what_evaluate_finds(command, trained):
    result, out = evaluated(
        command, "--checkpoint run/checkpoint.h5 --episodes 4 --seed 5 --split val"
    )
    found = ms.read(trained)
    beside = partial(baselines, found.net, found.theta, inner=found.inner)
    what = found.net, found.theta, found.inner, ToySet("val"), "val", 4, 5
    expected = ms.evaluate(*what, queries=2, progress=False, beside=beside)
    assert_told(out, result)
    assert "unlike in training: seed 5, not 0" in out
    for name in set(expected) - {"dataset"}:
        assert result[name] == expected[name], name
    assert result["dataset"] == "mine.py:toy" and result["inner_steps"] == 1
    again, _ = evaluated(command, "--checkpoint run --episodes 3")  # the test of the training
    assert again["per_episode"] == read_json(trained / "result.json")["per_episode"]


def test_evaluate_by_another_rule(command, trained):
    """By name as in the table beside, and Proto-MAML without a step is the nearest mean."""
    mine = "--checkpoint run --episodes 3"
    ways = ("", "--rule nearest", "--rule maml", "--inner-steps 0")
    whole, nearest, maml, still = (evaluated(command, f"{mine} {how}")[0] for how in ways)
    assert whole["rule"] == "proto-maml"
    assert whole["rules"]["own"]["per_episode"] == nearest["per_episode"] == still["per_episode"]
    assert whole["rules"]["maml"]["per_episode"] == maml["per_episode"] != nearest["per_episode"]
    # beside another rule stands its own, and no step that would begin from a readout of zero
    assert maml["rules"]["Proto-MAML, meta-trained"]["per_episode"] == whole["per_episode"]
    assert not {"maml", "proto-maml"} & maml["rules"].keys()


def test_evaluate_against_another_network(command, trained):
    """On the same episodes, by its own rule, and the paired difference; one of other recordings is
    refused."""
    assert command(f"train {TOY} --preset maml --seed 1 --quiet --out other")[0] == 0
    second, _ = evaluated(command, "--checkpoint other --episodes 3")
    mine = "--checkpoint run --episodes 3 --no-baselines"
    first, out = evaluated(command, f"{mine} --against other")
    [(name, row)] = first["rules"].items()
    apart = np.subtract(first["per_episode"], second["per_episode"])
    assert name == "other, MAML, meta-trained" and name in out and apart.any()
    assert row["per_episode"] == second["per_episode"]
    ci95 = 1.96 * apart.std(ddof=1) / np.sqrt(3)
    assert row["less"][:2] == pytest.approx([apart.mean(), ci95])
    half = 100 * row["less_interval"]["half"]
    assert f"{100 * apart.mean():+.1f} ± {half:.1f}" in out.splitlines()[-2]
    wider, out = evaluated(command, f"{mine} --against run --ways 4")
    assert [*wider["rules"].values()][0]["less"][:2] == [0, 3 / 24] and "4-way 1-shot" in out
    for name in ("double_asl_maml.h5", "double_nmnist_pretrained.h5"):
        code, out, err = command(
            f"evaluate --checkpoint run --dataset mine.py:toy --against {name}"
        )
        assert code == 2 and not out and "--against" in err.splitlines()[-1]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_that_a_set_stands_for_learned_it(name):
    assert ms.read(network_for(name, ())).origin.data in (name, f"{name}-background", None)
    orders = ms.read(network_for("written", ("Korean", "order")))
    assert orders.config.strokes == ("order",) and orders.inner.readings > 1


# ---- show, record, info, check


@pytest.mark.parametrize(
    "rule, shots, title",
    [
        (ms.ClassMeans(steps=0, readings=3, looks=5), 2, "no weight update"),
        (ms.InnerLoop(0.1, online=True), 2, "6 weight updates"),
    ],
)
def test_show_draws_what_the_network_answers(command, rule, shots, title, rng):
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8, backend="numpy")
    ms.save("net.h5", net, net.init(rng), inner=rule)
    how = f"--dataset mine.py:toy --shots {shots} --no-animation --format svg --out task"
    code, out, err = command(f"show --checkpoint net.h5 {how}")
    assert code == 0 and "task/answers.svg" in out, err
    assert title in Path("task/answers.svg").read_text() and Path("task/raster.svg").is_file()


def pictures(folder: Path, labels="ab", each=2) -> None:
    """A folder of labelled pictures, each with a bright bar at another place."""
    for k, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for n in range(each):
            image = np.zeros((20, 20), np.uint8)
            image[4:16, 5 + 3 * k + n : 8 + 3 * k + n] = 255
            Image.fromarray(image).save(folder / label / f"{n}.png")


def test_record_shipped_digits_as_the_camera_sees_them(command):
    code, out, _ = command("record --out made --each 2 --seed 3 --duration 100 --quiet")
    digits = ms.load_digits()
    assert code == 0 and "made: 20 recordings of 10 labels" in out
    for digit in range(10):
        numbers = digits.numbers[digits.labels == digit][:2].tolist()
        files = sorted(Path("made", "Train", str(digit)).iterdir())
        assert [int(path.stem) for path in files] == numbers
    picture = digits.images[digits.numbers == numbers[1]][0]
    expected = EventCamera().record(picture, 3, numbers[1], 100)
    np.testing.assert_array_equal(read_nmnist(files[1]), expected)


def test_record_writes_all_or_nothing_over_nothing_and_info_says_what(command):
    pictures(Path("pictures"), "012", 3)
    assert "pictures: this is" in command("record pictures --out pictures")[2]
    assert command("record pictures --out made --quiet")[0] == 0
    before = sorted(Path("made").rglob("*"))
    code, _, err = command("record pictures --out made --each 2 --quiet")
    assert code == 2 and "mixed" in err and sorted(Path("made").rglob("*")) == before
    assert (
        command("record pictures --out made --split Test --each 2 --quiet")[0] == 0
    )  # next to Train
    for line, words in (
        ("made --sample 6", "made: 15 recordings of 3 classes, of 34 x 34 pixels"),
        ("made/Train/1/00005.bin", "events of 34 x 34 pixels"),
    ):
        code, out, _ = command(f"info {line}")
        assert code == 0 and words in out
    Path("empty").mkdir()
    for path in ("empty", "absent", "/dev/null"):
        code, _, err = command(f"info {path}")
        assert code == 2 and path in err and err.count("\n") == 1


def test_info_of_a_run_and_of_a_checkpoint(command, trained, rng):
    code, out, _ = command("info run")
    for words in (
        "network     SpikingNet for inputs 6 x 6 x 2, 3 classes, 187 parameters",
        "conv1     3 x 3 x 2 x 4",
        "ClassMeans, step_size ",
        "MAML, 6 of 6 updates of 1 x 3-way 1-shot",
        "activity conv1",
        "result      test accuracy",
    ):
        assert code == 0 and words in out, words
    assert "result" not in command("info run/checkpoint.h5")[1]
    layers = dict(layers=[ms.Dense(5)], learn=("alpha", "gamma"), backend="numpy")
    net = ms.SpikingNet((6,), ways=3, **layers)
    theta = net.init(rng)
    net.views(theta)["dense1.alpha"][...] = 0
    ms.save("learned.h5", net, theta)
    assert f"learned alpha 0.5 gamma {net.neuron.gamma:g} -> " in command("info learned.h5")[1]


def test_check_names_the_wrong_derivative_and_exits_with_1(command, trained, monkeypatch):
    small = "--channels 1 --input 2,2,1 --backend numpy"
    assert command(f"check --model cnn {small} --json found.json")[0] == 0
    assert all(one["ok"] for one in read_json("found.json")["networks"])
    code, out, _ = command("check --checkpoint run --backend numpy")
    assert code == 0 and "(6, 6, 2)" in out
    right = ms.LIF.backward

    def wrong(neuron, I, z, u, du, dz):
        dI, dz, dk = right(neuron, I, z, u, du, dz)
        return -dI, dz, dk

    monkeypatch.setattr(ms.LIF, "backward", wrong)
    code, out, _ = command(f"check --model both {small}")
    assert code == 1 and "To blame: LIF.backward dI in conv1" in out
    assert "1 of 3 networks passed" in out


# ---- what is wrong


@pytest.mark.parametrize(
    "line, word",
    [
        ("evaluate --checkpoint absent.h5", "absent.h5: no such file or directory"),
        ("evaluate --checkpoint text.h5", "text.h5: cannot be read"),
        ("evaluate --checkpoint text.h5 --json no/where.json", "there is no folder"),
        ("train --lr -1", "lr must be above 0, not -1.0"),
        ("train --root absent", "absent: "),
        ("train --out text.h5", "this name"),
        ("train --kernel 4", "kernel must be odd"),
        ("show --out text.h5", "this name"),
        ("table 2 --networks empty", "no network of the experiments"),
        ("evaluate --dataset omniglot --align support", "--align"),
        ("evaluate", "--checkpoint"),
        ("report --only table-9", "table-9"),
        ("hardware loihi --words same --json same", "two outputs"),
        ("lessons --only 99", "no lesson 99"),
        ("evaluate --checkpoint net.h5 --scheduler localhost", "tcp://"),
        ("evaluate --checkpoint net.h5 --workers 2 --scheduler tcp://localhost:1", "--workers"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(command, line, word, rng):
    Path("text.h5").write_text("no checkpoint")
    Path("empty").mkdir()
    net = ms.ConvNet((16, 16, 2), (2,), 5, 3)
    ms.save("net.h5", net, net.init(rng))
    before = sorted(path.name for path in Path().iterdir())
    code, out, err = command(line)
    assert code == 2 and not out and err.count("\n") == 1
    assert err.startswith("minisnn: ") and word in err
    assert sorted(path.name for path in Path().iterdir()) == before


@pytest.mark.parametrize(
    "line, words",
    [
        ("train --update 5", "unrecognized arguments: --update 5\n"),
        ("lessons --path fast elsewhere", "unrecognized arguments: elsewhere\n"),
        ("evaluate --workers 0", "argument --workers: 0 is too small; expected at least 1"),
        ("train --out=", "shell variable"),
        ("evaluate --root=", "shell variable"),
    ],
)
def test_a_slip_of_the_pen_is_refused(command, line, words):
    code, _, err = command(line)
    assert code == 2 and words in err


@pytest.mark.parametrize(
    "line, option",
    [
        ("check --checkpoint absent.h5", "--random 2"),
        ("evaluate --checkpoint double_nmnist_maml.h5 --against mine.py", "--strokes order"),
        ("info mine.py", "--sheet new.png"),
        ("info mine.py", "--flip-y"),
        ("record --out new --each 1 --quiet", "--size 8,8"),
        ("lessons --list", "--only 1"),
        ("show --dataset omniglot --ways 1", "--flip-y"),
    ],
)
def test_what_does_nothing_is_a_warning(command, line, option):
    assert f"note: {option.split()[0]} does nothing " in command(f"{line} {option}")[2]


@pytest.mark.parametrize(
    "error, code, message",
    [
        (ValueError("two\nlines"), 2, "minisnn: two lines\n"),
        (FileNotFoundError(2, "No such file", "a.h5"), 2, "minisnn: a.h5: no such file\n"),
        (KeyboardInterrupt(), 130, "minisnn: stopped\n"),
        (KeyboardInterrupt("saved"), 130, "minisnn: saved\n"),
        (MemoryError(), 2, "minisnn: not enough memory"),
        (ZeroDivisionError("x"), 1, "minisnn: a defect of minisnn: ZeroDivisionError: x; "),
    ],
)
def test_exit_codes(command, monkeypatch, error, code, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(training, "train", fail)
    found, _, err = command(f"train {TOY}")
    assert found == code and err.startswith(message)
    monkeypatch.setenv("MINISNN_DEBUG", "1")
    with pytest.raises(type(error)):
        command(f"train {TOY}")


# ---- the process


def test_help_is_quick_and_teaches():
    """Nothing heavy is loaded, and of commands only the one that is asked for; lines fit 80
    columns, and there is an example."""
    program = f"""
import sys
from minisnn import cli

def asked(words):
    print("ASKED", words)
    try:
        cli.main(words.split())
    except SystemExit:
        pass
    print("LOADED", *(name for name in sys.modules if name in {{"numpy", "numba", "tqdm"}}
                      or name.startswith("minisnn.commands.") or name == "lazy_loader"))

for words in ["--version", "--help", *(f"{{name}} --help" for name in {[*cli.COMMANDS]!r})]:
    asked(words)
"""
    found = python("-c", program, environment={"COLUMNS": "80"})
    assert found.returncode == 0, found.stderr
    texts = dict(part.split("\n", 1) for part in found.stdout.split("ASKED ")[1:])
    for words, text in texts.items():
        *lines, loaded = text.splitlines()
        assert max(map(len, lines)) <= 80, words
        assert not {"numpy", "numba", "tqdm", "lazy_loader"} & {*loaded.split()}, words
        command = words.removesuffix("--help").strip() or "train"
        assert words == "--version" or f"minisnn {command}" in "\n".join(lines[1:])
    assert texts["--version"].splitlines() == [f"minisnn {ms.__version__}", "LOADED"]
    assert texts["--help"].splitlines()[-1] == "LOADED"


def test_it_is_a_module_and_what_is_called_hardware_here_is_not_taken_for_its_own(tmp_path):
    """`python -m minisnn` looks into the folder one is in first."""
    (tmp_path / "hardware.py").write_text("1 / 0")
    found = python("-m", "minisnn", "lessons", "--list", cwd=tmp_path)
    assert found.returncode == 0 and "One leaky neuron" in found.stdout and not found.stderr
    assert python("-m", "minisnn").returncode == 2
    wrong = python("-m", "minisnn", "evaluate", "--checkpoint", "absent")
    assert wrong.returncode == 2
    assert wrong.stderr == "minisnn: absent: no such file or directory\n"
