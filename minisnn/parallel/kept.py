"""Compiled kernels in files, each named by a digest of all its sources, so that a change makes a
new file.

numba compiles a function together with those that it calls, and freezes the globals that they read,
but its own cache looks at one file only. Here a file's name has a digest of every source of the
library (`sources`), of values that a kernel uses and these sources do not determine (`_made_of`),
its types, the versions of the libraries, the processor, and the settings that affect compilation.
Any difference makes another file. Files are written atomically, so processes that write at the same
time, or are killed, do no harm.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding as llvm
from llvmlite.binding import ffi
from numba import config
from numba.core.caching import FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock

from .missing import cannot_keep, missed
from .sources import sources

WEEK = 7 * 86400  # seconds
SETTINGS = (  # settings of numba that affect the compiled code
    "OPT LOOP_VECTORIZE SLP_VECTORIZE BOUNDSCHECK ENABLE_AVX CPU_NAME CPU_FEATURES "
    "DISABLE_INTEL_SVML DEBUGINFO_DEFAULT EXTEND_VARIABLE_LIFETIMES LLVM_REFPRUNE_PASS "
    "LLVM_REFPRUNE_FLAGS DEBUG_NRT NRT_STATS ENABLE_PROFILING"
).split()
LIBRARIES = ("minisnn", "numpy", "numba", "llvmlite", "math", "cmath", "builtins", "operator")
PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
folders: set[Path] = set()  # folders of cached kernels
MARK = sources()[:8]  # digest in file names


class Kept(FunctionCache):
    """numba's cache of one kernel, without an index of files."""

    def __init__(self, kernel: Any):
        super().__init__(kernel.py_func)
        self._kernel = kernel
        folders.add(Path(self.cache_path))

    def _index_key(self, sig: Any, codegen: Any) -> str:
        """Return the name of a kernel's file. It is '' if the kernel cannot be identified, and so
        is not cached."""
        types = str((getattr(sig, "args", sig), getattr(sig, "return_type", None)))
        versions = sys.version, numba.__version__, llvmlite.__version__, np.__version__
        # also the actual processor: kernels choose their vectors by it, whatever numba compiles for
        processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
        settings = [getattr(config, name, None) for name in SETTINGS]
        where = types, versions, codegen.magic_tuple(), processor, settings
        try:
            lines = [sources(), repr(where), *_made_of(self._kernel, [])]
        except ValueError:  # also raised for a closure that is not filled yet
            return ""
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
        return "" if " at 0x" in types else f"{self._impl.filename_base}-{MARK}-{digest}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the cached kernel for these types, or return None. Its LLVM module is ten times as
        large as its bitcode, and is only rebuilt when a caller is compiled."""
        target_context.refresh()
        try:
            name = self._index_key(sig, target_context.codegen())
            payload = self._cache_file._load_data(name)
            kernel = self._impl.rebuild(target_context, payload)
            _, kind, code = payload[0]
            if kind == "object":
                kernel.library._shared_module = None
                kernel.library._get_module_for_linking = cache(partial(llvm.parse_bitcode, code[1]))
            with suppress(OSError):  # the file may belong to another user
                os.utime(self._cache_file._data_path(name))
            return kernel
        except Exception:  # missing or damaged
            missed()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Cache a kernel if there is room on the disk, and delete the kernels that were not used
        for a week."""
        name = self._index_key(sig, data.codegen)
        # whether the sources changed since this process began
        changed = sources.__wrapped__() != sources()
        if changed or not name or not self._impl.check_cachable(data):
            return
        try:
            self._impl.locator.ensure_cache_path()
            self._cache_file._save_data(name, self._impl.reduce(data))
        except OSError as error:
            cannot_keep(error.strerror or str(error))
        for path in Path(self.cache_path).glob(f"*-{'[0-9a-f]' * 32}.nbc"):
            with suppress(OSError):  # another process deleted it first
                if time.time() - path.stat().st_mtime > WEEK:
                    path.unlink()


def any_kept() -> bool:
    """Return whether the cache folder has kernels compiled from these sources."""
    return any(any(folder.glob(f"*-{MARK}-*.nbc")) for folder in folders)


def _made_of(value: Any, seen: list) -> Iterator[str]:
    """List what identifies a kernel besides the library's sources: the values in its closure, and
    the code and globals of functions from elsewhere, notebook cells included. Functions in `seen`
    are skipped. Raises ValueError for a value that cannot be identified."""
    if isinstance(getattr(value, "py_func", None), FunctionType):  # a kernel
        for name, option in sorted(value.targetoptions.items()):
            yield f"{name} {sorted(option) if isinstance(option, set) else option}"
        value = value.py_func
    home = "numpy" if isinstance(value, np.ufunc) else getattr(value, "__module__", None) or ""
    name = getattr(value, "__name__", "")
    if isinstance(value, FunctionType) and value in seen:
        yield f"function {seen.index(value)}"
    elif isinstance(value, FunctionType):
        seen.append(value)
        yield f"{home} {value.__qualname__} {_said(value.__code__)}"
        parts = [cell.cell_contents for cell in value.__closure__ or ()]
        names = value.__globals__
        if "__file__" in names and home.startswith("minisnn."):
            # the module's package, which may be in a folder elsewhere
            room = sys.modules[".".join(home.split(".")[:2])]
            yield sources(Path(room.__file__ or "").parent)
        else:
            read = sorted(_read(value.__code__) & names.keys())
            parts += [*(value.__defaults__ or ()), *read, *(names[one] for one in read)]
        yield from _made_of(parts, seen)
    elif isinstance(value, (tuple, list)):
        yield f"{type(value).__name__} of {len(value)}"
        for part in value:
            yield from _made_of(part, seen)
    elif isinstance(value, PLAIN):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, ModuleType) and name.split(".")[0] in LIBRARIES:
        yield f"module {name}"
    elif home.split(".")[0] in LIBRARIES and vars(sys.modules[home]).get(name) is value:
        yield f"{home} has {name}"
    else:
        raise ValueError(repr(value))


def _read(code: CodeType) -> set[str]:
    """Return the names of globals and attributes that a function reads, including those that its
    inner functions read."""
    inner = (_read(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


def _said(code: CodeType) -> tuple:
    """Return a code object's instructions in a form that does not depend on its file."""
    constants = [_said(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    names = code.co_names, code.co_varnames, code.co_freevars
    return code.co_code, code.co_argcount, names, constants


class Inner(Compiler):
    """numba's compiler for a kernel that only other kernels call, which stops at its LLVM module:
    numba links that into each caller, and skipping machine code saves a tenth of all compiling."""

    def compile_extra(self, function: Any) -> Any:
        """Return numba's result for these types; its library has a module, but no address."""
        self.state.library = _Module(self.state.targetctx.codegen(), function.__qualname__)
        return super().compile_extra(function)


class _Module(JITCodeLibrary):
    """The module of a kernel, which contains nothing to run."""

    codegen = property(lambda self: self)

    def set_env(self, name: str, env: Any) -> None:
        """Do nothing: this would set an address in machine code, and there is none."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


# locks of numba and llvmlite: a forked process would inherit a lock that another thread holds, and
# never get it
for _lock in (ffi.lib._lock._lock, global_compiler_lock._lock):  # the last is acquired first
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
        )
