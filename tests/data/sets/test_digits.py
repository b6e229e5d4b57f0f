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


def test_the_first_zero_of_mnist():
    """MNIST's training set begins 5 0 4 1 9 2 1 3 1 4: its second picture is the first zero, its
    first a five."""
    digits = load_digits()
    first = {
        int(number): int(label)
        for number, label in zip(digits.numbers, digits.labels)
        if number <= 60
    }
    mnist = [5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7, 2, 8, 6, 9]
    assert first and all(
        mnist[number - 1] == label for number, label in first.items() if number <= len(mnist)
    )
    assert digits.numbers[0] == 2 and digits.labels[0] == 0


def test_numbers_agree_with_the_table():
    table = np.loadtxt(shipped("mnist5k_numbers.csv"), delimiter=",", dtype=int)
    assert np.array_equal(np.sort(table[:, 1]), np.sort(load_digits().numbers))


def test_ink_is_bright_on_a_dark_ground():
    images = load_digits().images
    assert images[:, 0].max() < images.max() == 255 and 0.1 < images.mean() / 255 < 0.16
