"""A block's four passes in plain loops, for one sample, in the order of the equations. Read this to
know what `minisnn.kernels` computes: there several of these loops are one, spikes are lists, and a
band of rows stays in the processor's cache; here each loop does one thing and every array is kept.

    V = W x                                              `correlate`
    I = V and the bias through a chain of filters        `current`, `filters`
    u, z = the neuron's step at every site               `membrane_forward`
    v = the largest or the mean u of 2 x 2 sites         `shares`, `gather`
    y = spike(v), or the logits, u of the last step      `jet`: slope and curvature of the spike

The neuron's own lines stand in its class (`layers/lif.py`), and `minisnn.translation` makes them
functions of numbers. T steps, of which the last n are the window; an adjoint or a tangent may be
zero behind its first m <= n. N = H W C_out sites, F filters. dX is the adjoint of X, X_dot its
directional derivative.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ..parallel.compilation import njit
from ..translation.check import At, Dot
from ..translation.step import THRESHOLD, ZERO, spike

loops = njit(nogil=True, error_model="numpy")


class Neuron(NamedTuple):
    """What the loops are told of a neuron; its functions take the constants k first."""

    k: tuple
    forward: Any  # (k, I, z) -> (u, z')
    backward: Any  # (k, at, du, dz') -> (dI, dz)
    forward_tangent: Any  # (k, at, I_dot, z_dot) -> (u_dot, z_dot')
    backward_tangent: Any  # (k, at, dot, du, dz', du_dot, dz_dot') -> (dI_dot, dz_dot)
    prime: Any  # (k, u - threshold) -> slope of the spike
    second: Any  # (k, u - threshold) -> curvature of the spike
    take: Any  # (z, i) -> the states at site i of z (states, N), a tuple
    put: Any  # (z, i, states): writes them there
    states: int
    filters: tuple  # (a, 1 - a) of each, the first one first
    delay: int  # steps: one for each filter, or 0
    detached: bool  # whether the spike of a reset is a constant


class Steps(NamedTuple):
    """What the neuron's step was given and gave, or tangents of that."""

    I: np.ndarray  # (n, N)
    z: np.ndarray  # (n + 1, states, N), before each step and after the last
    u: np.ndarray  # (n, N)


