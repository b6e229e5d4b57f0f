"""A network of integers that meta-trains: its layers, its features, its gradients.

Every layer's adjoints have one shift, which an update leaves for the next: one place more to the
right if any was clipped, one less if all had two places to spare. (What is shifted is known only
behind the last sample, and sums of 32 bits are not stored.)
"""

from dataclasses import dataclass, field

import numpy as np

from minisnn.parallel.threads import parallel

from ..chip.formats import ROUNDINGS, seed_state, shift, xorshift32
from ..chip.kernels import Convolved, convolved, mirrored, rows_of
from ..chip.neuron import IntegerLIF
from ..chip.noise import stream
from ..chip.ranges import MOST_COUNT
from ..chip.stochastic import Step
from ..chip.traces import presynaptic
from . import kernels, loss, optimiser, words as ranges
from .words import READ, MetaWords

FORWARD, BACKWARD, TOP, SUMS, STEPS, TRACES, WEIGHTS = range(7)  # places of random numbers
NONE = np.zeros((0, 1, 1, 1, 1), np.int16)


@dataclass(eq=False)
class MetaLayer:
    """A conv layer, pooled by 2 x 2; arrays are int16.

    weight     (k, k, C_in, C), of which the passes read the upper 8 bits     bias   (C,), in units of u
    exponent   of a weight as it is read          amplitude   of the weights it began with, the unit of steps
    momentum   of weights, then of biases         shift       of the adjoints it hands down
    """

    name: str
    input_shape: tuple[int, int, int]
    weight: np.ndarray
    bias: np.ndarray
    exponent: int
    amplitude: int
    momentum: tuple[np.ndarray, np.ndarray]
    shift: int = 0

    @property
    def output_shape(self) -> tuple[int, int, int]:
        H, W, _ = self.input_shape
        return H // 2, W // 2, len(self.bias)


