"""Checks of the exercises: silent about how, loud about what is wrong.

A check is a table of cases, in the source of a lesson or in lessonNN.py: `table` calls the student's
function and the course's own solution on each and compares what they return. The mistakes that are
known stand in slips.txt, each as a change of the solution and what is said to it; `diagnosis` finds
the one that gives the student's values, or the change that would mend the student's own source.
"""

import functools
import sys

import numpy as np

import minisnn as ms

from . import diagnosis, mine
from .diagnosis import copied, parts, solution
from .solutions import CASES
from .stopped import meaning

TOLERANCE = 1e-9


class Wrong(AssertionError):
    """A wrong answer; a notebook shows the sentence without a traceback, which would be that of
    the check."""

    def _render_traceback_(self, *_):
        return [f"\033[31mNot yet.\033[0m {self}"]


class Stub(NotImplementedError):
    """A function that is still to be written; a notebook shows its hint without a traceback."""

    def _render_traceback_(self, *_):
        return [str(self)]


def wrong(exercise: str, text: str) -> Wrong:
    """The error that names the exercise."""
    return Wrong(f"Exercise {exercise}: {text}")


def right(exercise: str, text: str) -> None:
    """What a passed check prints."""
    print(f"Exercise {exercise}: right. {text}")


def called(exercise: str, function, *arguments):
    """What the student's function returns. A stub's NotImplementedError passes through.

    Raises Wrong where it stops with an error, returns nothing, or changes its arguments.
    """
    name, given = function.__name__, copied(arguments)
    try:
        with np.errstate(all="ignore"):
            found = function(*given)
    except NotImplementedError:
        raise
    except Exception as error:
        diagnosis.note(exercise, function, arguments, error)
        slip = "" if isinstance(error, NameError) else diagnosis.slip(exercise)
        said = f"{name} stopped with {type(error).__name__}: {error}"
        more = filter(None, (meaning(error, function), slip))
        raise wrong(exercise, "; ".join([said, *more])) from error
    if found is None or (isinstance(found, tuple) and any(one is None for one in found)):
        raise wrong(exercise, f"{name} returned nothing (None); does it end with `return`?")
    if not _unchanged(given, arguments):
        text = "changed one of its arguments; write into an array or a list of its own"
        raise wrong(exercise, f"{name} {text}")
    diagnosis.note(exercise, function, arguments, found)
    return found


def _unchanged(one, other) -> bool:
    """Whether arguments, arrays in lists and tuples too, hold what they held."""
    if isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_unchanged, one, other))
    return not isinstance(other, np.ndarray) or np.array_equal(one, other, equal_nan=True)


def answer(exercise: str, function, *arguments, returns: int = 1):
    """What the student's function returns: an array, or `returns` of them. Raises Wrong as
    `called` does, and for another number of things, or things that are no numbers."""
    found = called(exercise, function, *arguments)
    like = np.zeros(0) if returns == 1 else (np.zeros(0),) * returns
    arrays = fitted(exercise, function.__name__, found, like)
    return arrays[0] if returns == 1 else arrays


def fitted(exercise: str, name: str, found, expected) -> list[np.ndarray]:
    """The arrays of an answer that has the form of the expected one. Raises Wrong where it has
    another form."""
    if not diagnosis.several(expected):
        return [_array(exercise, name, found)]
    many = len(expected)
    if not isinstance(found, tuple | list) and np.ndim(found) == 0:
        raise wrong(exercise, f"{name} must return {many} things, separated by commas")
    if len(found) != many:
        text = f"{many} things, separated by commas; yours returns {len(found)}"
        raise wrong(exercise, f"{name} must return {text}")
    pairs = zip(found, expected)
    return [array for pair in pairs for array in fitted(exercise, name, *pair)]


