"""One step at one site as functions of single numbers: the synapse's filters from `core.linear`,
and a neuron's two methods.

Filters and methods run once on dual numbers of a trace. The record is straight-line code, and each
pass uses the lines that its results need. Neurons with the same operations share code and differ in
their constants. A neuron's class is traced each time, because its methods, or functions and
constants that they use, may have been redefined.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import numpy as np

from ..core.dual import Dual, derivative, value
from ..core.linear import advance, advance_back
from ..core.neuron import Spike, check_states
from .traced import Trace, code_of, each, fewest, needed, within

PACKAGE = __name__.partition(".")[0] + "."
NOT_OF_USERS = tuple(str(Path(file).parent) for file in (str(Path(__file__).parent), np.__file__))
KNOWN = 256  # steps whose code is cached


class Step(NamedTuple):
    """The code for each pass of a neuron's step. Each entry is a function, with these arguments and
    results:

    forward            k, past, u, b, S -> S', past              (past and u are not inputs)
    forward_tangent    the same along a direction: b and S are tangents
    backward           k, past, u, du, S -> dX, S
    backward_tangent   the same, with values and then tangents
    slope              k, v, d -> sigma'(v) d
    slope_tangent      the same, with values and then tangents

    k contains the constants: first the learned ones, then their tangents, then all others. S
    contains the input X, the filters, and the neuron's states; S' has the membrane u in place of X.
    In the backward pass S contains the adjoints of filters and states, and the sums of the adjoints
    of the bias and the learned constants. Where there are both values and tangents, only the
    tangents have these sums. past contains intermediate numbers that the derivatives need.
    """

    codes: tuple[str, ...]
    filters: int
    states: int
    learned: int
    past: int
    past_dot: int


def step_of(
    neuron: Any, detach: bool = False, learn: tuple[str, ...] = ()
) -> tuple[Step, list[float]]:
    """Return (step, k) for a neuron. With `detach`, the spike in the reset is a constant."""
    values = [getattr(neuron, name) for name in learn]
    if type(neuron).__module__.startswith(PACKAGE) and not getattr(neuron, "surrogate", None):
        # any value: the trace does not depend on learned constants
        neuron = replace(neuron, **dict.fromkeys(learn, 0.5))
        step, others = _of_shipped(neuron, detach, learn)
    else:
        step, others = _traced(neuron, detach, learn)
    return step, [*values, *[0.0] * len(learn), *others]


_steps: dict[tuple, tuple[Step, list[float]]] = {}  # keyed by the trace


def _traced(neuron: Any, detach: bool, learn: tuple[str, ...]) -> tuple[Step, list[float]]:
    """Return (step, k without the learned constants) for a neuron."""
    trace = Trace()
    neuron = _with_names(neuron)
    jet = Spike(neuron.spike, neuron.threshold)
    sizes = len(neuron.filtering), len(neuron.states), len(learn)
    given = Given(trace, *sizes)
    S, *results = _run(neuron, jet.about(None, detach), learn, given)
    traced = (S, *results, jet.slope(given.v) * given.d)
    values, tangents = (each(lambda a: trace.number(of(a)), traced) for of in (value, derivative))
    key = (sizes, *trace.numbers, *each(lambda a: a.place, (values, tangents)))
    if key not in _steps:
        if len(_steps) == KNOWN:
            _steps.clear()
        _steps[key] = _coded(sizes, given, values, tangents)
    return _steps[key]


_of_shipped = lru_cache(KNOWN)(_traced)  # their source lines do not change


def _coded(sizes: tuple, given: "Given", values: tuple, tangents: tuple) -> tuple[Step, list]:
    """Generate the code that computes the results (S', dX, dS, slope) and their tangents. S' begins
    with u."""
    filters, states, learned = sizes
    carried = filters + states
    after, dX, dS, slope = values
    u = after[0]
    along, back = tangents[0], (tangents[1], dS[:carried], tangents[2])
    before = [given.b.x, *(a.x for a in given.S)]
    k = {a.x: f"k[{n}]" for n, a in enumerate(given.k)}
    k |= {a.d: f"k[{learned + n}]" for n, a in enumerate(given.k)}
    asked = (dX, dS, along, back)
    ahead = within(needed(asked, {}), [*before, *(a.x for a in given.k)])
    past = fewest(asked, {u: "u", **k}, before, ahead)
    known = {u: "u", **k, **dict.fromkeys(past, "")}
    u_dot: Any = given.u.d
    before_dot: list[Any] = [given.b.d, *(a.d for a in given.S)]
    past_dot = fewest(back, {**known, u_dot: ""}, before_dot, needed(along, known))

    def named(**given: Any) -> dict:
        names: dict = {}
        for name, numbers in given.items():
            many = isinstance(numbers, list)
            names |= {a: f"{name}[{n}]" for n, a in enumerate(numbers if many else ())}
            names |= {} if many else {numbers: name}
        return names

    S = [a.x for a in given.S]
    S_dot = [a.d for a in given.S]
    adjoints = [a.x for a in given.dS]
    adjoints_dot = [*adjoints[:carried], *(a.d for a in given.dS)]
    both = dict(u=[u, u_dot], du=[given.du.x, given.du.d])
    pair = named(v=[given.v.x, given.v.d], d=[given.d.x, given.d.d])
    pasts = [*past, *past_dot]
    tangents_back = (dX, back[0]), (*back[1], *back[2])
    passes: tuple[tuple[str, Any, dict], ...] = (
        ("forward(k, past, u, b, S)", (after, past), named(S=S, b=given.b.x)),
        (
            "forward_tangent(k, past, u, b, S)",
            (along, past_dot),
            named(past=list(past), S=S_dot, u=u, b=given.b.d),
        ),
        ("backward(k, past, u, du, S)", ((dX,), dS), named(past=list(past), S=adjoints, **both)),
        (
            "backward_tangent(k, past, u, du, S)",
            tangents_back,
            named(past=pasts, S=adjoints_dot, **both),
        ),
        ("slope(k, v, d)", (slope,), pair),
        ("slope_tangent(k, v, d)", (slope, tangents[3]), pair),
    )
    codes = tuple(code_of(head, results, names, k) for head, results, names in passes)
    step = Step(codes, filters, states, learned, len(past), len(past_dot))
    return step, [a.operation for a in k][2 * learned :]


class Given:
    """The inputs at one site, as dual numbers."""

    def __init__(self, trace: Trace, filters: int, states: int, learned: int):
        one = lambda name: Dual(trace.once(name), trace.once(f"{name}_dot"))
        several = lambda name, count: tuple(one(f"{name}{n}") for n in range(count))
        self.b, self.u, self.du, self.v, self.d = map(one, ("b", "u", "du", "v", "d"))
        self.S = several("S", 1 + filters + states)
        self.dS = several("dS", filters + states + 1 + learned)
        self.k = several("k", learned)


def _run(neuron: Any, jet: Spike, learn: tuple[str, ...], given: Given) -> tuple:
    """Return (S', dX, dS), using the step from `core.layer` and its backward step. If the neuron
    delays, the input X enters the first filter one step after the other filters advance, because by
    then it includes the layer's own spikes."""
    constants = dict(zip(learn, given.k))
    maker = neuron.at_work(constants, jet)
    decays = [constants.get(name, getattr(neuron, name)) for name in neuron.filtering]
    X, *F = given.S[: 1 + len(decays)]
    z = given.S[1 + len(decays) :]
    if neuron.delay:
        first = advance(F[:1], X, decays[:1], 0)
        others = advance(F[1:], first[0], decays[1:], 1)
        after, I = [*first, *others], F[-1] + given.b
    else:
        comes = X + given.b
        after = advance(F, comes, decays, 0)
        I = after[-1]
    u, z_after = maker.forward(I, z)
    check_states(neuron, z_after, neuron.states, "forward")

    n, end = len(F), len(F) + len(z)
    dF, dz, dbias = list(given.dS[:n]), given.dS[n:end], given.dS[end]
    recorded = Dual(given.u.x.trace.number(value(u)), given.u.d)
    dI, dz, *dk = maker.backward(I, z, recorded, given.du, dz)
    check_states(neuron, dz, neuron.states, "backward")
    if neuron.delay:
        down, d_others, more = advance_back(dF[1:], decays[1:], 1, (F[1:], first[0], others))
        of_first = [dF[0] + down], decays[:1], 0, (F[:1], X, first)
        dX, d_first, of_decays = advance_back(*of_first)
        dF, of_decays = [*d_first, *d_others], [*of_decays, *more]
        dF[-1] = dF[-1] + dI
    else:
        dF[-1] = dF[-1] + dI
        dX, dF, of_decays = advance_back(dF, decays, 0, (F, comes, after))
    shares = list(zip(neuron.filtering, of_decays))
    if any(name in neuron.learnable for name in learn):
        shares += zip(neuron.learnable, *dk, strict=True)
    sums = dict(zip(learn, given.dS[end + 1 :]))
    for name, share in shares:
        if name in sums:
            sums[name] = sums[name] + share
    dbias = dbias + (dI if neuron.delay else dX)
    return (u, *after, *z_after), dX, (*dF, *dz, dbias, *sums.values())


class Named(float):
    """A constant with a name, which distinguishes it from constants of equal value."""

    name: str


def _with_names(neuron: Any) -> Any:
    """Return a copy of the neuron in which every constant has a name."""
    neuron = copy(neuron)
    for f in fields(neuron):
        if f.name != "surrogate":
            constant = vars(neuron)[f.name] = Named(getattr(neuron, f.name))
            constant.name = f.name
    return neuron


def refusal(make: Callable[[], Any]) -> str:
    """Return the reason why a neuron cannot be compiled, together with the user's line that
    prevents it; '' if it can be compiled."""
    try:
        make()
    except Exception as error:
        frames = [
            f for f in extract_tb(error.__traceback__) if not f.filename.startswith(NOT_OF_USERS)
        ]
        where = [f"line {f.lineno} of {f.filename}, `{f.line}`: " for f in frames]
        return f"{where[-1] if where else ''}{error}"
    return ""
