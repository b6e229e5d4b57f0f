"""Learning a task and learning to learn, as functions for scripts: the methods of `InnerLoop`, its
fields as arguments."""

from typing import Any

import numpy as np

from ..arguments import array, must
from ..core.dual import Array
from ..core.network import LossAndGradient, Network
from .inner import InnerLoop
from .path import Recorded
from .tasks import Task


def adapt(
    net: Network,
    theta: Array,
    x: Array,
    y: Array,
    step_size: float | Array = 1.0,
    steps: int = 1,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
    adapt_constants: bool = False,
) -> Array:
    """theta_N, the parameters after `steps` gradient steps on the support set (x, y); theta itself
    is not changed.

    x           (B, T, H, W, C) event counts
    y           (B,) labels
    step_size   scalar, or flat like theta

    The other arguments and the errors are those of `InnerLoop`.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> adapted = ms.adapt(net, theta, x, y, step_size=0.1, steps=5)
    >>> adapted.shape, net.loss(adapted, x, y) < net.loss(theta, x, y)
    ((21,), True)
    """
    loop = InnerLoop(
        *(_downhill(step_size), steps, freeze, threshold, threshold_fraction),
        adapt_constants=adapt_constants,
    )
    return loop.adapt(net, theta, x, y)


def meta_gradient(
    net: Network,
    theta: Array,
    task: Task,
    step_size: float | Array = 1.0,
    steps: int = 1,
    order: int = 2,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
    adapt_constants: bool = False,
) -> LossAndGradient:
    """The query loss after adaptation, and its gradient with respect to theta: MAML's
    meta-gradient, by hand-written passes.

    With the support loss L_s, the query loss L_q (both means over their samples), the step size a
    and one inner step:

        theta_1 = theta - a grad L_s(theta)
        d L_q(theta_1) / d theta = (I - a H) grad L_q(theta_1)             H = Hessian of L_s at theta

    With N steps and gates m_n (Eq. 6; 1 where a parameter is updated, else 0), theta_0 = theta:

        theta_{n+1} = theta_n - a m_n grad L_s(theta_n)                    n = 0 .. N - 1
        lambda_N    = grad L_q(theta_N)
        lambda_n    = lambda_{n+1} - H_n (a m_n lambda_{n+1})              n = N - 1 .. 0; lambda_0 is the meta-gradient

    H_n is never formed: each product H_n v is exact, by the tangent passes (Pearlmutter 1994).
    First order (order=1, FOMAML) leaves out the products and returns lambda_N. The gates are
    constants. Derivatives of spikes are surrogate ones.

    theta                flat, (net.size,), in the network's dtype; no units
    task                 x_support (S, T, H, W, C) and x_query (Q, T, H, W, C), event counts for
                         each time step (1 ms, unless the data set says otherwise); y_support (S,)
                         and y_query (Q,), labels
    step_size            a: a scalar, or flat like theta (one for each parameter)
    steps                N
    order                2 for MAML, 1 for FOMAML
    freeze               names of layers that do not adapt (m_n = 0); freeze=body(net) makes it ANIL
    threshold            m_n = 1 where |a g_n| is larger than this, g_n = grad L_s(theta_n)
    threshold_fraction   the same as a fraction of the range of |a g_n| within each layer
    adapt_constants      True: inner steps move the learned constants of neurons too; else m_n = 0
                         there

    Returns (loss, gradient): the mean query loss, a float, and the meta-gradient, flat like theta.
    Raises ValueError for settings, theta or a task that do not fit the network, and `NotFinite`
    where the inner steps diverge.

    Source: Stewart & Neftci 2022, Eq. 1-3 and 6; Finn, Abbeel & Levine 2017 (MAML, FOMAML); Raghu
    et al. 2020 (ANIL).

    >>> rng = np.random.default_rng(0)
    >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
    >>> task = ms.Task(*ms.gradcheck.random_data(net, rng), *ms.gradcheck.random_data(net, rng))
    >>> theta = net.init(rng, task.x_support)
    >>> loss, gradient = ms.meta_gradient(net, theta, task, step_size=0.1)

    The same by the equations:

    >>> _, g, _, hvp = net.gradients(theta, task.x_support, task.y_support)
    >>> lam = net.loss_and_gradient(theta - 0.1 * g, task.x_query, task.y_query).gradient
    >>> gradient.shape, np.allclose(gradient, lam - hvp(0.1 * lam))
    ((21,), True)
    """
    loop = InnerLoop(
        *(_downhill(step_size), steps, freeze, threshold, threshold_fraction),
        adapt_constants=adapt_constants,
    )
    return LossAndGradient(*loop.meta_gradient(net, theta, task, order)[:2])


def reptile_gradient(
    net: Network, theta: Array, task: Task, step_size: Any = 1.0, steps: int = 5, **loop: Any
) -> LossAndGradient:
    """The query loss after adaptation, and theta - theta_N: Reptile's gradient, as
    `InnerLoop.reptile_gradient` defines it.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> loss, gradient = ms.reptile_gradient(case.net, case.theta, case.task, case.step_size, steps=3)
    >>> gradient.shape == case.theta.shape
    True
    """
    inner = InnerLoop(_downhill(step_size), steps, **loop)
    return LossAndGradient(*inner.reptile_gradient(net, theta, task)[:2])


def meta_loss(
    net: Network,
    theta: Array,
    task: Task,
    *loop: Any,
    records: Any = None,
    gates: Any = None,
    spike: str = "hard",
    **more: Any,
) -> float:
    """The query loss after adaptation: the function whose gradient is `meta_gradient`.

    loop             the arguments of `InnerLoop`, from step_size on
    records, gates   of `record_path`, for the loss of a twin: spike="jet" or "smooth"

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> loss = ms.meta_loss(case.net, case.theta, case.task, case.step_size, 2)
    >>> found = ms.meta_gradient(case.net, case.theta, case.task, case.step_size, 2)
    >>> bool(np.isclose(loss, found.loss))
    True
    """
    return InnerLoop(*loop, **more).loss(
        net, theta, task, spike, None if records is None else Recorded(records, gates)
    )


def record_path(net: Network, theta: Array, task: Task, *loop: Any, **more: Any) -> Recorded:
    """(records, gates): what the twins of a meta-gradient hold fixed, see `InnerLoop.record`;
    arguments as of `meta_loss`.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> records, gates = ms.record_path(case.net, case.theta, case.task, case.step_size, 2)
    >>> len(records), len(gates)
    (3, 2)
    """
    return InnerLoop(*loop, **more).record(net, theta, task)


def _downhill(step_size: float | Array) -> float | Array:
    """ValueError where a step would go up the loss; checks of derivatives, which look to both sides
    of 0, use the methods."""
    words = "0 or more, for steps go down the loss"
    must("step_size", not np.any(array("step_size", step_size) < 0), words, step_size)
    return step_size
