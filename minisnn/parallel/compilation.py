"""Kernels are compiled when they are first used, which takes longer than people expect, and kept for the next time."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOWHERE = "compiled kernels cannot be kept ({}), so that each command compiles them, about half a minute; name a folder "
NOWHERE += "that can be written to: NUMBA_CACHE_DIR=DIR"
_told = False  # that they cannot be kept


def njit(cache: bool = False, **options: Any) -> Callable:
    """numba's njit. Where there is no place to keep what it compiles, or no room, a warning says so once, and every process
    compiles its kernels itself."""
    from numba import njit as compile_with

    def decorate(function: Callable) -> Any:
        kernel = compile_with(**options)(function)
        if cache and hasattr(kernel, "enable_caching"):  # not a plain function, as NUMBA_DISABLE_JIT leaves it
            try:
                kernel.enable_caching()
                kernel._cache.save_overload = _forgiving(kernel._cache.save_overload)
            except RuntimeError:  # numba's "no locator available"
                _tell("neither beside the code nor at home")
        return kernel

    return decorate


def _forgiving(save: Callable) -> Callable:
    def attempt(*arguments: Any) -> None:
        try:
            save(*arguments)
        except OSError as error:
            _tell(error.strerror or str(error))

    return attempt


def _tell(reason: str) -> None:
    global _told
    if not _told:
        _told = True
        warnings.warn(NOWHERE.format(reason), stacklevel=2)


def compiled() -> bool | None:
    """Whether numba finds the kernels compiled in its cache; None where the cache lies in another place or nowhere."""
    package = Path(__file__).parents[1]
    if os.environ.get("NUMBA_DISABLE_JIT"):
        return True
    if os.environ.get("NUMBA_CACHE_DIR") or _told:
        return None
    for source in (package / "kernels" / "forward.py", package / "data" / "camera" / "kernel.py"):
        times = [index.stat().st_mtime for index in (source.parent / "__pycache__").glob(f"{source.stem}.*.nbi")]
        if not times or max(times) < source.stat().st_mtime:
            return False if os.access(source.parent, os.W_OK) else None
    return True


def announce() -> None:
    """Say so where numba is about to compile the kernels: once after installing, and after a change of them."""
    if compiled() is False:
        print("the kernels are compiled first, once: about half a minute", file=sys.stderr, flush=True)
