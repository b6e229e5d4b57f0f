"""Gradient, Hessian-vector product and meta-gradient of a whole network, hard or smooth, against
their twins.

In the jet form at its own record, the spiking network's surrogate gradient and Hessian are true
ones. So finite differences of the jet form must converge to what the spiking network returns. The
smooth form checks the same passes with their own, varying derivatives. Records hold fixed the
states at the window's start, the sites that max pooling chose and a detached reset's spikes; gates
are held fixed with them (`InnerLoop.record`). A convolutional network has one twin, which keeps the
sites that max pooling chose and is called "jet" too.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..meta import inner as maml
from ..meta.rules import body
from .cases import KINK, threshold_of
from .differences import (
    SMOOTH_STEPS,
    SMOOTH_TAYLOR_STEPS,
    STEPS,
    TAYLOR_STEPS,
    inner,
    norm,
    relative,
    taylor_slope,
)
from .report import META, NETWORK, Result
from .unit import EXACT, differences

TWINS = ("jet", "smooth")
TOLERANCE = {"gradient": 1e-7, "hvp": 1e-6, "meta-gradient": 1e-6, "slope": 0.1}
# an array's error counts against at least this share of the whole derivative: below it is rounding
SMALL = 1e-3


def twins_of(net) -> tuple[str, ...]:
    """The twins that differ: a network without spikes is smooth already."""
    return TWINS if hasattr(net, "neuron") else TWINS[:1]


def _clear_of_kink(net, theta) -> bool:
    # nothing spikes, nothing has a kink
    if not hasattr(net, "neuron"):
        return True
    views = net.views(theta)
    for b in net.blocks:
        spike = b.neuron.spike if b.neuron.fires else net.neuron.spike
        bias = views[f"{b.name}.bias"] - threshold_of(net, b)
        if any(float(np.abs(bias - kink).min()) <= KINK for kink in spike.kinks):
            return False
    return True


def _skip(what, where, twin, tolerance, level):
    return [
        Result(
            what,
            where,
            f"differences, {twin}",
            np.nan,
            tolerance,
            level,
            f"a bias lies within {KINK} of the threshold, the kink of the smooth form",
            skipped=True,
        )
    ]


def _form(twin) -> str:
    """Whose derivatives a twin proves: the hard network's, or its own."""
    return "hard" if twin == "jet" else twin


def _steps(twin, thorough, tolerance):
    return (STEPS if twin == "jet" else SMOOTH_STEPS), 0.0 if thorough else tolerance / 30


def _parts(net) -> list[tuple[str, slice]]:
    """theta as a whole, then every array of it."""
    return [("theta", slice(0, net.size)), *((p.name, p.slice) for p in net.layout)]


def check_gradient(
    net, theta, x, y, rng: np.random.Generator, twin="jet", directions=3, thorough=False
) -> list[Result]:
    """Central differences of the loss along random directions against <gradient, d>, |d| = 1.

    One row is for theta as a whole, relative to the largest of the inner products. The others are
    for a direction within each parameter array, relative to the product of the norms of its
    gradient and d.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y, rng = case.task.x_support, case.task.y_support, np.random.default_rng(0)
    >>> rows = ms.gradcheck.check_gradient(case.net, case.theta, x, y, rng)
    >>> rows[0].where, all(row.ok for row in rows)
    ('theta', True)
    """
    if twin == "smooth" and not _clear_of_kink(net, theta):
        return _skip("gradient", "theta", twin, TOLERANCE["gradient"], NETWORK)
    record = net.record(theta, x)
    rows = []
    tolerance = TOLERANCE["gradient"]
    steps = _steps(twin, thorough, tolerance)
    loss, gradient = net.loss_and_gradient(theta, x, y, spike=_form(twin), record=record)

    def value(moved):
        return net.loss(moved, x, y, spike=twin, record=record)

    for where, part in _parts(net):
        d = np.zeros((directions if where == "theta" else 1, net.size))
        d[:, part] = rng.standard_normal((len(d), part.stop - part.start))
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        slopes = d @ gradient
        floor = (
            1e-6 * abs(loss)
            if where == "theta"
            else max(1e-4 * abs(loss), norm(gradient[part]), SMALL * norm(gradient))
        )

        def mistake(h):
            return relative(
                slopes, [(value(theta + h * e) - value(theta - h * e)) / (2 * h) for e in d], floor
            )

        rows.append(differences("gradient", where, mistake, tolerance, NETWORK, twin, *steps))
    return rows


