"""The linear map of a layer: a convolution, or a dense layer as that of a 1 x 1 image.

Convolution here is cross-correlation of stride 1 with zero padding (k - 1) / 2. The channels of the
1 x 1 image are all inputs of the dense layer, so one set of functions serves both.

Shapes: x (..., H, W, C_in), weight (k, k, C_in, C_out), y (..., H, W, C_out).
"""

import numpy as np


def _padded(x: np.ndarray, k: int) -> np.ndarray:
    h = k // 2
    return np.pad(x, [(0, 0)] * (x.ndim - 3) + [(h, h), (h, h), (0, 0)]) if h else x


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
