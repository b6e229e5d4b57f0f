"""Functions that are made of syntax trees, and how they are compiled. Nothing is run."""

import ast
import linecache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ..parallel.compilation import njit

NUMBERS = (int, float, np.integer, np.floating)
number_kernel = njit(nogil=True, fastmath={"contract"}, error_model="numpy")
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
