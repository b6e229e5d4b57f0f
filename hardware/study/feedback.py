"""All layers learn, in integers: the readout by its rule, the conv layers from its errors through fixed random signs.

This is direct feedback alignment (Nokland 2016), not backpropagation: no layer knows the weights above it. For a support
sample, with e the readout's error at the last step (Q0.7) and S fixed signs of +1 and -1, one for each class and channel:

    d_c = clip(sum_k S_kc e_k, -128, 127)         h = (d_c sigma'(u)) >> 8     at every site, u its membrane, before pooling
    G = sum over samples and sites of h p         p under the site's kernel, uQ1.12 (times the count in the first layer)
    W -= (G + noise) >> k                         as in `learner`, k = 19 + x - l;  bias: G = sum of 4096 h, k = 19 + x - F - l

for a layer of exponent x and a step of 2^l. The signs are the upper bits of xorshift32, class by class in row-major order.
The conv layers filter what comes out of the synapse, so this rule needs the presynaptic traces of their inputs, too.
"""

from dataclasses import dataclass, replace

import numpy as np

from minisnn.parallel.compilation import njit
from minisnn.layers.surrogate import sigma_prime

from ..chip.errors import ERRORS, EXPONENTIAL, TRIGGER, error
from ..chip.formats import FLOOR, STOCHASTIC, Format, noise_of, rounding, seed_state, shift, xorshift32
from .floats import FloatReadout, float_error
from ..chip.learner import GRADIENT, Learned, Learner, learn, update
from ..chip.neuron import RECIPROCAL, surrogate
from ..chip.traces import presynaptic


@dataclass(frozen=True)
class Feedback:
    """How the conv layers learn: step 2^log2_weight (bias 2^log2_bias), rounding of the update, seed of signs and noise."""

    log2_weight: int = -8
    log2_bias: int = -10
    rounding: str = "stochastic"
    seed: int = 1

    def __post_init__(self):
        rounding(self.rounding)

    def shifts(self, exponent: int, fraction: int) -> tuple[int, int]:
        """k of a layer's weights and biases. Raises ValueError where it is above 32 bits."""
        k = 19 + exponent - self.log2_weight, 19 + exponent - fraction - self.log2_bias
        if max(k) > 32 or min(k) < -12:
            raise ValueError(
                f"steps of 2^{self.log2_weight} and 2^{self.log2_bias} at exponent {exponent} shift by {k}; -12 to "
                "32 bits can be had"
            )
        return k


def signs(seed: int, ways: int, channels: int) -> np.ndarray:
    """Fixed feedback (ways, channels), int64 of +1 and -1."""
    state, found = seed_state(seed), []
    for _ in range(ways * channels):
        state = xorshift32(state)
        found.append(1 - 2 * noise_of(state, 1))
    return np.array(found, np.int64).reshape(ways, channels)


