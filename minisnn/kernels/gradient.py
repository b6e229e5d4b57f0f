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
from ..vectors.products import Left, Out, Right, gemm
from ..vectors.vector import zeros
from .dense import fits, outer
from .events import Events
from .forward import traces
from .layer import Block, Joint
from .linear import (
    DENSE_ABOVE,
    add_row,
    channels_to_halo,
    correlate_weight,
    correlate_weight_row,
    from_rows,
    gather_weight,
    pack,
    sort_by_channel,
    spread_weight,
)
from .neuron import responses
from .records import Geometry, Layer, Sorted, Sums, geometry

GROUP = 8  # input channels whose weight gradient is one item of work
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


@njit(nogil=True, inline="always", error_model="numpy")
def _outer(image, halo, channel, size, D, at, pitch, dW, g):
    """dW += x (outer) dV of an image, for `size` channels; `halo` is scratch."""
    channels_to_halo(image, halo, channel, size, g)
    for i in range(g.k):
        correlate_weight(halo, channel, size, D, at, pitch, i, dW, g)


@njit(nogil=True, inline="always", error_model="numpy")
def _outer_at_site(x, channel, size, D, steps, dW, g):
    """The same of all steps at once where an image is one site: x (steps, n_in), D (steps, n_out),
    in the same order."""
    left = Left(channel, 0, 1, g.n_in)
    right = Right(0, 0, g.n_out)
    out = Out(channel * g.n_out, g.n_out)
    gemm(x.reshape(-1), left, D.reshape(-1), right, dW, out, size, g.n_out, 1, steps, False)


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient(start, stop, dense, images, inner, out, held, x_dot, dV, dW, layer, group):
    """dW += x (outer) dV + held (outer) dF of `out`, and + x_dot (outer) dV
    where those are given; x by `images` for samples that are `dense`, where they are not summed
    elsewhere. An item is a `group` of input channels."""
    g = layer.g
    halo = zeros(g.H * (g.W + g.k - 1) * group, dW)
    alone = g.H * g.W * g.k == 1
    for item in range(start, stop):
        channel = item * group
        size = min(group, g.n_in - channel)
        halo[:] = 0
        for b in range(out.dF.shape[0] if alone else 0):
            if dense[b] and images.size > 0:
                _outer_at_site(images[b], channel, size, out.dV[b], inner, dW, g)
            if x_dot.size > 0:
                _outer_at_site(x_dot[b], channel, size, dV[b], inner, dW, g)
            _outer_at_site(held[b], channel, size, out.dF[b], held.shape[1], dW, g)
        for b in range(0 if alone else out.dF.shape[0]):
            for t in range(inner if dense[b] and images.size > 0 else 0):
                _outer(images[b, t], halo, channel, size, out.dV[b, t], g.pad, g.pitch, dW, g)
            for t in range(inner if x_dot.size > 0 else 0):
                _outer(x_dot[b, t], halo, channel, size, dV[b, t], g.pad, g.pitch, dW, g)
            for n in range(held.shape[1]):
                _outer(held[b, n], halo, channel, size, out.dF[b, n], 0, g.row, dW, g)


@njit(nogil=True, inline="always", error_model="numpy")
def _outer_row(image, halo, D, at, pitch, i, narrow, sums, g):
    """x (outer) dV of an image, of all channels in kernel row i, into `sums`; `halo` is scratch."""
    channels_to_halo(image, halo, 0, g.n_in, g)
    correlate_weight_row(halo, D, at, pitch, i, narrow, sums, g)


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient_by_rows(start, stop, x, dense, images, inner, out, held, x_dot, dV, dW, layer):
    """The same for few input channels, or one site, and events that are not sorted: these are added
    here, one by one, but where out.dW is given, which holds them already. An item is a kernel row.
    """
    g = layer.g
    frames = out.dV.reshape(-1)
    frame = layer.g.H * layer.g.pitch
    narrow = g.n_out < ALIGNMENT // dW.itemsize
    halo = zeros(g.H * (g.W + g.k - 1) * g.n_in, dW)
    sums = zeros(g.k * g.n_in * g.n_out, dW)
    for i in range(start, stop):
        sums[:] = 0
        for b in range(out.dF.shape[0]):
            for t in range(inner if dense[b] and images.size > 0 else 0):
                _outer_row(images[b, t], halo, out.dV[b, t], g.pad, g.pitch, i, narrow, sums, g)
            for t in range(0 if dense[b] or out.dW.size > 0 else inner):
                spread_weight(
                    x,
                    b,
                    layer.first + t,
                    0,
                    g.H,
                    i,
                    i + 1,
                    frames,
                    (b * inner + t) * frame,
                    dW,
                    layer.c.one,
                    g,
                )
            for t in range(inner if x_dot.size > 0 else 0):
                _outer_row(x_dot[b, t], halo, dV[b, t], g.pad, g.pitch, i, narrow, sums, g)
            for n in range(held.shape[1]):
                _outer_row(held[b, n], halo, out.dF[b, n], 0, g.row, i, narrow, sums, g)
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
    work = work_of(block, len(sums.dF))
    none = np.empty((0, 0, 0), total.dtype)
    images = x.images(dense, total.dtype, layer.first, inner) if tape["some"] else none
    whole = len(images) and dense.all()
    tangent = (none, none) if x_dot is None else (x_dot, dV)
    pairs = list[tuple[np.ndarray, np.ndarray]]()
    if fits(g):
        # a copy of what is large only where it has to be
        shown = slice(None) if whole else dense
        pairs = [(images[shown], sums.dV[shown])] if len(images) else []
        pairs += [pair for pair in (tangent, (held, sums.dF)) if pair[0].size]
        images, tangent, held = none, (none, none), held[:, :0]
    if pairs:
        outer(pairs, total, g, work)
    else:
        total[:] = 0
    if len(sums.dW):
        total += sums.dW.sum(0)
    if x.known and inner and not whole:
        arguments = (_sorted(x, layer, inner, dense, tape["some"], work), dense, sums.dV)
        line = ALIGNMENT // total.itemsize
        parallel(weight_gradient_of_events, -(-g.n_out // line), *arguments, total, g, work=work)
    arguments = (dense, images, inner, sums, held, *tangent, total, layer)
    if not x.known and not (fits(g) and len(sums.dW)):
        parallel(weight_gradient_by_rows, block.kernel, x.lists, *arguments, work=work)
    if x.known and not fits(g):
        parallel(weight_gradient, -(-g.n_in // GROUP), *arguments, GROUP, work=work)
    return from_rows(total, block.weight_shape)


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
