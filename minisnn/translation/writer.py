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
from collections import Counter
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .made import NUMBERS, Untranslatable, is_source_of, made, of_names, place
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
STATES = ("z", "dz", "z_dot", "dz_dot")  # arguments that are tuples of the states


class Writer(ast.NodeTransformer):
    """One function, as it is written again."""

    def __init__(self, whole, function, owner, kind, roles, states, make):
        self.whole = whole
        self.owner = owner
        self.kind = kind
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
        given = self.arguments[1 if owner else 0 :]
        if roles and len(given) != len(roles):
            raise self._cannot(self.tree, f"does not take ({', '.join(roles)})")
        self.roles = dict(zip(given, roles))
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        self.set_anew = Counter(node.id for node in names if isinstance(node.ctx, ast.Store))
        for name, role in self.roles.items():
            if self.set_anew[name] and role in ("at", "dot", "spike"):
                raise self._cannot(self.tree, f"gives {name} another value")
        # lengths of the tuples that have a name
        self.tuples = {
            name: states
            for name, role in self.roles.items()
            if role in STATES and not self.set_anew[name]
        }
        self.locals = {*self.arguments, *self.set_anew}
        self.taken = {*self.locals, *(node.id for node in names)}
        self.cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
        closure = inspect.getclosurevars(function)
        self.seen = {**vars(builtins), **function.__globals__, **closure.nonlocals}

    def _read(self) -> Any:
        name = self.function.__qualname__
        try:
            text = "".join(inspect.findsource(self.function)[0])
            lines, first = inspect.getsourcelines(self.function)
        except (OSError, TypeError):
            raise Untranslatable(
                f"the source of {name} cannot be read; write it into a file"
            ) from None
        if not is_source_of(text, self.function):
            raise Untranslatable(
                f"the source of {name} is not what was loaded; was {self.filename} changed since?"
            )
        if not lines[0].lstrip().startswith("def "):  # decorated, or a lambda
            raise Untranslatable(f"{name} is not written as a `def`")
        tree = ast.parse(textwrap.dedent("".join(lines)))
        ast.increment_lineno(tree, first - 1)
        return tree.body[0]

    def _cannot(self, node: ast.AST, why: str) -> Untranslatable:
        where = place(self.filename, getattr(node, "lineno", self.tree.lineno))
        return Untranslatable(f"{self.function.__qualname__} {why} ({where})")

    def written(self) -> FunctionType:
        """The function of numbers."""
        body = [self.visit(statement) for statement in _without_docstring(self.tree.body)]
        left = [
            name for name in self.arguments if name != self.me and self.roles.get(name) != "spike"
        ]
        self.tree.args = of_names([self._own("k"), *left])
        self.tree.body = body or [ast.Pass()]
        self.tree.decorator_list = []
        self.tree.returns = None
        name = self.function.__qualname__.split("<locals>.")[-1].replace(".", "_")
        self.tree.name = name
        return made(self.tree, self.filename, name, self.names)

    def _own(self, name: str) -> str:
        """A name of ours that the function has not."""
        while name in self.taken:
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
        # parsed: what fields a definition has depends on Python's version
        tree = ast.parse("def constant(): pass").body[0]
        assert isinstance(tree, ast.FunctionDef)
        tree.args = of_names([self.me or self._own("self")])
        tree.body = [expression]
        evaluate = self._evaluated(ast.copy_location(tree, node))
        owner = self.owner

        def of(neuron, surrogate):
            return evaluate(surrogate if owner == "surrogate" else neuron)

        # what a name stands for depends on the function that reads it
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        home = owner if names <= {self.me} else id(self.function)
        where = place(self.filename, node.lineno)
        return self._field(node, self.whole.constant(f"{home}: {ast.dump(node)}", of, where))

    def _evaluated(self, tree: ast.FunctionDef) -> Callable[[Any], Any]:
        """A function of self that reads globals and closures as they are when it is called."""
        function = made(tree, self.filename, "constant", self.function.__globals__)
        cells = {
            name: cell for name, cell in self.cells.items() if name in function.__code__.co_names
        }
        if not cells:
            return function

        def evaluate(me):
            closure = {name: cell.cell_contents for name, cell in cells.items()}
            return FunctionType(function.__code__, {**function.__globals__, **closure})(me)

        return evaluate

    def _field(self, node: ast.expr, n: int) -> ast.expr:
        name = ast.Name(self._own("k"), ast.Load())
        found = ast.Subscript(name, ast.Constant(n), ast.Load())
        return ast.fix_missing_locations(ast.copy_location(found, node))

    # ---- what is not constant

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple(elts=elements)):
                if self.set_anew[name] == 1:
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
        if isinstance(node.value, ast.Name):
            role = self.roles.get(node.value.id)
            if role in ("at", "dot"):
                self.whole.reads.add((role, node.attr))
                return node
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id
        role = self.roles.get(name)
        if role in ("at", "dot"):  # handed on as a whole
            self.whole.reads |= {(role, "I"), (role, "z")}
        if name == self.me or role == "spike":
            raise self._cannot(node, f"hands {name} on")
        if name not in self.locals and name in self.seen:
            self.names[name] = self._followed(name)
        return node

    def _followed(self, name: str) -> Any:
        """What a name from outside stands for."""
        if name in self.function.__globals__ and name not in self.cells:
            return self.whole.follow(self.function.__globals__, name)
        return self.seen[name]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func
        if isinstance(called, ast.Name) and self.roles.get(called.id) == "spike":
            return self._call(node, self.whole.spike)
        if isinstance(called, ast.Attribute) and self._is_mine(called):
            if not self._is_method(called):
                raise self._cannot(node, "calls what is not a method")
            how = self.owner, self.kind, called.attr
            return self._call(node, self.whole.method(*how, make=self.make))
        meant = self._meant(called)
        if any(meant is one for one in (tuple, list, sum)) and len(node.args) == 1:
            return self._of_several(node, meant)
        if meant is float and len(node.args) == 1:
            return self.visit(node.args[0])
        if meant is range:
            return node
        if meant is np.where and len(node.args) == 3:
            chosen = ast.IfExp(*map(self.visit, node.args))
            return ast.copy_location(chosen, node)
        filled = meant is np.zeros_like or meant is np.ones_like
        if filled and len(node.args) == 1 and not node.keywords:
            return self._field(node, self.whole.number(float(meant is np.ones_like)))
        if isinstance(meant, FunctionType) and meant in self.whole.replaced:
            node.func = self._named(called, self.whole.replaced[meant], meant.__name__)
            node.args = [self.visit(one) for one in node.args]
            return node
        if _of_numbers(meant) or hasattr(meant, "py_func"):
            return self.generic_visit(node)
        if isinstance(meant, FunctionType):
            self._follow_to(called)
            return self._call(node, self.whole.function(meant, make=self.make))
        raise self._cannot(node, "calls what is not known here")

    def _follow_to(self, called: ast.expr) -> None:
        """Note by which names a function is called, so that another one there is noticed."""
        if isinstance(called, ast.Attribute):
            self._follow_to(called.value)
            self.whole.follow(vars(self._meant(called.value)), called.attr)
        elif isinstance(called, ast.Name):
            self._followed(called.id)

    def _named(self, at: ast.expr, function: Any, name: str) -> ast.expr:
        """A name of ours for a function."""
        name = self._own(name)
        while self.names.get(name, function) is not function:
            name += "_"
        self.names[name] = function
        return ast.copy_location(ast.Name(name, ast.Load()), at)

    def _call(self, node: ast.Call, function: Any) -> ast.AST:
        """The call of a function that was written again."""
        node.func = self._named(node.func, function, function.__name__)
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
    if isinstance(function, np.ufunc) or function is np.clip:
        return True
    name = getattr(function, "__name__", "")
    known = getattr(builtins if name in WHOLE else math, name, None)
    return function is not None and known is function


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            return body[1:]
    return body
