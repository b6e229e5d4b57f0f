"""Data-dependent initialisation: orthogonal weights, then every layer scaled and shifted to the
data.

LSUV (Mishkin & Matas 2016), for spiking layers as the paper's authors do: layer by layer the
weights are scaled until the membrane's variance is one and the bias shifted until it exceeds the
threshold at the target rate.
"""

from typing import Any

import numpy as np

from .dual import Array

SHARED = 1e-4  # of all membranes: fewer, and at least one, may have the same value by chance


def _orthonormal(a: Array) -> Array:
    """Gram-Schmidt on the columns, twice over; sums in NumPy's own order, so that no BLAS thread
    changes a bit."""
    q = np.empty_like(a)
    for n in range(a.shape[1]):
        v = a[:, n]
        for _ in range(2):
            v = v - (q[:, :n] * (q[:, :n] * v[:, None]).sum(0)).sum(1)
        q[:, n] = v / np.sqrt((v * v).sum())
    return q


def orthogonal(net: Any, rng: np.random.Generator) -> Array:
    """Weights with orthonormal rows or columns (k k C_in x C_out), zero biases; flat in the
    network's dtype."""
    theta = np.zeros(net.size, np.float64)
    named = {layer.name: layer for layer in net.blocks}
    for p in net.layout:
        a = theta[p.slice].reshape(p.shape)
        if p.part in ("weight", "recurrent"):
            n_out = p.shape[-1]
            rows = a.size // n_out
            q = _orthonormal(rng.standard_normal((max(rows, n_out), min(rows, n_out))))
            a[...] = (q if rows >= n_out else q.T).reshape(p.shape)
        elif p.part != "bias":
            a[...] = named[p.layer].held(p.part)
    return theta.astype(net.dtype)


def _place(u: Array, share: float, scale: float) -> float:
    """The quantile of membranes of standard deviation `scale`. Where several share it, half-way
    from their value to the nearest different one: on the threshold, rounding would choose whether
    they fire, and which of its two values their curvature has."""
    u = u.reshape(-1)
    place = np.quantile(u, share)
    eps = np.finfo(u.dtype).eps
    near = u[np.abs(u - place) <= 16 * eps * scale]
    values, counts = np.unique(near, return_counts=True)
    if counts.max(initial=0) <= max(1, SHARED * u.size):
        return place
    shared = values[counts.argmax()]
    away = np.sqrt(eps) * scale  # of different values: half of it is far more than rounding
    below = np.max(u, where=u < shared - away, initial=-np.inf)
    above = np.min(u, where=u > shared + away, initial=np.inf)
    return (shared + (above if above - shared <= shared - below else below)) / 2


def lsuv(
    net: Any,
    theta: Array,
    x: Array,
    rate: float,
    variance: float = 1.0,
    rounds: int = 5,
    readout: bool = True,
) -> Array:
    """theta with every layer's weights scaled to Var(u) = `variance` and bias shifted to P(u >
    threshold) = `rate`.

    x (B, T, H, W, C) is the data to fit; statistics are taken over batch, time and sites. A reset
    feeds back on u, so scaling and shifting are repeated `rounds` times. `readout=False` leaves the
    readout as it is. No threshold is put at a value that several membranes share, as before any
    event.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie in (0, 1), not {rate}")
    theta = theta.copy()
    x = net._input(x)
    steps = x.shape[1]
    engine = lambda: net._engine(theta, backs=0)
    membranes = lambda n, y: engine().layer(n, y, True)[0]
    y = engine().enter(x)
    views = net.views(theta)
    needed = 0  # steps from an event to the membranes of a layer
    for n, layer in enumerate(net.blocks):
        if not engine().dense(y).any():  # the reset alone would still move u
            raise ValueError(
                f"{layer.name} receives no input from the data given to init; give samples with "
                "events"
            )
        needed += layer.neuron.delay
        if steps <= needed:
            raise ValueError(
                f"{layer.name} receives no spike in the {steps} steps given to init: one takes "
                f"{needed} to reach it; give samples of more steps"
            )
        threshold = net.threshold if layer.readout else layer.neuron.threshold
        for _ in range(rounds if readout or not layer.readout else 0):
            spread = float(membranes(n, y).std(dtype=np.float64))
            if spread == 0:
                raise ValueError(
                    f"{layer.name} sees the same everywhere in the data given to init; give samples "
                    "with events"
                )
            for part in ("weight", "recurrent"):
                if f"{layer.name}.{part}" in views:
                    views[f"{layer.name}.{part}"] *= net.dtype.type(np.sqrt(variance) / spread)
            place = _place(membranes(n, y), 1 - rate, np.sqrt(variance))
            views[f"{layer.name}.bias"] += net.dtype.type(threshold - place)
        y = engine().layer(n, y)[1]
    return theta
