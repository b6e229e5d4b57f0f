"""Derivations on paper: lines that a student types, each judged by itself against differences.

`adjoints` takes the adjoint of every forward line (`du = dy + sigma_prime(u - threshold) * ds`),
`tangents` the motions (`u_dot = I_dot - rho * r_dot`). A line is computed on random arrays from the
right values of whatever stands on its right, so that one slip is counted once. Lines are sums,
products and functions of names; they are parsed and walked, never executed.
"""

import ast
import operator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from . import surrogate

STEP, NEAR = 1e-5, 1e-6  # of differences; what still counts as equal
EMPTY = "Write your lines behind the equals signs and run this cell: each is judged by itself."
SLOPE = 4.0  # kappa, where a line names none
GREEK = str.maketrans(
    {"α": "alpha", "β": "beta", "γ": "gamma", "ρ": "rho", "θ": "theta", "λ": "lam"}
)
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
}
FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sum": np.sum,
    "step": surrogate.step,
    "sigma_prime": lambda a, slope=SLOPE: surrogate.sigma_prime(a, slope),
    "sigma_second": lambda a, slope=SLOPE: surrogate.sigma_second(a, slope),
}


class Unclear(ValueError):
    """A line that is none of a derivation; its text says why."""


class Line(NamedTuple):
    """`name = text`; `number` counts from 1, `tree` is None where nothing is written."""

    number: int
    name: str
    text: str
    tree: ast.expr | None


@dataclass
class Wanted:
    """What a line must give: the value, what it is the adjoint or motion of, and its shares, each
    with the words for where it comes from."""

    value: np.ndarray
    of: str
    shares: list[tuple[np.ndarray, str]] = field(default_factory=list)


def read(text: str) -> list[Line]:
    """The lines of a derivation. Raises Unclear."""
    found = []
    rows = [row.split("#")[0].strip() for row in text.splitlines()]
    for number, row in enumerate([row for row in rows if row], 1):
        name, equals, term = (part.strip() for part in row.translate(GREEK).partition("="))
        if not equals or not name.isidentifier():
            raise Unclear(f"line {number} is `{row}`; expected a name, an equals sign and a term")
        try:
            tree = ast.parse(term, mode="eval").body if term else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            text = f"`{term}` is no term: a bracket or a sign is missing"
            raise Unclear(f"line {number}: {text}") from None
        found.append(Line(number, name, term, tree))
    return found


