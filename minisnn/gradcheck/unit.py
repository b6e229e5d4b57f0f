"""One layer on its own: what its four passes are held against, at the very point where the network
calls them.

A *unit* is anything with the four passes: a synapse, a membrane, a pooling, a convolution, a whole
block. Its passes are the network's own (the hard ones of a spiking network). Against them stand,
for random directions of all its arguments,

    forward_tangent    central differences of the jet form's forward
    backward           the same differences, paired with dy: <dy, y(z + h z_dot) - y(z - h z_dot)> /
                       2h = <dz, z_dot>
    adjoint            <dy, y_dot> = <dz, z_dot>, hard passes only, to rounding (Griewank & Walther
                       2008)
    symmetry           <z_dot_2, H z_dot_1> = <z_dot_1, H z_dot_2> with H the Hessian of <dy, y>, to
                       rounding
    backward_tangent   central differences of the jet form's backward
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .differences import STEPS, best, inner, norm, relative
from .report import LAYER, Result

EXACT = 1e-12  # adjoint and symmetry
DIFFERENCES = 1e-7  # best central difference


@dataclass(frozen=True)
class Unit:
    """Four passes at a point z (arrays by the names of their arguments), as functions of arrays
    alone.

    value(z) -> (y, tape) and adjoint(z, tape, dy) -> dz are the jet form's, to be differenced; `y`
    is the hard forward's. forward_tangent(z_dot) -> (y_dot, tape_dot), backward(dy) -> dz,
    backward_tangent(z_dot, tape_dot, dy, dy_dot) -> dz_dot are the hard passes under test. An
    argument that a unit does not differentiate is left out of z.
    """

    where: str
    name: str
    point: dict[str, np.ndarray]
    y: np.ndarray
    level: int
    value: Callable
    adjoint: Callable
    forward_tangent: Callable
    backward: Callable
    backward_tangent: Callable


def differences(
    what, where, mistake, tolerance, level=LAYER, twin="", steps=STEPS, enough=None, excused=False
) -> Result:
    """A row: the smallest mistake(h) over the step sizes, the search for which ends at `enough`
    (tolerance / 100)."""
    error, h = best(mistake, steps, tolerance / 100 if enough is None else enough)
    return Result(
        what,
        where,
        f"differences{twin and ', '}{twin}",
        error,
        tolerance,
        level,
        f"h = {h:.0e}",
        excused,
    )


def check_unit(unit: Unit, rng: np.random.Generator, thorough: bool = False) -> list[Result]:
    """Results of the four passes of one unit along random directions."""
    z = tuple(unit.point.values())
    z_dot, z_dot_2 = (tuple(rng.standard_normal(a.shape) for a in z) for _ in range(2))
    dy, dy_dot = rng.standard_normal((2, *unit.y.shape))
    rows: list[Result] = []

    def exact(what, how, error, excused=False):
        rows.append(
            Result(
                unit.name + what, unit.where, how, float(error), EXACT, unit.level, excused=excused
            )
        )

    def close(what, mistake, excused=False):
        enough = 0.0 if thorough else None
        rows.append(
            differences(
                unit.name + what,
                unit.where,
                mistake,
                DIFFERENCES,
                unit.level,
                enough=enough,
                excused=excused,
            )
        )

    def along(z, z_dot, h):
        return tuple(a + h * a_dot for a, a_dot in zip(z, z_dot))

    def difference(z_dot, h):
        return (unit.value(along(z, z_dot, h))[0] - unit.value(along(z, z_dot, -h))[0]) / (2 * h)

    def adjoint(h):
        at = along(z, z_dot, h)
        return unit.adjoint(at, unit.value(at)[1], dy + h * dy_dot)

    dz = unit.backward(dy)
    y_dot, tape_dot = unit.forward_tangent(z_dot)
    dz_dot = unit.backward_tangent(z_dot, tape_dot, dy, dy_dot)
    exact(".forward", "jet form's value", relative(unit.y, unit.value(z)[0]))
    scale = norm(dy) * norm(y_dot) + norm(dz) * norm(z_dot)
    close(".forward_tangent", lambda h: relative(y_dot, difference(z_dot, h)))
    for n, argument in enumerate(unit.point):
        alone = tuple(a_dot if n == m else 0 * a_dot for m, a_dot in enumerate(z_dot))
        paired = lambda h: _quotient(
            abs(inner(dy, difference(alone, h)) - inner(dz[n], z_dot[n])), scale
        )
        close(f".backward d{argument}", paired)
    wrong = not all(r.ok for r in rows[1:])
    exact(
        ".forward_tangent, .backward",
        "adjoint",
        _quotient(abs(inner(dy, y_dot) - inner(dz, z_dot)), scale),
        wrong,
    )
    for n, argument in enumerate(unit.point):
        mistake = lambda h: relative(dz_dot[n], (adjoint(h)[n] - adjoint(-h)[n]) / (2 * h))
        close(f".backward_tangent d{argument}_dot", mistake, wrong)
    h1 = unit.backward_tangent(z_dot, tape_dot, dy, 0 * dy)
    h2 = unit.backward_tangent(z_dot_2, unit.forward_tangent(z_dot_2)[1], dy, 0 * dy)
    error = _quotient(
        abs(inner(z_dot_2, h1) - inner(z_dot, h2)),
        norm(z_dot_2) * norm(h1) + norm(z_dot) * norm(h2),
    )
    exact(".backward_tangent", "symmetry", error, not all(r.ok for r in rows))
    return rows


def _quotient(difference, scale):
    return 0.0 if difference == 0 else difference / scale if scale > 0 else np.inf
