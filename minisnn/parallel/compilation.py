"""Kernels are compiled when they are first used, which takes longer than people expect, and kept
for the next time."""

import gc
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import get_ident, main_thread
from typing import Any
from weakref import WeakSet

from ..stopping import check
from .children import start_beside
from .private import KEEPING, LINKED, borrowing, compiler_lock, compiler_locks, lacking, unwrapped
from .stand_in import carry_out, check_effort, slow

KERNELS = (
    "compiled kernels cannot be kept ({}), so that each command compiles them, about half a "
    "minute; name a folder "
    "that can be written to: NUMBA_CACHE_DIR=DIR"
)
NOTHING = (
    "neither compiled kernels nor simulated recordings can be kept ({}), so that each command "
    "makes them again, about half "
    "a minute; name folders that can be written to: NUMBA_CACHE_DIR=DIR MINISNN_CACHE=DIR"
)
COMPILING = "minisnn: kernels are being compiled; this stops when the one at hand is done"
COMPILED = "minisnn: stopped while kernels were being compiled"
GOES_ON = "those that are done are kept, and the next start continues from there"
# what was said of keeping them; whether it is said that they are being compiled
_told, _announcing = (
    "",
    False,
)
_kernels: WeakSet = WeakSet()  # that are kept
_misses = 0  # kernels that were not kept yet
_paused = False  # whether a thread compiles, and Python collects no cycles meanwhile


def njit(
    cache: bool = False,
    borrows: bool = False,
    inner: bool = False,
    apart: bool = False,
    **options: Any,
) -> Callable:
    """numba's njit. Where there is no place to keep what it compiles, or no room, a warning says so
    once, and every process compiles its kernels itself. What is kept is kept under the name of all
    that it was made from (`kept`).

    A kernel that `borrows` makes no array and returns none, so it need not count who holds one,
    which costs loops over short rows a tenth of their time. numba refuses one that makes an array,
    `a[i:j] = b` included (`vector.copy` does it).

    One that is `inner` or `apart` is called by other kernels alone, and nothing is made that Python
    would call, which takes a seventh of all compiling. Kernels have an `inner` one within them, so
    that it is no machine code by itself, and is not kept; one that is `apart` they call by its
    address (`llvm.call_apart`).
    """
    from numba import njit as compile_with

    if borrows:
        options |= borrowing()
    options |= unwrapped(inner or apart)
    if inner and "no_cpython_wrapper" in options and not lacking(LINKED):
        from .inner import Inner

        options["pipeline_class"] = Inner

    def decorate(function: Callable) -> Any:
        kernel = compile_with(**options)(function)
        # not a plain function, as NUMBA_DISABLE_JIT leaves it
        if hasattr(kernel, "enable_caching"):
            kernel.compile = partial(_compile, kernel.compile)
            if hasattr(kernel, "get_call_template"):
                kernel.get_call_template = partial(_of_numbers, kernel.get_call_template)
            if "no_cpython_wrapper" in options:
                kernel.add_overload = partial(_add_inner, kernel)
                kernel._compile_for_args = partial(_refuse, function.__qualname__)
            if inner or not cache or not _keep(kernel):
                kernel.compile = partial(_counted, kernel.compile)
        return kernel

    return decorate


def _of_numbers(of_types: Callable, arguments: tuple, named: dict) -> tuple:
    """A call from another kernel: one with a number written out is one with any number, for which
    numba would compile the kernel once more."""
    from numba import types

    return of_types(tuple(map(types.unliteral, arguments)), named)


def _add_inner(kernel: Any, made: Any) -> None:
    """What kernels are compiled into, and Python has no way to call."""
    kernel.overloads[tuple(made.signature.args)] = made


def _refuse(name: str, *arguments: Any, **named: Any) -> None:
    raise TypeError(f"{name} is for other kernels to call; Python cannot call it")


