"""Lesson 13: a layer that hears itself, and learns how long it remembers."""

import numpy as np

import minisnn as ms

from . import prepare, surrogate, table

prepare(__name__)

NEURONS = (
    ms.LIF(alpha=0.8, beta=0.6, rho=0.0, threshold=0.3, slope=4.0),
    ms.LIF(alpha=0.7, beta=0.85, rho=0.0, threshold=-0.2, slope=2.0),
)


@table("13.2", "dV dD", "Blame goes round: through a spike, a weight, two filters, and again.")
def recurrent_backward():
    """Exercise 13.2: the weights between the neurons of one layer."""
    for seed, lif in enumerate(NEURONS):
        rng = np.random.default_rng(seed)
        V = rng.standard_normal((4, 4))
        u = np.zeros((25, 4))
        P = np.zeros(4)
        Q = np.zeros(4)
        for t in range(25):
            u[t] = P
            given = 6 * (rng.random(4) < 0.3) + surrogate.step(P - lif.threshold) @ V
            P = lif.alpha * P + (1 - lif.alpha) * Q
            Q = lif.beta * Q + (1 - lif.beta) * given
        yield u, rng.standard_normal(u.shape), V, lif


@table(
    "13.3",
    "dV ddecay",
    "Recurrence and a learned constant, in a layer that no lesson had.",
    tolerance=1e-6,
)
def leaky_backward():
    """Exercise 13.3: the weights and the decay of a layer that hears itself at once."""
    for seed, (lif, decay) in enumerate(zip(NEURONS, (0.7, 0.4))):
        rng = np.random.default_rng(seed)
        x = 1.5 * rng.standard_normal((20, 3))
        V = rng.standard_normal((3, 3))
        above = rng.standard_normal(x.shape)
        u = np.zeros(x.shape)
        before = np.zeros(3)
        s = np.zeros(3)
        for t in range(len(x)):
            u[t] = decay * before + (1 - decay) * (x[t] + s @ V)
            before = u[t]
            s = surrogate.step(u[t] - lif.threshold)
        yield x, u, above, V, decay, lif
