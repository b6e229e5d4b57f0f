"""Small networks, float64 unless told otherwise, with parameters, samples and tasks."""

import numpy as np

import minisnn as ms
from minisnn.gradcheck import random_data, random_theta


def network(backend="numpy", kind=ms.SpikingNet, **changes):
    """A network of one conv layer."""
    settings = dict(input_shape=(5, 4, 2), channels=(3,), ways=3, kernel=3, dtype="float64")
    settings |= dict(window=9) if kind is ms.SpikingNet else {}
    return kind(**{**settings, "backend": backend, **changes})


def samples(net, seed=0, batch=3, steps=14):
    """(theta, x, y), drawn at random."""
    rng = np.random.default_rng(seed)
    return random_theta(net, rng), *random_data(net, rng, batch, steps)


def task(net, seed=0, steps=14):
    """(theta, task) of four support samples and five queries."""
    rng = np.random.default_rng(seed)
    theta = random_theta(net, rng)
    support = random_data(net, rng, 4, steps)
    return theta, ms.Task(*support, *random_data(net, rng, 5, steps))


def fitted(net, shots=2, queries=3, steps=16):
    """(theta, task) of sparse events, at which a fifth of the sites spikes."""
    rng = np.random.default_rng(0)
    sizes = net.ways * shots, net.ways * queries
    x = [(rng.random((n, steps, *net.input_shape)) < 0.1).astype(np.uint8) for n in sizes]
    made = ms.Task(x[0], np.arange(sizes[0]) % net.ways, x[1], np.arange(sizes[1]) % net.ways)
    return net.init(rng, made.x_support, rate=0.2), made
