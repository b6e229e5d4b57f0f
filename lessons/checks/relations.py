"""How a wrong answer hangs together with the right one, as numbers: nothing here knows an exercise.

Each relation must hold in every case (the calls of the check, and others like them), so that it
does not fit by chance: a factor, a function of the right values, an order, a sum; a term of the
solution that is missing, doubled or another one; an argument that is not heeded or should not be;
the places where it goes wrong.
"""

import contextlib
import itertools
import time

import numpy as np

from .probes import Case, head, reads
from .behaviour import fades, heeds, properties, touches, where
from .proportions import grows, sizes, swapped
from .terms import CLOSE, alike, ordinal, terms

POWERS = (
    (1, "multiplied by `{}` once too often"),
    (-1, "still to be multiplied by `{}`, or divided by it once too often"),
    (2, "multiplied by the square of `{}` too"),
    (-2, "divided by the square of `{}` too"),
    (0.5, "multiplied by the root of `{}` too"),
    (-0.5, "divided by the root of `{}` too"),
)


def whole(cases: list[Case]) -> str:
    """What the mistake does to the values as a whole, as a sentence; "" where nothing fits."""
    cases, k, which = _wrong(cases)
    return (
        cases
        and (
            _exchanged(cases)
            or _first((_shape, _plain, _values, _factor, swapped), which, cases, k)
        )
    ) or ""


def inside(cases: list[Case], source: str, space: dict, function, seconds: float) -> str:
    """What it does to single terms, arguments or places, as a sentence; "" where nothing fits."""
    cases, k, which = _wrong(cases)
    if not cases:
        return ""
    name, names = head(source)
    exec(source, own := dict(space))
    end = time.process_time() + seconds

    def timed(one):
        def call(*arguments):
            if time.process_time() > end:
                raise TimeoutError("no time is left")
            return one(*arguments)

        return call

    return _first((terms,), which, cases, k) or _first(
        (heeds, where, grows, properties, touches, sizes, fades),
        which,
        cases,
        k,
        (names, timed(function), timed(own[name]), reads(source)),
    )


def _wrong(cases):
    """The cases, the first part of the answer that is wrong in one of them, and words that name
    it."""
    cases = [case for case in cases if len(case.found) == len(case.wanted)]
    bad = [
        k
        for case in cases
        for k in range(len(case.wanted))
        if not alike(case.found[k], case.wanted[k])
    ]
    many = len(cases[0].wanted) if cases else 0
    which = (
        f"of the {_count(many)} things that you return, the {ordinal(bad[0])} is wrong: "
        if bad and many > 1
        else ""
    )
    return (cases, bad[0], which) if bad else ([], 0, "")


def _first(ways, which, cases, k, *rest) -> str:
    for find in ways:
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            if said := find([case for case in cases if case.found[k].size], k, *rest):
                return which + said
    return ""


