"""What every network of this library has in common: blocks over one flat parameter vector, and what may come in.

All parameters are one vector `theta`, layer by layer, weight then bias; the network knows where each array lies.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..layers.block import Block
from ..layers.loss import LOSSES
from ..layers.neuron import LIF

BACKENDS = ("numba", "numpy")
MOST_LAYERS, MOST_PARAMETERS = 100, 1 << 30


def parts_of(batch: int, size: int) -> list[slice]:
    """Slices of nearly equal length, `size` at most."""
    edges = np.linspace(0, batch, -(-batch // size) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in zip(edges, edges[1:])]


@dataclass(frozen=True)
class Parameter:
    """Where one array lies in theta."""

    name: str
    shape: tuple[int, ...]
    slice: slice


class NotFinite(ValueError):
    """Parameters, a direction or data hold NaN or infinity."""


def one_of(name: str, found: Any, known: tuple[str, ...]) -> None:
    """ValueError where a setting is none of those known."""
    if found not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {found!r}")


class FlatNetwork:
    """Configuration, layout and checks of a network of conv blocks, dense blocks and a readout.

    A subclass calls `_configure`, then gives `blocks` (of `_build`) to `_lay_out`.
    """

    def _configure(
        self,
        input_shape: int | Sequence[int],
        channels: Sequence[int],
        hidden: Sequence[int],
        ways: int,
        kernel: int,
        dtype: str | type | np.dtype,
        loss: str,
        backend: str,
    ) -> None:
        self.input_shape = tuple(int(n) for n in np.atleast_1d(input_shape))
        self.channels, self.hidden = tuple(int(n) for n in channels), tuple(int(n) for n in hidden)
        self.ways, self.kernel = int(ways), int(kernel)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.loss_name, self.backend = loss, backend
        if len(self.input_shape) not in (1, 3) or min(self.input_shape) < 1:
            raise ValueError(f"input_shape must be (H, W, C) or (features,), positive, not {self.input_shape}")
        if self.channels and len(self.input_shape) == 1:
            raise ValueError(f"conv channels {self.channels} need an input_shape (H, W, C), not {self.input_shape}")
        if len(self.channels) + len(self.hidden) > MOST_LAYERS:
            raise ValueError(
                f"channels and hidden name {len(self.channels) + len(self.hidden)} layers, expected at most {MOST_LAYERS}"
            )
        for name, widths in (("channels", self.channels), ("hidden", self.hidden), ("ways", (self.ways,))):
            if widths and min(widths) < 1:
                raise ValueError(f"{name} must be positive, not {widths}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and positive, not {self.kernel}")
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, not {self.dtype}")
        one_of("loss", self.loss_name, tuple(LOSSES))
        one_of("backend", self.backend, BACKENDS)

    def _build(self, pool: str, neuron: LIF | None = None, detach_reset: bool = False) -> tuple[Block, ...]:
        """Conv blocks, hidden blocks and readout."""
        blocks, shape = [], self.input_shape
        for n, width in enumerate(self.channels, 1):
            if min(shape[:2]) < 2:
                raise ValueError(
                    f"conv{n} would pool an image of {shape[0]} x {shape[1]}; "
                    f"input {self.input_shape} allows {n - 1} conv blocks, not {len(self.channels)}"
                )
            blocks.append(Block(f"conv{n}", (shape[0], shape[1], shape[2]), width, self.kernel, pool, neuron, detach_reset))
            shape = blocks[-1].output_shape
        features = math.prod(shape)
        widths = [(f"hidden{n}", width) for n, width in enumerate(self.hidden, 1)] + [("readout", self.ways)]
        for name, width in widths:
            blocks.append(Block(name, (1, 1, features), width, 1, "none", neuron, detach_reset, readout=name == "readout"))
            features = width
        return tuple(blocks)

    def _lay_out(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks
        layout, at = [], 0
        for b in self.blocks:
            weight = b.weight_shape if b.name.startswith("conv") else b.weight_shape[2:]
            for name, shape in ((f"{b.name}.weight", weight), (f"{b.name}.bias", (b.channels,))):
                layout.append(Parameter(name, shape, slice(at, at + math.prod(shape))))
                at = layout[-1].slice.stop
        if at > MOST_PARAMETERS:
            raise ValueError(f"the network would have {at:,} parameters, expected at most {MOST_PARAMETERS:,}")
        self.layout: tuple[Parameter, ...] = tuple(layout)
        self.size = self.layout[-1].slice.stop

    def views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Named views into theta (no copies): `views(theta)["conv1.weight"]`."""
        self._check_vector(theta, "theta")
        return {p.name: theta[p.slice].reshape(p.shape) for p in self.layout}

    # ---- checks of what comes in ---------------------------------------------------------------------------------

    def _check_vector(self, vector, name):
        if not isinstance(vector, np.ndarray) or vector.shape != (self.size,):
            raise ValueError(
                f"{name} must be a flat array of {self.size} parameters, not {getattr(vector, 'shape', type(vector).__name__)}"
            )

    def _vector(self, vector, name) -> np.ndarray:
        """A flat vector in the network's dtype, checked."""
        self._check_vector(vector, name)
        vector = np.ascontiguousarray(vector, self.dtype)
        if not np.isfinite(vector).all():
            raise NotFinite(f"{name} must be finite; {int((~np.isfinite(vector)).sum())} values are NaN or infinite")
        return vector

    @staticmethod
    def _check_numbers(x: np.ndarray) -> None:
        """Samples of the right shape: not empty, numbers, finite."""
        if len(x) == 0 or x.shape[1] == 0:
            raise ValueError(f"x must hold at least one sample and one time step, not {x.shape}")
        if x.dtype.kind not in "uif":
            raise ValueError(f"x must hold numbers (event counts), not {x.dtype}")
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise NotFinite(f"x must be finite; {int((~np.isfinite(x)).sum())} values are NaN or infinite")

    def _target(self, y, batch) -> np.ndarray:
        y = np.asarray(y)
        labels = y.ndim == 1 and y.dtype.kind in "ui"
        if self.loss_name == "squared" and not labels:
            y = y.astype(self.dtype).reshape(len(y), -1)
            if y.shape != (batch, self.ways) or not np.isfinite(y).all():
                raise ValueError(f"y must be finite targets of shape ({batch}, {self.ways}), not {y.shape}")
            return y
        if not labels or len(y) != batch:
            raise ValueError(f"y must be {batch} integer labels, not {y.dtype} of shape {y.shape}")
        if y.min() < 0 or y.max() >= self.ways:
            raise ValueError(f"labels must lie in 0..{self.ways - 1}, found {y.min()}..{y.max()}")
        return np.eye(self.ways, dtype=self.dtype)[y] if self.loss_name == "squared" else y
