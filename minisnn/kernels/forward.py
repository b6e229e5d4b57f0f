"""What a block does in parallel on the way forward: each kernel works on the items start..stop-1 of
a range, bands (a sample and the rows of one pooled row, see `records.Geometry`), and no two items
write to one place. Arrays are flat below the axes named here:

    u, u_dot (B, n, H W n_out)     y_dot (B, m, H' W' n_out)
    PQ_dot (B, 2, H W n_out)       V_dot (B, m - delay, H W n_out)
    pq (B, 2, H W n_in)            presynaptic traces p_K, q_K; q alone where W p_K is no part of the
                                   state
    V (B, n, H W n_out)            W x of samples that are `dense`, for some steps; the others go by
                                   their events

A band's membrane in the window can be computed `again`, to the same bits, from its state at the
start: where its events are few a tape does not hold it.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import typeof, types

from ..parallel.compilation import njit
from ..vectors.choice import TOGETHER, note_largest, note_mean, note_values
from ..vectors.choice import note as note_all
from ..vectors.llvm import address_of, cached, call_apart, call_at, wide
from ..vectors.vector import add_rows, copy, empty, zeros
from .joint import apart_of, hear, note, note_start
from .linear import gather, spread
from .pooling import Scratch, pooled, scratch
from .records import MAX, MEAN, SPIKES, BandState, Layer, Lists, Membrane, kinds


@cached
def _body(dtype: np.dtype, joint: bool | None, layer: Layer) -> Any:
    k = kinds(dtype)
    image = types.Array(k.array.dtype, 2, "C")
    places = types.Array(types.int32, 3, "C")
    columns = types.Array(types.int32, 4, "C")
    out = types.NamedTuple((places, k.sequence, places, columns, image), Spikes)
    span = types.UniTuple(k.number, 2)
    room = types.NamedUniTuple(k.array, len(Scratch._fields), Scratch)
    given = (k.number, k.number, k.lists, k.weights, k.flags, k.sequence, span, image)
    given = (*given, typeof(layer), k.membrane, image, out, k.array, room, k.state, k.membrane)
    given = (*given, k.index, typeof(joint))
    return address_of(steps, types.none(*given))


def body(layer: Layer, dtype: np.dtype, joint: bool | None) -> Any:
    """The address of `steps`, which `forward` calls."""
    return _body(dtype, joint, like=(layer,))


class Spikes(NamedTuple):
    """What a block hands on: lists of events (see `Events`), with values where the mean of spikes
    is pooled, or the readout's logits (B, n_out)."""

    index: np.ndarray
    value: np.ndarray
    offset: np.ndarray
    column: np.ndarray
    logits: np.ndarray


@njit(nogil=True, error_model="numpy", inner=True)
def tiled(bias, sites):
    """bias (C,) repeated for every site of a row."""
    out = empty(sites * bias.size, bias)
    for i in range(sites):
        copy(bias, out[i * bias.size : (i + 1) * bias.size])
    return out


@njit(nogil=True, inline="always", error_model="numpy")
def input_of(x, b, t, low, high, weights, Q, lists, g, c):
    """Q of the rows low..high-1 += W x_t by events."""
    if x.known:
        gather(x, b, t, low, high, weights.dense, Q, lists[g.W + 1 :], lists[: g.W + 1], g)
    elif g.H * g.W == 1 and not x.valued:  # where the index is the weights' row
        at = b * x.capacity
        n = b * (x.T + 1) + t
        add_rows(
            Q,
            0,
            weights.dense,
            0,
            g.n_out,
            x.index,
            at + x.offset[n],
            at + x.offset[n + 1],
            g.n_out,
        )
    else:
        spread(x, b, t, low, high, weights.rows, Q, c.one, g)


@njit(nogil=True, error_model="numpy", inner=True)
def lists_of(g):
    """Scratch for `gather`: where columns start, and the events of k rows."""
    return np.empty(g.W + 1 + g.k * g.W * g.n_in + TOGETHER, np.int32)


@njit(nogil=True, inline="always", error_model="numpy")
def add(V, Q):
    for i in range(Q.size):
        Q[i] += V[i]


@njit(nogil=True, inline="always", error_model="numpy")
def store(s, kept, b, at):
    """A band's state to kept[b, at:]."""
    for one in (s.z, s.P, s.Q, s.before):
        copy(one, kept[b, at : at + one.size])
        at += one.size


@njit(nogil=True, inline="always", error_model="numpy")
def load(kept, b, at, s):
    """A band's state from there."""
    for one in (s.z, s.P, s.Q, s.before):
        copy(kept[b, at : at + one.size], one)
        at += one.size


@njit(nogil=True, error_model="numpy", inner=True)
def state_of(N, layer, like):
    """The state of a band of N numbers: zero."""
    neuron = layer.neuron
    P = zeros(N if neuron.filters > 1 else 0, like)
    before = zeros(N * neuron.before, like)
    return BandState(zeros(neuron.states * N, like), P, zeros(N, like), zeros(N, like), before)


@njit(nogil=True, inline="always", error_model="numpy")
def membrane_step(U, past, s, bias, layer):
    """The membrane of a band and what a tape holds beside it, and its state a step later."""
    n = layer.neuron
    call_at(n.calls.forward, (U, past, s.z, s.P, s.Q, bias, layer.c, n.own))


@njit(nogil=True, inline="always", error_model="numpy")
def of_band(m, b, t, at, N, past):
    """(u, past) of the N sites from `at` on, of which a tape holds `past` numbers beside u."""
    return m.u[b, t, at : at + N], m.past[b, t, at * past : (at + N) * past]


