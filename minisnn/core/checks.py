"""Checks of a network's input (theta, directions, event counts, targets) and of its output."""

from typing import Any

import numpy as np

from ..arguments import array, must

MOST_COUNT = 1e9  # most events; far beyond any camera, and their sums are still exact in float32


class NotFinite(ValueError):
    """Parameters, a direction, data or logits hold NaN or infinity."""


def check_finite(name: str, values: np.ndarray) -> None:
    """Raise `NotFinite` if an array holds NaN or infinity."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = np.count_nonzero(~np.isfinite(values))
        raise NotFinite(
            f"{name} must be finite in {values.dtype}; {count} values are NaN or infinite"
        )


class Checks:
    """The checks of a network; each raises ValueError if something does not fit."""

    size: int
    ways: int
    dtype: np.dtype[Any]
    criterion: Any  # a `bases.Loss`

    def _check_vector(self, vector, name):
        must(
            name,
            isinstance(vector, np.ndarray) and vector.shape == (self.size,),
            f"a flat array of {self.size} parameters",
            getattr(vector, "shape", type(vector).__name__),
        )

    def _vector(self, vector, name) -> np.ndarray:
        """A flat vector in the network's dtype, checked."""
        self._check_vector(vector, name)
        vector = array(name, vector)
        must(name, vector.dtype.kind in "fiu", "of real numbers", str(vector.dtype))
        with np.errstate(over="ignore"):
            vector = np.ascontiguousarray(vector, self.dtype)
        check_finite(name, vector)
        return vector

    @staticmethod
    def _counts(x: np.ndarray) -> np.ndarray:
        """Check samples: the right shape, not empty, counts of events; booleans are counts of
        one."""
        must("x", x.size, "of at least one sample and one time step", x.shape)
        x = x.view(np.uint8) if x.dtype.kind == "b" else x
        must("x", x.dtype.kind in "uif", "event counts", str(x.dtype))
        check_finite("x", x)
        if x.dtype != np.uint8:
            least, most = x.min().item(), x.max().item()
            good = 0 <= least and most <= MOST_COUNT
            must("x", good, f"event counts, 0 to {MOST_COUNT:.0e}", f"{least} to {most}")
        return x

    def _target(self, y, logits: tuple[int, ...]) -> np.ndarray:
        """Check y for the loss: in the shape of the logits if the loss takes targets or one-hot
        labels."""
        y = array("y", y)
        labels = self.ways > 1 and len(logits) == 2 or not self.criterion.one_hot
        if self.criterion.one_hot and not (labels and y.ndim == 1 and y.dtype.kind in "ui"):
            must(
                "y",
                y.dtype.kind == "f" and y.shape == logits,
                f"{'labels, or ' if labels else ''}real (floating-point) targets of shape {logits}",
                f"{y.dtype} of shape {y.shape}",
            )
            with np.errstate(over="ignore"):
                y = y.astype(self.dtype)
            check_finite("y", y)
            return y
        must(
            "y",
            y.dtype.kind in "ui" and y.shape == logits[:1],
            f"{logits[0]} integer labels",
            f"{y.dtype} of shape {y.shape}",
        )
        must(
            "y",
            y.min() >= 0 and y.max() < self.ways,
            f"labels from 0 to {self.ways - 1}",
            f"{y.min()} to {y.max()}",
        )
        return np.eye(self.ways, dtype=self.dtype)[y] if self.criterion.one_hot else y

    def _finite(self, logits: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return logits; raise `NotFinite` if they overflow."""
        if not np.isfinite(logits).all():
            raise NotFinite(
                f"the logits overflow {self.dtype}; theta reaches {np.abs(theta).max():.3g}"
            )
        return logits
