"""Checks of arguments: one sentence names the argument, what was found and what was expected.

NumPy is imported only by those functions that need it: the command line checks settings before it
shows a help.
"""

import math
import sys
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

MOST = (1 << 63) - 1
SHORT = 200  # characters of what was found


def shown(found: Any) -> str:
    """Return the found value as a line of text."""
    text = " ".join(repr(found).split())
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def must(name: str, good: object, what: str, found: Any) -> None:
    """Raise ValueError, "{name} must be {what}, not {found}", unless `good`."""
    if not good:
        raise ValueError(f"{name} must be {what}, not {shown(found)}")


def need(name: str, value: Any, good: object, expected: str) -> None:
    """Raise ValueError, "{name} is {value}; expected {expected}", unless `good`."""
    if not good:
        text = value if isinstance(value, str) and len(value) < SHORT else shown(value)
        raise ValueError(f"{name} is {text}; expected {expected}")


def one_of(name: str, found: Any, known: Iterable[str]) -> None:
    """Raise ValueError if a setting is not one of those known."""
    good = isinstance(found, str) and found in known
    must(name, good, f"one of {', '.join(known)}", found)


def is_sequence(found: Any) -> bool:
    """Return whether something has a length and an order, and is no text: a list, a tuple, a range,
    an array with an axis or more."""
    is_list = isinstance(found, (list, tuple, range))
    return is_list or not isinstance(found, type) and getattr(found, "ndim", 0) > 0


def _is_flag(found: Any) -> bool:
    return type(found).__name__ in ("bool", "bool_")


def whole(name: str, found: Any, least: int | None = None, most: int | None = None) -> int:
    """Return a whole number within limits. Raises ValueError for anything else."""
    if getattr(found, "ndim", None) == 0 and hasattr(found, "item") and not hasattr(found, "mask"):
        found = found.item()
    must(name, isinstance(found, Integral) and not _is_flag(found), "a whole number", found)
    value = int(found)
    low, high = -MOST if least is None else least, MOST if most is None else most
    limits = f"from {low} to {high}" if least is None or most is not None else f"at least {least}"
    must(name, low <= value <= high, limits, found)
    return value


def wholes(name: str, found: Any) -> tuple[int, ...]:
    """Return a sequence of whole numbers as a tuple. Raises ValueError for anything else."""
    listed = is_sequence(found) and not hasattr(found, "mask")
    must(name, listed, "a sequence of whole numbers", found)
    return tuple(whole(name, n) for n in found)


def number(name: str, found: Any, what: str = "a finite number") -> float:
    """Return a finite number. Raises ValueError for anything else."""
    real = isinstance(found, Real) and not _is_flag(found)
    must(name, real and math.isfinite(found), what, found)
    return float(found)


def flag(name: str, found: Any) -> bool:
    """Return True or False. Raises ValueError for anything else."""
    must(name, _is_flag(found), "True or False", found)
    return bool(found)


def floating(name: str, found: Any) -> "np.dtype[Any]":
    """Return float32 or float64. Raises ValueError for anything else."""
    import numpy as np

    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        if found is not None and dtype == found:
            return dtype
    raise ValueError(f"{name} must be float32 or float64, not {shown(found)}")


def texts(name: str, found: Any) -> tuple[str, ...]:
    """Return a sequence of texts as a tuple. Raises ValueError for anything else, a single text
    included."""
    good = is_sequence(found) and all(isinstance(text, str) for text in found)
    must(name, good, "a list of texts", found)
    return tuple(map(str, found))


def is_masked(found: Any) -> bool:
    """Return whether an array has masked entries. numpy.ma, whose import takes time, is imported by
    whoever makes such an array."""
    masked = sys.modules.get("numpy.ma")
    return masked is not None and bool(masked.is_masked(found))


def array(name: str, found: Any) -> "np.ndarray":
    """Return an array. Raises ValueError if entries are masked."""
    import numpy as np

    must(name, not is_masked(found), "without masked entries, as events[~mask]", found)
    return np.asarray(found)


class NotFinite(ValueError):
    """Parameters, a direction, data or logits hold NaN or infinity."""


def finite(name: str, found: Any, dtype: Any) -> "np.ndarray":
    """Return numbers in a dtype; `NotFinite` where one is NaN or infinite in it."""
    import numpy as np

    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(found, dtype)
    count = np.count_nonzero(~np.isfinite(values))
    if count:
        raise NotFinite(f"{name} must be finite in {dtype}; {count} values are NaN or infinite")
    return values


def generator(name: str, found: Any) -> "np.random.Generator":
    """Return a generator of random numbers. Raises ValueError for anything else."""
    import numpy as np

    good = isinstance(found, np.random.Generator)
    must(name, good, "a generator such as np.random.default_rng(0)", found)
    return found
