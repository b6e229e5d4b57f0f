"""What counts as an answer, and of what task: nothing that is none is counted, and a result names
the tasks that were asked."""

import numpy as np
import pytest
from toy import ToySet, toy_config

from minisnn.meta.inner import InnerLoop
from minisnn.meta.tasks import Task
from minisnn.network.spiking import SpikingNet
from minisnn.training.baselines import compare
from minisnn.training.evaluation import evaluate

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


@pytest.mark.parametrize("changes", [dict(ways=2), dict(ways=4), dict(shots=4), dict(queries=7)])
def test_tasks_of_another_size_are_no_result(changes):
    net = SpikingNet.from_configuration(toy_config().network(ToySet.input_shape))
    theta = net.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="expected 1 and 2 of each of 3"):
        evaluate(net, theta, InnerLoop(), Other(**changes), episodes=2, queries=2, progress=False)


@pytest.mark.parametrize(
    "logits", [np.full((6, 3), np.nan), np.zeros((1, 3)), np.zeros((6, 2)), np.zeros((2, 1, 3))]
)
def test_what_is_no_answer_is_not_counted(logits):
    with pytest.raises(ValueError, match="logits"):
        compare(ToySet("test"), {"mine": lambda task: logits}, 2, ways=3, shots=1, queries=2)


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
