"""Membrane, reset, trace filters and pooling of one sample and one time step, on flat arrays (twins of layers/*.py).

`c` holds the neuron's constants in the network's dtype, as `constants` lays them out. `pool` is NONE, MAX or MEAN.
"""
import numpy as np
from numba import njit

NONE, MAX, MEAN = 0, 1, 2
POOL = {"none": NONE, "max": MAX, "mean": MEAN}


def constants(neuron, dtype) -> np.ndarray:
    """alpha, beta, gamma, 1 - alpha, 1 - beta, 1 - gamma, rho, threshold, slope, 0, 1, 1/4, -2 slope."""
    a, b, g = neuron.alpha, neuron.beta, neuron.gamma
    return np.array([a, b, g, 1 - a, 1 - b, 1 - g, neuron.rho, neuron.threshold, neuron.slope, 0, 1, 0.25,
                     -2 * neuron.slope], dtype)


@njit(inline="always", error_model="numpy")
def sigma_prime(a, c):
    """1 / (slope |a| + 1)^2."""
    y = c[10] / (c[8] * abs(a) + c[10])
    return y * y


@njit(inline="always", error_model="numpy")
def sigma_second(a, c):
    """-2 slope sign(a) / (slope |a| + 1)^3."""
    y = c[10] / (c[8] * abs(a) + c[10])
    y = c[12] * y * y * y
    return y if a > c[9] else (-y if a < c[9] else c[9])


