"""Methods of a neuron, written again as functions of single numbers.

A method `forward(self, I, z, spike)` becomes `forward(k, I, z)`. k is a tuple of numbers in the
network's dtype, one for each expression of constants: `1 - self.gamma` is computed once, in float64
as NumPy computes it, and rounded once. No literal is left that could widen a float32.

What is rewritten, and nothing else:

    self.gamma, 2, np.pi, 1 - self.gamma      k[n], but not what stands as an index or an exponent
    spike(u)                                  spike(k, u)
    self.method(a), function(a)               the same of the method or function, written again
    np.where(a, b, c)                         b if a else c
    np.zeros_like(a), np.ones_like(a)         0, 1
    ... for d in (a, b)                       written out, where it is known what there is to go through
"""

import ast
import builtins
import copy
import inspect
import math
import textwrap
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .made import NUMBERS, Untranslatable, made, number_kernel, of_names, place
from .several import UnknownLength, values_of, with_values

WHOLE = {"abs", "max", "min"}  # of Python's own functions, those of single numbers
NO_PLACE = (
    ast.Assert,
    ast.AsyncFunctionDef,
    ast.Await,
    ast.ClassDef,
    ast.Dict,
    ast.DictComp,
    ast.FunctionDef,
    ast.Global,
    ast.Import,
    ast.ImportFrom,
    ast.JoinedStr,
    ast.Lambda,
    ast.List,
    ast.Nonlocal,
    ast.Raise,
    ast.Set,
    ast.SetComp,
    ast.Try,
    ast.With,
    ast.Yield,
    ast.YieldFrom,
)


class Translation:
    """Functions written again, and the constants that they share."""

    def __init__(self, replaced: dict[Any, Any]):
        self.replaced = replaced  # functions that the kernels have another one for
        self.constants: list[Callable[[Any, Any], Any]] = []  # each of (neuron, surrogate)
        self.places: list[str] = []  # where each of them was first read
        self._known: dict[str, int] = {}
        self._functions: dict[Any, Any] = {}
        self.reads: set[tuple[str, str]] = set()  # (at or dot, what is read of it)

    def number(self, value: float) -> int:
        """The place of a plain number among the constants."""
        return self.constant(f"number {value!r}", lambda neuron, surrogate: value, "a literal")

    def constant(self, key: str, evaluate: Callable[[Any, Any], Any], where: str) -> int:
        """The place of a constant in k."""
        if key not in self._known:
            self._known[key] = len(self.constants)
            self.constants.append(evaluate)
            self.places.append(where)
        return self._known[key]

    def function(
        self,
        function: Any,
        owner: str = "",
        kind: type | None = None,
        tuples: dict[str, int] | None = None,
        spike: Any = None,
        make: Callable[[FunctionType], Any] = number_kernel,
    ) -> Any:
        """A kernel of numbers from a method of the `owner` ("neuron" or "surrogate", of that class), or a function without
        one; `tuples` are the lengths of arguments that are tuples, `spike` is what its argument of
        that name stands for, and `make` compiles it and those that it calls."""
        key = function, owner, make
        if key in self._functions:
            found = self._functions[key]
            if found is None:
                raise Untranslatable(f"{function.__qualname__} calls itself")
            return found
        self._functions[key] = None
        found = make(_Writer(self, function, owner, kind, tuples or {}, spike, make).written())
        self._functions[key] = found
        return found


