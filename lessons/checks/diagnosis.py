"""What a wrong answer amounts to.

A check notes every call. The slips that are known (slips.txt), then single changes of the course's
solution (slips.py), are made in the solution; one that gives the very same values, to the calls of
the check and to others like them, is named, and so is what holds of all values (facts.py). A slip
is claimed where the student's own source has it; elsewhere the values are as if it were made. A
single change of the student's own source that makes its values right is a slip, too.
"""

import ast
import contextlib
import copy
import dataclasses
import functools
import importlib
import inspect
import sys
import textwrap
import time
import warnings
from typing import NamedTuple

import numpy as np

from minisnn import LIF
from minisnn.data.store.shipped import folder

from . import surrogate
from .facts import fact
from .parts import PARTS, PRELUDE
from .slips import differing, mended, slips, where
from .solutions import SOLUTIONS

SECONDS = 1.2  # of processor time, to look for the slip
LINES = 50_000  # that a slip may run
BITS = 4096  # that its whole numbers may grow to
AS_IF = "your values are as if this were the only slip: "
SLIPS = folder("lessons") / "checks" / "slips.txt"  # not in the student's folder
# compiled code that trusts its arguments: a slip in them may write beyond an array
SOLVERS = ("eigsh",)
_calls: list = []  # (exercise, function, arguments, what it returned)


class Case(NamedTuple):
    """Arguments, the arrays of the student's answer, and those of the right one."""

    arguments: tuple
    found: list
    wanted: list


def forget() -> None:
    """Forget the calls that were noted."""
    _calls.clear()


def note(exercise: str, function, arguments, found) -> None:
    """Keep a call for `slip`."""
    _calls.append((exercise, function, arguments, found))


def copied(one):
    """Arguments with copies of their arrays, those in lists and tuples too."""
    if isinstance(one, np.ndarray):
        return one.copy()
    if isinstance(one, list | tuple):
        items = [copied(item) for item in one]
        return type(one)(*items) if hasattr(one, "_fields") else type(one)(items)
    return one


def several(one) -> bool:
    """Whether an answer holds several things, and is no list of numbers."""
    return isinstance(one, tuple) or (
        isinstance(one, list) and any(isinstance(part, tuple | np.ndarray) for part in one)
    )


def parts(one) -> list[np.ndarray]:
    """The arrays of an answer, out of its tuples and lists. Raises ValueError if it holds
    something else."""
    if several(one):
        return [array for part in one for array in parts(part)]
    array = np.asarray(one)
    if array.dtype.kind not in "buif" and not all(isinstance(n, int) for n in array.flat):
        raise ValueError("no numbers")
    return [array.astype(float)]


@functools.cache
def _space(exercise: str) -> dict:
    """What the solution of an exercise may use: the names of its check's module, the functions of
    `mysnn.py` that come before it, and those of its lesson."""
    lesson = int(exercise.split(".")[0])
    module = importlib.import_module(f"{__package__}.lesson{lesson:02d}")
    space = vars(module) | {name: getattr(surrogate, name) for name in ("sigma", "sigma_second")}
    exec(PRELUDE, space)
    for number, source in SOLUTIONS.items():
        if number == exercise:
            return space
        if number in PARTS or number.split(".")[0] == exercise.split(".")[0]:
            space = dict(space)
            exec(source, space)
    raise KeyError(exercise)


def _function(source, space: dict):
    """The function of a changed source; what it runs is limited."""
    space = dict(space)
    tree = source if isinstance(source, ast.AST) else ast.parse(source)
    exec(compile(ast.fix_missing_locations(tree), "<slip>", "exec"), space)
    return space[next(node.name for node in tree.body if isinstance(node, ast.FunctionDef))]


@functools.cache
def solution(exercise: str):
    """The course's own function."""
    return _function(SOLUTIONS[exercise], _space(exercise))


