"""Pooling of a band's membrane and the spike that is handed on, on flat arrays (twins of
core/pool.py).

u (2, W, C) -> v, y (W', C); where nothing is pooled u (1, W, C) -> (W, C). Where spikes are
pooled, v is their mean. All are tuples: an array, or values and tangents.

A loop that writes over what it reads does not become vectors, since LLVM takes its arrays for ones
that overlap. It takes seven times as long. So slopes of pooled spikes read from `Scratch.band`.
"""

from typing import NamedTuple

from numba import types
from numba.extending import overload

from ..parallel.compilation import njit
from ..vectors.choice import largest, mean, pick, put
from ..vectors.llvm import call_at, wide
from ..vectors.vector import copy, zeros
from .records import MAX, NONE, SPIKES


class Scratch(NamedTuple):
    """Room for a band, for the pooled membrane, and for dv: an array each, or a pair."""

    band: tuple
    v: tuple
    dv: tuple


def parts(along, x, x_dot):
    """(x,), or along a direction (x, x_dot): to compile with."""
    return (x,) if along is None else (x, x_dot)


@overload(parts)
def _parts(along, x, x_dot):
    if isinstance(along, types.NoneType):
        return lambda along, x, x_dot: (x,)
    return lambda along, x, x_dot: (x, x_dot)


@njit(nogil=True, inner=True)
def scratch(g, like, along):
    N = g.height * g.row
    n = g.sites
    band = parts(along, zeros(N, like), zeros(N, like))
    v = parts(along, zeros(n, like), zeros(n, like))
    return Scratch(band, v, parts(along, zeros(n, like), zeros(n, like)))


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _pool(u, top, v, C, pool, c):
    """v = the pooled membrane; `top` is scratch."""
    row = u.size // 2
    if pool != SPIKES:
        for w in range(row // (2 * C)):
            i = 2 * w * C
            j = row + 2 * w * C
            if pool == MAX:
                largest(u, v, i, j, w * C, C)
            else:
                mean(u, v, i, j, w * C, C)
        return
    a, b = u[:row], u[row:]
    for i in range(row):
        top[i] = (c.one if a[i] >= c.threshold else c.zero) + (
            c.one if b[i] >= c.threshold else c.zero
        )
    for w in range(row // (2 * C)):
        left = top[2 * w * C :][:C]
        right = top[(2 * w + 1) * C :][:C]
        out = v[w * C :][:C]
        for i in range(C):
            out[i] = (left[i] + right[i]) * c.quarter


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _pool_tangent(u, v, u_dot, v_dot, C, pool, c):
    """v_dot along u_dot: that of the first site, in row-major order, whose u is v."""
    row = u.size // 2
    for w in range(v_dot.size // C):
        i = 2 * w * C
        j = row + 2 * w * C
        if pool == MAX:
            pick(u, v, u_dot, v_dot, i, j, w * C, C)
        else:
            a = u_dot[i : i + 2 * C]
            b = u_dot[j : j + 2 * C]
            out = v_dot[w * C :][:C]
            for n in range(C):
                out[n] = (a[n] + b[n] + (a[C + n] + b[C + n])) * c.quarter


@njit(nogil=True, inline="always")
def pooled(u, s, C, pool, c):
    """The pooled membrane, a value or a pair; where nothing is pooled it is u itself."""
    v = u
    if pool != NONE:
        _pool(u[0], s.band[0], s.v[0], C, pool, c)
        if len(u) > 1:
            _pool_tangent(u[0], s.v[0], u[-1], s.v[-1], C, pool, c)
        v = s.v
    return v


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def unpool(u, v, dv, du, C, pool, c):
    """du (2, W, C) = adjoint of pooling: dv at the first site whose u is v, or a quarter of it at
    each of the four."""
    row = u.size // 2
    for w in range(dv.size // C):
        i = 2 * w * C
        j = row + 2 * w * C
        if pool == MAX:
            put(u, v, dv, du, i, j, w * C, C)
        else:
            d = dv[w * C :][:C]
            first = du[i : i + C]
            for n in range(C):
                first[n] = d[n] * c.quarter
            copy(first, du[i + C : i + 2 * C])
            copy(first, du[j : j + C])
            copy(first, du[j + C : j + 2 * C])


@njit(nogil=True, inline="always", error_model="numpy")
def spike_slope(v, d, out, layer):
    """out = sigma'(v) d, of values or pairs."""
    calls = layer.neuron.calls
    call_at(calls.slope_tangent if len(v) > 1 else calls.slope, (v, d, out, layer.neuron.own))


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _mean(a, y, C, c):
    """y (W', C) = the mean of windows of a (2, W, C)."""
    wide()
    row = a.size // 2
    for i in range(row):
        a[i] += a[row + i]
    for w in range(y.size // C):
        left = a[2 * w * C :][:C]
        right = a[(2 * w + 1) * C :][:C]
        out = y[w * C :][:C]
        for i in range(C):
            out[i] = (left[i] + right[i]) * c.quarter


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def adjoint(u, dy, s, du, layer):
    """du from dy, of values or pairs."""
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if pool == NONE:
        spike_slope(u, dy, du, layer)
    elif pool == SPIKES:
        for m in range(len(u)):
            unpool(u[0], dy[m], dy[m], s.band[m], C, pool, c)  # whose odd rest stays zero
        spike_slope(u, s.band, du, layer)
    else:
        v = pooled(u, s, C, pool, c)
        spike_slope(v, dy, s.dv, layer)
        for m in range(len(u)):
            unpool(u[0], v[0], s.dv[m], du[m], C, pool, c)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def tangent(u, s, y_dot, layer):
    """y_dot of a pair u."""
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if pool == SPIKES:
        spike_slope((u[0],), (u[1],), (s.band[0],), layer)
        _mean(s.band[0], y_dot, C, c)
    else:
        v = pooled(u, s, C, pool, c)
        spike_slope((v[0],), (v[1],), (y_dot,), layer)
