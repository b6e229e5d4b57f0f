"""What writing and reading NIR share: the package nir, time constants, and thresholds."""

import math
from numbers import Real
from typing import Any

import numpy as np

from ..layers.block import Block
from ..network.spiking import SpikingNet

STEPS = ("euler", "exponential")
LONGEST = 1e9  # seconds of a step


def need_nir() -> Any:
    """The package nir. Raises ValueError, saying how to install it, where it is missing."""
    try:
        import nir
    except ImportError as error:
        raise ValueError(
            'NIR files need the library nir; install it with: pip install "minisnn[nir]"'
        ) from error
    return nir


def blocks_at(net: SpikingNet, theta: np.ndarray) -> list[Block]:
    """The blocks of a network, the neuron of each with the constants that it has at theta: its own,
    or those that were learned."""
    return [b for b, _, _ in net.parameters(theta)]


def tau_of(decay: float, dt: float, steps: str) -> float:
    """Seconds after which a simulator with steps of dt has a decay a step."""
    if steps not in STEPS:
        raise ValueError(f"steps must be one of {', '.join(STEPS)}, not {steps!r}")
    if isinstance(dt, bool) or not (isinstance(dt, Real) and 0 < dt <= LONGEST):
        raise ValueError(f"dt must be a positive time in seconds, not {repr(dt)[:40]}")
    if steps == "euler":
        return dt / (1 - decay)
    if decay == 0:
        raise ValueError(
            'a decay of 0 has no time constant in exponential steps; steps="euler" can say it'
        )
    return -dt / math.log(decay)


def decay_of(tau: float, dt: float, steps: str) -> float:
    """The decay a step of a time constant, `tau_of` backwards."""
    if not 0 < tau < math.inf:
        raise ValueError(f"a time constant must be a positive number of seconds, not {tau}")
    return 1 - dt / tau if steps == "euler" else math.exp(-dt / tau)


def simple(decay: float, tau: Any) -> float:
    """The decay of a time constant; in float32 that is known to a few of its units, and of the
    numbers within them a multiple of 1 / 4096, which chips have and float32 holds, is taken where
    there is one."""
    simple = round(4096 * decay) / 4096
    near = abs(simple - decay) <= 4 * np.finfo(np.float32).eps * (1 - decay)
    return simple if near and np.asarray(tau).dtype == np.float32 else decay


def below(threshold: float, dtype: np.dtype) -> np.floating:
    """The largest number whose > is >= threshold; never a subnormal one, which many processors take
    for zero."""
    exact = dtype.type(threshold)
    if float(exact) < threshold:  # rounded down, it is below itself
        return exact
    return min(np.nextafter(exact, dtype.type(-np.inf)), exact - np.finfo(dtype).tiny)


def reached(level: float, dtype: np.dtype) -> float:
    """The threshold that u > level means, `below` backwards."""
    return (
        0.0
        if level == below(0.0, dtype)
        else float(np.nextafter(dtype.type(level), dtype.type(np.inf)))
    )
