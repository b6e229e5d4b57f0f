"""Membrane, reset, trace filters and pooling of one band of rows at one time step, on flat arrays (twins of layers/*.py).

A band is what one row of pooled sites needs: two rows, or one where nothing is pooled. Its state stays in the processor's
first cache for the whole sequence.

`c` holds the neuron's constants in the network's dtype, as `constants` lays them out. `pool` is NONE, MAX or MEAN.
"""

import numpy as np

from ..parallel.compilation import njit
from .choice import pick, put

NONE, MAX, MEAN = 0, 1, 2
POOL = {"none": NONE, "max": MAX, "mean": MEAN}


def constants(neuron, dtype) -> np.ndarray:
    """alpha, beta, gamma, 1 - alpha, 1 - beta, 1 - gamma, rho, threshold, slope, 0, 1, 1/4, -2 slope,
    (1 - alpha) (1 - beta)."""
    a, b, g = neuron.alpha, neuron.beta, neuron.gamma
    return np.array(
        [
            a,
            b,
            g,
            1 - a,
            1 - b,
            1 - g,
            neuron.rho,
            neuron.threshold,
            neuron.slope,
            0,
            1,
            0.25,
            -2 * neuron.slope,
            (1 - a) * (1 - b),
        ],
        dtype,
    )


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


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_step(u, P, Q, r, bias, c):
    """u = P + b - rho r; then r, P and Q advance, Q without its input and in units of 1 - beta. `bias` serves every row."""
    alpha, beta, gamma, omg, rho, threshold, zero, weight = c[0], c[1], c[2], c[5], c[6], c[7], c[9], c[13]
    row = bias.size
    for i in range(0, u.size, row):
        u_, P_, Q_, r_ = u[i : i + row], P[i : i + row], Q[i : i + row], r[i : i + row]
        for n in range(row):
            x = P_[n] + bias[n] - rho * r_[n]
            u_[n] = x
            r_[n] = gamma * r_[n] + (omg if x >= threshold else zero)
            P_[n] = alpha * P_[n] + weight * Q_[n]
            Q_[n] = beta * Q_[n]


