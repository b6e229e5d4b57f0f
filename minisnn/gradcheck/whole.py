"""Comparison of a network's gradient, Hessian-vector product and meta-gradient with differences of
its twins, and of compiled kernels with the reference.

The spiking network's surrogate gradient and Hessian are the true ones of its jet form at the
recorded point, so finite differences of the jet form must converge to them. The smooth form tests
the same code with derivatives that vary. A record fixes the states at the window's start, the sites
chosen by max pooling, a detached reset's spikes, and the gates (`InnerLoop.record`). A network
without spikes has one twin, also called "jet", which fixes the sites chosen by max pooling.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.linalg import norm

from ..core.dual import Array, total
from ..meta.inner import InnerLoop
from ..meta.tasks import Task
from .parts import check_part, check_symmetry
from .report import Result, central, differences, relative, share

SMALL = 1e-3  # least scale of an array's error, as a share of the whole: less is rounding


def parts_of(net: Any) -> dict[str, slice]:
    """List the parts of theta: first theta as a whole, then each of its arrays."""
    return {"theta": slice(0, net.size)} | {p.name: p.slice for p in net.layout}


def check_compiled(
    net: Any, theta: Array, task: Task, rng: np.random.Generator, loop: InnerLoop
) -> list[Result]:
    """Compare the results that a network's kernels give with those of the reference."""
    v = rng.standard_normal(net.size)
    columns = []
    for engine in (net, net.like(backend="numpy")):
        _, gradient, logits, hvp = engine.gradients(theta, task.x_support, task.y_support)
        p, pullback = engine.features_and_pullback(theta, task.x_support)
        meta = loop.meta_gradient(engine, theta, task).gradient
        columns.append([logits, p, gradient, pullback(np.cos(p)), hvp(v), meta])
    rows = []
    names = ("logits", "features", "gradient", "pullback", "hvp", "meta-gradient")
    for what, ours, theirs in zip(names, *columns):
        for where, part in parts_of(net).items() if theirs.ndim == 1 else [("all", ...)]:
            error = relative(ours[part], theirs[part], SMALL * norm(theirs))
            rows.append(Result(f"compiled {what}", where, "reference", error, 1e-10))
    return rows


def check_slopes(
    what: str,
    places: dict[str, slice],
    gradient: Array,
    value: Callable[[Array], float],
    rng: np.random.Generator,
    twin: str,
    tolerance: float = 1e-7,
) -> list[Result]:
    """Compare a gradient with differences of value(d), where d is the displacement. There is one
    row for a random direction within each array."""
    rows = []
    for where, part in places.items():
        d = 0 * gradient
        d[part] = rng.standard_normal(d[part].shape)
        d /= norm(d)
        floor = max(norm(gradient[part]), SMALL * norm(gradient), 1e-4 * abs(value(0 * d)))

        def mistake(h):
            return share(gradient @ d - central(lambda s: value(s * d), h), floor)

        rows.append(differences(what, where, mistake, tolerance, twin))
    return rows


def check_network(
    net: Any, theta: Array, x: Array, y: Any, rng: np.random.Generator, twin: str
) -> list[Result]:
    """Compare the gradient and H v with differences of a twin's loss and gradient, with one row per
    array; and check that H is symmetric."""
    record = net.record(theta, x)
    own = net.gradients(theta, x, y, **({} if twin == "jet" else dict(spike=twin, record=record)))
    v = rng.standard_normal(net.size) / np.sqrt(net.size)
    Hv = own.hvp(v)
    loss = lambda d: net.loss(theta + d, x, y, spike=twin, record=record)

    @cache
    def gradient(h):
        return net.gradients(theta + h * v, x, y, False, spike=twin, record=record).gradient

    floor = max(SMALL * norm(Hv), 1e-6 * norm(own.gradient))
    rows = check_slopes("gradient", parts_of(net), own.gradient, loss, rng, twin)
    for where, part in parts_of(net).items():
        by = lambda h: relative(central(gradient, h)[part], Hv[part], floor)
        rows.append(differences("hvp", where, by, 1e-6, twin))
    return [*rows, check_symmetry("hvp", "theta", lambda v: (own.hvp(*v),), (theta,), rng)]


def check_meta_gradient(
    net: Any,
    theta: Array,
    task: Task,
    rng: np.random.Generator,
    loop: InnerLoop,
    twin: str,
    name: str,
) -> list[Result]:
    """Compare a loop's meta-gradient, with respect to theta and to the step size, with differences
    of a twin that is recorded at every theta_n on the network's own path."""
    recorded = loop.record(net, theta, task)
    form = () if twin == "jet" else (twin, recorded)
    own = loop.meta_gradient(net, theta, task, 2, *form)

    def loss(d):
        moved = replace(loop, step_size=loop.step_size + d[-1])
        return moved.loss(net, theta + d[:-1], task, twin, recorded)

    both = np.append(own.gradient, own.step_size_gradient)
    places = {"theta": slice(0, net.size), "step size": slice(net.size, None)}
    return check_slopes(name, places, both, loss, rng, twin, 1e-6)


def check_update(net: Any, rng: np.random.Generator, loop: InnerLoop) -> list[Result]:
    """Compare an inner loop's `update_backward` with its `update`, one row per argument, including
    the memory of its steps.

    >>> net, rng = ms.SpikingNet((6,), (), ways=3), np.random.default_rng(0)
    >>> rows = ms.gradcheck.check_update(net, rng, ms.ImplicitLoop(proximal=0.7))
    >>> all(row.ok for row in rows)
    True
    """
    m = rng.integers(0, 2, net.size)
    kind = f"{type(loop).__name__}.update_backward"

    memory: Any = loop.memory(np.zeros(net.size))
    remembers = memory is not None

    def forward(theta, start, g, a, *memory):
        found = replace(loop, step_size=a).update(theta, start, m, g, *memory)
        return found if remembers else (found,)

    def backward(z, dy):
        theta, start, g, a, *memory = z
        found: Any = replace(loop, step_size=a).update_backward(theta, start, m, g, *memory, *dy)
        adjoint, *dmemory = found if remembers else (found,)
        flat = (d + np.zeros(net.size) for d in adjoint[:3])
        return (*flat, total(adjoint.step_size), *dmemory)

    names = ["theta", "start", "gradient", "step_size"] + ["memory"] * remembers
    values = [*rng.standard_normal((3, net.size)), 0.5]
    values += [rng.standard_normal(np.shape(memory))] * remembers
    point = {f"{kind} {name}": a for name, a in zip(names, values)}
    return check_part(kind, "inner loop", point, forward, backward, rng)
