"""The linear map of a layer: a convolution, or a dense layer as that of a 1 x 1 image.

Convolution here is cross-correlation of stride 1 with zero padding (k - 1) / 2. The channels of the
1 x 1 image are all inputs of the dense layer, so one set of functions serves both.

Shapes: x (..., H, W, C_in), weight (k, k, C_in, C_out), y (..., H, W, C_out).
"""

import numpy as np

from ..parallel.threads import multiplies


def _padded(x: np.ndarray, k: int) -> np.ndarray:
    h = k // 2
    if not h:
        return x
    *lead, H, W, C = x.shape
    padded = np.zeros((*lead, H + 2 * h, W + 2 * h, C), x.dtype)  # np.pad takes far longer
    padded[..., h:-h, h:-h, :] = x
    return padded


product = multiplies(np.matmul)


@multiplies
def correlate(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """y[h, w] = sum_ij x[h + i - pad, w + j - pad] weight[i, j] for images (..., H, W, C_in) ->
    (..., H, W, C_out)."""
    k = len(weight)
    H, W = x.shape[-3:-1]
    x = _padded(x, k)
    return sum(x[..., i : i + H, j : j + W, :] @ weight[i, j] for i in range(k) for j in range(k))


def correlate_input(dy: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Adjoint of `correlate` for its input: dx = W^T dy, (..., H, W, C_out) ->
    (..., H, W, C_in)."""
    return correlate(dy, weight[::-1, ::-1].transpose(0, 1, 3, 2))


@multiplies
def correlate_weight(x: np.ndarray, dy: np.ndarray, k: int) -> np.ndarray:
    """Adjoint of `correlate` for its weight, summed over every image:
    dW[i, j] = sum x[h + i - pad, w + j - pad] dy[h, w]."""
    H, W, n_out = dy.shape[-3:]
    x = _padded(x, k)
    dy = dy.reshape(-1, n_out)
    rows = [
        [x[..., i : i + H, j : j + W, :].reshape(-1, x.shape[-1]).T @ dy for j in range(k)]
        for i in range(k)
    ]
    return np.array(rows)


# ---- strides
#
# A convolution of stride s is one of stride 1: s x s sites of its input are the channels of one.
# Site (h, w) becomes channel ((h mod s) s + w mod s) C + c of site (h div s, w div s), and the
# tap i - pad = s a + r of the kernel becomes tap a of the sites' row r; taps that it has not are 0.
# Shapes: x (..., H, W, C), folded (..., ceil(H / s), ceil(W / s), s s C).


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
