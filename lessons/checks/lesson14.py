"""Lesson 14: into integers, and in words of which length."""

from functools import partial

import numpy as np

from . import answer, close, differs, kept, mine as own, number, right, same, wrong

own.prepare(__name__)

ADDEND = {
    "floor": lambda x, k, noise: 0,
    "zero": lambda x, k, noise: (1 << k) - 1 if x < 0 else 0,
    "nearest": lambda x, k, noise: 1 << k - 1,
    "stochastic": lambda x, k, noise: noise,
}
SLIPS = {  # mode: (another rounding, what was done)
    "floor": (
        (
            lambda x, k, noise: int(x / 2**k),
            "floor goes to the next whole number below, of negative x too: -1 >> k is -1",
        ),
    ),
    "zero": (
        (
            lambda x, k, noise: x >> k,
            "a bare >> takes negative x to the next whole number below, away from zero; add 2^k - "
            "1 to them first",
        ),
        (lambda x, k, noise: abs(x) >> k, "the sign is lost: -20 / 8 is -2.5, and -2 toward zero"),
        (
            lambda x, k, noise: (x + (1 << k) - 1) >> k,
            "only negative x get 2^k - 1; yours adds it to all",
        ),
    ),
    "nearest": (
        (lambda x, k, noise: x >> k, "add half of 2^k before the shift"),
        (
            lambda x, k, noise: round(x / 2**k),
            "ties go up, always: half a unit is added, then floored. Python's round takes ties to "
            "the even number",
        ),
        (
            lambda x, k, noise: -(-x + (1 << k - 1) >> k) if x < 0 else x + (1 << k - 1) >> k,
            "ties go up, of negative x too: -1/2 becomes 0. Yours takes them away from zero",
        ),
    ),
    "stochastic": (
        (lambda x, k, noise: x >> k, "the noise is what is added; yours leaves it out"),
        (
            lambda x, k, noise: x + noise + (1 << k - 1) >> k,
            "the noise alone is added, without another half",
        ),
        (lambda x, k, noise: (x >> k) + noise, "add the noise before the shift, not behind it"),
    ),
}


def _shift(x, k, mode, noise=0):
    return x + ADDEND[mode](x, k, noise) >> k


@kept("14.1")
def shift(function):
    """14.1: four ways to round."""
    for mode, slips in SLIPS.items():
        cases = [(x, k, (3 * x + 40) % 2**k) for k in (3, 5) for x in range(-20, 21)]
        found = [_whole("14.1", function, x, k, mode, noise) for x, k, noise in cases]
        expected = [_shift(x, k, mode, noise) for x, k, noise in cases]
        for slip, text in slips:
            if found != expected and found == [slip(*case) for case in cases]:
                raise wrong("14.1", f"{mode}: {text}")
        for (x, k, noise), mine, theirs in zip(cases, found, expected):
            if mine != theirs:
                with_noise = f", noise {noise}" * (mode == "stochastic")
                raise differs(
                    "14.1",
                    f"{mode}: x = {x}, k = {k}{with_noise} gives {mine}, expected {theirs} "
                    f"({x}/{2**k} = {x / 2**k:g})",
                    given=False,
                )
        for x in (2**60 + 127, -(2**60) - 127):
            if _whole("14.1", function, x, 7, mode, 1) != _shift(x, 7, mode, 1):
                raise wrong(
                    "14.1",
                    f"{mode}: x = {x} comes out wrong. Was it divided as a float? That holds 53 "
                    "bits; >> "
                    "is exact, whatever the size",
                )
    right("14.1", "One shift, one addition: all four fit any chip.")


def _whole(exercise, function, *arguments) -> int:
    found = answer(exercise, function, *arguments)
    if found.dtype.kind not in "iub" or found.shape:
        raise wrong(
            exercise,
            f"{function.__name__} must return one whole number, an int, not {found.dtype.name} of "
            f"shape {found.shape}",
        )
    return int(found)


def _trace(V, a, F, mode, left=None, twice=False, early=False, swap=False):
    left, b, Y = F if left is None else left, 4096 - a, [0]
    a, b = (b, a) if swap else (a, b)
    for v in V[1:] if early else V[:-1]:
        x = v << left
        Y.append(
            _shift(a * Y[-1], 12, mode) + _shift(b * x, 12, mode)
            if twice
            else _shift(a * Y[-1] + b * x, 12, mode)
        )
    return Y


def trace(function):
    """14.2: a leaky memory in integers."""
    for seed, (a, F, mode) in enumerate(
        ((3686, 5, "floor"), (3891, 3, "nearest"), (3000, 4, "zero"))
    ):
        V = np.random.default_rng(seed).integers(-40, 41, 50).tolist()
        found = answer("14.2", function, V, a, F, mode)
        if found.dtype.kind == "f":
            raise wrong("14.2", "the trace of a chip is made of whole numbers; yours are floats")
        same(
            "14.2",
            f"Y ({mode})",
            found,
            _trace(V, a, F, mode),
            (
                (
                    _trace(V, a, F, mode, twice=True),
                    "yours rounds twice a step, once for each product; add the products first, "
                    "then shift once",
                ),
                (
                    _trace(V, a, F, mode, left=0),
                    "Y is finer by F bits than V: the input enters as v << F",
                ),
                (
                    np.array(_trace(V, a, 0, mode)) << F,
                    "bits that are added after the rounding are all zero: shift the input, v << F, "
                    "before it is filtered",
                ),
                (
                    _trace(V, a, F, "floor"),
                    f"mode is {mode!r}, but yours rounds always by floor: hand the mode on to "
                    "shift",
                ),
                (_trace(V, a, F, mode, early=True), "one step too early: V[t] enters Y[t + 1]"),
                (
                    _trace(V, a, F, mode, swap=True),
                    "the factor a belongs to the old Y, 4096 - a to the input; yours are exchanged",
                ),
            ),
        )
    right("14.2", "Lesson 1's line, and nothing but whole numbers.")


