"""What counts as an answer, and of what task: nothing that is none is counted, and a result names
the tasks that were asked."""

import numpy as np
import pytest
from toy import ToySet, toy_config, toy_data

from minisnn.meta.inner import InnerLoop
from minisnn.meta.tasks import Task
from minisnn.network.spiking import SpikingNet
from minisnn.training.baselines import compare
from minisnn.training.evaluation import evaluate
from minisnn.training.run import train

SIZE = dict(ways=3, shots=1, queries=2)


class Other(ToySet):
    """Gives tasks of another size than is asked for."""

    def __init__(self, **changes):
        super().__init__("test")
        self.changes = changes

    def sample_task(self, rng, ways=3, shots=1, queries=2) -> Task:
        return super().sample_task(
            rng, **{**dict(ways=ways, shots=shots, queries=queries), **self.changes}
        )


@pytest.mark.parametrize(
    "changes", [dict(ways=1), dict(ways=2), dict(ways=4), dict(shots=4), dict(queries=7)]
)
def test_tasks_of_another_size_are_no_result(changes, tmp_path):
    net = SpikingNet.from_configuration(toy_config().network(ToySet.input_shape))
    theta = net.init(np.random.default_rng(0))
    words = r"a task has \[.*\] support and \[.*\] query samples of its classes; expected 1 and 2 of each of 3"
    with pytest.raises(ValueError, match=words):
        evaluate(net, theta, InnerLoop(), Other(**changes), episodes=2, queries=2, progress=False)
    with pytest.raises(ValueError, match=words):
        train(
            toy_config(),
            tmp_path / "run",
            data=dict(toy_data(), test=Other(**changes)),
            progress=False,
        )


@pytest.mark.parametrize(
    "logits, words",
    [
        (np.full((6, 3), np.nan), "a rule answers with 18 logits that are NaN"),
        (
            np.where(np.arange(18).reshape(6, 3) == 4, np.nan, 0),
            "a rule answers with 1 logits that are NaN",
        ),
        (
            np.zeros((1, 3)),
            r"a rule answers with logits of shape \(1, 3\); expected \(6, 3\), one for each query sample",
        ),
        (np.zeros((6, 2)), r"a rule answers with logits of shape \(6, 2\); expected \(6, 3\)"),
        (np.zeros(6), r"a rule answers with logits of shape \(6,\); expected \(6, 3\)"),
        (
            np.zeros((2, 1, 3)),
            r"a rule answers with logits of shape \(2, 1, 3\); expected \(6, 3\)",
        ),
    ],
)
def test_what_is_no_answer_is_not_counted(logits, words):
    with pytest.raises(ValueError, match=words):
        compare(ToySet("test"), {"mine": lambda task: logits}, 2, **SIZE)


class Leaks(ToySet):
    """The first query sample of each class is its support sample."""

    def sample_task(self, rng, ways=3, shots=1, queries=2) -> Task:
        task = super().sample_task(rng, ways, shots, queries)
        task.x_query[::queries] = task.x_support[::shots]
        return task


def test_samples_on_both_sides_are_told(recwarn):
    net = SpikingNet.from_configuration(toy_config().network(ToySet.input_shape))
    theta = net.init(np.random.default_rng(0))
    evaluate(net, theta, InnerLoop(), ToySet("test"), episodes=2, queries=2, progress=False)
    assert not recwarn
    with pytest.warns(
        UserWarning,
        match="Leaks: 6 of 12 query samples are identical to a support sample of their task",
    ):
        evaluate(net, theta, InnerLoop(), Leaks("test"), episodes=2, queries=2, progress=False)
