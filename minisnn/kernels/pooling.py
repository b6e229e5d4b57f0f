"""Pooling of a band's membrane, and the output spikes, on flat arrays; the maps of `core.linear`.

u (2, W, C) -> v, y (W', C), or without pooling u (1, W, C) -> (W, C). If spikes are pooled, v is
their mean. All are tuples: an array, or values and tangents.

LLVM does not vectorise a loop that overwrites its input, which makes it seven times slower. So the
slopes of pooled spikes are computed from a copy in `Scratch.band`.
"""

from collections import namedtuple

from numba import types
from numba.extending import overload

from ..parallel.compilation import njit
from ..vectors.choice import largest, mean, pick, put
from ..vectors.llvm import call_at, wide
from ..vectors.vector import copy, zeros
from .records import MAX, MEAN, NONE, SPIKES

INNER = njit(nogil=True, error_model="numpy", borrows=True, inner=True)


# Room for a band, for the pooled membrane, and for dv: an array each, or a pair.
Scratch = namedtuple("Scratch", "band v dv")


def parts(along, x, x_dot):
    """Return (x,), or (x, x_dot) if there is a tangent, as code that numba can compile."""
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


@INNER
def _pool(u, spikes, v, C, pool, c):
    """Compute the pooled membrane v; `spikes` is scratch."""
    wide()
    if pool == SPIKES:
        for i in range(u.size):
            spikes[i] = c.one if u[i] >= c.threshold else c.zero
        u = spikes
    for w in range(v.size // C):
        i = 2 * w * C
        if pool == MAX:
            largest(u, v, u, v, i, u.size // 2 + i, w * C, C)
        else:
            mean(u, v, u, v, i, u.size // 2 + i, w * C, C)


@INNER
def _pick(u, v, x, y, C):
    """Set y to x at the first site, in row-major order, of each window where u = v."""
    for w in range(v.size // C):
        i = 2 * w * C
        pick(u, v, x, y, i, u.size // 2 + i, w * C, C)


@njit(nogil=True, inline="always")
def pooled(u, s, C, pool, c):
    """Return the pooled membrane, as a value or a pair. Without pooling this is u itself."""
    v = u
    if pool != NONE:
        v = s.v
        _pool(u[0], s.band[0], v[0], C, pool, c)
        if len(u) > 1 and pool == MAX:
            _pick(u[0], v[0], u[-1], v[-1], C)
        elif len(u) > 1:
            _pool(u[-1], s.band[0], v[-1], C, MEAN, c)
    return v


@INNER
def unpool(u, v, dv, du, C, pool, c):
    """Compute du (2, W, C), the adjoint of pooling: either dv goes to the first site with u = v, or
    a quarter of dv goes to each of the four sites."""
    row = u.size // 2
    for w in range(dv.size // C):
        i = 2 * w * C
        if pool == MAX:
            put(u, v, dv, du, i, row + i, w * C, C)
        else:
            d = dv[w * C :][:C]
            first = du[i : i + C]
            for n in range(C):
                first[n] = d[n] * c.quarter
            copy(first, du[i + C : i + 2 * C])
            copy(first, du[row + i : row + i + C])
            copy(first, du[row + i + C : row + i + 2 * C])


@njit(nogil=True, inline="always", error_model="numpy")
def spike_slope(v, d, out, layer):
    """Compute out = sigma'(v) d, for values or for pairs."""
    calls = layer.neuron.calls
    call_at(calls.slope_tangent if len(v) > 1 else calls.slope, (v, d, out, layer.neuron.own))


@INNER
def adjoint(u, dy, s, du, layer):
    """Compute du from dy, for values or for pairs. In the readout du is dy."""
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if layer.readout:
        for m in range(len(u)):
            copy(dy[m], du[m])
    elif pool == NONE:
        spike_slope(u, dy, du, layer)
    elif pool == SPIKES:
        for m in range(len(u)):
            unpool(u[0], dy[m], dy[m], s.band[m], C, pool, c)  # odd rows and columns stay zero
        spike_slope(u, s.band, du, layer)
    else:
        v = pooled(u, s, C, pool, c)
        spike_slope(v, dy, s.dv, layer)
        for m in range(len(u)):
            unpool(u[0], v[0], s.dv[m], du[m], C, pool, c)


@INNER
def tangent(u, s, y_dot, layer):
    """Compute y_dot from u, which is a pair."""
    C, pool, c = layer.g.n_out, layer.pool, layer.c
    if pool == SPIKES:
        spike_slope((u[0],), (u[1],), (s.band[0],), layer)
        _pool(s.band[0], s.v[0], y_dot, C, MEAN, c)
    else:
        v = pooled(u, s, C, pool, c)
        spike_slope((v[0],), (v[1],), (y_dot,), layer)
