"""What a wrong answer most likely did: the course's solution with one slip that gives the very same values.

`answer` notes every call; where no named mistake fits, the slips of `_slips` are made in the solution
one after the other (a sign, a factor, a name, a bound, an order), run on the same arguments, and compared with what the
student's function returned.
"""

import ast
import copy
import sys
import time
import warnings
from collections import deque

import numpy as np

from .solutions import SOLUTIONS

SECONDS = 3.0  # of processor time, to look for the slip
LINES, BITS = 50_000, 4096  # that a slip may run, and that its whole numbers may grow to
_calls: deque = deque(maxlen=12)  # (exercise, function, arguments, what it returned)
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div}
OPPOSITE |= {ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr}
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.LShift: "<<", ast.RShift: ">>"}
SIGNS |= {
    ast.GtE: ">=",
    ast.Gt: ">",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}
COMPARED = {ast.GtE: (ast.Gt, ast.Lt), ast.Gt: (ast.GtE, ast.Lt), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt)}
COMPARED |= {ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,)}
KIN = (
    ("alpha", "beta", "gamma"),
    ("rho", "gamma", "slope", "threshold"),
    ("sigma_prime", "sigma_second"),
    ("x_support", "x_query"),
    ("y_support", "y_query"),
    ("mean", "sum", "max"),
    ("argmax", "argmin"),
    ("max", "min"),
    ("minimum", "maximum"),
    ("std", "var"),
    ("floor", "ceil"),
    ("zeros", "ones"),
)


def _atoms(tree) -> list[str]:
    """Names, attributes and entries that the solution computes with."""
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    kinds = ast.Name | ast.Attribute | ast.Subscript
    found = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, kinds) and isinstance(getattr(n, "ctx", None), ast.Load)]
    return [one for one in dict.fromkeys(found) if one not in called and not one.startswith("np") and len(one) < 24]


def note(exercise: str, function, arguments, found) -> None:
    """Keep a call for `slip`."""
    _calls.append((exercise, function, arguments, found))


def slip(exercise: str) -> str:
    """The slip that explains the last function's answers, as a sentence; "" where none does."""
    mine = [call for call in _calls if call[0] == exercise]
    calls = [call for call in mine if call[1] is mine[-1][1]] if mine else []
    if not calls or exercise not in SOLUTIONS:
        return ""
    end, tree = time.process_time() + SECONDS, ast.parse(SOLUTIONS[exercise])
    space = dict(getattr(calls[0][1], "__globals__", {}))
    if plain := _plain(calls[-1][3], exercise, space, calls[-1][2]):
        return plain
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for what, changed in _slips(tree):
            if time.process_time() > end:
                return ""
            if _explains(changed, space, calls):
                return _said(what)
    return ""


def _plain(found, exercise, space, arguments) -> str:
    """What can be seen from the values alone: a factor, a sign, a shift in time, an order."""
    try:
        exec(SOLUTIONS[exercise], space := dict(space))
        names = [node.name for node in ast.parse(SOLUTIONS[exercise]).body if isinstance(node, ast.FunctionDef)]
        wanted = space[names[0]](*copy.deepcopy(arguments))
        if isinstance(wanted, tuple):
            return ""
        found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    except Exception:
        return ""
    if found.shape != wanted.shape or not wanted.size or not np.isfinite(found).all():
        return ""
    size, top = np.abs(wanted).max(), np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
    if (
        size
        and np.allclose(found, wanted * (factor := found[top] / wanted[top]), 1e-9, 1e-12 * size)
        and abs(factor - 1) > 1e-9
    ):
        if abs(factor) < 1e-12:
            return "all your values are 0: what you computed is not what you return, or it was never written"
        return f"all your values are {factor:.4g} times what they should be: a factor is missing, or one is too many"
    if wanted.ndim == 1 and len(wanted) > 3 and np.ptp(wanted) > 0:
        for off, text in ((1, "late"), (-1, "early"), (2, "late"), (-2, "early")):
            a, b = (found[off:], wanted[:-off]) if off > 0 else (found[:off], wanted[-off:])
            if np.allclose(a, b, 1e-9, 1e-12) and np.ptp(b) > 0:
                return f"your values come {abs(off)} step{'s' * (abs(off) > 1)} too {text}"
        if np.allclose(found[::-1], wanted, 1e-9, 1e-12):
            return "your values stand in the reverse order"
    if wanted.size > 1 and np.ptp(gap := found - wanted) < 1e-9 * max(size, 1) and size:
        return f"all your values are off by the same {gap.flat[0]:+.4g}: a term is missing, or one is too many"
    return ""


def _said(what: str) -> str:
    return f"your values are those of a function that is right but for this: {what}"


def _explains(tree, space, calls) -> bool:
    function_space = dict(space)
    try:
        exec(compile(ast.fix_missing_locations(tree), "<slip>", "exec"), function_space)
        function = function_space[next(n.name for n in tree.body if isinstance(n, ast.FunctionDef))]
        with np.errstate(all="ignore"):
            return all(_same(function, arguments, found) for _, _, arguments, found in calls[-3:])
    except Exception:
        return False