def check_hvp(
    net, theta, x, y, rng: np.random.Generator, twin: str = "jet", thorough: bool = False
) -> list[Result]:
    """Central differences of the gradient against the Hessian-vector product (Pearlmutter 1994), a
    row an array.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y, rng = case.task.x_support, case.task.y_support, np.random.default_rng(0)
    >>> rows = ms.gradcheck.check_hvp(case.net, case.theta, x, y, rng)
    >>> rows[0].where, all(row.ok for row in rows)
    ('theta', True)
    """
    if twin == "smooth" and not _clear_of_kink(net, theta):
        return _skip("hvp", "theta", twin, TOLERANCE["hvp"], NETWORK)
    record = net.record(theta, x)
    v = rng.standard_normal(net.size)
    v /= norm(v)
    _, gradient, _, hvp = net.gradients(theta, x, y, spike=_form(twin), record=record)
    hv = hvp(v)
    floor = max(SMALL * float(np.abs(hv).max()), 1e-6 * float(np.abs(gradient).max()))

    errors = {name: (np.inf, 0.0) for name, _ in _parts(net)}
    (steps, enough) = _steps(twin, thorough, TOLERANCE["hvp"])
    for h in steps:  # each of which serves all arrays
        up, down = (
            net.loss_and_gradient(theta + s * v, x, y, spike=twin, record=record)[1]
            for s in (h, -h)
        )
        for name, part in _parts(net):
            error = relative(hv[part], (up - down)[part] / (2 * h), floor)
            errors[name] = (error, h) if error < errors[name][0] else errors[name]
        if max(errors.values())[0] <= enough:
            break
    how, tolerance = f"differences, {twin}", TOLERANCE["hvp"]
    return [
        Result("hvp", name, how, error, tolerance, NETWORK, f"h = {h:.0e}")
        for name, (error, h) in errors.items()
    ]


def check_symmetry(net, theta, x, y, rng: np.random.Generator) -> list[Result]:
    """<w, H v> = <v, H w> for two random directions, hard spikes.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y, rng = case.task.x_support, case.task.y_support, np.random.default_rng(0)
    >>> rows = ms.gradcheck.check_symmetry(case.net, case.theta, x, y, rng)
    >>> [(row.how, row.ok) for row in rows]
    [('symmetry', True)]
    """
    v, w = rng.standard_normal((2, net.size))
    hvp = net.gradients(theta, x, y).hvp
    hv = hvp(v)
    hw = hvp(w)
    scale = norm(w) * norm(hv) + norm(v) * norm(hw)
    error = abs(inner(w, hv) - inner(v, hw)) / scale if scale > 0 else 0.0
    return [Result("hvp", "theta", "symmetry", error, EXACT, NETWORK)]


