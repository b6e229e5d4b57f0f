"""Numbers that record the operations on them. A neuron's methods run once on these numbers instead
of arrays, and the record is turned into straight-line code.

The same operation on the same numbers gives the same `Number`, so the code contains it once, and
only if a result needs it. Plain Python numbers are constants with their value at the time of the
trace.
"""

from collections.abc import Callable, Iterable
from functools import cache, reduce
from numbers import Real
from operator import attrgetter, mul
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from numba.np.ufunc_db import get_ufuncs
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..core.dual import Dual
from ..parallel.compilation import njit
from ..vectors.llvm import reciprocal

CODE: dict[Any, str] = {  # NumPy functions as code; others are called by name
    np.absolute: "abs({})",
    np.add: "{} + {}",
    np.equal: "{} == {}",
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.logical_and: "{} & {}",
    np.logical_not: "not {}",
    np.logical_or: "{} | {}",
    np.multiply: "{} * {}",
    np.negative: "-{}",
    np.not_equal: "{} != {}",
    np.power: "{} ** {}",
    np.reciprocal: "inverse({})",
    np.subtract: "{} - {}",
    np.true_divide: "{} / {}",
    np.where: "{1} if {0} else {2}",
}
UFUNCS = frozenset(get_ufuncs())  # looked up once: a second thread would see a half-filled table
NEUTRAL = {np.add: 0, np.multiply: 1}
LOGIC = {np.logical_and, np.logical_not, np.logical_or}
TRUTHS = LOGIC | {np.equal, np.greater, np.greater_equal, np.less, np.less_equal, np.not_equal}
SAME: dict[Any, Callable] = {  # functions as combinations of other operations
    np.bitwise_and: np.logical_and,
    np.bitwise_or: np.logical_or,
    np.clip: lambda a, least, most: np.minimum(np.maximum(a, least), most),
    np.invert: np.logical_not,
    np.ones_like: lambda a: a.trace.number(1),
    np.positive: lambda a: a,
    np.reciprocal: lambda a: 1 / a,
    np.square: lambda a: a * a,
    np.sum: lambda a: a,  # a single site is its own sum
    np.where: lambda truth, a, b: truth.trace.of(np.where, truth, a, b),
    np.zeros_like: lambda a: a.trace.number(0),
}


def _operator(ufunc: Any, reflected: bool = False) -> Callable:
    """Define an operator as a method of `Number`, which is twice as fast as going through NumPy."""

    def operate(a, b):
        if type(b) is Dual:
            return NotImplemented
        return a.trace.of(ufunc, b, a) if reflected else a.trace.of(ufunc, a, b)

    return operate


class Number(NDArrayOperatorsMixin):
    """One number in a trace; to a neuron's methods it looks like an array without axes."""

    shape = ()
    dtype = np.dtype(float)
    __hash__ = object.__hash__
    __add__, __radd__ = _operator(np.add), _operator(np.add, True)
    __sub__, __rsub__ = _operator(np.subtract), _operator(np.subtract, True)
    __mul__, __rmul__ = _operator(np.multiply), _operator(np.multiply, True)

    def __init__(self, trace: "Trace", operation: Any, given: tuple["Number", ...]):
        self.trace = trace
        self.operation = operation  # on `given`; or an input's name, or a constant's value
        self.given = given
        self.place = len(trace.numbers)

    def is_whole(self, value: int) -> bool:
        """Return whether this is a constant whose value is the given whole number."""
        return isinstance(self.operation, int) and self.operation == value

    def astype(self, dtype: Any) -> "Number":
        """Return the number itself or, if it is a truth value, 1 or 0."""
        return self.trace.of(np.where, self, 1, 0) if self.operation in TRUTHS else self

    @property
    def inverse(self) -> "Number":
        """1 / a, for a >= 1."""
        return self.trace.once(np.reciprocal, self)

    def __array_ufunc__(self, ufunc, method, *given, **options):
        if Dual in map(type, given):
            return NotImplemented  # leaves it to a type with separate rules
        if method != "__call__" or options:
            raise TypeError(f"np.{ufunc.__name__} is not an operation on single numbers")
        return self.trace.of(ufunc, *given)

    def __array_function__(self, function, types, given, options):
        if function not in SAME:
            raise TypeError(f"np.{function.__name__} is not an operation on single numbers")
        return SAME[function](*given, **options)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("the same operations must run at all sites: use np.where instead of if")

    __bool__ = __array__ = _refuse


