"""Numbers that note what they are computed of: what a neuron's methods do to arrays, they do to
these, once, and what they did can be written down as straight-line code.

The same operation on the same numbers is the same number, so that code has it once, and only where
it leads to a result. Python's own numbers are constants, as they are when the methods run.
"""

from collections.abc import Callable
from functools import cache, reduce
from math import inf
from numbers import Real
from typing import Any

import numpy as np
from numba.np.ufunc_db import get_ufuncs
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..core.dual import Dual

INVERSE = "inverse"  # 1 / a of an a that is at least 1, for which kernels have a quicker way
CODE: dict[Any, str] = {
    INVERSE: "inverse({})",
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
    np.subtract: "{} - {}",
    np.true_divide: "{} / {}",
    np.where: "{1} if {0} else {2}",
}
LOGIC = {np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.invert: np.logical_not}
LOGIC |= {ufunc: ufunc for ufunc in LOGIC.values()}
FUNCTIONS: dict[Any, Callable] = {
    np.clip: lambda a, least, most: np.minimum(np.maximum(a, least), most),
    np.ones_like: lambda a: a.trace.number(1),
    np.where: lambda truth, a, b: truth.trace.of(np.where, truth, a, b),
    np.zeros_like: lambda a: a.trace.number(0),
}


class Number(NDArrayOperatorsMixin):
    """A number of a trace, to a neuron's methods an array without axes."""

    shape = ()
    __hash__ = object.__hash__

    def __init__(self, trace: "Trace", operation: Any, given: tuple, value: Any, least: float):
        self.trace = trace
        self.operation = operation  # of what is given its name
        self.given = given  # what it is computed of
        self.value = value  # of a constant
        self.least = least  # a bound, as far as it is plain to see
        self.place = len(trace.numbers)
        self.truth = isinstance(operation, np.ufunc) and _is_truth(operation)

    @property
    def dtype(self) -> np.dtype:
        """The network's."""
        return self.trace.dtype

    def is_whole(self, value: int) -> bool:
        """Whether it is a whole number that somebody wrote down, and which."""
        return isinstance(self.value, int) and self.value == value

    def astype(self, dtype: Any) -> "Number":
        """Itself; 1 or 0 of a truth."""
        return self.trace.of(np.where, self, 1, 0) if self.truth else self

    def __array_ufunc__(self, ufunc, method, *given, **options):
        if any(isinstance(a, Dual) for a in given):
            return NotImplemented  # it has rules of its own
        if method != "__call__" or options:
            how = " and ".join(options) or method
            raise TypeError(f"np.{ufunc.__name__} with {how} is no operation on single numbers")
        return self.trace.of(ufunc, *given)

    def __array_function__(self, function, types, given, options):
        if function not in FUNCTIONS:
            raise TypeError(f"np.{function.__name__} is no operation on single numbers")
        return FUNCTIONS[function](*given, **options)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("what is computed must be the same at all sites: np.where, and no if")

    __bool__ = __array__ = _refuse


@cache
def _is_truth(ufunc: np.ufunc) -> bool:
    return isinstance(ufunc(*[1.0] * ufunc.nin), np.bool_)


class Trace:
    """All numbers of a neuron's step."""

    def __init__(self, dtype: np.dtype):
        self.dtype = dtype
        self.numbers: dict[Any, Number] = {}

    def leaf(self, name: str) -> Number:
        """A number that is given."""
        return self._once((name,), name)

    def number(self, a: Any) -> Number:
        """A number of the trace, in place of a truth 1 or 0; of Python's own numbers a constant."""
        if isinstance(a, Number):
            return a.astype(self.dtype)
        value = np.asarray(a)[()]
        if not isinstance(value, Real | np.bool_):
            raise TypeError(f"a constant is {a!r}, no number")
        key = (getattr(a, "name", ""), repr(a) if isinstance(a, int) else repr(float(value)))
        return self._once(key, None, (), a if isinstance(a, int) else float(value), float(value))

    def of(self, operation: Any, *given: Any) -> Number:
        """What an operation gives."""
        if operation is np.positive:
            return self.number(*given)
        if operation is np.square:
            return self.of(np.multiply, *given, *given)
        if operation is np.power and isinstance(given[1], int) and 0 < given[1] < 10:
            return reduce(lambda a, b: self.of(np.multiply, a, b), [given[0]] * given[1])
        if operation in LOGIC:
            return self._made(LOGIC[operation], *map(self._truth, given))
        if operation is np.where:
            return self._made(operation, self._truth(given[0]), *map(self.number, given[1:]))
        if operation not in CODE and operation not in get_ufuncs():
            raise TypeError(f"kernels do not know {operation.__name__}")
        return self._made(operation, *map(self.number, given))

    def _truth(self, a: Number) -> Number:
        return a if a.truth else self.of(np.not_equal, a, 0)

    def _made(self, operation: Any, a: Number, *more: Number) -> Number:
        least = -inf
        if operation is np.absolute:
            least = 0.0
        elif operation is np.add or operation is np.multiply:
            a, b = sorted((a, *more), key=lambda number: number.place)
            neutral = int(operation is np.multiply)
            for one, other in ((a, b), (b, a)):
                if one.is_whole(neutral):
                    return other
                if neutral and one.is_whole(0):
                    return one
            if not neutral:
                least = a.least + b.least
            elif a is b or min(a.least, b.least) >= 0:
                least = max(a.least, 0) * max(b.least, 0)
            more = (b,)
        elif operation is np.true_divide and a.is_whole(1) and more[0].least >= 1:
            return self._made(INVERSE, *more)
        given = (a, *more)
        return self._once((operation, *(b.place for b in given)), operation, given, None, least)

    def _once(self, key, operation, given=(), value=None, least=-inf) -> Number:
        if key not in self.numbers:
            self.numbers[key] = Number(self, operation, given, value, least)
        return self.numbers[key]
