"""Lesson 14: word lengths."""

import numpy as np

from . import answer, close, differs, kept, mine, right, same, wrong

mine.prepare(__name__)


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
        ends = [float(x) for x in found[:2]]
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
    for w, bits in (
        (few, 3),
        (rng.standard_normal(500), 4),
        (heavy, 4),
        (heavy, 3),
        (rng.standard_normal((40, 5)) * 0.01, 2),
        (heavy, 8),
        # so large, and so small, that the ends of the range count
        (
            rng.standard_normal(50) * 30,
            2,
        ),
        (rng.standard_normal(50) * 2e-5, 3),
    ):
        found = answer("14.2", function, w, bits)
        if found.ndim or float(found) != int(found):
            raise wrong("14.2", f"an exponent is one whole number; yours is {found}")
        found = int(found)

        def best(top, low=None, clip=True, power=2, floor=False, whole=False):
            def off(x):
                k = np.floor(w / 2.0**x + (0 if floor else 0.5))
                k = np.clip(k, -top - 1 if low is None else low, top) if clip else k
                return (np.abs(w - 2.0**x * k) ** power).sum() / (2.0**x if whole else 1) ** 2

            return min(range(4, -21, -1), key=off)

        top = 2 ** (bits - 1) - 1
        expected, case = (
            best(top),
            f"{w.size} weights up to {np.abs(w).max():.3g} in {bits} bits: yours is {found}",
        )
        if found == expected:
            continue
        if found in (3, 0, -10, -15) and expected in (4, -18, -19):
            raise wrong(
                "14.2",
                f"x goes from -20 to 4, both ends included: yours stops before ({case}, expected "
                f"{expected})",
            )
        for value, text in (
            (
                int(np.ceil(np.log2(np.abs(w).max() / top))),
                "yours is the smallest x that fits all; clipping a few can cost less",
            ),
            (
                best(top, clip=False),
                "the word has no end in yours: what does not fit is clipped, and a small x is not "
                "free",
            ),
            (best(2**bits - 1), "one bit is for the sign: the largest integer is 2^(bits - 1) - 1"),
            (
                best(2 ** (bits - 1)),
                "the largest integer is 2^(bits - 1) - 1, as 0 is one of the numbers",
            ),
            (
                best(top, whole=True),
                "the error is that of the weights, w - 2^x k; yours is that of the integers, w / "
                "2^x - k, which shrinks "
                "with every larger x: multiply it by 2^x",
            ),
            (best(top, floor=True), "round to the nearest: yours takes the next integer below"),
            (best(top, power=1), "the errors are squared before they are summed"),
            (
                best(top, -top),
                "a signed word begins at -2^(bits - 1), one lower than its positive end",
            ),
            (-found, "the sign: weight = integer times 2^x, and small weights need a negative x"),
        ):
            if found == value or (value == -found and -found == expected):
                raise wrong("14.2", f"{text} ({case}, expected {expected})")
        raise differs(
            "14.2",
            f"{case}, but {expected} has the smaller squared error, whatever is clipped or rounded",
        )
    right("14.2", "A few large weights are worth clipping.")
