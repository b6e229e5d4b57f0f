"""The integer network and learner in plain Python integers, from the equations: what the kernels
are held to, bit for bit.

Nothing here is an array, nothing wraps and nothing is fast. Sequences are nested lists; a layer is
a `quantise.IntegerLayer`.
"""

from minisnn.hardware.chip.errors import EXPONENTIAL, TRIGGER
from minisnn.hardware.chip.formats import ROUNDINGS, noise_of, seed_state, shift, xorshift32
from minisnn.hardware.chip.neuron import RECIPROCAL

# or as they are
_shift, _xorshift32, _noise = (
    getattr(kernel, "py_func", kernel) for kernel in (shift, xorshift32, noise_of)
)
_EXPONENTIAL = EXPONENTIAL.tolist()
_RECIPROCAL = RECIPROCAL.tolist()


class Site:
    """One neuron: state P, Q, r, and the number of membranes that were clipped."""

    def __init__(self, neuron, words, exponent: int, bias: int):
        self.n = neuron
        self.words = words
        self.right = words.fraction - exponent - 10
        self.bias = bias
        self.P = self.Q = self.r = self.clipped = 0

    def step(self, V: int) -> tuple[int, int]:
        """(u, s) of a step in which the synapses deliver V."""
        n, traces, membrane = self.n, ROUNDINGS[self.words.traces], ROUNDINGS[self.words.membrane]
        wide = _shift(self.P + self.bias, self.right, membrane, 0) - (n.rho * self.r >> 12)
        u = min(max(wide, -32768), 32767)
        self.clipped += u != wide
        s = int(u >= n.threshold)
        self.r = n.gamma * self.r + (4096 - n.gamma) * 4096 * s >> 12
        self.P = _shift(n.alpha * self.P + (4096 - n.alpha) * self.Q, 12, traces, 0)
        self.Q = _shift(
            n.beta * self.Q + (4096 - n.beta) * (V << self.words.fraction), 12, traces, 0
        )
        return u, s


def each(function, *grids) -> list:
    """A function of what several grids [h][w][c] hold, as such a grid."""
    return [
        [[function(*held) for held in zip(*sites)] for sites in zip(*rows)] for rows in zip(*grids)
    ]


def grid(make, layer) -> list:
    """[h][w][c] of make(c) for every neuron of a conv layer."""
    H, W, _ = layer.input_shape
    return [[[make(c) for c in range(len(layer.bias))] for _ in range(W)] for _ in range(H)]


def pooled(u: list, join) -> list:
    """join of each four neighbours of u[h][w][c]; an odd row or column is left out."""
    return [
        [
            [join(*four) for four in zip(*sites)]
            for sites in zip(top[::2], top[1::2], bottom[::2], bottom[1::2])
        ]
        for top, bottom in zip(u[::2], u[1::2])
    ]


def clipped(sites: list, pool: str) -> int:
    """How often the neurons clipped, of those that are pooled."""
    if pool == "none":
        return sum(site.clipped for row in sites for column in row for site in column)
    four = pooled(sites, lambda *four: sum(site.clipped for site in four))
    return sum(n for row in four for column in row for n in column)


def sums(layer, frame: list) -> list:
    """[h][w][c] of the weights under the events of a frame [h][w][c_in]."""
    H, W, _ = layer.input_shape
    weight = layer.weight.tolist()
    h = len(weight) // 2

    def at(y: int, z: int, c: int) -> int:
        found = 0
        for i, rows in enumerate(weight, y - h):
            for j, taps in enumerate(rows, z - h):
                if 0 <= i < H and 0 <= j < W:
                    found += sum(tap[c] * n for tap, n in zip(taps, frame[i][j]))
        return found

    channels = range(len(layer.bias))
    return [[[at(y, z, c) for c in channels] for z in range(W)] for y in range(H)]


def conv(layer, neuron, words, x: list) -> tuple[list, list, int]:
    """(spikes after pooling, membranes, clipped) of x[t][h][w][c], as [t][h][w][c]."""
    bias, least = layer.bias.tolist(), neuron.threshold
    fires = {
        "none": None,
        "max": lambda *four: int(max(four) >= least),
        "mean": lambda *four: int(sum(four) >= 4 * least),
    }[layer.pool]
    sites = grid(lambda c: Site(neuron, words, layer.exponent, bias[c]), layer)
    spikes, membranes = [], []
    for frame in x:
        u = each(lambda site, V: site.step(V)[0], sites, sums(layer, frame))
        membranes.append(u)
        spikes.append(pooled(u, fires) if fires else each(lambda v: int(v >= least), u))
    return spikes, membranes, clipped(sites, layer.pool)


