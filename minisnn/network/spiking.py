"""The spiking network: its settings, and how a recording enters."""

import warnings
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..arguments import array, flag, is_sequence, one_of, shown, whole, wholes
from ..parallel.threads import in_order
from ..core.architecture import Conv, Dense, firing, listed, odd, short_form
from ..core.dual import Array
from ..core.loss import Loss
from ..core.network import Network, parts_of
from ..core.neuron import LIF, Dynamics

# membranes of the samples that go through the layers together, at least one; a third for H v
PART_BYTES = 12 << 20
PART = 8  # and at most so many
CHANNELS = (32, 64, 128)  # of Table 1
KERNEL = 5


def _names(learn: Any) -> tuple[str, ...]:
    """Names of constants to be learned, checked as far as no layer is asked."""
    names = tuple(learn) if is_sequence(learn) else (learn,)
    if any(not isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(
            f'learn must name constants of the neuron, each once, as ("alpha", "beta"), not '
            f"{shown(learn)}"
        )
    return names


class SpikingNet(Network):
    """Convolutional spiking network with a readout on the membrane (Stewart & Neftci 2022, Table 1,
    Eq. 4, 5).

    Every conv block is: 5 x 5 synapse -> LIF membrane with reset -> 2 x 2 pooling of the membrane
    -> spike. Dense LIF blocks (`hidden`, no pooling) follow, and a dense LIF readout of `ways`
    neurons, whose membranes at the last step are the logits.

    input_shape   (H, W, C) of the event counts; (features,) or an int for networks without conv
                  blocks
    channels      widths of the conv blocks, () for none; without layers (32, 64, 128)
    hidden        widths of dense blocks before the readout
    ways          number of classes
    layers        a list of `Conv` and `Dense` in place of channels, hidden, kernel and pool: each
                  with its own kernel, stride, pooling, recurrence and neuron
    learn         names of the neuron's constants that are learned, one number a layer (the readout
                  has none): "alpha", "beta" and of `LIF` "gamma", or what a `Neuron` of your own
                  has as `learnable`
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

    `theta` is flat: layer by layer, weight, bias, recurrent weights (K, K), learned constants (decays
    as logits: alpha = 1 / (1 + exp(-a))); `views` names its parts. Conv weights are (k, k, C_in,
    C_out), dense weights (H W C, K) with features flattened in (H, W, C) order. x is (B,
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
        self.learn = _names(learn)
        named = short_form(self.channels, self.hidden, self.kernel, pool)
        self.layers: tuple[Conv | Dense, ...] | None = None
        if layers is not None:
            self._refuse_short_form()
            named = listed(layers)
            self.layers = tuple(layer for _, layer in named)
        self.gain: float = self.neuron.gain
        self.threshold: float = self.neuron.threshold
        how = self.neuron, self.detach_reset, self.learn
        self._configure(input_shape, named, ways, dtype, loss, backend or "numba", *how)
        if self.backend == "numba":
            self._try_to_compile(backend)

    def _refuse_short_form(self) -> None:
        """ValueError where layers are given, and something of the form that they replace."""
        given = dict(channels=self.channels, hidden=self.hidden, kernel=self.kernel, pool=self.pool)
        for name, usual in dict(channels=(), hidden=(), kernel=KERNEL, pool="max").items():
            if given[name] != usual:
                raise ValueError(
                    f"layers are given, so {name}={given[name]!r} has no effect; leave it out, or "
                    "give it to each layer"
                )

    def spikes(self, theta: Array, x: Array, name: str | None = None) -> Array:
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
        names = [layer.name for layer in self.blocks[:-1]]
        if not names or name not in (None, *names):
            raise ValueError(
                f"name must be one of {', '.join(names) or 'no block, there is only a readout'}, "
                f"not {name!r}"
            )
        at = names.index(name or names[-1])
        layer = self.blocks[at]
        theta, x, _ = self._taken(theta, x)
        outputs = self._outputs(theta)
        parts: list[Array] = []

        def of_part(part: slice) -> Array:
            y = next(islice(outputs(x[part]), at, None))
            y = y if isinstance(y, np.ndarray) else y.dense()
            return y if layer.pool == "spikes" else y != 0

        in_order(of_part, parts_of(len(x), self.inference_part), parts.append)
        shape = layer.output_shape[2:] if layer.dense else layer.output_shape
        return np.concatenate(parts).reshape(*x.shape[:2], *shape)

    def _compiled(self, theta: Array, spike: str) -> Any:
        if self.backend == "numpy" or spike != "hard":
            return None
        from numba import config

        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return None
        from ..kernels.network import Loops

        return Loops(self, theta)

    def _try_to_compile(self, asked: str | None) -> None:
        """Whether the kernels can take each layer; if not, NumPy takes the network."""
        own = [b.neuron for b in self.blocks if b.neuron.fires and not b.neuron.ships]
        if not own:
            return
        from ..kernels.neuron import refusal

        found = [refusal(neuron, self.dtype, self.detach_reset, self.learn) for neuron in own]
        reason = next(filter(None, found), "")
        if reason and asked == "numba":
            raise ValueError(
                f"backend numba cannot take this neuron: {reason}; leave backend out, or give "
                "backend='numpy'"
            )
        if reason:
            slower = f"this neuron runs on the NumPy backend, some ten times slower: {reason}"
            warnings.warn(slower, stacklevel=3)
            self.backend = "numpy"

    def _parts(self, x: Array, second: bool) -> list[slice]:
        sites = sum(int(np.prod(layer.sites)) * layer.channels for layer in self.blocks)
        of_sample = min(self.window, x.shape[1]) * sites * self.dtype.itemsize
        size = PART_BYTES // (3 if second else 1) // of_sample
        return parts_of(len(x), min(max(size, 1), PART))

    def _input(self, x: Any) -> Array:
        x = array("x", x)
        if x.ndim != 2 + len(self.input_shape) or x.shape[2:] != self.input_shape:
            axes = "(B, T, H, W, C)" if len(self.input_shape) == 3 else "(B, T, features)"
            raise ValueError(
                f"x must be {axes} with {self.input_shape} at each step, not {x.shape}"
            )
        return self._counts(x).reshape(*x.shape[:2], *self.blocks[0].input_shape)
