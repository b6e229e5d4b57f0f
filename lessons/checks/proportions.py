"""How an answer grows, and what makes it too large: sums, products, means and squares in the wrong
order, factors of rows."""

import contextlib
import itertools

import numpy as np

from .behaviour import moves
from .terms import CLOSE, alike, rows_of

MANY = 40  # terms of which pairs are tried


def swapped(cases, k) -> str:
    """A product of sums for a sum of products, a mean of squares for the square of a mean, or a
    factor of each row."""
    telling = [
        c
        for c in cases
        if c.found[k].shape == c.wanted[k].shape and not alike(c.found[k], c.wanted[k])
    ]
    different = {(c.found[k].tobytes(), c.wanted[k].tobytes()) for c in telling}
    if len(different) < 2 or len({one for _, one in different}) < 2:
        return ""
    names = [text for text in telling[0].terms if all(text in c.terms for c in telling)]
    arrays = [
        t
        for t in names
        if all(c.terms[t][-1][1].ndim and c.terms[t][-1][1].size > 1 for c in telling)
    ]
    value = lambda c, text: c.terms[text][-1][1]
    every = lambda test: all(test(c, c.found[k], c.wanted[k]) for c in telling)
    return (
        _powers(arrays, value, every)
        or _pairs(arrays[:MANY], value, every)
        or _shares(arrays, value, every, telling, k)
    )


def _pairs(arrays, value, every) -> str:
    for a, b in itertools.combinations(arrays, 2):
        for sign in (1, -1):
            of = lambda how, c: (
                sign * how(value(c, a), value(c, b))
                if value(c, a).shape == value(c, b).shape
                else np.nan
            )
            apart, together = (lambda p, q: p.sum() * q.sum()), (lambda p, q: (p * q).sum())
            if every(
                lambda c, f, w: f.ndim == 0 and alike(f, of(apart, c)) and alike(w, of(together, c))
            ):
                return (
                    f"yours is the sum of `{a}` times the sum of `{b}`: multiply first, entry by "
                    "entry, and sum up then"
                )
            if every(
                lambda c, f, w: f.ndim == 0 and alike(f, of(together, c)) and alike(w, of(apart, c))
            ):
                return (
                    f"yours is the sum of the products of `{a}` and `{b}`: sum up first, and "
                    "multiply the sums"
                )
    return ""


def _powers(arrays, value, every) -> str:
    for text, axis, sign in itertools.product(arrays, (None, 0, 1, 2), (1, -1)):
        for how, said in ((np.mean, "mean"), (np.sum, "sum")):
            of = lambda c, inner, outer: sign * outer(how(inner(value(c, text)), axis))
            fits = lambda c: axis is None or axis < value(c, text).ndim
            for p, q, order in (
                (
                    np.square,
                    np.positive,
                    f"the {said} of the squares of `{text}`; asked for is the square of the {said}",
                ),
                (
                    np.positive,
                    np.square,
                    f"the square of the {said} of `{text}`; asked for is the {said} of the squares",
                ),
            ):
                if every(
                    lambda c, f, w: fits(c) and alike(f, of(c, p, q)) and alike(w, of(c, q, p))
                ):
                    return f"yours is {order}"
    return ""


def _shares(arrays, value, every, telling, k) -> str:
    """The factor of a call, or of each row, as the sum, the mean or an entry of a term."""
    for text in arrays:
        for said, of in (
            (f"the sum of `{text}`", np.sum),
            (f"the mean of `{text}`", np.mean),
            (f"the number of entries of `{text}`", np.size),
        ):
            if any(
                abs(of(value(c, text)) - 1) < CLOSE or not np.isfinite(of(value(c, text)))
                for c in telling
            ):
                continue
            if every(lambda c, f, w: alike(f, w * of(value(c, text)))):
                return f"every value is multiplied by {said} too"
            if every(lambda c, f, w: alike(f * of(value(c, text)), w)):
                return f"every value is divided by {said} too"
    if telling[0].wanted[k].ndim != 2 or min(telling[0].wanted[k].shape) < 2:
        return ""
    for text in arrays:
        if every(
            lambda c, f, w: (
                value(c, text).shape == w.shape
                and not alike(value(c, text), w)
                and _rows(f, w, value(c, text))
            )
        ):
            return f"each row of yours is multiplied by an entry of that row of `{text}` too"
    return ""