def infer(net, x: list) -> tuple[list, list, list, dict]:
    """(spikes of the last conv layer [t][h][w][c], membranes of every conv layer, p[t][i], numbers
    that were clipped by place) of one sample's counts x[t][h][w][c]. Raises ValueError where
    `ranges` refuses the network."""
    net.check()
    counts = {"input": sum(v > 7 for frame in x for row in frame for site in row for v in site)}
    found = []
    x = [[[[min(v, 7) for v in site] for site in row] for row in frame] for frame in x]
    for layer in net.layers[:-1]:
        x, u, counts[f"{layer.name}.u"] = conv(layer, net.neuron, net.words, x)
        found.append(u)
    return x, found, traces(net.neuron, net.words, flat(x)), counts


def flat(x: list) -> list:
    """[t][i] of [t][h][w][c]."""
    return [[v for row in frame for site in row for v in site] for frame in x]


def traces(
    neuron, words, spikes: list, bits: int = 12, mode: str | None = None, seed: int = 1
) -> list:
    """p[t][i] of spikes[t][i], of filters with so many fraction bits, in uQ1.12."""
    p = [0] * len(spikes[0])
    q = [0] * len(spikes[0])
    found = []
    rounding = ROUNDINGS[mode or words.traces]
    state = seed_state(seed)
    for s in spikes:
        found.append([v * 2 ** (12 - bits) for v in p])
        for i, x in enumerate(s):
            noise = [0, 0]
            for n in (0, 1) if mode == "stochastic" else ():
                state = _xorshift32(state)
                noise[n] = _noise(state, 12)
            new_q = _shift(
                neuron.beta * q[i] + (4096 - neuron.beta) * 2**bits * x, 12, rounding, noise[0]
            )
            p[i] = _shift(
                neuron.alpha * p[i] + (4096 - neuron.alpha) * q[i], 12, rounding, noise[1]
            )
            q[i] = new_q
    return found


def readout(neuron, words, exponent: int, weight: list, bias: list, p: list) -> tuple[list, int]:
    """(u[t][k], beyond) of traces p[t][i], weight[i][k], bias[k]."""
    r = [0] * len(bias)
    found = []
    beyond = 0
    for trace in p:
        u = []
        for k, b in enumerate(bias):
            wide = _shift(
                sum(w[k] * x for w, x in zip(weight, trace)) + b,
                2 - exponent,
                ROUNDINGS[words.membrane],
                0,
            )
            wide -= neuron.rho * r[k] >> 12
            u.append(min(max(wide, -32768), 32767))
            beyond += u[k] != wide
            r[k] = (
                neuron.gamma * r[k] + (4096 - neuron.gamma) * 4096 * (u[k] >= neuron.threshold)
                >> 12
            )
        found.append(u)
    return found, beyond


