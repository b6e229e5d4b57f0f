"""What a band does besides, where a layer hears its own spikes or learns its neuron's constants
(`layers.together`): the lines of a step that stand before and behind those of its neuron.

A filter's step y' = a y + (1 - a) x has the derivative y - x by its decay. A tape holds it of every
step and filter as `apart`, that of P before that of Q; Q's is of the step that led here. In units of
1 - beta, which Q has, it is Q - Q'.

Nothing here is done for other layers: arrays have no size, and each function says so at once.
"""

from ..parallel.compilation import njit
from .vector import add_rows

INLINE = njit(nogil=True, inline="always", error_model="numpy")


# ---- a layer's own spikes


@INLINE
def hear(x, b, t, heard, Q, K):
    """Q += V f of the spikes f at step t, K neurons."""
    at = b * x.capacity
    n = b * (x.T + 1) + t
    add_rows(Q, 0, heard, 0, K, x.index, at + x.offset[n], at + x.offset[n + 1], K)


# ---- learned constants


@INLINE
def begin(z, start):
    """The states at the first step: zero, and the constants among them as they are."""
    N = z.size // max(start.size, 1)
    for k in range(start.size):
        for n in range(N):
            z[k * N + n] = start[k]


@INLINE
def apart_of(m, b, t, at, N, filters):
    """`apart` of the N sites from `at` on."""
    if m.apart.size == 0:
        return m.apart[0, 0]
    return m.apart[b, t, at * filters : (at + N) * filters]


@INLINE
def note_Q(s, before, bias, apart, c):
    """`apart` of Q, whose input has come; `before` is Q without it."""
    N = s.Q.size
    if apart.size == 0:
        return
    last = apart.size - N
    row = bias.size
    for i in range(0, N, row):
        for n in range(row):
            # a filter that does not delay has the bias too
            Q = s.Q[i + n] if last else s.Q[i + n] + bias[n]
            apart[last + i + n] = before[i + n] / c.beta - Q


@INLINE
def note_P(s, apart, c):
    """`apart` of P, before the step."""
    if apart.size > s.Q.size:
        for n in range(s.Q.size):
            apart[n] = s.P[n] - c.rest_beta * s.Q[n]


@INLINE
def move_Q(s, apart, decays, c):
    """Q, a tangent, along beta: its input has come."""
    N = s.Q.size
    if apart.size > 0:
        by = decays[1] / c.rest_beta
        last = apart.size - N
        for n in range(N):
            s.Q[n] += by * apart[last + n]


@INLINE
def move_P(s, apart, decays):
    """P, a tangent, along alpha: the step is done."""
    N = s.Q.size
    if apart.size > N:
        for n in range(N):
            s.P[n] += decays[0] * apart[n]


@INLINE
def sum_decays(dP, dQ, apart, later, total):
    """total (2 N,) += what alpha and beta get of a step back, from the adjoints of P and Q a step
    later and their `apart`, Q's of the step later."""
    N = dQ.size
    if apart.size > N:
        for n in range(N):
            total[n] += dP[n] * apart[n]
    last = later.size - N
    if later.size > 0:
        for n in range(N):
            total[N + n] += dQ[n] * later[last + n]


@INLINE
def sum_beta(dQ, apart, total, c):
    """The same of beta where the synapse does not delay; dQ is what it is a step earlier."""
    N = dQ.size
    for n in range(N):
        total[N + n] += dQ[n] / c.beta * apart[n]


@INLINE
def sum_constants(total, z, states, dk):
    """dk (2 + states,) of a band: alpha, beta, and the states, from their adjoints at the start."""
    N = total.size // 2
    for k in range(2 + states):
        dk[k] = 0
        for n in range(N):
            dk[k] += total[k * N + n] if k < 2 else z[(k - 2) * N + n]


@INLINE
def move_back(dP, dQ, s, dV, decays, g):
    """The adjoints' tangents s, and dV_dot in halo rows, along alpha and beta, from the adjoints dP
    and dQ of the step."""
    for h in range(g.height):
        dV_ = dV[h * g.pitch + g.pad :][: g.row]
        dQ_ = dQ[h * g.row :][: g.row]
        Q_ = s.Q[h * g.row :][: g.row]
        for n in range(g.row):
            dV_[n] -= decays[1] * dQ_[n]
            Q_[n] += decays[1] * dQ_[n]
    for n in range(dP.size):
        s.P[n] += decays[0] * dP[n]
        s.Q[n] -= decays[0] * dP[n]
