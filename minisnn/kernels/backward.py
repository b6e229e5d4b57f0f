"""What a block does in parallel on the way back, in items as in `forward`: bands from dy to dV;
output channels that fill a cache line, groups of input channels or kernel rows from dV to the
weight gradient. Every sum has a fixed order.
"""

import math

import numpy as np

from ..layers.block import Block
from ..parallel.arrays import ALIGNMENT
from ..parallel.compilation import njit
from ..parallel.threads import parallel
from .dense import fits, outer
from .events import Events
from .forward import again, along, of_band, scratch_again, state_of, tiled
from .joint import apart_of, move_back, sum_beta, sum_constants, sum_decays, sum_decays_along
from .linear import (
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
from .llvm import VECTOR_BITS, call_at
from .pooling import adjoint, adjoint_tangent, scratch
from .products import gemm, row_times
from .records import BandState, Layer, Left, Out, Right, Sorted, Sums
from .vector import copy, zeros

GROUP = 8  # input channels whose weight gradient is one item of work
PACKED = (
    36 if VECTOR_BITS == 512 else 24
) << 10  # bytes of an adjoint that stay in the first cache while events meet them


@njit(nogil=True, inline="always", error_model="numpy")
def _state(b, band, N, layer, out, like):
    """Adjoints of a band's state behind the last step: zero; those of P and Q end up as dP_K, dQ_K,
    where these count."""
    at = band * N
    carried = layer.neuron.states + layer.neuron.learnable
    last = out.dPQ.shape[1] - 1
    P = out.dPQ[b, 0, at : at + N * last]
    Q = out.dPQ[b, last, at : at + N]
    s = BandState(zeros(carried * N, like), P, Q, zeros(N, like), P[:0])
    s.P[:], s.Q[:] = 0, 0
    return s


@njit(nogil=True, inline="always", error_model="numpy")
def _bias(b, band, s, out, g, c):
    """db of a band, with what the filtered bias has put into P_K and Q_K."""
    db = out.db[b, band]
    for i in range(0, s.total.size, g.n_out):
        total = s.total[i:]
        Q = s.Q[i:]
        for n in range(g.n_out):
            filtered = c.bias_Q * Q[n]
            if s.P.size > 0:
                filtered += c.bias_P * s.P[i + n]
            db[n] += total[n] + filtered


@njit(nogil=True, inline="always", error_model="numpy")
def _back(u_t, past, du, s, dV, layer):
    """A step back through the neuron and its filters."""
    n = layer.neuron
    arguments = (u_t, past, du, s.z, s.P, s.Q, s.total, dV, layer.g, layer.c, n.own)
    call_at(n.calls.backward, arguments)


@njit(nogil=True, inline="always", error_model="numpy")
def _keep(x, b, band, t, item, dV, steps, out, layer):
    """dV_t of a band is kept, or where `out.dW` is given the weight gradient of its events is
    summed at once."""
    g = layer.g
    inner = steps - layer.delay
    if t < inner and out.dW.size > 0:
        low = band * g.height
        spread_weight(
            x, b, layer.first + t, low, low + g.height, 0, g.k, dV, 0, out.dW[item], layer.c.one, g
        )
    elif t < inner:
        copy(dV, out.dV[b, t, band * dV.size : (band + 1) * dV.size])


@njit(nogil=True, cache=True, error_model="numpy")
def backward(start, stop, x, before, layer, u, d, out):
    """The adjoint of a band from dy (or the readout's dlogits, at the last step only) to dV, dP_K,
    dQ_K and db; where u is not given it is computed again.
    In plain loops: plain.sample.backward."""
    g = layer.g
    c = layer.c
    N = layer.g.height * layer.g.row
    steps = d.steps
    like = u.u
    kept = like.size > 0
    room = scratch(g, like)
    du = zeros(N, like)
    dV = zeros(g.height * g.pitch, like)
    own, _, state, lists = scratch_again(layer, 0 if kept else steps, like)
    biases = tiled(before.weights.bias, g.W)
    each = layer.neuron.apart
    learns = out.dk.size > 0
    hears = before.weights.heard.size > 0
    D = zeros(N * hears, like)
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        s = _state(b, band, N, layer, out, like)
        to = band * g.sites
        du[:] = 0  # odd columns of du stay zero
        dk = out.dk[b, band] if learns else du[:0]
        if not kept:
            again(b, band, x, before, layer, own, state, biases, lists)
        for t in range(steps - 1, -1, -1):
            if kept:
                u_t, past = of_band(u, b, t, band * N, N, layer.neuron.past)
            else:
                u_t, past = of_band(own, 0, t, 0, N, layer.neuron.past)
            after = min(t + 1, steps - 1)
            if kept:
                apart = apart_of(u, b, t, band * N, N, each)
                later = apart_of(u, b, after, band * N, N, each)
            else:
                apart = apart_of(own, 0, t, 0, N, each)
                later = apart_of(own, 0, after, 0, N, each)
            if each > 0 and layer.delay > 0:
                sum_decays(s.P, s.Q, apart, later, dk, c)
            if hears:
                _heard(D, s, dV, t == steps - 1, layer)
                row_times(D, before.weights.heard_back, d.dy[b, t])
            if d.dlogits.size == 0:
                adjoint(u_t, d.dy[b, t, to : to + g.sites], room, du, layer)
            elif t == steps - 1:
                du[:] = d.dlogits[b]
            elif t == steps - 2:
                du[:] = 0
            _back(u_t, past, du, s, dV, layer)
            if each > 0 and layer.delay == 0:
                sum_beta(s.Q, apart, dk, c)
            _keep(x, b, band, t, item, dV, steps, out, layer)
        _bias(b, band, s, out, g, c)
        if learns:
            sum_constants(s.z, layer.neuron.states, N, dk)


@njit(nogil=True, inline="always", error_model="numpy")
def _heard(D, s, dV, last, layer):
    """D = dV of the step that a spike of this step enters the filters at."""
    for n in range(D.size):
        if layer.delay > 0:
            D[n] = layer.c.rest_beta * s.Q[n]
        else:
            D[n] = layer.c.zero if last else dV[n]


@njit(nogil=True, cache=True, error_model="numpy")
def backward_tangent(start, stop, x, before, direction, layer, u, u_dot, d, d_dot, out, dV_again):
    """`backward` differentiated line by line; where `dV_again` has room, dV is put there, which a
    tape need not hold then. In plain loops: plain.sample.backward_tangent."""
    g = layer.g
    c = layer.c
    N = layer.g.height * layer.g.row
    steps = d.steps
    like = u.u
    kept = u_dot.u.size > 0
    own, own_dot, state, lists = scratch_again(layer, 0 if kept else steps, like)
    neuron = layer.neuron
    biases = tiled(before.weights.bias, g.W)
    biases_dot = tiled(direction.weights.bias, g.W)
    nothing = zeros(0, like).reshape(0, 0, 0)
    room = scratch(g, like)
    du = zeros(N, like)
    du_dot = zeros(N, like)
    dV = zeros(g.height * g.pitch, like)
    carried = neuron.states + neuron.learnable
    of_back = state_of(N, layer, like)
    back = BandState(zeros(carried * N, like), of_back.P, of_back.Q, of_back.total, of_back.before)
    each = neuron.apart
    learns = out.dk.size > 0
    heard = before.weights.heard
    hears = heard.size > 0
    dP = zeros(N * (each - neuron.before), like)
    dQ = zeros(N * each, like)
    D = zeros(N * hears, like)
    D_dot = zeros(N * hears, like)
    dV_before = zeros((g.height * g.pitch) * hears, like)
    size = g.height * g.pitch
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        s = _state(b, band, N, layer, out, like)
        dz = zeros(carried * N, like)
        to = band * g.sites
        back.z[:], back.P[:], back.Q[:] = 0, 0, 0
        du[:], du_dot[:] = 0, 0
        dk = out.dk[b, band] if learns else du[:0]
        if not kept:
            again(b, band, x, before, layer, own, state, biases, lists)
            along(
                b,
                band,
                x,
                direction,
                layer,
                own,
                0,
                0,
                own_dot,
                0,
                0,
                state,
                biases_dot,
                lists,
                room,
                nothing,
                x,
                heard,
            )
        for t in range(steps - 1, -1, -1):
            if kept:
                u_t, past = of_band(u, b, t, band * N, N, neuron.past)
                v_t, past_dot = of_band(u_dot, b, t, band * N, N, neuron.past_dot)
            else:
                u_t, past = of_band(own, 0, t, 0, N, neuron.past)
                v_t, past_dot = of_band(own_dot, 0, t, 0, N, neuron.past_dot)
            after = min(t + 1, steps - 1)
            if kept:
                apart = apart_of(u, b, t, band * N, N, each)
                apart_dot = apart_of(u_dot, b, t, band * N, N, each)
                later = apart_of(u, b, after, band * N, N, each)
                later_dot = apart_of(u_dot, b, after, band * N, N, each)
            else:
                apart = apart_of(own, 0, t, 0, N, each)
                apart_dot = apart_of(own_dot, 0, t, 0, N, each)
                later = apart_of(own, 0, after, 0, N, each)
                later_dot = apart_of(own_dot, 0, after, 0, N, each)
            if each > 0 and layer.delay > 0:
                sum_decays(s.P, s.Q, apart, later, dk, c)
                sum_decays_along(
                    back.P, back.Q, apart, later, apart_dot, later_dot, direction.decays, dk, c
                )
                copy(back.P, dP)
                copy(back.Q, dQ)
            if hears:
                _heard(D, back, dV_before, t == steps - 1, layer)
                _heard(D_dot, s, dV, t == steps - 1, layer)
                for n in range(dQ.size * (layer.delay > 0)):
                    D_dot[n] -= direction.decays[1] * dQ[n]
                row_times(D_dot, before.weights.heard_back, d_dot.dy[b, t])
                row_times(D, direction.weights.heard_back, d_dot.dy[b, t])
            if d.dlogits.size == 0:
                dy = d.dy[b, t, to : to + g.sites]
                dy_dot = d_dot.dy[b, t, to : to + g.sites]
                adjoint_tangent(u_t, v_t, dy, dy_dot, room, du, du_dot, layer)
            elif t == steps - 1:
                du[:], du_dot[:] = d.dlogits[b], d_dot.dlogits[b]
            elif t == steps - 2:
                du[:], du_dot[:] = 0, 0
            if dV_again.size > 0 or learns or hears:
                _back(u_t, past, du, back, dV, layer)
                copy(dV[: dV_before.size], dV_before)
                if t < steps - layer.delay and dV_again.size > 0:
                    copy(dV, dV_again[b, t, band * size : (band + 1) * size])
            at_step = (u_t, past, v_t, past_dot, du, du_dot)
            states = (dz, s.z, s.P, s.Q, s.total)
            call_at(
                neuron.calls.backward_tangent,
                at_step + states + (dV, direction.constants, g, c, neuron.own),
            )
            if each > 0:
                if layer.delay == 0:
                    for n in range(N):
                        dQ[n] = back.Q[n] / c.beta
                        s.total[n] -= direction.decays[1] * dQ[n]
                    sum_beta(s.Q, apart, dk, c)
                    sum_beta(back.Q, apart_dot, dk, c)
                move_back(dP, dQ, s, dV, direction.decays, g)
            _keep(x, b, band, t, item, dV, steps, out, layer)
        _bias(b, band, s, out, g, c)
        if learns:
            sum_constants(s.z, neuron.states, N, dk)


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
    where all input channels and kernel rows meet it.
    In plain loops: plain.sample.correlate_weight."""
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
def weight_gradient(start, stop, dense, images, inner, out, pq, x_dot, dV, dW, layer, group):
    """dW += x (outer) dV + p_K (outer) dP_K + q_K (outer) dQ_K of `out`, and + x_dot (outer) dV
    where those are given; x by `images` for samples that are `dense`, where they are not summed
    elsewhere. An item is a `group` of input channels.
    In plain loops: plain.sample.correlate_weight."""
    g = layer.g
    halo = zeros(g.H * (g.W + g.k - 1) * group, dW)
    alone = g.H * g.W * g.k == 1
    for item in range(start, stop):
        channel = item * group
        size = min(group, g.n_in - channel)
        halo[:] = 0
        for b in range(out.dPQ.shape[0] if alone else 0):
            if dense[b] and images.size > 0:
                _outer_at_site(images[b], channel, size, out.dV[b], inner, dW, g)
            if x_dot.size > 0:
                _outer_at_site(x_dot[b], channel, size, dV[b], inner, dW, g)
            _outer_at_site(pq[b], channel, size, out.dPQ[b], pq.shape[1], dW, g)
        for b in range(0 if alone else out.dPQ.shape[0]):
            for t in range(inner if dense[b] and images.size > 0 else 0):
                _outer(images[b, t], halo, channel, size, out.dV[b, t], g.pad, g.pitch, dW, g)
            for t in range(inner if x_dot.size > 0 else 0):
                _outer(x_dot[b, t], halo, channel, size, dV[b, t], g.pad, g.pitch, dW, g)
            for n in range(pq.shape[1]):
                _outer(pq[b, n], halo, channel, size, out.dPQ[b, n], 0, g.row, dW, g)


@njit(nogil=True, inline="always", error_model="numpy")
def _outer_row(image, halo, D, at, pitch, i, narrow, sums, g):
    """x (outer) dV of an image, of all channels in kernel row i, into `sums`; `halo` is scratch."""
    channels_to_halo(image, halo, 0, g.n_in, g)
    correlate_weight_row(halo, D, at, pitch, i, narrow, sums, g)


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient_by_rows(start, stop, x, dense, images, inner, out, pq, x_dot, dV, dW, layer):
    """The same for few input channels, or one site, and events that are not sorted: these are added
    here, one by one, but where out.dW is given, which holds them already. An item is a kernel row.
    In plain loops: plain.sample.correlate_weight.
    """
    g = layer.g
    frames = out.dV.reshape(-1)
    frame = layer.g.H * layer.g.pitch
    narrow = g.n_out < ALIGNMENT // dW.itemsize
    halo = zeros(g.H * (g.W + g.k - 1) * g.n_in, dW)
    sums = zeros(g.k * g.n_in * g.n_out, dW)
    for i in range(start, stop):
        sums[:] = 0
        for b in range(out.dPQ.shape[0]):
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
            for n in range(pq.shape[1]):
                _outer_row(pq[b, n], halo, out.dPQ[b, n], 0, g.row, i, narrow, sums, g)
        add_row(sums, i, narrow, dW, g)


def work_of(block: Block, B: int) -> int:
    """Numbers that one step of a batch multiplies, for `parallel`."""
    return B * math.prod(block.input_shape) * block.channels * block.kernel


def _sorted(x: Events, layer: Layer, inner: int, dense, work: int) -> Sorted:
    """The window's spikes by channel, of samples that are not dense."""
    g = layer.g
    first = layer.first
    last = layer.first + inner
    B = len(x.offset)
    room = int((x.offset[~dense, :, last] - x.offset[~dense, :, first]).max(initial=0))
    # of equal spans, as many as it takes
    span = -(-inner // -(-inner * (g.W + g.k - 1) * ALIGNMENT // PACKED))
    starts = np.empty(B * g.H * (-(-inner // span) * g.n_in + 1), np.int32)
    found = Sorted(np.empty(B * g.H * room, np.int32), starts, room, first, inner, span)
    parallel(by_channel, B * g.H, x.lists, dense, found, g, work=work)
    return found


def whole_weight_gradient(block: Block, tape, steps, total, sums: Sums, x_dot=None, dV=None):
    """dweight, put into `total`; sums.dW holds what the bands have summed of it.
    In plain loops: plain.sample.gradients."""
    x, layer, dense, pq = tape["x"], tape["layer"], tape["dense"], tape["before"]
    g = layer.g
    inner = max(steps - layer.delay, 0)
    work = work_of(block, len(sums.dPQ))
    images = x.images(dense, total.dtype, layer.first, inner)
    none = np.empty((0, 0, 0), total.dtype)
    tangent = (none, none) if x_dot is None else (x_dot, dV)
    pairs = list[tuple[np.ndarray, np.ndarray]]()
    if fits(g):
        # a copy of what is large only where it has to be
        shown = slice(None) if dense.all() else dense
        pairs = [(images[shown], sums.dV[shown])] if len(images) else []
        pairs += [pair for pair in (tangent, (pq, sums.dPQ)) if pair[0].size]
        images, tangent, pq = none, (none, none), pq[:, :0]
    if pairs:
        outer(pairs, total, g, work)
    else:
        total[:] = 0
    if len(sums.dW):
        total += sums.dW.sum(0)
    if x.known and inner and not dense.all():
        arguments = (_sorted(x, layer, inner, dense, work), dense, sums.dV)
        line = ALIGNMENT // total.itemsize
        parallel(weight_gradient_of_events, -(-g.n_out // line), *arguments, total, g, work=work)
    arguments = (dense, images, inner, sums, pq, *tangent, total, layer)
    if not x.known and not (fits(g) and len(sums.dW)):
        parallel(weight_gradient_by_rows, block.kernel, x.lists, *arguments, work=work)
    if x.known and not fits(g):
        parallel(weight_gradient, -(-g.n_in // GROUP), *arguments, GROUP, work=work)
    return from_rows(total, block.weight_shape)
