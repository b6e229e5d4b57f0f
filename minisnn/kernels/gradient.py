"""What the weights and constants of a block get: output channels that fill a cache line, groups of
input channels or kernel rows from dV to the weight gradient; and of a layer that hears its own
spikes or learns constants what belongs to these. Every sum has a fixed order.
"""

import math
from dataclasses import replace

import numpy as np

from ..parallel.arrays import ALIGNMENT, aligned_empty
from ..parallel.compilation import njit
from ..parallel.threads import parallel
from ..vectors.llvm import VECTOR_BITS
from ..vectors.vector import zeros
from .dense import PAIRS, fits, outer
from .events import Events
from .forward import traces
from .layer import Block, Joint
from .linear import (
    DENSE_ABOVE,
    add_row,
    correlate_weight_row,
    from_rows,
    gather_weight,
    pack,
    sort_by_channel,
    spread_weight,
    to_halo,
)
from .neuron import responses
from .records import Geometry, Layer, Sorted, Sums, geometry

PACKED = (
    36 if VECTOR_BITS == 512 else 24
) << 10  # bytes of an adjoint that stay in the first cache while events meet them


def work_of(block: Block, B: int) -> int:
    """Numbers that one step of a batch multiplies, for `parallel`."""
    return B * math.prod(block.input_shape) * block.channels * block.kernel


