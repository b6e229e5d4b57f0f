"""Data-dependent initialisation: orthogonal weights, then every layer scaled and shifted to the data.

LSUV (Mishkin & Matas 2016) for spiking layers, as the paper's authors do: layer by layer the weights are scaled until
the membrane's variance is one and the bias shifted until it exceeds the threshold at the target rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .base import FlatNetwork

if TYPE_CHECKING:
    from .spiking import SpikingNet


def _orthonormal(a: np.ndarray) -> np.ndarray:
    """Gram-Schmidt on the columns, twice over; sums in NumPy's own order, so that no BLAS thread changes a bit."""
    q = np.empty_like(a)
    for n in range(a.shape[1]):
        v = a[:, n]
        for _ in range(2):
            v = v - (q[:, :n] * (q[:, :n] * v[:, None]).sum(0)).sum(1)
        q[:, n] = v / np.sqrt((v * v).sum())
    return q


def orthogonal(net: FlatNetwork, rng: np.random.Generator) -> np.ndarray:
    """Weights with orthonormal rows or columns (k k C_in x C_out), zero biases; flat in the network's dtype."""
    theta = np.zeros(net.size, np.float64)
    for name, weight in net.views(theta).items():
        if name.endswith(".weight"):
            n_out = weight.shape[-1]
            rows = weight.size // n_out
            q = _orthonormal(rng.standard_normal((max(rows, n_out), min(rows, n_out))))
            weight[...] = (q if rows >= n_out else q.T).reshape(weight.shape)
    return theta.astype(net.dtype)


def lsuv(
    net: SpikingNet,
    theta: np.ndarray,
    x: np.ndarray,
    rate: float = 0.288,
    variance: float = 1.0,
    rounds: int = 5,
    readout: bool = True,
) -> np.ndarray:
    """theta with every layer's weights scaled to Var(u) = `variance` and bias shifted to P(u > threshold) = `rate`.

    x (B, T, H, W, C) is the data to fit; statistics are taken over batch, window and sites. The reset feeds back on u, so
    scaling and shifting are repeated `rounds` times. `readout=False` leaves the readout as it is.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie in (0, 1), not {rate}")
    theta = theta.copy()
    engine = net.engine()
    x = net.enter(engine, net._input(x))
    for b, weight, bias in net.parameters(theta):
        x = net.fit(b, x)
        if x.mean() == 0:  # the reset alone would still move u
            raise ValueError(f"{b.name} receives no input from the data given to init; give samples with events")
        for _ in range(rounds if readout or not b.readout else 0):
            u = engine.forward(b, weight, bias, x, net.window)[1]["u"]
            spread = float(u.std(dtype=np.float64))
            weight *= net.dtype.type(np.sqrt(variance) / spread)
            u = engine.forward(b, weight, bias, x, net.window)[1]["u"]
            bias += net.dtype.type(net.neuron.threshold - np.quantile(u, 1 - rate))
        if not b.readout:
            x = engine.forward(b, weight, bias, x, net.window)[0]
    return theta
