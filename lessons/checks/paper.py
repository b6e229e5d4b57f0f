"""Derivations on paper: lines that a student types, each judged by itself against differences.

`adjoints` takes the adjoint of every forward line (`du = dy + sigma_prime(u - threshold) * ds`),
`tangents` the motions (`u_dot = I_dot - rho * r_dot`). A line is computed on random arrays from the
right values of whatever stands on its right, so that one slip is counted once.
"""

import ast
import contextlib
import itertools
import math
import operator
from typing import NamedTuple

import numpy as np

from . import surrogate
from .slips import mended, slips

STEP, NEAR = 1e-5, 1e-6  # of differences; what still counts as equal
EMPTY = "Write your lines behind the equals signs and run this cell: each is judged by itself."
SLOPE = 4.0  # kappa, where a line names none
GREEK = str.maketrans(
    {"α": "alpha", "β": "beta", "γ": "gamma", "ρ": "rho", "θ": "theta", "λ": "lam"}
)
FUNCTIONS = {
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sum": np.sum,
    "step": surrogate.step,
    "sigma_prime": lambda a, slope=SLOPE: surrogate.sigma_prime(a, slope),
    "sigma_second": lambda a, slope=SLOPE: surrogate.sigma_second(a, slope),
}

OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Call: operator.call,
    ast.Attribute: np.transpose,
}


class Unclear(ValueError):
    """A line that is none of a derivation; its text says why."""


class Line(NamedTuple):
    """`name = text`, the names on its right, and its syntax tree; `text` is empty where nothing is
    written."""

    number: int
    name: str
    text: str
    uses: set[str]
    tree: ast.expr


class Wanted(NamedTuple):
    """What a line must give: the value, what it is the adjoint or motion of, and its shares, each
    with the words for where it comes from."""

    value: np.ndarray
    of: str
    shares: list[tuple[np.ndarray, str]]


