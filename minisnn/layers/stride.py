"""A convolution of stride s as one of stride 1: s x s sites of its input are the channels of one.

    y[h, w] = sum_ij x[s h + i - pad, s w + j - pad] weight[i, j]

Site (h, w) of an image becomes channel ((h mod s) s + w mod s) C + c of site (h div s, w div s), and
the kernel's tap i - pad = s a + r becomes tap a of the sites' row r. Taps that the kernel does not
have are zero. So whatever computes a convolution of stride 1 computes one of any stride.

Shapes: x (..., H, W, C), folded (..., ceil(H / s), ceil(W / s), s s C); weight (k, k, C_in, C_out).
"""

import numpy as np


def folded_kernel(k: int, s: int) -> int:
    """The odd size of the kernel of stride 1."""
    return 2 * -(-(k // 2) // s) + 1


def fold(x: np.ndarray, s: int) -> np.ndarray:
    """The image of s x s sites as channels; zeros where its size is no multiple of s."""
    *lead, H, W, C = x.shape
    x = np.pad(x, [(0, 0)] * len(lead) + [(0, -H % s), (0, -W % s), (0, 0)])
    h, w = x.shape[-3] // s, x.shape[-2] // s
    x = x.reshape(*lead, h, s, w, s, C)
    return np.moveaxis(x, -4, -3).reshape(*lead, h, w, s * s * C)


def unfold(x: np.ndarray, s: int, shape: tuple[int, int, int]) -> np.ndarray:
    """The image (..., H, W, C) of a folded one: the adjoint of `fold`, and its inverse."""
    H, W, C = shape
    *lead, h, w, _ = x.shape
    x = np.moveaxis(x.reshape(*lead, h, w, s, s, C), -3, -4)
    return x.reshape(*lead, h * s, w * s, C)[..., :H, :W, :]


def fold_weight(weight: np.ndarray, s: int) -> np.ndarray:
    """The weight (k', k', s s C_in, C_out) of stride 1."""
    k, _, n_in, n_out = weight.shape
    wide = folded_kernel(k, s)
    taps = np.zeros((wide * s, wide * s, n_in, n_out), weight.dtype)
    first = wide // 2 * s - k // 2
    taps[first : first + k, first : first + k] = weight
    taps = np.moveaxis(taps.reshape(wide, s, wide, s, n_in, n_out), 1, 2)
    return taps.reshape(wide, wide, s * s * n_in, n_out)


def unfold_weight(weight: np.ndarray, s: int, k: int) -> np.ndarray:
    """The weight (k, k, C_in, C_out) of a folded one: the adjoint of `fold_weight`."""
    wide, _, n, n_out = weight.shape
    taps = np.moveaxis(weight.reshape(wide, wide, s, s, n // (s * s), n_out), 2, 1)
    taps = taps.reshape(wide * s, wide * s, n // (s * s), n_out)
    first = wide // 2 * s - k // 2
    return taps[first : first + k, first : first + k]
