"""The four passes of a block on the event-driven kernels: same signatures and values as `minisnn.layers.block`.

Input and output spikes are `Events`; adjoints and tangents are dense arrays. The hard form only.
"""
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from ..layers.block import Block
from . import passes
from .linear import back_layout, dense_layout, from_rows, rows_layout
from .neuron import POOL, constants
from .vector import aligned_empty, aligned_zeros

LANES = 8                       # weight gradients are summed in this many lanes, whatever the number of threads


@dataclass(frozen=True)
class Events:
    """Spikes of a batch by time step: `value[b, e]` at flat site `index[b, e]`, e from offset[b, t] to offset[b, t + 1]."""

    index: np.ndarray           # (B, capacity) int32
    value: np.ndarray           # (B, capacity)
    offset: np.ndarray          # (B, T + 1) int64
    sites: int

    def mean(self) -> float:
        """Events over batch, time and sites, each counted once."""
        B, T = self.offset.shape[0], self.offset.shape[1] - 1
        return float(self.offset[:, -1].sum() / (B * T * self.sites))


@njit(parallel=True, cache=True)
def _collect(x, gain, index, value, offset):
    for b in prange(x.shape[0]):
        found = 0
        for t in range(x.shape[1]):
            for i in range(x.shape[2]):
                if x[b, t, i] != 0:
                    index[b, found] = i
                    value[b, found] = gain * x[b, t, i]
                    found += 1
            offset[b, t + 1] = found


def events(x: np.ndarray, gain) -> Events:
    """The non-zero counts of x (B, T, H, W, C), times gain."""
    flat = x.reshape(*x.shape[:2], -1)
    if flat.dtype != np.uint8:
        flat = flat.astype(gain.dtype)
    capacity = int(np.count_nonzero(flat, axis=(1, 2)).max())
    index, value = np.empty((len(x), capacity), np.int32), np.empty((len(x), capacity), gain.dtype)
    offset = np.zeros((len(x), x.shape[1] + 1), np.int64)
    _collect(np.ascontiguousarray(flat), gain, index, value, offset)
    return Events(index, value, offset, flat.shape[2])


def _geometry(block: Block):
    return (*block.input_shape, block.channels, block.kernel)


def _nothing(dtype, *shape):
    return np.empty(shape or (0,), dtype)


def forward(block: Block, weight, bias, x: Events, window: int, form="hard", frozen=None, keep=True):
    """(y, tape); y are Events, or logits (B, C_out) for the readout."""
    dtype, (B, T) = weight.dtype, (x.offset.shape[0], x.offset.shape[1] - 1)
    H, W, n_in, n_out, _ = g = _geometry(block)
    first, N = max(T - window, 0), H * W * n_out
    N_out = int(np.prod(block.output_shape))
    kept = B if keep else 0
    u = aligned_empty((kept, T - first, N), dtype)
    p, q = aligned_zeros((kept, H * W * n_in), dtype), aligned_zeros((kept, H * W * n_in), dtype)
    r = np.empty((kept, N), dtype)
    capacity = 0 if block.readout else T * N_out
    y = Events(np.empty((B, capacity), np.int32), np.empty((B, capacity), dtype), np.zeros((B, T + 1), np.int64), N_out)
    logits = np.empty((B, N), dtype) if block.readout else _nothing(dtype, 0, 0)
    passes.forward(x.index, x.value, x.offset, rows_layout(weight), dense_layout(weight), bias, g, POOL[block.pool],
                   constants(block.neuron, dtype), first, keep, block.readout, u, p, q, r, y.index, y.value, y.offset,
                   logits)
    tape = {"x": x, "first": first, "u": u, "p": p, "q": q, "r": r}
    return (logits if block.readout else y), tape


def _lanes(block, B, dtype):
    lanes = min(B, LANES)
    return aligned_zeros((lanes, int(np.prod(block.weight_shape))), dtype), np.zeros((lanes, block.channels), dtype)


