"""The four passes of a block on the event-driven kernels: the values of `minisnn.core.layer`.

Input and output spikes are `Events`; adjoints and tangents are dense arrays. The hard form only.
"""

import math

import numpy as np

from ..parallel.arrays import aligned_empty, aligned_zeros
from ..parallel.threads import parallel
from ..vectors.choice import TOGETHER
from . import forward as ahead
from . import gradient, window
from .dense import fits, through
from .events import Events, collect
from .linear import (
    DENSE_ABOVE,
    DENSE_ABOVE_VALUED,
    POINTS_ABOVE,
)
from .layer import EVERY_STEP, Block
from .neuron import layer as layer_of
from .records import Before, Direction, FromAbove, Membrane, Sums, geometry

AT_ONCE = 20  # steps whose dense images go through the weights together
# multiply-adds of its input that a membrane's step may cost if it is computed anew rather than kept
CHEAP = 8
# bytes of a weight at the points that stay from part to part of a gradient; where tangents are, at
# the peak of memory, none do
KEPT = 2 << 20


def nothing(dtype, *shape):
    return np.empty(shape or (0,), dtype)


def enter(x: np.ndarray, gain: float, dtype) -> Events:
    """The event counts (B, T, H, W, C) as the first block's input: times gain."""
    return collect(x, dtype.type(gain))


def _flat(sequence):
    """(B, m, ...) -> (B, m, sites); m may be zero."""
    return np.ascontiguousarray(
        sequence.reshape(*sequence.shape[:2], math.prod(sequence.shape[2:]))
    )


def _through(block, y, x, weight, x2=None, weight2=None, adjoint=False, least=3):
    """y (B, steps, sites) = W x + W2 x2, or with the transposed weights."""
    shape = (
        (*block.input_shape[:2], block.channels, block.input_shape[2])
        if adjoint
        else (*block.input_shape, block.channels)
    )
    return through(y, x, weight, x2, weight2, geometry(*shape, block.kernel), adjoint, least)


def _potential(block, steps, x, *arguments, **how):
    """W x for so many steps, (B, steps, H W C_out)."""
    sites = math.prod(block.input_shape[:2]) * block.channels
    return _through(block, aligned_empty((len(x), steps, sites), x.dtype), x, *arguments, **how)


