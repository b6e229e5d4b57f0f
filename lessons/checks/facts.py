"""What holds of a wrong answer in every case, as numbers: an order, a sign, one factor, an axis.

Nothing here guesses at a cause: each sentence says what the values are beside the right ones.
"""

import contextlib
import dataclasses
import itertools

import numpy as np

CLOSE = 1e-7
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def alike(a, b) -> bool:
    """Equal shapes and values, within rounding."""
    a = np.asarray(a, float)
    b = np.asarray(b, float)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return bool(np.abs(a - b).max(initial=0) <= CLOSE * max(1e-9, float(np.abs(b).max(initial=0))))


def fact(cases, names) -> str:
    """A sentence that holds in all cases, at least two of which differ; "" where none is known.

    names    those of the solution's arguments
    """
    bad = [k for c in cases for k in range(len(c.wanted)) if not alike(c.found[k], c.wanted[k])]
    if not bad or len({np.concatenate([w.ravel() for w in c.wanted]).tobytes() for c in cases}) < 2:
        return ""
    k = bad[0]
    many = len(cases[0].wanted)
    if many < 7 and (said := _exchanged(cases, many)):
        return said
    which = f"of what you return, the {ORDINALS[k]}: " if 1 < many <= len(ORDINALS) else ""
    for find in (_shape, _places, _factor):
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            if said := find(cases, k, names):
                return which + said
    return ""


def _exchanged(cases, many) -> str:
    for i, j in itertools.combinations(range(many), 2):
        if all(alike(c.found[i], c.wanted[j]) and alike(c.found[j], c.wanted[i]) for c in cases):
            return f"the {ORDINALS[i]} and the {ORDINALS[j]} thing that you return are exchanged"
    return ""


def _shape(cases, k, _) -> str:
    """An axis that is summed or is not, a value too many or too few, an order of axes."""
    found = cases[0].found[k]
    wanted = cases[0].wanted[k]
    if found.shape == wanted.shape:
        return ""
    every = lambda test: all(test(c.found[k], c.wanted[k]) for c in cases)
    for axis in range(min(max(found.ndim, wanted.ndim), 4)):
        for how, name in (("sum", "summed"), ("mean", "averaged")):
            if found.ndim > axis and every(lambda f, w: alike(getattr(f, how)(axis), w)):
                return f"yours is not yet {name} over its {ORDINALS[axis]} axis"
            if wanted.ndim > axis and every(lambda f, w: alike(f, getattr(w, how)(axis))):
                return f"yours is {name} over the {ORDINALS[axis]} axis, which should be kept"
    if every(lambda f, w: w.ndim == f.ndim + 1 and alike(f, w[-1])):
        return "yours is the last value, and all of them are asked for"
    if every(lambda f, w: w.ndim == 0 and alike(f.sum(), w)):
        return "one number is asked for: your values are its parts, and are still to be summed"
    if found.ndim and wanted.ndim and found.shape[1:] == wanted.shape[1:]:
        few = len(found) < len(wanted)
        n = abs(len(found) - len(wanted))
        short = lambda f, w: (f, w) if few else (w, f)
        for end, cut in (("first", slice(n, None)), ("last", slice(0, -n))):
            if every(lambda f, w: alike(short(f, w)[0], short(f, w)[1][cut])):
                values = f"{n} values are" if n > 1 else "value is"
                state = "missing in yours" if few else "too many in yours"
                return f"the {end} {values} {state}, the others are right"
    if found.size == wanted.size and alike(found.ravel(), wanted.ravel()):
        return f"the numbers are right, but lie in the shape {found.shape}, not {wanted.shape}"
    for order in itertools.permutations(range(found.ndim)) if found.ndim <= 4 else ():
        if every(lambda f, w: alike(f.transpose(order), w)):
            return "the numbers are right, but their axes stand in another order"
    return ""


