"""The synapse's linear maps on flat arrays, event-driven or dense, one row or one image at a time.

`g` is the `Geometry`, x the `Lists` of events. Images are flat (H, W, C). A *halo* image is (rows,
W + 2 pad, C) with zero columns on both sides, so that the k columns under a kernel are contiguous.
Weights come in three layouts:

    rows   (k, n_in, k, n_out), with the kernel's columns reversed: the weights that one event adds
           to a row of sites are contiguous
    dense  (k, k n_in, n_out), the order of theta
    back   (k, k n_out, n_in), both kernel axes reversed: the dense map of the adjoint
"""

import numpy as np

from ..parallel.arrays import aligned
from ..parallel.compilation import njit
from ..vectors.choice import TOGETHER, append
from ..vectors.products import Left, Out, Right, gemm
from ..vectors.vector import add_rows, axpy, copy


def dense_layout(weight: np.ndarray) -> np.ndarray:
    """Flatten (k, k, n_in, n_out) in dense layout."""
    return aligned(weight).ravel()


def rows_layout(weight: np.ndarray) -> np.ndarray:
    """Flatten (k, k, n_in, n_out) in rows layout."""
    return aligned(weight[:, ::-1].transpose(0, 2, 1, 3)).ravel()


def back_layout(weight: np.ndarray) -> np.ndarray:
    """Flatten (k, k, n_in, n_out) in back layout."""
    return aligned(weight[::-1, ::-1].transpose(0, 1, 3, 2)).ravel()


LAYOUTS = {"dense": dense_layout, "rows": rows_layout, "back": back_layout}

# Share of active input sites above which dense products are quicker than events. Rows of weights
# are summed at 0.4 of the speed of register tiles (60 of 140 G multiply-adds a second and core on
# Zen 5, 19 of 44 on Zen 3); at Winograd's points whole meta-gradients break even near 0.2, directly
# between 0.5 and 0.6. These numbers are fixed: the choice depends only on the activity, so results
# do not depend on timing.
DENSE_ABOVE, POINTS_ABOVE = 0.5, 0.25
DENSE_ABOVE_VALUED = 0.15  # for events with values, which are added one by one


