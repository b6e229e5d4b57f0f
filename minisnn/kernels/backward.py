"""What a block does in parallel on the way back, in items as in `forward`: bands from dy to dV. Every
sum has a fixed order.
"""

from ..parallel.compilation import njit
from ..vectors.llvm import call_apart, call_at
from ..vectors.products import Left, Out, Right, gemm, row_times
from ..vectors.vector import copy, zeros
from .along import again, along, scratch_again
from .forward import of_band, state_of, tiled
from .joint import apart_of, move_back, sum_beta, sum_constants, sum_decays, sum_decays_along
from .linear import (
    spread_weight,
)
from .pooling import adjoint, adjoint_tangent, scratch
from .records import BandState


TOGETHER = 4  # samples that one row of V serves, as many as hide how long an addition takes


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
def backward(start, stop, x, before, layer, u, d, out, of_again, joint):
    """The adjoint of a band from dy (or the readout's dlogits, at the last step only) to dV, dP_K,
    dQ_K and db; where u is not given it is computed again; `joint` as in `joint`."""
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
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        s = _state(b, band, N, layer, out, like)
        to = band * g.sites
        du[:] = 0  # odd columns of du stay zero
        dk = out.dk[b, band] if learns else du[:0]
        if not kept:
            given = (b, band, x, before, layer, own, state, biases, lists, joint)
            call_apart(of_again, again, given)
        for t in range(steps - 1, -1, -1):
            if kept:
                u_t, past = of_band(u, b, t, band * N, N, layer.neuron.past)
            else:
                u_t, past = of_band(own, 0, t, 0, N, layer.neuron.past)
            if joint is not None:
                after = min(t + 1, steps - 1)
                if kept:
                    apart = apart_of(u, b, t, band * N, N, each)
                    later = apart_of(u, b, after, band * N, N, each)
                else:
                    apart = apart_of(own, 0, t, 0, N, each)
                    later = apart_of(own, 0, after, 0, N, each)
                if each > 0 and layer.delay > 0:
                    sum_decays(s.P, s.Q, apart, later, dk, c)
            if d.dlogits.size == 0:
                adjoint(u_t, d.dy[b, t, to : to + g.sites], room, du, layer)
            elif t == steps - 1:
                copy(d.dlogits[b], du)
            elif t == steps - 2:
                du[:] = 0
            _back(u_t, past, du, s, dV, layer)
            if joint is not None:
                if each > 0 and layer.delay == 0:
                    sum_beta(s.Q, apart, dk, c)
            _keep(x, b, band, t, item, dV, steps, out, layer)
        _bias(b, band, s, out, g, c)
        if joint is not None:
            if learns:
                sum_constants(s.z, layer.neuron.states, N, dk)


