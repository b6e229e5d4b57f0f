"""A network of integers that meta-trains: its layers, its features, its gradients.

All adjoints of a layer share one shift, which each update adapts for the next: one place more to
the right if any adjoint was clipped, one less if all had two bits to spare. (An update cannot
choose its own shift: the sums are known only after the last sample, and are not stored in 32 bits.)
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minisnn.parallel.shares import parallel

from ..chip.formats import STOCHASTIC, ends, numbers, seed_state, shift, xorshift32
from ..chip.kernels import MAX, Convolved, convolved, mirrored, rows_of
from ..chip.neuron import U, IntegerLIF
from ..chip.ranges import MOST_COUNT, WORD, most_of
from ..chip.stochastic import Step, stream
from ..chip.traces import presynaptic
from . import kernels, loss, words as ranges
from .words import READ, MetaWords

FORWARD, BACKWARD, TOP, SUMS, STEPS, TRACES, WEIGHTS = range(7)  # keys of random numbers


@dataclass(eq=False)
class MetaLayer:
    """A conv layer, pooled by 2 x 2; arrays are int16.

    weight          (k, k, C_in, C), of which the passes read the upper 8 bits
    bias            (C,), in units of u
    exponent        exponent of the weights as they are read
    amplitude       largest initial weight, the unit of steps
    momentum        momentum of the weights
    momentum_bias   momentum of the biases
    shift           shift of the adjoints for the layer below
    """

    name: str
    input_shape: tuple[int, int, int]
    weight: np.ndarray
    bias: np.ndarray
    exponent: int
    amplitude: int
    momentum: np.ndarray
    momentum_bias: np.ndarray
    shift: int = 0

    @property
    def output_shape(self) -> tuple[int, int, int]:
        H, W, _ = self.input_shape
        return H // 2, W // 2, len(self.bias)


@dataclass(eq=False)
class MetaNet:
    """The network's layers, neuron and words; `saturations` counts clipped numbers by kind."""

    layers: list[MetaLayer]
    neuron: IntegerLIF
    words: MetaWords
    steps: int
    window: int
    seed: int
    top: int = 0  # shift of the features' adjoints
    saturations: dict[str, int] = field(default_factory=dict)

    def constants(self, layer: MetaLayer) -> Step:
        n = self.neuron
        words = self.words
        rho, threshold = (shift(x, U - words.fraction, 0, 0) for x in (n.rho, n.threshold))
        factors = n.alpha, n.beta, n.gamma, rho, threshold, n.slope, words.fraction, words.trace
        left, right, most = ranges.enters(words, layer.exponent)
        return Step(*map(np.int32, (*factors, *words.ends, left, right, most)))

    def read(self, layer: MetaLayer) -> np.ndarray:
        """Return the weights as the passes read them: rounded to 8 bits, in int32."""
        half = 1 << self.words.below >> 1
        whole = (layer.weight.astype(np.int32) + half) >> self.words.below
        return np.minimum(whole, ends(READ)[1])

    def ends(self, n: int) -> tuple[int, int]:
        """Return the smallest and largest adjoint of layer n."""
        layer = self.layers[n]
        H, W, _ = layer.input_shape
        given = layer.weight.shape, H * W, most_of(n, False), self.steps, n == 0
        return ends(ranges.adjoint_bits(self.words, *given))

    def check(self, queries: int) -> None:
        """Raise ValueError if a sum could leave 32 bits."""
        for n in range(len(self.layers)):
            self.ends(n)
        for what, bound in ranges.sums(self, queries).items():
            if bound > WORD:
                raise ValueError(f"{what} can reach {bound:,}, which exceeds 32 bits ({WORD:,})")

    # ---- forward

    def spikes(self, x, update: int, n: int, window: int = 0, record: int = 0) -> Convolved:
        """Compute layer n from x (B, T, H, W, C)."""
        layer = self.layers[n]
        bias = np.tile(layer.bias, layer.input_shape[1])
        weight = mirrored(self.read(layer), np.int32)
        prepared = weight, bias, MAX, self.constants(layer)
        key = self.seed, update, FORWARD * 16 + n
        found = convolved(layer, prepared, x, record, key, window)
        self._count(f"{layer.name}.u", found.clipped)
        return found

    def features_of(self, x: np.ndarray, update: int = 0, tapes: list | None = None) -> np.ndarray:
        """Return the features p (B, F), at the last step of the counts x (B, T, H, W, C). If
        `tapes` is a list, each layer's tape for the backward pass is appended to it."""
        x = np.ascontiguousarray(np.minimum(x, MOST_COUNT), np.uint8)
        for n in range(len(self.layers)):
            found = self.spikes(x, update, n, 0 if tapes is None else self.window)
            if tapes is not None:
                tapes.append((x, found.slopes, found.args))
            x = found.spikes
        flat = np.ascontiguousarray(x.reshape(*x.shape[:2], -1))
        bits = ranges.feature_bits(self.words, flat.shape[2])
        p = np.empty(flat.shape[1:], np.int32)
        out = np.empty((len(flat), flat.shape[2]), np.int64)
        for b, one in enumerate(flat):
            state = stream(self.seed, update, TRACES * 16, b)
            presynaptic(one, p, self.neuron.alpha, self.neuron.beta, STOCHASTIC, bits, state)
            out[b] = p[-1] >> 12 - bits
        return out

    # ---- backward

    def gradients(self, task, update: int, log2_scale: int) -> list[tuple]:
        """Return a task's gradients [(G, Gb), ...], one pair for each layer, computed with the
        current shifts (`settle`)."""
        tapes: list[tuple] = []
        x = np.concatenate([task.x_support, task.x_query])
        p = self.features_of(x, update, tapes)
        dp = loss.gradient(p, task.y_support, task.y_query, self.words, log2_scale)
        dy = self._top(dp, update)
        gradients: list[Any] = [None] * len(tapes)
        for n in reversed(range(len(tapes))):
            gradients[n], dy = self._back(n, tapes[n], dy, update)
        return gradients

    def impulse(self) -> np.ndarray:
        """Return how much one spike contributes to the features 0, 1, … steps later, scaled such
        that the largest contribution has 15 bits."""
        n = self.neuron
        p = 0
        q = (4096 - n.beta) << 30
        found = [0]
        for _ in range(self.steps - 1):
            found.append(p)
            p = (n.alpha * p + (4096 - n.alpha) * q) >> 12
            q = n.beta * q >> 12
        k = max(found).bit_length() - 15
        return np.array([sums >> k for sums in found], np.int64)

    def _top(self, dp: np.ndarray, update: int) -> np.ndarray:
        """Return the adjoints (B, window, H', W', C), int16, of the last layer's spikes in the
        window."""
        ends = self.ends(len(self.layers) - 1)
        held = np.empty(dp.shape, np.int64)
        seen = np.zeros((2, 2), np.int64)
        state = stream(self.seed, update, TOP * 16, 0)
        given = dp.reshape(-1), self.top, ends, held.reshape(-1)
        state = kernels.words_of(*given, state, seen[0])
        H = self.impulse()[: self.window][::-1]
        dy = np.empty((len(dp), len(H), *self.layers[-1].output_shape), np.int16)
        sums = (held[:, None] * H[:, None]).reshape(-1)
        kernels.words_of(sums, 15, ends, dy.reshape(-1), state, seen[1])
        self.top = self._settled(self.top, seen[0], ends, "features")
        return dy

    def _back(self, n: int, tape: tuple, dy, update: int) -> tuple[tuple, np.ndarray]:
        x, slopes, args = tape
        layer = self.layers[n]
        B = len(x)
        k, _, C_in, C = layer.weight.shape
        weight = self.read(layer).transpose(3, 0, 1, 2).reshape(C, k, k * C_in)
        G = np.zeros((B, C_in, k, k * C), np.int32)
        Gb = np.zeros((B, C), np.int32)
        dx = np.empty((B if n else 0, self.window, *layer.input_shape), np.int16)
        below = (*self.ends(n - 1), layer.shift) if n else (0, 0, 0)
        seen = np.zeros((B, 2), np.int64)
        clipped = np.zeros(B, np.int64)
        key = self.seed, update, BACKWARD * 16 + n
        flat = rows_of(x)
        given = flat, flat.view(np.uint64), np.ascontiguousarray(weight), slopes, args, dy
        how = self.constants(layer), key, self.ends(n), below
        parallel(kernels.backward, B, *given, *how, G, Gb, dx, seen, clipped)
        self._count(f"{layer.name}.du", int(clipped.sum()))
        if n:
            both = seen[:, 0].max(), seen[:, 1].sum()
            layer.shift = self._settled(layer.shift, both, below, f"{layer.name}.dx")
        state = stream(self.seed, update, SUMS * 16 + n, 0)
        by = (B - 1).bit_length()
        whole, state = kernels.gathered(G.reshape(B, -1), by, state)
        biases, _ = kernels.gathered(Gb, by, state)
        # gradients of the mirrored weights, copied in the order of the weights
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
        """Update every weight and bias. The step is `rate` 2^-16, in units of the layer's amplitude
        for weights and of 1 for biases."""
        for n, (layer, (G, Gb)) in enumerate(zip(self.layers, gradients)):
            state = stream(self.seed, update, STEPS * 16 + n, 0)
            counts = np.zeros(2, np.int64)
            for w, g, m, unit in (
                (layer.weight, G, layer.momentum, layer.amplitude),
                (layer.bias, Gb, layer.momentum_bias, 1 << self.words.fraction),
            ):
                step = kernels.normal_shift(g, self.words.bits), rate * unit, *self.words.ends
                state = kernels.descend(w.reshape(-1), g, m.reshape(-1), *step, state, counts)
            self._count(f"{layer.name}.theta", int(counts[1]))


