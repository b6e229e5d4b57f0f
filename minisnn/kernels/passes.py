"""The four passes of a block in numba, parallel over samples (forward, tangent) or over lanes of samples (adjoints).

A lane is a fixed set of samples, l, l + L, l + 2 L ...; each sums its weight gradient on its own and the lanes are added
in order, so that the sums do not depend on the number of threads. All arrays are flat below the leading axes named here:

    index, value (B, events), offset (B, T + 1)     input events by time step; x = value at site index (H, W, C order)
    u, u_dot (B, n, N_out)    p, q (B, N_in)        y_dot, dy (B, m, N_pooled)    dx, x_dot (B, m - 2, N_in)
    dV (B, frames, halo)      dW (L, weights) in rows layout     db (L, n_out)

`first` = K, the step at which the gradient window starts. Geometry `g` = (H, W, n_in, n_out, k).
"""
import numpy as np
from numba import njit, prange

from .linear import apply, apply_weight, correlate, correlate_weight, is_dense, to_halo
from .neuron import (NONE, membrane_backward, membrane_backward_tangent, membrane_step,
                     membrane_tangent_step, pool_backward, pool_backward_tangent, pool_spikes, pool_tangent)
from .vector import zeros


@njit(cache=True, error_model="numpy")
def _tiled(bias, sites):
    """bias (C,) repeated for every site."""
    out = np.empty(sites * bias.size, bias.dtype)
    for i in range(out.size):
        out[i] = bias[i % bias.size]
    return out


@njit(cache=True, error_model="numpy")
def _start_traces(index, value, offset, first, p, q, c):
    """p_K, q_K of one sample from its events before K = first: each decays as a trace that starts from one event."""
    P, Q = c[9], c[4]                                   # p, q one step after an event of value 1
    for t in range(first - 1, -1, -1):
        for e in range(offset[t], offset[t + 1]):
            p[index[e]] += P * value[e]
            q[index[e]] += Q * value[e]
        P, Q = c[0] * P + c[3] * Q, c[1] * Q


