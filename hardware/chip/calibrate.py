"""Conv weights in few bits, chosen by their effect on the membrane rather than by their distance
from the float.

The current of a layer is W p + b with presynaptic traces p, so an error D of the weights costs,
over a calibration set,

    E |D^T (p - E p)|^2 = trace(D^T H D),   H = covariance of p under a kernel          (the mean goes into the bias)

Weights are rounded one input after the other, from the one that varies most, and what each rounding
did wrong is made good as far as can be by the inputs that are still to come (optimal brain surgeon,
Hassibi & Stork 1993; GPTQ, Frantar et al. 2023):

    q_i = Q(w_i)        w_j -= (w_i - q_i) U_ij / U_ii  for j > i,        inverse(H) = U^T U, U upper triangular

Then each bias takes up what its neuron's mean current lost (Nagel et al. 2019), that of the layers
below included. Exponents are those of least trace(D^T H D). The layers follow each other, every one
on the spikes of those rounded before it.
"""

from collections.abc import Mapping

import numpy as np

from minisnn.experiments.readout import traces

from .formats import ends
from .quantise import best_exponent
from .ranges import MOST_COUNT

ROWS = 12_000  # most traces under a kernel from which H is computed
DAMPING = 0.01  # share of the mean variance that is added to each


def under_kernels(p: np.ndarray, kernel: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the patches of p (B, T, H, W, C) under the kernel at every site, or at the sites
    `rows`: (sites, k k C), in the order of conv weights."""
    h = kernel // 2
    padded = np.pad(p, ((0, 0), (0, 0), (h, h), (h, h), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (2, 3)).transpose(
        0, 1, 2, 3, 5, 6, 4
    )
    if rows is not None:
        patches = patches[np.unravel_index(rows, patches.shape[:4])]
    return patches.reshape(-1, kernel * kernel * p.shape[4])


def rounded(weight: np.ndarray, H: np.ndarray, exponent: int, bits: int) -> np.ndarray:
    """Round weights (inputs, outputs) to words of this exponent, so that later inputs compensate
    the error of earlier ones; float64."""
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
    """Return (theta, {layer: exponent}) with the conv layers that `bits` names rounded to that many
    bits, on counts x (B, T, H, W, C).

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
    """Return rounded weights and their exponent: of the exponents near that of least squared error,
    the one with the least membrane error."""
    first = best_exponent(weight, bits)
    found = {e: rounded(weight, H, e, bits) for e in (first - 1, first, first + 1)}
    lost = {e: weight - held for e, held in found.items()}
    exponent = min(found, key=lambda e: np.sum(lost[e] * (H @ lost[e])))  # trace(D^T H D)
    return found[exponent], exponent