def _count(n: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(n, str(n))


def _exchanged(cases) -> str:
    n = len(cases[0].wanted)
    if n > 6:
        return ""
    for i, j in itertools.combinations(range(n), 2):
        if all(alike(c.found[i], c.wanted[j]) and alike(c.found[j], c.wanted[i]) for c in cases):
            return (
                f"the {ordinal(i)} and the {ordinal(j)} of the things that you return are exchanged"
            )
    return ""


def _shape(cases, k) -> str:
    """Another shape: an axis that was summed or was not, a value too many or too few, an order of
    axes."""
    found, wanted = cases[0].found[k], cases[0].wanted[k]
    if found.shape == wanted.shape:
        return ""
    every = lambda test: all(test(c.found[k], c.wanted[k]) for c in cases)
    for one, other, said in (
        (0, 1, "yours is not yet {} over its {} axis"),
        (1, 0, "yours is {} over the {} axis, which should be kept"),
    ):
        for axis in range(min((found, wanted)[one].ndim, 4)):
            for how in ("sum", "mean", "max", "min"):
                pair = lambda f, w, o=one, h=how, a=axis: alike(
                    getattr((f, w)[o], h)(a), (f, w)[1 - o]
                )
                if every(pair):
                    names = {
                        "sum": "summed",
                        "mean": "averaged",
                        "max": "reduced to the largest",
                        "min": "reduced to the smallest",
                    }
                    return said.format(names[how], ordinal(axis))
    if every(lambda f, w: w.ndim == 0 and alike(f.sum(), w)):
        return "one number is asked for: your values are its parts, and are still to be summed"
    if every(lambda f, w: w.ndim == 0 and alike(f.mean(), w)):
        return "one number is asked for: your values are what it is the mean of"
    if every(lambda f, w: f.ndim == 0 and w.ndim and (alike(f, w.sum()) or alike(f, w.mean()))):
        return "yours is one number, all values added up; each of them is asked for by itself"
    for a, b, said in ((found, wanted, "missing in yours"), (wanted, found, "too many in yours")):
        n = (len(b) - len(a)) if a.ndim and b.ndim and a.shape[1:] == b.shape[1:] else 0
        if n > 0:
            ends = ("the first", slice(n, None)), ("the last", slice(0, len(b) - n))
            for end, part in ends:
                if all(
                    alike(
                        *(
                            (c.found[k], c.wanted[k][part])
                            if a is found
                            else (c.found[k][part], c.wanted[k])
                        )
                    )
                    for c in cases
                ):
                    return (
                        f"{end}{f' {n}' * (n > 1)} of the values {'are' if n > 1 else 'is'} "
                        f"{said}, the others are right"
                    )
            few = "few" if a is found else "many"
            return (
                f"yours has {n} value{'s' * (n > 1)} too {few} along its first axis: count the "
                "turns"
            )
    if found.size == wanted.size and alike(found.ravel(), wanted.ravel()):
        return (
            f"the numbers are right, but lie in the shape {found.shape}: {wanted.shape} is asked "
            "for"
        )
    for order in itertools.permutations(range(found.ndim)) if found.ndim <= 5 else ():
        if found.transpose(order).shape == wanted.shape:
            same = every(lambda f, w, o=order: alike(f.transpose(o), w))
            whose = "the numbers are right, but their" if same else "the"
            return f"{whose} axes stand in the order {found.shape}: {wanted.shape} is asked for"
    if wanted.ndim == 0:
        return (
            f"one number is asked for, and yours are {found.size} of shape {found.shape}: what of "
            "them is wanted, their sum?"
        )
    if found.ndim == 0:
        return (
            f"yours is one number; an array of shape {wanted.shape} is asked for, a value for each"
        )
    return ""


def _orders(a):
    """(what was done, the array) for each way to put an array's values in other places, or to
    gather them."""
    for axis in range(min(a.ndim, 4)):
        along = f" along the {ordinal(axis)} axis" if a.ndim > 1 else ""
        yield f"your values stand in the reverse order{along}", np.flip(a, axis)
        yield (
            f"your values are running sums of the right ones{along}: you add up what is asked for "
            "by itself",
            np.cumsum(a, axis),
        )
        yield (
            f"your values are running sums{along}, from the end",
            np.flip(np.cumsum(np.flip(a, axis), axis), axis),
        )
        for sign, text in ((1, "late"), (-1, "early")):
            for n in (1, 2):
                moved, steps = np.roll(a, sign * n, axis), f"{n} place{'s' * (n > 1)} too {text}"
                yield (
                    f"your values come {steps}{along}, and what falls out at the end comes in at "
                    "the other",
                    moved,
                )
                zeros = moved.copy()
                np.moveaxis(zeros, axis, 0)[slice(0, n) if sign > 0 else slice(-n, None)] = 0
                yield f"your values come {steps}{along}", zeros
        for how, name in (("sum", "sum"), ("max", "largest")):
            whole = (
                np.abs(a).max(axis, keepdims=True) if how == "max" else a.sum(axis, keepdims=True)
            )
            yield f"your values are the right ones divided by their {name}{along}", a / whole
        yield f"your values have lost their mean{along}", a - a.mean(axis, keepdims=True)
        e = np.exp(a - a.max(axis, keepdims=True))
        yield (
            f"yours is the softmax of the right values{along}: one step too many",
            e / e.sum(axis, keepdims=True),
        )
        if not np.array_equal(np.sort(a, axis), a):
            yield f"your values are sorted{along}; their order belongs to them", np.sort(a, axis)
    if a.ndim > 1:
        for i, j in itertools.combinations(range(a.ndim), 2):
            yield f"the {ordinal(i)} and the {ordinal(j)} axis are exchanged", np.swapaxes(a, i, j)
        yield "the picture is turned over along both of its first axes", a[::-1, ::-1]
    if a.size > 1:
        norm = np.linalg.norm(a)
        yield "yours is divided by its length, so that it always has length 1", a / norm


def _functions(a):
    """(what was done, the values) for functions of each value."""
    yield "the sign is lost: yours are the absolute values", np.abs(a)
    yield "yours are the squares of the right values", a * a
    yield (
        "a square is lost or a root too many: yours are the roots of the right values",
        np.sqrt(np.abs(a)) * (a >= 0),
    )
    yield "yours are the exponentials of the right values", np.exp(a)
    yield "yours are the logarithms of the right values", np.log(np.abs(a))
    yield "yours is 1 divided by the right value: it is turned upside down", 1 / a
    yield "yours is 1 less the right value: it is the share of the others", 1 - a
    yield "only the sign is left of the right values, their size is lost", np.sign(a)
    yield "yours are cut off at 0: what is negative is lost", np.maximum(a, 0)
    yield "yours are cut off at 0: what is positive is lost", np.minimum(a, 0)
    yield "yours are held between 0 and 1, which cuts the right values off", np.clip(a, 0, 1)
    yield "yours are held between -1 and 1, which cuts the right values off", np.clip(a, -1, 1)
    yield (
        "yours are whole numbers: what stands behind the point was cut off (an array or a division "
        "of integers?)",
        np.trunc(a),
    )
    yield "yours are rounded down to whole numbers", np.floor(a)
    yield "yours are rounded to whole numbers", np.round(a)
    yield "yours says only whether the right value is positive", (a > 0).astype(float)
    yield "yours says only whether the right value differs from 0", (a != 0).astype(float)
    yield (
        "every value is right in float32 only: compute with 64 bits",
        a.astype(np.float32).astype(float),
    )


def _plain(cases, k) -> str:
    """NaN, zeros, one constant."""
    found = [c.found[k] for c in cases]
    if any(np.isnan(f).any() for f in found):
        n = sum(int(np.isnan(f).sum()) for f in found)
        total = sum(f.size for f in found)
        whole = (
            "all your values are NaN" if n == total else f"{n} of {total} of your values are NaN"
        )
        return (
            f"{whole}, no number: 0 divided by 0, infinity less infinity, or the root or logarithm "
            "of something negative"
        )
    if any(np.isinf(f).any() for f in found):
        return (
            "some of your values are infinite: something is divided by 0, or an exponential grows "
            "without end"
        )
    if all(not f.any() for f in found):
        return (
            "all your values are 0: what you computed is not what you return, or it was never "
            "written"
        )
    if (
        len(cases) > 1
        and not all(alike(c.wanted[k], cases[0].wanted[k]) for c in cases)
        and all(f.size == found[0].size and alike(f, found[0]) for f in found)
    ):
        return (
            "your values are the same in all that the check tries: do the arguments come into them?"
        )
    if (
        found[0].size > 2
        and all(np.ptp(f) == 0 for f in found)
        and any(np.ptp(c.wanted[k]) for c in cases)
    ):
        return "all your values are one and the same number; each should have its own"
    return ""


def _values(cases, k) -> str:
    """A function, or another order, of the right values."""
    telling = [c for c in cases if c.wanted[k].any()]
    if not telling or sum(c.wanted[k].size for c in telling) < 3:
        return ""
    for ways in (_functions, _orders):
        for said, _ in ways(telling[0].wanted[k]):
            if all(_way(ways, said, c.wanted[k], c.found[k]) for c in telling):
                return said
    gaps = [np.asarray(c.found[k] - c.wanted[k]) for c in telling]
    if (
        all(np.ptp(g) <= CLOSE * max(1, np.abs(g).max()) for g in gaps)
        and telling[0].wanted[k].size > 1
    ):
        sizes = [float(g.flat[0]) for g in gaps]
        if np.ptp(sizes) < 1e-9:
            return (
                f"all your values are off by the same {sizes[0]:+.4g}: a term is missing, or one "
                "is too many"
            )
    away = [np.abs(c.found[k] - c.wanted[k]).max() / np.abs(c.wanted[k]).max() for c in telling]
    if 0 < max(away) < 0.005:
        return (
            f"yours is nearly right, off by {100 * max(away):.2g} % of the largest at most: a "
            "difference of too long a step, "
            "a rounded constant, or something that hardly counts is left out"
        )
    for axis in range(telling[0].wanted[k].ndim):
        if all(alike(np.sort(c.found[k], axis), np.sort(c.wanted[k], axis)) for c in telling):
            return (
                "all numbers are right, but stand in other places: two indices, or an order, are "
                "exchanged"
            )
    if all(alike(np.sort(c.found[k], None), np.sort(c.wanted[k], None)) for c in telling):
        return (
            "all numbers are right, but stand in other places: two axes, or an order, are exchanged"
        )
    return ""


def _way(ways, said, wanted, found) -> bool:
    return any(text == said and alike(found, value) for text, value in ways(wanted))


def _scalars(case) -> dict[str, float]:
    """The terms that are one number each throughout a call, by their text."""
    found = {}
    for text, values in case.terms.items():
        first = values[0][1]
        if (
            first.ndim == 0
            and abs(first) > 0
            and all(v.ndim == 0 and v == first for _, v in values)
        ):
            found[text] = float(first)
    return {
        text: value
        for text, value in found.items()
        if not text.lstrip("-").replace(".", "").isdigit() and value != 1
    }


def _factor(cases, k) -> str:
    """One factor for all values of a call; named, where it is made of terms of the solution."""
    ratios = []
    for c in cases:
        wanted = c.wanted[k]
        if not wanted.any():
            if c.found[k].any():
                return ""
            continue
        top = np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
        ratio = float(c.found[k][top] / wanted[top])
        if not alike(c.found[k], ratio * wanted) or ratio == 0:
            return ""
        ratios.append((c, ratio))
    if not ratios or all(abs(r - 1) < CLOSE for _, r in ratios):
        return ""
    r = np.array([r for _, r in ratios])
    telling = {float(np.round(c.wanted[k].ravel()[0], 12)) for c, _ in ratios}
    if len(r) < 2 or (len(telling) < 3 and cases[0].wanted[k].size < 3):
        return ""
    constant = np.ptp(r) < CLOSE * abs(r[0])
    plain = {-1: "the sign is wrong in every value", 2: "every value is twice what it should be"}
    plain[0.5] = "every value is half of what it should be"
    if constant and (said := plain.get(round(float(r[0]), 9))):
        return said
    tables = [_scalars(c) for c, _ in ratios]
    names = [name for name in tables[0] if all(name in t for t in tables)]
    values = {name: np.array([t[name] for t in tables]) for name in names}
    for c, sign in (
        (1.0, ""),
        (-1.0, ", and the sign is wrong"),
        (2.0, ", and doubled"),
        (0.5, ", and halved"),
    ):
        for a in names:
            for power, text in POWERS:
                if np.allclose(c * np.sign(values[a]) * np.abs(values[a]) ** power, r, CLOSE, 0):
                    return f"every value is {text.format(a)}{sign}"
        for a, b in itertools.permutations(() if constant else names, 2):
            if np.allclose(c * values[b] / values[a], r, CLOSE, 0):
                return f"every value is multiplied by `{b}` where `{a}` belongs{sign}"
            if a < b and np.allclose(c * values[a] * values[b], r, CLOSE, 0):
                return f"every value is multiplied by `{a}` and by `{b}` once too often{sign}"
            if a < b and np.allclose(c / values[a] / values[b], r, CLOSE, 0):
                return f"every value lacks the factors `{a}` and `{b}`{sign}"
    if constant:
        return (
            f"all your values are {r[0]:.4g} times what they should be: a factor is missing, or "
            "one is too many"
        )
    if cases[0].wanted[k].size > 2:
        depends = f"{min(r):.4g} to {max(r):.4g} in what the check tries"
        return (
            "within a call all your values are off by one factor, which depends on what you are "
            f"given ({depends})"
        )
    return ""
