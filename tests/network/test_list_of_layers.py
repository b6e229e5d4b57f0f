"""Lists of layers: strides, kernels and pooling of a layer's own, recurrence, learned constants."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

import minisnn as ms
from minisnn import gradcheck
from minisnn.meta.stepsizes import StepSizes


@pytest.mark.parametrize("delay", [2, 0])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_layer_hears_itself_from_the_delay_on(delay, steps):
    """Before it, V has no part in what the layer does."""
    neuron = ms.LIF(threshold=-1.0) if delay else ms.CubaLIF(threshold=-1.0)
    settings = dict(layers=[ms.Dense(3, recurrent=True)], ways=2, neuron=neuron)
    net = ms.SpikingNet((4,), dtype=np.float64, backend="numpy", **settings)
    rng = np.random.default_rng(0)
    theta = gradcheck.random_theta(net, rng)
    other = theta.copy()
    net.views(other)["dense1.recurrent"][...] += 5.0
    x = np.ones((1, steps, 4), np.uint8)
    same = np.array_equal(net.record(theta, x)[0]["u"], net.record(other, x)[0]["u"])
    assert same == (steps <= (2 if delay else 1))
    assert np.array_equal(net.spikes(theta, x)[:, :1], net.spikes(other, x)[:, :1])


def test_a_layer_without_spikes_and_a_window_longer_than_the_recording(backend):
    silent = ms.CubaLIF(threshold=1e3)
    for layers in ([ms.Dense(4, recurrent=True)], [ms.Conv(2, kernel=3, stride=2, pool="none")]):
        net = ms.SpikingNet(
            (5, 4, 1),
            layers=layers,
            ways=2,
            neuron=silent,
            learn=("alpha", "beta"),
            window=12,
            dtype=np.float64,
            backend=backend,
        )
        rng = np.random.default_rng(1)
        theta = gradcheck.random_theta(net, rng)
        x, y = gradcheck.random_data(net, rng, 2, 7)
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


def test_theta_holds_weight_bias_recurrent_weights_and_constants_of_each_layer():
    net = recurrent()
    assert [(p.name, p.shape) for p in net.layout] == [
        ("conv1.weight", (3, 3, 2, 3)),
        ("conv1.bias", (3,)),
        ("conv1.beta", ()),
        ("conv1.alpha", ()),
        ("dense1.weight", (2 * 2 * 3, 5)),
        ("dense1.bias", (5,)),
        ("dense1.recurrent", (5, 5)),
        ("dense1.beta", ()),
        ("dense1.alpha", ()),
        ("readout.weight", (5, 3)),
        ("readout.bias", (3,)),
    ]
    theta = net.init(np.random.default_rng(0))
    held = net.views(theta)["conv1.alpha"]
    assert 1 / (1 + np.exp(-held)) == pytest.approx(net.neuron.alpha)


def test_a_network_is_made_again_of_its_configuration_and_its_file(tmp_path):
    net = recurrent(neuron=ms.CubaLIF(alpha=0.8), backend="numpy")
    again = ms.SpikingNet.from_configuration(json.loads(json.dumps(net.configuration())))
    assert again.configuration() == net.configuration() and again.layout == net.layout
    theta = net.init(np.random.default_rng(0))
    ms.save(tmp_path / "net.h5", net, theta)
    loaded, kept = ms.load(tmp_path / "net.h5")
    assert loaded.configuration() == net.configuration() and np.array_equal(kept, theta)
    own = recurrent(layers=[ms.Dense(4, neuron=ms.LIF(alpha=0.5))], learn=())
    assert own.from_configuration(own.configuration()).blocks[0].neuron.alpha == 0.5


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(channels=(3,)), "channels"),
        (dict(hidden=(3,)), "hidden"),
        (dict(kernel=3), "kernel"),
        (dict(pool="mean"), "pool"),
        (dict(layers=ms.Dense(3)), "layers must be a list of Conv and Dense"),
        (dict(layers=[3]), "layers\\[0\\] must be a Conv or a Dense, not 3"),
        (dict(layers=[ms.Dense(3), ms.Conv(3)]), "layers\\[1\\] is a Conv behind a Dense"),
        (dict(layers=[ms.Conv(3, stride=9), ms.Conv(3)]), "conv1 would pool an image of 1 x 1"),
        (dict(learn=("gama",)), "gama"),
        (dict(learn=("gamma",), neuron=ms.CubaLIF()), "gamma"),
        (dict(learn=("gamma",), neuron=ms.LIF(gamma=0.0)), "cannot learn gamma from 0 on"),
    ],
)
def test_a_network_that_cannot_be_gets_a_sentence(changes, said):
    with pytest.raises(ValueError, match=said):
        recurrent(**changes)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: ms.Conv(0), "Conv channels must be"),
        (lambda: ms.Conv(3, kernel=4), "Conv kernel must be odd and positive, not 4"),
        (lambda: ms.Conv(3, stride=0), "Conv stride must be"),
        (lambda: ms.Conv(3, pool="min"), "Conv pool must be one of max, mean, none, not 'min'"),
        (lambda: ms.Dense(3, recurrent="yes"), "Dense recurrent must be True or False"),
        (lambda: ms.Dense(3, neuron="lif"), "Dense neuron must be an LIF, a CubaLIF"),
    ],
)
def test_a_layer_that_cannot_be_gets_a_sentence(make, said):
    with pytest.raises(ValueError, match=said):
        make()


# ---- the inner loop


def test_inner_steps_leave_constants_alone_unless_asked_to_move_them():
    net = recurrent(dtype=np.float64)
    rng = np.random.default_rng(0)
    theta = gradcheck.random_theta(net, rng)
    x, y = gradcheck.random_data(net, rng)
    still, moved = (
        net.views(ms.adapt(net, theta, x, y, 0.1, adapt_constants=asked)) for asked in (False, True)
    )
    for p in net.learned:
        assert still[p.name] == net.views(theta)[p.name]
        assert moved[p.name] != net.views(theta)[p.name]
    with pytest.raises(ValueError, match="adapt_constants has no effect"):
        ms.adapt(recurrent(learn=()), np.zeros(10), x, y, adapt_constants=True)


def test_step_sizes_of_layers_and_arrays_reach_recurrence_and_constants():
    net = recurrent()
    by_layer = StepSizes(net, "layer", 0.1)
    assert len(by_layer.starts) == 3 and by_layer.sizes.sum() == net.size
    assert len(StepSizes(net, "array", 0.1).starts) == len(net.layout)
    frozen = ms.InnerLoop(freeze=("dense1",)).gate(net, np.ones(net.size, np.float32))
    assert not net.views(frozen)["dense1.recurrent"].any()
    assert net.views(frozen)["conv1.weight"].all() and net.views(frozen)["conv1.alpha"] == 0


def test_a_learned_constant_has_the_name_of_no_array():
    @dataclass(frozen=True)
    class Weighing(ms.LIF):
        weight: float = 0.5
        learnable = ("weight",)

    with pytest.raises(ValueError, match="weight"):
        ms.SpikingNet((4,), layers=[ms.Dense(2)], ways=2, neuron=Weighing(), learn=("weight",))


def test_a_neuron_of_ones_own_adds_to_what_decays():
    class Fades(ms.LIF):
        decaying: ClassVar[tuple[str, ...]] = ("rho",)

    assert Fades.decaying == ("alpha", "beta", "gamma", "rho")
    with pytest.raises(ValueError, match="rho"):
        Fades(rho=1.0)


def test_constants_are_told_as_the_neurons_have_them():
    net = ms.SpikingNet(
        (6,),
        layers=[ms.Dense(5)],
        ways=2,
        learn=("beta", "gamma"),
        neuron=ms.LIF(),
        backend="numpy",
    )
    theta = net.init(np.random.default_rng(0))
    net.views(theta)["dense1.gamma"][...] = 0
    assert net.constants(theta) == {
        "dense1.beta": pytest.approx(ms.LIF().beta),
        "dense1.gamma": 0.5,
    }
    assert net.like(learn=()).constants(np.zeros(net.like(learn=()).size)) == {}
    with pytest.raises(ValueError, match="alpha,beta"):
        net.like(learn=("alpha,beta",))


def test_a_run_takes_layers_as_a_network_does():
    layers = [ms.Conv(4, kernel=3, stride=2), "dense8", ms.Dense(64, recurrent=True)]
    config = ms.TrainingConfig(layers=layers)
    assert config.layers == ("conv4-k3-s2", "dense8", "dense64-recurrent")
    with pytest.raises(ValueError, match="no neuron of a layer's own"):
        ms.TrainingConfig(layers=[ms.Dense(5, neuron=ms.CubaLIF())])


# ---- what other programs cannot take


def test_chips_refuse_what_they_cannot_do():
    from minisnn.hardware.chip.network import IntegerNet
    from minisnn.hardware.loihi.cuba import CubaNet

    net = ms.SpikingNet((8, 8, 2), (3,), ways=3, learn=("alpha",))
    theta = net.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="this network has learned constants \\(alpha\\)"):
        IntegerNet(net, theta)
    cuba = recurrent(neuron=ms.CubaLIF(), learn=())
    with pytest.raises(ValueError, match="this network has layers given as a list"):
        CubaNet(cuba, cuba.init(np.random.default_rng(0)))
