"""Kernels of meta-training in numba: a conv layer backward through time, in integers.

States and adjoints are int16, sums and products int32; `words` proves that they fit.
`tests/plain_meta.py` computes the same in plain Python integers. The forward pass is the chip's
(`chip.kernels.conv`) in words of 16 bits (`chip.stochastic`).
"""

import numpy as np

from minisnn.parallel.compilation import njit

from ..chip.formats import STOCHASTIC, noise_of, shift, xorshift32
from ..chip.stochastic import advance, leak, stream, streams


@njit(nogil=True, error_model="numpy", inner=True)
def filters(du, N, Pd, Qd, c, states, low, high, slopes):
    """Propagate a row of neurons one step backward, on flat arrays. du (int32) holds the adjoint of
    the spikes, and then that of u; N, Pd, Qd are the adjoints of r, P and Q. Return how many were
    clipped.

        du = (du + N) sigma'                      N <- G N - (4096 - G) rho du
        Qd <- B Qd + (4096 - B) Pd               Pd <- A Pd + (4096 - A) du
    """
    clipped = np.int32(0)
    fraction = c.fraction & 31
    for n in range(du.size):
        state = advance(states[n])
        states[n] = state
        for_u = np.int32(state & np.uint32(255))
        for_p = np.int32(np.uint32(state >> np.uint32(8)) & np.uint32(4095))
        for_q = np.int32(state >> np.uint32(20))
        back = np.int32(N[n])
        p = np.int32(Pd[n])
        x = np.int32(np.int32(du[n] + back) * np.int32(slopes[n]))
        x = np.int32(np.int32(x + for_u) >> np.int32(8))
        y = min(max(x, low), high)
        clipped += np.int32(x != y)
        du[n] = y
        reset = np.int32(np.int32(c.rho * y) >> fraction)
        x = leak(back, np.int32(-reset), c.gamma, np.int32(2048))
        z = min(max(x, low), high)
        clipped += np.int32(x != z)
        N[n] = z
        Qd[n] = leak(Qd[n], p, c.beta, for_q)
        Pd[n] = leak(p, y, c.alpha, for_p)
    return clipped


@njit(nogil=True, cache=True)
def gather(x, words, dV, G):
    """Add weight gradients to G (C_in, k, k C), which is mirrored: each event in x (H, W C_in) adds
    the dV of every site that it reached. dV (H + k - 1, (W + k - 1) C) has a border of zeros."""
    C_in, k, row = G.shape
    C = row // k
    for h in range(x.shape[0]):
        for word in range(words.shape[1]):
            if words[h, word] == 0:
                continue
            for i in range(word * 8, word * 8 + 8):
                n = np.int32(x[h, i])
                if n == 0:
                    continue
                w = i // C_in
                for j in range(k):
                    of = dV[h + j, w * C : w * C + row]
                    to = G[i - w * C_in, j]
                    for m in range(row):
                        to[m] += n * np.int32(of[m])


@njit(nogil=True, cache=True)
def spread_back(dV, weight, sums):
    """Compute sums (H + k - 1, (W + k - 1) C_in) = weight^T dV, whose border is not used, from dV
    (H, W, C) and weight (C, k, k C_in)."""
    H, W, C = dV.shape
    k, row = weight.shape[1:]
    C_in = row // k
    sums[:] = 0
    for h in range(H):
        for w in range(W):
            for d in range(C):
                n = np.int32(dV[h, w, d])
                if n == 0:
                    continue
                for i in range(k):
                    to = sums[h + i, w * C_in : w * C_in + row]
                    by = weight[d, i]
                    for m in range(row):
                        to[m] += n * by[m]


@njit(nogil=True, cache=True)
def words_of(sums, k, ends, out, state, seen):
    """Compute out = sums 2^-k, rounded stochastically and clipped, on flat arrays. Update seen: its
    first entry is the largest absolute value so far, its second the number clipped. Return the
    random state."""
    for n in range(sums.size):
        state = xorshift32(state)
        x = shift(np.int64(sums[n]), k, STOCHASTIC, noise_of(state, k))
        y = min(max(x, ends[0]), ends[1])
        seen[0] = max(seen[0], abs(y))
        seen[1] += x != y
        out[n] = y
    return state


