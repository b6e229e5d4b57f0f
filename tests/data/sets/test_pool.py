import numpy as np

from minisnn.data.sets.pool import Pool

SHAPE = (7, 4, 5, 2)


def some(count=12, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    dense = (rng.poisson(0.1, (count, *shape)) * 100).clip(0, 255).astype(np.uint8)
    dense[3] = 0  # a recording without events
    labels = np.arange(count) % 3
    numbers = np.arange(count) + 1
    parts = [slice(0, 5), slice(5, 6), slice(6, count)]
    return dense, Pool.collect(
        shape, ((dense[part], labels[part], numbers[part]) for part in parts)
    )


def test_side_by_side_joins_along_x():
    dense, pool = some()
    which = np.array([[0, 1], [2, 2], [3, 11], [7, 3]])
    joined = pool.side_by_side(which)
    assert joined.dtype == np.uint8
    assert np.array_equal(joined, np.concatenate([dense[which[:, 0]], dense[which[:, 1]]], axis=3))
    triple = pool.side_by_side(np.array([[4, 9, 1]]))
    assert np.array_equal(triple[0], np.concatenate([dense[4], dense[9], dense[1]], axis=2))
