"""The trace filters in integers, postsynaptic in the conv layers and presynaptic in the readout,
and their errors.

With factors A = round(4096 alpha) and B likewise, at most 4095, and V the sum of the weights of a
step's events:

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
    """Return a decay in [0, 1) as a multiple of 1/4096, at most 4095: with 4096 a filter would
    never forget."""
    if not 0 <= decay < 1:
        raise ValueError(f"a decay must be in [0, 1), not {decay}")
    return min(int(np.floor(UNITY * decay + 0.5)), UNITY - 1)


def addends(mode: int, k: int) -> tuple[int, int]:
    """Return the addends for numbers >= 0 and < 0 that make >> k round in this mode, like
    `formats.shift` but without a branch."""
    if k <= 0:
        return 0, 0
    return {FLOOR: (0, 0), ZERO: (0, (1 << k) - 1), NEAREST: (1 << k - 1, 1 << k - 1)}[mode]


@njit(inline="always")
def mix(x, y, a, plus, minus):
    """Return (a x + (4096 - a) y + addend) >> 12 in 32 bits for any 32-bit x, y; plus and minus
    from `addends`.

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
    """Advance p and q (inputs,) in uQ1.bits by a step, in place; s (inputs,) of 0 and 1.

    Stochastic rounding draws one random number for each q, then p, input by input. Returns the random
    state.
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
    """Compute traces (T, inputs) int32 in uQ1.12: p at every step, before that step's spikes (T,
    inputs) enter.

    States have `bits` fraction bits; the traces' lower bits are zero. Returns the random state.
    """
    p = np.zeros(spikes.shape[1], np.int64)
    q = np.zeros(spikes.shape[1], np.int64)
    for t in range(spikes.shape[0]):
        for i in range(p.size):
            traces[t, i] = p[i] << (BITS - bits)
        state = presynaptic_step(p, q, spikes[t], A, B, mode, bits, state)
    return state
