"""Conversion of a layer of `core` to one of stride 1, as the kernels need it.

A convolution of stride s equals one of stride 1 whose input has s x s sites as channels. Site (h,
w) becomes channel ((h mod s) s + w mod s) C + c of site (h div s, w div s), and the tap i - pad = s
a + r of the kernel becomes tap a for the sites' row r; taps without a counterpart are 0.

Shapes: x (..., H, W, C), folded (..., ceil(H / s), ceil(W / s), s s C).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.dual import Array
from ..core.layer import Layer

EVERY_STEP = 1 << 30  # as `keep`: a tape stores every step of the window


@dataclass(frozen=True)
class Block(Layer):
    """A layer of stride 1 whose last `window` steps are differentiated."""

    window: int = 1
    compiled: Any = None  # `records.CompiledNeuron`


def block_of(layer: Layer, window: int, constants: dict[str, Any]) -> Block:
    """Return the block for a layer, with these constants in its neuron."""
    settings = dict(vars(layer))
    s = layer.stride
    if s > 1:
        settings["input_shape"] = (*layer.sites, s * s * layer.input_shape[2])
        settings["kernel"] = folded_kernel(layer.kernel, s)
        settings["stride"] = 1
    if constants:
        at = {name: float(a) for name, a in constants.items()}
        settings["neuron"] = replace(layer.neuron, **at)
    return Block(**settings, window=window)


def folded_kernel(k: int, s: int) -> int:
    """Return the (odd) kernel size of the equivalent layer of stride 1."""
    return 2 * -(-(k // 2) // s) + 1


def fold(x: Array, s: int) -> Array:
    """Return an image in which each cell of s x s sites becomes one site with more channels. The
    image is first padded with zeros."""
    *lead, H, W, C = x.shape
    x = np.pad(x, [(0, 0)] * len(lead) + [(0, -H % s), (0, -W % s), (0, 0)])
    h, w = x.shape[-3] // s, x.shape[-2] // s
    x = x.reshape(*lead, h, s, w, s, C)
    return np.moveaxis(x, -4, -3).reshape(*lead, h, w, s * s * C)


def unfold(x: Array, s: int, shape: tuple[int, int, int]) -> Array:
    """Return the image (..., H, W, C) that belongs to a folded one. This is both the adjoint of
    `fold` and its inverse."""
    H, W, C = shape
    *lead, h, w, _ = x.shape
    x = np.moveaxis(x.reshape(*lead, h, w, s, s, C), -3, -4)
    return x.reshape(*lead, h * s, w * s, C)[..., :H, :W, :]


def fold_weight(weight: Array, s: int) -> Array:
    """Return the weight (k', k', s s C_in, C_out) of the equivalent layer of stride 1."""
    k, _, n_in, n_out = weight.shape
    wide = s * folded_kernel(k, s)
    first = (wide // s) // 2 * s - k // 2
    taps = np.zeros((n_out, wide, wide, n_in), weight.dtype)
    taps[:, first : first + k, first : first + k] = np.moveaxis(weight, -1, 0)
    return np.moveaxis(fold(taps, s), 0, -1)


def unfold_weight(weight: Array, s: int, k: int) -> Array:
    """Return the weight (k, k, C_in, C_out) that belongs to a folded one. This is the adjoint of
    `fold_weight`."""
    wide = s * len(weight)
    taps = unfold(np.moveaxis(weight, -1, 0), s, (wide, wide, weight.shape[2] // s**2))
    first = len(weight) // 2 * s - k // 2
    return np.moveaxis(taps, 0, -1)[first : first + k, first : first + k]
