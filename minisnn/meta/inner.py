"""Rules of meta-learning: MAML and FOMAML (Finn et al. 2017), ANIL (Raghu et al. 2020), Reptile (Nichol et al. 2018).

N inner steps with step sizes a (a scalar or one for every parameter) and gates m_n (constants), Eq. 1-3 and 6 of
Stewart & Neftci 2022:

    theta_{n+1} = theta_n - a m_n g_n                g_n = gradient of the support loss at theta_n
    lambda_N = gradient of the query loss at theta_N
    lambda_n = lambda_{n+1} - H_n (a m_n lambda_{n+1})   H_n = Hessian of the support loss at theta_n

lambda_0 is the meta-gradient, exact by Hessian-vector products, - sum_n m_n g_n lambda_{n+1} the gradient of the step
sizes. First order (FOMAML) returns lambda_N. Gates (Eq. 6): m_n = |a g_n| > threshold elementwise, zero in frozen layers.

ANIL is MAML that adapts the readout alone: m_n = 0 in the `body`. H_n couples the readout to the layers below, so the
second-order term of a step of the readout lies in them too, and the outer loop learns them all.

Reptile differentiates nothing more: its gradient is theta_0 - theta_N, the sum of the steps that were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..layers.loss import LOSSES

if TYPE_CHECKING:
    from ..network.convolutional import ConvNet
    from ..network.spiking import SpikingNet
    from .tasks import Task

    Network = SpikingNet | ConvNet


@dataclass(frozen=True)
class InnerLoop:
    """How a network adapts to a task: `adapt` and `meta_gradient` in one place.

    step_size           scalar, or flat like theta (one a parameter)
    steps               number of gradient steps N on the support set
    freeze              names of layers that do not adapt, e.g. ("conv1", "conv2")
    threshold           absolute threshold of Eq. 6 on |a g|, or None
    threshold_fraction  the same as a fraction of the range of |a g| within each layer (weights and bias together)
    """

    step_size: float | np.ndarray = 1.0
    steps: int = 1
    freeze: tuple[str, ...] = ()
    threshold: float | None = None
    threshold_fraction: float | None = None

    def check(self, net: Network) -> None:
        """ValueError where these settings do not fit the network."""
        names = [b.name for b in net.blocks]
        unknown = [n for n in self.freeze if n not in names]
        if isinstance(self.freeze, str) or unknown:
            raise ValueError(f"freeze must name layers of {', '.join(names)}, not {self.freeze!r}")
        if self.steps < 0:
            raise ValueError(f"steps must be 0 or more, not {self.steps}")
        a = np.asarray(self.step_size)
        if a.shape not in ((), (net.size,)) or not np.isfinite(a).all():
            raise ValueError(f"step_size must be a finite scalar or a flat array of {net.size}, not shape {a.shape}")
        if self.threshold is not None and self.threshold_fraction is not None:
            raise ValueError("give threshold or threshold_fraction, not both")
        for name in ("threshold", "threshold_fraction"):
            if getattr(self, name) is not None and not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")

    def gate(self, net: Network, gradient: np.ndarray) -> np.ndarray:
        """m_n of Eq. 6 at a gradient: 1 where the parameter is updated, else 0."""
        if not self.freeze and self.threshold is None and self.threshold_fraction is None:
            return np.broadcast_to(net.dtype.type(1), net.size)
        m = np.ones(net.size, net.dtype)
        update = np.abs(self.step_size * gradient)
        for b, weight, bias in zip(net.blocks, net.layout[::2], net.layout[1::2]):
            layer = slice(weight.slice.start, bias.slice.stop)
            if b.name in self.freeze:
                m[layer] = 0
            elif self.threshold is not None:
                m[layer] = update[layer] > self.threshold
            elif self.threshold_fraction is not None:
                size = update[layer]
                m[layer] = size > self.threshold_fraction * (size.max() - size.min())
        return m


def body(net: Network) -> tuple[str, ...]:
    """Names of the layers below the readout, what ANIL freezes: `meta_gradient(net, theta, task, freeze=body(net))`."""
    return tuple(b.name for b in net.blocks if not b.readout)


def adapt(
    net: Network,
    theta: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    step_size: float | np.ndarray = 1.0,
    steps: int = 1,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
    spike: str = "hard",
    records: list | None = None,
) -> np.ndarray:
    """theta_N after `steps` gradient steps on the support set (x, y); options as in `InnerLoop`. theta is not changed.

    x (B, T, H, W, C) event counts, y (B,) labels; spike and records as in `meta_gradient`. Raises ValueError for options,
    theta, x or y that do not fit the network, `NotFinite` where the steps diverge.
    """
    inner = InnerLoop(step_size, steps, freeze, threshold, threshold_fraction)
    inner.check(net)
    return _adapt(net, theta, x, y, inner, spike, records, second=False)[0]


def _step(a, m, g, dtype):
    return (a * m * g).astype(dtype, copy=False)


def _adapt(net, theta, x, y, inner, spike, records, second, gates=None):
    """theta_N and, for the way back, (gate, gradient, hvp, logits) of every step."""
    path = []
    for n in range(inner.steps):
        record = None if records is None else records[n]
        if second:
            _, g, hvp, out = net.gradient_and_hvp(theta, x, y, spike=spike, record=record, logits=True)
        else:
            _, g, out = net.loss_and_gradient(theta, x, y, spike=spike, record=record, logits=True)
            hvp = None
        m = inner.gate(net, g) if gates is None else gates[n]
        path.append((m, g, hvp, out))
        theta = theta - _step(inner.step_size, m, g, net.dtype)
    return theta, path


def meta_gradient(
    net: Network,
    theta: np.ndarray,
    task: Task,
    step_size: float | np.ndarray = 1.0,
    steps: int = 1,
    order: int = 2,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
    step_size_gradient: bool = False,
    logits: bool = False,
    spike: str = "hard",
    records: list | None = None,
    gates: list | None = None,
) -> tuple[Any, ...]:
    """(query loss after adaptation, meta-gradient); order 2 is MAML, order 1 FOMAML; with freeze=body(net) both are ANIL.

    With `step_size_gradient` also the gradient of the step sizes: a float for a scalar step size, else flat. With `logits`
    last of all (support logits at theta_0 or None where steps is 0, query logits at theta_N).
    `records` and `gates` serve the twins: N + 1 records, one at each theta_n on the support set and the last at theta_N
    on the query set, and the N recorded gates (`record_path` makes both).
    """
    inner = InnerLoop(step_size, steps, freeze, threshold, threshold_fraction)
    inner.check(net)
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (FOMAML) or 2 (MAML), not {order!r}")
    theta_n, path = _adapt(net, theta, task.x_support, task.y_support, inner, spike, records, order == 2, gates)
    record = None if records is None else records[-1]
    loss, lam, after = net.loss_and_gradient(theta_n, task.x_query, task.y_query, spike=spike, record=record, logits=True)
    del theta_n
    before = path[0][3] if path else None
    da = np.zeros(net.size, net.dtype) if np.ndim(step_size) else 0.0
    while path:  # what a step kept is given up with it
        m, g, hvp, _ = path.pop()
        if step_size_gradient:
            da = da - (m * g * lam if np.ndim(step_size) else float(np.sum(m * g * lam, dtype=np.float64)))
        del g
        if order == 2:
            lam = lam - hvp(_step(step_size, m, lam, net.dtype))
    result = (loss, lam) + ((da,) if step_size_gradient else ())
    return result + ((before, after),) if logits else result


def reptile_gradient(
    net: Network,
    theta: np.ndarray,
    task: Task,
    step_size: float | np.ndarray = 1.0,
    steps: int = 5,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
    logits: bool = False,
) -> tuple[Any, ...]:
    """(query loss after adaptation, theta - theta_N): the gradient of Reptile (Nichol, Achiam & Schulman 2018, Alg. 1).

    Reptile needs no split of a task: all N steps go down the mean loss of support and query samples together, so the query
    loss is one of samples that were learned from. `logits` and the options are those of `meta_gradient`; frozen layers get
    no gradient. Raises ValueError for fewer than two steps: theta - theta_1 = a g is joint training on all tasks.
    """
    inner = InnerLoop(step_size, steps, freeze, threshold, threshold_fraction)
    inner.check(net)
    if steps < 2:
        raise ValueError(f"steps must be 2 or more for Reptile, not {steps}: one step is joint training on all tasks")
    x, y = np.concatenate([task.x_support, task.x_query]), np.concatenate([task.y_support, task.y_query])
    theta_n, path = _adapt(net, theta, x, y, inner, "hard", None, second=False)
    after = net(theta_n, task.x_query)
    loss = LOSSES[net.loss_name][0](after, net._target(task.y_query, len(after)))
    # the steps themselves: theta - theta_n would lose to cancellation in float32
    result = (loss, sum(_step(step_size, m, g, net.dtype) for m, g, *_ in path))
    return result + ((path[0][3][: len(task.x_support)], after),) if logits else result


def meta_loss(
    net: Network,
    theta: np.ndarray,
    task: Task,
    step_size: float | np.ndarray = 1.0,
    steps: int = 1,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
    spike: str = "hard",
    records: list | None = None,
    gates: list | None = None,
) -> float:
    """Query loss after adaptation, the function whose gradient `meta_gradient` is."""
    inner = InnerLoop(step_size, steps, freeze, threshold, threshold_fraction)
    inner.check(net)
    theta_n, _ = _adapt(net, theta, task.x_support, task.y_support, inner, spike, records, False, gates)
    return net.loss(theta_n, task.x_query, task.y_query, spike=spike, record=None if records is None else records[-1])


def record_path(
    net: Network,
    theta: np.ndarray,
    task: Task,
    step_size: float | np.ndarray = 1.0,
    steps: int = 1,
    freeze: tuple[str, ...] = (),
    threshold: float | None = None,
    *,
    threshold_fraction: float | None = None,
) -> tuple[list, list]:
    """(records, gates) of the spiking network's own inner loop: what the twins of a meta-gradient freeze."""
    inner = InnerLoop(step_size, steps, freeze, threshold, threshold_fraction)
    inner.check(net)
    records, gates = [], []
    for _ in range(steps):
        records.append(net.record(theta, task.x_support))
        g = net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
        gates.append(inner.gate(net, g))
        theta = theta - _step(step_size, gates[-1], g, net.dtype)
    records.append(net.record(theta, task.x_query))
    return records, gates