@dataclass(eq=False)
class MetaNet:
    """Layers, neuron and words; see the module. `saturations` counts clipped numbers by place."""

    layers: list[MetaLayer]
    neuron: IntegerLIF
    words: MetaWords
    steps: int
    window: int
    seed: int
    top: int = 0  # shift of the features' adjoints
    saturations: dict[str, int] = field(default_factory=dict)

    @property
    def features(self) -> int:
        return int(np.prod(self.layers[-1].output_shape))

    def constants(self, layer: MetaLayer) -> Step:
        n = self.neuron
        state = self.words.state
        up = state.fraction - 10
        numbers = (
            n.alpha,
            n.beta,
            n.gamma,
            shift(n.rho, -up, 0, 0),
            shift(n.threshold, -up, 0, 0),
            n.slope,
            state.fraction,
            self.words.trace,
            *state.ends,
            *ranges.enters(self.words, layer.exponent),
            ROUNDINGS[self.words.rounding],
        )
        return Step(*map(np.int32, numbers))

    def read(self, layer: MetaLayer) -> np.ndarray:
        """The weights as the passes read them, int32 of 8 bits."""
        below = self.words.below
        half = 1 << below - 1 if below else 0
        whole = (layer.weight.astype(np.int32) + half) >> below
        return np.minimum(whole, READ.highest)

    def ends(self, n: int) -> tuple[int, int]:
        """The ends of layer n's adjoints."""
        layer = self.layers[n]
        bits = ranges.adjoint_bits(
            self.words, layer.weight.shape, _sites(layer), ranges.most_of(n), self.steps, n == 0
        )
        return -(1 << bits - 1), (1 << bits - 1) - 1

    def check(self, queries: int) -> None:
        """ValueError where a sum could leave 32 bits."""
        for n, layer in enumerate(self.layers):
            most = ranges.most_of(n)
            shape = layer.weight.shape
            found = ranges.forward_sums(self.words, shape, most, layer.exponent, self.neuron.beta)
            ranges.check(found, layer.name)
            self.ends(n)
        rho = int(self.constants(self.layers[0]).rho)
        ranges.check(ranges.reset_sums(self.words, rho, self.neuron.gamma), "neuron")
        ranges.check(ranges.loss_sums(self.words, self.features, queries), "class means")

    # ---- forward

    def spikes(self, x, update: int, n: int, window: int = 0, record: int = 0) -> Convolved:
        """Layer n from x (B, T, H, W, C)."""
        layer = self.layers[n]
        bias = np.tile(layer.bias, layer.input_shape[1])
        prepared = mirrored(self.read(layer), np.int32), bias, self.constants(layer)
        key = self.seed, update, FORWARD * 16 + n
        found = convolved(layer, prepared, x, record, key, window)
        self._count(f"{layer.name}.u", found.clipped)
        return found

    def counts(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.minimum(x, MOST_COUNT), np.uint8)

    def traces(self, spikes: np.ndarray, update: int) -> np.ndarray:
        """Features p (B, F) at the last step, of the last layer's spikes."""
        flat = np.ascontiguousarray(spikes.reshape(*spikes.shape[:2], -1))
        bits = ranges.feature_bits(self.words, flat.shape[2])
        found = np.empty(flat.shape[1:], np.int32)
        out = np.empty((len(flat), flat.shape[2]), np.int64)
        mode = ROUNDINGS[self.words.rounding]
        n = self.neuron
        for b, one in enumerate(flat):
            state = stream(self.seed, update, TRACES * 16, b)
            presynaptic(one, found, n.alpha, n.beta, mode, bits, state)
            out[b] = found[-1] >> 12 - bits
        return out

    def features_of(self, x: np.ndarray, update: int = 0) -> np.ndarray:
        x = self.counts(x)
        for n in range(len(self.layers)):
            x = self.spikes(x, update, n).spikes
        return self.traces(x, update)

    # ---- backward

    def gradients(self, task, update: int, log2_scale: int):
        """([(G, Gb) of every layer], Loss) of a task; shifts are as `settled` leaves them."""
        x = self.counts(np.concatenate([task.x_support, task.x_query]))
        tapes = []
        for n in range(len(self.layers)):
            found = self.spikes(x, update, n, self.window)
            tapes.append((x, found.slopes, found.args))
            x = found.spikes
        p = self.traces(x, update)
        found = loss.gradient(p, task.y_support, task.y_query, self.words, log2_scale)
        dy = self._top(found.dp, update)
        gradients = []
        for n in range(len(self.layers) - 1, -1, -1):
            G, dy = self._back(n, tapes[n], dy, update)
            gradients.insert(0, G)
        return gradients, found

    def impulse(self) -> np.ndarray:
        """What a spike adds to the features 0, 1, … steps later; its largest has 15 bits."""
        n = self.neuron
        p = 0
        q = (4096 - n.beta) << 30
        found = [0]
        for _ in range(self.steps - 1):
            found.append(p)
            p = (n.alpha * p + (4096 - n.alpha) * q) >> 12
            q = n.beta * q >> 12
        k = max(found).bit_length() - 15
        return np.array([one >> k for one in found], np.int64)

    def _top(self, dp: np.ndarray, update: int) -> np.ndarray:
        """Adjoints of the last layer's spikes in the window, (B, window, H', W', C) int16."""
        words = self.words
        ends = self.ends(len(self.layers) - 1)
        mode = ROUNDINGS[words.rounding]
        held = np.empty(dp.shape, np.int64)
        seen = np.zeros(2, np.int64)
        state = stream(self.seed, update, TOP * 16, 0)
        state = kernels.words_of(
            dp.reshape(-1), self.top, mode, ends, held.reshape(-1), state, seen
        )
        H = self.impulse()[: self.window][::-1]
        dy = np.empty((len(dp), len(H), dp.shape[1]), np.int16)
        sums = (held[:, None] * H[:, None]).reshape(-1)
        kernels.words_of(sums, 15, mode, ends, dy.reshape(-1), state, np.zeros(2, np.int64))
        self.top = self._settled(self.top, seen, ends, "features")
        return dy.reshape(*dy.shape[:2], *self.layers[-1].output_shape)

    def _back(self, n: int, tape, dy, update: int):
        layer = self.layers[n]
        x, slopes, args = tape
        B = len(x)
        k, _, C_in, C = layer.weight.shape
        weight = self.read(layer).transpose(3, 0, 1, 2).reshape(C, k, k * C_in)
        G = np.zeros((B, C_in, k, k * C), np.int32)
        Gb = np.zeros((B, len(layer.bias)), np.int32)
        dx, below = NONE, (0, 0, 0)
        if n:
            dx = np.empty((B, self.window, *layer.input_shape), np.int16)
            below = (*self.ends(n - 1), layer.shift)
        seen = np.zeros((B, 2), np.int64)
        clipped = np.zeros(B, np.int64)
        key = self.seed, update, BACKWARD * 16 + n
        flat = rows_of(x)
        parallel(
            kernels.backward,
            B,
            flat,
            flat.view(np.uint64),
            np.ascontiguousarray(weight),
            slopes,
            args,
            dy,
            self.constants(layer),
            key,
            self.ends(n),
            below,
            G,
            Gb,
            dx,
            seen,
            clipped,
        )
        self._count(f"{layer.name}.du", int(clipped.sum()))
        if n:
            both = np.array([seen[:, 0].max(), seen[:, 1].sum()])
            layer.shift = self._settled(layer.shift, both, self.ends(n - 1), f"{layer.name}.dx")
        state = stream(self.seed, update, SUMS * 16 + n, 0)
        by = (B - 1).bit_length()
        whole, state = kernels.gathered(G.reshape(B, -1), by, state)
        biases, _ = kernels.gathered(Gb, by, state)
        # of the mirrored weights; a copy, in the order of the weights
        whole = whole.reshape(C_in, k, k, C).transpose(1, 2, 0, 3)[::-1, ::-1].reshape(-1)
        return (whole, biases), dx

    def _settled(self, k: int, seen, ends, place: str) -> int:
        self._count(place, int(seen[1]))
        if seen[1]:
            return k + 1
        return k - 1 if 0 < seen[0] <= ends[1] >> 2 else k

    def _count(self, place: str, number: int) -> None:
        self.saturations[place] = self.saturations.get(place, 0) + number

    # ---- learning

    def learn(self, gradients, update: int, rate: int) -> None:
        """A step of every array: of rate 2^-16 of the amplitude of weights, of 1 for biases."""
        for n, (layer, pair) in enumerate(zip(self.layers, gradients)):
            unit = 1 << self.words.state.fraction
            ends = self.words.weight.ends, self.words.state.ends
            state = stream(self.seed, update, STEPS * 16 + n, 0)
            for w, G, m, of, word in zip(
                (layer.weight, layer.bias), pair, layer.momentum, (layer.amplitude, unit), ends
            ):
                k = optimiser.normal_shift(G, self.words.bits)
                counts = np.zeros(2, np.int64)
                state = optimiser.descend(
                    w.reshape(-1), G, m.reshape(-1), k, rate * of, *word, state, counts
                )
                self._count(f"{layer.name}.theta", int(counts[1]))


