"""What is used here of numba and llvmlite that they promise nobody, named in one place.

Where another numba lacks a name nothing breaks: kernels are not kept, and a sentence says why;
without its lock they are compiled by the thread that asks; without `_nrt` they count references;
without INNER each of them can be called by Python; without LINKED each of them becomes machine code.
"""

import sys
from importlib import import_module
from typing import Any

# what `kept` derives from, overrides, calls and replaces, and `compilation` of a kernel
KEEPING = {
    "numba.core.caching.FunctionCache": "_impl_class _index_key cache_path load_overload "
    "save_overload",
    "numba.core.caching.CompileResultCacheImpl": "rebuild",
    "numba.core.caching.IndexDataCacheFile": "_load_data _save_data",
    "numba.core.codegen.CPUCodeLibrary": "_get_module_for_linking",
    "numba.core.codegen.JITCPUCodegen": "magic_tuple",
    "numba.core.dispatcher.Dispatcher": "compile enable_caching",
}

INNER = ("add_overload", "_compile_for_args")  # of a kernel that other kernels alone call
# what `inner` derives from, overrides and calls
LINKED = {
    "numba.core.codegen.JITCodeLibrary": "_ensure_finalized _finalize_specific "
    "get_pointer_to_function",
    "numba.core.codegen.JITCPUCodegen": "_add_module set_env",
    "numba.core.compiler.Compiler": "compile_extra",
}


def lacking(names_of: dict[str, str]) -> str | None:
    """The first of these names that this numba does not have."""
    for place, names in names_of.items():
        module, _, name = place.rpartition(".")
        try:
            owner = getattr(import_module(module), name)
        except (ImportError, AttributeError):
            return place
        for one in names.split():
            if not hasattr(owner, one):
                return f"{place}.{one}"
    return None


def compiler_lock() -> Any:
    """numba's lock while it compiles; None where numba is not imported, or has no such lock."""
    lock = getattr(sys.modules.get("numba.core.compiler_lock"), "global_compiler_lock", None)
    return lock if hasattr(lock, "is_locked") and hasattr(lock, "_lock") else None


def compiler_locks() -> list[Any]:
    """Whatever a process that is forked must find free to compile: numba's lock, then llvmlite's,
    which is held, too, while a module that nobody uses any more is taken down."""
    numbas = compiler_lock()
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    llvms = getattr(getattr(library, "_lock", None), "_lock", None)
    found = [numbas and numbas._lock, llvms]
    return [lock for lock in found if hasattr(lock, "acquire") and hasattr(lock, "release")]


def unwrapped(fully: bool) -> dict[str, Any]:
    """The options of a kernel that is not handed to C as a function, and `fully` not called by
    Python either, if there are such."""
    from numba.core import options

    dispatcher = getattr(import_module("numba.core.dispatcher"), "Dispatcher", None)
    known = all(hasattr(dispatcher, name) for name in INNER)
    names = ["no_cfunc_wrapper"] + ["no_cpython_wrapper"] * (fully and known)
    return {name: True for name in names if hasattr(options.DefaultOptions, name)}


def borrowing() -> dict[str, Any]:
    """The option of a kernel that makes no array and need not count who holds one, if there is
    one."""
    from numba.core import options

    return {"_nrt": False} if hasattr(getattr(options, "DefaultOptions", None), "_nrt") else {}
