"""Kernels are compiled when they are first used, which takes longer than people expect, and kept for the next time."""

import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

KERNELS = "compiled kernels cannot be kept ({}), so that each command compiles them, about half a minute; name a folder "
KERNELS += "that can be written to: NUMBA_CACHE_DIR=DIR"
NOTHING = (
    "neither compiled kernels nor simulated recordings can be kept ({}), so that each command makes them anew, about half "
)
NOTHING += "a minute; name folders that can be written to: NUMBA_CACHE_DIR=DIR MINISNN_CACHE=DIR"
_told, _announcing = "", False  # what was said of keeping them; whether it is said that they are being compiled


def njit(cache: bool = False, borrows: bool = False, **options: Any) -> Callable:
    """numba's njit. Where there is no place to keep what it compiles, or no room, a warning says so once, and every process
    compiles its kernels itself.

    A kernel that `borrows` makes no array and returns none, so it need not count who holds one, which costs loops over short
    rows a tenth of their time. numba refuses one that makes an array, `a[i:j] = b` included (`vector.copy` does it).
    """
    from numba import njit as compile_with

    if borrows:
        options["_nrt"] = False

    def decorate(function: Callable) -> Any:
        kernel = compile_with(**options)(function)
        if cache and hasattr(kernel, "enable_caching"):  # not a plain function, as NUMBA_DISABLE_JIT leaves it
            try:
                kernel.enable_caching()
            except RuntimeError:  # numba's "no locator available"
                _tell("neither beside the code nor at home", KERNELS if os.environ.get("MINISNN_CACHE") else NOTHING)
            else:
                kept = kernel._cache
                kept.load_overload = partial(_look_up, kept.load_overload)
                kept.save_overload = partial(_keep, kept.save_overload)
                kept._impl.rebuild = partial(_rebuild, kept._impl.rebuild)
        return kernel

    return decorate


def _look_up(load: Callable, *arguments: Any) -> Any:
    """What was kept; where it was not, this is the moment to say that a kernel is about to be compiled."""
    global _announcing
    if (found := load(*arguments)) is None and _announcing:
        _announcing = False
        print("the kernels are compiled first, once: about half a minute", file=sys.stderr, flush=True)
    return found


def _rebuild(rebuild: Callable, target: Any, kept: tuple) -> Any:
    """A kernel that was kept, without the LLVM module of which another one that calls it is compiled: ten times as large as
    its bitcode, of which it is made again when it is asked for."""
    found = rebuild(target, kept)
    library, (_, kind, code) = found.library, kept[0]
    if kind == "object":

        def module() -> Any:
            from llvmlite import binding as llvm

            if library._shared_module is None:
                library._shared_module = llvm.parse_bitcode(code[1])
            return library._shared_module

        library._shared_module, library._get_module_for_linking = None, module
    return found


def _keep(save: Callable, *arguments: Any) -> None:
    """Keep a kernel if there is room."""
    try:
        save(*arguments)
    except OSError as error:
        _tell(error.strerror or str(error))


def _tell(reason: str, text: str = KERNELS) -> None:
    global _told
    if not _told:
        _told = text
        warnings.warn(text.format(reason), stacklevel=2)


def nothing_is_kept() -> bool:
    """Whether it was said that there is no folder for anything, so that no other part needs to say it of its own."""
    return _told == NOTHING and not os.environ.get("MINISNN_CACHE")


def announce() -> None:
    """From now on, say so where a kernel is not there yet: once after installing, and after a change of it."""
    global _announcing
    _announcing = True


def compiled() -> bool:
    """Whether other processes find kernels that were kept beside the code; not asked of other places."""
    package = Path(__file__).parents[1]
    kept = [package / room / "__pycache__" for room in ("kernels", "data/camera")]
    return bool(os.environ.get("NUMBA_DISABLE_JIT")) or all(any(place.glob("*.nbi")) for place in kept)
