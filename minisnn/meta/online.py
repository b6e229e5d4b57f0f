"""The rule "online": only the readout learns. It starts from zero and is updated after every
sample, as on a device in use.

With p_n the features of support sample n (the readout's traces, and the factor of its bias), W_0 =
0 and step sizes a:

    z_n = W_{n-1} p_n        e_n = softmax(z_n) - onehot(y_n)        W_n = W_{n-1} - a e_n p_n        n = 1, 2, ... samples

This is ANIL (Raghu et al. 2020) with the zeroing trick (Kao, Chiu & Chen 2022), one sample at a
time. The layers below do not change while the readout learns, so features are computed once, and
the gradient needs no Hessian: with lambda the adjoint of W_n,

    de = -a lambda p         dz = softmax's adjoint of de        dp = -(a lambda) e + W_{n-1} dz        lambda <- lambda + dz p

backwards through the updates, then dp back through the layers below. Small steps preserve what was
learned from earlier samples, but give small logits; so in meta-training the query's logits are
multiplied by `scale`, which changes no prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.loss import cross_entropy, cross_entropy_backward, softmax
from ..core.dual import Array
from ..core.network import Network
from ..arguments import must, number
from .inner import InnerLoop, twin
from .path import MetaGradient, Recorded
from .tasks import Task


@dataclass(frozen=True)
class OnlineReadout(InnerLoop):
    """The inner loop for the rule "online". It makes `steps` passes through the support set, in the
    task's order, and does not use theta's readout.

    scale    factor on the query's logits in the meta-loss

    There are no gates, and the readout cannot be frozen. Raises ValueError for settings that do not
    fit.
    """

    online: bool = True
    scale: float = 1.0

    def check(self, net: Network) -> None:
        """Raise ValueError if these settings do not fit the network."""
        super().check(net)
        must("scale", number("scale", self.scale) > 0, "a positive number", self.scale)
        limits = self.threshold, self.threshold_fraction
        must("threshold", limits == (None, None), "None for rule online, which has no gate", limits)
        must(
            "freeze",
            "readout" not in self.freeze,
            "without the readout, which is all that rule online adapts",
            self.freeze,
        )
        must("online", self.online, "True for rule online, which always is", self.online)
        loss = net.loss_name
        must("the loss", loss == "cross_entropy", "cross_entropy for rule online", loss)
        must("the readout", net.readout == "last", "'last' for rule online", net.readout)
        must(
            "the readout",
            net.readout_bias(1) is not None,
            "one that does not fire, such as CubaLIF's",
            net.blocks[-1],
        )

    def _steps(self, net: Network, dtype, ways: int) -> Array:
        """Return the readout's step sizes: a scalar, or an array (F + 1, ways) whose last row is
        for the bias."""
        if np.ndim(self.step_size) == 0:
            return np.asarray(self.step_size, dtype)
        must("ways with individual step sizes", ways == net.ways, f"the network's {net.ways}", ways)
        of_readout = np.asarray(self.step_size)[net.layout[-2].slice.start :]
        return of_readout.reshape(-1, ways).astype(dtype)

    def _learned(self, net: Network, p: Array, y: Array, ways: int) -> tuple[Array, list]:
        """Return (W after all updates (F + 1, ways), [(sample, W before, probabilities, e)])."""
        W = np.zeros((p.shape[1], ways), p.dtype)
        path = []
        a = self._steps(net, p.dtype, ways)
        for n in [*range(len(p))] * self.steps:
            s = softmax(p[n : n + 1] @ W)[0]
            e = s - np.eye(ways, dtype=p.dtype)[y[n]]
            path.append((n, W, s, e))
            W = W - a * np.outer(p[n], e)
        return W, path

    def _seen(self, net: Network, p: Array, steps: int) -> Array:
        """Return the features (B, F) with one more column, which contains the factor of the
        bias."""
        return np.concatenate([p, np.full((len(p), 1), net.readout_bias(steps), p.dtype)], 1)

    def adapt(self, net: Network, theta: Array, x: Array, y: Array) -> Array:
        """Return a copy of theta whose readout has learned the support set."""
        self.check(net)
        W, _ = self._learned(net, self._seen(net, net.features(theta, x), x.shape[1]), y, net.ways)
        theta = net._vector(theta, "theta").copy()
        theta[net.layout[-2].slice.start :] = W.ravel()
        return theta

    def loss(
        self,
        net: Network,
        theta: Array,
        task: Task,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> float:
        """The query's cross-entropy, whose logits are multiplied by `scale`. `meta_gradient` is the
        gradient of this function."""
        logits, *_ = self._answers(net, theta, task, spike, recorded, net.features)
        return cross_entropy(logits, task.y_query)

    def _answers(self, net, theta, task, spike, recorded, features):
        self.check(net)
        sets = task.x_support, task.x_query
        found = [features(theta, x, **twin(spike, recorded, n)) for n, x in enumerate(sets)]
        p, q = (self._seen(net, getattr(f, "p", f), task.x_support.shape[1]) for f in found)
        W, path = self._learned(net, p, task.y_support, task.ways)
        return p.dtype.type(self.scale) * (q @ W), found, p, q, W, path

    def logits(self, net: Network, theta: Array, task: Task) -> Array:
        """Return the logits (Q, ways) for the query samples, after learning the support set."""
        _, _, _, q, W, _ = self._answers(net, theta, task, "hard", None, net.features)
        return q @ W

    def answers(self, net: Network, p: Array, y: Array, query: Array, steps: int) -> Array:
        """Return the query's logits, given the features p of the support and of the query, after
        `steps` time steps."""
        W, _ = self._learned(net, self._seen(net, p, steps), y, net.ways)
        return self._seen(net, query, steps) @ W

    def meta_gradient(
        self,
        net: Network,
        theta: Array,
        task: Task,
        order: int = 2,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> MetaGradient:
        """The gradient of `loss`; it is zero in the readout. order=1 ignores that updates depend on
        earlier updates and on the features of the support."""
        must("order", order in (1, 2), "1 (FOMAML) or 2 (MAML)", order)
        logits, (support, query), p, q, W, path = self._answers(
            net, theta, task, spike, recorded, net.features_and_pullback
        )
        loss = cross_entropy(logits, task.y_query)
        dlogits = cross_entropy_backward(logits, task.y_query)
        dlogits = dlogits * p.dtype.type(self.scale)
        gradient = query.pullback((dlogits @ W.T)[:, :-1])
        a = self._steps(net, p.dtype, task.ways)
        lam = q.T @ dlogits
        dp = np.zeros_like(p)
        da = np.zeros_like(W)
        while path:
            n, W, s, e = path.pop()
            da -= np.outer(p[n], e) * lam
            along = -a * lam
            de = p[n] @ along
            dz = s * (de - s @ de)
            dp[n] += along @ e + W @ dz
            lam = lam + np.outer(p[n], dz) * (order == 2)
        if order == 2:
            gradient = gradient + support.pullback(dp[:, :-1])
        step = self._no_step(net)
        if np.ndim(step):
            step[net.layout[-2].slice.start :] = da.ravel()
        else:
            step = float(da.sum(dtype=np.float64))
        return MetaGradient(loss, gradient, step, None, logits)

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """Return the records of the support set and of the query set at theta, which the twins keep
        fixed."""
        return Recorded([net.record(theta, task.x_support), net.record(theta, task.x_query)], [])