def _flat(sequence):
    """(B, m, ...) -> (B, m, sites); m may be zero."""
    return sequence.reshape(*sequence.shape[:2], int(np.prod(sequence.shape[2:])))


def _split(block, dy, dtype):
    """(dy, dlogits, steps): the readout's adjoint belongs to the last step only."""
    if block.readout:
        return _nothing(dtype, 0, 0, 0), np.ascontiguousarray(dy), None
    return np.ascontiguousarray(_flat(dy)), _nothing(dtype, 0, 0), dy.shape[1]


def _shaped(block, dx):
    return dx.reshape(*dx.shape[:2], *block.input_shape)


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias); dx (B, m - 2, H, W, C_in). The tape gains dV and dy for the tangent."""
    dtype, x, B = weight.dtype, tape["x"], len(tape["u"])
    H, W, n_in, n_out, k = g = _geometry(block)
    dy, dlogits, steps = _split(block, dy, dtype)
    steps = tape["u"].shape[1] if steps is None else steps
    shorter = max(steps - 2, 0)
    dx = aligned_zeros((B, shorter if need_dx else 0, H * W * n_in), dtype)
    dV = aligned_zeros((B if second else 1, max(shorter, 2) if second else 1, H * (W + k - 1) * n_out), dtype)
    dW, db = _lanes(block, B, dtype)
    passes.backward(x.index, x.value, x.offset, back_layout(weight), g, POOL[block.pool],
                    constants(block.neuron, dtype), tape["first"], block.detach_reset, need_dx, tape["u"], tape["p"],
                    tape["q"], dy, steps, dlogits, dx, dV, dW, db)
    tape.update(dy=dy, dlogits=dlogits, dV=dV, steps=steps)
    return _shaped(block, dx), from_rows(dW.sum(0), block.weight_shape), db.sum(0)


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """(y_dot, tape_dot) at the window's first `steps` steps; x_dot has two fewer or is None."""
    dtype, x, B = weight.dtype, tape["x"], len(tape["u"])
    H, W, n_in, n_out, _ = g = _geometry(block)
    x_dot = _nothing(dtype, 0, 0, 0) if x_dot is None else np.ascontiguousarray(_flat(x_dot))
    u_dot = aligned_empty((B, steps, H * W * n_out), dtype)
    y_dot = aligned_empty((0 if block.readout else B, steps, int(np.prod(block.output_shape))), dtype)
    logits_dot = np.empty((B if block.readout else 0, n_out), dtype)
    passes.forward_tangent(x.index, x.value, x.offset, dense_layout(weight), rows_layout(weight_dot), dense_layout(weight_dot),
                           np.ascontiguousarray(bias_dot), g, POOL[block.pool], constants(block.neuron, dtype),
                           tape["first"], block.detach_reset, block.readout, tape["u"], tape["p"], tape["q"], x_dot,
                           steps, u_dot, y_dot, logits_dot)
    y_dot = logits_dot if block.readout else y_dot.reshape(B, steps, *block.output_shape)
    return y_dot, {"x_dot": x_dot, "u_dot": u_dot}


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    dtype, x, B = weight.dtype, tape["x"], len(tape["u"])
    H, W, n_in, n_out, _ = g = _geometry(block)
    dy_dot, dlogits_dot, _ = _split(block, dy_dot, dtype)
    steps = tape["steps"]
    dx_dot = aligned_zeros((B, max(steps - 2, 0) if need_dx else 0, H * W * n_in), dtype)
    dW, db = _lanes(block, B, dtype)
    passes.backward_tangent(x.index, x.value, x.offset, back_layout(weight), back_layout(weight_dot), g,
                            POOL[block.pool], constants(block.neuron, dtype), tape["first"], block.detach_reset,
                            need_dx, tape["u"], tape["p"], tape["q"], tape_dot["x_dot"], tape_dot["u_dot"], tape["dy"],
                            tape["dV"], tape["dlogits"], dy_dot, dlogits_dot, steps, dx_dot, dW, db)
    return _shaped(block, dx_dot), from_rows(dW.sum(0), block.weight_shape), db.sum(0)
