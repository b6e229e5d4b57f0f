"""A block along a direction, in bands as in `forward`: its membrane computed again where a tape does
not hold it, and its tangent.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import typeof, types

from ..parallel.compilation import njit
from ..vectors.llvm import address_of, cached, call_apart, call_at
from ..vectors.products import row_times
from ..vectors.vector import copy
from .forward import (
    add,
    input_of,
    lists_of,
    load,
    membrane_of,
    membrane_step,
    of_band,
    state_of,
    tiled,
)
from .joint import apart_of, begin_along, hear, input_along, note, step_along
from .pooling import Scratch, scratch, tangent
from .records import Layer, kinds


class Calls(NamedTuple):
    """Addresses of `again` and `along`: several kernels call them, and they are large."""

    again: Any
    along: Any


@cached
def _again(dtype: np.dtype, joint: bool | None, layer: Layer) -> Any:
    k = kinds(dtype)
    given = (k.number, k.number, k.lists, k.before, typeof(layer), k.membrane, k.state, k.array)
    return address_of(again, types.none(*given, k.index, typeof(joint)))


@cached
def _along(dtype: np.dtype, joint: bool | None, layer: Layer) -> Any:
    k = kinds(dtype)
    n, x, m = k.number, k.lists, k.membrane
    room = types.NamedUniTuple(k.array, len(Scratch._fields), Scratch)
    given = (n, n, x, k.direction, typeof(layer), m, n, n, m, n, n, k.state, k.array, k.index)
    return address_of(along, types.none(*given, room, k.sequence, x, k.array, typeof(joint)))


def of_again(layer: Layer, dtype: np.dtype, joint: bool | None) -> Any:
    """The address of `again`, which `backward` calls."""
    return _again(dtype, joint, like=(layer,))


def calls(layer: Layer, dtype: np.dtype, joint: bool | None) -> Calls:
    """What `forward_tangent` and `backward_tangent` call."""
    return Calls(of_again(layer, dtype, joint), _along(dtype, joint, like=(layer,)))


@njit(nogil=True, error_model="numpy", inner=True)
def scratch_again(layer, steps, like):
    """What `again` and `along` work in for a band: its membrane and tangent, which they fill,
    states, lists."""
    g = layer.g
    N = g.height * g.row
    u = membrane_of(steps, N, layer.neuron.past, layer.neuron.apart, like)
    u_dot = membrane_of(steps, N, layer.neuron.past_dot, layer.neuron.apart, like)
    return u, u_dot, state_of(N, layer, like), lists_of(g)


@njit(nogil=True, cache=True, error_model="numpy", borrows=True, apart=True)
def again(b, band, x, before, layer, U, s, biases, lists, joint):
    """U = the membrane of a band, from its state at the window's start; `biases` are tiled."""
    g = layer.g
    c = layer.c
    low = band * layer.g.height
    neuron = layer.neuron
    numbers = neuron.states + neuron.filters + neuron.before
    load(before.state, b, band * s.Q.size * numbers, s)
    for t in range(U.u.shape[1]):
        if t > 0:
            input_of(
                x,
                b,
                layer.first + t - layer.lag,
                low,
                low + g.height,
                before.weights,
                s.Q,
                lists,
                g,
                c,
            )
        u_t, more = of_band(U, 0, t, 0, s.Q.size, neuron.past)
        if joint is not None:
            note(s, biases, apart_of(U, 0, t, 0, s.Q.size, neuron.apart), c)
        membrane_step(u_t, more, s, biases, layer)


@njit(nogil=True, cache=True, error_model="numpy", borrows=True, apart=True)
def along(
    b, band, x, d, layer, u, n, at, u_dot, m, to, s, biases, lists, room, y_dot, f, heard, joint
):
    """u_dot[m, :, to:] of a band along `d`, from u[n, :, at:]; and y_dot[b] where that is given;
    `biases` are d's, tiled; f are the layer's own spikes where it hears them through `heard`."""
    g = layer.g
    c = layer.c
    neuron = layer.neuron
    N = s.Q.size
    last = d.PQ.shape[1] - 1
    low = band * g.height
    inner = max(u_dot.u.shape[1] - layer.delay, 0)
    here = band * N
    s.z[:] = 0
    for h in range(0, N, g.row):
        P = s.P[h:][: g.row]
        Q = s.Q[h:][: g.row]
        P_dot = d.PQ[b, 0, here + h :]
        Q_dot = d.PQ[b, last, here + h :]
        for i in range(g.row):
            if last:
                P[i] = P_dot[i] + c.bias_P * biases[i]
            Q[i] = c.lead * ((Q_dot[i] + c.bias_Q * biases[i]) / c.rest_beta)
    for t in range(u_dot.u.shape[1]):
        u_t, past = of_band(u, n, t, at, N, neuron.past)
        v_t, past_dot = of_band(u_dot, m, t, to, N, neuron.past_dot)
        tau = t - layer.lag
        if joint is not None:
            apart = apart_of(u, n, t, at, N, neuron.apart)
            apart_dot = apart_of(u_dot, m, t, to, N, neuron.apart)
            earlier = apart_of(u, n, max(t - 1, 0), at, N, neuron.apart)
            begin_along(s)
        if 0 <= tau < inner:
            if not d.dense[b]:
                input_of(x, b, layer.first + tau, low, low + g.height, d.weights, s.Q, lists, g, c)
            if d.V.size > 0:
                add(d.V[b, tau, here : here + N], s.Q)
            if joint is not None:
                if heard.size > 0:
                    hear(f, b, tau, d.weights.heard, s.Q, N)
                    if t > 0:
                        row_times(y_dot[b, t - 1], heard, s.Q)
        if joint is not None:
            input_along(s, biases, apart, earlier, apart_dot, t == 0, d.decays, c)
        arguments = (u_t, past, v_t, past_dot, s.z, s.P, s.Q, biases, d.constants, c, neuron.own)
        call_at(neuron.calls.forward_tangent, arguments)
        if joint is not None:
            step_along(s, apart, d.decays)
        if y_dot.size > 0:
            tangent(
                u_t,
                v_t,
                room,
                y_dot[b, t, band * g.sites : (band + 1) * g.sites],
                layer,
            )


@njit(nogil=True, cache=True, error_model="numpy")
def forward_tangent(start, stop, x, before, d, layer, u, u_dot, y_dot, logits_dot, f, calls, joint):
    """y_dot, or the readout's logits_dot, along `d`; u_dot is kept where it has room, and where u
    is not given it is computed again."""
    g = layer.g
    steps = max(y_dot.shape[1], u_dot.u.shape[1])
    own, own_dot, s, lists = scratch_again(layer, 0 if u_dot.u.size > 0 else steps, y_dot)
    room = scratch(g, y_dot)
    biases = tiled(before.weights.bias, g.W)
    biases_dot = tiled(d.weights.bias, g.W)
    heard = before.weights.heard
    for item in range(start, stop):
        b, band = divmod(item, g.bands)
        at = band * s.Q.size
        kept = u_dot.u.size > 0
        if kept:
            band_of = (b, band, x, d, layer, u, b, at, u_dot, b, at)
        else:
            given = (b, band, x, before, layer, own, s, biases, lists, joint)
            call_apart(calls.again, again, given)
            band_of = (b, band, x, d, layer, own, 0 * b, 0 * b, own_dot, 0 * b, 0 * b)
        rest = (s, biases_dot, lists, room, y_dot, f, heard, joint)
        call_apart(calls.along, along, band_of + rest)
        if layer.readout:
            copy(u_dot.u[b, steps - 1], logits_dot[b])