def fraction_bits(function):
    """14.3: how many bits a tolerance costs."""
    given = (
        (0.5, 0.5, (3686,)),
        (0.1, 1, (3891, 3686)),
        (0.03, 0.5, (3891, 3686, 2662)),
        (4, 1, (2048, 2048)),
        (0.25, 1, (4064, 1024, 512)),
        (1000, 1, (3891, 3686)),
    )
    found = [_whole("14.3", function, *one) for one in given]
    expected = [_bits(sum(_units(*one)), one[0]) for one in given]
    if found != expected:
        at = next(n for n, pair in enumerate(zip(found, expected)) if pair[0] != pair[1])
        tolerance, error, factors = given[at]
        case = (
            f"tolerance {tolerance}, error {error}, factors {factors}: yours is {found[at]}, "
            f"expected {expected[at]}"
        )
        if found[at] < 0:
            raise wrong("14.3", f"F is a number of bits, and is not below 0 ({case})")
        for how, text in BITS:
            if found == [how(one[0], one[1], _units(*one)) for one in given]:
                raise wrong("14.3", f"{text} ({case})")
        off = {mine - theirs for mine, theirs in zip(found, expected)}
        for step, text in (
            (-1, "one bit too few: the error must not exceed the tolerance, so round up"),
            (1, "one bit too many: an error that equals the tolerance is allowed; F is the least"),
        ):
            if off <= {0, step}:
                raise wrong("14.3", f"{text} ({case})")
        raise differs("14.3", case, given=False)
    right("14.3", "Each bit halves the error.")


def _units(tolerance, error, factors) -> list[float]:
    return [error / (1 - a / 4096) for a in factors]


BITS = (  # another number of bits, and what was done
    (
        lambda tolerance, error, units: _bits(max(units), tolerance),
        "the errors of a chain add up, one term for each filter",
    ),
    (
        lambda tolerance, error, units: _bits(len(units) / sum(1 / u for u in units), tolerance),
        "the errors of a chain add up, one term for each filter; yours takes a mean",
    ),
    (
        lambda tolerance, error, units: _bits(
            float(np.prod(units)) / error ** (len(units) - 1), tolerance
        ),
        "the errors of a chain add up; yours multiplies them",
    ),
    (
        lambda tolerance, error, units: _bits(sum(units) / error, tolerance),
        "a shift is off by `error`, which need not be 1: it stands above each 1 - a / 4096",
    ),
    (
        lambda tolerance, error, units: _bits(sum(units) * error, tolerance),
        "`error` stands above each 1 - a / 4096 once; yours squares it",
    ),
    (
        lambda tolerance, error, units: _bits(sum(units), 1),
        "units / 2^F is to be no more than the tolerance; yours compares with 1",
    ),
)


def _bits(units: float, tolerance: float) -> int:
    F = 0
    while units / 2**F > tolerance:
        F += 1
    return F


DOWNWARDS = range(4, -21, -1)


def _width(low: int, high: int) -> int:
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + 1


@kept("14.4")
def widest(function):
    """14.4: interval analysis of an accumulator."""
    rng = np.random.default_rng(0)
    for W, most in (
        (rng.integers(-128, 128, (40, 5)), 4096),
        (np.array([[1], [1]]), 64),
        (np.array([[-2], [-2]]), 64),
        (np.array([[3], [4]]), 7),
        (np.array([[-1], [0]]), 1),
    ):
        found = answer("14.4", function, W, most, returns=3)
        low, high = (
            most * int(np.minimum(W, 0).sum(0).min()),
            most * int(np.maximum(W, 0).sum(0).max()),
        )
        full, sizes = most * W.sum(0), most * int(np.abs(W).sum(0).max())
        ends = [number("14.4", name, x) for name, x in zip(("low", "high"), found)]
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
                raise wrong("14.4", text)
        same("14.4", "low", found[0], low)
        same("14.4", "high", found[1], high)
        bits = _width(low, high)
        for value, text in (
            (bits - 1, "one bit is for the sign, and a signed word of n bits ends at 2^(n-1) - 1"),
            (bits + 1, "a signed word of n bits begins at -2^(n-1), which still fits"),
        ):
            if close(found[2], value):
                raise wrong("14.4", f"{low} .. {high} needs {bits} bits, yours is {value}: {text}")
        same("14.4", f"bits of {low} .. {high}", found[2], bits)
    right("14.4", "No input, however wicked, can make this word overflow.")


@kept("14.5")
def exponent(function):
    """14.5: the exponent of the least squared error."""
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
        right("14.5", "A few large weights are worth clipping.")
        return
    at = next(n for n, pair in enumerate(zip(found, expected)) if pair[0] != pair[1])
    (w, bits), last = given[at], expected[at]
    case = (
        f"{w.size} weights up to {np.abs(w).max():.3g} in {bits} bits: yours is {found[at]}, "
        f"expected {last}"
    )
    for how, text in EXPONENTS:
        if found == [how(*one) for one in given]:
            raise wrong("14.5", f"{text} ({case})")
    raise differs("14.5", f"{case}, which has the smaller squared error", given=False)


def _exponent(function, w, bits) -> int:
    found = number("14.5", "an exponent", answer("14.5", function, w, bits))
    if found != int(found):
        raise wrong("14.5", f"an exponent is one whole number; yours is {found}")
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
