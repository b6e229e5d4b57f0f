"""Kernels of the integer network in numba: a conv layer from events, a dense readout from presynaptic traces.

The state is 32 bits wide and no product is wider (`traces.mix`), so that a vector holds as many neurons as in float32. Twin:
`reference`, plain Python integers.
"""

from typing import NamedTuple

import numpy as np

from minisnn.parallel.compilation import njit
from .formats import shift
from .neuron import U
from .traces import mix

NONE, MAX, MEAN = range(3)
POOL = {"none": NONE, "max": MAX, "mean": MEAN}
LOWEST, HIGHEST = U.ends


class Constants(NamedTuple):
    """What a step of a conv neuron takes; int32.

    alpha, beta, gamma, rho, threshold, slope   of `IntegerLIF`
    fraction                                    F, fraction bits of P and Q
    left, right                                 shifts from P's exponent to u's
    plus, minus                                 addends of numbers >= 0, < 0 that round that to the right (`traces.addends`)
    filter_plus, filter_minus                   those that round the filters
    """

    alpha: np.int32
    beta: np.int32
    gamma: np.int32
    rho: np.int32
    threshold: np.int32
    slope: np.int32
    fraction: np.int32
    left: np.int32
    right: np.int32
    plus: np.int32
    minus: np.int32
    filter_plus: np.int32
    filter_minus: np.int32


@njit(nogil=True, cache=True)
def spread(x, words, weight, V):
    """V (H + k - 1, W + k - 1, C_out) = the weights under the events of one step; x (H, W C_in) counts.

    weight (C_in, k, k C_out) is mirrored, so that what an event adds to one row of sites lies in one piece.
    """
    H, k, row = x.shape[0], weight.shape[1], weight.shape[2]
    C_in, C_out = weight.shape[0], weight.shape[2] // weight.shape[1]
    V[:] = 0
    flat = V.reshape(V.shape[0], -1)
    for h in range(H):
        for word in range(words.shape[1]):
            if words[h, word] == 0:
                continue
            for i in range(word * 8, word * 8 + 8):
                n = x[h, i]
                if n == 0:
                    continue
                w, c = i // C_in, i % C_in
                for j in range(k):
                    to, add = flat[h + j, w * C_out : w * C_out + row], weight[c, j]
                    if n == 1:
                        for m in range(row):
                            to[m] += add[m]
                    else:
                        for m in range(row):
                            to[m] += V.dtype.type(n) * add[m]


@njit(nogil=True, cache=True, error_model="numpy")
def neuron_row(V, P, Q, r, bias, u, c):
    """One step of a row of sites on flat arrays: u, then r, P, Q advance; returns how many u were clipped."""
    A, B, G, rho, threshold, F = c.alpha, c.beta, c.gamma, c.rho, c.threshold, c.fraction & 31
    left, right = c.left & 31, c.right & 31
    low, high, clipped = np.int32(LOWEST), np.int32(HIGHEST), np.int32(0)
    for n in range(u.size):
        x = np.int32(P[n] + bias[n])
        negative = np.int32(x >> 31)
        addend = np.int32(c.plus + np.int32(negative & np.int32(c.minus - c.plus)))
        x = np.int32(np.int32(np.int32(x << left) + addend) >> right)
        x = np.int32(x - np.int32(np.int32(rho * r[n]) >> 12))
        y = max(min(x, high), low)
        clipped += np.int32(x != y)
        u[n] = y
        r[n] = np.int32(np.int32(G * r[n]) + np.int32(np.int32(np.int32(4096 - G) << 12) * np.int32(y >= threshold))) >> 12
        p, q = P[n], Q[n]
        P[n] = mix(p, q, A, c.filter_plus, c.filter_minus)
        Q[n] = mix(q, np.int32(V[n] << F), B, c.filter_plus, c.filter_minus)
    return clipped


@njit(nogil=True, cache=True)
def pool_row(top, bottom, out, C, pool, threshold):
    """Spikes out (W', C) flat of two rows of membranes; mean pooling compares the sum of four with four thresholds."""
    for w in range(out.size // C):
        for c in range(C):
            i = 2 * w * C + c
            if pool == MAX:
                out[w * C + c] = max(max(top[i], top[i + C]), max(bottom[i], bottom[i + C])) >= threshold
            else:
                out[w * C + c] = top[i] + top[i + C] + bottom[i] + bottom[i + C] >= 4 * threshold


@njit(nogil=True, cache=True)
def conv(start, stop, x, words, weight, bias, pool, c, out, clipped, record):
    """Conv layer of samples start .. stop: out (B, T, H', W' C_out) spikes of x (B, T, H, W C_in) counts; clipped (B,) counts.

    bias (W C_out,) is repeated for every column; the weights' dtype is that of the sums; c are `Constants`. Of the first
    samples record (samples, T, H, W C_out) int16 keeps every membrane.
    """
    T, H, k, C_out = x.shape[1], x.shape[2], weight.shape[1], weight.shape[2] // weight.shape[1]
    W, h = bias.size // C_out, weight.shape[1] // 2
    for b in range(start, stop):
        sums = np.zeros((H + k - 1, W + k - 1, C_out), weight.dtype)
        P, Q, r = np.zeros((H, W * C_out), np.int32), np.zeros((H, W * C_out), np.int32), np.zeros((H, W * C_out), np.int32)
        u = np.zeros((H, W * C_out), np.int32)
        total = 0
        for t in range(T):
            spread(x[b, t], words[b, t], weight, sums)
            flat = sums.reshape(H + k - 1, (W + k - 1) * C_out)
            for y in range(H):
                total += neuron_row(flat[y + h, h * C_out : (h + W) * C_out], P[y], Q[y], r[y], bias, u[y], c)
            if pool == NONE:
                for y in range(H):
                    for n in range(W * C_out):
                        out[b, t, y, n] = u[y, n] >= c.threshold
            else:
                for y in range(H // 2):
                    pool_row(u[2 * y], u[2 * y + 1], out[b, t, y], C_out, pool, c.threshold)
            if b < record.shape[0]:
                for y in range(H):
                    for n in range(W * C_out):
                        record[b, t, y, n] = u[y, n]
        clipped[b] = total


@njit(nogil=True, cache=True)
def readout(p, weight, bias, k, mode, neuron, u):
    """Membranes u (T, K) int64 of traces p (T, F), weight (K, F) and bias (K,) in p's scale; returns how many were clipped.

    k   right shift from the accumulator's exponent to u's, `mode` its rounding; neuron   an `IntegerLIF`
    """
    G, r, clipped = neuron.gamma, np.zeros(bias.size, np.int64), 0
    for t in range(p.shape[0]):
        for n in range(bias.size):
            sum_ = np.int64(0)
            for i in range(p.shape[1]):
                sum_ += np.int32(np.int32(weight[n, i]) * np.int32(p[t, i]))
            x = shift(sum_ + bias[n], k, mode, 0) - ((neuron.rho * r[n]) >> 12)
            y = max(min(x, HIGHEST), LOWEST)
            clipped += x != y
            u[t, n] = y
            r[n] = (G * r[n] + (4096 - G) * 4096 * (y >= neuron.threshold)) >> 12
    return clipped