def _same(function, arguments, found) -> bool:
    if not isinstance(found, Exception):
        return _equal(_limited(function, copy.deepcopy(arguments)), found)
    try:
        _limited(function, copy.deepcopy(arguments))
    except Exception as error:
        return (type(error), str(error)) == (type(found), str(found))
    return False


def _limited(function, arguments):
    """The function's value; TimeoutError where a slip made its loop endless."""
    lines = 0

    def count(frame, *_):
        nonlocal lines
        if frame.f_code.co_filename != "<slip>":
            return None
        lines += 1
        last = [one[-1] if isinstance(one, list) and one else one for one in frame.f_locals.values()]
        if lines > LINES or any(isinstance(one, int) and one.bit_length() > BITS for one in last):
            raise TimeoutError("a slip that never ends")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)


def _equal(one, other) -> bool:
    one, other = (x if isinstance(x, tuple) else (x,) for x in (one, other))
    if len(one) != len(other):
        return False
    for a, b in zip(one, other):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or not np.allclose(a.astype(float), b.astype(float), 1e-9, 1e-12, equal_nan=True):
            return False
    return True


def _slips(tree):
    """(what was done, the changed tree) for every slip that this solution invites."""
    atoms = _atoms(tree)
    for statement, node in _places(tree):
        for what, new in _changes(node):
            yield f"{what}, in {_where(statement)}", _with(tree, node, new)
    for statement, node in _places(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and (text := ast.unparse(node)) in atoms:
            for other in [one for one in atoms if one != text] + ["0.0", "1.0", f"(1 - {text})", f"{text} ** 2"]:
                new = ast.parse(other, mode="eval").body
                yield f"`{other.strip('()')}` in place of `{text}`, in {_where(statement)}", _with(tree, node, new)
    for statement in [n for n in ast.walk(tree) if isinstance(n, ast.Assign | ast.Return)]:
        inside = [ast.unparse(n) for n in ast.walk(statement.value) if isinstance(n, ast.Name | ast.Attribute)]
        for text in [one for one in dict.fromkeys(inside) if one in atoms]:
            head, _, last = text.rpartition(".")
            kin = [f"{head}.{one}" for group in KIN if head and last in group for one in group if one != last]
            for other in [one for one in atoms if one != text and "[" not in one] + [*kin, f"(1 - {text})"]:
                changed = _everywhere(tree, statement, text, other)
                yield f"`{other.strip('()')}` stands everywhere in place of `{text}`, in {_where(statement)}", changed
    for block in [n.body for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.For | ast.While | ast.If)]:
        for k in range(len(block) - 1):
            changed = copy.deepcopy(tree)
            other = _twin(tree, changed, block)
            other[k], other[k + 1] = other[k + 1], other[k]
            yield f"{_where(block[k])} comes after {_where(block[k + 1])}", changed
        for k in range(len(block)):
            if isinstance(block[k], ast.Assign | ast.AugAssign | ast.If) and len(block) > 1:
                changed = copy.deepcopy(tree)
                _twin(tree, changed, block).pop(k)
                yield f"{_where(block[k])} is left out", changed


def _places(tree):
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.For | ast.If | ast.While | ast.Expr):
            for field in ("value", "iter", "test"):
                if isinstance(part := getattr(statement, field, None), ast.expr):
                    for node in ast.walk(part):
                        yield statement, node
            if isinstance(statement, ast.AugAssign):
                yield statement, statement


