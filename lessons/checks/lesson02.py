"""Lesson 2: the step that has no slope."""

import numpy as np

import minisnn as ms

from . import mine, table

mine.prepare(__name__)

SITES = np.array([0.0, -2.0, -0.4, -0.07, 0.03, 0.2, 1.5])
SLOPES = (10.0, 3.0)


@table("2.1", "sigma", "A soft step, of height 2 / slope, with slope 1 at the threshold.")
def sigma():
    """Exercise 2.1: the primitive of the surrogate derivative."""
    for slope in SLOPES:
        yield SITES, slope


@table(
    "2.2",
    "dL/dw dL/db",
    "Where the spike is as it should be, nothing is left to learn: the gradient is 0.",
)
def gradient():
    """Exercise 2.2: the surrogate gradient of one spike."""
    for threshold, y in ((0.0, 1.0), (0.3, 0.0), (0.5, 1.0)):
        at_threshold = (2.0, threshold - 1.0, 0.5)
        for w, b, p in ((1.3, -0.4, 0.7), (0.5, -0.6, 0.2), (2.0, 0.1, 0.6), at_threshold):
            yield w, b, p, y, ms.LIF(threshold=threshold, slope=4.0)


@table("2.3", "sigma_second", "At the threshold it jumps by 4 slope, from +2 slope to -2 slope.")
def sigma_second():
    """Exercise 2.3: the curvature."""
    for slope in SLOPES:
        yield SITES, slope


@table("2.4", "jet", "Smooth, and at a0 it has the spike's value, slope and curvature.")
def jet():
    """Exercise 2.4: the parabola with the spike's value, slope and curvature."""
    rng = np.random.default_rng(0)
    a0 = np.append(rng.uniform(0.05, 0.5, 8) * rng.choice([-1, 1], 8), 0.0)
    yield a0 + rng.uniform(-0.1, 0.1, 9), a0, 10.0
