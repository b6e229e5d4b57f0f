"""A run is this folder's, these sets', these classes' and this rule's, whatever came in between."""

from dataclasses import dataclass

import numpy as np
import pytest
from toy import ToySet, toy_config, toy_data

import minisnn as ms
from minisnn.meta.rules import MAML
from minisnn.training import checkpoint
from minisnn.training.evaluation import evaluate
from minisnn.training.run import train

SILENT = dict(progress=False)


@pytest.mark.parametrize(
    "split, setting", [("val", "evaluate_every=3"), ("test", "test_episodes=3")]
)
def test_a_set_that_settings_ask_for_is_missed_before_training(split, setting, tmp_path):
    data = toy_data()
    del data[split]
    config = toy_config(evaluate_every=3, test_episodes=3)
    with pytest.raises(ValueError, match=f"data must be sets for .*{split}"):
        train(config, tmp_path / "run", data=data, **SILENT)
    assert not (tmp_path / "run").exists()
    less = toy_config(**{setting.partition("=")[0]: 0})
    assert train(less, tmp_path / "run", data=data, **SILENT)


@dataclass
class Scaled(MAML):
    """MAML by steps of another size."""

    times: float = 1.0


def test_a_rule_of_ones_own_goes_on_with_its_own_numbers(tmp_path):
    run = tmp_path / "run"
    train(toy_config(updates=2), run, data=toy_data(), rule=Scaled(2.0), **SILENT)
    again = dict(resume=True, data=toy_data(), **SILENT)
    with pytest.raises(ValueError, match=r"Scaled\(times=2.0\)"):
        train(toy_config(updates=2), run, rule=Scaled(3.0), **again)
    assert train(toy_config(updates=2), run, rule=Scaled(2.0), **again)


class Turned:
    """A set whose classes are named the other way round."""

    def __init__(self, tasks):
        self.tasks, self.classes = tasks, tasks.classes[::-1]
        self.input_shape = tasks.input_shape

    def sample_task(self, *how):
        return self.tasks.sample_task(*how)

    episode = ToySet.episode


def test_a_classifier_is_tested_on_its_own_classes_in_their_order(tmp_path):
    rng = np.random.default_rng(0)
    rows = np.zeros((48, 20, 2, 6, 6), np.uint8)
    for n, frames in enumerate(rows):  # a class is a row of pixels
        frames[:, :, n % 6] = rng.random((20, 2, 6)) < 0.5
    sets = ms.Recordings(rows, list("abcdef") * 8, duration_ms=20).split_recordings()
    how = dict(rule="classify", learn_step_size="no", queries=6, test_episodes=0)
    config = toy_config(updates=40, lr=0.03, evaluate_every=0, **how)
    made = train(config, tmp_path / "run", data=sets, **SILENT)
    names = checkpoint.read(tmp_path / "run" / "checkpoint.h5").origin.labels(made.net.ways)
    assert names == tuple(sets["train"].classes)

    def tested(tasks, classes):
        how = dict(queries=6, whole_set=True, classes=classes, **SILENT)
        return evaluate(made.net, made.theta, made.inner, tasks, None, 20, 0, **how)

    turned = Turned(sets["test"])
    known = tested(sets["test"], names)["accuracy_after"]
    assert tested(turned, names)["accuracy_after"] == known > 0.5
    assert tested(turned, None)["accuracy_after"] < 0.5
    turned.classes = ("other", *turned.classes[1:])
    with pytest.raises(ValueError, match="has not learned its class other; expected the classes"):
        tested(turned, names)
