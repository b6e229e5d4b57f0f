"""A network of `CubaLIF` in Loihi's own words, nothing rescaled: what the float network computes is
what the chip has.

    i_t = beta i_{t-1} + (1 - beta) (W x_t + b)       u, Loihi's current: a sum, the mean times 1 / (1 - beta)
    w_t = alpha v_{t-1} + (1 - alpha) i_t             v, a second sum, read at once
    s_t = w_t >= threshold, then v = 0                v > vth, then v = 0

    weights     8 bits and a sign in steps of 2, an exponent a layer      decays   round(4096 beta), round(4096 alpha)
    bias        in 16ths of the weights' unit: synapses of axons that fire at every step, so many that their words hold the
                largest bias, and of four that fire every 2nd, 4th, 8th and 16th step, at different ones
    vth         the threshold in units of the weights, times both gains; `weight_exp` of a layer keeps it below 2^13
    pooling     "max": OR of four spikes. "mean": no node; each of four spikes has a synapse of its own, of the same word
    readout     traces of 7 bits, weights of 8 that learn, as in `LoihiNet`

On the chip a spike takes a step from layer to layer: layer n lives n + 1 steps later than in the
float network, and its bias axons start n steps after the input. Arrays here are in the float
network's time, which is the same thing shifted.
"""

import numpy as np

from minisnn.parallel.threads import parallel

from ..chip import quantise, ranges
from ..chip.formats import STOCHASTIC, whole
from ..chip.kernels import POOL, rows_of
from ..chip.learner import learns_online, readout_exponent as exponent_of, steps_of
from ..chip.stream import Recording
from ..chip.words import Words
from ..chip.neuron import IntegerLIF
from ..chip.traces import BITS as TRACE_BITS, factor
from .network import MOST_VTH, Constants, LoihiConfig, LoihiNet, conv, thresholds

ROOM = 1 << 13  # of vth: states of 24 bits hold 16 times as much
AXON = 127  # the largest weight, in steps of 2
FRACTION = 4  # bits of a bias that axons carry which fire every 2nd, 4th … step


LEAST_EXP = -8  # of weight_exp


def _weight_exp(vth: float) -> int:
    """That of a layer with which its threshold, which is vth with one of -1, stays within ROOM."""
    return int(np.floor(np.log2(ROOM / vth))) - 1


def _least_exponent(threshold: float, quarter: int) -> int | None:
    """The least exponent of weights with which their threshold, times both gains, needs no
    weight_exp below LEAST_EXP."""
    if threshold <= 0:
        return None
    return int(np.ceil(np.log2(threshold / ROOM))) + quarter + LEAST_EXP + 1


