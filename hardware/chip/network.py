"""The integer network: inference of every layer from event counts to membranes of the readout, and what its words must hold.

No float is in the loop: counts come in as uint8, spikes go on as uint8, traces as int32, membranes as int64.
"""

from dataclasses import dataclass, replace

import numpy as np

from . import kernels, quantise, ranges
from .formats import Saturated, rounding, seed_state
from .neuron import IntegerLIF
from .traces import BITS as TRACE_BITS, DETERMINISTIC, addends, presynaptic, presynaptic_in

MOST_COUNT = 7  # an input count is clipped at this: 3 bits
ACCUMULATOR = 32


@dataclass(frozen=True)
class Words:
    """Word lengths and rounding of a network.

    weight_bits   of the conv layers, 2 to 8           readout_bits   of the readout
    fraction      F, fraction bits of postsynaptic traces
    traces        rounding of the trace filters        membrane       rounding on the way to u; "floor", "zero" or "nearest"
    strict        a saturation raises Saturated
    """

    weight_bits: int = 8
    readout_bits: int = 8
    fraction: int = 12
    traces: str = "floor"
    membrane: str = "floor"
    strict: bool = False

    def __post_init__(self):
        rounding(self.traces, DETERMINISTIC)
        rounding(self.membrane, DETERMINISTIC)
        if not 0 <= self.fraction <= 16:
            raise ValueError(f"fraction must be 0 to 16 bits, not {self.fraction}")


def rows_of(x: np.ndarray) -> np.ndarray:
    """Spikes (B, T, H, W, C) as rows (B, T, H, W C), filled up with zeros to whole words of eight bytes for the kernels."""
    B, T, H, W, C = x.shape
    flat = x.reshape(B, T, H, W * C)
    if W * C % 8:
        flat = np.concatenate([flat, np.zeros((B, T, H, -W * C % 8), np.uint8)], 3)
    return np.ascontiguousarray(flat)


