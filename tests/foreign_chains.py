"""Chains of NIR nodes as other tools write them, at random and right or wrong."""

from __future__ import annotations

import nir
import numpy as np


def leaky(shape, beta=0.9, threshold=1.0, dt=1e-4):
    """As snnTorch writes a Leaky."""
    one = np.ones(shape, np.float32)
    tau = dt / (1 - one * np.float32(beta))
    return nir.LIF(
        tau=tau,
        r=tau / np.float32(dt),
        v_leak=0 * one,
        v_threshold=threshold * one,
        v_reset=0 * one,
    )


def synaptic(shape, alpha=0.8, beta=0.9, threshold=1.0, dt=1e-4):
    """As snnTorch writes a Synaptic."""
    one = np.ones(shape, np.float32)
    taus = [dt / (1 - one * np.float32(decay)) for decay in (alpha, beta)]
    factors = dict(w_in=taus[0] / np.float32(dt), r=taus[1] / np.float32(dt))
    zero = dict(v_leak=0 * one, v_reset=0 * one)
    return nir.CubaLIF(
        tau_syn=taus[0], tau_mem=taus[1], **factors, **zero, v_threshold=threshold * one
    )


def pool(kind=nir.AvgPool2d):
    two = np.array([2, 2])
    return kind(two, two, np.array([0, 0]))


def chain(nodes, **options):
    """A graph of nodes one after another, under the names they have."""
    names = list(nodes)
    return nir.NIRGraph(nodes, list(zip(names, names[1:])), **options)


