"""The functions of a neuron's step, and the constants that they are given.

Of one class of neuron with one class of surrogate there is one `Step`; what differs between two
neurons of a class are the numbers in k.
"""

import ast
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..parallel.compilation import njit
from .source import NUMBERS, Translation, Untranslatable, made, number_kernel

ZERO, ONE, THRESHOLD = 0, 1, 2  # their places in k


@number_kernel
def spike(k, u):
    """1 where the membrane reaches the threshold, else 0."""
    return k[ONE] if u >= k[THRESHOLD] else k[ZERO]


@dataclass(frozen=True, eq=False)
class Step:
    """Functions of numbers: the four passes as a neuron's class has them, with k in place of self,
    and slope and curvature of its spike, each of (k, a)."""

    name: str  # of the classes that it comes from
    filename: str  # of the neuron's class
    forward: Any
    backward: Any
    forward_tangent: Any
    backward_tangent: Any
    prime: Any
    second: Any
    states: int
    past: int  # numbers at a site of a step, beside u, that its derivatives ask for: none, or I and z
    past_dot: int  # the same of their tangents
    translation: Translation

    def constants(self, neuron: Any, dtype: Any) -> np.ndarray:
        """k. Raises `Untranslatable` where a constant is no number."""
        surrogate = neuron.spike
        found = np.empty(len(self.translation.constants), dtype)
        for n, evaluate in enumerate(self.translation.constants):
            value = evaluate(neuron, surrogate)
            if not isinstance(value, NUMBERS):
                where = self.translation.places[n]
                raise Untranslatable(f"a constant of {self.name} is {value!r}, no number ({where})")
            found[n] = value
        return found


def step_of(neuron: Any, replaced: dict[Any, Any]) -> Step:
    """The step of a neuron. Raises `Untranslatable` where it cannot be written again."""
    return _step(type(neuron), type(neuron.spike), tuple(replaced.items()))


@cache
def _step(kind: type, surrogate: type, replaced: tuple) -> Step:
    whole = Translation(dict(replaced))
    for number in (0.0, 1.0):
        whole.number(number)
    whole.constant("threshold", lambda neuron, _: neuron.threshold, "its threshold")
    states = len(kind.states)  # type: ignore[attr-defined]
    tuples = dict.fromkeys(("z", "dz", "z_dot", "dz_dot"), states)

    def of(name: str) -> Any:
        return whole.function(getattr(kind, name, None), "neuron", kind, tuples, spike)

    passes = [of(name) for name in ("forward", "backward", "forward_tangent", "backward_tangent")]
    jet = [
        whole.function(getattr(surrogate, name), "surrogate", surrogate)
        for name in ("prime", "second")
    ]
    keeps, keeps_dot = (
        bool({(one, "I"), (one, "z")} & whole.reads) * (1 + states) for one in ("at", "dot")
    )
    name = "_".join(one.__qualname__.split("<locals>.")[-1] for one in (kind, surrogate))
    filename = kind.forward.__code__.co_filename  # type: ignore[attr-defined]
    return Step(name, filename, *passes, *jet, states, keeps, keeps_dot, whole)


@cache
def tuples(count: int) -> tuple[Any, Any, Any]:
    """Functions of so many arrays: (views, take, put).

    views(a, first, size, i, n)   of blocks first, first + 1, … of `size` numbers in a, each a[i :
                                  i + n] of it
    take(views, i)                what stands at i in each
    put(views, i, values)         these written there
    """
    inlined = {"inline": "always", "error_model": "numpy"}
    parts = range(count)
    view = "a[(first + {0}) * size + i : (first + {0}) * size + i + n]"
    views = _function("views", "a, first, size, i, n", _tuple(view, parts), **inlined)
    take = _function("take", "views, i", _tuple("views[{0}][i]", parts), **inlined)
    lines = [f"views[{n}][i] = values[{n}]" for n in parts]
    put = _function("put", "views, i, values", "; ".join(lines) or "pass", **inlined)
    return views, take, put


def _tuple(text: str, parts: range) -> str:
    return f"return ({''.join(text.format(n) + ', ' for n in parts)})"


def unpacked(count: int) -> Any:
    """A function that makes a tuple of an array of so many numbers."""
    return _function("unpacked", "a", _tuple("a[{0}]", range(count)), inline="always")


def _function(name: str, arguments: str, body: str, **options: Any) -> Any:
    (tree,) = ast.parse(f"def {name}({arguments}): {body}").body
    assert isinstance(tree, ast.FunctionDef)
    return njit(**options)(made(tree, f"<{name}>", name, {}))
