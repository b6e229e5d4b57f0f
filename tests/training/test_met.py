"""What is called unseen was not met before: by the network that a run starts from, or in another
division of the classes."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import toy_config

from minisnn import cli
from minisnn.data.readers.events import event_array
from minisnn.data.sets.omniglot import Omniglot
from minisnn.data.sets.recordings import Recordings
from minisnn.meta.inner import InnerLoop
from minisnn.training.evaluation import evaluate
from minisnn.training.origin import Origin, learned, met
from minisnn.training.progress import sentence
from minisnn.training.run import train

CONFIG = toy_config(
    ways=2,
    channels=(),
    updates=1,
    evaluate_every=0,
    test_episodes=2,
    learn_step_size="no",
    init_tasks=1,
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def noise(rng) -> np.ndarray:
    x, y = rng.integers(0, 6, (2, 80))
    return event_array(x, y, np.sort(rng.integers(0, 12_000, 80)), rng.integers(0, 2, 80))


def recordings(classes=10) -> Recordings:
    rng = np.random.default_rng(0)
    return Recordings(
        [(noise(rng), label) for label in range(classes) for _ in range(8)],
        sensor=(6, 6),
        duration_ms=12,
    )


def folders(classes) -> None:
    for label in classes:
        rng = np.random.default_rng(label)
        for number in range(6):
            path = Path("data", f"c{label}", f"{number}.npy")
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, noise(rng))


def told(call) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [str(one.message) for one in found if "unseen classes" in str(one.message)]


def test_a_start_that_learned_the_test_classes_is_told():
    data = recordings()
    first, other = data.split(0), data.split(1)
    common = [name for name in other["test"].classes if name in first["train"].classes]
    assert common
    assert not told(lambda: train(CONFIG, "first", data=first, progress=False))
    again = replace(CONFIG, start="first/checkpoint.h5")
    assert not told(lambda: train(again, "again", data=first, progress=False))
    words = (
        f"test: {len(common)} of its {len(other['test'].classes)} classes ({', '.join(common)}) "
        "are of those that the"
    )
    (found,) = told(lambda: train(again, "other", data=other, progress=False))
    assert found.startswith(words) and "first/checkpoint.h5" in found
    kept = json.loads(Path("other/result.json").read_text())
    assert found.startswith(f"test: {kept['met']}")
    assert kept["met"] in sentence(kept) and "unseen" not in sentence(kept)
    # what the first one learned is not forgotten by what starts from the second, nor when it goes
    # on
    third = replace(CONFIG, start="again/checkpoint.h5")
    assert told(lambda: train(third, "third", data=other, progress=False)) == [
        found.replace("first/", "again/")
    ]
    train(CONFIG, "first", True, data=first, progress=False)
    assert told(lambda: train(again, "other", True, data=other, progress=False)) == [found]
    assert told(lambda: train(again, "more", data=other, progress=False)) == [found]


def test_protocols_of_one_data_set_have_classes_in_common():
    tasks = Omniglot("test", protocol="random")
    learner = Origin(data="omniglot", classes=[*Omniglot("train").classes])
    found = met(learner, Origin(data="omniglot-random"), tasks)
    assert found is not None and " of its 1692 classes (" in found
    assert met(learner, Origin(data="omniglot"), Omniglot("test")) is None
    binned = replace(learner, how=dict(bin_ms=10, duration_ms=300))
    assert binned.options("omniglot-random") == dict(bin_ms=10, duration_ms=300)
    assert binned.options("double-nmnist") == {}
    start = replace(learner, data="omniglot-random", classes=["Greek-01"])
    assert "Greek-01" in learned(Origin(data="omniglot"), Omniglot("val"), start).classes
    assert (
        met(replace(learner, data="double-nmnist"), Origin(data="omniglot-random"), tasks) is None
    )


TRAINED = (
    "train --dataset recordings --root data --sensor 6,6 --duration-ms 12 --channels none --ways 2 "
    "--queries 2 --evaluate-every 0 --updates 1 --tasks 1 --quiet"
)


def copied(name: str, prefix: str) -> None:
    for path in Path("data").iterdir():
        shutil.copytree(path, Path(name, f"{prefix}{path.name}"))


@pytest.mark.parametrize("root", ["data", "./data", "data/", "here", "copy", "renamed"])
def test_known_classes_are_noticed_wherever_they_lie(root, capsys):
    """A class that is added moves others to another split. Neither the spelling of a folder nor its
    name decides, nor those of the classes where the recordings are the same."""
    folders(range(8))
    assert cli.main([*TRAINED.split(), "--test-episodes", "0", "--out", "run"]) == 0
    look = "evaluate --checkpoint run --episodes 2 --quiet --json found.json --force".split()
    assert cli.main(look) == 0
    out, err = capsys.readouterr()
    assert "unseen classes" not in err and "unseen 2-way" in out
    assert json.loads(Path("found.json").read_text())["met"] is None
    folders(range(8, 14))
    copied("copy", "")
    copied("renamed", "new-")
    Path("here").symlink_to("data")
    assert cli.main([*look, "--root", root]) == 0
    out, err = capsys.readouterr()
    assert "note: test: " in err and "learned from" in err
    kept = json.loads(Path("found.json").read_text())["met"]
    assert kept in out and "unseen" not in out
    assert cli.main([*look, "--root", root, "--split", "train"]) == 0
    assert "unseen classes" not in capsys.readouterr().err
    start = f"{TRAINED} --test-episodes 2 --start run --out next --root {root}"
    assert cli.main(start.split()) == 0
    out, err = capsys.readouterr()
    assert "learned from" in err and "unseen" not in out
    assert json.loads(Path("next/result.json").read_text())["met"] in out


def test_the_training_set_is_not_called_unseen():
    data = recordings().split(0)
    result = train(replace(CONFIG, test_episodes=0), "run", data=data, progress=False)

    def said(tasks, **how) -> str:
        return sentence(
            evaluate(
                result.net, result.theta, InnerLoop(), tasks, episodes=2, progress=False, **how
            )
        )

    assert said(data["train"]).startswith("train accuracy") and "unseen" not in said(data["train"])
    assert said(data["train"].only(data["train"].classes[:2])).startswith("train accuracy")
    assert said(data["val"]).startswith("val accuracy") and "unseen validation" in said(data["val"])
    assert said(data["test"]).startswith("test accuracy") and said(recordings()).startswith(
        "test accuracy"
    )
    assert said(recordings().split_recordings(0)["train"]).startswith("train accuracy")
    assert said(data["val"], split="test").startswith("test accuracy")
