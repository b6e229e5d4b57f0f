"""The passes of `minisnn.layers.frames` with convolutions in register tiles."""

import numpy as np

from ..layers import convolution
from ..layers.frames import (
    backward,
    backward_tangent,
    enter,
    features,
    features_backward,
    forward,
    forward_tangent,
    recorded,
    release,
    twin,
    twin_features,
)
from ..parallel.arrays import aligned_empty
from ..parallel.compilation import njit
from ..vectors.products import Left, Out, Right, gemm
from .dense import correlate
from .linear import back_layout, dense_layout
from .records import geometry

__all__ = [
    "backward",
    "backward_tangent",
    "enter",
    "features",
    "features_backward",
    "forward",
    "forward_tangent",
    "prepare",
    "recorded",
    "release",
    "twin",
    "twin_features",
]


@njit(nogil=True, cache=True, borrows=True)
def _product(seen, dy, c, M, N, sites):
    """c (M, N) = seen^T dy of seen (sites, M) and dy (sites, N)."""
    gemm(seen, Left(0, 0, 1, M), dy, Right(0, 0, N), c, Out(0, N), M, N, 1, sites, True)


class TiledWeight(convolution.FrameWeight):
    """The same in register tiles. Every sum has a fixed order: no number of threads, no other
    sample changes a bit."""

    def __init__(self, weight: np.ndarray):
        super().__init__(weight)
        self.dense = dense_layout(weight)
        self.back = back_layout(weight)

    def correlate(self, x):
        return self._map(x, self.dense, self.weight.shape[3])

    def correlate_input(self, dy):
        return self._map(dy, self.back, self.weight.shape[2])

    def correlate_weight(self, x, dy):
        """As one product: a row of `seen` is what the kernel sees at a site (Chellapilla et al.
        2006)."""
        k = len(self.weight)
        seen = _seen(x, k)
        dy = np.ascontiguousarray(dy).ravel()
        sites, M, N = *seen.shape, dy.size // len(seen)
        c = aligned_empty((M * N,), seen.dtype)
        _product(seen.ravel(), dy, c, M, N, sites)
        return c.reshape(k, k, -1, N)

    def _map(self, x, matrix, n_out):
        H, W, n_in = x.shape[-3:]
        x, y = (
            np.ascontiguousarray(x).reshape(-1, H * W * n_in),
            np.empty((*x.shape[:-1], n_out), x.dtype),
        )
        none = np.empty((0, 0), x.dtype)
        g = geometry(H, W, n_in, n_out, len(self.weight))
        correlate(0, len(x), x, matrix, none, matrix, y.reshape(-1, H * W * n_out), g)
        return y


prepare = TiledWeight


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
