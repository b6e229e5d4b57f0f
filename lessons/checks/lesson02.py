"""Lesson 2: the step that has no slope."""

import numpy as np


from . import prepare, table

prepare(__name__)

SITES = np.array([0.0, -2.0, -0.4, -0.07, 0.03, 0.2, 1.5])
SLOPES = (10.0, 3.0)


@table("2.1", "sigma", "A soft step, of height 2 / slope, with slope 1 at the threshold.")
def sigma():
    """Exercise 2.1: the primitive of the surrogate derivative."""
    for slope in SLOPES:
        yield SITES, slope


@table("2.3", "sigma_second", "At the threshold it jumps by 4 slope, from +2 slope to -2 slope.")
def sigma_second():
    """Exercise 2.3: the curvature."""
    for slope in SLOPES:
        yield SITES, slope
