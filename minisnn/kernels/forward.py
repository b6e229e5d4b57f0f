"""What a block does in parallel on the way forward: each kernel works on the items start..stop-1 of
a range, bands (a sample and the rows of one pooled row, see `records.Geometry`), and no two items
write to one place. Arrays are flat below the axes named here:

    u, u_dot (B, n, H W n_out)    y_dot (B, m, H' W' n_out)    PQ_dot (B, 2, H W n_out)    V_dot (B, m - delay, H W n_out)
    pq (B, 2, H W n_in)           presynaptic traces p_K, q_K; q alone where W p_K is no part of the state
    V (B, n, H W n_out)           W x of samples that are `dense`, for some steps; the others go by their events

A band's membrane in the window can be computed `again`, to the same bits, from its state at the
start: where its events are few a tape does not hold it.
"""

from typing import NamedTuple

import numpy as np

from ..parallel.compilation import njit
from .choice import TOGETHER, note_largest, note_mean
from .choice import note as note_all
from .joint import apart_of, begin_along, hear, input_along, note, note_start, step_along
from .llvm import call_at, wide
from .linear import gather, spread
from .pooling import pooled, scratch, tangent
from .products import row_times
from .records import MAX, MEAN, SPIKES, BandState, Lists, Membrane
from .vector import add_rows, copy, empty, zeros


class Spikes(NamedTuple):
    """What a block hands on: lists of events (see `Events`), with values where the mean of spikes
    is pooled, or the readout's logits (B, n_out)."""

    index: np.ndarray
    value: np.ndarray
    offset: np.ndarray
    column: np.ndarray
    logits: np.ndarray


@njit(nogil=True, cache=True, error_model="numpy")
def tiled(bias, sites):
    """bias (C,) repeated for every site of a row."""
    out = empty(sites * bias.size, bias)
    for i in range(sites):
        copy(bias, out[i * bias.size : (i + 1) * bias.size])
    return out


@njit(nogil=True, inline="always", error_model="numpy")
def _input(x, b, t, low, high, weights, Q, lists, g, c):
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


@njit(nogil=True, cache=True, error_model="numpy")
def _lists(g):
    """Scratch for `gather`: where columns start, and the events of k rows."""
    return np.empty(g.W + 1 + g.k * g.W * g.n_in + TOGETHER, np.int32)


@njit(nogil=True, inline="always", error_model="numpy")
def _add(V, Q):
    for i in range(Q.size):
        Q[i] += V[i]


@njit(nogil=True, inline="always", error_model="numpy")
def _emit(v, index, value, found):
    """Append the sites of one pooled row that are not zero, with their values; the number of events
    after that."""
    for i in range(v.size):
        if v[i] > 0:
            index[found], value[found] = i, v[i]
            found += 1
    return found


@njit(nogil=True, inline="always", error_model="numpy")
def _store(s, kept, b, at):
    """A band's state to kept[b, at:]."""
    for one in (s.z, s.P, s.Q, s.before):
        copy(one, kept[b, at : at + one.size])
        at += one.size


@njit(nogil=True, inline="always", error_model="numpy")
def _load(kept, b, at, s):
    """A band's state from there."""
    for one in (s.z, s.P, s.Q, s.before):
        copy(kept[b, at : at + one.size], one)
        at += one.size


