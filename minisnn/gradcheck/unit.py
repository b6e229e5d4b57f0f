"""One layer on its own: what its four passes are held against, at the very point where the network calls them.

A *unit* is anything with the four passes: a synapse, a membrane, a pooling, a convolution, a whole block. Its passes are
the network's own (the hard ones of a spiking network). Against them stand, for random directions of all its arguments,

    forward_tangent    central differences of the jet form's forward
    backward           the same differences, paired with dy: <dy, y(z + h z_dot) - y(z - h z_dot)> / 2h = <dz, z_dot>
    adjoint            <dy, y_dot> = <dz, z_dot>, hard passes only, to rounding (Griewank & Walther 2008)
    symmetry           <z_dot_2, H z_dot_1> = <z_dot_1, H z_dot_2> with H the Hessian of <dy, y>, to rounding
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
    """Four passes at a point z (a tuple of arrays named by `arguments`), as functions of arrays alone.

    value(z) -> y and adjoint(z, dy) -> dz are the jet form's, to be differenced; hard_value is the spiking forward's y.
    forward_tangent(z_dot) -> (y_dot, tape_dot), backward(dy) -> dz, backward_tangent(z_dot, tape_dot, dy_dot) -> dz_dot
    are the hard passes under test. An argument that a unit does not differentiate is left out of z.
    """

    where: str
    name: str
    arguments: tuple[str, ...]
    point: tuple[np.ndarray, ...]
    hard_value: np.ndarray
    value: Callable
    adjoint: Callable
    forward_tangent: Callable
    backward: Callable
    backward_tangent: Callable
    level: int = LAYER


def check_unit(unit: Unit, rng: np.random.Generator, thorough: bool = False) -> list[Result]:
    """Results of the four passes of one unit along random directions."""
    z, enough = unit.point, 0 if thorough else DIFFERENCES / 100
    z_dot, z_dot_2 = (tuple(rng.standard_normal(a.shape) for a in z) for _ in range(2))
    dy, dy_dot = rng.standard_normal((2, *unit.hard_value.shape))

    def row(what, how, error, tolerance, note="", excused=False):
        return Result(f"{unit.name}{what}", unit.where, how, float(error), tolerance, unit.level, note, excused)

    def along(z, z_dot, h):
        return tuple(a + h * a_dot for a, a_dot in zip(z, z_dot))

    def difference(z_dot, h):
        return (unit.value(along(z, z_dot, h)) - unit.value(along(z, z_dot, -h))) / (2 * h)

    dz = unit.backward(dy)
    y_dot, tape_dot = unit.forward_tangent(z_dot)
    dz_dot = unit.backward_tangent(z_dot, tape_dot, dy_dot)
    rows = [row(".forward", "jet form's value", relative(unit.hard_value, unit.value(z)), EXACT)]
    scale = norm(dy) * norm(y_dot) + norm(dz) * norm(z_dot)

    error, h = best(lambda h: relative(y_dot, difference(z_dot, h)), STEPS, enough)
    rows.append(row(".forward_tangent", "differences", error, DIFFERENCES, f"h = {h:.0e}"))
    tangent_wrong = not rows[-1].ok
    for n, argument in enumerate(unit.arguments):
        alone = tuple(a_dot if n == m else 0 * a_dot for m, a_dot in enumerate(z_dot))

        def paired(h):
            return _quotient(abs(inner(dy, difference(alone, h)) - inner(dz[n], z_dot[n])), scale)

        error, h = best(paired, STEPS, enough)
        rows.append(row(f".backward d{argument}", "differences", error, DIFFERENCES, f"h = {h:.0e}"))
    backward_wrong = not all(r.ok for r in rows[2:])
    error = _quotient(abs(inner(dy, y_dot) - inner(dz, z_dot)), scale)
    rows.append(row(".forward_tangent, .backward", "adjoint", error, EXACT, excused=tangent_wrong or backward_wrong))

    for n, argument in enumerate(unit.arguments):

        def mistake(h):
            up, down = (unit.adjoint(along(z, z_dot, s), dy + s * dy_dot)[n] for s in (h, -h))
            return relative(dz_dot[n], (up - down) / (2 * h))

        error, h = best(mistake, STEPS, enough)
        what, excused = f".backward_tangent d{argument}_dot", tangent_wrong or backward_wrong
        rows.append(row(what, "differences", error, DIFFERENCES, f"h = {h:.0e}", excused))
    h1 = unit.backward_tangent(z_dot, tape_dot, 0 * dy)
    h2 = unit.backward_tangent(z_dot_2, unit.forward_tangent(z_dot_2)[1], 0 * dy)
    error = _quotient(abs(inner(z_dot_2, h1) - inner(z_dot, h2)), norm(z_dot_2) * norm(h1) + norm(z_dot) * norm(h2))
    rows.append(row(".backward_tangent", "symmetry", error, EXACT, excused=not all(r.ok for r in rows)))
    return rows


def _quotient(difference, scale):
    return 0.0 if difference == 0 else difference / scale if scale > 0 else np.inf
