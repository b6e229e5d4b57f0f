"""Blocks over one flat parameter vector, and what may come in.

All parameters are one vector `theta`, layer by layer, weight then bias; the network knows where
each array lies.
"""

import math
from dataclasses import dataclass
from inspect import signature
from typing import Any, Self

import numpy as np

from ..layers.block import Block
from ..layers.loss import LOSSES, loss_of
from ..layers.neurons import neuron_of
from ..parallel.arguments import array, floating, is_sequence, one_of, whole, wholes
from ..parallel.arrays import aligned
from .engine import Array as Array
from .engine import Engine, TwinEngine

BACKENDS = ("numba", "numpy")
MOST_LAYERS = 100
MOST_PARAMETERS = 1 << 30
MOST_COUNT = 1e9  # of events; far beyond any camera, and sums of so many still fit into float32


@dataclass(frozen=True)
class Parameter:
    """Where one array lies in theta."""

    name: str
    shape: tuple[int, ...]
    slice: slice


class NotFinite(ValueError):
    """Parameters, a direction, data or logits hold NaN or infinity."""


def _plain(setting: Any) -> Any:
    if isinstance(setting, np.dtype):
        return setting.name
    return (
        list(setting)
        if isinstance(setting, tuple)
        else getattr(setting, "configuration", lambda: setting)()
    )


