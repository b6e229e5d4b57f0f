"""Comparison of each function's backward pass with its forward pass, at the point where the network
calls it.

    adjoint     <dy, y_dot> = <dz, v>      y_dot the derivative of forward along v, dz = backward(dy)
    symmetry    <w, H v> = <v, H w>        H the Hessian of <dy, y>, in z and dy: H v is the derivative
                                           along v of (backward, forward)

Both derivatives come from dual numbers, so the identities hold to rounding (Griewank & Walther
2008). A wrong term in backward breaks the first, a derivative lost in it the second.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from ..core.dual import Array, Dual, derivative, total
from ..core.layer import Layer, State, Tape, Weights
from ..core.linear import QUARTER, gather, scatter
from ..core.own import At
from .report import EXACT, Result, central, differences, relative, share

REFUSED = (TypeError, AttributeError)  # raised by dual numbers for functions without a rule


def like(arrays: Sequence, rng: np.random.Generator) -> tuple:
    """Return a random direction for each array, in the array's shape."""
    return tuple(np.asarray(rng.standard_normal(np.shape(a))) for a in arrays)


def inner(a: Sequence, b: Sequence) -> float:
    """Return the inner product <a, b>, summed over several arrays."""
    return sum(map(np.vdot, a, b))


def tangent(f: Callable, z: Sequence, v: Sequence) -> tuple[Array, ...]:
    """Return the derivative of the arrays f(*z) along v, computed with dual numbers."""
    moving = [Dual(a, d) if np.any(d) else a for a, d in zip(z, v)]
    return tuple(derivative(a) for a in f(*moving))


def check_part(
    name: str,
    where: str,
    point: dict[str, Any],
    forward: Callable,
    backward: Callable,
    rng: np.random.Generator,
) -> list[Result]:
    """Return a row for the adjoint of each argument and, if all adjoints are right, one for
    symmetry.

    point      the arguments z, each with the name of its adjoint
    forward    (*z) -> y, a tuple
    backward   (z, dy) -> dz, both tuples

    If forward uses a function without a rule for dual numbers, finite differences replace them.
    """
    z = tuple(np.asarray(a, np.float64) for a in point.values())
    y = forward(*z)
    dy = like(y, rng)
    rows = []
    for n, adjoint in enumerate(point):
        v = [a if m == n else 0 * a for m, a in enumerate(like(z, rng))]
        found = np.vdot(backward(z, dy)[n], v[n])

        def mistake(y_dot):
            size = inner(y_dot, y_dot) + inner(y, y)  # squared size, in y's precision
            return share(found - inner(dy, y_dot), abs(found) + np.sqrt(inner(dy, dy) * size))

        try:
            y_dot = tangent(forward, z, v)
            note = "" if mistake(y_dot) <= EXACT else f"{found:.4g}, not {inner(dy, y_dot):.4g}"
            rows.append(Result(adjoint, where, "adjoint", mistake(y_dot), note=note))
        except REFUSED:
            moved = lambda s, k: forward(*(a + s * d for a, d in zip(z, v)))[k]
            by = lambda h: mistake([central(partial(moved, k=k), h) for k in range(len(y))])
            rows.append(differences(adjoint, where, by))
    if all(row.ok for row in rows):
        with suppress(*REFUSED):
            both = lambda *a: (*backward(a[: len(z)], a[len(z) :]), *forward(*a[: len(z)]))
            product = partial(tangent, both, (*z, *dy))
            rows.append(check_symmetry(name, where, product, (*z, *dy), rng))
    return rows


def check_symmetry(
    name: str, where: str, product: Callable, z: Sequence, rng: np.random.Generator
) -> Result:
    """Return a row that checks the symmetry of H, given product(v) = H v."""
    v = like(z, rng)
    w = like(z, rng)
    Hv = product(v)
    Hw = product(w)
    scale = np.sqrt(inner(w, w) * inner(Hv, Hv)) + np.sqrt(inner(v, v) * inner(Hw, Hw))
    return Result(name, where, "symmetry", share(inner(w, Hv) - inner(v, Hw), scale))


# ---- the parts of a network


def check_parts(net: Any, theta: Array, x: Array, y: Any, rng: np.random.Generator) -> list[Result]:
    """Return rows for the spikes and the loss, and then rows for each layer."""
    rows = check_spikes(net, rng) + check_loss(net, net(theta, x), y, rng)
    record = net.record(theta, x)
    views = net.views(theta)
    x = net._enter(net._input(x))[-net.window :]
    for layer, w, frozen in zip(net.blocks, net.weights(theta), record):
        arrays = {p.part: views[p.name] for p in net.layout if p.layer == layer.name}
        found = layer.forward(w, x, frozen["start"], len(x))
        parts = check_neuron(layer, w, found.tape, rng)
        if layer.pool != "none":
            parts += check_pool(layer, found.tape, rng)
        if all(row.ok for row in parts):
            parts += check_layer(layer, arrays, x, frozen["start"], rng)
        rows += parts
        x = found.y
    return rows