def _sites(layer: MetaLayer) -> int:
    return layer.input_shape[0] * layer.input_shape[1]


def random_weights(shape, amplitude: int, state: int) -> tuple[np.ndarray, int]:
    """Whole numbers from -amplitude to amplitude, by xorshift32."""
    found = np.empty(int(np.prod(shape)), np.int16)
    for i in range(found.size):
        state = xorshift32(state)
        found[i] = ((2 * amplitude + 1) * state >> 32) - amplitude
    return found.reshape(shape), state


def begun(
    x: np.ndarray,
    channels,
    neuron: IntegerLIF,
    words: MetaWords,
    window: int,
    seed: int,
    kernel: int = 5,
    rounds: int = 4,
    rate: int = 38,
) -> MetaNet:
    """A network of random integers, fitted to counts x (B, T, H, W, C) layer by layer.

    Weights are drawn between -2^(n-3) and 2^(n-3). Exponent and amplitude are then chosen so that the
    variance of u is one, the bias so that `rate` 256ths of the membranes reach the threshold: LSUV
    (Mishkin & Matas 2016) in integers.
    """
    net = MetaNet([], neuron, words, x.shape[1], window, seed)
    x = net.counts(x)
    state = seed_state(seed)
    shape = tuple(x.shape[2:])
    for n, C in enumerate(channels):
        state = xorshift32(state)
        layer = _fitted(net, n, x, shape, C, kernel, rounds, rate, state)
        x = net.spikes(x, 0, n).spikes
        shape = layer.output_shape
    net.saturations.clear()
    return net


def _fitted(net, n, x, shape, C, kernel, rounds, rate, state) -> MetaLayer:
    words = net.words
    most = 1 << words.bits - 3
    amplitude, exponent = most, -8
    size = (kernel, kernel, shape[2], C)
    start = state
    one = 1 << words.state.fraction
    bias = np.zeros(C, np.int16)
    for _ in range(rounds):
        weight, _ = random_weights(size, amplitude, start)
        moments = np.zeros(size, np.int16), np.zeros(C, np.int16)
        layer = MetaLayer(f"conv{n + 1}", shape, weight, bias.copy(), exponent, amplitude, moments)
        net.layers[n:] = [layer]
        u = net.spikes(x, 0, n, record=len(x)).membranes.astype(np.int64)
        variance = max(int(((u - int(u.sum()) // u.size) ** 2).sum() // u.size), 1)
        # the amplitude that gives a variance of one, between half of the most and the most
        wanted = amplitude * one
        spread = _root(variance)
        while wanted > most * spread:
            exponent += 1
            wanted >>= 1
        while 2 * wanted <= most * spread:
            exponent -= 1
            wanted <<= 1
        amplitude = max(wanted // spread, 1)
        layer.weight, _ = random_weights(size, amplitude, start)
        layer.exponent, layer.amplitude = exponent, amplitude
        u = net.spikes(x, 0, n, record=len(x)).membranes.reshape(-1).astype(np.int64)
        place = u.size * (256 - rate) >> 8
        at = int(np.partition(u, place)[place])
        bias = np.clip(bias - at, *words.state.ends).astype(np.int16)
    layer.bias = bias
    return layer


def _root(x: int) -> int:
    """The whole root of x."""
    root = 1 << (x.bit_length() + 1) // 2
    while root * root > x:
        root = (root + x // root) // 2
    return root


def settle(net: MetaNet, task, log2_scale: int, most: int = 24) -> None:
    """Take gradients of a task, without learning, until no shift changes."""
    for k in range(most):
        before = [net.top, *(layer.shift for layer in net.layers)]
        net.gradients(task, 0, log2_scale)
        if before == [net.top, *(layer.shift for layer in net.layers)]:
            break
