"""The spiking network: what its blocks are, how a recording enters, and which passes compute it."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..layers import block as reference
from ..layers.loss import Loss
from ..layers.neuron import Dynamics
from ..layers.neurons import neuron_of
from ..layers.synapse import bias_traces
from ..parallel.arguments import array, flag, one_of, shown, whole
from ..parallel.threads import in_order
from .base import Network
from .engine import Engine, TwinEngine
from .loops import parts_of

PART_BYTES = (
    12 << 20
    # membranes of the samples that go through the kernels together, at least one; a third where
    # tapes stay
)
PART = 8  # and at most so many


class SpikingNet(Network):
    """Convolutional spiking network with a readout on the membrane (Stewart & Neftci 2022, Table 1,
    Eq. 4, 5).

    Every conv block is: 5 x 5 synapse -> LIF membrane with reset -> 2 x 2 pooling of the membrane
    -> spike. Dense LIF blocks (`hidden`, no pooling) follow, and a dense LIF readout of `ways`
    neurons, whose membranes at the last step are the logits.

    input_shape   (H, W, C) of the event counts; (features,) or an int for networks without conv
                  blocks
    channels      widths of the conv blocks, () for none
    hidden        widths of dense blocks before the readout
    ways          number of classes
    kernel        odd size of the conv kernels
    pool          "max" (Table 1) or "mean" (the authors' code)   neuron   `LIF`, `CubaLIF` or a
                  `Neuron` of your own
    window        the last `window` steps are differentiated; the states at their start are
                  constants of theta
    dtype         float32 to train, float64 to check
    detach_reset  True: no gradient through the reset
    loss          "cross_entropy" (y: (B,) labels), "squared" (y: (B, ways) targets, or labels for
                  one-hot targets) or a `Loss`
    backend       "numba" (event-driven kernels) or "numpy" (the readable reference). Default:
                  "numba", or "numpy" for a neuron or surrogate of your own that cannot be compiled;
                  a warning says which line keeps it from that

    `theta` is flat: layer by layer, weight then bias; `views` names its parts. Conv weights are (k,
    k, C_in, C_out), dense weights (H W C, K) with features flattened in (H, W, C) order. x is (B,
    T, H, W, C) event counts, or (B, T, features) where input_shape has one axis; y (B,) integer
    labels.

    spike="jet" or "smooth" with record=net.record(theta, x) computes a twin of the network: a
    smooth function whose derivatives are the network's surrogate ones. spike="hard" is the network
    itself.

    Raises ValueError for a configuration that is not possible. Its methods raise ValueError for
    theta, x or y that do not fit or are not finite, and say what was expected.

    >>> net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3, window=10)
    >>> x = np.random.default_rng(0).poisson(0.3, (2, 20, 8, 8, 2))
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> net.size, net(theta, x).shape
    (399, (2, 3))
    """

    def __init__(
        self,
        input_shape: int | Sequence[int] = (16, 32, 2),
        channels: Sequence[int] = (32, 64, 128),
        ways: int = 5,
        kernel: int = 5,
        pool: str = "max",
        neuron: Dynamics | None = None,
        window: int = 30,
        dtype: str | type | np.dtype = np.float32,
        *,
        hidden: Sequence[int] = (),
        loss: str | Loss = "cross_entropy",
        detach_reset: bool = False,
        backend: str | None = None,
    ):
        self.pool = pool
        self.window = whole("window", window)
        own: Any = neuron_of({}) if neuron is None else neuron
        self.neuron = own
        fits = isinstance(own, Dynamics) and own.fires
        if not fits:
            raise ValueError(
                "neuron must be an LIF, a CubaLIF or a minisnn.Neuron of your own, not "
                f"{shown(neuron)}"
            )
        self._configure(
            *(input_shape, channels, hidden, ways, kernel, dtype, loss),
            "numba" if backend is None else backend,
        )
        self.detach_reset = flag("detach_reset", detach_reset)
        one_of("pool", pool, ("max", "mean"))
        if self.backend == "numba" and not self.neuron.ships:
            self._try_to_compile(backend)
        if self.window < 1:
            raise ValueError(f"window must be at least one step, not {self.window}")
        self.gain: float = own.gain
        self.threshold: float = own.threshold
        self._lay_out(self.neuron.pools[pool], self.neuron, self.detach_reset)

    def _try_to_compile(self, asked: str | None) -> None:
        """Whether a neuron of the user's own can be compiled; if not, NumPy takes it."""
        from ..kernels.neuron import refusal

        found = refusal(self.neuron, self.dtype, self.detach_reset)
        if not found:
            return
        if asked == "numba":
            raise ValueError(
                f"backend numba cannot take this neuron: {found}; leave backend out, or give "
                "backend='numpy'"
            )
        warnings.warn(
            f"this neuron runs on the NumPy backend, some ten times slower: {found}", stacklevel=3
        )
        self.backend = "numpy"

    def spikes(self, theta: np.ndarray, x: np.ndarray, name: str | None = None) -> np.ndarray:
        """Output spikes of a block, after pooling: bool (B, T, H, W, C), or (B, T, C) for a dense
        block.

        name   of the block; None: the last one below the readout

        Where spikes are pooled by their mean, these means are returned. Raises ValueError for a
        block that is not there.

        >>> net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3)
        >>> x = np.random.default_rng(0).poisson(0.3, (2, 20, 8, 8, 2))
        >>> net.spikes(net.init(np.random.default_rng(0), x), x, "conv1").shape
        (2, 20, 4, 4, 4)
        """
        names = [b.name for b in self.blocks if not b.readout]
        if not names or name not in (None, *names):
            raise ValueError(
                f"name must be one of {', '.join(names) or 'no block, there is only a readout'}, "
                f"not {name!r}"
            )
        engine = self.engine()
        x = self._input(x)
        layers = self.parameters(self._vector(theta, "theta"), engine)[
            : names.index(name or names[-1]) + 1
        ]
        found: list[np.ndarray] = []

        def one(part):
            spikes = engine.enter(x[part], self.gain, self.dtype)
            for b, weight, bias in layers:
                spikes, _ = engine.forward(b, weight, bias, self.fit(b, spikes), 0)
            spikes = spikes if isinstance(spikes, np.ndarray) else spikes.dense()
            return spikes if layers[-1][0].pool == "spikes" else spikes != 0

        in_order(one, parts_of(len(x), self.inference_part), found.append)
        shape = layers[-1][0].output_shape
        return np.concatenate(found).reshape(
            *x.shape[:2], *(shape if shape[:2] != (1, 1) else shape[2:])
        )

    @property
    def silent_bias(self) -> float:
        """A bias so far below the threshold that no readout neuron fires while it learns.

        What has just fired is reset, and a small inner step moves the membrane by less than that.
        """
        return self.blocks[-1].neuron.silent_bias

    def readout_bias(self, steps: int) -> float | None:
        """As of `Network`: None for a readout of `LIF`, which is reset."""
        readout = self.blocks[-1].neuron
        return None if readout.fires else bias_traces(steps, readout)[-1]

    def engine(self) -> Engine:
        """The compiled kernels, or the readable reference."""
        if self.backend == "numpy":
            return reference
        from ..kernels import block as kernels

        return kernels

    def twin_engine(self) -> TwinEngine:
        """The readable reference, whatever computes the network itself."""
        return reference

    def _parts(self, x, second):
        sites = sum(int(np.prod(b.input_shape[:2])) * b.channels for b in self.blocks)
        size = (
            PART_BYTES
            // (3 if second else 1)
            // (min(self.window, x.shape[1]) * sites * self.dtype.itemsize)
        )
        return parts_of(len(x), min(max(size, 1), PART))

    def _input(self, x) -> np.ndarray:
        x = array("x", x)
        if x.ndim != 2 + len(self.input_shape) or x.shape[2:] != self.input_shape:
            axes = "(B, T, H, W, C)" if len(self.input_shape) == 3 else "(B, T, features)"
            raise ValueError(
                f"x must be {axes} with {self.input_shape} at each step, not {x.shape}"
            )
        return self._counts(x).reshape(*x.shape[:2], *self.blocks[0].input_shape)
