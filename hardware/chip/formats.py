"""Fixed-point numbers (value = integer / 2^fraction), four ways to round them, and the chip's
random numbers.

    shift(x, k, mode, noise) = floor((x + c) / 2^k),   c = 0 (floor), 2^k - 1 where x < 0 (toward zero),
                                                       2^(k-1) (nearest, ties up), noise in [0, 2^k) (stochastic)

`shift` and `xorshift32` are compiled by numba for integers that fit 64 bits. The same source in
plain Python, `.py_func`, works for integers of any size.
"""

import numpy as np

from minisnn.arguments import one_of
from minisnn.parallel.compilation import njit

FLOOR, ZERO, NEAREST, STOCHASTIC = range(4)
ROUNDINGS = {"floor": FLOOR, "zero": ZERO, "nearest": NEAREST, "stochastic": STOCHASTIC}


def ends(bits: int) -> tuple[int, int]:
    """Return the lowest and the highest number that a signed word of this many bits can hold."""
    return -(1 << bits - 1), (1 << bits - 1) - 1


def width(low: int, high: int) -> int:
    """Return the number of bits in the shortest signed word that holds every integer from low to
    high."""
    return 1 + max((-low - 1 if low < 0 else 0).bit_length(), max(high, 0).bit_length())


def real(integers: np.ndarray, fraction: int) -> np.ndarray:
    """Convert fixed-point integers with this number of fraction bits to float64."""
    return np.ldexp(np.asarray(integers, np.float64), -fraction)


def nearest(value, fraction: int, low: int, high: int) -> tuple[np.ndarray, int]:
    """Round value x 2^fraction to the nearest integer (int64, ties up), and clip it to low .. high.
    Return (integers, number clipped)."""
    whole = np.floor(np.ldexp(np.asarray(value, np.float64), fraction) + 0.5)
    clipped = np.clip(whole, float(low), float(high))
    return clipped.astype(np.int64), int((whole != clipped).sum())


def whole(low: int, high: int, **settings) -> None:
    """Raise ValueError unless every setting is a whole number from low to high."""
    for name, value in settings.items():
        if not low <= value <= high or value != int(value):
            raise ValueError(f"{name} must be {low} to {high}, a whole number, not {value!r}")


def rounding(name: str, known: tuple[str, ...] = tuple(ROUNDINGS)) -> int:
    """Return the integer code of a rounding mode."""
    one_of("rounding", name, known)
    return ROUNDINGS[name]


@njit(nogil=True, cache=True)
def shift(x, k, mode, noise):
    """Return x / 2^k, rounded as `mode` says; a negative k shifts to the left, without rounding.
    Only stochastic rounding uses `noise`, a number in [0, 2^k)."""
    if k <= 0:
        return x << -k
    if mode == ZERO:
        return -(-x >> k) if x < 0 else x >> k
    if mode == NEAREST:
        return (x + (1 << (k - 1))) >> k
    if mode == STOCHASTIC:
        return (x + noise) >> k
    return x >> k


@njit(nogil=True, cache=True)
def xorshift32(state):
    """Return the state that follows this one, in 1 .. 2^32 - 1 (Marsaglia 2003, with shifts 13, 17
    and 5). The state must not be zero, because zero would stay zero."""
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    return state ^ ((state << 5) & 0xFFFFFFFF)


@njit(nogil=True, cache=True)
def noise_of(state, k):
    """Return the upper k bits of a random state, for 0 <= k <= 32: a number in [0, 2^k)."""
    return state >> (32 - k) if k > 0 else 0


def seed_state(seed: int) -> int:
    """Return a nonzero state, different for every seed below 2^32 - 1."""
    return 1 + seed % 0xFFFFFFFF


@njit(nogil=True, cache=True)
def numbers(state, size):
    """Draw `size` random numbers. Return (numbers, int64 (size,); the new random state)."""
    found = np.empty(size, np.int64)
    for i in range(size):
        state = xorshift32(state)
        found[i] = state
    return found, state
