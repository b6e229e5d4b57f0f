"""Comprehensions over what is known how long it is, written out."""

import ast
import copy
from collections.abc import Iterator


class UnknownLength(ValueError):
    """It is not known how long it is."""


def values_of(iterable: ast.expr, tuples: dict[str, int]) -> Iterator[ast.expr]:
    """What a loop goes through; `tuples` are the lengths of those that have a name."""
    match iterable:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            yield from elements
        case ast.Name(id=name) if name in tuples:
            for n in range(tuples[name]):
                found = ast.Subscript(ast.Name(name, ast.Load()), ast.Constant(n), ast.Load())
                yield ast.fix_missing_locations(ast.copy_location(found, iterable))
        case ast.Call(func=ast.Name(id="zip"), args=given):
            for values in zip(*(values_of(one, tuples) for one in given)):
                yield ast.copy_location(ast.Tuple(list(values), ast.Load()), iterable)
        case _:
            raise UnknownLength


def with_values(element: ast.expr, target: ast.expr, value: ast.expr) -> ast.expr:
    """The element of a comprehension where its target is this."""
    return _Put(_bound(target, value)).visit(copy.deepcopy(element))


def _bound(target: ast.expr, value: ast.expr) -> dict[str, ast.expr]:
    if isinstance(target, ast.Name):
        return {target.id: value}
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        found: dict[str, ast.expr] = {}
        for part, of_part in zip(target.elts, value.elts):
            found |= _bound(part, of_part)
        return found
    raise UnknownLength


class _Put(ast.NodeTransformer):
    """Expressions in place of names."""

    def __init__(self, values: dict[str, ast.expr]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.values.get(node.id, node))
