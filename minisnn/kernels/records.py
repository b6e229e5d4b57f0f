"""What the kernels are told: records of numbers and flat arrays, each of them named."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.core.typing.typeof import typeof_impl

from ..layers.block import Block
from ..layers.synapse import bias_traces
from ..layers.lif import LIF

NONE, MAX, MEAN, SPIKES = 0, 1, 2, 3
POOL = {"none": NONE, "max": MAX, "mean": MEAN, "spikes": SPIKES}


class Constants(NamedTuple):
    """The neuron's constants in the network's dtype, so that no kernel computes in another one;
    numbers as np.float32 or 64."""

    alpha: float
    beta: float
    gamma: float
    rest_alpha: float  # 1 - alpha, and so on
    rest_beta: float
    rest_gamma: float
    rest: float  # (1 - alpha) (1 - beta)
    rho: float
    threshold: float
    slope: float
    curve: float  # -2 slope
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


class Layer(NamedTuple):
    """What is the same for every pass of a block, and the step at which the gradient window
    starts."""

    g: Geometry
    c: Constants
    pool: int
    # the membrane is reset to zero when it fires (CubaLIF), else a trace is subtracted (LIF)
    hard: bool
    detach: bool
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
    """A weight in rows and in dense layout, and the bias."""

    rows: np.ndarray
    dense: np.ndarray
    bias: np.ndarray


class Before(NamedTuple):
    """What the membrane of a window comes from: weights, and r, P, Q as `state` (B, 3, H W n_out)
    at its start, with the events of its first step."""

    weights: Weights
    state: np.ndarray


class Direction(NamedTuple):
    """What the tangent of a membrane comes from: weights_dot, which samples are `dense`, the
    tangents of P_K and Q_K as PQ (B, 2, H W n_out), and V (B, m - delay, H W n_out), which holds W
    x_dot, and of dense samples W_dot x."""

    weights: Weights
    dense: np.ndarray
    PQ: np.ndarray
    V: np.ndarray


class Adjoint(NamedTuple):
    """dy (B, steps, H' W' n_out), or dlogits (B, n_out) of the readout's last step."""

    dy: np.ndarray
    dlogits: np.ndarray
    steps: int


class Sums(NamedTuple):
    """What a membrane kernel fills on the way back: dV (B, m - 2, halo image), dP_K and dQ_K as dPQ
    (B, 2, H W n_out), db (B, bands, n_out), and dW (B bands, weights) in rows layout where dV need
    not be kept, else empty."""

    dV: np.ndarray
    dPQ: np.ndarray
    db: np.ndarray
    dW: np.ndarray


class Sorted(NamedTuple):
    """The events of `steps` steps from `first` on by channel, see `linear.sort_by_channel`; those
    of `span` steps are a list, and a row has `room` for all of its own."""

    places: np.ndarray
    starts: np.ndarray
    room: int
    first: int
    steps: int
    span: int


class Left(NamedTuple):
    """Where the factor A[at + r * of_r + m * of_m + k * of_k] of `vector.gemm` lies; numbers only,
    since a record of arrays made again for every product costs more than small products do."""

    at: int
    of_r: int
    of_m: int
    of_k: int


class Right(NamedTuple):
    """Where the factor B[at + r * of_r + k * of_k + n] lies."""

    at: int
    of_r: int
    of_k: int


class Out(NamedTuple):
    """Where the sums C[at + m * of_m + n] lie."""

    at: int
    of_m: int


def constants(neuron, dtype, first: int = 0) -> Constants:
    """LIF, CubaLIF, or its LeakyIntegrator, which never fires; `first` is where the window
    starts."""
    a = neuron.alpha
    b = neuron.beta
    g = getattr(neuron, "gamma", 0.0)
    slope = getattr(neuron, "slope", 1.0)
    delayed = isinstance(neuron, LIF)
    filtered = [] if delayed else bias_traces(first, neuron)
    decays = (a, b, g, 1 - a, 1 - b, 1 - g, (1 - a) * (1 - b))
    rho = getattr(neuron, "rho", 0.0)
    rest = (
        rho,
        neuron.threshold,
        slope,
        -2 * slope,
        0,
        1,
        0.25,
        *[*filtered, 0, 0][:2],
        1 if delayed else b,
    )
    return Constants(*(np.dtype(dtype).type(n) for n in (*decays, *rest)))


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


@lru_cache(1024)
def layer(block: Block, dtype, first: int = 0) -> Layer:
    pool, delay = POOL[block.pool], block.neuron.delay
    g = geometry(*block.input_shape, block.channels, block.kernel, pool)
    c = constants(block.neuron, dtype, first)
    hard = not isinstance(block.neuron, LIF)
    return Layer(g, c, pool, hard, block.detach_reset, block.readout, first, delay // 2, delay)


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
