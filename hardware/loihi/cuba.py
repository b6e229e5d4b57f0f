"""A network of `CubaLIF` in Loihi's own words, not rescaled: the chip computes what the float
network does.

    i_t = beta i_{t-1} + (1 - beta) (W x_t + b)       u, Loihi's current: a sum, the mean times 1 / (1 - beta)
    w_t = alpha v_{t-1} + (1 - alpha) i_t             v, a second sum, read immediately
    s_t = w_t >= threshold, then v = 0                v > vth, then v = 0

    weights     8 bits and a sign in steps of 2, an exponent a layer      decays   round(4096 beta), round(4096 alpha)
    bias        in 16ths of the weights' unit: synapses of axons that fire at every step, as many as the largest bias
                needs, and of four that fire every 2nd, 4th, 8th and 16th step, at different ones
    vth         the threshold in units of the weights, times both gains; `weight_exp` of a layer keeps it below 2^13
    pooling     "max": OR of four spikes. "mean": no node; each of four spikes has its own synapse, with the same word
    readout     traces of 7 bits, rounded stochastically, weights of 8 that learn, rounded stochastically

On the chip a spike takes a step from layer to layer: layer n is n + 1 steps later than in the float
network, and its bias axons start n steps after the input. Arrays here are in the float network's
time, which is the same, shifted.
"""

from dataclasses import dataclass

import numpy as np

from ..chip import kernels, quantise, ranges
from ..chip.formats import STOCHASTIC, whole
from ..chip.learner import CLASS_MEAN, Learner
from ..chip.network import IntegerNet
from ..chip.neuron import IntegerLIF
from ..chip.ranges import STATE
from ..chip.traces import BITS as TRACE_BITS, factor
from ..chip.words import Words

MOST_VTH = (1 << 17) - 1
CURRENT_BIAS = 1 << 24  # limit of a bias, in 16ths of the weights' unit
ROOM = 1 << 13  # limit of vth: states of 24 bits hold 16 times as much
AXON = 127  # the largest weight, in steps of 2
FRACTION = 4  # bits of a bias carried by axons that fire every 2nd, 4th … step
LEAST_EXP = -8  # least weight_exp
BITS = 8  # bits of a weight
LIMITS = {"du": (0, 4095), "dv": (1, 4096), "trace_bits": (1, 12), "weight_exp": (LEAST_EXP, 7)}


@dataclass(frozen=True)
class LoihiConfig:
    """The configuration's words.

    du, dv        decays of current and membrane in 4096ths; None: those nearest to the network's
                  beta and alpha
    trace_bits    fraction bits of the presynaptic traces
    weight_exp    largest shift of a synapse's weight, so that sums stay within 24 bits; None: -1
    """

    du: int | None = None
    dv: int | None = None
    trace_bits: int = 7
    weight_exp: int | None = None

    def __post_init__(self):
        for name, limits in LIMITS.items():
            if getattr(self, name) is not None:
                whole(*limits, **{name: getattr(self, name)})


