"""The synapse's linear maps on flat arrays, event-driven or dense, one row or one image at a time.

Geometry `g` = (H, W, n_in, n_out, k). Images are flat (H, W, C); a *halo* image is (rows, W + 2 pad, C) with zero columns
at both sides, so that the k columns under a kernel are one contiguous row. Weights come in three layouts:

    rows   (k, n_in, k, n_out), the kernel's columns reversed: what one event adds to a row of sites is contiguous
    dense  (k, k n_in, n_out), the order of theta
    back   (k, k n_out, n_in), both kernel axes reversed: the dense map of the adjoint
"""

import numpy as np

from ..parallel.compilation import njit
from .vector import add_rows, aligned_empty, axpy, gemm


def _flat(a: np.ndarray) -> np.ndarray:
    out = aligned_empty(a.shape, a.dtype)
    out[...] = a
    return out.ravel()


def dense_layout(weight: np.ndarray) -> np.ndarray:
    """(k, k, n_in, n_out) -> flat dense layout."""
    return _flat(weight)


def rows_layout(weight: np.ndarray) -> np.ndarray:
    """(k, k, n_in, n_out) -> flat rows layout."""
    return _flat(weight[:, ::-1].transpose(0, 2, 1, 3))


def from_rows(rows: np.ndarray, shape: tuple) -> np.ndarray:
    """Flat rows layout -> (k, k, n_in, n_out)."""
    k, _, n_in, n_out = shape
    return rows.reshape(k, n_in, k, n_out).transpose(0, 2, 1, 3)[:, ::-1]


def back_layout(weight: np.ndarray) -> np.ndarray:
    """(k, k, n_in, n_out) -> flat back layout."""
    return _flat(weight[::-1, ::-1].transpose(0, 1, 3, 2))


# Share of active input sites above which a dense product is quicker than its events: rows of weights are summed at 0.4 of the
# speed of register tiles (60 of 140 G multiply-adds a second and core on Zen 5), and tiles have overheads of their own; whole
# meta-gradients break even between 0.5 and 0.6. A constant, never a stopwatch: the choice depends on the recorded activity
# alone, so results do not depend on timing.
DENSE_ABOVE = 0.5


@njit(nogil=True, cache=True, error_model="numpy")
def is_dense(x, b, first, last, g):
    """Whether the time steps first..last-1 of sample b take the dense path; x = `Events.lists`."""
    index, value, offset, column, (capacity, T, valued, known) = x
    H, W, n_in, n_out, k = g
    events = 0
    for row in range(b * H, b * H + H):
        events += offset[row * (T + 1) + last] - offset[row * (T + 1) + first]
    return events > DENSE_ABOVE * (last - first) * H * W * n_in


@njit(nogil=True, cache=True, error_model="numpy")
def place(x, row, t, scale, halo, at):
    """Write the events of a row (sample * H + h) times scale into a halo row, column 0 at halo[at]; scale 0 clears them."""
    index, value, offset, column, (capacity, T, valued, known) = x
    e, i = row * capacity, row * (T + 1) + t
    for n in range(e + offset[i], e + offset[i + 1]):
        halo[at + index[n]] = scale * value[n] if valued else scale


@njit(nogil=True, cache=True, error_model="numpy")
def to_halo(image, i, halo, H, W, C, pad):
    """Copy the image that starts at image[i] into the halo image; its zero columns stay."""
    row = W * C
    for h in range(H):
        at = (h * (W + 2 * pad) + pad) * C
        halo[at : at + row] = image[i + h * row : i + (h + 1) * row]


@njit(nogil=True, inline="always", error_model="numpy")
def spread(x, b, t, low, high, rows, V, one, g):
    """V of the rows low..high-1 += W x of one time step: event by event, each adds a row of weights to the sites around it.

    For events with values, or few of them; `rows` is W in that layout.
    """
    index, value, offset, column, (capacity, T, valued, known) = x
    H, W, n_in, n_out, k = g
    pad = k // 2
    for source in range(max(low - pad, 0), min(high + pad, H)):
        row = b * H + source
        at, i = row * capacity, row * (T + 1) + t
        for e in range(at + offset[i], at + offset[i + 1]):
            w, c = divmod(index[e], n_in)
            left, right = max(pad - w, 0), min(k, W + pad - w)  # kernel columns that lie in the image
            scale = value[e] if valued else one
            for h in range(max(low, source - pad), min(high, source + pad + 1)):
                axpy(
                    V,
                    ((h - low) * W + w - pad + left) * n_out,
                    scale,
                    rows,
                    (((source - h + pad) * n_in + c) * k + left) * n_out,
                    (right - left) * n_out,
                )


@njit(nogil=True, inline="always", error_model="numpy")
def gather(x, b, t, low, high, dense, V, g):
    """The same for events of value one, site by site: each sums in registers the weights of the events under its kernel."""
    index, value, offset, column, (capacity, T, valued, known) = x
    H, W, n_in, n_out, k = g
    pad = k // 2
    for source in range(max(low - pad, 0), min(high + pad, H)):
        row = b * H + source
        at, i = row * capacity, (row * T + t) * (W + 1)
        if column[i] == column[i + W]:
            continue
        for h in range(max(low, source - pad), min(high, source + pad + 1)):
            to, taps = (h - low) * W * n_out, (source - h + pad) * k + pad
            for w in range(W):
                add_rows(
                    V,
                    to + w * n_out,
                    dense,
                    (taps - w) * n_in * n_out,
                    n_out,
                    index,
                    at + column[i + max(w - pad, 0)],
                    at + column[i + min(w + pad + 1, W)],
                    n_out,
                )


