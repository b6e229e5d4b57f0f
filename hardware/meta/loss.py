"""The cross-entropy of the nearest class mean, backward, in integers.

With features p (t fraction bits) of the support and query samples, n_k shots of class k, and a scale
of 2^s:

    c_k = floor((sum p + n_k / 2) / n_k)                     D_bk = sum (p_b - c_k)^2
    e_b = softmax(-2^s D_b) - onehot(y_b)                     by the table of `chip.errors`
    dp_b = -sum_k e_bk (p_b - c_k)      dc_k = sum_b e_bk (p_b - c_k)      dp_i = dc_k / n_k for i in class k

as in `minisnn.meta.prototypes`, up to a common factor, on which the updates do not depend.
"""

import numpy as np

from ..chip.errors import EXPONENTIAL
from ..chip.formats import shift
from .words import MetaWords, feature_bits


def means(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (class means (ways, F), shots (ways,)), rounded to nearest. Raises ValueError for a
    class without a sample."""
    n = np.bincount(y)
    if not n.all():
        raise ValueError(f"every class needs a sample, found {n.tolist()} per class")
    c = np.zeros((len(n), p.shape[1]), np.int64)
    np.add.at(c, y, p)
    return (c + n[:, None] // 2) // n[:, None], n


def distances(p: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return the squared distances D (Q, ways) between query features and class means."""
    return ((p[:, None] - c) ** 2).sum(2)


def gradient(p: np.ndarray, support, query, words: MetaWords, log2_scale: int) -> np.ndarray:
    """Return the adjoints dp (S + Q, F) of the features p (S + Q, F), in sums of 32 bits: first
    those of the support, then those of the query samples. `support` and `query` are labels."""
    of, asked = np.split(p.astype(np.int64), [len(support)])
    c, n = means(of, support)
    D = distances(asked, c)
    bits = feature_bits(words, p.shape[1])
    place = shift(D - D.min(1, keepdims=True), 2 * bits - 4 - log2_scale, 0, 0)
    z = np.where(place < 256, EXPONENTIAL[np.minimum(place, 255)], 0)
    total = z.sum(1, keepdims=True)
    e = ((z << words.error + 1) + total) // (2 * total)
    e[np.arange(len(query)), query] -= 1 << words.error
    dp = -(e.sum(1)[:, None] * asked - e @ c)
    dc = e.T @ asked - e.sum(0)[:, None] * c
    dc = (dc + n[:, None] // 2) // n[:, None]
    return np.concatenate([dc[support], dp])
