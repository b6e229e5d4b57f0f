"""Meta-training in whole numbers, from the equations: what `hardware.meta` is held to, bit for bit, and
where every stored word and every sum is checked.

Arrays have 64 bits, so that nothing wraps: a number that leaves its word, or a sum that leaves 32
bits, is an AssertionError.
"""

import numpy as np
import plain_integers
from plain_integers import xorshift32

EXPONENTIAL = np.array(plain_integers.EXPONENTIAL)
RECIPROCAL = np.array(plain_integers.RECIPROCAL)


def word(x, bits: int):
    low = np.min(x)
    high = np.max(x)
    assert -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1), f"{low}, {high} in {bits} bits"
    return x


def sum32(x):
    return word(x, 32)


def clip(x, bits: int):
    return np.clip(x, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def mixed(x: int) -> int:
    x ^= x >> 16
    x = x * 0x85EBCA6B % 2**32
    x ^= x >> 13
    x = x * 0xC2B2AE35 % 2**32
    return x ^ x >> 16


def stream(seed: int, update: int, place: int, sample: int) -> int:
    x = mixed((seed ^ 0x9E3779B9) % 2**32)
    for more in (update, place, sample):
        x = mixed((x + more) % 2**32)
    return x or 1


class Stream:
    """The numbers of a state, or of an array of states side by side."""

    def __init__(self, state):
        self.state = state

    def __call__(self, *shape: int) -> np.ndarray:
        """The next numbers, in this order."""
        states = []
        for _ in range(int(np.prod(shape))):
            self.state = xorshift32(self.state)
            states.append(self.state)
        return np.array(states, np.int64).reshape(*shape, *np.shape(self.state))

    def rounded(self, x, k: int):
        return rounded(x, k, self(*np.shape(x)))


def rounded(x, k: int, states):
    """x / 2^k by the upper k bits of a number each."""
    return x * 2**-k if k <= 0 else (x + (states >> 32 - k)) // 2**k


def slope(u, neuron):
    """sigma' of u in Q5.10, less the threshold."""
    x = 2**14 + np.abs(u) * neuron.slope
    n = np.frexp(x.astype(float))[1].astype(np.int64) - 15
    y = RECIPROCAL[(x >> n + 10) % 16]
    return np.where(n == 0, np.minimum(y, 255), y + (1 << np.maximum(2 * n - 1, 0)) >> 2 * n)


class Layer:
    """A layer as it is before an update, and the numbers of one sample after the other."""

    def __init__(self, net, n: int):
        layer = net.layers[n]
        self.n, self.net, self.neuron = n, net, net.neuron
        self.bits, below = net.words.bits, net.words.bits - 8
        self.fraction, self.trace = self.bits - 5, min(12, self.bits - 1)
        half = 2**below // 2
        self.weight = np.minimum((layer.weight.astype(np.int64) + half) // 2**below, 127)
        self.bias = layer.bias.astype(np.int64)
        self.exponent, self.shift = layer.exponent, layer.shift
        self.H, self.W, self.C_in = layer.input_shape
        self.C, self.k = len(self.bias), len(self.weight)
        self.rho, self.threshold = (
            self.neuron.rho * 2**self.fraction // 2**10,
            self.neuron.threshold * 2**self.fraction // 2**10,
        )
        self.adjoint = net.ends(n)[1].bit_length() + 1
        self.corner = np.arange(self.H)[:, None, None] % 2 * 2 + np.arange(self.W)[:, None] % 2

    def lanes(self, update: int, b: int, direction: int) -> Stream:
        state = stream(self.net.seed, update, direction * 16 + self.n, b)
        lanes = [stream(state, 0, 0, n) for n in range(self.W * self.C)]
        return Stream(np.array(lanes, np.int64).reshape(self.W, self.C))

    def shifted(self, x):
        """(weight's place, the part of padded x that it meets)."""
        half = self.k // 2
        padded = np.pad(x, [(half, half), (half, half), (0, 0)])
        for i, j in np.ndindex(self.k, self.k):
            yield (i, j), padded[i : i + self.H, j : j + self.W]

    def forward(self, x, update: int, b: int, window: int):
        """(spikes (T, h, w, d), slopes, which was the largest) of counts x (T, h, w, c)."""
        n, one = self.neuron, 2**self.trace
        lanes = self.lanes(update, b, 0)
        P = Q = r = np.zeros((self.H, self.W, self.C), np.int64)
        left = max(self.exponent + self.fraction, 0)
        right = max(-self.exponent - self.fraction, 0)
        most = 2 ** (self.bits + 12 - left) if left else 2**31 - 1
        membranes = []
        for frame in x:
            V = sum32(sum(part @ self.weight[at] for at, part in self.shifted(frame)))
            state = lanes(self.H)
            u = clip(P + self.bias - sum32(self.rho * r) // one, self.bits)
            membranes.append(u)
            fires = one * (u >= self.threshold)
            r = sum32(n.gamma * r + (4096 - n.gamma) * fires + 2048) // 4096
            assert (0 <= r).all() and (r <= one).all()
            for_p = state // 256 % 4096
            for_q = state // 2**20
            enters = np.clip(sum32((4096 - n.beta) * V), -most, most) * 2**left // 2**right
            P = word(sum32(n.alpha * P + (4096 - n.alpha) * Q + for_p) // 4096, self.bits)
            Q = clip(sum32(n.beta * Q + enters + for_q) // 4096, self.bits)
        u = np.array(membranes)
        four = np.stack([u[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])
        above = (u[-window:] - self.threshold) * 2**10 // 2**self.fraction
        spikes = (four.max(0) >= self.threshold).astype(np.int64)
        return spikes, slope(above, n), four.argmax(0)[-window:]

    def backward(self, x, slopes, args, dy, update: int, b: int, below: int):
        """(G (i, j, c, d), Gb, dx (t, h, w, c), largest, clipped) of a sample; dy (t, h', w', d) of the
        window, below: bits of dx."""
        n, half = self.neuron, self.k // 2
        lanes = self.lanes(update, b, 1)
        back = Stream(stream(self.net.seed, update, 16 + self.n + 8, b))
        N = Pd = Qd = np.zeros((self.H, self.W, self.C), np.int64)
        G, Gb = np.zeros(self.weight.shape, np.int64), 0
        dx = np.zeros((len(dy), self.H, self.W, self.C_in), np.int64)
        largest = clipped = 0
        first = len(x) - len(dy)
        for t in reversed(range(len(x))):
            for at, part in self.shifted(x[t]):
                G[at] = sum32(G[at] + np.tensordot(part, Qd, ((0, 1), (0, 1))))
            if t >= first and self.n:
                sums = np.zeros((self.H + 2 * half, self.W + 2 * half, self.C_in), np.int64)
                for i, j in np.ndindex(self.k, self.k):
                    sums[i : i + self.H, j : j + self.W] += Qd @ self.weight[i, j].T
                inside = sum32(sums[half : half + self.H, half : half + self.W])
                wide = back.rounded(inside, self.shift)
                v = dx[t - first] = clip(wide, below)
                largest = max(largest, abs(v).max())
                clipped = clipped + (v != wide).sum()
            state = lanes(self.H)
            for_u = state % 256
            for_p = state // 256 % 4096
            for_q = state // 2**20
            du = np.zeros_like(N)
            if t >= first:
                dv, largest_at = (of[t - first].repeat(2, 0).repeat(2, 1) for of in (dy, args))
                dv = dv * (largest_at == self.corner)
                du = clip(sum32((dv + N) * slopes[t - first] + for_u) // 256, self.adjoint)
                Gb = sum32(Gb + du.sum((0, 1)))
            reset = sum32(self.rho * du) // 2**self.fraction
            N = clip(sum32(n.gamma * N - (4096 - n.gamma) * reset + 2048) // 4096, self.adjoint)
            Qd = word(sum32(n.beta * Qd + (4096 - n.beta) * Pd + for_q) // 4096, self.adjoint)
            Pd = word(sum32(n.alpha * Pd + (4096 - n.alpha) * du + for_p) // 4096, self.adjoint)
        return G, Gb, dx, largest, clipped


def traces(net, spikes, update: int, b: int, bits: int):
    """Features of a sample at the last step, from the last layer's spikes."""
    n = net.neuron
    noise = Stream(stream(net.seed, update, 5 * 16, b))
    p = q = np.zeros(spikes[0].size, np.int64)
    for s in spikes[:-1]:
        for_q, for_p = noise(len(p), 2).T // 2**20
        p = (n.alpha * p + (4096 - n.alpha) * q + for_p) // 4096
        q = (n.beta * q + (4096 - n.beta) * 2**bits * s.ravel() + for_q) // 4096
        assert min(p.min(), q.min()) >= 0 and max(p.max(), q.max()) <= 2**bits
    return p


def loss(net, p, y, asked, labels, log2_scale: int, bits: int):
    """dp of the support p with labels y, then of the query samples."""
    ways = y.max() + 1
    labels = np.asarray(labels)
    n = np.bincount(y)[:, None]
    c = np.array([(p[y == k].sum(0) + n[k] // 2) // n[k] for k in range(ways)])
    unit = min(12, net.words.bits - 2)
    apart = asked[:, None] - c
    far = sum32((apart**2).sum(2))
    k = 2 * bits - 4 - log2_scale
    place = far - far.min(1, keepdims=True)
    place = place // 2**k if k >= 0 else place * 2**-k
    z = np.where(place < 256, EXPONENTIAL[np.minimum(place, 255)], 0)
    total = z.sum(1, keepdims=True)
    e = sum32(2 ** (unit + 1) * z + total) // (2 * total)
    e[np.arange(len(asked)), labels] -= 2**unit
    weighted = e[:, :, None] * apart
    dc = (sum32(weighted.sum(0)) + n // 2) // n
    return np.concatenate([dc[y], sum32(-weighted.sum(1))])


def impulse(net, steps: int):
    n = net.neuron
    p = 0
    q = (4096 - n.beta) * 2**30
    found = [0]
    for _ in range(steps - 1):
        found.append(p)
        p = (n.alpha * p + (4096 - n.alpha) * q) // 4096
        q = n.beta * q // 4096
    k = max(found).bit_length() - 15
    return [v // 2**k for v in found]


def top(net, dp, update: int, shape, bits: int) -> tuple:
    """(dy (b, t, h, w, d) of the window, largest size, clipped) from dp (b, f)."""
    noise = Stream(stream(net.seed, update, 2 * 16, 0))
    wide = noise.rounded(dp, net.top)
    held = clip(wide, bits)
    H = np.array(impulse(net, net.steps)[: net.window][::-1])
    dy = clip(noise.rounded(sum32(held[:, None] * H[:, None]), 15), bits)
    return dy.reshape(len(dp), net.window, *shape), abs(held).max(), (held != wide).sum()


def settled(k: int, largest: int, clipped: int, bits: int) -> int:
    if clipped:
        return k + 1
    return k - 1 if 0 < largest <= (2 ** (bits - 1) - 1) // 4 else k


def gradients(net, x, y, labels, update: int, log2_scale: int, feature_bits: int):
    """([(G flat, Gb)] a layer, features, shifts after: the features', then every layer's) of samples x:
    the support, labelled y, then the query."""
    layers = [Layer(net, n) for n in range(len(net.layers))]
    tapes = []
    p = []
    for b, spikes in enumerate(np.minimum(x, 7).astype(np.int64)):
        tapes.append([])
        for layer in layers:
            out, *kept = layer.forward(spikes, update, b, net.window)
            tapes[-1].append((spikes, *kept))
            spikes = out
        p.append(traces(net, spikes, update, b, feature_bits))
    p = np.array(p)
    S = len(y)
    dp = loss(net, p[:S], y, p[S:], labels, log2_scale, feature_bits)
    last = layers[-1]
    dy, largest, clipped = top(net, dp, update, (last.H // 2, last.W // 2, last.C), last.adjoint)
    shifts = [settled(net.top, largest, clipped, last.adjoint)]
    found = []
    for layer in reversed(layers):
        below = layers[layer.n - 1].adjoint if layer.n else 0
        each = [layer.backward(*tapes[b][layer.n], dy[b], update, b, below) for b in range(len(x))]
        G, Gb, dy, largest, clipped = zip(*each)
        noise = Stream(stream(net.seed, update, 3 * 16 + layer.n, 0))
        k = (len(x) - 1).bit_length()
        # by input, then the kernel turned round: the order in which random numbers are drawn
        drawn = np.array(G).transpose(0, 3, 1, 2, 4)[:, :, ::-1, ::-1]
        whole = sum32(noise.rounded(drawn, k).sum(0))[:, ::-1, ::-1].transpose(1, 2, 0, 3)
        biases = sum32(noise.rounded(np.array(Gb), k).sum(0))
        found.insert(0, (whole.ravel(), biases))
        of = settled(layer.shift, max(largest), sum(clipped), below) if layer.n else 0
        shifts.insert(1, of)
    return found, p, shifts


def learned(net, n: int, pair, update: int, rate: int) -> tuple:
    """(weights, biases, their momenta), flat, of layer n after a step along its gradients."""
    layer, bits = net.layers[n], net.words.bits
    noise = Stream(stream(net.seed, update, 4 * 16 + n, 0))
    out = []
    momenta = []
    for array, G, moments, unit in zip(
        (layer.weight, layer.bias),
        pair,
        (layer.momentum, layer.momentum_bias),
        (layer.amplitude, 2 ** (bits - 5)),
    ):
        k = int(abs(G).max()).bit_length() - (bits - 2)
        w, m = (of.ravel().astype(np.int64) for of in (array, moments))
        first, state = noise(len(w), 2).T
        g = word(rounded(G, k, first), bits)
        lead = sum32(7 * m + g)
        step = sum32(rate * unit + state % 2**16) // 2**16
        out.append(clip(w - step * np.sign(lead), bits))
        momenta.append(word((63 * m + g + state // 2**26) // 64, bits))
    return *out, *momenta
