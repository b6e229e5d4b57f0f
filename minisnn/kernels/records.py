"""What the kernels are told: records of numbers and flat arrays, each of them named."""

from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import typeof
from numba.core import types
from numba.core.typing.typeof import typeof_impl

from ..core.linear import traces

NONE, MAX, MEAN, SPIKES = 0, 1, 2, 3
POOL = {"none": NONE, "max": MAX, "mean": MEAN, "spikes": SPIKES}


class Calls(NamedTuple):
    """Addresses of the loops that are compiled for a neuron, see `neuron`."""

    forward: Any
    backward: Any
    forward_tangent: Any
    backward_tangent: Any
    slope: Any
    curvature: Any


class FilterConstants(NamedTuple):
    """FilterConstants of the synapse's filters and of every spike in the network's dtype, so that no
    kernel computes in another one; numbers as np.float32 or 64."""

    alpha: float  # decay of P, the second filter
    beta: float  # of Q, the first one
    rest_alpha: float  # 1 - alpha, and so on
    rest_beta: float
    rest: float  # (1 - alpha) (1 - beta)
    threshold: float
    zero: float
    one: float
    quarter: float
    bias_Q: (
        float  # of a neuron whose bias is filtered: what Q and P hold of it at the window's start
    )
    bias_P: float
    lead: float  # beta where Q decays before the first step's events come, else 1


class Geometry(NamedTuple):
    """Sizes of a block. A *band* is what one row of pooled sites needs: two rows, or one where
    nothing is pooled; a *halo* image has k // 2 zero columns at both sides."""

    H: int
    W: int
    n_in: int
    n_out: int
    k: int
    height: int  # rows of a band
    bands: int  # whole ones
    row: int  # numbers in a row of u, in one of pooled sites, in one of a halo image
    sites: int
    pitch: int
    pad: int  # where the columns of a halo row begin


class BandState(NamedTuple):
    """States z (states, N) and filters P, Q of a band, or their adjoints or tangents; P has no size
    where there is one filter. `total` sums what the bias gets. Q is kept in units of 1 - beta where
    events are added to it, so that they bring the weights as they are; `before` is that of the step
    before, or as it was without the step's input, where decays are learned."""

    z: np.ndarray
    P: np.ndarray
    Q: np.ndarray
    total: np.ndarray
    before: np.ndarray


class CompiledNeuron(NamedTuple):
    """What the kernels know of a neuron: where its loops are, its constants as these take them, and
    how many numbers a site has: states, filters, and what a tape holds of a step beside u.
    `learnable` constants have adjoints behind those of the states. `apart` is 1 where decays of the
    filters are learned, and `before` 1 where Q of the step before is then needed; else 0."""

    calls: Calls
    own: np.ndarray
    states: int
    learnable: int
    filters: int
    apart: int
    before: int
    past: int
    past_dot: int


class Layer(NamedTuple):
    """What is the same for every pass of a block, and the step at which the gradient window
    starts."""

    g: Geometry
    c: FilterConstants
    neuron: CompiledNeuron
    pool: int
    readout: bool
    first: int
    lag: int  # steps by which events enter Q late
    delay: int  # steps by which the synapse delays


class Lists(NamedTuple):
    """`Events` as the kernels take them; valued: events have values, known: it is known where
    columns begin."""

    index: np.ndarray
    value: np.ndarray
    offset: np.ndarray
    column: np.ndarray
    capacity: int
    T: int
    valued: bool
    known: bool


class Weights(NamedTuple):
    """A weight in rows and in dense layout, the bias, and what weighs a layer's own spikes, (K, K)
    or nothing, as it is and transposed."""

    rows: np.ndarray
    dense: np.ndarray
    bias: np.ndarray
    heard: np.ndarray
    heard_back: np.ndarray


class Membrane(NamedTuple):
    """The membrane of a window's steps, (B, n, H W n_out), and what else a tape holds of them, (B,
    n, past H W n_out): of every band its I, then its states; or the tangents of all that. Without
    samples where a band is computed again. `apart` (B, n, H W n_out) is that of `joint`
    where a layer learns its decays."""

    u: np.ndarray
    past: np.ndarray
    apart: np.ndarray


class Before(NamedTuple):
    """What the membrane of a window comes from: weights, and the states, P and Q as `state` (B, H W n_out (states + filters))
    at its start, with the events of its first step."""

    weights: Weights
    state: np.ndarray


