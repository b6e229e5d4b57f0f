"""What may come into a network: theta and directions, event counts, targets; and what may leave it."""

from typing import Any

import numpy as np

from ..arguments import array
from .arrays import aligned

MOST_COUNT = 1e9  # of events; far beyond any camera, and sums of so many still fit into float32


class NotFinite(ValueError):
    """Parameters, a direction, data or logits hold NaN or infinity."""


class Checks:
    """The checks of a network; ValueError where something does not fit it."""

    size: int
    ways: int
    dtype: np.dtype[Any]
    criterion: Any  # a `core.loss.Loss`

    def _check_vector(self, vector, name):
        if not isinstance(vector, np.ndarray) or vector.shape != (self.size,):
            found = getattr(vector, "shape", type(vector).__name__)
            raise ValueError(f"{name} must be a flat array of {self.size} parameters, not {found}")

    def _vector(self, vector, name) -> np.ndarray:
        """A flat vector in the network's dtype, checked, where kernels take views of it as they
        are."""
        self._check_vector(vector, name)
        vector = array(name, vector)
        if vector.dtype.kind not in "fiu":
            raise ValueError(f"{name} must hold real numbers, not {vector.dtype}")
        with np.errstate(over="ignore"):
            vector = aligned(np.ascontiguousarray(vector, self.dtype))
        if not np.isfinite(vector).all():
            count = int((~np.isfinite(vector)).sum())
            raise NotFinite(
                f"{name} must be finite in {self.dtype}; {count} values are NaN or infinite"
            )
        return vector

    @staticmethod
    def _counts(x: np.ndarray) -> np.ndarray:
        """Samples of the right shape, checked: not empty, counts of events; booleans are counts of
        one."""
        if len(x) == 0 or x.shape[1] == 0:
            raise ValueError(f"x must hold at least one sample and one time step, not {x.shape}")
        x = x.view(np.uint8) if x.dtype.kind == "b" else x
        if x.dtype.kind not in "uif":
            raise ValueError(f"x must hold numbers (event counts), not {x.dtype}")
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise NotFinite(
                f"x must be finite; {int((~np.isfinite(x)).sum())} values are NaN or infinite"
            )
        if x.dtype.kind != "u" and x.min() < 0:
            raise ValueError(f"x must hold event counts, 0 or more, not {x.min()}")
        if x.dtype != np.uint8 and float(x.max()) > MOST_COUNT:
            raise ValueError(
                f"x must hold event counts of at most {MOST_COUNT:.0e}, not {x.max():.3g}"
            )
        return x

    def _target(self, y, batch) -> np.ndarray:
        y = array("y", y)
        labels = y.ndim == 1 and y.dtype.kind in "ui"
        if self.criterion.one_hot and not labels:
            if y.dtype.kind not in "buif" or y.ndim not in (1, 2):
                raise ValueError(
                    f"y must be labels or real targets ({batch}, {self.ways}), not {y.dtype} of "
                    f"shape {y.shape}"
                )
            with np.errstate(over="ignore"):
                y = y.astype(self.dtype).reshape(len(y), -1)
            if y.shape != (batch, self.ways) or not np.isfinite(y).all():
                raise ValueError(
                    f"y must be finite targets of shape ({batch}, {self.ways}), not {y.shape}"
                )
            return y
        if not labels or len(y) != batch:
            raise ValueError(f"y must be {batch} integer labels, not {y.dtype} of shape {y.shape}")
        if y.min() < 0 or y.max() >= self.ways:
            raise ValueError(f"labels must lie in 0..{self.ways - 1}, found {y.min()}..{y.max()}")
        return np.eye(self.ways, dtype=self.dtype)[y] if self.criterion.one_hot else y

    def _finite(self, logits: np.ndarray, theta: np.ndarray) -> np.ndarray:
        if not np.isfinite(logits).all():
            raise NotFinite(
                f"the logits overflow {self.dtype}; theta reaches {np.abs(theta).max():.3g}"
            )
        return logits
