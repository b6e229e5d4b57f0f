"""The convolutions of `core.linear` in register tiles. Every sum has a fixed order, so a sample's
bits depend neither on threads nor on other samples."""

from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..core.dual import Array, bilinear
from ..parallel.arrays import aligned_empty, aligned_zeros
from .dense import correlate, outer
from .linear import back_layout, dense_layout
from .records import geometry


@bilinear
def conv(x: Array, weight: Array, s: int = 1) -> Array:
    """Compute y = W x."""
    return _map(x, dense_layout(weight), weight.shape[3], len(weight))


@bilinear
def conv_input(dy: Array, weight: Array, s: int, size: Any) -> Array:
    """Compute dx = W^T dy."""
    return _map(dy, back_layout(weight), weight.shape[2], len(weight))


@partial(bilinear, later=True)
def conv_weight(x: Array, dy: Array, k: int, s: int = 1) -> Array:
    """Compute dW, summed over all images."""
    H, W, n_in = x.shape[-3:]
    n_out = dy.shape[-1]
    dW = aligned_zeros((k * k * n_in * n_out,), x.dtype)
    pair = tuple(np.ascontiguousarray(a).reshape(1, -1, prod(a.shape[-3:])) for a in (x, dy))
    outer([pair], dW, geometry(H, W, n_in, n_out, k), dW.size * x.size)
    return dW.reshape(k, k, n_in, n_out)


def _map(x: Array, matrix: Array, n_out: int, k: int) -> Array:
    H, W, n_in = x.shape[-3:]
    images = np.ascontiguousarray(x).reshape(-1, H * W * n_in)
    y = aligned_empty((len(images), H * W * n_out), x.dtype)
    none = np.empty((0, 0), x.dtype)
    correlate(0, len(y), images, matrix, none, matrix, y, geometry(H, W, n_in, n_out, k))
    return y.reshape(*x.shape[:-1], n_out)
