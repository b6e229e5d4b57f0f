"""The kernels against `core`: events, dense products and Winograd's give the same, on sizes that fill
no vector."""

import numpy as np
import pytest

import minisnn as ms


def _relative(a, b):
    return abs(np.asarray(a) - b).max() / max(abs(np.asarray(b)).max(), 1e-300)


def _same(x, shape, *layers, limit=1e-12, **settings):
    """Logits, gradient, H v and the adjoint of x on both backends; the network of the kernels, and
    theta."""
    settings = dict(ways=3, dtype=np.float64, **settings)
    nets = [ms.SpikingNet(shape, *layers, backend=b, **settings) for b in ("numba", "numpy")]
    rng = np.random.default_rng(5)
    theta = nets[0].init(rng, x, rate=0.2)
    theta += 1e-3 * rng.standard_normal(theta.size)  # no membrane is at its threshold
    v = rng.standard_normal(nets[0].size)
    found = []
    for net in nets:
        passes = net.gradients(theta, x, np.arange(len(x)) % 3)
        _, pullback = net.vjp(theta, x)
        adjoints = pullback(np.ones_like(passes.logits)).dx
        found.append((passes.logits, passes.gradient, passes.hvp(v), adjoints))
    for name, one, other in zip(("logits", "gradient", "hvp", "dx"), *found):
        assert _relative(one, other) < limit, name
    return nets[0], theta


@pytest.mark.parametrize(
    "shape, channels, kernel",
    [
        ((4, 8, 3), (33, 5), 5),
        ((5, 7, 2), (16, 40), 3),
        ((2, 13, 17), (8, 3), 7),
        ((8, 4, 9), (32,), 1),
    ],
)
@pytest.mark.parametrize("most", [1, 3], ids=["spikes", "counts"])
def test_sizes_that_fill_no_vector(shape, channels, kernel, most):
    rng = np.random.default_rng(0)
    x = (rng.random((3, 12, *shape)) < 0.1) * rng.integers(1, most + 1, (3, 12, *shape))
    layers = [ms.Conv(C, kernel, pool="none" if n else "max") for n, C in enumerate(channels)]
    _same(x, shape, layers=layers, window=7)


@pytest.mark.parametrize("neuron", [ms.LIF(threshold=0.5), ms.CubaLIF()], ids=["LIF", "CubaLIF"])
def test_the_first_of_equals_is_the_largest(neuron):
    """Without input all membranes of a channel are the bias."""
    x = np.zeros((2, 9, 6, 7, 2), np.uint8)
    x[1, 4, 3, 3, 0] = 5
    _same(x, (6, 7, 2), (3,), kernel=3, neuron=neuron, window=9)


@pytest.mark.parametrize("rate", [0.02, 0.9], ids=["events", "dense"])
def test_events_and_images_give_the_same(rate):
    """Input sparse enough for events, and so dense that every pass takes the dense path."""
    x = np.random.default_rng(2).poisson(rate, (3, 14, 5, 8, 2))
    _same(x, (5, 8, 2), (17,), window=9)


@pytest.mark.parametrize("neuron, pool", [(ms.LIF(), "max"), (ms.CubaLIF(threshold=0.05), "mean")])
def test_a_sample_takes_its_path_whatever_the_others_do(neuron, pool):
    """One sample goes through as dense images and one as events: the same bits as alone, the
    reference's values."""
    rng = np.random.default_rng(4)
    x = np.stack([rng.poisson(rate, (16, 4, 16, 2)) for rate in (3.0, 0.02, 3.0)]).astype(np.uint8)
    net, theta = _same(x, (4, 16, 2), (16, 16), pool=pool, neuron=neuron, window=10)
    for n in range(3):
        assert np.array_equal(net(theta, x[n : n + 1])[0], net(theta, x)[n])


@pytest.mark.parametrize("rate", [0.1, 0.6], ids=["events", "points"])
@pytest.mark.parametrize("pool, detach", [("max", False), ("mean", False), ("max", True)])
def test_a_network_that_takes_every_fast_path(pool, detach, rate):
    """Widths that fill vectors and columns that fill tiles: Winograd's products, sites that gather,
    sorted channels; and where more than a quarter of the sites spike, images in two spans of steps.
    """
    x = np.random.default_rng(6).poisson(rate, (3, 25, 8, 16, 2))
    settings = dict(pool=pool, window=10, detach_reset=detach)
    _same(x, (8, 16, 2), (16, 32), limit=1e-11, **settings)


def test_what_nobody_may_write_to_is_computed_with():
    """Read-only arrays are of another type."""
    net = ms.SpikingNet((5, 4, 2), (3,), ways=3, kernel=3, window=6, backend="numba")
    x = np.random.default_rng(0).poisson(0.4, (3, 12, 5, 4, 2)).astype(np.uint8)
    theta = net.init(np.random.default_rng(0), x)
    v = np.ones(net.size, net.dtype)
    expected = net.gradients(theta, x, np.arange(3)).hvp(v)
    for one in (theta, x, v):
        one.flags.writeable = False
    assert np.array_equal(net.gradients(theta, x, np.arange(3)).hvp(v), expected)