@njit(cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_step(u, P, Q, r, V, bias, c):
    """u = P + b - rho r, then P, Q, r advance; V is the synaptic input W x_t and is cleared."""
    alpha, beta, gamma, oma, omb, omg, rho, threshold, zero = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[9]
    for i in range(u.size):
        x = P[i] + bias[i] - rho * r[i]
        u[i] = x
        r[i] = gamma * r[i] + (omg if x >= threshold else zero)
        P[i] = alpha * P[i] + oma * Q[i]
        Q[i] = beta * Q[i] + omb * V[i]
        V[i] = zero


@njit(cache=True, error_model="numpy")
def pool_spikes(u, spikes, H, W, C, pool, c):
    """spikes (H', W', C) = 1 where the pooled membrane reaches the threshold."""
    threshold, quarter = c[7], c[11]
    if pool == NONE:
        for i in range(u.size):
            spikes[i] = u[i] >= threshold
        return
    row, to = W * C, 0
    for h in range(H // 2):
        for w in range(W // 2):
            a = u[(2 * h * W + 2 * w) * C:][:2 * C]
            b = u[((2 * h + 1) * W + 2 * w) * C:][:2 * C]
            s = spikes[to:to + C]
            if pool == MAX:
                for i in range(C):
                    s[i] = max(max(a[i], a[C + i]), max(b[i], b[C + i])) >= threshold
            else:
                for i in range(C):
                    s[i] = (a[i] + a[C + i] + b[i] + b[C + i]) * quarter >= threshold
            to += C


@njit(cache=True, error_model="numpy")
def pool_tangent(u, u_dot, y_dot, at, H, W, C, pool, c):
    """y_dot[at:] = sigma'(v) v_dot, v the pooled membrane."""
    threshold, quarter = c[7], c[11]
    if pool == NONE:
        for i in range(u.size):
            y_dot[at + i] = sigma_prime(u[i] - threshold, c) * u_dot[i]
        return
    for h in range(H // 2):
        for w in range(W // 2):
            i0, i1 = (2 * h * W + 2 * w) * C, ((2 * h + 1) * W + 2 * w) * C
            a, b, a_dot, b_dot = u[i0:i0 + 2 * C], u[i1:i1 + 2 * C], u_dot[i0:i0 + 2 * C], u_dot[i1:i1 + 2 * C]
            y = y_dot[at:at + C]
            for i in range(C):
                if pool == MAX:
                    v, v_dot = a[i], a_dot[i]
                    if a[C + i] > v:
                        v, v_dot = a[C + i], a_dot[C + i]
                    if b[i] > v:
                        v, v_dot = b[i], b_dot[i]
                    if b[C + i] > v:
                        v, v_dot = b[C + i], b_dot[C + i]
                else:
                    v = (a[i] + a[C + i] + b[i] + b[C + i]) * quarter
                    v_dot = (a_dot[i] + a_dot[C + i] + b_dot[i] + b_dot[C + i]) * quarter
                y[i] = sigma_prime(v - threshold, c) * v_dot
            at += C


@njit(cache=True, error_model="numpy")
def pool_backward(u, dy, at, du, H, W, C, pool, c):
    """du = adjoint of pooling and spike: sigma'(v) dy at the chosen site, or a quarter of it at each of the four."""
    threshold, quarter, zero = c[7], c[11], c[9]
    if pool == NONE:
        for i in range(u.size):
            du[i] = sigma_prime(u[i] - threshold, c) * dy[at + i]
        return
    for h in range(H // 2):
        for w in range(W // 2):
            i0, i1 = (2 * h * W + 2 * w) * C, ((2 * h + 1) * W + 2 * w) * C
            a, b, da, db = u[i0:i0 + 2 * C], u[i1:i1 + 2 * C], du[i0:i0 + 2 * C], du[i1:i1 + 2 * C]
            d = dy[at:at + C]
            for i in range(C):
                if pool == MAX:
                    top = max(a[i], a[C + i])
                    bottom = max(b[i], b[C + i])
                    dv = sigma_prime(max(top, bottom) - threshold, c) * d[i]
                    up, left_a, left_b = top >= bottom, a[i] >= a[C + i], b[i] >= b[C + i]
                    da[i] = dv if up and left_a else zero
                    da[C + i] = dv if up and not left_a else zero
                    db[i] = dv if left_b and not up else zero
                    db[C + i] = dv if not up and not left_b else zero
                else:
                    v = (a[i] + a[C + i] + b[i] + b[C + i]) * quarter
                    dv = sigma_prime(v - threshold, c) * d[i] * quarter
                    da[i], da[C + i], db[i], db[C + i] = dv, dv, dv, dv
            at += C


@njit(cache=True, error_model="numpy")
def pool_backward_tangent(u, u_dot, dy, dy_dot, at, du, du_dot, H, W, C, pool, c):
    """`pool_backward` and its derivative along u_dot, dy_dot."""
    threshold, quarter, zero = c[7], c[11], c[9]
    if pool == NONE:
        for i in range(u.size):
            a = u[i] - threshold
            slope = sigma_prime(a, c)
            du[i] = slope * dy[at + i]
            du_dot[i] = slope * dy_dot[at + i] + sigma_second(a, c) * u_dot[i] * dy[at + i]
        return
    for h in range(H // 2):
        for w in range(W // 2):
            i0, i1 = (2 * h * W + 2 * w) * C, ((2 * h + 1) * W + 2 * w) * C
            a, b, a_dot, b_dot = u[i0:i0 + 2 * C], u[i1:i1 + 2 * C], u_dot[i0:i0 + 2 * C], u_dot[i1:i1 + 2 * C]
            da, db, da_dot, db_dot = du[i0:i0 + 2 * C], du[i1:i1 + 2 * C], du_dot[i0:i0 + 2 * C], du_dot[i1:i1 + 2 * C]
            d, d_dot = dy[at:at + C], dy_dot[at:at + C]
            for i in range(C):
                if pool == MAX:
                    up = max(a[i], a[C + i]) >= max(b[i], b[C + i])
                    left_a, left_b = a[i] >= a[C + i], b[i] >= b[C + i]
                    v = max(max(a[i], a[C + i]), max(b[i], b[C + i])) - threshold
                    v_dot = ((a_dot[i] if left_a else a_dot[C + i]) if up
                             else (b_dot[i] if left_b else b_dot[C + i]))
                    slope = sigma_prime(v, c)
                    dv = slope * d[i]
                    dv_dot = slope * d_dot[i] + sigma_second(v, c) * v_dot * d[i]
                    da[i] = dv if up and left_a else zero
                    da[C + i] = dv if up and not left_a else zero
                    db[i] = dv if left_b and not up else zero
                    db[C + i] = dv if not up and not left_b else zero
                    da_dot[i] = dv_dot if up and left_a else zero
                    da_dot[C + i] = dv_dot if up and not left_a else zero
                    db_dot[i] = dv_dot if left_b and not up else zero
                    db_dot[C + i] = dv_dot if not up and not left_b else zero
                else:
                    v = (a[i] + a[C + i] + b[i] + b[C + i]) * quarter - threshold
                    v_dot = (a_dot[i] + a_dot[C + i] + b_dot[i] + b_dot[C + i]) * quarter
                    slope = sigma_prime(v, c)
                    dv = slope * d[i] * quarter
                    dv_dot = (slope * d_dot[i] + sigma_second(v, c) * v_dot * d[i]) * quarter
                    da[i], da[C + i], db[i], db[C + i] = dv, dv, dv, dv
                    da_dot[i], da_dot[C + i], db_dot[i], db_dot[C + i] = dv_dot, dv_dot, dv_dot, dv_dot
            at += C


@njit(cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_backward(u, du, dr, dP, dQ, D, at, halo_row, pad_row, row, total, detach, c):
    """One step back through reset and filters: dV_t into the halo image at D[at], then dr, dP, dQ one step earlier."""
    alpha, beta, gamma, oma, omb, omg, rho, threshold, zero = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[9]
    for h in range(u.size // row):
        i = h * row
        u_, du_, dr_, dP_, dQ_ = u[i:i + row], du[i:i + row], dr[i:i + row], dP[i:i + row], dQ[i:i + row]
        total_, D_ = total[i:i + row], D[at + h * halo_row + pad_row:][:row]
        if detach:
            for n in range(row):
                D_[n] = omb * dQ_[n]
                dQ_[n] = beta * dQ_[n] + oma * dP_[n]
                dP_[n] = alpha * dP_[n] + du_[n]
                total_[n] += du_[n]
        else:
            for n in range(row):
                d = du_[n] + omg * dr_[n] * sigma_prime(u_[n] - threshold, c)
                dr_[n] = gamma * dr_[n] - rho * d
                D_[n] = omb * dQ_[n]
                dQ_[n] = beta * dQ_[n] + oma * dP_[n]
                dP_[n] = alpha * dP_[n] + d
                total_[n] += d


@njit(cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_tangent_step(u, u_dot, P, Q, r, V, bias, detach, c):
    """u_dot = P + b_dot - rho r, then the tangents P, Q, r advance; V is cleared."""
    alpha, beta, gamma, oma, omb, omg, rho, threshold, zero = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[9]
    for i in range(u.size):
        x = P[i] + bias[i] - rho * r[i]
        u_dot[i] = x
        r[i] = zero if detach else gamma * r[i] + omg * sigma_prime(u[i] - threshold, c) * x
        P[i] = alpha * P[i] + oma * Q[i]
        Q[i] = beta * Q[i] + omb * V[i]
        V[i] = zero


@njit(cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_backward_tangent(u, u_dot, du, du_dot, dr, dr_dot, dP, dQ, D, halo_row, pad_row, row, total, detach, c):
    """`membrane_backward` differentiated along u_dot, du_dot: dV_dot into D, then dr_dot, dP_dot, dQ_dot step back."""
    alpha, beta, gamma, oma, omb, omg, rho, threshold, zero = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[9]
    for h in range(u.size // row):
        i = h * row
        u_, v_, du_, dw_ = u[i:i + row], u_dot[i:i + row], du[i:i + row], du_dot[i:i + row]
        dr_, ds_, dP_, dQ_ = dr[i:i + row], dr_dot[i:i + row], dP[i:i + row], dQ[i:i + row]
        total_, D_ = total[i:i + row], D[h * halo_row + pad_row:][:row]
        for n in range(row):
            d, d_dot = du_[n], dw_[n]
            if not detach:
                a = u_[n] - threshold
                slope = sigma_prime(a, c)
                d += omg * dr_[n] * slope
                d_dot += omg * (ds_[n] * slope + dr_[n] * sigma_second(a, c) * v_[n])
                dr_[n] = gamma * dr_[n] - rho * d
                ds_[n] = gamma * ds_[n] - rho * d_dot
            D_[n] = omb * dQ_[n]
            dQ_[n] = beta * dQ_[n] + oma * dP_[n]
            dP_[n] = alpha * dP_[n] + d_dot
            total_[n] += d_dot
