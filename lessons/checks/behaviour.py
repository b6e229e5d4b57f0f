"""How an answer behaves beside the right one: what it heeds, how it grows with it, where it is
right, and what always holds.

Both functions are called with one argument changed, so that even an answer of which no number fits
says what it does.
"""

import contextlib
import copy
import dataclasses
import itertools

import numpy as np

from .probes import like, parts
from .terms import CLOSE, alike, ordinal, rows_of


def moves(function, arguments, k, other) -> tuple[np.ndarray, np.ndarray]:
    one, two = (parts(function(*copy.deepcopy(list(a))))[k] for a in (arguments, other))
    return one, two


def heeds(cases, k, functions) -> str:
    """An argument, or a constant of the neuron, on which one answer depends and the other does not;
    then, which entries."""
    names, theirs, right, read = functions
    rng, case = np.random.default_rng(1), cases[0]
    change = lambda one: _another(one, rng)

    def moved(arguments, n, new):
        other = [*arguments[:n], new, *arguments[n + 1 :]]
        return np.array(
            [not np.array_equal(*moves(f, arguments, k, other)) for f in (right, theirs)]
        )

    for n, name in enumerate(names):
        for part, new in (
            _others(name, case.arguments[n], change) if n < len(case.arguments) else ()
        ):
            with contextlib.suppress(Exception):
                both = moved(case.arguments, n, new)
                # what stands still by chance moves in another case
                for one in cases[1:6] if both.sum() == 1 else ():
                    both |= moved(
                        one.arguments, n, dict(_others(name, one.arguments[n], change))[part]
                    )
                # a small change may be rounded away
                for factor in (10, 1000, 100_000) if both[0] and not both[1] else ():
                    with contextlib.suppress(Exception):
                        both |= moved(case.arguments, n, _further(case.arguments[n], new, factor))
                if both[0] and not both[1]:
                    return f"your answer does not change when `{part}` does: it has to come into it"
                if both[1] and not both[0] and not _is_read(part, read):
                    return f"your answer changes with `{part}`, which should not come into it"
    for n, name in enumerate(names):
        a, w = case.arguments[n], case.wanted[k]
        if not (
            isinstance(a, np.ndarray)
            and a.dtype.kind == "f"
            and a.ndim
            and w.ndim
            and len(a) == len(w)
            and len(w) > 4
        ):
            continue
        at, other = len(a) // 2, list(copy.deepcopy(list(case.arguments)))
        other[n][at] = other[n][at] + 0.37
        with contextlib.suppress(Exception):
            reach = []
            for f in (right, theirs):
                one, two = moves(f, case.arguments, k, other)
                reach.append(np.flatnonzero((one != two).reshape(len(one), -1).any(1)) - at)
            mine, yours = (f"{_places(r)}" for r in reach)
            if mine != yours:
                return f"{name}[t] should touch your values {mine}; it touches them {yours}"
    return ""


def _is_read(part: str, read: set[str]) -> bool:
    """Whether a solution that reads these names and attributes reads a part of an argument."""
    return part.split(".")[0].split("[")[0] in read or part.split("[")[0] in read


def _further(one, new, factor: int):
    """What is changed in `new`, changed `factor` times as far."""
    if isinstance(one, tuple | list):
        made = [_further(a, b, factor) for a, b in zip(one, new)]
        return type(one)(*made) if hasattr(one, "_fields") else type(one)(made)
    return one + factor * (new - one)


def _places(offsets) -> str:
    if not len(offsets):
        return "nowhere"
    low, high = (
        ("t" if not o else f"t {'+' if o > 0 else '-'} {abs(o)}")
        for o in (offsets.min(), offsets.max())
    )
    if offsets.min() < 0 < offsets.max():
        return f"both before t and after it{'' if 0 in offsets else ', but not at t'}"
    if len(offsets) == 1:
        return f"at {low} alone"
    return f"from {low} on" if offsets.min() >= 0 else f"up to {high}"


def _others(name, one, change):
    """(a part of an argument, the argument with that part changed): each array, number, entry and
    constant of a neuron."""
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        for f in dataclasses.fields(one):
            if isinstance(value := getattr(one, f.name), float):
                with contextlib.suppress(Exception):
                    yield f"{name}.{f.name}", dataclasses.replace(one, **{f.name: change(value)})
    elif isinstance(one, tuple | list):
        for k, entry in enumerate(one):
            field = f".{one._fields[k]}" if hasattr(one, "_fields") else f"[{k}]"
            for part, new in _others(f"{name}{field}", entry, change):
                entries = [*one[:k], new, *one[k + 1 :]]
                yield part, type(one)(*entries) if hasattr(one, "_fields") else type(one)(entries)
    elif isinstance(one, float | int) or (isinstance(one, np.ndarray) and one.dtype.kind in "fi"):
        yield name, change(one)


def _another(one, rng):
    if isinstance(one, float):
        return one * 0.83 if one else 0.21
    if isinstance(one, int) or one.dtype.kind == "i":
        return one + 1
    return like([one], rng)[0]


