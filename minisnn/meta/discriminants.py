"""Fisher's linear discriminants: axes along which class means are compared.

With p (N, F) the features of samples of K classes, c_k the mean of the n_k samples of class k, and
c that of all c_k,

    S_w = sum_i (p_i - c_(y_i)) (p_i - c_(y_i))^T / (N - K)
    S_b = sum_k (c_k - c) (c_k - c)^T / (K - 1) - S_w mean(1 / n_k)

measure how samples of a class differ, and how classes differ, corrected for the noise of their
means. The axes are the d vectors a with the largest

    a^T S_b a / a^T (S_w + lambda t I) a,        t = tr(S_w) / F

(Fisher 1936; for many classes Rao 1948; lambda is a ridge as in Friedman 1989). They are the
columns of A (F, d). Distances between class means of p A then give the least weight to directions
in which samples of one class differ. A also works for classes to which it was not fitted.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.linalg import eigh

from ..core.dual import Array
from ..arguments import array, must, number as finite, whole

RIDGE = 3.0  # lambda: 1, 3 and 10 were tried on validation characters of Omniglot
BITS = 11  # bits of mantissa that are kept; the order of summation affects only lower ones


class Scatter:
    """Computes S_w and S_b from features that are added in parts."""

    def __init__(self) -> None:
        self.origin: Array | None = None  # subtracted, so that squares lose no digits
        self.squares: Array = np.zeros(())
        # each class's number of samples, and the sum of their features
        self.classes: dict[Hashable, tuple[int, Array]] = {}

    def add(self, p: Array, names: Sequence | Array) -> None:
        """Add the features (N, F) of some samples, together with their class names (N,)."""
        p = p.astype(np.float64)
        if self.origin is None:
            self.origin = p.mean(0)
        p -= self.origin
        known, y = np.unique(names, return_inverse=True)
        for name, n, total in zip(known.tolist(), np.bincount(y), np.eye(len(known))[y].T @ p):
            samples, before = self.classes.get(name, (0, 0.0))
            self.classes[name] = samples + int(n), before + total
        self.squares = self.squares + p.T @ p

    def axes(self, number: int, ridge: float = RIDGE) -> Array:
        """Return A (F, number), scaled to keep the spread within classes: tr(A^T S_w A) = tr(S_w).
        Raises ValueError for too few samples."""
        whole("axes", number, 1)
        must("ridge", finite("ridge", ridge) > 0, "a positive number", ridge)
        counts = np.array([n for n, _ in self.classes.values()])
        samples, classes = int(counts.sum()), len(counts)
        must(
            "the samples for axes",
            samples > classes > 1,
            "two classes or more, two samples of one",
            f"{samples} samples of {classes} classes",
        )
        means = np.array([total for _, total in self.classes.values()]) / counts[:, None]
        features = means.shape[1]
        most = min(features, classes - 1)
        must(
            "axes",
            number <= most,
            f"at most {most}, of {features} features and {classes} classes",
            number,
        )
        within = (self.squares - (means * counts[:, None]).T @ means) / (samples - classes)
        spread = np.trace(within)
        if not spread > 1e-12 * np.trace(self.squares):
            raise ValueError(
                "axes need a class whose samples differ; in every class here, all samples have "
                "the same features"
            )
        away = means - means.mean(0)
        between = away.T @ away / (classes - 1) - within * (1 / counts).mean()
        wide = within.copy()
        wide[np.diag_indices(features)] += ridge * spread / features
        found = eigh(between, wide, subset_by_index=(features - number, features - 1))[1][:, ::-1]
        found = found * np.sign(found[np.abs(found).argmax(0), np.arange(number)])
        along = np.einsum("fd,fd->", found, within @ found)
        if not along > 1e-12 * spread * np.square(found).sum():
            raise ValueError(
                f"samples of a class do not differ along the best {number} axes; give more "
                "samples or ask for more axes"
            )
        return rounded(found * np.sqrt(spread / along))


def rounded(a: Array) -> Array:
    """Round `a` to a mantissa of `BITS` bits."""
    mantissa, exponent = np.frexp(a)
    return np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS)


def fisher_axes(p: Array, y: Array, axes: int, ridge: float = RIDGE) -> Array:
    """Return the axes (F, axes), float64, that best separate the classes y (N,) of features p (N,
    F).

    ridge   lambda: share of the mean spread within a class that is added along every axis, against
            overfitting to few samples

    Raises ValueError for fewer than two classes, if no class has two samples, and for more axes
    than features, or than classes minus one.

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> p = rng.normal(size=(100, 2)) * [9, 1] + 3 * y[:, None] * [0, 1]
    >>> axes = ms.fisher_axes(p, y, axes=1, ridge=0.01)
    >>> bool(abs(axes[1, 0]) > 5 * abs(axes[0, 0]))
    True
    """
    p, y = array("p", p), array("y", y)
    must(
        "p",
        p.ndim == 2 and y.shape == p.shape[:1] and p.dtype.kind in "fiu",
        "real (samples, features), and y (samples,)",
        f"{p.dtype} {p.shape}, y {y.shape}",
    )
    must("p", np.isfinite(p).all(), "finite", "NaN or infinite in places")
    scatter = Scatter()
    scatter.add(p, y)
    return scatter.axes(axes, ridge)
