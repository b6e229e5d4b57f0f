"""The 5,000 MNIST digits bundled with the package (LeCun, Cortes & Burges; CC BY-SA 3.0; see
data/README.md)."""

from dataclasses import dataclass

import numpy as np

from ..store.shipped import shipped


@dataclass(frozen=True)
class Digits:
    """Pictures of handwritten digits, sorted by label and number.

    images    uint8 (N, 28, 28), 255 = ink
    labels    uint8 (N,), 0-9
    numbers   int64 (N,), position in MNIST's training set counted from 1, which is also the number
              of N-MNIST's file
    """

    images: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def load_digits() -> Digits:
    """Read the bundled digits, 500 of each class, pictures of 28 x 28 pixels.

    >>> ms.load_digits().images.shape
    (5000, 28, 28)
    """
    with np.load(shipped("mnist_digits_5k.npz"), allow_pickle=False) as archive:
        return Digits(archive["images"], archive["labels"], archive["numbers"].astype(np.int64))
