"""What a wrong answer most likely did, and on which input it shows.

`answer` notes every call. Where no mistake that the check names fits, those of slips.txt are made in
the course's solution, then single changes of it (slips.py). One that gives the very same values, to
the calls of the check and to others like them (cases.py), is told; else what holds of all values
(facts.py). Where nothing of this fits, the check says what differs and on which input, and no more.
"""

import ast
import copy
import dataclasses
import sys
import time
import warnings
from collections import deque
from pathlib import Path

import numpy as np

from . import cases
from .facts import fact
from .slips import slips
from .solutions import SOLUTIONS

SECONDS = 3.0  # of processor time, to look for the slip
LINES, BITS = 50_000, 4096  # that a slip may run, and that its whole numbers may grow to
DEPTH = 32  # lists in lists; deeper ones hold themselves
SLIPS = Path(__file__).with_name("slips.txt")
# compiled code that trusts its arguments: a slip in them may write beyond an array
SOLVERS = ("eigsh",)
_calls: deque = deque(maxlen=256)  # (exercise, function, arguments, what it returned)


def note(exercise: str, function, arguments, found) -> None:
    """Keep a call for `slip` and `given`."""
    _calls.append((exercise, function, arguments, found))


def slip(exercise: str) -> str:
    """The slip that explains the last function's answers, as a sentence; "" where none does."""
    mine = [call for call in _calls if call[0] == exercise]
    calls = [call for call in mine if call[1] is mine[-1][1]] if mine else []
    if not calls or exercise not in SOLUTIONS or SECONDS <= 0:
        return ""
    end, source = time.process_time() + SECONDS, SOLUTIONS[exercise]
    space = dict(getattr(calls[0][1], "__globals__", {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        failed = isinstance(calls[-1][3], Exception)
        right = _function(ast.parse(source), space)
        made = [] if failed else cases.cases(right, calls, SECONDS / 3)
        for said, changed in _known(exercise):
            if time.process_time() < end and _repeats(changed, space, calls):
                if _explains(changed, space, made):
                    return said
        if failed or any(name in source for name in SOLVERS):
            return ""
        if said := fact(made, _names(exercise)):
            return said
        for what, changed in slips(ast.parse(source)) if len(made) > 2 else ():
            if time.process_time() > end:
                break
            if _explains(changed, space, made):
                return f"your values are those of a function that is right but for this: {what}"
    return ""


def given(exercise: str) -> str:
    """The arguments of the last call, as far as a line holds them."""
    mine = [call for call in _calls if call[0] == exercise]
    if not mine or exercise not in SOLUTIONS:
        return ""
    shown = [
        f"{name} {text}"
        for name, one in zip(_names(exercise), mine[-1][2])
        if (text := _shown(one))
    ]
    return f"; given {', '.join(shown)}" if shown else ""


def _shown(one) -> str:
    if isinstance(one, np.ndarray):
        values = " ".join(f"{value:.4g}" for value in one.ravel()[:6])
        return f"= [{values}{' ...' * (one.size > 6)}] of shape {one.shape}"
    if isinstance(one, bool | int | float | str) or (
        isinstance(one, tuple | list) and all(isinstance(part, int | str) for part in one[:9])
    ):
        text = f"{one:.6g}" if isinstance(one, float) else repr(one)
        return f"= {text if len(text) < 60 else text[:56] + ' ...'}"
    if dataclasses.is_dataclass(one) and hasattr(one, "threshold"):
        fields = ((f.name, getattr(one, f.name)) for f in dataclasses.fields(one))
        return f"({', '.join(f'{n} {v:g}' for n, v in fields if isinstance(v, float))})"
    return ""


def _names(exercise) -> list[str]:
    """The arguments of an exercise's function."""
    tree = ast.parse(SOLUTIONS[exercise])
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    return [one.arg for one in function.args.args]


def _known(exercise):
    """(what is said, the changed tree) for each line of slips.txt that belongs to an exercise."""
    for line in SLIPS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{exercise} | "):
            _, part, other, said = line.replace("\\n", "\n").split(" | ")
            changed = SOLUTIONS[exercise].replace(part, other) if part else other
            yield said, ast.parse(changed)


def _function(tree, space):
    """The function of a tree, in names of its own; what it runs is limited."""
    own = dict(space)
    exec(compile(ast.fix_missing_locations(tree), "<slip>", "exec"), own)
    return own[next(node.name for node in tree.body if isinstance(node, ast.FunctionDef))]


def _repeats(tree, space, calls) -> bool:
    """Whether a changed solution does in all calls what the student's function did."""
    try:
        function = _function(tree, space)
        with np.errstate(all="ignore"):
            return all(_same(function, *call[2:]) for call in calls[::-1])
    except Exception:
        return False


def _explains(tree, space, made) -> bool:
    """Whether a changed solution gives the student's values in all cases."""
    try:
        function = _function(tree, space)
        with np.errstate(all="ignore"):
            return all(
                _equal(_limited(function, copy.deepcopy(list(case.arguments))), tuple(case.found))
                for case in made
            )
    except Exception:
        return False


def _same(function, arguments, found) -> bool:
    if not isinstance(found, Exception):
        return _equal(_limited(function, copy.deepcopy(arguments)), found)
    try:
        _limited(function, copy.deepcopy(arguments))
    except Exception as error:
        return (type(error), str(error)) == (type(found), str(found))
    return False


def _limited(function, arguments):
    """The function's value; TimeoutError where a slip made its loop endless, or put a list into
    itself (an array of which would take all memory)."""
    lines = 0

    def count(frame, *_):
        nonlocal lines
        if frame.f_code.co_filename != "<slip>":
            return None
        lines += 1
        last = [
            _innermost(one) if isinstance(one, list) else one for one in frame.f_locals.values()
        ]
        if lines > LINES or any(
            isinstance(one, list) or isinstance(one, int) and one.bit_length() > BITS
            for one in last
        ):
            raise TimeoutError("a slip that never ends")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)


def _innermost(one):
    """What is no list: the last item of the last item and so on, None of an empty list; a list
    still where that has no end."""
    item, depth = one, 0
    while isinstance(item, list) and depth <= DEPTH:
        item, depth = item[-1] if item else None, depth + 1
    return item


def _equal(one, other) -> bool:
    try:
        one, other = cases.parts(one), cases.parts(other)
    except ValueError:
        return False
    if len(one) != len(other):
        return False
    return all(
        a.shape == b.shape and np.allclose(a, b, 1e-9, 1e-12, equal_nan=True)
        for a, b in zip(one, other)
    )
