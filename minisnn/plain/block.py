"""The four passes of a block in plain loops, for one sample, in the order of the equations. Read this
to know what the kernels compute.

    V = W x                                              `correlate`
    I = V through a chain of filters, with the bias      `filters`
    u, z = the neuron's step, at every site              `membrane_forward`
    v = the largest or the mean u of 2 x 2 sites         `gather`, by the `shares` of the sites
    y = spike(v), or of a readout the last u             `jet`: its slope and curvature

`minisnn.layers` has the same on whole arrays of a batch, in NumPy. `minisnn.kernels` has it fast:
several loops in one, spikes as lists, vectors, a band of rows that stays in the cache. Here no
loop does two things, and every array of a step is kept. The neuron's lines are those of its class,
compiled by `minisnn.translation`. The last part of this file runs a batch, with the signatures of
`minisnn.layers.block`.

T steps, of which the last n are the window; m <= n those in which an adjoint can differ from zero;
N = H W C_out sites; F filters. The adjoint of a is da, its directional derivative a_dot.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..layers.block import EVERY_STEP, Block
from ..layers.block import (  # noqa: F401  a batch enters and leaves as in NumPy
    enter,
    features,
    features_backward,
    prepare,
    recorded,
    release,
)
from ..parallel.compilation import njit
from ..translation.check import At, Dot
from ..translation.step import ONE, THRESHOLD, ZERO, spike, step_of, tuples

loops = njit(nogil=True, error_model="numpy")
Array = np.ndarray


# ---- V = W x: events through the weights


@loops
def inside(h, k, H):
    """The kernel's rows i with 0 <= h + k // 2 - i < H: the others would leave the image."""
    return range(max(0, h + k // 2 - H + 1), min(k, h + k // 2 + 1))


@loops
def correlate(x, weight):
    """y (n, H, W, C_out) = W x. Every event, a site of x (n, H, W, C_in) that is not zero, adds a
    row of weight (k, k, C_in, C_out) to each of the k x k sites around it."""
    n, H, W, _ = x.shape
    k, _, _, C_out = weight.shape
    y = np.zeros((n, H, W, C_out), weight.dtype)
    for t, h, w, c in zip(*np.nonzero(x)):
        for i in inside(h, k, H):
            for j in inside(w, k, W):
                y_site = y[t, h + k // 2 - i, w + k // 2 - j]
                row = weight[i, j, c]
                for d in range(C_out):
                    y_site[d] += x[t, h, w, c] * row[d]
    return y


def correlate_input(dy, weight):
    """dx (n, H, W, C_in) = W^T dy: the same with the kernel turned round, from C_out to C_in."""
    return correlate(dy, np.ascontiguousarray(weight[::-1, ::-1].transpose(0, 1, 3, 2)))


@loops
def correlate_weight(x, dy, k):
    """dweight (k, k, C_in, C_out): the row that an event adds to a site of y gets that site's dy."""
    _, H, W, C_in = x.shape
    C_out = dy.shape[3]
    dweight = np.zeros((k, k, C_in, C_out), dy.dtype)
    for t, h, w, c in zip(*np.nonzero(x)):
        for i in inside(h, k, H):
            for j in inside(w, k, W):
                dy_site = dy[t, h + k // 2 - i, w + k // 2 - j]
                drow = dweight[i, j, c]
                for d in range(C_out):
                    drow[d] += x[t, h, w, c] * dy_site[d]
    return dweight


# ---- I: a chain of first-order filters


class Neuron(NamedTuple):
    """What the loops are told of a neuron."""

    k: tuple  # its constants, the first argument of the six functions of numbers that follow
    forward: Any  # (k, I, z) -> (u, z')
    backward: Any  # (k, at, du, dz) -> (dI, dz)
    forward_tangent: Any  # (k, at, I_dot, z_dot) -> (u_dot, z_dot')
    backward_tangent: Any  # (k, at, dot, du, dz, du_dot, dz_dot) -> (dI_dot, dz_dot)
    prime: Any  # (k, u - threshold) -> the slope of the spike
    second: Any  # (k, u - threshold) -> its curvature
    take: Any  # (z, i) -> the states at site i of z (states, N), a tuple
    put: Any  # (z, i, states): these written there
    states: int
    filters: tuple  # (a, 1 - a) of each, the first one first
    delay: int  # steps: one for each filter, or 0
    detached: bool  # whether the spike of the reset is a constant


def neuron_of(block: Block, dtype: np.dtype) -> Neuron:
    """The neuron of a block, its constants in this dtype."""
    step = step_of(block.neuron, {})
    _, take, put = tuples(step.states)
    decays = tuple((dtype.type(a), dtype.type(1 - a)) for a in block.neuron.decays)
    return Neuron(
        tuple(step.constants(block.neuron, dtype)),
        *(step.forward, step.backward, step.forward_tangent, step.backward_tangent),
        *(step.prime, step.second, take, put, step.states),
        *(decays, block.neuron.delay, block.detach_reset),
    )


@loops
def filters(x, start, neuron, steps):
    """(I (steps, N), the filters' states after them) from x (at most so many steps, N), zero behind
    its end, and the states (F, N) at the start. A filter of decay a hands on

        y_t,  y_{t+1} = a y_t + (1 - a) x_t        where the neuron delays
        y_t = a y_{t-1} + (1 - a) x_t              where it does not

    to the next one, whose x it is; what the last one hands on is I."""
    I = np.empty((steps, start.shape[1]), start.dtype)
    state = start.copy()
    for t in range(steps):
        for i in range(start.shape[1]):
            passed = x[t, i] if t < len(x) else neuron.k[ZERO]
            for f, (decay, rest) in enumerate(neuron.filters):
                before = state[f, i]
                state[f, i] = decay * before + rest * passed
                passed = before if neuron.delay else state[f, i]
            I[t, i] = passed
    return I, state


@loops
def filters_adjoint(dI, neuron):
    """(dx (m - delay, N), dstart (F, N)) from dI (m, N): the lines of `filters`, backwards."""
    m, N = dI.shape
    F = len(neuron.filters)
    dx = np.empty((max(m - neuron.delay, 0), N), dI.dtype)
    dstate = np.zeros((F, N), dI.dtype)
    for t in range(m - 1, -1, -1):
        for i in range(N):
            dpassed = dI[t, i]
            for f in range(F - 1, -1, -1):
                decay, rest = neuron.filters[f]
                after = dstate[f, i]
                if not neuron.delay:
                    after += dpassed  # passed = state
                dstate[f, i] = decay * after  # state = decay before + rest passed
                if neuron.delay:
                    dstate[f, i] += dpassed  # passed = before
                dpassed = rest * after
            if t < len(dx):
                dx[t, i] = dpassed
    return dx, dstate


# ---- u, z: the neuron's step


@loops
def membrane_forward(I, neuron):
    """(u (T, N), z (T + 1, states, N)) from I (T, N): z[t] are the states before step t, z[0] = 0."""
    T, N = I.shape
    u = np.empty((T, N), I.dtype)
    z = np.zeros((T + 1, neuron.states, N), I.dtype)
    for t in range(T):
        for i in range(N):
            u[t, i], after = neuron.forward(neuron.k, I[t, i], neuron.take(z[t], i))
            neuron.put(z[t + 1], i, after)
    return u, z


@loops
def at_step(I, z, u, t, i, neuron):
    """Step t at site i as a neuron's derivatives are given it."""
    a = u[t, i] - neuron.k[THRESHOLD]
    slope = neuron.k[ZERO] if neuron.detached else neuron.prime(neuron.k, a)
    curvature = neuron.k[ZERO] if neuron.detached else neuron.second(neuron.k, a)
    value = spike(neuron.k, u[t, i])
    return At(I[t, i], neuron.take(z[t], i), u[t, i], value, slope, curvature)


@loops
def membrane_backward(I, z, u, du, neuron):
    """(dI (m, N), dz (m + 1, states, N)) from du (m, N); what follows step m - 1 has no part."""
    m, N = du.shape
    dI = np.empty((m, N), du.dtype)
    dz = np.zeros((m + 1, neuron.states, N), du.dtype)
    for t in range(m - 1, -1, -1):
        for i in range(N):
            at = at_step(I, z, u, t, i, neuron)
            after = neuron.take(dz[t + 1], i)
            dI[t, i], before = neuron.backward(neuron.k, at, du[t, i], after)
            neuron.put(dz[t], i, before)
    return dI, dz


@loops
def membrane_forward_tangent(I, z, u, I_dot, neuron):
    """(u_dot (m, N), z_dot (m + 1, states, N)) along I_dot (m, N); z at the window's start is a
    constant."""
    m, N = I_dot.shape
    u_dot = np.empty((m, N), I_dot.dtype)
    z_dot = np.zeros((m + 1, neuron.states, N), I_dot.dtype)
    for t in range(m):
        for i in range(N):
            at = at_step(I, z, u, t, i, neuron)
            before = neuron.take(z_dot[t], i)
            u_dot[t, i], after = neuron.forward_tangent(neuron.k, at, I_dot[t, i], before)
            neuron.put(z_dot[t + 1], i, after)
    return u_dot, z_dot


@loops
def membrane_backward_tangent(I, z, u, du, dz, I_dot, z_dot, u_dot, du_dot, neuron):
    """dI_dot (m, N): `membrane_backward` differentiated along I_dot, u_dot and du_dot."""
    m, N = du_dot.shape
    dI_dot = np.empty((m, N), du.dtype)
    dz_dot = np.zeros((m + 1, neuron.states, N), du.dtype)
    for t in range(m - 1, -1, -1):
        for i in range(N):
            at = at_step(I, z, u, t, i, neuron)
            dot = Dot(I_dot[t, i], neuron.take(z_dot[t], i), u_dot[t, i])
            after = neuron.take(dz[t + 1], i)
            after_dot = neuron.take(dz_dot[t + 1], i)
            dI_dot[t, i], before_dot = neuron.backward_tangent(
                neuron.k, at, dot, du[t, i], after, du_dot[t, i], after_dot
            )
            neuron.put(dz_dot[t], i, before_dot)
    return dI_dot
