"""Counts of events distorted as handwriting is, beside SciPy's interpolation."""

import math

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import map_coordinates

from minisnn.data.camera.distorted import distorted

SHAPE = 5, 3, 14, 11, 2
TURN, SHEAR, STRETCH, BEND, KNOTS = 0.12, 0.15, 0.11, 0.013, 4


def by_scipy(x: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """One sample (T, H, W, C), by the equations of the module with other tools."""
    height, width = x.shape[1:3]
    a, k, *s = strength * rng.uniform(-1, 1, 4) * [TURN, SHEAR, STRETCH, STRETCH]
    knots = strength * BEND * rng.standard_normal((2, KNOTS, KNOTS))
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.empty((2, height, width))
    for i in range(height):
        for j in range(width):
            y = math.exp(s[0]) * (i - middle[0])
            z = math.exp(s[1]) * (j - middle[1])
            y = y + k * z
            turned = y * math.cos(a) - z * math.sin(a), y * math.sin(a) + z * math.cos(a)
            places[:, i, j] = middle + turned
    axes = [np.linspace(0, size - 1, KNOTS) for size in (height, width)]
    cells = np.stack(np.indices((height, width)), -1)
    for axis, size in enumerate((height, width)):
        places[axis] += size * RegularGridInterpolator(axes, knots[axis])(cells)
    planes = np.moveaxis(x, (1, 2), (2, 3)).reshape(-1, height, width)
    found = [map_coordinates(p, places, order=1, mode="grid-constant") for p in planes]
    return np.moveaxis(np.reshape(found, (len(x), x.shape[3], height, width)), 1, 3)


@pytest.mark.parametrize("strength", [0.5, 3.0])
def test_counts_are_those_of_the_places_that_the_equations_name(rng, strength):
    x = rng.poisson(2.0, SHAPE).astype(float)
    found = distorted(x, np.random.default_rng(7), strength)
    other = np.random.default_rng(7)
    for one, expected in zip(found, x):
        np.testing.assert_allclose(one, by_scipy(expected, other, strength), atol=1e-12)
    assert np.abs(found - x).mean() > 0.3
