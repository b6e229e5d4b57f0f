"""Dense images through the weights, in parallel: directly, or with two and a half times fewer multiplications where the kernel
is 5 wide (Winograd 1980; Lavin & Gray 2016).

Four neighbours of a row, y_m = sum_j w_j x_{m+j} with j < 5, are what a product of polynomials is: evaluate both at eight
points, multiply there, and interpolate,

    y = A ((G w) * (B x))        x eight columns of a halo row, y four, w the five taps

so eight multiplications do the work of twenty. It is done along the columns; kernel rows and channels are summed at the
points. The same numbers as the direct sum, up to rounding.
"""

import math
from fractions import Fraction

import numpy as np

from ..parallel.compilation import njit
from ..parallel.threads import parallel
from . import linear
from .records import Geometry, Left, Out, Right
from .vector import aligned_empty, gemm, zeros

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


def fits(g: Geometry) -> bool:
    """Whether the map can be done this way: kernel 5 and full tiles of 4 columns."""
    return g.k == TAPS and g.W % OUTPUTS == 0 and g.n_out % 16 == 0


def matrices(dtype) -> np.ndarray:
    """A, G and B one after the other, flat."""
    return np.concatenate([M.ravel() for M in (A, G, B)]).astype(dtype)


@njit(nogil=True, cache=True, error_model="numpy")
def _transform(weight, m, points, plane):
    """points[n] (k, n_from n_to) = sum_j G[n, j] weight[:, j], weight (k, k, n_from n_to)."""
    for i in range(5):
        taps, out = Right(i * 5 * plane, 0, plane), Out(i * plane, 5 * plane)
        gemm(m, Left(32, 0, 5, 1), weight, taps, points, out, 8, plane, 1, 5)


def transform(weight: np.ndarray, plane: int) -> np.ndarray:
    """The weight of a dense or back layout at the eight points: flat (8, k, n_from, n_to); plane = n_from n_to."""
    points = aligned_empty((POINTS * TAPS * plane,), weight.dtype)
    points[...] = 0
    _transform(weight, matrices(weight.dtype), points, plane)
    return points


@njit(nogil=True, cache=True, error_model="numpy")
def interpolate(x, images, weight, y, m, at_points, sums, g):
    """y += correlation of `images` halo images in a row; weight from `transform`, m = `matrices`.

    at_points (8, H, images, W / 4, n_in) and sums (8, H, images, W / 4, n_out) are scratch.
    """
    H, n_from, n_to = g.H, g.n_in, g.n_out
    tiles, pitch = g.W // 4, (g.W + 4) * n_from
    row, out_row = images * tiles * n_from, images * tiles * n_to
    at_points[: 8 * H * row] = 0
    sums[: 8 * H * out_row] = 0
    for h in range(H):
        for f in range(images):
            for tile in range(tiles):
                columns = Right((f * H + h) * pitch + 4 * tile * n_from, 0, n_from)
                out = Out(h * row + (f * tiles + tile) * n_from, H * row)
                gemm(m, Left(72, 0, 8, 1), x, columns, at_points, out, 8, n_from, 1, 8)
    for point in range(8):
        for h in range(H):
            top, bottom = max(2 - h, 0), min(5, H + 2 - h)  # kernel rows that lie in the image
            left = Left((point * H + h - 2 + top) * row, row, n_from, 1)
            taps = Right((point * 5 + top) * n_from * n_to, n_from * n_to, n_to)
            out = Out((point * H + h) * out_row, n_to)
            gemm(at_points, left, weight, taps, sums, out, images * tiles, n_to, bottom - top, n_from)
    for h in range(H):
        for f in range(images):
            for tile in range(tiles):
                points = Right(h * out_row + (f * tiles + tile) * n_to, 0, H * out_row)
                out = Out(((f * H + h) * g.W + 4 * tile) * n_to, n_to)
                gemm(m, Left(0, 0, 8, 1), sums, points, y, out, 4, n_to, 1, 8)


@njit(nogil=True, cache=True, error_model="numpy")
def correlate(start, stop, x, weight, x2, weight2, y, g):
    """y = W x, and + W2 x2 where x2 is given, for plain or halo images x (n, ...)."""
    pad = g.k // 2
    plain = x.shape[1] == g.H * g.W * g.n_in
    halo = zeros(g.H * (g.W + 2 * pad) * g.n_in if plain else 0, y)
    for n in range(start, stop):
        y[n] = 0
        if plain:
            linear.to_halo(x[n], 0, halo, g.H, g.W, g.n_in, pad)
        linear.correlate(halo if plain else x[n], weight, y[n], g)
        if x2.size > 0:
            linear.correlate(x2[n], weight2, y[n], g)


@njit(nogil=True, cache=True, error_model="numpy")
def correlate_at_points(start, stop, x, points, x2, points2, y, images, g, matrices):
    """The same by `interpolate`; an item is a group of `images` images."""
    plain, size, rows = x.shape[1] == g.H * g.W * g.n_in, g.H * (g.W + 4) * g.n_in, 2 * g.H * images * g.W
    at_points, sums, halo = zeros(rows * g.n_in, y), zeros(rows * g.n_out, y), zeros(size * images if plain else 0, y)
    for item in range(start, stop):
        first, last = item * images, min((item + 1) * images, x.shape[0])
        out = y[first:last].reshape(-1)
        out[:] = 0
        if plain:
            for n in range(first, last):
                linear.to_halo(x[n], 0, halo[(n - first) * size :], g.H, g.W, g.n_in, 2)
        seen = halo if plain else x[first:last].reshape(-1)
        interpolate(seen, last - first, points, out, matrices, at_points, sums, g)
        if x2.size > 0:
            interpolate(x2[first:last].reshape(-1), last - first, points2, out, matrices, at_points, sums, g)


def through(y: np.ndarray, x: np.ndarray, weight, x2: np.ndarray | None, weight2, g: Geometry, back: bool) -> np.ndarray:
    """y (B, m, ...) = W x + W2 x2, image by image; g the geometry of the map, `back` where it is that of the adjoint."""

    def images(a):
        return a.reshape(-1, a.shape[2])

    n, x2, weight2 = y.shape[0] * y.shape[1], np.empty((0, 0, 1), y.dtype) if x2 is None else x2, weight2 or weight
    work = y.shape[0] * y.shape[2] * g.n_in * g.k
    if fits(g) and n > 2:  # two images are not worth the weights at eight points
        group = 8 // math.gcd(g.W // OUTPUTS, 8)  # images whose tiles fill the rows of a register tile
        first, second = (w.points(back) for w in (weight, weight2))
        m = matrices(y.dtype)
        arguments = (images(x), first, images(x2), second, images(y), group, g, m)
        parallel(correlate_at_points, -(-n // group), *arguments, work=work)
    else:
        first, second = (w.back if back else w.dense for w in (weight, weight2))
        parallel(correlate, n, images(x), first, images(x2), second, images(y), g, work=work)
    return y
