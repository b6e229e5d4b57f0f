"""A block's four passes in plain loops, for one sample, in the order of the equations. Read this to
know what `minisnn.kernels` computes: there several loops are one, spikes are lists, and a band of
rows stays in the processor's cache; here each loop does one thing, and every array is kept.

    V = W x                                              `correlate`
    I = V and the bias through a chain of filters        `filters`
    u, z = the neuron's step at every site               `membrane_forward`
    v = the largest or the mean u of 2 x 2 sites         `shares`, `gather`
    y = spike(v), or the mean of spikes, or u itself     `jet` has the spike's derivatives

`neuron` is a `PlainNeuron`: the lines of its class (`layers/lif.py`) as functions of numbers.
T steps, of which the last n are the window; behind its first m <= n steps adjoints and tangents are
zero; F filters. dX is the adjoint of X, X_dot its directional derivative.
"""

from types import SimpleNamespace

import numpy as np

from ..parallel.compilation import njit
from ..translation.check import SiteAt, SiteDot
from ..translation.source import THRESHOLD, ZERO, spike
from .neuron import Steps

loops = njit(nogil=True, error_model="numpy", cache=True)
loops_of_neuron = njit(nogil=True, error_model="numpy")  # compiled for each class


@loops
def inside(h, k, H):
    """The kernel's rows i with 0 <= h + k // 2 - i < H; the others would leave the image."""
    return range(max(0, h + k // 2 - H + 1), min(k, h + k // 2 + 1))


@loops
def correlate(x, weight):
    """V (n, H, W, C_out) = W x. Each event, a site of x (n, H, W, C_in) that is not zero, adds a
    row of weight (k, k, C_in, C_out) to every site that it reaches."""
    n, H, W, _ = x.shape
    k = len(weight)
    V = np.zeros((n, H, W, weight.shape[3]), weight.dtype)
    for t, h, w, c in zip(*np.nonzero(x)):
        event = x[t, h, w, c]
        for i in inside(h, k, H):
            for j in inside(w, k, W):
                for d in range(V.shape[3]):
                    V[t, h + k // 2 - i, w + k // 2 - j, d] += event * weight[i, j, c, d]
    return V


def correlate_input(dV, weight):
    """dx (n, H, W, C_in) = W^T dV: the same with the kernel turned round."""
    return correlate(dV, np.ascontiguousarray(weight[::-1, ::-1].transpose(0, 1, 3, 2)))


@loops
def correlate_weight(x, dV, k):
    """dweight (k, k, C_in, C_out): a row gets the dV of every site that an event added it to."""
    _, H, W, C_in = x.shape
    dweight = np.zeros((k, k, C_in, dV.shape[3]), dV.dtype)
    for t, h, w, c in zip(*np.nonzero(x)):
        event = x[t, h, w, c]
        for i in inside(h, k, H):
            for j in inside(w, k, W):
                for d in range(dV.shape[3]):
                    dweight[i, j, c, d] += event * dV[t, h + k // 2 - i, w + k // 2 - j, d]
    return dweight


@loops
def filters(V, bias, start, chain):
    """(I (n, H, W, C_out), the filters' states (F, H, W, C_out) behind it) from V (n, H, W, C_out)
    and `start`, the states before it. A filter of decay a hands on y of

        y_{t+1} = a y_t + (1 - a) x_t      where the neuron delays; the bias is added to the last y
        y_t = a y_{t-1} + (1 - a) x_t      where it does not; the bias goes through, like an x of 1
    """
    I = np.empty_like(V)
    states = start.copy()
    for t in range(len(V)):
        for i in np.ndindex(V.shape[1:]):
            passed = V[t][i] if chain.delay else V[t][i] + bias[i[2]]
            for f in range(len(chain.decays)):
                a, rest = chain.decays[f]
                before = states[f][i]
                states[f][i] = a * before + rest * passed
                passed = before if chain.delay else states[f][i]
            I[t][i] = passed + bias[i[2]] if chain.delay else passed
    return I, states


def filters_from_zero(V, bias, chain):
    """`filters` where every state before V is zero."""
    return filters(V, bias, np.zeros((len(chain.decays), *V.shape[1:]), V.dtype), chain)


@loops
def filters_adjoint(dI, chain):
    """(dV (m - delay, H, W, C_out), dstart (F, H, W, C_out)) from dI (m, H, W, C_out)."""
    dV = np.empty_like(dI)
    dstates = np.zeros((len(chain.decays), *dI.shape[1:]), dI.dtype)
    for t in range(len(dI) - 1, -1, -1):
        for i in np.ndindex(dI.shape[1:]):
            dpassed = dI[t][i]
            for f in range(len(chain.decays) - 1, -1, -1):
                a, rest = chain.decays[f]
                dstate = dstates[f][i] if chain.delay else dstates[f][i] + dpassed
                dstates[f][i] = a * dstate + dpassed if chain.delay else a * dstate  # of before
                dpassed = rest * dstate  # states = a * before + rest * passed
            dV[t][i] = dpassed
    return dV[: max(len(dI) - chain.delay, 0)], dstates  # what comes last reaches no I


@loops_of_neuron
def membrane_forward(I, neuron):
    """The steps that I (T, H, W, C_out) makes, from states of zero."""
    u = np.empty_like(I)
    z = np.zeros((len(I) + 1, neuron.states, *I.shape[1:]), I.dtype)
    for t in range(len(I)):
        for i in np.ndindex(I.shape[1:]):
            u[t][i], after = neuron.forward(neuron.k, I[t][i], neuron.take(z[t], i))
            neuron.put(z[t + 1], i, after)
    return Steps(I, z, u)


@loops_of_neuron
def at_step(steps, t, i, neuron):
    """A step at a site as a neuron's derivatives are given it."""
    u = steps.u[t][i]
    a = u - neuron.k[THRESHOLD]
    slope = neuron.k[ZERO] if neuron.detached else neuron.prime(neuron.k, a)
    curvature = neuron.k[ZERO] if neuron.detached else neuron.second(neuron.k, a)
    z = neuron.take(steps.z[t], i)
    return SiteAt(steps.I[t][i], z, u, (), spike(neuron.k, u), slope, curvature)


@loops_of_neuron
def membrane_backward(steps, du, neuron):
    """The steps' adjoints from du (m, H, W, C_out), which comes from above."""
    dI = np.empty_like(du)
    dz = np.zeros((len(du) + 1, neuron.states, *du.shape[1:]), du.dtype)
    for t in range(len(du) - 1, -1, -1):
        for i in np.ndindex(du.shape[1:]):
            at = at_step(steps, t, i, neuron)
            dI[t][i], before = neuron.backward(neuron.k, at, du[t][i], neuron.take(dz[t + 1], i))
            neuron.put(dz[t], i, before)
    return Steps(dI, dz, du)


@loops_of_neuron
def membrane_forward_tangent(steps, I_dot, neuron):
    """The steps' tangents along I_dot (m, H, W, C_out); z at the window's start is a constant."""
    u_dot = np.empty_like(I_dot)
    z_dot = np.zeros((len(I_dot) + 1, neuron.states, *I_dot.shape[1:]), I_dot.dtype)
    for t in range(len(I_dot)):
        for i in np.ndindex(I_dot.shape[1:]):
            at = at_step(steps, t, i, neuron)
            before = neuron.take(z_dot[t], i)
            u_dot[t][i], after = neuron.forward_tangent(neuron.k, at, I_dot[t][i], before)
            neuron.put(z_dot[t + 1], i, after)
    return Steps(I_dot, z_dot, u_dot)


@loops_of_neuron
def membrane_backward_tangent(steps, steps_dot, dsteps, du_dot, neuron):
    """dI_dot (m, H, W, C_out): `membrane_backward` differentiated along steps_dot and du_dot."""
    dI_dot = np.empty_like(du_dot)
    dz_dot = np.zeros_like(dsteps.z)
    for t in range(len(du_dot) - 1, -1, -1):
        for i in np.ndindex(du_dot.shape[1:]):
            at = at_step(steps, t, i, neuron)
            dot = SiteDot(steps_dot.I[t][i], neuron.take(steps_dot.z[t], i), steps_dot.u[t][i], ())
            back = dsteps.u[t][i], neuron.take(dsteps.z[t + 1], i)
            back_dot = du_dot[t][i], neuron.take(dz_dot[t + 1], i)
            dI_dot[t][i], before = neuron.backward_tangent(neuron.k, at, dot, *back, *back_dot)
            neuron.put(dz_dot[t], i, before)
    return dI_dot


def shares(u, pool):
    """The share of each site of u (n, H, W, C) in what is pooled of 2 x 2 membranes, and of 2 x 2
    spikes; None where nothing is. Of an odd row or column left over nobody asks."""
    if pool == "max":
        return largest(u), None
    quarter = np.full_like(u, 0.25)
    return {"mean": (quarter, None), "spikes": (None, quarter), "none": (None, None)}[pool]


@loops
def largest(u):
    """1 at the largest of 2 x 2 sites, the first among equals in row-major order, 0 elsewhere."""
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


@loops
def gather(a, share):
    """Each 2 x 2 sites of a (m, H, W, C) summed by their shares, (m, H // 2, W // 2, C)."""
    if share is None:
        return a
    m, H, W, C = a.shape
    pooled = np.zeros((m, H // 2, W // 2, C), a.dtype)
    for t, h, w, c in np.ndindex(pooled.shape):
        for i in range(2 * h, 2 * h + 2):
            for j in range(2 * w, 2 * w + 2):
                pooled[t, h, w, c] += share[t, i, j, c] * a[t, i, j, c]
    return pooled


@loops
def scatter(dpooled, share):
    """The adjoint of `gather`: da (m, H, W, C)."""
    if share is None:
        return dpooled
    da = np.zeros((len(dpooled), *share.shape[1:]), dpooled.dtype)
    for t, h, w, c in np.ndindex(dpooled.shape):
        for i in range(2 * h, 2 * h + 2):
            for j in range(2 * w, 2 * w + 2):
                da[t, i, j, c] = share[t, i, j, c] * dpooled[t, h, w, c]
    return da


@loops_of_neuron
def jet(v, neuron):
    """(slope, curvature) of the spike at each v."""
    slope = np.empty_like(v)
    curvature = np.empty_like(v)
    for i in np.ndindex(v.shape):
        slope[i] = neuron.prime(neuron.k, v[i] - neuron.k[THRESHOLD])
        curvature[i] = neuron.second(neuron.k, v[i] - neuron.k[THRESHOLD])
    return slope, curvature


def forward(block, neuron, weight, bias, x):
    """(y (T, H', W', C_out), of a readout u; the tape) from x (T, H, W, C_in)."""
    V = correlate(x, weight)  # (T, H, W, C_out)
    I, _ = filters_from_zero(V, bias, neuron.chain)  # (T, H, W, C_out)
    steps = membrane_forward(I, neuron)
    of_membranes, of_spikes = shares(steps.u, block.pool)
    v = gather(steps.u, of_membranes)  # (T, H', W', C_out)
    y = gather((v >= neuron.k[THRESHOLD]).astype(x.dtype), of_spikes)  # (T, H', W', C_out)
    K = max(len(x) - block.window, 0)  # where filters stand at W p + bias c, of constants p and c
    _, p = filters_from_zero(x[:K], np.zeros_like(x[0, 0, 0]), neuron.chain)  # (F, H, W, C_in)
    _, c = filters_from_zero(np.zeros_like(V[:K, :1, :1]), np.ones_like(bias), neuron.chain)
    tape = SimpleNamespace(x=x[K:], p=p, c=c, steps=Steps(*(a[K:] for a in steps)))
    tape.of_membranes, tape.of_spikes = shares(tape.steps.u, block.pool)
    tape.slope, tape.curvature = jet(v[K:], neuron)  # (n, H', W', C_out)
    if block.readout:
        y, tape.slope, tape.curvature = steps.u, np.ones_like(v[K:]), np.zeros_like(v[K:])
    return y, tape


def backward(neuron, weight, tape, dy, need_dx):
    """(dx (m - delay, H, W, C_in), dweight, dbias) from dy (m, H', W', C_out)."""
    tape.ds = scatter(dy, tape.of_spikes)  # y = gather(s, of_spikes)
    dv = tape.slope[: len(dy)] * tape.ds  # s = spike(v)
    du = scatter(dv, tape.of_membranes)  # v = gather(u, of_membranes)
    tape.dsteps = membrane_backward(tape.steps, du, neuron)  # u, z = the neuron's step
    tape.dV, dstart = filters_adjoint(tape.dsteps.I, neuron.chain)  # I = filters(V, bias, start)
    dx = correlate_input(tape.dV, weight) if need_dx else None  # V = W x
    return dx, *gradients(tape, tape.dsteps.I, tape.dV, dstart, neuron, len(weight))


def gradients(tape, dI, dV, dstart, neuron, k):
    """(dweight, dbias): V = W x and start = W p + bias c, and the bias is in I or in V."""
    dweight = correlate_weight(tape.x[: len(dV)], dV, k) + correlate_weight(tape.p, dstart, k)
    dbias = (dI if neuron.chain.delay else dV).sum((0, 1, 2))
    return dweight, dbias + (tape.c * dstart).sum((0, 1, 2))


def forward_tangent(neuron, weight, weight_dot, bias_dot, tape, x_dot, m):
    """(y_dot (m, H', W', C_out), its tape) along x_dot (m - delay, H, W, C_in), or no steps."""
    V_dot = correlate(tape.x[:m], weight_dot)  # (m, H, W, C_out)
    V_dot[: len(x_dot)] += correlate(x_dot, weight)
    start_dot = correlate(tape.p, weight_dot) + bias_dot * tape.c  # (F, H, W, C_out)
    I_dot, _ = filters(V_dot, bias_dot, start_dot, neuron.chain)  # (m, H, W, C_out)
    steps = membrane_forward_tangent(tape.steps, I_dot, neuron)
    v_dot = gather(steps.u, tape.of_membranes)  # (m, H', W', C_out)
    y_dot = gather(tape.slope[:m] * v_dot, tape.of_spikes)  # (m, H', W', C_out)
    return y_dot, SimpleNamespace(x_dot=x_dot, steps=steps, v_dot=v_dot)


def backward_tangent(neuron, weight, weight_dot, tape, tape_dot, dy_dot, need_dx):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    m = len(dy_dot)
    ds_dot = scatter(dy_dot, tape.of_spikes)
    dv_dot = tape.slope[:m] * ds_dot + tape.curvature[:m] * tape_dot.v_dot * tape.ds
    du_dot = scatter(dv_dot, tape.of_membranes)
    dI_dot = membrane_backward_tangent(tape.steps, tape_dot.steps, tape.dsteps, du_dot, neuron)
    dV_dot, dstart_dot = filters_adjoint(dI_dot, neuron.chain)
    dx_dot = None
    if need_dx:
        dx_dot = correlate_input(dV_dot, weight) + correlate_input(tape.dV, weight_dot)
    dweight_dot, dbias_dot = gradients(tape, dI_dot, dV_dot, dstart_dot, neuron, len(weight))
    dweight_dot += correlate_weight(tape_dot.x_dot, tape.dV, len(weight))
    return dx_dot, dweight_dot, dbias_dot
