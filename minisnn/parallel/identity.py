"""What a compiled function depends on, as one digest: its own code, that of all it calls, and every
constant they read.

numba compiles a function together with those that it calls, and freezes the globals that they read;
but it tells functions apart by their own file and bytecode only. Here the loaded code is followed
wherever it leads, be it of this package, of a user's file or of a cell of a notebook: kernels, plain
functions and intrinsics, whose code writes code, closures, defaults, constants of other modules, a
class's fields. What Python's own modules and the libraries hold is identified by its name; their
versions are part of a kept kernel's name (`kept`).
"""

import functools
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

LIBRARIES = ("numpy", "numba", "llvmlite")
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.generic, np.dtype)


class Unknown(Exception):
    """A value that cannot be identified."""


def digest(value: Any) -> str:
    """The same for two values only if kernels that are made of them are the same, in any process.
    Raises `Unknown`."""
    return hashlib.sha256("\n".join(_lines(value, {})).encode()).hexdigest()[:32]


def _lines(value: Any, seen: dict[int, tuple[int, Any]]) -> Iterator[str]:
    """Lines that identify a value; each object that is `seen` is followed once."""
    if isinstance(value, PLAIN):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    elif name := _name(value):
        yield f"named {name}"
    elif id(value) in seen:
        yield f"number {seen[id(value)][0]}"
    else:
        seen[id(value)] = len(seen), value  # held, so that no other object has its id
        yield f"{type(value).__name__} ("
        for part in _parts(value):
            yield from _lines(part, seen)
        yield ")"


def _name(value: Any) -> str:
    """Where a module of Python or of the libraries holds a value."""
    if isinstance(value, ModuleType):
        return value.__name__  # what is read of it is followed where it is read
    if isinstance(value, np.ufunc):
        return f"ufunc {value.__name__}"
    home = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None)
    if not isinstance(home, str) or not isinstance(name, str) or not _is_known(home):
        return ""
    found: Any = sys.modules.get(home)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{home}.{name}" if found is value else ""


def _is_known(home: str) -> bool:
    """Whether a module is of Python or of the libraries, and not a user's that has the name of one,
    such as test.py."""
    if home.split(".")[0] not in (*LIBRARIES, *sys.stdlib_module_names) or home == "__main__":
        return False
    file = getattr(sys.modules.get(home), "__file__", None)
    return file is None or file.startswith(_folders())


@functools.cache
def _folders() -> tuple[str, ...]:
    """Where Python's own modules and the libraries are."""
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    files = [sys.modules[name].__file__ or "" for name in LIBRARIES if name in sys.modules]
    return tuple(os.path.join(folder, "") for folder in (*own, *map(os.path.dirname, files)))


def _parts(value: Any) -> Any:
    """What a value is made of."""
    if isinstance(value, (tuple, list)):
        return value
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, CodeType):
        names = value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars
        counts = value.co_flags, value.co_argcount, value.co_kwonlyargcount
        return value.co_code, names, counts, value.co_consts
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return value.__code__, value.__defaults__, value.__kwdefaults__, cells, _read(value)
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if isinstance(value, MethodType):
        return value.__func__, value.__self__
    if isinstance(value, type):
        own = [(k, v) for k, v in sorted(vars(value).items()) if k not in _OF_A_CLASS]
        own = [(k, v) for k, v in own if isinstance(v, (FunctionType, *PLAIN))]
        return value.__qualname__, getattr(value, "_fields", ()), value.__bases__, own
    for name in ("py_func", "_defn", "__wrapped__"):  # a kernel, an intrinsic, a cached function
        if isinstance(inner := getattr(value, name, None), FunctionType):
            return inner, sorted(getattr(value, "targetoptions", {}).items())
    text = str(value)
    if type(value).__module__.split(".")[0] in LIBRARIES:
        inside = [getattr(value, name, None) for name in ("dispatcher", "instance_class", "types")]
        if not any(inside) and " at 0x" in text:
            raise Unknown(text)
        return (text, *inside) if " at 0x" not in text else inside
    if not hasattr(value, "__dict__"):
        raise Unknown(text)
    return type(value), vars(value)


_OF_A_CLASS = ("__doc__", "__module__", "__firstlineno__")


def _read(function: FunctionType) -> list[tuple[str, Any]]:
    """The globals that a function may read, and what it may read of modules that are among them."""
    names = sorted(_names(function.__code__))
    found = [(name, function.__globals__[name]) for name in names if name in function.__globals__]
    for name, value in list(found):
        if isinstance(value, ModuleType) and not _is_known(value.__name__):
            found += [(f"{name}.{one}", vars(value)[one]) for one in names if one in vars(value)]
    return found


def _names(code: CodeType) -> set[str]:
    """Names of globals and attributes that a function reads, those inside it included."""
    inner = [_names(one) for one in code.co_consts if isinstance(one, CodeType)]
    return set(code.co_names).union(*inner)
