"""Checks of every hand-written derivative, for any network, spiking or convolutional.

    report = check(net)                  all checks, with random parameters and data where none are given
    print(report)                        an aligned table, which names the faulty part
    random_case(rng, model="cnn")        a random network with data

Each function with a backward pass is compared with its forward pass by dual numbers, to rounding.
The slope and curvature of a spike are compared with finite differences, and so is the whole
network. Its surrogate gradient is not the slope of its loss, but it can be checked all the same:
the jet form is a smooth function whose value, slope and curvature at the recorded membranes are
those of the spikes, so finite differences of the jet form converge to the spiking network's
gradient and Hessian-vector product. A convolutional network is smooth except for ties in its
pooling; its twin keeps the chosen sites fixed.

>>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=10)
>>> report = ms.gradcheck.check(net, inner_steps=(1,))
>>> report.ok
True

Import from here: the names of `__all__`, from the package itself.
It may import: files, parallel, core, network, meta.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ..arguments import must
from ..core.dual import Array
from ..meta.inner import InnerLoop
from ..meta.rules import body
from ..meta.tasks import Task
from .cases import Case, random_case, random_data, random_theta, small_step
from .parts import check_parts
from .report import Report, Result
from .whole import check_compiled, check_meta_gradient, check_network, check_update

__all__ = [
    "Case",
    "Report",
    "Result",
    "check",
    "check_update",
    "random_case",
    "random_data",
    "random_theta",
]


def check(
    net: Any,
    theta: Array | None = None,
    x: Array | None = None,
    y: Any = None,
    seed: int = 0,
    *,
    loop: InnerLoop | None = None,
    inner_steps: Sequence[int] = (1, 3),
    twins: Sequence[str] = ("jet", "smooth"),
) -> Report:
    """Check the network's derivatives in float64: its parts, gradient, Hessian-vector product and
    meta-gradients; and with backend numba its kernels against the reference.

    theta, x, y   parameters and data, random (`seed`) if not given; give x and y together
    loop          an `InnerLoop` of another rule: its update and its meta-gradient are checked in place
                  of MAML's and ANIL's, with a small step size
    inner_steps   numbers of inner steps to check, () for no meta-gradient
    twins         forms of the network for finite differences. The smooth form is checked at random
                  parameters, because silent sites of a trained network may be at jumps of its
                  curvature

    Raises ValueError for data that do not fit the network.

    >>> net = ms.SpikingNet((6,), (), hidden=(5,), ways=3, window=10)
    >>> report = ms.gradcheck.check(net, inner_steps=(1,))
    >>> report.ok, len(report.results) > 20
    (True, True)
    """
    rng = np.random.default_rng(seed)
    net = net.like(dtype="float64")
    theta = random_theta(net, rng) if theta is None else np.asarray(theta, np.float64)
    if x is None:
        must("y", y is None, "given together with x", y)
        x, y = random_data(net, rng)
    report = Report(f"Derivatives of {net!r}", check_parts(net, theta, x, y, rng))
    rules: dict[str, InnerLoop] = {
        "meta-gradient": InnerLoop(),
        "meta-gradient of ANIL": InnerLoop(freeze=body(net)),
    }
    if loop is not None:
        rules = {f"meta-gradient of {type(loop).__name__}": loop}
        report.results += check_update(net, rng, loop)
    task = Task(np.asarray(x, float), y, np.asarray(x[-1:], float), y[-1:])
    if report.ok and net.backend == "numba":
        report.results += check_compiled(
            net, theta, task, rng, InnerLoop(small_step(net, theta, x, y))
        )
    for twin in twins if hasattr(net, "neuron") else ["jet"]:
        theta = theta if twin == "jet" else random_theta(net, rng)
        a = small_step(net, theta, x, y)
        if report.ok:
            report.results += check_network(net, theta, x, y, rng, twin)
        chosen = [*rules][: 2 if twin == "jet" else 1]
        for steps, name in product(inner_steps if report.ok else (), chosen):
            how = replace(rules[name], step_size=a, steps=steps), twin, f"{name}, N = {steps}"
            report.results += check_meta_gradient(net, theta, task, rng, *how)
    return report
