"""The four passes of a block on the event-driven kernels: same signatures and values as `minisnn.layers.block`.

Input and output spikes are `Events`; adjoints and tangents are dense arrays. The hard form only.
"""

import math
from threading import Lock

import numpy as np

from ..layers.block import EVERY_STEP, Block
from ..parallel.threads import parallel
from . import passes, winograd
from .events import Events, collect
from .linear import back_layout, dense_layout, from_rows, rows_layout
from .neuron import POOL, constants
from .vector import aligned_empty, aligned_zeros

GROUP = 8  # input channels whose weight gradient is one item of work


def enter(x: np.ndarray, gain: float, dtype) -> Events:
    """The event counts (B, T, H, W, C) as the first block's input: times gain."""
    return collect(x, dtype.type(gain))


def _geometry(block: Block):
    return (*block.input_shape, block.channels, block.kernel)


def _work(block: Block, B: int) -> int:
    """Numbers that one step of a batch multiplies, for `parallel`."""
    return B * int(np.prod(block.input_shape)) * block.channels * block.kernel


def _nothing(dtype, *shape):
    return np.empty(shape or (0,), dtype)


def _bands(block: Block, odd_rest: bool) -> int:
    """Bands of rows: with the row that pooling drops, or without."""
    H = block.input_shape[0]
    return H if block.pool == "none" else (H + odd_rest) // 2


def _flat(sequence):
    """(B, m, ...) -> (B, m, sites); m may be zero."""
    return np.ascontiguousarray(sequence.reshape(*sequence.shape[:2], int(np.prod(sequence.shape[2:]))))