class Layout:
    """Configuration, layout and checks of a network of conv blocks, dense blocks and a readout.

    A subclass calls `_configure` with the settings that all networks have, then `_lay_out` with the
    pooling of its blocks and what each of them does with its membrane: a neuron or an activation.
    """

    window: int  # time steps that are differentiated
    gain: float  # factor on the counts that come in
    threshold = 0.0  # of u; what initialisation holds the rate against
    input_shape: tuple[int, ...]
    blocks: tuple[Block, ...]
    layout: tuple[Parameter, ...]
    size: int
    dtype: np.dtype[Any]

    def _configure(self, input_shape, channels, hidden, ways, kernel, dtype, loss, backend) -> None:
        shape = input_shape if is_sequence(input_shape) else (whole("input_shape", input_shape),)
        self.input_shape = wholes("input_shape", shape)
        self.channels = wholes("channels", channels)
        self.hidden = wholes("hidden", hidden)
        self.ways = whole("ways", ways)
        self.kernel = whole("kernel", kernel)
        self.dtype = floating("dtype", dtype)
        self.criterion = loss_of(loss)
        self.backend = backend
        self.loss_name = self.criterion.name
        if len(self.input_shape) not in (1, 3) or min(self.input_shape) < 1:
            raise ValueError(
                f"input_shape must be (H, W, C) or (features,), positive, not {self.input_shape}"
            )
        if self.channels and len(self.input_shape) == 1:
            raise ValueError(
                f"conv channels {self.channels} need an input_shape (H, W, C), not "
                f"{self.input_shape}"
            )
        layers = len(self.channels) + len(self.hidden)
        if layers > MOST_LAYERS:
            raise ValueError(
                f"channels and hidden name {layers} layers, expected at most {MOST_LAYERS}"
            )
        for name, widths in (
            ("channels", self.channels),
            ("hidden", self.hidden),
            ("ways", (self.ways,)),
        ):
            if widths and min(widths) < 1:
                raise ValueError(f"{name} must be positive, not {widths}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and positive, not {self.kernel}")
        one_of("backend", self.backend, BACKENDS)

    def _lay_out(self, pool: str, neuron: Any, detach_reset: bool = False) -> None:
        """The blocks (conv, hidden, readout) and where their arrays lie in theta."""
        blocks, shape = [], self.input_shape
        for n, width in enumerate(self.channels, 1):
            if min(shape[:2]) < 2:
                allowed = (
                    f"input {self.input_shape} allows {n - 1} conv blocks, not {len(self.channels)}"
                )
                instead = (
                    "; a row of channels takes hidden layers, as channels=() and hidden=(64,) "
                    "(--channels none --hidden 64)"
                )
                image = f"an image of {shape[0]} x {shape[1]}"
                raise ValueError(f"conv{n} would pool {image}; {allowed}{instead * (n == 1)}")
            blocks.append(
                Block(
                    f"conv{n}",
                    (shape[0], shape[1], shape[2]),
                    width,
                    self.kernel,
                    pool,
                    neuron,
                    detach_reset,
                    window=self.window,
                )
            )
            shape = blocks[-1].output_shape
        features = math.prod(shape)
        for name, width in [(f"hidden{n}", width) for n, width in enumerate(self.hidden, 1)] + [
            ("readout", self.ways)
        ]:
            last = name == "readout"
            kind = neuron.readout if last else neuron
            dense = (1, 1, features)
            blocks.append(
                Block(name, dense, width, 1, "none", kind, detach_reset, last, self.window)
            )
            features = width
        self.blocks = tuple(blocks)
        layout = []
        at = 0
        for b in self.blocks:
            weight = b.weight_shape if b.name.startswith("conv") else b.weight_shape[2:]
            for name, shape in ((f"{b.name}.weight", weight), (f"{b.name}.bias", (b.channels,))):
                layout.append(Parameter(name, shape, slice(at, at + math.prod(shape))))
                at = layout[-1].slice.stop
        if at > MOST_PARAMETERS:
            raise ValueError(
                f"the network would have {at:,} parameters, expected at most {MOST_PARAMETERS:,}"
            )
        self.layout = tuple(layout)
        self.size = at

    def configuration(self) -> dict[str, Any]:
        """All settings that `from_configuration` needs to build this network again, in plain JSON
        types.

        A neuron or loss of your own appears in words only, and must then be given again.

        >>> settings = ms.SpikingNet((6,), (), ways=3).configuration()
        >>> settings["input_shape"], settings["ways"], settings["pool"]
        ([6], 3, 'max')
        """
        settings = {
            **vars(self),
            "loss": self.loss_name if self.loss_name in LOSSES else {"words": self.loss_name},
        }
        return {name: _plain(settings[name]) for name in signature(type(self)).parameters}

    @classmethod
    def from_configuration(cls, configuration: dict[str, Any], **changes: Any) -> Self:
        """The network of a `configuration()`; keyword arguments replace its entries.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> ms.SpikingNet.from_configuration(net.configuration(), ways=5).ways
        5
        """
        settings = {**configuration, **changes}
        if isinstance(settings.get("neuron"), dict):
            settings["neuron"] = neuron_of(settings["neuron"])
        return cls(**settings)

    @property
    def own(self) -> str:
        """In words, the parts that are objects of your own, which no file or tool can hold; empty
        where there are none."""
        configuration = self.configuration()
        neuron = configuration.get("neuron", {})
        loss = configuration["loss"]
        words = [
            neuron.get("words") or neuron.get("surrogate"),
            loss if isinstance(loss, str) else loss["words"],
        ]
        return " and ".join(word for word in words if word and word not in LOSSES)

    def like(self, **changes: Any) -> Self:
        """This network with other settings.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> net.like(dtype="float64").dtype, net.like(ways=5).ways
        (dtype('float64'), 5)
        """
        settings = {**vars(self), "loss": self.criterion, **changes}
        return type(self)(**{name: settings[name] for name in signature(type(self)).parameters})

    def __repr__(self) -> str:
        loss: Any = self.loss_name if self.loss_name in LOSSES else self.criterion
        settings = {**vars(self), "loss": loss, "dtype": self.dtype.name}
        words = ", ".join(f"{name}={settings[name]!r}" for name in signature(type(self)).parameters)
        return f"{type(self).__name__}({words}), {self.size} parameters"

    # ---- what a subclass says

    def engine(self) -> Engine:
        """What computes the passes of a block."""
        raise NotImplementedError

    def twin_engine(self) -> TwinEngine:
        """What computes those of a twin."""
        raise NotImplementedError

    def _input(self, x) -> np.ndarray:
        """x (B, n, H, W, C) as the first block's shape asks, checked."""
        raise NotImplementedError

    # ---- theta

    def views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays in theta by name; views, not copies.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> theta = np.zeros(net.size, np.float32)
        >>> net.views(theta)["readout.bias"][...] = 1
        >>> {name: array.shape for name, array in net.views(theta).items()}, float(theta.sum())
        ({'readout.weight': (6, 3), 'readout.bias': (3,)}, 3.0)
        """
        self._check_vector(theta, "theta")
        return {p.name: theta[p.slice].reshape(p.shape) for p in self.layout}

    def without_readout(self, flat: np.ndarray) -> np.ndarray:
        """A copy of a vector, flat like theta, that is zero in the readout.

        >>> net = ms.SpikingNet((6,), (), ways=3, hidden=(5,))
        >>> int(net.without_readout(np.ones(net.size)).sum()) == net.size - (5 * 3 + 3)
        True
        """
        flat = flat.copy()
        for name in ("readout.weight", "readout.bias"):
            self.views(flat)[name][...] = 0
        return flat

    @property
    def silent_bias(self) -> float:
        """The bias of a readout that does not fire: any value, where no readout neuron ever
        does."""
        return 0.0

    def with_silent_readout(self, theta: np.ndarray) -> np.ndarray:
        """A copy of theta whose readout has weights of zero and one bias for all classes,
        `silent_bias`."""
        theta = self.without_readout(theta)
        self.views(theta)["readout.bias"][...] = self.silent_bias
        return theta

    def parameters(
        self, theta: np.ndarray, engine: Engine | None = None
    ) -> list[tuple[Block, Any, np.ndarray]]:
        """(block, weight (k, k, C_in, C_out), bias) of every block, views into theta; weights
        prepared for an engine."""
        v = self.views(theta)
        prepare = engine.prepare if engine else lambda weight: weight
        return [
            (b, prepare(v[f"{b.name}.weight"].reshape(b.weight_shape)), v[f"{b.name}.bias"])
            for b in self.blocks
        ]

    @staticmethod
    def fit(b: Block, x: Any) -> Any:
        """Flatten (H, W, C) where a dense block follows."""
        return x.reshape(*x.shape[:2], *b.input_shape) if isinstance(x, np.ndarray) else x

    # ---- checks of what comes in

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
