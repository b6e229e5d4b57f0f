"""Which pass is wrong: those of the surrogate and of the loss, then every pass of every layer on
its own."""

import numpy as np

from ..layers.loss import LOSSES
from ..layers.surrogate import FastSigmoid
from .differences import inner, relative
from .layers import units
from .report import Result
from .unit import DIFFERENCES, check_unit, differences


def check_passes(
    net, theta, x, y, rng: np.random.Generator, thorough: bool = False
) -> list[Result]:
    """Results of every pass of every layer and of the loss; `check` collects them.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y, rng = case.task.x_support, case.task.y_support, np.random.default_rng(0)
    >>> rows = ms.gradcheck.check_passes(case.net, case.theta, x, y, rng)
    >>> all(row.ok for row in rows)
    True
    """
    logits, found = units(net, theta, x)
    results = (check_surrogate(net, rng) if hasattr(net, "neuron") else []) + check_loss(
        net, logits, y, rng
    )
    for unit in found:
        results += check_unit(unit, rng, thorough)
    return results


def check_surrogate(net, rng: np.random.Generator) -> list[Result]:
    """sigma' against differences of sigma, sigma'' against differences of sigma', away from
    kinks."""
    spike = net.neuron.spike
    a = rng.uniform(0.05, 1, 40) * rng.choice([-1, 1], 40)
    a = a[np.all([np.abs(a - kink) >= 0.05 for kink in spike.kinks], 0)] if spike.kinks else a
    rows: list[Result] = []
    for name, function, derivative in (
        ("prime", spike.sigma, spike.prime),
        ("second", spike.prime, spike.second),
    ):

        def error(h):
            return relative(derivative(a), (function(a + h) - function(a - h)) / (2 * h))

        what = (
            f"surrogate.sigma_{name}"
            if isinstance(spike, FastSigmoid)
            else f"{type(spike).__name__}.{name}"
        )
        rows.append(differences(what, "every spike", error, DIFFERENCES))
    return rows


def check_loss(net, logits, y, rng: np.random.Generator) -> list[Result]:
    """The loss's adjoint against differences of the loss, the tangent of its adjoint against
    differences of that."""
    value, backward, backward_tangent = (
        net.criterion.value,
        net.criterion.backward,
        net.criterion.backward_tangent,
    )
    y = net._target(y, len(logits))
    directions = rng.standard_normal((4, *logits.shape))
    slopes = [inner(backward(logits, y), d) for d in directions]
    logits_dot = directions[0]

    def difference(function, d, h):
        return (function(logits + h * d, y) - function(logits - h * d, y)) / (2 * h)

    def error(h):
        return relative(
            slopes, [difference(value, d, h) for d in directions], 1e-6 * abs(value(logits, y))
        )

    def tangent_error(h):
        return relative(
            backward_tangent(logits, logits_dot, y), difference(backward, logits_dot, h)
        )

    what = (
        f"loss.{net.loss_name}_backward"
        if net.loss_name in LOSSES
        else f"{type(net.criterion).__name__}.backward"
    )
    row = differences(what, "logits", error, DIFFERENCES)
    return [
        row,
        differences(f"{what}_tangent", "logits", tangent_error, DIFFERENCES, excused=not row.ok),
    ]