class _Writer(ast.NodeTransformer):
    """One function, as it is written again."""

    def __init__(self, whole, function, owner, kind, tuples, spike, make):
        self.whole = whole
        self.owner = owner
        self.kind = kind
        self.tuples = dict(tuples)
        self.spike = spike
        self.make = make
        # globals of what is written
        self.names: dict[str, Any] = {"__name__": getattr(function, "__module__", "__main__")}
        if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
            name = getattr(function, "__qualname__", repr(function))
            raise Untranslatable(f"{name} is not a plain function")
        self.function = function
        self.filename = function.__code__.co_filename
        self.tree = self._read()
        arguments = self.tree.args
        listed = arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults
        if listed:
            raise self._cannot(self.tree, "has arguments that are optional, or any number of them")
        self.arguments = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        self.me = self.arguments[0] if owner else None
        self.locals = {*self.arguments} | {
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        closure = inspect.getclosurevars(function)
        self.seen = {**vars(builtins), **function.__globals__, **closure.nonlocals}

    def _read(self) -> ast.FunctionDef:
        try:
            lines, first = inspect.getsourcelines(self.function)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):
            raise Untranslatable(
                f"the source of {self.function.__qualname__} cannot be read; write it into a file"
            ) from None
        ast.increment_lineno(tree, first - 1)
        found = tree.body[0]
        if not isinstance(found, ast.FunctionDef):
            raise Untranslatable(f"{self.function.__qualname__} is not written as a `def`")
        return found

    def _cannot(self, node: ast.AST, why: str) -> Untranslatable:
        where = place(self.filename, getattr(node, "lineno", self.tree.lineno))
        return Untranslatable(f"{self.function.__qualname__} {why} ({where})")

    def written(self) -> FunctionType:
        """The function of numbers."""
        body = [self.visit(statement) for statement in _without_docstring(self.tree.body)]
        taken = [name for name in self.arguments if name != self.me and name != "spike"]
        self.tree.args = of_names([self._own("k"), *taken])
        self.tree.body = body or [ast.Pass()]
        self.tree.decorator_list = []
        self.tree.returns = None
        name = self.function.__qualname__.split("<locals>.")[-1].replace(".", "_")
        self.tree.name = name
        return made(self.tree, self.filename, name, self.names)

    def _own(self, name: str) -> str:
        """A name of ours that the function has not."""
        while name in self.locals or name in self.function.__code__.co_names:
            name += "_"
        return name

    # ---- constants

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, NO_PLACE):
            raise self._cannot(node, "does what no loop over single numbers can")
        if isinstance(node, ast.expr) and self._is_constant(node):
            return self._constant(node)
        return super().visit(node)

    def _is_constant(self, node: ast.AST) -> bool:
        match node:
            case ast.Constant(value=value):
                return isinstance(value, NUMBERS) and not isinstance(value, bool)
            case ast.Name(id=name, ctx=ast.Load()):
                return name not in self.locals and isinstance(self.seen.get(name), NUMBERS)
            case ast.Attribute(ctx=ast.Load()):
                return self._is_attribute(node)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._is_constant(operand)
            case ast.BinOp(left=left, right=right):
                return self._is_constant(left) and self._is_constant(right)
            case ast.Call(func=called, args=given, keywords=[]):
                if not all(self._is_constant(one) for one in given):
                    return False
                if self._is_mine(called):
                    return True
                return given != [] and _of_numbers(self._meant(called))
        return False

    def _is_attribute(self, node: ast.Attribute) -> bool:
        if self._is_mine(node):
            return not self._is_method(node)
        return isinstance(self._meant(node), NUMBERS)

    def _is_mine(self, node: ast.AST) -> bool:
        """Whether it is self.name."""
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and self.me is not None
            and node.value.id == self.me
        )

    def _is_method(self, node: ast.Attribute) -> bool:
        return isinstance(inspect.getattr_static(self.kind, node.attr, None), FunctionType)

    def _meant(self, node: ast.AST) -> Any:
        """What a name or a module's attribute stands for; None where that is not known here."""
        match node:
            case ast.Name(id=name):
                return None if name in self.locals else self.seen.get(name)
            case ast.Attribute(value=value, attr=attr):
                module = self._meant(value)
                return getattr(module, attr, None) if isinstance(module, ModuleType) else None
        return None

    def _constant(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant(value=int() | float() as value):
                return self._field(node, self.whole.number(float(value)))
        expression = ast.copy_location(ast.Return(copy.deepcopy(node)), node)
        tree = ast.FunctionDef(
            name="constant",
            args=of_names([self.me or self._own("self")]),
            body=[expression],
            decorator_list=[],
        )
        evaluate = made(ast.copy_location(tree, node), self.filename, "constant", self.seen)
        owner = self.owner

        def of(neuron, surrogate):
            return evaluate(surrogate if owner == "surrogate" else neuron)

        # those of functions outside the classes are told apart by their file
        home = owner or f"{self.filename} {self.function.__qualname__}"
        key = f"{home}: {ast.dump(node)}"
        where = place(self.filename, node.lineno)
        return self._field(node, self.whole.constant(key, of, where))

    def _field(self, node: ast.expr, n: int) -> ast.expr:
        name = ast.Name(self._own("k"), ast.Load())
        found = ast.Subscript(name, ast.Constant(n), ast.Load())
        return ast.fix_missing_locations(ast.copy_location(found, node))

    # ---- what is not constant

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple(elts=elements)):
                self.tuples[name] = len(elements)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.value = self.visit(node.value)
        return node  # the index stays an integer

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        node.left = self.visit(node.left)
        whole = isinstance(node.right, ast.Constant) and isinstance(node.right.value, int)
        if not (isinstance(node.op, ast.Pow) and whole):
            node.right = self.visit(node.right)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in ("at", "dot"):
            self.whole.reads.add((node.value.id, node.attr))
            return node
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id
        if name in ("at", "dot") and name in self.arguments:  # handed on as a whole
            self.whole.reads |= {(name, "I"), (name, "z")}
        if name not in self.locals and name in self.seen:
            self.names[name] = self.seen[name]
        elif name in (self.me, "spike") and name in self.arguments:
            raise self._cannot(node, f"hands {name} on")
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func
        if isinstance(called, ast.Name) and called.id == "spike" and "spike" in self.arguments:
            return self._call(node, "spike", self.spike)
        if self._is_mine(called):
            method = inspect.getattr_static(self.kind, called.attr, None)  # type: ignore[attr-defined]
            if not isinstance(method, FunctionType):
                raise self._cannot(node, "calls what is not a method")
            written = self.whole.function(method, self.owner, self.kind, make=self.make)
            return self._call(node, written.__name__, written)
        meant = self._meant(called)
        if meant in (tuple, list, sum) and len(node.args) == 1:
            return self._of_several(node, meant)
        if meant is float and len(node.args) == 1:
            return self.visit(node.args[0])
        if meant is range:
            return node
        if meant is np.where and len(node.args) == 3:
            chosen = ast.IfExp(*map(self.visit, node.args))
            return ast.copy_location(chosen, node)
        if meant in (np.zeros_like, np.ones_like) and len(node.args) == 1 and not node.keywords:
            return self._field(node, self.whole.number(float(meant is np.ones_like)))
        if isinstance(meant, FunctionType) and meant in self.whole.replaced:
            name = self._own(meant.__name__)
            self.names[name] = self.whole.replaced[meant]
            node.func = ast.copy_location(ast.Name(name, ast.Load()), called)
            node.args = [self.visit(one) for one in node.args]
            return node
        if _of_numbers(meant) or hasattr(meant, "py_func"):
            return self.generic_visit(node)
        if isinstance(meant, FunctionType):
            written = self.whole.function(meant, make=self.make)
            return self._call(node, written.__name__, written)
        raise self._cannot(node, "calls what is not known here")

    def _call(self, node: ast.Call, name: str, function: Any) -> ast.AST:
        """The call of a function that was written again."""
        name = self._own(name)
        self.names[name] = function
        node.func = ast.copy_location(ast.Name(name, ast.Load()), node.func)
        k = ast.copy_location(ast.Name(self._own("k"), ast.Load()), node)
        node.args = [k, *(self.visit(one) for one in node.args)]
        return node

    # ---- several numbers

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._several(node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._several(node)

    def _of_several(self, node: ast.Call, meant: Any) -> ast.AST:
        (given,) = node.args
        found = self.visit(given)
        if not isinstance(found, ast.Tuple):
            return node if meant is tuple else self._refuse(node)
        if meant is not sum:
            return found
        total = found.elts[0]
        for one in found.elts[1:]:
            total = ast.copy_location(ast.BinOp(total, ast.Add(), one), node)
        return total

    def _refuse(self, node: ast.AST) -> ast.AST:
        raise self._cannot(node, "goes through what it is not known how long it is")

    def _several(self, node: Any) -> ast.Tuple:
        """A tuple of what a comprehension makes."""
        (first, *more) = node.generators
        if more or first.ifs:
            raise self._cannot(node, "has a comprehension of more than one loop, or a condition")
        try:
            elements = [
                with_values(node.elt, first.target, value)
                for value in values_of(first.iter, self.tuples)
            ]
        except UnknownLength:
            self._refuse(node)
        return ast.copy_location(ast.Tuple(list(map(self.visit, elements)), ast.Load()), node)


def _of_numbers(function: Any) -> bool:
    """Whether it is a function of numbers of NumPy's or Python's own."""
    if isinstance(function, np.ufunc):
        return True
    if function in (np.where, np.sign, np.clip):
        return True
    name = getattr(function, "__name__", "")
    return getattr(math, name, None) is function or (
        name in WHOLE and getattr(builtins, name) is function
    )


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            return body[1:]
    return body
