"""Rounding, saturation and random numbers: exhaustive, or proven by arithmetic over the whole
period."""

from fractions import Fraction
from math import floor

import pytest

from minisnn.hardware.chip.formats import ROUNDINGS, shift, xorshift32

FLOOR, ZERO, NEAREST, STOCHASTIC = (
    ROUNDINGS[name] for name in ("floor", "zero", "nearest", "stochastic")
)
BOTH = pytest.mark.parametrize("function", [shift, shift.py_func], ids=["numba", "python"])


@BOTH
def test_every_rounding_of_every_small_number(function):
    for k in range(7):
        for x in range(-300, 301):
            exact = Fraction(x, 1 << k)
            assert function(x, k, FLOOR, 0) == floor(exact)
            assert function(x, k, ZERO, 0) == int(exact)
            assert function(x, k, NEAREST, 0) == floor(exact + Fraction(1, 2))
            assert function(x, -k, FLOOR, 0) == x << k


@BOTH
def test_stochastic_rounding_is_unbiased_over_all_noise(function):
    for k in range(8):
        for x in (*range(-300, 301), -5_000_001, 5_000_001):
            assert sum(function(x, k, STOCHASTIC, noise) for noise in range(1 << k)) == x


def test_the_generator_is_the_published_one():
    """Of period 2^32 - 1 (Marsaglia 2003), by shifts of 13, 17, 5."""
    for function in (xorshift32, xorshift32.py_func):
        assert function(1) == 270369 and function(270369) == 67634689
        assert function(0xFFFFFFFF) == 0x3E01F
