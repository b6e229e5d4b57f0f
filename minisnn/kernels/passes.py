"""What a block does in parallel: each kernel works on the items start..stop-1 of a range, and no two items write to one place.

The items of the membrane kernels are bands (a sample and the rows of one pooled row, see neuron.py), of `correlate` images
(a sample and a step) or groups of them, of `weight_gradient` a group of input channels or a kernel row. Every sum has a
fixed order. Arrays are flat below the leading axes named here:

    x   `Events.lists` of the input                             u, u_dot (B, n, H W n_out)
    pq  (B, 2, H W n_in)    presynaptic traces p_K, q_K         PQ_dot, dPQ (B, 2, H W n_out)
    dy, y_dot (B, m, H' W' n_out)    x_dot (B, m - 2, H W n_in) V (B, m - 2, H W n_out), dV the same as halo images
    dW in rows layout       db (B, bands, n_out)

`first` = K, the step at which the gradient window starts. Geometry `g` = (H, W, n_in, n_out, k). Where events are added to
it, Q is kept in units of 1 - beta, so that they bring the weights as they are.
"""

import numpy as np

from ..parallel.compilation import njit
from . import linear, winograd
from .choice import lowest_bit, reached
from .linear import (
    channels_to_halo,
    correlate_row,
    correlate_weight,
    gather,
    gather_weight,
    is_dense,
    place,
    sort_by_channel,
    spread,
    spread_weight,
    to_halo,
)
from .neuron import (
    NONE,
    membrane_backward,
    membrane_backward_tangent,
    membrane_step,
    membrane_tangent_step,
    pooled,
    pooled_tangent,
    spike_curvature,
    spike_slope,
    unpool,
)
from .vector import zeros


@njit(nogil=True, cache=True, error_model="numpy")
def _tiled(bias, sites):
    """bias (C,) repeated for every site of a row."""
    out = np.empty(sites * bias.size, bias.dtype)
    for i in range(out.size):
        out[i] = bias[i % bias.size]
    return out


@njit(nogil=True, inline="always", error_model="numpy")
def _input(x, b, t, low, high, rows, dense, on_dense, halo, Q, g, c):
    """Q of the rows low..high-1 += W x_t, by events or as a dense product; `halo` is zero and left zero."""
    H, W, n_in, n_out, k = g
    if not on_dense:
        if x[4][3]:
            gather(x, b, t, low, high, dense, Q, g)
        else:
            spread(x, b, t, low, high, rows, Q, c[10], g)
        return
    pad = k // 2
    top, bottom, width = max(low - pad, 0), min(high + pad, H), (W + 2 * pad) * n_in
    for scale in (c[10], c[9]):
        for row in range(top, bottom):
            place(x, b * H + row, t, scale, halo, (row - top) * width + pad * n_in)
        if scale:
            for h in range(low, high):
                first, last = max(pad - h, 0), min(k, H + pad - h)
                correlate_row(
                    halo, (h - pad + first - top) * width, dense, first, last, Q, (h - low) * W * n_out, W, n_in, n_out, k
                )


