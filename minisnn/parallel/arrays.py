"""Arrays aligned to the processor's vectors."""

import ctypes
import math

import numpy as np
from numpy.typing import DTypeLike

ALIGNMENT = 64  # bytes; vectors that straddle cache lines cost a third of the speed


# Until a block of this size is freed once, glibc returns freed memory to the system, which zeroes it
# page by page when it is used again: a twentieth of a meta-gradient's time.
np.empty(31 << 20, np.uint8)


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Return an array from np.empty whose first element is at an address that is a multiple of
    ALIGNMENT."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if not size:
        return np.empty(shape, dtype)
    buffer = np.empty(size + ALIGNMENT, np.uint8)
    start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))  # type: ignore[arg-type]
    return np.ndarray(shape, dtype, buffer, -start % ALIGNMENT)


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Return an array from np.zeros whose first element is at an address that is a multiple of
    ALIGNMENT."""
    out = aligned_empty(shape, dtype)
    out[...] = 0
    return out


def aligned(a: np.ndarray) -> np.ndarray:
    """Return `a` itself if it is writable and contiguous and starts at a multiple of ALIGNMENT;
    otherwise return a copy that is all this."""
    if a.flags.carray and a.__array_interface__["data"][0] % ALIGNMENT == 0:
        return a
    out = aligned_empty(a.shape, a.dtype)
    out[...] = a
    return out
