"""The integer network's kernels in numba: a conv layer from events, a dense readout from
presynaptic traces.

The state is 32 bits wide and no product is wider (`traces.mix`), so that a vector holds as many
neurons as in float32. Twin: `tests/plain_integers.py`, plain Python integers.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from minisnn.parallel.compilation import njit
from minisnn.parallel.shares import parallel

from .formats import NEAREST, ZERO, ends, shift
from .ranges import STATE
from .stochastic import neurons, sloped, streams
from .traces import mix

NONE, MAX, MEAN, COUNT = range(4)  # COUNT: the number of spikes among four neurons
POOL = {"none": NONE, "max": MAX, "mean": MEAN}
LOWEST, HIGHEST = ends(16)  # limits of u

# The constants that a conv neuron needs in each step; int32.
#   alpha, beta, gamma, rho, threshold, slope   of `IntegerLIF`
#   fraction                                    F, fraction bits of P and Q
#   most, left                                  from P's exponent to u's: clip to -most .. most,
#                                               then to the left,
#   below, right, half, one                     or to the right, rounding: see `scale`
#   plus, minus                                 `traces.addends` that round the filters
Constants = namedtuple(
    "Constants",
    "alpha beta gamma rho threshold slope fraction most left below right half one plus minus",
)
# The constants for Loihi's neurons: the decay factors 4096 - (du + 1) and 4096 - dv; the shifts
# that are applied to the input; vth; and the threshold for pooling, which is 1 because spikes are
# pooled.
Currents = namedtuple("Currents", "u_factor v_factor left right vth threshold")
# The result of a conv layer: spikes (B, T, H', W', C); membranes (samples, T, H, W, C) of the first
# samples; how many membranes were clipped; and for the backward pass, else None, the surrogate
# derivatives and the pooled positions in the last steps.
Convolved = namedtuple("Convolved", "spikes membranes clipped slopes args")


def scale(k: int, mode: int) -> tuple[int, int, int, int, int, int]:
    """Return (most, left, below, right, half, one), by which any |x| < 2^31 is shifted right by k
    bits, -31 <= k <= 31 (left if negative), in 32-bit arithmetic, with the result of
    `formats.shift`. The result of a shift to the left is clipped to 2^17 in size, above which u is
    clipped anyway.

        x = clip(x, -most, most) << left                 k <= 0
        x = (x + (below where x < 0)) >> right           k > 0, and + ((x >> half) & one): to nearest, half of the last place up
    """
    if k <= 0:
        left = min(-k, 17)
        return (1 << 17) >> left, left, 0, 0, 0, 0
    below = (1 << k) - 1 if mode == ZERO else 0
    return (1 << 31) - 1, 0, below, k, k - 1 if mode == NEAREST else 0, int(mode == NEAREST)


def rows_of(x: np.ndarray) -> np.ndarray:
    """Return spikes (B, T, H, W, C) as rows (B, T, H, W C), padded with zeros to a multiple of
    eight bytes."""
    B, T, H, W, C = x.shape
    flat = x.reshape(B, T, H, W * C)
    if W * C % 8:
        flat = np.concatenate([flat, np.zeros((B, T, H, -W * C % 8), np.uint8)], 3)
    return np.ascontiguousarray(flat)


def mirrored(weight: np.ndarray, dtype: type) -> np.ndarray:
    """Return weights (k, k, C_in, C_out) in the order that `spread` needs, converted to the data
    type of the sums."""
    k, _, C_in, C_out = weight.shape
    return np.ascontiguousarray(
        weight[::-1, ::-1].transpose(2, 0, 1, 3).reshape(C_in, k, k * C_out).astype(dtype)
    )


@njit(nogil=True, inner=True)
def spread(x, words, weight, V):
    """Compute V (H + k - 1, W + k - 1, C_out): for each site, the sum of the weights of the events
    in one step. x (H, W C_in) contains the counts, and `words` the same bytes in groups of eight.

    weight (C_in, k, k C_out) is mirrored, so that what an event adds to one row of sites is
    contiguous in memory.
    """
    H = x.shape[0]
    k = weight.shape[1]
    row = weight.shape[2]
    C_in = weight.shape[0]
    C_out = weight.shape[2] // weight.shape[1]
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
                w = i // C_in
                c = i % C_in
                for j in range(k):
                    to = flat[h + j, w * C_out : w * C_out + row]
                    add = weight[c, j]
                    for m in range(row):
                        to[m] += V.dtype.type(n) * add[m]


@njit(nogil=True, cache=True, error_model="numpy")
def neuron_row(V, P, Q, r, u, bias, c, counted):
    """Advance a row of sites by one step, on flat arrays: first u, then r, P and Q. Return how many
    of the first `counted` membranes u were clipped."""
    F = c.fraction & 31
    left = c.left & 31
    right = c.right & 31
    half = c.half & 31
    rest = np.int32(np.int32(4096 - c.gamma) << 12)
    low = np.int32(LOWEST)
    high = np.int32(HIGHEST)
    clipped = np.int32(0)
    for n in range(u.size):
        x = np.int32(P[n] + bias[n])
        up = np.int32(np.int32(x >> half) & c.one)
        x = np.int32(max(min(x, c.most), np.int32(-c.most)) << left)
        negative = np.int32(x >> 31)
        x = np.int32(np.int32(np.int32(x + np.int32(negative & c.below)) >> right) + up)
        x = np.int32(x - np.int32(np.int32(c.rho * r[n]) >> 12))
        y = max(min(x, high), low)
        clipped += np.int32((x != y) & (n < counted))
        u[n] = y
        fired = np.int32(rest * np.int32(y >= c.threshold))
        r[n] = np.int32(np.int32(c.gamma * r[n]) + fired) >> 12
        p = P[n]
        q = Q[n]
        P[n] = mix(p, q, c.alpha, c.plus, c.minus)
        Q[n] = mix(q, np.int32(V[n] << F), c.beta, c.plus, c.minus)
    return clipped


@njit(inline="always")
def toward_zero(x, factor):
    """Return factor x / 4096, rounded toward zero."""
    y = abs(x) * factor >> 12
    return -y if x < 0 else y


@njit(nogil=True, inner=True)
def current_row(V, a, u, v, s, bias, c, counted):
    """Advance a row of the neurons of `loihi.run` by one step: first current, membrane and spikes,
    then the input of the next step. Return a count over the first `counted` neurons: currents that
    wrapped plus membranes that were clipped."""
    clipped = 0
    for n in range(s.size):
        wide = toward_zero(u[n], c.u_factor) + (a[n] << 6)
        current = wide
        if wide > STATE:
            current -= 2 * STATE
        elif wide <= -STATE:
            current += 2 * STATE
        free = toward_zero(v[n], c.v_factor) + current
        m = min(max(free, 1 - STATE), STATE - 1)
        if n < counted:
            clipped += (wide != current) + (free != m)
        u[n] = current
        s[n] = m > c.vth << 6
        v[n] = 0 if s[n] else m
        a[n] = (np.int64(V[n]) + bias[n]) << c.left >> c.right
    return clipped


@njit(nogil=True, inner=True)
def pool_row(top, bottom, out, arg, C, pool, threshold):
    """Compute pooled spikes `out` (W', C), flat, from two rows of membranes. Unless arg is None, it
    receives the index of the largest of each four membranes. Mean pooling compares the sum of four
    membranes with four times the threshold."""
    for w in range(out.size // C):
        for c in range(C):
            i = 2 * w * C + c
            n = w * C + c
            most = max(max(top[i], top[i + C]), max(bottom[i], bottom[i + C]))
            total = top[i] + top[i + C] + bottom[i] + bottom[i + C]
            if pool == MAX:
                out[n] = most >= threshold
            else:
                out[n] = total if pool == COUNT else total >= 4 * threshold
            if arg is not None:
                later = 2 if bottom[i] == most else 3
                arg[n] = 0 if top[i] == most else (1 if top[i + C] == most else later)


@njit(nogil=True, cache=True)
def conv(
    start,
    stop,
    x,
    words,
    weight,
    bias,
    pool,
    c,
    out,
    clipped,
    record,
    lif,
    key,
    slopes,
    args,
    axons,
):
    """Compute a conv layer for samples start .. stop. x (B, T, H, W C_in) contains counts; the
    spikes are written to out (B, T, H', W', C_out). clipped (B,) counts the clipped neurons whose
    spikes are pooled: an odd last row or column belongs to no output and is not counted.

    bias (W C_out,) is repeated for every column, and has the data type of the states; the weights
    have the data type of the sums. record (samples, T, H, W C_out) receives all membranes of the
    first samples. Exactly one of the following arguments is not None. It chooses the neuron, and
    numba compiles no branch for the others:

    lif     True: the chip's neuron; c is a `Constants`
    key     (seed, update, place) from which random numbers are made: the neuron of `stochastic`; c
            is a `Step`. slopes (B, window, H, W C_out) and args (B, window, H', W', C_out) receive
            what the backward pass needs from the last `window` steps
    axons   (steps, W C_out), what the bias axons of Loihi's neurons deliver at each step, repeated
            after `steps`, a power of two. c is a `Currents`
    """
    T = x.shape[1]
    H = x.shape[2]
    k = weight.shape[1]
    C_out = weight.shape[2] // weight.shape[1]
    row = bias.size
    W = row // C_out
    h = weight.shape[1] // 2
    rows = H if pool == NONE else H // 2 * 2
    end = (W if pool == NONE else W // 2 * 2) * C_out
    for b in range(start, stop):
        sums = np.zeros((H + k - 1, W + k - 1, C_out), weight.dtype)
        P = np.zeros((H, row), bias.dtype)
        Q = np.zeros((H, row), bias.dtype)
        r = np.zeros((H, row), bias.dtype)
        u = np.zeros((H, row), bias.dtype)
        total = 0
        if key is not None:
            states = streams(key, b, row)
            scratch = np.zeros(out.shape[2:], np.uint8)
        for t in range(T):
            spread(x[b, t], words[b, t], weight, sums)
            flat = sums.reshape(H + k - 1, (W + k - 1) * C_out)
            for y in range(H):
                V = flat[y + h, h * C_out : (h + W) * C_out]
                counted = end if y < rows else 0
                if lif is not None:
                    total += neuron_row(V, P[y], Q[y], r[y], u[y], bias, c, counted)
                if key is not None:
                    total += neurons(V, P[y], Q[y], r[y], u[y], bias, c, states)
                if axons is not None:
                    now = axons[t & (axons.shape[0] - 1)]
                    total += current_row(V, P[y], Q[y], r[y], u[y], now, c, counted)
            if key is not None:
                n = t - T + slopes.shape[1]
                arg = args[b, n] if n >= 0 else scratch
                if n >= 0:
                    sloped(u, slopes[b, n], c)
            for y in range(out.shape[2]):
                to = out[b, t, y].reshape(-1)
                if key is not None:
                    which = arg[y].reshape(-1)
                    pool_row(u[2 * y], u[2 * y + 1], to, which, C_out, MAX, c.threshold)
                elif pool != NONE:
                    pool_row(u[2 * y], u[2 * y + 1], to, None, C_out, pool, c.threshold)
                else:
                    for n in range(row):
                        to[n] = u[y, n] >= c.threshold
            if b < record.shape[0]:
                for y in range(H):
                    for n in range(row):
                        record[b, t, y, n] = u[y, n] if axons is None else r[y, n]
        clipped[b] = total


def convolved(
    layer: Any,
    prepared: tuple,
    x: np.ndarray,
    record: int = 0,
    key=None,
    window: int = 0,
    axons: np.ndarray | None = None,
) -> Convolved:
    """Compute a conv layer's output from events x (B, T, H, W, C).

    prepared   (weights in the order of `mirrored`, biases repeated along a row, pooling, constants)
    record     number of samples whose membranes are stored
    key        see `conv`; if given, the last `window` steps are stored for the backward pass
    axons      see `conv`
    """
    H, W, _ = layer.input_shape
    shape = layer.output_shape
    B, T = x.shape[:2]
    flat = rows_of(x)
    out = np.empty((B, T, *shape), np.uint8)
    clipped = np.zeros(B, np.int64)
    kept = np.empty((min(record, B), T, H, W * shape[2]), np.int16 if axons is None else np.int32)
    slopes = args = None
    if key is not None:
        slopes = np.empty((B, window, H, W * shape[2]), np.uint8)
        args = np.empty((B, window, *shape), np.uint8)
    lif = True if key is None and axons is None else None
    given = flat, flat.view(np.uint64), *prepared, out, clipped, kept
    parallel(conv, B, *given, lif, key, slopes, args, axons)
    membranes = kept.reshape(*kept.shape[:2], H, W, shape[2])
    return Convolved(out, membranes, int(clipped.sum()), slopes, args)


@njit(nogil=True, cache=True)
def readout(p, weight, bias, k, mode, neuron, u):
    """Compute membranes u (T, K), int64, from traces p (T, F), weights (K, F) and biases (K,); the
    biases are in the accumulator's scale. Return how many membranes were clipped.

    k        right shift from the accumulator's exponent to that of u
    mode     rounding of this shift
    neuron   an `IntegerLIF`
    """
    G = neuron.gamma
    r = np.zeros(bias.size, np.int64)
    clipped = 0
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