@njit(parallel=True, cache=True, error_model="numpy")
def forward(index, value, offset, rows, dense, bias, g, pool, c, first, keep, readout,
            u, p, q, r, out_index, out_value, out_offset, logits):
    H, W, n_in, n_out, k = g
    N, T = H * W * n_out, offset.shape[1] - 1
    N_pooled = N if pool == NONE else (H // 2) * (W // 2) * n_out
    for b in prange(offset.shape[0]):
        P, Q, R, V = zeros(N, c), zeros(N, c), zeros(N, c), zeros(N, c)
        U = zeros(N, c)
        biases = _tiled(bias, H * W)
        spikes = np.zeros((N_pooled + 7) // 8, np.uint64)
        flags = spikes.view(np.uint8)
        halo = zeros(H * (W + 2 * (k // 2)) * n_in, c)
        on_dense = is_dense(0, offset[b, T], T, g)
        found = 0
        if keep:
            _start_traces(index[b], value[b], offset[b], first, p[b], q[b], c)
        for t in range(T):
            if t == first and keep:
                r[b] = R
            apply(index[b], value[b], offset[b, t], offset[b, t + 1], rows, dense, on_dense, halo, V, g, c)
            membrane_step(U, P, Q, R, V, biases, c)
            if t >= first and keep:
                u[b, t - first] = U
            if readout:
                continue
            pool_spikes(U, flags[:N_pooled], H, W, n_out, pool, c)
            for word in range(spikes.size):
                if spikes[word] != 0:
                    for i in range(8 * word, min(8 * word + 8, N_pooled)):
                        if flags[i] != 0:
                            out_index[b, found] = i
                            out_value[b, found] = c[10]
                            found += 1
            out_offset[b, t + 1] = found
        if readout:
            logits[b] = U


@njit(parallel=True, cache=True, error_model="numpy")
def backward(index, value, offset, back, g, pool, c, first, detach, need_dx,
             u, p, q, dy, steps, dlogits, dx, dV, dW, db):
    H, W, n_in, n_out, k = g
    pad = k // 2
    N, N_in, row, halo_row = H * W * n_out, H * W * n_in, W * n_out, (W + 2 * pad) * n_out
    lanes, keep_all = dW.shape[0], dV.shape[1] > 1
    for lane in prange(lanes):
        one_frame = zeros(H * halo_row, c)
        du, total = zeros(N, c), zeros(N, c)
        halo_in, halo_x = zeros(H * (W + 2 * pad) * n_in, c), zeros(H * (W + 2 * pad) * n_in, c)
        for b in range(lane, u.shape[0], lanes):
            dr, dP, dQ = zeros(N, c), zeros(N, c), zeros(N, c)
            frames = dV[b].reshape(-1) if keep_all else one_frame
            on_dense = is_dense(offset[b, first], offset[b, first + steps - 2], steps - 2, g) if steps > 2 else False
            for t in range(steps - 1, -1, -1):
                at = t * H * halo_row if keep_all and t < steps - 2 else 0
                D = frames if t < steps - 2 else one_frame
                if dlogits.size > 0:
                    if t == steps - 1:
                        du[:] = dlogits[b]
                    elif t == steps - 2:
                        du[:] = c[9]
                else:
                    pool_backward(u[b, t], dy[b, t], 0, du, H, W, n_out, pool, c)
                membrane_backward(u[b, t], du, dr, dP, dQ, D, at, halo_row, pad * n_out, row, total, detach, c)
                if t < steps - 2:
                    apply_weight(index[b], value[b], offset[b, first + t], offset[b, first + t + 1], on_dense, halo_x,
                                 D, at, dW[lane], g, c)
                    if need_dx:
                        correlate(D, at, back, dx[b, t], 0, H, W, n_out, n_in, k)
            to_halo(p[b], 0, halo_in, H, W, n_in, pad)
            correlate_weight(halo_in, 0, dP, 0, 1, row, 0, dW[lane], g)
            to_halo(q[b], 0, halo_in, H, W, n_in, pad)
            correlate_weight(halo_in, 0, dQ, 0, 1, row, 0, dW[lane], g)
        for i in range(N):
            db[lane, i % n_out] += total[i]


@njit(parallel=True, cache=True, error_model="numpy")
def forward_tangent(index, value, offset, dense, rows_dot, dense_dot, bias_dot, g, pool, c, first, detach, readout,
                    u, p, q, x_dot, steps, u_dot, y_dot, logits_dot):
    H, W, n_in, n_out, k = g
    pad = k // 2
    N, N_in = H * W * n_out, H * W * n_in
    for b in prange(u.shape[0]):
        P, Q, R, V = zeros(N, c), zeros(N, c), zeros(N, c), zeros(N, c)
        biases = _tiled(bias_dot, H * W)
        halo, halo_x = zeros(H * (W + 2 * pad) * n_in, c), zeros(H * (W + 2 * pad) * n_in, c)
        on_dense = is_dense(offset[b, first], offset[b, first + steps - 2], steps - 2, g) if steps > 2 else False
        to_halo(p[b], 0, halo, H, W, n_in, pad)
        correlate(halo, 0, dense_dot, P, 0, H, W, n_in, n_out, k)
        to_halo(q[b], 0, halo, H, W, n_in, pad)
        correlate(halo, 0, dense_dot, Q, 0, H, W, n_in, n_out, k)
        for t in range(steps):
            if t < steps - 2:
                apply(index[b], value[b], offset[b, first + t], offset[b, first + t + 1], rows_dot, dense_dot, on_dense,
                      halo_x, V, g, c)
                if x_dot.size > 0:
                    to_halo(x_dot[b, t], 0, halo, H, W, n_in, pad)
                    correlate(halo, 0, dense, V, 0, H, W, n_in, n_out, k)
            membrane_tangent_step(u[b, t], u_dot[b, t], P, Q, R, V, biases, detach, c)
            if not readout:
                pool_tangent(u[b, t], u_dot[b, t], y_dot[b, t], 0, H, W, n_out, pool, c)
        if readout:
            logits_dot[b] = u_dot[b, steps - 1]


@njit(parallel=True, cache=True, error_model="numpy")
def backward_tangent(index, value, offset, back, back_dot, g, pool, c, first, detach, need_dx,
                     u, p, q, x_dot, u_dot, dy, dV, dlogits, dy_dot, dlogits_dot, steps, dx_dot, dW, db):
    H, W, n_in, n_out, k = g
    pad = k // 2
    N, N_in, row, halo_row = H * W * n_out, H * W * n_in, W * n_out, (W + 2 * pad) * n_out
    in_frame = H * (W + 2 * pad) * n_in
    lanes = dW.shape[0]
    for lane in prange(lanes):
        D = zeros(H * halo_row, c)
        du, du_dot, total = zeros(N, c), zeros(N, c), zeros(N, c)
        halo_in, halo_x = zeros(max(steps - 2, 1) * in_frame, c), zeros(in_frame, c)
        for b in range(lane, u.shape[0], lanes):
            dr, dr_dot = zeros(N, c), zeros(N, c)
            dP, dQ = zeros(N, c), zeros(N, c)
            frames = dV[b].reshape(-1)
            on_dense = is_dense(offset[b, first], offset[b, first + steps - 2], steps - 2, g) if steps > 2 else False
            for t in range(steps - 1, -1, -1):
                if dlogits.size > 0:
                    if t == steps - 1:
                        du[:] = dlogits[b]
                        du_dot[:] = dlogits_dot[b]
                    elif t == steps - 2:
                        du[:] = c[9]
                        du_dot[:] = c[9]
                else:
                    pool_backward_tangent(u[b, t], u_dot[b, t], dy[b, t], dy_dot[b, t], 0, du, du_dot, H, W, n_out,
                                          pool, c)
                membrane_backward_tangent(u[b, t], u_dot[b, t], du, du_dot, dr, dr_dot, dP, dQ, D, halo_row,
                                          pad * n_out, row, total, detach, c)
                if t < steps - 2:
                    apply_weight(index[b], value[b], offset[b, first + t], offset[b, first + t + 1], on_dense, halo_x,
                                 D, 0, dW[lane], g, c)
                    if need_dx:
                        correlate(D, 0, back, dx_dot[b, t], 0, H, W, n_out, n_in, k)
                        correlate(frames, t * H * halo_row, back_dot, dx_dot[b, t], 0, H, W, n_out, n_in, k)
            to_halo(p[b], 0, halo_in, H, W, n_in, pad)
            correlate_weight(halo_in, 0, dP, 0, 1, row, 0, dW[lane], g)
            to_halo(q[b], 0, halo_in, H, W, n_in, pad)
            correlate_weight(halo_in, 0, dQ, 0, 1, row, 0, dW[lane], g)
            if x_dot.size > 0:
                for t in range(steps - 2):
                    to_halo(x_dot[b, t], 0, halo_in[t * in_frame:], H, W, n_in, pad)
                correlate_weight(halo_in, 0, frames, pad * n_out, steps - 2, halo_row, H * halo_row, dW[lane], g)
        for i in range(N):
            db[lane, i % n_out] += total[i]