def _array(exercise: str, name: str, found) -> np.ndarray:
    """An array of what was returned. Raises Wrong where it holds something else than real
    numbers, or rows that differ in length."""
    try:
        array = np.asarray(found)
    except ValueError:
        text = "returned a list of lists that differ in length; expected an array of numbers"
        raise wrong(exercise, f"{name} {text}") from None
    whole = array.dtype == object and array.size and all(isinstance(n, int) for n in array.flat)
    if array.dtype.kind in "buif" or whole:
        return array
    inside = sorted({type(one).__name__ for one in array.flat})
    kind = type(found).__name__ + f" of {' and '.join(inside)}" * bool(array.ndim and inside)
    raise wrong(exercise, f"{name} must return numbers; yours returned {kind}")


def same(
    exercise: str,
    name: str,
    found,
    expected,
    tolerance: float = TOLERANCE,
    text: str = "",
    arguments=(),
) -> None:
    """Raise Wrong unless found is expected; `text` says where they differ, in place of the first
    value that does."""
    found = np.asarray(found)
    expected = np.asarray(expected, float)
    if found.dtype == object:  # whole numbers beyond 64 bits
        found = found.astype(float)
    if expected.ndim == 0 and found.size == 1:
        found = found.reshape(())
    if close(found, expected, tolerance):
        return
    if found.dtype == np.float32 and close(found, expected, 1e-4):
        raise wrong(exercise, f"{name} is right to seven digits: yours is of float32, not float64")
    if found.shape != expected.shape:
        text = text or f"{name} has shape {found.shape}, expected {expected.shape}"
        raise differs(exercise, text, arguments)
    off = ~(np.abs(found - expected) <= tolerance * max(1.0, float(np.abs(expected).max())))
    at = tuple(int(n) for n in np.argwhere(off)[0])
    place = f"{name}[{', '.join(map(str, at))}]" if at else name
    digits = next((n for n in (6, 10) if f"{found[at]:.{n}g}" != f"{expected[at]:.{n}g}"), 17)
    values = f"{place} is {float(found[at]):.{digits}g}, expected {float(expected[at]):.{digits}g}"
    count = f" ({int(off.sum())} of {off.size} values differ)" if off.size > 1 else ""
    text = text or f"{values}{count}"
    raise differs(exercise, text, arguments)


def differs(exercise: str, text: str, arguments=()) -> Wrong:
    """The error that says what the mistake does, where `diagnosis` finds it, and `text`, which says
    where it shows; else `text` and the arguments."""
    slip = diagnosis.slip(exercise)
    return wrong(
        exercise, f"{slip} ({text})" if slip else text + diagnosis.given(exercise, arguments)
    )


def close(found, expected, tolerance: float = TOLERANCE) -> bool:
    """Equal shapes, finite, and equal values within the tolerance of the largest."""
    found = np.asarray(found, float)
    expected = np.asarray(expected, float)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    return bool(np.abs(found - expected).max(initial=0) <= tolerance * size)


def foreseen(guess, found, within: float = 0.1) -> None:
    """Answer a prediction: a number, right within `within` (below 1 a share of `found`, else that
    much), or a word."""
    if guess is None:
        print("Your guess first: write it in place of None, and run from there again.")
        return
    if isinstance(found, str):
        shown, near = found, str(guess).strip().lower() == found.lower()
    else:
        reach = within if within >= 1 else within * max(abs(float(found)), 1e-12)
        shown = f"{float(found):.4g}"
        near = abs(float(guess) - float(found)) <= reach
    print(f"You said {guess}, it is {shown}{': foreseen' if near else ''}.")


def check(exercise: str, text: str):
    """Make a check of a function that raises Wrong for a wrong answer; where the course's library
    needs the answer it goes into the student's `mysnn.py`, unless the function returns False."""

    def decorate(judge):
        @functools.wraps(judge)
        def checked(function):
            fits = _guarded(exercise, judge, function)
            right(exercise, text)
            if exercise not in mine.PARTS:
                return
            said = (
                mine.keep(exercise, function, checked.plain)
                if fits is not False
                else (
                    f"(Not kept in {mine.place().name}, where layers of many neurons need it for "
                    "arrays of shape (T, B, N); the course's own stands there.)"
                )
            )
            if said:
                print(said)

        checked.plain = lambda function: _guarded(exercise, judge, function)
        return checked

    return decorate


