"""The four passes of a block on the event-driven kernels: same signatures and values as `minisnn.layers.block`.

Input and output spikes are `Events`; adjoints and tangents are dense arrays. The hard form only.
"""

import math
from threading import Lock

import numpy as np

from ..layers.block import EVERY_STEP, Block
from ..layers.block import features_backward as features_backward  # the trace's adjoint is the reference's
from ..parallel.threads import parallel
from . import backward as back
from . import forward as ahead
from .choice import TOGETHER
from .dense import fits, outer, through, transform
from .events import Events, collect
from .linear import DENSE_ABOVE, DENSE_ABOVE_VALUED, back_layout, dense_layout, from_rows, rows_layout
from .records import Adjoint, Layer, Sorted, Sums, Weights, geometry
from .records import layer as layer_of
from .vector import aligned_empty, aligned_zeros

GROUP = 8  # input channels whose weight gradient is one item of work


def enter(x: np.ndarray, gain: float, dtype) -> Events:
    """The event counts (B, T, H, W, C) as the first block's input: times gain."""
    return collect(x, dtype.type(gain))


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

    def points(self, back: bool):
        """The dense or back layout at Winograd's points."""
        layout = back_layout if back else dense_layout
        return self._once(("points", back), lambda: transform(layout(self.weight), self.weight[0, 0].size))

    def record(self, x: Events, bias: np.ndarray) -> Weights:
        """What the kernels take; the rows layout only where events go through it."""
        rows = _nothing(self.dtype) if x.known else self._once("rows", lambda: rows_layout(self.weight))
        return Weights(rows, self.dense, np.ascontiguousarray(bias))

    def release(self):
        """Give up all of them; they are made again when asked for."""
        self._made.clear()


def prepare(weight) -> Weight:
    """What the passes take in place of a weight when it serves several of them."""
    return weight if isinstance(weight, Weight) else Weight(weight)


def release(weight: Weight):
    """Give up what of a prepared weight takes much memory and can be made again."""
    weight.release()


def _nothing(dtype, *shape):
    return np.empty(shape or (0,), dtype)


def _work(block: Block, B: int) -> int:
    """Numbers that one step of a batch multiplies, for `parallel`."""
    return B * math.prod(block.input_shape) * block.channels * block.kernel


def _flat(sequence):
    """(B, m, ...) -> (B, m, sites); m may be zero."""
    return np.ascontiguousarray(sequence.reshape(*sequence.shape[:2], math.prod(sequence.shape[2:])))


def _through(block, steps, x, weight, x2=None, weight2=None, adjoint=False):
    """W x + W2 x2 for so many steps, (B, steps, ...), or with the transposed weights."""
    shape = (*block.input_shape[:2], block.channels, block.input_shape[2]) if adjoint else (*block.input_shape, block.channels)
    g = geometry(*shape, block.kernel)
    return through(aligned_empty((len(x), steps, g.H * g.row), x.dtype), x, weight, x2, weight2, g, adjoint)


