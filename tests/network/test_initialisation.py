"""Data-dependent initialisation: orthogonal weights, variance and rate of every layer as asked
for."""

from functools import partial

import numpy as np
import pytest
import small

import minisnn as ms


network = partial(
    small.network, input_shape=(9, 8, 2), channels=(6, 8), ways=4, window=15, hidden=(7,)
)


def events():
    return np.random.default_rng(0).poisson(0.2, (8, 25, 9, 8, 2)).astype(np.uint8)


def membranes(net, theta, x):
    """u of every layer in the window."""
    return [layer["u"] for layer in net.record(theta, x)]


def test_orthogonal_weights_zero_biases(rng):
    net = network()
    for name, a in net.views(net.init(rng)).items():
        if name.endswith(".bias"):
            assert not a.any()
        else:
            w = a.reshape(-1, a.shape[-1])
            gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
            assert np.abs(gram - np.eye(len(gram))).max() < 1e-12


@pytest.mark.parametrize("threshold, rate, variance", [(0.0, 0.288, 1.0), (0.4, 0.1, 2.0)])
def test_lsuv_reaches_variance_and_rate(backend, rng, threshold, rate, variance):
    net = network(backend, neuron=ms.LIF(threshold=threshold))
    x = events()
    for rounds, close in ((5, 0.04), (15, 0.005)):
        theta = net.init(rng, x, rate=rate, variance=variance, rounds=rounds)
        # the readout's few neurons can jump over the rate
        for b, u in zip(net.blocks, membranes(net, theta, x)):
            assert (u > threshold).mean() == pytest.approx(
                rate, abs=0.08 if b.readout else close
            ), b.name
            assert u.var() == pytest.approx(variance, rel=0.04), b.name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(3))
def test_membranes_that_are_equal_before_any_event_are_not_on_the_threshold(backend, seed, dtype):
    """Of 12,800, 640 were with seed 1: all of the first step."""
    net = ms.SpikingNet((48,), (), 5, window=20, hidden=(64,), dtype=dtype, backend=backend)
    x = (np.random.default_rng(seed).random((10, 20, 48)) < 0.2).astype(np.uint8)
    theta = net.init(np.random.default_rng(seed), x)
    for b, u in zip(net.blocks, membranes(net, theta, x)):
        values, counts = np.unique(u, return_counts=True)
        shared = values[counts >= 50]
        assert shared.size and np.abs(shared).min() > 1e-6
        assert (u > 0).mean() == pytest.approx(net.init_rate, abs=0.08)


def test_zero_readout_leaves_the_layers_below_fitted(backend, rng):
    net = network(backend)
    theta = net.init(np.random.default_rng(1), events(), readout="zero")
    fitted = net.init(np.random.default_rng(1), events())
    for name, a in net.views(theta).items():
        assert (
            (not a.any())
            if name.startswith("readout")
            else np.array_equal(a, net.views(fitted)[name])
        )
    assert not np.ptp(net(theta, events()), axis=1).any()  # no class is preferred


def test_data_that_say_nothing_are_refused(backend, rng):
    net = network(backend)
    x = events()
    needed = sum(b.neuron.delay for b in net.blocks)
    for given, how, word in (
        (0 * x, {}, "conv1"),
        (x, dict(rate=1.0), "rate"),
        (x, dict(variance=float("nan")), "variance"),
        (x, dict(rounds=0), "rounds"),
        (x, dict(readout="none"), "readout"),
        (x[:, :needed], dict(readout="zero"), "readout"),
    ):
        with pytest.raises(ValueError, match=word):
            net.init(rng, given, **how)
    assert np.isfinite(net.init(rng, x[:, : needed + 1], readout="zero")).all()


@pytest.mark.parametrize("variance", [1.0, 9.0])
def test_the_convolutional_peer_takes_the_variance_it_is_given(variance):
    """Of what every softplus is taken of, by hand: the convolution of the layer's input."""
    net = small.network(kind=ms.ConvNet, input_shape=(8, 8, 2), channels=(3, 4), ways=5)
    _, x, _ = small.samples(net, batch=6)
    theta = net.init(np.random.default_rng(0), x, 0.3, variance=variance)
    for layer in net.record(theta, x):
        assert np.var(layer["u"]) == pytest.approx(variance)
        assert np.mean(layer["u"] > 0) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("neuron", [ms.LIF(), ms.LIF(rho=2.0, gamma=0.8)], ids=["lif", "another"])
def test_a_silent_readout_never_fires_and_answers_by_its_weights_alone(neuron):
    net = network(neuron=neuron)
    theta = net.init(np.random.default_rng(1), events())
    silent = net.with_silent_readout(theta)
    zero = net.without_readout(theta)
    start = net.layout[-2].slice.start
    assert np.array_equal(silent[:start], theta[:start]) and theta[start:].any()
    step = 0.2 * (np.arange(net.size) >= start) * np.random.default_rng(2).standard_normal(net.size)

    def set_back(theta):  # by what it fired
        views = net.views(theta)
        return (
            net(theta, events())
            - net.features(theta, events()) @ views["readout.weight"]
            - views["readout.bias"]
        )

    assert abs(set_back(silent + step)).max() < 1e-12 < 0.1 < abs(set_back(zero + step)).max()
    assert (membranes(net, silent + step, events())[-1] < net.threshold).all()
