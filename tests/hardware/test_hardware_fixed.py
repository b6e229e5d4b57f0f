"""Rounding, saturation and random numbers: exhaustive, or proven by arithmetic over the whole
period."""

from fractions import Fraction
from math import floor

import pytest

from minisnn.hardware.chip import formats

BOTH = pytest.mark.parametrize(
    "shift", [formats.shift, formats.shift.py_func], ids=["numba", "python"]
)


@BOTH
def test_every_rounding_of_every_small_number(shift):
    for k in range(7):
        for x in range(-300, 301):
            exact = Fraction(x, 1 << k)
            expected = dict(floor=floor(exact), zero=int(exact), nearest=floor(exact + 0.5))
            for rounding, whole in expected.items():
                assert shift(x, k, formats.ROUNDINGS[rounding], 0) == whole
            assert shift(x, -k, formats.ROUNDINGS["floor"], 0) == x << k


@BOTH
def test_stochastic_rounding_is_unbiased_over_all_noise(shift):
    mode = formats.ROUNDINGS["stochastic"]
    for k in range(8):
        for x in (*range(-300, 301), -5_000_001, 5_000_001):
            assert sum(shift(x, k, mode, noise) for noise in range(1 << k)) == x


def test_the_generator_is_the_published_one():
    """Of period 2^32 - 1 (Marsaglia 2003), by shifts of 13, 17, 5."""
    following = {1: 270369, 270369: 67634689, 0xFFFFFFFF: 0x3E01F}
    for function in (formats.xorshift32, formats.xorshift32.py_func):
        assert {state: function(state) for state in following} == following