def firing(axons: int, steps: int) -> np.ndarray:
    """Return at which steps the bias axons of a layer fire, (steps, axons + FRACTION) of 0 and 1:
    the first `axons` at every step, the last FRACTION once in 2, 4, 8 and 16 steps."""
    t = np.arange(steps)[:, None]
    period = 2 ** np.arange(1, FRACTION + 1)
    return np.concatenate(
        [np.ones((steps, axons), int), (t % period == period // 2 - 1).astype(int)], 1
    )


def axon_words(bias: np.ndarray, axons: int) -> np.ndarray:
    """Return the weights (C_out, axons + FRACTION) of the bias axons, in the weights' unit. The
    biases are given in 16ths of this unit."""
    whole = bias >> FRACTION
    rest = bias & ((1 << FRACTION) - 1)
    share, more = np.divmod(np.abs(whole), axons)
    parts = np.sign(whole)[:, None] * (share[:, None] + (np.arange(axons) < more[:, None]))
    return np.concatenate([parts, rest[:, None] >> np.arange(FRACTION - 1, -1, -1) & 1], 1)


class CubaNet(IntegerNet):
    """A network of `CubaLIF` in Loihi's word lengths, as the module's docstring defines them.

    net, theta         a `minisnn.SpikingNet` of `CubaLIF` without hidden layers, and its parameters
    config             registers; a layer's `weight_exp` is at most that of `config`
    readout_exponent   exponent of the readout's weights; None: the one of least squared error before
                       adaptation

    `axons` is {layer: number of axons that carry its biases at every step}; `weight_exps` are those
    of the conv layers. Raises ValueError for other networks, and if a threshold or a bias leaves the
    chip's words.
    """

    kind = "cuba"

    def __init__(
        self,
        net,
        theta: np.ndarray,
        config: LoihiConfig = LoihiConfig(),
        readout_exponent: int | None = None,
    ):
        quantise.check_kind(net, self.kind)
        neuron = net.neuron
        alpha = factor(neuron.alpha)
        beta = factor(neuron.beta)
        self.config = config
        self.du = 4095 - beta if config.du is None else config.du
        self.dv = 4096 - alpha if config.dv is None else config.dv
        self.mean = net.pool == "mean"
        self.vth: list[np.ndarray] = []
        self.weight_exps: list[int] = []
        layers = []
        for n, b in enumerate(net.blocks):
            arrays = quantise.arrays(net, theta, n, np.float64)
            if b.readout:
                layer = quantise.layer(b, *arrays, BITS, TRACE_BITS, 1, readout_exponent)
            else:
                layer = self._conv_layer(b, *arrays, neuron.threshold, 2 * (self.mean and n > 0))
            layers.append(layer)
        self._set(layers, IntegerLIF(alpha, beta, 0, 0, 0, int(16 * neuron.slope)), Words())

    def _conv_layer(self, block, weight, bias, threshold: float, quarter: int):
        """Return the integers of a conv layer. `quarter` is 2 if its inputs are means of four
        spikes, else 0."""
        threshold = threshold * 4096.0**2 / ((self.du + 1) * self.dv)
        least = None  # least exponent of weights at which weight_exp is LEAST_EXP
        if threshold > 0:
            least = int(np.ceil(np.log2(threshold / ROOM))) + quarter + LEAST_EXP + 1
        exponent = quantise.best_exponent(weight, BITS, least)
        whole, clipped = quantise.integers(weight, exponent, BITS)
        # threshold in units of a synapse's weight
        most = np.abs(bias).max() / 2.0 ** (exponent - quarter)
        vth = threshold / 2.0 ** (exponent - quarter)
        exp = -1 if self.config.weight_exp is None else self.config.weight_exp
        if vth > 0:
            exp = min(exp, int(np.floor(np.log2(ROOM / vth))) - 1)
        vth = vth * 2.0 ** (exp + 1)
        if not 0 <= vth <= MOST_VTH or most >= 1 << 20:
            raise ValueError(
                f"{block.name}: threshold {vth:.3g} and largest bias {most:.3g} in units of the "
                "weights; Loihi holds 0 to 131071, and biases below 1048576"
            )
        ints = np.floor(np.ldexp(bias, FRACTION + quarter - exponent) + 0.5).astype(np.int32)
        self.weight_exps.append(exp)
        self.vth.append(np.full(block.channels, max(round(vth), 1)))
        place = exponent, BITS, block.input_shape, "max", FRACTION, clipped
        return quantise.IntegerLayer(block.name, whole, ints, *place)

    def _set(self, layers, neuron, words) -> None:
        self.arriving = 4 if self.mean else 1
        super()._set(layers, neuron, words)
        largest = {b.name: np.abs(b.bias).max() for b in self.layers[:-1]}
        self.axons = {
            name: int(most / (1 << FRACTION) / AXON) + 1 for name, most in largest.items()
        }

    def check(self) -> None:
        """Raise ValueError if a current could leave 32 bits. On the chip, a current beyond 24 bits
        wraps, so it can grow only until as much decays as arrives."""
        ranges.check_neuron(self.neuron)
        whole(0, 4095, current=4095 - self.du, voltage=4096 - self.dv)
        for n, (layer, exponent, vth) in enumerate(zip(self.layers, self.weight_exps, self.vth)):
            ranges.check_layer(layer, CURRENT_BIAS)
            whole(*LIMITS["weight_exp"], **{f"{layer.name}: weight_exp": exponent})
            whole(1, MOST_VTH, **{f"{layer.name}: vth": int(vth[0])})
            most = ranges.most_of(n, False, self.arriving)
            weights = ranges.most_sum(layer.weight[..., 0].size, BITS, most, 0)
            bias = max(int(layer.bias.max()), -int(layer.bias.min())) >> FRACTION
            arrives = 2 * (weights + bias + 1) << max(exponent, 0)
            enters = 64 * ((arrives >> max(-exponent, 0)) + 1)
            grows = max(enters - 2 * STATE, 0) * 4096 // (self.du + 1)
            if max(arrives, STATE + grows + 1 + enters + STATE) > ranges.WORD:
                raise ValueError(
                    f"{layer.name}: the currents of these weights, biases and decays can leave "
                    f"{ranges.ACCUMULATOR} bits; take a smaller weight_exp"
                )
        ranges.check_sums(len(self.layers) - 1, self.readout, True)

    @classmethod
    def of(  # type: ignore[override]
        cls, checkpoint, config: LoihiConfig = LoihiConfig()
    ) -> "CubaNet":
        """Make the network from a checkpoint, with the step sizes with which the checkpoint
        adapts."""
        return cls._made(checkpoint, None, BITS, config)

    def constants(self) -> dict[str, int]:
        own = dict(current=4095 - self.du, voltage=4096 - self.dv, fraction=FRACTION)
        traces = dict(traces_rounding=STOCHASTIC, trace_bits=self.config.trace_bits)
        units = {f"{layer.name}_unit": layer.exponent for layer in self.layers[:-1]}
        return super().constants() | own | traces | units

    def layer_constants(self, n):
        pool = "mean" if self.mean else "max"
        return dict(pool=pool, exponent=self.weight_exps[n], threshold=int(self.vth[n][0]))

    def learner(self, **options) -> Learner:
        """Return Loihi's learner, which rounds its updates stochastically. Class means, which none
        of Loihi's learning rules computes, are rounded as requested."""
        own = {} if options.get("rule") == CLASS_MEAN else {"rounding": "stochastic"}
        return super().learner(**{**options, **own})

    def traces(self, spikes, bits=None, mode="stochastic", seed=1):
        """Return traces as `IntegerNet.traces` does, in Loihi's short words, without the two steps
        of delay that the other neuron has between a spike and its trace."""
        nothing = np.zeros((len(spikes), 2, *spikes.shape[2:]), spikes.dtype)
        late = np.concatenate([spikes, nothing], 1)
        p = super().traces(late, bits or self.config.trace_bits, mode, seed)
        return p[:, 2:] >> 2 * self.mean  # a count becomes the mean of its four spikes

    def _prepare(self, layer):
        return (2 * kernels.mirrored(layer.weight, np.int32),)  # weights in steps of 2

    def _conv(self, layer, prepared, x, record):
        n = self.layers.index(layer)
        W = layer.input_shape[1]
        exp = self.weight_exps[n]
        decays = 4095 - self.du, 4096 - self.dv
        c = kernels.Currents(*decays, max(exp, 0), max(-exp, 0), int(self.vth[n][0]), 1)
        axons = self.axons[layer.name]
        bias = 2 * firing(axons, 1 << FRACTION) @ axon_words(layer.bias.astype(np.int64), axons).T
        pool = kernels.COUNT if self.mean else kernels.MAX
        prepared = *prepared, np.zeros(bias.shape[1] * W, np.int64), pool, c
        # one step more, because synapses delay
        late = np.concatenate([x, np.zeros_like(x[:, :1])], 1)
        found = kernels.convolved(layer, prepared, late, record, axons=np.tile(bias, W))
        self._count(f"{layer.name}.u", found.clipped)
        return np.ascontiguousarray(found.spikes[:, 1:]), found.membranes[:, 1:]
