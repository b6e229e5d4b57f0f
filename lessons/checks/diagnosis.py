"""What a wrong answer most likely did: the course's solution with one slip that gives the very same values.

`answer` notes every call; where no named mistake fits, the slips of slips.txt, which say what they do, and then all of slips.py
are made in the solution one after the other, run on the same arguments and on others, and compared with what the student's
function returns.
"""

import ast
import copy
import sys
import time
import warnings
from collections import deque
from pathlib import Path

import numpy as np

from .slips import slips
from .solutions import SOLUTIONS

SECONDS = 3.0  # of processor time, to look for the slip
LINES, BITS = 50_000, 4096  # that a slip may run, and that its whole numbers may grow to
SLIPS = Path(__file__).with_name("slips.txt")
SOLVERS = ("eigsh",)  # compiled code that trusts its arguments: a slip in them may write beyond an array
_calls: deque = deque(maxlen=12)  # (exercise, function, arguments, what it returned)


def note(exercise: str, function, arguments, found) -> None:
    """Keep a call for `slip`."""
    _calls.append((exercise, function, arguments, found))


def slip(exercise: str) -> str:
    """The slip that explains the last function's answers, as a sentence; "" where none does."""
    mine = [call for call in _calls if call[0] == exercise]
    calls = [call for call in mine if call[1] is mine[-1][1]] if mine else []
    if not calls or exercise not in SOLUTIONS:
        return ""
    end, tree = time.process_time() + SECONDS, ast.parse(SOLUTIONS[exercise])
    space = dict(getattr(calls[0][1], "__globals__", {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for said, changed in _known(exercise):
            if time.process_time() < end and _explains(changed, space, calls):
                return said
        if plain := _plain(calls[-1][3], exercise, space, calls[-1][2]):
            return plain
        for what, changed in slips(tree) if not any(name in SOLUTIONS[exercise] for name in SOLVERS) else ():
            if time.process_time() > end:
                break
            if _explains(changed, space, calls):
                return _said(what)
        return _seen(exercise, space, calls[-1])


def _known(exercise):
    """(what is said, the changed tree) for each line of slips.txt that belongs to an exercise."""
    for line in SLIPS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{exercise} | "):
            _, part, other, said = line.replace("\\n", "\n").split(" | ")
            yield said, ast.parse(SOLUTIONS[exercise].replace(part, other))


def _plain(found, exercise, space, arguments) -> str:
    """What can be seen from the values alone: a factor, a sign, a shift in time, an order."""
    try:
        exec(SOLUTIONS[exercise], space := dict(space))
        names = [node.name for node in ast.parse(SOLUTIONS[exercise]).body if isinstance(node, ast.FunctionDef)]
        wanted = space[names[0]](*copy.deepcopy(arguments))
        if isinstance(wanted, tuple):
            return ""
        found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    except Exception:
        return ""
    if found.shape != wanted.shape or not wanted.size or not np.isfinite(found).all():
        return ""
    size, top = np.abs(wanted).max(), np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
    if (
        size
        and np.allclose(found, wanted * (factor := found[top] / wanted[top]), 1e-9, 1e-12 * size)
        and abs(factor - 1) > 1e-9
    ):
        if abs(factor) < 1e-12:
            return "all your values are 0: what you computed is not what you return, or it was never written"
        return f"all your values are {factor:.4g} times what they should be: a factor is missing, or one is too many"
    if wanted.ndim == 1 and len(wanted) > 3 and np.ptp(wanted) > 0:
        for off, text in ((1, "late"), (-1, "early"), (2, "late"), (-2, "early")):
            a, b = (found[off:], wanted[:-off]) if off > 0 else (found[:off], wanted[-off:])
            if np.allclose(a, b, 1e-9, 1e-12) and np.ptp(b) > 0:
                return f"your values come {abs(off)} step{'s' * (abs(off) > 1)} too {text}"
        if np.allclose(found[::-1], wanted, 1e-9, 1e-12):
            return "your values stand in the reverse order"
    if wanted.size > 1 and np.ptp(gap := found - wanted) < 1e-9 * max(size, 1) and size:
        return f"all your values are off by the same {gap.flat[0]:+.4g}: a term is missing, or one is too many"
    return ""


def _seen(exercise, space, call) -> str:
    """Where no slip explains an answer: how far it is right, or what of it is; "" where nothing is."""
    try:
        exec(SOLUTIONS[exercise], space := dict(space))
        name = next(node.name for node in ast.parse(SOLUTIONS[exercise]).body if isinstance(node, ast.FunctionDef))
        theirs, wanted = (one if isinstance(one, tuple) else (one,) for one in (call[3], space[name](*copy.deepcopy(call[2]))))
        pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(theirs, wanted, strict=True)]
    except Exception:
        return ""
    for a, b in pairs:
        if a.shape != b.shape or not np.isfinite(a).all():
            return ""
        if np.allclose(a, b, 1e-9, 1e-12):
            continue
        off = ~np.isclose(a, b, 1e-9, 1e-12)
        rows = off.reshape(len(a), -1).any(1) if a.ndim else off.reshape(1)
        first, last = int(np.argmax(rows)), int(np.argmax(rows[::-1]))
        begun, ended = first > 1 and b[:first].any(), last > 1 and b[-last:].any()  # zeros alone say little
        if begun or ended:
            which = f"first {first}" if begun and (first > last or not ended) else f"last {last}"
            return f"the {which} of {len(a)} are right, and beyond them it goes wrong: what happens there for the first time?"
        if a.size > 3 and (np.sign(a) == np.sign(b)).all():
            return "all signs are right, the sizes are not: a factor, a power or a share"
        if a.size > 3 and not off[b < 0].any() | (b >= 0).all():
            return "right wherever the value is negative, wrong elsewhere"
        if a.size > 3 and not off[b > 0].any() | (b <= 0).all():
            return "right wherever the value is positive, wrong elsewhere"
        if a.ndim > 1 and np.allclose(np.sort(a.ravel()), np.sort(b.ravel()), 1e-9, 1e-12):
            return "all numbers are right, but stand in other places: two axes, or an order, are exchanged"
        if a.size > 3 and np.allclose(a.sum(), b.sum(), 1e-9, 1e-12) and b.any():
            return "the sum of all values is right, their places are not"
        return ""
    return ""


def _said(what: str) -> str:
    return f"your values are those of a function that is right but for this: {what}"


def _explains(tree, space, calls) -> bool:
    function_space = dict(space)
    try:
        exec(compile(ast.fix_missing_locations(tree), "<slip>", "exec"), function_space)
        function = function_space[next(n.name for n in tree.body if isinstance(n, ast.FunctionDef))]
        with np.errstate(all="ignore"):
            return all(_same(function, *call[2:]) for call in calls[-3:]) and _alike(function, calls[-1])
    except Exception:
        return False


def _alike(function, call) -> bool:
    """Whether a slip does what the student's function does where the call's real numbers are others: no chance agreement."""
    rng, (_, theirs, arguments, found) = np.random.default_rng(0), call
    if isinstance(found, Exception):
        return True
    for _ in range(2):
        other = [
            a * (1 + 0.3 * rng.standard_normal(np.shape(a)))
            if isinstance(a, float) or (isinstance(a, np.ndarray) and a.dtype.kind == "f")
            else a
            for a in arguments
        ]
        try:
            wanted = theirs(*copy.deepcopy(other))
        except Exception:
            return True
        if not _equal(_limited(function, copy.deepcopy(other)), wanted):
            return False
    return True


def _same(function, arguments, found) -> bool:
    if not isinstance(found, Exception):
        return _equal(_limited(function, copy.deepcopy(arguments)), found)
    try:
        _limited(function, copy.deepcopy(arguments))
    except Exception as error:
        return (type(error), str(error)) == (type(found), str(found))
    return False


def _limited(function, arguments):
    """The function's value; TimeoutError where a slip made its loop endless."""
    lines = 0

    def count(frame, *_):
        nonlocal lines
        if frame.f_code.co_filename != "<slip>":
            return None
        lines += 1
        last = [one[-1] if isinstance(one, list) and one else one for one in frame.f_locals.values()]
        if lines > LINES or any(isinstance(one, int) and one.bit_length() > BITS for one in last):
            raise TimeoutError("a slip that never ends")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)


def _flat(found) -> list:
    """The arrays of an answer, out of its tuples and lists."""
    return [one for part in found for one in _flat(part)] if isinstance(found, tuple | list) else [found]


def _equal(one, other) -> bool:
    one, other = _flat(one), _flat(other)
    if len(one) != len(other):
        return False
    for a, b in zip(one, other):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or not np.allclose(a.astype(float), b.astype(float), 1e-9, 1e-12, equal_nan=True):
            return False
    return True
