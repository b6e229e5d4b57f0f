"""The passes of a neuron's step as functions of single numbers, made of its class's two methods.

Both methods run on the numbers of a trace, and once more on dual numbers of it. What they did is
straight-line code, of which each pass takes what leads to its results. Neurons that compute the same
have the same code; what differs are their constants. Nothing is remembered: where a class, a function
or a constant is another one now, so are code and constants.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import fields
from functools import cache, lru_cache
from pathlib import Path
from traceback import extract_tb
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..core.dual import Dual, derivative, value
from ..core.neuron import at_work, check_states
from ..core.surrogate import Spike
from ..parallel.compilation import njit
from ..vectors.llvm import reciprocal
from .traced import CODE, Number, Trace

PACKAGE = __name__.partition(".")[0] + "."
NOT_OF_USERS = tuple(str(Path(file).parent) for file in (str(Path(__file__).parent), np.__file__))
inner = njit(nogil=True, fastmath={"contract"}, error_model="numpy", inner=True)


class Step(NamedTuple):
    """The code of each pass, a function of

    forward            k, I, z -> u, z', past
    backward           k, past, u, du, dz -> dI, dz
    forward_tangent    k, k_dot, past, u, I_dot, z_dot -> u_dot, z_dot', past_dot
    backward_tangent   k, k_dot, past, past_dot, u, u_dot, du, du_dot, dz, dz_dot -> dI_dot, dz, dz_dot
    slope              k, v, d -> sigma'(v) d
    curvature          k, v, v_dot, d, d_dot -> the derivative of that

    k are constants, first those that are learned. past is what derivatives need of I and z, past_dot
    of their tangents. Behind the adjoints of the states dz has sums, of those of learned constants.
    """

    forward: str
    backward: str
    forward_tangent: str
    backward_tangent: str
    slope: str
    curvature: str
    states: int
    learned: int
    past: int
    past_dot: int


class Named(float):
    """A constant that is told by its name from others of its value."""

    name: str


def step_of(
    neuron: Any, dtype: np.dtype, detach: bool = False, learn: tuple[str, ...] = ()
) -> tuple[Step, np.ndarray]:
    """The step of a neuron, and k; with `detach` the spike that resets is a constant."""
    ships = type(neuron).__module__.startswith(PACKAGE) and not getattr(neuron, "surrogate", None)
    return (_of_shipped if ships else _traced)(neuron, dtype, detach, learn)


def _traced(neuron: Any, dtype: np.dtype, detach: bool, learn: tuple) -> tuple[Step, np.ndarray]:
    learned = [name for name in neuron.learnable if name in learn]
    states = len(neuron.states)
    trace = Trace(dtype)

    def given(name: str, at: str = "") -> Dual:
        return Dual(trace.leaf(f"{name}{at}"), trace.leaf(f"{name}_dot{at}"))

    def several(name: str, count: int) -> tuple[Dual, ...]:
        return tuple(given(name, f"[{n}]") for n in range(count))

    I, u, du, v, d = map(given, ("I", "u", "du", "v", "d"))
    z = several("z", states)
    dz = several("dz", states + len(learned))
    k = several("k", len(learned))
    neuron = _with_names(neuron)
    jet = Spike(neuron.spike, neuron.threshold)

    def run(of: Callable) -> tuple:
        """(u, z', dI, dz) of values, or of dual numbers."""
        maker = at_work(neuron, dict(zip(learned, map(of, k))), jet.about(None, detach))
        before = of(I), tuple(map(of, z))
        u_after, after = maker.forward(*before)
        check_states(neuron, after, neuron.states, "forward")
        recorded = of(Dual(trace.number(value(u_after)), u.d))
        dI, dz_before, *dk = maker.backward(*before, recorded, of(du), tuple(map(of, dz[:states])))
        check_states(neuron, dz_before, neuron.states, "backward")
        of_constants = dict(zip(neuron.learnable, *dk, strict=True)) if learned else {}
        sums = tuple(of(a) + of_constants[name] for name, a in zip(learned, dz[states:]))
        return u_after, after, dI, dz_before + sums

    numbers = lambda of, results: _each(lambda a: trace.number(of(a)), results)
    u_now, after, dI, before = numbers(value, run(value))
    u_dot, after_dot, dI_dot, before_dot = numbers(derivative, run(lambda a: a))
    slope = jet.slope(v.x) * d.x, derivative(jet.slope(v) * d)

    names = {u_now: "u"}  # in all passes but the first
    tangents = (u_dot, after_dot), (dI_dot, before, before_dot)
    needed = _needed(((dI, before), *tangents), names)
    past = tuple(a.x for a in (I, *z) if a.x in needed and a.x is not u_now)
    names |= {a: f"past[{n}]" for n, a in enumerate(past)}
    needed = _needed(tangents[1], names)
    past_dot = tuple(a.d for a in (I, *z) if a.d in needed)
    names_dot = names | {a: f"past_dot[{n}]" for n, a in enumerate(past_dot)}
    constants = {a.x: f"k[{n}]" for n, a in enumerate(k)}
    passes: dict[str, tuple] = {
        "forward(k, I, z)": ({}, (u_now, after, past)),
        "backward(k, past, u, du, dz)": (names, (dI, before)),
        "forward_tangent(k, k_dot, past, u, I_dot, z_dot)": (names, (*tangents[0], past_dot)),
        "backward_tangent(k, k_dot, past, past_dot, u, u_dot, du, du_dot, dz, dz_dot)": (
            names_dot,
            tangents[1],
        ),
        "slope(k, v, d)": ({}, slope[0]),
        "curvature(k, v, v_dot, d, d_dot)": ({}, slope[1]),
    }
    code = [_code(head, results, known, constants) for head, (known, results) in passes.items()]
    values = [getattr(neuron, name) for name in learned]
    values += [a.value for a in list(constants)[len(learned) :]]
    return Step(*code, states, len(learned), len(past), len(past_dot)), np.array(values, dtype)


_of_shipped = lru_cache(256)(_traced)  # a millisecond, and their lines do not change


def _with_names(neuron: Any) -> Any:
    """The neuron, whose constants know their names."""
    neuron = copy(neuron)
    for f in fields(neuron):
        if f.name != "surrogate":
            constant = Named(getattr(neuron, f.name))
            constant.name = f.name
            vars(neuron)[f.name] = constant
    return neuron


def _each(of: Callable, results: Any) -> Any:
    """Results, in tuples or alone, one by one."""
    return tuple(_each(of, a) for a in results) if isinstance(results, tuple) else of(results)


def _needed(results: Any, known: dict[Number, str]) -> dict[Number, None]:
    """What results are computed of, in the order of the trace; what is known needs nothing."""
    found: dict[Number, None] = {}
    left: list[Number] = []
    _each(left.append, results)
    while left:
        number = left.pop()
        if number not in found:
            found[number] = None
            left += [] if number in known else number.given
    return dict.fromkeys(sorted(found, key=lambda number: number.place))


def _code(head: str, results: Any, known: dict[Number, str], constants: dict[Number, str]) -> str:
    """A function of these results; `constants` get those that are read."""
    texts = {**known, **constants}
    lines = []
    for number in _needed(results, known):
        if number in texts:
            continue
        if number.value is not None:
            texts[number] = constants[number] = f"k[{len(constants)}]"
        elif isinstance(number.operation, str) and not number.given:
            texts[number] = number.operation
        else:
            given = [texts[a] for a in number.given]
            named = "np.{}({})".format(getattr(number.operation, "__name__", ""), ", ".join(given))
            code = CODE.get(number.operation, named).format(*given)
            texts[number] = f"v{len(lines)}"
            lines.append(f"    {texts[number]} = {code}")
    shown = lambda a: (
        f"({''.join(shown(b) + ', ' for b in a)})" if isinstance(a, tuple) else texts[a]
    )
    return "\n".join((f"def {head}:", *lines, f"    return {shown(results)}"))


@cache
def compiled(code: str) -> Any:
    """The function, for loops to be compiled with."""
    return inner(function(code, np=np, inverse=reciprocal))


def function(code: str, **names: Any) -> FunctionType:
    """A function of its source."""
    whole = compile(code, "<code of a neuron's step>", "exec")
    (own,) = (a for a in whole.co_consts if isinstance(a, CodeType))
    return FunctionType(own, {"__name__": __name__, **names})


def refusal(make: Callable[[], Any]) -> str:
    """What keeps a neuron from the kernels, and the user's line where that is; '' for nothing."""
    try:
        make()
    except Exception as error:
        frames = [
            f for f in extract_tb(error.__traceback__) if not f.filename.startswith(NOT_OF_USERS)
        ]
        where = [f"line {f.lineno} of {f.filename}, `{f.line}`: " for f in frames]
        return f"{where[-1] if where else ''}{error}"
    return ""
