"""Numbers with a derivative along one direction: x + d eps with eps^2 = 0.

    (x + d eps) + (y + e eps) = x + y + (d + e) eps
    (x + d eps) (y + e eps)   = x y + (d y + x e) eps
    f(x + d eps)              = f(x) + f'(x) d eps

The gradient's own code, run on such numbers, computes the Hessian-vector product (Pearlmutter 1994,
Neural Computation 6): at theta + v eps it returns g + H v eps. A plain array is a constant: its
derivative is zero and costs nothing. An operation without a rule here raises TypeError, because
dropping a derivative would give a wrong result without any error; `value` drops it on purpose.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..parallel.threads import multiplies

Array = np.ndarray


class Dual:
    """A dual number x + d eps, where x and d are arrays of the same shape and dtype. Here d is a
    tangent; elsewhere du, dz, dW are adjoints."""

    __slots__ = ("x", "d")

    def __init__(self, x: Any, d: Any):
        if d.dtype != x.dtype:
            raise TypeError(f"the derivative is {d.dtype}, but the number is {x.dtype}")
        self.x = x
        self.d = d if d.shape == x.shape else np.broadcast_to(d, x.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of x and of d."""
        return self.x.shape

    @property
    def dtype(self) -> Any:
        """The dtype of x and of d."""
        return self.x.dtype

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index):
        return Dual(self.x[index], self.d[index])

    def reshape(self, *shape: Any) -> "Dual":
        """Reshape both x and d."""
        return Dual(self.x.reshape(*shape), self.d.reshape(*shape))

    # ---- arithmetic

    def __neg__(self):
        return Dual(-self.x, -self.d)

    def __abs__(self):
        return Dual(np.abs(self.x), np.sign(self.x) * self.d)

    def __add__(self, b):
        if isinstance(b, Dual):
            return Dual(self.x + b.x, self.d + b.d)
        return Dual(self.x + b, self.d)

    def __sub__(self, b):
        if isinstance(b, Dual):
            return Dual(self.x - b.x, self.d - b.d)
        return Dual(self.x - b, self.d)

    def __rsub__(self, b):
        return Dual(b - self.x, -self.d)

    def __mul__(self, b):
        if isinstance(b, Dual):
            return Dual(self.x * b.x, self.d * b.x + self.x * b.d)
        return Dual(self.x * b, self.d * b)

    def __truediv__(self, b):
        if isinstance(b, Dual):
            ratio = self.x / b.x
            return Dual(ratio, (self.d - ratio * b.d) / b.x)
        return Dual(self.x / b, self.d / b)

    def __rtruediv__(self, b):
        ratio = b / self.x
        return Dual(ratio, -ratio / self.x * self.d)

    def __pow__(self, n):
        if isinstance(n, Dual):
            return exp(n * log(self))
        return Dual(self.x**n, n * self.x ** (n - 1) * self.d)

    __radd__ = __add__
    __rmul__ = __mul__

    # ---- NumPy

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        rule = RULES.get(ufunc)
        if rule is None or method != "__call__" or options:
            return NotImplemented  # makes NumPy raise TypeError
        return rule(*inputs)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            "a number with a derivative is compared, changed in place, or given to a function "
            "without a rule for it (minisnn.core.dual)"
        )

    __array__ = __array_function__ = __float__ = __contains__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __setitem__ = _refuse
    __bool__: Any = _refuse
    __hash__: Any = None


class Later(Dual):
    """A dual number whose value x is computed only when it is read: H v needs the derivative of the
    gradient, but not the gradient itself."""

    __slots__ = ("_value",)

    def __init__(self, value: Callable, d: Any):
        self._value = value
        self.d = d

    @property
    def x(self) -> Any:
        """The value, computed each time it is read."""
        return self._value()


def value(a: Any) -> Any:
    """Return x from x + d eps: a constant, without the derivative."""
    return a.x if isinstance(a, Dual) else a


def derivative(a: Any) -> Any:
    """Return d from x + d eps; for a constant, return zeros."""
    return a.d if isinstance(a, Dual) else np.zeros_like(a)


def linear(f: Callable) -> Callable:
    """Extend f(a, ...), which is linear in a, so that a may be dual."""

    def rule(a, *more):
        return Dual(f(a.x, *more), f(a.d, *more)) if isinstance(a, Dual) else f(a, *more)

    return rule


def bilinear(f: Callable, later: bool = False) -> Callable:
    """Extend f(a, b, ...), which is linear in a and in b, so that a or b may be dual. With `later`,
    return a `Later`."""

    def rule(a, b, *more):
        x, y = value(a), value(b)
        d = [f(x, b.d, *more)] if isinstance(b, Dual) else []
        d += [f(a.d, y, *more)] if isinstance(a, Dual) else []
        if d and later:
            return Later(lambda: f(x, y, *more), sum(d[1:], d[0]))
        return Dual(f(x, y, *more), sum(d[1:], d[0])) if d else f(x, y, *more)

    return rule


def cast(a: Any, dtype: Any) -> Any:
    """Cast `a` to a dtype, since a user's functions may return float64 in a float32 network."""
    if isinstance(a, Dual):
        return Dual(cast(a.x, dtype), cast(a.d, dtype))
    return a if getattr(a, "dtype", None) == dtype else np.asarray(a, dtype)


def curve(f: Callable, slope: Callable) -> Callable:
    """Extend f(a), which works element by element and has the derivative `slope`, so that a may be
    dual. The result has a's dtype."""

    def rule(a):
        if isinstance(a, Dual):
            return Dual(cast(f(a.x), a.dtype), cast(slope(a.x) * a.d, a.dtype))
        return cast(f(a), a.dtype) if hasattr(a, "dtype") else f(a)

    return rule


exp = curve(np.exp, np.exp)
log = curve(np.log, lambda a: 1 / a)
total = linear(np.sum)
summed = linear(lambda a: a.reshape(-1, a.shape[-1]).sum(0))  # over all but the channels
times = bilinear(multiplies(np.matmul))
transposed = linear(np.transpose)

RULES: dict[Any, Callable] = {
    np.add: lambda a, b: a + b if isinstance(a, Dual) else b + a,
    np.subtract: lambda a, b: a - b if isinstance(a, Dual) else b.__rsub__(a),
    np.multiply: lambda a, b: a * b if isinstance(a, Dual) else b * a,
    np.true_divide: lambda a, b: a / b if isinstance(a, Dual) else b.__rtruediv__(a),
    np.negative: lambda a: -a,
    np.absolute: abs,
    np.square: lambda a: a * a,
    np.sqrt: curve(np.sqrt, lambda a: 0.5 / np.sqrt(a)),
    np.exp: exp,
    np.log: log,
    np.tanh: curve(np.tanh, lambda a: 1 - np.tanh(a) ** 2),
}


def stack(steps: Sequence[Any]) -> Any:
    """Stack one or more arrays, plain or dual, along a new first axis."""
    if any(isinstance(a, Dual) for a in steps):
        return Dual(np.stack([value(a) for a in steps]), np.stack([derivative(a) for a in steps]))
    return np.stack(steps)


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e).astype(x.dtype) / (1 + e)


logistic = curve(_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x))  # 1 / (1 + exp(-a)), no overflow
