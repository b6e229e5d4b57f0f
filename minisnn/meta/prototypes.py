"""Rules that learn by class means: nearest class mean, prototypical networks, Proto-MAML.

The features p of a sample are the readout's presynaptic traces at the last step, or at the ends of
several equal parts, concatenated. With c_k the mean of p over the support samples of class k,

    nearest class mean      predicts argmax_k -|p - c_k|^2
    prototypical networks   meta-train the query's cross-entropy of the logits -s |p - c_k|^2
                            (Snell, Swersky & Zemel 2017)
    Proto-MAML              starts the readout at W_k = 2 s c_k, b_k = -s |c_k|^2, which gives these
                            logits plus s |p|^2 (if the readout has no reset), then makes MAML's
                            inner steps (Triantafillou et al. 2020)

The first needs no gradient. In the second, with e = softmax(logits) - onehot(y) divided by the
number of query samples, the adjoints

    dp_b = -2 s sum_k e_bk (p_b - c_k)         dc_k = 2 s sum_b e_bk (p_b - c_k)
    dp_i = dc_k / n_k for i in class k

go back through the network for query and support. In the third, MAML's recursion gives lambda at
(theta, W, b), and

    dc_k = 2 s (lambda_W_k - lambda_b_k c_k)

goes back through the network for the support. `s` is `scale`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial

import numpy as np

from ..arguments import must, number, whole
from ..core.loss import cross_entropy, cross_entropy_backward
from ..core.dual import Array
from ..core.network import Features, Network
from .remembered import by_sample
from .inner import InnerLoop, twin
from .path import MetaGradient, Recorded
from .tasks import Task

SCALE = 0.1
_BESIDE = ((-1, 0), (1, 0), (0, -1), (0, 1))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
# number of looks at a recording: their shifts, in cells down and to the right
LOOKS = {1: ((0, 0),), 5: ((0, 0), *_BESIDE), 9: ((0, 0), *_BESIDE, *_DIAGONAL)}


def shifted(x: Array, down: int, right: int) -> Array:
    """Shift the images in x (B, T, H, W, C) by some cells, and fill the gaps with zeros."""
    width = max(abs(down), abs(right))
    if not width:
        return x
    padded = np.pad(x, ((0, 0), (0, 0), (width, width), (width, width), (0, 0)))
    top, left = width - down, width - right
    return np.ascontiguousarray(padded[:, :, top : top + x.shape[2], left : left + x.shape[3]])


def class_means(p: Array, y: Array, ways: int) -> Array:
    """Return c (ways, F), the means of p (B, F) over the samples with each label. Raises ValueError
    if a class has no samples."""
    counts = np.bincount(y, minlength=ways)
    must(
        "samples per class",
        len(counts) == ways and counts.all(),
        f"1 or more of each of {ways}",
        counts.tolist(),
    )
    return (np.eye(ways, dtype=p.dtype)[y].T @ p) / counts[:, None].astype(p.dtype)


def distance_logits(p: Array, c: Array, scale: float = SCALE) -> Array:
    """-scale |p_b - c_k|^2, (B, ways)."""
    s = p.dtype.type(scale)
    return -s * (p * p).sum(1)[:, None] + s * (2 * (p @ c.T) - (c * c).sum(1))


def with_prototypes(net: Network, theta: Array, c: Array, scale: float = SCALE) -> Array:
    """Return a copy of theta whose readout is W_k = 2 scale c_k, b_k = -scale |c_k|^2."""
    must("classes of the task", len(c) == net.ways, f"the network's {net.ways}", len(c))
    theta = net._vector(theta, "theta").copy()
    views = net.views(theta)
    s = net.dtype.type(scale)
    views["readout.weight"][...] = 2 * s * c.T
    views["readout.bias"][...] = -s * (c * c).sum(1)
    return theta


def features_of(
    net: Network,
    theta: Array,
    x: Array,
    readings: int = 1,
    looks: int = 1,
    axes: Array | None = None,
) -> Array:
    """Return the features p (B, R F) of samples, each averaged over `looks` looks at the sample.
    With axes A (R F, d), return p A."""
    if axes is not None:
        return _along(features_of(net, theta, x, readings, looks), axes)
    if looks == 1:
        return net.features(theta, x, readings=readings)

    def seen(some: Array) -> tuple[Array]:
        of_look = lambda x: net._features(theta, x, "hard", None, readings, False).p
        return (_mean([of_look(x) for x in _looks(some, looks)]),)

    return by_sample(net, theta, x, (readings, looks), seen)[0]


def _looks(x: Array, looks: int) -> list[Array]:
    return [shifted(x, *by) for by in LOOKS[looks]]


def _along(p: Array, axes: Array | None) -> Array:
    return p if axes is None else p @ axes.astype(p.dtype)


def _mean(arrays: list[Array]) -> Array:
    """The mean of one or more arrays."""
    return arrays[0] if len(arrays) == 1 else sum(arrays[1:], arrays[0]) / len(arrays)


def nearest(
    net: Network,
    theta: Array,
    task: Task,
    scale: float = SCALE,
    readings: int = 1,
    looks: int = 1,
    axes: Array | None = None,
) -> Array:
    """Return the query's logits, computed from the class means of the support set. Nothing adapts,
    and theta's readout is not used."""
    p = features_of(net, theta, task.x_support, readings, looks, axes)
    c = class_means(p, task.y_support, task.ways)
    return distance_logits(features_of(net, theta, task.x_query, readings, looks, axes), c, scale)


