"""The integer network and learner in Python's integers, from the equations: what the kernels are
held to, bit for bit.

Arrays hold Python's integers, so that nothing wraps, and nothing is fast. What is given and returned
are nested lists; a layer is a `quantise.IntegerLayer`.
"""

from decimal import Decimal

import numpy as np

ROUNDINGS = "floor", "zero", "nearest", "stochastic"
ERRORS = "softmax", "target", "ternary"
TRIGGER = 32  # a quarter of 128
EXPONENTIAL = [round(2**15 * (-(Decimal(n) + Decimal("0.5")) / 16).exp()) for n in range(256)]
# 256 / m^2 at m = 1 + (n + 1/2) / 16, in whole numbers: 256 32^2 / (2 n + 33)^2, to nearest
RECIPROCAL = [(2 * 512**2 // square + 1) // 2 for square in ((2 * n + 33) ** 2 for n in range(16))]


def shift(x: int, k: int, rounding: str, noise: int = 0) -> int:
    """x / 2^k; a negative k shifts to the left."""
    if k <= 0:
        return x << -k
    if rounding == "zero" and x < 0:
        return -(-x >> k)
    more = {"nearest": 1 << k - 1, "stochastic": noise}
    return x + more.get(rounding, 0) >> k


shifted = np.frompyfunc(shift, 4, 1)


def xorshift32(x):
    """The random state that follows this one, or each of an array."""
    x = x ^ (x << 13 & 0xFFFFFFFF)
    x = x ^ x >> 17
    return x ^ (x << 5 & 0xFFFFFFFF)


def seed_state(seed: int) -> int:
    return 1 + seed % (2**32 - 1)


def exact(numbers) -> np.ndarray:
    return np.array(np.array(numbers).tolist(), object)


class Noise:
    """The random numbers of a seed, of k bits."""

    def __init__(self, seed: int):
        self.state = seed_state(seed)

    def __call__(self, k: int, *shape: int) -> np.ndarray:
        found = np.empty(shape, object)
        for at in np.ndindex(*shape):
            self.state = xorshift32(self.state)
            found[at] = self.state >> 32 - k if k > 0 else 0
        return found


def pooled(u: np.ndarray, join) -> np.ndarray:
    """join of each four neighbours of u (…, h, w, c); an odd row or column is left out."""
    H, W = (n // 2 * 2 for n in u.shape[-3:-1])
    return join([u[..., i:H:2, j:W:2, :] for i in (0, 1) for j in (0, 1)])


def clipped(numbers: np.ndarray, pool: str) -> int:
    """How often the neurons clipped, of those that are pooled."""
    return int((numbers if pool == "none" else pooled(numbers, sum)).sum())


def sums(layer, x: np.ndarray) -> np.ndarray:
    """(t, h, w, c) of the weights under the events of frames x (t, h, w, c_in)."""
    H, W, _ = layer.input_shape
    weight = exact(layer.weight)
    half = len(layer.weight) // 2
    padded = np.pad(x, [(0, 0), (half, half), (half, half), (0, 0)])
    places = np.ndindex(*weight.shape[:2])
    return sum(padded[:, i : i + H, j : j + W] @ weight[i, j] for i, j in places)


def conv(layer, n, words, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """(spikes after pooling, membranes, clipped) of x (t, h, w, c), of a layer of neurons n."""
    rounding, fraction = words.traces, words.fraction
    V = sums(layer, x)
    bias = exact(layer.bias)
    P = Q = r = np.zeros(V.shape[1:], object)
    membranes = []
    wrong = np.zeros(P.shape, int)
    for arrives in V:
        right = fraction - layer.exponent - 10
        wide = shifted(P + bias, right, words.membrane, 0) - (n.rho * r >> 12)
        u = np.clip(wide, -32768, 32767)
        wrong += u != wide
        membranes.append(u)
        r = n.gamma * r + (4096 - n.gamma) * 4096 * exact(u >= n.threshold) >> 12
        P = shifted(n.alpha * P + (4096 - n.alpha) * Q, 12, rounding, 0)
        Q = shifted(n.beta * Q + (4096 - n.beta) * (arrives << fraction), 12, rounding, 0)
    u = np.array(membranes)
    if layer.pool == "none":
        spikes = u >= n.threshold
    elif layer.pool == "max":
        spikes = pooled(u, lambda four: np.max(four, 0)) >= n.threshold
    else:
        spikes = pooled(u, sum) >= 4 * n.threshold
    return exact(spikes.astype(int)), u, clipped(wrong, layer.pool)


def entering(x: list) -> tuple[np.ndarray, int]:
    """Counts as a network takes them, and how many were larger."""
    counts = exact(x)
    return np.minimum(counts, 7), int((counts > 7).sum())


def infer(net, x: list) -> tuple[list, list, list, dict]:
    """(spikes of the last conv layer [t][h][w][c], membranes of every conv layer, p[t][i], numbers
    that were clipped by place) of one sample's counts x[t][h][w][c]. Raises ValueError where
    `ranges` refuses the network."""
    net.check()
    x, number = entering(x)
    counts = {"input": number}
    found = []
    for layer in net.layers[:-1]:
        x, u, counts[f"{layer.name}.u"] = conv(layer, net.neuron, net.words, x)
        found.append(u.tolist())
    return x.tolist(), found, traces(net.neuron, net.words, x.reshape(len(x), -1)), counts


def traces(n, words, spikes, bits: int = 12, mode: str | None = None, seed: int = 1) -> list:
    """p[t][i] of spikes (t, i), of filters with so many fraction bits, in uQ1.12."""
    p = q = np.zeros(len(spikes[0]), object)
    found = []
    noise = Noise(seed)
    of = (0, 0)
    rounding = mode or words.traces
    for s in spikes:
        found.append((p << 12 - bits).tolist())
        if mode == "stochastic":
            of = noise(12, len(p), 2).T
        before, q = q, shifted(n.beta * q + (4096 - n.beta) * 2**bits * s, 12, rounding, of[0])
        p = shifted(n.alpha * p + (4096 - n.alpha) * before, 12, rounding, of[1])
    return found


def readout(n, words, exponent: int, weight, bias, p) -> tuple[list, int]:
    """(u[t][k], beyond) of traces p[t][i], weight[i][k], bias[k]."""
    weight, bias, p = map(exact, (weight, bias, p))
    r = 0 * bias
    found = []
    beyond = 0
    for wide in shifted(p @ weight + bias, 2 - exponent, words.membrane, 0):
        wide = wide - (n.rho * r >> 12)
        u = np.clip(wide, -32768, 32767)
        found.append(u.tolist())
        beyond += int((u != wide).sum())
        r = n.gamma * r + (4096 - n.gamma) * 4096 * exact(u >= n.threshold) >> 12
    return found, beyond


def error(kind: str, u: list, label: int) -> list:
    """e[k] in Q0.7."""
    hot = [128 * (k == label) for k in range(len(u))]
    if kind == "target":
        return [min((min(max(v, 0), 1024) >> 3) - one, 127) for v, one in zip(u, hot)]
    z = [EXPONENTIAL[max(u) - v >> 6] if max(u) - v >> 6 < 256 else 0 for v in u]
    e = [min((256 * one + sum(z)) // (2 * sum(z)) - h, 127) for one, h in zip(z, hot)]
    if kind == "softmax":
        return e
    return [0 if abs(v) <= TRIGGER else 127 * (1 if v > 0 else -1) for v in e]


def surrogate(u: int, threshold: int, slope: int) -> int:
    """sigma'(u) in uQ0.8."""
    x = 16384 + abs(u - threshold) * slope
    n = x.bit_length() - 15
    if n >= 16:
        return 0
    return min(shift(RECIPROCAL[x >> n + 10 & 15], 2 * n, "nearest"), 255)


def learn(net, learner, p: list, y: list) -> tuple[list, list, dict]:
    """(weight[i][k], bias[k], counts) after the support samples p[b][t][i], y[b]."""
    now = [exact(net.weight), exact(net.bias)]
    p = exact(p)
    mode = learner.rounding
    bits = net.readout.bits
    noise = Noise(learner.seed)
    start = now[:]
    counts = {"written": 0, "gated": 0, "clipped": 0, "gradient_saturated": 0}
    shifts = learner.shifts(net.readout.exponent, bits)
    limits = ((-(1 << bits - 1), (1 << bits - 1) - 1), (-net.bias_room, net.bias_room))

    def put(n: int, wide) -> None:
        new = np.clip(wide, *limits[n])
        counts["clipped"] += int((new != wide).sum())
        counts["written"] += int((new != now[n]).sum())
        now[n] = new

    if learner.rule == "class-mean":
        means = now[0].copy()
        of = noise(shifts[0], *now[0].shape)
        for c in set(y):
            mean = p[np.array(y) == c, -1].sum(0) // y.count(c)
            means[:, c] = shifted(mean, shifts[0], mode, of[:, c])
        put(0, means)
        squares = (now[0] ** 2).sum(0)
        put(1, -shifted(squares + squares.max(), 1 - shifts[0], "floor", 0))
        return now[0].tolist(), now[1].tolist(), counts
    G = [0 * one for one in now]
    for b, label in enumerate(y):
        held = now if learner.online else start
        u, _ = readout(net.neuron, net.words, net.readout.exponent, *held, p[b])
        slow = learner.rule == "three-factor"
        for t in range(max(len(u) - learner.window, 0), len(u)) if slow else [len(u) - 1]:
            e = exact(error(learner.error, u[t], label))
            if slow:
                slopes = [surrogate(m, net.neuron.threshold, net.neuron.slope) for m in u[t]]
                e = shifted(e * exact(slopes), 8, "floor" if mode == "stochastic" else mode, 0)
            for n, step in enumerate((np.outer(p[b][t], e), 4096 * e)):
                wide = G[n] + step
                G[n] = np.clip(wide, -(2**31), 2**31 - 1)
                counts["gradient_saturated"] += int((G[n] != wide).sum())
        if learner.online or b == len(y) - 1:
            for n, (w, g, k) in enumerate(zip(now[:], G, shifts)):
                gated = abs(g) <= (abs(g).max() * learner.threshold >> 8)
                counts["gated"] += int(gated.sum())
                put(n, np.where(gated, w, w - shifted(g, k, mode, noise(k, *w.shape))))
            G = [0 * one for one in now]
    return now[0].tolist(), now[1].tolist(), counts
