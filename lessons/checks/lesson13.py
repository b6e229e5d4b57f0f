"""Lesson 13: into integers."""

import numpy as np

from . import answer, differs, kept, mine as own, right, same, wrong

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


@kept("13.1")
def shift(function):
    """13.1: four ways to round."""
    for mode, slips in SLIPS.items():
        cases = [(x, k, (3 * x + 40) % 2**k) for k in (3, 5) for x in range(-20, 21)]
        found = [_whole("13.1", function, x, k, mode, noise) for x, k, noise in cases]
        expected = [_shift(x, k, mode, noise) for x, k, noise in cases]
        for slip, text in slips:
            if found != expected and found == [slip(*case) for case in cases]:
                raise wrong("13.1", f"{mode}: {text}")
        for (x, k, noise), mine, theirs in zip(cases, found, expected):
            if mine != theirs:
                with_noise = f", noise {noise}" * (mode == "stochastic")
                raise differs(
                    "13.1",
                    f"{mode}: x = {x}, k = {k}{with_noise} gives {mine}, expected {theirs} "
                    f"({x}/{2**k} = {x / 2**k:g})",
                    given=False,
                )
        for x in (2**60 + 127, -(2**60) - 127):
            if _whole("13.1", function, x, 7, mode, 1) != _shift(x, 7, mode, 1):
                raise wrong(
                    "13.1",
                    f"{mode}: x = {x} comes out wrong. Was it divided as a float? That holds 53 "
                    "bits; >> "
                    "is exact, whatever the size",
                )
    right("13.1", "One shift, one addition: all four fit any chip.")


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
    """13.2: a leaky memory in integers."""
    for seed, (a, F, mode) in enumerate(
        ((3686, 5, "floor"), (3891, 3, "nearest"), (3000, 4, "zero"))
    ):
        V = np.random.default_rng(seed).integers(-40, 41, 50).tolist()
        found = answer("13.2", function, V, a, F, mode)
        if found.dtype.kind == "f":
            raise wrong("13.2", "the trace of a chip is made of whole numbers; yours are floats")
        same(
            "13.2",
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
    right("13.2", "Lesson 1's line, and nothing but whole numbers.")


def fraction_bits(function):
    """13.3: how many bits a tolerance costs."""
    given = (
        (0.5, 0.5, (3686,)),
        (0.1, 1, (3891, 3686)),
        (0.03, 0.5, (3891, 3686, 2662)),
        (4, 1, (2048, 2048)),
        (0.25, 1, (4064, 1024, 512)),
        (1000, 1, (3891, 3686)),
    )
    found = [_whole("13.3", function, *one) for one in given]
    expected = [_bits(sum(_units(*one)), one[0]) for one in given]
    if found != expected:
        at = next(n for n, pair in enumerate(zip(found, expected)) if pair[0] != pair[1])
        tolerance, error, factors = given[at]
        case = (
            f"tolerance {tolerance}, error {error}, factors {factors}: yours is {found[at]}, "
            f"expected {expected[at]}"
        )
        if found[at] < 0:
            raise wrong("13.3", f"F is a number of bits, and is not below 0 ({case})")
        for how, text in BITS:
            if found == [how(one[0], one[1], _units(*one)) for one in given]:
                raise wrong("13.3", f"{text} ({case})")
        off = {mine - theirs for mine, theirs in zip(found, expected)}
        for step, text in (
            (-1, "one bit too few: the error must not exceed the tolerance, so round up"),
            (1, "one bit too many: an error that equals the tolerance is allowed; F is the least"),
        ):
            if off <= {0, step}:
                raise wrong("13.3", f"{text} ({case})")
        raise differs("13.3", case, given=False)
    right("13.3", "Each bit halves the error.")


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
