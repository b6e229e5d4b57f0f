"""A run knows what made it and what it learned from: no command goes on with, tests or exports one
as another, and what is called unseen was not met before."""

import json
import shutil
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from sweeps import noise
from toy import ToySet, interrupt, toy_config, toy_data
from written import read_json, rewrite

import minisnn as ms
from minisnn import MAML, Omniglot
from minisnn.hardware.training import straight
from minisnn.training.origin import Origin, learned, met
from minisnn.training.progress import sentence

CHIP = straight.OnChip.command
DATA = Path(__file__).parents[2] / "data"
BRIEF = dict(ways=2, channels=(), evaluate_every=0, learn_step_size="no", init_tasks=1)
CONFIG = toy_config(**BRIEF, updates=1, test_episodes=2)


pytestmark = pytest.mark.usefixtures("cached_here")


def run(config, out, data, **how):
    return ms.train(config, out, data=data, progress=False, **how)


def take(rng) -> np.ndarray:
    return noise(rng, (6, 6), 80, 12)


def recordings(classes=10, changed=0) -> ms.Recordings:
    """Eight recordings a class; the last `changed` of them are others."""
    rng = np.random.default_rng(0)
    other = np.random.default_rng(1)
    events = [(take(rng), label) for label in range(classes) for _ in range(8)]
    for n in range(len(events) - changed, len(events)):
        events[n] = take(other), events[n][1]
    return ms.Recordings(events, sensor=(6, 6), duration_ms=12)


def folders(classes) -> None:
    for label in classes:
        rng = np.random.default_rng(label)
        for number in range(6):
            path = Path("data", f"c{label}", f"{number}.npy")
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, take(rng))


def told(recwarn) -> list[str]:
    """What was said of classes that are not unseen, since the last time."""
    found = [str(one.message) for one in recwarn.list if "unseen classes" in str(one.message)]
    recwarn.clear()
    return found


# ---- what made it


def stopped(out, **how) -> str:
    with pytest.raises(KeyboardInterrupt) as found:
        run(toy_config(), out, toy_data({9: interrupt}), **how)
    return str(found.value)


def test_a_run_on_data_given_in_python_is_no_commands(command):
    """Else it would go on with digits, end with exit 0 and print a digit accuracy."""
    assert "out='mine', resume=True" in stopped("mine")
    before = {path.name: path.read_bytes() for path in Path("mine").iterdir()}
    for line in (
        "train --resume mine --quiet",
        "evaluate --checkpoint mine",
        "show --checkpoint mine",
        "hardware export --checkpoint mine --out chip",
    ):
        code, _, err = command(line)
        assert code == 2 and "Python" in err, line
    assert {path.name: path.read_bytes() for path in Path("mine").iterdir()} == before
    assert run(toy_config(), "mine", toy_data(), resume=True).test["dataset"] == "ToySet"
    assert ms.read("mine").origin.kind == "ToySet"


def test_a_run_for_the_chip_is_not_one_of_train(command):
    stopped("run", held=straight.OnChip({"conv1": (2, -1), "readout": (3, -4)}, 3))
    for line in ("train --resume run", "evaluate --checkpoint run", "nir export run net.nir"):
        code, _, err = command(line)
        assert code == 2 and (CHIP in err or "network.h5" in err), line
    assert not Path("net.nir").exists()
    with pytest.raises(ValueError, match=CHIP):
        run(toy_config(), "run", toy_data(), resume=True)


@pytest.mark.parametrize("changed", [1, 60])
def test_a_run_goes_on_with_the_very_recordings(changed):
    data = [recordings(10, n).split(0) for n in (0, changed)]
    run(CONFIG, "run", data[0])
    run(CONFIG, "run", data[0], resume=True)
    with pytest.raises(ValueError, match="recordings differ"):
        run(CONFIG, "run", data[1], resume=True)


class Scaled(MAML):
    """MAML with a number of its own."""

    def __init__(self, times: float):
        self.times = times


def test_a_rule_of_ones_own_goes_on_with_its_own_numbers():
    config = toy_config(updates=1)
    run(config, "run", toy_data(), rule=Scaled(2.0))
    with pytest.raises(ValueError, match=r"times=2.0"):
        run(config, "run", toy_data(), rule=Scaled(3.0), resume=True)
    assert run(config, "run", toy_data(), rule=Scaled(2.0), resume=True)


@pytest.mark.parametrize("name", [path.name for path in sorted(DATA.glob("*.h5"))])
def test_every_network_that_ships_says_what_it_learned_from(name):
    """Those of before records were kept, too, by their settings."""
    found = ms.read(DATA / name)
    assert found.origin.command == (CHIP if "chip" in name else "minisnn train")
    assert found.origin.data == found.config.dataset and found.origin.root is None
    found.check_usable(DATA / name)


def test_a_checkpoint_keeps_its_record(tmp_path):
    made = Origin(CHIP, "double-nmnist", "somewhere")

    def with_record(file):  # `sample` as 0.2 wrote it
        origin = {**asdict(made), "sample": None}
        file.attrs["provenance"] = json.dumps({"origin": origin, "chip": {}})

    found = ms.read(rewrite(DATA / "double_nmnist_chip.h5", tmp_path / "a.h5", with_record))
    assert found.origin == made
    assert found.to_open("a.h5", None, None) == ("double-nmnist", "somewhere")


# ---- what it has met


