"""Compiled kernels in files, each under the name of all that it was made from, so that none
outlives a change.

numba's own index knows a kernel by its file, its bytecode and its types. Here there is no index: a
file's name has a digest of the code that the kernel leads to (`identity`) and one of its types, the
versions of the libraries, the processor, and the settings that change what is compiled. Whatever
differs is another file; what two processes keep at once never mixes, and a process that is killed
leaves a file whole or none. Of each kernel the sources kept last stay, KEPT of them, and no others.

What this uses of numba's private parts is named in `private`, but for what instances have:
`_shared_module` of a kernel's library, and the `_cache` of a dispatcher, where `compilation` puts a
`Kept`.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from glob import escape
from itertools import chain
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding as llvm
from numba import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

from ..stopping import check
from .children import Taken, beside, leaves
from .identity import Unknown, digest

KEPT = 3  # states of the sources, such as two branches that are worked at in turn
DAY = 86400
PAUSE = 0.02  # seconds between two looks at what another process is at
CHANGED = (AttributeError, KeyError, TypeError)  # raised by a numba whose private parts differ
SETTINGS = (  # of numba, which change the code that is made
    "OPT LOOP_VECTORIZE SLP_VECTORIZE BOUNDSCHECK ENABLE_AVX CPU_NAME CPU_FEATURES "
    "DISABLE_INTEL_SVML USING_SVML "
    "DEBUGINFO_DEFAULT EXTEND_VARIABLE_LIFETIMES LLVM_REFPRUNE_PASS LLVM_REFPRUNE_FLAGS DEBUG_NRT "
    "NRT_STATS "
    "ENABLE_PROFILING ENABLE_SYS_MONITORING JIT_COVERAGE"
).split()


class Kept(FunctionCache):
    """numba's cache of one kernel, with `missed` called where nothing is found, `waited` where another
    process made it in the meantime, and `told`, with the reason, where it cannot be read or
    written."""

    class _impl_class(CompileResultCacheImpl):
        def rebuild(self, target_context: Any, kept: tuple) -> Any:
            return _without_module(super().rebuild(target_context, kept), kept)

    def __init__(
        self,
        kernel: Any,
        missed: Callable[[], None],
        waited: Callable[[], None],
        told: Callable[[str], None],
    ):
        super().__init__(kernel.py_func)
        self.kernel = kernel
        self.missed = missed
        self.waited = waited
        self.told = told
        self._cache_file = self.files = _Files(self.cache_path, _base(kernel.py_func))

    def sources(self) -> str:
        """A digest of the code that the kernel leads to; '' where it cannot be told, and nothing is
        kept."""
        try:
            return digest(self.kernel)
        except Unknown:
            return ""

    def stale(self) -> bool:
        """Whether it was kept, but not as it is now."""
        kept = self.files.by_sources()
        return bool(kept) and self.sources() not in kept

    def _index_key(self, sig: Any, codegen: Any) -> tuple[str, str]:
        try:
            types = "\n".join(
                _told(one)
                for one in (*getattr(sig, "args", sig), getattr(sig, "return_type", None))
            )
        except Unknown:
            return "", ""
        return self.sources(), f"{types}\n{codegen.magic_tuple()}\n{surroundings()}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was kept for these types, or None."""
        found = None
        try:
            found = super().load_overload(sig, target_context)
        except CHANGED as error:
            self.told(f"this numba is not known: {error}")
        if found is None and self._another_is_at(sig, target_context):
            found = super().load_overload(sig, target_context)
            if found is not None:
                self.waited()
        if found is None:
            self.missed()
        return found

    def _another_is_at(self, sig: Any, target_context: Any) -> bool:
        """Whether the process beside this one is compiling the kernel, or did; it is waited for.
        Raises `Taken` in the one that does not wait."""
        if not (other := beside()):
            return False
        key = self._index_key(sig, target_context.codegen())
        if self.files.claimed(key, other):
            if leaves():
                raise Taken(self.kernel)
            while beside() and not self.files.holds(key):
                check()
                time.sleep(PAUSE)
        return self.files.holds(key)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep it, if there is room."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            self.told(error.strerror or str(error))
        except CHANGED as error:
            self.told(f"this numba is not known: {error}")


