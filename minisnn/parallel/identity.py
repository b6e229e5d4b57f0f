"""What a compiled function depends on, as one digest: its own code, that of all it calls, and every
constant they read.

numba compiles a function together with those that it calls, and freezes the globals that they read;
but it tells functions apart by their own file and bytecode alone. Here the loaded code is followed
wherever it leads: through kernels, plain functions and intrinsics, whose code writes code,
closures, constants of other modules, a class's fields, and the functions of a user's own file.
Comments, line numbers and docstrings do not count, nor does anything that is not read.
"""

import enum
import functools
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

LIBRARIES = ("numpy", "numba", "llvmlite")  # told by their versions
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))


class Unknown(Exception):
    """Something that is read whose identity cannot be told."""


def digest(function: Any) -> str:
    """Of a kernel or a function, and all that it leads to. Raises `Unknown` where it reads what
    cannot be distinguished."""
    return hashlib.sha256("\n".join(_Walk().of(function)).encode()).hexdigest()[:16]


def reached(function: Any) -> list[FunctionType]:
    """The Python functions that a digest covers."""
    walk = _Walk()
    for _ in walk.of(function):
        pass
    return [one for one in walk.seen.values() if isinstance(one, FunctionType)]


class _Walk:
    """One walk through everything that is reached, each thing once."""

    def __init__(self) -> None:
        self.seen: dict[int, Any] = {}  # held, so that no id is given twice
        self.place: dict[int, int] = {}  # of what is seen

    def of(self, value: Any) -> Iterator[str]:
        """Lines that tell a value."""
        if isinstance(value, PLAIN):
            yield f"{type(value).__name__} {value!r}"
        elif isinstance(value, (tuple, list)):
            yield f"{type(value).__name__} of {len(value)}"
            for one in value:
                yield from self.of(one)
        elif isinstance(value, (set, frozenset)):
            yield f"set of {len(value)}"
            yield from sorted(" ".join(self.of(one)) for one in value)
        elif isinstance(value, Mapping):
            yield f"mapping of {len(value)}"
            for name, one in value.items():
                yield from self.of(name)
                yield from self.of(one)
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            yield f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
        elif isinstance(value, (np.generic, np.dtype, enum.Enum)):
            yield repr(value)
        elif _library(value):
            yield f"{type(value).__name__} {_name(value)}"
        elif id(value) in self.seen:
            yield f"as before: {self.place[id(value)]}"
        else:
            self.place[id(value)] = len(self.seen)
            self.seen[id(value)] = value
            yield from self._of_new(value)

    def _of_new(self, value: Any) -> Iterator[str]:
        if isinstance(value, CodeType):
            yield from self._of_code(value)
        elif isinstance(value, FunctionType):
            yield from self._of_function(value)
        elif isinstance(value, functools.partial):
            yield from self.of((value.func, value.args, value.keywords))
        elif isinstance(value, MethodType):
            yield from self.of((value.__func__, value.__self__))
        elif isinstance(value, type):
            yield from self._of_class(value)
        elif isinstance(value, ModuleType):
            yield f"module {value.__name__}"  # what is read of it is told where it is read
        # numba's dispatcher
        elif isinstance(inner := getattr(value, "py_func", None), FunctionType):
            yield "kernel"
            yield from self.of(sorted(value.targetoptions.items()))
            yield from self.of(inner)
        elif isinstance(inner := getattr(value, "_defn", None), FunctionType):  # numba's intrinsic
            yield "intrinsic"
            yield from self.of(inner)
        elif isinstance(value, functools._lru_cache_wrapper):
            yield from self.of(value.__wrapped__)
        elif type(value).__module__.split(".")[0] in LIBRARIES:
            yield f"{type(value).__name__} {_stable(value)}"
        elif isinstance(state := getattr(value, "__dict__", None), dict):
            yield from self.of(type(value))
            yield from self.of(state)
        else:
            raise Unknown(f"a {type(value).__name__}")

    def _of_function(self, function: FunctionType) -> Iterator[str]:
        yield f"function {function.__qualname__}"
        yield from self.of((function.__defaults__, function.__kwdefaults__))
        yield from self.of(function.__code__)
        for cell in function.__closure__ or ():
            try:
                yield from self.of(cell.cell_contents)
            except ValueError:
                yield "an empty cell"
        names = sorted(_names(function.__code__))
        for name in names:
            if name in function.__globals__:
                yield name
                value = function.__globals__[name]
                yield from self.of(value)
                if isinstance(value, ModuleType) and not _library(value):
                    yield from self._of_attributes(value, names)

    def _of_attributes(self, module: ModuleType, names: list[str]) -> Iterator[str]:
        """What may be read of a module, by its name."""
        for name in names:
            if name in vars(module):
                yield f"{module.__name__}.{name}"
                yield from self.of(vars(module)[name])

    def _of_code(self, code: CodeType) -> Iterator[str]:
        yield (
            f"code {code.co_code.hex()} {code.co_flags} {code.co_argcount} {code.co_kwonlyargcount}"
        )
        yield f"{code.co_names} {code.co_varnames} {code.co_freevars} {code.co_cellvars}"
        documented = code.co_flags & 0x2 and code.co_consts and isinstance(code.co_consts[0], str)
        for constant in code.co_consts[1 if documented else 0 :]:
            yield from self.of(constant)

    def _of_class(self, kind: type) -> Iterator[str]:
        yield f"class {kind.__qualname__} {getattr(kind, '_fields', ())}"
        for base in kind.__bases__:
            yield from self.of(base)
        for name, value in sorted(vars(kind).items()):
            if isinstance(value, (FunctionType, *PLAIN)) and name not in (
                "__doc__",
                "__module__",
                "__firstlineno__",
            ):
                yield name
                yield from self.of(value)


def _names(code: CodeType) -> set[str]:
    """Names of globals and attributes that a function reads, those inside it included."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


def _library(value: Any) -> bool:
    """Whether it is a module, function or class of Python's own or of the libraries, whose versions
    tell it. A file of the user's that has the name of one, such as test.py, is none."""
    if isinstance(value, ModuleType):
        home = value.__name__
        file = getattr(value, "__file__", None)
    elif isinstance(value, (FunctionType, BuiltinFunctionType, type, np.ufunc)) or callable(value):
        home = getattr(value, "__module__", None) or "builtins"
        file = getattr(sys.modules.get(home), "__file__", None)
    else:
        return False
    if isinstance(value, FunctionType):
        file = value.__code__.co_filename
    if home.split(".")[0] not in (*LIBRARIES, *sys.stdlib_module_names):
        return False
    return not file or file.startswith(("<", *_homes()))


@functools.cache
def _homes() -> tuple[str, ...]:
    """Folders of Python's own modules and of the libraries."""
    own = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    files = (getattr(sys.modules.get(name), "__file__", None) or "" for name in LIBRARIES)
    return tuple(os.path.join(one, "") for one in (*own, *map(os.path.dirname, files)) if one)


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', getattr(value, '__name__', ''))}"


def _stable(value: Any) -> str:
    """What a library's object says of itself, where that is not an address."""
    said = str(value)
    if " at 0x" in said:
        raise Unknown(said)
    return said
