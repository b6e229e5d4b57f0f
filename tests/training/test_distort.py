"""Training tasks whose recordings are distorted."""

from toy import ToySet, toy_config

from minisnn.data.camera.distorted import distorted
from minisnn.training.update import TASKS, generator, network_of, task_of


def test_a_training_task_is_that_of_its_key_and_then_distorted_by_the_same_draws():
    data = ToySet("train")
    plain, bent = toy_config(), toy_config(distort=0.7)
    net = network_of(plain, data.input_shape, 3)
    before, after = (task_of(data, net, config, TASKS, 4, 0) for config in (plain, bent))
    rng = generator(bent, TASKS, 4, 0)
    data.sample_task(rng, 3, bent.shots, bent.queries)
    assert (after.x_support == distorted(before.x_support, rng, 0.7)).all()
    assert (after.x_query == distorted(before.x_query, rng, 0.7)).all()
    assert (after.x_support != before.x_support).any()
    assert (after.y_query == before.y_query).all() and after.classes == before.classes
