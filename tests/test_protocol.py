"""One protocol: the final test of `train`, `evaluate`, `ms.evaluate` and studies measure the same
tasks, and say how."""

import numpy as np
import pytest
from written import read_json

import minisnn as ms
from minisnn import DoubleNMnist, evaluate
from minisnn.experiments.networks import Networks
from minisnn.experiments.study import Settings, Study
from minisnn.training.baselines import Adapted
from minisnn.training.progress import sentence
from minisnn.training.presets import chosen

EPISODES, QUERIES = 4, 2


@pytest.fixture
def root(cached_here):
    """Recordings of N-MNIST's form, each digit a blob at a place of its own, each recording a
    little further right."""
    rng = np.random.default_rng(0)
    for digit in range(10):
        place = cached_here / "nmnist" / "Train" / str(digit)
        place.mkdir(parents=True)
        for number in range(1, 11):
            x = rng.integers(0, 6, 80) + 2 * digit + number // 2
            y = rng.integers(0, 9, 80) + 2 * (digit % 7)
            t = np.sort(rng.integers(0, 100_000, 80))
            p = rng.integers(0, 2, 80)
            ms.write_nmnist(place / f"{number + 10 * digit:05d}.bin", ms.event_array(x, y, t, p))
    return str(cached_here / "nmnist")


def test_all_ways_to_an_accuracy_agree(root, command):
    small = dict(root=root, channels=(3,), window=20, ways=3, queries=QUERIES, train_ways=3)
    small |= dict(updates=2, evaluate_every=0, test_episodes=EPISODES, test_seed=0)
    made = ms.train(chosen("quick", small | dict(prototype_updates=1)), "run", progress=False)
    line = f"evaluate --checkpoint run --episodes {EPISODES} --json found.json --quiet"
    code, printed, err = command(line)
    assert code == 0, err
    of_command = read_json("found.json")
    own = made.net, made.theta, made.inner
    how = dict(queries=QUERIES, root=root, progress=False)
    of_python = evaluate(*own, "double-nmnist", episodes=EPISODES, **how)
    settings = Settings(EPISODES, QUERIES, 0, root), Networks()
    study = Study("protocol", "studies", *settings, progress=False)
    row = study.rows("adapted", "double-nmnist", {"a": Adapted(*own)}, ways=3)["a"]
    every = made.test, of_command, of_python
    assert all(one["per_episode"] == row.per_episode for one in every)
    assert {one["align"] for one in every} == {"support"}
    assert "aligned by their support" in printed and "aligned" in sentence(made.test)
    assert "nearest mean" in printed and set(made.test["rules"]) == set(of_command["rules"])
    plain = evaluate(*own, "double-nmnist", episodes=1, align="none", **how)
    assert plain["align"] == "none" and "not aligned" in sentence(plain)


def test_tasks_that_validate_and_test_are_aligned_and_those_that_train_are_not(root):
    for split, align in (("train", "none"), ("val", "support"), ("test", "support")):
        assert DoubleNMnist(split, root, progress=False).align == align
    config = chosen("quick", dict(root=root))
    assert config.recordings("test") == {} and config.recordings("train") == {}
    for align, word in ((False, "none"), (True, "support")):
        config = chosen("quick", dict(root=root, align=align))
        assert config.recordings("val")["align"] == word
        assert "align" not in config.recordings("train")


def test_alignment_that_cannot_be_is_refused(root, command, rng):
    net = ms.ConvNet((16, 16, 2), (2,), 5, 3)
    ms.save("net.h5", net, net.init(rng))
    code, _, err = command("evaluate --checkpoint net.h5 --dataset omniglot --align support")
    assert code == 2 and "--align is for double-nmnist" in err