def tutorial(
    neuron=leaky,
    kernel=5,
    padding="same",
    stride=1,
    pooling=nir.AvgPool2d,
    first="neurons",
    image=(28, 28),
    last=1e9,
):
    """Conv2d, neurons and pooling twice, then Flatten, Affine and neurons, as snnTorch's tutorials
    make them; no bias."""
    rng = np.random.default_rng(3)
    nodes, shape = {"input": nir.Input(np.array([1, *image]))}, (1, *image)
    wide = kernel // 2 if padding == "same" else padding
    for n, channels in enumerate((4, 5), 1):
        weight = rng.standard_normal((channels, shape[0], kernel, kernel)).astype(np.float32)
        nodes[f"conv{n}"] = nir.Conv2d(
            shape[1:], weight, stride, padding, 1, 1, np.zeros(channels, np.float32)
        )
        shape = (channels, *((side + 2 * wide - kernel) // stride + 1 for side in shape[1:]))
        halved = (channels, shape[1] // 2, shape[2] // 2) if pooling else shape
        fires = {f"lif{n}": neuron(shape if first == "neurons" else halved)}
        pools = {f"pool{n}": pool(pooling)} if pooling else {}
        nodes |= {**fires, **pools} if first == "neurons" else {**pools, **fires}
        shape = halved
    nodes["flatten"] = nir.Flatten({"input": np.array(shape)}, 0, -1)
    weight = rng.standard_normal((3, int(np.prod(shape)))).astype(np.float32)
    nodes["linear"] = nir.Affine(weight, np.zeros(3, np.float32))
    nodes["last"] = neuron((3,), threshold=last)
    nodes["output"] = nir.Output(np.array([3]))
    return chain(nodes)


def dense(neuron=leaky, widths=(7, 6, 3), last=1e9, bias=0.0, seed=0, **constants):
    """Linear layers and neurons."""
    rng, nodes = np.random.default_rng(seed), {"input": nir.Input(np.array(widths[:1]))}
    for n, (before, after) in enumerate(zip(widths, widths[1:])):
        weight = (2 * rng.standard_normal((after, before))).astype(np.float32)
        nodes[f"linear{n}"] = nir.Affine(weight, np.full(after, bias, np.float32))
        final = {"threshold": last} if n == len(widths) - 2 else {}
        nodes[f"lif{n}"] = neuron((after,), **{**constants, **final})
    nodes["output"] = nir.Output(np.array(widths[-1:]))
    return chain(nodes)


class Random:
    """Random chains of one neuron and one step `dt`; one thing in forty is as no network of this
    library can be."""

    def __init__(self, rng):
        self.rng = rng
        self.dt, self.dtype = self.pick(1e-4, 1e-3), self.pick(np.float32, np.float64)
        self.kind, self.ratio = self.pick("CubaLIF", "LIF"), rng.random() < 0.5
        self.decays = rng.uniform(0, 0.95), self.pick(0.0, rng.uniform(0, 0.95))
        self.pooling = self.pick(nir.AvgPool2d, nir.AvgPool2d, nir.SumPool2d, None)
        self.kernel = int(self.pick(1, 3, 3, 5))

    def pick(self, *values):
        return values[self.rng.integers(len(values))]

    def odd(self, usual, *others, share=0.025):
        return self.pick(*others) if self.rng.random() < share else usual

    def weights(self, *shape):
        dtype = self.odd(self.dtype, np.float16, np.int32, np.complex64, np.bool_)
        return (self.rng.standard_normal(shape) * (1 if self.ratio else 2)).astype(dtype)

    def neuron(self, shape, last=False):
        kind = self.odd(self.kind, "CubaLIF", "LIF", "LI", "CubaLI")
        alpha, beta = self.odd(self.decays, tuple(self.rng.uniform(0, 0.9, 2)))
        taus = [
            self.odd(self.dt / (1 - d), 0.0, np.inf, np.nan, -1.0, 1e300, self.dt / 2)
            for d in (alpha, beta)
        ]
        factors = [tau / self.dt if self.ratio else 1.0 for tau in taus]
        r = self.odd(factors[0], 0.0, np.nan, -1.0, 2.0)
        threshold = self.odd(self.rng.uniform(0.2, 2), 0.0, -1.0, np.nan, np.inf, 1e9)
        threshold = self.pick(1e30, 1e30, np.inf, 1.0) if last else threshold
        if self.odd(False, True, share=0.1):
            shape = ()  # numbers without a shape, as snnTorch writes them

        def full(value):
            return np.full(shape, value, self.dtype)

        leak, reset = full(self.odd(0.0, 0.5)), full(self.odd(0.0, -0.5))
        level = full(threshold)
        if len(shape) == 3 and self.rng.random() < 0.1:
            level = level * self.rng.uniform(0.5, 2, shape[0]).astype(self.dtype)[:, None, None]
        level = self.odd(level, level * self.rng.uniform(0.5, 2, shape).astype(self.dtype))
        synapse = dict(tau_syn=full(taus[1]), tau_mem=full(taus[0]), w_in=full(factors[1]))
        if kind == "CubaLIF":
            return nir.CubaLIF(**synapse, r=full(r), v_leak=leak, v_threshold=level, v_reset=reset)
        if kind == "CubaLI":
            return nir.CubaLI(**synapse, r=full(r), v_leak=leak)
        if kind == "LIF":
            return nir.LIF(
                tau=full(taus[0]), r=full(r), v_leak=leak, v_threshold=level, v_reset=reset
            )
        return nir.LI(tau=full(taus[0]), r=full(r), v_leak=leak)

    def images(self, nodes):
        """Layers of images, and the shape that they leave."""
        shape = (int(self.pick(1, 2)), *(int(n) for n in self.rng.integers(4, 10, 2)))
        nodes["input"] = nir.Input(np.array(shape))
        for n in range(int(self.pick(1, 2))):
            if min(shape[1:]) < 2:
                break
            k = self.odd(self.kernel, 3, 5)
            padding, stride, channels = (
                self.odd(k // 2, 0, 1),
                self.odd(1, 2),
                int(self.rng.integers(1, 4)),
            )
            sides = [(side + 2 * padding - k) // stride + 1 for side in shape[1:]]
            if min(sides) < 1:
                break
            bias = self.weights(channels) * self.pick(0, 1)
            nodes[f"conv{n}"] = nir.Conv2d(
                shape[1:], self.weights(channels, shape[0], k, k), stride, padding, 1, 1, bias
            )
            shape = (channels, *sides)
            halved = (
                (channels, sides[0] // 2, sides[1] // 2)
                if self.pooling and min(sides) > 1
                else shape
            )
            before = self.odd(False, True)
            fires = {f"lif{n}": self.neuron(halved if before else shape)}
            pools = {f"pool{n}": pool(self.pooling)} if halved != shape else {}
            nodes.update({**pools, **fires} if before else {**fires, **pools})
            shape = halved
        ends = self.odd((0, -1), (0, 1), (1, 2), None)
        if ends is not None:
            nodes["flatten"] = nir.Flatten({"input": np.array(shape)}, *ends)
            shape = (
                shape[: ends[0]]
                + (int(np.prod(shape[ends[0] : ends[1] % 3 + 1])),)
                + shape[ends[1] % 3 + 1 :]
            )
        return shape

    def graph(self):
        nodes = {}
        if self.rng.random() < 0.6:
            shape = self.images(nodes)
        else:
            shape = (int(self.rng.integers(1, 8)),)
            nodes["input"] = nir.Input(np.array(shape))
        for n in range(int(self.rng.integers(0, 3))):
            width = int(self.rng.integers(1, 6))
            weight = self.weights(width, shape[-1])
            nodes[f"dense{n}"] = self.pick(
                nir.Affine(weight, self.weights(width)), nir.Linear(weight)
            )
            shape = (*shape[:-1], width)
            for m in range(self.odd(1, 0, 2)):
                nodes[f"dense{n} lif{m}"] = self.neuron(shape)
        nodes["dense"] = nir.Affine(self.weights(3, shape[-1]), self.weights(3))
        nodes["last"] = self.neuron((*shape[:-1], 3), last=True)
        if self.rng.random() > 0.02:
            nodes["output"] = nir.Output(np.array([3]))
        names = list(nodes)
        edges = list(zip(names, names[1:]))
        if self.rng.random() < 0.03:
            edges.pop(self.rng.integers(len(edges)))
        if self.rng.random() < 0.03:
            edges.append((self.pick(*names), self.pick(*names, "nowhere")))
        if self.rng.random() < 0.03:
            nodes["more"] = self.pick(
                nir.Scale(np.ones(2)), nir.Input(np.array([2])), nir.Output(np.array([2]))
            )
        return nir.NIRGraph(nodes, edges, type_check=False)
