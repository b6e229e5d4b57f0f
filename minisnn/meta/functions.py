"""Functions for scripts that learn a task; their arguments are the fields of `InnerLoop`."""

import numpy as np

from ..arguments import must
from ..core.dual import Array
from ..core.network import LossAndGradient, Network
from .inner import InnerLoop, downhill
from .path import MetaGradient, Recorded
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
    """Return theta_N, the parameters after `steps` gradient steps on the support set (x, y), as a
    new array.

    x           (B, T, H, W, C) event counts
    y           (B,) labels
    step_size   scalar, or flat like theta

    The other arguments and the errors are as in `InnerLoop`.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> adapted = ms.adapt(net, theta, x, y, step_size=0.1, steps=5)
    >>> adapted.shape, net.loss(adapted, x, y) < net.loss(theta, x, y)
    ((21,), True)
    """
    limits = freeze, threshold, threshold_fraction
    loop = InnerLoop(downhill(step_size), steps, *limits, adapt_constants=adapt_constants)
    return loop.adapt(net, theta, x, y)


def reptile(loop: InnerLoop, net: Network, theta: Array, task: Task) -> MetaGradient:
    """Return Reptile's gradient theta - theta_N (Nichol, Achiam & Schulman 2018, Alg. 1), the sum
    of the inner steps; zero in frozen layers.

    Reptile does not split a task: all N steps use the mean loss of support and query samples
    together, so the returned query loss is on samples that the network has learned from. Raises
    ValueError for fewer than two steps, because a single one, theta - theta_1 = a g, is joint
    training on all tasks.
    """
    must("online", not loop.online, "False for Reptile, which learns all samples together", True)
    plain = type(loop).update is InnerLoop.update
    must("Reptile's inner loop", plain, "of plain gradient steps", type(loop).__name__)
    must("steps", loop.steps > 1, "2 or more for Reptile: one is joint training", loop.steps)
    x = np.concatenate([task.x_support, task.x_query])
    y = np.concatenate([task.y_support, task.y_query])
    theta_n, path = loop._descend(net, theta, x, y)
    after = net(theta_n, task.x_query)
    loss = float(net.criterion.value(after, net._target(task.y_query, after.shape)))
    # the sum of the steps, since theta - theta_n would lose digits in float32
    total = sum(loop._times(step.gate, step.gradient, net.dtype) for step in path)
    before = path[0].logits[: len(task.x_support)]
    return MetaGradient(loss, np.asarray(total), 0.0, before, after)


def reptile_gradient(
    net: Network,
    theta: Array,
    task: Task,
    step_size: float | Array = 1.0,
    steps: int = 5,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
) -> LossAndGradient:
    """Return the query loss after adaptation, and Reptile's gradient theta - theta_N, see
    `reptile`.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> loss, gradient = ms.reptile_gradient(case.net, case.theta, case.task, case.step_size, steps=3)
    >>> gradient.shape == case.theta.shape
    True
    """
    inner = InnerLoop(downhill(step_size), steps, freeze, threshold, threshold_fraction)
    return LossAndGradient(*reptile(inner, net, theta, task)[:2])


def meta_loss(
    net: Network,
    theta: Array,
    task: Task,
    step_size: float | Array = 1.0,
    steps: int = 1,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    records: list | None = None,
    gates: list[Array] | None = None,
    spike: str = "hard",
) -> float:
    """The query loss after adaptation: the function whose gradient is `meta_gradient`.

    records, gates   from `record_path`, for the loss of a twin: spike="jet" or "smooth"

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> loss = ms.meta_loss(case.net, case.theta, case.task, case.step_size, 2)
    >>> found = ms.meta_gradient(case.net, case.theta, case.task, case.step_size, 2)
    >>> bool(np.isclose(loss, found.loss))
    True
    """
    recorded = None if records is None else Recorded(records, gates)
    loop = InnerLoop(step_size, steps, freeze, threshold)
    return loop.loss(net, theta, task, spike, recorded)


def record_path(
    net: Network,
    theta: Array,
    task: Task,
    step_size: float | Array = 1.0,
    steps: int = 1,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
) -> Recorded:
    """Return (records, gates), which the twins of a meta-gradient keep fixed; see
    `InnerLoop.record`, and for the arguments `meta_loss`.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> records, gates = ms.record_path(case.net, case.theta, case.task, case.step_size, 2)
    >>> len(records), len(gates)
    (3, 2)
    """
    return InnerLoop(step_size, steps, freeze, threshold).record(net, theta, task)
