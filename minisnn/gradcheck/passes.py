"""Which pass is wrong: every pass of every layer on its own, at the very point where the network calls it.

A *unit* is anything with the four passes: a synapse, a membrane, a pooling, a whole block. Its passes are the hard ones
(the spiking network's own). Against them stand, for random directions of all its arguments,

    forward_tangent    central differences of the jet form's forward
    backward           the same differences, paired with dy: <dy, y(z + h z_dot) - y(z - h z_dot)> / 2h = <dz, z_dot>
    adjoint            <dy, y_dot> = <dz, z_dot>, hard passes only, to rounding (Griewank & Walther 2008)
    symmetry           <z_dot_2, H z_dot_1> = <z_dot_1, H z_dot_2> with H the Hessian of <dy, y>, to rounding
    backward_tangent   central differences of the jet form's backward
"""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import surrogate
from ..layers import block as reference
from ..layers import membrane, pool, synapse
from ..loss import LOSSES
from .differences import STEPS, best, inner, norm, relative
from .report import BLOCK, LAYER, Result

EXACT = 1e-12           # adjoint and symmetry
DIFFERENCES = 1e-7      # best central difference


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


def check_passes(net, theta, x, y, rng: np.random.Generator, thorough: bool = False) -> list[Result]:
    """Results of every pass of every layer and of the loss; `check` collects them."""
    logits, found = units(net, theta, x)
    results = check_surrogate(net, rng) + check_loss(net, logits, y, rng)
    for unit in found:
        results += check_unit(unit, rng, thorough)
    return results


def units(net, theta, x) -> tuple[np.ndarray, list[Unit]]:
    """(logits, units): synapse, membrane, pooling of every block; then the blocks as the backend runs them."""
    engine, x = net.engine(), net._input(x)
    logits, tapes = net._passes(reference, net.parameters(theta), x, "hard", None, True)
    own = tapes if engine is reference else net._passes(engine, net.parameters(theta, engine), x, "hard", None, True)[1]
    found, blocks = [], []
    for n, (b, weight, bias) in enumerate(net.parameters(theta)):
        found += [_synapse(b, weight, bias, tapes[n]), _membrane(b, weight, bias, tapes[n])]
        if not b.readout:
            found.append(_pool(b, tapes[n]))
        blocks.append(_block(engine, b, weight, bias, tapes[n], own[n], net.window, first=n == 0))
    return logits, found + blocks


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
        error, h = best(lambda h: _quotient(abs(inner(dy, difference(alone, h)) - inner(dz[n], z_dot[n])), scale),
                        STEPS, enough)
        rows.append(row(f".backward d{argument}", "differences", error, DIFFERENCES, f"h = {h:.0e}"))
    backward_wrong = not all(r.ok for r in rows[2:])
    error = _quotient(abs(inner(dy, y_dot) - inner(dz, z_dot)), scale)
    rows.append(row(".forward_tangent, .backward", "adjoint", error, EXACT, excused=tangent_wrong or backward_wrong))

    for n, argument in enumerate(unit.arguments):
        def mistake(h):
            up, down = (unit.adjoint(along(z, z_dot, s), dy + s * dy_dot)[n] for s in (h, -h))
            return relative(dz_dot[n], (up - down) / (2 * h))
        error, h = best(mistake, STEPS, enough)
        rows.append(row(f".backward_tangent d{argument}_dot", "differences", error, DIFFERENCES, f"h = {h:.0e}",
                        tangent_wrong or backward_wrong))
    h1 = unit.backward_tangent(z_dot, tape_dot, 0 * dy)
    h2 = unit.backward_tangent(z_dot_2, unit.forward_tangent(z_dot_2)[1], 0 * dy)
    error = _quotient(abs(inner(z_dot_2, h1) - inner(z_dot, h2)), norm(z_dot_2) * norm(h1) + norm(z_dot) * norm(h2))
    rows.append(row(".backward_tangent", "symmetry", error, EXACT, excused=not all(r.ok for r in rows)))
    return rows


def check_surrogate(net, rng: np.random.Generator) -> list[Result]:
    """sigma' against differences of sigma, sigma'' against differences of sigma', away from the kink at zero."""
    slope = net.neuron.slope
    a = rng.uniform(0.05, 1, 40) * rng.choice([-1, 1], 40)
    rows = []
    for function, derivative in ((surrogate.sigma, surrogate.sigma_prime),
                                 (surrogate.sigma_prime, surrogate.sigma_second)):
        def error(h):
            return relative(derivative(a, slope), (function(a + h, slope) - function(a - h, slope)) / (2 * h))
        found, h = best(error, STEPS, DIFFERENCES / 100)
        rows.append(Result(f"surrogate.{derivative.__name__}", "every spike", "differences", found, DIFFERENCES,
                           note=f"h = {h:.0e}"))
    return rows


def check_loss(net, logits, y, rng: np.random.Generator) -> list[Result]:
    """The loss's adjoint against differences of the loss, the tangent of its adjoint against differences of that."""
    value, backward, backward_tangent = LOSSES[net.loss_name]
    y = net._target(y, len(logits))
    directions = rng.standard_normal((4, *logits.shape))
    slopes = [inner(backward(logits, y), d) for d in directions]
    logits_dot = directions[0]

    def backward_error(h):
        return relative(slopes, [(value(logits + h * d, y) - value(logits - h * d, y)) / (2 * h) for d in directions],
                        1e-6 * abs(value(logits, y)))

    def tangent_error(h):
        return relative(backward_tangent(logits, logits_dot, y),
                        (backward(logits + h * logits_dot, y) - backward(logits - h * logits_dot, y)) / (2 * h))

    rows = []
    for name, error in (("backward", backward_error), ("backward_tangent", tangent_error)):
        found, h = best(error, STEPS, DIFFERENCES / 100)
        rows.append(Result(f"loss.{net.loss_name}_{name}", "logits", "differences", found, DIFFERENCES,
                           note=f"h = {h:.0e}", excused=any(not r.ok for r in rows)))
    return rows


