import json

import numpy as np
import pytest
from toy import ToySet, toy_config

from minisnn import SpikingNet, adapt
from minisnn.meta.inner import InnerLoop
from minisnn.training.evaluation import evaluate


@pytest.fixture(scope="module")
def net():
    return SpikingNet.from_configuration(toy_config().network(ToySet.input_shape))


@pytest.fixture(scope="module")
def theta(net):
    return net.init(np.random.default_rng(0), ToySet("train").episode(0, 0).x_support)


def test_numbers_are_those_of_the_episodes_one_by_one(net, theta):
    inner, data = InnerLoop(3.0, 2, ("conv1",)), ToySet("test")
    result = evaluate(
        net, theta, inner, data, episodes=5, seed=7, shots=2, queries=4, progress=False
    )
    after, before = [], []
    for index in range(5):
        task = data.episode(7, index, 3, 2, 4)
        theta_n = adapt(net, theta, task.x_support, task.y_support, 3.0, 2, ("conv1",))
        after.append(np.mean(net(theta_n, task.x_query).argmax(1) == task.y_query))
        before.append(np.mean(net(theta, task.x_query).argmax(1) == task.y_query))
    assert result["per_episode"] == after and result["per_episode_before"] == before
    assert result["accuracy_after"] == pytest.approx(np.mean(after))
    assert result["accuracy_before"] == pytest.approx(np.mean(before))
    assert result["ci95"] == pytest.approx(1.96 * np.std(after, ddof=1) / np.sqrt(5))
    assert (
        result["ci95_recordings"] is None
        and result["interval"]["population"] == "more episodes of the same kind"
    )
    assert (
        0 <= result["interval"]["low"] < result["accuracy_after"] < result["interval"]["high"] <= 1
    )
    expected = dict(episodes=5, seed=7, split="test", root=None, ways=3, shots=2, queries=4)
    assert {name: result[name] for name in expected} == expected
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_network_that_answers_alike_is_told(net, theta, recwarn):
    """Its accuracy is 1 in `ways` by how episodes are made; of so few answers that chance can do it
    nothing is said."""
    inner, always = InnerLoop(0.0), theta.copy()
    net.views(always)["readout.weight"][...] = 0
    net.views(always)["readout.bias"][...] = [0, 1, 0]
    with pytest.warns(
        UserWarning,
        match="ToySet: in every episode all queries get one and the same answer, right in 1 of 3 "
        "by",
    ):
        found = evaluate(net, always, inner, ToySet("test"), episodes=12, queries=4, progress=False)
    assert found["accuracy_after"] == pytest.approx(1 / 3) and found["interval"][
        "half"
    ] == pytest.approx(3 / (12 * 12))
    for start, how in (
        (always, dict(episodes=1, queries=1)),
        (theta, dict(episodes=12, queries=4)),
    ):
        recwarn.clear()
        evaluate(net, start, inner, ToySet("test"), **how, progress=False)
        assert not recwarn
