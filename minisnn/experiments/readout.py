"""A readout that learns on a body which no longer changes: its traces are computed once, then every
pass is a product.

The same numbers as a `SpikingNet` of one dense block on the body's spikes (`network`), several
times faster where it takes many updates: p_t is the trace of the spikes (Eq. 4), u_T the logits,
and the gradient goes through the last `window` steps.

    I_t = W p_t + b     u_t = I_t - rho r_t     dW = sum_t p_t dI_t^T     db = sum_t dI_t
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..layers import membrane
from ..network.spiking import SpikingNet
from ..layers.cuba import CubaLIF
from ..layers.lif import LIF
from ..parallel.compilation import njit

_SUMS = {"contract", "reassoc", "nsz"}  # a sum may be split over the lanes of a vector


def spikes_of(net: SpikingNet, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Spikes of the last block below the readout: uint8 (B, T, features), part by part to save
    memory."""
    return (
        np.concatenate([net.spikes(theta, x[first : first + 50]) for first in range(0, len(x), 50)])
        .reshape(len(x), x.shape[1], -1)
        .astype(np.uint8)
    )


def network(net: SpikingNet, ways: int) -> SpikingNet:
    """The readout alone as a network of one dense block, its input the spikes of the body."""
    features = int(np.prod(net.blocks[-1].input_shape))
    return net.like(
        input_shape=(features,),
        channels=(),
        hidden=(),
        ways=ways,
        neuron=replace(net.neuron, gain=1.0),
    )


def traces(
    spikes: np.ndarray, neuron: LIF | CubaLIF, dtype, steps: Sequence[int] | None = None
) -> np.ndarray:
    """Presynaptic p_t at every step, or at `steps` in order, from zero, of spikes (B, T, …): (B,
    steps, …), of this dtype."""
    dtype = np.dtype(dtype)
    steps = list(range(spikes.shape[1]) if steps is None else steps)
    found = np.empty((len(spikes), len(steps), *spikes.shape[2:]), dtype)
    alpha = dtype.type(neuron.alpha)
    beta = dtype.type(neuron.beta)
    p = np.zeros(spikes[:, 0].shape, dtype)
    q = np.zeros(spikes[:, 0].shape, dtype)
    for t in range(max(steps) + 1):
        before = p, q
        q = beta * q + (1 - beta) * spikes[:, t].astype(dtype)
        p = alpha * p + (1 - alpha) * (before[1] if neuron.delay else q)
        if t in steps:
            found[:, steps.index(t)] = before[0] if neuron.delay else p
    return found


class Readout:
    """The readout of `net` for so many ways; theta is flat, the weight (features, ways), then the
    bias."""

    def __init__(self, net: SpikingNet, ways: int):
        self.neuron, self.window, self.detach_reset = net.neuron, net.window, net.detach_reset
        self.dtype, self.ways, self.loss = net.dtype, ways, net.criterion
        self.size = (int(np.prod(net.blocks[-1].input_shape)) + 1) * ways

    def traces(self, spikes: np.ndarray) -> np.ndarray:
        """Presynaptic p_t at every step, (B, T, features), of spikes (B, T, features)."""
        return traces(spikes, self.neuron, self.dtype)

    def logits(self, theta: np.ndarray, p: np.ndarray) -> np.ndarray:
        """u_T, (B, ways)."""
        return self._membrane(theta, p)[0][:, -1]

    def loss_and_gradient(
        self, theta: np.ndarray, p: np.ndarray, y: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Mean loss over the batch, and its gradient flat like theta."""
        u, tape = self._membrane(theta, p)
        dy = np.zeros_like(u)
        dy[:, -1] = self.loss.backward(u[:, -1], y)
        dI = membrane.backward(tape, dy, self.neuron, self.detach_reset)
        dW = sum(outer_sum(one[-len(d) :], d) for one, d in zip(p, dI))
        return self.loss.value(u[:, -1], y), np.concatenate([dW.T.ravel(), dI.sum((0, 1))])

    def _membrane(self, theta, p):
        """u in the window, (B, n, ways), and what going back takes."""
        weight = np.ascontiguousarray(theta[: -self.ways].reshape(-1, self.ways).T)
        bias = theta[-self.ways :]
        current = times(p.reshape(-1, p.shape[2]), weight).reshape(*p.shape[:2], -1) + bias
        K = max(p.shape[1] - self.window, 0)
        z = membrane.forward(current[:, :K], None, self.neuron)[1]["end"]
        return membrane.forward(current[:, K:], z, self.neuron, self.detach_reset)


# ---- products of many rows with a few columns: the same bits for any number of threads


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _times(rows, weight, out):
    n_four = len(rows) - len(rows) % 4
    zero = rows.dtype.type(0)
    for n in range(0, n_four, 4):  # four at a time: a weight is loaded once for them
        for k in range(len(weight)):
            a = b = c = d = zero
            for f in range(rows.shape[1]):
                w = weight[k, f]
                a += w * rows[n, f]
                b += w * rows[n + 1, f]
                c += w * rows[n + 2, f]
                d += w * rows[n + 3, f]
            out[n, k], out[n + 1, k], out[n + 2, k], out[n + 3, k] = a, b, c, d
    for n in range(n_four, len(rows)):
        for k in range(len(weight)):
            a = zero
            for f in range(rows.shape[1]):
                a += weight[k, f] * rows[n, f]
            out[n, k] = a


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def _add_outer(rows, d, out):
    n_four = len(rows) - len(rows) % 4
    for n in range(0, n_four, 4):
        for k in range(len(out)):
            a = d[n, k]
            b = d[n + 1, k]
            c = d[n + 2, k]
            e = d[n + 3, k]
            for f in range(rows.shape[1]):
                out[k, f] += (
                    a * rows[n, f] + b * rows[n + 1, f] + c * rows[n + 2, f] + e * rows[n + 3, f]
                )
    for n in range(n_four, len(rows)):
        for k in range(len(out)):
            for f in range(rows.shape[1]):
                out[k, f] += d[n, k] * rows[n, f]


def times(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """rows @ weight.T of rows (N, F) and weight (K, F): (N, K), whose sums BLAS splits by
    threads."""
    out = np.zeros((len(rows), len(weight)), rows.dtype)
    _times(rows, weight, out)
    return out


def outer_sum(rows: np.ndarray, d: np.ndarray) -> np.ndarray:
    """d.T @ rows of rows (N, F) and d (N, K): (K, F), likewise in one fixed order."""
    out = np.zeros((d.shape[1], rows.shape[1]), rows.dtype)
    _add_outer(rows, d, out)
    return out
