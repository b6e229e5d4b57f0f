"""What the kernels are told: records of numbers and flat arrays, each of them named."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba.core import types
from numba.core.typing.typeof import typeof_impl

NONE, MAX, MEAN, SPIKES = 0, 1, 2, 3
POOL = {"none": NONE, "max": MAX, "mean": MEAN, "spikes": SPIKES}


class Calls(NamedTuple):
    """Addresses of the loops that are compiled for a neuron, see `neuron`."""

    forward: Any
    forward_tangent: Any
    backward: Any
    backward_tangent: Any
    slope: Any
    slope_tangent: Any


class Constants(NamedTuple):
    """Numbers in the network's dtype, so that no kernel computes in another one."""

    threshold: float
    rest: float  # 1 - the decay of the first filter
    zero: float
    one: float
    quarter: float


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


class CompiledNeuron(NamedTuple):
    """What the kernels know of a neuron: where its loops are, its constants as these take them, and
    how many numbers a site has: filters, states, constants that are learned, and what a tape holds
    of a step next to u. A site's state is what came in, the filters, then the states."""

    calls: Calls
    own: np.ndarray
    filters: int
    states: int
    learned: int
    past: int
    past_dot: int


class Layer(NamedTuple):
    """What is the same for every pass of a block, and the step at which the gradient window
    starts. `start` is what the filters hold of a filtered bias there."""

    g: Geometry
    c: Constants
    neuron: CompiledNeuron
    start: np.ndarray
    pool: int
    readout: bool
    first: int
    lag: int  # steps by which events enter the filters late
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
    n, past H W n_out), band by band; or the tangents of all that. Without samples where a band is
    computed again."""

    u: np.ndarray
    past: np.ndarray


class Before(NamedTuple):
    """What the membrane of a window comes from: weights, and the `state` at its start (B, rows H W
    n_out), with the events of its first step."""

    weights: Weights
    state: np.ndarray


class Direction(NamedTuple):
    """What the tangent of a membrane comes from: weights_dot, which samples are `dense`, the
    tangents of the filters at the window's start F (B, filters, H W n_out), and V (B, m - delay, H W
    n_out), which holds W x_dot, and of dense samples W_dot x."""

    weights: Weights
    dense: np.ndarray
    F: np.ndarray
    V: np.ndarray


class FromAbove(NamedTuple):
    """dy (B, steps, H' W' n_out), or dlogits (B, n_out) of the readout's last step."""

    dy: np.ndarray
    dlogits: np.ndarray
    steps: int


class Sums(NamedTuple):
    """What a membrane kernel fills on the way back: dV (B, m - delay, halo image), the adjoints of
    the filters at the window's start dF (B, filters, H W n_out), db (B, bands, n_out), dW (B bands,
    weights) in rows layout where dV need not be kept, else empty, and dk (B, bands, learned)."""

    dV: np.ndarray
    dF: np.ndarray
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
