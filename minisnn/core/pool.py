"""Pooling of 2 x 2 sites; odd rests are dropped.

Once it is known which site of each window is the largest, pooling is linear:

    v = sum_k share_k u_k       share 1 for the first among the largest, in row-major order; or 1/4

Max-pooling the membrane is max-pooling the spikes. Shapes: u (n, B, H, W, C), v (n, B, H // 2,
W // 2, C); the four shares are numbers, or arrays like v.
"""

from typing import Any

import numpy as np

from .dual import Array, linear

QUARTER = (0.25, 0.25, 0.25, 0.25)
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # row-major


def _sites(u: Array) -> list[Array]:
    """Views of the first, second, third and fourth site of each window."""
    H, W = u.shape[2:4]
    return [u[:, :, i : H // 2 * 2 : 2, j : W // 2 * 2 : 2] for i, j in CORNERS]


def largest(u: Array) -> tuple[Array, ...]:
    """True at the first among the largest sites of each window."""
    sites = _sites(u)
    top = np.maximum(np.maximum(sites[0], sites[1]), np.maximum(sites[2], sites[3]))
    shares = []
    free = np.ones(top.shape, bool)
    for site in sites:
        shares.append(free & (site == top))
        free &= ~shares[-1]
    return tuple(shares)


@linear
def gather(u: Array, shares: Any) -> Array:
    """v. A site that is not chosen has no part, even where a twin overflows there."""
    a, b, c, d = _sites(u)
    if shares is QUARTER:
        return 0.25 * (a + b + c + d)
    first, second, third, _ = shares
    return np.where(first, a, np.where(second, b, np.where(third, c, d)))


@linear
def scatter(dv: Array, shares: Any, size: tuple[int, int]) -> Array:
    """du of this size (H, W), the adjoint of `gather`: zero at odd rests."""
    du = np.zeros((*dv.shape[:2], *size, dv.shape[-1]), dv.dtype)
    for site, share in zip(_sites(du), shares):
        site[...] = share * dv
    return du