def forward(block: Block, weight, bias, x: Events, window: int, form="hard", frozen=None, keep: int = EVERY_STEP):
    """(y, tape); y are Events, or logits (B, C_out) for the readout."""
    weight = prepare(weight)
    dtype, x = weight.dtype, x.flat() if block.input_shape[:2] == (1, 1) else x
    B, T = len(x.offset), x.steps
    layer = layer_of(block, dtype, max(T - window, 0))
    g, kept, (rows_out, *sites_out) = layer.g, min(T - layer.first, keep), block.output_shape
    u = aligned_empty((B if kept else 0, kept, g.H * g.row), dtype)
    pq = aligned_empty((B if kept else 0, 1 if layer.hard and not block.readout else 2, g.H * g.W * g.n_in), dtype)
    row_out, valued = 0 if block.readout else math.prod(sites_out), block.pool == "spikes"
    index = np.empty((B, rows_out, T * row_out + TOGETHER), np.int32)
    value, column = _nothing(dtype, *index.shape[:2], index.shape[2] * valued), sites_out[0] + 1 if not valued else 0
    offset, column = np.zeros((B, rows_out, T + 1), np.int32), np.empty((B, rows_out, T, column), np.int32)
    y = Events(index, value, offset, column, max(row_out, 1), g.n_out)
    out = ahead.Spikes(index, value, offset, column, np.empty((B if block.readout else 0, g.n_out), dtype))
    work, (dense, images) = _work(block, B), x.images(DENSE_ABOVE_VALUED if x.value.shape[2] else DENSE_ABOVE, dtype)
    V = _through(block, T, images, weight) if dense.any() else _nothing(dtype, 0, 0, 0)
    if kept:
        parallel(ahead.traces, B, x.lists, pq, layer, work=work)
    bands = -(-g.H // g.height)  # with the odd rest that pooling drops
    parallel(ahead.forward, B * bands, x.lists, weight.record(x, bias), dense, V, layer, kept, u, out, work=work)
    images = np.ascontiguousarray(images[:, layer.first :] if kept else images[:, :0])
    tape = {"x": x, "layer": layer, "u": u, "pq": pq, "dense": dense, "images": images}
    return (out.logits if block.readout else y.tight()), tape


def _adjoint(block, tape, dy) -> Adjoint:
    """The readout's adjoint belongs to the last step only."""
    if block.readout:
        return Adjoint(_nothing(dy.dtype, 0, 0, 0), np.ascontiguousarray(dy), tape["u"].shape[1])
    return Adjoint(_flat(dy), _nothing(dy.dtype, 0, 0), dy.shape[1])


def _empty_sums(block, tape, steps, need_dx) -> Sums:
    """For a membrane kernel to fill; what pooling drops is zero in them.

    dV need not be kept where no layer below asks for it and the input goes by events that are too few to be sorted.
    """
    g, B, dtype, few = tape["layer"].g, len(tape["u"]), tape["u"].dtype, not (tape["x"].known or tape["dense"].any())
    bands, at_once = max(g.bands, 1), not need_dx and block.pool != "none" and few
    make = aligned_zeros if block.pool != "none" and (g.H % 2 or g.W % 2) else aligned_empty
    return Sums(
        make((0 if at_once else B, max(steps - tape["layer"].delay, 0), g.H * g.pitch), dtype),
        make((B, tape["pq"].shape[1], g.H * g.row), dtype),
        np.zeros((B, bands, g.n_out), dtype),
        aligned_zeros((B * bands if at_once else 0, math.prod(block.weight_shape)), dtype),
    )


def _by_channel(block, x: Events, layer: Layer, inner: int) -> Sorted:
    """The window's spikes by channel, empty where the input has values or takes no convolution."""
    g, first, last = layer.g, layer.first, layer.first + inner
    B = len(x.offset) if x.known else 0
    room = int((x.offset[:, :, last] - x.offset[:, :, first]).max()) if B else 0
    found = Sorted(np.empty(B * g.H * room, np.int32), np.empty(B * g.H * (g.n_in + 1), np.int32), room, GROUP)
    parallel(back.by_channel, B * g.H, x.lists, first, inner, found, g, work=_work(block, B))
    return found


def _weight_gradient(block, tape, steps, sums: Sums, x_dot=None, dV=None):
    """dweight; sums.dW holds what the bands have summed of it."""
    x, layer = tape["x"], tape["layer"]
    inner = max(steps - layer.delay, 0)
    none = _nothing(sums.dPQ.dtype, 0, 0, 0)
    if "by_channel" not in tape:
        tape["by_channel"] = _by_channel(block, x, layer, inner)
    events, total = tape["by_channel"], aligned_zeros((math.prod(block.weight_shape),), none.dtype)
    if len(sums.dW):
        total[...] = sums.dW.sum(0)
    items = -(-layer.g.n_in // GROUP) if events.starts.size else block.kernel
    dense = x_dot is not None and fits(layer.g) and x_dot.size > 0
    tangent = (none, none) if x_dot is None or dense else (x_dot, dV)
    arguments = (x.lists, events, tape["dense"], tape["images"], inner, sums, tape["pq"], *tangent, total, layer)
    parallel(back.weight_gradient, items, *arguments, work=_work(block, len(sums.dPQ)))
    dweight = from_rows(total, block.weight_shape)
    if dense:
        at_points = outer(x_dot, dV, layer.g, _work(block, len(sums.dPQ)))
        dweight = np.add(dweight, at_points, out=at_points)
    return dweight


def _dx(block, steps, need_dx, dV, weight, dV2=None, weight2=None):
    """(B, m - delay, H, W, C_in) of the layer below, no steps of it where it is not needed."""
    shape = (max(steps - block.neuron.delay, 0), *block.input_shape)
    if not need_dx:
        return _nothing(dV.dtype, len(dV), 0, *block.input_shape)
    return _through(block, shape[0], dV, weight, dV2, weight2, adjoint=True).reshape(len(dV), *shape)


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias); dx (B, m - delay, H, W, C_in). The tape gains dy for the tangent."""
    weight, d = prepare(weight), _adjoint(block, tape, dy)
    B, steps, layer = len(tape["u"]), d.steps, tape["layer"]
    sums = _empty_sums(block, tape, steps, need_dx)
    parallel(back.backward, B * layer.g.bands, tape["x"].lists, layer, tape["u"], d, sums, work=_work(block, B))
    dweight = _weight_gradient(block, tape, steps, sums)
    dx = _dx(block, steps, need_dx, sums.dV, weight)
    if second:
        tape["d"] = d
    return dx, dweight, sums.db.sum((0, 1))


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """(y_dot, tape_dot) at the window's first `steps` steps; x_dot has `delay` fewer or is None."""
    weight, weight_dot = prepare(weight), prepare(weight_dot)
    x, u, layer = tape["x"], tape["u"], tape["layer"]
    B, dtype = len(u), u.dtype
    V_dot, dense, inner = _nothing(dtype, 0, 0, 0), tape["dense"], max(steps - layer.delay, 0)
    x_dot = None if x_dot is None else _flat(x_dot)
    if x_dot is not None:
        V_dot = _through(block, inner, x_dot, weight)
    if dense.any():
        of_weights = _through(block, inner, _flat(tape["images"][:, :inner]), weight_dot)
        V_dot = np.add(V_dot, of_weights, out=V_dot) if len(V_dot) else of_weights
    PQ_dot = _through(block, tape["pq"].shape[1], tape["pq"], weight_dot)
    u_dot = aligned_empty((B, steps, layer.g.H * layer.g.row), dtype)
    y_dot = aligned_empty((0 if block.readout else B, steps, math.prod(block.output_shape)), dtype)
    logits_dot = np.empty((B if block.readout else 0, layer.g.n_out), dtype)
    arguments = (x.lists, weight_dot.record(x, bias_dot), dense, layer, u, PQ_dot, V_dot, steps, u_dot, y_dot, logits_dot)
    parallel(ahead.forward_tangent, B * layer.g.bands, *arguments, work=_work(block, B))
    y_dot = logits_dot if block.readout else y_dot.reshape(B, steps, *block.output_shape)
    return y_dot, {"x_dot": x_dot, "u_dot": u_dot}


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    weight, weight_dot = prepare(weight), prepare(weight_dot)
    d, d_dot, layer, x_dot = tape["d"], _adjoint(block, tape, dy_dot), tape["layer"], tape_dot["x_dot"]
    B, steps = len(tape["u"]), d.steps
    sums = _empty_sums(block, tape, steps, need_dx)
    dV = _empty_sums(block, tape, steps, True).dV if need_dx else _nothing(tape["u"].dtype, 0, 0, 0)
    arguments = (tape["x"].lists, layer, tape["u"], tape_dot["u_dot"], d, d_dot, sums, dV)
    parallel(back.backward_tangent, B * layer.g.bands, *arguments, work=_work(block, B))
    dweight_dot = _weight_gradient(block, tape, steps, sums, x_dot, dV)
    dx_dot = _dx(block, steps, need_dx, sums.dV, weight, dV, weight_dot)
    return dx_dot, dweight_dot, sums.db.sum((0, 1))


def features(block: Block, x: Events, frozen, dtype):
    """What the readout weighs: its presynaptic trace at the last step, (B, F)."""
    x, B = x.flat(), len(x.offset)
    layer = layer_of(block, dtype, x.steps - 1 if block.neuron.delay else x.steps)
    pq = aligned_empty((B, 2, layer.g.n_in), dtype)
    parallel(ahead.traces, B, x.lists, pq, layer, work=_work(block, B))
    return pq[:, 0].copy()
