"""Membrane, reset and trace filters of one band of rows at one time step, on flat arrays. A band's
state stays in the processor's first cache for the whole sequence.

Of LIF (the step of layers/lif.py and the filters of layers/synapse.py), and where `hard` of CubaLIF
and its readout (layers/cuba.py): Q is then the current i with its bias, P the membrane v behind the
reset, whose adjoint is `dr` on the way back of a tangent.
"""

from typing import NamedTuple

import numpy as np

from ..parallel.compilation import njit
from .llvm import reciprocal, wide


class State(NamedTuple):
    """Reset r and filters P, Q of a band, or their adjoints; `total` sums the adjoint of the
    current. Q is kept in units of 1 - beta where events are added to it, so that they bring the
    weights as they are."""

    r: np.ndarray
    P: np.ndarray
    Q: np.ndarray
    total: np.ndarray


@njit(inline="always", error_model="numpy")
def sigma_prime(a, c):
    """1 / (slope |a| + 1)^2."""
    y = reciprocal(c.slope * abs(a) + c.one)
    return y * y


@njit(inline="always", error_model="numpy")
def sigma_second(a, c):
    """-2 slope sign(a) / (slope |a| + 1)^3."""
    y = reciprocal(c.slope * abs(a) + c.one)
    y = c.curve * y * y * y
    return y if a > c.zero else (-y if a < c.zero else c.zero)


@njit(inline="always", error_model="numpy")
def kept(u, detach, c):
    """dv/du of the hard reset, 1 - s - u sigma'; 1 - s where it is detached."""
    a = u - c.threshold
    stays = c.zero if a >= c.zero else c.one
    return stays if detach else stays - u * sigma_prime(a, c)


@njit(inline="always", error_model="numpy")
def bent(u, c):
    """d2v/du2, -2 sigma' - u sigma''."""
    a = u - c.threshold
    slope = sigma_prime(a, c)
    return -slope - slope - u * sigma_second(a, c)


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy", borrows=True)
def membrane_step(u, s, bias, hard, c):
    """u = P + b - rho r; then r, P and Q advance, Q without its input. `bias` serves every row."""
    wide()
    row = bias.size
    for i in range(0, u.size, row):
        u_ = u[i : i + row]
        P = s.P[i : i + row]
        Q = s.Q[i : i + row]
        r = s.r[i : i + row]
        if hard:  # u = alpha v + (1 - alpha) i
            for n in range(row):
                current = Q[n] + bias[n]
                x = c.alpha * P[n] + c.rest * current
                u_[n] = x
                P[n] = c.zero if x >= c.threshold else x
                Q[n] = c.beta * current
            continue
        for n in range(row):
            x = P[n] + bias[n] - c.rho * r[n]
            u_[n] = x
            r[n] = c.gamma * r[n] + (c.rest_gamma if x >= c.threshold else c.zero)
            P[n] = c.alpha * P[n] + c.rest * Q[n]
            Q[n] = c.beta * Q[n]


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy", borrows=True)
def membrane_backward(u, du, s, dV, g, hard, detach, c):
    """One step back through reset and filters: dV_t into halo rows, then s one step earlier;
    s.total += dI_t."""
    wide()
    for h in range(g.height):
        i = h * g.row
        j = h * g.row + g.row
        u_ = u[i:j]
        du_ = du[i:j]
        dV_ = dV[h * g.pitch + g.pad :][: g.row]
        dr, dP, dQ, total = s.r[i:j], s.P[i:j], s.Q[i:j], s.total[i:j]
        if hard:
            for n in range(g.row):
                d = du_[n] + dP[n] * kept(u_[n], detach, c)
                di = dQ[n] + c.rest_alpha * d
                dV_[n] = c.rest_beta * di
                total[n] += dV_[n]
                dQ[n] = c.beta * di
                dP[n] = c.alpha * d
            continue
        for n in range(g.row):
            d = du_[n]
            if not detach:
                d += c.rest_gamma * dr[n] * sigma_prime(u_[n] - c.threshold, c)
                dr[n] = c.gamma * dr[n] - c.rho * d
            dV_[n] = c.rest_beta * dQ[n]
            dQ[n] = c.beta * dQ[n] + c.rest_alpha * dP[n]
            dP[n] = c.alpha * dP[n] + d
            total[n] += d


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy", borrows=True)
def membrane_tangent_step(u, u_dot, s, bias, hard, detach, c):
    """u_dot = P + b_dot - rho r; then the tangents advance, Q like that of `membrane_step`."""
    wide()
    row = bias.size
    for i in range(0, u.size, row):
        u_ = u[i : i + row]
        v_ = u_dot[i : i + row]
        P = s.P[i : i + row]
        Q = s.Q[i : i + row]
        r = s.r[i : i + row]
        if hard:
            for n in range(row):
                current = Q[n] + bias[n]
                x = c.alpha * P[n] + c.rest * current
                v_[n] = x
                P[n] = kept(u_[n], detach, c) * x
                Q[n] = c.beta * current
            continue
        for n in range(row):
            x = P[n] + bias[n] - c.rho * r[n]
            v_[n] = x
            r[n] = (
                c.zero
                if detach
                else c.gamma * r[n] + c.rest_gamma * sigma_prime(u_[n] - c.threshold, c) * x
            )
            P[n] = c.alpha * P[n] + c.rest * Q[n]
            Q[n] = c.beta * Q[n]


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy", borrows=True)
def membrane_backward_tangent(u, u_dot, du, du_dot, dr, s, dV, g, hard, detach, c):
    """`membrane_backward` differentiated along u_dot, du_dot: dV_dot, then s, the tangents, and dr
    one step earlier."""
    wide()
    for h in range(g.height):
        i = h * g.row
        j = h * g.row + g.row
        u_ = u[i:j]
        v_ = u_dot[i:j]
        du_ = du[i:j]
        dv_ = du_dot[i:j]
        dV_ = dV[h * g.pitch + g.pad :][: g.row]
        dr_, dr_dot, dP, dQ, total = dr[i:j], s.r[i:j], s.P[i:j], s.Q[i:j], s.total[i:j]
        if hard:
            for n in range(g.row):
                stays = kept(u_[n], detach, c)
                dv = dr_[n]
                d_dot = dv_[n] + dP[n] * stays
                if not detach:
                    d_dot += dv * bent(u_[n], c) * v_[n]
                di = dQ[n] + c.rest_alpha * d_dot
                dV_[n] = c.rest_beta * di
                total[n] += dV_[n]
                dQ[n], dP[n], dr_[n] = c.beta * di, c.alpha * d_dot, c.alpha * (du_[n] + dv * stays)
            continue
        for n in range(g.row):
            d, d_dot = du_[n], dv_[n]
            if not detach:
                a = u_[n] - c.threshold
                slope = sigma_prime(a, c)
                d += c.rest_gamma * dr_[n] * slope
                d_dot += c.rest_gamma * (dr_dot[n] * slope + dr_[n] * sigma_second(a, c) * v_[n])
                dr_[n] = c.gamma * dr_[n] - c.rho * d
                dr_dot[n] = c.gamma * dr_dot[n] - c.rho * d_dot
            dV_[n] = c.rest_beta * dQ[n]
            dQ[n] = c.beta * dQ[n] + c.rest_alpha * dP[n]
            dP[n] = c.alpha * dP[n] + d_dot
            total[n] += d_dot
