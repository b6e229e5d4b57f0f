"""Arrays that begin where vectors of the processor do, and properties that are computed once."""

import ctypes
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike

T = TypeVar("T")
ALIGNMENT = 64  # bytes; vectors that straddle cache lines cost a third of the speed


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """np.empty whose first element lies at a multiple of ALIGNMENT."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if not size:
        return np.empty(shape, dtype)
    buffer = np.empty(size + ALIGNMENT, np.uint8)
    start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))  # type: ignore[arg-type]
    return np.ndarray(shape, dtype, buffer, -start % ALIGNMENT)


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """np.zeros whose first element lies at a multiple of ALIGNMENT."""
    out = aligned_empty(shape, dtype)
    out[...] = 0
    return out


def aligned(a: np.ndarray) -> np.ndarray:
    """The same numbers in order from a multiple of ALIGNMENT on: `a` itself where they lie so and
    may be written, or a copy."""
    if a.flags.carray and a.__array_interface__["data"][0] % ALIGNMENT == 0:
        return a
    out = aligned_empty(a.shape, a.dtype)
    out[...] = a
    return out


class once(Generic[T]):
    """A property that is computed when it is first asked for, and kept.

    As `functools.cached_property` without the lock that this has in Python 3.11, one for all
    instances: a process that is forked while a thread computes would wait for it for ever.
    """

    def __init__(self, function: Callable[[Any], T]):
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        if instance is None:
            return self  # type: ignore[return-value]
        value = instance.__dict__[self.name] = self.function(instance)
        return value
