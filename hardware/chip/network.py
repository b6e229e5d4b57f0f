"""The integer network: inference from event counts to the readout's membranes, with checks that no
word overflows.

Everything is an integer: counts and spikes are uint8, traces int32, membranes int64.
"""

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from . import kernels, quantise, ranges
from .formats import ROUNDINGS, ends, rounding, seed_state, whole
from .learner import Learned, Learner, learn, learns_online, readout_exponent, steps_of
from .neuron import IntegerLIF
from .ranges import MOST_COUNT
from .recording import Recording
from .traces import BITS as TRACE_BITS, UNITY, addends, presynaptic
from .words import Words, trained_for


class IntegerNet:
    """A float network (Table 1) converted to integers, and its inference: the fixed-point model,
    "the chip".

    net, theta         a `minisnn.SpikingNet` without hidden layers, and its parameters
    words              word lengths and rounding modes
    readout_exponent   exponent of the readout's weights; None: the one with the least squared error
                       before adaptation
    exponents          {layer: exponent} to use instead of those with the least squared error

    `layers` are `quantise.IntegerLayer` objects, of which the readout is the last. `saturations`
    counts clipped numbers by kind. `steps` are the logarithms of the step sizes that `learner`
    uses. Raises ValueError if an intermediate value could overflow its word (`check`).
    """

    kind = "lif"  # the neuron's name in exported files
    arriving = 1  # the most spikes per step at one input of a layer after the first
    steps: dict[str, int] = {}
    recording = Recording()  # properties of the recordings that it expects
    nothings: np.ndarray | None = None  # see `nothing`

    def __init__(
        self,
        net,
        theta: np.ndarray,
        words=Words(),
        readout_exponent: int | None = None,
        exponents=None,
    ):
        quantise.check_kind(net, self.kind)
        chosen = {"readout": readout_exponent} if readout_exponent is not None else {}
        chosen |= exponents or {}
        if unknown := set(chosen) - {b.name for b in net.blocks}:
            raise ValueError(f"no layer is named {', '.join(sorted(unknown))}")
        layers = []
        for n, b in enumerate(net.blocks):
            arrays = quantise.arrays(net, theta, n, net.dtype.type)
            word = words.weight_bits, words.fraction
            if b.readout:
                word = words.readout_bits, TRACE_BITS
            most = ranges.most_of(n, b.readout)
            exponent = chosen.get(b.name)
            layers.append(quantise.layer(b, *arrays, *word, most, exponent))
        self._set(layers, IntegerLIF.of(net.neuron), words)

    def check(self) -> None:
        """Raise ValueError if an intermediate value could leave its word (`ranges`); called for a
        new network and before export.
        """
        ranges.check_neuron(self.neuron)
        for n, layer in enumerate(self.layers):
            ranges.check_sums(n, layer, layer is self.layers[-1])

    def _set(self, layers, neuron: IntegerLIF, words: Words) -> None:
        self.layers = tuple(layers)
        self.neuron = neuron
        self.words = words
        self.input_shape = tuple(self.layers[0].input_shape)
        self.check()
        self.ways = self.readout.weight.shape[3]
        self.saturations = {"input": 0}
        for layer in self.layers:
            self.saturations |= {f"{layer.name}.theta": layer.saturated, f"{layer.name}.u": 0}
        self.bounds = ranges.analyse(self.layers, self.arriving)
        self._kernels = [self._prepare(layer) for layer in self.layers[:-1]]

    @classmethod
    def of(
        cls,
        checkpoint,
        words: Words = Words(),
        exponents: dict[str, int] | None = None,
        samples: int | None = None,
    ) -> "IntegerNet":
        """Make the integer network of a `minisnn.Checkpoint`, with the learning rule by which the
        checkpoint adapts.

        samples   number of support samples, by which step sizes are divided; None: one per class

        A network that was meta-trained for the chip keeps the exponents with which it was trained
        in each layer to which `words` gives the same number of bits.
        """
        known = trained_for(checkpoint.provenance.get("chip"))
        of_conv = known.get("bits") == words.weight_bits
        of_readout = known.get("readout_bits") == words.readout_bits
        kept = {
            name: exponent
            for name, exponent in known.get("exponents", {}).items()
            if (of_readout if name == "readout" else of_conv)
        }
        return cls._made(checkpoint, samples, words.readout_bits, words, kept | (exponents or {}))

    @classmethod
    def _made(cls, checkpoint, samples: int | None, bits: int, words, *more) -> Any:
        """Make the network. The readout's exponent leaves bits for learning."""
        net = checkpoint.net
        inner = checkpoint.inner
        steps = steps_of(net, inner, samples or net.ways)
        exponent = readout_exponent(steps["log2_weight"], bits, learns_online(inner))
        self = cls(net, checkpoint.theta, words, exponent, *more)
        self.steps = steps
        self.recording = Recording.of(checkpoint)
        return self

    @property
    def readout(self) -> quantise.IntegerLayer:
        return self.layers[-1]

    @property
    def weight(self) -> np.ndarray:
        """The readout's weights, int64 (inputs, ways); the learner changes a copy of them."""
        return self.readout.weight[0, 0].astype(np.int64)

    @property
    def bias(self) -> np.ndarray:
        """The readout's bias, int64 (ways,), in the accumulator's scale."""
        return self.readout.bias.astype(np.int64)

    @property
    def nothing(self) -> np.ndarray:
        """Means of recordings that belong to no class, uint8 (n, inputs), see `chip.means`. A new
        network has none."""
        none = np.zeros((0, len(self.weight)), np.uint8)
        return none if self.nothings is None else self.nothings

    def with_nothing(self, means: np.ndarray) -> "IntegerNet":
        """Return a copy of the network in which `nothing` are these means, which belong to no
        class. Raises ValueError unless they are uint8 and at most 255 means."""
        means = np.asarray(means)
        if means.dtype != np.uint8 or means.shape[1:] != (len(self.weight),) or len(means) > 255:
            raise ValueError(
                f"means of no class must be uint8 (n, {len(self.weight)}), n at most 255, "
                f"not {means.dtype} {means.shape}"
            )
        new = copy(self)
        new.nothings = means
        return new

    def with_layers(self, layers) -> "IntegerNet":
        """Return a copy of the network with these layers instead of its own."""
        new = copy(self)
        new._set(layers, self.neuron, self.words)
        return new

    def with_readout(self, weight: np.ndarray, bias: np.ndarray) -> "IntegerNet":
        """Return a copy of the network with these integers in its readout."""
        self._check_readout(weight, bias)
        weight = weight.astype(np.int8)[None, None]
        last = replace(self.readout, weight=weight, bias=bias.astype(np.int32))
        return self.with_layers([*self.layers[:-1], last])

    def _check_readout(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Raise ValueError if integers for the readout do not fit its word lengths."""
        inputs = self.readout.input_shape[2]
        kinds = weight.dtype.kind + bias.dtype.kind
        if not set(kinds) <= set("iu") or weight.shape != (inputs, len(bias)):
            raise ValueError(
                f"readout: weights and biases must be integers ({inputs}, classes) and (classes,), "
                f"not {weight.dtype} {weight.shape} and {bias.dtype} {bias.shape}"
            )
        ranges.check_layer(replace(self.readout, weight=weight, bias=bias), self.bias_room)

    def ends(self, n: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return ((smallest, largest) weight, (smallest, largest) bias) for layer n. Within these
        limits for the bias no sum can overflow."""
        layer = self.layers[n]
        room = ranges.room_of(n, layer, layer is self.readout)
        return ends(layer.bits), (-room, room)

    @property
    def bias_room(self) -> int:
        """Return the largest bias in the readout with which its accumulator cannot overflow."""
        return self.ends(-1)[1][1]

    def constants(self) -> dict[str, int]:
        """Return the scalar constants of the arithmetic, under their names in exported files."""
        words = self.words
        return self.neuron._asdict() | {
            "current": 0,
            "voltage": 0,
            "fraction": words.fraction,
            "trace_bits": TRACE_BITS,
            "traces_rounding": ROUNDINGS[words.traces],
            "membrane_rounding": ROUNDINGS[words.membrane],
        }

    def layer_constants(self, n: int) -> dict[str, Any]:
        """Return the pooling, exponent and threshold of a conv layer."""
        return {
            "pool": self.layers[n].pool,
            "exponent": self.layers[n].exponent,
            "threshold": self.neuron.threshold,
        }

    # ---- learning

    def learner(self, **options) -> Learner:
        """Return a learner for the readout, with the step sizes that the network was trained with;
        `options` are those of `Learner`."""
        return Learner(**{**self.steps, **options})

    def learn(self, learner: Learner, p: np.ndarray, y: np.ndarray) -> Learned:
        """Learn the readout with `learner.learn`, from traces p (B, T, inputs) and labels y
        (B,)."""
        return learn(self, learner, p, y)

    # ---- inference

    def counts(self, x: np.ndarray) -> np.ndarray:
        """Return event counts clipped to the chip's range of 0 to 7: uint8 (B, T, H, W, C)."""
        x = np.asarray(x)
        whole = x.dtype.kind in "uib" and x.min(initial=0) >= 0
        if not whole or x.ndim != 5 or x.shape[2:] != self.input_shape or not x.shape[1]:
            raise ValueError(
                f"x must be integer counts of shape (B, T, {', '.join(map(str, self.input_shape))}), "
                f"T at least 1, not {x.dtype} {x.shape} from {x.min(initial=0)}"
            )
        self._count("input", int((x > MOST_COUNT).sum()))
        return np.minimum(x, MOST_COUNT).astype(np.uint8)

    def spikes(self, x: np.ndarray, layers: int | None = None, record: int = 0) -> Any:
        """Return the spikes of the last conv layer, or of the conv layer number `layers`, counted
        from 1: uint8 (B, T, H, W, C).

        If `record` is not 0, return (spikes, membranes). The list `membranes` contains, for every
        layer, the membranes of the first `record` samples, (record, T, H, W, C).
        """
        x = self.counts(x)
        membranes = []
        for layer, prepared in list(zip(self.layers, self._kernels))[:layers]:
            x, u = self._conv(layer, prepared, x, record)
            membranes.append(u)
        return (x, membranes) if record else x

    def traces(
        self, spikes: np.ndarray, bits: int = TRACE_BITS, mode: str | None = None, seed: int = 1
    ) -> np.ndarray:
        """Return the readout's presynaptic traces p at every step, uQ1.12 in int32 (B, T, inputs).
        The input contains spikes, or counts that are at most 7.

        bits   fraction bits of the filters' states, 1 to 12; the result has 12, of which the lowest
               are then zero
        mode   rounding of the filters, which may be "stochastic" (with random numbers from `seed`);
               None: the rounding in `words`
        """
        whole(1, TRACE_BITS, bits=bits)
        flat = np.ascontiguousarray(spikes.reshape(*spikes.shape[:2], -1))
        found = np.empty(flat.shape, np.int32)
        n = self.neuron
        state = seed_state(seed)
        rounds = rounding(mode or self.words.traces)
        for one, p in zip(flat, found):
            state = presynaptic(one, p, n.alpha, n.beta, rounds, bits, state)
        return found

    def traces_of(self, x: np.ndarray, seed: int = 1) -> np.ndarray:
        """Pass counts x through all conv layers and return the readout's traces."""
        return self.traces(self.spikes(x), seed=seed)

    def membranes(
        self, p: np.ndarray, weight: np.ndarray | None = None, bias: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the readout's membranes u at every step, Q5.10 in int64 (B, T, ways), given traces
        p. The weights and biases are the arguments, or those of the network."""
        weight = self.weight if weight is None else weight
        bias = self.bias if bias is None else bias
        self._check_readout(weight, bias)
        outside = p.min(initial=0) < 0 or p.max(initial=0) > UNITY
        if p.dtype.kind not in "iu" or p.ndim != 3 or p.shape[2] != len(weight) or outside:
            raise ValueError(
                f"traces must be integers (B, T, {len(weight)}) of 0 to {UNITY}, not {p.dtype} "
                f"{p.shape} of {p.min(initial=0)} to {p.max(initial=0)}"
            )
        u = np.empty((*p.shape[:2], len(bias)), np.int64)
        columns = np.ascontiguousarray(weight.T, np.int32)
        k = ranges.shift_to_u(self.readout.exponent, TRACE_BITS, "readout")
        how = columns, np.asarray(bias, np.int64), k
        mode = rounding(self.words.membrane)
        clipped = sum(kernels.readout(p[b], *how, mode, self.neuron, u[b]) for b in range(len(p)))
        self._count("readout.u", int(clipped))
        return u

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return logits, int64 (B, ways): the readout's membrane at the last step."""
        return self.membranes(self.traces_of(x))[:, -1]

    def counted_alone(self) -> "IntegerNet":
        """Return a copy of the network with saturation counters of its own, so that an episode's
        clipped numbers are counted separately even when other episodes run in parallel."""
        alone = copy(self)
        alone.saturations = dict.fromkeys(self.saturations, 0)
        return alone

    # ---- arguments of the kernels

    def _prepare(self, layer):
        sums = np.int16 if self.bounds[layer.name]["V"].bits <= 16 else np.int32
        k = ranges.shift_to_u(layer.exponent, layer.fraction, layer.name)
        mode = rounding(self.words.membrane), rounding(self.words.traces)
        filters = layer.fraction, *kernels.scale(k, mode[0]), *addends(mode[1], 12)
        constants = kernels.Constants(*map(np.int32, (*self.neuron, *filters)))
        bias = np.tile(layer.bias, layer.input_shape[1])
        weight = kernels.mirrored(layer.weight, sums)
        return weight, bias, kernels.POOL[layer.pool], constants

    def _conv(self, layer, prepared, x, record):
        found = kernels.convolved(layer, prepared, x, record)
        self._count(f"{layer.name}.u", found.clipped)
        return found.spikes, found.membranes

    def _count(self, place: str, number: int) -> None:
        self.saturations[place] += number