def fades(cases, k, functions) -> str:
    """The part of an argument without which the answer is right; it may well lie elsewhere."""
    names, theirs, right, _ = functions
    case = next(c for c in cases if not alike(c.found[k], c.wanted[k]))
    changed = [
        (part, new, n)
        for n, name in enumerate(names[: len(case.arguments)])
        for part, new in _others(name, case.arguments[n], lambda one: 0 * one)
    ]
    # of a list of tuples, such as layers, the k-th of all
    for n, one in enumerate(case.arguments[: len(names)]):
        if (
            isinstance(one, list)
            and one
            and all(isinstance(pair, tuple) and len(pair) == len(one[0]) for pair in one)
        ):
            for k_th in range(len(one[0])):
                none = [(*pair[:k_th], 0 * pair[k_th], *pair[k_th + 1 :]) for pair in one]
                changed.append((f"{names[n]}[:][{k_th}]", none, n))
    for part, new, n in sorted(
        changed, key=lambda one: isinstance(case.arguments[one[2]], np.ndarray | list)
    ):
        other = [*case.arguments[:n], new, *case.arguments[n + 1 :]]
        with contextlib.suppress(Exception):
            wanted, found = (parts(f(*copy.deepcopy(other)))[k] for f in (right, theirs))
            if alike(found, wanted) and wanted.any():
                return f"the mistake only shows where `{part}` is not 0"
    return ""


def touches(cases, k, functions) -> str:
    """Which values an entry of an argument touches, and with which other entry as the factor."""
    names, theirs, right, _ = functions
    case, rng = cases[0], np.random.default_rng(2)
    real = [
        n
        for n, a in enumerate(case.arguments)
        if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim
    ]
    if not case.wanted[k].ndim or case.found[k].shape != case.wanted[k].shape:
        return ""
    for n, _ in itertools.product(real, range(4)):
        at = tuple(int(rng.integers(size)) for size in case.arguments[n].shape)
        other = copy.deepcopy(list(case.arguments))
        other[n][at] += 1.0
        mine, yours = (
            np.subtract(*moves(f, case.arguments, k, other)[::-1]) for f in (right, theirs)
        )
        place = f"{names[n]}[{', '.join(map(str, at))}]"
        lost, more = (mine != 0) & (yours == 0), (mine == 0) & (yours != 0)
        if lost.any() or more.any():
            said = [f"does not touch your value {_listed(lost)}, which it should"] * bool(
                lost.any()
            )
            said += [f"touches your value {_listed(more)}, which it should not"] * bool(more.any())
            picture = mine.ndim == 3 and min(mine.shape[:2]) > 2
            edge = picture and not lost.any() and not more[1:-1, 1:-1].any()
            outside = ": sites outside the picture are left out" if edge else ""
            return f"{place} {' and '.join(said)}{outside}"
        off = np.argwhere(np.abs(mine - yours) > 1e-6 * np.abs(mine).max(initial=1e-9))
        if len(off):
            spot = tuple(map(int, off[0]))
            a, b = (_named(float(one[spot]), names, case.arguments, real) for one in (mine, yours))
            if not a and not b:
                return ""
            a, b = a or f"{mine[spot]:.4g}", b or f"{yours[spot]:.4g}"
            return (
                f"{place} acts on your value [{', '.join(map(str, spot))}] with the factor {b}, "
                f"and should with {a}"
            )
    return ""


def _listed(moved) -> str:
    places = [f"[{', '.join(map(str, place))}]" for place in np.argwhere(moved)]
    return (
        f"{', '.join(places[:3])}{f' and {len(places) - 3} more' * (len(places) > 3)}"
        if places
        else "none of your values"
    )


def _named(value: float, names, arguments, real) -> str:
    for n in real:
        hits = np.argwhere(np.abs(arguments[n] - value) < 1e-6 * max(1, abs(value)))
        if len(hits) == 1 and abs(value) > 1e-9:
            return f"{value:.4g}, which is {names[n]}[{', '.join(map(str, hits[0]))}]"
    return ""


