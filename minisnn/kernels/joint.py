"""What a band does besides, where a layer hears its own spikes or learns its neuron's constants
(`core.layer`): the lines of a step that stand before and behind those of its neuron.

A filter's step y' = a y + (1 - a) x has the derivative y - x by its decay. Where the synapse does
not delay, a tape holds it of the one filter, in units of 1 - beta: `apart` is Q - Q', with the bias
in both. Where it delays, `apart` is that of the second filter, p - q; and that of the first one,
q - x, follows from those of two steps:

    q_t - x_t = ((p - q)_{t+1} - alpha (p - q)_t) / (1 - beta)

Nothing of this is done for other layers: kernels take None for `joint` then, and are compiled
without these lines, which are more than a third of them.
"""

from ..parallel.compilation import njit
from ..vectors.llvm import apart as disjoint
from ..vectors.llvm import wide
from ..vectors.vector import add_rows, copy

INLINE = njit(nogil=True, inline="always", error_model="numpy")
KERNEL = njit(nogil=True, inner=True, error_model="numpy", borrows=True)
# sums of lanes, put together at the end
SUM = njit(nogil=True, inner=True, error_model="numpy", fastmath={"reassoc", "contract"})


@INLINE
def hear(x, b, t, heard, Q, K):
    """Q += V f of the spikes f at step t, K neurons."""
    at = b * x.capacity
    n = b * (x.T + 1) + t
    add_rows(Q, 0, heard, 0, K, x.index, at + x.offset[n], at + x.offset[n + 1], K)


@INLINE
def apart_of(m, b, t, at, N, each):
    """`apart` of the N sites from `at` on; `each` is 1, or 0 where it is not kept."""
    return m.apart[b, t, at * each : (at + N) * each]


# ---- ahead


@KERNEL
def _note_P(P, Q, apart, rest):
    wide()
    disjoint()
    for n in range(P.size):
        apart[n] = P[n] - rest * Q[n]


@KERNEL
def _note_Q(Q, before, bias, apart):
    wide()
    disjoint()
    row = bias.size
    for i in range(0, Q.size, row):
        for n in range(row):
            now = Q[i + n] + bias[n]
            apart[i + n] = before[i + n] - now
            before[i + n] = now


@KERNEL
def _scale(x, by, y):
    """y = by x"""
    wide()
    disjoint()
    for n in range(y.size):
        y[n] = by * x[n]


@KERNEL
def _add(x, by, y):
    """y += by x"""
    wide()
    disjoint()
    for n in range(y.size):
        y[n] += by * x[n]


@INLINE
def note_start(s, c):
    """`before` at the first step that is noted, from a Q that has decayed."""
    if s.before.size > 0:
        _scale(s.Q, c.one / c.beta, s.before)


@INLINE
def note(s, bias, apart, c):
    """`apart` of a step whose input has come."""
    if apart.size > 0:
        if s.before.size > 0:
            _note_Q(s.Q, s.before, bias, apart)
        else:
            _note_P(s.P, s.Q, apart, c.rest_beta)


# ---- along a direction: s are tangents


@KERNEL
def _move_Q(apart, earlier, Q, alpha, by):
    wide()
    disjoint()
    for n in range(Q.size):
        Q[n] += by * (apart[n] - alpha * earlier[n])


@INLINE
def begin_along(s):
    """`before` is Q without the input of the step."""
    copy(s.Q[: s.before.size], s.before)


@INLINE
def input_along(s, bias, apart, earlier, apart_dot, first, decays, c):
    """The input of a step has come: Q along beta, and what is apart of the tangents; `earlier` is
    `apart` of the step before, which a filter that delays has not had at the `first` one."""
    if apart.size == 0:
        return
    if s.before.size > 0:
        _scale(s.before, c.one / c.beta, s.before)
        _note_Q(s.Q, s.before, bias, apart_dot)
        _add(apart, decays[1] / c.rest_beta, s.Q)
    else:
        if not first:
            _move_Q(apart, earlier, s.Q, c.alpha, decays[1] / (c.rest_beta * c.rest_beta))
        _note_P(s.P, s.Q, apart_dot, c.rest_beta)


@INLINE
def step_along(s, apart, decays):
    """The step is done: P along alpha."""
    if apart.size > 0 and s.before.size == 0:
        _add(apart, decays[0], s.P)


# ---- back


@SUM
def _products(dP, dQ, apart, later, alpha):
    """Sums of dP (p - q), and of dQ (q - x) (1 - beta)."""
    wide()
    first = alpha - alpha
    second = alpha - alpha
    for n in range(dP.size):
        first += dP[n] * apart[n]
        second += dQ[n] * (later[n] - alpha * apart[n])
    return first, second


@SUM
def _products_along(dP, dQ, apart, apart_dot, later_dot, later, alpha, alpha_dot, beta_dot):
    """The same of the tangents of p - q and q - x, beta_dot in units of 1 - beta."""
    wide()
    first = alpha - alpha
    second = alpha - alpha
    for n in range(dP.size):
        first += dP[n] * apart_dot[n]
        moved = later_dot[n] - alpha * apart_dot[n] - alpha_dot * apart[n]
        second += dQ[n] * (moved + beta_dot * (later[n] - alpha * apart[n]))
    return first, second


@SUM
def _product(a, b):
    wide()
    total = a[0] - a[0]
    for n in range(a.size):
        total += a[n] * b[n]
    return total


@INLINE
def sum_decays(dP, dQ, apart, later, dk, c):
    """dk += what alpha and beta get of a step back, where the synapse delays: from the adjoints of P
    and Q a step later, and `apart` of this step and the later one."""
    of_alpha, of_beta = _products(dP, dQ, apart, later, c.alpha)
    dk[0] += of_alpha
    dk[1] += of_beta / c.rest_beta


@INLINE
def sum_decays_along(dP, dQ, apart, later, apart_dot, later_dot, decays, dk, c):
    """What they get of the tangents of `apart`."""
    of_alpha, of_beta = _products_along(
        dP, dQ, apart, apart_dot, later_dot, later, c.alpha, decays[0], decays[1] / c.rest_beta
    )
    dk[0] += of_alpha
    dk[1] += of_beta / c.rest_beta


@INLINE
def sum_beta(dQ, apart, dk, c):
    """The same where the synapse does not delay; dQ is what it is a step earlier."""
    dk[1] += _product(dQ, apart) / c.beta


@KERNEL
def sum_constants(z, states, N, dk):
    """dk behind alpha and beta: of the constants of a neuron's step, from their adjoints z behind
    those of the states."""
    for k in range(dk.size - 2):
        for n in range(N):
            dk[2 + k] += z[(k + states) * N + n]


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
