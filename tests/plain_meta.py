"""Meta-training in plain Python integers, from the equations: what `hardware.meta` is held to, bit for
bit, and where every stored word and every sum is looked at.

Nothing here is an array and nothing wraps: a number that leaves its word, or a sum that leaves 32 bits,
is an AssertionError. Sequences are nested lists.
"""

from minisnn.hardware.chip.errors import EXPONENTIAL
from minisnn.hardware.chip.neuron import RECIPROCAL
from plain_means import xorshift32

_EXPONENTIAL = EXPONENTIAL.tolist()
_RECIPROCAL = RECIPROCAL.tolist()


def sum32(x: int) -> int:
    assert -(2**31) <= x < 2**31, f"a sum of {x}"
    return x


def word(x: int, bits: int) -> int:
    assert -(2 ** (bits - 1)) <= x < 2 ** (bits - 1), f"{x} in {bits} bits"
    return x


def clip(x: int, bits: int) -> int:
    return min(max(x, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)


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
    def __init__(self, state: int):
        self.state = state

    def __call__(self) -> int:
        self.state = xorshift32(self.state)
        return self.state

    def rounded(self, x: int, k: int) -> int:
        """x / 2^k by the upper k bits of the next number."""
        state = self()
        if k <= 0:
            return x * 2**-k
        return (x + (state >> 32 - k)) // 2**k


def slope(u: int, neuron) -> int:
    """sigma' of u in Q5.10, less the threshold."""
    x = 2**14 + abs(u) * neuron.slope
    n = 0
    while x >= 2 ** (n + 15):
        n += 1
    y = _RECIPROCAL[x // 2 ** (n + 10) % 16]
    if n == 0:
        return min(y, 255)
    return (y + 2 ** (2 * n - 1)) // 4**n if n < 16 else 0


class Layer:
    """A layer as it stands before an update, and the numbers of one sample after the other."""

    def __init__(self, net, n: int):
        of = net.layers[n]
        self.n, self.net, self.words, self.neuron = n, net, net.words, net.neuron
        self.bits, self.below = net.words.bits, net.words.bits - 8
        self.fraction, self.trace = self.bits - 5, min(12, self.bits - 1)
        self.stored = of.weight.tolist()
        half = 2**self.below // 2
        self.weight = [
            [[[min((w + half) // 2**self.below, 127) for w in d] for d in c] for c in row]
            for row in self.stored
        ]
        self.bias = of.bias.tolist()
        self.exponent, self.shift = of.exponent, of.shift
        self.H, self.W, self.C_in = of.input_shape
        self.C, self.k = len(self.bias), len(self.stored)
        up = self.fraction - 10
        self.rho, self.threshold = (
            x * 2**up if up >= 0 else x // 2**-up for x in (self.neuron.rho, self.neuron.threshold)
        )
        self.adjoint = net.ends(n)[1].bit_length() + 1

    def lanes(self, update: int, b: int, direction: int) -> list[Stream]:
        state = stream(self.net.seed, update, direction * 16 + self.n, b)
        return [Stream(stream(state, 0, 0, n)) for n in range(self.W * self.C)]

    def reached(self, h: int, w: int):
        """(i, j, site) of the weights that lead to a site, and the inputs they come from."""
        half = self.k // 2
        for i in range(self.k):
            for j in range(self.k):
                y, z = h + i - half, w + j - half
                if 0 <= y < self.H and 0 <= z < self.W:
                    yield i, j, y, z

    def forward(self, x, update: int, b: int, window: int):
        """(spikes [t][h][w][d], slopes, which was the largest) of counts x[t][h][w][c]."""
        n, half = self.neuron, 2048
        lanes = self.lanes(update, b, 0)
        P, Q, r = (grid(self.H, self.W, self.C) for _ in range(3))
        one = 2**self.trace
        left = max(self.exponent + self.fraction, 0)
        right = max(-self.exponent - self.fraction, 0)
        most = 2 ** (self.bits + 12 - left) if left else 2**31 - 1
        spikes, slopes, args = [], [], []
        for t, frame in enumerate(x):
            u = grid(self.H, self.W, self.C)
            for h in range(self.H):
                for w in range(self.W):
                    for d in range(self.C):
                        V = sum32(
                            sum(
                                self.weight[i][j][c][d] * frame[y][z][c]
                                for i, j, y, z in self.reached(h, w)
                                for c in range(self.C_in)
                            )
                        )
                        state = lanes[w * self.C + d]()
                        for_p = state // 256 % 4096
                        for_q = state // 2**20
                        p, q, s = P[h][w][d], Q[h][w][d], r[h][w][d]
                        now = clip(p + self.bias[d] - sum32(self.rho * s) // one, self.bits)
                        u[h][w][d] = now
                        fires = one * (now >= self.threshold)
                        r[h][w][d] = sum32(n.gamma * s + (4096 - n.gamma) * fires + half) // 4096
                        assert 0 <= r[h][w][d] <= one < 2**self.bits
                        P[h][w][d] = word(
                            sum32(n.alpha * p + (4096 - n.alpha) * q + for_p) // 4096, self.bits
                        )
                        enters = (
                            min(max(sum32((4096 - n.beta) * V), -most), most) * 2**left // 2**right
                        )
                        Q[h][w][d] = clip(sum32(n.beta * q + enters + for_q) // 4096, self.bits)
            out = grid(self.H // 2, self.W // 2, self.C)
            which = grid(self.H // 2, self.W // 2, self.C)
            for h in range(self.H // 2):
                for w in range(self.W // 2):
                    for d in range(self.C):
                        four = [u[2 * h + n // 2][2 * w + n % 2][d] for n in range(4)]
                        which[h][w][d] = four.index(max(four))
                        out[h][w][d] = int(max(four) >= self.threshold)
            spikes.append(out)
            if t >= len(x) - window:
                up = self.fraction - 10
                args.append(which)
                slopes.append(
                    [
                        [
                            [
                                slope(
                                    (v - self.threshold) // 2**up
                                    if up >= 0
                                    else (v - self.threshold) * 2**-up,
                                    n,
                                )
                                for v in site
                            ]
                            for site in row
                        ]
                        for row in u
                    ]
                )
        return spikes, slopes, args

    def backward(self, x, slopes, args, dy, update: int, b: int, below: int):
        """(G[i][j][c][d], Gb[d], dx[t][h][w][c]) of a sample; dy[t][h'][w'][d] of the window, below:
        bits of dx."""
        n, half = self.neuron, 2048
        lanes = self.lanes(update, b, 1)
        back = Stream(stream(self.net.seed, update, 16 + self.n + 8, b))
        N, Pd, Qd = (grid(self.H, self.W, self.C) for _ in range(3))
        G = [[grid(1, self.C_in, self.C)[0] for _ in range(self.k)] for _ in range(self.k)]
        Gb = [0] * self.C
        dx = [grid(self.H, self.W, self.C_in) for _ in dy]
        largest = clipped = 0
        first = len(x) - len(dy)
        for t in range(len(x) - 1, -1, -1):
            for h in range(self.H):
                for w in range(self.W):
                    for i, j, y, z in self.reached(h, w):
                        for c in range(self.C_in):
                            for d in range(self.C) if x[t][y][z][c] else ():
                                G[i][j][c][d] = sum32(G[i][j][c][d] + x[t][y][z][c] * Qd[h][w][d])
            if t >= first and self.n:
                sums = grid(self.H, self.W, self.C_in)
                for h in range(self.H):
                    for w in range(self.W):
                        for i, j, y, z in self.reached(h, w):
                            for c in range(self.C_in):
                                for d in range(self.C):
                                    sums[y][z][c] = sum32(
                                        sums[y][z][c] + self.weight[i][j][c][d] * Qd[h][w][d]
                                    )
                for h in range(self.H):
                    for w in range(self.W):
                        for c in range(self.C_in):
                            wide = back.rounded(sums[h][w][c], self.shift)
                            v = dx[t - first][h][w][c] = clip(wide, below)
                            largest, clipped = max(largest, abs(v)), clipped + (v != wide)
            for h in range(self.H):
                for w in range(self.W):
                    for d in range(self.C):
                        state = lanes[w * self.C + d]()
                        for_u = state % 256
                        for_p = state // 256 % 4096
                        for_q = state // 2**20
                        dv = of_slope = 0
                        if t >= first:
                            of_slope = slopes[t - first][h][w][d]
                            if args[t - first][h // 2][w // 2][d] == h % 2 * 2 + w % 2:
                                dv = dy[t - first][h // 2][w // 2][d]
                        du = sum32((dv + N[h][w][d]) * of_slope + for_u) // 256
                        du = clip(du, self.adjoint)
                        reset = sum32(self.rho * du) // 2**self.fraction
                        after = (
                            sum32(n.gamma * N[h][w][d] - (4096 - n.gamma) * reset + half) // 4096
                        )
                        N[h][w][d] = clip(after, self.adjoint)
                        p = Pd[h][w][d]
                        Qd[h][w][d] = word(
                            sum32(n.beta * Qd[h][w][d] + (4096 - n.beta) * p + for_q) // 4096,
                            self.adjoint,
                        )
                        Pd[h][w][d] = word(
                            sum32(n.alpha * p + (4096 - n.alpha) * du + for_p) // 4096, self.adjoint
                        )
                        if t >= first:
                            Gb[d] = sum32(Gb[d] + du)
        return G, Gb, dx, largest, clipped


def grid(*shape: int) -> list:
    return [grid(*shape[1:]) for _ in range(shape[0])] if shape else 0


def traces(net, spikes, update: int, b: int, bits: int) -> list[int]:
    """Features of a sample at the last step, from the last layer's spikes."""
    n = net.neuron
    flat = [[v for row in frame for site in row for v in site] for frame in spikes]
    noise = Stream(stream(net.seed, update, 5 * 16, b))
    p, q = [0] * len(flat[0]), [0] * len(flat[0])
    for s in flat[:-1]:
        for i, x in enumerate(s):
            for_q, for_p = noise() // 2**20, noise() // 2**20
            p[i], q[i] = (
                (n.alpha * p[i] + (4096 - n.alpha) * q[i] + for_p) // 4096,
                (n.beta * q[i] + (4096 - n.beta) * 2**bits * x + for_q) // 4096,
            )
            assert 0 <= p[i] <= 2**bits and 0 <= q[i] <= 2**bits
    return p


def loss(net, p, y, asked, labels, log2_scale: int, bits: int) -> list[list[int]]:
    """dp of the support p with labels y, then of the query samples."""
    ways, F = max(y) + 1, len(p[0])
    n = [y.count(k) for k in range(ways)]
    c = [
        [
            (sum(of[f] for of, label in zip(p, y) if label == k) + n[k] // 2) // n[k]
            for f in range(F)
        ]
        for k in range(ways)
    ]
    e = []
    unit = min(12, net.words.bits - 2)
    for of, label in zip(asked, labels):
        D = [sum32(sum((a - b) ** 2 for a, b in zip(of, mean))) for mean in c]
        z = []
        for far in D:
            k = 2 * bits - 4 - log2_scale
            place = (far - min(D)) // 2**k if k >= 0 else (far - min(D)) * 2**-k
            z.append(_EXPONENTIAL[place] if place < 256 else 0)
        total = sum(z)
        e.append([sum32(2 ** (unit + 1) * v + total) // (2 * total) for v in z])
        e[-1][label] -= 2**unit
    dp = [
        [sum32(-sum(e[b][k] * (of[f] - c[k][f]) for k in range(ways))) for f in range(F)]
        for b, of in enumerate(asked)
    ]
    dc = [
        [sum32(sum(e[b][k] * (of[f] - c[k][f]) for b, of in enumerate(asked))) for f in range(F)]
        for k in range(ways)
    ]
    dc = [[(v + n[k] // 2) // n[k] for v in one] for k, one in enumerate(dc)]
    return [dc[label] for label in y] + dp


def impulse(net, steps: int) -> list[int]:
    n = net.neuron
    p, q, found = 0, (4096 - n.beta) * 2**30, [0]
    for _ in range(steps - 1):
        found.append(p)
        p, q = (n.alpha * p + (4096 - n.alpha) * q) // 4096, n.beta * q // 4096
    k = max(found).bit_length() - 15
    return [v // 2**k for v in found]


def top(net, dp, update: int, shape, bits: int) -> tuple:
    """(dy[b][t][h][w][d] of the window, largest size, clipped) from dp[b][f]."""
    noise = Stream(stream(net.seed, update, 2 * 16, 0))
    wide = [[noise.rounded(v, net.top) for v in one] for one in dp]
    held = [[clip(v, bits) for v in one] for one in wide]
    H = impulse(net, net.steps)[: net.window]
    found = []
    h, w, d = shape
    for one in held:
        found.append([])
        for t in range(net.window):
            flat = [clip(noise.rounded(sum32(v * H[net.window - 1 - t]), 15), bits) for v in one]
            found[-1].append(
                [[flat[(y * w + z) * d : (y * w + z + 1) * d] for z in range(w)] for y in range(h)]
            )
    largest = max(abs(v) for one in held for v in one)
    clipped = sum(a != b for one, of in zip(wide, held) for a, b in zip(one, of))
    return found, largest, clipped


def settled(k: int, largest: int, clipped: int, bits: int) -> int:
    if clipped:
        return k + 1
    return k - 1 if 0 < largest <= (2 ** (bits - 1) - 1) // 4 else k


def gathered(parts: list[list[int]], noise: Stream) -> list[int]:
    k = (len(parts) - 1).bit_length()
    rounded = [[noise.rounded(v, k) for v in one] for one in parts]
    return [sum32(sum(column)) for column in zip(*rounded)]


def gradients(net, x, y, labels, update: int, log2_scale: int, feature_bits: int):
    """([(G flat, Gb)] a layer, features, shifts after: the features', then every layer's) of samples x:
    the support, labelled y, then the query."""
    layers = [Layer(net, n) for n in range(len(net.layers))]
    tapes, p = [], []
    for b, one in enumerate(x):
        tapes.append([])
        one = [[[[min(v, 7) for v in site] for site in row] for row in frame] for frame in one]
        for layer in layers:
            out, *kept = layer.forward(one, update, b, net.window)
            tapes[-1].append((one, *kept))
            one = out
        p.append(traces(net, one, update, b, feature_bits))
    S = len(y)
    dp = loss(net, p[:S], y, p[S:], labels, log2_scale, feature_bits)
    last = layers[-1]
    dy, largest, clipped = top(net, dp, update, (last.H // 2, last.W // 2, last.C), last.adjoint)
    shifts = [settled(net.top, largest, clipped, last.adjoint)]
    found = []
    for layer in reversed(layers):
        below = layers[layer.n - 1].adjoint if layer.n else 0
        each = [layer.backward(*tapes[b][layer.n], dy[b], update, b, below) for b in range(len(x))]
        dy = [one[2] for one in each]
        noise = Stream(stream(net.seed, update, 3 * 16 + layer.n, 0))
        whole = gathered([mirrored(layer, one[0]) for one in each], noise)
        biases = gathered([one[1] for one in each], noise)
        found.insert(0, (unmirrored(layer, whole), biases))
        largest = max(one[3] for one in each)
        of = settled(layer.shift, largest, sum(one[4] for one in each), below) if layer.n else 0
        shifts.insert(1, of)
    return found, p, shifts


def mirrored(layer: Layer, G: list) -> list[int]:
    """In the order in which random numbers are drawn: by input, then the kernel turned round."""
    k = range(layer.k - 1, -1, -1)
    return [G[i][j][c][d] for c in range(layer.C_in) for i in k for j in k for d in range(layer.C)]


def unmirrored(layer: Layer, flat: list[int]) -> list[int]:
    at = iter(flat)
    k = range(layer.k - 1, -1, -1)
    found = {
        (i, j, c, d): next(at)
        for c in range(layer.C_in)
        for i in k
        for j in k
        for d in range(layer.C)
    }
    return [found[key] for key in sorted(found)]


def learned(net, n: int, pair, update: int, rate: int) -> tuple:
    """(weights, biases, their momenta), flat, of layer n after a step along its gradients."""
    layer = net.layers[n]
    bits = net.words.bits
    noise = Stream(stream(net.seed, update, 4 * 16 + n, 0))
    out, momenta = [], []
    for array, of, moments, unit in zip(
        (layer.weight, layer.bias),
        pair,
        (layer.momentum, layer.momentum_bias),
        (layer.amplitude, 2 ** (bits - 5)),
    ):
        k = max(map(abs, of)).bit_length() - (bits - 2)
        new, moved = [], []
        for w, G, m in zip(array.reshape(-1).tolist(), of, moments.reshape(-1).tolist()):
            g = word(noise.rounded(G, k), bits)
            lead = sum32(7 * m + g)
            state = noise()
            step = sum32(rate * unit + state % 2**16) // 2**16
            moved.append(word((63 * m + g + state // 2**26) // 64, bits))
            new.append(clip(w - (step if lead > 0 else -step if lead < 0 else 0), bits))
        out.append(new)
        momenta.append(moved)
    return *out, *momenta
