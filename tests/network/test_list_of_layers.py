"""Lists of layers: strides, kernels and pooling of a layer's own, recurrence, learned constants."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import small

import minisnn as ms
from minisnn.hardware import CubaNet, IntegerNet
from minisnn.meta.stepsizes import StepSizes


def test_a_layer_without_spikes_and_a_window_longer_than_the_recording(backend):
    silent = ms.CubaLIF(threshold=1e3)
    for layers in ([ms.Dense(4, recurrent=True)], [ms.Conv(2, kernel=3, stride=2, pool="none")]):
        how = dict(ways=2, window=12, dtype="float64", backend=backend)
        net = ms.SpikingNet((5, 4, 1), layers=layers, neuron=silent, learn=("alpha", "beta"), **how)
        theta, x, y = small.samples(net, batch=2, steps=7)
        _, gradient, _, hvp = net.gradients(theta, x, y)
        assert np.isfinite(gradient).all() and np.isfinite(hvp(gradient)).all()
        assert not net.spikes(theta, x).any()


# ---- theta, settings and files


def recurrent(**changes):
    settings: dict[str, Any] = dict(
        layers=[ms.Conv(3, kernel=3, stride=2, pool="mean"), ms.Dense(5, recurrent=True)],
        ways=3,
        learn=("beta", "alpha"),
        window=9,
    )
    return ms.SpikingNet((9, 8, 2), **{**settings, **changes})


def test_a_network_is_made_again_of_its_configuration_and_its_file(tmp_path):
    net = recurrent(neuron=ms.CubaLIF(alpha=0.8), backend="numpy")
    again = ms.SpikingNet.from_configuration(json.loads(json.dumps(net.configuration())))
    assert again.configuration() == net.configuration() and again.layout == net.layout
    theta = net.init(np.random.default_rng(0))
    ms.save(tmp_path / "net.h5", net, theta)
    found = ms.read(tmp_path / "net.h5")
    assert found.net.configuration() == net.configuration()
    assert np.array_equal(found.theta, theta)
    own = recurrent(layers=[ms.Dense(4, neuron=ms.LIF(alpha=0.5))], learn=())
    assert own.from_configuration(own.configuration()).blocks[0].neuron.alpha == 0.5


@dataclass(frozen=True)
class Weighing(ms.LIF):
    weight: float = 0.5
    learnable = ("weight",)


class Fades(ms.LIF):
    decaying: ClassVar[tuple[str, ...]] = ("rho",)


def on_a_chip(kind, **changes):
    net = recurrent(**changes)
    return kind(net, np.zeros(net.size, np.float32))


@pytest.mark.parametrize(
    "make, word",
    [
        (lambda: recurrent(layers=[ms.Dense(2)], neuron=Weighing(), learn=("weight",)), "weight"),
        (lambda: Fades(rho=1.0), "rho"),
        (lambda: recurrent().like(learn=("alpha,beta",)), "alpha,beta"),
        (lambda: ms.TrainingConfig(layers=[ms.Dense(5, neuron=ms.CubaLIF())]), "own"),
        (lambda: on_a_chip(IntegerNet), "learned"),
        (lambda: on_a_chip(CubaNet, neuron=ms.CubaLIF(), learn=()), "list"),
        (lambda: recurrent(channels=(3,)), "channels"),
        (lambda: recurrent(kernel=3), "kernel"),
        (lambda: recurrent(pool="mean"), "pool"),
        (lambda: recurrent(layers=[3]), "layers"),
        (lambda: recurrent(layers=[ms.Dense(3), ms.Conv(3)]), "after"),
        (lambda: recurrent(layers=[ms.Conv(3, stride=9), ms.Conv(3)]), "conv1"),
        (lambda: recurrent(learn=("gama",)), "gama"),
        (lambda: recurrent(learn=("gamma",), neuron=ms.CubaLIF()), "gamma"),
        (lambda: recurrent(learn=("gamma",), neuron=ms.LIF(gamma=0.0)), "gamma"),
        (lambda: ms.Conv(0), "channels"),
        (lambda: ms.Conv(3, kernel=4), "kernel"),
        (lambda: ms.Conv(3, stride=0), "stride"),
        (lambda: ms.Conv(3, pool="min"), "pool"),
        (lambda: ms.Dense(3, recurrent="yes"), "recurrent"),
        (lambda: ms.Dense(3, neuron="lif"), "neuron"),
    ],
)
def test_what_cannot_be_gets_a_sentence(make, word):
    with pytest.raises(ValueError, match=word):
        make()


# ---- the inner loop


def test_inner_steps_leave_constants_alone_unless_asked_to_move_them():
    net = recurrent(dtype=np.float64)
    theta, x, y = small.samples(net)
    still, moved = (
        net.views(ms.adapt(net, theta, x, y, 0.1, adapt_constants=asked)) for asked in (False, True)
    )
    for p in net.learned:
        assert still[p.name] == net.views(theta)[p.name]
        assert moved[p.name] != net.views(theta)[p.name]


def test_step_sizes_of_layers_and_arrays_reach_recurrence_and_constants():
    net = recurrent()
    by_layer = StepSizes(net, "layer", 0.1)
    assert len(by_layer.starts) == 3 and by_layer.sizes.sum() == net.size
    assert len(StepSizes(net, "array", 0.1).starts) == len(net.layout)
    frozen = ms.InnerLoop(freeze=("dense1",)).gate(net, np.ones(net.size, np.float32))
    assert not net.views(frozen)["dense1.recurrent"].any()
    assert net.views(frozen)["conv1.weight"].all() and net.views(frozen)["conv1.alpha"] == 0


def test_a_neuron_of_ones_own_adds_to_what_decays():
    assert Fades.decaying == ("alpha", "beta", "gamma", "rho")


def test_constants_are_told_as_the_neurons_have_them():
    net = ms.SpikingNet((6,), layers=[ms.Dense(5)], ways=2, learn=("beta", "gamma"))
    theta = net.init(np.random.default_rng(0))
    net.views(theta)["dense1.gamma"][...] = 0
    beta = pytest.approx(net.neuron.beta)
    assert net.constants(theta) == {"dense1.beta": beta, "dense1.gamma": 0.5}
    fixed = net.like(learn=())
    assert fixed.constants(np.zeros(fixed.size)) == {}


def test_a_run_takes_layers_as_a_network_does():
    layers = [ms.Conv(4, kernel=3, stride=2), "dense8", ms.Dense(64, recurrent=True)]
    config = ms.TrainingConfig(layers=layers)
    assert config.layers == ("conv4-k3-s2", "dense8", "dense64-recurrent")
