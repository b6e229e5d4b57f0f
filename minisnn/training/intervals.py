"""Intervals that mean what they say: over the recordings that episodes share, and over few trials.

Episodes draw from one pool, so where recordings are few an interval over episodes (1.96 s / sqrt(n)) tells how well the mean
over *these recordings* is known, and not how well new recordings would do. The bootstrap here resamples recordings. With
w_r how often recording r was drawn again, the accuracy of a resample is

    theta* = theta + sum_r (w_r - 1) S_r        S_r = 1/n sum over answers i that r has part in of (right_i - theta)

which is the part of the pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1:386) that is linear in the weights.
An answer's recordings are those of the query sample and of the support of its true class. The noise of single answers counts
once for each of them, so the interval errs on the wide side where episodes are few.

Where all n answers are right, or all wrong, resampling finds no spread, which does not mean that there is none: up to 3 / n of
others cannot be excluded at 95 % (the rule of three: Hanley & Lippman-Hand 1983, JAMA 249:1743). So it is with two rules of
which no answer differs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES, LEVEL = 2000, 0.95


def ci95(values: Sequence[float]) -> float | None:
    """Over episodes: 1.96 s / sqrt(n), s the sample standard deviation; None for a single value."""
    return 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None


def rule_of_three(n: int) -> float:
    """What cannot be excluded at 95 % after n cases without one of the other kind: 3 / n, at most 1."""
    return min(3 / n, 1.0)


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


def intervals(right: np.ndarray, recordings: np.ndarray, episodes: int) -> tuple[float | None, float | None]:
    """Half the 95 % intervals over so many episodes and over recordings (None where k is 0) of the mean of all answers.

    right        (n,) booleans, or differences of two      recordings   (n, k); see `over_recordings`
    """
    known = recordings.shape[1] > 0
    if np.ptp(right := np.asarray(right, float)) == 0:
        over_episodes = rule_of_three(len(right)) if episodes > 1 else None
        return over_episodes, rule_of_three(len(np.unique(recordings[recordings >= 0]))) if known else None
    over_episodes = ci95(right.reshape(episodes, -1).mean(1).tolist())
    return over_episodes, over_recordings(right, recordings) if known else None


def over_trials(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean of a few independent values, such as training seeds: t s / sqrt(n), Student's t
    with n - 1 degrees of freedom (2.26 for 10 values, 4.30 for 3). None for a single value."""
    from scipy.stats import t

    n = len(values)
    return None if n < 2 else float(t.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1) / n**0.5)
