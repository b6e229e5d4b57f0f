"""What a band does besides, where a layer hears its own spikes or learns its neuron's constants
(`layers.together`): the lines of a step that stand before and behind those of its neuron.

A filter's step y' = a y + (1 - a) x has the derivative y - x by its decay. A tape holds it of every
step and filter as `apart`, that of P before that of Q; Q's is of the step that led here. In units of
1 - beta, which Q has, it is Q - Q'.

Nothing here is done for other layers: arrays have no size, and each function says so at once.
"""

from ..parallel.compilation import njit
from .llvm import apart as _apart
from .llvm import wide
from .vector import add_rows

INLINE = njit(nogil=True, inline="always", error_model="numpy")
KERNEL = njit(nogil=True, cache=True, error_model="numpy", borrows=True)


# ---- a layer's own spikes


@INLINE
def hear(x, b, t, heard, Q, K):
    """Q += V f of the spikes f at step t, K neurons."""
    at = b * x.capacity
    n = b * (x.T + 1) + t
    add_rows(Q, 0, heard, 0, K, x.index, at + x.offset[n], at + x.offset[n + 1], K)


# ---- learned constants


@INLINE
def apart_of(m, b, t, at, N, filters):
    """`apart` of the N sites from `at` on, of so many filters."""
    return m.apart[b, t, at * filters : (at + N) * filters]


@KERNEL
def _note_Q(Q, before, bias, apart, by):
    wide()
    _apart()
    row = bias.size
    for i in range(0, Q.size, row):
        for n in range(row):
            apart[i + n] = by * before[i + n] - (Q[i + n] + bias[n])


@KERNEL
def _note(Q, before, apart, by):
    """apart = before - by Q"""
    wide()
    _apart()
    for n in range(Q.size):
        apart[n] = before[n] - by * Q[n]


@KERNEL
def _note_last(Q, before, apart, by):
    """apart = by before - Q"""
    wide()
    _apart()
    for n in range(Q.size):
        apart[n] = by * before[n] - Q[n]


@KERNEL
def _scale(x, by, y):
    """y = by x"""
    wide()
    _apart()
    for n in range(y.size):
        y[n] = by * x[n]


@KERNEL
def _add(x, by, y):
    """y += by x"""
    wide()
    _apart()
    for n in range(y.size):
        y[n] += by * x[n]


@KERNEL
def _add_product(a, b, by, total):
    """total += by a b"""
    wide()
    _apart()
    for n in range(total.size):
        total[n] += by * a[n] * b[n]


@KERNEL
def _note_both(P, Q, before, apart, rest):
    wide()
    _apart()
    N = Q.size
    for n in range(N):
        apart[n] = P[n] - rest * Q[n]
        apart[N + n] = before[n] - Q[n]
        before[n] = Q[n]


@KERNEL
def _note_one(Q, before, bias, apart):
    wide()
    _apart()
    row = bias.size
    for i in range(0, Q.size, row):
        for n in range(row):
            now = Q[i + n] + bias[n]
            apart[i + n] = before[i + n] - now
            before[i + n] = now


@INLINE
def note(s, bias, apart, c):
    """`apart` of a step whose input has come, and `before`."""
    if apart.size > s.Q.size:
        _note_both(s.P, s.Q, s.before, apart, c.rest_beta)
    elif apart.size > 0:  # a filter that does not delay has the bias too
        _note_one(s.Q, s.before, bias, apart)


@INLINE
def note_start(s, c):
    """`before` at the first step that is noted, from a Q that has decayed."""
    _scale(s.Q, c.one / c.beta, s.before)


@INLINE
def note_Q(s, bias, apart, c):
    """`apart` of Q, a tangent, whose input has come; `before` is Q without it."""
    N = s.Q.size
    if apart.size > N:
        _note_last(s.Q, s.before, apart[apart.size - N :], c.one / c.beta)
    elif apart.size > 0:  # a filter that does not delay has the bias too
        _note_Q(s.Q, s.before, bias, apart, c.one / c.beta)


@INLINE
def note_P(s, apart, c):
    """`apart` of P, a tangent, before the step."""
    if apart.size > s.Q.size:
        _note(s.Q, s.P, apart[: s.Q.size], c.rest_beta)


@INLINE
def move_Q(s, apart, decays, c):
    """Q, a tangent, along beta: its input has come."""
    if apart.size > 0:
        _add(apart[apart.size - s.Q.size :], decays[1] / c.rest_beta, s.Q)


@INLINE
def move_P(s, apart, decays):
    """P, a tangent, along alpha: the step is done."""
    N = s.Q.size
    if apart.size > N:
        _add(apart[:N], decays[0], s.P)


@INLINE
def sum_decays(dP, dQ, apart, later, c, total):
    """total (2 N,) += what alpha and beta get of a step back, from the adjoints of P and Q a step
    later and their `apart`, Q's of the step later."""
    N = dQ.size
    if apart.size > N:
        _add_product(dP, apart[:N], c.one, total[:N])
    if later.size > 0:
        _add_product(dQ, later[later.size - N :], c.one, total[N:])


@INLINE
def sum_beta(dQ, apart, total, c):
    """The same of beta where the synapse does not delay; dQ is what it is a step earlier."""
    _add_product(dQ, apart, c.one / c.beta, total[dQ.size :])


@KERNEL
def sum_constants(total, z, states, dk):
    """dk (2 + learnable,) of a band: alpha, beta, and those of the step, from their adjoints at the
    start."""
    N = total.size // 2
    for k in range(dk.size):
        dk[k] = 0
        for n in range(N):
            dk[k] += total[k * N + n] if k < 2 else z[(k - 2 + states) * N + n]


@INLINE
def move_back(dP, dQ, s, dV, decays, g):
    """The adjoints' tangents s, and dV_dot in halo rows, along alpha and beta, from the adjoints dP
    and dQ of the step."""
    for h in range(g.height):
        row = dV[h * g.pitch + g.pad :][: g.row]
        _add(dQ[h * g.row :][: g.row], -decays[1], row)
    _add(dQ, decays[1], s.Q)
    if dP.size > 0:
        _add(dP, decays[0], s.P)
        _add(dP, -decays[0], s.Q)
