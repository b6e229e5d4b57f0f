"""Functions that are made of syntax trees, and how they are compiled. Nothing is run."""

import ast
import linecache
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ..parallel.compilation import njit

NUMBERS = (int, float, np.integer, np.floating)
number_kernel = njit(nogil=True, fastmath={"contract"}, error_model="numpy", inner=True)
# rounded as the loop is that it stands in
inlined = njit(nogil=True, inline="always", error_model="numpy")


class Untranslatable(ValueError):
    """A line that keeps a neuron from being compiled; the message says which, and why."""


def place(filename: str, line: int) -> str:
    """A line of source, as one tells somebody of it."""
    text = linecache.getline(filename, line).strip()
    return f"line {line} of {filename}" + (f", `{text}`" if text else "")


def made(tree: ast.FunctionDef, filename: str, name: str, names: dict[str, Any]) -> FunctionType:
    """The function of a syntax tree, with these globals."""
    module = ast.fix_missing_locations(ast.Module([tree], []))
    code = compile(module, filename, "exec", dont_inherit=True)
    (found,) = (one for one in code.co_consts if isinstance(one, CodeType))
    return FunctionType(found, names, name)


def of_names(names: list[str]) -> ast.arguments:
    """The arguments of a function, each without a default."""
    return ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in names],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )


def is_source_of(text: str, function: FunctionType) -> bool:
    """Whether a file's text has the very function that was loaded from it: it may have been changed
    since."""
    code = function.__code__
    found = _codes(text).get((code.co_name, code.co_firstlineno))
    return found is not None and _said(found) == _said(code)


@lru_cache(8)
def _codes(text: str) -> dict[tuple[str, int], CodeType]:
    """The code objects of a file, by name and line; none where it cannot be compiled."""
    found = {}
    try:
        left = [compile(text, "", "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return {}
    while left:
        code = left.pop()
        found[code.co_name, code.co_firstlineno] = code
        left += [one for one in code.co_consts if isinstance(one, CodeType)]
    return found


def _said(code: CodeType) -> tuple:
    """What a code object does, wherever its file lies."""
    constants = [
        _said(one) if isinstance(one, CodeType) else (type(one), repr(one))
        for one in code.co_consts
    ]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants
