"""What an inner loop leaves behind: its steps, what the way back finds of them, and what a twin of
a meta-gradient holds fixed."""

from collections.abc import Callable
from typing import NamedTuple

from ..core.dual import Array


class MetaGradient(NamedTuple):
    """What the outer loop learns from a task.

    loss                 query loss after adaptation
    gradient             flat, what theta is moved against: the gradient of that loss, or theta_0 -
                         theta_N for Reptile
    step_size_gradient   the same for the step sizes: a float for a scalar step size, else flat;
                         always 0 for Reptile
    support_logits       (S, ways) at theta_0; None without inner steps, and online
    query_logits         (Q, ways) at theta_N
    """

    loss: float
    gradient: Array
    step_size_gradient: float | Array
    support_logits: Array | None
    query_logits: Array


class Recorded(NamedTuple):
    """What the twins of a meta-gradient hold fixed.

    records   N + 1: one at each theta_n on the support set, and the last at theta_N on the query
              set
    gates     the N gates, or None: then they follow theta
    """

    records: list
    gates: list[Array] | None


class Step(NamedTuple):
    """An inner step from theta, and what the way back needs of it; hvp is None in first order, and
    memory where steps remember nothing."""

    theta: Array
    gate: Array
    gradient: Array
    logits: Array
    hvp: Callable[[Array], Array] | None
    memory: Array | None


class Adjoint(NamedTuple):
    """The adjoints of the arguments of `InnerLoop.update`, each flat like theta.

    theta       of theta_n
    start       of theta_0, as far as the update names it beside theta_n; 0.0 where it does not
    gradient    of g_n
    step_size   of the step sizes, one for every parameter

    >>> loop = ms.InnerLoop(step_size=0.5)
    >>> g, lam, gate = np.array([1.0, 2.0]), np.array([1.0, -1.0]), np.ones(2)
    >>> back = loop.update_backward(np.zeros(2), np.zeros(2), gate, g, lam)
    >>> isinstance(back, ms.Adjoint), back.gradient.tolist(), back.step_size.tolist()
    (True, [-0.5, 0.5], [-1.0, 2.0])
    """

    theta: Array
    start: Array | float
    gradient: Array
    step_size: Array
