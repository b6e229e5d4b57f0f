"""A block's computations in the window, in bands as in `forward`: its membrane, which is recomputed
if the tape does not store it; its tangent; and the backward pass, either for values or for values
and tangents. Every sum has a fixed order."""

from ..parallel.compilation import njit
from ..vectors.llvm import call_at
from ..vectors.products import Left, Out, Right, gemm, row_times
from ..vectors.vector import copy, zeros
from .forward import (
    INLINE,
    add,
    hear,
    input_of,
    lists_of,
    membrane_of,
    membrane_step,
    of_band,
    rows_of,
    tiled,
)
from .linear import spread_weight
from .pooling import adjoint, parts, scratch, tangent

TOGETHER = 4  # samples that share a row of V
KERNEL = njit(nogil=True, cache=True, error_model="numpy")
INNER = njit(nogil=True, error_model="numpy", borrows=True, inner=True)


@INNER
def _again(b, band, x, before, layer, U, S, biases, lists):
    """Compute U, the membrane of a band, again from the band's state at the window's start.
    `biases` are tiled."""
    g = layer.g
    N = g.height * g.row
    low = band * g.height
    weights = before.weights
    copy(before.state[b, band * S.size : (band + 1) * S.size], S)
    for t in range(U.u.shape[1]):
        if t > 0:
            step = layer.first + t - layer.lag
            input_of(x, b, step, low, low + g.height, weights, S[:N], lists, g, layer.c)
        u_t, past = of_band(U, 0, t, 0, N, layer.neuron.past)
        membrane_step(past, S, biases, layer)
        copy(S[:N], u_t)
        S[:N] = 0


@INNER
def _along(b, band, x, d, layer, u, u_dot, S, biases, lists, room, y_dot, f, heard):
    """Compute from u the tangent u_dot of a band along `d`; both u and u_dot are given as (array,
    sample, place). Also compute y_dot[b] if there is room for it. `biases` are the tangents of the
    bias, tiled; f are the spikes of a recurrent layer."""
    g = layer.g
    neuron = layer.neuron
    N = g.height * g.row
    low = band * g.height
    here = band * N
    u, n, at = u
    u_dot, m, to = u_dot
    inner = max(u_dot.u.shape[1] - layer.delay, 0)
    X = S[:N]
    S[:] = 0
    for k in range(neuron.filters):
        F = S[(1 + k) * N : (2 + k) * N]
        for h in range(0, N, g.row):
            for i in range(g.row):
                F[h + i] = d.F[b, k, here + h + i] + layer.start[k] * biases[i]
    if layer.lag > 0:  # the first filter's step is already done, for any learned constants
        copy(S[N : 2 * N], X)
    for t in range(u_dot.u.shape[1]):
        u_t, past = of_band(u, n, t, at, N, neuron.past)
        v_t, past_dot = of_band(u_dot, m, t, to, N, neuron.past_dot)
        tau = t - layer.lag
        if 0 <= tau < inner:
            if not d.dense[b]:
                step = layer.first + tau
                input_of(x, b, step, low, low + g.height, d.weights, X, lists, g, layer.c)
            if d.V.size > 0:
                add(d.V[b, tau, here : here + N], X)
            if heard.size > 0:
                hear(f, b, tau, d.weights.heard, X, N)
                if t > 0:
                    row_times(y_dot[b, t - 1], heard, X)
        call_at(neuron.calls.forward_tangent, (u_t, past, past_dot, S, biases, neuron.own))
        copy(X, v_t)
        X[:] = 0
        if y_dot.size > 0:
            to_y = y_dot[b, t, band * g.sites : (band + 1) * g.sites]
            tangent((u_t, v_t), room, to_y, layer)


@KERNEL
def forward_tangent(start, stop, x, before, d, layer, u, u_dot, y_dot, f):
    """Compute y_dot along `d`, if there is room for it. u_dot is stored if there is room, and u is
    recomputed if it is not given."""
    g = layer.g
    N = g.height * g.row
    kept = before.state.size == 0
    steps = 0 if kept else y_dot.shape[1]
    own = membrane_of(steps, N, layer.neuron.past, y_dot)
    own_dot = membrane_of(steps, N, layer.neuron.past_dot, y_dot)
    S = zeros(N * rows_of(layer.neuron), y_dot)
    lists = lists_of(g)
    room = scratch(g, y_dot, d)
    biases = tiled(before.weights.bias, g.W)
    biases_dot = tiled(d.weights.bias, g.W)
    heard = before.weights.heard
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        given = (u, b, band * N)
        to = (u_dot, b, band * N)
        if not kept:
            _again(b, band, x, before, layer, own, S, biases, lists)
            given = (own, 0 * b, 0 * b)
            to = (own_dot, 0 * b, 0 * b)
        _along(b, band, x, d, layer, given, to, S, biases_dot, lists, room, y_dot, f, heard)


