import numpy as np

from minisnn.data.sets.pool import Pool

SHAPE = (7, 4, 5, 2)


def some(count=12, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    dense = (rng.poisson(0.1, (count, *shape)) * 100).clip(0, 255).astype(np.uint8)
    dense[3] = 0  # a recording without events
    labels, numbers = np.arange(count) % 3, np.arange(count) + 1
    parts = [slice(0, 5), slice(5, 6), slice(6, count)]
    return dense, Pool.collect(
        shape, ((dense[part], labels[part], numbers[part]) for part in parts)
    )


def test_dense_gives_back_what_was_collected():
    dense, pool = some()
    assert len(pool) == 12 and pool.cells.dtype == np.uint16 and pool.counts.dtype == np.uint8
    which = np.array([3, 0, 11, 5, 5, 2])
    assert np.array_equal(pool.dense(which), dense[which])
    assert pool.labels.tolist() == [0, 1, 2] * 4 and pool.numbers.tolist() == list(range(1, 13))
    assert pool.of(1).tolist() == [1, 4, 7, 10] and pool.of(9).size == 0


def test_side_by_side_joins_along_x():
    dense, pool = some()
    which = np.array([[0, 1], [2, 2], [3, 11], [7, 3]])
    joined = pool.side_by_side(which)
    assert joined.dtype == np.uint8
    assert np.array_equal(joined, np.concatenate([dense[which[:, 0]], dense[which[:, 1]]], axis=3))
    triple = pool.side_by_side(np.array([[4, 9, 1]]))
    assert np.array_equal(triple[0], np.concatenate([dense[4], dense[9], dense[1]], axis=2))
