"""The passes of a neuron's step as functions of single numbers, made of its class's two methods.

Both methods run on the numbers of a trace, and once more on dual numbers of it. What they did is
straight-line code, of which each pass takes what leads to its results. Neurons that compute the
same have the same code; what differs are their constants. Nothing is remembered: where a class, a
function or a constant is another one now, so are code and constants.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ..core.dual import Dual, derivative, value
from ..core.neuron import Spike, at_work, check_states
from .traced import Trace, code_of, each, fewest, needed

PACKAGE = __name__.partition(".")[0] + "."
NOT_OF_USERS = tuple(str(Path(file).parent) for file in (str(Path(__file__).parent), np.__file__))


class Step(NamedTuple):
    """The code of each pass, a function of

    forward            k, I, z -> u, z', past
    backward           k, past, u, du, dz -> dI, dz
    forward_tangent    k, k_dot, past, u, I_dot, z_dot -> u_dot, z_dot', past_dot
    backward_tangent   k, k_dot, past, past_dot, u, u_dot, du, du_dot, dz, dz_dot
                       -> dI_dot, dz, dz_dot
    slope              k, v, d -> sigma'(v) d
    curvature          k, v, v_dot, d, d_dot -> the derivative of that

    k are constants, first those that are learned. past is what derivatives need of I and z, and
    past_dot of their tangents. Behind the adjoints of the states dz has sums, of those of learned constants.
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


def step_of(
    neuron: Any, detach: bool = False, learn: tuple[str, ...] = ()
) -> tuple[Step, list[float]]:
    """The step of a neuron, and k; with `detach` the spike that resets is a constant."""
    learned = tuple(name for name in neuron.learnable if name in learn)
    values = [getattr(neuron, name) for name in learned]
    if type(neuron).__module__.startswith(PACKAGE) and not getattr(neuron, "surrogate", None):
        neuron = replace(neuron, **dict.fromkeys(learn, 0.5))  # whatever is learned, it is the same
        step, others = _of_shipped(neuron, detach, learned)
    else:
        step, others = _traced(neuron, detach, learned)
    return step, [*values, *others]


def _traced(neuron: Any, detach: bool, learned: tuple[str, ...]) -> tuple[Step, list[float]]:
    """The step, and k without what is learned."""
    trace = Trace()
    neuron = _with_names(neuron)
    jet = Spike(neuron.spike, neuron.threshold)
    given = _given(trace, len(neuron.states), len(learned))
    run = lambda of: _run(neuron, jet.about(None, detach), learned, given, of)
    u, after, dI, dz = each(lambda a: trace.number(value(a)), run(value))
    u_dot, *tangents = each(lambda a: trace.number(derivative(a)), run(lambda a: a))
    along, back = (u_dot, tangents[0]), (tangents[1], dz, tangents[2])
    slope = jet.slope(given.v) * given.d

    before = given.I, *given.z
    names = {u: "u"}  # of what all passes but the first are given
    past = fewest(((dI, dz), along, back), names, map(value, before), needed((u, after), {}))
    names |= {a: f"past[{n}]" for n, a in enumerate(past)}
    past_dot = fewest(back, names, map(derivative, before), needed(along, names))
    names_dot = names | {a: f"past_dot[{n}]" for n, a in enumerate(past_dot)}
    k = {a.x: f"k[{n}]" for n, a in enumerate(given.k)}
    code = [
        code_of("forward(k, I, z)", (u, after, past), {}, k),
        code_of("backward(k, past, u, du, dz)", (dI, dz), names, k),
        code_of("forward_tangent(k, k_dot, past, u, I_dot, z_dot)", (*along, past_dot), names, k),
        code_of(
            "backward_tangent(k, k_dot, past, past_dot, u, u_dot, du, du_dot, dz, dz_dot)",
            back,
            names_dot,
            k,
        ),
        code_of("slope(k, v, d)", value(slope), {}, k),
        code_of("curvature(k, v, v_dot, d, d_dot)", derivative(slope), {}, k),
    ]
    sizes = len(neuron.states), len(learned), len(past), len(past_dot)
    return Step(*code, *sizes), [a.operation for a in k][len(learned) :]


_of_shipped = lru_cache(256)(_traced)  # their lines do not change


def _given(trace: Trace, states: int, learned: int) -> Any:
    """The numbers that a step is given, dual ones."""

    def one(name: str, at: str = "") -> Dual:
        return Dual(trace.once(f"{name}{at}"), trace.once(f"{name}_dot{at}"))

    several = lambda name, count: tuple(one(name, f"[{n}]") for n in range(count))
    alone = {name: one(name) for name in ("I", "u", "du", "v", "d")}
    z, dz, k = several("z", states), several("dz", states + learned), several("k", learned)
    return SimpleNamespace(**alone, z=z, dz=dz, k=k)


def _run(neuron: Any, jet: Spike, learned: tuple, given: Any, of: Callable) -> tuple:
    """(u, z', dI, dz) by the two methods, `of` values or dual numbers."""
    before = of(given.I), tuple(map(of, given.z))
    maker = at_work(neuron, dict(zip(learned, map(of, given.k))), jet)
    u, after = maker.forward(*before)
    check_states(neuron, after, neuron.states, "forward")
    recorded = of(Dual(given.u.x.trace.number(value(u)), given.u.d))
    adjoints = tuple(map(of, given.dz))
    count = len(neuron.states)
    dI, dz, *dk = maker.backward(*before, recorded, of(given.du), adjoints[:count])
    check_states(neuron, dz, neuron.states, "backward")
    of_constants = dict(zip(neuron.learnable, *dk, strict=True)) if learned else {}
    sums = (a + of_constants[name] for name, a in zip(learned, adjoints[count:]))
    return u, after, dI, (*dz, *sums)


class Named(float):
    """A constant that is told by its name from others of its value."""

    name: str


def _with_names(neuron: Any) -> Any:
    """The neuron, whose constants know their names."""
    neuron = copy(neuron)
    for f in fields(neuron):
        if f.name != "surrogate":
            constant = vars(neuron)[f.name] = Named(getattr(neuron, f.name))
            constant.name = f.name
    return neuron


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
