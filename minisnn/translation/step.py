"""The functions of a neuron's step, and the constants that they are given.

Of one class of neuron with one class of surrogate there is one `NeuronStep`; what differs between two
neurons of a class are the numbers in k.
"""

import ast
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..layers.neuron import PASSES
from ..parallel.compilation import njit
from .made import NUMBERS, Untranslatable, inlined, made, number_kernel
from .source import Translation

ZERO, ONE, THRESHOLD = 0, 1, 2  # their places in k


@number_kernel
def spike(k, u):
    """1 where the membrane reaches the threshold, else 0."""
    return k[ONE] if u >= k[THRESHOLD] else k[ZERO]


@dataclass(frozen=True, eq=False)
class NeuronStep:
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
    past: (
        int  # numbers at a site of a step, beside u, that its derivatives ask for: none, or I and z
    )
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


def step_of(neuron: Any, replaced: dict[Any, Any]) -> NeuronStep:
    """The step of a neuron; `replaced` are functions that the kernels have another one for. Raises
    `Untranslatable` where it cannot be written again."""
    kind: Any = type(neuron)
    surrogate: Any = type(neuron.spike)
    passes = tuple(getattr(kind, name, None) for name in PASSES)
    jet = tuple(getattr(surrogate, name) for name in ("prime", "second"))
    return _step(kind, surrogate, passes, jet, tuple(replaced.items()))


@cache
def _step(kind: Any, surrogate: Any, passes: tuple, jet: tuple, replaced: tuple) -> NeuronStep:
    whole = Translation(dict(replaced))
    for number in (0.0, 1.0):
        whole.number(number)
    whole.constant("threshold", lambda neuron, _: neuron.threshold, "its threshold")
    states = len(kind.states)
    tuples = dict.fromkeys(("z", "dz", "z_dot", "dz_dot"), states)
    steps = [whole.function(one, "neuron", kind, tuples, spike) for one in passes]
    prime, second = (whole.function(one, "surrogate", surrogate, make=inlined) for one in jet)
    past, past_dot = (
        bool({(one, "I"), (one, "z")} & whole.reads) * (1 + states) for one in ("at", "dot")
    )
    name = "_".join(one.__qualname__.split("<locals>.")[-1] for one in (kind, surrogate))
    filename = passes[0].__code__.co_filename
    forward, backward, forward_tangent, backward_tangent = steps
    return NeuronStep(
        name=name,
        filename=filename,
        forward=forward,
        backward=backward,
        forward_tangent=forward_tangent,
        backward_tangent=backward_tangent,
        prime=prime,
        second=second,
        states=states,
        past=past,
        past_dot=past_dot,
        translation=whole,
    )


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
    return njit(**options)(made(tree, f"<{name}>", name, {"__name__": __name__}))
