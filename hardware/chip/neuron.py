"""The neuron in integers: membrane, reset and surrogate derivative (Stewart & Neftci 2022, Eq. 4,
5).

    i_t = round((P_t + bias) 2^-k)              to the scale of u by the layer's exponent
    u_t = sat16(i_t - ((rho r_t) >> 12))        s_t = 1 if u_t >= threshold else 0
    r_{t+1} = (G r_t + (4096 - G) 4096 s_t) >> 12

    quantity            format                          range
    A, B, G             u12, 12 fraction bits           0 .. 4095
    u                   Q5.10, 16 bits, saturating      -32 .. 31.999
    threshold, rho      Q5.10                           as u
    r                   uQ1.12                          0 .. 4096, as the presynaptic traces
    sigma'              uQ0.8                           0 .. 255

The surrogate derivative 1 / (1 + kappa |a|)^2 needs no division: 1 + kappa |a| is 2^n m with m in
[1, 2); 1 / m^2 comes from a table of 16 entries at the midpoints of intervals of m, and is shifted
by 2 n.
"""

from typing import NamedTuple

import numpy as np

from minisnn.parallel.compilation import njit

from .formats import ends, whole
from .traces import factor

U = 10  # fraction bits of u, a word of 16 bits
# 1 / m^2 in Q0.8
RECIPROCAL = np.array([round(256 / (1 + (n + 0.5) / 16) ** 2) for n in range(16)], np.int64)


class IntegerLIF(NamedTuple):
    """The neuron's constants as integers, in the formats that the kernels use.

    alpha, beta, gamma   decays in 4096ths
    rho, threshold       in units of u
    slope                kappa with 4 fraction bits
    """

    alpha: int
    beta: int
    gamma: int
    rho: int
    threshold: int
    slope: int = 160

    @classmethod
    def of(cls, neuron) -> "IntegerLIF":
        """Return the constants nearest to those of a `minisnn.LIF`. Raises ValueError if rho or the
        threshold does not fit u's format."""
        decays = factor(neuron.alpha), factor(neuron.beta), factor(neuron.gamma)
        scales = dict(rho=1 << U, threshold=1 << U, slope=16)
        rest = {n: int(np.floor(scale * getattr(neuron, n) + 0.5)) for n, scale in scales.items()}
        whole(*ends(16), **rest)
        return cls(*decays, **rest)


@njit(nogil=True, cache=True)
def surrogate(u, threshold, slope):
    """Return the surrogate derivative sigma'(u) in uQ0.8, 0 .. 255. u and threshold are in Q5.10;
    slope has 4 fraction bits."""
    x = (1 << 14) + abs(u - threshold) * slope  # 1 + kappa |a| with 14 fraction bits
    n = 0
    while x >> (n + 15):
        n += 1
    y = RECIPROCAL[(x >> (n + 10)) & 15]
    if n == 0:
        return min(y, 255)
    return (y + (1 << (2 * n - 1))) >> (2 * n) if n < 16 else 0
