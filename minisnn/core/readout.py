"""What the loss is given of the readout's membranes u_t in the window, the logits, and the way back.

    last     u_n                       (B, ways), as in the paper
    mean     1/n sum_t u_t             (B, ways)
    count    1/n sum_t spike(u_t)      (B, ways), spikes a step
    steps    u_t                       (B, n, ways)

Membranes are (n, B, ways), or with axes between, numbers or numbers with a derivative; `spike` is
that of the readout's neuron, which carries its 2-jet here as everywhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import must, one_of
from .dual import Array, linear

READOUTS = ("last", "mean", "count", "steps")


@linear
def at_steps(a: Array, steps: int, at: Sequence[int]) -> Array:
    """A sequence that is zero but at some steps; a (len(at), ...)."""
    sequence = np.zeros((steps, *a.shape[1:]), a.dtype)
    sequence[list(at)] = a
    return sequence


_mean = linear(lambda u: u.mean(0))
_mean_back = linear(lambda d, steps: np.repeat(d[None] / d.dtype.type(steps), steps, 0))
exchanged = linear(lambda a: np.swapaxes(a, 0, 1))  # samples and steps


def logits_of(readout: str, u: Any, spike: Any) -> Any:
    """The logits of the membranes."""
    if readout == "last":
        return u[-1]
    if readout == "steps":
        return exchanged(u)
    return _mean(spike.value(u) if readout == "count" else u)


def membranes_back(readout: str, dlogits: Any, u: Any, spike: Any) -> Any:
    """du (n, B, ways) from the adjoint of the logits."""
    if readout == "last":
        return at_steps(dlogits.reshape(1, *dlogits.shape), len(u), [len(u) - 1])
    if readout == "steps":
        return exchanged(dlogits)
    du = _mean_back(dlogits, len(u))
    return du * spike.slope(u) if readout == "count" else du


def check_readout(readout: Any, loss: Any, neuron: Any) -> str:
    """The name of a readout that this loss and this neuron of the readout can have."""
    one_of("readout", readout, READOUTS)
    if readout == "count":
        what = "of a neuron that spikes in the readout, as LIF; the readout of others integrates"
        must("readout 'count'", neuron.fires, what, type(neuron).__name__)
    if readout == "steps":
        what = "with a loss over steps, as 'squared'"
        must("readout 'steps'", loss.name != "cross_entropy", what, loss.name)
    return readout
