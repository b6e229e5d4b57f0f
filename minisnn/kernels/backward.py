"""What a block does in parallel on the way back, in items as in `forward`: bands from dy to dV, groups of input channels (or
kernel rows) from dV to the weight gradient. Every sum has a fixed order.
"""

from ..parallel.compilation import njit
from .forward import again, along, scratch_again
from .linear import channels_to_halo, correlate_weight, gather_weight, sort_by_channel, spread_weight
from .neuron import State, membrane_backward, membrane_backward_tangent
from .pooling import adjoint, adjoint_tangent, scratch
from .vector import zeros


@njit(nogil=True, inline="always", error_model="numpy")
def _state(b, band, N, out, like):
    """Adjoints of a band's state behind the last step: zero; those of P and Q end up as dP_K, dQ_K, where these count."""
    at, last = band * N, out.dPQ.shape[1] - 1
    P = out.dPQ[b, 0, at : at + N] if last else zeros(N, like)
    s = State(zeros(N, like), P, out.dPQ[b, last, at : at + N], zeros(N, like))
    s.P[:], s.Q[:] = 0, 0
    return s


@njit(nogil=True, inline="always", error_model="numpy")
def _bias(b, band, s, out, g, c):
    """db of a band, with what the filtered bias has put into P_K and Q_K."""
    for i in range(s.total.size):
        out.db[b, band, i % g.n_out] += s.total[i] + (c.bias_Q * s.Q[i] + c.bias_P * s.P[i])


@njit(nogil=True, inline="always", error_model="numpy")
def _keep(x, b, band, t, item, dV, steps, out, layer):
    """dV_t of a band is kept, or where `out.dW` is given the weight gradient of its events is summed at once."""
    g, inner = layer.g, steps - layer.delay
    if t < inner and out.dW.size > 0:
        low = band * g.height
        spread_weight(x, b, layer.first + t, low, low + g.height, 0, g.k, dV, 0, out.dW[item], layer.c.one, g)
    elif t < inner:
        out.dV[b, t, band * dV.size : (band + 1) * dV.size] = dV


@njit(nogil=True, cache=True, error_model="numpy")
def backward(start, stop, x, before, layer, u, d, out):
    """The adjoint of a band from dy (or the readout's dlogits, at the last step only) to dV, dP_K, dQ_K and db; where u is not
    given it is computed again."""
    g, c, N, steps = layer.g, layer.c, layer.g.height * layer.g.row, d.steps
    room, du, dV = scratch(g, u), zeros(N, u), zeros(g.height * g.pitch, u)
    own, _, state, biases, lists = scratch_again(g, 0 if u.size > 0 else steps, u)
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        s, to = _state(b, band, N, out, u), band * g.sites
        du[:] = 0  # odd columns of du stay zero
        if u.size == 0:
            again(b, band, x, before, layer, own, 0, 0, state, biases, lists)
        for t in range(steps - 1, -1, -1):
            u_t = u[b, t, band * N : (band + 1) * N] if u.size > 0 else own[0, t]
            if d.dlogits.size == 0:
                adjoint(u_t, d.dy[b, t, to : to + g.sites], room, du, g.n_out, layer.pool, c)
            elif t == steps - 1:
                du[:] = d.dlogits[b]
            elif t == steps - 2:
                du[:] = 0
            membrane_backward(u_t, du, s, dV, g, layer.hard, layer.detach, c)
            _keep(x, b, band, t, item, dV, steps, out, layer)
        _bias(b, band, s, out, g, c)


