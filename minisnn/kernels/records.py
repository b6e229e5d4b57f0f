"""The kernels' arguments: named tuples of numbers and flat arrays."""

from collections import namedtuple
from functools import lru_cache

from numba.core import types
from numba.core.typing.typeof import typeof_impl

NONE, MAX, MEAN, SPIKES = 0, 1, 2, 3
POOL = {"none": NONE, "max": MAX, "mean": MEAN, "spikes": SPIKES}

# Addresses of the loops that were compiled for a neuron (see `neuron`).
Calls = namedtuple("Calls", "forward forward_tangent backward backward_tangent slope slope_tangent")

# Constants in the network's dtype, so that no kernel computes in another dtype. `rest` is one
# minus the first filter's decay.
Constants = namedtuple("Constants", "threshold rest zero one quarter")

# Sizes of a block. A *band* consists of those rows of u that one row of pooled sites covers:
# there are `height` of them, two with pooling and one without. A block has `bands` whole bands. A
# row of u has `row` numbers, a row of pooled sites has `sites` numbers, and a row of a *halo*
# image has `pitch` numbers. The k // 2 zero columns on each side of a halo image are `pad`
# numbers wide.
Geometry = namedtuple("Geometry", "H W n_in n_out k height bands row sites pitch pad")

# A compiled neuron: the addresses of its loops, its constants, and how many numbers it has per
# site: filters, states, learned constants, and the numbers that a tape stores for each step
# besides u (`past`) and besides the tangent of u (`past_dot`). The state of a site is its input,
# then the filters, then the neuron's states.
CompiledNeuron = namedtuple("CompiledNeuron", "calls own filters states learned past past_dot")

# A block, as all its passes need it, and the window's first step, `first`. `start` is the state
# of the bias's filters at that step. Events enter the filters `lag` steps late, and the synapse
# delays by `delay` steps.
Layer = namedtuple("Layer", "g c neuron start pool readout first lag delay")

# `Events`, in the form that kernels receive. `valued` tells whether the events have values,
# `known` whether the columns' starts are known.
Lists = namedtuple("Lists", "index value offset column capacity T valued known")

# A block's output: lists of events. The events have values if pooling takes the mean of spikes.
Spikes = namedtuple("Spikes", "index value offset column")

# A weight in rows layout and in dense layout, the bias, and the recurrent weights (K, K), if
# there are any, as they are and transposed.
Weights = namedtuple("Weights", "rows dense bias heard heard_back")

# The membrane in the window, (B, n, H W n_out), and the further numbers that a tape stores, (B,
# n, past H W n_out), band by band; or the tangents of both. B is 0 if the backward pass computes
# the bands again.
Membrane = namedtuple("Membrane", "u past")

# What is needed to compute the membranes in the window: the weights, and the `state` at its
# start, (B, rows H W n_out), which includes the events of its first step.
Before = namedtuple("Before", "weights state")

# What is needed to compute the membrane's tangent: the tangents of the weights; which samples are
# `dense`; F (B, filters, H W n_out), the tangents of the filters at the window's start; and V (B,
# m - delay, H W n_out) = W x_dot, to which W_dot x is added for dense samples.
Direction = namedtuple("Direction", "weights dense F V")

# Results of the backward pass through the membrane: dV (B, m - delay, halo image); dF (B,
# filters, H W n_out), the adjoints of the filters at the window's start; db (B, bands, n_out); dW
# (B bands, weights), which is in rows layout if dV is not stored, and empty otherwise; and dk (B,
# bands, learned).
Sums = namedtuple("Sums", "dV dF db dW dk")

# The events during `steps` steps from step `first` on, sorted by channel: one list for each span
# of `span` steps. A row has room for `room` events, which is enough for all of them. See
# `linear.sort_by_channel`.
Sorted = namedtuple("Sorted", "places starts room first steps span")


@lru_cache(1024)
def geometry(H: int, W: int, n_in: int, n_out: int, k: int, pool: int = NONE) -> Geometry:
    """Return the sizes of a block."""
    height, columns = (1, W) if pool == NONE else (2, W // 2)
    row, pad = W * n_out, k // 2 * n_out
    sizes = height, H // height, row, columns * n_out, row + 2 * pad, pad
    return Geometry(H, W, n_in, n_out, k, *sizes)


_TYPES: dict = {}


@typeof_impl.register(Geometry)
@typeof_impl.register(Layer)
def _type_of(record, context):
    """Return the numba type for a record of numbers, one type per dtype. Without this, numba would
    inspect every field at every call."""
    kind = type(record), type(record[1].zero if isinstance(record, Layer) else record[1])
    if kind not in _TYPES:
        fields = [typeof_impl(field, context) for field in record]
        _TYPES[kind] = types.NamedTuple(fields, type(record))
    return _TYPES[kind]
