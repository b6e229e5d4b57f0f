"""The cross-entropy of the nearest class mean, backward, in integers.

With features p (t fraction bits) of the support and query samples, n_k shots of class k, and a scale
of 2^s:

    c_k = floor((sum p + n_k / 2) / n_k)                     D_bk = sum (p_b - c_k)^2
    e_b = softmax(-2^s D_b) - onehot(y_b)                     by the table of `chip.errors`
    dp_b = -sum_k e_bk (p_b - c_k)      dc_k = sum_b e_bk (p_b - c_k)      dp_i = dc_k / n_k for i in class k

as in `minisnn.meta.prototypes`, but for a factor that all of them share: what comes of a gradient
here does not depend on its size.
"""

from typing import NamedTuple

import numpy as np

from ..chip.errors import EXPONENTIAL
from ..chip.formats import shift
from .words import MetaWords, feature_bits


class Loss(NamedTuple):
    """dp of the support, then of the query samples, in sums of 32 bits; distances D (Q, ways)."""

    dp: np.ndarray
    distances: np.ndarray


def means(p: np.ndarray, y: np.ndarray, ways: int) -> tuple[np.ndarray, np.ndarray]:
    """(class means (ways, F), shots (ways,)), rounded to nearest. ValueError for a class without a
    sample."""
    n = np.bincount(y, minlength=ways)
    if len(n) > ways or not n.all():
        raise ValueError(
            f"labels must lie in 0..{ways - 1} and every class have a sample, found {n.tolist()} a class"
        )
    c = np.zeros((ways, p.shape[1]), np.int64)
    np.add.at(c, y, p)
    return (c + n[:, None] // 2) // n[:, None], n


def distances(p: np.ndarray, c: np.ndarray) -> np.ndarray:
    """D (Q, ways) of features and class means."""
    return ((p[:, None] - c) ** 2).sum(2)


def errors(D: np.ndarray, y: np.ndarray, words: MetaWords, features: int, log2_scale: int):
    """e (Q, ways) with `words.error` fraction bits."""
    t = feature_bits(words, features)
    apart = D - D.min(1, keepdims=True)
    place = shift(apart, 2 * t - 4 - log2_scale, 0, 0)
    z = np.where(place < 256, EXPONENTIAL[np.minimum(place, 255)], 0)
    total = z.sum(1, keepdims=True)
    e = ((z << words.error + 1) + total) // (2 * total)
    e[np.arange(len(y)), y] -= 1 << words.error
    return e


def gradient(p: np.ndarray, support, query, words: MetaWords, log2_scale: int) -> Loss:
    """The loss of features p (S + Q, F), labels of the support and of the query."""
    ways = int(support.max()) + 1
    of, asked = p[: len(support)].astype(np.int64), p[len(support) :].astype(np.int64)
    c, n = means(of, support, ways)
    D = distances(asked, c)
    e = errors(D, query, words, p.shape[1], log2_scale)
    dp = -(e.sum(1)[:, None] * asked - e @ c)
    dc = e.T @ asked - e.sum(0)[:, None] * c
    dc = (dc + n[:, None] // 2) // n[:, None]
    return Loss(np.concatenate([dc[support], dp]), D)