def error(kind: str, u: list, label: int) -> list:
    """e[k] in Q0.7."""
    hot = [128 * (k == label) for k in range(len(u))]
    if kind == "target":
        return [min((min(max(v, 0), 1024) >> 3) - one, 127) for v, one in zip(u, hot)]
    z = [_EXPONENTIAL[max(u) - v >> 6] if max(u) - v >> 6 < 256 else 0 for v in u]
    e = [min((256 * one + sum(z)) // (2 * sum(z)) - h, 127) for one, h in zip(z, hot)]
    return (
        e
        if kind == "softmax"
        else [0 if abs(v) <= TRIGGER else 127 * (1 if v > 0 else -1) for v in e]
    )


def surrogate(u: int, threshold: int, slope: int) -> int:
    """sigma'(u) in uQ0.8."""
    x = 16384 + abs(u - threshold) * slope
    n = x.bit_length() - 15
    return (
        0
        if n >= 16
        else min(_shift(_RECIPROCAL[x >> n + 10 & 15], 2 * n, ROUNDINGS["nearest"], 0), 255)
    )


def learn(net, learner, p: list, y: list) -> tuple[list, list, dict]:
    """(weight[i][k], bias[k], counts) after the support samples p[b][t][i], y[b]."""
    weight = net.weight.tolist()
    bias = net.bias.tolist()
    exponent, bits, words, mode = (
        net.readout.exponent,
        net.readout.bits,
        net.words,
        ROUNDINGS[learner.rounding],
    )
    state = seed_state(learner.seed)
    counts = {"written": 0, "gated": 0, "clipped": 0, "gradient_saturated": 0}
    shifts = learner.shifts(exponent, bits)
    limits = ((-(1 << bits - 1), (1 << bits - 1) - 1), (-net.bias_room, net.bias_room))
    if learner.rule == "class-mean":
        return *_class_means(
            weight, bias, shifts[0], mode, limits, state, counts, [seen[-1] for seen in p], y
        ), counts
    G, Gb = _zero(weight, bias)
    start_weight = [row[:] for row in weight]
    start_bias = bias[:]
    for b, label in enumerate(y):
        u, _ = readout(
            net.neuron,
            words,
            exponent,
            *((weight, bias) if learner.online else (start_weight, start_bias)),
            p[b],
        )
        steps = (
            range(max(len(u) - learner.window, 0), len(u))
            if learner.rule == "three-factor"
            else [len(u) - 1]
        )
        for t in steps:
            e = error(learner.error, u[t], label)
            if learner.rule == "three-factor":
                slopes = [surrogate(m, net.neuron.threshold, net.neuron.slope) for m in u[t]]
                e = [
                    _shift(v * slope, 8, 0 if mode == 3 else mode, 0) for v, slope in zip(e, slopes)
                ]
            for row, x in [*zip(G, p[b][t]), (Gb, 4096)]:
                for k, v in enumerate(e):
                    wide = row[k] + v * x
                    row[k] = min(max(wide, -(2**31)), 2**31 - 1)
                    counts["gradient_saturated"] += row[k] != wide
        if learner.online or b == len(y) - 1:
            for rows, gradients, k, ends in (
                (weight, G, shifts[0], limits[0]),
                ([bias], [Gb], shifts[1], limits[1]),
            ):
                theta = max(abs(g) for row in gradients for g in row) * learner.threshold >> 8
                for row, gradient in zip(rows, gradients):
                    row[:], state = update(row, gradient, k, mode, ends, state, theta, counts)
            G, Gb = _zero(weight, bias)
    return weight, bias, counts


def _class_means(
    weight: list, bias: list, k: int, mode: int, ends, state: int, counts: dict, p: list, y: list
) -> tuple:
    """(weight, bias) after samples of traces p[b][i] at the last step; counts grow."""

    def put(old: int, wide: int, low: int, high: int) -> int:
        new = min(max(wide, low), high)
        counts["clipped"] += new != wide
        counts["written"] += new != old
        return new

    for i, row in enumerate(weight):
        for c in range(len(row)):
            state = _xorshift32(state)
            seen = [trace[i] for trace, label in zip(p, y) if label == c]
            if seen:
                row[c] = put(
                    row[c], _shift(sum(seen) // len(seen), k, mode, _noise(state, k)), *ends[0]
                )
    squares = [sum(w * w for w in column) for column in zip(*weight)]
    return weight, [
        put(b, -_shift(s + max(squares), 1 - k, 0, 0), *ends[1]) for b, s in zip(bias, squares)
    ]


def update(
    weights: list, gradients: list, k: int, mode: int, ends, state: int, theta: int, counts: dict
) -> tuple[list, int]:
    """(weights after the update, random state), both flat; one random number a weight, gated or
    not; counts grow."""
    new = []
    for w, g in zip(weights, gradients):
        state = _xorshift32(state)
        gated = abs(g) <= theta
        wide = w if gated else w - _shift(g, k, mode, _noise(state, k))
        new.append(min(max(wide, ends[0]), ends[1]))
        counts["gated"] += gated
        counts["clipped"] += new[-1] != wide
        counts["written"] += new[-1] != w
    return new, state


def _zero(weight: list, bias: list) -> tuple[list, list]:
    return [[0] * len(bias) for _ in weight], [0] * len(bias)
