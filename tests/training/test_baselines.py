"""Rules side by side on the same episodes: each does what its name says."""

import numpy as np
import pytest

from minisnn.meta.inner import InnerLoop
from minisnn.meta.prototypes import ClassMeans
from minisnn.network.spiking import SpikingNet
from minisnn.training.baselines import Adapted, Nearest, compare, frames, random_network


@pytest.fixture(scope="module")
def tasks(three_symbols):
    return three_symbols


@pytest.fixture(scope="module")
def net():
    return SpikingNet((4, 8, 2), (4,), 3, 3, window=20)


def test_rules_side_by_side(tasks, net):
    random = random_network(net, tasks)
    rules = {
        "frames": frames,
        "random": random,
        "one class": lambda task: np.eye(task.ways)[np.zeros(len(task.y_query), int)],
        "maml": Adapted(net, random.theta, InnerLoop(1.0, 1)),
        "proto-maml": Adapted(net, random.theta, ClassMeans(0.0, 1, scale=10.0)),
    }
    rows = compare(tasks, rules, 20, ways=3, queries=4)
    assert list(rows) == list(rules)
    assert rows["frames"].mean > 0.5 and rows["one class"].mean == pytest.approx(1 / 3)
    assert rows["one class"].ci95 == pytest.approx(0)
    assert len(rows["random"].per_episode) == 20 and np.mean(
        rows["random"].per_episode
    ) == pytest.approx(rows["random"].mean)
    assert rows["random"].mean > 0.5 and rows["proto-maml"].mean > 0.5
    assert rows["random"].mean < 1 and rows["random"].intervals.recordings > 0
    again = compare(tasks, {"random": random}, 20, ways=3, queries=4)["random"]
    assert again == rows["random"]
    assert Nearest(net, random.theta)(tasks.episode(0, 0, 3)).shape == (15, 3)
