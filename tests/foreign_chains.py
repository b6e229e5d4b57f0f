"""Chains of NIR nodes as other tools write them, at random and right or wrong."""

from __future__ import annotations

from functools import partial

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
    nodes = {"input": nir.Input(np.array([1, *image]))}
    shape = (1, *image)
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
    rng = np.random.default_rng(seed)
    nodes = {"input": nir.Input(np.array(widths[:1]))}
    for n, (before, after) in enumerate(zip(widths, widths[1:])):
        weight = (2 * rng.standard_normal((after, before))).astype(np.float32)
        nodes[f"linear{n}"] = nir.Affine(weight, np.full(after, bias, np.float32))
        final = {"threshold": last} if n == len(widths) - 2 else {}
        nodes[f"lif{n}"] = neuron((after,), **{**constants, **final})
    nodes["output"] = nir.Output(np.array(widths[-1:]))
    return chain(nodes)


def at_random(rng):
    """(graph, its step) of a tool's network with numbers at random; of half of
    them an array or an edge is as hardly a network of this library has it."""

    def pick(*values):
        return values[rng.integers(len(values))]

    dt = pick(1e-4, 1e-3)
    last = pick(1e30, 1e30, np.inf, 1.0)
    kind = pick(leaky, synaptic)
    constants = dict(beta=rng.uniform(0, 0.95), threshold=rng.uniform(0.2, 2), dt=dt)
    if kind is synaptic:
        constants["alpha"] = rng.uniform(0, 0.95)
    neuron = partial(kind, **constants)
    if rng.random() < 0.5:
        graph = dense(neuron, (*rng.integers(2, 8, 2), 3), last, rng.uniform(-1, 1), 0)
    else:
        size = dict(kernel=pick(1, 3, 5), padding=pick("same", "same", 0), image=(20, 23))
        pooling = pick(nir.AvgPool2d, nir.SumPool2d, None)
        graph = tutorial(neuron, **size, pooling=pooling, first=pick("neurons", "pool"), last=last)
    for node in graph.nodes.values():
        if hasattr(node, "v_threshold") and rng.random() < 0.2:
            name = pick(
                "tau", "tau_syn", "tau_mem", "r", "w_in", "v_threshold", "v_leak", "v_reset"
            )
            if hasattr(node, name):
                value = getattr(node, name)
                each = rng.uniform(0.5, 2, value.shape)
                odd = pick(0 * each, -value, np.nan * each, 0.5 * each, value * each, value * 2)
                setattr(node, name, odd.astype(np.float32))
    if rng.random() < 0.1:
        names = list(graph.nodes)
        pick(graph.edges.pop, lambda: graph.edges.append((pick(*names), pick(*names))))()
    return graph, dt