def _changes(node):
    text = ast.unparse
    if isinstance(node, ast.BinOp):
        kind = type(node.op)
        a, b = node.left, node.right
        if kind in OPPOSITE:
            yield f"{SIGNS[OPPOSITE[kind]]} in place of {SIGNS[kind]} before `{text(b)}`", ast.BinOp(a, OPPOSITE[kind](), b)
        if kind in (ast.Add, ast.Sub) and isinstance(a, ast.BinOp) and isinstance(a.op, ast.Mult):
            new = ast.BinOp(a.left, ast.Mult(), ast.BinOp(a.right, node.op, b))
            yield f"`{text(a.left)}` multiplies `{text(b)}` too: a product comes before a sum", new
        if kind in (ast.Add, ast.Sub):
            yield f"the term `{text(b)}` is missing", a
            yield f"the term `{text(a)}` is missing", b if kind is ast.Add else ast.UnaryOp(ast.USub(), b)
            if kind is ast.Sub:
                yield f"`{text(a)}` and `{text(b)}` are exchanged", ast.BinOp(b, ast.Sub(), a)
        elif kind in (ast.Mult, ast.Div, ast.FloorDiv, ast.MatMult, ast.Pow, ast.LShift, ast.RShift, ast.Mod, ast.BitAnd):
            name = {ast.Pow: "the power", ast.LShift: "the shift by", ast.RShift: "the shift by", ast.Mod: "the rest by"}
            yield f"{name.get(kind, 'the factor')} `{text(b)}` is missing", a
            if kind in (ast.Mult, ast.MatMult, ast.BitAnd):
                yield f"the factor `{text(a)}` is missing", b
            if kind in (ast.Div, ast.FloorDiv, ast.MatMult):
                yield f"`{text(a)}` and `{text(b)}` are exchanged", ast.BinOp(b, node.op, a)
    elif isinstance(node, ast.UnaryOp):
        yield f"`{text(node.operand)}` in place of `{text(node)}`", node.operand
    elif isinstance(node, ast.Compare):
        for other in COMPARED.get(type(node.ops[0]), ()):
            said = f"{SIGNS[other]} in place of {SIGNS[type(node.ops[0])]} before `{text(node.comparators[0])}`"
            yield said, ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in dict.fromkeys(
            (node.value + 1, node.value - 1, 2 * node.value, node.value / 2 if node.value % 2 else node.value // 2)
        ):
            if value != node.value:
                yield f"{value:g} in place of {node.value:g}", ast.Constant(value)
    elif isinstance(node, ast.Attribute | ast.Name):
        name = node.attr if isinstance(node, ast.Attribute) else node.id
        for other in [one for kin in KIN if name in kin for one in kin if one != name]:
            new = (
                ast.Attribute(node.value, other, ast.Load()) if isinstance(node, ast.Attribute) else ast.Name(other, ast.Load())
            )
            yield f"`{text(new)}` in place of `{text(node)}`", new
    elif isinstance(node, ast.Call):
        if text(node.func) == "range" and len(node.args) == 1:
            end = node.args[0]
            shorter, late = ast.BinOp(end, ast.Sub(), ast.Constant(1)), ast.Constant(1)
            yield "the loop ends one turn early", ast.Call(node.func, [shorter], [])
            yield "the loop begins one turn late", ast.Call(node.func, [late, end], [])
            yield "the loop runs backwards", ast.Call(ast.Name("reversed", ast.Load()), [node], [])
        if len(node.args) and not node.keywords:
            yield f"`{text(node.args[0])}` stands without `{text(node.func)}`", node.args[0]
        if isinstance(node.func, ast.Attribute):
            yield f"`.{node.func.attr}(...)` is missing behind `{text(node.func.value)}`", node.func.value
        for k, keyword in enumerate(node.keywords):
            yield f"`{text(keyword)}` is left out", ast.Call(node.func, node.args, node.keywords[:k] + node.keywords[k + 1 :])
        if len(node.args) > 1:
            yield (
                f"`{text(node.args[0])}` and `{text(node.args[1])}` are exchanged",
                ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords),
            )
    elif isinstance(node, ast.Subscript):
        if isinstance(node.slice, ast.Name):
            for sign, op in (("+", ast.Add()), ("-", ast.Sub())):
                new = ast.Subscript(node.value, ast.BinOp(node.slice, op, ast.Constant(1)), ast.Load())
                yield f"`{text(node.value)}` is taken one place off, at `{text(node.slice)} {sign} 1`", new
        yield f"`{text(node.value)}` as a whole in place of `{text(node)}`", node.value
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1:
        yield (
            f"`{text(node.elts[0])}` and `{text(node.elts[1])}` are exchanged",
            ast.Tuple([node.elts[1], node.elts[0], *node.elts[2:]], ast.Load()),
        )
    elif isinstance(node, ast.IfExp):
        yield f"always `{text(node.body)}`", node.body
        yield f"always `{text(node.orelse)}`", node.orelse
    elif isinstance(node, ast.AugAssign):
        yield "= in place of += or -=", ast.Assign([node.target], node.value)
        if type(node.op) in (ast.Add, ast.Sub):
            yield "the sign is exchanged", ast.AugAssign(node.target, OPPOSITE[type(node.op)](), node.value)


def _where(statement) -> str:
    if isinstance(statement, ast.Assign):
        return f"the line for `{ast.unparse(statement.targets[0])}`"
    if isinstance(statement, ast.AugAssign):
        return f"the line for `{ast.unparse(statement.target)}`"
    kinds = {ast.Return: "what is returned", ast.For: "the loop's head", ast.If: "the `if`", ast.While: "the loop's condition"}
    return kinds.get(type(statement), f"`{ast.unparse(statement).splitlines()[0]}`")


def _with(tree, node, new):
    """A copy of the tree in which `new` stands in the place of `node`."""

    class Swap(ast.NodeTransformer):
        def visit(self, one):
            return copy.deepcopy(new) if one is node else self.generic_visit(_shallow(one))

    return Swap().visit(tree)


def _everywhere(tree, statement, text, other):
    """A copy of the tree in which the expression `text` is another one everywhere in a statement's value."""

    class Swap(ast.NodeTransformer):
        def generic_visit(self, one):
            if isinstance(one, ast.expr) and ast.unparse(one) == text:
                return ast.parse(other, mode="eval").body
            return super().generic_visit(_shallow(one))

    value = Swap().visit(statement.value)
    return _with(tree, statement.value, value)


def _shallow(node):
    made = copy.copy(node)
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            setattr(made, field, list(value))
    return made


def _twin(tree, changed, block):
    """The block of the copy `changed` that stands where `block` stands in the tree."""
    for one, other in zip(ast.walk(tree), ast.walk(changed)):
        if getattr(one, "body", None) is block:
            return other.body
    raise ValueError("the block is not of this tree")
