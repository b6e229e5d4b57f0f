"""The kernels' arguments: named tuples of numbers and flat arrays."""

from collections import namedtuple
from functools import lru_cache

from numba.core import types
from numba.core.typing.typeof import typeof_impl

NONE, MAX, MEAN, SPIKES = 0, 1, 2, 3
POOL = {"none": NONE, "max": MAX, "mean": MEAN, "spikes": SPIKES}

# Addresses of the loops that were compiled for a neuron, see `neuron`.
Calls = namedtuple("Calls", "forward forward_tangent backward backward_tangent slope slope_tangent")

# Constants in the network's dtype, so that no kernel computes in another one; `rest` is 1 - the decay
# of the first filter.
Constants = namedtuple("Constants", "threshold rest zero one quarter")

# Sizes of a block. A *band* is the rows of u for one row of pooled sites: `height` is two, or one
# without pooling, and there are `bands` whole bands. A row of u has `row` numbers, a row of pooled
# sites `sites`, a row of a *halo* image `pitch`; its k // 2 zero columns on each side are `pad`
# numbers.
Geometry = namedtuple("Geometry", "H W n_in n_out k height bands row sites pitch pad")

# A compiled neuron: addresses of its loops, its constants, and the numbers per site: filters, states,
# learned constants, and what a tape holds of a step besides u and its tangent. The state of a site is
# its input, the filters, then the neuron's states.
CompiledNeuron = namedtuple("CompiledNeuron", "calls own filters states learned past past_dot")

# A block, for all its passes, and the first step of the window. `start` is the state of the bias's
# filters there; events enter the filters `lag` steps late, and the synapse delays by `delay`.
Layer = namedtuple("Layer", "g c neuron start pool readout first lag delay")

# `Events` for the kernels; valued: events have values, known: the columns' starts are known.
Lists = namedtuple("Lists", "index value offset column capacity T valued known")

# The output of a block: lists of events, with values if spikes are pooled by their mean.
Spikes = namedtuple("Spikes", "index value offset column")

# A weight in rows and in dense layout, the bias, and the recurrent weights (K, K), or none, also
# transposed.
Weights = namedtuple("Weights", "rows dense bias heard heard_back")

# The membrane in the window, (B, n, H W n_out), and a tape's further numbers, (B, n, past H W n_out),
# band by band; or the tangents of both. B is 0 if bands are computed again.
Membrane = namedtuple("Membrane", "u past")

# Inputs of the membrane in the window: weights, and the `state` at its start (B, rows H W n_out),
# including the events of its first step.
Before = namedtuple("Before", "weights state")

# Inputs of the membrane's tangent: weights_dot, which samples are `dense`, the tangents F (B, filters,
# H W n_out) of the filters at the window's start, and V (B, m - delay, H W n_out) = W x_dot, for
# dense samples plus W_dot x.
Direction = namedtuple("Direction", "weights dense F V")

# Results of the backward pass through the membrane: dV (B, m - delay, halo image), the adjoints dF
# (B, filters, H W n_out) of the filters at the window's start, db (B, bands, n_out), dW (B bands,
# weights) in rows layout if dV is not stored, else empty, and dk (B, bands, learned).
Sums = namedtuple("Sums", "dV dF db dW dk")

# The events of `steps` steps from `first` on by channel, see `linear.sort_by_channel`: one list for
# each `span` of steps; a row has `room` for all its events.
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
    """Return the numba type of a record of numbers, one per dtype; otherwise numba would inspect
    every field at every call."""
    kind = type(record), type(record[1].zero if isinstance(record, Layer) else record[1])
    if kind not in _TYPES:
        fields = [typeof_impl(field, context) for field in record]
        _TYPES[kind] = types.NamedTuple(fields, type(record))
    return _TYPES[kind]
