"""What stands in a student's `mysnn.py`: its header, and the exercises whose functions go into it."""

import re
from pathlib import Path

GIVEN = "given by the course"
PRELUDE = '''"""mysnn: a spiking network that learns to learn, built function by function in the lessons of minisnn.

Sequences are (T, ...): time comes first, and all neurons of a layer, and all samples, stand behind it.

    python mysnn.py train     meta-trains on the recordings of mysnn.npz, and examines
    python mysnn.py page      writes a page that learns a friend's handwriting with these weights
"""

import argparse
import base64
import re
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Neuron(NamedTuple):
    """Decays of membrane, synapse and reset, the reset's strength, threshold, slope of the surrogate, gain of the input."""

    alpha: float = 0.95
    beta: float = 0.9
    gamma: float = 0.65
    rho: float = 1.0
    threshold: float = 0.0
    slope: float = 10.0
    gain: float = 10.0


def step(a):
    """The spike: 1 where the membrane, less its threshold, is not below 0."""
    return (np.asarray(a) >= 0) * 1.0


def sigma_prime(a, slope):
    """Its slope, on loan: 1 / (slope |a| + 1)^2."""
    return 1 / (slope * np.abs(a) + 1) ** 2


def softmax(logits):
    """Probabilities (B, K) of logits (B, K)."""
    z = np.exp(logits - logits.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def summed(x, dV):
    """The sum of x^T dV over steps and samples, (n, m), of x (T, B, n) and dV (T, B, m)."""
    return np.tensordot(x, dV, ((0, 1), (0, 1)))
'''
# exercise: (function, the derivation's equation)
PARTS = {
    "1.1": ("trace", "y_0 = 0, y_{t+1} = decay y_t + (1 - decay) x_t: a leaky memory"),
    "1.3": (
        "fire",
        "u_t = w p_t + b - rho r_t, s_t = [u_t >= threshold], r_{t+1} = gamma r_t + (1 - gamma) "
        "s_t",
    ),
    "2.3": ("sigma_second", "d/da 1 / (slope |a| + 1)^2: the curvature of a spike, on loan"),
    "2.4": (
        "jet",
        "J(a) = step(a0) + sigma'(a0) (a - a0) + sigma''(a0) (a - a0)^2 / 2: the twin of a spike",
    ),
    "3.1": (
        "membrane_backward",
        "dI_t = dy_t + sigma'(a_t) (1 - gamma) dr_{t+1}, dr_t = gamma dr_{t+1} - rho dI_t",
    ),
    "3.2": (
        "filter_backward",
        "dV_t = (1 - beta) dQ_{t+1}, dQ_t = beta dQ_{t+1} + (1 - alpha) dP_{t+1}, dP_t = dI_t + "
        "alpha dP_{t+1}",
    ),
    "4.1": ("by_strides", "V[h, v] = sum over i, j of x[h + i - m, v + j - m] w[i, j]"),
    "5.2": ("loss_backward", "dlogits = (softmax(logits) - [class = y]) / B: the cross-entropy's"),
    "6.1": ("descend", "theta_{n+1} = theta_n - step_size g(theta_n)"),
    "7.1": ("membrane_tangent", "the lines of `fire`, dotted: s_dot = sigma'(a) u_dot"),
    "7.2": (
        "membrane_backward_tangent",
        "the lines of `membrane_backward`, dotted: sigma'(a) dr moves in both factors",
    ),
    "7.3": ("taylor", "max |f(h) - f(0) - h f_dot|: slope 2, or the tangent is wrong"),
    "8.2": ("asymmetry", "|<w, H v> - <v, H w>| / (|w| |H v|): 0, or the product is none of H"),
    "9.2": ("decode", "t = 2^16 (b2 mod 128) + 2^8 b3 + b4, 8192 more after each overflow"),
    "9.3": ("count", "counts[t, h, v, p]: events of a millisecond, of two by two pixels"),
    "9.4": ("deal", "support and query: no recording in both"),
    "10.2": (
        "back",
        "lambda_N = gradient of the query's loss at theta_N, lambda_n = lambda_{n+1} - a H_n "
        "lambda_{n+1}: the meta-gradient",
    ),
    "11.2": (
        "adam",
        "m <- 0.9 m + 0.1 g, v <- 0.999 v + 0.001 g^2, theta <- theta - rate m' / (sqrt(v') + 1e-8)",
    ),
    "14.1": ("shift", "floor((x + c) / 2^k): four ways to round"),
    "14.4": ("widest", "the worst that a sum can meet, and the word that holds it"),
    "14.5": ("exponent", "x of the least sum of (w - 2^x k)^2, k in the word"),
    "15.1": ("error", "e = softmax(u) - [class = y], in 128ths"),
    "15.2": ("update", "W <- W - ((G + noise) >> k) where |G| > least"),
    "16.3": ("nearest", "the class of the nearest support sample, summed over time"),
    "16.4": ("centred", "n + whole pixels, so that the mean lies in the middle"),
    "16.5": ("means_readout", "2 c p - |c|^2 is largest for the nearest mean c"),
    "17.1": (
        "forward",
        "V = x W, P = trace(trace(V)), u = P + b - rho r, s = [u >= threshold], layer by layer",
    ),
    "17.2": ("backward", "dW = sum x dV, db = sum dI, dx = dV W^T; below, dy = dx sigma'(a)"),
    "17.3": ("backward_tangent", "the lines of `backward`, dotted: H v without a Hessian"),
    "17.4": ("tired_backward", "a neuron of two resets: each spike is blamed through both"),
}


def given() -> dict[str, str]:
    """What the course gives, by its place in the file: the texts under the marks of given.py."""
    text = Path(__file__).with_name("given.py").read_text(encoding="utf-8")
    _, *rest = re.split(rf"^# (\d+\.\d+) · {GIVEN}\n", text, flags=re.M)
    return {place: part.strip("\n") for place, part in zip(rest[::2], rest[1::2])}
