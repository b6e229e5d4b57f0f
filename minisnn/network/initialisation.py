"""Data-dependent initialisation: orthogonal weights, then every layer scaled and shifted to the
data.

LSUV (Mishkin & Matas 2016), for spiking layers as the paper's authors do: layer by layer the
weights are scaled until the membrane's variance is one and the bias shifted until it exceeds the
threshold at the target rate.
"""

import numpy as np

from .layout import Array, Layout
from .theta import held

SAMPLE = 20_000  # numbers that are ordered to find a quantile's bracket
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


def orthogonal(net: Layout, rng: np.random.Generator) -> Array:
    """Weights with orthonormal rows or columns (k k C_in x C_out), zero biases; flat in the
    network's dtype."""
    theta = np.zeros(net.size, np.float64)
    for name, weight in net.views(theta).items():
        if name.endswith((".weight", ".recurrent")):
            n_out = weight.shape[-1]
            rows = weight.size // n_out
            q = _orthonormal(rng.standard_normal((max(rows, n_out), min(rows, n_out))))
            weight[...] = (q if rows >= n_out else q.T).reshape(weight.shape)
    for b in net.blocks:
        for name in b.learn:
            net.views(theta)[f"{b.name}.{name}"][...] = held(b, name)
    return theta.astype(net.dtype)


def _quantile(a: Array, q: float) -> np.floating:
    """np.quantile(a, q), of finite numbers, the same bits in a quarter of the time: only those of a bracket are
    ordered, which a sample of them finds."""
    flat = a.reshape(-1)
    place = (flat.size - 1) * q
    k = int(place)
    some = np.sort(flat[:: max(1, flat.size // SAMPLE)])
    slack = 6 * np.sqrt(some.size * q * (1 - q)) + 8  # six standard deviations of its rank
    first = max(0, int((some.size - 1) * q - slack))
    last = min(some.size - 1, int((some.size - 1) * q + slack) + 1)
    near = flat[(flat >= some[first]) & (flat <= some[last])]
    i = k - int(np.count_nonzero(flat < some[first]))
    if flat.size <= SAMPLE or not 0 <= i < near.size - 1:
        return np.quantile(flat, q)
    near.partition([i, i + 1])
    return np.quantile(near[i : i + 2], place - k)


def _place(a: Array, q: float, scale: float) -> float:
    """The quantile of membranes of standard deviation `scale`. Where several share it, half-way
    from their value to the nearest different one: on the threshold, rounding would choose whether
    they fire, and which of its two values their curvature has."""
    flat = a.reshape(-1)
    quantile = _quantile(flat, q)
    eps = np.finfo(a.dtype).eps
    rounding = 16 * eps * scale
    values, counts = np.unique(
        flat[(flat >= quantile - rounding) & (flat <= quantile + rounding)], return_counts=True
    )
    if counts.max(initial=0) <= max(1, SHARED * flat.size):
        return quantile
    value = values[counts.argmax()]
    away = np.sqrt(eps) * scale  # of different values: half of it is far more than rounding
    below = np.max(flat, where=flat < value - away, initial=-np.inf)
    above = np.min(flat, where=flat > value + away, initial=np.inf)
    return (value + (above if above - value <= value - below else below)) / 2


def _spread(a: Array, scratch: Array) -> float:
    """a.std(dtype=float64), the same bits; differences from the mean go to `scratch`.

    To ask for memory takes as long as the sums where the membrane is large.
    """
    away = scratch[: a.size].reshape(a.shape)
    np.subtract(a, a.mean(dtype=np.float64), out=away)
    np.multiply(away, away, out=away)
    return float(np.sqrt(away.sum() / a.size))


def lsuv(
    net: Layout,
    theta: Array,
    x: Array,
    rate: float,
    variance: float = 1.0,
    rounds: int = 5,
    readout: bool = True,
) -> Array:
    """theta with every layer's weights scaled to Var(u) = `variance` and bias shifted to P(u >
    threshold) = `rate`.

    x (B, T, H, W, C) is the data to fit; statistics are taken over batch, window and sites. A reset
    feeds back on u, so scaling and shifting are repeated `rounds` times. Where the quantile is a
    value that several membranes share, as before any event, the threshold comes to lie half-way
    between it and the nearest different one. `readout=False` leaves the readout as it is.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie in (0, 1), not {rate}")
    theta = theta.copy()
    engine = net.engine()
    x = net._input(x)
    steps = x.shape[1]
    x = engine.enter(x, net.gain, net.dtype)
    needed = 0  # steps from an event to the membranes of a block
    scratch = np.empty(0)
    for n, b in enumerate(net.blocks):
        x = net.fit(b, x)
        weights = [a for name, a in net.views(theta).items() if name in b.weights]
        bias = net.views(theta)[f"{b.name}.bias"]

        def forward():
            return engine.forward(*net.parameters(theta, engine)[n], x)

        fitted = readout or not b.readout
        if x.mean() == 0:  # the reset alone would still move u
            raise ValueError(
                f"{b.name} receives no input from the data given to init; give samples with events"
            )
        needed += b.neuron.delay
        if steps <= needed:
            raise ValueError(
                f"{b.name} receives no spike in the {steps} steps given to init: one takes {needed} "
                "to reach it; give samples of more steps"
            )
        for _ in range(rounds if fitted else 0):
            u = forward()[1]["u"]
            if scratch.size < u.size:
                scratch = np.empty(u.size)
            spread = _spread(u, scratch)
            del u  # before the next is made
            if spread == 0:
                raise ValueError(
                    f"{b.name} sees the same everywhere in the data given to init; give samples "
                    "with events"
                )
            for weight in weights:
                weight *= net.dtype.type(np.sqrt(variance) / spread)
            threshold = net.threshold if b.readout else getattr(b.neuron, "threshold", 0.0)
            bias += net.dtype.type(
                threshold - _place(forward()[1]["u"], 1 - rate, np.sqrt(variance))
            )
        if not b.readout:
            x = forward()[0]
    return theta