@njit(nogil=True, cache=True)
def accumulate(G, Gb, u, p, d, threshold, slope, mode, reciprocal, low, high):
    """Add a sample: G (k, k, C_in, C_out), Gb (C_out,) += h p, of u (H, W, C_out), p (H, W, C_in), d (C_out,); sums clipped."""
    k, clipped = G.shape[0], 0
    for y in range(u.shape[0]):
        for z in range(u.shape[1]):
            for c in range(u.shape[2]):
                h = shift(d[c] * surrogate(np.int64(u[y, z, c]), threshold, slope, reciprocal), 8, mode, 0)
                if h == 0:
                    continue
                x = Gb[c] + 4096 * h
                Gb[c] = min(max(x, low), high)
                clipped += x != Gb[c]
                for i in range(max(k // 2 - y, 0), min(k, u.shape[0] + k // 2 - y)):
                    for j in range(max(k // 2 - z, 0), min(k, u.shape[1] + k // 2 - z)):
                        for a in range(p.shape[2]):
                            v = p[y + i - k // 2, z + j - k // 2, a]
                            if v != 0:
                                x = G[i, j, a, c] + h * v
                                G[i, j, a, c] = min(max(x, low), high)
                                clipped += x != G[i, j, a, c]
    return clipped


def learn_all(net, learner: Learner, feedback: Feedback, x: np.ndarray, y: np.ndarray):
    """(IntegerNet, {layer: Learned}) after one presentation of counts x (B, T, H, W, C) with labels y (B,).

    The errors are those of the readout before it learns. Raises ValueError for a rule other than the membrane's, or online.
    """
    if learner.rule != "membrane" or learner.online:
        raise ValueError("random feedback goes with the membrane rule, one update after all samples")
    inputs, layers, found = net.counts(x), [], {}
    spikes, membranes = net.spikes(x, record=len(x))
    p = net.traces(spikes)
    last = net.membranes(p)[:, -1]
    errors = np.empty((len(y), net.ways), np.int64)
    for b, label in enumerate(y):
        error(last[b], int(label), ERRORS[learner.error], TRIGGER, EXPONENTIAL, errors[b])
    mode, neuron = rounding(feedback.rounding), net.neuron
    for n, layer in enumerate(net.layers[:-1]):
        G, Gb = np.zeros(layer.weight.shape, np.int64), np.zeros(len(layer.bias), np.int64)
        d = np.clip(errors @ signs(feedback.seed + n, net.ways, len(layer.bias)), -128, 127)
        one = Learned(layer.weight.astype(np.int64), layer.bias.astype(np.int64), synapses=G.size + Gb.size)
        for b in range(len(y)):
            flat = np.ascontiguousarray(inputs[b].reshape(len(inputs[b]), -1))
            traces = np.empty(flat.shape, np.int32)
            presynaptic(flat, traces, neuron.alpha, neuron.beta, rounding(net.words.traces))
            one.gradient_saturated += accumulate(
                G,
                Gb,
                membranes[n][b, -1],
                traces[-1].reshape(layer.input_shape),
                d[b],
                neuron.threshold,
                neuron.slope,
                FLOOR if mode == STOCHASTIC else mode,
                RECIPROCAL,
                GRADIENT.lowest,
                GRADIENT.highest,
            )
        k, form, counts = feedback.shifts(layer.exponent, layer.fraction), Format(layer.bits), np.zeros(3, np.int64)
        room = net.layer_bias_room(n)
        state = update(
            one.weight.reshape(-1),
            G.reshape(-1),
            0,
            k[0],
            mode,
            form.lowest,
            form.highest,
            seed_state(feedback.seed + 1000 + n),
            counts,
        )
        update(one.bias, Gb, 0, k[1], mode, -room, room, state, counts)
        one.written, one.gated, one.clipped = (int(v) for v in counts)
        layers.append(replace(layer, weight=one.weight.astype(np.int8), bias=one.bias.astype(np.int32)))
        found[layer.name], inputs = one, net.spikes(x, n + 1)
    found["readout"] = new = learn(net, learner, p, y)
    whole = net.from_layers([*layers, net.readout], neuron, net.words, net.input_shape)
    return whole.with_readout(new.weight, new.bias), found


def float_learn_all(net, theta: np.ndarray, learner: Learner, feedback: Feedback, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The float twin: theta after the same rule, the same signs and steps; nothing is rounded.

    The first layer's step is one of the weights times the input gain, as the chip holds them.
    """
    readout, new = FloatReadout(net, theta), theta.copy()
    p = readout.traces(x)
    e = float_error(learner.error, readout.membranes(p, readout.weight, readout.bias)[:, -1], y)
    views, record, inputs = net.views(new), net.record(theta, x), x
    for n, b in enumerate(net.blocks[:-1]):
        d = np.clip(e @ signs(feedback.seed + n, net.ways, b.channels), -1, 1)
        h = d[:, None, None] * sigma_prime(record[n]["u"][:, -1] - net.neuron.threshold, net.neuron.slope)
        seen = under_kernel(last_trace(inputs, net.neuron), net.kernel)
        gain = net.neuron.gain if n == 0 else 1.0
        G = np.tensordot(seen, h, ((0, 1, 2), (0, 1, 2)))
        views[f"{b.name}.weight"][...] -= 2.0**feedback.log2_weight / gain * G
        views[f"{b.name}.bias"][...] -= 2.0**feedback.log2_bias * h.sum((0, 1, 2))
        inputs = net.spikes(theta, x, b.name)
    views["readout.weight"][...], views["readout.bias"][...] = readout.learn(learner, p, y)
    return new


def last_trace(spikes: np.ndarray, neuron) -> np.ndarray:
    """p at the last step of counts or spikes (B, T, H, W, C); float32 (B, H, W, C)."""
    from ..chip.calibrate import traces

    return traces(spikes, neuron, np.array([spikes.shape[1] - 1]))[:, 0]


def under_kernel(p: np.ndarray, kernel: int) -> np.ndarray:
    """(B, H, W, k, k, C) of p (B, H, W, C)."""
    from ..chip.calibrate import under_kernels

    return under_kernels(p[:, None], kernel).reshape(*p.shape[:3], kernel, kernel, p.shape[3])