def firing(axons: int, steps: int) -> np.ndarray:
    """When the axons of a layer's biases fire, (steps, axons + FRACTION) of 0 and 1: the last once
    in 2, 4, 8 and 16 steps."""
    t = np.arange(steps)[:, None]
    period = 2 ** np.arange(1, FRACTION + 1)
    return np.concatenate(
        [np.ones((steps, axons), int), (t % period == period // 2 - 1).astype(int)], 1
    )


def axon_words(bias: np.ndarray, axons: int) -> np.ndarray:
    """The weights of these axons (C_out, axons + FRACTION) for biases in 16ths, in the weights'
    unit."""
    whole = bias >> FRACTION
    rest = bias & ((1 << FRACTION) - 1)
    share, more = np.divmod(np.abs(whole), axons)
    parts = np.sign(whole)[:, None] * (share[:, None] + (np.arange(axons) < more[:, None]))
    return np.concatenate([parts, rest[:, None] >> np.arange(FRACTION - 1, -1, -1) & 1], 1)


class CubaNet(LoihiNet):
    """A network of `CubaLIF` in the words of the module's docstring.

    net, theta         a `minisnn.SpikingNet` of `CubaLIF` without hidden layers, and its parameters
    config             word lengths; a layer's `weight_exp` is at most the configuration's
    readout_exponent   of the readout's weights; None: that of least squared error before adaptation

    `axons` {layer: number of axons that carry its biases at every step}; `weight_exps` of the conv
    layers. Raises ValueError for another network, and where a threshold or a bias leaves the chip's
    words.
    """

    kind = "cuba"

    def __init__(
        self,
        net,
        theta: np.ndarray,
        config: LoihiConfig = LoihiConfig(),
        readout_exponent: int | None = None,
    ):
        neuron = getattr(net, "neuron", None)
        says = neuron.says("chip") if neuron else ""
        if says != "cuba" or net.own or net.hidden or not net.channels or net.beyond:
            found = f"this network has {net.beyond}" if net.beyond else "this network is not"
            raise ValueError(
                f"a CubaNet is of conv layers of CubaLIF and a readout of their spikes; {found}"
            )
        self.mean = net.pool == "mean"
        words = Words()
        views = net.views(theta)
        layers = list[quantise.IntegerLayer]()
        integer = IntegerLIF(
            factor(neuron.alpha), factor(neuron.beta), 0, 0, 0, int(16 * neuron.slope)
        )
        self._configure(config, integer.alpha, integer.beta)
        gain = 4096.0**2 / ((self.du + 1) * self.dv)
        self.vth = list[np.ndarray]()
        self.weight_exps = list[int]()
        for n, b in enumerate(net.blocks):
            weight = views[f"{b.name}.weight"].reshape(b.weight_shape).astype(np.float64)
            weight = weight * (neuron.gain if n == 0 else 1)
            bias = views[f"{b.name}.bias"].astype(np.float64)
            quantise.finite(b.name, weight, bias)
            pool = "none" if b.readout else "max"
            shape = b.input_shape
            if b.readout:
                room = ranges.room_for_bias(b.weight_shape, 8, 1, TRACE_BITS, b.name)
                exponent = readout_exponent
                if exponent is None:
                    exponent = quantise.best_exponent(
                        weight, 8, quantise.least_exponent(bias, TRACE_BITS, room)
                    )
                layers.append(
                    quantise.layer(b.name, weight, bias, exponent, 8, shape, pool, TRACE_BITS, room)
                )
                continue
            quarter = 2 * (self.mean and n > 0)  # a mean is of four synapses
            exp = -1 if config.weight_exp is None else config.weight_exp
            exponent = quantise.best_exponent(
                weight, 8, _least_exponent(neuron.threshold * gain, quarter)
            )
            whole, clipped = quantise.integers(weight, exponent, 8)
            # in units of what a synapse delivers
            most = np.abs(bias).max() / 2.0 ** (exponent - quarter)
            vth = neuron.threshold / 2.0 ** (exponent - quarter) * gain
            exp = min(exp, _weight_exp(vth)) if vth > 0 else exp
            vth = vth * 2.0 ** (exp + 1)
            if not 0 <= vth <= MOST_VTH or most >= 1 << 20:
                raise ValueError(
                    f"{b.name}: threshold {vth:.3g} and largest bias {most:.3g} in units of the "
                    "weights; Loihi "
                    "holds 0 to 131071, and biases below 1048576"
                )
            ints = np.floor(np.ldexp(bias, FRACTION + quarter - exponent) + 0.5)
            self.weight_exps.append(exp)
            self.vth.append(np.full(b.channels, int(thresholds(vth))))
            layers.append(
                quantise.IntegerLayer(
                    b.name,
                    whole,
                    ints.astype(np.int32),
                    exponent,
                    8,
                    shape,
                    pool,
                    FRACTION,
                    clipped,
                )
            )
        self._set(layers, integer, words, net.input_shape)

    def _set(self, layers, neuron, words, input_shape) -> None:
        self.arriving = 4 if self.mean else 1
        super()._set(layers, neuron, words, input_shape)
        self.axons = {
            b.name: int(np.abs(b.bias).max() / (1 << FRACTION) / AXON) + 1 for b in self.layers[:-1]
        }

    def check(self) -> None:
        decay = 4095 - self.du
        ranges.check_currents(
            self.layers, self.neuron, self.words, self.arriving, self.weight_exps, decay, FRACTION
        )
        whole(0, 4095, voltage=4096 - self.dv)
        for layer, vth in zip(self.layers, self.vth, strict=False):
            whole(1, MOST_VTH, **{f"{layer.name}: vth": int(vth[0])})

    @classmethod
    def of(
        cls, checkpoint, config: LoihiConfig = LoihiConfig(), x: np.ndarray | None = None
    ) -> "CubaNet":
        """The network of a checkpoint, ready to learn as it adapts; x is not needed, there is
        nothing to match."""
        net = checkpoint.net
        steps = steps_of(checkpoint.net, checkpoint.inner, checkpoint.net.ways)
        self = cls(
            net,
            checkpoint.theta,
            config,
            exponent_of(
                steps["log2_weight"], Words().readout_bits, learns_online(checkpoint.inner)
            ),
        )
        self.steps = steps
        self.recording = Recording.of(checkpoint)
        return self

    def constants(self) -> dict[str, int]:
        own = {
            "current": 4095 - self.du,
            "voltage": 4096 - self.dv,
            "fraction": FRACTION,
            "traces_rounding": STOCHASTIC,
        }
        units = {f"{layer.name}_unit": layer.exponent for layer in self.layers[:-1]}
        return super().constants() | own | {"trace_bits": self.config.trace_bits} | units

    def layer_constants(self, n):
        return {
            "pool": "mean" if self.mean else "max",
            "exponent": self.weight_exps[n],
            "threshold": int(self.vth[n][0]),
        }

    def traces(self, spikes, bits=None, mode="stochastic", seed=1):
        """As of `LoihiNet`, with nothing between a spike and its trace: what the other neuron has
        two steps later."""
        late = np.concatenate(
            [spikes, np.zeros((len(spikes), 2, *spikes.shape[2:]), spikes.dtype)], 1
        )
        # of a count: the mean of its four
        return super().traces(late, bits, mode, seed)[:, 2:] >> 2 * self.mean

    def _conv(self, layer, prepared, x, record):
        (H, W, _), (h, w, C_out), (B, T) = layer.input_shape, layer.output_shape, x.shape[:2]
        n = self.layers.index(layer)
        # a step of the chip more: synapses delay
        x = rows_of(np.concatenate([x, np.zeros_like(x[:, :1])], 1))
        exp = self.weight_exps[n]
        clipped = np.zeros(B, np.int64)
        constants = Constants(
            4095 - self.du, 4096 - self.dv, max(exp, 0), max(-exp, 0), 2 * h, 2 * w
        )
        pool = POOL["none" if self.mean else "max"]
        out = np.zeros((B, T + 1, H, C_out, W) if self.mean else (B, T + 1, h, C_out, W), np.uint8)
        kept = np.empty((min(record, B), T + 1, H, W * C_out), np.int32)
        axons = self.axons[layer.name]
        bias = 2 * firing(axons, 1 << FRACTION) @ axon_words(layer.bias.astype(np.int64), axons).T
        parallel(
            conv,
            B,
            x,
            x.view(np.uint64),
            *prepared,
            bias,
            pool,
            constants,
            self.vth[n],
            out,
            clipped,
            kept,
        )
        self._count(f"{layer.name}.u", int(clipped.sum()))
        spikes = out[:, 1:]
        v = kept[:, 1:].reshape(len(kept), T, H, W, C_out)
        if self.mean:  # how many of a site's four spike
            spikes = (
                spikes[:, :, : 2 * h, :, : 2 * w]
                .reshape(B, T, h, 2, C_out, w, 2)
                .sum((3, 6), dtype=np.uint8)
            )
        return np.ascontiguousarray(spikes[..., :w].transpose(0, 1, 2, 4, 3)), v