@loops
def inside(h, k, H):
    """The kernel's rows i with 0 <= h + k // 2 - i < H; the others would leave the image."""
    return range(max(0, h + k // 2 - H + 1), min(k, h + k // 2 + 1))


@loops
def correlate(x, weight):
    """V (n, H, W, C_out) = W x. Each event, a site of x (n, H, W, C_in) that is not zero, adds a row
    of weight (k, k, C_in, C_out) to every site that it reaches."""
    n, H, W, _ = x.shape
    k = len(weight)
    V = np.zeros((n, H, W, weight.shape[3]), weight.dtype)
    for t, h, w, c in zip(*np.nonzero(x)):
        for i in inside(h, k, H):
            for j in inside(w, k, W):
                site = V[t, h + k // 2 - i, w + k // 2 - j]
                row = weight[i, j, c]
                for d in range(len(site)):
                    site[d] += x[t, h, w, c] * row[d]
    return V


def correlate_input(dV, weight):
    """dx (n, H, W, C_in) = W^T dV: the kernel turned round, from C_out to C_in."""
    return correlate(dV, np.ascontiguousarray(weight[::-1, ::-1].transpose(0, 1, 3, 2)))


@loops
def correlate_weight(x, dV, k):
    """dweight (k, k, C_in, C_out): a row gets the dV of each site that an event added it to."""
    _, H, W, C_in = x.shape
    dweight = np.zeros((k, k, C_in, dV.shape[3]), dV.dtype)
    for t, h, w, c in zip(*np.nonzero(x)):
        for i in inside(h, k, H):
            for j in inside(w, k, W):
                dsite = dV[t, h + k // 2 - i, w + k // 2 - j]
                drow = dweight[i, j, c]
                for d in range(len(dsite)):
                    drow[d] += x[t, h, w, c] * dsite[d]
    return dweight


@loops
def filters(x, start, neuron, steps):
    """(what the last filter hands on (steps, N), their states (F, N) after that) from x (steps or
    fewer, N), zero behind its end, and the states at the start. A filter of decay a hands on

        y_t      where y_{t+1} = a y_t + (1 - a) x_t      if the neuron delays
        y_t      where y_t = a y_{t-1} + (1 - a) x_t      if it does not
    """
    y = np.empty((steps, start.shape[1]), start.dtype)
    states = start.copy()
    for t in range(steps):
        for i in range(start.shape[1]):
            passed = x[t, i] if t < len(x) else neuron.k[ZERO]
            for f in range(len(neuron.filters)):
                a, rest = neuron.filters[f]
                before = states[f, i]
                states[f, i] = a * before + rest * passed
                passed = before if neuron.delay else states[f, i]
            y[t, i] = passed
    return y, states


@loops
def filters_adjoint(dy, neuron):
    """(dx (m - delay, N), dstart (F, N)) from dy (m, N): the lines of `filters` backwards."""
    m, N = dy.shape
    dx = np.empty((max(m - neuron.delay, 0), N), dy.dtype)
    dstates = np.zeros((len(neuron.filters), N), dy.dtype)
    for t in range(m - 1, -1, -1):
        for i in range(N):
            dpassed = dy[t, i]
            for f in range(len(neuron.filters) - 1, -1, -1):
                a, rest = neuron.filters[f]
                dstate = dstates[f, i]
                if not neuron.delay:
                    dstate += dpassed  # passed = state
                dstates[f, i] = a * dstate + (dpassed if neuron.delay else 0)  # of before
                dpassed = rest * dstate  # state = a before + (1 - a) passed
            if t < len(dx):
                dx[t, i] = dpassed
    return dx, dstates


def current(V, bias, start, neuron, steps):
    """I (steps, N). Where filters delay, the bias (N,) goes past them; where they do not, it goes
    through, as one more synapse from a source that fires at every step."""
    if neuron.delay:
        return filters(V, start, neuron, steps)[0] + bias
    return filters(V + bias, start, neuron, steps)[0]


@loops
def membrane_forward(I, neuron):
    """The steps that I (T, N) makes, from states of zero."""
    u = np.empty_like(I)
    z = np.zeros((len(I) + 1, neuron.states, I.shape[1]), I.dtype)
    for t in range(len(I)):
        for i in range(I.shape[1]):
            u[t, i], after = neuron.forward(neuron.k, I[t, i], neuron.take(z[t], i))
            neuron.put(z[t + 1], i, after)
    return Steps(I, z, u)


@loops
def at_step(steps, t, i, neuron):
    """A step at a site as a neuron's derivatives are given it."""
    u = steps.u[t, i]
    slope, curvature = neuron.k[ZERO], neuron.k[ZERO]
    if not neuron.detached:
        slope = neuron.prime(neuron.k, u - neuron.k[THRESHOLD])
        curvature = neuron.second(neuron.k, u - neuron.k[THRESHOLD])
    z = neuron.take(steps.z[t], i)
    return At(steps.I[t, i], z, u, spike(neuron.k, u), slope, curvature)


@loops
def membrane_backward(steps, du, neuron):
    """(dI (m, N), dz (m + 1, states, N)) from du (m, N)."""
    m, N = du.shape
    dI = np.empty_like(du)
    dz = np.zeros((m + 1, neuron.states, N), du.dtype)
    for t in range(m - 1, -1, -1):
        for i in range(N):
            at = at_step(steps, t, i, neuron)
            after = neuron.take(dz[t + 1], i)
            dI[t, i], before = neuron.backward(neuron.k, at, du[t, i], after)
            neuron.put(dz[t], i, before)
    return dI, dz


@loops
def membrane_forward_tangent(steps, I_dot, neuron):
    """Tangents of the steps along I_dot (m, N); the window's first z is a constant."""
    m, N = I_dot.shape
    u_dot = np.empty_like(I_dot)
    z_dot = np.zeros((m + 1, neuron.states, N), I_dot.dtype)
    for t in range(m):
        for i in range(N):
            at = at_step(steps, t, i, neuron)
            before = neuron.take(z_dot[t], i)
            u_dot[t, i], after = neuron.forward_tangent(neuron.k, at, I_dot[t, i], before)
            neuron.put(z_dot[t + 1], i, after)
    return Steps(I_dot, z_dot, u_dot)


@loops
def membrane_backward_tangent(steps, steps_dot, du, dz, du_dot, neuron):
    """dI_dot (m, N): `membrane_backward` differentiated along steps_dot and du_dot."""
    m, N = du_dot.shape
    dI_dot = np.empty_like(du_dot)
    dz_dot = np.zeros_like(dz)
    for t in range(m - 1, -1, -1):
        for i in range(N):
            at = at_step(steps, t, i, neuron)
            z_dot = neuron.take(steps_dot.z[t], i)
            dot = Dot(steps_dot.I[t, i], z_dot, steps_dot.u[t, i])
            after = neuron.take(dz[t + 1], i)
            after_dot = neuron.take(dz_dot[t + 1], i)
            dI_dot[t, i], before_dot = neuron.backward_tangent(
                neuron.k, at, dot, du[t, i], after, du_dot[t, i], after_dot
            )
            neuron.put(dz_dot[t], i, before_dot)
    return dI_dot


@loops
def largest(u):
    """1 at the largest of each 2 x 2 sites of u (n, H, W, C), the first among equals, else 0."""
    n, H, W, C = u.shape
    share = np.zeros_like(u)
    for t, h, w, c in np.ndindex(n, H // 2, W // 2, C):
        best = 2 * h, 2 * w
        for i in range(2 * h, 2 * h + 2):
            for j in range(2 * w, 2 * w + 2):
                if u[t, i, j, c] > u[t, best[0], best[1], c]:
                    best = i, j
        share[t, best[0], best[1], c] = 1
    return share


def shares(u, pool):
    """The share that each site of u (n, H, W, C) has in what is pooled of 2 x 2: of the membranes,
    and of the spikes; None where nothing is. A row or column left over has none."""
    if pool == "max":
        return largest(u), None
    quarter = np.zeros_like(u)
    quarter[:, : u.shape[1] // 2 * 2, : u.shape[2] // 2 * 2] = 0.25
    return {"mean": (quarter, None), "spikes": (None, quarter), "none": (None, None)}[pool]


@loops
def gather(a, share):
    """Each 2 x 2 sites of a (n, H, W, C) summed by their shares, (n, H // 2, W // 2, C)."""
    if share is None:
        return a
    n, H, W, C = a.shape
    pooled = np.zeros((n, H // 2, W // 2, C), a.dtype)
    for t, h, w, c in np.ndindex(n, H // 2 * 2, W // 2 * 2, C):
        pooled[t, h // 2, w // 2, c] += share[t, h, w, c] * a[t, h, w, c]
    return pooled


@loops
def scatter(dpooled, share):
    """The adjoint of `gather`."""
    if share is None:
        return dpooled
    _, H, W, C = share.shape
    da = np.zeros((len(dpooled), H, W, C), dpooled.dtype)
    for t, h, w, c in np.ndindex(len(dpooled), H // 2 * 2, W // 2 * 2, C):
        da[t, h, w, c] = share[t, h, w, c] * dpooled[t, h // 2, w // 2, c]
    return da


@loops
def jet(v, neuron):
    """(slope, curvature) of the spike at each v."""
    slope = np.empty_like(v)
    curvature = np.empty_like(v)
    for i in np.ndindex(v.shape):
        slope[i] = neuron.prime(neuron.k, v[i] - neuron.k[THRESHOLD])
        curvature[i] = neuron.second(neuron.k, v[i] - neuron.k[THRESHOLD])
    return slope, curvature
