"""The spiking network and its settings."""

import warnings
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..arguments import flag, must, one_of, texts, whole, wholes
from ..core.architecture import Conv, Dense, firing, listed, odd, short_form
from ..core.dual import Array
from ..core.loops import parts_of
from ..core.bases import Loss
from ..core.network import Network, each
from ..core.neuron import LIF, Dynamics
from ..core.architecture import check_readout

CHANNELS = (32, 64, 128)  # widths of Table 1
KERNEL = 5


class SpikingNet(Network):
    """A convolutional spiking network whose logits are read from the readout's membranes (Stewart &
    Neftci 2022, Table 1, Eq. 4, 5).

    Every conv block is: 5 x 5 synapse -> LIF membrane with reset -> 2 x 2 pooling of the membrane
    -> spike. Dense LIF blocks (`hidden`, no pooling) follow, and a dense LIF readout of `ways`
    neurons, whose membranes at the last step are the logits (see `readout`).

    input_shape   (H, W, C) of the event counts; (features,) or an int for networks without conv
                  blocks
    channels      widths of the conv blocks, () for none; without layers (32, 64, 128)
    hidden        widths of dense blocks before the readout
    ways          number of classes
    layers        a list of `Conv` and `Dense` in place of channels, hidden, kernel and pool: each
                  with its own kernel, stride, pooling, recurrence and neuron
    learn         names of neuron constants to learn, one number per layer (none in the readout):
                  "alpha", "beta", for `LIF` also "gamma", or those in `learnable` of a custom
                  `Neuron`
    kernel        odd size of the conv kernels
    pool          "max" (Table 1) or "mean" (the authors' code)
    neuron        `LIF`, `CubaLIF` or a custom `Neuron`
    window        number of last steps that are differentiated; the state at their start counts as a
                  constant
    dtype         float32 to train, float64 to check
    detach_reset  True: no gradient through the reset
    loss          "cross_entropy" (y: (B,) labels), "squared" (y: targets in the shape of the logits,
                  or labels for one-hot targets) or a `Loss`
    readout       how the logits are made from the readout's membranes in the window: "last", the
                  last one (as in the paper), their "mean", the "count" of the readout's spikes
                  divided by the number of steps, or all "steps", (B, n, ways)
    backend       "numba" (event-driven kernels) or "numpy" (the readable reference). Default:
                  "numba", or "numpy" for a custom neuron or surrogate that cannot be compiled; a
                  warning names the line that prevents it

    `theta` is flat: layer by layer, weight, bias, recurrent weights (K, K), learned constants
    (decays as logits: alpha = 1 / (1 + exp(-a))); `views` names its parts. Conv weights are (k, k,
    C_in, C_out), dense weights (H W C, K) with features flattened in (H, W, C) order. x is (B, T,
    H, W, C) event counts, or (B, T, features) where input_shape has one axis; y (B,) integer
    labels.

    spike="jet" or "smooth" with record=net.record(theta, x) computes a twin of the network: a
    smooth function whose derivatives are the network's surrogate ones. spike="hard" is the network
    itself.

    Raises ValueError for impossible settings. Methods raise ValueError for theta, x or y that do
    not fit or are not finite.

    >>> net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3, window=10)
    >>> x = np.random.default_rng(0).poisson(0.3, (2, 20, 8, 8, 2))
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> net.size, net(theta, x).shape
    (399, (2, 3))

    A recurrent layer, its time constants learned:

    >>> net = ms.SpikingNet((8,), layers=[ms.Dense(5, recurrent=True)], ways=3, learn=("alpha",))
    >>> [p.name for p in net.layout]
    ['dense1.weight', 'dense1.bias', 'dense1.recurrent', 'dense1.alpha', 'readout.weight', 'readout.bias']
    """

    def __init__(
        self,
        input_shape: int | Sequence[int] = (16, 32, 2),
        channels: Sequence[int] | None = None,
        ways: int = 5,
        kernel: int = KERNEL,
        pool: str = "max",
        neuron: Dynamics | None = None,
        window: int = 30,
        dtype: str | type | np.dtype = np.float32,
        *,
        layers: Sequence[Conv | Dense] | None = None,
        hidden: Sequence[int] = (),
        learn: Sequence[str] = (),
        loss: str | Loss = "cross_entropy",
        readout: str = "last",
        detach_reset: bool = False,
        backend: str | None = None,
    ):
        self.pool = pool
        self.window = whole("window", window, 1)
        self.neuron = firing("neuron", LIF() if neuron is None else neuron)
        usual = CHANNELS if layers is None else ()
        self.channels = wholes("channels", usual if channels is None else channels)
        self.hidden = wholes("hidden", hidden)
        self.kernel = odd("kernel", kernel)
        self.detach_reset = flag("detach_reset", detach_reset)
        one_of("pool", pool, ("max", "mean"))
        learn = (learn,) if isinstance(learn, str) else learn
        self.learn = tuple(dict.fromkeys(texts("learn", learn)))
        named = short_form(self.channels, self.hidden, self.kernel, pool)
        self.layers: tuple[Conv | Dense, ...] | None = None
        if layers is not None:
            short = self.channels, self.hidden, self.kernel, pool
            what = "left out where layers are given, each with its own"
            must("channels, hidden, kernel and pool", short == ((), (), KERNEL, "max"), what, short)
            named = listed(layers)
            self.layers = tuple(layer for _, layer in named)
        self.gain: float = self.neuron.gain
        self.threshold: float = self.neuron.threshold
        how: dict[str, Any] = dict(learn=self.learn, detach_reset=self.detach_reset)
        common = ways, dtype, loss, backend or "numba", self.neuron
        self._configure(input_shape, named, *common, **how)
        self.readout = check_readout(readout, self.criterion, self.blocks[-1].neuron)
        if self.backend == "numba":
            self._try_to_compile(backend)

    def spikes(self, theta: Array, x: Array, name: str | None = None) -> Array:
        """Return the output spikes of a block, after pooling: bool (B, T, H, W, C), or (B, T, C)
        for a dense block.

        name   name of the block; None: the last one below the readout

        For mean pooling of spikes, returns the means. Raises ValueError for an unknown name.

        >>> net = ms.SpikingNet((8, 8, 2), channels=(4,), ways=3)
        >>> x = np.random.default_rng(0).poisson(0.3, (2, 20, 8, 8, 2))
        >>> net.spikes(net.init(np.random.default_rng(0), x), x, "conv1").shape
        (2, 20, 4, 4, 4)
        """
        names = [layer.name for layer in self.blocks[:-1]]
        if not names or name not in (None, *names):
            raise ValueError(
                f"name must be one of {', '.join(names) or 'no block, there is only a readout'}, "
                f"not {name!r}"
            )
        at = names.index(name or names[-1])
        layer = self.blocks[at]
        theta, x, _ = self._taken(theta, x)
        engine = self._engine(theta, backs=0)

        def of_part(part: slice) -> Array:
            y = next(islice(engine.outputs(x[part]), at, None))
            return y if layer.pool == "spikes" else y != 0

        spikes = np.concatenate(each(of_part, parts_of(len(x), self.inference_part)))
        shape = layer.output_shape[2:] if layer.dense else layer.output_shape
        return spikes.reshape(*x.shape[:2], *shape)

    def _kernels(self) -> Any:
        from numba import config

        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return super()._kernels()
        from ..kernels.network import Engine

        return Engine

    def _try_to_compile(self, asked: str | None) -> None:
        """Switch to the backend "numpy", with a warning, if one of the neurons cannot be
        compiled."""
        reason = ""
        for neuron in [b.neuron for b in self.blocks if b.neuron.fires and not b.neuron.ships]:
            from ..kernels.neuron import refusal

            reason = reason or refusal(neuron, self.dtype, self.detach_reset, self.learn)
        if reason and asked == "numba":
            raise ValueError(
                f"backend numba does not support this neuron: {reason}; leave backend out, or give "
                "backend='numpy'"
            )
        if reason:
            slower = f"this neuron runs on the NumPy backend, some ten times slower: {reason}"
            warnings.warn(slower, stacklevel=3)
            self.backend = "numpy"
