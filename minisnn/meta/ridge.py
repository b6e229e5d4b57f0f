"""The rule "ridge": closed-form ridge regression on the network's features, which is the baseline
for regression (Bertinetto et al. 2019, "Meta-learning with differentiable closed-form solvers",
ICLR).

With F the features of the support, one row per sample and a column of ones for the bias, Y their
targets, and a penalty > 0,

    W      = A^-1 F^T Y          A = F^T F + penalty I; the same is F^T (F F^T + penalty I)^-1 Y
    logits = G W                 G as F, of the query

The adjoint of dlogits needs one more solve with the same matrix,

    dW = G^T dlogits             Z = A^-1 dW
    dF = (Y - F W) Z^T - (F Z) W^T
    dG = dlogits W^T

after which dF and dG go back through the network. With readout "mean", a row is the mean of the
features over the window; with "steps", each step is a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import solve

from ..arguments import must, number, whole
from ..core.dual import Array
from ..core.network import Network
from .inner import InnerLoop, twin
from .path import MetaGradient, Recorded
from .tasks import Task


def _inverse_times(F: Array, penalty: float, b: Array) -> Array:
    """Return (F^T F + penalty I)^-1 b, using the smaller of the two matrices."""
    n, d = F.shape
    if d <= n:
        return solve(F.T @ F + penalty * np.eye(d, dtype=F.dtype), b)
    G = F @ F.T + penalty * np.eye(n, dtype=F.dtype)
    return (b - F.T @ solve(G, F @ b)) / F.dtype.type(penalty)


def ridge(F: Array, Y: Array, penalty: float) -> Array:
    """Return W (d, ways), which minimises |F W - Y|^2 + penalty |W|^2, for F (n, d) and Y (n,
    ways).

    >>> F = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> ridge(F, np.eye(2), 1.0).round(3).tolist()
    [[0.5, 0.0], [0.0, 0.4]]
    """
    n, d = F.shape
    if d <= n:
        return _inverse_times(F, penalty, F.T @ Y)
    return F.T @ solve(F @ F.T + penalty * np.eye(n, dtype=F.dtype), Y)


class _Rows(NamedTuple):
    """The features F (n, d) of some samples, and their pullback: dF -> gradient of theta."""

    F: Array
    pullback: Callable[[Array], Array]


@dataclass(frozen=True)
class Ridge(InnerLoop):
    """An inner loop that solves for the readout by ridge regression, without steps. It does not use
    theta's readout.

    penalty   factor of the squared weights and biases, above 0; choose it on validation tasks

    The loss is "squared"; labels are one-hot targets. Raises ValueError for settings that do not
    fit.

    >>> net = ms.SpikingNet((6,), (), hidden=(8,), ways=1, loss="squared", readout="mean")
    >>> rng = np.random.default_rng(0)
    >>> task = ms.Task(*ms.gradcheck.random_data(net, rng), *ms.gradcheck.random_data(net, rng))
    >>> theta = net.init(rng, task.x_support)
    >>> loop = ms.Ridge(penalty=0.1)
    >>> loop.logits(net, theta, task).shape, loop.meta_gradient(net, theta, task).gradient.shape
    ((3, 1), (65,))
    """

    steps: int = 0
    penalty: float = 0.1

    def check(self, net: Network) -> None:
        """Raise ValueError if these settings do not fit the network."""
        super().check(net)
        must("penalty", number("penalty", self.penalty) > 0, "a positive number", self.penalty)
        must("steps", self.steps == 0, "0 for rule ridge, which solves", self.steps)
        must("the loss", net.loss_name == "squared", "squared for rule ridge", net.loss_name)
        readouts = "last", "mean", "steps"
        fits = net.readout in readouts
        must("the readout", fits, f"one of {', '.join(readouts)} for rule ridge", net.readout)

    def _rows(self, net: Network, theta: Array, x: Array, pull: bool, form: dict) -> _Rows:
        """Return the features of samples, with their pullback if `pull`."""
        readings = 1 if net.readout == "last" else None
        p, pullback = net._features(theta, x, **form, readings=readings, pull=pull)
        p = p.reshape(len(x), -1, net.layout[-2].shape[0])
        of_steps = p.shape
        mean = net.readout == "mean"
        F = p.mean(1) if mean else p.reshape(-1, of_steps[-1])

        def back(dF: Array) -> Array:
            dp = dF[:, :-1].astype(net.dtype)
            if mean:
                dp = np.repeat(dp[:, None] / of_steps[1], of_steps[1], 1)
            return pullback(dp.reshape(len(x), -1))

        return _Rows(np.concatenate([F, np.ones((len(F), 1), F.dtype)], 1), back)

    def _answers(
        self, net: Network, theta: Array, task: Task, pull: bool, spike: str, recorded: Any
    ) -> tuple[Array, Array, list[_Rows], Array]:
        """Return (logits, W, the rows for the support and the query set, Y)."""
        self.check(net)
        sets = [
            self._rows(net, theta, x, pull, twin(spike, recorded, n))
            for n, x in enumerate((task.x_support, task.x_query))
        ]
        Y = net._target(task.y_support, net._logits_shape(task.x_support)).reshape(-1, net.ways)
        W = ridge(sets[0].F, Y, self.penalty)
        return (sets[1].F @ W).reshape(net._logits_shape(task.x_query)), W, sets, Y

    def adapt(self, net: Network, theta: Array, x: Array, y: Array) -> Array:
        """Raise ValueError, because theta cannot hold the solution: a readout with a reset or a
        filtered bias would give other logits. Use `logits`."""
        raise ValueError("rule ridge has no adapted theta; use `logits`")

    def logits(self, net: Network, theta: Array, task: Task) -> Array:
        """Return the logits for the query samples, after learning the support set."""
        return self._answers(net, theta, task, False, "hard", None)[0]

    def loss(
        self,
        net: Network,
        theta: Array,
        task: Task,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> float:
        """The query loss: the function whose gradient is `meta_gradient`."""
        logits = self._answers(net, theta, task, False, spike, recorded)[0]
        return float(net.criterion.value(logits, net._target(task.y_query, logits.shape)))

    def meta_gradient(
        self,
        net: Network,
        theta: Array,
        task: Task,
        order: int = 2,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> MetaGradient:
        """The gradient of `loss`; it is zero in the readout. order=1 treats W as a constant."""
        must("order", whole("order", order) in (1, 2), "1 or 2", order)
        found = self._answers(net, theta, task, True, spike, recorded)
        logits, W, (support, query), Y = found
        y = net._target(task.y_query, logits.shape)
        dlogits = net.criterion.backward(logits, y).reshape(-1, net.ways)
        gradient = query.pullback(dlogits @ W.T)
        if order == 2:
            F = support.F
            Z = _inverse_times(F, self.penalty, query.F.T @ dlogits)
            gradient = gradient + support.pullback((Y - F @ W) @ Z.T - (F @ Z) @ W.T)
        loss = float(net.criterion.value(logits, y))
        return MetaGradient(loss, gradient, self._no_step(net), None, logits)

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """Return the records of the support set and of the query set at theta, which the twins keep
        fixed."""
        self.check(net)
        return Recorded([net.record(theta, x) for x in (task.x_support, task.x_query)], [])