def _keep(kernel: Any) -> bool:
    """From now on, look for a kernel among those that are kept, and keep it; whether that is
    possible."""
    if name := lacking(KEEPING):
        _tell(f"this numba has no {name}")
        return False
    try:
        from .kept import Kept

        kernel._cache = Kept(kernel, _missed, _waited, _tell)
    except RuntimeError:  # numba's "no locator available"
        _tell(
            "neither beside the code nor at home",
            KERNELS if os.environ.get("MINISNN_CACHE") else NOTHING,
        )
    except (ImportError, AttributeError, TypeError) as error:  # another numba
        _tell(f"this numba is not known: {error}")
    else:
        _kernels.add(kernel)
        return True
    return False


def _counted(translate: Callable, *types: Any) -> Any:
    """Compile a kernel that is not kept."""
    global _misses
    _misses += 1
    return translate(*types)


def _compile(translate: Callable, *types: Any) -> Any:
    """Compile a kernel, or read what was kept. An interruption in the midst of it would leave
    numba's locks and tables half changed, so another thread does it for the main one, and is broken
    off between two kernels only."""
    me = get_ident()
    lock = compiler_lock()
    # by this thread, for a kernel that calls this one
    if me == main_thread().ident and lock is not None and not lock.is_locked():
        found: list[Any] = []
        carry_out(lambda effort: found.append(_compile(translate, *types)))
        return found[0]
    inside = me in slow
    try:
        with _uncollected():
            return translate(*types)
    finally:
        if not inside:
            slow.pop(me, None)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A compiler makes so much that Python would look for cycles in it again and again, which takes
    a tenth of all compiling. They are collected afterwards."""
    global _paused
    paused = gc.isenabled()
    if paused:
        _paused = True
        gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()
            _paused = False


def _missed() -> None:
    """Nothing was kept: this is the moment to say that a kernel is about to be compiled, or to stop
    before it."""
    global _announcing, _misses
    _misses += 1
    me = get_ident()
    try:
        check()
    except KeyboardInterrupt:
        if slow.get(me, COMPILING):
            print(f"{COMPILED}; {GOES_ON}", file=sys.stderr, flush=True)
        raise
    check_effort()
    start_beside()
    slow.setdefault(me, f"{COMPILING}; {GOES_ON}")
    if _announcing:
        _announcing = False
        print(
            "the kernels are compiled first, once: about half a minute", file=sys.stderr, flush=True
        )


def _waited() -> None:
    """Nothing was kept, until another process had compiled it."""
    global _misses
    _misses += 1


def _tell(reason: str, text: str = KERNELS) -> None:
    global _told
    if not _told:
        _told = text
        warnings.warn(text.format(reason), stacklevel=2)


def nothing_is_kept() -> bool:
    """Whether it was said that there is no folder for anything, so that no other part needs to say
    it of its own."""
    return _told == NOTHING and not os.environ.get("MINISNN_CACHE")


def misses() -> int:
    """How many kernels this process looked for, and did not find among those that are kept: it
    compiled them, or waited for another process."""
    return _misses


def announce() -> None:
    """From now on, say so where a kernel is not there yet: once after installing, and after a
    change of it."""
    global _announcing
    _announcing = True


def compiled() -> bool:
    """Whether other processes find kernels that were kept beside the code, as they are now; not
    asked of other places."""
    if os.environ.get("NUMBA_DISABLE_JIT"):
        return True
    package = Path(__file__).parents[1]
    kept = [package / room / "__pycache__" for room in ("kernels", "vectors", "data/camera")]
    return all(any(place.glob("*.nbc")) for place in kept) and not any(
        kernel._cache.stale() for kernel in _kernels
    )


def _hold_locks() -> None:
    for lock in compiler_locks():
        lock.acquire()


def _release_locks() -> None:
    for lock in reversed(compiler_locks()):
        lock.release()


def _begin_child() -> None:
    global _paused
    _release_locks()
    if _paused:
        gc.enable()
        _paused = False


# a copy of a lock that another thread holds would never be free
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_locks, after_in_parent=_release_locks, after_in_child=_begin_child
    )
