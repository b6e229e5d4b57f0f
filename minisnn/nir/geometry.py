"""Shapes and kernels of a chain's Conv2d nodes: what pools, what folds, what drops a rest."""

from __future__ import annotations

from typing import Any

import numpy as np

Sizes = tuple[int, ...]


def outcome(sides: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes) -> tuple[int, ...]:
    """Sides of what a Conv2d makes of an image."""
    return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(sides, kernel, stride, padding))


def fourfold(weight: np.ndarray) -> np.ndarray:
    """Of (..., k, k) on the means of 2 x 2 sites the same on the sites."""
    return weight.repeat(2, -2).repeat(2, -1) / 4


def repeats(weight: np.ndarray) -> bool:
    """Whether weights are `fourfold`: a mean of 2 x 2 sites lies in them."""
    sides = weight.shape[-2:]
    return not (sides[0] % 2 or sides[1] % 2) and np.array_equal(
        fourfold(4 * weight[..., ::2, ::2]), weight
    )


def ors(channels: int) -> np.ndarray:
    """The Conv2d that is the OR of 2 x 2 spikes, with stride 2: ones from each channel to
    itself."""
    return np.eye(channels)[:, :, None, None] * np.ones((2, 2))


def corners(channels: int, sides: Sizes) -> np.ndarray:
    """A Conv2d that takes the first of the sites that it sees, of each channel."""
    weight = np.zeros((channels, channels, *sides))
    weight[:, :, 0, 0] = np.eye(channels)
    return weight


def is_crop(node: Any, shape: Sizes) -> bool:
    """Whether a Conv2d does nothing but drop the last row or column of an image (C, H, W) of odd
    size."""
    if len(shape) != 3:
        return False
    sides = tuple(1 + n % 2 for n in shape[1:])
    return (
        max(sides) == 2
        and np.shape(node.weight) == (shape[0], shape[0], *sides)
        and np.array_equal(node.weight, corners(shape[0], sides))
        and not np.any(node.bias)
    )


def on_image(weight: np.ndarray, padding: Sizes, sides: Sizes) -> np.ndarray:
    """What of a kernel that fits once lies on the image."""
    (top, left) = padding
    (h, w) = sides
    beyond = [max(first + n - k, 0) for first, n, k in zip(padding, sides, weight.shape[2:])]
    wide = np.pad(weight, ((0, 0), (0, 0), (0, beyond[0]), (0, beyond[1])))
    return wide[:, :, top : top + h, left : left + w]
