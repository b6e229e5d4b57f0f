"""Products of many rows with a few columns, summed in one fixed order: the same bits for any number of threads.

The readable twins are `rows @ weight.T` and `d.T @ rows`, for which BLAS splits the sums by threads.
"""

import numpy as np

from ..parallel.compilation import njit

_SUMS = {"contract", "reassoc", "nsz"}  # a sum may be split over the lanes of a vector


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _times(rows, weight, out):
    n_four, zero = len(rows) - len(rows) % 4, rows.dtype.type(0)
    for n in range(0, n_four, 4):  # four at a time: a weight is loaded once for them
        for k in range(len(weight)):
            a = b = c = d = zero
            for f in range(rows.shape[1]):
                w = weight[k, f]
                a += w * rows[n, f]
                b += w * rows[n + 1, f]
                c += w * rows[n + 2, f]
                d += w * rows[n + 3, f]
            out[n, k], out[n + 1, k], out[n + 2, k], out[n + 3, k] = a, b, c, d
    for n in range(n_four, len(rows)):
        for k in range(len(weight)):
            a = zero
            for f in range(rows.shape[1]):
                a += weight[k, f] * rows[n, f]
            out[n, k] = a


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def _add_outer(rows, d, out):
    n_four = len(rows) - len(rows) % 4
    for n in range(0, n_four, 4):
        for k in range(len(out)):
            a, b, c, e = d[n, k], d[n + 1, k], d[n + 2, k], d[n + 3, k]
            for f in range(rows.shape[1]):
                out[k, f] += a * rows[n, f] + b * rows[n + 1, f] + c * rows[n + 2, f] + e * rows[n + 3, f]
    for n in range(n_four, len(rows)):
        for k in range(len(out)):
            for f in range(rows.shape[1]):
                out[k, f] += d[n, k] * rows[n, f]


def times(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """rows (N, F) times weight (K, F): (N, K)."""
    out = np.zeros((len(rows), len(weight)), rows.dtype)
    _times(rows, weight, out)
    return out


def outer_sum(rows: np.ndarray, d: np.ndarray) -> np.ndarray:
    """sum_n d_n rows_n^T of rows (N, F) and d (N, K): (K, F)."""
    out = np.zeros((d.shape[1], rows.shape[1]), rows.dtype)
    _add_outer(rows, d, out)
    return out
