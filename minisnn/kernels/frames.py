"""The convolutions of frames in register tiles, twin of `minisnn.layers.convolution.Reference`."""

import numpy as np

from .linear import back_layout, dense_layout
from .passes import correlate
from .vector import gemm, zeros


class Compiled:
    """The same in register tiles. Every sum has a fixed order: no number of threads, no other sample changes a bit."""

    @staticmethod
    def prepare(weight):
        """(weight, dense layout, back layout) of `kernels.linear`: of the map and of its adjoint."""
        return weight, dense_layout(weight), back_layout(weight)

    @staticmethod
    def _map(x, matrix, k, n_out):
        H, W, n_in = x.shape[-3:]
        x = np.ascontiguousarray(x)
        y, none = np.empty((*x.shape[:-1], n_out), x.dtype), np.empty((0, 0), x.dtype)
        correlate(
            0,
            x.size // (H * W * n_in),
            x.reshape(-1, H * W * n_in),
            matrix,
            none,
            matrix,
            y.reshape(-1, H * W * n_out),
            (H, W, n_in, n_out, k),
            np.zeros(10, x.dtype),
        )
        return y

    @staticmethod
    def correlate(x, weight):
        return Compiled._map(x, weight[1], len(weight[0]), weight[0].shape[3])

    @staticmethod
    def correlate_input(dy, weight):
        return Compiled._map(dy, weight[2], len(weight[0]), weight[0].shape[2])

    @staticmethod
    def correlate_weight(x, dy, k):
        """As one product: a row of `seen` is what the kernel sees at a site (Chellapilla et al. 2006)."""
        seen, dy = Compiled._seen(x, k), np.ascontiguousarray(dy).ravel()
        sites, M, N = *seen.shape, dy.size // len(seen)
        seen = seen.ravel()
        c = zeros(M * N, seen)
        gemm(seen, 0, 0, 1, M, dy, 0, 0, N, c, 0, N, M, N, 1, sites)
        return c.reshape(k, k, -1, N)

    @staticmethod
    def _seen(x, k):
        """Images (..., H, W, C) -> (sites, k k C), zeros beyond the edge."""
        H, W, C = x.shape[-3:]
        if k == 1:
            return np.ascontiguousarray(x).reshape(-1, C)
        h = k // 2
        padded = np.zeros((x.size // (H * W * C), H + 2 * h, W + 2 * h, C), x.dtype)
        padded[:, h : h + H, h : h + W] = x.reshape(-1, H, W, C)
        image, row, column, one = padded.strides
        view = np.lib.stride_tricks.as_strided(padded, (len(padded), H, W, k, k * C), (image, row, column, row, one))
        return view.reshape(len(padded) * H * W, k * k * C)
