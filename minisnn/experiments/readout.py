"""Learning only the readout: the spikes of the fixed layers below are computed once, and fed to a
network of one dense block."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..core.cuba import CubaLIF
from ..core.neuron import LIF
from ..network.spiking import SpikingNet


def spikes_of(net: SpikingNet, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the spikes of the last block below the readout, uint8 (B, T, features), computed in
    parts to save memory."""
    parts = [net.spikes(theta, x[first : first + 50]) for first in range(0, len(x), 50)]
    return np.concatenate(parts).reshape(len(x), x.shape[1], -1).astype(np.uint8)


def network(net: SpikingNet, ways: int) -> SpikingNet:
    """Return the readout as a network of one dense block, whose input are the spikes of the layers
    below."""
    features = int(np.prod(net.blocks[-1].input_shape))
    return net.like(
        input_shape=(features,),
        channels=(),
        hidden=(),
        ways=ways,
        neuron=replace(net.neuron, gain=1.0),
    )


def traces(
    spikes: np.ndarray, neuron: LIF | CubaLIF, dtype, steps: Sequence[int] | None = None
) -> np.ndarray:
    """Return presynaptic traces p_t of spikes (B, T, …) at every step, or at `steps` in order: (B,
    steps, …), in this dtype."""
    dtype = np.dtype(dtype)
    steps = list(range(spikes.shape[1]) if steps is None else steps)
    found = np.empty((len(spikes), len(steps), *spikes.shape[2:]), dtype)
    alpha = dtype.type(neuron.alpha)
    beta = dtype.type(neuron.beta)
    p = np.zeros(spikes[:, 0].shape, dtype)
    q = np.zeros(spikes[:, 0].shape, dtype)
    for t in range(max(steps) + 1):
        before = p, q
        q = beta * q + (1 - beta) * spikes[:, t].astype(dtype)
        p = alpha * p + (1 - alpha) * (before[1] if neuron.delay else q)
        if t in steps:
            found[:, steps.index(t)] = before[0] if neuron.delay else p
    return found
