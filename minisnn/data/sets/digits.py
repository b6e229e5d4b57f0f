"""The 5,000 MNIST digits that travel with the package (LeCun, Cortes & Burges; CC BY-SA 3.0; see
data/README.md)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...files import check_archive
from ..store.shipped import shipped

MOST_BYTES = 1 << 30  # that a file of them unpacks to


@dataclass(frozen=True)
class Digits:
    """Pictures of handwritten digits, sorted by label and number.

    images: uint8 (N, 28, 28), 255 = ink.  labels: uint8 (N,), 0-9. numbers: int64 (N,), place in
    MNIST's training set counted from 1, which is the file number of N-MNIST's recording.
    """

    images: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.images)
        if (
            self.images.shape != (count, 28, 28)
            or self.labels.shape != (count,)
            or self.numbers.shape != (count,)
        ):
            raise ValueError(
                f"images {self.images.shape}, labels {self.labels.shape} and numbers "
                f"{self.numbers.shape} do not fit; expected (N, 28, 28), (N,) and (N,)"
            )

    def __len__(self) -> int:
        return len(self.images)


def load_digits(path: str | Path | None = None) -> Digits:
    """Read the shipped digits (500 of each), or a file of the same form.

    Raises ValueError, naming the file, where it is not such an archive; nothing in the file is ever
    executed.
    """
    path = shipped("mnist_digits_5k.npz") if path is None else Path(path)
    try:
        check_archive(path, "digits", MOST_BYTES)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("images", "labels", "numbers")}
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path}: not readable as an archive of images, labels and numbers ({error})"
        ) from error
    for array in arrays.values():
        array.setflags(write=False)
    return Digits(arrays["images"], arrays["labels"], arrays["numbers"].astype(np.int64))
