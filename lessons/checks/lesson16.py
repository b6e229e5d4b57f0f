"""Lesson 16: what a few episodes prove."""

import numpy as np
from scipy.stats import t as student  # noqa: F401 - of the solution

from . import answer, check, close, differs, mine, table, tested, wrong
from .diagnosis import solution

mine.prepare(__name__)


@table("16.1", "low high", "All right of 90 is not 100 %, and the interval says so.")
def interval():
    """Exercise 16.1: what a count of right answers can show."""
    yield from ((90, 90), (60, 90), (3, 20), (0, 15))


@table("16.2", "low high", "What both share cancels in each task.")
def paired():
    """Exercise 16.2: the interval of a difference over the same tasks."""
    rng = np.random.default_rng(7)
    for N in (6, 15):
        hard = rng.random(N)
        yield hard + 0.05 * rng.random(N), hard + 0.05 * rng.random(N) - 0.02


@table("16.3", "classes", "Whoever learns must beat this.")
def nearest():
    """Exercise 16.3: the nearest support sample."""
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 4, (12, 20, 3, 4, 2)).astype(np.uint8), np.array([2, 0, 1, 2, 0, 1])
    s = x[:6] * np.arange(1, 7, dtype=np.uint8)[:, None, None, None, None]
    yield s, y, np.concatenate([x[6:] * np.uint8(3), s[::-1][:, rng.permutation(20)]])
    rates = rng.random((6, 1, 3, 4, 2))  # single events: only their number tells the samples apart
    few, other = ((rng.random((6, 60, 3, 4, 2)) < rates).astype(np.uint8) for _ in range(2))
    yield few, y, other
    # samples that differ in one axis only: mirrored along it
    one = rng.integers(0, 4, (20, 3, 4, 2)).astype(np.uint8)
    s = np.array([one, one[:, ::-1], one[:, :, ::-1], one[..., ::-1]])
    yield s, np.arange(4), s[:, rng.permutation(20)]
    # a difference of 4 in one place is farther than one of 1 in each of five, though less in all
    far, near, none = np.zeros((3, 1, 20, 3, 4, 2), np.uint8)
    far[0, :4, 0, 0, 0] = 1
    near[0, 5, 0, :, 0] = near[0, 6, 1, 0, 0] = 1
    yield np.concatenate([far, near]), np.array([4, 2]), none


@table("16.4", "x y", "Where the camera stood matters no more.")
def centred():
    """Exercise 16.4: events, brought to the middle."""
    rng = np.random.default_rng(5)  # no mean is half a pixel off: either side were right
    for side in (16, 34, 7):
        x = np.minimum(rng.geometric(4 / side, 41) - 1, side - 1)  # most of them at one side
        yield x, side - 1 - np.minimum(rng.geometric(3 / side, 41) - 1, side - 1), side


@check("16.5", "The nearest class mean is a readout; no step was made.")
def means_readout(function):
    """Exercise 16.5: the nearest class mean as a readout, whatever its scale."""
    rng, pairs = np.random.default_rng(5), []
    for y in (np.arange(4), np.repeat(np.arange(4), 3), rng.permutation(np.arange(12) % 4)):
        p, q = rng.random((len(y), 6)), rng.random((30, 6))
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
