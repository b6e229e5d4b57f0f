"""What a wrong answer can be asked: the same calls and others like them, and what the course's
solution computes on its way.

A `Case` is one call of both functions. Its `terms` are the named ingredients: every part of the
solution (`lif.gamma * dr`, `dy[t]`), with the value that it had, so that no exercise needs a list
of them. In a loop a part has one value for each turn.
"""

import ast
import contextlib
import copy
import dataclasses
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# numbers of a term that are kept, over all turns: those of 48 cases stay far below a gigabyte
LARGEST = 20_000
PARTS = ast.BinOp | ast.Call | ast.Attribute | ast.Name | ast.Subscript | ast.UnaryOp | ast.Compare


class Case(NamedTuple):
    """Arguments, the student's answer, the right one, and the terms of the right one: text ->
    [(turn, value), ...]."""

    arguments: tuple
    found: list
    wanted: list
    terms: dict
    written: list  # (turn, name, index) of every `name[index] = ...`
    added: set  # the terms that stand before or behind a + or -


class _Watched(ast.NodeTransformer):
    """A solution that hands every part of what it computes to `_see_`, and every place that it
    writes to `_wrote_`."""

    def __init__(self) -> None:
        self.depth = 0

    def visit_For(self, node):
        self.depth += 1
        node = self.generic_visit(node)
        self.depth -= 1
        if self.depth == 0:
            node.body.insert(0, ast.parse("_turn_()").body[0])
        return node

    def visit_Assign(self, node):
        target = node.targets[0]
        node.value = self.visit(node.value)
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            index = ast.Subscript(
                ast.Name("_s_", ast.Load()), copy.deepcopy(target.slice), ast.Load()
            )
            said = ast.Call(
                ast.Name("_wrote_", ast.Load()), [ast.Constant(target.value.id), index], []
            )
            return [node, ast.Expr(said)]
        return node

    def visit_AugAssign(self, node):
        node.value = self.visit(node.value)
        return node

    def generic_visit(self, node):
        if isinstance(node, ast.comprehension | ast.Lambda | ast.arguments | ast.keyword):
            return super().generic_visit(node) if isinstance(node, ast.keyword) else node
        new = super().generic_visit(node)
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Add | ast.Sub)
            and id(node) in self.plain
        ):
            self.added |= {
                ast.unparse(one) for one in (self.plain[id(node)].left, self.plain[id(node)].right)
            }
        if isinstance(new, PARTS) and isinstance(getattr(new, "ctx", ast.Load()), ast.Load):
            text = ast.unparse(self.plain[id(node)]) if id(node) in self.plain else ""
            if text and len(text) < 90 and "_see_" not in text:
                return ast.Call(ast.Name("_see_", ast.Load()), [ast.Constant(text), new], [])
        return new

    def over(self, tree):
        """The tree, watched; texts are those of the tree as it was."""
        self.plain, self.added = {}, set()
        original = copy.deepcopy(tree)
        for a, b in zip(ast.walk(tree), ast.walk(original)):
            self.plain[id(a)] = b
        return ast.fix_missing_locations(self.visit(tree))


def head(source: str) -> tuple[str, list[str]]:
    """The name of a solution's function, and those of its arguments."""
    node = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return node.name, [one.arg for one in node.args.args]


def reads(source: str) -> set[str]:
    """The names that a solution reads as a whole, and the attributes (`lif.rho`) that it reads of
    others."""
    nodes = list(ast.walk(ast.parse(source)))
    fields = [n for n in nodes if isinstance(n, ast.Attribute)]
    owners = {id(n.value) for n in fields}
    whole = {
        n.id
        for n in nodes
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in owners
    }
    return whole | {ast.unparse(n) for n in fields}


