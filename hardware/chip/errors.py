"""Three ways to compute the readout's error e, in Q0.7 (int8), from its membranes u and the label.

    softmax     e_k = round(128 z_k / sum z) - 128 [k = y],  z_k = 2^15 exp(-(max u - u_k)) by a table, 256 entries 1/16 apart
    target      e_k = clip(u_k, 0, 1) - [k = y]
    ternary     sign of the softmax's e where |e| exceeds a threshold, else 0 (error-triggered learning, Payvand et al. 2020)

An error of 128 saturates to 127. A softmax's errors sum to zero, except for rounding.
"""

import numpy as np

from minisnn.parallel.compilation import njit

SOFTMAX, TARGET, TERNARY = range(3)
ERRORS = {"softmax": SOFTMAX, "target": TARGET, "ternary": TERNARY}
# the exponential at the midpoints of the table's intervals
EXPONENTIAL = np.array([round(2**15 * np.exp(-(n + 0.5) / 16)) for n in range(256)], np.int64)
TRIGGER = 32  # threshold of ternary errors, a quarter of 128


@njit(nogil=True, cache=True)
def error(u, label, kind, e):
    """Compute the readout error e (K,), in place, from the membranes u (K,) in Q5.10 and the label;
    `kind` is a value from ERRORS."""
    if kind == TARGET:
        for k in range(u.size):
            e[k] = min((min(max(u[k], 0), 1024) >> 3) - (128 if k == label else 0), 127)
        return
    top, total = u[0], 0
    for k in range(u.size):
        top = max(top, u[k])
    for k in range(u.size):
        place = (top - u[k]) >> 6
        e[k] = EXPONENTIAL[place] if place < 256 else 0
        total += e[k]
    for k in range(u.size):
        e[k] = min((256 * e[k] + total) // (2 * total) - (128 if k == label else 0), 127)
        if kind == TERNARY:
            e[k] = 0 if abs(e[k]) <= TRIGGER else (127 if e[k] > 0 else -127)
