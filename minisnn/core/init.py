"""Data-dependent initialisation: orthogonal weights, then every layer scaled and shifted to the
data.

LSUV (Mishkin & Matas 2016), for spiking layers as the paper's authors do: layer by layer the
weights are scaled until the membrane's variance is one and the bias shifted until it exceeds the
threshold at the target rate.
"""

from typing import Any

import numpy as np

from .dual import Array
from .theta import held


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
            a[...] = held(named[p.layer], p.part)
    return theta.astype(net.dtype)


def _between(u: Array, share: float) -> float:
    """A number that so large a share of the membranes is below, or nearly: half-way between two
    neighbouring values of theirs, so that rounding moves no membrane across it."""
    u = u.reshape(-1)
    k = min(max(round(share * u.size), 1), u.size - 1)
    upper = np.partition(u, k)[k]
    below = u[u < upper]
    if not below.size:  # more than the share are equal, and the least: all of these are below
        below = u[u == upper]
        upper = u[u > upper].min(initial=np.inf)
    lower = below.max()
    return float(lower) + (float(upper) - float(lower)) / 2


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
    readout as it is.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie in (0, 1), not {rate}")
    theta = theta.copy()
    x = net._enter(net._input(x))
    views = net.views(theta)
    needed = 0  # steps from an event to the membranes of a layer
    for n, layer in enumerate(net.blocks):

        def forward():
            start = layer.begin(x.shape[1], net.dtype)
            return layer.forward(net.weights(theta)[n], x, start, len(x))

        if x.mean() == 0:  # the reset alone would still move u
            raise ValueError(
                f"{layer.name} receives no input from the data given to init; give samples with "
                "events"
            )
        needed += layer.neuron.delay
        if len(x) <= needed:
            raise ValueError(
                f"{layer.name} receives no spike in the {len(x)} steps given to init: one takes "
                f"{needed} to reach it; give samples of more steps"
            )
        threshold = net.threshold if layer.readout else layer.neuron.threshold
        for _ in range(rounds if readout or not layer.readout else 0):
            spread = float(_window_of(net, forward().u).std(dtype=np.float64))
            if spread == 0:
                raise ValueError(
                    f"{layer.name} sees the same everywhere in the data given to init; give samples "
                    "with events"
                )
            for part in ("weight", "recurrent"):
                if f"{layer.name}.{part}" in views:
                    views[f"{layer.name}.{part}"] *= net.dtype.type(np.sqrt(variance) / spread)
            place = _between(_window_of(net, forward().u), 1 - rate)
            views[f"{layer.name}.bias"] += net.dtype.type(threshold - place)
        x = forward().y
    return theta


def _window_of(net: Any, u: Array) -> Array:
    """Of the membranes those in the window."""
    return u[-net.window :]
