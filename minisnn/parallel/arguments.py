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


def one_of(name: str, found: Any, known: Iterable[str]) -> None:
    """ValueError where a setting is none of those known."""
    if not isinstance(found, str) or found not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {shown(found)}")


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
    if _is_flag(found) or not isinstance(found, Integral):
        raise ValueError(f"{name} must be a whole number, not {shown(found)}")
    value = int(found)
    if abs(value) > MOST:
        raise ValueError(f"{name} must be a whole number below 2^63, not {shown(found)}")
    if least is not None and value < least or most is not None and value > most:
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {limits}, not {shown(found)}")
    return value


def wholes(name: str, found: Any) -> tuple[int, ...]:
    """A sequence of whole numbers; ValueError for anything else."""
    if not is_sequence(found) or hasattr(found, "mask"):
        raise ValueError(f"{name} must hold whole numbers, not {shown(found)}")
    numbers = list(found)
    if any(_is_flag(n) or not isinstance(n, Integral) for n in numbers):
        raise ValueError(f"{name} must hold whole numbers, not {shown(found)}")
    return tuple(whole(name, n) for n in numbers)


def number(name: str, found: Any, what: str = "a finite number") -> float:
    """A finite number; ValueError for anything else."""
    real = isinstance(found, Real) and not _is_flag(found)
    try:
        value = float(found) if real else math.nan
    except OverflowError:  # a whole number beyond all floats
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} must be {what}, not {shown(found)}")
    return value


def flag(name: str, found: Any) -> bool:
    """True or False; ValueError for anything else."""
    if not _is_flag(found):
        raise ValueError(f"{name} must be True or False, not {shown(found)}")
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
    if not is_sequence(found) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{name} must be a list of texts, not {shown(found)}")
    return tuple(map(str, found))


def mapping(name: str, found: Any) -> Mapping[Any, Any]:
    """Named values; ValueError for anything else."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} must be a dictionary, not {shown(found)}")
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

    if not isinstance(found, np.random.Generator):
        raise ValueError(
            f"{name} must be a generator as of np.random.default_rng(0), not {shown(found)}"
        )
    return found