@INLINE
def _sums(b, band, S, dX, N, out, layer):
    """Add a band's results to those of its block: the adjoints of the state at the window's start,
    and the band's sums."""
    g = layer.g
    if layer.lag > 0:  # at the window's start the input is the first filter's state
        for h in range(g.height):
            add(dX[h * g.pitch + g.pad :][: g.row], S[h * g.row :][: g.row])
    filters = layer.neuron.filters
    carried = filters + layer.neuron.states
    for k in range(filters):
        copy(S[k * N : (k + 1) * N], out.dF[b, k, band * N : (band + 1) * N])
    db = out.db[b, band]
    for i in range(0, N, g.n_out):
        for n in range(g.n_out):
            total = S[carried * N + i + n]
            for k in range(filters):
                total += layer.start[k] * S[k * N + i + n]
            db[n] += total
    for k in range(layer.neuron.learned):
        for n in range(N):
            out.dk[b, band, k] += S[(carried + 1 + k) * N + n]


@KERNEL
def backward(start, stop, x, before, d, layer, u, u_dot, dy, dy_dot, out, dV):
    """Compute a band's adjoints dV, dF, db and dk from dy (in the readout, from the adjoint of its
    membranes). If `d` is given, also compute their tangents along it; dV itself is then stored only
    if there is room. u is recomputed if it is not given. A recurrent layer has one band, and one
    work item is `TOGETHER` samples of it; the adjoint of its own spikes is added to the last of dy
    and dy_dot."""
    g = layer.g
    N = g.height * g.row
    neuron = layer.neuron
    like = u.u
    B, steps = dy.shape[:2]
    inner = steps - layer.delay
    kept = before.state.size == 0
    own = membrane_of(0 if kept else steps, N, neuron.past, like)
    room = scratch(g, like, d)
    lists = lists_of(g)
    biases = tiled(before.weights.bias, g.W)
    heard = before.weights.heard_back
    together = TOGETHER if heard.size > 0 else 1
    state = zeros(N * rows_of(neuron), like)
    carried = neuron.filters + neuron.states
    size = g.height * g.pitch
    own_dot = membrane_of(0 if kept or d is None else steps, N, neuron.past_dot, like)
    no_y = zeros(0, like).reshape(0, 0, 0)
    du = parts(d, zeros(N, like), zeros(N, like))
    dX = parts(d, zeros(together * size, like), zeros(together * size, like))
    of_values = carried * N * (len(du) - 1)  # states of the values, if du is a pair
    each = of_values + (carried + 1 + neuron.learned) * N
    states = zeros(together * each, like)
    for item in range(start, stop):
        group, band = divmod(item, g.bands)
        first = group * together
        count = min(together, B - first)
        to = band * g.sites
        states[:] = 0
        for m in range(len(du)):
            du[m][:] = 0  # odd columns stay zero
            dX[m][:] = 0
        if not kept:
            _again(first, band, x, before, layer, own, state, biases, lists)
            if d is not None:
                given, at = (own, 0 * first, 0 * first), (own_dot, 0 * first, 0 * first)
                rest = (state, tiled(d.weights.bias, g.W), lists, room, no_y, x, heard)
                _along(first, band, x, d, layer, given, at, *rest)
        for t in range(steps - 1, -1, -1):
            if heard.size > 0:
                _hear_back(dX[-1], heard, dy_dot, first, t, count, N)
                if d is not None:
                    _hear_back(dX[0], d.weights.heard_back, dy_dot, first, t, count, N)
            for m in range(count):
                b = first + m
                at_u, at = (u, b, band * N), (u_dot, b, band * N)
                if not kept:
                    at_u, at = (own, 0 * b, 0 * b), (own_dot, 0 * b, 0 * b)
                u_t, past = of_band(at_u[0], at_u[1], t, at_u[2], N, neuron.past)
                v_t, past_dot = of_band(at[0], at[1], t, at[2], N, neuron.past_dot)
                dys = parts(d, dy[b, t, to : to + g.sites], dy_dot[b, t, to : to + g.sites])
                us = parts(d, u_t, v_t)
                adjoint(us, dys, room, du, layer)
                address = neuron.calls.backward if len(du) == 1 else neuron.calls.backward_tangent
                S = states[m * each : (m + 1) * each]
                low, high = m * size, (m + 1) * size
                dXs = parts(d, dX[0][low:high], dX[-1][low:high])
                call_at(address, (us, parts(d, past, past_dot), du, S, dXs, g, neuron.own))
                tau = t - layer.lag
                if 0 <= tau < inner:
                    if dV.size > 0:
                        copy(dXs[0], dV[b, tau, band * size : (band + 1) * size])
                    _keep(x, b, band, tau, item, dXs[-1], out, layer)
        for m in range(count):
            S = states[m * each + of_values : (m + 1) * each]
            _sums(first + m, band, S, dX[-1][m * size : (m + 1) * size], N, out, layer)


@INLINE
def _hear_back(dX, heard, dy, first, t, count, N):
    """Compute dy[:, t] += dX V^T for some samples."""
    steps = dy.shape[1]
    out = Out((first * steps + t) * N, steps * N)
    all_dy = dy.reshape(dy.size)
    gemm(dX, Left(0, 0, N, 1), heard, Right(0, 0, N), all_dy, out, count, N, 1, N, False)


@INLINE
def _keep(x, b, band, t, item, dX, out, layer):
    """Store dX for one step; or, if `out.dW` is given, add to that the weight gradient from the
    step's events."""
    g = layer.g
    if out.dW.size > 0:
        low = band * g.height
        high = low + g.height
        at = layer.first + t
        spread_weight(x, b, at, low, high, 0, g.k, dX, 0, out.dW[item], layer.c.one, g)
    else:
        copy(dX, out.dV[b, t, band * dX.size : (band + 1) * dX.size])
