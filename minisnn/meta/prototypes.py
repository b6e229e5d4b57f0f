"""Rules that learn by class means: nearest class mean, prototypical networks, Proto-MAML.

With p a sample's features (the readout's presynaptic trace at the last step, or at the ends of
several equal stretches, one behind the other) and c_k the mean of p
over the support samples of class k,

    nearest class mean      argmax_k -|p - c_k|^2
    prototypical networks   meta-train the query's cross-entropy of the logits -s |p - c_k|^2 (Snell, Swersky & Zemel 2017)
    Proto-MAML              starts the readout at W_k = 2 s c_k, b_k = -s |c_k|^2, the same logits but for s |p|^2 where the
                            readout has no reset, and makes MAML's inner steps from there (Triantafillou et al. 2020)

The first needs no gradient. Of the second, with e = softmax(logits) - onehot(y) over the number of
query samples,

    dp_b = -2 s sum_k e_bk (p_b - c_k)         dc_k = 2 s sum_b e_bk (p_b - c_k)         dp_i = dc_k / n_k for i in class k

go back through query and support. Of the third, MAML's recursion gives lambda at (theta, W, b), and

    dc_k = 2 s (lambda_W_k - lambda_b_k c_k)

goes back through the support once more. `s` is `scale`; all of these are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from ..layers.loss import cross_entropy, cross_entropy_backward
from ..parallel import arguments
from ..network.base import Array, Network
from .inner import InnerLoop
from .path import MetaGradient, Recorded
from .tasks import Task

SCALE = 0.1


def class_means(p: Array, y: Array, ways: int) -> Array:
    """c (ways, F), the means of p (B, F) by label. Raises ValueError for a class without
    samples."""
    counts = np.bincount(y, minlength=ways)
    if len(counts) > ways or not counts.all():
        raise ValueError(
            f"labels must lie in 0..{ways - 1} and every class have a sample, found "
            f"{counts.tolist()} a class"
        )
    return (np.eye(ways, dtype=p.dtype)[y].T @ p) / counts[:, None].astype(p.dtype)


def distance_logits(p: Array, c: Array, scale: float = SCALE) -> Array:
    """-scale |p_b - c_k|^2, (B, ways)."""
    return -p.dtype.type(scale) * (p * p).sum(1)[:, None] + affine_logits(p, c, scale)


def affine_logits(p: Array, c: Array, scale: float) -> Array:
    """The part of `distance_logits` that tells classes apart: scale (2 p c_k - |c_k|^2)."""
    return p.dtype.type(scale) * (2 * (p @ c.T) - (c * c).sum(1))


def spread_over(dc: Array, y: Array) -> Array:
    """The adjoint of `class_means`: dp_i = dc_k / n_k."""
    return (dc / np.bincount(y, minlength=len(dc))[:, None].astype(dc.dtype))[y]


def with_prototypes(net: Network, theta: Array, c: Array, scale: float = SCALE) -> Array:
    """theta whose readout is W_k = 2 scale c_k, b_k = -scale |c_k|^2; theta itself is not
    changed."""
    if c.shape[0] != net.ways:
        raise ValueError(f"the task has {c.shape[0]} classes; expected the network's {net.ways}")
    theta = net._vector(theta, "theta").copy()
    views = net.views(theta)
    s = net.dtype.type(scale)
    views["readout.weight"][...] = 2 * s * c.T
    views["readout.bias"][...] = -s * (c * c).sum(1)
    return theta


def nearest(
    net: Network, theta: Array, task: Task, scale: float = SCALE, readings: int = 1
) -> Array:
    """Logits of the query by the class means of the support: nothing of theta is adapted, its
    readout is not used."""
    p = net.features(theta, task.x_support, readings=readings)
    c = class_means(p, task.y_support, task.ways)
    return distance_logits(net.features(theta, task.x_query, readings=readings), c, scale)


@dataclass(frozen=True)
class ClassMeans(InnerLoop):
    """An inner loop that starts from the class means of its support set; theta's own readout is not
    used.

    scale      s of the logits
    readings   R: p is the trace at the end of each R-th of the recording, one behind the other, so
               that it counts when something happened; R > 1 is for the rule without steps, whose
               window then has to reach into the first R-th

    Without steps it answers with the nearest class mean: `loss` is that of prototypical networks, a
    task may have any number of ways, and the meta-gradient is of first order. With steps it is
    Proto-MAML.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
    >>> task = ms.Task(x, [0, 1, 2], x, [0, 1, 2])
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> ms.ClassMeans(steps=0).logits(net, theta, task).argmax(1).tolist()
    [0, 1, 2]
    """

    scale: float = SCALE
    readings: int = 1

    def check(self, net: Network) -> None:
        """Raise ValueError where these settings do not fit the network."""
        super().check(net)
        if arguments.number("scale", self.scale, "a positive number") <= 0:
            raise ValueError(f"scale must be a positive number, not {self.scale}")
        arguments.whole("readings", self.readings, 1)
        if self.readings > 1 and self.steps:
            raise ValueError(
                f"readings must be 1 where inner steps follow, not {self.readings}: a readout "
                "weighs the trace at the last step alone"
            )
        if net.loss_name != "cross_entropy":
            raise ValueError(
                f"rules of class means ask for the loss cross_entropy, not {net.loss_name}"
            )

    @property
    def _plain(self) -> InnerLoop:
        return InnerLoop(*(getattr(self, f.name) for f in fields(InnerLoop)))

    def _descend(self, net, theta, x, y, second=False, spike="hard", recorded=None):
        record, rest = _first(recorded)
        if self.readings > 1:
            raise ValueError(
                f"class means of {self.readings} readings make no readout, which weighs the trace "
                "at the last step alone: ask for `logits`"
            )
        c = class_means(net.features(theta, x, spike=spike, record=record), y, net.ways)
        return self._plain._descend(
            net, with_prototypes(net, theta, c, self.scale), x, y, second, spike, rest
        )

    def logits(self, net: Network, theta: Array, task: Task) -> Array:
        """The network's answers to the query samples after learning the support set, (Q, ways)."""
        return (
            super().logits(net, theta, task)
            if self.steps
            else nearest(net, theta, task, self.scale, self.readings)
        )

    def loss(
        self,
        net: Network,
        theta: Array,
        task: Task,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> float:
        """The query loss: the function whose gradient is `meta_gradient`."""
        if self.steps:
            return super().loss(net, theta, task, spike, recorded)
        support, query = recorded.records if recorded else (None, None)
        c = class_means(
            self._read(net.features)(theta, task.x_support, spike=spike, record=support),
            task.y_support,
            task.ways,
        )
        p = self._read(net.features)(theta, task.x_query, spike=spike, record=query)
        return cross_entropy(distance_logits(p, c, self.scale), task.y_query)

    def meta_gradient(
        self,
        net: Network,
        theta: Array,
        task: Task,
        order: int = 2,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> MetaGradient:
        """The gradient of `loss`. It is zero in the readout, which the support set determines.

        order=1 leaves out the Hessians of the inner steps, but not the way back through the class
        means.
        """
        self.check(net)
        record, rest = _first(recorded)
        read = self._read(net.features_and_pullback)
        support = read(theta, task.x_support, spike=spike, record=record)
        c = class_means(support.p, task.y_support, task.ways)
        twice = net.dtype.type(2 * self.scale)
        no_step = np.zeros(net.size, net.dtype) if np.ndim(self.step_size) else 0.0
        if not self.steps:
            query = read(theta, task.x_query, spike=spike, record=rest and rest.records[0])
            logits = distance_logits(query.p, c, self.scale)
            e = cross_entropy_backward(logits, task.y_query)
            gradient = query.pullback(-twice * (e.sum(1, keepdims=True) * query.p - e @ c))
            gradient += support.pullback(
                spread_over(twice * (e.T @ query.p - e.sum(0)[:, None] * c), task.y_support)
            )
            return MetaGradient(
                cross_entropy(logits, task.y_query), gradient, no_step, None, logits
            )
        found = self._plain.meta_gradient(
            net, with_prototypes(net, theta, c, self.scale), task, order, spike, rest
        )
        views = net.views(found.gradient)
        weight, bias = views["readout.weight"], views["readout.bias"]
        dc = twice * (weight.T - bias[:, None] * c)
        weight[...], bias[...] = 0, 0
        gradient = found.gradient + support.pullback(spread_over(dc, task.y_support))
        return found._replace(gradient=gradient, support_logits=None)

    def _read(self, features):
        """features, with as many readings as these settings ask for."""
        return partial(features, readings=self.readings)

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """As `InnerLoop.record`, preceded by a record of the support at theta, where the class
        means are taken."""
        first = net.record(theta, task.x_support)
        if not self.steps:
            return Recorded([first, net.record(theta, task.x_query)], [])
        c = class_means(net.features(theta, task.x_support), task.y_support, net.ways)
        rest = self._plain.record(net, with_prototypes(net, theta, c, self.scale), task)
        return Recorded([first, *rest.records], rest.gates)


def _first(recorded: Recorded | None) -> tuple[list | None, Recorded | None]:
    return (
        (None, None)
        if recorded is None
        else (recorded.records[0], recorded._replace(records=recorded.records[1:]))
    )