def test_a_start_that_learned_the_test_classes_is_told(recwarn):
    warnings.simplefilter("always")
    data = recordings()
    first = data.split(0)
    other = data.split(1)
    common = [name for name in other["test"].classes if name in first["train"].classes]
    again = replace(CONFIG, start="first/checkpoint.h5")
    run(CONFIG, "first", first)
    run(again, "again", first)
    assert common and not told(recwarn)
    kept = run(again, "other", other).test
    (found,) = told(recwarn)
    many = f"{len(common)} of its {len(other['test'].classes)} classes ({', '.join(common)})"
    assert many in found and kept["met"] in found and "first/checkpoint.h5" in found
    assert kept["met"] in sentence(kept) and "unseen" not in sentence(kept)
    # what the first one learned is not forgotten by what starts from the second, nor when it goes on
    run(replace(CONFIG, start="again/checkpoint.h5"), "third", other)
    assert len(told(recwarn)) == 1
    run(CONFIG, "first", first, resume=True)
    for out, how in (("other", dict(resume=True)), ("more", {})):
        run(again, out, other, **how)
        assert told(recwarn) == [found]


def test_protocols_of_one_data_set_have_classes_in_common():
    tasks = Omniglot("test", protocol="random")
    learner = Origin(data="omniglot", classes=[*Omniglot("train").classes])
    assert " of its 1692 classes (" in met(learner, Origin(data="omniglot-random"), tasks)
    assert met(learner, Origin(data="omniglot"), Omniglot("test")) is None
    other = replace(learner, data="double-nmnist")
    assert met(other, Origin(data="omniglot-random"), tasks) is None
    binned = replace(learner, how=dict(bin_ms=10, duration_ms=300))
    assert binned.options("omniglot-random") == dict(bin_ms=10, duration_ms=300)
    assert binned.options("double-nmnist") == {}
    start = replace(learner, data="omniglot-random", classes=["Greek-01"])
    assert "Greek-01" in learned(Origin(data="omniglot"), Omniglot("val"), start).classes


TRAINED = (
    "train --dataset recordings --root data --sensor 6,6 --duration-ms 12 --channels none --ways 2 "
    "--queries 2 --evaluate-every 0 --updates 1 --tasks 1 --quiet"
)


@pytest.mark.parametrize("root", ["data", "./data/", "here", "copy", "renamed"])
@pytest.mark.every(2)
def test_known_classes_are_noticed_wherever_they_lie(root, command):
    """A class that is added moves others to another split. Neither the spelling of a folder nor its
    name decides, nor those of the classes where the recordings are the same."""
    folders(range(8))
    assert command(f"{TRAINED} --test-episodes 0 --out run")[0] == 0
    look = "evaluate --checkpoint run --episodes 2 --quiet --json found.json --force"
    _, out, err = command(look)
    assert "unseen classes" not in err and "unseen 2-way" in out
    assert read_json("found.json")["met"] is None
    folders(range(8, 14))
    for path in Path("data").iterdir():
        shutil.copytree(path, Path("copy", path.name))
        shutil.copytree(path, Path("renamed", f"new-{path.name}"))
    Path("here").symlink_to("data")
    _, out, err = command(f"{look} --root {root}")
    kept = read_json("found.json")["met"]
    assert "learned from" in err and kept in out and "unseen" not in out
    assert "unseen classes" not in command(f"{look} --root {root} --split train")[2]
    _, out, err = command(f"{TRAINED} --test-episodes 2 --start run --out next --root {root}")
    assert "learned from" in err and "unseen" not in out
    assert read_json("next/result.json")["met"] in out


def test_the_training_set_is_not_called_unseen():
    whole = recordings()
    data = whole.split(0)
    result = run(replace(CONFIG, test_episodes=0), "run", data)
    for tasks, how, words in (
        (data["train"], {}, "train accuracy"),
        (data["train"].only(data["train"].classes[:2]), {}, "train accuracy"),
        (whole.split_recordings(0)["train"], {}, "train accuracy"),
        (data["val"], {}, "val accuracy"),
        (data["val"], dict(split="test"), "test accuracy"),
        (data["test"], {}, "test accuracy"),
        (whole, {}, "test accuracy"),
    ):
        parts = result.net, result.theta, ms.InnerLoop(), tasks
        found = sentence(ms.evaluate(*parts, episodes=2, progress=False, **how))
        assert found.startswith(words) and ("unseen" in found) == (words != "train accuracy")


class Turned:
    """A set whose classes are named the other way round."""

    def __init__(self, tasks):
        self.tasks, self.classes = tasks, tasks.classes[::-1]
        self.input_shape = tasks.input_shape

    def sample_task(self, *how):
        return self.tasks.sample_task(*how)

    episode = ToySet.episode


def test_a_classifier_is_tested_on_its_own_classes_in_their_order(rng):
    rows = np.zeros((48, 20, 2, 6, 6), np.uint8)
    for n, frames in enumerate(rows):  # a class is a row of pixels
        frames[:, :, n % 6] = rng.random((20, 2, 6)) < 0.5
    sets = ms.Recordings(rows, list("abcdef") * 8, duration_ms=20).split_recordings()
    how = dict(rule="classify", learn_step_size="no", queries=6, test_episodes=0)
    made = run(toy_config(updates=40, lr=0.03, evaluate_every=0, **how), "run", sets)
    names = ms.read("run").origin.labels(made.net.ways)
    assert names == tuple(sets["train"].classes)

    def tested(tasks, classes):
        how = dict(queries=6, whole_set=True, classes=classes, progress=False)
        return ms.evaluate(made.net, made.theta, made.inner, tasks, None, 20, 0, **how)

    turned = Turned(sets["test"])
    known = tested(sets["test"], names)["accuracy_after"]
    assert tested(turned, names)["accuracy_after"] == known > 0.5
    assert tested(turned, None)["accuracy_after"] < 0.5
    turned.classes = ("other", *turned.classes[1:])
    with pytest.raises(ValueError, match="other"):
        tested(turned, names)