@njit(nogil=True, inline="always", error_model="numpy")
def _emit(v, C, threshold, index, column, found):
    """Append the sites of one row where the pooled membrane reaches the threshold; the number of events after that."""
    for w in range(v.size // C):
        column[w] = found
        for i in range(0, C, 64):
            bits = reached(v, w * C + i, min(64, C - i), threshold)
            while bits:
                index[found] = w * C + i + lowest_bit(bits)
                found += 1
                bits &= bits - 1
    column[v.size // C] = found
    return found


@njit(nogil=True, cache=True, error_model="numpy")
def traces(start, stop, x, H, first, pq, c):
    """p_K, q_K of a sample from its events before K = first: each decays as a trace that starts from one event."""
    index, value, offset, column, (capacity, T, valued, known) = x
    sites = pq.shape[2] // H
    for b in range(start, stop):
        p, q = pq[b, 0], pq[b, 1]
        p[:], q[:] = c[9], c[9]
        P, Q = c[9], c[4]  # p, q one step after an event of value 1
        for t in range(first - 1, -1, -1):
            for h in range(H):
                at, i = (b * H + h) * capacity, (b * H + h) * (T + 1) + t
                for e in range(at + offset[i], at + offset[i + 1]):
                    n, one = h * sites + index[e], value[e] if valued else c[10]
                    p[n] += P * one
                    q[n] += Q * one
            P, Q = c[0] * P + c[3] * Q, c[1] * Q


@njit(nogil=True, cache=True, error_model="numpy")
def forward(start, stop, x, rows, dense, bias, g, pool, c, first, kept, readout, u, out_index, out_offset, out_column, logits):
    H, W, n_in, n_out, k = g
    T, row = x[4][1], W * n_out
    height = 1 if pool == NONE else 2
    bands = (H + height - 1) // height
    biases, top = _tiled(bias, W), zeros(row, c)
    pools = zeros(row if pool == NONE else W // 2 * n_out, c)
    halo = zeros((height + k - 1) * (W + k - 1) * n_in, c)
    for item in range(start, stop):
        b, band = divmod(item, bands)
        low = band * height
        high = min(low + height, H)
        N, at = (high - low) * row, low * row
        spiking = not readout and high - low == height  # an odd rest is not pooled
        P, Q, R, U = zeros(N, c), zeros(N, c), zeros(N, c), zeros(N, c)
        on_dense = is_dense(x, b, 0, T, g)
        found = 0
        for t in range(T):
            if first <= t < first + kept:
                U = u[b, t - first, at : at + N]
            elif t == first + kept:
                U = zeros(N, c)
            membrane_step(U, P, Q, R, biases, c)
            _input(x, b, t, low, high, rows, dense, on_dense, halo, Q, g, c)
            if spiking:
                found = _emit(
                    pooled(U, pools, top, n_out, pool, c), n_out, c[7], out_index[b, band], out_column[b, band, t], found
                )
                out_offset[b, band, t + 1] = found
        if readout:
            logits[b] = U


@njit(nogil=True, cache=True, error_model="numpy")
def backward(start, stop, x, first, g, pool, c, detach, u, dy, dlogits, steps, dV, dPQ, db, dW):
    """The adjoint of a band from dy (or the readout's dlogits, at the last step only) to dV, dP_K, dQ_K and db.

    Where dW (items, weights) is given, dV is not kept: the weight gradient of the events, x (outer) dV, is summed at once.
    """
    H, W, n_in, n_out, k = g
    row, pitch, pad = W * n_out, (W + k - 1) * n_out, k // 2 * n_out
    height, sites = (1, row) if pool == NONE else (2, W // 2 * n_out)
    bands, N = H // height, height * row
    du, top, pools, dv = zeros(N, c), zeros(row, c), zeros(sites, c), zeros(sites, c)
    D, at_once = zeros(height * pitch, c), dW.size > 0
    for item in range(start, stop):
        b, band = divmod(item, bands)
        at, to, halo = band * N, band * sites, band * height * pitch
        dr, total = zeros(N, c), zeros(N, c)
        dP, dQ = dPQ[b, 0, at : at + N], dPQ[b, 1, at : at + N]
        du[:], dP[:], dQ[:] = c[9], c[9], c[9]  # odd columns of du stay zero
        for t in range(steps - 1, -1, -1):
            u_t = u[b, t, at : at + N]
            if dlogits.size == 0:
                v = pooled(u_t, pools, top, n_out, pool, c)
                spike_slope(v, dy[b, t, to : to + sites], dv, c)
                unpool(u_t, v, dv, du, n_out, pool, c)
            elif t == steps - 1:
                du[:] = dlogits[b]
            elif t == steps - 2:
                du[:] = c[9]
            for h in range(height):
                i, j = h * row, h * row + row
                membrane_backward(
                    u_t[i:j], du[i:j], dr[i:j], dP[i:j], dQ[i:j], D[h * pitch + pad :][:row], total[i:j], detach, c
                )
            if t < steps - 2 and at_once:
                spread_weight(x, b, first + t, band * height, band * height + height, 0, k, D, 0, dW[item], c[10], g)
            elif t < steps - 2:
                dV[b, t, halo : halo + height * pitch] = D
        for i in range(N):
            db[b, band, i % n_out] += total[i]


@njit(nogil=True, cache=True, error_model="numpy")
def correlate(start, stop, x, weight, x2, weight2, y, g, c):
    """y = W x, and + W2 x2 where x2 is given, for plain or halo images x (n, ...); g = (H, W, n_from, n_to, k)."""
    H, W, n_from, n_to, k = g
    pad = k // 2
    plain = x.shape[1] == H * W * n_from
    halo = zeros(H * (W + 2 * pad) * n_from if plain else 0, c)
    for n in range(start, stop):
        y[n] = c[9]
        if plain:
            to_halo(x[n], 0, halo, H, W, n_from, pad)
        linear.correlate(halo if plain else x[n], 0, weight, y[n], 0, H, W, n_from, n_to, k)
        if x2.size > 0:
            linear.correlate(x2[n], 0, weight2, y[n], 0, H, W, n_from, n_to, k)


@njit(nogil=True, cache=True, error_model="numpy")
def correlate_at_points(start, stop, x, points, x2, points2, y, images, g, c, matrices):
    """The same by `winograd.correlate`; an item is a group of `images` images."""
    H, W, n_from, n_to, k = g
    plain, halo_size, rows = x.shape[1] == H * W * n_from, H * (W + 4) * n_from, 2 * H * images * W
    at_points, sums, halo = zeros(rows * n_from, c), zeros(rows * n_to, c), zeros(halo_size * images if plain else 0, c)
    for item in range(start, stop):
        first, last = item * images, min((item + 1) * images, x.shape[0])
        out = y[first:last].reshape(-1)
        out[:] = c[9]
        if plain:
            for n in range(first, last):
                to_halo(x[n], 0, halo[(n - first) * halo_size :], H, W, n_from, 2)
        winograd.correlate(
            halo if plain else x[first:last].reshape(-1),
            last - first,
            halo_size,
            points,
            out,
            0,
            matrices,
            at_points,
            sums,
            H,
            W,
            n_from,
            n_to,
        )
        if x2.size > 0:
            winograd.correlate(
                x2[first:last].reshape(-1),
                last - first,
                halo_size,
                points2,
                out,
                0,
                matrices,
                at_points,
                sums,
                H,
                W,
                n_from,
                n_to,
            )


@njit(nogil=True, cache=True, error_model="numpy")
def by_channel(start, stop, x, first, steps, g, places, room, starts):
    """The window's events of a row (sample * H + h) by channel, see `sort_by_channel`."""
    H, W, n_in, n_out, k = g
    for row in range(start, stop):
        sort_by_channel(
            x,
            row,
            first,
            first + steps - 2,
            H * (W + k - 1) * n_out,
            n_in,
            n_out,
            W,
            places,
            row * room,
            starts,
            row * (n_in + 1),
        )


@njit(nogil=True, cache=True, error_model="numpy")
def weight_gradient(start, stop, x, places, starts, summed, first, steps, D, dPQ, pq, x_dot, dV, g, group, c, dW):
    """dW += x (outer) D + p_K (outer) dP_K + q_K (outer) dQ_K, and + x_dot (outer) dV where that is given.

    An item is a group of input channels where the events are sorted by channel, else a kernel row; `summed` where the
    events have been added already.
    """
    H, W, n_in, n_out, k = g
    pad, row, pitch = k // 2, W * n_out, (W + k - 1) * n_out
    by_channel, frames, frame = starts.size > 0, D.reshape(-1), H * pitch
    halo = zeros(H * (W + 2 * pad) * (group if by_channel else n_in), c)
    for item in range(start, stop):
        channel = item * group if by_channel else 0
        size = min(group, n_in - channel) if by_channel else n_in
        top, bottom = (0, k) if by_channel else (item, item + 1)
        halo[:] = c[9]
        for b in range(dPQ.shape[0]):
            at = b * max(steps - 2, 0) * frame
            for i in range(top, bottom):
                if by_channel:
                    gather_weight(places, places.size // (dPQ.shape[0] * H), starts, b, i, channel, size, frames, at, dW, g)
                else:
                    for t in range(0 if summed else steps - 2):
                        spread_weight(x, b, first + t, 0, H, i, i + 1, frames, at + t * frame, dW, c[10], g)
            if x_dot.size > 0:
                for t in range(steps - 2):
                    channels_to_halo(x_dot[b, t], halo, channel, size, g)
                    for i in range(top, bottom):
                        correlate_weight(halo, channel, size, dV[b, t], pad * n_out, pitch, i, dW, g)
            for n in range(2):
                channels_to_halo(pq[b, n], halo, channel, size, g)
                for i in range(top, bottom):
                    correlate_weight(halo, channel, size, dPQ[b, n], 0, row, i, dW, g)


@njit(nogil=True, cache=True, error_model="numpy")
def forward_tangent(
    start,
    stop,
    x,
    rows_dot,
    dense_dot,
    bias_dot,
    g,
    pool,
    c,
    first,
    detach,
    readout,
    u,
    PQ_dot,
    V_dot,
    steps,
    u_dot,
    y_dot,
    logits_dot,
):
    H, W, n_in, n_out, k = g
    row = W * n_out
    height, sites = (1, row) if pool == NONE else (2, W // 2 * n_out)
    bands, N = H // height, height * row
    biases = _tiled(bias_dot, W)
    halo = zeros((height + k - 1) * (W + k - 1) * n_in, c)
    R, top, pools, pools_dot = zeros(N, c), zeros(row, c), zeros(sites, c), zeros(sites, c)
    for item in range(start, stop):
        b, band = divmod(item, bands)
        at, to, low = band * N, band * sites, band * height
        P, Q = PQ_dot[b, 0, at : at + N], PQ_dot[b, 1, at : at + N]
        R[:] = c[9]
        for i in range(N):
            Q[i] = Q[i] / c[4]
        on_dense = is_dense(x, b, first, first + steps - 2, g) if steps > 2 else False
        for t in range(steps):
            u_t, v_t = u[b, t, at : at + N], u_dot[b, t, at : at + N]
            membrane_tangent_step(u_t, v_t, P, Q, R, biases, detach, c)
            if not readout:
                v = pooled(u_t, pools, top, n_out, pool, c)
                spike_slope(v, pooled_tangent(u_t, v, v_t, pools_dot, n_out, pool, c), y_dot[b, t, to : to + sites], c)
            if t < steps - 2:
                _input(x, b, first + t, low, low + height, rows_dot, dense_dot, on_dense, halo, Q, g, c)
                if V_dot.size > 0:
                    V = V_dot[b, t, at : at + N]
                    for i in range(N):
                        Q[i] += V[i]
        if readout:
            logits_dot[b] = u_dot[b, steps - 1]


@njit(nogil=True, cache=True, error_model="numpy")
def backward_tangent(
    start,
    stop,
    x,
    first,
    g,
    pool,
    c,
    detach,
    u,
    u_dot,
    dy,
    dy_dot,
    dlogits,
    dlogits_dot,
    steps,
    dV_dot,
    dPQ_dot,
    db_dot,
    dW_dot,
):
    """`backward` differentiated line by line."""
    H, W, n_in, n_out, k = g
    row, pitch, pad = W * n_out, (W + k - 1) * n_out, k // 2 * n_out
    height, sites = (1, row) if pool == NONE else (2, W // 2 * n_out)
    bands, N = H // height, height * row
    du, du_dot, D, at_once = zeros(N, c), zeros(N, c), zeros(height * pitch, c), dW_dot.size > 0
    top, pools, pools_dot, dv = zeros(row, c), zeros(sites, c), zeros(sites, c), zeros(sites, c)
    for item in range(start, stop):
        b, band = divmod(item, bands)
        at, to, halo = band * N, band * sites, band * height * pitch
        dr, dr_dot, total = zeros(N, c), zeros(N, c), zeros(N, c)
        dP, dQ = dPQ_dot[b, 0, at : at + N], dPQ_dot[b, 1, at : at + N]
        du[:], du_dot[:], dP[:], dQ[:] = c[9], c[9], c[9], c[9]
        for t in range(steps - 1, -1, -1):
            u_t, v_t = u[b, t, at : at + N], u_dot[b, t, at : at + N]
            if dlogits.size == 0:
                dy_t = dy[b, t, to : to + sites]
                v = pooled(u_t, pools, top, n_out, pool, c)
                v_dot = pooled_tangent(u_t, v, v_t, pools_dot, n_out, pool, c)
                spike_slope(v, dy_t, dv, c)
                unpool(u_t, v, dv, du, n_out, pool, c)
                spike_curvature(v, v_dot, dy_t, dy_dot[b, t, to : to + sites], dv, c)
                unpool(u_t, v, dv, du_dot, n_out, pool, c)
            elif t == steps - 1:
                du[:], du_dot[:] = dlogits[b], dlogits_dot[b]
            elif t == steps - 2:
                du[:], du_dot[:] = c[9], c[9]
            for h in range(height):
                i, j = h * row, h * row + row
                membrane_backward_tangent(
                    u_t[i:j],
                    v_t[i:j],
                    du[i:j],
                    du_dot[i:j],
                    dr[i:j],
                    dr_dot[i:j],
                    dP[i:j],
                    dQ[i:j],
                    D[h * pitch + pad :][:row],
                    total[i:j],
                    detach,
                    c,
                )
            if t < steps - 2 and at_once:
                spread_weight(x, b, first + t, band * height, band * height + height, 0, k, D, 0, dW_dot[item], c[10], g)
            elif t < steps - 2:
                dV_dot[b, t, halo : halo + height * pitch] = D
        for i in range(N):
            db_dot[b, band, i % n_out] += total[i]
