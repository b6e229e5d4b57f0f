"""Round conv weights to few bits such that the membranes change least, rather than the weights.

A layer's current is W p + b, where p are presynaptic traces. Over a calibration set, an error D in
the weights therefore costs

    E |D^T (p - E p)|^2 = trace(D^T H D),   H = covariance of p under a kernel          (the mean goes into the bias)

Weights are rounded one input after the other, beginning with the input that varies most. After each
rounding, the weights of the remaining inputs are changed to compensate its error as well as
possible (optimal brain surgeon, Hassibi & Stork 1993; GPTQ, Frantar et al. 2023):

    q_i = Q(w_i)        w_j -= (w_i - q_i) U_ij / U_ii  for j > i,        inverse(H) = U^T U, U upper triangular

Then each bias is corrected by the change in its neuron's mean current (Nagel et al. 2019),
including the change that the rounded layers below cause. The exponents are those with the least
trace(D^T H D). Layers are rounded in order, each on the spikes of the rounded layers below it.
"""

from collections.abc import Mapping

import numpy as np

from minisnn.experiments.readout import traces

from .formats import ends
from .quantise import best_exponent
from .ranges import MOST_COUNT

ROWS = 12_000  # the most samples (traces under the kernel at one site) from which H is computed
DAMPING = 0.01  # this share of the mean variance is added to every variance


def under_kernels(p: np.ndarray, kernel: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the inputs that a kernel sees at each site, from traces p (B, T, H, W, C), as an array
    (sites, k k C) in the order of conv weights. If `rows` is given, only these sites are
    returned."""
    h = kernel // 2
    padded = np.pad(p, ((0, 0), (0, 0), (h, h), (h, h), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (2, 3)).transpose(
        0, 1, 2, 3, 5, 6, 4
    )
    if rows is not None:
        patches = patches[np.unravel_index(rows, patches.shape[:4])]
    return patches.reshape(-1, kernel * kernel * p.shape[4])


def rounded(weight: np.ndarray, H: np.ndarray, exponent: int, bits: int) -> np.ndarray:
    """Round weights (inputs, outputs) to words with this exponent, one input after another; later
    inputs compensate the rounding errors of earlier ones. The result is float64."""
    order = np.argsort(-np.diag(H), kind="stable")
    U = np.linalg.cholesky(np.linalg.inv(H[np.ix_(order, order)])).T
    w = weight[order].astype(np.float64)
    unit = 2.0**exponent
    for i in range(len(w)):
        held = unit * np.clip(np.floor(w[i] / unit + 0.5), *ends(bits))
        w[i + 1 :] -= np.outer(U[i, i + 1 :], (w[i] - held) / U[i, i])
        w[i] = held
    found = np.empty_like(w)
    found[order] = w
    return found


def calibrate(
    net, theta: np.ndarray, bits: Mapping[str, int], x: np.ndarray
) -> tuple[np.ndarray, dict[str, int]]:
    """Round the conv layers named in `bits` to that many bits, calibrated on counts x (B, T, H, W,
    C). Return (theta, {layer: exponent}).

    Given the exponents, `network.IntegerNet` rounds the result to the same integers. Only these
    layers' weights and biases change.
    """
    new = theta.copy()
    exponents = {}
    rng = np.random.default_rng(0)
    views = net.views(new)
    was = net.views(theta)
    T = x.shape[1]
    steps = np.unique(np.linspace(max(T - net.window, 0), T - 1, 8).astype(int)).tolist()
    before = after = np.minimum(x, MOST_COUNT)
    for n, b in enumerate(net.blocks):
        if not b.name.startswith("conv"):
            break
        if b.name in bits:
            gain = net.neuron.gain if n == 0 else 1.0
            sites = len(x) * len(steps) * int(np.prod(b.input_shape[:2]))
            rows = rng.choice(sites, ROWS, replace=False) if sites > ROWS else None
            float_p, p = (
                under_kernels(traces(s, net.neuron, np.float32, steps), net.kernel, rows)
                for s in (before, after)
            )
            weight = gain * was[f"{b.name}.weight"].reshape(-1, b.channels).astype(np.float64)
            H = np.cov(p, rowvar=False, dtype=np.float64)
            H[np.diag_indices_from(H)] += DAMPING * np.trace(H) / len(H) + 1e-12
            held, exponents[b.name] = _best(weight, H, bits[b.name])
            view = views[f"{b.name}.weight"]
            view[...] = (held / gain).reshape(view.shape)
            lost = float_p.mean(0, dtype=np.float64) @ weight - p.mean(0, dtype=np.float64) @ held
            views[f"{b.name}.bias"][...] += lost
        before = net.spikes(theta, x, b.name)
        after = net.spikes(new, x, b.name)
    return new, exponents


def _best(weight, H, bits):
    """Return rounded weights and their exponent. Three exponents around the one with the least
    squared error are tried; the one with the least membrane error is chosen."""
    first = best_exponent(weight, bits)
    found = {e: rounded(weight, H, e, bits) for e in (first - 1, first, first + 1)}
    lost = {e: weight - held for e, held in found.items()}
    exponent = min(found, key=lambda e: np.sum(lost[e] * (H @ lost[e])))  # trace(D^T H D)
    return found[exponent], exponent