class Trace:
    """All numbers that occur in one step of a neuron."""

    def __init__(self) -> None:
        self.numbers: dict[Any, Number] = {}

    def number(self, a: Any) -> Number:
        """Return the number in the trace that stands for any value: 1 or 0 for a truth value, a
        constant for a Python number."""
        if isinstance(a, Number):
            return a.astype(a.dtype)
        if not isinstance(a, Real):
            a = np.asarray(a)[()]
            if not isinstance(a, Real | np.bool_):
                raise TypeError(f"a constant is {a!r}, which is not a number")
        if type(a) is float and a == 0:
            a = 0
        return self.once(a if isinstance(a, int) else float(a), name=getattr(a, "name", ""))

    def of(self, operation: Any, *given: Any) -> Number:
        """Return the result of an operation as a number in the trace."""
        if operation is np.where:
            return self.once(operation, self._truth(given[0]), *map(self.number, given[1:]))
        if operation in SAME:
            return SAME[operation](*given)
        if operation is np.power and isinstance(given[1], int) and 0 < given[1] < 10:
            return reduce(mul, [given[0]] * given[1])
        if operation in LOGIC:
            return self.once(operation, *map(self._truth, given))
        if operation not in CODE and operation not in UFUNCS:
            raise TypeError(f"kernels do not support {operation.__name__}")
        return self._simplest(operation, *map(self.number, given))

    def once(self, operation: Any, *given: Number, name: str = "") -> Number:
        """Return the only number in the trace that equals this one."""
        key = (operation, type(operation), name, *(a.place for a in given))
        if key not in self.numbers:
            self.numbers[key] = Number(self, operation, given)
        return self.numbers[key]

    def _truth(self, a: Number) -> Number:
        return a if a.operation in TRUTHS else self.of(np.not_equal, a, 0)

    def _simplest(self, operation: Any, *given: Number) -> Number:
        """In obvious cases, return an equal number that needs fewer operations."""
        if operation in NEUTRAL:
            given = tuple(sorted(given, key=attrgetter("place")))
            rest = [a for a in given if not a.is_whole(NEUTRAL[operation])]
            zeros = [a for a in given if a.is_whole(0)]
            if len(rest) == 1 or zeros:
                return (rest if len(rest) == 1 else zeros)[0]
        elif operation is np.greater_equal and given[1].is_whole(0):
            if given[0].operation is np.subtract:  # u - threshold >= 0
                given = given[0].given
        return self.once(operation, *given)


# ---- code


def each(of: Callable, results: Any) -> Any:
    """Apply `of` to every result in nested tuples, and return what it gives in the same nesting."""
    return tuple(each(of, a) for a in results) if isinstance(results, tuple) else of(results)


def needed(results: Any, known: dict[Number, str]) -> dict[Number, None]:
    """List, in order, the numbers from which the results are computed. `known` numbers count as
    given: what they are computed from is not listed."""
    found: dict[Number, None] = {}

    def visit(number: Number) -> None:
        if number not in found:
            each(visit, () if number in known else number.given)
            found[number] = None

    each(visit, results)
    return found


def within(numbers: Iterable[Number], leaves: Iterable[Number]) -> dict[Number, None]:
    """List, in order, the numbers that depend on nothing except constants and `leaves`."""
    found = dict.fromkeys(leaves)
    for a in numbers:
        if not isinstance(a.operation, str) and all(g in found for g in a.given):
            found[a] = None
    return found


def fewest(
    results: Any, known: dict[Number, str], given: Iterable[Number], ahead: dict[Number, None]
) -> tuple[Number, ...]:
    """Return the smallest set of numbers that the results need in addition to `known` ones. They
    are inputs, or the last numbers of the forward step."""
    asked = needed(results, known)
    last: dict[Number, None] = {}
    each(last.setdefault, results)
    for a in asked:
        last |= dict.fromkeys(a.given if a not in ahead and a not in known else ())
    free = within(asked, known)
    kept = [a for a in last if a in asked and a in ahead and a not in free]
    for a in tuple(kept):
        others = [b for b in kept if b is not a]
        kept = others if a in within(asked, [*known, *others]) else kept
    return min(tuple(a for a in given if a in asked and a not in known), tuple(kept), key=len)


def code_of(head: str, results: Any, known: dict[Number, str], k: dict[Number, str]) -> str:
    """Generate the source of a function that returns these results. k contains the constants by
    name; new ones are added to it."""
    names = known | k
    lines = [f"def {head}:"]
    for number in needed(results, known):
        what = number.operation
        if number in names:
            continue
        if isinstance(what, str):
            names[number] = what
        elif not number.given:
            names[number] = k[number] = f"k[{len(k)}]"
        else:
            called = f"np.{what.__name__}({', '.join(['{}'] * len(number.given))})"
            code = CODE.get(what, called).format(*(names[a] for a in number.given))
            names[number] = f"v{len(lines)}"
            lines.append(f"    v{len(lines)} = {code}")
    lines.append(f"    return {_shown(results, names)}")
    return "\n".join(lines)


def _shown(results: Any, names: dict[Number, str]) -> str:
    if isinstance(results, tuple):
        return f"({''.join(_shown(a, names) + ', ' for a in results)})"
    return names[results]


def function(code: str, **names: Any) -> FunctionType:
    """Return the function that a source text defines, evaluated with these globals."""
    whole = compile(code, "<code of a neuron's step>", "exec")
    (own,) = (a for a in whole.co_consts if isinstance(a, CodeType))
    return FunctionType(own, {"__name__": __name__, **names})


@cache
def compiled(code: str) -> Any:
    """Return the same function, but ready to be compiled into loops."""
    made = function(code, np=np, inverse=reciprocal)
    return njit(nogil=True, fastmath={"contract"}, error_model="numpy", inner=True)(made)