def random_weights(shape, amplitude: int, state: int) -> np.ndarray:
    """Draw whole numbers from -amplitude to amplitude, using xorshift32."""
    drawn, _ = numbers(state, int(np.prod(shape)))
    return (((2 * amplitude + 1) * drawn >> 32) - amplitude).astype(np.int16).reshape(shape)


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
    """Make a network of random integers, fitted layer by layer to the counts x (B, T, H, W, C).

    Weights are drawn between -2^(n-3) and 2^(n-3). Exponent and amplitude are then chosen so that the
    variance of u is one, the bias so that `rate` 256ths of the membranes reach the threshold: LSUV
    (Mishkin & Matas 2016) in integers.
    """
    net = MetaNet([], neuron, words, x.shape[1], window, seed)
    x = np.ascontiguousarray(np.minimum(x, MOST_COUNT), np.uint8)
    state = seed_state(seed)
    for n, C in enumerate(channels):
        state = xorshift32(state)
        size = (kernel, kernel, x.shape[4], C)
        weight, bias, moments, of_bias = (np.zeros(one, np.int16) for one in (size, C, size, C))
        place = f"conv{n + 1}", x.shape[2:]
        net.layers.append(
            MetaLayer(*place, weight, bias, -8, 1 << words.bits - 3, moments, of_bias)
        )
        for _ in range(rounds):
            _fit(net, n, x, rate, state)
        x = net.spikes(x, 0, n).spikes
    net.saturations.clear()
    return net