@njit(nogil=True, cache=True, error_model="numpy")
def spread_weight(x, b, t, low, high, first, last, D, at, dW, one, g):
    """dW += x (outer) dV of one time step, event by event, for the rows low..high-1 of dV and kernel rows first..last-1.

    dV: halo rows, row low at D[at]; dW flat in rows layout.
    """
    index, value, offset, column, (capacity, T, valued, known) = x
    H, W, n_in, n_out, k = g
    pad = k // 2
    for source in range(max(low + first - pad, 0), min(high + last - pad - 1, H)):
        row = b * H + source
        begin, n = row * capacity, row * (T + 1) + t
        for e in range(begin + offset[n], begin + offset[n + 1]):
            w, c = divmod(index[e], n_in)
            scale = value[e] if valued else one
            for h in range(max(low, source + pad - last + 1), min(high, source + pad - first + 1)):
                axpy(
                    dW,
                    ((source - h + pad) * n_in + c) * k * n_out,
                    scale,
                    D,
                    at + ((h - low) * (W + 2 * pad) + w) * n_out,
                    k * n_out,
                )


@njit(nogil=True, cache=True, error_model="numpy")
def gather_weight(places, capacity, starts, b, i, channel, size, D, at, dW, g):
    """dW of kernel row i and `size` channels += x (outer) dV of the whole window, for events sorted by channel."""
    H, W, n_in, n_out, k = g
    pad, taps, pitch = k // 2, k * n_out, (W + k - 1) * n_out
    for h in range(max(pad - i, 0), min(H, H + pad - i)):
        row = b * H + h + i - pad
        first, n = row * capacity, row * (n_in + 1)
        for c in range(channel, channel + size):
            add_rows(
                dW, (i * n_in + c) * taps, D, at + h * pitch, 1, places, first + starts[n + c], first + starts[n + c + 1], taps
            )


@njit(nogil=True, cache=True, error_model="numpy")
def sort_by_channel(x, row, first, last, step, n_in, n_out, W, places, room, starts, at):
    """The events of one row in the steps first..last-1 by channel: c's are places[room:][starts[at + c]:starts[at + c + 1]].

    A place is where dV, halo images of size `step`, holds what the event meets: (t - first) step + column n_out.
    """
    index, value, offset, column, (capacity, T, valued, known) = x
    base = row * capacity
    starts[at : at + n_in + 1] = 0
    for count in (True, False):
        for t in range(first, last):
            i = (row * T + t) * (W + 1)
            for w in range(W):
                for e in range(base + column[i + w], base + column[i + w + 1]):
                    c = at + index[e] - w * n_in
                    if count:
                        starts[c + 1] += 1
                    else:
                        places[room + starts[c]] = (t - first) * step + w * n_out
                        starts[c] += 1
        if count:
            for c in range(at, at + n_in):
                starts[c + 1] += starts[c]
    for c in range(at + n_in, at, -1):
        starts[c] = starts[c - 1]
    starts[at] = 0


@njit(nogil=True, cache=True, error_model="numpy")
def correlate(halo, at, weight, y, to, H, W, n_in, n_out, k):
    """y[to:] += correlation of the halo image at halo[at] with a weight in dense (or, for the adjoint, back) layout."""
    pad = k // 2
    for h in range(H):
        top, bottom = max(pad - h, 0), min(k, H + pad - h)  # kernel rows that lie in the image
        correlate_row(
            halo, at + (h - pad + top) * (W + 2 * pad) * n_in, weight, top, bottom, y, to + h * W * n_out, W, n_in, n_out, k
        )


@njit(nogil=True, cache=True, error_model="numpy")
def correlate_row(halo, at, weight, top, bottom, y, to, W, n_in, n_out, k):
    """One row of `correlate` through the kernel rows top..bottom-1, the first of which meets the halo row at halo[at]."""
    width = (W + k // 2 * 2) * n_in
    gemm(
        halo,
        at,
        width,
        n_in,
        1,
        weight,
        top * k * n_in * n_out,
        k * n_in * n_out,
        n_out,
        y,
        to,
        n_out,
        W,
        n_out,
        bottom - top,
        k * n_in,
    )


@njit(nogil=True, cache=True, error_model="numpy")
def channels_to_halo(image, halo, channel, size, g):
    """Copy `size` channels of an input image from `channel` on into a halo image of so many; its zero columns stay."""
    H, W, n_in, n_out, k = g
    pad = k // 2
    for h in range(H):
        for w in range(W):
            to, i = (h * (W + 2 * pad) + pad + w) * size, (h * W + w) * n_in + channel
            for n in range(size):
                halo[to + n] = image[i + n]


@njit(nogil=True, cache=True, error_model="numpy")
def correlate_weight(halo, channel, size, D, at, pitch, i, dW, g):
    """dW of `size` input channels from `channel` on += x (outer) dV of one image in kernel row i, dense.

    x a halo image of those channels, dV rows of that pitch from D[at], dW in rows layout.
    """
    H, W, n_in, n_out, k = g
    pad = k // 2
    width = (W + 2 * pad) * size
    first, last = max(pad - i, 0), min(H, H + pad - i)  # rows of dV whose input row lies in the image
    for j in range(k):
        gemm(
            halo,
            (first + i - pad) * width + j * size,
            width,
            1,
            size,
            D,
            at + first * pitch,
            pitch,
            n_out,
            dW,
            ((i * n_in + channel) * k + k - 1 - j) * n_out,
            k * n_out,
            size,
            n_out,
            last - first,
            W,
        )
