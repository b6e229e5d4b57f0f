"""Lesson 14: into integers, and in words of which length."""

import numpy as np

from . import mine, table

mine.prepare(__name__)


@table("14.1", "result", "One shift, one addition: all four fit any chip.", whole=True)
def shift():
    """Exercise 14.1: four ways to round."""
    for mode in ("floor", "zero", "nearest", "stochastic"):
        for k in (3, 5):
            for x in range(-20, 21):
                yield x, k, mode, (3 * x + 40) % 2**k
        for x in (2**60 + 127, 2**60 - 1, 1 - 2**60, -(2**60) - 127):  # 53 bits are a float's
            yield x, 7, mode, 1


@table("14.2", "Y", "Lesson 1's line, and nothing but whole numbers.", whole=True)
def trace():
    """Exercise 14.2: a leaky memory in integers."""
    for seed, case in enumerate(((3686, 5, "floor"), (3891, 3, "nearest"), (3000, 4, "zero"))):
        yield np.random.default_rng(seed).integers(-40, 41, 50).tolist(), *case


@table("14.3", "F", "Each bit halves the error.", whole=True)
def fraction_bits():
    """Exercise 14.3: how many bits a tolerance costs."""
    yield 0.5, 0.5, (3686,)
    yield 0.1, 1, (3891, 3686)
    yield 0.03, 0.5, (3891, 3686, 2662)
    yield 4, 1, (2048, 2048)
    yield 0.25, 1, (4064, 1024, 512)
    yield 1000, 1, (3891, 3686)


@table("14.4", "low high bits", "No input, however wicked, can make this word overflow.")
def widest():
    """Exercise 14.4: interval analysis of an accumulator."""
    yield np.random.default_rng(0).integers(-128, 128, (40, 5)), 4096
    yield np.array([[1], [1]]), 64
    yield np.array([[-2], [-2]]), 64
    yield np.array([[3], [4]]), 7
    yield np.array([[-1], [0]]), 1


@table("14.5", "x", "A few large weights are worth clipping.")
def exponent():
    """Exercise 14.5: the exponent of the least squared error."""
    rng = np.random.default_rng(3)
    heavy = np.concatenate([rng.standard_normal(400) * 0.05, [1.9, -2.2]])
    yield np.random.default_rng(4).random(30), 3  # one more integer at the top would matter here
    yield rng.standard_normal(500), 4
    yield heavy, 4
    yield heavy, 3
    yield rng.standard_normal((40, 5)) * 0.01, 2
    yield heavy, 8
    # so large, and so small, that the ends of the range count
    yield rng.standard_normal(50) * 30, 2
    yield rng.standard_normal(50) * 2e-5, 3
    yield rng.standard_normal(50) * 1e-6, 3
    yield np.array([0.5, 1.0, -1.5]), 8  # any smaller exponent has no error either
