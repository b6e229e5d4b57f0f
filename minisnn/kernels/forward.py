"""The parallel forward pass of a block. Each kernel works on items start..stop-1; an item
is one band of one sample (the rows of one pooled row, see `records.Geometry`), and no two items
write to the same place. Arrays are flat below the axes named here:

    u (B, n, H W n_out)
    held (B, filters, H W n_in)    state of the filters for the input before the window
    V (B, n, H W n_out)            W x for `dense` samples and some steps; other samples use events
"""

import numpy as np

from ..parallel.compilation import njit
from ..vectors.choice import TOGETHER, note, note_values
from ..vectors.llvm import call_at, wide
from ..vectors.vector import add_rows, copy, empty, zeros
from .linear import gather, spread
from .pooling import pooled, scratch
from .records import SPIKES, Lists, Membrane

INLINE = njit(nogil=True, inline="always", error_model="numpy")


@njit(nogil=True, error_model="numpy", inner=True)
def tiled(bias, sites):
    """Repeat a bias (C,) for every site of a row."""
    out = empty(sites * bias.size, bias)
    for i in range(sites):
        copy(bias, out[i * bias.size : (i + 1) * bias.size])
    return out


@INLINE
def input_of(x, b, t, low, high, weights, X, lists, g, c):
    """Add W x_t to X, in the rows low..high-1, event by event."""
    if x.known:
        gather(x, b, t, low, high, weights.dense, X, lists[g.W + 1 :], lists[: g.W + 1], g)
    elif g.H * g.W == 1 and not x.valued:  # the index is the row of the weights
        hear(x, b, t, weights.dense, X, g.n_out)
    else:
        spread(x, b, t, low, high, weights.rows, X, c.one, g)


@INLINE
def hear(x, b, t, weight, X, K):
    """Add W x_t to X, for events at a single site with K neurons."""
    at = b * x.capacity
    n = b * (x.T + 1) + t
    add_rows(X, 0, weight, 0, K, x.index, at + x.offset[n], at + x.offset[n + 1], K)


@njit(nogil=True, error_model="numpy", inner=True)
def lists_of(g):
    """Allocate scratch arrays for `gather`: one for the columns' starts, one for the events from k
    rows."""
    return np.empty(g.W + 1 + g.k * g.W * g.n_in + TOGETHER, np.int32)


@INLINE
def add(V, X):
    for i in range(X.size):
        X[i] += V[i]


@INLINE
def rows_of(neuron):
    """Return the number of rows in a band's state."""
    return 1 + neuron.filters + neuron.states


@INLINE
def membrane_step(past, S, bias, layer):
    """Advance a band's state by one step, and fill the tape's `past`."""
    n = layer.neuron
    call_at(n.calls.forward, (S, past, past, S, bias, n.own))


@INLINE
def of_band(m, b, t, at, N, past):
    """Return (u, past) for the N sites from `at` on. A tape stores `past` further numbers for each
    site."""
    return m.u[b, t, at : at + N], m.past[b, t, at * past : (at + N) * past]


@njit(nogil=True, cache=True, error_model="numpy")
def traces(start, stop, x, held, responses, g):
    """Return the state of the filters after the events of a sample that precede the window."""
    first = responses.shape[1]
    for b in range(start, stop):
        for f in range(held.shape[1]):
            row = held[b, f]
            row[:] = 0
            for t in range(first):
                response = responses[f, first - 1 - t]
                for h in range(g.H):
                    at = (b * g.H + h) * x.capacity
                    i = (b * g.H + h) * (x.T + 1) + t
                    for e in range(at + x.offset[i], at + x.offset[i + 1]):
                        n = np.uintp(h * g.W * g.n_in + x.index[e])
                        row[n] += response * x.value[e] if x.valued else response


@INLINE
def _own(out, x):
    """Return, as a list of events, the spikes that a recurrent layer has fired so far."""
    index = out.index.reshape(-1)
    offset = out.offset.reshape(-1)
    column = out.column.reshape(-1)
    return Lists(index, x.value[:0], offset, column, out.index.shape[2], x.T, False, True)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _steps(b, band, x, weights, dense, V, span, between, layer, u, state_K, out, own):
    """Compute a band step by step."""
    wide()
    biases, room, state, spare, lists = own
    g, c, pool, begin, end = layer.g, layer.c, layer.pool, span[0], span[1]
    kept = u.u.shape[1] if u.u.size > 0 else 0
    first = layer.lag + max(begin - layer.lag, 0)  # the step that uses V[:, 0]
    past = layer.neuron.past
    rows = rows_of(layer.neuron)
    low = band * g.height
    high = min(low + g.height, g.H)
    N = (high - low) * g.row
    at = low * g.row
    spiking = not layer.readout and high - low == g.height
    S = state[: rows * N]
    X = S[:N]
    if begin > 0:
        copy(between[b, at * rows : (at + N) * rows], S)
    else:
        S[:] = 0
    found = out.offset[b, band, begin] if spiking else 0
    for t in range(begin, end):
        if 0 <= t - layer.first < kept:
            U, more = of_band(u, b, t - layer.first, at, N, past)
        else:
            U, more = X[:0], spare
        if weights.heard.size > 0 and t > 0:
            hear(_own(out, x), b, t - 1, weights.heard, X, N)
        if t >= layer.lag and dense[b]:
            add(V[b, t - first, at : at + N], X)
        elif t >= layer.lag:
            input_of(x, b, t - layer.lag, low, high, weights, X, lists, g, c)
        if t == layer.first:
            if layer.lag > 0:  # earlier input is a constant, for any learned constants
                for n in range(N):
                    S[N + n] += c.rest * (X[n] - S[N + n])
                copy(S[N : 2 * N], X)
            if state_K.size > 0:
                copy(S, state_K[b, at * rows : (at + N) * rows])
        membrane_step(more, S, biases, layer)
        copy(X[: U.size], U)
        if spiking:
            index, column = out.index[b, band], out.column[b, band, t]
            v = pooled((X,), room, g.n_out, pool, c)[0]
            if pool == SPIKES:
                found = note_values(v, index, out.value[b, band], found)
            else:
                found = note(v, g.n_out, c.threshold, column, index, found)
            out.offset[b, band, t + 1] = found
        X[:] = 0
    if between.size > 0:
        copy(S, between[b, at * rows : (at + N) * rows])


@njit(nogil=True, cache=True, error_model="numpy")
def forward(start, stop, x, weights, dense, V, span, between, layer, u, state_K, out):
    """Run the bands, including an odd last row that is not pooled, through the steps
    span[0]..span[1]-1; V[:, 0] is W x of step max(span[0] - lag, 0). u receives the steps from the
    window's start on, state_K the states there, `between` the states at the end of a span."""
    g = layer.g
    N = g.height * g.row
    bands = (g.H + g.height - 1) // g.height
    spare = empty(g.row, u.u)  # scratch that replaces a tape
    state = zeros(N * rows_of(layer.neuron), u.u)
    own = tiled(weights.bias, g.W), scratch(g, u.u, None), state, spare, lists_of(g)
    for item in range(start, stop):
        b, band = divmod(item, bands)
        _steps(b, band, x, weights, dense, V, span, between, layer, u, state_K, out, own)


@njit(nogil=True, error_model="numpy", inner=True)
def membrane_of(steps, N, past, like):
    """Allocate the arrays for some steps of a band."""
    return Membrane(
        empty(steps * N, like).reshape(1, steps, N),
        empty(steps * N * past, like).reshape(1, steps, N * past),
    )
