"""Which parameters an inner step updates: the threshold of Eq. 6 (Stewart & Neftci 2022) on the
size of their updates."""

from collections.abc import Sequence

import numpy as np

from ..core.network import Network


def gate(
    net: Network,
    gradient: np.ndarray,
    step_size: float | np.ndarray,
    freeze: Sequence[str] = (),
    threshold: float | None = None,
    fraction: float | None = None,
) -> np.ndarray:
    """m, flat: 1 where a parameter is updated, else 0; a constant for all derivatives.

        m = |a g| > threshold        or > fraction (max |a g| - min |a g|) within each layer, weights and bias together

    It is 0 in the layers that `freeze` names, and 1 everywhere without any of the three.
    """
    if not freeze and threshold is None and fraction is None:
        return np.broadcast_to(net.dtype.type(1), net.size)
    m = np.ones(net.size, net.dtype)
    update = np.abs(step_size * gradient)
    for b in net.blocks:
        layer = net.slice_of(b.name)
        size = update[layer]
        if b.name in freeze:
            m[layer] = 0
        elif threshold is not None:
            m[layer] = size > threshold
        elif fraction is not None:
            m[layer] = size > fraction * (size.max() - size.min())
    return m


def error_gate(net: Network, logits: np.ndarray, y: np.ndarray, least: float) -> np.ndarray:
    """m, flat: 0 where the error that drives an update is small, of one sample or the mean over
    several; a constant.

        e = dL / dlogits        readout neuron k learns where |e_k| > least, the layers below where any neuron does

    As the error-triggered rule of SOEL (Stewart et al. 2020, IEEE J. Emerging Sel. Topics Circuits
    Syst. 10:512), which so saves the updates of what is known already.
    """
    error = np.abs(net.criterion.backward(logits, net._target(y, len(logits)))).sum(0)
    m = np.full(net.size, error.max() > least, net.dtype)
    for p in net.layout[-2:]:
        m[p.slice] = np.broadcast_to(error > least, p.shape).ravel()
    return m
