"""Blocks over one flat parameter vector: settings, and where each array lies (`theta`)."""

from inspect import signature
from typing import Any, Self

import numpy as np

from ..layers.block import Block
from ..layers.loss import LOSSES, loss_of
from ..arguments import floating, is_sequence, one_of, whole, wholes
from ..parallel.checks import NotFinite as NotFinite
from .builder import Builder
from .engine import Array as Array
from .engine import Engine, TwinEngine
from .layers import Named, configuration_of
from .neurons import neuron_of
from .theta import Parameter, Theta, parameters_of

BACKENDS = ("numba", "numpy")
MOST_LAYERS = 100
MOST_PARAMETERS = 1 << 30


def _plain(setting: Any) -> Any:
    if isinstance(setting, np.dtype):
        return setting.name
    return (
        list(setting)
        if isinstance(setting, tuple)
        else getattr(setting, "configuration", lambda: setting)()
    )


class Layout(Theta):
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

    def _lay_out(
        self, named: list[Named], neuron: Any, detach_reset: bool = False, learn: tuple = ()
    ) -> None:
        """The blocks of these layers and the readout, and where their arrays lie in theta."""
        built = Builder(self.input_shape, self.window, neuron, detach_reset, learn)
        for name, layer in named:
            built.add(name, layer)
        built.readout(self.ways)
        self.blocks = tuple(built.blocks)
        self.layout = tuple(parameters_of(self.blocks))
        self.size = self.layout[-1].slice.stop
        if self.size > MOST_PARAMETERS:
            raise ValueError(
                f"the network would have {self.size:,} parameters, expected at most "
                f"{MOST_PARAMETERS:,}"
            )
        self.learned = [p for p in self.layout if p.part in learn]

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
        if settings.get("layers"):
            settings["layers"] = [configuration_of(layer) for layer in settings["layers"]]
        found = {name: _plain(settings[name]) for name in signature(type(self)).parameters}
        return {name: a for name, a in found.items() if a or name not in ("layers", "learn")}

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
        neurons = [neuron, *(one.get("neuron", {}) for one in configuration.get("layers", ()))]
        words = [
            *(one.get("words") or one.get("surrogate") for one in neurons),
            loss if isinstance(loss, str) else loss["words"],
        ]
        return " and ".join(word for word in words if word and word not in LOSSES)

    @property
    def beyond(self) -> str:
        """In words, what of it is more than conv layers that are all alike, dense ones and a
        readout of one neuron; empty where nothing is.

        >>> ms.SpikingNet((6,), layers=[ms.Dense(5, recurrent=True)], ways=3, learn=("alpha",)).beyond
        'layers given as a list, learned constants (alpha)'
        """
        listed = "layers given as a list" if getattr(self, "layers", None) else ""
        learn = ", ".join(getattr(self, "learn", ()))
        learned = f"learned constants ({learn})" if learn else ""
        return ", ".join(word for word in (listed, learned) if word)

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
