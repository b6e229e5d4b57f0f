"""Counts of events distorted as handwriting is, beside SciPy's interpolation."""

import math
import re

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import map_coordinates

from minisnn.data.camera.distorted import BEND, KNOTS, SHEAR, STRETCH, TURN, distorted

SHAPE = 5, 3, 14, 11, 2


def by_scipy(x: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """One sample (T, H, W, C), by the equations of the module with other tools."""
    height, width = x.shape[1:3]
    a, k, *s = strength * rng.uniform(-1, 1, 4) * [TURN, SHEAR, STRETCH, STRETCH]
    knots = strength * BEND * rng.standard_normal((2, KNOTS, KNOTS))
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.empty((2, height, width))
    for i in range(height):
        for j in range(width):
            y, z = math.exp(s[0]) * (i - middle[0]), math.exp(s[1]) * (j - middle[1])
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


def test_fractions_of_a_count_are_rounded_by_chance_and_the_mean_is_kept(rng):
    x = rng.poisson(2.0, (1, *SHAPE[1:])).astype(np.uint8)
    exact = distorted(x.astype(float), np.random.default_rng(7))
    number = 4000

    class SameBend:
        """Draws of the distortion that stay the same, draws of the rounding that do not."""

        def __init__(self, seed):
            self.bend, self.up = np.random.default_rng(7), np.random.default_rng(seed)
            self.uniform, self.standard_normal = self.bend.uniform, self.bend.standard_normal
            self.random = self.up.random

    each = [distorted(x, SameBend(seed)) for seed in range(number)]
    assert each[0].dtype == np.uint8
    assert all((np.abs(one - exact) < 1).all() for one in each[:50])
    deviation = np.sqrt((exact % 1) * (1 - exact % 1) / number)
    assert (np.abs(np.mean(each, 0) - exact) <= 5.5 * deviation + 1e-12).all()


def test_without_strength_nothing_moves_and_the_recordings_stay_what_they_were(rng):
    x = rng.poisson(2.0, SHAPE).astype(np.uint8)
    before = x.copy()
    assert (distorted(x, np.random.default_rng(1), 0.0) == x).all()
    moved = distorted(x, np.random.default_rng(1))
    assert (x == before).all() and (moved != x).any()
    assert (moved == distorted(x, np.random.default_rng(1))).all()


def test_sequences_without_rows_and_columns_are_refused():
    with pytest.raises(ValueError, match=re.escape("x is (4, 9, 6); expected samples (B, T, H, W")):
        distorted(np.zeros((4, 9, 6)), np.random.default_rng(0))
