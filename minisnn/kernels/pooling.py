"""Pooling of a band's membrane and the spike that is handed on, on flat arrays (twins of
core/linear.py).

u (2, W, C) -> v, y (W', C); where nothing is pooled u (1, W, C) -> (W, C). Where spikes are pooled,
v is their mean. What the kernels need at a time step:

    pooled              v                                         adjoint            du from dy
    tangent             y_dot along u_dot                         adjoint_tangent    du and du_dot from dy and dy_dot

A loop that writes over what it reads does not become vectors, since LLVM takes its arrays for ones
that overlap. It takes seven times as long. So slopes of pooled spikes read from `Scratch.band`.
"""

from typing import NamedTuple

import numpy as np

from ..parallel.compilation import njit
from ..vectors.choice import largest, mean, pick, put
from ..vectors.llvm import call_at, wide
from ..vectors.vector import copy, zeros
from .records import MAX, NONE, SPIKES


class Scratch(NamedTuple):
    """Room for a band, for the pooled membrane and its tangent, and for dv."""

    band: np.ndarray
    v: np.ndarray
    v_dot: np.ndarray
    dv: np.ndarray


@njit(nogil=True, inner=True)
def scratch(g, like):
    return Scratch(
        zeros(g.height * g.row, like),
        zeros(g.sites, like),
        zeros(g.sites, like),
        zeros(g.sites, like),
    )


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _pool(u, s, C, pool, c):
    """s.v = the pooled membrane."""
    row = u.size // 2
    top = s.band
    v = s.v
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


@njit(nogil=True, inline="always")
def pooled(u, s, C, pool, c):
    """v, the pooled membrane; where nothing is pooled it is u itself."""
    v = u
    if pool != NONE:
        _pool(u, s, C, pool, c)
        v = s.v
    return v


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
def pooled_tangent(u, v, u_dot, s, C, pool, c):
    """v_dot; where nothing is pooled it is u_dot itself."""
    v_dot = u_dot
    if pool != NONE:
        _pool_tangent(u, v, u_dot, s.v_dot, C, pool, c)
        v_dot = s.v_dot
    return v_dot


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def unpool(u, v, dv, du, C, pool, c):
    """du (2, W, C) = adjoint of pooling: dv at the first site whose u is v, or a quarter of it at
    each of the four."""
    if pool == NONE:
        copy(dv, du)
        return
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
    """out = sigma'(v) d, for adjoints and tangents alike."""
    n = layer.neuron
    call_at(n.calls.slope, (v, d, out, layer.c, n.own))


@njit(nogil=True, inline="always", error_model="numpy")
def spike_curvature(v, v_dot, dy, dy_dot, out, layer):
    """out = dv_dot = sigma'(v) dy_dot + sigma''(v) v_dot dy."""
    n = layer.neuron
    call_at(n.calls.curvature, (v, v_dot, dy, dy_dot, out, layer.c, n.own))


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
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if pool == SPIKES:
        unpool(u, dy, dy, s.band, C, pool, c)  # whose odd rest stays zero
        spike_slope(u, s.band, du, layer)
        return
    v = pooled(u, s, C, pool, c)
    spike_slope(v, dy, s.dv, layer)
    unpool(u, v, s.dv, du, C, pool, c)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def tangent(u, u_dot, s, y_dot, layer):
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if pool == SPIKES:
        spike_slope(u, u_dot, s.band, layer)
        _mean(s.band, y_dot, C, c)
        return
    v = pooled(u, s, C, pool, c)
    spike_slope(v, pooled_tangent(u, v, u_dot, s, C, pool, c), y_dot, layer)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def adjoint_tangent(u, u_dot, dy, dy_dot, s, du, du_dot, layer):
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if pool == SPIKES:
        unpool(u, dy, dy, du, C, pool, c)
        unpool(u, dy_dot, dy_dot, s.band, C, pool, c)
        spike_curvature(u, u_dot, du, s.band, du_dot, layer)
        copy(du, s.band)
        spike_slope(u, s.band, du, layer)
        return
    v = pooled(u, s, C, pool, c)
    v_dot = pooled_tangent(u, v, u_dot, s, C, pool, c)
    spike_slope(v, dy, s.dv, layer)
    unpool(u, v, s.dv, du, C, pool, c)
    spike_curvature(v, v_dot, dy, dy_dot, s.dv, layer)
    unpool(u, v, s.dv, du_dot, C, pool, c)
