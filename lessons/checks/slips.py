"""Single slips that a solution invites: a sign, a factor, a name, a bound, an order, each as a
changed syntax tree; and the lines in which two trees differ."""

import ast
import copy
import itertools

NAMES = "Add Sub Mult Div FloorDiv LShift RShift BitAnd BitOr GtE Gt Lt LtE Eq NotEq".split()
SIGNS = dict(zip((getattr(ast, n) for n in NAMES), "+ - * / // << >> & | >= > < <= == !=".split()))
PAIRS = (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.LShift, ast.RShift), (ast.BitAnd, ast.BitOr)
OPPOSITE = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])} | {ast.FloorDiv: ast.Div}
COMPARED = {a: (b, c) for a, b, c in ((ast.GtE, ast.Gt, ast.Lt), (ast.Gt, ast.GtE, ast.Lt))}
COMPARED |= {a: (b, c) for a, b, c in ((ast.LtE, ast.Lt, ast.Gt), (ast.Lt, ast.LtE, ast.Gt))}
COMPARED |= {ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,)}
MISSING = {ast.Pow: "the power", ast.Mod: "the rest by"}
MISSING |= {ast.LShift: "the shift by", ast.RShift: "the shift by"}
FACTORS = ast.Mult, ast.Div, ast.FloorDiv, ast.MatMult, ast.BitAnd
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
UNDONE = {
    "is missing": "is too much",
    "is left out": "is too much",
    "stands without": "stands, and should not, in",
    "runs backwards": "runs in the wrong order",
}
LINES = ast.Assign | ast.AugAssign | ast.Return
STATEMENTS = ast.Assign | ast.AugAssign | ast.Return | ast.For | ast.If | ast.While | ast.Expr
PLACES = ast.Name | ast.Attribute | ast.Subscript


def _atoms(tree) -> list[str]:
    """Names, attributes and entries that the solution computes with."""
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [
        ast.unparse(n)
        for n in ast.walk(tree)
        if isinstance(n, PLACES) and isinstance(getattr(n, "ctx", None), ast.Load)
    ]
    return [
        one
        for one in dict.fromkeys(found)
        if one not in called and not one.startswith("np") and len(one) < 24
    ]


def slips(tree, line=None):
    """(what was done, the changed tree) for every slip that this solution invites, in one line or in
    all of them."""
    atoms = _atoms(tree)
    for signs in (True, False):  # a sign first: other slips may do the same to odd functions
        for statement, node in _places(tree, line):
            for what, new in _changes(node):
                if what.startswith(("+ ", "- ")) == signs:
                    yield f"{what}, in {where(statement)}", _with(tree, node, new)
    for statement, node in _places(tree, line):
        if isinstance(node, PLACES) and (text := ast.unparse(node)) in atoms:
            for other in ["0", "1", f"(1 - {text})", *(one for one in atoms if one != text)]:
                new = ast.parse(other, mode="eval").body
                said = f"`{other.strip('()')}` in place of `{text}`, in {where(statement)}"
                yield said, _with(tree, node, new)
    whole = [line] if line else ast.walk(tree)
    for statement in [n for n in whole if isinstance(n, ast.Assign | ast.Return)]:
        parts = [n for n in ast.walk(statement.value) if isinstance(n, ast.Name | ast.Attribute)]
        for text in [one for one in dict.fromkeys(map(ast.unparse, parts)) if one in atoms]:
            head, _, last = text.rpartition(".")
            kin = [f"{head}.{one}" for group in KIN if head and last in group for one in group]
            others = [one for one in atoms if "[" not in one] + [*kin, f"(1 - {text})"]
            for other in [one for one in others if one != text]:
                said = f"`{other.strip('()')}` stands everywhere in place of `{text}`"
                changed = _everywhere(tree, statement, text, other)
                yield f"{said}, in {where(statement)}", changed


def differing(own, solution):
    """(a line of a student's function, the solution's for the same name, the function with that) for
    each line that differs; one of several."""
    mine, right = (
        [one for one in ast.walk(tree) if isinstance(one, LINES)] for tree in (own, solution)
    )
    for one, line in itertools.product(mine, right) if len(mine) > 1 else ():
        same = where(one).partition("[")[0].strip("`") == where(line).partition("[")[0].strip("`")
        if isinstance(getattr(one, "value", None), ast.Name) and isinstance(one, ast.Return):
            continue  # what it returns was made in other lines
        if same and ast.unparse(one) != ast.unparse(line):
            yield one, line, _with(own, one, line)


def mended(said: str) -> str:
    """The slip that is undone by what `slips` says."""
    done, _, place = said.rpartition(", in ")
    new, between, old = done.partition(" in place of ")
    if between:
        old, *before = old.split(" before ")
        new, everywhere, _ = new.partition(" stands everywhere")
        done = f"{old}{everywhere}{between}{new}{''.join(f' before {one}' for one in before)}"
    for what, slip in UNDONE.items():
        done = done.replace(what, slip)
    return f"{done}, in {place}"


