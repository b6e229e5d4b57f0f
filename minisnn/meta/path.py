"""What an inner loop returns: its steps, their adjoints, the meta-gradient, and the record for
twins."""

from collections.abc import Callable
from typing import NamedTuple

from ..core.dual import Array


class MetaGradient(NamedTuple):
    """The gradient that one task contributes to the outer loop, with losses and logits.

    loss                 query loss after adaptation
    gradient             flat: gradient of that loss; for Reptile theta_0 - theta_N
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
    """The path that the twins of a meta-gradient keep fixed.

    records   N + 1: one at each theta_n on the support set, and the last at theta_N on the query
              set
    gates     the N gates, or None to compute them from theta
    """

    records: list
    gates: list[Array] | None


class Step(NamedTuple):
    """One inner step, which starts from theta. hvp is None in first order; memory is [] or [the
    array]."""

    theta: Array
    gate: Array
    gradient: Array
    logits: Array
    hvp: Callable[[Array], Array] | None
    memory: list[Array]


class Adjoint(NamedTuple):
    """The adjoints of the arguments of `InnerLoop.update`; each is flat like theta.

    theta       adjoint of theta_n
    start       adjoint of theta_0, where it is a separate argument; 0.0 if the update ignores it
    gradient    adjoint of g_n
    step_size   adjoint of the step sizes, one for every parameter

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
