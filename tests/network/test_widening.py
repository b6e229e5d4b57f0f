"""A network in one of more channels: the same answers at first, and training that goes on."""

import numpy as np
import pytest

import minisnn as ms
from minisnn.network.widening import widened, widened_steps, widens


def narrow(**changes):
    settings = dict(channels=(3, 4), hidden=(5,), ways=3, dtype="float64", window=6)
    return ms.SpikingNet((8, 6, 2), **{**settings, **changes})


def weights(net, seed):
    x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
    return x, net.init(np.random.default_rng(seed), x)


@pytest.mark.parametrize(
    "wide",
    [
        dict(channels=(5, 4)),
        dict(channels=(3, 7)),
        dict(hidden=(9,)),
        dict(channels=(4, 6), hidden=(8,)),
    ],
)
@pytest.mark.parametrize("neuron", [ms.LIF(), ms.CubaLIF()])
def test_answers_and_old_channels_are_those_of_the_narrow_network(wide, neuron):
    old = narrow(neuron=neuron)
    net = old.like(**wide)
    x, theta = weights(old, 1)
    drawn = weights(net, 2)[1]
    found = widened(old, theta, net, drawn)
    np.testing.assert_allclose(net(found, x), old(theta, x), rtol=0, atol=1e-12)
    features = net.features(found, x)
    np.testing.assert_allclose(
        features[:, : old.hidden[0]], old.features(theta, x), rtol=0, atol=1e-12
    )
    assert not np.array_equal(found, drawn)
    if wide.get("hidden"):  # new units are those that were drawn, and fire
        assert features[:, old.hidden[0] :].any()


def test_learned_constants_and_recurrent_weights_go_with_it():
    layers = dict(layers=[ms.Dense(4, recurrent=True)], channels=(), hidden=())
    assert not widens(
        narrow(**layers), narrow(layers=[ms.Dense(6, recurrent=True)], channels=(), hidden=())
    )
    old = narrow(learn=("alpha",))
    net = old.like(channels=(5, 6))
    x, theta = weights(old, 1)
    views = old.views(theta)
    for name in views:
        if name.endswith(".alpha"):
            views[name][...] = 0.7
    found = widened(old, theta, net, weights(net, 2)[1])
    assert all(a == 0.7 for name, a in net.views(found).items() if name.endswith(".alpha"))
    np.testing.assert_allclose(net(found, x), old(theta, x), rtol=0, atol=1e-12)


def test_new_parameters_get_the_mean_step_size_of_their_array():
    old = narrow()
    net = old.like(channels=(4, 6))
    steps = np.exp(np.random.default_rng(3).normal(size=old.size))
    found = net.views(widened_steps(old, steps, net))
    before = old.views(steps)
    weight = found["conv2.weight"]
    np.testing.assert_array_equal(weight[:, :, :3, :4], before["conv2.weight"])
    mean = np.exp(np.log(before["conv2.weight"]).mean())
    np.testing.assert_allclose(weight[:, :, 3:], mean, rtol=1e-12)
    np.testing.assert_allclose(weight[:, :, :, 4:], mean, rtol=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        dict(channels=(2, 4)),
        dict(channels=(3,)),
        dict(ways=5),
        dict(kernel=3),
        dict(pool="mean"),
        dict(),
    ],
)
def test_what_is_no_wider_network(changes):
    assert not widens(narrow(), narrow(**changes))
