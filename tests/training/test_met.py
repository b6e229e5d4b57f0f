"""What is called unseen was not met before: by the network that a run starts from, or in another
division of the classes."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import toy_config

from minisnn.cli import main
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
    rng = np.random.default_rng(1 + classes[0])
    for label in classes:
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
    # what the first one learned is not forgotten by what starts from the second, nor when it goes
    # on
    third = replace(CONFIG, start="again/checkpoint.h5")
    assert told(lambda: train(third, "third", data=other, progress=False)) == [
        found.replace("first/", "again/")
    ]
    train(CONFIG, "first", True, data=first, progress=False)
    assert told(lambda: train(again, "more", data=other, progress=False)) == [found]


def test_protocols_of_one_data_set_have_classes_in_common():
    tasks = Omniglot("test", protocol="random")
    learner = Origin(data="omniglot", classes=json.dumps(Omniglot("train").classes))
    found = met(learner, Origin(data="omniglot-random"), tasks)
    assert found is not None and " of its 1692 classes (" in found
    assert met(learner, Origin(data="omniglot"), Omniglot("test")) is None
    binned = replace(learner, how=json.dumps(dict(bin_ms=10, duration_ms=300)))
    assert binned.options("omniglot-random") == dict(bin_ms=10, duration_ms=300)
    assert binned.options("double-nmnist") == {}
    start = replace(learner, data="omniglot-random", classes=json.dumps(["Greek-01"]))
    assert "Greek-01" in json.loads(learned(Origin(data="omniglot"), Omniglot("val"), start))
    assert (
        met(replace(learner, data="double-nmnist"), Origin(data="omniglot-random"), tasks) is None
    )


def test_a_class_that_is_added_moves_others_and_it_is_told(capsys):
    folders(range(8))
    flags = (
        "--channels none --ways 2 --queries 2 --evaluate-every 0 --test-episodes 0 --updates 1 "
        "--tasks 1 --init-tasks 1"
    )
    main(
        f"train --dataset recordings --root data --sensor 6,6 --duration-ms 12 {flags} --out run "
        "--quiet".split()
    )
    look = "evaluate --checkpoint run --episodes 2 --quiet".split()
    main(look)
    assert "unseen classes" not in capsys.readouterr().err
    folders(range(8, 14))
    main(look)
    found = capsys.readouterr().err
    assert (
        "note: test: " in found
        and "learned from; its accuracy is not that of unseen classes" in found
    )
    main([*look, "--split", "train"])
    assert "unseen classes" not in capsys.readouterr().err


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
