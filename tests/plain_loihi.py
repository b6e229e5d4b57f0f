"""Conv layers of Loihi's neurons in plain Python integers: what the kernels and the C library are
held to, bit for bit.

As `plain_integers`: nothing here is an array, nothing wraps but what the chip wraps, and nothing is
fast.
"""

import plain_integers as reference

from minisnn.hardware.chip.ranges import STATE


def decayed(x: int, factor: int) -> int:
    """x factor / 4096, toward zero."""
    size = abs(x) * factor >> 12
    return -size if x < 0 else size


class Site:
    """A neuron: current u, membrane v, what arrives in the next step, and how often u was wrapped
    or v clipped."""

    def __init__(self, current: int, voltage: int, vth: int):
        self.factors, self.vth = (current, voltage), vth
        self.u = self.v = self.a = self.clipped = 0

    def step(self, arrives: int) -> int:
        """Whether it spikes; what the synapses deliver now is felt in the next step."""
        wide = decayed(self.u, self.factors[0]) + 64 * self.a
        self.u = wide - 2 * STATE if wide > STATE else wide + 2 * STATE if wide <= -STATE else wide
        free = decayed(self.v, self.factors[1]) + self.u
        self.v = min(max(free, 1 - STATE), STATE - 1)
        self.clipped += (wide != self.u) + (free != self.v)
        self.a = arrives
        spike = self.v > 64 * self.vth
        self.v = 0 if spike else self.v
        return int(spike)


def bias_at(bias: int, t: int) -> int:
    """A bias in 16ths at step t: its whole part, and one more every 2nd, 4th, 8th and 16th step as
    its bits say."""
    more = [
        bias >> bit & 1
        for bit, period in ((3, 2), (2, 4), (1, 8), (0, 16))
        if t % period == period // 2 - 1
    ]
    return (bias >> 4) + sum(more)


def conv(
    layer, factors: tuple[int, int], vth: list, exponent: int, x: list, pool: str
) -> tuple[list, list, int]:
    """(spikes after pooling, v after the reset, clipped) of x[t][h][w][c], as [t][h][w][c].

    Biases arrive as currents, and spikes are read a step later. pool   "max": one where one of four
    spikes, "mean": how many of them do, "none"
    """
    bias = layer.bias.tolist()
    sites = reference.grid(lambda c: Site(*factors, vth[c]), layer)
    join = {"max": max, "mean": lambda *four: sum(four)}
    spikes, volts = [], []
    for t, frame in enumerate([*x, x[-1]]):
        V = [
            [[v + bias_at(b, t) for v, b in zip(site, bias)] for site in row]
            for row in reference.sums(layer, frame)
        ]
        arrives = lambda v: 2 * v << exponent if exponent > 0 else 2 * v >> -exponent
        s = reference.each(lambda site, v: site.step(arrives(v)), sites, V)
        volts.append(reference.each(lambda site: site.v, sites))
        spikes.append(s if pool == "none" else reference.pooled(s, join[pool]))
    return spikes[1:], volts[1:], reference.clipped(sites, pool)


def infer(net, x: list, seed: int = 1) -> tuple[list, list, list, dict]:
    """As `plain_integers.infer`, of a `CubaNet`; the traces are rounded with numbers of this
    seed."""
    net.check()
    clipped = {"input": sum(v > 7 for frame in x for row in frame for site in row for v in site)}
    found = []
    x = [[[[min(v, 7) for v in site] for site in row] for row in frame] for frame in x]
    factors = 4095 - net.du, 4096 - net.dv
    for n, layer in enumerate(net.layers[:-1]):
        pool = net.layer_constants(n)["pool"]
        x, v, number = conv(layer, factors, net.vth[n].tolist(), net.weight_exps[n], x, pool)
        found.append(v)
        clipped[f"{layer.name}.u"] = number
    spikes = reference.flat(x)
    # what reaches p at once is there two steps later in the chip's traces
    spikes += [[0] * len(spikes[0])] * 2
    p = reference.traces(net.neuron, net.words, spikes, net.config.trace_bits, "stochastic", seed)
    p = [[v >> 2 if net.arriving > 1 else v for v in trace] for trace in p[2:]]
    return x, found, p, clipped