@njit(nogil=True, cache=True, error_model="numpy")
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
    from one event. In plain loops: plain.sample.filters."""
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


@njit(nogil=True, cache=True, error_model="numpy", borrows=True)
def _forward(
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
):
    """Bands, step by step. In plain loops: plain.sample.forward."""
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
            _load(between, b, at * numbers, s)
        else:
            s.z[:], s.P[:], s.Q[:] = 0, 0, 0
        found = out.offset[b, band, begin] if spiking else 0
        for t in range(begin, end):
            if 0 <= t - layer.first < kept:
                U, more = of_band(u, b, t - layer.first, at, N, past)
                apart = apart_of(u, b, t - layer.first, at, N, each)
            else:
                U, more = of_band(spare, 0, 0, 0, N, past)
                apart = apart_of(spare, 0, 0, 0, N, each)
            if each > 0 and t == max(layer.first, begin):
                note_start(s, c)
            if heard.size > 0 and t > 0:
                hear(_own(out, x), b, t - 1, heard, s.Q, N)
            if t >= layer.lag and dense[b]:
                _add(V[b, t - first, at : at + N], s.Q)
            elif t >= layer.lag:
                _input(x, b, t - layer.lag, low, high, weights, s.Q, lists, g, c)
            if t == layer.first and state_K.size > 0:
                _store(s, state_K, b, at * numbers)
            if t >= layer.first:
                note(s, biases, apart, c)
            membrane_step(U, more, s, biases, layer)
            if spiking:
                index, column = out.index[b, band], out.column[b, band, t]
                if pool == MAX:
                    found = note_largest(U, g.n_out, c.threshold, column, index, found)
                elif pool == MEAN:
                    found = note_mean(U, g.n_out, c.threshold, column, index, found)
                elif pool == SPIKES:
                    found = _emit(
                        pooled(U, room, g.n_out, pool, c), index, out.value[b, band], found
                    )
                else:
                    found = note_all(U, g.n_out, c.threshold, column, index, found)
                out.offset[b, band, t + 1] = found
        if between.size > 0:
            _store(s, between, b, at * numbers)
        if layer.readout and end == x.T:
            copy(U, out.logits[b])


@njit(nogil=True, cache=True, error_model="numpy")
def forward(start, stop, x, weights, dense, V, span, between, layer, u, state_K, out):
    """Bands with the odd rest that is not pooled, for the steps span[0]..span[1]-1; V[:, 0] is W x
    of step max(span[0] - lag, 0). u holds its steps from the window's start on, state_K the states
    there, `between` those behind a span."""
    g = layer.g
    N = g.height * g.row
    state = state_of(N, layer, u.u)
    room = scratch(g, u.u)
    biases = tiled(weights.bias, g.W)
    kept = (layer, u, state_K, out)
    _forward(
        start,
        stop,
        x,
        weights,
        dense,
        V,
        span,
        between,
        *kept,
        biases,
        room,
        state,
        _membrane(1, N, layer.neuron.past, layer.neuron.apart, u.u),
        _lists(g),
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _membrane(steps, N, past, apart, like):
    """Room for so many steps of a band."""
    return Membrane(
        empty(steps * N, like).reshape(1, steps, N),
        empty(steps * N * past, like).reshape(1, steps, N * past),
        empty(steps * N * apart, like).reshape(1, steps, N * apart),
    )


@njit(nogil=True, cache=True, error_model="numpy")
def scratch_again(layer, steps, like):
    """What `again` and `along` work in for a band: its membrane and tangent, which they fill,
    states, lists."""
    g = layer.g
    N = g.height * g.row
    u = _membrane(steps, N, layer.neuron.past, layer.neuron.apart, like)
    u_dot = _membrane(steps, N, layer.neuron.past_dot, layer.neuron.apart, like)
    return u, u_dot, state_of(N, layer, like), _lists(g)


@njit(nogil=True, cache=True, error_model="numpy", borrows=True)
def again(b, band, x, before, layer, U, s, biases, lists):
    """U = the membrane of a band, from its state at the window's start; `biases` are tiled. In plain
    loops: plain.sample.filters, membrane_forward."""
    g = layer.g
    c = layer.c
    low = band * layer.g.height
    neuron = layer.neuron
    numbers = neuron.states + neuron.filters + neuron.before
    _load(before.state, b, band * s.Q.size * numbers, s)
    for t in range(U.u.shape[1]):
        if t > 0:
            _input(
                x,
                b,
                layer.first + t - layer.lag,
                low,
                low + g.height,
                before.weights,
                s.Q,
                lists,
                g,
                c,
            )
        u_t, more = of_band(U, 0, t, 0, s.Q.size, neuron.past)
        note(s, biases, apart_of(U, 0, t, 0, s.Q.size, neuron.apart), c)
        membrane_step(u_t, more, s, biases, layer)


@njit(nogil=True, cache=True, error_model="numpy", borrows=True)
def along(b, band, x, d, layer, u, n, at, u_dot, m, to, s, biases, lists, room, y_dot, f, heard):
    """u_dot[m, :, to:] of a band along `d`, from u[n, :, at:]; and y_dot[b] where that is given;
    `biases` are d's, tiled; f are the layer's own spikes where it hears them through `heard`.
    In plain loops: plain.sample.forward_tangent."""
    g = layer.g
    c = layer.c
    neuron = layer.neuron
    N = s.Q.size
    last = d.PQ.shape[1] - 1
    low = band * g.height
    inner = max(u_dot.u.shape[1] - layer.delay, 0)
    here = band * N
    s.z[:] = 0
    for h in range(0, N, g.row):
        P = s.P[h:][: g.row]
        Q = s.Q[h:][: g.row]
        P_dot = d.PQ[b, 0, here + h :]
        Q_dot = d.PQ[b, last, here + h :]
        for i in range(g.row):
            if last:
                P[i] = P_dot[i] + c.bias_P * biases[i]
            Q[i] = c.lead * ((Q_dot[i] + c.bias_Q * biases[i]) / c.rest_beta)
    for t in range(u_dot.u.shape[1]):
        u_t, past = of_band(u, n, t, at, N, neuron.past)
        v_t, past_dot = of_band(u_dot, m, t, to, N, neuron.past_dot)
        tau = t - layer.lag
        apart = apart_of(u, n, t, at, N, neuron.apart)
        apart_dot = apart_of(u_dot, m, t, to, N, neuron.apart)
        earlier = apart_of(u, n, max(t - 1, 0), at, N, neuron.apart)
        begin_along(s)
        if 0 <= tau < inner:
            if not d.dense[b]:
                _input(x, b, layer.first + tau, low, low + g.height, d.weights, s.Q, lists, g, c)
            if d.V.size > 0:
                _add(d.V[b, tau, here : here + N], s.Q)
            if heard.size > 0:
                hear(f, b, tau, d.weights.heard, s.Q, N)
                if t > 0:
                    row_times(y_dot[b, t - 1], heard, s.Q)
        input_along(s, biases, apart, earlier, apart_dot, t == 0, d.decays, c)
        arguments = (u_t, past, v_t, past_dot, s.z, s.P, s.Q, biases, d.constants, c, neuron.own)
        call_at(neuron.calls.forward_tangent, arguments)
        step_along(s, apart, d.decays)
        if y_dot.size > 0:
            tangent(
                u_t,
                v_t,
                room,
                y_dot[b, t, band * g.sites : (band + 1) * g.sites],
                layer,
            )


@njit(nogil=True, cache=True, error_model="numpy")
def forward_tangent(start, stop, x, before, d, layer, u, u_dot, y_dot, logits_dot, f):
    """y_dot, or the readout's logits_dot, along `d`; u_dot is kept where it has room, and where u
    is not given it is computed again. In plain loops: plain.sample.forward_tangent."""
    g = layer.g
    steps = max(y_dot.shape[1], u_dot.u.shape[1])
    own, own_dot, s, lists = scratch_again(layer, 0 if u_dot.u.size > 0 else steps, y_dot)
    room = scratch(g, y_dot)
    biases = tiled(before.weights.bias, g.W)
    biases_dot = tiled(d.weights.bias, g.W)
    heard = before.weights.heard
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        at = band * s.Q.size
        if u_dot.u.size > 0:
            along(
                b,
                band,
                x,
                d,
                layer,
                u,
                b,
                at,
                u_dot,
                b,
                at,
                s,
                biases_dot,
                lists,
                room,
                y_dot,
                f,
                heard,
            )
        else:
            again(b, band, x, before, layer, own, s, biases, lists)
            along(
                b,
                band,
                x,
                d,
                layer,
                own,
                0,
                0,
                own_dot,
                0,
                0,
                s,
                biases_dot,
                lists,
                room,
                y_dot,
                f,
                heard,
            )
        if layer.readout:
            logits_dot[b] = u_dot.u[b, steps - 1]
