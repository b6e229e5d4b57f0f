"""The convolutions of `core.linear` in register tiles. Every sum has a fixed order: no number of
threads, no other sample changes a bit."""

from functools import partial
from typing import Any

import numpy as np

from ..core.dual import Array, bilinear
from ..parallel.arrays import aligned_empty
from ..parallel.compilation import njit
from ..vectors.products import Left, Out, Right, gemm
from .dense import correlate
from .linear import back_layout, dense_layout
from .records import geometry


@njit(nogil=True, cache=True, borrows=True)
def _product(seen, dy, c, M, N, sites):
    """c (M, N) = seen^T dy of seen (sites, M) and dy (sites, N)."""
    gemm(seen, Left(0, 0, 1, M), dy, Right(0, 0, N), c, Out(0, N), M, N, 1, sites, True)


@bilinear
def conv(x: Array, weight: Array, s: int = 1) -> Array:
    """y = W x"""
    return _map(x, dense_layout(weight), weight.shape[3], len(weight))


@bilinear
def conv_input(dy: Array, weight: Array, s: int, size: Any) -> Array:
    """dx = W^T dy"""
    return _map(dy, back_layout(weight), weight.shape[2], len(weight))


@partial(bilinear, later=True)
def conv_weight(x: Array, dy: Array, k: int, s: int = 1) -> Array:
    """dW as one product: a row of `seen` is what the kernel sees at a site (Chellapilla et al.
    2006)."""
    seen = _seen(x, k)
    dy = np.ascontiguousarray(dy).ravel()
    sites, M = seen.shape
    N = dy.size // sites
    dW = aligned_empty((M * N,), seen.dtype)
    _product(seen.ravel(), dy, dW, M, N, sites)
    return dW.reshape(k, k, -1, N)


def _map(x: Array, matrix: Array, n_out: int, k: int) -> Array:
    H, W, n_in = x.shape[-3:]
    x = np.ascontiguousarray(x)
    y = np.empty((*x.shape[:-1], n_out), x.dtype)
    none = np.empty((0, 0), x.dtype)
    g = geometry(H, W, n_in, n_out, k)
    x = x.reshape(-1, H * W * n_in)
    correlate(0, len(x), x, matrix, none, matrix, y.reshape(-1, H * W * n_out), g)
    return y


def _seen(x, k):
    """Images (..., H, W, C) -> (sites, k k C), zeros beyond the edge."""
    H, W, C = x.shape[-3:]
    if k == 1:
        return np.ascontiguousarray(x).reshape(-1, C)
    h = k // 2
    padded = np.zeros((x.size // (H * W * C), H + 2 * h, W + 2 * h, C), x.dtype)
    padded[:, h : h + H, h : h + W] = x.reshape(-1, H, W, C)
    image, row, column, one = padded.strides
    view = np.lib.stride_tricks.as_strided(
        padded, (len(padded), H, W, k, k * C), (image, row, column, row, one)
    )
    return view.reshape(len(padded) * H * W, k * k * C)
