"""The gradient of a block's weights, computed from dV. It uses events (for the output channels of
one cache line at a time, or for one kernel row at a time), and dense images. Every sum has a fixed
order."""

import math

import numpy as np

from ..parallel.arrays import ALIGNMENT, aligned_empty
from ..parallel.compilation import njit
from ..parallel.shares import parallel
from ..vectors.llvm import VECTOR_BITS
from ..vectors.vector import add_rows, axpy, zeros
from .dense import outer
from .events import Events
from .forward import traces
from .layer import Block
from .linear import add_rows_layout, sort_by_channel, spread_weight
from .neuron import responses
from .records import Geometry, Layer, Sorted, Sums

# bytes of an adjoint that stay in the L1 cache while events use them
PACKED = (36 if VECTOR_BITS == 512 else 24) << 10


def work_of(block: Block, B: int) -> int:
    """Return the number of multiplications in one step of a batch; `parallel` uses it."""
    return B * math.prod(block.input_shape) * block.channels * block.kernel


@njit(nogil=True, cache=True, error_model="numpy")
def _by_channel(start, stop, x, dense, s, g):
    """Return the window's events in one row (sample * H + h), sorted by channel as in
    `sort_by_channel`. For `dense` samples there are none."""
    for row in range(start, stop):
        if not dense[row // g.H]:
            sort_by_channel(x, row, s, g)


@njit(nogil=True, cache=True, error_model="numpy")
def _of_sorted(start, stop, s, dense, dV, dW, layer):
    """Add x (outer) dV to dW for the samples that are not `dense`, using events sorted by channel.
    One work item is one cache line of output channels: the part of a row of dV that belongs to it
    stays in the first-level cache while all input channels and kernel rows use it."""
    g = layer.g
    line = ALIGNMENT // dW.itemsize
    pad = g.k // 2
    width = g.W + g.k - 1
    taps = g.k * line
    frames = dV.reshape(-1)
    packed = zeros(s.span * width * line, dW)
    sums = zeros(g.k * g.n_in * taps, dW)
    for item in range(start, stop):
        size = min(line, g.n_out - item * line)
        sums[:] = 0
        for b in range(dV.shape[0]):
            for h in range(0 if dense[b] else g.H):
                for first in range(0, s.steps, s.span):
                    packed[:] = 0
                    for t in range(min(s.span, s.steps - first)):
                        at = (b * dV.shape[1] + first + t) * dV.shape[2]
                        at += h * g.pitch + item * line
                        for w in range(width):
                            to = (t * width + w) * line
                            axpy(packed, to, layer.c.one, frames, at + w * g.n_out, size)
                    for i in range(max(pad - h, 0), min(g.k, g.H + pad - h)):
                        row = b * g.H + h + i - pad
                        n = row * (-(-s.steps // s.span) * g.n_in + 2) + first // s.span * g.n_in
                        for c in range(g.n_in):
                            begin, end = row * s.room + s.starts[n + c], s.starts[n + c + 1]
                            to = (i * g.n_in + c) * taps
                            end += row * s.room
                            add_rows(sums, to, packed, 0, line, s.places, begin, end, taps)
        add_rows_layout(sums, line, 0, g.k, dW, item * line, layer.c.one, g)


@njit(nogil=True, cache=True, error_model="numpy")
def _of_events(start, stop, x, dense, dV, inner, dW, layer):
    """Add x (outer) dV over some steps to dW, event by event, for the samples that are not `dense`.
    One work item is one kernel row."""
    g = layer.g
    frames = dV.reshape(-1)
    sums = zeros(dW.size, dW)
    for i in range(start, stop):
        for b in range(dense.size):
            for t in range(0 if dense[b] else inner):
                at = (b * inner + t) * g.H * g.pitch
                step = layer.first + t
                spread_weight(x, b, step, 0, g.H, i, i + 1, frames, at, sums, layer.c.one, g)
        add_rows_layout(sums, g.n_out, i, i + 1, dW, 0, layer.c.one, g)


def _sorted(x: Events, layer: Layer, inner: int, dense, some: bool, work: int) -> Sorted:
    """Return the window's spikes, sorted by channel, for the samples that are not dense. `some` is
    False if there are none."""
    g = layer.g
    first = layer.first
    last = layer.first + inner
    B = len(x.offset)
    events = x.offset[:, :, last] - x.offset[:, :, first]
    room = int((events[~dense] if some else events).max(initial=0))
    # equal spans, as few as possible
    span = -(-inner // -(-inner * (g.W + g.k - 1) * ALIGNMENT // PACKED))
    starts = np.empty(B * g.H * (-(-inner // span) * g.n_in + 2), np.int32)
    found = Sorted(np.empty(B * g.H * room, np.int32), starts, room, first, inner, span)
    parallel(_by_channel, B * g.H, x.lists, dense, found, g, work=work)
    return found


def weight_gradient(block: Block, tape, steps, total, sums: Sums, x_dot=None, dV=None):
    """Add dweight to `total`, which is zero at first. sums.dW is the part that the band kernels
    have already summed."""
    x, layer, dense, held = tape["x"], tape["layer"], tape["dense"], tape["before"]
    g = layer.g
    inner = max(steps - layer.delay, 0)
    work = work_of(block, len(dense))
    pairs = [(held, sums.dF)] if x_dot is None else [(x_dot, dV), (held, sums.dF)]
    pairs = [pair for pair in pairs if pair[0].size]
    whole = inner > 0 and bool(dense.all())
    if tape["some"] and inner:
        shown = slice(None) if whole else dense  # copy large arrays only if necessary
        images = x.images(dense, total.dtype, layer.first, inner)
        pairs.insert(0, (images[shown], sums.dV[shown]))
    if pairs:
        outer(pairs, total, g, work)
    if len(sums.dW):
        rows = sums.dW.sum(0).reshape(g.k, g.n_in, g.k, g.n_out)
        total.reshape(block.weight_shape)[:, ::-1] += rows.transpose(0, 2, 1, 3)
    elif inner and not whole and x.known:
        by_channel = _sorted(x, layer, inner, dense, tape["some"], work)
        lines = -(-g.n_out // (ALIGNMENT // total.itemsize))
        parallel(_of_sorted, lines, by_channel, dense, sums.dV, total, layer, work=work)
    elif inner and not whole:
        arguments = x.lists, dense, sums.dV, inner, total, layer
        parallel(_of_events, block.kernel, *arguments, work=work)


def held_of(block: Block, x: Events, steps: int, g: Geometry) -> np.ndarray:
    """Return the state of the filters after the first `steps` steps of x: an array (B, filters,
    sites)."""
    table = responses(block, steps)
    held = aligned_empty((len(x.offset), len(table), g.H * g.W * g.n_in), table.dtype)
    parallel(traces, len(held), x.lists, held, table, g, work=work_of(block, len(held)))
    return held
