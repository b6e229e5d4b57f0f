"""Initialisation: orthogonal weights, then each layer scaled and shifted to fit the data.

LSUV (Mishkin & Matas 2016), adapted to spiking layers like in the paper's code: layer by layer, the
weights are scaled until the membrane has variance one, and the bias is shifted until the membrane
exceeds the threshold at the target rate.
"""

from typing import Any

import numpy as np

from .dual import Array

SHARED = 1e-4  # share of all membranes that may have the same value by chance


def _orthonormal(a: Array) -> Array:
    """Apply Gram-Schmidt to the columns, twice. This does without BLAS, whose threads may change
    the last bits."""
    q = np.empty_like(a)
    for n in range(a.shape[1]):
        v = a[:, n]
        for _ in range(2):
            v = v - (q[:, :n] * (q[:, :n] * v[:, None]).sum(0)).sum(1)
        q[:, n] = v / np.sqrt((v * v).sum())
    return q


def orthogonal(net: Any, rng: np.random.Generator) -> Array:
    """Return a theta with zero biases, in which each weight, as a matrix (k k C_in, C_out), has
    orthonormal rows or columns."""
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
    """Return the quantile of the membranes u, whose standard deviation is `scale`. If several
    membranes share its value, return the middle between this value and the nearest other one: if
    the threshold were exactly at the shared value, rounding would decide whether these membranes
    fire."""
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
    """Scale each layer's weights so that Var(u) = `variance`, and shift its bias so that P(u >
    threshold) = `rate`. Return a new theta.

    x (B, T, H, W, C) is the data to fit; statistics are over batch, time and sites. A reset feeds
    back on u, so scaling and shifting are repeated `rounds` times. `readout=False` leaves the
    readout unchanged. The threshold never falls on a value that several membranes share, such as
    their value before any event.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be in (0, 1), not {rate}")
    theta = theta.copy()
    x = net._input(x)
    steps = x.shape[1]
    engine = lambda: net._engine(theta, backs=0)
    membranes = lambda n, y: engine().layer(n, y, True)[0]
    y = engine().enter(x)
    views = net.views(theta)
    needed = 0  # steps from an event to the membranes of the layer
    for n, layer in enumerate(net.blocks):
        if not engine().dense(y).any():  # the reset by itself would still move u
            raise ValueError(
                f"{layer.name} receives no input from the data given to init; give samples with "
                "events"
            )
        needed += layer.neuron.delay
        if steps <= needed:
            raise ValueError(
                f"{layer.name} receives no spike in the {steps} steps given to init: a spike needs "
                f"{needed} to reach it; give samples with more steps"
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