def names_in(tree: ast.expr) -> set[str]:
    """All names on the right of a line."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def value(tree: ast.expr, space: dict, functions: dict = FUNCTIONS):
    """A term on the values of `space`. Raises Unclear for what is no sum, product, power or
    function of known names."""
    match tree:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return np.float64(number)
        case ast.Name(id=name) if name in space:
            return space[name]
        case ast.Name(id=name):
            raise Unclear(f"{name} is no name here; there are {', '.join(sorted(space))}")
        case ast.UnaryOp(op=ast.USub(), operand=one):
            return -value(one, space, functions)
        case ast.UnaryOp(op=ast.UAdd(), operand=one):
            return value(one, space, functions)
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=int() as n)) if n <= 9:
            return value(left, space, functions) ** n
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            sides = value(left, space, functions), value(right, space, functions)
            return _joined(tree, type(op), *sides)
        case ast.Attribute(value=one, attr="T"):
            return np.transpose(value(one, space, functions))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in functions:
            arguments = [value(one, space, functions) for one in given]
            try:
                return functions[name](*arguments)
            except TypeError:
                raise Unclear(f"{name} does not take {len(arguments)} arguments") from None
        case ast.Call(func=ast.Name(id=name)):
            raise Unclear(f"{name} is no function here; there are {', '.join(sorted(functions))}")
    raise Unclear(
        f"`{ast.unparse(tree)}` is not understood; a line may hold names, numbers, + - * / @, "
        "whole powers, .T and functions"
    )


def _joined(tree, kind, left, right):
    try:
        return OPERATORS[kind](left, right)
    except ValueError:
        shapes = f"{np.shape(left)} and {np.shape(right)}"
        raise Unclear(f"the sides of `{ast.unparse(tree)}` do not fit: {shapes}") from None


class Forward:
    """Forward lines that can be run again with one value pushed; spikes are the parabolas around
    the first run (lesson 2)."""

    def __init__(self, text: str, given: dict, functions: dict | None = None):
        self.lines, self.given = read(text), given
        self.more, self.touched = functions or {}, {}
        self.values = self.run()

    def run(self, pushed: str = "", by=0.0, only: int = 0) -> dict:
        """All values; the one named `pushed` is moved, for line `only` or for all that use it."""
        space = dict(self.given)
        if pushed in space and not only:
            space[pushed] = space[pushed] + by
        for line in self.lines:
            seen = space
            if only == line.number:
                seen = space | {pushed: space[pushed] + by}
            spike = lambda a, number=line.number: self._spike(number, a)
            space[line.name] = value(line.tree, seen, FUNCTIONS | self.more | {"spike": spike})
            if pushed == line.name and not only:
                space[pushed] = space[pushed] + by
        return space

    def _spike(self, number: int, a):
        a0 = self.touched.setdefault(number, a)
        return surrogate.jet(a, a0, SLOPE)

    def uses(self, name: str) -> list[Line]:
        """The lines that have a name on their right."""
        return [line for line in self.lines if name in names_in(line.tree)]

    def blame(self, name: str, seeds: dict, only: int = 0) -> np.ndarray:
        """dL/d`name` by central differences; L sums the products of values and their seeds. With
        `only`, the share of one line, whose result's own adjoint is `seeds`' single entry."""

        def loss(by):
            found = self.run(name, by, only)
            return sum(np.sum(seed * found[of]) for of, seed in seeds.items())

        at = np.array(self.values[name], float)
        found = np.zeros(at.shape)
        for place in np.ndindex(at.shape):
            push = np.zeros(at.shape)
            push[place] = STEP
            found[place] = (loss(push) - loss(-push)) / (2 * STEP)
        return found

    def motion(self, moves: dict, of: str, through: str = "") -> np.ndarray:
        """How `of` moves along `moves`, by central differences; with `through`, as its line alone
        sees that name move."""
        if through:
            line = next(line for line in self.lines if line.name == of)
            up, down = (
                self.run(through, sign * STEP * moves[through], line.number)[of] for sign in (1, -1)
            )
            return (up - down) / (2 * STEP)
        before, found = self.given, []
        for sign in (1, -1):
            self.given = before | {
                name: before[name] + sign * STEP * move
                for name, move in moves.items()
                if name in before
            }
            found.append(self.run()[of])
        self.given = before
        return (found[0] - found[1]) / (2 * STEP)


def adjoints(
    typed: str,
    forward: str,
    given: dict,
    seeds: dict[str, tuple[str, np.ndarray]],
    names: dict[str, str],
    functions: dict | None = None,
    known: dict | None = None,
) -> bool:
    """Judge adjoints and print a sentence for each line; whether all are right.

    forward    the lines that were computed, in their order
    given      what they start from, arrays and constants by name
    seeds      forward name: (name, value) of the adjoint that comes from outside
    names      forward name: the name of its adjoint, for all that are wanted
    functions  what forward lines may call besides; known: names for the student alone
    """
    run = Forward(forward, given, functions)
    outside = {of: seed for of, (_, seed) in seeds.items()}
    whole = {of: run.blame(of, outside) for of in names}
    wanted = {}
    for of, name in names.items():
        one = wanted[name] = Wanted(whole[of], of)
        for line in run.uses(of):
            after = whole.get(line.name, outside.get(line.name))
            share = run.blame(of, {line.name: after}, line.number)
            one.shares.append((share, f"what comes back through `{line.name} = {line.text}`"))
        if of in seeds:
            one.shares.append((outside[of], f"{seeds[of][0]}, which comes from outside,"))
    space = run.values | (known or {}) | dict(seeds.values())
    return _judge(typed, wanted, space)


def tangents(
    typed: str, forward: str, given: dict, moves: dict[str, np.ndarray], functions=None
) -> bool:
    """Judge motions and print a sentence for each line; whether all are right.

    forward  the lines that were computed; given  what they start from
    moves    name: motion of those that move; `X_dot` is the motion of X
    """
    run = Forward(forward, given, functions)
    moving, wanted = dict(moves), {}
    for line in run.lines:
        moving[line.name] = run.motion(moves, line.name)
        one = wanted[f"{line.name}_dot"] = Wanted(moving[line.name], line.name)
        for name in sorted(names_in(line.tree) & set(moving) - {line.name}):
            one.shares.append((run.motion(moving, line.name, name), f"the motion of {name}"))
    space = run.values | {f"{name}_dot": move for name, move in moves.items()}
    return _judge(typed, wanted, space)


def _judge(typed: str, wanted: dict[str, Wanted], space: dict) -> bool:
    try:
        lines = read(typed)
    except Unclear as error:
        print(f"{error}.")
        return False
    if not any(line.tree for line in lines):
        print(EMPTY)
        return False
    space = space | {name: one.value for name, one in wanted.items()}
    with np.errstate(all="ignore"):
        said = {line.name: _verdict(line, lines, wanted, space) for line in lines}
    for number, (name, verdict) in enumerate(said.items(), 1):
        print(f"line {number}, {name}: {verdict or 'right'}.")
    missing = [name for name in wanted if name not in said]
    print("".join(f"{name}: no line gives it yet.\n" for name in missing), end="")
    return not missing and not any(said.values())


def _verdict(line: Line, lines: list[Line], wanted: dict[str, Wanted], space: dict) -> str:
    """What is wrong with a line, or nothing."""
    if line.name not in wanted:
        return f"is not asked for; wanted are {', '.join(wanted)}"
    if line.tree is None:
        return "nothing is written yet"
    one = wanted[line.name]
    later = {other.name for other in lines if other.number > line.number}
    if early := later & names_in(line.tree):
        return f"{min(early)} is used before its own line"
    try:
        found = value(line.tree, {name: held for name, held in space.items() if name != line.name})
    except Unclear as error:
        return str(error)
    if np.shape(found) not in ((), one.value.shape):
        return f"it has shape {np.shape(found)}, but {one.of} has {one.value.shape}"
    return _differs(line, np.broadcast_to(found, one.value.shape), one, space)


def _differs(line, found, one, space) -> str:
    """How a value differs from what is wanted; what is missing, where exactly one share explains
    it."""
    size = max(1.0, float(np.abs(one.value).max(initial=0)))

    def same(a, b):
        return bool(np.isfinite(a).all() and np.abs(a - b).max(initial=0) <= NEAR * size)

    if same(found, one.value):
        return ""
    slips = []
    for share, what in one.shares:
        slips += [(one.value - share, f"{what} is missing")]
        slips += [(one.value - 2 * share, f"{what} has the wrong sign")]
        slips += [(one.value + share, f"{what} is counted twice")]
    explained = {text for wrong, text in slips if same(found, wrong) and not same(wrong, one.value)}
    off = np.abs(found - one.value)
    at = np.unravel_index(int(np.argmax(np.where(np.isfinite(off), off, np.inf))), off.shape)
    place = f"[{', '.join(map(str, at))}]" if at else ""
    uses = [name for name in sorted(names_in(line.tree)) if name in space]
    inputs = ", ".join(f"{name}{_at(space[name], at, off.shape)}" for name in uses)
    text = (
        f"{line.name}{place} is {found[at]:.4g} by your line and {one.value[at]:.4g} by differences"
    )
    text += f", at {inputs}" if inputs else ""
    return f"{explained.pop()} ({text})" if len(explained) == 1 else text


def _at(held, at, shape) -> str:
    """An input as it stands at the place that differs; the whole shape where it has another."""
    held = np.asarray(held)
    if held.ndim == 0:
        return f" = {held:.4g}"
    if held.shape == shape:
        return f"[{', '.join(map(str, at))}] = {held[at]:.4g}"
    return f" of shape {held.shape}"