def _places(cases, k, _) -> str:
    """No numbers, zeros, or the right values in other places."""
    found = [c.found[k] for c in cases]
    if all(np.isnan(f).all() for f in found):
        return "all your values are NaN, no number"
    if found[0].size > 2 and all(not f.any() for f in found):
        return "all your values are 0"
    told = [c for c in cases if c.wanted[k].size > 2 and not alike(c.found[k], c.wanted[k])]
    for said, _ in _orders(cases[0].wanted[k]) if told else ():
        if all(alike(c.found[k], dict(_orders(c.wanted[k]))[said]) for c in told):
            return said
    return ""


def _orders(a):
    """(what was done, the array) for ways to put an array's values in other places."""
    yield "the sign is lost: yours are the absolute values", np.abs(a)
    for axis in range(min(a.ndim, 4)):
        along = f" along the {ORDINALS[axis]} axis" if a.ndim > 1 else ""
        yield f"your values stand in the reverse order{along}", np.flip(a, axis)
        yield f"your values are running sums of the right ones{along}", np.cumsum(a, axis)
        for n, way in itertools.product((1, 2), (1, -1)):
            moved = np.moveaxis(np.roll(a, way * n, axis), axis, 0)
            moved[: n if way > 0 else 0] = 0
            moved[len(moved) - (n if way < 0 else 0) :] = 0
            places = f"{n} place{'s' * (n > 1)} too {'late' if way > 0 else 'early'}{along}"
            yield f"your values come {places}", np.moveaxis(moved, 0, axis)
    for i, j in itertools.combinations(range(a.ndim), 2):
        if a.shape[i] == a.shape[j]:
            yield f"the {ORDINALS[i]} and the {ORDINALS[j]} axis are exchanged", a.swapaxes(i, j)


def _factor(cases, k, names) -> str:
    """One factor for all values of a call, by its name where it is made of one argument."""
    told = [c for c in cases if c.wanted[k].any() or c.found[k].any()]
    top = [np.unravel_index(np.abs(c.wanted[k]).argmax(), c.wanted[k].shape) for c in told]
    ratio = np.array([c.found[k][at] / c.wanted[k][at] for c, at in zip(told, top)])
    if len(told) < 2 or not all(alike(c.found[k], r * c.wanted[k]) for c, r in zip(told, ratio)):
        return ""
    if len({float(c.wanted[k][at]) for c, at in zip(told, top)}) < 2 or not ratio.all():
        return ""
    plain = (
        (-1, "of the wrong sign"),
        (2, "twice what it should be"),
        (0.5, "half of what it should be"),
    )
    for value, said in plain:
        if np.allclose(ratio, value, CLOSE):
            return f"every value is {said}"
    tables = [_scalars(names, c.arguments) for c in told]
    for text in [t for t in tables[0] if all(t in table for table in tables)]:
        values = np.array([table[text] for table in tables])
        if np.ptp(values) > CLOSE and np.allclose(ratio, values, CLOSE):
            return f"every value is multiplied by `{text}` once too often"
        if np.ptp(values) > CLOSE and np.allclose(ratio * values, 1, CLOSE):
            return f"every value lacks the factor `{text}`, or is divided by it once too often"
    if np.allclose(ratio, ratio[0], CLOSE):
        return f"every value is {ratio[0]:.4g} times what it should be"
    if min(c.wanted[k].size for c in told) > 2:
        return (
            f"your values are the right ones times {ratio[0]:.4g}, in another case {ratio[1]:.4g}"
        )
    return ""


def _scalars(names, arguments) -> dict[str, float]:
    """The numbers among the arguments, the constants of a neuron, what each lacks of 1, and the
    lengths of arrays."""
    found: dict[str, float] = {}
    for name, one in zip(names, arguments):
        if isinstance(one, float):
            found[name] = one
        elif isinstance(one, np.ndarray) and one.ndim:
            found[f"len({name})"] = float(len(one))
        elif dataclasses.is_dataclass(one):
            fields = ((f.name, getattr(one, f.name)) for f in dataclasses.fields(one))
            found |= {f"{name}.{field}": v for field, v in fields if isinstance(v, float)}
    return found | {f"1 - {text}": 1 - v for text, v in found.items() if 0 < v < 1}
