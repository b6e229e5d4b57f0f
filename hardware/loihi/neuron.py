"""A current-based leaky integrate-and-fire layer as Intel's Loihi computes it, bit for bit.

After Davies et al. 2018 and the fixed-point LIF of Lava.

One step, in this order, for every neuron; tr(x, k) = sign(x) (|x| >> k):

    a      = the synapses' input of the step before
    a_next = (sum_j W[i, j] spikes[t, j]) << weight_exp                    a negative exponent shifts right, rounding down
    u      = wrap24(tr(u (4096 - (du + 1)), 12) + (a << 6))
    v      = clip(tr(v (4096 - dv), 12) + u + (bias_mant << bias_exp), -(2^23 - 1), 2^23 - 1)
    s      = v > (vth << 6),   then v = 0 where it spiked
"""

import numpy as np

from ..chip.ranges import STATE

MIXED, EXCITATORY, INHIBITORY = 1, 2, 3
UNITY = 4096  # decays are 12-bit fractions
LIMITS = {  # limits of arguments, wider than the chip's registers
    "weight_exp": (-31, 31),
    "num_weight_bits": (1, 9),
    "sign_mode": (MIXED, INHIBITORY),
    "du": (0, UNITY - 1),
    "dv": (0, UNITY),
    "vth": (0, STATE),
    "bias_mant": (-STATE, STATE),
    "bias_exp": (-31, 31),
}
# limit of the input in a step: a current wraps once, so it may grow 4,096 times as far, and is
# multiplied by 4,096
REACH = 1 << 32


def used_weights(W: np.ndarray, num_weight_bits: int = 8, sign_mode: int = MIXED) -> np.ndarray:
    """Round weights to those that the chip can store: 8 bits and a sign, in the steps of the
    synapse format.

    sign_mode   1: mixed, -256 .. 255, steps of 2^(9 - bits)
                2: excitatory, 0 .. 255, and 3: inhibitory, -255 .. 0, steps of 2^(8 - bits)
    """
    low, high, drop = {MIXED: (-256, 255, 9), EXCITATORY: (0, 255, 8), INHIBITORY: (-255, 0, 8)}[
        sign_mode
    ]
    drop = max(drop - num_weight_bits, 0)
    return (np.clip(W, low, high) >> drop) << drop


def _toward_zero(x: np.ndarray, k: int) -> np.ndarray:
    return np.sign(x) * (np.abs(x) >> k)


def _shifted(x: np.ndarray, exponent) -> np.ndarray:
    return x << np.maximum(exponent, 0) >> np.maximum(-exponent, 0)


def run(
    spikes,
    W,
    weight_exp=0,
    num_weight_bits=8,
    sign_mode=MIXED,
    du=0,
    dv=0,
    vth=10,
    bias_mant=0,
    bias_exp=0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (a_buff, u, v, s), each int64 (T, neurons): input that the synapses deliver in the
    next step, current, membrane after the reset, spikes.

    spikes (T, inputs) of 0 and 1; W (neurons, inputs) integers; du, dv decays and vth, bias_mant,
    bias_exp integers, one for all neurons or an array (neurons,), as in Lava. Raises ValueError for
    non-integers, shapes that do not fit, numbers beyond LIMITS, an input above REACH in one step,
    or an unknown sign mode.
    """
    spikes = np.asarray(spikes)
    W = np.asarray(W)
    for name, array in (("spikes", spikes), ("W", W)):
        if array.ndim != 2 or array.dtype.kind not in "iub" or array.shape[1] != W.shape[-1]:
            raise ValueError(
                f"{name} must be a matrix of integers with as many inputs as W has, not "
                f"{array.dtype} of shape {array.shape}"
            )
    each = dict(du=du, dv=dv, vth=vth, bias_mant=bias_mant, bias_exp=bias_exp)
    one = dict(weight_exp=weight_exp, num_weight_bits=num_weight_bits, sign_mode=sign_mode)
    for name, value in (one | each).items():
        array = np.asarray(value)
        low, high = LIMITS[name]
        inside = low <= array.min(initial=high) <= array.max(initial=low) <= high
        if array.dtype.kind not in "iu" or array.shape not in ((), W.shape[:1]) or not inside:
            raise ValueError(
                f"{name} must be integers from {low} to {high}, one or {len(W)}, not {value}"
            )
    du, dv, vth, bias_mant, bias_exp = (np.asarray(value, np.int64) for value in each.values())
    most = int(spikes.max(initial=0))
    if spikes.min(initial=0) < 0 or 256 * most * W.shape[1] << max(int(weight_exp), 0) > REACH:
        raise ValueError(
            "spikes must be small counts whose weighted sum is at most 2^32 in each step; found "
            f"{W.shape[1]} inputs of {spikes.min(initial=0)} to {most} with a weight_exp of "
            f"{weight_exp}"
        )
    weights = used_weights(
        np.minimum(W, 255).astype(np.int64), int(num_weight_bits), int(sign_mode)
    )
    bias = _shifted(bias_mant, bias_exp)
    weight_exp = np.int64(weight_exp)
    a = u = v = np.zeros(len(W), np.int64)
    found = np.empty((4, len(spikes), len(W)), np.int64)
    for t, x in enumerate(spikes.astype(np.int64)):
        u = _toward_zero(u * (UNITY - (du + 1)), 12) + (a << 6)
        u = np.where(u > STATE, u - 2 * STATE, np.where(u <= -STATE, u + 2 * STATE, u))
        v = np.clip(_toward_zero(v * (UNITY - dv), 12) + u + bias, 1 - STATE, STATE - 1)
        s = v > vth << 6
        v = np.where(s, 0, v)
        a = _shifted(weights @ x, weight_exp)
        found[:, t] = a, u, v, s
    return found[0], found[1], found[2], found[3]
