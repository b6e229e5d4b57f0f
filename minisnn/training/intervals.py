"""Intervals that mean what they say: over the recordings that episodes share, and over few trials.

Episodes draw from one pool, so where recordings are few an interval over episodes (1.96 s / sqrt(n)) tells how well the mean
over *these recordings* is known, and not how well new recordings would do. The bootstrap here resamples recordings. With
w_r how often recording r was drawn again, the accuracy of a resample is

    theta* = theta + sum_r (w_r - 1) S_r        S_r = 1/n sum over answers i that r has part in of (right_i - theta)

which is the part of the pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1:386) that is linear in the weights.
An answer's recordings are those of the query sample and of the support of its true class. The noise of single answers counts
once for each of them, so the interval errs on the wide side where episodes are few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES, LEVEL = 2000, 0.95


def ci95(values: Sequence[float]) -> float | None:
    """Over episodes: 1.96 s / sqrt(n), s the sample standard deviation; None for a single value."""
    return 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None


def over_recordings(right: np.ndarray, recordings: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Half the 95 % interval of the mean of `right` (n,), clustered by recordings (n, k): those that an answer rests on.

    right        booleans or numbers, one an answer           recordings   whole numbers; -1 stands for none
    Raises ValueError for shapes that do not fit or no answers.
    """
    right, recordings = np.asarray(right, float), np.asarray(recordings)
    if right.ndim != 1 or not len(right) or recordings.ndim != 2 or len(recordings) != len(right):
        raise ValueError(f"right has shape {right.shape}, recordings {recordings.shape}; expected (n,) and (n, k), n above 0")
    present = recordings >= 0
    _, place = np.unique(recordings[present], return_inverse=True)
    share = np.bincount(place, np.broadcast_to((right - right.mean())[:, None], present.shape)[present]) / len(right)
    n = len(share)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    low, high = np.quantile((weights - 1) @ share, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(high - low) / 2


def over_trials(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean of a few independent values, such as training seeds: t s / sqrt(n), Student's t
    with n - 1 degrees of freedom (2.26 for 10 values, 4.30 for 3). None for a single value."""
    from scipy.stats import t

    n = len(values)
    return None if n < 2 else float(t.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1) / n**0.5)
