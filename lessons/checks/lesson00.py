"""Lesson 0: play."""

import numpy as np

from . import table


@table("0.1", "learned", "All that the network learns, it learns by this line.")
def learn():
    """Exercise 0.1: one step down the gradient."""
    for seed in range(2):
        start, step_size, gradient = np.random.default_rng(seed).uniform(0.5, 2, (3, 4))
        yield start, step_size, gradient * (1, -1, 1, -1)
