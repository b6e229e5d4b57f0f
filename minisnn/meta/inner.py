"""The inner loop: MAML and FOMAML (Finn et al. 2017), ANIL (Raghu et al. 2020), Reptile (Nichol et
al. 2018).

N inner steps with step sizes a (a scalar or one for every parameter) and gates m_n (constants), Eq.
1-3 and 6 of Stewart & Neftci 2022:

    theta_{n+1} = theta_n - a m_n g_n                g_n = gradient of the support loss at theta_n
    lambda_N = gradient of the query loss at theta_N
    lambda_n = lambda_{n+1} - H_n (a m_n lambda_{n+1})   H_n = Hessian of the support loss at theta_n

lambda_0 is the meta-gradient, exact by Hessian-vector products; - sum_n m_n g_n lambda_{n+1} is the
gradient of the step sizes. First order (FOMAML) returns lambda_N. Gates (Eq. 6): m_n = |a g_n| >
threshold elementwise, zero in frozen layers.

ANIL is MAML that adapts the readout alone: m_n = 0 in the `body`. H_n couples the readout to the
layers below. So the second-order term of a readout step has parts in them too, and the outer loop
learns all layers.

Online learning is what a device in use does: it goes `steps` times through the support set, sample
by sample, with an update after each. All updates are differentiated through: it is the recursion
above with as many steps as updates, each with the gradient of its own sample.

Reptile differentiates nothing more: its gradient is theta_0 - theta_N, the sum of the steps that
were made.

Another learning rule is a subclass of `InnerLoop` with another `update`, and its adjoint.
`meta.functions` has the methods as functions for scripts, with the fields of `InnerLoop` as
arguments.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.dual import Array

from ..core.network import Network
from ..arguments import array, flag, is_sequence, number, shown, whole
from ..parallel.arrays import aligned_empty
from .gate import error_gate, gate
from .path import Adjoint, MetaGradient, Recorded, Step
from .tasks import Task

MOST_STEPS = 1000  # a number in a file must not keep anybody waiting for ever; of settings, too


@dataclass(frozen=True)
class InnerLoop:
    """How a network learns a task: N gradient steps on its support set.

    step_size           scalar, or flat like theta (one for each parameter)
    steps               number of gradient steps N on the support set
    freeze              names of layers that do not adapt, e.g. ("conv1", "conv2")
    threshold           absolute threshold of Eq. 6 on |a g|, or None
    threshold_fraction  the same as a fraction of the range of |a g| within each layer (weights and
                        bias together), or None
    online              True: an update after every sample, in the task's order, `steps` times
                        through the support set
    error_threshold     only errors larger than this make updates (`gate.error_gate`), or None
    adapt_constants     True: inner steps move the learned constants of neurons too, which the outer
                        loop alone moves otherwise

    theta is never changed. With spike="jet" or "smooth" and `recorded` from `record`, methods
    compute a twin of the network: a smooth function of theta. They raise ValueError where options,
    theta or data do not fit the network, and `NotFinite` where the steps diverge.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
    >>> loop = ms.InnerLoop(case.step_size, steps=2)
    >>> logits = loop.logits(case.net, case.theta, case.task)
    >>> logits.shape == (len(case.task.y_query), case.net.ways)
    True
    """

    step_size: float | Array = 1.0
    steps: int = 1
    freeze: tuple[str, ...] = ()
    threshold: float | None = None
    threshold_fraction: float | None = None
    online: bool = False
    error_threshold: float | None = None
    adapt_constants: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.step_size, np.ndarray):  # what is written into it later changes nothing
            object.__setattr__(self, "step_size", self.step_size.copy())

    def check(self, net: Network) -> None:
        """Raise ValueError where these settings do not fit the network.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> ms.InnerLoop(freeze=("conv1",)).check(net)
        Traceback (most recent call last):
        ValueError: freeze must name layers of readout, not ('conv1',)
        """
        names = [b.name for b in net.blocks]
        if not is_sequence(self.freeze):
            raise ValueError(
                f"freeze must name layers of {', '.join(names)}, not {shown(self.freeze)}"
            )
        unknown = [n for n in self.freeze if not isinstance(n, str) or n not in names]
        if unknown:
            raise ValueError(
                f"freeze must name layers of {', '.join(names)}, not {shown(self.freeze)}"
            )
        if whole("steps", self.steps, 0) > MOST_STEPS:
            raise ValueError(
                f"steps must be a whole number from 0 to {MOST_STEPS}, not {self.steps!r}"
            )
        flag("online", self.online)
        if flag("adapt_constants", self.adapt_constants) and not net.learned:
            raise ValueError(
                "adapt_constants has no effect on a network that learns no constants; leave it "
                "out, or name some by SpikingNet(learn=...)"
            )
        a = array("step_size", self.step_size)
        if (
            a.dtype.kind not in "iuf"
            or a.shape not in ((), (net.size,))
            or not np.isfinite(a).all()
        ):
            found = f"shape {a.shape}" if a.ndim else shown(self.step_size)
            raise ValueError(
                f"step_size must be a finite scalar or a flat array of {net.size}, not {found}"
            )
        if self.threshold is not None and self.threshold_fraction is not None:
            raise ValueError("give threshold or threshold_fraction, not both")
        for name in ("threshold", "threshold_fraction", "error_threshold"):
            if (found := getattr(self, name)) is not None and number(name, found, "0 or more") < 0:
                raise ValueError(f"{name} must be 0 or more, not {shown(found)}")

    def gate(
        self, net: Network, gradient: Array, logits: Array | None = None, y: Any = None
    ) -> Array:
        """m_n, flat like theta: 1 where a gradient updates the parameter, else 0
        (`minisnn.meta.gate`).

        logits, y   of the samples that the gradient is of; needed with an error_threshold only

        >>> net = ms.SpikingNet((2,), (), ways=2)
        >>> gradient = np.array([0.1, -0.4, 0.2, 0.0, 0.3, 0.0], np.float32)
        >>> ms.InnerLoop(step_size=1.0, threshold=0.15).gate(net, gradient).tolist()
        [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
        """
        if self.freeze or self.threshold is not None or self.threshold_fraction is not None:
            limits = self.freeze, self.threshold, self.threshold_fraction
            m = gate(net, gradient, self.step_size, *limits)
        else:
            m = np.broadcast_to(net.dtype.type(1), net.size)
        if net.learned and not self.adapt_constants:
            m = m.copy()
            for p in net.learned:
                m[p.slice] = 0
        if self.error_threshold is None or logits is None:
            return m
        return m * error_gate(net, logits, y, self.error_threshold)

    def batches(self, x: Any, y: Any) -> list[tuple[Any, Any]]:
        """The samples of each update, in order: pairs (x, y)."""
        parts = [slice(n, n + 1) for n in range(len(x))] if self.online else [slice(None)]
        return [(x[part], y[part]) for part in parts] * self.steps

    def update(self, theta: Array, start: Array, m: Array, g: Array) -> Array:
        """theta_{n+1} = theta_n - a m g, all flat: the gate m and the gradient g at theta_n;
        `start` is theta_0."""
        step = self._times(m, g, theta.dtype)
        return np.subtract(theta, step, out=step)

    def update_backward(
        self, theta: Array, start: Array, m: Array, g: Array, lam: Array
    ) -> Adjoint:
        """The adjoints of the arguments of `update`, from lam, that of theta_{n+1}; g counts as an
        argument."""
        back = self._times(m, lam, theta.dtype)
        return Adjoint(lam, 0.0, np.negative(back, out=back), -(m * g * lam))

    def _times(self, gate: Array, vector: Array, dtype: np.dtype) -> Array:
        """a m v"""
        found = aligned_empty(vector.shape, dtype)
        return np.multiply(self.step_size * gate, vector, out=found, casting="unsafe")

    def _descend(
        self,
        net: Network,
        theta: Array,
        x,
        y,
        second: bool = False,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> tuple[Array, list[Step]]:
        """theta_N and the steps that led there."""
        self.check(net)
        path, start = [], theta
        for n, (x_n, y_n) in enumerate(self.batches(x, y)):
            record = None if recorded is None else recorded.records[n]
            _, g, logits, hvp = net.gradients(theta, x_n, y_n, second, spike=spike, record=record)
            m = (
                self.gate(net, g, logits, y_n)
                if recorded is None or recorded.gates is None
                else recorded.gates[n]
            )
            path.append(Step(theta, m, g, logits, hvp))
            theta = self._updated(net, theta, start, m, g)
        return theta, path

    def _updated(self, net: Network, theta: Array, start: Array, m: Array, g: Array) -> Array:
        return np.asarray(self.update(theta, start, m, g), net.dtype)

    def adapt(self, net: Network, theta: Array, x: Array, y: Array) -> Array:
        """theta_N, the parameters after learning the support set, in an array of their own:
        x (B, T, H, W, C) event counts, y (B,) labels.

        >>> net = ms.SpikingNet((6,), (), ways=3)
        >>> x, y = ms.gradcheck.random_data(net, np.random.default_rng(0))
        >>> theta = net.init(np.random.default_rng(0), x)
        >>> adapted = ms.InnerLoop(step_size=0.1, steps=5).adapt(net, theta, x, y)
        >>> net.loss(adapted, x, y) < net.loss(theta, x, y)
        True
        """
        adapted = self._descend(net, theta, x, y)[0]
        return adapted.copy() if adapted is theta else adapted

    def logits(self, net: Network, theta: Array, task: Task) -> Array:
        """The network's answers to the query samples after learning the support set, (Q, ways).

        >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
        >>> logits = ms.InnerLoop(case.step_size).logits(case.net, case.theta, case.task)
        >>> logits.shape == (len(case.task.y_query), case.net.ways)
        True
        """
        return net(self.adapt(net, theta, task.x_support, task.y_support), task.x_query)

    def loss(
        self,
        net: Network,
        theta: Array,
        task: Task,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> float:
        """The query loss after adaptation: the function whose gradient is `meta_gradient`.

        >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
        >>> loop = ms.InnerLoop(case.step_size, steps=2)
        >>> loss = loop.loss(case.net, case.theta, case.task)
        >>> bool(np.isclose(loss, loop.meta_gradient(case.net, case.theta, case.task).loss))
        True
        """
        theta_n, _ = self._descend(
            net, theta, task.x_support, task.y_support, False, spike, recorded
        )
        record = None if recorded is None else recorded.records[-1]
        return net.loss(theta_n, task.x_query, task.y_query, spike=spike, record=record)

    def meta_gradient(
        self,
        net: Network,
        theta: Array,
        task: Task,
        order: int = 2,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> MetaGradient:
        """The gradient of `loss`; order 2 is MAML, order 1 FOMAML. The function `meta_gradient`
        gives the equations.

        >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
        >>> found = ms.InnerLoop(case.step_size).meta_gradient(case.net, case.theta, case.task)
        >>> found.gradient.shape == case.theta.shape, type(found.step_size_gradient).__name__
        (True, 'float')
        """
        if whole("order", order) not in (1, 2):
            raise ValueError(f"order must be 1 (FOMAML) or 2 (MAML), not {order!r}")
        theta_n, path = self._descend(
            net, theta, task.x_support, task.y_support, order == 2, spike, recorded
        )
        record = None if recorded is None else recorded.records[-1]
        loss, lam, after, _ = net.gradients(
            theta_n, task.x_query, task.y_query, False, spike=spike, record=record
        )
        del theta_n
        before = path[0].logits if path and not self.online else None
        da: Any = np.zeros(net.size, net.dtype) if np.ndim(self.step_size) else 0.0
        of_start: Any = 0.0
        while path:  # what a step kept is given up with it
            theta_n, m, g, _, hvp = path.pop()
            d = self.update_backward(theta_n, theta, m, g, lam)
            da = da + (
                d.step_size
                if np.ndim(self.step_size)
                else float(np.sum(d.step_size, dtype=np.float64))
            )
            along = np.asarray(d.gradient, net.dtype)
            lam = d.theta
            of_start = of_start + d.start
            del g, theta_n, d
            if hvp is not None:
                lam = lam + hvp(along)
        lam = lam if np.ndim(of_start) == 0 else np.asarray(lam + of_start, net.dtype)
        return MetaGradient(loss, lam, da, before, after)

    def reptile_gradient(self, net: Network, theta: Array, task: Task) -> MetaGradient:
        """Reptile's gradient theta - theta_N (Nichol, Achiam & Schulman 2018, Alg. 1); it is zero
        in frozen layers.

        Reptile needs no split of a task: all N steps descend the mean loss of support and query
        samples together. So the query loss returned is that of samples the network has learned
        from. Raises ValueError for fewer than two steps: a single one, theta - theta_1 = a g, is
        joint training on all tasks.

        >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
        >>> found = ms.InnerLoop(case.step_size, steps=2).reptile_gradient(case.net, case.theta, case.task)
        >>> found.gradient.shape == case.theta.shape, found.step_size_gradient
        (True, 0.0)
        """
        if self.online:
            raise ValueError(
                "online is not for Reptile, whose steps go down the loss of all samples of a task"
            )
        if type(self).update is not InnerLoop.update:
            raise ValueError(
                f"Reptile sums up plain gradient steps, and {type(self).__name__} has an update of "
                "its own"
            )
        if self.steps < 2:
            raise ValueError(
                f"steps must be 2 or more for Reptile, not {self.steps}: one step is joint "
                "training on all tasks"
            )
        x = np.concatenate([task.x_support, task.x_query])
        y = np.concatenate([task.y_support, task.y_query])
        theta_n, path = self._descend(net, theta, x, y)
        after = net(theta_n, task.x_query)
        loss = float(net.criterion.value(after, net._target(task.y_query, len(after))))
        # the steps themselves: theta - theta_n would lose to cancellation in float32
        ways = sum(self._times(step.gate, step.gradient, net.dtype) for step in path)
        return MetaGradient(
            loss, np.asarray(ways), 0.0, path[0].logits[: len(task.x_support)], after
        )

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """The network's own path through the task, which the twins of a meta-gradient hold fixed.

        >>> case = ms.gradcheck.random_case(np.random.default_rng(0))
        >>> loop = ms.InnerLoop(case.step_size, steps=2)
        >>> recorded = loop.record(case.net, case.theta, case.task)
        >>> len(recorded.records), len(recorded.gates)
        (3, 2)
        >>> loss = loop.loss(case.net, case.theta, case.task)
        >>> bool(np.isclose(loss, loop.loss(case.net, case.theta, case.task, "jet", recorded)))
        True
        """
        self.check(net)
        records = []
        gates = list[Array]()
        start = theta
        for x, y in self.batches(task.x_support, task.y_support):
            records.append(net.record(theta, x))
            _, g, logits, _ = net.gradients(theta, x, y)
            gates.append(self.gate(net, g, logits, y))
            theta = self._updated(net, theta, start, gates[-1], g)
        return Recorded([*records, net.record(theta, task.x_query)], gates)
