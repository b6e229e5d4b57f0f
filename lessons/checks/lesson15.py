"""Lesson 15: learning on the edge."""

import numpy as np

from minisnn.hardware.chip.errors import EXPONENTIAL as EXPONENTIAL

from . import mine, table, tested

mine.prepare(__name__)


@table(
    "15.1",
    "e",
    "A softmax without a float: a table, a sum, and a division a class.",
    whole=True,
)
def error():
    """Exercise 15.1: the softmax error in eight bits."""
    rng = np.random.default_rng(0)
    for n in range(20):
        yield rng.integers(-3000, 3000, 5), n % 5
    for label in (2, 0):
        yield np.array([32767, -32768, 0]), label
    yield np.array([-10368, -5568, 0, -640, -2688]), 0  # a share in the middle of two units


@table("15.2", "W", "One comparison, one addition, one shift, and a clip.", whole=True)
def update():
    """Exercise 15.2: the thresholded update with noise."""
    rng = np.random.default_rng(1)
    for k, least, high, size in ((6, 40, 127, 300), (9, 0, 7, 2000), (4, 15, 1, 60)):
        W, G = rng.integers(-high - 1, high + 1, (20, 3)), rng.integers(-size, size + 1, (20, 3))
        G.flat[:4] = least, -least, least + 1, -least - 1
        yield W, G, k, least, rng.integers(0, 2**k, (20, 3)), high


@table("15.3", "written gated lost", "Three counts that add up to all synapses.")
def tally():
    """Exercise 15.3: written, gated, lost."""
    rng, least = np.random.default_rng(2), 30
    before, G = rng.integers(-3, 4, (9, 4)), rng.integers(-90, 91, (9, 4))
    G[0] = 30, -30, 31, -31
    moves = (np.abs(G) > least) & (rng.random(G.shape) < 0.6)
    after = before + np.where(moves, -np.sign(G) * rng.integers(1, 4, G.shape), 0)
    yield before, after, G, least


update_tested = tested.judge("15.2t")