def _correlate(block, y, x, weight, x2=None, weight2=None, back=False):
    """y (B, m, ...) = W x + W2 x2, image by image, or `back` with the transposed weights."""
    H, W, n_in, n_out, k = _geometry(block)
    g, c = (H, W, *((n_out, n_in) if back else (n_in, n_out)), k), constants(block.neuron, y.dtype)
    images = lambda a: a.reshape(-1, a.shape[2])
    n, x2, weight2 = y.shape[0] * y.shape[1], _nothing(y.dtype, 0, 0, 1) if x2 is None else x2, weight2 or weight
    work = y.shape[0] * y.shape[2] * g[2] * k
    if winograd.fits(g) and n > 2:  # two images are not worth the weights at eight points
        group = 8 // math.gcd(W // winograd.OUTPUTS, 8)  # images whose tiles fill the rows of a register tile
        points = [w.points(back) for w in (weight, weight2)]
        parallel(
            passes.correlate_at_points,
            -(-n // group),
            images(x),
            points[0],
            images(x2),
            points[1],
            images(y),
            group,
            g,
            c,
            winograd.matrices(y.dtype),
            work=work,
        )
    else:
        layouts = [w.back if back else w.dense for w in (weight, weight2)]
        parallel(passes.correlate, n, images(x), layouts[0], images(x2), layouts[1], images(y), g, c, work=work)
    return y


class Weight:
    """A weight (k, k, C_in, C_out) and its layouts, each made when first asked for."""

    def __init__(self, weight: np.ndarray):
        self.weight, self.dtype = weight, weight.dtype
        self._made, self._lock = {}, Lock()

    def _once(self, name, make):
        with self._lock:  # threads that work on parts of a batch share it
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    @property
    def dense(self):
        return self._once("dense", lambda: dense_layout(self.weight))

    @property
    def back(self):
        return self._once("back", lambda: back_layout(self.weight))

    def rows(self, x: Events):
        """The rows layout, where events go through it."""
        return _nothing(self.dtype) if x.column.shape[3] else self._once("rows", lambda: rows_layout(self.weight))

    def points(self, back: bool):
        """The dense or back layout at Winograd's points."""
        layout = back_layout if back else dense_layout
        return self._once(("points", back), lambda: winograd.transform(layout(self.weight), self.weight[0, 0].size))

    def release(self):
        """Give up all of them; they are made again when asked for."""
        self._made.clear()


def prepare(weight) -> Weight:
    """What the passes take in place of a weight when it serves several of them."""
    return weight if isinstance(weight, Weight) else Weight(weight)


def release(weight: Weight):
    """Give up what of a prepared weight takes much memory and can be made again."""
    weight.release()


def forward(block: Block, weight, bias, x: Events, window: int, form="hard", frozen=None, keep: int = EVERY_STEP):
    """(y, tape); y are Events, or logits (B, C_out) for the readout."""
    weight = prepare(weight)
    dtype = weight.dtype
    H, W, n_in, n_out, _ = g = _geometry(block)
    x = x.flat() if H == W == 1 else x
    B, T, c = len(x.offset), x.steps, constants(block.neuron, dtype)
    first, (rows_out, *sites_out) = max(T - window, 0), block.output_shape
    kept = min(T - first, keep)
    u = aligned_empty((B if kept else 0, kept, H * W * n_out), dtype)
    pq = aligned_empty((B if kept else 0, 2, H * W * n_in), dtype)
    row_out = 0 if block.readout else int(np.prod(sites_out))
    y = Events(
        np.empty((B, rows_out, T * row_out), np.int32),
        np.empty((B, rows_out, 0), dtype),
        np.zeros((B, rows_out, T + 1), np.int32),
        np.empty((B, rows_out, T, sites_out[0] + 1), np.int32),
        max(row_out, 1),
        n_out,
    )
    logits = np.empty((B if block.readout else 0, n_out), dtype)
    if kept:
        parallel(passes.traces, B, x.lists, H, first, pq, c, work=_work(block, B))
    parallel(
        passes.forward,
        B * _bands(block, True),
        x.lists,
        weight.rows(x),
        weight.dense,
        bias,
        g,
        POOL[block.pool],
        c,
        first,
        kept,
        block.readout,
        u,
        y.index,
        y.offset,
        y.column,
        logits,
        work=_work(block, B),
    )
    return (logits if block.readout else y.tight()), {"x": x, "first": first, "u": u, "pq": pq}


def _adjoints(block, dy, dtype):
    """(dy, dlogits): the readout's adjoint belongs to the last step only."""
    if block.readout:
        return _nothing(dtype, 0, 0, 0), np.ascontiguousarray(dy)
    return _flat(dy), _nothing(dtype, 0, 0)


def _at_once(block, x, need_dx):
    """Whether dV need not be kept: no layer below asks for it, and the input's events are too few to be sorted."""
    return not need_dx and block.pool != "none" and not x.column.shape[3]


def _empty_adjoints(block, tape, steps, need_dx, dtype):
    """dV as halo images, dPQ, db and the weight gradients of bands, for a membrane kernel to fill.

    What pooling drops is zero in them.
    """
    H, W, n_in, n_out, k = _geometry(block)
    B, bands, at_once = len(tape["u"]), max(_bands(block, False), 1), _at_once(block, tape["x"], need_dx)
    make = aligned_zeros if block.pool != "none" and (H % 2 or W % 2) else aligned_empty
    return (
        make((0 if at_once else B, max(steps - 2, 0), H * (W + k - 1) * n_out), dtype),
        make((B, 2, H * W * n_out), dtype),
        np.zeros((B, bands, n_out), dtype),
        aligned_zeros((B * bands if at_once else 0, int(np.prod(block.weight_shape))), dtype),
    )


def _by_channel(block, tape, steps):
    """(places, starts): the window's spikes by channel, both empty where the input has values or takes no convolution."""
    x, first, H = tape["x"], tape["first"], block.input_shape[0]
    known, last = x.column.shape[3] > 0, first + max(steps - 2, 0)
    B = len(x.offset) if known else 0
    capacity = int((x.offset[:, :, last] - x.offset[:, :, first]).max()) if known else 0
    places = np.empty(B * H * capacity, np.int32)
    starts = np.empty(B * H * (block.input_shape[2] + 1), np.int32)
    parallel(
        passes.by_channel,
        B * H,
        x.lists,
        first,
        max(steps, 2),
        _geometry(block),
        places,
        capacity,
        starts,
        work=_work(block, B),
    )
    return places, starts


def _weight_gradient(block, tape, steps, D, dPQ, dW, x_dot=None, dV=None):
    """dweight; dW holds what the bands have summed of it."""
    x, none = tape["x"], _nothing(D.dtype, 0, 0, 0)
    if "by_channel" not in tape:
        tape["by_channel"] = _by_channel(block, tape, steps)
    places, starts = tape["by_channel"]
    total = aligned_zeros(dW.shape[1:], D.dtype)
    if len(dW):
        total[...] = dW.sum(0)
    items = -(-block.input_shape[2] // GROUP) if starts.size else block.kernel
    parallel(
        passes.weight_gradient,
        items,
        x.lists,
        places,
        starts,
        len(dW) > 0,
        tape["first"],
        steps,
        D,
        dPQ,
        tape["pq"],
        none if x_dot is None else x_dot,
        none if dV is None else dV,
        _geometry(block),
        GROUP,
        constants(block.neuron, D.dtype),
        total,
        work=_work(block, len(dPQ)),
    )
    return from_rows(total, block.weight_shape)


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias); dx (B, m - 2, H, W, C_in). The tape gains dV and dy for the tangent."""
    weight = prepare(weight)
    dtype, B = weight.dtype, len(tape["u"])
    H, W, n_in, n_out, k = g = _geometry(block)
    c, (dy, dlogits) = constants(block.neuron, dtype), _adjoints(block, dy, dtype)
    steps = tape["u"].shape[1] if block.readout else dy.shape[1]
    dV, dPQ, db, dW = _empty_adjoints(block, tape, steps, need_dx, dtype)
    parallel(
        passes.backward,
        B * _bands(block, False),
        tape["x"].lists,
        tape["first"],
        g,
        POOL[block.pool],
        c,
        block.detach_reset,
        tape["u"],
        dy,
        dlogits,
        steps,
        dV,
        dPQ,
        db,
        dW,
        work=_work(block, B),
    )
    dweight = _weight_gradient(block, tape, steps, dV, dPQ, dW)
    dx = aligned_empty((B, max(steps - 2, 0) if need_dx else 0, H * W * n_in), dtype)
    if need_dx:
        _correlate(block, dx, dV, weight, back=True)
    if second:
        tape.update(dy=dy, dlogits=dlogits, dV=dV if need_dx else None, steps=steps)
    return dx.reshape(*dx.shape[:2], *block.input_shape), dweight, db.sum((0, 1))


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """(y_dot, tape_dot) at the window's first `steps` steps; x_dot has two fewer or is None."""
    weight, weight_dot = prepare(weight), prepare(weight_dot)
    dtype, x, B = weight.dtype, tape["x"], len(tape["u"])
    H, W, n_in, n_out, _ = g = _geometry(block)
    c, N = constants(block.neuron, dtype), H * W * n_out
    V_dot = _nothing(dtype, 0, 0, 0)
    if x_dot is not None:
        x_dot = _flat(x_dot)
        V_dot = _correlate(block, aligned_empty((B, x_dot.shape[1], N), dtype), x_dot, weight)
    PQ_dot = _correlate(block, aligned_empty((B, 2, N), dtype), tape["pq"], weight_dot)
    u_dot = aligned_empty((B, steps, N), dtype)
    y_dot = aligned_empty((0 if block.readout else B, steps, int(np.prod(block.output_shape))), dtype)
    logits_dot = np.empty((B if block.readout else 0, n_out), dtype)
    parallel(
        passes.forward_tangent,
        B * _bands(block, False),
        x.lists,
        weight_dot.rows(x),
        weight_dot.dense,
        np.ascontiguousarray(bias_dot),
        g,
        POOL[block.pool],
        c,
        tape["first"],
        block.detach_reset,
        block.readout,
        tape["u"],
        PQ_dot,
        V_dot,
        steps,
        u_dot,
        y_dot,
        logits_dot,
        work=_work(block, B),
    )
    y_dot = logits_dot if block.readout else y_dot.reshape(B, steps, *block.output_shape)
    return y_dot, {"x_dot": x_dot, "u_dot": u_dot}


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    weight, weight_dot = prepare(weight), prepare(weight_dot)
    dtype, B, steps = weight.dtype, len(tape["u"]), tape["steps"]
    H, W, n_in, n_out, k = g = _geometry(block)
    c, (dy_dot, dlogits_dot) = constants(block.neuron, dtype), _adjoints(block, dy_dot, dtype)
    dV_dot, dPQ_dot, db_dot, dW_dot = _empty_adjoints(block, tape, steps, need_dx, dtype)
    parallel(
        passes.backward_tangent,
        B * _bands(block, False),
        tape["x"].lists,
        tape["first"],
        g,
        POOL[block.pool],
        c,
        block.detach_reset,
        tape["u"],
        tape_dot["u_dot"],
        tape["dy"],
        dy_dot,
        tape["dlogits"],
        dlogits_dot,
        steps,
        dV_dot,
        dPQ_dot,
        db_dot,
        dW_dot,
        work=_work(block, B),
    )
    dweight_dot = _weight_gradient(
        block, tape, steps, dV_dot, dPQ_dot, dW_dot, tape_dot["x_dot"], tape["dV"] if tape_dot["x_dot"] is not None else None
    )
    dx_dot = aligned_empty((B, max(steps - 2, 0) if need_dx else 0, H * W * n_in), dtype)
    if need_dx:
        _correlate(block, dx_dot, dV_dot, weight, tape["dV"], weight_dot, back=True)
    return dx_dot.reshape(*dx_dot.shape[:2], *block.input_shape), dweight_dot, db_dot.sum((0, 1))