def properties(cases, k, functions) -> str:
    """What holds for every right answer and not for this one: zeros, sums, bounds, symmetries."""
    found, wanted = ([getattr(c, one)[k] for c in cases] for one in ("found", "wanted"))
    near = lambda a, b: np.abs(a - b).max(initial=0) < 1e-9 * max(1, np.abs(a).max(initial=0))
    tests = [
        ("no right value is negative, and some of yours are", lambda a: (a >= 0).all()),
        ("no right value is positive, and some of yours are", lambda a: (a <= 0).all()),
        (
            "no right value is larger than 1, and some of yours are",
            lambda a: (np.abs(a) <= 1 + 1e-9).all(),
        ),
        ("the right values are whole numbers, and yours are not", lambda a: near(a, np.round(a))),
        (
            "the right values add up to 0, and yours do not",
            lambda a: a.size > 1 and near(a.sum(), 0),
        ),
        (
            "the right values add up to 1, and yours do not",
            lambda a: a.size > 1 and near(a.sum(), 1),
        ),
        (
            "the right answer is symmetric, and yours is not",
            lambda a: a.ndim == 2 and a.shape[0] == a.shape[1] and near(a, a.T),
        ),
        (
            "the right values never fall, and yours do",
            lambda a: a.ndim == 1 and a.size > 2 and (np.diff(a) >= -1e-12).all(),
        ),
        (
            "the right values never rise, and yours do",
            lambda a: a.ndim == 1 and a.size > 2 and (np.diff(a) <= 1e-12).all(),
        ),
    ]
    for axis in range(1, wanted[0].ndim):
        said = f"the right values add up to {{}} along the {ordinal(axis)} axis, and yours do not"
        tests += [(said.format(n), lambda a, n=n, x=axis: near(a.sum(x), n)) for n in (0, 1)]
    for said, holds in tests:
        if all(holds(w) for w in wanted) and not all(
            f.shape == w.shape and holds(f) for f, w in zip(found, wanted)
        ):
            return said
    zero = [
        (f[w == 0] != 0).any()
        for f, w in zip(found, wanted)
        if f.shape == w.shape and (w == 0).any()
    ]
    if zero and all(zero):
        return "some of the right values are 0, and yours are not 0 there"
    names, theirs, right, _ = functions
    for said, other in _changed(names, cases[0].arguments):
        with contextlib.suppress(Exception):
            pairs = [moves(f, cases[0].arguments, k, other) for f in (right, theirs)]
            for sign, does in ((1, "stays as it is"), (-1, "changes its sign")):
                mine, yours = (alike(two, sign * one) for one, two in pairs)
                if mine and not yours:
                    return f"where {said}, the right answer {does}; yours does not"
    return ""


def _changed(names, arguments):
    """(what is done, the arguments with that) for signs and exchanges of arguments."""
    real = [
        n
        for n, a in enumerate(arguments)
        if isinstance(a, float) or (isinstance(a, np.ndarray) and a.dtype.kind == "f")
    ]
    for n in real:
        yield f"`{names[n]}` changes its sign", [*arguments[:n], -arguments[n], *arguments[n + 1 :]]
    for i, j in itertools.combinations(real, 2):
        if np.shape(arguments[i]) == np.shape(arguments[j]):
            other = list(arguments)
            other[i], other[j] = other[j], other[i]
            yield f"`{names[i]}` and `{names[j]}` are exchanged", other


def where(cases, k, functions) -> str:
    """The property of the places where it goes wrong, where it is right elsewhere."""
    if cases[0].found[k].shape != cases[0].wanted[k].shape:
        return ""
    found, wanted, columns, _ = rows_of(cases, k)
    off = np.abs(found - wanted) > CLOSE * np.maximum(1e-6, np.abs(wanted))
    features = {
        "the right value is negative": wanted < 0,
        "the right value is positive": wanted > 0,
        "the right value is 0": wanted == 0,
    }
    for text, c in columns.items():
        if np.isfinite(c).all() and text.count(" ") < 6:
            features |= {
                f"`{text}` is negative": c < 0,
                f"`{text}` is positive": c > 0,
                f"`{text}` is 0": c == 0,
            }
    for n, text in {
        (n, a) for case in cases for n, a in enumerate(case.arguments) if isinstance(a, str)
    }:
        told = [np.full(case.wanted[k].size, case.arguments[n] == text) for case in cases]
        features[f'"{text}" is asked for'] = np.concatenate(told)
    features |= _borders(cases, k)
    n, at = cases[0].wanted[k].size, np.flatnonzero(off[: cases[0].wanted[k].size])
    if 1 < len(at) < n / 2 and at[-1] - at[0] == len(at) - 1 and n - 1 in at:
        return (
            f"yours goes wrong in the last {len(at)} of {n} places alone, and is right before them"
        )
    best = max(
        features,
        key=lambda name: (
            ((off & features[name]).sum() == off.sum()) * (off.sum() / max(1, features[name].sum()))
        ),
    )
    inside = features[best]
    if (
        off.any()
        and not (off & ~inside).any()
        and inside.mean() < 0.75
        and off.sum() >= 0.5 * inside.sum()
    ):
        every = "wherever" if off.sum() == inside.sum() else "only where"
        return f"yours goes wrong {every} {best}, and is right elsewhere"
    return ""


def _borders(cases, k) -> dict:
    made = {}
    for case in cases:
        places = np.indices(case.wanted[k].shape)
        for axis, p in enumerate(places):
            n = case.wanted[k].shape[axis]
            name = f"along the {ordinal(axis)} axis"
            for text, mark in (
                (f"at the first place {name}", p == 0),
                (f"at the last place {name}", p == n - 1),
                (f"at the ends {name}", (p == 0) | (p == n - 1)),
            ):
                made.setdefault(f"it stands {text}", []).append(mark.ravel())
    return {name: np.concatenate(marks) for name, marks in made.items()}
