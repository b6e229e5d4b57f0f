"""Compilation of kernels at first use, with a cache on disk for later processes."""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import current_thread, main_thread
from typing import Any

from .missing import cannot_keep


def njit(
    cache: bool = False,
    borrows: bool = False,
    inner: bool = False,
    apart: bool = False,
    **options: Any,
) -> Callable:
    """numba's njit with its own cache. Machine code is stored under a name made of all its sources
    (`kept`). Without a writable folder, or room on the disk, there is one warning, and every
    process compiles its kernels itself.

    A kernel that `borrows` neither creates nor returns arrays, so it needs no reference counts,
    which cost loops over short rows a tenth of their time. numba rejects such a kernel if it
    creates an array, also by `a[i:j] = b` (use `vector.copy`).

    A kernel that is `inner` or `apart` is called by other kernels only, so no entry point for
    Python is compiled, which saves a seventh of the time. An `inner` kernel is linked into its
    callers and has no machine code of its own in the cache; an `apart` one is called by its address
    (`llvm.address_of`).
    """
    from numba import config
    from numba import njit as compile_with

    if vars(config)["DISABLE_JIT"]:
        return compile_with(**options)
    from .kept import Inner, Kept

    options["no_cfunc_wrapper"] = True
    if borrows:
        options["_nrt"] = False
    if inner or apart:
        options["no_cpython_wrapper"] = True
    if inner:
        options["pipeline_class"] = Inner

    def decorate(function: Callable) -> Any:
        kernel = compile_with(**options)(function)
        kernel.compile = partial(_compile, kernel.compile)
        kernel.get_call_template = partial(_of_numbers, kernel.get_call_template)
        if inner or apart:
            kernel.add_overload = partial(_add, kernel)
            kernel._compile_for_args = partial(_refuse, function.__qualname__)
        if cache:
            try:
                kernel._cache = Kept(kernel)
            except RuntimeError:  # numba's "no locator available"
                cannot_keep("neither next to the code nor at home")
        return kernel

    return decorate


def _of_numbers(of_types: Callable, arguments: tuple, named: dict) -> tuple:
    """Resolve the types for a call from another kernel, with literals widened to their types, so
    that numba does not compile the kernel again for each literal."""
    from numba import types

    return of_types(tuple(map(types.unliteral, arguments)), named)


def _add(kernel: Any, made: Any) -> None:
    """Register a compiled overload so that other kernels can call it, without making it callable
    from Python."""
    kernel.overloads[tuple(made.signature.args)] = made


def _refuse(name: str, *arguments: Any, **named: Any) -> None:
    raise TypeError(f"{name} can only be called by other kernels, not from Python")


def _compile(translate: Callable, *types: Any) -> Any:
    """Compile a kernel, or read it from the cache. This is done in a thread that receives no
    signals, because an interruption would leave numba's tables half changed. The garbage collector
    is off meanwhile, which saves a tenth of the time."""
    from numba.core.compiler_lock import global_compiler_lock

    # this thread is not compiling
    if current_thread() is main_thread() and not global_compiler_lock.is_locked():
        with ThreadPoolExecutor(1, "minisnn compiles") as undisturbed:
            return undisturbed.submit(_compile, translate, *types).result()
    with global_compiler_lock:
        collects = gc.isenabled()
        gc.disable()
        try:
            return translate(*types)
        finally:
            if collects:
                gc.enable()


def compiled() -> bool:
    """Return whether other processes will find kernels in the cache."""
    from numba import config

    from .kept import any_kept

    return bool(vars(config)["DISABLE_JIT"]) or any_kept()
