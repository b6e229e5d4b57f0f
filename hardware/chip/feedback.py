"""All layers learn, in integers: the readout by its rule, the conv layers from its errors through
fixed random signs.

This is direct feedback alignment (Nøkland 2016), not backpropagation: no layer knows the weights
above it. For a support sample, with e the readout's error at the last step (Q0.7) and S fixed signs
of +1 and -1, one for each class and channel:

    d_c = clip(sum_k S_kc e_k, -128, 127)         h = (d_c sigma'(u)) >> 8     at every site, u its membrane, before pooling
    G = sum over samples and sites of h p         p under the site's kernel, uQ1.12 (times the count in the first layer)
    W -= (G + noise) >> k                         as in `learner`, k = 19 + x - l;  bias: G = sum of 4096 h, k = 19 + x - F - l

for a layer of exponent x and a step of 2^l. The signs are the upper bits of xorshift32, class by
class in row-major order. The conv layers filter what comes out of the synapse, so this rule needs
the presynaptic traces of their inputs, too.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minisnn.parallel.compilation import njit

from .errors import ERRORS, error
from .formats import FLOOR, STOCHASTIC, ends, noise_of, rounding, seed_state, shift, whole
from .formats import xorshift32
from .learner import GRADIENT, MOST, Learned, Learner, accumulate, check_samples, learn, shifts_of
from .neuron import surrogate


@dataclass(frozen=True)
class Feedback:
    """How the conv layers learn: step 2^log2_weight (bias 2^log2_bias), rounding of the update,
    seed of signs and noise."""

    log2_weight: int = -8
    log2_bias: int = -10
    rounding: str = "stochastic"
    seed: int = 1

    def __post_init__(self):
        rounding(self.rounding)
        whole(-MOST, MOST, log2_weight=self.log2_weight, log2_bias=self.log2_bias, seed=self.seed)


def signs(seed: int, ways: int, channels: int) -> np.ndarray:
    """Fixed feedback (ways, channels), int64 of +1 and -1."""
    state = seed_state(seed)
    found = []
    for _ in range(ways * channels):
        state = xorshift32(state)
        found.append(1 - 2 * noise_of(state, 1))
    return np.array(found, np.int64).reshape(ways, channels)


@njit(nogil=True, cache=True)
def sample(G, Gb, u, p, d, neuron, mode, word):
    """Add h p to G (k, k, C_in, C_out) and Gb (1, C_out), of u (H, W, C_out), p (H, W, C_in), d
    (C_out,); sums clipped."""
    (H, W, C) = u.shape
    half = G.shape[0] // 2
    clipped = 0
    h = np.empty(C, np.int64)
    always = np.full(1, 4096)
    for y in range(H):
        for z in range(W):
            for c in range(C):
                slope = surrogate(np.int64(u[y, z, c]), neuron.threshold, neuron.slope)
                h[c] = shift(d[c] * slope, 8, mode, 0)
            if not h.any():
                continue
            clipped += accumulate(Gb, h, always, word)
            for i in range(max(y - half, 0), min(y + half + 1, H)):
                for j in range(max(z - half, 0), min(z + half + 1, W)):
                    clipped += accumulate(G[i - y + half, j - z + half], h, p[i, j], word)
    return clipped


def learn_all(
    net, learner: Learner, feedback: Feedback, x: np.ndarray, y: np.ndarray
) -> tuple[Any, dict]:
    """(IntegerNet, {layer: Learned}) after one presentation of counts x (B, T, H, W, C) with labels
    y (B,).

    The errors are those of the readout before it learns. Raises ValueError for a rule other than
    the membrane's, or online; `formats.Saturated` in strict mode where a gradient leaves its word.
    """
    if net.kind != "lif" or learner.rule != "membrane" or learner.online:
        raise ValueError(
            "random feedback is of a network of LIF, and goes with the membrane rule, one update "
            f"after all samples; the network is a {type(net).__name__}, the rule {learner.rule}"
        )
    inputs = net.counts(x)
    y = check_samples(net, inputs, y)
    spikes, membranes = net.spikes(x, record=len(x))
    p = net.traces(spikes)
    errors = np.empty((len(y), net.ways), np.int64)
    for u, label, e in zip(net.membranes(p)[:, -1], y, errors):
        error(u, int(label), ERRORS[learner.error], e)
    mode = rounding(feedback.rounding)
    rounds = FLOOR if mode == STOCHASTIC else mode
    layers = []
    found = {}
    for n, layer in enumerate(net.layers[:-1]):
        k = shifts_of(feedback, layer.exponent, layer.fraction)
        G = np.zeros(layer.weight.shape, np.int64), np.zeros((1, len(layer.bias)), np.int64)
        d = np.clip(errors @ signs(feedback.seed + n, net.ways, len(layer.bias)), -128, 127)
        one = Learned(np.array(layer.weight, np.int64, order="C"), layer.bias.astype(np.int64))
        traces = net.traces(inputs)[:, -1].reshape(len(y), *layer.input_shape)
        for given in zip(membranes[n][:, -1], traces, d):
            one.gradient_saturated += sample(*G, *given, net.neuron, rounds, ends(GRADIENT))
        one.refuse_saturated(net, layer.name)
        one.write(G, k, mode, net.ends(n), seed_state(feedback.seed + 1000 + n))
        integers = dict(weight=one.weight.astype(np.int8), bias=one.bias.astype(np.int32))
        layers.append(replace(layer, **integers))
        found[layer.name] = one
        inputs = net.spikes(x, n + 1)
    found["readout"] = new = learn(net, learner, p, y)
    return net.with_layers([*layers, net.readout]).with_readout(new.weight, new.bias), found
