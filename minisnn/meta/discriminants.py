"""Axes along which class means are compared: Fisher's linear discriminants.

With p (N, F) the features of samples of K classes, c_k the mean of class k and c that of all c_k,

    S_w = sum_i (p_i - c_(y_i)) (p_i - c_(y_i))^T / (N - K)         how samples of a class differ
    S_b = sum_k (c_k - c) (c_k - c)^T / (K - 1)                     how classes do

The axes a are those d for which

    a^T S_b a / a^T (S_w + lambda t I) a,        t = tr(S_w) / F

is largest (Fisher 1936; of many classes Rao 1948; lambda is a ridge as of Friedman 1989), columns
of A (F, d). Nearest class means of p A then weigh least what differs within a class anyway. The
classes that are told apart later need not be among those that A was fitted to.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from ..network.base import Array
from ..parallel import arguments

RIDGE = 3.0  # lambda: 1, 3 and 10 were tried on validation characters of Omniglot
BITS = 11  # of a number's mantissa: fewer than a matrix product of more threads may change


class Scatter:
    """S_w and S_b of features that come in parts; each part has all samples of its classes."""

    def __init__(self) -> None:
        self.samples = 0
        self.within: Array = np.zeros(())
        self.means: list[Array] = []

    def add(self, p: Array, y: Array) -> None:
        """Features (N, F) of samples of classes y (N,)."""
        p = p.astype(np.float64)
        classes, y = np.unique(y, return_inverse=True)
        counts = np.bincount(y)[:, None]
        means = (np.eye(len(classes))[y].T @ p) / counts
        apart = p - means[y]
        self.within = self.within + apart.T @ apart
        self.samples += len(y)
        self.means.append(means)

    def axes(self, number: int, ridge: float = RIDGE) -> Array:
        """A (F, number), scaled so that samples of a class differ as much along all axes as they
        did: tr(A^T S_w A) = tr(S_w). Raises ValueError where there are too few samples."""
        means = np.concatenate(self.means)
        features = means.shape[1]
        arguments.whole("axes", number, 1)
        if number > features:
            raise ValueError(
                f"axes must be at most the network's {features} features, not {number}"
            )
        freedom = self.samples - len(means)
        if freedom < 1 or len(means) < 2:
            raise ValueError(
                f"axes need two classes or more and two samples of one, found {self.samples} "
                f"samples of {len(means)} classes"
            )
        within = self.within / freedom
        spread = np.trace(within)
        if spread == 0:
            raise ValueError("axes need samples whose features differ; those given do not")
        away = means - means.mean(0)
        between = away.T @ away / (len(means) - 1)
        wide = within + ridge * spread / features * np.eye(features)
        found = eigh(between, wide, subset_by_index=(features - number, features - 1))[1][:, ::-1]
        found = found * np.sign(found[np.abs(found).argmax(0), np.arange(number)])
        return rounded(found * np.sqrt(spread / np.trace(found.T @ within @ found)))


def rounded(a: Array) -> Array:
    """Its numbers in `BITS` bits."""
    mantissa, exponent = np.frexp(a)
    return np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS)


def fisher_axes(p: Array, y: Array, axes: int, ridge: float = RIDGE) -> Array:
    """The axes (F, axes), float64, that tell the classes y (N,) of features p (N, F) best apart.

    ridge   lambda: how much of the mean spread within a class is added along every axis, so that
            few samples do not promise too much

    Raises ValueError for fewer than two classes, where no class has two samples, and for more axes
    than features.

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> p = rng.normal(size=(100, 2)) * [9, 1] + 3 * y[:, None] * [0, 1]
    >>> axes = ms.fisher_axes(p, y, axes=1, ridge=0.01)
    >>> bool(abs(axes[1, 0]) > 5 * abs(axes[0, 0]))
    True
    """
    p = arguments.array("p", p)
    y = arguments.array("y", y)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise ValueError(
            f"p must be (samples, features) and y (samples,), found {p.shape} and {y.shape}"
        )
    scatter = Scatter()
    scatter.add(p, y)
    return scatter.axes(axes, ridge)
