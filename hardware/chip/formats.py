"""Fixed-point numbers: formats, four ways to round, saturation that is counted, and the random
numbers of the chip.

    value = integer / 2^fraction        lowest = -2^(bits-1) (signed) or 0        highest = 2^(bits-1) - 1 or 2^bits - 1

    shift(x, k, mode, noise) = floor((x + c) / 2^k),   c = 0 (floor), 2^k - 1 where x < 0 (toward zero),
                                                       2^(k-1) (nearest, ties up), noise in [0, 2^k) (stochastic)

`shift` and `xorshift32` are plain Python for integers of any size and numba for those that fit 64
bits, the same source (`.py_func`).
"""

from dataclasses import dataclass

import numpy as np

from minisnn.parallel.compilation import njit

FLOOR, ZERO, NEAREST, STOCHASTIC = range(4)
ROUNDINGS = {"floor": FLOOR, "zero": ZERO, "nearest": NEAREST, "stochastic": STOCHASTIC}


class Saturated(OverflowError, ValueError):
    """A value left its format in strict mode."""


@dataclass(frozen=True)
class Format:
    """A word of `bits` bits, `fraction` of them behind the point; `fraction` may be negative or
    larger than `bits`."""

    bits: int
    fraction: int = 0
    signed: bool = True

    def __post_init__(self):
        if not 1 + self.signed <= self.bits <= 64:
            kind = "signed" if self.signed else "unsigned"
            raise ValueError(f"a {kind} word has {1 + self.signed} to 64 bits, not {self.bits}")

    @property
    def lowest(self) -> int:
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        return (1 << self.bits - self.signed) - 1

    @property
    def ends(self) -> tuple[int, int]:
        return self.lowest, self.highest

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}Q{self.bits - self.signed - self.fraction}.{self.fraction}"

    def holds(self, *integers: int) -> bool:
        """Whether every one of them fits."""
        return self.lowest <= min(integers) and max(integers) <= self.highest

    def quantise(self, value) -> np.ndarray:
        """Real values to the nearest integers of this format, ties up, saturating; int64. Only what
        is made ready beforehand passes here. Raises ValueError for what is not finite."""
        return nearest(value, self.fraction, self.lowest, self.highest)[0]

    def real(self, integers) -> np.ndarray:
        """The values that integers of this format stand for; float64."""
        return np.ldexp(np.asarray(integers, np.float64), -self.fraction)


def nearest(value, fraction: int, low: int, high: int) -> tuple[np.ndarray, int]:
    """(int64 nearest to value 2^fraction between low and high, ties up; how many were clipped)."""
    scaled = np.ldexp(np.asarray(value, np.float64), fraction)
    if not np.isfinite(scaled).all():
        raise ValueError("values to quantise must be finite")
    whole = np.floor(scaled + 0.5)
    clipped = np.clip(whole, float(low), float(high))
    return clipped.astype(np.int64), int((whole != clipped).sum())


def width(low: int, high: int) -> int:
    """Bits of the shortest signed word that holds every integer from low to high."""
    return (
        max((-low - 1 if low < 0 else 0).bit_length(), (high if high > 0 else 0).bit_length()) + 1
    )


def whole(low: int, high: int, **settings) -> None:
    """ValueError where a setting is not a whole number from low to high."""
    for name, value in settings.items():
        if (
            not isinstance(value, (int, np.integer))
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise ValueError(f"{name} must be {low} to {high}, a whole number, not {value!r}")


def rounding(name: str, known: tuple[str, ...] = tuple(ROUNDINGS)) -> int:
    """The number of a rounding mode."""
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"rounding must be one of {', '.join(known)}, not {name!r}")
    return ROUNDINGS[name]


@njit(nogil=True, cache=True)
def shift(x, k, mode, noise):
    """x / 2^k, rounded; a negative k shifts to the left and rounds nothing. `noise` in [0, 2^k) for
    stochastic rounding."""
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
    """The next of 2^32 - 1 states (Marsaglia 2003; 13, 17, 5), in 1 .. 2^32 - 1; zero would stay
    zero."""
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    return state ^ ((state << 5) & 0xFFFFFFFF)


@njit(nogil=True, cache=True)
def noise_of(state, k):
    """The upper k bits of a random state, 0 <= k <= 32: a number in [0, 2^k)."""
    return state >> (32 - k) if k > 0 else 0


def seed_state(seed: int) -> int:
    """A state that is not zero, another one for every seed below 2^32 - 1."""
    return 1 + seed % 0xFFFFFFFF