def slip(exercise: str) -> str:
    """The slip that explains the last function's answers, as a sentence; "" where none does."""
    mine = [call for call in _calls if call[0] == exercise]
    calls = [call for call in mine if call[1] is mine[-1][1]]
    if not calls or SECONDS <= 0:
        return ""
    end = time.process_time() + SECONDS
    source = SOLUTIONS[exercise]
    function = calls[-1][1]
    space = _space(exercise)
    tree = ast.parse(source)
    typed = written(function)
    right = _lines(tree)
    own = _lines(typed)
    noted = [call[2:] for call in calls[::-1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for said, changed in known(exercise, source):
            if time.process_time() < end and _repeats(changed, space, noted):
                lines = _lines(ast.parse(changed))
                other = right - lines <= own and not lines - right <= own
                return f"{AS_IF}{said}" if other else said
        if isinstance(calls[-1][3], Exception) or any(name in source for name in SOLVERS):
            return ""
        found = _cases(exercise, calls, end)
        wanted = [(case.arguments, case.wanted) for case in found]
        mends = lambda changed: _repeats(changed, function.__globals__, wanted)
        pairs = ((mine, line) for mine, line, changed in differing(typed, tree) if mends(changed))
        mine, line = next(pairs, (None, None))
        for said, changed in slips(typed, mine):
            if time.process_time() > end - SECONDS / 3:
                break
            if mends(changed):
                return mended(said)
        enough = len(found) > 2
        if enough and (said := fact(found, arguments_of(exercise))):
            return said
        for said, changed in slips(tree, line):
            if not enough or time.process_time() > end:
                break
            if _repeats(changed, space, [case[:2] for case in found]):
                return said if _lines(changed) - right <= own else f"{AS_IF}{said}"
        if mine:
            return f"the slip is in {where(mine)}, `{ast.unparse(mine)}`: all else is right"
    return ""


def _lines(tree) -> set[str]:
    """The statements of a function, as Python writes them, and the heads of its loops."""
    lines = set()
    for node in ast.walk(tree):
        head = getattr(node, "iter", None) or getattr(node, "test", None)
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            lines.add(ast.unparse(node))
        elif head is not None:
            lines.add(ast.unparse(head))
    return lines


def written(function) -> ast.Module:
    """The syntax tree of the student's function; an empty one where its source is not known, or does
    not stand by itself."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])
    whole = isinstance(tree.body[0], ast.FunctionDef) and not function.__code__.co_freevars
    return tree if whole else ast.Module([], [])


def given(exercise: str, arguments) -> str:
    """The arguments of a call, as far as a line holds them."""
    pairs = zip(arguments_of(exercise), arguments)
    shown = [f"{name} {text}" for name, one in pairs if (text := _shown(one))]
    return f"; given {', '.join(shown)}" if shown else ""


def _shown(one) -> str:
    if isinstance(one, np.ndarray):
        values = " ".join(f"{value:.4g}" for value in one.ravel()[:6])
        return f"= [{values}{' ...' * (one.size > 6)}] of shape {one.shape}"
    if isinstance(one, bool | int | float | str):
        return f"= {one:.6g}" if isinstance(one, float) else f"= {one!r}"
    if isinstance(one, LIF):
        fields = [(f.name, getattr(one, f.name)) for f in dataclasses.fields(one)]
        return f"({', '.join(f'{n} {v:g}' for n, v in fields if isinstance(v, float))})"
    return ""


def arguments_of(exercise: str) -> list[str]:
    """The names of the arguments of an exercise's function."""
    return list(inspect.signature(solution(exercise)).parameters)


def known(exercise: str, solution: str):
    """(what is said, the changed solution) for each line of slips.txt that belongs to an
    exercise."""
    for line in SLIPS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{exercise} | "):
            _, part, other, said = line.replace("\\n", "\n").split(" | ")
            yield said, solution.replace(part, other) if part else other


def _repeats(source, space: dict, pairs) -> bool:
    """Whether a changed function does what another did; pairs of arguments and what that
    returned."""
    try:
        function = _function(source, space)
    except (SyntaxError, ValueError):  # a slip that is no Python
        return False
    with np.errstate(all="ignore"):
        return all(_same(function, *pair) for pair in pairs)


def _same(function, arguments, found) -> bool:
    try:
        other = _limited(function, copied(list(arguments)))
    except Exception as error:
        failed = isinstance(found, Exception)
        return failed and (type(error), str(error)) == (type(found), str(found))
    try:
        one = parts(found)
        other = parts(other)
    except (ValueError, TypeError, OverflowError):
        return False
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, 1e-9, 1e-12, equal_nan=True)
        for a, b in zip(one, other)
    )


def _limited(function, arguments):
    """The function's value; TimeoutError where a slip made its loop endless, its numbers huge, or
    put a list into itself (an array of which would take all memory)."""
    lines = 0

    def count(frame, *_):
        nonlocal lines
        if frame.f_code.co_filename != "<slip>":
            return None
        lines += 1
        if lines > LINES or any(map(_grows, frame.f_locals.values())):
            raise TimeoutError("a slip that never ends")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)


def _grows(one) -> bool:
    """Whether a whole number is too long, or a list holds itself."""
    for _ in range(32):
        if not isinstance(one, list) or not one:
            return isinstance(one, int) and one.bit_length() > BITS
        one = one[-1]
    return True


def _cases(exercise: str, calls, end: float) -> list[Case]:
    """The calls that were noted, and a few like the last, until the time is spent; those in which
    the answer is wrong stand first."""
    rng = np.random.default_rng(0)
    found = []
    function = calls[-1][1]
    right = solution(exercise)
    arguments = [call[2] for call in calls[::-1]]
    with contextlib.suppress(ValueError):  # a record of the library, which has no like
        arguments[1:1] = [tuple(_like(one, rng) for one in calls[-1][2]) for _ in range(4)]
    for given in arguments:
        if found and time.process_time() > end - SECONDS / 2:
            break
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            mine, wanted = (parts(f(*copied(given))) for f in (function, right))
            if len(mine) == len(wanted):
                found.append(Case(given, mine, wanted))
    return sorted(found, key=lambda case: all(map(np.array_equal, case.found, case.wanted)))


def _like(one, rng):
    """An argument of the same kind and shape, with other numbers where they are real."""
    if isinstance(one, float):
        if 0 < one < 1:
            return one * (0.6 + 0.35 * rng.random())
        return one * (1 + 0.3 * rng.random()) + (one == 0) * 0.3 * rng.random()
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        if np.isin(one, (0.0, 1.0)).all():
            return np.where(rng.random(one.shape) < 0.3, 1 - one, one)
        return one * (1 + 0.3 * rng.standard_normal(one.shape))
    if isinstance(one, np.ndarray) and one.dtype.kind in "iu" and one.size > 3:
        ordered = (np.diff(one.ravel().astype(float)) >= 0).all()  # times stay in order
        return one if ordered else rng.permutation(one.ravel()).reshape(one.shape)
    if isinstance(one, tuple | list):
        items = [_like(part, rng) for part in one]
        return type(one)(*items) if hasattr(one, "_fields") else type(one)(items)
    if isinstance(one, LIF):
        real = [f.name for f in dataclasses.fields(one) if isinstance(getattr(one, f.name), float)]
        return dataclasses.replace(one, **{name: _like(getattr(one, name), rng) for name in real})
    return copy.copy(one) if isinstance(one, list) else one
