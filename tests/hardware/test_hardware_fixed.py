"""Rounding, saturation and random numbers: exhaustive, or proven by arithmetic over the whole
period."""

from fractions import Fraction
from math import floor

import pytest

from minisnn.hardware.chip.formats import (
    FLOOR,
    NEAREST,
    STOCHASTIC,
    ZERO,
    shift,
    width,
    xorshift32,
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


def test_the_shortest_word_of_a_range():
    for low in range(-70, 1):
        for high in range(71):
            bits = width(low, high)
            assert -(1 << bits - 1) <= low and high < 1 << bits - 1
            assert bits == 1 or low < -(1 << bits - 2) or high >= 1 << bits - 2


# ---- the generator is linear over two elements: its states are vectors of 32 bits, a step is a
#   matrix


def columns():
    """Images of the 32 unit vectors under one step."""
    return [xorshift32(1 << n) for n in range(32)]


def apply(matrix, vector):
    out = 0
    while vector:
        low = vector & -vector
        out ^= matrix[low.bit_length() - 1]
        vector ^= low
    return out


def power(exponent):
    result, square = [1 << n for n in range(32)], columns()
    while exponent:
        if exponent & 1:
            result = [apply(square, column) for column in result]
        square = [apply(square, column) for column in square]
        exponent >>= 1
    return result


def rank(rows):
    rows, found = list(rows), 0
    while rows:
        pivot = rows.pop()
        if pivot:
            found += 1
            low = pivot & -pivot
            rows = [row ^ pivot if row & low else row for row in rows]
    return found


def test_steps_are_those_of_the_published_generator_and_linear():
    assert xorshift32(1) == 270369 and xorshift32(270369) == 67634689  # 13, 17, 5 from state 1
    matrix = columns()
    for state in (1, 2463534242, 0xFFFFFFFF, 0x80000001):
        assert xorshift32(state) == apply(matrix, state) == xorshift32.py_func(state)


def test_the_period_is_all_states_but_zero():
    period = 2**32 - 1
    assert power(period) == [1 << n for n in range(32)]
    for prime in (3, 5, 17, 257, 65537):  # period = their product
        assert power(period // prime) != [1 << n for n in range(32)]
    assert 3 * 5 * 17 * 257 * 65537 == period


@pytest.mark.parametrize("bits", [4, 8])
def test_numbers_of_any_two_synapses_of_a_readout_are_uncorrelated(bits):
    """Over the period, all 2^(2 bits) pairs of upper bits are equally frequent (but for the missing
    state zero) exactly where the map from a state to both has full rank. Held for all distances
    between the 5,125 synapses of Table 1's readout."""
    upper = [1 << 31 - n for n in range(bits)]
    # row n of a power of the step: which bits of the state make bit n after it; rows advance by the
    # transposed step
    step = [sum(((column >> n) & 1) << m for m, column in enumerate(columns())) for n in range(32)]
    rows, bad = upper, []
    for distance in range(1, 5125):
        rows = [apply(step, row) for row in rows]
        if rank(upper + rows) < 2 * bits:
            bad.append(distance)
    assert not bad
