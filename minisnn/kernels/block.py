"""The four passes of a block on the event-driven kernels, which compute the same as `core.layer`.

Input and output spikes are `Events`; adjoints and tangents are dense arrays. Only the hard form
exists here.
"""

import math
from dataclasses import replace

import numpy as np

from ..core.linear import traces
from ..parallel.arrays import aligned_empty, aligned_zeros
from ..parallel.shares import parallel
from ..vectors.choice import TOGETHER
from . import forward as ahead
from . import gradient, window
from .dense import fits, through
from .events import Events
from .linear import (
    DENSE_ABOVE,
    DENSE_ABOVE_VALUED,
    POINTS_ABOVE,
)
from .layer import EVERY_STEP, Block
from .neuron import layer as layer_of
from .records import Before, Direction, Layer, Membrane, Spikes, Sums, geometry

AT_ONCE = 20  # most steps whose dense images are multiplied together
# most multiply-adds for a membrane's input per step; above this the membrane is stored, not
# recomputed
CHEAP = 8
# bytes of weights at Winograd's points that stay in memory between parts of a gradient; none do for
# tangents, at the peak of memory
KEPT = 2 << 20


# number of readings above which features are computed at every step
MANY = 8


def nothing(dtype, *shape):
    return np.empty(shape or (0,), dtype)


def _flat(sequence):
    """Reshape (B, m, ...) to (B, m, sites); m may be zero."""
    return np.ascontiguousarray(
        sequence.reshape(*sequence.shape[:2], math.prod(sequence.shape[2:]))
    )


def _through(block, y, x, weight, x2=None, weight2=None, adjoint=False, least=3):
    """Compute y (B, steps, sites) = W x + W2 x2, or with the transposed weights."""
    shape = (
        (*block.input_shape[:2], block.channels, block.input_shape[2])
        if adjoint
        else (*block.input_shape, block.channels)
    )
    return through(y, x, weight, x2, weight2, geometry(*shape, block.kernel), adjoint, least)


def _potential(block, steps, x, *arguments, **how):
    """Compute W x for some steps, (B, steps, H W C_out)."""
    sites = math.prod(block.input_shape[:2]) * block.channels
    return _through(block, aligned_empty((len(x), steps, sites), x.dtype), x, *arguments, **how)


