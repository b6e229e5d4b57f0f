"""Runs that follow the rules of class means: settings, checkpoints, and what comes back from
them."""

from dataclasses import replace

import numpy as np
import pytest

from minisnn.meta.prototypes import ClassMeans
from minisnn.training import checkpoint
from minisnn.training.evaluation import evaluate
from minisnn.training.run import train
from minisnn.training.settings import TrainingConfig

SMALL = TrainingConfig(
    channels=(4,), kernel=3, window=20, ways=3, queries=2, updates=30, lr=0.02, clip=5.0, init_readout="zero",
    evaluate_every=0, test_episodes=10, rule="prototypes", train_ways=5, train_queries=3, scale=10.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def data(three_symbols):
    return three_symbols.split_recordings(train=1, val=1, test=1)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """Prototypes, and Proto-MAML from there."""
    folder = tmp_path_factory.mktemp("runs")
    first = train(SMALL, folder / "first", progress=False, data=data)
    more = replace(
        SMALL,
        rule="proto-maml",
        train_ways=0,
        start=str(folder / "first"),
        updates=5,
        step_size=0.1,
        scale=5.0,
    )
    return folder, first, train(more, folder / "second", progress=False, data=data)


def test_checkpoints_keep_the_rule(runs, data):
    folder, first, second = runs
    for name, result, steps, scale in (("first", first, 0, 10.0), ("second", second, 1, 5.0)):
        found = checkpoint.read(folder / name)
        assert isinstance(found.inner, ClassMeans) and (found.inner.steps, found.inner.scale) == (
            steps,
            scale,
        )
        again = evaluate(
            found.net,
            found.theta,
            found.inner,
            data["test"],
            "test",
            10,
            0,
            None,
            1,
            2,
            progress=False,
        )
        assert again["per_episode"] == result.test["per_episode"]


def test_prototypes_first_and_then_the_rule(data, tmp_path):
    """The first updates are those of rule prototypes, bit for bit, and the rest those of the rule
    from there."""
    first = train(
        replace(SMALL, updates=6, lr_end=1.0, test_episodes=0),
        tmp_path / "a",
        progress=False,
        data=data,
    )
    config = replace(
        SMALL,
        rule="maml",
        prototype_updates=6,
        updates=8,
        lr_end=1.0,
        test_episodes=0,
        checkpoint_every=6,
    )
    both = train(config, tmp_path / "b", progress=False, data=data)
    np.testing.assert_array_equal(both.curve["loss"][:6], first.curve["loss"])
    assert not np.array_equal(both.theta, first.theta) and not isinstance(both.inner, ClassMeans)
    assert both.net.views(both.theta)[
        "readout.weight"
    ].any()  # maml learns a readout, prototypes do not
