"""The functions of a neuron's step, and the constants that they are given.

Of one class of neuron with one class of surrogate there is one `NeuronStep`; what differs between
two neurons of a class are the numbers in k.
"""

import ast
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..parallel.compilation import njit
from .made import NUMBERS, Untranslatable, inlined, made
from .source import Translation

ROLES = {  # the arguments of the passes behind self, whatever their names
    "forward": ("I", "z", "spike"),
    "backward": ("at", "du", "dz"),
    "forward_tangent": ("at", "I_dot", "z_dot"),
    "backward_tangent": ("at", "dot", "du", "dz", "du_dot", "dz_dot"),
}
_known: dict[Any, "NeuronStep"] = {}


class Past(NamedTuple):
    """What is kept of a step beside u: its current, its states before it."""

    I: bool
    z: bool

    def size(self, states: int) -> int:
        """Numbers at a site."""
        return self.I + self.z * states


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
    states: int  # at each site
    learnable: int  # constants behind them in z, the same at all sites
    past: Past  # what of a step its derivatives ask for
    past_dot: Past  # and of its tangents
    translation: Translation

    def constants(self, neuron: Any, dtype: Any) -> np.ndarray:
        """k. Raises `Untranslatable` where a constant is no number."""
        surrogate = neuron.spike
        found = np.empty(len(self.translation.constants), dtype)
        for n, evaluate in enumerate(self.translation.constants):
            where = f"a constant of {self.name} ({self.translation.places[n]})"
            try:
                value = evaluate(neuron, surrogate)
            except Exception as error:
                raise Untranslatable(f"{where} cannot be computed: {error}") from error
            if not isinstance(value, NUMBERS):
                raise Untranslatable(f"{where} is {value!r}, no number")
            found[n] = value
        return found


def step_of(neuron: Any, replaced: dict[Any, Any]) -> NeuronStep:
    """The step of a neuron; `replaced` are functions that the kernels have another one for. Raises
    `Untranslatable` where it cannot be written again."""
    for one in (neuron, neuron.spike):
        for name in vars(one):
            if isinstance(getattr(type(one), name, None), FunctionType):
                kind = type(one).__name__
                raise Untranslatable(f"{name} is set on an object, not in its class {kind}")
    key = type(neuron), type(neuron.spike), *replaced.items()
    found = _known.get(key)
    if found is None or not found.translation.holds():
        found = _known[key] = _step(type(neuron), type(neuron.spike), replaced)
    return found


def _step(kind: Any, surrogate: Any, replaced: dict[Any, Any]) -> NeuronStep:
    whole = Translation(replaced)
    for number in (0.0, 1.0):
        whole.number(number)
    whole.constant("threshold", lambda neuron, _: neuron.threshold, "its threshold")
    carried = len(kind.states) + len(kind.learnable)
    forward, backward, forward_tangent, backward_tangent = (
        whole.method("neuron", kind, name, roles=ROLES[name], states=carried) for name in ROLES
    )
    prime, second = (
        whole.method("surrogate", surrogate, name, make=inlined) for name in ("prime", "second")
    )
    past, past_dot = (
        Past((one, "I") in whole.reads, (one, "z") in whole.reads) for one in ("at", "dot")
    )
    name = "_".join(one.__qualname__.split("<locals>.")[-1] for one in (kind, surrogate))
    return NeuronStep(
        name=name,
        filename=kind.forward.__code__.co_filename,
        forward=forward,
        backward=backward,
        forward_tangent=forward_tangent,
        backward_tangent=backward_tangent,
        prime=prime,
        second=second,
        states=len(kind.states),
        learnable=len(kind.learnable),
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


def unpacked(count: int, first: int = 0) -> Any:
    """A function that makes a tuple of so many numbers of an array."""
    numbers = range(first, first + count)
    return _function("unpacked", "a", _tuple("a[{0}]", numbers), inline="always")


def _function(name: str, arguments: str, body: str, **options: Any) -> Any:
    (tree,) = ast.parse(f"def {name}({arguments}): {body}").body
    assert isinstance(tree, ast.FunctionDef)
    return njit(**options)(made(tree, f"<{name}>", name, {"__name__": __name__}))