def read(text: str) -> list[Line]:
    """The lines of a derivation. Raises Unclear."""
    found = []
    rows = [row.split("#")[0].strip() for row in text.splitlines()]
    for number, row in enumerate([row for row in rows if row], 1):
        name, equals, term = (part.strip() for part in row.translate(GREEK).partition("="))
        if not equals or not name.isidentifier():
            raise Unclear(f"line {number} is `{row}`; expected a name, an equals sign and a term")
        try:
            tree = ast.parse(term or "0", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            text = f"`{term}` is no term: a bracket or a sign is missing"
            raise Unclear(f"line {number}: {text}") from None
        uses = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        found.append(Line(number, name, term, uses, tree))
    return found


def value(line: Line, space: dict, functions: dict = FUNCTIONS) -> np.ndarray:
    """A line's term on the values of `space`. Raises Unclear."""
    if unknown := line.uses - set(space | functions):
        raise Unclear(f"{min(unknown)} is no name here; there are {', '.join(sorted(space))}")
    try:
        with np.errstate(all="ignore"):
            return np.asarray(_computed(line.tree, functions | space), float)
    except Exception as error:
        raise Unclear(f"`{line.text}` stopped with {type(error).__name__}: {error}") from None


def _computed(node, space: dict):
    """Compute a term from its syntax tree. Raises ValueError for anything but arithmetic."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return space[node.id]
    kind = type(getattr(node, "op", node))
    odd = getattr(node, "attr", "T") != "T" or getattr(node, "keywords", ())
    if odd or kind not in OPERATIONS:
        raise ValueError("expected names, numbers, brackets, + - * / ** @, functions and .T")
    parts = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
    return OPERATIONS[kind](*[_computed(one, space) for one in parts])


class Forward:
    """Forward lines that can be run again with one value pushed; spikes are the parabolas around
    the first run (lesson 2)."""

    def __init__(self, text: str, given: dict, functions: dict | None = None):
        self.lines, self.given = read(text), given
        self.more = functions or {}
        self.touched = {}
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
            space[line.name] = value(line, seen, FUNCTIONS | self.more | {"spike": spike})
            if pushed == line.name and not only:
                space[pushed] = space[pushed] + by
        return space

    def _spike(self, number: int, a):
        a0 = self.touched.setdefault(number, a)
        return surrogate.jet(a, a0, SLOPE)

    def blame(self, name: str, seeds: dict, only: int = 0) -> np.ndarray:
        """dL/d`name` by central differences; L sums the products of values and their seeds. With
        `only`, the share of one line, whose result's own adjoint is `seeds`' single entry."""

        def loss(by):
            found = self.run(name, by, only)
            return sum(np.sum(seed * found[of]) for of, seed in seeds.items())

        at = np.array(self.values[name], float)
        pushes = STEP * np.eye(at.size).reshape(at.size, *at.shape)
        found = [(loss(push) - loss(-push)) / (2 * STEP) for push in pushes]
        return np.reshape(found, at.shape)

    def motion(self, moves: dict, of: str, through: str = "") -> np.ndarray:
        """How `of` moves along `moves`, by central differences; with `through`, as only its own
        line sees that name move."""
        number = next(line.number for line in self.lines if line.name == of)
        before, ends = self.given, []
        for h in (STEP, -STEP):
            if through:
                ends.append(self.run(through, h * moves[through], number)[of])
                continue
            moved = {name: before[name] + h * moves[name] for name in moves.keys() & before.keys()}
            self.given = before | moved
            ends.append(self.run()[of])
            self.given = before
        return (ends[0] - ends[1]) / (2 * STEP)


def adjoints(
    typed: str,
    forward: str,
    given: dict,
    seeds: dict[str, tuple[str, np.ndarray]],
    names: dict[str, str],
    functions: dict | None = None,
    known: dict | None = None,
) -> bool:
    """Judge adjoints and print a sentence for each line; True if all are right.

    forward    the lines that were computed, in their order
    given      what they start from, arrays and constants by name
    seeds      forward name: (name, value) of the adjoint that comes from outside
    names      forward name: the name of its adjoint, for all that are wanted
    functions  what forward lines may call besides; known: names for the student only
    """
    run = Forward(forward, given, functions)
    outside = {of: seed for of, (_, seed) in seeds.items()}
    whole = {of: run.blame(of, outside) for of in names}
    wanted = {}
    for of, name in names.items():
        shares = []
        for line in [line for line in run.lines if of in line.uses]:
            after = whole.get(line.name, outside.get(line.name))
            share = run.blame(of, {line.name: after}, line.number)
            shares.append((share, f"what comes back through `{line.name} = {line.text}`"))
        if of in seeds:
            shares.append((outside[of], f"{seeds[of][0]}, which comes from outside,"))
        wanted[name] = Wanted(whole[of], of, shares)
    space = run.values | (known or {}) | dict(seeds.values())
    calls = [n for line in run.lines for n in ast.walk(line.tree) if isinstance(n, ast.Call)]
    for one in [call.args[0] for call in calls if ast.unparse(call.func) == "spike"]:
        slope = surrogate.sigma_prime(_computed(one, run.values), SLOPE)
        space[f"sigma_prime({ast.unparse(one)})"] = slope
    return _judge(typed, wanted, space)


def tangents(typed: str, forward: str, given: dict, moves: dict[str, np.ndarray]) -> bool:
    """Judge motions and print a sentence for each line; True if all are right.

    forward  the lines that were computed; given  what they start from
    moves    name: motion of those that move; `X_dot` is the motion of X
    """
    run = Forward(forward, given)
    moving = dict(moves)
    wanted = {}
    for line in run.lines:
        moving[line.name] = run.motion(moves, line.name)
        names = sorted(line.uses & moving.keys())
        shares = [(run.motion(moving, line.name, one), f"the motion of {one}") for one in names]
        wanted[f"{line.name}_dot"] = Wanted(moving[line.name], line.name, shares)
    space = run.values | {f"{name}_dot": move for name, move in moves.items()}
    return _judge(typed, wanted, space)


def _judge(typed: str, wanted: dict[str, Wanted], space: dict) -> bool:
    try:
        lines = read(typed)
    except Unclear as error:
        print(f"{error}.")
        return False
    if not any(line.text for line in lines):
        print(EMPTY)
        return False
    space = space | {name: one.value for name, one in wanted.items()}
    verdicts = {line.name: _verdict(line, lines, wanted, space) for line in lines}
    for number, (name, verdict) in enumerate(verdicts.items(), 1):
        print(f"line {number}, {name}: {verdict or 'right'}.")
    missing = [name for name in wanted if name not in verdicts]
    print("".join(f"{name}: no line gives it yet.\n" for name in missing), end="")
    return not missing and not any(verdicts.values())


def _verdict(line: Line, lines: list[Line], wanted: dict[str, Wanted], space: dict) -> str:
    """What is wrong with a line; "" if nothing is."""
    if line.name not in wanted:
        return f"is not asked for; wanted are {', '.join(wanted)}"
    if not line.text:
        return "nothing is written yet"
    one = wanted[line.name]
    if early := line.uses & {other.name for other in lines if other.number > line.number}:
        return f"{min(early)} is used before its own line"
    try:
        found = value(line, {name: held for name, held in space.items() if name != line.name})
    except Unclear as error:
        return str(error)
    if found.shape not in ((), one.value.shape):
        return f"it has shape {found.shape}, but {one.of} has {one.value.shape}"
    return _difference(line, np.broadcast_to(found, one.value.shape), one, space)


def _difference(line, found, one, space) -> str:
    """How a value differs from what is wanted; what is missing, where exactly one share explains
    it."""
    size = max(1.0, float(np.abs(one.value).max(initial=0)))

    def same(a, b):
        return bool(np.isfinite(a).all() and np.abs(a - b).max(initial=0) <= NEAR * size)

    if same(found, one.value):
        return ""
    claims = []
    factors = space | {f"1 - {name}": 1 - held for name, held in space.items()}
    for share, what in one.shares:
        claims += [(one.value - share, f"{what} is missing")]
        claims += [(one.value - 2 * share, f"{what} has the wrong sign")]
        claims += [(one.value + share, f"{what} is counted twice")]
        claims += [
            (one.value - share + share / factor, f"in {what} the factor {name} is missing")
            for name, factor in factors.items()
            if np.shape(factor) in ((), share.shape) and np.all(factor)
        ]
    explained = {
        text for wrong, text in claims if same(found, wrong) and not same(wrong, one.value)
    }
    explained |= {
        f"`{name}` in place of `{other}`"
        for name, other in itertools.product(line.uses & space.keys(), space.keys() - {line.name})
        if np.shape(space[name]) == np.shape(space[other])
        and same(value(line, space | {name: space[other]}), one.value)
    }
    explained = (
        explained or _added(line, found, one, space, same) or _changed(line, one, space, same)
    )
    off = np.nan_to_num(np.abs(found - one.value), nan=np.inf)
    at = np.unravel_index(int(np.argmax(off)), off.shape)
    place = f"[{', '.join(map(str, at))}]" if at else ""
    text = (
        f"{line.name}{place} is {found[at]:.4g} by your line and {one.value[at]:.4g} by differences"
    )
    shown = [
        f"{name}{_at(space[name], at, off.shape)}" for name in sorted(line.uses & space.keys())
    ]
    text += f", at {', '.join(shown)}" if shown else ""
    return f"{explained.pop()} ({text})" if len(explained) == 1 else text


def _added(line, found, one, space, same) -> set[str]:
    """Products of up to three inputs that would make a line right if they were added to it."""
    terms = {
        " * ".join(names): math.prod(space[name] for name in names)
        for names in itertools.chain(*(itertools.combinations(space, n) for n in (1, 2, 3)))
        if all(not np.shape(space[name]) or name in line.uses for name in names)
        and np.broadcast_shapes(*(np.shape(space[name]) for name in names)) == one.value.shape
    }
    return {
        f"`{sign} {term}` added would make it right"
        for term, held in terms.items()
        for sign, more in (("+", held), ("-", -held))
        if same(found + more, one.value)
    }


def _changed(line, one, space, same) -> set[str]:
    """The first change of one part of a line that makes it right."""
    for said, new in slips(ast.parse(f"{line.name} = {line.text}")):
        with contextlib.suppress(Unclear, ValueError):
            if same(value(line._replace(tree=new.body[0].value), space), one.value):
                return {mended(said).rpartition(", in ")[0]}
    return set()


def _at(held, at, shape) -> str:
    """An input at the place that differs; the whole shape where it has another one."""
    held = np.asarray(held)
    if held.ndim == 0:
        return f" = {held:.4g}"
    if held.shape == shape:
        return f"[{', '.join(map(str, at))}] = {held[at]:.4g}"
    return f" of shape {held.shape}"
