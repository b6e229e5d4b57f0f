"""The inner loop: MAML and FOMAML (Finn et al. 2017), ANIL (Raghu et al. 2020), Reptile (Nichol et
al. 2018).

`meta_gradient`, at the end of the file, gives the equations: N inner steps, and the backward pass
through them. ANIL is MAML that adapts only the readout: m_n = 0 in the layers below (`rules.body`),
which the outer loop still learns, because H_n couples them to the readout. Online learning updates
after every sample, like a device in use, for `steps` passes through the support set; each update is
a step of the same recursion, with its sample's gradient.

To write another learning rule, subclass `InnerLoop` and replace `update` and `update_backward`;
steps that depend on earlier ones, as with momentum, also have a `memory`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.dual import Array
from ..core.network import LossAndGradient, Network
from ..arguments import array, flag, is_sequence, must, number, whole
from .path import Adjoint, MetaGradient, Recorded, Step
from .tasks import Task

MOST_STEPS = 1000  # limit for settings and files, so that a wrong number does not run for ever
LIMITS = "threshold", "threshold_fraction"


@dataclass(frozen=True)
class InnerLoop:
    """Learns a task by N gradient steps on its support set.

    step_size           scalar, or flat like theta (one for each parameter)
    steps               number N of gradient steps on the support set
    freeze              names of layers that do not adapt, e.g. ("conv1", "conv2")
    threshold           absolute threshold of Eq. 6 on |a g|, or None
    threshold_fraction  the same as a fraction of the range of |a g| within each layer (weights and
                        bias together), or None
    online              True: one update per sample, in the task's order, `steps` times through the
                        support set
    adapt_constants     True: inner steps also move the learned constants of neurons, which otherwise
                        only the outer loop moves

    theta is never changed. With spike="jet" or "smooth" and `recorded` from `record`, methods
    compute a twin of the network: a smooth function of theta. They raise ValueError if options,
    theta or data do not fit the network, and `NotFinite` if the steps diverge.

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
    adapt_constants: bool = False

    def __post_init__(self) -> None:
        # a copy, so that later writes into the caller's array change nothing
        if isinstance(self.step_size, np.ndarray):
            object.__setattr__(self, "step_size", self.step_size.copy())

    def check(self, net: Network) -> None:
        """Raise ValueError if these settings do not fit the network.

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

    def gate(self, net: Network, gradient: Array) -> Array:
        """m_n, flat like theta: 1 where the gradient updates a parameter, else 0. Derivatives treat
        the gate as a constant.

            m = |a g| > threshold      or > fraction (max |a g| - min |a g|) within each layer, weights and bias together

        >>> net = ms.SpikingNet((2,), (), ways=2)
        >>> gradient = np.array([0.1, -0.4, 0.2, 0.0, 0.3, 0.0], np.float32)
        >>> ms.InnerLoop(step_size=1.0, threshold=0.15).gate(net, gradient).tolist()
        [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
        """
        by_layer = self.freeze or (self.threshold, self.threshold_fraction) != (None, None)
        constants = () if self.adapt_constants else net.learned
        if not by_layer and not constants:
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
        return m

    def batches(self, x: Any, y: Any) -> list[tuple[Any, Any]]:
        """List the samples for each update as pairs (x, y), in the order of the updates."""
        parts = [slice(n, n + 1) for n in range(len(x))] if self.online else [slice(None)]
        return [(x[part], y[part]) for part in parts] * self.steps

    def memory(self, theta: Array) -> Array | None:
        """Return the memory of the first step, an array of any shape; None if steps have none. With
        a memory, define

        update(theta, start, m, g, memory) -> (theta_{n+1}, the memory of the next step)
        update_backward(theta, start, m, g, memory, lam, dmemory) -> (`Adjoint`, dmemory)

        where the argument dmemory is the adjoint of the next step's memory, and the returned
        dmemory is the adjoint of this step's memory.
        """
        return None

    def update(self, theta: Array, start: Array, m: Array, g: Array) -> Array:
        """theta_{n+1} = theta_n - a m g, all flat, with the gate m and the gradient g at theta_n;
        `start` is theta_0."""
        step = self._times(m, g, theta.dtype)
        return np.subtract(theta, step, out=step)

    def update_backward(
        self, theta: Array, start: Array, m: Array, g: Array, lam: Array
    ) -> Adjoint:
        """Return the adjoints of the arguments of `update`, given lam, the adjoint of theta_{n+1}.
        g counts as an independent argument."""
        back = self._times(m, lam, theta.dtype)
        return Adjoint(lam, 0.0, np.negative(back, out=back), -(m * g * lam))

    def _times(self, gate: Array, vector: Array, dtype: np.dtype) -> Array:
        """a m v"""
        return np.asarray(self.step_size * gate * vector, dtype)

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
        """Return theta_N and the steps that led to it."""
        self.check(net)
        path, start = [], theta
        gates = recorded.gates if recorded is not None else None
        memory: list[Array] = [a for a in (self.memory(theta),) if a is not None]
        rule: Any = self  # untyped, since rules with a memory have more arguments
        for n, (x_n, y_n) in enumerate(self.batches(x, y)):
            form = twin(spike, recorded, n)
            _, g, logits, hvp = net.gradients(theta, x_n, y_n, second, **form)
            m = self.gate(net, g) if gates is None else gates[n]
            path.append(Step(theta, m, g, logits, hvp, memory))
            theta = rule.update(theta, start, m, g, *memory)
            if memory:
                theta, *memory = theta
            theta = np.asarray(theta, net.dtype)
        return theta, path

    def adapt(self, net: Network, theta: Array, x: Array, y: Array) -> Array:
        """Return theta_N, the parameters after learning the support set, as a new array.

        x (B, T, H, W, C) are event counts, y (B,) labels.

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
        """Return the logits (Q, ways) for the query samples, after learning the support set.

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
        """Return the gradient of `loss`; order 2 is MAML, order 1 FOMAML. For the equations see the
        function `meta_gradient`.

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
        dmemory: list[Array] = [np.zeros_like(a) for step in path[-1:] for a in step.memory]
        rule: Any = self
        while path:  # frees each step's memory after its backward pass
            theta_n, m, g, _, hvp, memory = path.pop()
            adjoint = rule.update_backward(theta_n, theta, m, g, *memory, lam, *dmemory)
            if memory:
                adjoint, *dmemory = adjoint
            lam, start, along, step = adjoint
            da = da + (step if np.ndim(da) else float(np.sum(step, dtype=np.float64)))
            of_start = of_start + start
            del g, theta_n, step
            if hvp is not None:
                lam = lam + hvp(np.asarray(along, net.dtype))
        lam = lam if np.ndim(of_start) == 0 else np.asarray(lam + of_start, net.dtype)
        return MetaGradient(loss, lam, da, before, after)

    def _no_step(self, net: Network) -> Any:
        """Return the gradient of the step sizes when there is none: zero."""
        return np.zeros(net.size, net.dtype) if np.ndim(self.step_size) else 0.0

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """Record the network's path through the task, which the twins of a meta-gradient keep
        fixed.

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
    """Return the keyword arguments that select a form of the network, with the record made at
    theta_n; n = -1 is the record for the query."""
    return dict(spike=spike, record=None if recorded is None else recorded.records[n])


def downhill(step_size: float | Array) -> float | Array:
    """Return the step size; raises ValueError if it is negative. (Checks of derivatives need both
    signs; they use `InnerLoop` itself.)"""
    words = "0 or more, so that steps decrease the loss"
    must("step_size", not np.any(array("step_size", step_size) < 0), words, step_size)
    return step_size


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
    meta-gradient.

    With the support loss L_s, the query loss L_q (both means over their samples), the step size a
    and one inner step:

        theta_1 = theta - a grad L_s(theta)
        d L_q(theta_1) / d theta = (I - a H) grad L_q(theta_1)             H = Hessian of L_s at theta

    With N steps and gates m_n (Eq. 6; 1 where a parameter is updated, else 0), theta_0 = theta:

        theta_{n+1} = theta_n - a m_n grad L_s(theta_n)                    n = 0 .. N - 1
        lambda_N    = grad L_q(theta_N)
        lambda_n    = lambda_{n+1} - H_n (a m_n lambda_{n+1})              n = N - 1 .. 0; lambda_0 is the meta-gradient

    H_n is never formed: each product H_n v is computed exactly (Pearlmutter 1994). First order
    (order=1, FOMAML) leaves out the products and returns lambda_N. The gates count as constants,
    and derivatives of spikes are surrogate ones.

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
    adapt_constants      True: inner steps also move the learned constants of neurons; else m_n = 0
                         for them

    Returns (loss, gradient): the mean query loss, a float, and the meta-gradient, flat like theta.
    Raises ValueError if settings, theta or task do not fit the network, and `NotFinite` if the
    inner steps diverge.

    Source: Stewart & Neftci 2022, Eq. 1-3 and 6; Finn, Abbeel & Levine 2017 (MAML, FOMAML); Raghu
    et al. 2020 (ANIL).

    >>> rng = np.random.default_rng(0)
    >>> net = ms.SpikingNet((6,), (), ways=3, dtype="float64")
    >>> task = ms.Task(*ms.gradcheck.random_data(net, rng), *ms.gradcheck.random_data(net, rng))
    >>> theta = net.init(rng, task.x_support)
    >>> loss, gradient = ms.meta_gradient(net, theta, task, step_size=0.1)

    The same, written out:

    >>> _, g, _, hvp = net.gradients(theta, task.x_support, task.y_support)
    >>> lam = net.loss_and_gradient(theta - 0.1 * g, task.x_query, task.y_query).gradient
    >>> gradient.shape, np.allclose(gradient, lam - hvp(0.1 * lam))
    ((21,), True)
    """
    limits = freeze, threshold, threshold_fraction
    loop = InnerLoop(downhill(step_size), steps, *limits, adapt_constants=adapt_constants)
    return LossAndGradient(*loop.meta_gradient(net, theta, task, order)[:2])
