"""The shipped digits."""

import numpy as np

from minisnn.data.sets.digits import load_digits
from minisnn.data.store.shipped import shipped


def test_five_hundred_of_each_class():
    digits = load_digits()
    assert (
        len(digits) == 5000
        and digits.images.shape == (5000, 28, 28)
        and digits.images.dtype == np.uint8
    )
    assert np.bincount(digits.labels).tolist() == [500] * 10
    assert (
        np.unique(digits.numbers).size == 5000
        and digits.numbers.min() >= 1
        and digits.numbers.max() <= 60_000
    )
    assert np.array_equal(np.lexsort((digits.numbers, digits.labels)), np.arange(5000))
    assert shipped("mnist_digits_5k.npz").stat().st_size < 2_000_000