@njit(nogil=True, cache=True, error_model="numpy")
def traces(start, stop, x, pq, layer):
    """p_K, q_K of a sample from its events before the window: each decays as a trace that starts
    from one event."""
    g, c = layer.g, layer.c
    sites = g.W * g.n_in
    for b in range(start, stop):
        p = pq[b, 0]
        q = pq[b, pq.shape[1] - 1]
        p[:], q[:] = 0, 0
        # p, q one step after an event of value 1
        P = c.zero if layer.lag else c.rest
        Q = c.rest_beta
        for t in range(layer.first - 1, -1, -1):
            for h in range(g.H):
                at = (b * g.H + h) * x.capacity
                i = (b * g.H + h) * (x.T + 1) + t
                for e in range(at + x.offset[i], at + x.offset[i + 1]):
                    n = h * sites + x.index[e]
                    one = x.value[e] if x.valued else c.one
                    if pq.shape[1] > 1:
                        p[n] += P * one
                    q[n] += Q * one
            P = c.alpha * P + c.rest_alpha * (Q if layer.lag else c.beta * Q)
            Q = c.beta * Q


@njit(nogil=True, inline="always", error_model="numpy")
def _own(out, x):
    """The spikes that a dense layer has had so far, as a list of events."""
    index = out.index.reshape(-1)
    offset = out.offset.reshape(-1)
    column = out.column.reshape(-1)
    return Lists(index, x.value[:0], offset, column, out.index.shape[2], x.T, False, True)


@njit(nogil=True, cache=True, error_model="numpy", borrows=True, apart=True)
def steps(
    start,
    stop,
    x,
    weights,
    dense,
    V,
    span,
    between,
    layer,
    u,
    state_K,
    out,
    biases,
    room,
    state,
    spare,
    lists,
    joint,
):
    """Bands, step by step."""
    wide()
    g, c, pool, begin, end = layer.g, layer.c, layer.pool, span[0], span[1]
    bands = (g.H + g.height - 1) // g.height
    kept = u.u.shape[1] if u.u.size > 0 else 0
    first = layer.lag + max(begin - layer.lag, 0)  # the step that takes V[:, 0]
    states = layer.neuron.states
    each = layer.neuron.apart
    numbers = states + layer.neuron.filters + layer.neuron.before
    past = layer.neuron.past
    heard = weights.heard
    for item in range(start, stop):
        b, band = divmod(item, bands)
        low = band * g.height
        high = min(low + g.height, g.H)
        N = (high - low) * g.row
        at = low * g.row
        spiking = not layer.readout and high - low == g.height
        s = BandState(
            state.z[: states * N],
            state.P[:N],
            state.Q[:N],
            state.total,
            state.before[: N * layer.neuron.before],
        )
        if begin > 0:
            load(between, b, at * numbers, s)
        else:
            s.z[:], s.P[:], s.Q[:] = 0, 0, 0
        found = out.offset[b, band, begin] if spiking else 0
        for t in range(begin, end):
            if 0 <= t - layer.first < kept:
                U, more = of_band(u, b, t - layer.first, at, N, past)
            else:
                U, more = of_band(spare, 0, 0, 0, N, past)
            if joint is not None:
                if each > 0 and t == max(layer.first, begin):
                    note_start(s, c)
                if heard.size > 0 and t > 0:
                    hear(_own(out, x), b, t - 1, heard, s.Q, N)
            if t >= layer.lag and dense[b]:
                add(V[b, t - first, at : at + N], s.Q)
            elif t >= layer.lag:
                input_of(x, b, t - layer.lag, low, high, weights, s.Q, lists, g, c)
            if t == layer.first and state_K.size > 0:
                store(s, state_K, b, at * numbers)
            if joint is not None:
                if 0 <= t - layer.first < kept:
                    note(s, biases, apart_of(u, b, t - layer.first, at, N, each), c)
                elif t >= layer.first:
                    note(s, biases, apart_of(spare, 0, 0, 0, N, each), c)
            membrane_step(U, more, s, biases, layer)
            if spiking:
                index, column = out.index[b, band], out.column[b, band, t]
                if pool == MAX:
                    found = note_largest(U, g.n_out, c.threshold, column, index, found)
                elif pool == MEAN:
                    found = note_mean(U, g.n_out, c.threshold, column, index, found)
                elif pool == SPIKES:
                    v = pooled(U, room, g.n_out, pool, c)
                    found = note_values(v, index, out.value[b, band], found)
                else:
                    found = note_all(U, g.n_out, c.threshold, column, index, found)
                out.offset[b, band, t + 1] = found
        if between.size > 0:
            store(s, between, b, at * numbers)
        if layer.readout and end == x.T:
            copy(U, out.logits[b])


@njit(nogil=True, cache=True, error_model="numpy")
def forward(start, stop, x, weights, dense, V, span, between, layer, u, state_K, out, body, joint):
    """Bands with the odd rest that is not pooled, for the steps span[0]..span[1]-1; V[:, 0] is W x
    of step max(span[0] - lag, 0). u holds its steps from the window's start on, state_K the states
    there, `between` those behind a span."""
    g = layer.g
    N = g.height * g.row
    state = state_of(N, layer, u.u)
    room = scratch(g, u.u)
    biases = tiled(weights.bias, g.W)
    spare = membrane_of(1, N, layer.neuron.past, layer.neuron.apart, u.u)
    given = (start, stop, x, weights, dense, V, span, between, layer, u, state_K, out)
    call_apart(body, steps, given + (biases, room, state, spare, lists_of(g), joint))


@njit(nogil=True, error_model="numpy", inner=True)
def membrane_of(steps, N, past, apart, like):
    """Room for so many steps of a band."""
    return Membrane(
        empty(steps * N, like).reshape(1, steps, N),
        empty(steps * N * past, like).reshape(1, steps, N * past),
        empty(steps * N * apart, like).reshape(1, steps, N * apart),
    )
