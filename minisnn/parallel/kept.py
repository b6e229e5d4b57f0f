"""Compiled kernels in files, each under the name of all that it was made from, so that none
outlives a change.

numba's own index knows a kernel by its file, its bytecode and its types. Here there is no index: a
file's name has a digest of the code that the kernel leads to (`identity`), its types, the versions
of the libraries, the processor, and the settings that change what is compiled. Whatever differs is
another file; what two processes keep at once never mixes, and a process that is killed leaves a file
whole or none.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding as llvm
from llvmlite.binding import ffi
from numba import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock

from .identity import Unknown, digest

WEEK = 7 * 86400  # seconds
NAME = f"*-{'[0-9a-f]' * 32}.nbc"  # of a file that is kept
SETTINGS = (  # of numba, which change the code that is made
    "OPT LOOP_VECTORIZE SLP_VECTORIZE BOUNDSCHECK ENABLE_AVX CPU_NAME CPU_FEATURES "
    "DISABLE_INTEL_SVML DEBUGINFO_DEFAULT EXTEND_VARIABLE_LIFETIMES LLVM_REFPRUNE_PASS "
    "LLVM_REFPRUNE_FLAGS DEBUG_NRT NRT_STATS ENABLE_PROFILING"
).split()
folders: set[Path] = set()  # where kernels are kept


class Kept(FunctionCache):
    """numba's cache of one kernel; `missed` is called where nothing is found, `refused` with the
    reason where nothing can be written."""

    class _impl_class(CompileResultCacheImpl):
        def rebuild(self, target_context: Any, payload: tuple) -> Any:
            return _without_module(super().rebuild(target_context, payload), payload)

    def __init__(self, kernel: Any, missed: Callable[[], None], refused: Callable[[str], None]):
        super().__init__(kernel.py_func)
        self._cache_file = _Files(self.cache_path, "", None)
        self.kernel = kernel
        self.missed = missed
        self.refused = refused
        folders.add(Path(self.cache_path))

    def _index_key(self, sig: Any, codegen: Any) -> str:
        """The name of a kernel's file; '' for one that cannot be identified, and is not kept."""
        types = getattr(sig, "args", sig), getattr(sig, "return_type", None)
        versions = numba.__version__, llvmlite.__version__, np.__version__
        # the processor itself, too: kernels choose their vectors by it, whatever numba compiles for
        processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        settings = [getattr(config, name, None) for name in SETTINGS]
        try:
            made_of = digest(
                (self.kernel, types, codegen.magic_tuple(), versions, processor, settings)
            )
        except (Unknown, ValueError):  # a closure that is not filled yet
            return ""
        return f"{self._impl.filename_base}-{made_of}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was kept for these types, or None."""
        found = super().load_overload(sig, target_context)
        if found is None:
            self.missed()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep it, if there is room."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            self.refused(error.strerror or str(error))


class _Files(IndexDataCacheFile):
    """Files of kernels without numba's index; a key is a file's name."""

    def load(self, key: str) -> Any:
        """What was kept under a name, or None."""
        try:
            data = self._load_data(key)
            with suppress(OSError):  # of another user
                os.utime(self._data_path(key))
            return data
        except Exception:  # not there, or damaged
            return None

    def save(self, key: str, data: Any) -> None:
        """Keep it, and let go of what nobody has used for a week."""
        if key:
            self._save_data(key, data)
        for path in Path(self._cache_path).glob(NAME):
            with suppress(OSError):  # another process does the same
                if time.time() - path.stat().st_mtime > WEEK:
                    path.unlink()


def any_kept() -> bool:
    """Whether kernels were kept where those are that this process knows."""
    return any(any(folder.glob(NAME)) for folder in folders)


def _without_module(found: Any, kept: tuple) -> Any:
    """A kernel that was kept, without the LLVM module of which another one that calls it is
    compiled: ten times as large as its bitcode, of which it is made again when it is asked for."""
    library = found.library
    _, kind, code = kept[0]

    def module() -> Any:
        if library._shared_module is None:
            library._shared_module = llvm.parse_bitcode(code[1])
        return library._shared_module

    if kind == "object":
        library._shared_module = None
        library._get_module_for_linking = module
    return found


# numba's and llvmlite's: a copy, in a forked process, of a lock that another thread holds would
# never be free
_LOCKS = [global_compiler_lock._lock, ffi.lib._lock._lock]


def _hold_locks() -> None:
    for lock in _LOCKS:
        lock.acquire()


def _release_locks() -> None:
    for lock in reversed(_LOCKS):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_locks, after_in_parent=_release_locks, after_in_child=_release_locks
    )