class Direction(NamedTuple):
    """What the tangent of a membrane comes from: weights_dot, which samples are `dense`, the
    tangents of P_K and Q_K as PQ (B, 2, H W n_out), and V (B, m - delay, H W n_out), which holds W
    x_dot, and of dense samples W_dot x; of learned constants those of alpha and beta as `decays`, and
    those of the neuron's step as `constants`."""

    weights: Weights
    dense: np.ndarray
    PQ: np.ndarray
    V: np.ndarray
    constants: np.ndarray
    decays: np.ndarray


class FromAbove(NamedTuple):
    """dy (B, steps, H' W' n_out), or dlogits (B, n_out) of the readout's last step."""

    dy: np.ndarray
    dlogits: np.ndarray
    steps: int


class Sums(NamedTuple):
    """What a membrane kernel fills on the way back: dV (B, m - 2, halo image), dP_K and dQ_K as dPQ
    (B, 2, H W n_out), db (B, bands, n_out), and dW (B bands, weights) in rows layout where dV need
    not be kept, else empty; of a layer that learns constants dk (B, bands, 2 + learnable): of alpha,
    beta and those of the neuron's step."""

    dV: np.ndarray
    dPQ: np.ndarray
    db: np.ndarray
    dW: np.ndarray
    dk: np.ndarray


class Sorted(NamedTuple):
    """The events of `steps` steps from `first` on by channel, see `linear.sort_by_channel`; those
    of `span` steps are a list, and a row has `room` for all of its own."""

    places: np.ndarray
    starts: np.ndarray
    room: int
    first: int
    steps: int
    span: int


@lru_cache(1024)
def constants(neuron: Any, dtype: np.dtype, first: int = 0) -> FilterConstants:
    """Of a neuron's filters and threshold; `first` is where the window starts."""
    decays = [getattr(neuron, name) for name in neuron.filtering]
    b, a = (*decays, 0.0)[:2]
    ones = np.ones((0 if neuron.delay else first, 1))  # the bias goes past filters that delay
    held = traces(ones, np.zeros((len(decays), 1)), decays, 0, len(ones))[1]
    bias_Q, bias_P = (*(float(y[0]) for y in held), 0.0)[:2]
    numbers = (
        *(a, b, 1 - a, 1 - b, (1 - a) * (1 - b)),
        neuron.threshold,
        *(0, 1, 0.25),
        *(bias_Q, bias_P),
        1 if neuron.delay else b,
    )
    return FilterConstants(*map(dtype.type, numbers))


@lru_cache(1024)
def geometry(H: int, W: int, n_in: int, n_out: int, k: int, pool: int = NONE) -> Geometry:
    height, columns = (1, W) if pool == NONE else (2, W // 2)
    pad = k // 2 * n_out
    return Geometry(
        H,
        W,
        n_in,
        n_out,
        k,
        height,
        H // height,
        W * n_out,
        columns * n_out,
        W * n_out + 2 * pad,
        pad,
    )


class Kinds(NamedTuple):
    """Types of what a kernel is given that is called by its address."""

    number: Any
    array: Any
    index: Any  # a flat array of places
    sequence: Any  # three axes
    lists: Any
    weights: Any
    before: Any
    direction: Any
    membrane: Any
    state: Any
    flags: Any


@cache
def kinds(dtype: np.dtype) -> Kinds:
    """In the network's dtype."""
    flat, two, three = (types.Array(typeof(dtype.type(0)), n, "C") for n in (1, 2, 3))
    index, flags = types.Array(types.int32, 1, "C"), types.Array(types.boolean, 1, "C")
    number, flag = types.intp, types.boolean
    weights = types.NamedUniTuple(flat, len(Weights._fields), Weights)
    return Kinds(
        number,
        flat,
        index,
        three,
        types.NamedTuple((index, flat, index, index, number, number, flag, flag), Lists),
        weights,
        types.NamedTuple((weights, two), Before),
        types.NamedTuple((weights, flags, three, three, flat, flat), Direction),
        types.NamedUniTuple(three, len(Membrane._fields), Membrane),
        types.NamedUniTuple(flat, len(BandState._fields), BandState),
        flags,
    )


_TYPES: dict = {}


@typeof_impl.register(Geometry)
@typeof_impl.register(Layer)
def _type_of(record, context):
    """The type of a record of numbers: numba would look at each of them at every call, though there
    is one type a dtype."""
    kind = type(record), type(record[1].zero if isinstance(record, Layer) else record[1])
    if kind not in _TYPES:
        _TYPES[kind] = types.NamedTuple(
            [typeof_impl(field, context) for field in record], type(record)
        )
    return _TYPES[kind]
