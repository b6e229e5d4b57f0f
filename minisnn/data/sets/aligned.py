"""Samples from recordings that are kept at the sensor's resolution: shifted by whole pixels,
cropped, downscaled, side by side.

Alignment by the support: all recordings of a task are shifted by one whole-pixel offset that brings
the mean event of its support to where it lay in meta-training. It uses no labels and no query, and
a chip can do it while it learns.

    offset = round(ANCHOR - mean over the support's events of (x, y))
    counts[t, (y + dy) // scale, (x + dx) // scale, p] += counts at (t, y, x, p)      where 0 <= x + dx, y + dy < crop
"""

import numpy as np

from ...parallel.compilation import njit
from .pool import Pool

# (x, y), pixels: the mean event of the simulated training recordings, first 100 ms
ANCHOR = (
    14.75,
    18.15,
)
MOST = 8  # pixels that a task is shifted by, at most, each way


def mean_event(pool: Pool, which: np.ndarray) -> tuple[float, float]:
    """Mean (x, y) of the events of recordings `which`, in the pool's pixels; ANCHOR where they have
    none."""
    _, height, width, channels = pool.shape
    parts = [slice(pool.start[n], pool.start[n + 1]) for n in np.ravel(which)]
    cell = np.concatenate([pool.cells[part] for part in parts]).astype(np.int64) // channels
    count = np.concatenate([pool.counts[part] for part in parts]).astype(np.int64)
    if not count.sum():
        return ANCHOR
    x = cell % width
    y = cell // width % height
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
    which = np.ascontiguousarray(which, np.int64)
    (samples, sides) = which.shape
    (steps, _, _, channels) = pool.shape
    cells = crop // scale
    out = np.zeros((samples, steps, cells, sides * cells, channels), np.uint8)
    _scatter(which, pool.cells, pool.counts, pool.start, pool.shape, *offset, crop, scale, out)
    return out


@njit(cache=True, nogil=True)
def _scatter(which, cells, counts, start, shape, dx, dy, crop, scale, out):
    _, height, width, channels = shape
    for b in range(which.shape[0]):
        for side in range(which.shape[1]):
            n = which[b, side]
            for e in range(start[n], start[n + 1]):
                cell = np.int64(cells[e])
                p = cell % channels
                pixel = cell // channels
                x = pixel % width + dx
                y = pixel // width % height + dy
                t = pixel // (width * height)
                if 0 <= x < crop and 0 <= y < crop:
                    column = side * (crop // scale) + x // scale
                    total = np.int64(out[b, t, y // scale, column, p]) + counts[e]
                    out[b, t, y // scale, column, p] = min(total, 255)
