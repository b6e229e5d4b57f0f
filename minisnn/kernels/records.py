"""Arguments of the kernels: records of numbers and flat arrays, each of them named."""

from collections import namedtuple
from functools import lru_cache

from numba.core import types
from numba.core.typing.typeof import typeof_impl

NONE, MAX, MEAN, SPIKES = 0, 1, 2, 3
POOL = {"none": NONE, "max": MAX, "mean": MEAN, "spikes": SPIKES}

# Addresses of the loops that are compiled for a neuron, see `neuron`.
Calls = namedtuple("Calls", "forward forward_tangent backward backward_tangent slope slope_tangent")

# Numbers in the network's dtype, so that no kernel computes in another one; `rest` is 1 - the decay
# of the first filter.
Constants = namedtuple("Constants", "threshold rest zero one quarter")

# Sizes of a block. A *band* is what one row of pooled sites needs: `height` rows, two, or one where
# nothing is pooled, and there are `bands` whole ones. `row` numbers are in a row of u, `sites` in
# one of pooled sites, `pitch` in one of a *halo* image, which has k // 2 zero columns at both
# sides: its columns begin at `pad`.
Geometry = namedtuple("Geometry", "H W n_in n_out k height bands row sites pitch pad")

# What the kernels know of a neuron: where its loops are, its constants as these take them, and how
# many numbers a site has: filters, states, constants that are learned, and what a tape holds of a
# step next to u and its tangent. A site's state is what came in, the filters, then the states.
CompiledNeuron = namedtuple("CompiledNeuron", "calls own filters states learned past past_dot")

# What is the same for every pass of a block, and the step at which the gradient window starts.
# `start` is what the filters hold of a filtered bias there; events enter the filters `lag` steps
# late, and the synapse delays by `delay`.
Layer = namedtuple("Layer", "g c neuron start pool readout first lag delay")

# `Events` as the kernels take them; valued: events have values, known: it is known where columns
# begin.
Lists = namedtuple("Lists", "index value offset column capacity T valued known")

# What a block hands on: lists of events, with values where the mean of spikes is pooled.
Spikes = namedtuple("Spikes", "index value offset column")

# A weight in rows and in dense layout, the bias, and what weighs a layer's own spikes, (K, K) or
# nothing, as it is and transposed.
Weights = namedtuple("Weights", "rows dense bias heard heard_back")

# The membrane of a window's steps, (B, n, H W n_out), and what else a tape holds of them, (B, n,
# past H W n_out), band by band; or the tangents of all that. Without samples where a band is
# computed again.
Membrane = namedtuple("Membrane", "u past")

# What the membrane of a window comes from: weights, and the `state` at its start (B, rows H W
# n_out), with the events of its first step.
Before = namedtuple("Before", "weights state")

# What the tangent of a membrane comes from: weights_dot, which samples are `dense`, the tangents of
# the filters at the window's start F (B, filters, H W n_out), and V (B, m - delay, H W n_out),
# which holds W x_dot, and of dense samples W_dot x.
Direction = namedtuple("Direction", "weights dense F V")

# What a membrane kernel fills on the way back: dV (B, m - delay, halo image), the adjoints of the
# filters at the window's start dF (B, filters, H W n_out), db (B, bands, n_out), dW (B bands,
# weights) in rows layout where dV need not be kept, else empty, and dk (B, bands, learned).
Sums = namedtuple("Sums", "dV dF db dW dk")

# The events of `steps` steps from `first` on by channel, see `linear.sort_by_channel`; those of
# `span` steps are a list, and a row has `room` for all of its own.
Sorted = namedtuple("Sorted", "places starts room first steps span")


@lru_cache(1024)
def geometry(H: int, W: int, n_in: int, n_out: int, k: int, pool: int = NONE) -> Geometry:
    """Make the sizes of a block."""
    height, columns = (1, W) if pool == NONE else (2, W // 2)
    row, pad = W * n_out, k // 2 * n_out
    sizes = height, H // height, row, columns * n_out, row + 2 * pad, pad
    return Geometry(H, W, n_in, n_out, k, *sizes)


_TYPES: dict = {}


@typeof_impl.register(Geometry)
@typeof_impl.register(Layer)
def _type_of(record, context):
    """The numba type of a record of numbers, cached by dtype, because numba would inspect every
    number at each call."""
    kind = type(record), type(record[1].zero if isinstance(record, Layer) else record[1])
    if kind not in _TYPES:
        fields = [typeof_impl(field, context) for field in record]
        _TYPES[kind] = types.NamedTuple(fields, type(record))
    return _TYPES[kind]