def _guarded(exercise: str, judge, function):
    """What a check returns. A hint or a mistake is shown without the check's own source."""
    diagnosis.forget()
    try:
        return judge(function if hasattr(function, "__name__") else function.__call__)
    except NotImplementedError as hint:
        raise Stub(*hint.args) from None
    except (Wrong, mine.Unusable):
        raise
    except Exception as error:
        said = f"the check cannot go on with this answer ({type(error).__name__}: {error})"
        raise wrong(exercise, said) from None


def table(
    exercise: str,
    names: str,
    text: str,
    *,
    tolerance: float = TOLERANCE,
    whole: bool = False,
    wide: tuple | None = None,
    place=None,
    also=None,
):
    """Make a check of a generator of cases, tuples of arguments.

    names   of the things that are returned
    text    what is said of a right answer
    whole   only whole numbers are right
    wide    (arrays, other arguments, whether the exercise asks for it): arrays of many neurons
    place   a function of (arguments, found, expected), lists of arrays, that says where they differ
    also    a function that checks more of the student's function
    """

    def decorate(cases):
        def judge(function):
            _compare(exercise, names, function, list(cases()), tolerance, whole, place)
            if also is not None:
                also(function)
            return wide is None or _wide(exercise, function, *wide)

        checked = check(exercise, text)(functools.wraps(cases)(judge))
        checked.cases = cases
        return checked

    return decorate


def prepare(module: str) -> None:
    """Prepare the checks of a lesson, a module: make those whose cases stand in its source, and fill
    `mysnn.py` with what earlier lessons left out."""
    lesson = int(module[-2:])
    space = vars(sys.modules[module])
    if lesson > 1:
        mine.prepare(module)
    space |= {"np": np, "ms": ms, "table": table}
    for exercise, text in CASES.items():
        if int(exercise.split(".")[0]) == lesson:
            exec(text, space)


def _compare(exercise, names, function, cases, tolerance, whole, place) -> None:
    """Raise Wrong where the student's function and the course's solution differ in a case."""
    answers = []
    for arguments in cases:
        with np.errstate(all="ignore"):
            expected = solution(exercise)(*copied(arguments))
        found = called(exercise, function, *arguments)
        arrays = fitted(exercise, function.__name__, found, expected)
        if whole and any(array.dtype.kind == "f" for array in arrays):
            text = "whole numbers are asked for, and yours are floats: // and >> make whole numbers"
            raise wrong(exercise, f"{text}, / and np.round make floats")
        wanted = fitted(exercise, function.__name__, expected, expected)
        answers.append((arguments, arrays, wanted))
    for arguments, found, expected in answers:
        labels = [name.replace(":", " ") for name in names.split()]
        for name, one, wanted in zip(labels, found, expected, strict=True):
            if one.size == 1 and np.array_equal(one.ravel(), wanted.ravel()):
                continue
            if not (np.array_equal(one, wanted) if whole else close(one, wanted, tolerance)):
                text = place(arguments, found, expected) if place else ""
                same(exercise, name, one, wanted, tolerance, text, arguments)
                if whole:
                    text = f"{name} is not exact: was it divided as a float? That holds 53 bits"
                    raise wrong(exercise, text + diagnosis.given(exercise, arguments))


def _wide(exercise, function, arrays, rest, announced) -> bool:
    """Whether the function takes arrays (T, 2, 3) of many neurons. Raises Wrong where it does not,
    though the exercise asks for it."""
    wide = [np.stack([np.roll(a, n) for n in range(6)], 1).reshape(-1, 2, 3) for a in arrays]
    expected, why = parts(solution(exercise)(*copied([*wide, *rest]))), ""
    try:
        with np.errstate(all="ignore"):
            found = parts(function(*copied([*wide, *rest])))
        if len(found) == len(expected) and all(map(close, found, expected)):
            return True
    except Exception as error:
        why = f" ({type(error).__name__}: {error})"
    if not announced:
        return False
    text = (
        f"right for one neuron; a layer hands {function.__name__} arrays of shape (T, 2, 3), of "
        "many neurons at once: make arrays with np.zeros(x.shape), and use no `if`, `float`, `@` "
        f"or `math`, which know one number or one axis{why}"
    )
    raise wrong(exercise, text)