@njit(nogil=True, cache=True, error_model="numpy")
def backward_heard(start, stop, x, before, layer, u, d, out, of_again, joint):
    """The same of a layer that hears its own spikes, for groups of samples, which V serves
    together; d.dy gains what the spikes get of what they bring to the filters."""
    c = layer.c
    N = layer.g.row
    steps = d.steps
    like = u.u
    each = layer.neuron.apart
    carried = layer.neuron.states + layer.neuron.learnable
    learns = out.dk.size > 0
    last = out.dPQ.shape[1] - 1
    room = scratch(layer.g, like)
    du = zeros(N, like)
    z = zeros(TOGETHER * carried * N, like)
    total = zeros(TOGETHER * N, like)
    dV = zeros(TOGETHER * N, like)
    D = zeros(TOGETHER * N, like)
    ds = zeros(TOGETHER * N, like)
    for item in range(start, stop):
        first = item * TOGETHER
        count = min(TOGETHER, out.dPQ.shape[0] - first)
        z[:], total[:], dV[:] = 0, 0, 0
        out.dPQ[first : first + count] = 0
        for t in range(steps - 1, -1, -1):
            for m in range(count):
                dQ = out.dPQ[first + m, last]
                for n in range(N):
                    D[m * N + n] = c.rest_beta * dQ[n] if layer.delay > 0 else dV[m * N + n]
            rows = Left(0, 0, N, 1)
            columns = Right(0, 0, N)
            to = Out(0, N)
            gemm(D, rows, before.weights.heard_back, columns, ds, to, TOGETHER, N, 1, N, True)
            for m in range(count):
                b = first + m
                here = m * N
                s = BandState(
                    z[here * carried : (here + N) * carried],
                    out.dPQ[b, 0, : N * last],
                    out.dPQ[b, last],
                    total[here : here + N],
                    du[:0],
                )
                dk = out.dk[b, 0] if learns else du[:0]
                apart = apart_of(u, b, t, 0, N, each)
                if each > 0 and layer.delay > 0:
                    later = apart_of(u, b, min(t + 1, steps - 1), 0, N, each)
                    sum_decays(s.P, s.Q, apart, later, dk, c)
                dy = d.dy[b, t]
                for n in range(N):
                    dy[n] += ds[here + n]
                u_t, past = of_band(u, b, t, 0, N, layer.neuron.past)
                adjoint(u_t, dy, room, du, layer)
                _back(u_t, past, du, s, dV[here : here + N], layer)
                if each > 0 and layer.delay == 0:
                    sum_beta(s.Q, apart, dk, c)
                if t < steps - layer.delay:
                    copy(dV[here : here + N], out.dV[b, t])
                if t == 0:
                    _bias(b, 0, s, out, layer.g, c)
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
def backward_tangent(
    start, stop, x, before, direction, layer, u, u_dot, d, d_dot, out, dV_again, calls, joint
):
    """`backward` differentiated line by line; where `dV_again` has room, dV is put there, which a
    tape need not hold then."""
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
            given = (b, band, x, before, layer, own, state, biases, lists, joint)
            call_apart(calls.again, again, given)
            none = 0 * b
            of_band_alone = (b, band, x, direction, layer, own, none, none, own_dot, none, none)
            rest = (state, biases_dot, lists, room, nothing, x, heard, joint)
            call_apart(calls.along, along, of_band_alone + rest)
        for t in range(steps - 1, -1, -1):
            if kept:
                u_t, past = of_band(u, b, t, band * N, N, neuron.past)
                v_t, past_dot = of_band(u_dot, b, t, band * N, N, neuron.past_dot)
            else:
                u_t, past = of_band(own, 0, t, 0, N, neuron.past)
                v_t, past_dot = of_band(own_dot, 0, t, 0, N, neuron.past_dot)
            if joint is not None:
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
                copy(d.dlogits[b], du)
                copy(d_dot.dlogits[b], du_dot)
            elif t == steps - 2:
                du[:], du_dot[:] = 0, 0
            if dV_again.size > 0 or learns or hears:
                _back(u_t, past, du, back, dV, layer)
                if joint is not None:
                    copy(dV[: dV_before.size], dV_before)
                if t < steps - layer.delay and dV_again.size > 0:
                    copy(dV, dV_again[b, t, band * size : (band + 1) * size])
            at_step = (u_t, past, v_t, past_dot, du, du_dot)
            states = (dz, s.z, s.P, s.Q, s.total)
            call_at(
                neuron.calls.backward_tangent,
                at_step + states + (dV, direction.constants, g, c, neuron.own),
            )
            if joint is not None:
                if each > 0 and layer.delay == 0:
                    for n in range(N):
                        dQ[n] = back.Q[n] / c.beta
                        s.total[n] -= direction.decays[1] * dQ[n]
                    sum_beta(s.Q, apart, dk, c)
                    sum_beta(back.Q, apart_dot, dk, c)
                if each > 0:
                    move_back(dP, dQ, s, dV, direction.decays, g)
            _keep(x, b, band, t, item, dV, steps, out, layer)
        _bias(b, band, s, out, g, c)
        if joint is not None:
            if learns:
                sum_constants(s.z, neuron.states, N, dk)