@njit(nogil=True, cache=True, error_model="numpy")
def by_channel(start, stop, x, dense, s, g):
    """The window's events of a row (sample * H + h) by channel, see `sort_by_channel`; `dense`
    samples have none."""
    for row in range(start, stop):
        if not dense[row // g.H]:
            sort_by_channel(x, row, s, g)


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient_of_events(start, stop, s, dense, dV, dW, g):
    """dW += x (outer) dV by events sorted by channel, of samples that are not `dense`. An item is a
    cache line of output channels: what of a row of dV belongs to it fits into the first cache,
    where all input channels and kernel rows meet it."""
    line = ALIGNMENT // dW.itemsize
    pad = g.k // 2
    packed = zeros(s.span * (g.W + g.k - 1) * line, dW)
    few = zeros(g.k * line, dW)
    for item in range(start, stop):
        channel = item * line
        size = min(line, g.n_out - channel)
        for b in range(dV.shape[0]):
            for h in range(0 if dense[b] else g.H):
                for first in range(0, s.steps, s.span):
                    pack(
                        dV[b, first : min(first + s.span, s.steps)],
                        h,
                        channel,
                        size,
                        packed,
                        line,
                        g,
                    )
                    for i in range(max(pad - h, 0), min(g.k, g.H + pad - h)):
                        row = b * g.H + h + i - pad
                        gather_weight(s, row, first // s.span, i, channel, size, packed, few, dW, g)


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient(start, stop, pairs, x, dense, dV, inner, dW, layer):
    """dW += the sum of x (outer) dV over pairs of images and adjoints, each with its geometry, and
    over so many steps of events, one by one, of samples that are not `dense`. An item is a kernel
    row."""
    g = layer.g
    narrow = g.n_out < ALIGNMENT // dW.itemsize
    sums = zeros(g.k * g.n_in * g.n_out, dW)
    frames = dV.reshape(-1)
    for i in range(start, stop):
        sums[:] = 0
        for m in range(len(pairs)):
            images, D, of = pairs[m]
            halo = zeros(of.H * (of.W + of.k - 1) * of.n_in, dW)
            pitch = D.shape[1] // of.H
            at = of.pad if pitch > of.row else 0
            for n in range(images.shape[0]):
                to_halo(images[n], 0, halo, of.H, of.W, of.n_in, of.k // 2)
                correlate_weight_row(halo, D[n], at, pitch, i, narrow, sums, of)
        for b in range(dense.size):
            for t in range(0 if dense[b] else inner):
                step = layer.first + t
                at = (b * inner + t) * g.H * g.pitch
                spread_weight(x, b, step, 0, g.H, i, i + 1, frames, at, dW, layer.c.one, g)
        add_row(sums, i, narrow, dW, g)


def _sorted(x: Events, layer: Layer, inner: int, dense, some: bool, work: int) -> Sorted:
    """The window's spikes by channel, of samples that are not dense; `some`: whether any is."""
    g = layer.g
    first = layer.first
    last = layer.first + inner
    B = len(x.offset)
    events = x.offset[:, :, last] - x.offset[:, :, first]
    room = int((events[~dense] if some else events).max(initial=0))
    # of equal spans, as many as it takes
    span = -(-inner // -(-inner * (g.W + g.k - 1) * ALIGNMENT // PACKED))
    starts = np.empty(B * g.H * (-(-inner // span) * g.n_in + 1), np.int32)
    found = Sorted(np.empty(B * g.H * room, np.int32), starts, room, first, inner, span)
    parallel(by_channel, B * g.H, x.lists, dense, found, g, work=work)
    return found


def whole_weight_gradient(block: Block, tape, steps, total, sums: Sums, x_dot=None, dV=None):
    """dweight, put into `total`; sums.dW holds what the bands have summed of it."""
    x, layer, dense, held = tape["x"], tape["layer"], tape["dense"], tape["before"]
    g = layer.g
    inner = max(steps - layer.delay, 0)
    work = work_of(block, len(dense))
    pairs = [(held, sums.dF)] if x_dot is None else [(x_dot, dV), (held, sums.dF)]
    pairs = [pair for pair in pairs if pair[0].size]
    whole = inner > 0 and bool(dense.all())
    if tape["some"] and inner:
        shown = slice(None) if whole else dense  # a copy of what is large only where it has to be
        images = x.images(dense, total.dtype, layer.first, inner)
        pairs.insert(0, (images[shown], sums.dV[shown]))
    total[:] = 0
    if pairs and fits(g):
        outer(pairs, total, g, work)
        pairs = []
    one_by_one = 0 if x.known or len(sums.dW) else inner
    if pairs or one_by_one:
        given = _geometries(pairs, g, total.dtype), x.lists, dense, sums.dV, one_by_one
        parallel(weight_gradient, block.kernel, *given, total, layer, work=work)
    if len(sums.dW):
        total += sums.dW.sum(0)
    if x.known and inner and not whole:
        arguments = (_sorted(x, layer, inner, dense, tape["some"], work), dense, sums.dV)
        line = ALIGNMENT // total.itemsize
        parallel(weight_gradient_of_events, -(-g.n_out // line), *arguments, total, g, work=work)
    return from_rows(total, block.weight_shape)


def _geometries(pairs: list, g: Geometry, dtype) -> tuple:
    """`PAIRS` pairs of images and adjoints, with their geometry: all steps of a site are one image,
    whose columns they are."""
    none = np.empty((0, 1), dtype)
    found = [(none, none, g)] * (PAIRS - len(pairs))
    for x, D in pairs:
        of = geometry(1, x.shape[1], g.n_in, g.n_out, 1) if g.H * g.W * g.k == 1 else g
        found.append(
            (x.reshape(-1, of.H * of.W * g.n_in), D.reshape(-1, D[0, 0].size * of.W // g.W), of)
        )
    return tuple(found)


def heard_block(block) -> Block:
    """The map of a layer's own spikes."""
    return replace(block, input_shape=(1, 1, block.channels))


def heard_of(block, s: Events, layer) -> dict:
    """What the gradient of V asks for, a tape: the spikes f as they enter the filters, in the
    window, and what the filters hold of them at its start."""
    f = s if block.neuron.delay else s.later()
    g = geometry(1, 1, block.channels, block.channels, 1)
    held = held_of(block, f, layer.first, g)
    f = f.since(layer.first) if layer.first else f
    dense = f.above(DENSE_ABOVE)
    before = held if layer.first else held[:, :0]
    of_f = layer._replace(g=g, first=0)
    return {"x": f, "layer": of_f, "dense": dense, "some": bool(dense.any()), "before": before}


def held_of(block: Block, x: Events, steps: int, g: Geometry) -> np.ndarray:
    """What the filters hold of the first steps of x, (B, filters, sites)."""
    table = responses(block, steps)
    held = aligned_empty((len(x.offset), len(table), g.H * g.W * g.n_in), table.dtype)
    parallel(traces, len(held), x.lists, held, table, g, work=work_of(block, len(held)))
    return held


def joined(block, tape, dweight, sums: Sums, steps: int, s_dot=None, dV=None):
    """dweight, and where the layer is `joint` what V and the learned constants get."""
    if not block.joint:
        return dweight
    recurrent = None
    if block.recurrent:
        heard = heard_block(block)
        total = aligned_empty((block.channels**2,), dweight.dtype)
        more = () if s_dot is None else (s_dot, dV)
        found = whole_weight_gradient(heard, tape["heard"], steps, total, sums, *more)
        recurrent = found[0, 0]
    return Joint(dweight, recurrent, sums.dk.sum((0, 1)))


def heard_along(s_dot, inner: int, delay: int):
    """f_dot (B, inner, K): the tangents of a layer's own spikes as they enter the filters."""
    if delay:
        return np.ascontiguousarray(s_dot[:, :inner])
    return np.concatenate([np.zeros_like(s_dot[:, :1]), s_dot[:, : inner - 1]], 1)


def moving(layer: Layer, constants: tuple) -> Layer:
    """The layer, whose learned constants move."""
    own = layer.neuron.own.copy()
    own[len(constants) : 2 * len(constants)] = constants
    return layer._replace(neuron=layer.neuron._replace(own=own))
