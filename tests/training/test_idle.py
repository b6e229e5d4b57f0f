"""Settings that are said to change nothing in a run change nothing, and all others do."""

import warnings
from dataclasses import fields, replace

import numpy as np
import pytest

from minisnn import TrainingConfig, train
from toy import small_set, state, toy_config, toy_data
from slowly import all_but

BASE = toy_config(
    updates=2,
    tasks=1,
    evaluate_every=1,
    evaluate_episodes=2,
    test_episodes=2,
    init_rounds=2,
    hidden=(3,),
)
OTHER = dict(
    ways=4,
    shots=2,
    queries=3,
    channels=(5,),
    hidden=(4,),
    layers=("conv4-k3-mean", "dense3-recurrent"),
    learn=("alpha",),
    adapt_constants=True,
    kernel=5,
    pool="max",
    window=5,
    detach_reset=True,
    alpha=0.9,
    beta=0.8,
    gamma=0.5,
    rho=2.0,
    firing_threshold=0.1,
    slope=5.0,
    gain=3.0,
    dtype="float64",
    step_size=2.0,
    inner_steps=2,
    learn_step_size="scalar",
    step_size_lr=0.5,
    freeze=("conv1",),
    rule="anil",
    order=1,
    first_order_updates=1,
    zero_readout=True,
    prototype_updates=1,
    train_ways=4,
    train_queries=1,
    scale=0.5,
    penalty=0.5,
    readings=2,
    looks=5,
    axes=2,
    proximal=0.5,
    cg_steps=2,
    distort=0.5,
    updates=3,
    tasks=2,
    lr=0.1,
    lr_end=1.0,
    clip=1e-4,
    seed=1,
    init="orthogonal",
    init_rate=0.1,
    init_variance=4.0,
    init_rounds=1,
    init_readout="zero",
    init_tasks=3,
    evaluate_every=2,
    evaluate_episodes=9,
    test_episodes=3,
    test_seed=1,
    model="cnn",
    neuron="cuba",
)
SCENARIOS = dict(
    plain={},
    cnn=dict(model="cnn", pool="max"),
    cuba=dict(neuron="cuba", firing_threshold=0.1),
    classify=dict(rule="classify", learn_step_size="no", learn=("beta",)),
    prototypes=dict(rule="prototypes", learn_step_size="no", learn=("beta",)),
    anil=dict(rule="anil", learn=("beta",)),
    ridge=dict(rule="ridge", loss="squared", learn_step_size="no", learn=("beta",)),
    reptile=dict(rule="reptile", learn_step_size="no", inner_steps=3),
    imaml=dict(rule="imaml", learn_step_size="no", inner_steps=3, step_size=0.2, zero_readout=True),
    layers=dict(layers=("conv4-k3-mean", "dense3-recurrent"), learn=("beta",)),
    zero=dict(zero_readout=True),
    orthogonal=dict(init="orthogonal", learn_step_size="no"),
    dense=dict(channels=(), evaluate_every=0, test_episodes=0, hidden=(6,)),
)
ELSEWHERE = {
    "dataset",
    "root",
    "draws",
    "align",
    "start",
    "backend",
    "checkpoint_every",
    "strokes",
    "loss",
    "readout",
    *"sensor size bin_ms duration_ms hop_ms time flip_y columns".split(),
}  # data, files, speed, what only some rules take


def outcome(config: TrainingConfig, folder) -> dict[str, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of networks that say nothing
        data = toy_data() if config.rule != "classify" else small_set().split_recordings()
        result = train(config, folder, data=data, progress=False)
    found = (
        state(folder)
        if result.test
        else {"theta": result.theta, "step_size": np.asarray(result.inner.step_size)}
    )
    if config.rule in ("classify", "prototypes", "ridge"):
        del found["step_size"]  # kept, and never used
    return found


def same(one: dict, two: dict) -> bool:
    return one.keys() == two.keys() and all(
        np.array_equal(array, two[name], equal_nan=True) for name, array in one.items()
    )


@pytest.mark.parametrize("scenario", all_but(("dense",), SCENARIOS))
def test_a_setting_is_idle_where_and_only_where_it_is_said_to_be(scenario, tmp_path):
    config = replace(BASE, **SCENARIOS[scenario])
    expected = outcome(config, tmp_path / "as-it-is")
    idle = config.idle()
    assert {f.name for f in fields(config)} == {*OTHER, *ELSEWHERE}
    looked_at = OTHER if scenario == "plain" else idle.keys() - ELSEWHERE
    for name in looked_at:
        other = OTHER[name] if getattr(config, name) != OTHER[name] else getattr(BASE, name)
        try:
            changed = replace(config, **{name: other})
        except ValueError:  # refused at once, which is better
            continue
        if name == "adapt_constants" and not config.learn:  # refused as the run begins
            with pytest.raises(ValueError, match="a network that learns no constants"):
                outcome(changed, tmp_path / name)
            continue
        assert same(outcome(changed, tmp_path / name), expected) == (name in idle), name
