"""What a readout weighs: its presynaptic trace at the last step, the features that class means are
taken of.

The traces are linear in the spikes, so in a window of n steps, from the states at its start (p_K,
q_K of `LIF`, the filtered x of each filter of `LeakyIntegrator`), which are constants,

    p_{n-1} = sum_k g_k state_k + sum_t h_t x_t        of LIF t ends at n - 3, for its synapse delays by two steps

The adjoint is dx_t = h_t dp. Shapes: x (B, n, F), p and dp (B, F), dx (B, m, F) with m = n - 2 or
n.
"""

from typing import Any, NamedTuple

import numpy as np

from . import current, synapse


class Coefficients(NamedTuple):
    """g (a number for each state) and h (m,)."""

    states: tuple[float, ...]
    x: np.ndarray


def coefficients(steps: int, neuron: Any, dtype: np.dtype) -> Coefficients:
    """The weights of what p_{n-1} is a sum of: the filters' adjoint of a one at the last step."""
    dy = np.zeros((1, steps), dtype)
    dy[0, -1] = 1
    if neuron.delay:
        p, q, dx = synapse._filter_adjoint(dy, neuron)
        return Coefficients((float(p[0]), float(q[0])), dx[0])
    states: list[float] = []
    for decay in reversed(neuron.decays):
        d, dy = current._filter_adjoint(dy, decay)
        states.insert(0, float(d[0]))
    return Coefficients(tuple(states), dy[0])


def forward(x: np.ndarray, neuron: Any, start: tuple[np.ndarray, ...] | None = None) -> np.ndarray:
    """p_{n-1} from x (B, n, F) and the states at its start, each (B, F); from zero where they are
    None."""
    h = coefficients(x.shape[1], neuron, x.dtype)
    p = np.tensordot(x[:, : len(h.x)], h.x, (1, 0))
    return p + sum(x.dtype.type(g) * state for g, state in zip(h.states, start or ()))


def backward(dp: np.ndarray, steps: int, neuron: Any) -> np.ndarray:
    """dx_t = h_t dp."""
    return coefficients(steps, neuron, dp.dtype).x[None, :, None] * dp[:, None]
