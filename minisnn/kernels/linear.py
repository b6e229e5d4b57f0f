"""The synapse's linear maps on flat arrays of one sample and one time step, event-driven or dense.

Geometry `g` = (H, W, n_in, n_out, k). Images are flat (H, W, C); a *halo* image is (H, W + 2 pad, C) with zero columns at
both sides, so that the k columns under a kernel are one contiguous row. Weights come in three layouts:

    rows   (n_in, k, k, n_out), both kernel axes reversed: what one event adds to the sites around it, contiguous a row
    dense  (k, k n_in, n_out), the order of theta
    back   (k, k n_out, n_in), both kernel axes reversed: the dense map of the adjoint
"""
import numpy as np
from numba import njit

from .vector import aligned_empty, axpy, gemm


def _flat(a: np.ndarray) -> np.ndarray:
    out = aligned_empty(a.shape, a.dtype)
    out[...] = a
    return out.ravel()


def dense_layout(weight: np.ndarray) -> np.ndarray:
    """(k, k, n_in, n_out) -> flat dense layout."""
    return _flat(weight)


def rows_layout(weight: np.ndarray) -> np.ndarray:
    """(k, k, n_in, n_out) -> flat rows layout."""
    return _flat(weight[::-1, ::-1].transpose(2, 0, 1, 3))


def from_rows(rows: np.ndarray, shape: tuple) -> np.ndarray:
    """Flat rows layout -> (k, k, n_in, n_out)."""
    k, _, n_in, n_out = shape
    return rows.reshape(n_in, k, k, n_out).transpose(1, 2, 0, 3)[::-1, ::-1]


def back_layout(weight: np.ndarray) -> np.ndarray:
    """(k, k, n_in, n_out) -> flat back layout."""
    return _flat(weight[::-1, ::-1].transpose(0, 1, 3, 2))


# Share of active input sites above which a dense product is quicker than its events one by one: on an AVX-512 server
# (2 x 512-bit loads, Zen 4) event rows run at 16-18 and tiles at 55-58 G multiply-adds a second and core. A constant, never
# a stopwatch: the choice depends on the recorded activity alone, so that results do not depend on timing.
DENSE_ABOVE = 0.3


@njit(cache=True, error_model="numpy")
def is_dense(first, last, steps, g):
    """Whether `steps` time steps with the events first..last-1 take the dense path."""
    H, W, n_in, n_out, k = g
    return last - first > DENSE_ABOVE * steps * H * W * n_in


@njit(cache=True, error_model="numpy")
def place(index, value, first, last, scale, halo, g):
    """Write the events of one time step, times scale, into a halo image; scale 0 clears them again."""
    H, W, n_in, n_out, k = g
    pad = k // 2
    for e in range(first, last):
        site, c = divmod(index[e], n_in)
        h, w = divmod(site, W)
        halo[(h * (W + 2 * pad) + pad + w) * n_in + c] = scale * value[e]


@njit(cache=True, error_model="numpy")
def to_halo(image, i, halo, H, W, C, pad):
    """Copy the image that starts at image[i] into the halo image; its zero columns stay."""
    row = W * C
    for h in range(H):
        at = (h * (W + 2 * pad) + pad) * C
        halo[at:at + row] = image[i + h * row:i + (h + 1) * row]


@njit(cache=True, error_model="numpy")
def spread(index, value, first, last, rows, V, g):
    """V += W x for the events first..last-1 of one time step (rows layout)."""
    H, W, n_in, n_out, k = g
    pad = k // 2
    for e in range(first, last):
        site, c = divmod(index[e], n_in)
        h, w = divmod(site, W)
        left, right = max(pad - w, 0), min(k, W + pad - w)       # kernel columns that lie in the image
        n = (right - left) * n_out
        for i in range(max(pad - h, 0), min(k, H + pad - h)):
            axpy(V, ((h - pad + i) * W + w - pad + left) * n_out, value[e], rows, ((c * k + i) * k + left) * n_out, n)


@njit(cache=True, error_model="numpy")
def gather_weight(index, value, first, last, D, at, dW, g):
    """dW += x (outer) dV for the events of one time step; dV the halo image at D[at], dW in rows layout."""
    H, W, n_in, n_out, k = g
    pad = k // 2
    n = k * n_out
    for e in range(first, last):
        site, c = divmod(index[e], n_in)
        h, w = divmod(site, W)
        for i in range(max(pad - h, 0), min(k, H + pad - h)):
            axpy(dW, (c * k + i) * n, value[e], D, at + ((h - pad + i) * (W + 2 * pad) + w) * n_out, n)


@njit(cache=True, error_model="numpy")
def apply(index, value, first, last, rows, dense, on_dense, halo, V, g, c):
    """V += W x of one time step, by events or, where `on_dense`, as a dense product; `halo` is a zero halo image."""
    H, W, n_in, n_out, k = g
    if on_dense:
        place(index, value, first, last, c[10], halo, g)
        correlate(halo, 0, dense, V, 0, H, W, n_in, n_out, k)
        place(index, value, first, last, c[9], halo, g)
    else:
        spread(index, value, first, last, rows, V, g)


@njit(cache=True, error_model="numpy")
def apply_weight(index, value, first, last, on_dense, halo, D, at, dW, g, c):
    """dW += x (outer) dV of one time step, by events or dense."""
    H, W, n_in, n_out, k = g
    if on_dense:
        pad = k // 2
        place(index, value, first, last, c[10], halo, g)
        correlate_weight(halo, 0, D, at + pad * n_out, 1, (W + 2 * pad) * n_out, 0, dW, g)
        place(index, value, first, last, c[9], halo, g)
    else:
        gather_weight(index, value, first, last, D, at, dW, g)


@njit(cache=True, error_model="numpy")
def correlate(halo, at, weight, y, to, H, W, n_in, n_out, k):
    """y[to:] += correlation of the halo image at halo[at] with a weight in dense (or, for the adjoint, back) layout."""
    pad = k // 2
    for h in range(H):
        for i in range(max(pad - h, 0), min(k, H + pad - h)):
            gemm(halo, at + (h - pad + i) * (W + 2 * pad) * n_in, n_in, 1,
                 weight, i * k * n_in * n_out, n_out, y, to + h * W * n_out, n_out, W, n_out, k * n_in)


@njit(cache=True, error_model="numpy")
def correlate_weight(halo, at, D, d, frames, d_row, d_frame, dW, g):
    """dW += sum over `frames` images of x (outer) dV, dense; dW in rows layout.

    x: halo images one after the other from halo[at]; dV: rows of W n_out numbers at D[d + frame d_frame + h d_row].
    """
    H, W, n_in, n_out, k = g
    pad = k // 2
    x_row = (W + 2 * pad) * n_in
    block = 8
    for i in range(k):
        for j in range(k):
            for c in range(0, n_in, block):
                to = (c * k + k - 1 - i) * k * n_out + (k - 1 - j) * n_out
                for f in range(frames):
                    for h in range(max(pad - i, 0), min(H, H + pad - i)):
                        gemm(halo, at + (f * H + h + i - pad) * x_row + j * n_in + c, 1, n_in,
                             D, d + f * d_frame + h * d_row, n_out, dW, to, k * k * n_out,
                             min(block, n_in - c), n_out, W)