class IntegerNet:
    """The integers of a float network (Table 1) and its inference.

    net, theta         a `minisnn.SpikingNet` without hidden layers, and its parameters
    words              word lengths and rounding
    readout_exponent   of the readout's weights; None: that of least squared error before adaptation
    exponents          {layer: exponent} in place of those of least squared error

    `layers` are `quantise.IntegerLayer`, the readout last; `saturations` counts clipped numbers by place. Raises ValueError
    where a word of 32 bits is too short for what the interval analysis asks for (`ranges`).
    """

    def __init__(
        self,
        net,
        theta: np.ndarray,
        words: Words = Words(),
        readout_exponent: int | None = None,
        exponents: dict[str, int] | None = None,
    ):
        if getattr(net, "hidden", None) or not hasattr(net, "neuron") or not net.channels:
            raise ValueError(
                "the chip holds a spiking network of conv layers and a readout of their spikes; this network has other layers"
            )
        self.words, self.neuron, self.ways = words, IntegerLIF.of(net.neuron), net.ways
        self.input_shape, views, chosen = net.input_shape, net.views(theta), dict(exponents or {})
        if readout_exponent is not None:
            chosen["readout"] = readout_exponent
        layers = []
        for n, b in enumerate(net.blocks):
            weight, bias = views[f"{b.name}.weight"].reshape(b.weight_shape), views[f"{b.name}.bias"]
            weight = weight * net.dtype.type(net.neuron.gain) if n == 0 else weight
            bits = words.readout_bits if b.readout else words.weight_bits
            exponent = chosen[b.name] if b.name in chosen else quantise.best_exponent(weight, bits)
            room = ranges.room_for_bias(b.weight_shape, bits, MOST_COUNT if n == 0 else 1, b.readout, words.fraction)
            fraction = TRACE_BITS if b.readout else words.fraction
            layers.append(quantise.layer(b.name, weight, bias, exponent, bits, b.input_shape, b.pool, fraction, room))
        self._set(layers)

    def _set(self, layers):
        self.layers = tuple(layers)
        self.saturations = {
            f"{layer.name}.{what}": layer.saturated if what == "theta" else 0
            for layer in self.layers
            for what in ("theta", "u")
        }
        self.saturations = {"input": 0, **self.saturations}
        self.bounds = ranges.analyse(self)
        self._kernels = [self._prepare(layer) for layer in self.layers[:-1]]

    @classmethod
    def from_layers(cls, layers, neuron: IntegerLIF, words: Words, input_shape) -> "IntegerNet":
        """A network of integers that are known, such as imported ones."""
        self = cls.__new__(cls)
        self.words, self.neuron, self.ways, self.input_shape = words, neuron, layers[-1].weight.shape[3], tuple(input_shape)
        self._set(layers)
        return self

    @property
    def readout(self) -> quantise.IntegerLayer:
        return self.layers[-1]

    @property
    def weight(self) -> np.ndarray:
        """The readout's weights, int64 (inputs, ways); the learner's to change in a copy."""
        return self.readout.weight[0, 0].astype(np.int64)

    @property
    def bias(self) -> np.ndarray:
        """The readout's bias, int64 (ways,), in the accumulator's scale."""
        return self.readout.bias.astype(np.int64)

    def with_readout(self, weight: np.ndarray, bias: np.ndarray) -> "IntegerNet":
        """The network with other integers in its readout."""
        last = replace(self.readout, weight=weight.astype(np.int8)[None, None], bias=bias.astype(np.int32))
        return self.from_layers([*self.layers[:-1], last], self.neuron, self.words, self.input_shape)

    @property
    def bias_room(self) -> int:
        """The largest bias of the readout that cannot make its accumulator overflow."""
        return ranges.room_for_bias(self.readout.weight.shape, self.readout.bits, 1, True, self.words.fraction)

    def layer_bias_room(self, n: int) -> int:
        """The largest bias of conv layer n that cannot make its sums overflow."""
        layer = self.layers[n]
        return ranges.room_for_bias(layer.weight.shape, layer.bits, 1 if n else MOST_COUNT, False, layer.fraction)

    # ---- inference

    def counts(self, x: np.ndarray) -> np.ndarray:
        """Event counts as the chip takes them: uint8 (B, T, H, W, C), at most 7."""
        x = np.asarray(x)
        if x.dtype.kind not in "ui" or x.ndim != 5 or x.shape[2:] != self.input_shape:
            raise ValueError(
                f"x must be integer counts of shape (B, T, {', '.join(map(str, self.input_shape))}), not {x.dtype} {x.shape}"
            )
        if x.size and x.min() < 0:
            raise ValueError(f"x must hold counts, found {x.min()}")
        self._count("input", int((x > MOST_COUNT).sum()))
        return np.minimum(x, MOST_COUNT).astype(np.uint8)

    def spikes(self, x: np.ndarray, layers: int | None = None, record: int = 0):
        """Spikes of the last conv layer (or of that number `layers`), uint8 (B, T, H, W, C).

        With `record` also [membranes (record, T, H, W, C) int16 of every layer], of the first `record` samples.
        """
        x, membranes = self.counts(x), []
        for layer, prepared in list(zip(self.layers, self._kernels))[:layers]:
            x, u = self._conv(layer, prepared, x, record)
            membranes.append(u)
        return (x, membranes) if record else x

    def traces(self, spikes: np.ndarray, bits: int = TRACE_BITS, mode: str | None = None, seed: int = 1) -> np.ndarray:
        """The readout's presynaptic p at every step, uQ1.12 in int32 (B, T, inputs).

        bits   fraction bits of the filters' states, 1 to 12; the result keeps its format, its lowest bits are zero
        mode   rounding of the filters, "stochastic" too (numbers of `seed`); None: that of the network's words
        """
        if not 1 <= bits <= TRACE_BITS:
            raise ValueError(f"traces have 1 to {TRACE_BITS} fraction bits, not {bits}")
        flat = np.ascontiguousarray(spikes.reshape(*spikes.shape[:2], -1))
        found = np.empty(flat.shape, np.int32)
        n, state = self.neuron, seed_state(seed)
        if bits == TRACE_BITS and mode is None:
            for b in range(len(flat)):
                presynaptic(flat[b], found[b], n.alpha, n.beta, rounding(self.words.traces))
            return found
        for b in range(len(flat)):
            state = presynaptic_in(flat[b], found[b], n.alpha, n.beta, rounding(mode or self.words.traces), bits, state)
        return found

    def membranes(self, p: np.ndarray, weight: np.ndarray | None = None, bias: np.ndarray | None = None) -> np.ndarray:
        """The readout's u at every step, Q5.10 in int64 (B, T, ways), of traces p and of these integers or its own."""
        weight, bias = self.weight if weight is None else weight, self.bias if bias is None else bias
        u = np.empty((*p.shape[:2], len(bias)), np.int64)
        columns, clipped = np.ascontiguousarray(weight.T, np.int32), 0
        for b in range(len(p)):
            clipped += kernels.readout(
                p[b],
                columns,
                np.asarray(bias, np.int64),
                self.readout_shift,
                rounding(self.words.membrane),
                self._constants(np.int64),
                u[b],
            )
        self._count("readout.u", int(clipped))
        return u

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Logits, int64 (B, ways): the readout's membrane at the last step."""
        return self.membranes(self.traces(self.spikes(x)))[:, -1]

    @property
    def readout_shift(self) -> int:
        """From the accumulator's exponent, the weights' less 12, to the 10 fraction bits of u."""
        return 12 - self.readout.exponent - 10

    # ---- what the kernels take

    def _constants(self, dtype) -> np.ndarray:
        n = self.neuron
        return np.array([n.alpha, n.beta, n.gamma, n.rho, n.threshold, self.words.fraction], dtype)

    def _prepare(self, layer):
        k, _, C_in, C_out = layer.weight.shape
        sums = np.int16 if self.bounds[layer.name]["V"].bits <= 16 else np.int32
        mirrored = np.ascontiguousarray(layer.weight[::-1, ::-1].transpose(2, 0, 1, 3).reshape(C_in, k, k * C_out).astype(sums))
        right = self.words.fraction - layer.exponent - 10
        scale = np.array([max(-right, 0), max(right, 0), *addends(rounding(self.words.membrane), right)], np.int32)
        return mirrored, np.tile(layer.bias, layer.input_shape[1]), scale, np.empty(0, sums)

    def _conv(self, layer, prepared, x, record):
        from minisnn.parallel.threads import parallel

        weight, bias, scale, sums = prepared
        (H, W, _), (h, w, C_out), (B, T) = layer.input_shape, layer.output_shape, x.shape[:2]
        flat = rows_of(x)
        out, clipped = np.empty((B, T, h, w * C_out), np.uint8), np.zeros(B, np.int64)
        kept = np.empty((min(record, B), T, H, W * C_out), np.int16)
        filters = np.array(addends(rounding(self.words.traces), 12), np.int32)
        parallel(
            kernels.conv,
            B,
            flat,
            flat.view(np.uint64),
            weight,
            bias,
            sums,
            kernels.POOL[layer.pool],
            scale,
            self._constants(np.int32),
            filters,
            out,
            clipped,
            kept,
            record,
        )
        self._count(f"{layer.name}.u", int(clipped.sum()))
        return out.reshape(B, T, h, w, C_out), kept.reshape(*kept.shape[:2], H, W, C_out)

    def _count(self, place: str, number: int) -> None:
        self.saturations[place] += number
        if number and self.words.strict:
            raise Saturated(f"{place}: {number} values left their format")
