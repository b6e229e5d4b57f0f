"""The linear map of a layer: a convolution, or a dense layer as that of a 1 x 1 image.

Convolution here is cross-correlation of stride s with zero padding (k - 1) / 2, k odd:

    y[h, w] = sum_ij x[s h + i - pad, s w + j - pad] weight[i, j]

It is linear in x and in the weight, and so are its two adjoints: each is its own derivative along
either.

Shapes: x (..., H, W, C_in), weight (k, k, C_in, C_out), y (..., h, w, C_out) with h = ceil(H / s)
and w = ceil(W / s). All but the last three axes are images.
"""

from collections.abc import Iterator

import numpy as np

from ..parallel.threads import multiplies
from .dual import Array, bilinear

CHUNK = 1 << 19  # numbers that kernels see at once: more would not stay in the processor's cache


def _chunks(images: int, numbers: int) -> Iterator[slice]:
    """Of images, of each of which kernels see so many numbers."""
    size = max(CHUNK // max(numbers, 1), 1)
    for start in range(0, images, size):
        yield slice(start, start + size)


def _padded(x: Array, k: int) -> Array:
    """The images with a margin of zeros, (images, H + k - 1, W + k - 1, C)."""
    *lead, H, W, C = x.shape
    pad = k // 2
    padded = np.zeros((int(np.prod(lead)), H + k - 1, W + k - 1, C), x.dtype)
    padded[:, pad : pad + H, pad : pad + W] = x.reshape(-1, H, W, C)
    return padded


def _seen(padded: Array, k: int, s: int) -> Array:
    """What the kernel sees at each of its sites, (images h w, k k C)."""
    seen = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (1, 2))[:, ::s, ::s]
    return np.moveaxis(seen, 3, -1).reshape(-1, k * k * padded.shape[-1])


@bilinear
@multiplies
def conv(x: Array, weight: Array, s: int = 1) -> Array:
    """y = W x."""
    k, _, C_in, C_out = weight.shape
    *lead, H, W, _ = x.shape
    h, w = -(-H // s), -(-W // s)
    matrix = weight.reshape(-1, C_out)
    if k == s == 1:
        return (x.reshape(-1, C_in) @ matrix).reshape(*lead, h, w, C_out)
    padded = _padded(x, k)
    y = np.empty((len(padded), h * w, C_out), x.dtype)
    for some in _chunks(len(padded), h * w * len(matrix)):
        np.matmul(_seen(padded[some], k, s), matrix, out=y[some].reshape(-1, C_out))
    return y.reshape(*lead, h, w, C_out)


@bilinear
@multiplies
def conv_input(dy: Array, weight: Array, s: int, size: tuple[int, int]) -> Array:
    """dx = W^T dy for images of this size (H, W): each tap of the kernel adds to the site that it
    has seen."""
    k, _, C_in, C_out = weight.shape
    *lead, h, w, _ = dy.shape
    H, W = size
    back = np.ascontiguousarray(weight.transpose(0, 1, 3, 2))
    if k == s == 1:
        return (dy.reshape(-1, C_out) @ back[0, 0]).reshape(*lead, H, W, C_in)
    dy = dy.reshape(-1, h, w, C_out)
    dx = np.zeros((len(dy), H + k - 1, W + k - 1, C_in), dy.dtype)
    for some in _chunks(len(dy), 2 * h * w * C_in):
        rows = dy[some].reshape(-1, C_out)
        for i, j in np.ndindex(k, k):
            tap = (rows @ back[i, j]).reshape(-1, h, w, C_in)
            dx[some, i : i + s * (h - 1) + 1 : s, j : j + s * (w - 1) + 1 : s] += tap
    pad = k // 2
    return dx[:, pad : pad + H, pad : pad + W].reshape(*lead, H, W, C_in)


@bilinear
@multiplies
def conv_weight(x: Array, dy: Array, k: int, s: int = 1) -> Array:
    """dW[i, j] = sum x[s h + i - pad, s w + j - pad] dy[h, w], summed over every image."""
    *_, h, w, C_out = dy.shape
    C_in = x.shape[-1]
    if k == s == 1:
        return (x.reshape(-1, C_in).T @ dy.reshape(-1, C_out)).reshape(1, 1, C_in, C_out)
    padded = _padded(x, k)
    dy = dy.reshape(len(padded), h * w, C_out)
    dW = np.zeros((k * k * C_in, C_out), x.dtype)
    for some in _chunks(len(padded), h * w * len(dW)):
        dW += _seen(padded[some], k, s).T @ dy[some].reshape(-1, C_out)
    return dW.reshape(k, k, C_in, C_out)
