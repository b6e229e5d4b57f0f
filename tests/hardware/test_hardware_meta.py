"""Meta-training in integers equals plain integers bit for bit, stays in its words, and follows
the float network's gradient."""

from types import SimpleNamespace

import numpy as np
import plain_meta as reference
import pytest
from integers import IntegerLIF

import minisnn as ms
from minisnn.hardware.meta import kernels, network, run, words as ranges

NEURON = IntegerLIF.of(ms.LIF(alpha=0.7, beta=0.6))


def some(seed: int, ways=3, shots=2, queries=2, steps=14, shape=(8, 8, 2), most=9, rate=0.2):
    rng = np.random.default_rng(seed)

    def counts(n):
        return (
            (rng.random((n, steps, *shape)) < rate) * rng.integers(1, most, (n, 1, 1, 1, 1))
        ).astype(np.uint8)

    y = np.repeat(np.arange(ways), shots)
    asked = np.repeat(np.arange(ways), queries)
    return SimpleNamespace(
        x_support=counts(len(y)), y_support=y, x_query=counts(len(asked)), y_query=asked
    )


def net_of(task, words, seed=1, channels=(2, 3), window=10, kernel=3):
    return network.begun(task.x_support, channels, NEURON, words, window, seed, kernel=kernel)


def compared(net, task, update: int, rate: int = 3000) -> None:
    """An update of the network beside the reference, which is asked first."""
    x = np.concatenate([task.x_support, task.x_query])
    labels = task.y_support, task.y_query
    features = int(np.prod(net.layers[-1].output_shape))
    bits = ranges.feature_bits(net.words, features)
    expected, p, shifts = reference.gradients(net, x, *labels, update, 1, bits)
    found = net.gradients(task, update, 1)
    assert np.array_equal(net.features_of(x, update), p)
    for pair, both in zip(found, expected):
        assert all(map(np.array_equal, pair, both))
    assert [net.top, *(layer.shift for layer in net.layers)] == shifts
    after = [reference.learned(net, n, pair, update, rate) for n, pair in enumerate(expected)]
    net.learn(found, update, rate)
    for layer, numbers in zip(net.layers, after):
        held = layer.weight, layer.bias, layer.momentum, layer.momentum_bias
        assert all(np.array_equal(of.ravel(), other) for of, other in zip(held, numbers))


@pytest.mark.parametrize("bits", [16, 13, 10, 8])
def test_updates_equal_plain_integers_bit_for_bit(bits):
    task = some(bits)
    net = net_of(task, ranges.MetaWords(bits), seed=bits)
    network.settle(net, task, 1)
    for update in range(1, 6 if bits == 8 else 3):  # of 8 bits, a momentum may stay 0 at first
        compared(net, task, update)
    assert all(layer.momentum.any() and layer.momentum_bias.any() for layer in net.layers)


def test_what_leaves_its_word_is_clipped_and_the_shift_grows():
    """Shifts that are too small by three bits: adjoints saturate, as in plain integers."""
    task = some(7)
    net = net_of(task, ranges.MetaWords(16), seed=3)
    network.settle(net, task, 1)
    net.top -= 3
    net.layers[1].shift -= 3
    before = net.top, net.layers[1].shift
    compared(net, task, 1)
    assert (net.top, net.layers[1].shift) == (before[0] + 1, before[1] + 1)
    assert min(net.saturations[place] for place in ("features", "conv2.dx")) > 0


# ---- proofs


def test_sums_reach_their_bounds_and_do_not_leave_32_bits():
    """A 5 x 5 kernel on 16 x 16 sites, all events and adjoints at their ends: the gradient of its
    middle is the bound, as plain integers have it."""
    steps, C = 50, 4
    words = ranges.MetaWords(16)
    shape = (5, 5, 2, C)
    a = ranges.adjoint_bits(words, shape, 256, 7, steps, lowest=True)
    one = ranges.adjoint_sums(shape, 256, 7, steps, a, True)["gradient"]
    assert one <= 2**31 - 1 < ranges.adjoint_sums(shape, 256, 7, steps, a + 1, True)["gradient"]
    x = np.full((16, 32), 7, np.uint8)
    dV = np.zeros((20, 20, C), np.int16)
    dV[2:18, 2:18] = -(1 << a - 1)
    G = np.zeros((2, 5, 5 * C), np.int32)
    for _ in range(steps):
        kernels.gather(x, x.view(np.uint64), dV.reshape(20, -1), G)
    assert G[0, 2, 2 * C] == -one and np.abs(G.astype(np.int64)).max() == one
    a = ranges.adjoint_bits(words, (5, 5, 8, 16), 64, 1, steps, lowest=False)
    below = ranges.adjoint_sums((5, 5, 8, 16), 64, 1, steps, a, False)["adjoint below"]
    weight = np.full((16, 5, 5 * 8), -128, np.int32)
    sums = np.zeros((12, 12 * 8), np.int32)
    kernels.spread_back(np.full((8, 8, 16), -(1 << a - 1), np.int16), weight, sums)
    assert sums[4, 4 * 8] == below <= 2**31 - 1


def test_a_network_whose_sums_do_not_fit_is_refused():
    task = some(1)
    net = net_of(task, ranges.MetaWords(16))
    net.check(6)
    net.neuron = net.neuron._replace(rho=32767, gamma=0)
    with pytest.raises(ValueError):
        net.check(6)


# ---- noise


def test_a_step_shorter_than_a_place_is_taken_as_often_as_its_length():
    n = 20_000
    w = np.zeros(n, np.int16)
    m = np.zeros(n, np.int16)
    G = np.ones(n, np.int64)
    counts = np.zeros(2, np.int64)
    kernels.descend(w, G, m, -6, 1 << 14, -128, 127, 5, counts)
    assert set(w.tolist()) == {0, -1} and abs(w.mean() + 0.25) < 0.02 and counts[0] == -w.sum()
    assert abs(m.mean() - 64 / 64) < 0.02


# ---- beside float


def test_gradients_point_where_the_float_networks_do():
    """The float network has the same weights. Integers that leave out a term, or have a sign wrong,
    are far from it."""
    task = some(5, ways=4, queries=1, steps=30, shape=(8, 8, 2), most=3, rate=0.1)
    net = network.begun(
        task.x_support, (6, 8), IntegerLIF.of(ms.LIF()), ranges.MetaWords(16), 20, 2
    )
    network.settle(net, task, 1)
    found = net.gradients(task, 1, 1)
    plan = run.Plan(channels=(6, 8), log2_scale=1)
    arm = run.FloatArm(net, plan, 4)
    of = arm.inner.meta_gradient(arm.net, arm.theta, ms.Task(**vars(task))).gradient
    views = arm.net.views(of)
    for layer, pair in zip(net.layers, found):
        for G, name in zip(pair, ("weight", "bias")):
            g = views[f"{layer.name}.{name}"].reshape(-1)
            assert G @ g / np.linalg.norm(G) / np.linalg.norm(g) > 0.85, (layer.name, name)
