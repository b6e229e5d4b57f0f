"""Dense correlations of width 5 with two and a half times fewer multiplications (Winograd 1980; Lavin & Gray 2016).

Four neighbours of a row, y_m = sum_j w_j x_{m+j} with j < 5, are what a product of polynomials is: evaluate both at eight
points, multiply there, and interpolate,

    y = A ((G w) * (B x))        x eight columns of a halo row, y four, w the five taps

so eight multiplications do the work of twenty. It is done along the columns; kernel rows and channels are summed at the
points. The same numbers as the direct sum, up to rounding.
"""

from fractions import Fraction

import numpy as np

from ..parallel.compilation import njit
from .vector import aligned_empty, gemm

TAPS, OUTPUTS = 5, 4
POINTS = TAPS + OUTPUTS - 1


def _times(p: list, root) -> list:
    """Coefficients, lowest first, of p(x) (x - root)."""
    return [a - root * b for a, b in zip([0, *p], [*p, 0])]


def _transforms() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, G, B) of Toom and Cook for the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity."""
    points = [Fraction(*p) for p in ((0, 1), (1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2))]
    A = [[p**m for p in points] + [Fraction(m == OUTPUTS - 1)] for m in range(OUTPUTS)]
    G, B, everywhere = [], [], [Fraction(1)]
    for p in points:
        others, scale = [Fraction(1)], Fraction(1)
        for q in points:
            if q != p:
                others, scale = _times(others, q), scale * (p - q)
        G.append([p**j / scale for j in range(TAPS)])
        B.append([*others, 0])
        everywhere = _times(everywhere, p)
    G.append([Fraction(j == TAPS - 1) for j in range(TAPS)])
    B.append(everywhere)
    return tuple(np.array(M, float) for M in (A, G, B))


A, G, B = _transforms()


def fits(g) -> bool:
    """Whether the geometry (H, W, n_from, n_to, k) can be done this way: kernel 5 and full tiles of 4 columns."""
    return g[4] == TAPS and g[1] % OUTPUTS == 0 and g[3] % 16 == 0


def matrices(dtype) -> np.ndarray:
    """A, G and B one after the other, flat."""
    return np.concatenate([M.ravel() for M in (A, G, B)]).astype(dtype)


@njit(nogil=True, cache=True, error_model="numpy")
def _transform(weight, m, points, plane):
    """points[n] (k, n_from n_to) = sum_j G[n, j] weight[:, j], weight (k, k, n_from n_to)."""
    for i in range(5):
        gemm(m, 32, 0, 5, 1, weight, i * 5 * plane, 0, plane, points, i * plane, 5 * plane, 8, plane, 1, 5)


def transform(weight: np.ndarray, plane: int) -> np.ndarray:
    """The weight of a dense or back layout at the eight points: flat (8, k, n_from, n_to); plane = n_from n_to."""
    points = aligned_empty((POINTS * TAPS * plane,), weight.dtype)
    points[...] = 0
    _transform(weight, matrices(weight.dtype), points, plane)
    return points


@njit(nogil=True, cache=True, error_model="numpy")
def correlate(x, images, size, weight, y, to, m, at_points, sums, H, W, n_from, n_to):
    """y[to:] += correlation of `images` halo images in a row, x from its start, each of that size; y images of H W n_to.

    at_points (8, H, images, W / 4, n_from) and sums (8, H, images, W / 4, n_to) are scratch; weight from `transform`.
    """
    tiles, pitch = W // 4, (W + 4) * n_from
    row, out_row = images * tiles * n_from, images * tiles * n_to
    at_points[: 8 * H * row] = 0
    sums[: 8 * H * out_row] = 0
    for h in range(H):
        for f in range(images):
            for tile in range(tiles):
                gemm(
                    m,
                    72,
                    0,
                    8,
                    1,
                    x,
                    f * size + h * pitch + 4 * tile * n_from,
                    0,
                    n_from,
                    at_points,
                    h * row + (f * tiles + tile) * n_from,
                    H * row,
                    8,
                    n_from,
                    1,
                    8,
                )
    for point in range(8):
        for h in range(H):
            top, bottom = max(2 - h, 0), min(5, H + 2 - h)  # kernel rows that lie in the image
            gemm(
                at_points,
                (point * H + h - 2 + top) * row,
                row,
                n_from,
                1,
                weight,
                (point * 5 + top) * n_from * n_to,
                n_from * n_to,
                n_to,
                sums,
                (point * H + h) * out_row,
                n_to,
                images * tiles,
                n_to,
                bottom - top,
                n_from,
            )
    for h in range(H):
        for f in range(images):
            for tile in range(tiles):
                gemm(
                    m,
                    0,
                    0,
                    8,
                    1,
                    sums,
                    h * out_row + (f * tiles + tile) * n_to,
                    0,
                    H * out_row,
                    y,
                    to + ((f * H + h) * W + 4 * tile) * n_to,
                    n_to,
                    4,
                    n_to,
                    1,
                    8,
                )