def _fit(net: MetaNet, n: int, x: np.ndarray, rate: int, state: int) -> None:
    """Scale layer n so that its membranes have a variance of one, and set its bias so that `rate`
    256ths of them reach the threshold."""
    layer = net.layers[n]
    words = net.words
    most = 1 << words.bits - 3

    def membranes() -> np.ndarray:
        layer.weight = random_weights(layer.weight.shape, layer.amplitude, state)
        return net.spikes(x, 0, n, record=len(x)).membranes.reshape(-1).astype(np.int64)

    u = membranes()
    variance = max(int(((u - int(u.sum()) // u.size) ** 2).sum() // u.size), 1)
    # the amplitude that gives a variance of one, between half of the most and the most
    wanted = layer.amplitude << words.fraction
    spread = math.isqrt(variance)
    while wanted > most * spread:
        layer.exponent += 1
        wanted >>= 1
    while 2 * wanted <= most * spread:
        layer.exponent -= 1
        wanted <<= 1
    layer.amplitude = max(wanted // spread, 1)
    u = membranes()
    place = u.size * (256 - rate) >> 8
    at = int(np.partition(u, place)[place])
    layer.bias = np.clip(layer.bias - at, *words.ends).astype(np.int16)


def settle(net: MetaNet, task, log2_scale: int, most: int = 24) -> None:
    """Adapt the shifts: compute a task's gradients repeatedly, without learning, until no shift
    changes, at most `most` times."""
    for _ in range(most):
        before = [net.top, *(layer.shift for layer in net.layers)]
        net.gradients(task, 0, log2_scale)
        if before == [net.top, *(layer.shift for layer in net.layers)]:
            break
