"""Conv layers of Loihi's neurons in Python's integers: what the kernels and the C library are held
to, bit for bit. As in `plain_integers`, nothing wraps but what the chip wraps."""

import numpy as np
import plain_integers as reference

STATE = 1 << 23  # u and v are words of 24 bits


def decayed(x, factor: int):
    """x factor / 4096, toward zero."""
    size = abs(x) * factor >> 12
    return np.where(x < 0, -size, size)


def bias_at(bias, t: int):
    """A bias in 16ths at step t: its whole part, and one more every 2nd, 4th, 8th and 16th step as
    its bits say."""
    more = [
        bias >> bit & 1
        for bit, period in ((3, 2), (2, 4), (1, 8), (0, 16))
        if t % period == period // 2 - 1
    ]
    return (bias >> 4) + sum(more)


def conv(layer, factors: tuple[int, int], vth, exponent: int, x, pool: str) -> tuple:
    """(spikes after pooling, v after the reset, clipped) of x (t, h, w, c).

    Biases arrive as currents, what arrives is felt in the next step, and spikes are read a step
    later. pool   "max": one where one of four spikes, "mean": how many of them do, "none"
    """
    bias = reference.exact(layer.bias)
    V = reference.sums(layer, x)
    u = v = arrives = np.zeros(V.shape[1:], object)
    spikes = []
    volts = []
    wrong = np.zeros(u.shape, int)
    for t, now in enumerate([*V, V[-1]]):
        wide = decayed(u, factors[0]) + 64 * arrives
        u = wide - 2 * STATE * (wide > STATE) + 2 * STATE * (wide <= -STATE)
        free = decayed(v, factors[1]) + u
        v = np.clip(free, 1 - STATE, STATE - 1)
        wrong = wrong + (wide != u) + (free != v)
        arrives = reference.shifted(2 * (now + bias_at(bias, t)), -exponent, "floor", 0)
        spikes.append(reference.exact((v > 64 * reference.exact(vth)).astype(int)))
        v = np.where(spikes[-1], 0, v)
        volts.append(v.tolist())
    s = np.array(spikes[1:])
    if pool != "none":
        s = reference.pooled(s, sum if pool == "mean" else lambda four: np.max(four, 0))
    return s, volts[1:], reference.clipped(wrong, pool)


def infer(net, x: list, seed: int = 1) -> tuple[list, list, list, dict]:
    """As `plain_integers.infer`, of a `CubaNet`; the traces are rounded with numbers of this
    seed."""
    net.check()
    x, number = reference.entering(x)
    clipped = {"input": number}
    found = []
    factors = 4095 - net.du, 4096 - net.dv
    for n, layer in enumerate(net.layers[:-1]):
        pool = net.layer_constants(n)["pool"]
        x, v, number = conv(layer, factors, net.vth[n], net.weight_exps[n], x, pool)
        found.append(v)
        clipped[f"{layer.name}.u"] = number
    # what reaches p at once is there two steps later in the chip's traces
    spikes = np.pad(x.reshape(len(x), -1), [(0, 2), (0, 0)])
    p = reference.traces(net.neuron, net.words, spikes, net.config.trace_bits, "stochastic", seed)
    p = [[v >> 2 if net.arriving > 1 else v for v in trace] for trace in p[2:]]
    return x.tolist(), found, p, clipped
