"""What callers give, checked: one sentence that names the argument, what was found and what was
expected.

NumPy is imported by those functions alone that need it: the command line checks settings before it
shows a help.
"""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MOST = (1 << 63) - 1
SHORT = 200  # characters of what was found


def shown(found: Any) -> str:
    """What was found, in a line."""
    text = " ".join(repr(found).split())
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def must(name: str, good: object, what: str, found: Any) -> None:
    """ValueError that says what an argument must be, unless it is good."""
    if not good:
        raise ValueError(f"{name} must be {what}, not {shown(found)}")


def need(name: str, value: Any, good: object, expected: str) -> None:
    """ValueError that says what an argument is and what was expected, unless it is good."""
    if not good:
        plain = isinstance(value, (str, int, float, tuple)) and len(str(value)) < 80
        raise ValueError(f"{name} is {value if plain else shown(value)}; expected {expected}")


def one_of(name: str, found: Any, known: Iterable[str]) -> None:
    """ValueError where a setting is none of those known."""
    good = isinstance(found, str) and found in known
    must(name, good, f"one of {', '.join(known)}", found)


def is_sequence(found: Any) -> bool:
    """Whether something has a length and an order, and is no text: a list, a tuple, a range, an
    array of an axis or more."""
    return isinstance(found, (list, tuple, range)) or _is_array(found) and found.ndim > 0


def _is_array(found: Any) -> bool:
    return hasattr(found, "ndim") and hasattr(found, "dtype") and not isinstance(found, type)


def _is_flag(found: Any) -> bool:
    kind = type(found)
    return kind is bool or kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")


def whole(name: str, found: Any, least: int | None = None, most: int | None = None) -> int:
    """A whole number, within limits; ValueError for anything else."""
    if _is_array(found) and found.ndim == 0 and not hasattr(found, "mask"):
        found = found[()]
    must(name, isinstance(found, Integral) and not _is_flag(found), "a whole number", found)
    value = int(found)
    must(name, abs(value) <= MOST, "a whole number below 2^63", found)
    within = (least is None or least <= value) and (most is None or value <= most)
    must(name, within, f"at least {least}" if most is None else f"from {least} to {most}", found)
    return value


def wholes(name: str, found: Any) -> tuple[int, ...]:
    """A sequence of whole numbers; ValueError for anything else."""
    listed = is_sequence(found) and not hasattr(found, "mask")
    if not listed or any(_is_flag(n) or not isinstance(n, Integral) for n in found):
        raise ValueError(f"{name} must hold whole numbers, not {shown(found)}")
    return tuple(whole(name, n) for n in found)


def number(name: str, found: Any, what: str = "a finite number") -> float:
    """A finite number; ValueError for anything else."""
    real = isinstance(found, Real) and not _is_flag(found)
    try:
        value = float(found) if real else math.nan
    except OverflowError:  # a whole number beyond all floats
        value = math.nan
    must(name, math.isfinite(value), what, found)
    return value


def flag(name: str, found: Any) -> bool:
    """True or False; ValueError for anything else."""
    must(name, _is_flag(found), "True or False", found)
    return bool(found)


def floating(name: str, found: Any) -> "np.dtype[Any]":
    """float32 or float64; ValueError for anything else."""
    import numpy as np

    try:
        dtype = np.dtype(found) if found is not None else None
    except Exception:  # whatever NumPy makes of what is no type
        dtype = None
    if dtype is None or dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} must be float32 or float64, not {dtype or shown(found)}")
    return dtype


def texts(name: str, found: Any) -> tuple[str, ...]:
    """A sequence of texts; ValueError for anything else, one text among it."""
    good = is_sequence(found) and all(isinstance(one, str) for one in found)
    must(name, good, "a list of texts", found)
    return tuple(map(str, found))


def mapping(name: str, found: Any) -> Mapping[Any, Any]:
    """Named values; ValueError for anything else."""
    must(name, isinstance(found, Mapping), "a dictionary", found)
    return found


def array(name: str, found: Any) -> "np.ndarray":
    """An array of numbers, nothing masked; ValueError for what makes none."""
    import numpy as np

    try:
        made = np.asanyarray(found)
    except Exception as error:  # whatever NumPy makes of lists of different lengths
        raise ValueError(f"{name} must be an array of numbers, not {shown(found)}") from error
    if np.ma.isMaskedArray(made) and np.ma.is_masked(made):
        raise ValueError(f"{name} has masked entries; expected an array with all its numbers")
    return np.asarray(made)


def generator(name: str, found: Any) -> "np.random.Generator":
    """A generator of random numbers; ValueError for anything else."""
    import numpy as np

    good = isinstance(found, np.random.Generator)
    must(name, good, "a generator as of np.random.default_rng(0)", found)
    return found