@njit(nogil=True, cache=True, error_model="numpy")
def backward_tangent(start, stop, x, before, direction, layer, u, u_dot, d, d_dot, out, dV_again):
    """`backward` differentiated line by line; where `dV_again` has room, dV is put there, which a tape need not hold then."""
    g, c, N, steps = layer.g, layer.c, layer.g.height * layer.g.row, d.steps
    own, own_dot, state, biases, lists = scratch_again(g, 0 if u_dot.size > 0 else steps, u)
    nothing = zeros(0, u).reshape(0, 0, 0)
    room, du, du_dot, dV = scratch(g, u), zeros(N, u), zeros(N, u), zeros(g.height * g.pitch, u)
    back, size = State(zeros(N, u), zeros(N, u), zeros(N, u), zeros(N, u)), g.height * g.pitch
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        s, dr, to = _state(b, band, N, out, u), zeros(N, u), band * g.sites
        back.r[:], back.P[:], back.Q[:] = 0, 0, 0
        du[:], du_dot[:] = 0, 0
        if u_dot.size == 0:
            again(b, band, x, before, layer, own, 0, 0, state, biases, lists)
            along(b, band, x, direction, layer, own, 0, 0, own_dot, 0, 0, state, biases, lists, room, nothing)
        for t in range(steps - 1, -1, -1):
            u_t = u[b, t, band * N : (band + 1) * N] if u_dot.size > 0 else own[0, t]
            v_t = u_dot[b, t, band * N : (band + 1) * N] if u_dot.size > 0 else own_dot[0, t]
            if d.dlogits.size == 0:
                dy, dy_dot = d.dy[b, t, to : to + g.sites], d_dot.dy[b, t, to : to + g.sites]
                adjoint_tangent(u_t, v_t, dy, dy_dot, room, du, du_dot, g.n_out, layer.pool, c)
            elif t == steps - 1:
                du[:], du_dot[:] = d.dlogits[b], d_dot.dlogits[b]
            elif t == steps - 2:
                du[:], du_dot[:] = 0, 0
            if dV_again.size > 0:
                membrane_backward(u_t, du, back, dV, g, layer.hard, layer.detach, c)
                if t < steps - layer.delay:
                    dV_again[b, t, band * size : (band + 1) * size] = dV
            membrane_backward_tangent(u_t, v_t, du, du_dot, dr, s, dV, g, layer.hard, layer.detach, c)
            _keep(x, b, band, t, item, dV, steps, out, layer)
        _bias(b, band, s, out, g, c)


@njit(nogil=True, cache=True, error_model="numpy")
def by_channel(start, stop, x, first, inner, dense, s, g):
    """The window's events of a row (sample * H + h) by channel, see `sort_by_channel`; `dense` samples have none."""
    for row in range(start, stop):
        if not dense[row // g.H]:
            sort_by_channel(x, row, first, first + inner, s, g)


@njit(nogil=True, inline="always", error_model="numpy")
def _outer(images, halo, channel, size, dV, inner, top, bottom, dW, g):
    """dW += x (outer) dV of so many steps of a sample, for `size` channels and kernel rows top..bottom-1; `halo` is scratch."""
    for t in range(inner):
        channels_to_halo(images[t], halo, channel, size, g)
        for i in range(top, bottom):
            correlate_weight(halo, channel, size, dV[t], g.pad, g.pitch, i, dW, g)


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient(start, stop, x, events, dense, images, inner, out, pq, x_dot, dV, dW, layer):
    """dW += x (outer) dV + p_K (outer) dP_K + q_K (outer) dQ_K of `out`, and + x_dot (outer) dV where those are given; x by
    events, and by `images` for samples that are `dense`, which without them have been summed at the points already.

    An item is a group of input channels where the events are sorted by channel, else a kernel row; where out.dW is given
    the events have been added already.
    """
    g, one, summed = layer.g, layer.c.one, out.dW.size > 0
    by_channel, frames, frame = events.starts.size > 0, out.dV.reshape(-1), g.H * g.pitch
    halo = zeros(g.H * (g.W + g.k - 1) * (events.group if by_channel else g.n_in), dW)
    for item in range(start, stop):
        channel = item * events.group if by_channel else 0
        size = min(events.group, g.n_in - channel) if by_channel else g.n_in
        top, bottom = (0, g.k) if by_channel else (item, item + 1)
        halo[:] = 0
        for b in range(out.dPQ.shape[0]):
            at = b * inner * frame
            if dense[b] and images.size > 0:
                _outer(images[b], halo, channel, size, out.dV[b], inner, top, bottom, dW, g)
            for i in range(top, top if dense[b] else bottom):
                if by_channel:
                    gather_weight(events, b, i, channel, size, frames, at, dW, g)
                else:
                    for t in range(0 if summed else inner):
                        spread_weight(x, b, layer.first + t, 0, g.H, i, i + 1, frames, at + t * frame, dW, one, g)
            if x_dot.size > 0:
                _outer(x_dot[b], halo, channel, size, dV[b], inner, top, bottom, dW, g)
            for n in range(pq.shape[1]):
                channels_to_halo(pq[b, n], halo, channel, size, g)
                for i in range(top, bottom):
                    correlate_weight(halo, channel, size, out.dPQ[b, n], 0, g.row, i, dW, g)
