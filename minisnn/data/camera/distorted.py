"""Event counts distorted like handwriting, for training: turned, stretched, sheared and bent a
little.

With c the middle of the picture, a cell at q = (y, x) of the result looks at

    c + R(a) S D (q - c) + b(q)

    R(a)  turns by a, S = [[1, k], [0, 1]] shears, D = diag(exp(s_y), exp(s_x)) stretches
    b(q)  a smooth field: normal values at 4 x 4 knots, bilinear in between

and takes its counts, bilinear between four cells, with nothing outside. A fraction of a count
is rounded up with that fraction's probability. a, k and s are uniform, of the widths below.

Koch, Zemel & Salakhutdinov 2015 found such distortions to help in learning characters from one
drawing.
"""

import math

import numpy as np

from ...arguments import need
from ...parallel.compilation import njit

TURN = 0.12  # largest angle, rad
STRETCH = 0.11  # largest logarithm of the stretch, drawn separately for each axis
SHEAR = 0.15
BEND = 0.013  # standard deviation at a knot, of the picture's rows or columns
KNOTS = 4


def distorted(x: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Distort event counts x (B, T, H, W, C). Each sample is distorted by its own random draw,
    which is the same for all its time steps; `strength` multiplies all widths.

    Counts stay whole numbers where x is uint8; floating-point ones are not rounded. Raises
    ValueError if x has no rows and columns.
    """
    need("x", x.shape, x.ndim == 5, "samples (B, T, H, W, C) with rows and columns")
    whole = x.dtype == np.uint8
    sides = x.shape[2:4]
    middle = np.reshape(sides, (2, 1, 1)) / 2 - 0.5
    knots = np.arange(KNOTS)
    # (rows, KNOTS) and (columns, KNOTS): weights of the knots
    rows, columns = (
        np.maximum(0.0, 1.0 - np.abs(np.linspace(0, KNOTS - 1, side)[:, None] - knots))
        for side in sides
    )
    out = np.empty_like(x)
    for counts, found in zip(x, out):
        angle, shear, *stretch = strength * rng.uniform(-1, 1, 4) * (TURN, SHEAR, STRETCH, STRETCH)
        bend = strength * BEND * rng.standard_normal((2, KNOTS, KNOTS))
        turned = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        matrix = np.array(turned) @ [[1, shear], [0, 1]] @ np.diag(np.exp(stretch))
        places = np.einsum("ij,jyx->iyx", matrix, np.indices(sides) - middle) + middle
        field = np.array([rows @ knot @ columns.T for knot in bend])
        places += field * np.reshape(sides, (2, 1, 1))
        exact = np.zeros(counts.shape, float if whole else x.dtype)
        _look(counts, places, exact)
        found[:] = np.floor(exact + rng.random(exact.shape)) if whole else exact
    return out


@njit(cache=True, nogil=True)
def _look(x, places, out):
    """Sample x bilinearly at positions (2, H, W), and add the result to out (T, H, W, C)."""
    steps, height, width, channels = x.shape
    for i in range(height):
        for j in range(width):
            top = math.floor(places[0, i, j])
            left = math.floor(places[1, i, j])
            for a in range(top, top + 2):
                for b in range(left, left + 2):
                    if 0 <= a < height and 0 <= b < width:
                        weight = (1 - abs(places[0, i, j] - a)) * (1 - abs(places[1, i, j] - b))
                        for t in range(steps):
                            for c in range(channels):
                                out[t, i, j, c] += weight * x[t, a, b, c]
