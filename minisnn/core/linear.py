"""The linear map of a layer: a convolution, or a dense layer as that of a 1 x 1 image.

Convolution here is cross-correlation of stride s with zero padding (k - 1) / 2, k odd:

    y[h, w] = sum_ij x[s h + i - pad, s w + j - pad] weight[i, j]

It is linear in x and in the weight, and so are its two adjoints: each is its own derivative along
either.

Shapes: x (..., H, W, C_in), weight (k, k, C_in, C_out), y (..., ceil(H / s), ceil(W / s), C_out).
"""

import numpy as np

from .dual import Array, bilinear


def _rows(x: Array, k: int, s: int) -> Array:
    """What a kernel's row sees at each row h of the padded image and each s-th site w of it,
    (images, H + k - 1, ceil(W / s), k C_in)."""
    *lead, H, W, C = x.shape
    pad = k // 2
    padded = np.zeros((int(np.prod(lead)), H + 2 * pad, W + 2 * pad, C), x.dtype)
    padded[:, pad : pad + H, pad : pad + W] = x.reshape(-1, H, W, C)
    seen = np.lib.stride_tricks.sliding_window_view(padded, k, 2)[:, :, ::s]
    return np.moveaxis(seen, -1, -2).reshape(*seen.shape[:3], k * C)


def _row(rows: Array, i: int, s: int, height: int) -> Array:
    """What the kernel's row i sees at each site, (images, sites, k C_in)."""
    some = rows[:, i : i + s * (height - 1) + 1 : s]
    return some.reshape(len(rows), height * rows.shape[2], rows.shape[3])


@bilinear
def conv(x: Array, weight: Array, s: int = 1) -> Array:
    """y = W x."""
    k, _, C_in, C_out = weight.shape
    *lead, H, W, _ = x.shape
    h, w = -(-H // s), -(-W // s)
    if k == s == 1:
        return (x.reshape(-1, C_in) @ weight[0, 0]).reshape(*lead, h, w, C_out)
    rows = _rows(x, k, s)
    y = sum(_row(rows, i, s, h) @ weight[i].reshape(k * C_in, C_out) for i in range(k))
    return y.reshape(*lead, h, w, C_out)


@bilinear
def conv_input(dy: Array, weight: Array, s: int, size: tuple[int, int]) -> Array:
    """dx = W^T dy for an image of this size (H, W): the convolution with the kernel turned round."""
    if s > 1:
        spread = np.zeros((*dy.shape[:-3], *size, dy.shape[-1]), dy.dtype)
        spread[..., ::s, ::s, :] = dy
        dy = spread
    return conv(dy, weight[::-1, ::-1].transpose(0, 1, 3, 2))


@bilinear
def conv_weight(x: Array, dy: Array, k: int, s: int = 1) -> Array:
    """dW[i, j] = sum x[s h + i - pad, s w + j - pad] dy[h, w], summed over every image."""
    *_, h, w, C_out = dy.shape
    C_in = x.shape[-1]
    if k == s == 1:
        return (x.reshape(-1, C_in).T @ dy.reshape(-1, C_out)).reshape(1, 1, C_in, C_out)
    rows = _rows(x, k, s)
    dy = dy.reshape(-1, C_out)
    found = [_row(rows, i, s, h).reshape(-1, k * C_in).T @ dy for i in range(k)]
    return np.stack(found).reshape(k, k, C_in, C_out)