@njit(nogil=True, cache=True, error_model="numpy")
def pooled(u, v, top, C, pool, c):
    """v (W', C) = the pooled membrane of a band u (2, W, C); `top` is scratch of one row. Where nothing is pooled, v is u."""
    if pool == NONE:
        return u
    row, quarter = u.size // 2, c[11]
    a, b = u[:row], u[row:]
    if pool == MAX:
        for i in range(row):
            top[i] = max(a[i], b[i])
    else:
        for i in range(row):
            top[i] = a[i] + b[i]
    for w in range(row // (2 * C)):
        left, right, out = top[2 * w * C :][:C], top[(2 * w + 1) * C :][:C], v[w * C :][:C]
        if pool == MAX:
            for i in range(C):
                out[i] = max(left[i], right[i])
        else:
            for i in range(C):
                out[i] = (left[i] + right[i]) * quarter
    return v


@njit(nogil=True, cache=True, error_model="numpy")
def pooled_tangent(u, v, u_dot, v_dot, C, pool, c):
    """v_dot (W', C) along u_dot: that of the first site, in row-major order, whose u is v."""
    if pool == NONE:
        return u_dot
    row, quarter = u.size // 2, c[11]
    for w in range(v_dot.size // C):
        i, j = 2 * w * C, row + 2 * w * C
        if pool == MAX:
            pick(u, v, u_dot, v_dot, i, j, w * C, C)
        else:
            a, b, out = u_dot[i : i + 2 * C], u_dot[j : j + 2 * C], v_dot[w * C :][:C]
            for n in range(C):
                out[n] = (a[n] + b[n] + (a[C + n] + b[C + n])) * quarter
    return v_dot


@njit(nogil=True, cache=True, error_model="numpy")
def unpool(u, v, dv, du, C, pool, c):
    """du (2, W, C) = adjoint of pooling: dv at the first site whose u is v, or a quarter of it at each of the four."""
    if pool == NONE:
        du[:] = dv
        return
    row, quarter = u.size // 2, c[11]
    for w in range(dv.size // C):
        i, j = 2 * w * C, row + 2 * w * C
        if pool == MAX:
            put(u, v, dv, du, i, j, w * C, C)
        else:
            d, first = dv[w * C :][:C], du[i : i + C]
            for n in range(C):
                first[n] = d[n] * quarter
            du[i + C : i + 2 * C], du[j : j + C], du[j + C : j + 2 * C] = first, first, first


@njit(nogil=True, cache=True, error_model="numpy")
def spike_slope(v, d, out, c):
    """out = sigma'(v) d, for adjoints and tangents alike."""
    threshold = c[7]
    for i in range(v.size):
        out[i] = sigma_prime(v[i] - threshold, c) * d[i]


@njit(nogil=True, cache=True, error_model="numpy")
def spike_curvature(v, v_dot, dy, dy_dot, out, c):
    """out = dv_dot = sigma'(v) dy_dot + sigma''(v) v_dot dy."""
    threshold = c[7]
    for i in range(v.size):
        a = v[i] - threshold
        out[i] = sigma_prime(a, c) * dy_dot[i] + sigma_second(a, c) * v_dot[i] * dy[i]


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_backward(u, du, dr, dP, dQ, dV, total, detach, c):
    """One step back through reset and filters: dV_t, then dr, dP, dQ one step earlier; total += dI_t."""
    alpha, beta, gamma, oma, omb, omg, rho, threshold = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    for n in range(u.size):
        d = du[n]
        if not detach:
            d += omg * dr[n] * sigma_prime(u[n] - threshold, c)
            dr[n] = gamma * dr[n] - rho * d
        dV[n] = omb * dQ[n]
        dQ[n] = beta * dQ[n] + oma * dP[n]
        dP[n] = alpha * dP[n] + d
        total[n] += d


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_tangent_step(u, u_dot, P, Q, r, bias, detach, c):
    """u_dot = P + b_dot - rho r; then the tangents advance, Q like that of `membrane_step`."""
    alpha, beta, gamma, omg, rho, threshold, zero, weight = c[0], c[1], c[2], c[5], c[6], c[7], c[9], c[13]
    row = bias.size
    for i in range(0, u.size, row):
        u_, v_, P_, Q_, r_ = u[i : i + row], u_dot[i : i + row], P[i : i + row], Q[i : i + row], r[i : i + row]
        for n in range(row):
            x = P_[n] + bias[n] - rho * r_[n]
            v_[n] = x
            r_[n] = zero if detach else gamma * r_[n] + omg * sigma_prime(u_[n] - threshold, c) * x
            P_[n] = alpha * P_[n] + weight * Q_[n]
            Q_[n] = beta * Q_[n]


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def membrane_backward_tangent(u, u_dot, du, du_dot, dr, dr_dot, dP, dQ, dV, total, detach, c):
    """`membrane_backward` differentiated along u_dot, du_dot: dV_dot, then dr_dot, dP_dot, dQ_dot step back."""
    alpha, beta, gamma, oma, omb, omg, rho, threshold = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    for n in range(u.size):
        d, d_dot = du[n], du_dot[n]
        if not detach:
            a = u[n] - threshold
            slope = sigma_prime(a, c)
            d += omg * dr[n] * slope
            d_dot += omg * (dr_dot[n] * slope + dr[n] * sigma_second(a, c) * u_dot[n])
            dr[n] = gamma * dr[n] - rho * d
            dr_dot[n] = gamma * dr_dot[n] - rho * d_dot
        dV[n] = omb * dQ[n]
        dQ[n] = beta * dQ[n] + oma * dP[n]
        dP[n] = alpha * dP[n] + d_dot
        total[n] += d_dot
