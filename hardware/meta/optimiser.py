"""The outer optimiser in integers: the sign of a momentum (Chen et al. 2023, Lion), steps rounded
stochastically.

For every array (a layer's weights, its biases), with G its gradient and k such that the largest
|G| 2^-k has n - 2 bits and a sign:

    g = G 2^-k                       rounded stochastically
    c = 7 m + g                      w <- w - sign(c) d,    d the step, rounded stochastically
    m <- m + (g - m) / 64            rounded stochastically

m has n bits, as large as g's. The step has 16 fraction bits, so it may be shorter than a weight's last
place: then a weight moves by one place as often as its mean asks.
"""

import numpy as np

from minisnn.parallel.compilation import njit

from ..chip.formats import STOCHASTIC, noise_of, shift, xorshift32


def normal_shift(G: np.ndarray, bits: int) -> int:
    """k that leaves the largest |G| `bits` - 2 bits and a sign, to the right or to the left."""
    return int(np.abs(G).max(initial=0)).bit_length() - (bits - 2)


@njit(nogil=True, cache=True)
def descend(w, G, m, k, step, low, high, state, counts):
    """w and m (flat) an update on, in place; counts += (moved, clipped). Returns the random state."""
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
