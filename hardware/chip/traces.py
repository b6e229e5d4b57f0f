"""The trace filters in integers, postsynaptic in the conv layers and presynaptic in the readout, and how far off they are.

With factors A = round(4096 alpha) and B likewise, at most 4095, and V = sum of weights under the events of a step:

    postsynaptic   Q' = (B Q + (4096 - B) (V << F)) >> 12       P' = (A P + (4096 - A) Q) >> 12       P reads the old Q
    presynaptic    q' = (B q + (4096 - B) 4096 s) >> 12         p' = (A p + (4096 - A) q) >> 12       unsigned Q1.12

>> 12 rounds by floor, toward zero or to nearest (`fixed.shift`). Every state is a rounded mean of numbers between whole bounds
that hold 0, so it never leaves them: p, q <= 4096, and Q, P stay within the extremes of V << F.

Rounding a filter by at most e units keeps it within e / (1 - A/4096) units of the filter with real numbers and the same
factors; P reads a Q that is itself off by e / (1 - B/4096), so it stays within the sum of both (`distance`).
"""

import numpy as np

from minisnn.parallel.compilation import njit
from .formats import FLOOR, NEAREST, ZERO, noise_of, shift, xorshift32

UNITY, BITS = 4096, 12  # factors and presynaptic traces are 12-bit fractions
DETERMINISTIC = ("floor", "zero", "nearest")


def factor(decay: float) -> int:
    """A decay in [0, 1) as a multiple of 1/4096, at most 4095: a filter that never forgets would not be one."""
    if not 0 <= decay < 1:
        raise ValueError(f"a decay must lie in [0, 1), not {decay}")
    return min(int(np.floor(UNITY * decay + 0.5)), UNITY - 1)


def addends(mode: int, k: int) -> tuple[int, int]:
    """What to add to a number >= 0, and to one < 0, so that >> k rounds it in this mode: `fixed.shift` without a branch."""
    if k <= 0:
        return 0, 0
    return {FLOOR: (0, 0), ZERO: (0, (1 << k) - 1), NEAREST: (1 << k - 1, 1 << k - 1)}[mode]


def distance(mode: int, *factors: int) -> float:
    """Largest distance, in units of the last place, of a chain of filters from real ones with the same factors."""
    error = {FLOOR: 1.0, ZERO: 1.0, NEAREST: 0.5}[mode]
    return sum(error / (1 - a / UNITY) for a in factors)


@njit(inline="always")
def mix(x, y, a, plus, minus):
    """(a x + (4096 - a) y + addend) >> 12 in 32 bits for any 32-bit x, y; plus and minus as `addends` gives them.

    The high and low 12 bits go apart: a x = a (x >> 12) 4096 + a (x & 4095), so no product needs more than 32 bits.
    """
    b = np.int32(np.int32(4096) - a)
    high = np.int32(np.int32(a * np.int32(x >> 12)) + np.int32(b * np.int32(y >> 12)))
    low = np.int32(np.int32(a * np.int32(x & 4095)) + np.int32(b * np.int32(y & 4095)))
    negative = np.int32(np.int32(high + np.int32(low >> 12)) >> 31)
    addend = np.int32(plus + np.int32(negative & np.int32(minus - plus)))
    return np.int32(high + np.int32(np.int32(low + addend) >> 12))


@njit(nogil=True, cache=True)
def presynaptic_step(p, q, s, A, B, mode):
    """p and q (inputs,) one step on, in place; s (inputs,) of 0 and 1."""
    for i in range(p.size):
        p[i] = shift(A * p[i] + (4096 - A) * q[i], 12, mode, 0)
        q[i] = shift(B * q[i] + (4096 - B) * 4096 * s[i], 12, mode, 0)


@njit(nogil=True, cache=True)
def presynaptic(spikes, traces, A, B, mode):
    """traces (T, inputs) int32: p at every step, before the step's spikes (T, inputs) reach it."""
    p, q = np.zeros(spikes.shape[1], np.int64), np.zeros(spikes.shape[1], np.int64)
    for t in range(spikes.shape[0]):
        traces[t] = p
        presynaptic_step(p, q, spikes[t], A, B, mode)


@njit(nogil=True, cache=True)
def presynaptic_in(spikes, traces, A, B, mode, bits, state):
    """As `presynaptic`, with states of `bits` fraction bits, uQ1.bits; traces << (12 - bits), so that they are uQ1.12 again.

    Where the mode is stochastic each state has a random number of its own at each step, q before p, input by input.
    Returns the random state.
    """
    unity, up = 1 << bits, 12 - bits
    p, q = np.zeros(spikes.shape[1], np.int64), np.zeros(spikes.shape[1], np.int64)
    noise_q, noise_p = 0, 0
    for t in range(spikes.shape[0]):
        for i in range(p.size):
            traces[t, i] = p[i] << up
            if mode == 3:
                state = xorshift32(state)
                noise_q = noise_of(state, 12)
                state = xorshift32(state)
                noise_p = noise_of(state, 12)
            p[i] = shift(A * p[i] + (4096 - A) * q[i], 12, mode, noise_p)
            q[i] = shift(B * q[i] + (4096 - B) * unity * spikes[t, i], 12, mode, noise_q)
    return state