def watched(source: str, space: dict) -> Callable[..., Any]:
    """A solution's function that returns (its value, its terms, what it wrote where, the terms that
    are added)."""
    tree, name, watcher = ast.parse(source), head(source)[0], _Watched()
    code = compile(watcher.over(tree), "<solution>", "exec")

    def run(*arguments):
        terms, numbers, written, turn = {}, {}, [], [0]

        def see(text, value):
            kept = terms.setdefault(text, [])
            if isinstance(value, bool | int | float | np.ndarray | np.generic):
                array = np.asarray(value)
                size = numbers[text] = numbers.get(text, 0) + array.size
                if array.dtype.kind in "buif" and size <= LARGEST:
                    kept.append((turn[0], array.astype(float)))
            return value

        def next_turn():
            turn[0] += 1

        own = dict(space) | {
            "_see_": see,
            "_turn_": next_turn,
            "_s_": np.s_,
            "_wrote_": lambda name, index: written.append((turn[0], name, index)),
        }
        exec(code, own)
        return (
            own[name](*arguments),
            {text: kept for text, kept in terms.items() if kept},
            written,
            watcher.added,
        )

    return run


def parts(answer) -> list[np.ndarray]:
    """The arrays of an answer, out of its tuples and lists. Raises ValueError where it holds
    something else."""
    if isinstance(answer, tuple) or (
        isinstance(answer, list) and any(isinstance(one, tuple) for one in answer)
    ):
        return [one for part in answer for one in parts(part)]
    array = np.asarray(answer)
    if array.dtype == object and all(isinstance(one, int) for one in array.flat):
        array = array.astype(float)  # whole numbers beyond 64 bits
    if array.dtype.kind not in "buif":
        raise ValueError("no numbers")
    return [array.astype(float)]


def like(arguments, rng) -> list:
    """Arguments of the same kinds and shapes, with other numbers where they are real."""
    return [_like(one, rng) for one in arguments]


def _like(one, rng):
    if isinstance(one, float):
        return one * (0.6 + 0.35 * rng.random()) if 0 < one < 1 else one * (1 + 0.3 * rng.random())
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        if np.isin(one, (0.0, 1.0)).all():
            return np.where(rng.random(one.shape) < 0.3, 1 - one, one)
        return one * (1 + 0.3 * rng.standard_normal(one.shape))
    if isinstance(one, np.ndarray) and one.dtype.kind in "iu" and one.size > 3:
        return rng.permutation(one.ravel()).reshape(one.shape)
    if isinstance(one, list) and len(one) > 3 and all(isinstance(part, int) for part in one):
        return [one[k] for k in rng.permutation(len(one))]
    if isinstance(one, tuple | list):
        made = like(one, rng)
        return type(one)(*made) if hasattr(one, "_fields") else type(one)(made)
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            names = [
                f.name for f in dataclasses.fields(one) if isinstance(getattr(one, f.name), float)
            ]
            return dataclasses.replace(
                one, **{name: _constant(getattr(one, name), rng) for name in names}
            )
    return one


def _constant(value: float, rng) -> float:
    """Another constant of a neuron: a decay stays one, and a threshold of 0 becomes another."""
    return (
        0.3 + 0.6 * rng.random()
        if 0 < value < 1
        else value * (1 + 0.5 * rng.random()) + (value == 0) * 0.2 * rng.random()
    )


def cases(source: str, space: dict, calls, seconds: float, count: int = 8) -> list[Case]:
    """The calls that were noted, the last one first, and others like it, until `count` cases or the
    time are spent."""
    end, rng, made = time.process_time() + seconds, np.random.default_rng(0), []
    right, (_, names) = watched(source, space), head(source)
    theirs = calls[-1][1]
    pending = [call[2] for call in calls[:-3:-1]] + [like(calls[-1][2], rng) for _ in range(count)]
    pending += [call[2] for call in calls[-3::-1]]
    for arguments in pending:
        if len(made) >= 48 or (time.process_time() > end and made):
            break
        with contextlib.suppress(Exception), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            wanted, terms, *places = right(*copy.deepcopy(list(arguments)))
            found = theirs(*copy.deepcopy(list(arguments)))
            for one, value in zip(names, arguments):
                if isinstance(value, np.ndarray) and value.ndim:
                    lengths = (
                        {f"{one}.shape[{n}]": size for n, size in enumerate(value.shape)}
                        if value.ndim > 1
                        else {}
                    )
                    for text, size in (
                        lengths | {f"len({one})": len(value), f"{one}.size": value.size}
                    ).items():
                        terms.setdefault(text, [(0, np.asarray(float(size)))])
            made.append(Case(tuple(arguments), parts(found), parts(wanted), terms, *places))
    return made
