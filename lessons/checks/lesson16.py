"""Lesson 16: what a few episodes prove."""

import numpy as np
from scipy.stats import t as student  # noqa: F401 - of the solution

from . import answer, check, close, differs, prepare, tested, wrong
from .diagnosis import solution

prepare(__name__)


@check("16.5", "The nearest class mean is a readout; no step was made.")
def means_readout(function):
    """Exercise 16.5: the nearest class mean as a readout, whatever its scale."""
    rng = np.random.default_rng(5)
    pairs = []
    for y in (np.arange(4), np.repeat(np.arange(4), 3), rng.permutation(np.arange(12) % 4)):
        p = rng.random((len(y), 6))
        q = rng.random((30, 6))
        W, b = answer("16.5", function, p, y, 4, returns=2)
        if W.shape != (6, 4) or b.shape != (4,):
            text = f"W and b have shapes {W.shape} and {b.shape}, expected (6, 4) and (4,)"
            raise wrong("16.5", f"{text}: (D, ways) and (ways,)")
        right_W, right_b = solution("16.5")(p, y, 4)
        pairs.append([_gaps(q @ W + b), _gaps(q @ right_W + right_b)])
    for found, expected in pairs:
        scale = (found * expected).sum() / (expected**2).sum()
        if scale <= 0 or not close(found / scale, expected):
            raise differs("16.5", "the logits, less those of class 0, are not right")


def _gaps(logits):
    return logits - logits[:, :1]


means_readout_tested = tested.judge("16.5t")
