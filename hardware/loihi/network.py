"""The network in a configuration that Intel's Loihi could hold: the neurons of `loihi.run`,
learning in its short words.

    quantity                  on the chip of `network`                  here, as on Loihi
    conv weights              2 to 8 bits and an exponent               8 bits and a sign in steps of 2 (mixed signs)
    synaptic filter           a mean, (1 - beta) of what arrives        a sum, decays by (4096 - (du + 1)) / 4096
    membrane                  a second mean, read a step late           a second sum, decays by (4096 - dv) / 4096, read at once
    threshold, bias           one threshold, a bias a channel           no bias; a threshold a channel, vth
    a spike                   takes rho r off, r decays                 sets v to zero: what it had gathered is lost
    pooling                   max of four membranes                     or of four spikes, the same thing without a reset
    p of the readout          uQ1.12                                    7 fraction bits, rounded stochastically
    weights of the readout    2 to 8 bits                               8 bits and a sign, updates rounded stochastically

A sum is the mean times 1 / (1 - factor), so vth is the negative bias in units of the weights times
both gains. After a reset a neuron needs longer to its next spike than in the float network; so the
thresholds of a layer are scaled, all by one number, until on calibration data it fires as often as
the float layer does. Kept from `network`, and no part of Loihi's cores, are the readout's membrane
(its traces times its weights, read at the last step) and the softmax of its error.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minisnn.parallel.compilation import njit
from minisnn.parallel.threads import parallel

from ..chip import ranges
from ..chip.formats import whole
from ..chip.kernels import NONE, POOL, mirrored, rows_of, spread
from ..chip.learner import CLASS_MEAN, Learner, readout_exponent, steps_of
from ..chip.network import IntegerNet
from ..chip.words import Words
from ..chip.traces import factor


STATE = ranges.STATE
MOST_VTH = (1 << 17) - 1


@dataclass(frozen=True)
class LoihiConfig:
    """Words of the configuration.

    du, dv        decays of current and membrane in 4096ths, Loihi's registers; None: those nearest
                  to the network's beta, alpha
    trace_bits    fraction bits of the presynaptic traces
    weight_exp    shift of what a synapse delivers, so that sums stay within 24 bits; None: -2, of
                  `cuba.CubaNet` -1
    """

    du: int | None = None
    dv: int | None = None
    trace_bits: int = 7
    weight_exp: int | None = None

    def __post_init__(self):
        for name, least, most in (
            ("du", 0, 4095),
            ("dv", 1, 4096),
            ("trace_bits", 1, 12),
            ("weight_exp", -8, 7),
        ):
            if getattr(self, name) is not None or name == "trace_bits":
                whole(least, most, **{name: getattr(self, name)})


@njit(nogil=True, inner=True)
def _toward_zero(x, factor):
    y = abs(x) * factor >> 12
    return -y if x < 0 else y


class Constants(NamedTuple):
    """What a step takes: factors 4096 - (du + 1) and 4096 - dv of the decays, shifts of what
    arrives, and of how many rows and columns the spikes are pooled."""

    u_factor: int
    v_factor: int
    left: int
    right: int
    rows: int = 0
    columns: int = 0


@njit(nogil=True, cache=True)
def conv(start, stop, x, words, weight, bias, pool, c, vth, out, clipped, record):
    """Spikes of `loihi.run`'s neurons, a layer of convolved weights, OR-pooled; arrays as
    `kernels.conv`.

    bias (steps, C_out) is what axons deliver that fire again after so many steps, a power of two; c
    are `Constants`, vth (C_out,); record (samples, T, H, W C_out) int32 keeps v after the reset of
    the first samples; clipped (B,) counts currents that wrap and membranes that are clipped, of the
    neurons whose spikes are pooled
    """
    T = x.shape[1]
    H = x.shape[2]
    k = weight.shape[1]
    C_out = weight.shape[2] // weight.shape[1]
    W = out.shape[4]
    half = weight.shape[1] // 2
    for b in range(start, stop):
        total = 0
        sums = np.zeros((H + k - 1, W + k - 1, C_out), weight.dtype)
        a = np.zeros((H, W, C_out), np.int64)
        u = np.zeros((H, W, C_out), np.int64)
        v = np.zeros((H, W, C_out), np.int64)
        for t in range(T):
            spread(x[b, t], words[b, t], weight, sums)
            for y in range(H):
                for z in range(W):
                    for n in range(C_out):
                        wide = _toward_zero(u[y, z, n], c.u_factor) + (a[y, z, n] << 6)
                        current = wide
                        if wide > STATE:
                            current -= 2 * STATE
                        elif wide <= -STATE:
                            current += 2 * STATE
                        u[y, z, n] = current
                        free = _toward_zero(v[y, z, n], c.v_factor) + current
                        m = min(max(free, 1 - STATE), STATE - 1)
                        if y < c.rows and z < c.columns:
                            total += (wide != current) + (free != m)
                        spike = m > vth[n] << 6
                        v[y, z, n] = 0 if spike else m
                        a[y, z, n] = (
                            (np.int64(sums[y + half, z + half, n]) + bias[t & (len(bias) - 1), n])
                            << c.left
                        ) >> c.right
                        if spike:
                            if pool == NONE:
                                out[b, t, y, n, z] = 1
                            elif y // 2 < out.shape[2] and z // 2 < W // 2:
                                out[b, t, y // 2, n, z // 2] = 1
                        if b < record.shape[0]:
                            record[b, t, y, z * C_out + n] = v[y, z, n]
        clipped[b] = total


class LoihiNet(IntegerNet):
    """An `IntegerNet` of 8 bits whose conv layers are Loihi's neurons and whose readout learns from
    short traces.

    net, theta   the float network, with max pooling and negative biases      config    word lengths
    x            counts (B, T, H, W, C) to match the rates of the conv layers on, or None
    """

    kind = "loihi"

    def __init__(
        self,
        net,
        theta: np.ndarray,
        config=LoihiConfig(),
        readout_exponent: int | None = None,
        x=None,
    ):
        if net.pool != "max":
            raise ValueError(
                f"spikes are pooled by OR, which is max pooling; this network has pool {net.pool!r}"
            )
        self._configure(config, factor(net.neuron.alpha), factor(net.neuron.beta))
        e = -2 if config.weight_exp is None else config.weight_exp
        self.weight_exps = [e] * len(net.channels)
        self._threshold = net.neuron.threshold
        self._gain = 2.0 * 2.0**e * 4096**2 / ((self.du + 1) * self.dv)
        super().__init__(net, theta, Words(), readout_exponent)
        self.constants = Constants(4095 - self.du, 4096 - self.dv, max(e, 0), max(-e, 0))
        self.vth = list[np.ndarray]()
        views = net.views(theta)
        for layer in self.layers[:-1]:
            below = net.neuron.threshold - views[f"{layer.name}.bias"].astype(np.float64)
            self._set_vth(layer, len(self.vth), np.ldexp(self._gain * below, -layer.exponent))
        self.scales = [1.0] * len(self.vth)
        if x is not None:
            self._match(net, theta, x)

    def _configure(self, config: LoihiConfig, alpha: int, beta: int) -> None:
        self.config = config
        self.du = 4095 - beta if config.du is None else config.du
        self.dv = 4096 - alpha if config.dv is None else config.dv

    def check(self) -> None:
        ranges.check_currents(
            self.layers, self.neuron, self.words, 1, self.weight_exps, 4095 - self.du, None
        )

    def _least_exponent(self, block, bias, fraction, room):
        least = super()._least_exponent(block, bias, fraction, room)
        # thresholds beyond their word are clipped, and counted
        if block.readout or self.config.weight_exp is not None:
            return least
        largest = self._gain * (self._threshold - float(bias.min()))
        return max(least, int(np.ceil(np.log2(largest / MOST_VTH)))) if largest > 0 else least

    def _set_vth(self, layer, n: int, real: np.ndarray) -> None:
        """Thresholds of layer n, those counted that meet the ends of their word."""
        found = thresholds(real)
        self.vth[n : n + 1] = [found]
        self.saturations[f"{layer.name}.vth"] = int((np.round(real) != found).sum())

    @classmethod
    def of(
        cls, checkpoint, config: LoihiConfig = LoihiConfig(), x: np.ndarray | None = None
    ) -> "LoihiNet":
        """As `IntegerNet.of`; config and x as above."""
        net = checkpoint.net
        steps = steps_of(checkpoint.net, checkpoint.inner, checkpoint.net.ways)
        self = cls(
            net,
            checkpoint.theta,
            config,
            readout_exponent(steps["log2_weight"], Words().readout_bits),
            x,
        )
        self.steps = steps
        return self

    def _match(self, net, theta, x) -> None:
        """Scale each layer's thresholds until it fires as often as the float layer, from the first
        layer to the last."""
        for n, layer in enumerate(self.layers[:-1]):
            rate = net.spikes(theta, x, layer.name).mean()
            first = self.vth[n]
            low = 0.05
            high = 2.0
            for _ in range(7):
                self.scales[n] = (low * high) ** 0.5
                self._set_vth(layer, n, first * self.scales[n])
                low, high = (
                    (self.scales[n], high)
                    if self.spikes(x, n + 1).mean() > rate
                    else (low, self.scales[n])
                )
        # of trials
        self.saturations |= {name: 0 for name in self.saturations if name.endswith((".u", "input"))}

    def traces(self, spikes, bits=None, mode="stochastic", seed=1):
        """As `IntegerNet.traces`, in Loihi's short words."""
        return super().traces(spikes, bits or self.config.trace_bits, mode, seed)

    def learner(self, **options) -> Learner:
        """Loihi's way to learn: its rules are rounded stochastically. Class means, which no rule of
        Loihi's makes, are rounded as is asked."""
        own = {} if options.get("rule") == CLASS_MEAN else {"rounding": "stochastic"}
        return super().learner(**{**options, **own})

    def _prepare(self, layer):
        return (2 * mirrored(layer.weight, np.int32),)  # in steps of 2

    def _conv(self, layer, prepared, x, record):
        (H, W, _), (h, w, C_out), (B, T) = layer.input_shape, layer.output_shape, x.shape[:2]
        flat = rows_of(x)
        vth = self.vth[self.layers.index(layer)]
        out = np.zeros((B, T, h, C_out, W), np.uint8)
        kept = np.empty((min(record, B), T, H, W * C_out), np.int32)
        bias = np.zeros((1, C_out), np.int64)
        clipped = np.zeros(B, np.int64)
        constants = self.constants._replace(rows=H, columns=W)
        if layer.pool != "none":
            constants = constants._replace(rows=2 * h, columns=2 * w)
        parallel(
            conv,
            B,
            flat,
            flat.view(np.uint64),
            *prepared,
            bias,
            POOL[layer.pool],
            constants,
            vth,
            out,
            clipped,
            kept,
        )
        self._count(f"{layer.name}.u", int(clipped.sum()))
        spikes = np.ascontiguousarray(out[..., :w].transpose(0, 1, 2, 4, 3))
        return spikes, kept.reshape(*kept.shape[:2], H, W, C_out)


def thresholds(real: np.ndarray) -> np.ndarray:
    """vth nearest to real numbers, 1 .. 2^17 - 1."""
    return np.clip(np.round(real), 1, MOST_VTH).astype(np.int64)