def _quotient(difference, scale):
    return 0.0 if difference == 0 else difference / scale if scale > 0 else np.inf


def _padded(x, steps):
    """x with zero steps appended: the last two of a window never reach the synapse's output."""
    return np.concatenate([x, np.zeros((len(x), steps - x.shape[1]) + x.shape[2:], x.dtype)], 1)


def _synapse(b, weight, bias, tape) -> Unit:
    x, start, n, neuron = tape["x"], (tape["p"], tape["q"]), tape["x"].shape[1], b.neuron
    short = x[:, :max(n - 2, 0)]

    def run(z):
        return synapse.forward(z[0], z[1], np.concatenate([z[2], x[:, z[2].shape[1]:]], 1), start, neuron)

    def adjoint(z, dy):
        dx, dweight, dbias = synapse.backward(z[0], run(z)[1], dy, neuron)
        return dweight, dbias, dx

    def backward(dy):
        dx, dweight, dbias = synapse.backward(weight, tape, dy, neuron)
        return dweight, dbias, dx

    def backward_tangent(z_dot, tape_dot, dy_dot):
        dx_dot, dweight_dot, dbias_dot = synapse.backward_tangent(weight, z_dot[0], tape, tape_dot, dy_dot, neuron)
        return dweight_dot, dbias_dot, dx_dot

    return Unit(b.name, "synapse", ("weight", "bias", "x"), (weight, bias, short), run((weight, bias, short))[0],
                lambda z: run(z)[0], adjoint,
                lambda z_dot: synapse.forward_tangent(weight, z_dot[0], z_dot[1], tape, z_dot[2], neuron, n),
                backward, backward_tangent)


def _membrane(b, weight, bias, tape) -> Unit:
    current = synapse.forward(weight, bias, tape["x"], (tape["p"], tape["q"]), b.neuron)[0]
    hard, r, a0 = tape["membrane"], tape["r"], tape["u"] - b.neuron.threshold
    options = (b.neuron, b.detach_reset)

    def run(z):
        return membrane.forward(z[0], r, *options, "jet", a0)

    return Unit(b.name, "membrane", ("I",), (current,), tape["u"], lambda z: run(z)[0],
                lambda z, dy: (membrane.backward(run(z)[1], dy, *options),),
                lambda z_dot: membrane.forward_tangent(hard, z_dot[0], *options),
                lambda dy: (membrane.backward(hard, dy, *options),),
                lambda z_dot, tape_dot, dy_dot: (membrane.backward_tangent(hard, tape_dot, dy_dot, *options),))


def _pool(b, tape) -> Unit:
    u, hard, seen = tape["u"], tape["pool"], {}

    def run(z):
        return pool.forward(z[0], b.pool, b.neuron, "jet", u)

    def backward(dy):
        seen["dy"] = dy
        return (pool.backward(hard, dy, b.pool, b.neuron),)

    return Unit(b.name, "pool", ("u",), (u,), pool.forward(u, b.pool, b.neuron)[0], lambda z: run(z)[0],
                lambda z, dy: (pool.backward(run(z)[1], dy, b.pool, b.neuron),),
                lambda z_dot: pool.forward_tangent(hard, z_dot[0], b.pool, b.neuron), backward,
                lambda z_dot, tape_dot, dy_dot: (
                    pool.backward_tangent(hard, tape_dot, seen["dy"], dy_dot, b.pool, b.neuron),))


def _block(engine, b, weight, bias, tape, own, window, first) -> Unit:
    """A block as the network calls it; the first one sees data, which has no tangent."""
    x, n = tape["x"], tape["x"].shape[1]
    record = {"p": tape["p"], "q": tape["q"], "r": tape["r"], "u": tape["u"]}
    inputs = () if first else (x[:, :max(n - 2, 0)],)

    def run(z):
        moved = x if first else np.concatenate([z[2], x[:, z[2].shape[1]:]], 1)
        return reference.forward(b, z[0], z[1], moved, window, "jet", record)

    def order(dx, dweight, dbias):
        return (dweight, dbias) if first else (dweight, dbias, dx)

    def forward_tangent(z_dot):
        return engine.forward_tangent(b, weight, z_dot[0], z_dot[1], own, None if first else z_dot[2], n)

    u = own["u"].reshape(tape["u"].shape)
    y = u[:, -1, 0, 0] if b.readout else pool.forward(u, b.pool, b.neuron)[0]
    return Unit(b.name, "block", ("weight", "bias") if first else ("weight", "bias", "x"), (weight, bias, *inputs), y,
                lambda z: run(z)[0],
                lambda z, dy: order(*reference.backward(b, z[0], run(z)[1], dy, not first)),
                forward_tangent,
                lambda dy: order(*engine.backward(b, weight, own, dy, not first)),
                lambda z_dot, tape_dot, dy_dot: order(*engine.backward_tangent(b, weight, z_dot[0], own, tape_dot,
                                                                              dy_dot, not first)),
                BLOCK)