@njit(nogil=True, inner=True)
def route(dy, arg, du):
    """Copy the adjoints dy (H', W', C) to du (H, W, C), at the position of the largest of each 2 x
    2 membranes; the others are 0."""
    du[:] = 0
    for h in range(dy.shape[0]):
        for w in range(dy.shape[1]):
            for d in range(dy.shape[2]):
                n = arg[h, w, d]
                du[2 * h + n // 2, 2 * w + n % 2, d] = dy[h, w, d]


@njit(nogil=True, cache=True)
def backward(
    start, stop, x, words, weight, slopes, args, dy, c, key, ends, below, G, Gb, dx, seen, clipped
):
    """Propagate samples start .. stop backward through a layer. This computes each sample's
    gradients G (B, C_in, k, k C), mirrored, and Gb (B, C), and, unless dx is empty, the adjoints dx
    (B, window, H, W, C_in) of the layer's input.

    weight is (C, k, k C_in). dy (B, window, H', W', C) are the adjoints of the layer's spikes.
    `ends` are the limits of this layer's adjoints; below = (low, high, shift) applies to dx. seen (B, 2)
    receives the largest absolute value in dx, and how many of its numbers were clipped. Steps
    before the window have no adjoints of their own, but filtered adjoints from later steps reach their
    events.
    """
    T, H = x.shape[1:3]
    window = slopes.shape[1]
    row = slopes.shape[3]
    C, k = weight.shape[:2]
    C_in = weight.shape[2] // k
    W = row // C
    half = k // 2
    first = T - window
    low = np.int32(ends[0])
    high = np.int32(ends[1])
    sums = np.zeros((H + k - 1, (W + k - 1) * C_in), np.int32)
    for b in range(start, stop):
        states = streams(key, b, row)
        state = stream(key[0], key[1], key[2] + 8, b)
        du = np.zeros((H, W, C), np.int32)
        N = np.zeros((H, row), np.int16)
        Pd = np.zeros((H, row), np.int16)
        Qd = np.zeros((H + k - 1, W + k - 1, C), np.int16)
        flat = Qd.reshape(H + k - 1, -1)
        none = np.zeros(row, np.uint8)
        total = 0
        for t in range(T - 1, -1, -1):
            gather(x[b, t], words[b, t], flat, G[b])
            inside = t >= first
            if inside and dx.shape[0]:
                spread_back(Qd[half : half + H, half : half + W], weight, sums)
                for h in range(H):
                    of = sums[h + half, half * C_in : (half + W) * C_in]
                    to = dx[b, t - first, h].reshape(-1)
                    state = words_of(of, below[2], below, to, state, seen[b])
            if inside:
                route(dy[b, t - first], args[b, t - first], du)
            else:
                du[:] = 0
            for h in range(H):
                slope = slopes[b, t - first, h] if inside else none
                of = flat[h + half, half * C : half * C + row]
                line = du[h].reshape(-1)
                total += filters(line, N[h], Pd[h], of, c, states, low, high, slope)
                if inside:
                    for n in range(row):
                        Gb[b, n % C] += line[n]
        clipped[b] = total


@njit(nogil=True, cache=True)
def gathered(parts, k, state):
    """Sum parts (B, n) over samples, each multiplied by 2^-k and rounded stochastically. Return
    (sums, random state)."""
    out = np.zeros(parts.shape[1], np.int64)
    for b in range(parts.shape[0]):
        for n in range(out.size):
            state = xorshift32(state)
            out[n] += shift(np.int64(parts[b, n]), k, STOCHASTIC, noise_of(state, k))
    return out, state


# ---- the outer optimiser


def normal_shift(G: np.ndarray, bits: int) -> int:
    """Return the shift, to the right if positive, after which the largest |G| has `bits` - 2 bits
    and a sign."""
    return int(np.abs(G).max(initial=0)).bit_length() - (bits - 2)


@njit(nogil=True, cache=True)
def descend(w, G, m, k, step, low, high, state, counts):
    """Update the weights w and their momentum m (flat) in place, and add the numbers of weights
    (moved, clipped) to `counts`. Return the random state.

    The update is the sign of a momentum (Chen et al. 2023, Lion), with stochastically rounded steps.
    With G an array's gradient and k from `normal_shift`,

        g = G 2^-k                       rounded stochastically
        c = 7 m + g                      w <- w - sign(c) d,    d the step, rounded stochastically
        m <- m + (g - m) / 64            rounded stochastically

    m has n bits, like g. The step has 16 fraction bits, so it may be smaller than a weight's last
    place: then a weight moves by one place with the probability that gives the right mean.
    """
    for i in range(w.size):
        state = xorshift32(state)
        g = shift(np.int64(G[i]), k, STOCHASTIC, noise_of(state, k))
        old = np.int64(m[i])
        c = 7 * old + g
        state = xorshift32(state)
        d = (step + (state & 0xFFFF)) >> 16
        m[i] = (63 * old + g + (state >> 26)) >> 6
        x = np.int64(w[i]) - (d if c > 0 else (-d if c < 0 else 0))
        y = min(max(x, low), high)
        counts[0] += y != w[i]
        counts[1] += x != y
        w[i] = y
    return state
