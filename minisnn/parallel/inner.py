"""The compiler of kernels that other kernels alone call.

numba links the LLVM module of a kernel into each kernel that calls it. So one that Python cannot
call needs no machine code of its own, which would take a tenth of all compiling.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class Inner(Compiler):
    """numba's compiler, up to the optimized LLVM module."""

    def compile_extra(self, function: Any) -> Any:
        """numba's result for these types, whose library has a module and no address."""
        state = self.state
        state.library = _Library(_Codegen(state.targetctx.codegen()), function.__qualname__)
        return super().compile_extra(function)


class _Codegen:
    """numba's, by which no module reaches the engine that makes machine code."""

    def __init__(self, numbas: Any):
        self.numbas = numbas

    def __getattr__(self, name: str) -> Any:
        return getattr(self.numbas, name)

    def _add_module(self, module: Any) -> None:
        pass

    def set_env(self, name: str, env: Any) -> None:
        """Where a function finds its globals lies in machine code, and so do those of the kernels
        it is linked into."""


class _Library(JITCodeLibrary):
    """A kernel's module, with nothing to run."""

    def _finalize_specific(self) -> None:
        pass

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0