def check_meta_gradient(
    net,
    theta,
    task,
    rng: np.random.Generator,
    step_size=0.1,
    steps: int = 1,
    twin="jet",
    rule="MAML",
    loop=None,
    **options,
) -> list[Result]:
    """Taylor test of the meta-gradient (the best of up to four directions, or eight), and central
    differences.

    The gradient of the step size is checked by central differences too. The twin is recorded at
    every theta_n of the network's own path.

    rule      "MAML", or "ANIL", which freezes all layers but the readout
    loop      the loop, with settings of its own, of another rule, whose name is `rule`
    options   freeze, threshold, ... of `adapt`

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> rng = np.random.default_rng(0)
    >>> rows = ms.gradcheck.check_meta_gradient(case.net, case.theta, case.task, rng, case.step_size)
    >>> len(rows), all(row.ok for row in rows)
    (3, True)
    """
    if rule == "ANIL":
        options["freeze"] = tuple({*options.get("freeze", ()), *body(net)})
    loop = (
        maml.InnerLoop(step_size, steps, **options)
        if loop is None
        else replace(loop, step_size=step_size, steps=steps)
    )
    what = (
        f"meta-gradient, N = {steps}" if rule == "MAML" else f"meta-gradient of {rule}, N = {steps}"
    )
    path = (
        replace(loop, steps=n).adapt(net, theta, task.x_support, task.y_support)
        for n in range(steps + 1)
    )
    if twin == "smooth" and not all(_clear_of_kink(net, theta_n) for theta_n in path):
        return _skip(what, "maml", twin, TOLERANCE["meta-gradient"], META)
    recorded = loop.record(net, theta, task)
    own = loop.meta_gradient(net, theta, task, 2, *(() if twin == "jet" else (twin, recorded)))
    loss, gradient = own.loss, own.gradient
    noise = np.finfo(float).eps * max(abs(loss), 1e-3)
    rows, tried = [], []
    # a kink of the smooth twin may lie across many of them
    for _ in range(4 if twin == "jet" else 8):
        d = rng.standard_normal(net.size)
        d /= norm(d) if twin == "jet" else 1.0
        slope = inner(gradient, d)
        lengths = TAYLOR_STEPS if twin == "jet" else SMOOTH_TAYLOR_STEPS

        def remainder(h):
            return abs(loop.loss(net, theta + h * d, task, twin, recorded) - loss - h * slope)

        tried.append(taylor_slope(remainder, lengths, noise, TOLERANCE["slope"] / 5))
        # so straight that short steps are all rounding
        if twin == "smooth" and np.isinf(tried[-1][1]):
            tried[-1] = taylor_slope(remainder, TAYLOR_STEPS, noise, TOLERANCE["slope"] / 5)
        if tried[-1][1] <= TOLERANCE["slope"]:
            break
    found, deviation, h = min(tried, key=lambda t: t[1])
    rows.append(
        Result(
            what,
            "theta",
            f"Taylor slope, {twin}",
            deviation,
            TOLERANCE["slope"],
            META,
            f"slope {found:.3f}, h = {h:.0e} to {h / 100:.0e}",
        )
    )
    for name, along, a_dot in (("theta", d / norm(d), 0.0), ("step size", 0 * d, 1.0)):
        slope = inner(gradient, along) + float(own.step_size_gradient) * a_dot

        def value(h):
            return replace(loop, step_size=step_size + h * a_dot).loss(
                net, theta + h * along, task, twin, recorded
            )

        def mistake(h):
            return relative(slope, (value(h) - value(-h)) / (2 * h), 1e-6 * abs(loss))

        tolerance = TOLERANCE["meta-gradient"]
        rows.append(
            differences(what, name, mistake, tolerance, META, twin, *_steps(twin, False, tolerance))
        )
    return rows


