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
from ..arguments import array, flag, is_sequence, must, number, whole
from ..parallel.arrays import aligned_empty
from .path import Adjoint, MetaGradient, Recorded, Step
from .tasks import Task

MOST_STEPS = 1000  # a number in a file must not keep anybody waiting for ever; of settings, too
LIMITS = "threshold", "threshold_fraction", "error_threshold"


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
    error_threshold     only errors larger than this make updates (`gate`), or None
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
        ValueError: freeze must be names of layers (readout), not ('conv1',)
        """
        names = [b.name for b in net.blocks]
        must(
            "freeze",
            is_sequence(self.freeze) and all(name in names for name in self.freeze),
            f"names of layers ({', '.join(names)})",
            self.freeze,
        )
        whole("steps", self.steps, 0, MOST_STEPS)
        flag("online", self.online)
        if flag("adapt_constants", self.adapt_constants) and not net.learned:
            raise ValueError(
                "adapt_constants has no effect on a network that learns no constants; leave it "
                "out, or name some by SpikingNet(learn=...)"
            )
        a = array("step_size", self.step_size)
        must(
            "step_size",
            a.dtype.kind in "iuf" and a.shape in ((), (net.size,)) and np.isfinite(a).all(),
            f"a finite scalar or a flat array of {net.size}",
            self.step_size,
        )
        must(
            "threshold",
            not (self.threshold is not None and self.threshold_fraction is not None),
            "None where threshold_fraction is given",
            self.threshold,
        )
        for name in LIMITS:
            limit = getattr(self, name)
            must(name, limit is None or number(name, limit) >= 0, "0 or more", limit)

    def gate(
        self, net: Network, gradient: Array, logits: Array | None = None, y: Any = None
    ) -> Array:
        """m_n, flat like theta: 1 where a gradient updates the parameter, else 0; a constant for
        all derivatives.

            m = |a g| > threshold      or > fraction (max |a g| - min |a g|) within each layer, weights and bias together

        With an error_threshold it is 0 where the error that drives an update is small too, of one
        sample or the mean over several, e = dL / dlogits: readout neuron k learns where |e_k| is
        larger, the layers below where any neuron does; as the error-triggered rule of SOEL (Stewart
        et al. 2020, IEEE J. Emerging Sel. Topics Circuits Syst. 10:512), which so saves the updates
        of what is known already.

        logits, y   of the samples that the gradient is of; needed with an error_threshold only

        >>> net = ms.SpikingNet((2,), (), ways=2)
        >>> gradient = np.array([0.1, -0.4, 0.2, 0.0, 0.3, 0.0], np.float32)
        >>> ms.InnerLoop(step_size=1.0, threshold=0.15).gate(net, gradient).tolist()
        [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
        """
        by_layer = self.freeze or (self.threshold, self.threshold_fraction) != (None, None)
        constants = () if self.adapt_constants else net.learned
        if not by_layer and not constants and self.error_threshold is None:
            return np.broadcast_to(net.dtype.type(1), net.size)
        m = np.ones(net.size, net.dtype)
        update = np.abs(self.step_size * gradient)
        for b in net.blocks if by_layer else ():
            layer = net.slice_of(b.name)
            size = update[layer]
            if self.threshold is not None:
                m[layer] = size > self.threshold
            if self.threshold_fraction is not None:
                m[layer] = size > self.threshold_fraction * (size.max() - size.min())
            if b.name in self.freeze:
                m[layer] = 0
        for p in constants:
            m[p.slice] = 0
        if self.error_threshold is not None and logits is not None:
            error = np.abs(net.criterion.backward(logits, net._target(y, len(logits)))).sum(0)
            m *= error.max() > self.error_threshold
            for p in net.layout[-2:]:
                m[p.slice] *= np.broadcast_to(error > self.error_threshold, p.shape).ravel()
        return m

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
        gates = recorded.gates if recorded is not None else None
        for n, (x_n, y_n) in enumerate(self.batches(x, y)):
            form = twin(spike, recorded, n)
            _, g, logits, hvp = net.gradients(theta, x_n, y_n, second, **form)
            m = self.gate(net, g, logits, y_n) if gates is None else gates[n]
            path.append(Step(theta, m, g, logits, hvp))
            theta = np.asarray(self.update(theta, start, m, g), net.dtype)
        return theta, path

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
        support = task.x_support, task.y_support
        theta_n, _ = self._descend(net, theta, *support, False, spike, recorded)
        return net.loss(theta_n, task.x_query, task.y_query, **twin(spike, recorded, -1))

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
        must("order", whole("order", order) in (1, 2), "1 (FOMAML) or 2 (MAML)", order)
        support = task.x_support, task.y_support
        theta_n, path = self._descend(net, theta, *support, order == 2, spike, recorded)
        loss, lam, after, _ = net.gradients(
            theta_n, task.x_query, task.y_query, False, **twin(spike, recorded, -1)
        )
        before = path[0].logits if path and not self.online else None
        da: Any = self._no_step(net)
        of_start: Any = 0.0
        while path:  # what a step kept is given up with it
            theta_n, m, g, _, hvp = path.pop()
            lam, start, along, step = self.update_backward(theta_n, theta, m, g, lam)
            da = da + (step if np.ndim(da) else float(np.sum(step, dtype=np.float64)))
            of_start = of_start + start
            del g, theta_n, step
            if hvp is not None:
                lam = lam + hvp(np.asarray(along, net.dtype))
        lam = lam if np.ndim(of_start) == 0 else np.asarray(lam + of_start, net.dtype)
        return MetaGradient(loss, lam, da, before, after)

    def _no_step(self, net: Network) -> Any:
        """A gradient of the step sizes that is zero."""
        return np.zeros(net.size, net.dtype) if np.ndim(self.step_size) else 0.0

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
        must("online", not self.online, "False for Reptile, which learns all samples at once", True)
        must(
            "Reptile's inner loop",
            type(self).update is InnerLoop.update,
            "of plain gradient steps",
            type(self).__name__,
        )
        must("steps", self.steps > 1, "2 or more for Reptile: one is joint training", self.steps)
        x = np.concatenate([task.x_support, task.x_query])
        y = np.concatenate([task.y_support, task.y_query])
        theta_n, path = self._descend(net, theta, x, y)
        after = net(theta_n, task.x_query)
        loss = float(net.criterion.value(after, net._target(task.y_query, len(after))))
        # the steps themselves: theta - theta_n would lose to cancellation in float32
        ways = sum(self._times(step.gate, step.gradient, net.dtype) for step in path)
        before = path[0].logits[: len(task.x_support)]
        return MetaGradient(loss, np.asarray(ways), 0.0, before, after)

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
        theta_n, path = InnerLoop._descend(self, net, theta, task.x_support, task.y_support)
        batches = self.batches(task.x_support, task.y_support)
        records = [net.record(step.theta, x) for step, (x, _) in zip(path, batches)]
        return Recorded([*records, net.record(theta_n, task.x_query)], [s.gate for s in path])


def twin(spike: str, recorded: Recorded | None, n: int) -> dict[str, Any]:
    """Which form of the network is computed, and its record at theta_n; -1 for the query."""
    return dict(spike=spike, record=None if recorded is None else recorded.records[n])