def forward(block: Block, weight, bias, x: Events, keep: int = EVERY_STEP):
    """(y, tape); y are Events, or logits (B, C_out) for the readout."""
    dtype = weight.dtype
    x = x.flat() if block.input_shape[:2] == (1, 1) else x
    B = len(x.offset)
    T = x.steps
    first = max(T - block.window, 0)
    layer = layer_of(block, first)
    g = layer.g
    kept = min(T - layer.first, keep)
    (rows_out, *sites_out) = block.output_shape
    dense = x.above(
        DENSE_ABOVE_VALUED if x.value.shape[2] else POINTS_ABOVE if fits(g) else DENSE_ABOVE
    )
    # of EVERY_STEP a layer keeps a few less than the next
    anew = 0 < kept and keep < EVERY_STEP // 2 and not block.readout and not block.recurrent
    some = bool(dense.any())
    anew = (
        anew
        and not some
        and _events(x, layer.first) * block.kernel**2 <= CHEAP * B * kept * g.H * g.W
    )
    neuron = layer.neuron
    sites = g.H * g.row
    room = (B if kept and not anew else 0, kept)
    u = aligned_empty((*room, sites), dtype)
    past = aligned_empty((*room, sites * neuron.past), dtype)
    all_states = sites * (1 + neuron.filters + neuron.states)
    state = nothing(dtype, B if anew else 0, all_states)
    row_out = 0 if block.readout else math.prod(sites_out)
    valued = block.pool == "spikes"
    index = np.empty((B, rows_out, T * row_out + TOGETHER), np.int32)
    value = nothing(dtype, *index.shape[:2], index.shape[2] * valued)
    column = sites_out[0] + 1 if not valued else 0
    offset = np.zeros((B, rows_out, T + 1), np.int32)
    column = np.empty((B, rows_out, T, column), np.int32)
    y = Events(index, value, offset, column, max(row_out, 1), g.n_out)
    out = ahead.Spikes(
        index, value, offset, column, np.empty((B if block.readout else 0, g.n_out), dtype)
    )
    # with the odd rest that pooling drops
    work = gradient.work_of(block, B)
    bands = -(-g.H // g.height)
    held = gradient.held_of(block, x, layer.first if kept else 0, g)
    spans = _spans(T) if some else [(0, T)]
    between = nothing(dtype, B if len(spans) > 1 else 0, all_states)
    for begin, end in spans:
        V = nothing(dtype, 0, 0, 0)
        if some:
            V = _of_images(block, x, dense, end - begin, weight, max(begin - layer.lag, 0))
        rest = ((begin, end), between, layer, Membrane(u, past), state, out)
        parallel(
            ahead.forward, B * bands, x.lists, weight.record(x, bias), dense, V, *rest, work=work
        )
        del V  # before the next is made
    tape = {
        "x": x,
        "layer": layer,
        "u": u,
        "past": past,
        "before": held if layer.first else held[:, :0],  # which is zero where nothing was before
        "dense": dense,
        "some": some,
        "state": state,
        "bias": bias,
        "anew": anew,
    }
    y = out.logits if block.readout else y.tight()
    if block.recurrent and kept:
        tape["heard"] = gradient.heard_of(block, y, layer)
    return y, tape


def _spans(steps: int) -> list[tuple[int, int]]:
    """(begin, end) of nearly as many steps each, AT_ONCE at most: images and what the weights make
    of them are large."""
    edges = np.linspace(0, steps, -(-steps // AT_ONCE) + 1).astype(int).tolist()
    return list(zip(edges, edges[1:]))


def _events(x: Events, first: int) -> int:
    """How many there are from a step on."""
    return int((x.offset[:, :, -1] - x.offset[:, :, first]).sum())


def _of_images(block, x: Events, dense, steps: int, weight, first: int = 0):
    """W x of samples that are dense, one at least, from a step on, zeros for the others. At
    the points however few the images are: their number depends on the batch, and bits must not."""
    images = x.images(dense, weight.dtype, first, steps)
    if dense.all():
        return _potential(block, steps, images, weight, least=1)
    V = aligned_zeros(
        (len(dense), steps, math.prod(block.input_shape[:2]) * block.channels), weight.dtype
    )
    V[dense] = _potential(block, steps, images[dense], weight, least=1)
    return V


def _membrane(tape) -> Membrane:
    return Membrane(tape["u"], tape["past"])


def _before(weight, tape) -> Before:
    return Before(weight.record(tape["x"], tape["bias"]), tape["state"])


def _adjoint(block, tape, dy) -> FromAbove:
    """The readout's adjoint belongs to the last step only."""
    if block.readout:
        return FromAbove(nothing(dy.dtype, 0, 0, 0), np.ascontiguousarray(dy), tape["u"].shape[1])
    dy = _flat(dy.copy() if block.recurrent else dy)  # which gains what the layer hears of itself
    return FromAbove(dy, nothing(dy.dtype, 0, 0), dy.shape[1])


def _empty_sums(block, tape, steps, need_dx) -> Sums:
    """For a membrane kernel to fill; what pooling drops is zero in them.

    dV need not be kept where no layer below asks for it and the input goes by events that are too
    few to be sorted.
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


def _results(block, B: int, steps: int, need_dx: bool, dtype):
    """dx (B, m - delay, sites) of the layer below, no steps of it where it is not needed, and
    dweight in rows layout. Allocated first: they outlive the pass, and what follows them leaves one
    hole that is large enough for the next layer's."""
    dx = aligned_empty(
        (B, max(steps - block.neuron.delay, 0) if need_dx else 0, math.prod(block.input_shape)),
        dtype,
    )
    return dx, aligned_empty((math.prod(block.weight_shape),), dtype)


def _dx(block, dx, *arguments):
    """dx (B, m - delay, H, W, C_in) = W^T dV, and + W2^T dV2 where these are given."""
    found = _through(block, dx, *arguments, adjoint=True) if dx.shape[1] else dx
    return found.reshape(*dx.shape[:2], *block.input_shape)


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias); dx (B, m - delay, H, W, C_in). The tape gains dy for the tangent."""
    d = _adjoint(block, tape, dy)
    B = len(tape["dense"])
    steps = d.steps
    layer = tape["layer"]
    work = gradient.work_of(block, B)
    weight.release_points(False, KEPT)
    dx, total = _results(block, B, steps, need_dx, weight.dtype)
    sums = _empty_sums(block, tape, steps, need_dx)
    u = _membrane(tape)
    given = tape["x"].lists, _before(weight, tape), None, layer, u, u
    rest = d, d, sums, nothing(weight.dtype, 0, 0, 0)
    parallel(window.backward, B * layer.g.bands, *given, *rest, work=work)
    del given, u  # the gradients below need the memory
    if not second:
        for name in ("u", "past"):
            tape[name] = tape[name][:0].copy()
    dweight = gradient.whole_weight_gradient(block, tape, steps, total, sums)
    dx = _dx(block, dx, sums.dV, weight)
    if tape["some"]:  # the next part needs the memory for its images
        weight.release_points(True, KEPT)
    dweight = gradient.joined(block, tape, dweight, sums, steps)
    if second:
        tape["d"] = d
        if layer.first and not block.readout:
            tape["x"] = tape["x"].since(layer.first)
            tape["layer"] = layer._replace(first=0)
    return dx, dweight, sums.db.sum((0, 1))


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """(y_dot, tape_dot) at the window's first `steps` steps; x_dot has `delay` fewer or is None."""
    x, u, layer = tape["x"], tape["u"], tape["layer"]
    B = len(tape["dense"])
    dtype = u.dtype
    before = _before(weight, tape)
    work = gradient.work_of(block, B)
    V_dot = nothing(dtype, 0, 0, 0)
    dense = tape["dense"]
    inner = max(steps - layer.delay, 0)
    x_dot = None if x_dot is None else _flat(x_dot)
    if x_dot is not None:
        V_dot = _potential(block, inner, x_dot, weight)
    weight.release_points(False)  # large, and next is the way back
    if tape["some"]:
        of_weights = _of_images(block, x, dense, inner, weight_dot, layer.first)
        V_dot = np.add(V_dot, of_weights, out=V_dot) if len(V_dot) else of_weights
    held = tape["before"]
    F_dot = _potential(block, held.shape[1], held, weight_dot)
    weight_dot.release_points(False)
    f = x
    if block.recurrent:
        f = tape["heard"]["x"]
        own = tape["heard"]["before"]
        of_own = gradient.heard_block(block)
        F_dot += _potential(of_own, own.shape[1], own, weight_dot.recurrent)
    sites = layer.g.H * layer.g.row
    if not held.shape[1]:
        F_dot = aligned_zeros((B, layer.neuron.filters, sites), dtype)
    layer = gradient.moving(layer, weight_dot.constants)
    direction = Direction(weight_dot.record(x, bias_dot), dense, F_dot, V_dot)
    u_dot = aligned_empty((len(u), steps, sites), dtype)
    past_dot = aligned_empty((len(u), steps, sites * layer.neuron.past_dot), dtype)
    y_dot = aligned_empty((0 if block.readout else B, steps, math.prod(block.output_shape)), dtype)
    logits_dot = np.empty((B if block.readout else 0, layer.g.n_out), dtype)
    membranes = _membrane(tape), Membrane(u_dot, past_dot)
    arguments = before, direction, layer, *membranes, y_dot, logits_dot, f.lists
    parallel(window.forward_tangent, B * layer.g.bands, x.lists, *arguments, work=work)
    s_dot = y_dot if block.recurrent else None
    y_dot = logits_dot if block.readout else y_dot.reshape(B, steps, *block.output_shape)
    if not tape["anew"]:
        direction = direction._replace(F=F_dot[:0], V=V_dot[:0])  # u_dot is there
    return y_dot, {"x_dot": x_dot, "u_dot": membranes[1], "direction": direction, "s_dot": s_dot}


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    d = tape["d"]
    d_dot = _adjoint(block, tape, dy_dot)
    layer = tape["layer"]
    x_dot = tape_dot["x_dot"]
    B = len(tape["dense"])
    steps = d.steps
    dx_dot, total = _results(block, B, steps, need_dx, weight.dtype)
    sums = _empty_sums(block, tape, steps, need_dx)
    dV = nothing(tape["u"].dtype, 0, 0, 0)
    if need_dx or block.recurrent:
        dV = _empty_sums(block, tape, steps, True).dV
    s_dot = tape_dot["s_dot"]
    given = [_before(weight, tape), tape_dot["direction"]]
    given += gradient.moving(layer, weight_dot.constants), _membrane(tape), tape_dot["u_dot"]
    work = gradient.work_of(block, B)
    rest = d, d_dot, sums, dV
    parallel(window.backward, B * layer.g.bands, tape["x"].lists, *given, *rest, work=work)
    del given, tape_dot  # which may be all that holds u_dot: the gradients below need the memory
    dweight_dot = gradient.whole_weight_gradient(block, tape, steps, total, sums, x_dot, dV)
    if s_dot is not None:
        s_dot = gradient.heard_along(s_dot, max(steps - layer.delay, 0), layer.delay)
    dweight_dot = gradient.joined(block, tape, dweight_dot, sums, steps, s_dot, dV)
    dx_dot = _dx(block, dx_dot, sums.dV, weight, dV, weight_dot)
    for one in (weight, weight_dot):
        one.release_points(True)  # large, and the layer below holds most
    return dx_dot, dweight_dot, sums.db.sum((0, 1))


def features(block: Block, x: Events, ends):
    """What the readout weighs: its presynaptic trace after the first n steps, for each n of `ends`,
    (B, len(ends) F)."""
    x = x.flat()
    found = []
    for n in ends:
        steps = n - 1 if block.neuron.delay else n
        found.append(gradient.held_of(block, x, steps, layer_of(block, 0).g)[:, -1])
    return np.concatenate(found, 1)
