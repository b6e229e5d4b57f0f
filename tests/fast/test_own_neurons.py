"""A neuron or surrogate of one's own on the kernels: NumPy's very values."""

import numpy as np
import own_neurons as neurons
import pytest
from differences import off
from slowly import after

import minisnn as ms

OWN = {
    "everything": neurons.Everything(surrogate=neurons.ArcTan()),
    "four": neurons.Four(),
    "cuba": neurons.MyCuba(),
    "arctan": ms.LIF(surrogate=neurons.ArcTan()),
    "triangle": ms.CubaLIF(surrogate=neurons.Triangle()),
}


def computed(net):
    """All that a network computes."""
    rng = np.random.default_rng(2)
    x = rng.poisson(0.6, (3, 15, *net.input_shape)).astype(np.uint8)
    theta = ms.gradcheck.random_theta(net, rng)
    _, gradient, logits, hvp = net.gradients(theta, x, rng.integers(0, net.ways, 3))
    p, pullback = net.features_and_pullback(theta, x)[:2]
    v = rng.standard_normal(net.size)
    assert 0 < net.activity(theta, x)["conv1"]
    return logits, gradient, hvp(v), p, pullback(np.ones_like(p))


@pytest.mark.parametrize("name", after(1, OWN))
def test_kernels_compute_what_numpy_does(name):
    """Odd sizes, a conv and a dense layer, a window that begins late, a spike that resets and one
    that is a constant."""
    neuron = OWN[name]
    for pool, detach, learn in (("max", False, neuron.learnable), ("mean", True, ())):
        settings = dict(kernel=3, hidden=(4,), ways=3, window=9, dtype="float64", neuron=neuron)
        settings |= dict(pool=pool, detach_reset=detach, learn=learn)
        nets = [
            ms.SpikingNet((5, 7, 2), (3,), backend=backend, **settings)
            for backend in ("numba", "numpy")
        ]
        assert all(off(a, b) < 1e-12 for a, b in zip(*map(computed, nets)))