def forward(block: Block, weight, bias, x: Events, keep: int = EVERY_STEP):
    """Return (y, tape): y are Events, or the readout's membranes in the window (B, n, C_out). The
    tape covers the last steps of the window."""
    dtype = weight.dtype
    x = x.flat() if block.input_shape[:2] == (1, 1) else x
    B = len(x.offset)
    T = x.steps
    first = max(T - block.window, 0)
    layer = layer_of(block, first)
    g = layer.g
    kept = min(T - first, keep)
    valued = x.value.shape[2] > 0
    dense = x.above(DENSE_ABOVE_VALUED if valued else POINTS_ABOVE if fits(g) else DENSE_ABOVE)
    some = bool(dense.any())
    plain = keep < EVERY_STEP and not (block.readout or block.recurrent or some)
    events = (x.offset[:, :, -1] - x.offset[:, :, first]).sum()
    anew = plain and kept > 0 and events * block.kernel**2 <= CHEAP * B * kept * g.H * g.W
    neuron = layer.neuron
    sites = g.H * g.row
    shown = T - first if block.readout else kept
    room = (B if shown and not anew else 0, shown)
    u = aligned_empty((*room, sites), dtype)
    past = aligned_empty((*room, sites * neuron.past), dtype)
    all_states = sites * (1 + neuron.filters + neuron.states)
    state = nothing(dtype, B if anew else 0, all_states)
    y = _room_for_spikes(block, B, T, dtype)
    out = Spikes(y.index, y.value, y.offset, y.column)
    work = gradient.work_of(block, B)
    held = gradient.held_of(block, x, first if kept else 0, g)
    spans = _spans(T) if some else [(0, T)]
    between = nothing(dtype, B if len(spans) > 1 else 0, all_states)
    bands = -(-g.H // g.height)  # including odd rows and columns that pooling drops
    for begin, end in spans:
        V = nothing(dtype, 0, 0, 0)
        if some:
            V = _of_images(block, x, dense, end - begin, weight, max(begin - layer.lag, 0))
        rest = ((begin, end), between, layer, Membrane(u, past), state, out)
        given = x.lists, weight.record(x, bias), dense, V, *rest
        parallel(ahead.forward, B * bands, *given, work=work)
        del V, given  # frees memory for the next layer
    y = u if block.readout else y.since()
    if not kept:
        return y, {"u": u}
    tape = dict(u=u, past=past, dense=dense, some=some, state=state, bias=bias, anew=anew)
    tape["before"] = held if first else held[:, :0]  # zero if nothing came before
    if block.recurrent:
        tape["heard"] = _heard(block, y, layer)
    tape["x"] = x.since(first) if first else x
    tape["layer"] = layer._replace(first=0)
    return y, tape


def _room_for_spikes(block: Block, B: int, T: int, dtype) -> Events:
    """Allocate Events with room for the largest possible output of a block."""
    rows, columns, channels = block.output_shape
    row = 0 if block.readout else columns * channels
    valued = block.pool == "spikes"
    index = np.empty((B, rows, T * row + TOGETHER), np.int32)
    value = nothing(dtype, *index.shape[:2], index.shape[2] * valued)
    offset = np.zeros((B, rows, T + 1), np.int32)
    column = np.empty((B, rows, T, 0 if valued else columns + 1), np.int32)
    return Events(index, value, offset, column, max(row, 1), channels)


def _heard(block: Block, s: Events, layer) -> dict:
    """Return the tape for the gradient of V: the spikes f that enter the filters in the window, and
    the state of the filters at its start."""
    late = not block.neuron.delay  # whether spikes enter the filters one step later
    first = layer.first
    g = geometry(1, 1, block.channels, block.channels, 1)
    held = gradient.held_of(block, s, max(first - late, 0), g)
    f = s.since(first - late) if first or late else s
    dense = f.above(DENSE_ABOVE)
    before = held if first else held[:, :0]
    of_f = layer._replace(g=g, first=0)
    return {"x": f, "layer": of_f, "dense": dense, "some": bool(dense.any()), "before": before}


def _of_itself(block: Block) -> Block:
    """Return the geometry of the recurrent map V, through which a layer receives its own spikes."""
    return replace(block, input_shape=(1, 1, block.channels))


def _spans(steps: int) -> list[tuple[int, int]]:
    """List equal spans (begin, end) of at most AT_ONCE steps, because dense images and their
    products are large."""
    edges = np.linspace(0, steps, -(-steps // AT_ONCE) + 1).astype(int).tolist()
    return list(zip(edges, edges[1:]))


def _of_images(block, x: Events, dense, steps: int, weight, first: int = 0):
    """Compute W x for the `dense` samples (at least one), from a given step on; the result is zero
    for the other samples. It always uses Winograd's points, so that the bits do not depend on the
    number of dense samples in the batch."""
    images = x.images(dense, weight.dtype, first, steps)
    if dense.all():
        return _potential(block, steps, images, weight, least=1)
    V = aligned_zeros(
        (len(dense), steps, math.prod(block.input_shape[:2]) * block.channels), weight.dtype
    )
    V[dense] = _potential(block, steps, images[dense], weight, least=1)
    return V


def _before(weight, tape) -> Before:
    return Before(weight.record(tape["x"], tape["bias"]), tape["state"])


def _empty_sums(block, tape, steps, need_dx) -> Sums:
    """Allocate the output arrays of a membrane kernel; rows that pooling drops are zero.

    dV is not stored if no layer below needs it and the events are too few to be sorted.
    """
    g = tape["layer"].g
    B = len(tape["dense"])
    dtype = tape["u"].dtype
    few = not (tape["x"].known or tape["some"])
    bands = max(g.bands, 1)
    at_once = not need_dx and block.pool != "none" and few
    make = aligned_zeros if block.pool != "none" and (g.H % 2 or g.W % 2) else aligned_empty
    return Sums(
        make((0 if at_once else B, max(steps - tape["layer"].delay, 0), g.H * g.pitch), dtype),
        make((B, tape["layer"].neuron.filters, g.H * g.row), dtype),
        np.zeros((B, bands, g.n_out), dtype),
        aligned_zeros((B * bands if at_once else 0, math.prod(block.weight_shape)), dtype),
        np.zeros((B, bands, tape["layer"].neuron.learned), dtype),
    )


def _moving(layer: Layer, constants: tuple) -> Layer:
    """Return the layer together with the tangents of its learned constants."""
    own = layer.neuron.own.copy()
    own[len(constants) : 2 * len(constants)] = constants
    return layer._replace(neuron=layer.neuron._replace(own=own))


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """Return (y_dot, tape_dot) for the first `steps` steps of the window. x_dot has `delay` fewer
    steps, or is None."""
    x, u, layer, dense = tape["x"], tape["u"], tape["layer"], tape["dense"]
    B = len(dense)
    dtype = u.dtype
    V_dot = nothing(dtype, 0, 0, 0)
    inner = max(steps - layer.delay, 0)
    if x_dot is not None:
        x_dot = _flat(x_dot)
        V_dot = _potential(block, inner, x_dot, weight)
    weight.release("dense")  # large, and not needed in the backward pass
    if tape["some"]:
        of_weights = _of_images(block, x, dense, inner, weight_dot, layer.first)
        V_dot = np.add(V_dot, of_weights, out=V_dot) if len(V_dot) else of_weights
    held = tape["before"]
    F_dot = _potential(block, held.shape[1], held, weight_dot)
    weight_dot.release("dense")
    f = x
    if block.recurrent:
        f = tape["heard"]["x"]
        own = tape["heard"]["before"]
        F_dot += _potential(_of_itself(block), own.shape[1], own, weight_dot.recurrent)
    sites = layer.g.H * layer.g.row
    if not held.shape[1]:
        F_dot = aligned_zeros((B, layer.neuron.filters, sites), dtype)
    layer = _moving(layer, weight_dot.constants)
    direction = Direction(weight_dot.record(x, bias_dot), dense, F_dot, V_dot)
    u_dot = aligned_empty((len(u), steps, sites), dtype)
    past_dot = aligned_empty((len(u), steps, sites * layer.neuron.past_dot), dtype)
    y_dot = aligned_empty((0 if block.readout else B, steps, math.prod(block.output_shape)), dtype)
    membranes = Membrane(u, tape["past"]), Membrane(u_dot, past_dot)
    arguments = _before(weight, tape), direction, layer, *membranes, y_dot, f.lists
    work = gradient.work_of(block, B)
    parallel(window.forward_tangent, B * layer.g.bands, x.lists, *arguments, work=work)
    s_dot = y_dot if block.recurrent else None
    y_dot = u_dot if block.readout else y_dot.reshape(B, steps, *block.output_shape)
    if not tape["anew"]:
        direction = direction._replace(F=F_dot[:0], V=V_dot[:0])  # u_dot is available
    return y_dot, {"x_dot": x_dot, "u_dot": membranes[1], "direction": direction, "s_dot": s_dot}


def backward(block: Block, weight, tape, dy, dweight, need_dx=True, second=True, along=None):
    """Return dx (B, m - delay, H, W, C_in), and a dictionary from names to the adjoints of bias, V
    and the learned constants. The weight's adjoint is added to `dweight`, which is flat. The pass
    also adds dy to the tape for the tangent pass, and drops the tape's membranes if no such pass
    follows. With `along`, which is (weight_dot, tape_dot), all results are tangents."""
    # a copy, to which the adjoint of the layer's own spikes is added
    d = _flat(dy.copy() if block.recurrent else dy)
    dtype, steps, layer = weight.dtype, d.shape[1], tape["layer"]
    B, inner = len(tape["dense"]), max(steps - layer.delay, 0)
    u = u_dot = Membrane(tape["u"], tape["past"])
    dV = nothing(dtype, 0, 0, 0)
    weight_dot = direction = x_dot = s_dot = None
    if along is None:
        tape["d"] = d
        weight.release("dense", KEPT)
    # allocate first what outlives the pass, so that the rest leaves one large free block
    dx = aligned_empty((B, inner if need_dx else 0, math.prod(block.input_shape)), dtype)
    sums = _empty_sums(block, tape, steps, need_dx)
    if along is not None:
        weight_dot, of_tape = along
        direction, u_dot, x_dot, s_dot = (
            of_tape[name] for name in ("direction", "u_dot", "x_dot", "s_dot")
        )
        layer = _moving(layer, weight_dot.constants)
        if need_dx or block.recurrent:
            dV = _empty_sums(block, tape, steps, True).dV
    given = _before(weight, tape), direction, layer, u, u_dot, tape["d"], d, sums, dV
    work = gradient.work_of(block, B)
    items = -(-B // window.TOGETHER) if block.recurrent else B * layer.g.bands
    parallel(window.backward, items, tape["x"].lists, *given, work=work)
    del given, u, u_dot, along  # the gradients below need the memory
    if not second:
        tape.update(u=tape["u"][:0].copy(), past=tape["past"][:0].copy())
    gradient.weight_gradient(block, tape, steps, dweight, sums, x_dot, dV)
    adjoints = {"bias": sums.db.sum((0, 1))}
    if block.recurrent:
        f_dot = None
        if s_dot is not None:
            zero = np.zeros_like(s_dot[:, :1])  # tangent before the first step
            f_dot = s_dot if layer.delay else np.concatenate([zero, s_dot], 1)
            f_dot = np.ascontiguousarray(f_dot[:, :inner])
        adjoints["recurrent"] = aligned_zeros((block.channels**2,), dtype)
        rest = tape["heard"], steps, adjoints["recurrent"], sums, f_dot, dV
        gradient.weight_gradient(_of_itself(block), *rest)
    adjoints |= dict(zip(block.learn, sums.dk.sum((0, 1))))
    if dx.shape[1]:
        more = () if weight_dot is None else (dV, weight_dot)
        dx = _through(block, dx, sums.dV, weight, *more, adjoint=True)
    for one in (weight, weight_dot) if weight_dot else (weight,) if tape["some"] else ():
        # free it: it is large, and the layer below needs most memory
        one.release("back", 0 if weight_dot else KEPT)
    return dx.reshape(*dx.shape[:2], *block.input_shape), adjoints


def features(block: Block, x: Events, ends):
    """Return the readout's presynaptic traces after the first n steps, for each n in `ends`. For
    one sample, those of all ends are concatenated: the shape is (B, len(ends) F)."""
    x = x.flat()
    found = []
    if len(ends) > MANY:  # many readings: compute them one by one, each from the first step
        neuron = block.neuron
        decays = [getattr(neuron, name) for name in neuron.filtering]
        y = x.images(np.ones(len(x.offset), bool), block.compiled.own.dtype)
        y = np.swapaxes(y, 0, 1)
        zero = np.zeros(y.shape[1:], y.dtype)
        p = traces(y, [zero] * len(decays), decays, neuron.delay, max(ends))[0]
        p = np.swapaxes(p[[n - 1 for n in ends]], 0, 1)
        return p.reshape(len(p), -1)
    for n in ends:
        steps = n - 1 if block.neuron.delay else n
        found.append(gradient.held_of(block, x, steps, layer_of(block, 0).g)[:, -1])
    return np.concatenate(found, 1)
