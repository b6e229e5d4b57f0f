"""Rules side by side on the same episodes: each does what its name says."""

import numpy as np
import pytest

from minisnn.meta.inner import InnerLoop
from minisnn.meta.prototypes import ClassMeans
from minisnn.kernels.network import Loops
from minisnn.meta.remembered import _Known, remembered
import minisnn as ms
from minisnn.core.neuron import CubaLIF
from minisnn.network.spiking import SpikingNet
from minisnn.training.baselines import Adapted, Nearest, compare, frames, random_network
from minisnn.training.evaluation import evaluate


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


def test_answers_rest_on_their_own_recordings(tasks):
    """An interval over recordings is wider where one bad recording spoils many answers than where
    misses are scattered."""
    bad = int(tasks.symbols[1][3])

    def spoiled(task):
        query = task.recordings[1]
        logits = np.eye(task.ways)[task.y_query]
        logits[(query == bad).any(1)] *= -1
        return logits

    rows = compare(tasks, {"spoiled": spoiled}, 60, ways=3, queries=4)
    share = np.mean(
        [(tasks.episode(0, i, 3, 1, 4).recordings[1] == bad).any(1).mean() for i in range(60)]
    )
    assert rows["spoiled"].mean == pytest.approx(1 - share)
    assert rows["spoiled"].intervals.recordings > 1.5 * rows["spoiled"].ci95


def test_recordings_of_a_task_are_those_of_its_samples(tasks):
    task = tasks.episode(1, 0, 3, 2, 3)
    support, query = task.recordings
    assert (
        support.shape == (6, 2)
        and query.shape == (9, 2)
        and not set(support.ravel()) & set(query.ravel())
    )
    np.testing.assert_array_equal(tasks.pool.side_by_side(query), task.x_query)


def test_features_are_computed_once_for_all_rules(tasks, net, monkeypatch):
    """With the same answers, bit for bit, as where each rule computes its own."""
    theta, asked = random_network(net, tasks).theta, []
    inner = ClassMeans(0.0, 0)
    forward = Loops.forward

    def watched(loops, x, *arguments, **options):
        asked.append(len(x))
        return forward(loops, x, *arguments, **options)

    monkeypatch.setattr(Loops, "forward", watched)

    def found():
        asked.clear()
        beside = lambda found: {
            "own": Nearest(net, theta),
            "maml": Adapted(net, theta, InnerLoop(0.0, 1)),
        }
        return evaluate(
            net, theta, inner, tasks, episodes=4, ways=3, queries=4, beside=beside, progress=False
        )

    ms.set_threads(1)  # two would look at the same sample at once
    try:
        once = found()
    finally:
        ms.set_threads(None)
    # query and support by theta; support with a tape and query by theta as the step leaves it
    drawn = [tasks.episode(0, index, 3, queries=4) for index in range(4)]
    samples = [one.tobytes() for task in drawn for x in (task.x_support, task.x_query) for one in x]
    assert len(samples) == 60 > len(set(samples))  # one is in two episodes, and looked at once
    assert sum(asked) == len(set(samples)) + 4 * (3 + 12)
    assert once["rules"]["maml"]["per_episode"] == once["per_episode_before"]
    monkeypatch.setattr(_Known, "__call__", lambda known, net, *of: net._seen(*of))
    assert found() == once
    assert sum(asked) == 4 * (12 + 2 * 15 + 15)


@pytest.mark.parametrize(
    "made", [dict(), dict(hidden=(6,)), dict(neuron=CubaLIF()), dict(channels=())]
)
def test_remembered_features_and_logits_are_the_ones_of_a_call(tasks, made, backend):
    net = SpikingNet(
        (4, 8, 2),
        **{"channels": (4,), "ways": 3, "kernel": 3, "window": 20, "backend": backend, **made},
    )
    theta, x = random_network(net, tasks).theta, tasks.episode(0, 0, 3, queries=4).x_query
    with remembered():
        np.testing.assert_array_equal(net(theta, x), logits := net(theta, x))
        assert net.features(theta, x) is net.features(theta, x)
        seen = net.features(theta, x), logits
    for one, alone in zip(seen, (net.features(theta, x), net(theta, x))):
        np.testing.assert_array_equal(one, alone)


def test_what_is_remembered_ends_with_the_task(tasks, net):
    theta, task = random_network(net, tasks).theta.copy(), tasks.episode(0, 0, 3)
    with remembered():
        p = net.features(theta, task.x_query)
        with remembered():
            assert net.features(theta, task.x_query) is p
        assert not p.flags.writeable
        assert (
            net.features(theta.copy(), task.x_query) is not p
            and net.features(theta, task.x_query.copy()) is not p
        )
    theta *= 1.5
    changed = net.features(theta, task.x_query)
    assert changed.flags.writeable and not np.array_equal(changed, p)