def check_update(net, rng: np.random.Generator, loop: maml.InnerLoop) -> list[Result]:
    """An inner loop's `update_backward` against central differences of its `update`, a row an
    argument."""
    theta, start, g, lam, *dots = rng.standard_normal((8, net.size))
    m = rng.integers(0, 2, net.size).astype(float)
    step = 0.5
    kind = type(loop).__name__
    adjoint = replace(loop, step_size=step).update_backward(theta, start, m, g, lam)
    rows = []
    for n, (name, found, dot) in enumerate(
        zip(("theta", "start", "gradient"), (adjoint.theta, adjoint.start, adjoint.gradient), dots)
    ):

        def mistake(h):
            moved = [
                [a + s * h * dot * (k == n) for k, a in enumerate((theta, start, g))]
                for s in (1, -1)
            ]
            up, down = (
                replace(loop, step_size=step).update(at, begin, m, slope)
                for at, begin, slope in moved
            )
            return relative(
                inner(found * np.ones(net.size), dot),
                inner(lam, up - down) / (2 * h),
                norm(lam) * norm(dot) * 1e-3,
            )

        rows.append(differences(f"{kind}.update_backward", name, mistake, TOLERANCE["gradient"]))

    def of_step(h):
        up, down = (
            replace(loop, step_size=step + s * h).update(theta, start, m, g) for s in (1, -1)
        )
        return relative(
            np.sum(adjoint.step_size), inner(lam, up - down) / (2 * h), norm(lam) * norm(g) * 1e-3
        )

    return [
        *rows,
        differences(f"{kind}.update_backward", "step_size", of_step, TOLERANCE["gradient"]),
    ]


@dataclass(frozen=True)
class Coordinates:
    """Single entries of one parameter array: analytic and numeric derivative, and their
    difference."""

    array: str
    indices: list[tuple[int, ...]]
    analytic: np.ndarray
    numeric: np.ndarray
    step: float

    def __str__(self) -> str:
        rows = [
            f"{self.array}: gradient by the passes and by central differences, h = {self.step:.0e}"
        ]
        rows.append(f"{'index':>16}  {'analytic':>22}  {'numeric':>22}  {'difference':>10}")
        for index, a, b in zip(self.indices, self.analytic, self.numeric):
            rows.append(f"{str(index):>16}  {a:>22.14e}  {b:>22.14e}  {a - b:>10.1e}")
        return "\n".join(rows)


def coordinates(
    net, theta, x, y, array: str, indices=5, twin: str = "jet", step: float = 1e-4, seed: int = 0
) -> Coordinates:
    """Check single entries of `array` ("conv1.weight"): `indices` lists them, or says how many to
    draw at random.

    Raises ValueError for an unknown array or an index outside it.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y, rng = case.task.x_support, case.task.y_support, np.random.default_rng(0)
    >>> found = ms.gradcheck.coordinates(case.net, case.theta, x, y, "readout.bias", indices=[0])
    >>> bool(np.allclose(found.analytic, found.numeric, rtol=1e-4, atol=1e-7))
    True
    """
    known = {p.name: p for p in net.layout}
    if array not in known:
        raise ValueError(f"array must be one of {', '.join(known)}, not {array!r}")
    p = known[array]
    rng = np.random.default_rng(seed)
    size = p.slice.stop - p.slice.start
    if isinstance(indices, int):
        indices = [
            np.unravel_index(i, p.shape)
            for i in rng.choice(size, min(indices, size), replace=False)
        ]
    indices = [tuple(int(k) for k in np.atleast_1d(i)) for i in indices]
    net, theta = in_double(net, theta)
    record = net.record(theta, x)
    gradient = net.loss_and_gradient(theta, x, y, spike=_form(twin), record=record).gradient
    analytic, numeric = [], []
    for index in indices:
        try:
            at = p.slice.start + int(np.ravel_multi_index(index, p.shape))
        except ValueError:
            raise ValueError(
                f"{index} is not an index of {array}, whose shape is {p.shape}"
            ) from None
        e = np.zeros(net.size)
        e[at] = step
        analytic.append(gradient[at])
        up, down = (net.loss(theta + s * e, x, y, spike=twin, record=record) for s in (1, -1))
        numeric.append((up - down) / (2 * step))
    return Coordinates(array, indices, np.array(analytic), np.array(numeric), step)


def in_double(net, theta):
    """The network and its parameters in float64; differences in float32 would show rounding
    only."""
    if net.dtype == np.float64:
        return net, theta
    return net.like(dtype="float64"), None if theta is None else np.asarray(theta, np.float64)
