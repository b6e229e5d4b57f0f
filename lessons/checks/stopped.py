"""What an error that a student's function stopped with means, and where: the arrays of the failing
line with their shapes."""

import difflib
import re

import numpy as np

MEANT = (
    (
        r"could not broadcast input array from shape (\(.*?\)) into shape (\(.*?\))",
        "an array of shape {0} is written into a place of shape {1}",
    ),
    (
        r"operands could not be broadcast together with (?:remapped )?shapes (\(.*?\)) (\(.*?\))",
        "arrays of shapes {0} and {1} meet, whose axes do not fit from the last one on: is an axis "
        "transposed or missing?",
    ),
    (
        r"matmul: .*?core dimension.*\(size (\d+) is different from (\d+)\)",
        "`@` sums over the last axis of the left and the last but one of the right: they have {1} "
        "and {0} entries",
    ),
    (
        r"matmul: Input operand (\d) does not have enough dimensions",
        "`@` is for arrays; operand {0} is one number: multiply with *",
    ),
    (
        r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)",
        "entry {0} is asked for, and there are {2} along axis {1}, the last of which is {2} - 1",
    ),
    (
        r"(?:list|tuple) index out of range",
        "an entry behind the last is asked for: count the turns of the loop",
    ),
    (
        r"too many indices for array: array is (\d)-dimensional, but (\d) were indexed",
        "{1} indices for {0} axes",
    ),
    (
        r"The truth value of an array",
        "an `if`, `and`, `not` or `while` asks one question, and an array has many answers: "
        "compare entry by entry "
        "(& | ~, np.where), or index one entry first",
    ),
    (
        r"only (?:length-1|0-dimensional|integer scalar) arrays can be converted|only integer scalar",
        "one number is expected where an array stands: `float`, `int`, `range` and `math` know no "
        "arrays",
    ),
    (
        r"setting an array element with a sequence",
        "one entry is to hold one number, and is given an array: sum it, or index it",
    ),
    (
        r"'(\w+)' object is not subscriptable",
        "[...] asks for an entry of something that is {0}, one thing and no array",
    ),
    (
        r"'(\w+)' object is not callable",
        "(...) calls something that is {0} and no function: is a * missing, or a name used twice?",
    ),
    (
        r"'(\w+)' object is not iterable|cannot unpack non-iterable (\w+)",
        "several things are expected where one stands",
    ),
    (
        r"(?:too many|not enough) values to unpack",
        "the left side has another number of names than the right side has things",
    ),
    (
        r"'(\w+)' object does not support item assignment",
        "an entry of something that is {0} is written to; make an array first",
    ),
    (
        r"unsupported operand type\(s\) for (.+): '(\w+)' and '(\w+)'",
        "`{0}` meets {1} and {2}: is one of them not yet a number?",
    ),
    (
        r"(?:cannot access local variable|local variable) '(\w+)'",
        "`{0}` is read before it is given a value",
    ),
    (
        r"takes (\d+) positional arguments? but (\d+) (?:was|were) given",
        "{1} arguments are handed over, {0} are taken",
    ),
    (r"missing \d+ required positional argument", "a function is called with too few arguments"),
    (
        r"Cannot cast ufunc .* from dtype\('(\w+)'\) to dtype\('(\w+)'\)",
        "{0} numbers are put into an array of {1}: make it with float",
    ),
    (
        r"(?:integer |float )?division by zero",
        "something is divided by 0: in which case is it, and what is asked for there?",
    ),
    (
        r"arrays used as indices must be of integer|only integers, slices",
        "an index is no whole number: `/` makes floats, `//` does not",
    ),
    (
        r"cannot reshape array of size (\d+) into shape (\(.*?\))",
        "{0} numbers do not fill the shape {1}",
    ),
    (
        r"axis (\d+) is out of bounds for array of dimension (\d+)",
        "axis {0} is asked for, and the array has {1}, counted from 0",
    ),
    (r"negative shift count|negative dimensions", "a number that must not be negative is"),
    (r"maximum recursion depth", "the function calls itself without end"),
    (
        r"numpy boolean (?:subtract|negative)",
        "True and False have no difference: compare them with != or make numbers of them",
    ),
    (r"is not in list|invalid literal", "a value is looked for that is not there"),
)


def meaning(error: Exception, function) -> str:
    """What stopped a function, in which line, and the arrays that were known there; "" where
    nothing of it is known."""
    frame, line = None, 0
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_name == getattr(function, "__name__", ""):
            frame, line = at.tb_frame, at.tb_lineno
        at = at.tb_next
    said = next(
        (text.format(*m.groups()) for found, text in MEANT if (m := re.search(found, str(error)))),
        "",
    )
    if isinstance(error, NameError) and not said and getattr(error, "name", None):
        near = difflib.get_close_matches(
            error.name, [*frame.f_locals, *frame.f_globals] if frame else (), 1
        )
        said = f"nothing has the name `{error.name}`" + (
            f"; do you mean `{near[0]}`?" if near else " here"
        )
    if isinstance(error, AttributeError) and not said and getattr(error, "name", None):
        names = [one for one in dir(error.obj) if not one.startswith("_")]
        near = difflib.get_close_matches(error.name, names, 3, 0.4)
        said = f"there is no `.{error.name}`" + (
            f"; there is {', '.join(f'`.{one}`' for one in near)}" if near else ""
        )
    if isinstance(error, KeyError) and not said:
        said = f"nothing is kept under the key {error}"
    if frame is None:
        return said
    code = frame.f_code
    shapes = [
        f"{name} {np.shape(a)}"
        for name, a in frame.f_locals.items()
        if isinstance(a, np.ndarray | np.generic)
    ]
    where = f" (line {line - code.co_firstlineno + 1} of {code.co_name}"
    return (
        f"{said or 'it stopped'}{where}{'; shapes there: ' * bool(shapes)}{', '.join(shapes[:8])})"
    )
