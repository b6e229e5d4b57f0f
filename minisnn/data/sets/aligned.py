"""Samples from recordings that are kept at the sensor's resolution: shifted by whole pixels,
cropped, downscaled, side by side.

Alignment by the support: all recordings of a task are shifted by one whole-pixel offset that brings
the mean event of its support to where it lay in meta-training. It uses no labels and no query, and
a chip can do it while it learns.

    offset = round(ANCHOR - mean over the support's events of (x, y))
    counts[t, (y + dy) // scale, (x + dx) // scale, p] += counts at (t, y, x, p)      where 0 <= x + dx, y + dy < crop
"""

import numpy as np

from ..readers.events import SATURATION
from .pool import Pool

# (x, y), pixels: the mean event of the simulated training recordings, first 100 ms
ANCHOR = (14.75, 18.15)
MOST = 8  # pixels that a task is shifted by, at most, each way


def mean_event(pool: Pool, which: np.ndarray) -> tuple[float, float]:
    """Mean (x, y) of the events of recordings `which`, in the pool's pixels; ANCHOR where they have
    none."""
    found = [pool.events_of(n) for n in np.ravel(which)]
    _, y, x, _ = np.unravel_index(np.concatenate([cells for cells, _ in found]), pool.shape)
    count = np.concatenate([counts for _, counts in found]).astype(np.int64)
    if not count.sum():
        return ANCHOR
    return float((x * count).sum() / count.sum()), float((y * count).sum() / count.sum())


def offset_of(pool: Pool, support: np.ndarray) -> tuple[int, int]:
    """(dx, dy) that aligns a task by the recordings of its support."""
    x, y = mean_event(pool, support)
    dx, dy = (int(np.clip(round(to - at), -MOST, MOST)) for to, at in zip(ANCHOR, (x, y)))
    return dx, dy


def side_by_side(
    pool: Pool, which: np.ndarray, offset: tuple[int, int], crop: int, scale: int
) -> np.ndarray:
    """Counts of recordings `which` (B, S), left to right: uint8 (B, T, crop/scale, S·crop/scale,
    C), at most 255 each."""
    samples, sides = which.shape
    steps, _, _, channels = pool.shape
    cells = crop // scale
    shape = (steps, cells, sides * cells, channels)
    out = np.zeros((samples, int(np.prod(shape))), np.uint16)
    for sample, side in np.ndindex(which.shape):
        cell, count = pool.events_of(int(which[sample, side]))
        t, y, x, p = np.unravel_index(cell, pool.shape)
        x, y = x + offset[0], y + offset[1]
        seen = (0 <= x) & (x < crop) & (0 <= y) & (y < crop)
        place = np.ravel_multi_index((t, y // scale, side * cells + x // scale, p), shape, "clip")
        np.add.at(out[sample], place[seen], count[seen])
    return np.minimum(out, SATURATION).astype(np.uint8).reshape(samples, *shape)