class _Files(IndexDataCacheFile):
    """A kernel's files `BASE-SOURCES-REST.nbc`, without numba's index."""

    def __init__(self, folder: str, base: str):
        super().__init__(folder, base, None)
        self.folder = Path(folder)
        self.base = base

    def _name(self, key: tuple[str, str]) -> str:
        return f"{self.base}-{key[0]}-{hashlib.sha256(key[1].encode()).hexdigest()[:16]}.nbc"

    def holds(self, key: tuple[str, str]) -> bool:
        """Whether a file is there."""
        return (self.folder / self._name(key)).exists()

    def claimed(self, key: tuple[str, str], other: int) -> bool:
        """Whether this process is at a kernel: `other`, and not this one, from now on."""
        claim = self.folder / f"{self._name(key)}.by"
        try:
            with open(claim, "x", encoding="ascii") as file:
                file.write(str(os.getpid()))
            return False
        except FileExistsError:  # perhaps of a process that is gone
            with suppress(OSError):
                if claim.read_text(encoding="ascii") == str(other):
                    return True
                claim.write_text(str(os.getpid()), encoding="ascii")
        except OSError:
            pass
        return False

    def load(self, key: tuple[str, str]) -> Any:
        """What was kept of exactly this, or None."""
        if not self.holds(key):
            return None
        try:
            made_of, data = self._load_data(self._name(key))
        except Exception:  # damaged, or gone by now
            return None
        return data if made_of == key else None

    def save(self, key: tuple[str, str], data: Any) -> None:
        """Keep it, and let go of what is out of date."""
        if key[0]:
            self._save_data(self._name(key), (key, data))
            with suppress(OSError):
                (self.folder / f"{self._name(key)}.by").unlink(missing_ok=True)
            self._tidy()

    def by_sources(self) -> dict[str, list[Path]]:
        """The files, by the digest of their sources."""
        found: dict[str, list[Path]] = {}
        for path in self.folder.glob(f"{escape(self.base)}-*.nbc"):
            found.setdefault(path.name[len(self.base) + 1 :].split("-")[0], []).append(path)
        return found

    def _tidy(self) -> None:
        name, version = self.base.rsplit(".", 1)
        old = [*self.folder.glob(f"{escape(name)}-*.{version}.*nb[ic]")]  # as numba keeps them
        old += [
            path
            for ending in ("tmp.*", "by")
            for path in self.folder.glob(f"{escape(self.base)}-*.{ending}")
            if time.time() - _changed(path) > DAY
        ]
        groups = sorted(self.by_sources().values(), key=lambda group: max(map(_changed, group)))
        for path in chain(old, *groups[:-KEPT]):
            with suppress(OSError):  # another process does the same
                path.unlink()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _base(function: FunctionType) -> str:
    """The first part of a file's name: the module, the function, and whose Python's bytecode it was
    made from."""
    name = f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}".replace(
        "<", ""
    ).replace(">", "")
    return f"{name}.py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"


def _told(kind: Any) -> str:
    """A type of numba's, the names of its fields included. Raises `Unknown` where it is known by an
    address only."""
    if isinstance(kernel := getattr(kind, "dispatcher", None), Dispatcher):
        return f"kernel {digest(kernel)}"
    fields = getattr(getattr(kind, "instance_class", None), "_fields", ())
    inside = [_told(one) for one in getattr(kind, "types", ())]
    if not inside and " at 0x" in str(kind):
        raise Unknown(str(kind))
    return f"{type(kind).__name__} {inside or kind} {fields}"


def surroundings() -> str:
    """What else compiled code depends on: versions, the processor, and settings of numba."""
    settings = {name: getattr(config, name, None) for name in SETTINGS}
    versions = (numba.__version__, llvmlite.__version__, np.__version__)
    return f"{versions} {_processor()} {settings}"


@cache
def _processor() -> str:
    """This machine's own, whatever numba is told to compile for: kernels choose their vectors by
    it."""
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def _without_module(found: Any, kept: tuple) -> Any:
    """A kernel that was kept, without the LLVM module of which another one that calls it is
    compiled: ten times as large as its bitcode, of which it is made again when it is asked for."""
    library = found.library
    _, kind, code = kept[0]
    if kind == "object":

        def module() -> Any:
            if library._shared_module is None:
                library._shared_module = llvm.parse_bitcode(code[1])
            return library._shared_module

        library._shared_module = None
        library._get_module_for_linking = module
    return found
