"""Checks of the exercises: silent about how, loud about what is wrong.

A check calls the student's function on cases it was not shown and compares. Typical mistakes are
known by their values, so that the message can say what was forgotten; otherwise it names the first
place that differs.
"""

import functools

import numpy as np

from . import diagnosis, mine
from .stopped import meaning

TOLERANCE = 1e-9


class Wrong(AssertionError):
    """A wrong answer; a notebook shows the sentence without the traceback, which would be that of
    the check."""

    def _render_traceback_(self, *_):
        return [f"\033[31mNot yet.\033[0m {self}"]


def wrong(exercise: str, text: str) -> Wrong:
    """The error that names the exercise."""
    return Wrong(f"Exercise {exercise}: {text}")


def right(exercise: str, text: str) -> None:
    """What a passed check prints."""
    print(f"Exercise {exercise}: right. {text}")


def called(exercise: str, function, *arguments):
    """What the student's function returns. A stub's NotImplementedError passes through; Wrong for
    any other error."""
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        return function(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        diagnosis.note(exercise, function, given, error)
        slip = "" if isinstance(error, NameError) else diagnosis.slip(exercise)
        said = f"{function.__name__} stopped with {type(error).__name__}: {error}"
        more = [meaning(error, function), slip.replace("your values are those of", "so does")]
        raise wrong(exercise, "; ".join([said] + [one for one in more if one])) from error


def answer(exercise: str, function, *arguments, returns: int = 1):
    """What the student's function returns: an array, or `returns` of them. A stub's
    NotImplementedError passes through.

    Raises Wrong where it stops with an error, returns nothing or another number of things, or
    changes its arguments.
    """
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    found = called(exercise, function, *given)
    if any(one is None for one in (found if isinstance(found, tuple) else (found,))):
        raise wrong(
            exercise, f"{function.__name__} returned nothing (None); does it end with `return`?"
        )
    if any(
        isinstance(a, np.ndarray) and not np.array_equal(a, b) for a, b in zip(arguments, given)
    ):
        raise wrong(
            exercise,
            f"{function.__name__} changed one of its arguments; write into an array of its own",
        )
    if returns == 1:
        diagnosis.note(exercise, function, arguments, found)
        return _array(exercise, function, found)
    several = isinstance(found, tuple | list) or (isinstance(found, np.ndarray) and found.ndim)
    if not several:
        raise wrong(
            exercise, f"{function.__name__} must return {returns} things, separated by commas"
        )
    parts = tuple(found)
    if len(parts) != returns:
        raise wrong(
            exercise,
            f"{function.__name__} must return {returns} things, separated by commas; yours "
            f"returns {len(parts)}",
        )
    diagnosis.note(exercise, function, arguments, parts)
    return tuple(_array(exercise, function, one) for one in parts)


def number(exercise: str, name: str, found) -> float:
    """A single number of an answer. Raises Wrong where it is an array, or no finite number."""
    value = np.asarray(found)
    if value.size != 1 or not np.isfinite(float(value.ravel()[0])):
        what = f"an array of shape {value.shape}" if value.size != 1 else f"{float(value):g}"
        raise wrong(exercise, f"{name} must be one number; yours is {what}")
    return float(value.ravel()[0])


def _array(exercise: str, function, found):
    """An array of what was returned. Raises Wrong where it holds something else than real
    numbers, or rows that differ in length."""
    try:
        array = np.asarray(found)
    except ValueError:
        raise wrong(
            exercise,
            f"{function.__name__} returned a list of lists that differ in length; expected an "
            "array of numbers",
        ) from None
    whole = array.dtype == object and all(isinstance(one, int) for one in array.flat)
    if array.dtype.kind not in "buif" and not whole:
        raise wrong(
            exercise,
            f"{function.__name__} must return numbers; yours returned {_kind(found, array)}",
        )
    return array


def numeric(found) -> bool:
    """Whether something is a number or an array of real numbers."""
    try:
        return np.asarray(found).dtype.kind in "buif"
    except ValueError:
        return False


def _kind(found, array) -> str:
    """What was returned in place of numbers."""
    if array.dtype.kind == "c":
        return "complex numbers"
    if isinstance(found, list | tuple | np.ndarray):
        inside = {type(one).__name__ for one in array.flat}
        return f"{type(found).__name__} of {' and '.join(sorted(inside))}"
    return f"{type(found).__name__}"


def same(
    exercise: str, name: str, found, expected, mistakes=(), tolerance: float = TOLERANCE
) -> None:
    """Raise Wrong unless found is expected; `mistakes` are (value, what was done to get it)."""
    found, expected = np.asarray(found), np.asarray(expected, float)
    if found.dtype == object and all(isinstance(one, int) for one in found.flat):
        found = found.astype(float)  # whole numbers beyond 64 bits
    if found.dtype == object or found.dtype.kind not in "buif":
        raise wrong(exercise, f"{name} must hold numbers, not {found.dtype}")
    if found.shape == expected.shape and close(found, expected, tolerance):
        return
    for value, text in mistakes:
        if close(found, value, tolerance):
            raise wrong(exercise, text)
    if found.shape != expected.shape:
        raise differs(exercise, f"{name} has shape {found.shape}, expected {expected.shape}")
    off = np.abs(found - expected) > tolerance * max(1.0, float(np.abs(expected).max()))
    off |= ~np.isfinite(found)
    at = tuple(int(n) for n in np.argwhere(off)[0])
    place = f"{name}[{', '.join(map(str, at))}]" if at else name
    text = (
        f"{place} is {float(found[at]):.6g}, expected {float(expected[at]):.6g} ({int(off.sum())} "
        f"of {off.size} values differ)"
    )
    raise differs(exercise, text)


def differs(exercise: str, text: str, given: bool = True) -> Wrong:
    """The error that says what the mistake does, where `diagnosis` finds it, and `text`, which says
    where it shows; else `text`, and with `given` the input of the last call."""
    slip = diagnosis.slip(exercise)
    shown = diagnosis.given(exercise) if given and not slip else ""
    return wrong(exercise, f"{slip} ({text})" if slip else text + shown)


def close(found, expected, tolerance: float = TOLERANCE) -> bool:
    """Equal shapes, finite, and equal values within the tolerance of the largest; False for what
    holds no numbers."""
    try:
        found, expected = np.asarray(found, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return False
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    return bool(
        np.abs(found - expected).max(initial=0)
        <= tolerance * max(1.0, float(np.abs(expected).max(initial=0)))
    )


def foreseen(guess, found, because: str, within: float = 0.1) -> None:
    """Answer a prediction: a number, right within `within` (below 1 a share of `found`, else that
    much), or a word."""
    shown = found if isinstance(found, str) else f"{float(found):.4g}"
    if guess is None:
        print("Your guess first: write it in place of None, and run from there again.")
        return
    if isinstance(found, str):
        near = str(guess).strip().lower() == found.lower()
    else:
        near = abs(float(guess) - float(found)) <= (
            within if within >= 1 else within * max(abs(float(found)), 1e-12)
        )
    print(f"You said {guess}, it is {shown}{': foreseen' if near else ''}. Why: {because}.")


def kept(exercise: str):
    """A check whose function goes into the student's `mysnn.py` when it passes."""

    def decorate(check):
        @functools.wraps(check)
        def checked(function):
            if check(function) is False:
                print(
                    f"(Not kept in {mine.place().name}, where layers of many neurons need it for "
                    "arrays of shape (T, B, N); the course's own stands there.)"
                )
            elif said := mine.keep(exercise, function, check):
                print(said)

        checked.plain = check
        return checked

    return decorate


def many(exercise: str, function, arrays, *rest, returns: int = 1, announced: bool = True) -> bool:
    """Whether the function does for arrays (T, 2, 3) what it does for each of their columns (T,);
    Wrong where it does not, though the exercise announced that it has to."""
    try:
        _many(exercise, function, arrays, *rest, returns=returns)
    except Wrong:
        if announced:
            raise
        return False
    return True


def _many(exercise, function, arrays, *rest, returns) -> None:
    wide = [np.stack([np.roll(a, n) for n in range(6)], 1).reshape(-1, 2, 3) for a in arrays]
    text = (
        f"right for one neuron; a layer hands {function.__name__} arrays of shape (T, 2, 3), of "
        "many neurons at once: "
        "make arrays with np.zeros(x.shape), and use no `if`, `float`, `@` or `math`, which know "
        "one number or one axis"
    )
    try:
        found = answer(exercise, function, *wide, *rest, returns=returns)
    except Wrong as error:
        raise wrong(exercise, f"{text} ({error})") from error
    one = [
        answer(
            exercise, function, *(a.reshape(len(a), 6)[:, n] for a in wide), *rest, returns=returns
        )
        for n in range(6)
    ]
    for k in range(returns):
        expected = np.stack([np.asarray(o if returns == 1 else o[k]) for o in one], 1).reshape(
            wide[0].shape
        )
        if not close(found if returns == 1 else found[k], expected):
            raise wrong(exercise, text)