def _rows(found, wanted, term) -> bool:
    """Whether each row is the right one times one of the entries of that row of a term."""
    top = np.abs(wanted).argmax(1)[:, None]
    ratio = np.take_along_axis(found, top, 1) / np.take_along_axis(wanted, top, 1)
    near = np.abs(term - ratio) <= CLOSE * np.abs(ratio)
    return alike(found, ratio * wanted) and bool(near.any(1).all()) and np.ptp(ratio) > CLOSE


def grows(cases, k, functions) -> str:
    """How the answer grows with an argument: with its size, its square, or not."""
    names, theirs, right, _ = functions
    case = next((c for c in cases if c.wanted[k].any()), cases[0])
    for n, name in enumerate(names):
        one = case.arguments[n]
        if not (isinstance(one, float) or (isinstance(one, np.ndarray) and one.dtype.kind == "f")):
            continue
        double = [*case.arguments[:n], 2 * one, *case.arguments[n + 1 :]]
        with contextlib.suppress(Exception):
            powers = []
            for f in (right, theirs):
                a, b = moves(f, case.arguments, k, double)
                powers.append(
                    next(
                        (p for p in (-2, -1, 0, 1, 2, 3) if alike(b, 2.0**p * a) and a.any()), None
                    )
                )
            said = {
                -2: "falls to a quarter",
                -1: "is halved",
                0: "stays",
                1: "doubles",
                2: "grows four times",
                3: "grows eight times",
                None: "does neither",
            }
            if powers[0] != powers[1] and powers[0] is not None:
                return (
                    f"where `{name}` doubles the right answer {said[powers[0]]}; yours "
                    f"{said[powers[1]]}"
                )
    ways = {
        (False, True): "grows",
        (True, False): "falls",
        (False, False): "stays",
        (True, True): "does now this, now that",
    }
    for n, name in enumerate(names[: len(case.arguments)]):
        steps = []
        for factor in (0.5, 0.8, 0.9, 1.1, 1.25, 2.0, 8.0):
            with contextlib.suppress(Exception):
                other = [
                    *case.arguments[:n],
                    _times(case.arguments[n], factor),
                    *case.arguments[n + 1 :],
                ]
                pairs = [moves(f, case.arguments, k, other) for f in (right, theirs)]
                steps.append([int(np.sign(b - a)) * (1 if factor > 1 else -1) for a, b in pairs])
        mine, yours = ((-1 in way, 1 in way) for way in zip(*steps)) if steps else ((), ())
        if mine != yours and mine != (True, True):
            return f"where `{name}` grows the right answer {ways[mine]}; yours {ways[yours]}"
    return ""


def _times(one, factor: float):
    """Numbers, alone or in a tuple, times a factor. Raises TypeError for anything else."""
    if isinstance(one, tuple | list):
        return type(one)(_times(part, factor) for part in one)
    if isinstance(one, bool) or not isinstance(one, int | float):
        raise TypeError
    return type(one)(one * factor)


def sizes(cases, k, functions) -> str:
    """Whether all that is wrong is too large or too small, with the right sign."""
    found, wanted, *_ = rows_of(cases, k)
    off = np.abs(found - wanted) > CLOSE * np.maximum(1e-6, np.abs(wanted))
    if len(found) > 3 and (np.sign(found) == np.sign(wanted)).all():
        larger = np.abs(found[off]) > np.abs(wanted[off])
        size = "too large" if larger.all() else "too small" if not larger.any() else ""
        if size:
            return (
                f"every wrong value has the right sign and is {size}: a factor, a power or a share"
            )
    return ""
