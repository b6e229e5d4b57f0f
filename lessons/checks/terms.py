"""Where the numbers as a whole do not tell: which term of the solution is missing, too many or
another one.

The terms are those that the solution computes on its way (`probes`), each in the turn of the loop
that wrote a value. At the first wrong value of a loop all that came before is right, so that the
values there are made of the solution's own terms.
"""

import contextlib
import itertools

import numpy as np

CLOSE = 1e-7
FEW = 24  # terms of which products and sums are tried


def alike(a, b) -> bool:
    """Equal shapes and values, within rounding."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return bool(np.abs(a - b).max(initial=0) <= CLOSE * max(1e-9, float(np.abs(b).max(initial=0))))


def ordinal(k: int) -> str:
    """The word for the k-th of some things, from 0."""
    return ("first", "second", "third", "fourth", "fifth", "sixth")[k] if k < 6 else f"{k + 1}th"


def rows_of(cases, k):
    """(found, wanted, terms, first): a row for each value, with the terms of its place; `first`
    where a case first differs."""
    columns, found, wanted, first = {}, [], [], []
    for case in cases:
        f, w = case.found[k].ravel(), case.wanted[k].ravel()
        n, here = len(f), {}
        shape = case.wanted[k].shape
        turns = {}
        for turn, _, index in case.written:
            with contextlib.suppress(Exception):
                for flat in np.atleast_1d(np.arange(n).reshape(shape)[index]).ravel():
                    turns.setdefault(int(flat), turn)
        order = sorted(turns, key=turns.get) if len(set(turns.values())) > 1 else list(range(n))
        for text, values in case.terms.items():
            if len(values) == 1 or not turns:
                with contextlib.suppress(ValueError):
                    here[text] = np.broadcast_to(values[-1][1], shape).ravel()
                continue
            by_turn = dict(values)
            for back in (0, 1):
                column = np.full(n, np.nan)
                for flat, turn in turns.items():
                    value = by_turn.get(turn - back)
                    if value is not None and value.ndim == 0:
                        column[flat] = value
                    elif value is not None and value.shape == shape[1:]:
                        column[flat] = value.ravel()[flat % value.size]
                here[text if not back else f"{text} of the turn before"] = column
        off = np.abs(f - w) > CLOSE * max(1e-9, np.abs(w).max(initial=0))
        at = next((i for i in order if off[i]), None)
        mark = np.zeros(n, bool)
        if at is not None:
            mark[at] = True
        for text in set(columns) | set(here):
            columns.setdefault(text, np.full(sum(map(len, found)), np.nan))
            columns[text] = np.append(columns[text], here.get(text, np.full(n, np.nan)))
        found.append(f)
        wanted.append(w)
        first.append(mark)
    return np.concatenate(found), np.concatenate(wanted), columns, np.concatenate(first)


def terms(cases, k) -> str:
    """A term that is missing, too many, doubled or another one, at all wrong values or at the first
    wrong one of each case."""
    if cases[0].found[k].shape != cases[0].wanted[k].shape:
        return ""
    if said := _gathered(cases, k):
        return said
    found, wanted, columns, first = rows_of(cases, k)
    off = np.abs(found - wanted) > CLOSE * np.maximum(1e-6, np.abs(wanted))
    if off.sum() > 2 and not off.all() and not found[off].any():
        return "every wrong value of yours is 0: it was left out, cut off or never written"
    gap = found[off] - wanted[off]
    if off.sum() > 2 and np.ptp(gap) < 1e-9 and np.ptp(wanted[off]) > 0:
        whose = "every value of yours is" if off.all() else "where yours is wrong it is"
        return (
            f"{whose} off by {gap[0]:+.6g}, whatever the value: a term is missing, or one is too "
            "many"
        )
    for rows, place in (
        (off, "" if off.all() else "where yours is wrong, "),
        (first, "where yours first differs, "),
    ):
        if rows.sum() < 3:
            continue
        rows = np.flatnonzero(rows)[:60]
        if said := _fit(
            found[rows], wanted[rows], {t: c[rows] for t, c in columns.items()}, cases[0].added
        ):
            return place + said
    if len(set(np.round(found[first], 9))) > 4 and (
        said := _combined(found[first], wanted[first], {t: c[first] for t, c in columns.items()})
    ):
        return "where yours first differs, " + said
    return ""


def _combined(found, wanted, columns) -> str:
    """Three terms of the solution, or products of such a term with a constant, that make the answer
    with signs before them."""
    known, seen = {}, set()
    whole = {
        t: c
        for t, c in columns.items()
        if np.isfinite(c).all() and c.any() and " of the turn before" not in t
    }
    short = sorted(whole, key=len)[:FEW]
    products = {
        f"{a} * {b}": whole[a] * whole[b]
        for a, b in itertools.combinations(short, 2)
        if " " not in f"{a}{b}"
    }
    for text, c in ({t: whole[t] for t in short} | products).items():
        if (key := tuple(np.round(c, 9))) not in seen and not alike(c, wanted):
            seen.add(key)
            known[text] = c
    signed = [(sign, text, sign * c) for text, c in known.items() for sign in (1, -1)]
    keyed = lambda c: tuple(np.round(c[:4], 6) + 0.0)
    sums = {
        keyed(a[2] + b[2]): (a, b) for a, b in itertools.combinations(signed, 2) if a[1] != b[1]
    }
    for sign, text, c in signed:
        a, b = sums.get(keyed(found - c), (None, None))
        if a and text not in (a[1], b[1]) and alike(found, a[2] + b[2] + c):
            parts = "".join(
                f" {'+' if s > 0 else '-'} {t}"
                for s, t in sorted([a[:2], b[:2], (sign, text)], reverse=True)
            )
            return f"yours is `{parts.removeprefix(' + ').strip()}`"
    return ""


def _gathered(cases, k) -> str:
    """Another sum, mean, maximum or entry of a term with one axis more."""
    telling = [c for c in cases if not alike(c.found[k], c.wanted[k])]
    ways = (
        (np.sum, "summed"),
        (np.mean, "averaged"),
        (np.max, "reduced to its largest"),
        (np.min, "reduced to its smallest"),
    )
    ways += (
        (lambda a, x: np.take(a, 0, x), "taken at its first place"),
        (lambda a, x: np.take(a, -1, x), "taken at its last place"),
    )
    for text, values in telling[0].terms.items():
        last = values[-1][1]
        if last.ndim != telling[0].found[k].ndim + 1 or not last.size:
            continue
        for (way, said), axis in itertools.product(ways, range(last.ndim)):
            if all(alike(c.found[k], way(c.terms[text][-1][1], axis)) for c in telling):
                return f"yours is `{text}` {said} along its {ordinal(axis)} axis"
    return ""


def _fit(found, wanted, columns, added) -> str:
    known, seen = {}, {tuple(np.round(wanted, 9))}  # the answer itself is no term of it
    for text in sorted(columns, key=len):
        c = columns[text]
        if np.isfinite(c).all() and c.any() and (key := tuple(np.round(c, 9))) not in seen:
            seen.add(key)
            known[text] = c
    texts = list(known)
    sums = {t: c for t, c in known.items() if np.ptp(c) > 0 or len(found) < 4}
    for t, c in [
        (t, c) for t, c in known.items() if t.removesuffix(" of the turn before") in added
    ]:
        if alike(found, wanted - c):
            return f"it lacks the term `{t}`"
        if alike(found, wanted + c):
            return f"the term `{t}` is too many"
        if alike(found, wanted - 2 * c):
            return f"the sign before `{t}` is wrong"
    for t, c in sums.items():
        for factor, said in ((1, ""), (-1, "minus "), (2, "twice "), (0.5, "half of ")):
            if alike(found, factor * c):
                return f"yours is {said}`{t}`"
        if alike(found, wanted * c):
            return f"it is multiplied by `{t}` too"
        if alike(found * c, wanted):
            return f"yours is still to be multiplied by `{t}`, or was divided by it once too often"
    pairs = [(a, b) for a, b in itertools.combinations_with_replacement(texts[: 2 * FEW], 2)]
    for a, b in pairs:
        for op, value in (
            (f"`{a}` * `{b}`", known[a] * known[b]),
            (f"`{a}` + `{b}`", known[a] + known[b]),
            (f"`{a}` - `{b}`", known[a] - known[b]),
        ):
            if value.any() and np.ptp(value) > 0 and (alike(found, value) or alike(found, -value)):
                return f"yours is {'minus ' * alike(found, -value)}{op}"
            if len(set(np.round(value, 9))) < 3 or ("*" not in op and not {a, b} <= added):
                continue
            if alike(found, wanted + value):
                return f"yours is the right value plus {op}, which does not belong there"
            if alike(found, wanted - value):
                return f"yours is the right value less {op}"
    for t in [t for t in texts[: 2 * FEW] if t in added]:
        rest = found - wanted + known[t]
        for other in texts[: 2 * FEW]:
            for factor, said in ((1, ""), (-1, "minus "), (2, "twice "), (0.5, "half of ")):
                if other != t and alike(rest, factor * known[other]):
                    return f"{said}`{other}` stands in the place of the term `{t}`"
    for t in [t for t in texts[: 2 * FEW] if t in added]:
        rest = found - wanted + known[t]
        for a, b in pairs[:300]:
            if alike(rest, known[a] * known[b]):
                return f"`{a}` * `{b}` stands in the place of the term `{t}`"
    return ""
