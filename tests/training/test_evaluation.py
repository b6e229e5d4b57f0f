"""What a result says is of this network, these episodes and this rule; real targets, too."""

import json
from pathlib import Path

import numpy as np
import pytest
from toy import ToySet, Waves, compare, toy_config, toy_data

import minisnn as ms
from minisnn.training.baselines import Adapted, frames
from minisnn.training.progress import sentence


@pytest.fixture(scope="module")
def net():
    return ms.SpikingNet((6, 6, 2), (4,), 3, 3, "mean", window=8)


@pytest.fixture(scope="module")
def theta(net):
    return net.init(np.random.default_rng(0), ToySet("train").episode(0, 0).x_support)


def evaluate(net, theta, tasks, inner=None, **how):
    how = dict(episodes=2, queries=2, progress=False) | how
    return ms.evaluate(net, theta, inner or ms.InnerLoop(), tasks, **how)


def test_numbers_are_those_of_the_episodes_one_by_one(net, theta):
    loop = ms.InnerLoop(3.0, 2, ("conv1",))
    data = ToySet("test")
    result = evaluate(net, theta, data, loop, episodes=5, seed=7, shots=2, queries=4)
    after = []
    before = []
    for index in range(5):
        task = data.episode(7, index, 3, 2, 4)
        adapted = ms.adapt(net, theta, task.x_support, task.y_support, 3.0, 2, ("conv1",))
        for found, parameters in ((after, adapted), (before, theta)):
            found.append(np.mean(net(parameters, task.x_query).argmax(1) == task.y_query))
    assert result["per_episode"] == after and result["per_episode_before"] == before
    assert result["accuracy_after"] == pytest.approx(np.mean(after))
    assert result["ci95"] == pytest.approx(1.96 * np.std(after, ddof=1) / np.sqrt(5))
    assert result["ci95_recordings"] is None
    interval = result["interval"]
    assert interval["population"] == "more episodes of the same kind"
    assert 0 <= interval["low"] < result["accuracy_after"] < interval["high"] <= 1
    expected = dict(episodes=5, seed=7, split="test", root=None, ways=3, shots=2, queries=4)
    assert expected.items() <= result.items()
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_rules_side_by_side(three_symbols, rng):
    net = ms.SpikingNet((4, 8, 2), (4,), 3, 3, window=20)
    theta = net.init(rng, three_symbols.episode(0, 0, 3, 4, 1).x_support)
    random = Adapted(net, theta, ms.ClassMeans(steps=0))
    rules = {
        "frames": frames,
        "random": random,
        "one class": lambda task: np.eye(task.ways)[np.zeros(len(task.y_query), int)],
        "proto-maml": Adapted(net, theta, ms.ClassMeans(0.0, 1, scale=10.0)),
    }
    rows = compare(three_symbols, rules, 20, ways=3, queries=4)
    assert rows["one class"].mean == pytest.approx(1 / 3)
    for name in ("frames", "random", "proto-maml"):
        assert 0.5 < rows[name].mean == pytest.approx(np.mean(rows[name].per_episode))
    assert rows["random"].ci95_recordings > 0
    again = compare(three_symbols, {"random": random}, 20, ways=3, queries=4)
    assert again["random"] == rows["random"]


# ---- what is no result, and what is warned of


class Other(ToySet):
    """Gives tasks of another size than is asked for."""

    def __init__(self, **changes):
        super().__init__("test")
        self.changes = changes

    def sample_task(self, rng, ways=3, shots=1, queries=2):
        size = dict(ways=ways, shots=shots, queries=queries)
        return super().sample_task(rng, **size | self.changes)


@pytest.mark.parametrize("changes", [dict(ways=2), dict(ways=4), dict(shots=4), dict(queries=7)])
def test_tasks_of_another_size_are_no_result(changes, net, theta):
    with pytest.raises(ValueError, match="expected 1 and 2 of each of 3"):
        evaluate(net, theta, Other(**changes))


