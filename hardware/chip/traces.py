"""The integer trace filters, postsynaptic in the conv layers and presynaptic in the readout, and
bounds for their rounding errors.

A is round(4096 alpha) and B is round(4096 beta), both at most 4095. V is the sum of the weights of
the events in a step:

    postsynaptic   Q' = (B Q + (4096 - B) (V << F)) >> 12       P' = (A P + (4096 - A) Q) >> 12       P reads the old Q
    presynaptic    q' = (B q + (4096 - B) 4096 s) >> 12         p' = (A p + (4096 - A) q) >> 12       unsigned Q1.12

>> 12 rounds by floor, toward zero or to nearest (`formats.shift`). Every state is a rounded mean of
numbers between integer bounds that include 0, so it stays within them: p, q <= 4096, and Q, P stay
within the extremes of V << F.

A filter with a rounding error of at most e units per step stays within e / (1 - A/4096) units of
the same filter in real numbers. P reads a Q that is itself off by e / (1 - B/4096), so P is off by
at most the sum of both.
"""

import numpy as np

from minisnn.parallel.compilation import njit
from .formats import FLOOR, NEAREST, STOCHASTIC, ZERO, noise_of, shift, xorshift32

UNITY, BITS = 4096, 12  # factors and presynaptic traces are 12-bit fractions
DETERMINISTIC = ("floor", "zero", "nearest")


def factor(decay: float) -> int:
    """Return a decay in [0, 1) as an integer number of 4096ths, at most 4095, because with 4096 a
    filter would never forget."""
    if not 0 <= decay < 1:
        raise ValueError(f"a decay must be in [0, 1), not {decay}")
    return min(int(np.floor(UNITY * decay + 0.5)), UNITY - 1)


def addends(mode: int, k: int) -> tuple[int, int]:
    """Return (plus, minus), the addends with which >> k rounds in this mode, without a branch for
    the mode: plus for numbers >= 0, minus for numbers < 0."""
    if k <= 0:
        return 0, 0
    return {FLOOR: (0, 0), ZERO: (0, (1 << k) - 1), NEAREST: (1 << k - 1, 1 << k - 1)}[mode]


@njit(inline="always")
def mix(x, y, a, plus, minus):
    """Return (a x + (4096 - a) y + addend) >> 12, computed in 32 bits for any 32-bit x and y. The
    addend is plus or minus, as returned by `addends`.

    The high and the low 12 bits are multiplied separately: a x = a (x >> 12) 4096 + a (x & 4095), so
    no product needs more than 32 bits.
    """
    b = np.int32(np.int32(4096) - a)
    high = np.int32(np.int32(a * np.int32(x >> 12)) + np.int32(b * np.int32(y >> 12)))
    low = np.int32(np.int32(a * np.int32(x & 4095)) + np.int32(b * np.int32(y & 4095)))
    negative = np.int32(np.int32(high + np.int32(low >> 12)) >> 31)
    addend = np.int32(plus + np.int32(negative & np.int32(minus - plus)))
    return np.int32(high + np.int32(np.int32(low + addend) >> 12))


@njit(nogil=True, cache=True)
def presynaptic_step(p, q, s, A, B, mode, bits, state):
    """Advance traces p and q (inputs,), in place, by one step in which s (inputs,) spikes. The
    traces are unsigned, with `bits` fraction bits.

    Stochastic rounding draws two random numbers for each input, first for q, then for p. Returns
    the random state.
    """
    noise_q, noise_p = 0, 0
    for i in range(p.size):
        if mode == STOCHASTIC:
            state = xorshift32(state)
            noise_q = noise_of(state, BITS)
            state = xorshift32(state)
            noise_p = noise_of(state, BITS)
        p[i] = shift(A * p[i] + (UNITY - A) * q[i], BITS, mode, noise_p)
        q[i] = shift(B * q[i] + ((UNITY - B) * np.int64(s[i]) << bits), BITS, mode, noise_q)
    return state


@njit(nogil=True, cache=True)
def presynaptic(spikes, traces, A, B, mode, bits=BITS, state=1):
    """Compute traces (T, inputs), int32 in uQ1.12, from spikes (T, inputs): p at every step, before
    that step's spikes enter.

    The filters' states have `bits` fraction bits, so the lowest 12 - `bits` bits of the traces are
    zero. Returns the random state.
    """
    p = np.zeros(spikes.shape[1], np.int64)
    q = np.zeros(spikes.shape[1], np.int64)
    for t in range(spikes.shape[0]):
        for i in range(p.size):
            traces[t, i] = p[i] << (BITS - bits)
        state = presynaptic_step(p, q, spikes[t], A, B, mode, bits, state)
    return state
