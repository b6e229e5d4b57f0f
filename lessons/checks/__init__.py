"""Checks of the exercises: silent about how, loud about what is wrong.

A check calls the student's function on cases it was not shown and compares. Typical mistakes are known by their values, so that
the message can say what was forgotten; otherwise it names the first place that differs.
"""

import numpy as np

TOLERANCE = 1e-9


class Wrong(AssertionError):
    """A wrong answer; a notebook shows the sentence without the traceback, which would be that of the check."""

    def _render_traceback_(self, *_):
        return [f"\033[31mNot yet.\033[0m {self}"]


def wrong(exercise: str, text: str) -> Wrong:
    """The error that names the exercise."""
    return Wrong(f"Exercise {exercise}: {text}")


def right(exercise: str, text: str) -> None:
    """What a passed check prints."""
    print(f"Exercise {exercise}: right. {text}")


def answer(exercise: str, function, *arguments, returns: int = 1):
    """What the student's function returns: an array, or `returns` of them. A stub's NotImplementedError passes through.

    Raises Wrong where it stops with an error, returns nothing or another number of things, or changes its arguments.
    """
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        found = function(*given)
    except NotImplementedError:
        raise
    except Exception as error:
        raise wrong(exercise, f"{function.__name__} stopped with {type(error).__name__}: {error}") from error
    if any(one is None for one in (found if isinstance(found, tuple) else (found,))):
        raise wrong(exercise, f"{function.__name__} returned nothing (None); does it end with `return`?")
    if any(isinstance(a, np.ndarray) and not np.array_equal(a, b) for a, b in zip(arguments, given)):
        raise wrong(exercise, f"{function.__name__} changed one of its arguments; write into an array of its own")
    if returns == 1:
        return np.asarray(found)
    if not isinstance(found, tuple) or len(found) != returns:
        raise wrong(exercise, f"{function.__name__} must return {returns} things, separated by commas")
    return tuple(np.asarray(one) for one in found)


def same(exercise: str, name: str, found, expected, mistakes=(), tolerance: float = TOLERANCE) -> None:
    """Raise Wrong unless found is expected; `mistakes` are (value, what was done to get it)."""
    found, expected = np.asarray(found), np.asarray(expected, float)
    if found.dtype == object or found.dtype.kind not in "buif":
        raise wrong(exercise, f"{name} must hold numbers, not {found.dtype}")
    if found.shape != expected.shape:
        raise wrong(exercise, f"{name} has shape {found.shape}, expected {expected.shape}")
    if close(found, expected, tolerance):
        return
    for value, text in mistakes:
        if close(found, value, tolerance):
            raise wrong(exercise, text)
    off = np.abs(found - expected) > tolerance * max(1.0, float(np.abs(expected).max()))
    off |= ~np.isfinite(found)
    at = tuple(int(n) for n in np.argwhere(off)[0])
    place = f"{name}[{', '.join(map(str, at))}]" if at else name
    raise wrong(
        exercise,
        f"{place} is {float(found[at]):.6g}, expected {float(expected[at]):.6g} ({int(off.sum())} of {off.size} values differ)",
    )


def close(found, expected, tolerance: float = TOLERANCE) -> bool:
    """Equal shapes, finite, and equal values within the tolerance of the largest."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    return bool(np.abs(found - expected).max(initial=0) <= tolerance * max(1.0, float(np.abs(expected).max(initial=0))))
