"""Convolution of dense images, in parallel: directly, or for kernels of width 5 with six times fewer
multiplications (Winograd 1980; Lavin & Gray 2016).

Four adjacent outputs of a row, y_m = sum_j w_j x_{m+j} with j < 5, are coefficients of a product of
polynomials: evaluate both at eight points, multiply there, and interpolate,

    y = A ((G w) * (B x))        x eight columns of a halo row, y four, w the five taps

so eight multiplications replace twenty, and in two dimensions 64 replace 400. The weight gradient
is the transposed map of the same sum, with the same values at the points:

    dw = G^T ((B x) * (A^T dy))

The results equal the direct sum up to rounding: in float32 to 7e-6 of the largest value, where
direct sums reach 2e-7.
"""

import numpy as np

from ..parallel.arrays import aligned_empty
from ..parallel.compilation import njit
from ..parallel.shares import parallel
from ..vectors.llvm import mapped
from ..vectors.products import Left, Out, Right, gemm
from ..vectors.vector import axpy, copy, empty, zeros
from . import linear
from .records import Geometry, geometry

TAPS, OUTPUTS = 5, 4
POINTS = TAPS + OUTPUTS - 1


def _transforms() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices (A, G, B) of Toom and Cook's method for the points 0, 1, -1, 2, -2, 1/2,
    -1/2 and infinity. All numbers are exact except those in G."""
    points = np.array([0, 1, -1, 2, -2, 0.5, -0.5])
    powers = points[:, None] ** np.arange(TAPS)
    A = np.zeros((OUTPUTS, POINTS))
    G = np.zeros((POINTS, TAPS))
    B = np.zeros((POINTS, POINTS))
    A[:, :-1] = powers[:, :OUTPUTS].T
    for n, point in enumerate(points):
        others = np.delete(points, n)
        G[n] = powers[n] / np.prod(point - others)
        B[n, :-1] = np.poly(others)[::-1]
    A[-1, -1] = G[-1, -1] = 1
    B[-1] = np.poly(points)[::-1]
    return A, G, B


A, G, B = _transforms()
A_BACK = np.ascontiguousarray(A.T)

spread_points, weigh_points, from_points, gather_points = map(mapped, (A_BACK, G, A, G.T))
to_points, to_points_first, to_points_last, to_points_alone = (
    mapped(B[:, a:b]) for a, b in ((0, 8), (2, 8), (0, 6), (2, 6))
)
# tiles that are multiplied by the weights together: weights are reused this often per load from the
# second cache
ROWS = 32
# kinds of images that contribute to a weight gradient: window, tangent, steps before the window
PAIRS = 3
PIECE = 512  # numbers of a weight's plane that are transformed together, in the cache
# padding between the planes of the points, so that they do not evict each other from the cache
APART = 16


def fits(g: Geometry) -> bool:
    """Return whether Winograd's points can be used for the map: its kernel has size 5, and its
    width is a multiple of 4 columns."""
    return g.k == TAPS and g.W % OUTPUTS == 0 and g.n_out % 16 == 0


@njit(nogil=True, cache=True, error_model="numpy")
def _weigh(weight, points, plane):
    """Compute points (8, 8, plane) = G weight G^T of weight (5, 5, plane), one piece of the plane
    after another."""
    between = zeros(8 * 5 * PIECE, points)  # (8, 5, PIECE)
    for at in range(0, plane, PIECE):
        n = min(PIECE, plane - at)
        for j in range(5):
            weigh_points(weight, j * plane + at, 5 * plane, between, j * PIECE, 5 * PIECE, n)
        for q in range(8):
            weigh_points(between, q * 5 * PIECE, PIECE, points, q * 8 * plane + at, plane, n)


def transform(weight: np.ndarray, plane: int) -> np.ndarray:
    """Evaluate a weight in dense or back layout at the points: flat (8, 8, n_from, n_to); plane =
    n_from n_to."""
    points = aligned_empty((POINTS * POINTS * plane,), weight.dtype)
    _weigh(weight, points, plane)
    return points


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _multiply(X, apart, weight, q, sums, sums_apart, rows, g, fresh):
    """Add X weight to sums (8, rows, n_out) at the points (q, p); `fresh` sums start from zero."""
    for p in range(8):
        taps = Right((q * 8 + p) * g.n_in * g.n_out, 0, g.n_out)
        left = Left(p * apart, 0, g.n_in, 1)
        out = Out(p * sums_apart, g.n_out)
        gemm(X, left, weight, taps, sums, out, rows, g.n_out, 1, g.n_in, fresh)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _to_points(begin, end, x, at, step, X, to, apart, n):
    """Compute X (8, n) = B x for eight rows or columns, each of n numbers. Only those from begin (0
    or 2) to end-1 (6 or 8) lie in the image, and the first of them starts at x[at]; the others are
    zero."""
    if begin == 0 and end == 8:
        to_points(x, at, step, X, to, apart, n)
    elif begin == 0:
        to_points_last(x, at, step, X, to, apart, n)
    elif end == 8:
        to_points_first(x, at, step, X, to, apart, n)
    else:
        to_points_alone(x, at, step, X, to, apart, n)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _evaluate_rows(x, strip, seen, lines, apart, g):
    """Compute lines (8, strips, W n_in) = B x along the rows, for strips of four rows each from a
    plain or halo image x, starting with strip number `strip`. `seen`, with room for eight rows, is
    scratch. Return the number of the next strip."""
    pitch = x.size // g.H
    line = g.W * g.n_in
    edge = (pitch - line) // 2
    for top in range(-2, g.H - 2, 4):
        begin = max(-top, 0)
        end = min(8, g.H - top)
        if end == 6 or end == 8:
            _to_points(
                begin, end, x, (top + begin) * pitch + edge, pitch, lines, strip * line, apart, line
            )
        else:  # a strip of fewer than four rows, or the one before it
            seen[:] = 0
            for j in range(begin, end):
                copy(x[(top + j) * pitch + edge :][:line], seen[j * line :][:line])
            to_points(seen, 0, line, lines, strip * line, apart, line)
        strip += 1
    return strip


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _evaluate_columns(lines, at, strips, X, apart, g):
    """Compute X (8, rows, n_in) = lines B^T along the columns, one row for each tile."""
    n, row = g.n_in, 0
    for strip in range(strips):
        for left in range(-2, g.W - 2, 4):
            begin = max(-left, 0)
            end = min(8, g.W - left)
            _to_points(
                begin, end, lines, at + (strip * g.W + left + begin) * n, n, X, row * n, apart, n
            )
            row += 1


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _interpolate_columns(sums, apart, lines, at, strips, g):
    """Compute lines[at:] (strips, W n_out) = sums A^T along the columns."""
    n, row = g.n_out, 0
    for strip in range(strips):
        for tile in range(g.W // 4):
            from_points(sums, row * n, apart, lines, at + strip * g.row + 4 * tile * n, n, n)
            row += 1


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _interpolate_rows(lines, strip, apart, four, y, g):
    """Compute y = A lines along the rows, for the strips of an image from number `strip` on.
    `four`, with room for four rows, is scratch. Return the number of the next strip."""
    for top in range(0, g.H, 4):
        size = min(4, g.H - top) * g.row
        from_points(lines, strip * g.row, apart, four, 0, g.row, g.row)
        copy(four[:size], y[top * g.row :][:size])
        strip += 1
    return strip


@njit(nogil=True, cache=True, error_model="numpy")
def correlate(start, stop, x, weight, x2, weight2, y, g):
    """Compute y = W x, or W x + W2 x2 if x2 is given, for plain or halo images x (n, ...)."""
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
def correlate_at_points(start, stop, x, points, x2, points2, y, images, g):
    """Compute y = W x + W2 x2 at Winograd's points. One work item is a group of `images` images."""
    most = images * ((g.H + 3) // 4)
    two = x2.size > 0
    rows = (most * (g.W // 4) + 7) // 8 * 8
    line = g.W * g.n_in
    apart = rows * g.n_in + APART
    sums_apart = rows * g.n_out + APART
    lines_apart = most * line + APART
    back_apart = most * g.row + APART
    X = zeros(8 * apart, y)
    sums = empty(8 * sums_apart, y)
    seen = zeros(8 * line, y)
    four = zeros(4 * g.row, y)
    lines = empty(8 * lines_apart, y)
    lines2 = empty(8 * lines_apart if two else 0, y)
    back = empty(8 * back_apart, y)
    for item in range(start, stop):
        first = item * images
        last = min((item + 1) * images, x.shape[0])
        strips = strips2 = strip = 0
        for n in range(first, last):
            strips = _evaluate_rows(x[n], strips, seen, lines, lines_apart, g)
            if two:
                strips2 = _evaluate_rows(x2[n], strips2, seen, lines2, lines_apart, g)
        used = (strips * (g.W // 4) + 7) // 8 * 8
        for q in range(8):
            _evaluate_columns(lines, q * lines_apart, strips, X, apart, g)
            _multiply(X, apart, points, q, sums, sums_apart, used, g, True)
            if two:
                _evaluate_columns(lines2, q * lines_apart, strips, X, apart, g)
                _multiply(X, apart, points2, q, sums, sums_apart, used, g, False)
            _interpolate_columns(sums, sums_apart, back, q * back_apart, strips, g)
        for n in range(first, last):
            strip = _interpolate_rows(back, strip, back_apart, four, y[n], g)


@njit(nogil=True, error_model="numpy", borrows=True, inner=True)
def _weighed_rows(x, weights, top, line, to, at, g):
    """Set to[at:] to the weighted sum of the image's rows top + j of `line` numbers, with
    weights[j]."""
    pitch = x.size // g.H
    to[:] = 0
    for j in range(max(-top, 0), min(weights.size, g.H - top)):
        if weights[j] != 0:
            axpy(to, at, weights[j], x, (top + j) * pitch + (pitch - line) // 2, line)


@njit(nogil=True, cache=True, error_model="numpy")
def _outer_at_points(start, stop, pairs, images, dW, g):
    """Compute dW (8, 5, n_in, n_out) = G^T of the sum of (B x B^T) (outer) (A^T dV A) along the
    columns, for pairs of plain images x and plain or halo images dV (n, ...); an item is one of the
    eight points along the rows."""
    rows = images * ((g.H + 3) // 4) * (g.W // 4)
    n_in, n_out = g.n_in, g.n_out
    plane = n_in * n_out
    apart = rows * n_in + APART
    d_apart = rows * n_out + APART
    X = zeros(8 * apart, dW)
    Y = zeros(8 * d_apart, dW)
    seen = zeros((g.W + 4) * n_in, dW)
    d = zeros(g.row, dW)
    points = empty(8 * plane, dW)
    for q in range(start, stop):
        fresh = True
        for pair in range(len(pairs)):
            x, D = pairs[pair]
            for first in range(0, x.shape[0], images):
                row = 0
                for n in range(first, min(first + images, x.shape[0])):
                    for strip in range(0, g.H, 4):
                        _weighed_rows(D[n], A_BACK[q], strip, g.row, d, 0, g)
                        _weighed_rows(x[n], B[q], strip - 2, g.W * n_in, seen, 2 * n_in, g)
                        for tile in range(g.W // 4):
                            at = 4 * tile
                            spread_points(d, at * n_out, n_out, Y, row * n_out, d_apart, n_out)
                            to_points(seen, at * n_in, n_in, X, row * n_in, apart, n_in)
                            row += 1
                for p in range(8):
                    left = Left(p * apart, 0, 1, n_in)
                    right = Right(p * d_apart, 0, n_out)
                    out = Out(p * plane, n_out)
                    gemm(X, left, Y, right, points, out, n_in, n_out, 1, row, fresh)
                fresh = False
        gather_points(points, 0, plane, dW, q * 5 * plane, plane, plane)


@njit(nogil=True, cache=True, error_model="numpy")
def _from_points(points, dW, n):
    """Compute dW (5, n) = G^T of points (8, n): the last step of the weight gradient."""
    gather_points(points, 0, n, dW, 0, n, n)


@njit(nogil=True, cache=True, error_model="numpy")
def _outer(start, stop, pairs, dW, g):
    """Add the weight gradient from images to dW, directly. One work item is one kernel row."""
    pad = g.k // 2
    taps = g.k * g.n_in
    width = (g.W + 2 * pad) * g.n_in
    halo = zeros(g.H * width, dW)
    for i in range(start, stop):
        first = max(pad - i, 0)
        number = min(g.H, g.H + pad - i) - first
        for pair in range(len(pairs)):
            x, D = pairs[pair]
            pitch = D.shape[1] // g.H
            left = Left((first + i - pad) * width, width, 1, g.n_in)
            right = Right(first * pitch + (pitch - g.row) // 2, pitch, g.n_out)
            out = Out(i * taps * g.n_out, g.n_out)
            for n in range(x.shape[0]):
                linear.to_halo(x[n], 0, halo, g.H, g.W, g.n_in, pad)
                gemm(halo, left, D[n], right, dW, out, taps, g.n_out, number, g.W, False)


def outer(
    pairs: list[tuple[np.ndarray, np.ndarray]], dW: np.ndarray, g: Geometry, work: int
) -> None:
    """Add to dW (zeros in dense layout) the weight gradient, summed over `pairs`, at most `PAIRS`, of
    images x (B, m, ...), plain, and images dV, plain or halo. There is at least one image."""
    if g.H * g.W * g.k == 1:  # all steps of a site are columns of one image
        x, D = (np.concatenate([pair[n].ravel() for pair in pairs])[None, None] for n in (0, 1))
        pairs = [(x, D)]
        g = geometry(1, x.size // g.n_in, g.n_in, g.n_out, 1)
    (x, D) = pairs[0]
    pairs = pairs + [(x[:0], D[:0])] * (PAIRS - len(pairs))
    images = tuple((_images(x), _images(D)) for x, D in pairs)
    if fits(g):
        points = aligned_empty((POINTS * TAPS * g.n_in * g.n_out,), dW.dtype)
        group = max(ROWS // _tiles(g), 1)
        parallel(_outer_at_points, POINTS, images, group, points, g, work=work)
        _from_points(points, dW, dW.size // TAPS)
    else:
        parallel(_outer, g.k, images, dW, g, work=work)


def _tiles(g: Geometry) -> int:
    """Return the number of tiles of an image."""
    return -(-g.H // OUTPUTS) * (g.W // OUTPUTS)


def _images(a):
    return a.reshape(-1, a.shape[2])


def through(
    y: np.ndarray,
    x: np.ndarray,
    weight,
    x2: np.ndarray | None,
    weight2,
    g: Geometry,
    back: bool,
    least: int = 3,
) -> np.ndarray:
    """Compute y (B, m, ...) = W x + W2 x2, image by image; g is the geometry of the map, or of its
    adjoint if `back`. Winograd's points are used if g `fits` and there are at least `least` images:
    with fewer, transforming the weights takes longer than it saves."""
    work = y.shape[0] * y.shape[2] * g.n_in * g.k
    weight2 = weight2 or weight
    name = "back" if back else "dense"
    images = [np.empty((0, 1), y.dtype) if a is None else _images(a) for a in (x, x2, y)]
    if g.H * g.W * g.k == 1:  # all steps of a site are columns of one image
        g = geometry(1, len(images[2]), g.n_in, g.n_out, 1)
        images = [a.reshape(1, -1) for a in images]
    n = len(images[2])
    if fits(g) and n >= least:
        group = max(ROWS // _tiles(g), 1)
        first, second = (w.layout(name, points=True) for w in (weight, weight2))
        arguments = images[0], first, images[1], second, images[2], group, g
        parallel(correlate_at_points, -(-n // group), *arguments, work=work)
    else:
        first, second = (w.layout(name) for w in (weight, weight2))
        arguments = images[0], first, images[1], second, images[2], g
        parallel(correlate, n, *arguments, work=work)
    return y