def check_spikes(net: Any, rng: np.random.Generator) -> list[Result]:
    """Compare each spike's slope and curvature with differences of the smooth form's value and
    slope, away from kinks. The curvature is checked only if the slope is right."""
    rows: list[Result] = []
    for neuron in dict.fromkeys(b.neuron for b in net.blocks if b.neuron.fires or not b.readout):
        surrogate = neuron.spike if neuron.fires else neuron
        a = rng.uniform(-1, 1, 40)
        kinks = (0.0, *getattr(surrogate, "kinks", ()))
        u = neuron.threshold + a[np.abs(np.subtract.outer(a, kinks)).min(1) >= 0.05]
        jet = neuron.jet("smooth").about(u)
        for f, held, name in (
            (jet.value, jet.slope(u), "prime"),
            (jet.slope, derivative(jet.slope(Dual(u, np.ones_like(u)))), "second"),
        ):
            if all(row.ok for row in rows):
                by = lambda h: relative(held, central(lambda s: f(u + s), h))
                rows.append(differences(f"{type(surrogate).__name__}.{name}", "every spike", by))
    return rows


def check_loss(net: Any, logits: Array, y: Any, rng: np.random.Generator) -> list[Result]:
    """Compare the loss's gradient with the loss's value. If the gradient is right, also check its
    tangent, which must be symmetric."""
    loss, y = net.criterion, net._target(y, logits.shape)
    name = net.loss_name.partition("(")[0] + ".backward"
    value = lambda z: (np.asarray(loss.value(z, y)),)
    back = lambda z, dy: (dy[0] * loss.backward(*z, y),)
    rows = check_part(name, "logits", {name: logits}, value, back, rng)
    if rows[0].ok:
        name += "_tangent"
        rows += check_part(
            name,
            "logits",
            {name: logits},
            lambda z: (loss.backward(z, y),),
            lambda z, dy: (loss.backward_tangent(*z, *dy, y),),
            rng,
        )
    return rows


def check_pool(layer: Layer, tape: Tape, rng: np.random.Generator) -> list[Result]:
    """Check a layer's pooling, while the sites of its maxima are kept fixed."""
    shares = tape.shares or QUARTER
    return check_part(
        "pool",
        layer.name,
        {"scatter": tape.u},
        lambda u: (gather(u, shares),),
        lambda z, dy: (scatter(*dy, shares, layer.sites),),
        rng,
    )


def check_layer(
    layer: Layer, arrays: dict[str, Array], x: Array, start: State, rng: np.random.Generator
) -> list[Result]:
    """Check a layer as a whole. If only its dweight is wrong, the error is in `conv_weight`; if
    only dx and the adjoints of decays are, it is in `conv_input` or `traces_back`."""

    def passed(*z):
        w = layer.weights(dict(zip(arrays, z)))
        return w, layer.forward(w, z[-1], start, len(x))

    def back(z, dy):
        w, found = passed(*z)
        dx, sums = layer.backward(w, found.tape, *dy)
        return (*(layer.chained(w, name, sums[name]) for name in arrays), dx)

    heard = x[: max(len(x) - layer.neuron.delay, 0)]  # inputs of the membrane
    point = {f"Layer.backward d{name}": a for name, a in {**arrays, "x": heard}.items()}
    return check_part("Layer.backward", layer.name, point, lambda *z: (passed(*z)[1].y,), back, rng)


# ---- a neuron


def check_neuron(layer: Layer, w: Weights, tape: Tape, rng: np.random.Generator) -> list[Result]:
    """Check the two methods of a layer's neuron at every step of the window. If it also has the two
    tangent methods, compare these with the derivatives of the first two."""
    neuron, learnable, n = layer.neuron, layer.neuron.learnable, 1 + len(layer.neuron.states)
    constants = [np.asarray(w.constants.get(name, getattr(neuron, name))) for name in learnable]
    z = (np.stack(tape.I), *map(np.stack, zip(*tape.z)), *constants)
    jet = neuron.jet("jet").about(tape.u, layer.detach_reset)
    kind = type(neuron).__name__

    def forward(*z):
        u, after = neuron.at_work(dict(zip(learnable, z[n:])), jet).forward(z[0], z[1:n])
        return (u, *after)

    def backward(z, dy):
        step = neuron.at_work(dict(zip(learnable, z[n:])), jet)
        dI, dz, *dk = step.backward(z[0], z[1:n], passes[0](*z)[0], dy[0], dy[1:])
        sums = [total(a) for a in (dk[0] if dk else ())]
        return (dI, *dz, *sums, *(np.zeros(()) for _ in learnable[len(sums) :]))

    def first(*z):
        u, after = neuron.forward(z[0], z[1:], jet.value)
        return (u, *after[: n - 1])

    def second(z, dy):
        at = At(z[0], z[1:n], first(*z)[0], z[n:], jet)
        dI, dz = neuron.backward(at, dy[0], (*dy[1:], *(0 * dy[0] for _ in learnable)))
        return (dI, *dz[: n - 1], *map(total, dz[n - 1 :]))

    passes = (first, second) if hasattr(neuron, "forward_tangent") else (forward, backward)
    names = ("I", *neuron.states, *learnable)
    point = {f"{kind}.backward d{name}": a for name, a in zip(names, z)}
    rows = check_part(f"{kind}.backward", layer.name, point, *passes, rng)
    if passes[0] is forward or not all(row.ok for row in rows):
        return rows
    split = lambda back: lambda *a: back(a[: len(z)], a[len(z) :])
    both = (*z, *like(z[:n], rng))
    with suppress(*REFUSED):
        for name, at, *pair in (
            ("forward_tangent", z, forward, first),
            ("backward_tangent", both, split(backward), split(second)),
        ):
            v = like(at, rng)
            error = max(map(relative, *(tangent(f, at, v) for f in pair)))
            rows.append(Result(f"{kind}.{name}", layer.name, "dual numbers", error))
    return rows
