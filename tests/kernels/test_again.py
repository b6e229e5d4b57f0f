"""What a tape does not hold and is computed again: the same bits, in less memory."""

import tracemalloc

import numpy as np
import pytest

import minisnn as ms

NEURONS = [
    (ms.LIF(), "max"),
    (ms.LIF(threshold=0.1), "mean"),
    (ms.CubaLIF(threshold=0.05), "max"),
    (ms.CubaLIF(), "mean"),
]


def _made(neuron, pool, **settings):
    rng = np.random.default_rng(7)
    net = ms.SpikingNet(
        (5, 8, 2),
        (16, 7),
        3,
        pool=pool,
        neuron=neuron,
        kernel=3,
        hidden=(6,),
        **{"window": 9, **settings},
    )
    x = rng.poisson(0.1, (3, 14, 5, 8, 2)).astype(np.uint8)
    return net, net.init(rng, x, rate=0.2), x, rng.standard_normal(net.size).astype(net.dtype)


@pytest.mark.parametrize("neuron, pool", NEURONS)
@pytest.mark.parametrize("window", [9, 20], ids=["window", "all steps"])
def test_no_bit_depends_on_what_is_kept(neuron, pool, window, monkeypatch):
    net, theta, x, v = _made(neuron, pool, window=window)
    found = []
    for cheap in (0, 1 << 30):
        monkeypatch.setattr("minisnn.kernels.block.CHEAP", cheap)
        one = net.gradients(theta, x, np.arange(3))
        pulled = net.features_and_pullback(theta, x).pullback(np.ones((3, 6), "f4"))
        found.append((one.gradient, one.hvp(v), one.hvp(v), pulled))
    assert all(np.array_equal(a, b) and np.ptp(a) > 0 for a, b in zip(*found))
    assert np.array_equal(*found[0][1:3])


def test_a_meta_gradient_takes_little_memory(threads):
    """Table 1's network, what NumPy holds at most: 30 or 31 MB, as a thread lets go of its arrays
    sooner or later; with the first layer's membranes in the tapes 40."""
    rng = np.random.default_rng(0)
    net = ms.SpikingNet()
    x = rng.poisson(0.02, (10, 100, 16, 32, 2)).astype(np.uint8)
    theta = net.init(rng, x[:2], rate=0.05)
    task = ms.Task(x[:5], np.arange(5), x[5:], np.arange(5))
    threads(1)
    try:
        ms.meta_gradient(net, theta, task)
        tracemalloc.start()
        ms.meta_gradient(net, theta, task)
        assert tracemalloc.get_traced_memory()[1] < 33e6
    finally:
        tracemalloc.stop()
