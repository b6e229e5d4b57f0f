"""A conv neuron with 16-bit words, for meta-training: its states are rounded stochastically.

A row of sites is processed at a time. Each neuron of the row has its own stream of random numbers,
which continues with the next row and the next step. `hardware.meta.words` proves that all values
fit.

A stream's initial state is a hash of (seed, update, place, sample), computed with the last steps of
MurmurHash3 (Appleby 2011). Without the hash, two streams could start at successive states of
xorshift32, and would then produce the same numbers, shifted by one.
"""

from collections import namedtuple

import numpy as np

from minisnn.parallel.compilation import njit

from .formats import shift
from .neuron import surrogate

# The constants that the loops need, computed from a neuron and word lengths; int32.
#   alpha, beta, gamma   factors of 4096         rho, threshold   in units of u
#   slope                of the surrogate        fraction         of u
#   trace                fraction bits of r      low, high        limits of P, Q and u
#   left, right          bits by which (4096 - B) V is shifted to Q's scale; one of them is 0
#   most                 limit to which (4096 - B) V is clipped first; beyond it Q saturates anyway
Step = namedtuple(
    "Step", "alpha beta gamma rho threshold slope fraction trace low high left right most"
)


@njit(nogil=True, inner=True)
def mixed(x):
    """Hash a 32-bit number to another one; the hash is one to one."""
    x ^= x >> 16
    x = (x * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> 13
    x = (x * 0xC2B2AE35) & 0xFFFFFFFF
    return x ^ (x >> 16)


@njit(nogil=True, cache=True)
def stream(seed, update, place, sample):
    """Return the initial state of a random stream, which is never zero."""
    x = mixed((seed ^ 0x9E3779B9) & 0xFFFFFFFF)
    x = mixed((x + update) & 0xFFFFFFFF)
    x = mixed((x + place) & 0xFFFFFFFF)
    x = mixed((x + sample) & 0xFFFFFFFF)
    return x if x else 1


@njit(nogil=True, inner=True)
def streams(key, sample, lanes):
    """Return the initial random state of each of `lanes` neurons in a row, uint32; key = (seed,
    update, place)."""
    state = stream(key[0], key[1], key[2], sample)
    found = np.empty(lanes, np.uint32)
    for n in range(lanes):
        found[n] = stream(state, 0, 0, n)
    return found


@njit(inline="always")
def advance(x):
    """Return the state that follows a uint32 state, as `xorshift32` does."""
    x = np.uint32(x ^ np.uint32(x << np.uint32(13)))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(17)))
    return np.uint32(x ^ np.uint32(x << np.uint32(5)))


@njit(inline="always")
def leak(x, y, a, part):
    """Return (a x + (4096 - a) y + part) >> 12 for 16-bit words x and y."""
    kept = np.int32(np.int32(x) * a)
    given = np.int32(np.int32(y) * np.int32(np.int32(4096) - a))
    return np.int32(np.int32(np.int32(kept + given) + part) >> np.int32(12))


@njit(nogil=True, error_model="numpy", inner=True)
def neurons(V, P, Q, r, u, bias, c, states):
    """Advance a row of neurons by one step, on flat arrays: first u, then r, P and Q. Return how
    many values of u and Q were clipped."""
    clipped = np.int32(0)
    one = np.int32(np.int32(1) << (c.trace & 31))
    rest = np.int32(np.int32(4096) - c.beta)
    trace = c.trace & 31
    left = c.left & 31
    right = c.right & 31
    for n in range(u.size):
        state = advance(states[n])
        states[n] = state
        for_p = np.int32(np.uint32(state >> np.uint32(8)) & np.uint32(4095))
        for_q = np.int32(state >> np.uint32(20))
        p = np.int32(P[n])
        q = np.int32(Q[n])
        s = np.int32(r[n])
        x = np.int32(np.int32(p + np.int32(bias[n])) - np.int32(np.int32(c.rho * s) >> trace))
        y = min(max(x, c.low), c.high)
        clipped += np.int32(x != y)
        u[n] = y
        r[n] = leak(s, one * np.int32(y >= c.threshold), c.gamma, np.int32(2048))
        P[n] = leak(p, q, c.alpha, for_p)
        x = np.int32(rest * np.int32(V[n]))
        x = np.int32(np.int32(min(max(x, np.int32(-c.most)), c.most) << left) >> right)
        x = np.int32(np.int32(np.int32(c.beta * q) + x) + for_q) >> np.int32(12)
        y = min(max(np.int32(x), c.low), c.high)
        clipped += np.int32(x != y)
        Q[n] = y
    return clipped


@njit(nogil=True, inner=True)
def sloped(u, slopes, c):
    """Write the surrogate derivatives at membranes u (H, W C), in uQ0.8, to `slopes`."""
    for h in range(u.shape[0]):
        for n in range(u.shape[1]):
            a = shift(np.int64(u[h, n]) - c.threshold, c.fraction - 10, 0, 0)
            slopes[h, n] = surrogate(a, 0, c.slope)
