"""Lesson 14: word lengths."""

from functools import partial

import numpy as np

from . import answer, close, differs, kept, mine, number, right, same, wrong

mine.prepare(__name__)

DOWNWARDS = range(4, -21, -1)


def _width(low: int, high: int) -> int:
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + 1


@kept("14.1")
def widest(function):
    """14.1: interval analysis of an accumulator."""
    rng = np.random.default_rng(0)
    for W, most in (
        (rng.integers(-128, 128, (40, 5)), 4096),
        (np.array([[1], [1]]), 64),
        (np.array([[-2], [-2]]), 64),
        (np.array([[3], [4]]), 7),
        (np.array([[-1], [0]]), 1),
    ):
        found = answer("14.1", function, W, most, returns=3)
        low, high = (
            most * int(np.minimum(W, 0).sum(0).min()),
            most * int(np.maximum(W, 0).sum(0).max()),
        )
        full, sizes = most * W.sum(0), most * int(np.abs(W).sum(0).max())
        ends = [number("14.1", name, x) for name, x in zip(("low", "high"), found)]
        for (one, other), text in (
            (
                (min(full.min(), 0), max(full.max(), 0)),
                "an input may be silent: the highest sum has all "
                "inputs of positive weights full and the others silent; yours has all of them full "
                "at once",
            ),
            (
                (full.min(), full.max()),
                "an input may be silent: the highest sum has all inputs of positive "
                "weights full and the others silent; yours has all of them full at once",
            ),
            (
                (-sizes, sizes),
                "of each neuron the positive weights make the high end, the negative ones "
                "the low end; yours sums the sizes of all for both",
            ),
            (
                (len(W) * most * min(int(W.min()), 0), len(W) * most * max(int(W.max()), 0)),
                "yours holds if all weights were as large as the largest; asked for is what these "
                "weights can do",
            ),
            ((low // most, high // most), "an input goes up to `most`, not to 1"),
            (
                (most * int(np.minimum(W, 0).sum()), most * int(np.maximum(W, 0).sum())),
                "each neuron has a sum of its own: add over the inputs (axis 0) alone",
            ),
        ):
            if ends != [low, high] and close(ends, [one, other]):
                raise wrong("14.1", text)
        same("14.1", "low", found[0], low)
        same("14.1", "high", found[1], high)
        bits = _width(low, high)
        for value, text in (
            (bits - 1, "one bit is for the sign, and a signed word of n bits ends at 2^(n-1) - 1"),
            (bits + 1, "a signed word of n bits begins at -2^(n-1), which still fits"),
        ):
            if close(found[2], value):
                raise wrong("14.1", f"{low} .. {high} needs {bits} bits, yours is {value}: {text}")
        same("14.1", f"bits of {low} .. {high}", found[2], bits)
    right("14.1", "No input, however wicked, can make this word overflow.")


@kept("14.2")
def exponent(function):
    """14.2: the exponent of the least squared error."""
    rng = np.random.default_rng(3)
    heavy = np.concatenate([rng.standard_normal(400) * 0.05, [1.9, -2.2]])
    few = np.random.default_rng(4).random(30)  # one more integer at the top would matter here
    given = (
        (few, 3),
        (rng.standard_normal(500), 4),
        (heavy, 4),
        (heavy, 3),
        (rng.standard_normal((40, 5)) * 0.01, 2),
        (heavy, 8),
        # so large, and so small, that the ends of the range count
        (rng.standard_normal(50) * 30, 2),
        (rng.standard_normal(50) * 2e-5, 3),
        (rng.standard_normal(50) * 1e-6, 3),
        (np.array([0.5, 1.0, -1.5]), 8),  # any smaller exponent has no error either
    )
    found = [_exponent(function, *one) for one in given]
    expected = [_best(*one) for one in given]
    if found == expected:
        right("14.2", "A few large weights are worth clipping.")
        return
    at = next(n for n, pair in enumerate(zip(found, expected)) if pair[0] != pair[1])
    (w, bits), last = given[at], expected[at]
    case = (
        f"{w.size} weights up to {np.abs(w).max():.3g} in {bits} bits: yours is {found[at]}, "
        f"expected {last}"
    )
    for how, text in EXPONENTS:
        if found == [how(*one) for one in given]:
            raise wrong("14.2", f"{text} ({case})")
    raise differs("14.2", f"{case}, which has the smaller squared error", given=False)


def _exponent(function, w, bits) -> int:
    found = number("14.2", "an exponent", answer("14.2", function, w, bits))
    if found != int(found):
        raise wrong("14.2", f"an exponent is one whole number; yours is {found}")
    return int(found)


def _best(
    w, bits, top=None, low=None, clip=True, power=2, floor=False, whole=False, order=DOWNWARDS
):
    """The exponent of the least error; each option makes one mistake."""
    top = 2 ** (bits - 1) - 1 if top is None else top(bits)

    def off(x):
        k = np.floor(w / 2.0**x + (0 if floor else 0.5))
        k = np.clip(k, -top - 1 if low is None else -top, top) if clip else k
        return (np.abs(w - 2.0**x * k) ** power).sum() / (2.0**x if whole else 1) ** 2

    return min(order, key=off)


def _ends(bits) -> tuple[int, int]:
    """The smallest and the largest integer of a word."""
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _fits(w, bits, rounded=np.ceil, least=-20, most=4) -> int:
    """The smallest exponent with which every weight fits."""
    x = rounded(np.log2(np.abs(w).max() / (2 ** (bits - 1) - 1)))
    return int(np.clip(x, least, most))


# (high, low): where the exponents of an answer end that does not try them all
SHORT = [(4, low) for low in range(-19, -4)] + [(high, -20) for high in range(4)]
EXPONENTS = (
    (
        partial(_best, order=DOWNWARDS[::-1]),
        "of exponents with equal errors the larger is asked for: go from 4 downwards, or take the "
        "last of equal ones",
    ),
    *(
        (
            partial(_fits, least=least, most=most),
            "yours is the smallest x that fits all; clipping a few can cost less",
        )
        for least, most in ((-20, 4), (-20, 99), (-99, 4), (-99, 99))
    ),
    (
        partial(_best, clip=False),
        "the word has no end in yours: what does not fit is clipped, and a small x is not free",
    ),
    (
        partial(_best, top=lambda bits: 2**bits - 1),
        "one bit is for the sign: the largest integer is 2^(bits - 1) - 1",
    ),
    (
        partial(_best, top=lambda bits: 2 ** (bits - 1)),
        "the largest integer is 2^(bits - 1) - 1, as 0 is one of the numbers",
    ),
    (
        partial(_best, whole=True),
        "the error is that of the weights, w - 2^x k; yours is that of the integers, w / 2^x - k, "
        "which shrinks with every larger x: multiply it by 2^x",
    ),
    (partial(_best, floor=True), "round to the nearest: yours takes the next integer below"),
    (partial(_best, power=1), "the errors are squared before they are summed"),
    (
        partial(_best, low=0),
        "a signed word begins at -2^(bits - 1), one lower than its positive end",
    ),
    (
        lambda w, bits: min(
            DOWNWARDS,
            key=lambda x: (
                (w - 2.0**x * np.clip(np.floor(w / 2.0**x + 0.5), *_ends(bits))).sum() ** 2
            ),
        ),
        "square each error, and sum up then; yours squares the sum, in which errors cancel",
    ),
    *(
        (
            partial(_best, order=order),
            "x goes from -20 to 4, both ends included; yours stops before",
        )
        for high, low in SHORT
        for order in (range(high, low - 1, -1), range(low, high + 1))
    ),
    *(
        (
            partial(_fits, rounded=rounded, least=least, most=-least),
            "yours goes by the largest weight alone; asked for is the least squared error of all",
        )
        for rounded in (np.floor, np.round)
        for least in (-20, -99)
    ),
    (
        lambda w, bits: -_best(w, bits),
        "the sign: weight = integer times 2^x, and small weights need a negative x",
    ),
)