@njit(nogil=True, inline="always", error_model="numpy")
def spread(x, b, t, low, high, rows, V, one, g):
    """Add W x for one time step to V, in the rows low..high-1: each event adds a row of weights to
    the sites around it.

    Used for events with values, or few events; `rows` is W in that layout.
    """
    n_in = g.n_in
    n_out = g.n_out
    k = g.k
    pad = g.k // 2
    index, value, offset = x.index, x.value, x.offset
    for source in range(max(low - pad, 0), min(high + pad, g.H)):
        row = b * g.H + source
        at = row * x.capacity
        i = row * (x.T + 1) + t
        for e in range(at + offset[i], at + offset[i + 1]):
            w, c = divmod(index[e], n_in)
            # kernel columns that lie in the image
            left = max(pad - w, 0)
            right = min(k, g.W + pad - w)
            scale = value[e] if x.valued else one
            size = (right - left) * n_out
            for h in range(max(low, source - pad), min(high, source + pad + 1)):
                to = (h - low) * g.W + w - pad + left
                tap = ((source - h + pad) * n_in + c) * k + left
                axpy(V, to * n_out, scale, rows, tap * n_out, size)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def gather(x, b, t, low, high, dense, V, taps, starts, g):
    """Add W x for one time step to V, in the rows low..high-1, for events of value one: each site
    sums, in registers, the weights of all events under its kernel.

    A row of sites reads the events of k rows as one list sorted by column: `taps` are their rows in
    the weight, and `starts` (W + 1,) the columns' starts; both are scratch.
    """
    n_in = g.n_in
    n_out = g.n_out
    k = g.k
    pad = g.k // 2
    index = x.index
    column = x.column
    for h in range(low, high):
        # kernel rows that lie in the image
        found = 0
        top = max(pad - h, 0)
        bottom = min(k, g.H + pad - h)
        row = b * g.H + h + top - pad
        for w in range(g.W):
            starts[w] = found
            at = row * x.capacity
            n = (row * x.T + t) * (g.W + 1) + w
            tap = top * k * n_in
            for _ in range(top, bottom):
                begin = column[n]
                count = column[n + 1] - begin
                # runs at least once, which is faster than a check
                append(index, at + begin, taps, found, tap)
                e = TOGETHER
                while e < count:
                    append(index, at + begin + e, taps, found + e, tap)
                    e += TOGETHER
                found += count
                at = at + x.capacity
                n = n + x.T * (g.W + 1)
                tap = tap + k * n_in
        starts[g.W] = found
        for w in range(g.W if found else 0):
            first = starts[max(w - pad, 0)]
            last = starts[min(w + pad + 1, g.W)]
            add_rows(
                V,
                ((h - low) * g.W + w) * n_out,
                dense,
                (pad - w) * n_in * n_out,
                n_out,
                taps,
                first,
                last,
                n_out,
            )


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def spread_weight(x, b, t, low, high, first, last, D, at, dW, one, g):
    """Add x (outer) dV for one time step to dW, event by event, using the rows low..high-1 of dV
    and the kernel rows first..last-1.

    dV: halo rows, row low at D[at]; dW flat in rows layout.
    """
    n_in = g.n_in
    n_out = g.n_out
    pad = g.k // 2
    taps = g.k * g.n_out
    index, value, offset = x.index, x.value, x.offset
    for source in range(max(low + first - pad, 0), min(high + last - pad - 1, g.H)):
        row = b * g.H + source
        begin = row * x.capacity
        n = row * (x.T + 1) + t
        for e in range(begin + offset[n], begin + offset[n + 1]):
            w, c = divmod(index[e], n_in)
            scale = value[e] if x.valued else one
            for h in range(max(low, source + pad - last + 1), min(high, source + pad - first + 1)):
                tap = (source - h + pad) * n_in + c
                axpy(dW, tap * taps, scale, D, at + (h - low) * g.pitch + w * n_out, taps)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def add_rows_layout(rows, line, first, last, dW, channel, one, g):
    """Add the kernel rows first..last-1, given in rows layout, to dW in dense layout, for the
    `line` output channels that start at `channel`."""
    size = min(line, g.n_out - channel)
    for i in range(first, last):
        for c in range(g.n_in):
            for j in range(g.k):
                to = ((i * g.k + g.k - 1 - j) * g.n_in + c) * g.n_out + channel
                axpy(dW, to, one, rows, ((i * g.n_in + c) * g.k + j) * line, size)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def sort_by_channel(x, row, s, g):
    """Sort the events in one row, from step s.first on, by spans of steps and then by channel. The
    events in channel c during span n are s.places[row room:][s.starts[n n_in + c] : s.starts[n n_in
    + c + 1]]. `starts` has n_in + 2 entries for each span; the last of them is scratch.

    A place is the first line of the span's `packed` adjoint that belongs to the event: step in the
    span (W + k - 1) + column.
    """
    lists = -(-s.steps // s.span) * g.n_in
    channels = np.uint32(g.n_in)
    base = row * x.capacity
    room = row * s.room
    at = row * (lists + 2)
    begins = row * (x.T + 1) + s.first
    index, places, starts = x.index, s.places, s.starts
    starts[at : at + lists + 2] = 0
    for count in (True, False):
        for t in range(s.steps):
            span = at + t // s.span * g.n_in
            first = t % s.span * (g.W + g.k - 1)
            for e in range(base + x.offset[begins + t], base + x.offset[begins + t + 1]):
                i = np.uint32(index[e])
                w = i // channels
                c = span + np.int64(i - w * channels)
                if count:
                    starts[c + 2] += 1
                else:
                    places[room + starts[c + 1]] = first + np.int64(w)
                    starts[c + 1] += 1
        if count:
            for c in range(at, at + lists):
                starts[c + 2] += starts[c + 1]


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def to_halo(image, i, halo, H, W, C, pad):
    """Copy the image that starts at image[i] into a halo image, whose zero columns stay zero."""
    row = W * C
    for h in range(H):
        at = (h * (W + 2 * pad) + pad) * C
        copy(image[i + h * row : i + (h + 1) * row], halo[at : at + row])


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def correlate(halo, weight, y, g):
    """Add to y the correlation of a halo image with a weight in dense layout, or, for the adjoint,
    with one in back layout. g is the geometry of the map that is computed."""
    pad = g.k // 2
    width = (g.W + 2 * pad) * g.n_in
    taps = g.k * g.n_in
    for h in range(g.H):
        # kernel rows that lie in the image
        top = max(pad - h, 0)
        bottom = min(g.k, g.H + pad - h)
        left = Left((h - pad + top) * width, width, g.n_in, 1)
        right = Right(top * taps * g.n_out, taps * g.n_out, g.n_out)
        gemm(
            halo,
            left,
            weight,
            right,
            y,
            Out(h * g.row, g.n_out),
            g.W,
            g.n_out,
            bottom - top,
            taps,
            False,
        )