@dataclass(frozen=True, eq=False)
class ClassMeans(InnerLoop):
    """An inner loop that starts from the class means of the support set. It does not use theta's
    readout.

    scale      s of the logits
    readings   R: p has the traces at the ends of R equal parts of the recording, and so shows when
               something happened; R > 1 requires steps=0, and a window that reaches into the first
               part
    looks      L: p is the mean over L looks at a recording: 1 is the recording itself, 5 adds
               shifts by one cell in each direction, 9 also diagonal ones; L > 1 requires pictures
               and steps=0. Runs learn with one look, and validate and test with L
    axes       A (R F, d), such as `fisher_axes` returns: class means of p A are compared instead of
               p. Requires steps=0. Runs fit A after their last update

    With steps=0 the answer is the nearest class mean, `loss` is that of prototypical networks, and
    a task may have any number of ways. With steps it is Proto-MAML.

    >>> net = ms.SpikingNet((6,), (), ways=3)
    >>> x, _ = ms.gradcheck.random_data(net, np.random.default_rng(0))
    >>> task = ms.Task(x, [0, 1, 2], x, [0, 1, 2])
    >>> theta = net.init(np.random.default_rng(0), x)
    >>> ms.ClassMeans(steps=0).logits(net, theta, task).argmax(1).tolist()
    [0, 1, 2]
    """

    scale: float = SCALE
    readings: int = 1
    looks: int = 1
    axes: Array | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassMeans):
            return NotImplemented
        ours, theirs = vars(self).items(), vars(other)
        return all(np.array_equal(value, theirs[name]) for name, value in ours)

    __hash__ = InnerLoop.__hash__

    def check(self, net: Network) -> None:
        """Raise ValueError if these settings do not fit the network."""
        super().check(net)
        must("scale", number("scale", self.scale) > 0, "a positive number", self.scale)
        loss = net.loss_name
        must("the loss", loss == "cross_entropy", "cross_entropy for rules of class means", loss)
        what = "'last' where steps follow, which begin at class means of the last step"
        must("the readout", not self.steps or net.readout == "last", what, net.readout)
        must("looks", whole("looks", self.looks, 1) in LOOKS, "1, 5 or 9", self.looks)
        must(
            "looks",
            not (self.looks > 1 and len(net.input_shape) == 1),
            "1 where samples are rows of units: pictures shift",
            self.looks,
        )
        for name in ("readings", "looks"):
            given = whole(name, getattr(self, name), 1)
            must(
                name,
                given == 1 or not self.steps,
                "1 where steps follow, which move a readout of one reading",
                given,
            )
        if self.axes is None:
            return
        must("axes", not self.steps, "None where steps follow, which move a readout", self.axes)
        features = self.readings * net.layout[-2].shape[0]
        shape = np.shape(self.axes)
        must(
            "axes",
            len(shape) == 2 and shape[0] == features >= shape[1] > 0,
            f"(features, axes) of {features} features",
            shape,
        )
        good = isinstance(self.axes, np.ndarray) and self.axes.dtype.kind == "f"
        with np.errstate(over="ignore"):
            good = good and np.isfinite(self.axes.astype(net.dtype)).all()
        must("axes", good, f"an array of numbers that are finite in {net.dtype}", self.axes)

    @property
    def once(self) -> "ClassMeans":
        """Return this rule with one look and no axes, which is what devices and meta-training
        use."""
        return replace(self, looks=1, axes=None)

    @property
    def _plain(self) -> InnerLoop:
        return InnerLoop(*(getattr(self, f.name) for f in fields(InnerLoop)))

    def _descend(self, net, theta, x, y, second=False, spike="hard", recorded=None):
        words = "1 for a readout, which weighs the last one; ask for `logits`"
        must("readings", self.readings == 1, words, self.readings)
        if self.looks > 1 or self.axes is not None:
            warnings.warn(
                "a readout of class means weighs all features of one look at a recording; `logits` "
                f"answers by {self.looks} looks{', and along axes' * (self.axes is not None)}",
                stacklevel=3,
            )
        p = net.features(theta, x, **twin(spike, recorded, 0))
        start = with_prototypes(net, theta, class_means(p, y, net.ways), self.scale)
        return self._plain._descend(net, start, x, y, second, spike, _rest(recorded))

    def logits(self, net: Network, theta: Array, task: Task) -> Array:
        """Return the logits (Q, ways) for the query samples, after learning the support set."""
        self.check(net)
        return (
            super().logits(net, theta, task)
            if self.steps
            else nearest(net, theta, task, self.scale, self.readings, self.looks, self.axes)
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
        self.check(net)
        if self.steps:
            return super().loss(net, theta, task, spike, recorded)
        support, query = self._features(net.features, theta, task, spike, recorded)
        c = class_means(support.p, task.y_support, task.ways)
        return cross_entropy(distance_logits(query.p, c, self.scale), task.y_query)

    def meta_gradient(
        self,
        net: Network,
        theta: Array,
        task: Task,
        order: int = 2,
        spike: str = "hard",
        recorded: Recorded | None = None,
    ) -> MetaGradient:
        """The gradient of `loss`. It is zero in the readout, because the support set determines the
        readout.

        order=1 leaves out the Hessians of the inner steps, but keeps the backward pass through the
        class means.
        """
        self.check(net)
        read = net.features_and_pullback
        support, *rest = self._features(read, theta, task, spike, recorded)
        c = class_means(support.p, task.y_support, task.ways)
        twice = net.dtype.type(2 * self.scale)
        if not self.steps:
            (query,) = rest
            logits = distance_logits(query.p, c, self.scale)
            e = cross_entropy_backward(logits, task.y_query)
            gradient = query.pullback(-twice * (e.sum(1, keepdims=True) * query.p - e @ c))
            dc = twice * (e.T @ query.p - e.sum(0)[:, None] * c)
            loss = cross_entropy(logits, task.y_query)
            found = MetaGradient(loss, gradient, self._no_step(net), None, logits)
        else:
            start = with_prototypes(net, theta, c, self.scale)
            found = self._plain.meta_gradient(net, start, task, order, spike, _rest(recorded))
            views = net.views(found.gradient)
            weight, bias = views["readout.weight"], views["readout.bias"]
            dc = twice * (weight.T - bias[:, None] * c)
            weight[...], bias[...] = 0, 0
        y = task.y_support
        dp = (dc / np.bincount(y, minlength=len(dc))[:, None].astype(dc.dtype))[y]
        gradient = found.gradient + support.pullback(dp)  # c_k is the mean of n_k samples
        return found._replace(gradient=gradient, support_logits=None)

    def _features(self, read: Callable, theta, task, spike, recorded) -> list[Features]:
        """Return the features of the support set, and with steps=0 also those of the query set,
        together with their pullback. Features are averaged over all looks, and then projected on
        the axes."""
        records = iter(() if recorded is None else recorded.records)
        form = dict(spike=spike, readings=self.readings)
        found = []
        for x in (task.x_support, task.x_query)[: 1 if self.steps else 2]:
            looks = _looks(x, self.looks)
            each = [read(theta, one, record=next(records, None), **form) for one in looks]
            p = _along(_mean([getattr(one, "p", one) for one in each]), self.axes)
            found.append(Features(p, partial(self._back, each)))
        return found

    def _back(self, each: list[Features], dp: Array) -> Array:
        """Return the adjoint that belongs to `_features`."""
        dp = dp if self.axes is None else dp @ self.axes.T.astype(dp.dtype)
        share = dp.dtype.type(1 / len(each))
        return np.sum([one.pullback(share * dp) for one in each], axis=0)

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """Return the records of `InnerLoop.record`, after one for the class means, made from the
        support set at theta. With steps=0, return the records for all looks at the support set,
        then for those at the query set."""
        self.check(net)
        if not self.steps:
            both = (task.x_support, task.x_query)
            looks = [one for x in both for one in _looks(x, self.looks)]
            return Recorded([net.record(theta, one) for one in looks], [])
        first = net.record(theta, task.x_support)
        c = class_means(net.features(theta, task.x_support), task.y_support, net.ways)
        rest = self._plain.record(net, with_prototypes(net, theta, c, self.scale), task)
        return Recorded([first, *rest.records], rest.gates)


def _rest(recorded: Recorded | None) -> Recorded | None:
    """Return the record for the inner steps, without its first entry, which is for the class
    means."""
    return None if recorded is None else recorded._replace(records=recorded.records[1:])