def _places(tree, line):
    for statement in ast.walk(tree):
        if isinstance(statement, STATEMENTS) and line in (None, statement):
            for field in ("value", "iter", "test"):
                part = getattr(statement, field, None)
                if field == "test" and part and "'" in ast.unparse(part):
                    continue  # a word has no near one
                if isinstance(part, ast.expr):
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
            yield (
                f"{SIGNS[OPPOSITE[kind]]} in place of {SIGNS[kind]} before `{text(b)}`",
                ast.BinOp(a, OPPOSITE[kind](), b),
            )
        if kind in (ast.Add, ast.Sub):
            yield f"the term `{text(b)}` is missing", a
            yield (
                f"the term `{text(a)}` is missing",
                b if kind is ast.Add else ast.UnaryOp(ast.USub(), b),
            )
            if kind is ast.Sub:
                yield f"`{text(b)}` in place of `{text(node)}`", b
                yield f"`{text(a)}` and `{text(b)}` are exchanged", ast.BinOp(b, ast.Sub(), a)
        elif kind in FACTORS or kind in MISSING:
            yield f"{MISSING.get(kind, 'the factor')} `{text(b)}` is missing", a
            if kind in (ast.Mult, ast.MatMult, ast.BitAnd):
                yield f"the factor `{text(a)}` is missing", b
            if kind in (ast.Div, ast.FloorDiv, ast.MatMult):
                yield f"`{text(a)}` and `{text(b)}` are exchanged", ast.BinOp(b, node.op, a)
    elif isinstance(node, ast.UnaryOp):
        yield f"`{text(node.operand)}` in place of `{text(node)}`", node.operand
    elif isinstance(node, ast.Compare):
        for other in COMPARED.get(type(node.ops[0]), ()):
            said = f"{SIGNS[other]} in place of {SIGNS[type(node.ops[0])]}"
            new = ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
            yield f"{said} before `{text(node.comparators[0])}`", new
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in dict.fromkeys((node.value + 1, node.value - 1, 2 * node.value)):
            if value != node.value:
                yield f"{value:g} in place of {node.value:g}", ast.Constant(value)
    elif isinstance(node, ast.Attribute | ast.Name):
        name = node.attr if isinstance(node, ast.Attribute) else node.id
        for other in [one for kin in KIN if name in kin for one in kin if one != name]:
            new = (
                ast.Attribute(node.value, other, ast.Load())
                if isinstance(node, ast.Attribute)
                else ast.Name(other, ast.Load())
            )
            yield f"`{text(new)}` in place of `{text(node)}`", new
    elif isinstance(node, ast.Call):
        if text(node.func) == "range" and len(node.args) == 1:
            end = node.args[0]
            shorter = ast.BinOp(end, ast.Sub(), ast.Constant(1))
            late = ast.Constant(1)
            yield "the largest index is left out", ast.Call(node.func, [shorter], [])
            yield "index 0 is left out", ast.Call(node.func, [late, end], [])
            yield "the loop runs backwards", ast.Call(ast.Name("reversed", ast.Load()), [node], [])
        if len(node.args) and not node.keywords:
            yield f"`{text(node.args[0])}` stands without `{text(node.func)}`", node.args[0]
        for k, keyword in enumerate(node.keywords):
            rest = node.keywords[:k] + node.keywords[k + 1 :]
            yield f"`{text(keyword)}` is left out", ast.Call(node.func, node.args, rest)
        if len(node.args) > 1:
            a, b, *rest = node.args
            new = ast.Call(node.func, [b, a, *rest], node.keywords)
            yield f"`{text(a)}` and `{text(b)}` are exchanged", new
    elif isinstance(node, ast.Subscript):
        places = []
        if isinstance(node.slice, ast.Name):
            places = [ast.BinOp(node.slice, op, ast.Constant(1)) for op in (ast.Add(), ast.Sub())]
        elif isinstance(getattr(node.slice, "left", None), ast.Name):
            places = [node.slice.left]
        for place in places:
            new = ast.Subscript(node.value, place, ast.Load())
            yield f"`{text(new)}` in place of `{text(node)}`", new
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1:
        a, b, *rest = node.elts
        new = ast.Tuple([b, a, *rest], ast.Load())
        yield f"`{text(a)}` and `{text(b)}` are exchanged", new
    elif isinstance(node, ast.IfExp):
        yield f"always `{text(node.body)}`", node.body
        yield f"always `{text(node.orelse)}`", node.orelse
    elif isinstance(node, ast.AugAssign):
        yield "= in place of += or -=", ast.Assign([node.target], node.value)
        if type(node.op) in (ast.Add, ast.Sub):
            new = ast.AugAssign(node.target, OPPOSITE[type(node.op)](), node.value)
            yield "the sign is exchanged", new


def where(statement) -> str:
    if isinstance(statement, ast.Assign):
        return f"the line for `{ast.unparse(statement.targets[0])}`"
    if isinstance(statement, ast.AugAssign):
        return f"the line for `{ast.unparse(statement.target)}`"
    kinds = {
        ast.Return: "what is returned",
        ast.For: "the loop's head",
        ast.If: "the `if`",
        ast.While: "the loop's condition",
    }
    return kinds.get(type(statement), f"`{ast.unparse(statement).splitlines()[0]}`")


def _with(tree, node, new):
    """A copy of the tree in which `new` stands in the place of `node`."""

    class Swap(ast.NodeTransformer):
        def visit(self, one):
            return copy.deepcopy(new) if one is node else self.generic_visit(_shallow(one))

    return Swap().visit(tree)


def _everywhere(tree, statement, text, other):
    """A copy of the tree in which the expression `text` is another one everywhere in a statement's
    value."""

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
