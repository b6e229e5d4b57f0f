"""CubaLIF, the current-based neuron with a hard reset: its equations, an independent program's
values, every derivative."""

from functools import partial

import numpy as np
import pytest
import small
from test_network import deep

import minisnn as ms

NEURON = ms.CubaLIF(alpha=0.8, beta=0.7, threshold=0.2, slope=3.0, gain=2.0)
cuba = partial(deep, neuron=NEURON)


def test_the_mean_of_spikes_is_no_spike(backend):
    net = cuba(backend, pool="mean")
    theta, x, _ = small.samples(net)
    found = net.spikes(theta, x, "conv1")
    assert found.dtype == np.float64 and len(np.unique(found)) > 2
    assert set(np.unique(found)) <= {0, 0.25, 0.5, 0.75, 1}
    assert net.activity(theta, x)["conv1"] == pytest.approx(found.mean(), rel=1e-12)
    assert cuba(backend).spikes(theta, x).dtype == bool


@pytest.mark.parametrize("T, window", [(1, 5), (2, 5), (3, 3), (9, 1), (9, 4)])
def test_no_window_is_too_short(backend, T, window):
    """Nothing delays: every layer has a gradient at the last step already."""
    net = cuba(backend, window=window)
    theta, x, y = small.samples(net, steps=T)
    _, gradient, _, hvp = net.gradients(theta, x, y)
    for of in (gradient, hvp(np.random.default_rng(1).standard_normal(net.size))):
        assert all(a.any() for name, a in net.views(of).items() if name.endswith("bias"))


def test_a_neuron_without_a_kind_is_an_lif():
    settings = ms.SpikingNet(neuron=ms.LIF(rho=0.2), backend="numpy").configuration()
    assert "kind" not in settings["neuron"]
    assert ms.SpikingNet.from_configuration(settings).neuron == ms.LIF(rho=0.2)
    with pytest.raises(ValueError):
        ms.SpikingNet.from_configuration({**settings, "neuron": {"kind": "izhikevich"}})


def test_settings_make_it(tmp_path):
    from minisnn import train
    from toy import toy_config, toy_data

    config = toy_config(
        neuron="cuba", firing_threshold=0.4, updates=2, test_episodes=2, backend="numpy"
    )
    assert set(config.idle()) >= {"gamma", "rho"}
    train(config, tmp_path / "run", data=toy_data(), progress=False)
    net = ms.read(tmp_path / "run" / "checkpoint.h5").net
    assert net.neuron == ms.CubaLIF(threshold=0.4)