@pytest.mark.parametrize(
    "logits", [np.full((6, 3), np.nan), np.zeros((1, 3)), np.zeros((6, 2)), np.zeros((2, 1, 3))]
)
def test_what_is_no_answer_is_not_counted(logits):
    with pytest.raises(ValueError, match="logits"):
        compare(ToySet("test"), {"mine": lambda task: logits}, 2, ways=3, shots=1, queries=2)


class Leaks(ToySet):
    """The first query sample of each class is its support sample."""

    def sample_task(self, rng, ways=3, shots=1, queries=2):
        task = super().sample_task(rng, ways, shots, queries)
        task.x_query[::queries] = task.x_support[::shots]
        return task


def test_samples_on_both_sides_are_told(net, theta, recwarn):
    evaluate(net, theta, ToySet("test"))
    assert not recwarn
    with pytest.warns(UserWarning, match="6 of 12 query samples"):
        evaluate(net, theta, Leaks("test"))


# ---- real targets


@pytest.mark.parametrize(
    "rule, more",
    [("maml", {}), ("anil", {}), ("reptile", dict(inner_steps=3, learn_step_size="no"))],
)
@pytest.mark.every(3)
def test_regression_trains_validates_and_is_tested(rule, more, tmp_path, command):
    data = {split: Waves() for split in toy_data()}
    size = dict(ways=2, shots=4, queries=4)
    config = toy_config(
        rule=rule, loss="squared", **size, updates=30, step_size=0.1, init_rounds=5, **more
    )
    how = dict(data=data, progress=False)
    result = ms.train(config, tmp_path / "run", **how)
    loss = result.curve["loss"]
    error = result.curve["error_after"]
    np.testing.assert_allclose(error, loss, rtol=1e-5)  # 1/2 |l - y|^2 is the mean over two outputs
    assert loss[-6:].mean() < loss[:6].mean() and "accuracy_after" not in result.curve
    task, test = data["test"].episode(0, 0, *size.values()), result.test
    theta = result.inner.adapt(result.net, result.theta, task.x_support, task.y_support)
    error = np.mean((result.net(theta, task.x_query) - task.y_query) ** 2)
    assert test["per_episode"][0] == pytest.approx(error, rel=1e-4)
    assert sentence(test).startswith(f"test error {test['error_after']:.4g} ± ")
    data["test"].away = 9.0
    far = evaluate(result.net, result.theta, data["test"], result.inner, shots=4, episodes=4)
    assert 1 < far["interval"]["low"] < far["error_after"] < far["interval"]["high"]
    data["test"].away = 0.0
    again = ms.train(config, tmp_path / "run", True, **how)
    assert np.array_equal(result.theta, again.theta) and again.test == test
    code, out, _ = command(f"info {tmp_path / 'run'}")
    assert code == 0 and "error" in out


def test_commands_take_real_targets_or_say_in_a_sentence_that_they_do_not(here, command):
    Path("waves.py").write_text("from toy import Waves\n\ndef make(split):\n    return Waves()\n")
    size = dict(ways=2, shots=4, queries=4, updates=2, step_size=0.1)
    config = toy_config(**size, loss="squared", dataset="waves.py:make")
    ms.train(config, "run", progress=False)
    look = "evaluate --checkpoint run --dataset waves.py:make --episodes 2 --quiet"
    code, out, _ = command(look)
    assert code == 0 and out.startswith("test error ")
    learn = "train --dataset waves.py:make --channels 2 --kernel 3 --ways 2 --updates 1 --out new"
    for line, word in (
        (f"{look} --rule nearest", "cross_entropy"),
        (f"{learn} --quiet", "real targets"),
        (f"{learn} --rule maml --evaluate-every 0 --test-episodes 0", "real targets"),
    ):
        code, _, err = command(line)
        *_, last = err.splitlines()
        assert code == 2 and last.startswith("minisnn: ") and word in last, line
        assert not Path("new").exists() and not Path("task").exists()
