"""Meta-training that goes on from a checkpoint, and training without tasks: all classes told
apart."""

import json
from dataclasses import replace

import numpy as np
import pytest
from toy import small_set, toy_config, toy_data

from minisnn.core.cuba import CubaLIF
from minisnn.core.neuron import LIF
from minisnn.meta.inner import InnerLoop
from minisnn.meta.optim import Adam, cosine
from minisnn.meta.tasks import Classification
from minisnn.network.spiking import SpikingNet
from minisnn.training import checkpoint
from minisnn.training.folder import RunFolder
from minisnn.meta.stepsizes import StepSizes
from minisnn.training.run import train
from minisnn.training.update import TASKS, begun, generator, network_of, nearest

SILENT = dict(progress=False)


@pytest.fixture(autouse=True)
def quick_curves(monkeypatch):
    monkeypatch.setattr(RunFolder, "draw", lambda self, rows, chance: None)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A checkpoint with learned step sizes."""
    out = tmp_path_factory.mktemp("start") / "before"
    train(toy_config(evaluate_every=0, test_episodes=0), out, data=toy_data(), **SILENT)
    return out


def test_it_starts_where_the_checkpoint_ended(before, tmp_path):
    config = toy_config(
        start=str(before),
        updates=1,
        evaluate_every=0,
        test_episodes=0,
        seed=7,
        lr=1e-9,
        step_size_lr=1e-9,
        step_size=2.0,
    )
    found, result = (
        checkpoint.read(before),
        train(config, tmp_path / "after", data=toy_data(), **SILENT),
    )
    np.testing.assert_allclose(result.theta, found.theta, atol=1e-7)
    # though step_size is another
    np.testing.assert_allclose(result.inner.step_size, found.inner.step_size, rtol=1e-6)
    assert np.ptp(found.inner.step_size) > 0.01


@pytest.mark.parametrize("begun", ["random", "checkpoint"])
def test_a_readout_of_zero_stays_zero_and_all_below_follows_the_meta_gradient_there(
    before, tmp_path, begun
):
    start = str(before) if begun == "checkpoint" else None
    still = dict(
        evaluate_every=0, test_episodes=0, clip=None, tasks=1, optimiser="sgd", lr=0.1, lr_end=1.0
    )
    dtype = "float64" if start is None else "float32"  # that of the checkpoint
    config = toy_config(
        start=start,
        zero_readout=True,
        updates=1,
        learn_step_size="no",
        step_size=2.0,
        dtype=dtype,
        **still,
    )
    one = train(config, tmp_path / "one", data=toy_data(), **SILENT)
    two = train(replace(config, updates=2), tmp_path / "two", data=toy_data(), **SILENT)
    readout = two.net.layout[-2].slice.start
    for found in (one, two):
        views = found.net.views(found.theta)
        assert not views["readout.weight"].any() and (views["readout.bias"] == -10).all()
    task = toy_data()["train"].sample_task(generator(config, TASKS, 1, 0), 3, 1, 2)
    expected = one.theta - 0.1 * InnerLoop(2.0).meta_gradient(one.net, one.theta, task).gradient
    assert np.ptp(expected[readout:]) > 1e-3  # which is what is not learned
    np.testing.assert_allclose(two.theta[:readout], expected[:readout], rtol=1e-6, atol=1e-9)
    assert abs(two.theta - one.theta)[:readout].max() > 1e-6


def test_another_neuron_starts_from_the_nearest_weights():
    """A hard reset does not see the scale of a layer: the same spikes for another threshold and
    gain. From the first neuron to the chip's, every membrane less its threshold is what it was."""
    rng = np.random.default_rng(0)
    of = lambda neuron: SpikingNet(
        (8, 6, 2), (3,), 3, 3, neuron=neuron, window=9, dtype=np.float64, backend="numpy"
    )
    old, x = of(CubaLIF(threshold=0.1, gain=3.0)), rng.poisson(0.3, (2, 20, 8, 6, 2))
    theta = old.init(rng, x, rate=0.3)
    new = of(CubaLIF(threshold=0.4, gain=8.0))
    found = nearest(old, theta, new)
    assert (new.spikes(found, x) == old.spikes(theta, x)).all() and 0.05 < old.spikes(
        theta, x
    ).mean() < 0.9
    np.testing.assert_allclose(new(found, x), old(theta, x), rtol=1e-12)
    first = of(LIF(threshold=0.25, gain=2.0))
    found = first.views(nearest(first, theta, old))
    np.testing.assert_allclose(
        found["conv1.weight"], first.views(theta)["conv1.weight"] * 2 / 3, rtol=1e-15
    )
    np.testing.assert_allclose(
        found["conv1.bias"], first.views(theta)["conv1.bias"] + 0.1 - 0.25, rtol=1e-12, atol=1e-15
    )
    assert (found["readout.weight"] == first.views(theta)["readout.weight"]).all()


@pytest.mark.parametrize("ways", [2, 4])
def test_for_another_number_of_classes_each_begins_as_the_mean_of_those_of_the_checkpoint(
    before, tmp_path, ways
):
    """A share of the loss is smaller among more classes: step sizes grow with their number."""
    found = checkpoint.read(before)
    assert found.net.ways == 3
    config = toy_config(
        start=str(before), ways=ways, updates=1, lr=1e-9, step_size_lr=1e-9, evaluate_every=0
    )
    config = replace(config, test_episodes=0)
    after = train(config, tmp_path / "after", data=toy_data(), **SILENT)
    old, new = found.net.views(found.theta), after.net.views(after.theta)
    assert new["readout.weight"].shape[1] == ways
    for name in old:
        kept = old[name].mean(-1, keepdims=True) if name.startswith("readout") else old[name]
        np.testing.assert_allclose(new[name], np.broadcast_to(kept, new[name].shape), atol=1e-7)
    last = [
        one.net.views(np.asarray(one.inner.step_size))["conv1.weight"].ravel()[0]
        for one in (found, after)
    ]
    np.testing.assert_allclose(last[1], last[0] * ways / 3, rtol=1e-6)


def _classify(**changes):
    return toy_config(
        rule="classify",
        queries=24,
        updates=6,
        tasks=1,
        learn_step_size="no",
        clip=None,
        lr=1e-2,
        evaluate_every=3,
        evaluate_episodes=2,
        test_episodes=2,
        **changes,
    )


@pytest.fixture(scope="module")
def sets():
    return small_set().split_recordings()


def test_classification_written_out(sets, tmp_path):
    """Adam on the mean loss of batches, nothing adapted."""
    config = _classify()
    result = train(config, tmp_path / "run", data=sets, **SILENT)
    tasks = Classification(sets["train"])
    net = network_of(config, tasks.input_shape, 64)
    theta = begun(config, net, StepSizes(net, "no", 1.0), tasks).theta
    adam = Adam(net.size)
    for u in range(6):
        batch = tasks.sample_task(generator(config, TASKS, u, 0), queries=24)
        theta = adam.step(
            theta,
            net.loss_and_gradient(theta, batch.x_query, batch.y_query)[1],
            cosine(u, 6, 1e-2, 2e-4),
        )
    assert np.array_equal(result.theta, theta) and result.inner.steps == 0
    answers = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (
        answers["ways"] == 64
        and answers["rule"] == "classify"
        and answers["accuracy_after"] == answers["accuracy_before"]
    )
