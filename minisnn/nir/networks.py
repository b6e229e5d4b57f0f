"""Of layers that a chain was read into (`unchain`) a network: of `CubaLIF`, or of `LIF` where a
threshold is subtracted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..layers.cuba import CubaLIF
from ..layers.lif import LIF
from ..network.spiking import SpikingNet
from .chain import scales
from .common import reached
from .unchain import MOST_APART, QUIET, Layer, Reader


def as_cuba(
    reader: Reader, said: dict[str, Any], make: Callable[[dict], SpikingNet]
) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of layers that are reset to zero; make(configuration) -> net.

    Raises ValueError naming the node that does not fit.
    """
    blocks, first = reader.blocks, reader.blocks[0].neuron
    thresholds = {float(v) for b in blocks[:-1] for v in np.unique(b.neuron.threshold)}
    level = reached(float(np.ravel(first.threshold)[0]), reader.dtype) if len(blocks) > 1 else 0.3
    guess = reader.shapes()
    guess["neuron"] = dict(
        kind="cuba", alpha=first.alpha, beta=first.beta, threshold=level, gain=1.0
    )
    network = said.get("network", guess)
    net = make(network)
    if not isinstance(net.neuron, CubaLIF):
        raise ValueError("metadata: the network is not one of CubaLIF, which the graph is made of")
    for key in (
        "input_shape",
        "channels",
        "hidden",
        "ways",
        *(["pool", "kernel"] if net.channels else []),
    ):
        if np.any(np.asarray(guess[key]) != np.asarray(network[key])):
            raise ValueError(
                f"metadata: {key} of the network is {network[key]}; expected {guess[key]}, which "
                "the graph has"
            )
    if not np.allclose(
        [first.alpha, first.beta], [net.neuron.alpha, net.neuron.beta], rtol=0, atol=MOST_APART
    ):
        raise ValueError(
            f"metadata: the decays are {net.neuron.alpha}, {net.neuron.beta}; expected "
            f"{first.alpha}, {first.beta}"
        )
    parts = []
    for n, (b, own) in enumerate(zip(blocks, net.blocks)):
        scale = b.neuron.scale
        if not own.readout:
            scale = scale * _rescaled(b, net.neuron, first.threshold, bool(said), thresholds)
        parts += [(b.weight * scale / (net.neuron.gain if n == 0 else 1)).ravel(), b.bias * scale]
    return net, _held(parts, net)


def _held(parts: list[np.ndarray], net: SpikingNet) -> np.ndarray:
    """The flat theta in the network's type; ValueError where it does not hold a number."""
    with np.errstate(over="ignore"):
        theta = np.concatenate(parts).astype(net.dtype)
    if not np.isfinite(theta).all():
        raise ValueError(
            f"weights, times r and w_in, are too large for {net.dtype}; expected finite numbers"
        )
    return theta


def _rescaled(
    b: Layer, neuron: CubaLIF, first: np.ndarray, ours: bool, thresholds: set[float]
) -> Any:
    """What makes of a layer's threshold that of the network; a reset to zero does not see the scale
    of a channel."""
    if len(thresholds) == 1 and (not ours or neuron.threshold <= 0):
        return 1.0
    if min(thresholds) <= 0:
        raise ValueError(
            f"node {b.name!r}: thresholds are {sorted(thresholds)[:3]}; expected one, or all above "
            "0"
        )
    if not ours:
        return np.ravel(first)[0] / b.neuron.threshold
    whole, power = scales(neuron)
    ratio = neuron.threshold / b.neuron.threshold
    return next(
        (exact for exact in (1.0, whole / power) if np.allclose(ratio, exact, rtol=3e-7, atol=0)),
        ratio,
    )


def as_lif(reader: Reader) -> tuple[SpikingNet, np.ndarray]:
    """(net, theta) of layers of which a spike subtracts the threshold in the step after it,
    snnTorch's default.

    As in `snntorch`: u = W p - rho r with gamma = alpha and threshold = rho (1 - alpha) is one
    filter of one sum, and a layer does in step t + 2 what it does there in step t. Raises
    ValueError for what only `CubaLIF` has: a bias, which is filtered there and not here, means of
    spikes, and a readout that never fires.
    """
    blocks, first, last = reader.blocks, reader.blocks[0].neuron, reader.blocks[-1].neuron
    why = "subtract makes a network of LIF"
    for b in blocks:
        if np.any(b.bias):
            raise ValueError(
                f"node {b.name!r} has a bias before it, and reset {why}, whose bias is not "
                "filtered; expected bias=False"
            )
        low = np.min(b.neuron.threshold)
        high = np.max(b.neuron.threshold)
        if low <= 0:
            raise ValueError(
                f"node {b.name!r} fires at {low:g}, which reset subtract would add; expected a "
                "threshold above 0"
            )
        if high >= QUIET:
            raise ValueError(
                f"node {b.name!r} fires at {high:g}, never, and reset {why}, whose every layer "
                "fires, the readout too; expected a threshold as of the others"
            )
    if reader.pool == "mean":
        raise ValueError(
            f"the graph has means of spikes, and reset {why}, which pools membranes; expected no "
            "AvgPool2d"
        )
    if np.ptp(last.threshold):
        raise ValueError(
            f"node {reader.last!r} has several thresholds; expected one, as its membranes are "
            "compared"
        )
    level = float(last.threshold[0])
    settings = reader.shapes()
    neuron = LIF(
        first.alpha,
        first.beta,
        first.alpha,
        level / (1 - first.alpha),
        reached(level, reader.dtype),
        gain=1.0,
    )
    net = SpikingNet.from_configuration({**settings, "neuron": neuron})
    parts = []
    for b in blocks:
        scale = b.neuron.scale * (level / b.neuron.threshold)
        parts += [(b.weight * scale).ravel(), np.zeros(len(scale))]
    return net, _held(parts, net)
