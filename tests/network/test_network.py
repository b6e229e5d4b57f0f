"""The network: its layout, its equations against scalar loops, its backends against each other, its
errors."""

from functools import partial

import numpy as np
import pytest
import small
from differences import off

import minisnn as ms

deep = partial(small.network, input_shape=(7, 6, 2), channels=(3, 2))


# ---- layout


def test_table_1():
    net = ms.SpikingNet(backend="numpy")
    sizes = [1600, 32, 51200, 64, 204800, 128, 5120, 5]
    assert [int(np.prod(p.shape)) for p in net.layout] == sizes and net.size == sum(sizes)
    assert [b.output_shape for b in net.blocks] == [(8, 16, 32), (4, 8, 64), (2, 4, 128), (1, 1, 5)]
    constants = dict(alpha=0.95, beta=0.9, gamma=0.65, rho=1, threshold=0, slope=10, gain=10)
    assert net.window == 30 and net.neuron == ms.LIF(**constants)


def test_dense_network_sees_features_in_h_w_c_order(backend):
    conv = deep(backend, input_shape=(3, 2, 2), channels=(), hidden=(4,))
    flat = deep(backend, input_shape=12, channels=(), hidden=(4,))
    theta, x, y = small.samples(conv)
    loss, gradient = conv.loss_and_gradient(theta, x, y)
    other, same = flat.loss_and_gradient(theta, x.reshape(3, 14, 12), y)
    assert loss == other and np.array_equal(gradient, same) and np.abs(gradient).max() > 0


def test_logits_do_not_depend_on_the_window(backend):
    nets = [deep(backend, window=w) for w in (1, 5, 14, 40)]
    theta, x, _ = small.samples(nets[0])
    found = [net(theta, x) for net in nets]
    assert all(off(f, found[0]) < 1e-12 for f in found)


def test_cross_entropy_survives_large_logits(backend):
    net = deep(backend)
    theta, x, y = small.samples(net)
    net.views(theta)["readout.bias"][...] = [1e4, 0, -1e4]
    loss, gradient = net.loss_and_gradient(theta, x, np.array([2, 2, 2]))
    assert loss == pytest.approx(2e4, rel=1e-2) and np.isfinite(gradient).all()


@pytest.mark.parametrize("T, window", [(1, 5), (2, 5), (3, 3), (5, 30), (9, 2), (9, 4), (9, 5)])
def test_windows_shorter_than_the_network_is_deep(backend, T, window):
    """A synapse delays by two steps: block n from the top has an adjoint only where the window has
    2 n + 1 steps."""
    net = deep(backend, hidden=(4,), window=window)
    theta, x, y = small.samples(net, steps=T)
    v = np.random.default_rng(1).standard_normal(net.size)
    _, gradient, _, hvp = net.gradients(theta, x, y)
    for n, block in enumerate(reversed(net.blocks)):
        for g in (gradient, hvp(v)):
            reached = np.abs(net.views(g)[f"{block.name}.bias"]).max() > 0
            assert reached == (min(T, window) > 2 * n)


# ---- backends and types


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
def test_counts_of_any_type_and_layout(backend, kind):
    net = deep(backend)
    theta, x, y = small.samples(net)
    expected = net.loss(theta, x, y)
    assert net.loss(theta, x.astype(kind), y) == expected
    assert net.loss(theta, np.asfortranarray(x).astype(kind), y.astype(np.uint8)) == expected
    assert net.loss(theta, np.repeat(x, 2, 0)[::2], list(y)) == expected


def test_booleans_are_counts_of_one(backend):
    net = deep(backend)
    theta, x, _ = small.samples(net)
    assert np.array_equal(net(theta, x > 0), net(theta, (x > 0).astype(np.uint8))) and x.any()


@pytest.mark.parametrize("dtype, other", [("float32", "float64"), ("float64", "float32")])
def test_theta_of_another_dtype_is_cast(backend, dtype, other):
    net = deep(backend, dtype=dtype)
    theta, x, y = small.samples(net)
    found = []
    for given in (theta.astype("float32").astype(kind) for kind in (dtype, other)):
        passes = net.gradients(given, x, y)
        found.append((passes.gradient, passes.hvp(given), net(np.repeat(given, 2)[::2], x)))
    for one, cast in zip(*found):
        assert one.dtype == dtype and np.array_equal(one, cast)
