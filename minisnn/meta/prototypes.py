"""Rules that learn by class means: nearest class mean, prototypical networks, Proto-MAML.

With p a sample's features (the readout's presynaptic trace at the last step, or at the ends of
several equal stretches, one behind the other) and c_k the mean of p over the support of class k,

    nearest class mean      argmax_k -|p - c_k|^2
    prototypical networks   meta-train the query's cross-entropy of the logits -s |p - c_k|^2
                            (Snell, Swersky & Zemel 2017)
    Proto-MAML              starts the readout at W_k = 2 s c_k, b_k = -s |c_k|^2, the same logits
                            but for s |p|^2 where the readout has no reset, and makes MAML's inner
                            steps from there (Triantafillou et al. 2020)

The first needs no gradient. Of the second, with e = softmax(logits) - onehot(y) over the number of
query samples,

    dp_b = -2 s sum_k e_bk (p_b - c_k)         dc_k = 2 s sum_b e_bk (p_b - c_k)
    dp_i = dc_k / n_k for i in class k

go back through query and support. Of the third, MAML's recursion gives lambda at (theta, W, b), and

    dc_k = 2 s (lambda_W_k - lambda_b_k c_k)

goes back through the support once more. `s` is `scale`; all of these are exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np

from ..core.loss import cross_entropy, cross_entropy_backward
from .. import arguments
from ..core.dual import Array
from ..core.network import Network
from ..core.network import Features
from .remembered import afresh, by_sample
from .inner import InnerLoop
from .path import MetaGradient, Recorded
from .tasks import Task

SCALE = 0.1
_BESIDE = ((-1, 0), (1, 0), (0, -1), (0, 1))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
# cells down and to the right by which so many looks at a recording are shifted
LOOKS = {1: ((0, 0),), 5: ((0, 0), *_BESIDE), 9: ((0, 0), *_BESIDE, *_DIAGONAL)}


def shifted(x: Array, down: int, right: int) -> Array:
    """x (B, T, H, W, C) moved by so many cells; what leaves the picture is lost, nothing enters."""
    if down == right == 0:
        return x
    moved = np.zeros_like(x)
    to_rows, rows = _overlap(down, x.shape[2])
    to_columns, columns = _overlap(right, x.shape[3])
    moved[:, :, to_rows, to_columns] = x[:, :, rows, columns]
    return moved


def _overlap(by: int, size: int) -> tuple[slice, slice]:
    """Where cells go to, and where they come from."""
    return slice(max(by, 0), size + min(by, 0)), slice(max(-by, 0), size + min(-by, 0))


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


def features_of(
    net: Network,
    theta: Array,
    x: Array,
    readings: int = 1,
    looks: int = 1,
    axes: Array | None = None,
) -> Array:
    """Features p (B, R F) of samples, the mean over so many looks at each; p A (B, d) along axes
    A (R F, d)."""
    if axes is not None:
        return _along(features_of(net, theta, x, readings, looks), axes)
    if looks == 1:
        return net.features(theta, x, readings=readings)

    def seen(some: Array) -> tuple[Array]:
        with afresh():
            each = [net.features(theta, one, readings=readings) for one in _looks(some, looks)]
        return (_mean(each),)

    return by_sample(net, theta, x, (readings, looks), seen)[0]


def _looks(x: Array, looks: int) -> list[Array]:
    return [shifted(x, *by) for by in LOOKS[looks]]


def _along(p: Array, axes: Array | None) -> Array:
    return p if axes is None else p @ axes.astype(p.dtype)


def _mean(arrays: list[Array]) -> Array:
    """Their mean; the array itself of one."""
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
    """Logits of the query by the class means of the support: nothing of theta is adapted, its
    readout is not used."""
    p = features_of(net, theta, task.x_support, readings, looks, axes)
    c = class_means(p, task.y_support, task.ways)
    return distance_logits(features_of(net, theta, task.x_query, readings, looks, axes), c, scale)


@dataclass(frozen=True, eq=False)
class ClassMeans(InnerLoop):
    """An inner loop that starts from the class means of its support set; theta's own readout is not
    used.

    scale      s of the logits
    readings   R: p is the trace at the end of each R-th of the recording, one behind the other, so
               that it counts when something happened; R > 1 is for the rule without steps, whose
               window then has to reach into the first R-th
    looks      L: p is the mean of the features of L looks at a recording: 1 as it is, 5 also
               shifted by a cell each way, 9 also diagonally; L > 1 is for pictures and the rule
               without steps. Runs learn by one look, and validate and test by L
    axes       A (R F, d), such as `fisher_axes` finds: class means of p A are compared; None: of p.
               For the rule without steps. Runs fit it after their last update

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
    looks: int = 1
    axes: Array | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassMeans):
            return NotImplemented
        names = [f.name for f in fields(self) if f.name != "axes"]
        alike = all(getattr(self, name) == getattr(other, name) for name in names)
        if self.axes is None or other.axes is None:
            return alike and self.axes is other.axes
        return alike and np.array_equal(self.axes, other.axes)

    __hash__ = InnerLoop.__hash__

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
        if arguments.whole("looks", self.looks, 1) not in LOOKS:
            raise ValueError(f"looks must be 1, 5 or 9, not {arguments.shown(self.looks)}")
        if self.looks > 1 and self.steps:
            raise ValueError(
                f"looks must be 1 where inner steps follow, not {self.looks}: they go through the "
                "network's own answers to one look"
            )
        if self.looks > 1 and len(net.input_shape) == 1:
            raise ValueError(
                f"looks must be 1 where samples are rows of units, not {self.looks}: each is "
                "shifted as a picture is"
            )
        if self.axes is not None:
            self._check_axes(net)
        if net.loss_name != "cross_entropy":
            raise ValueError(
                f"rules of class means ask for the loss cross_entropy, not {net.loss_name}"
            )

    def _check_axes(self, net: Network) -> None:
        axes = self.axes
        if not isinstance(axes, np.ndarray) or axes.dtype.kind != "f":
            raise ValueError(
                "axes must be an array of floating-point numbers (features, axes), not "
                f"{arguments.shown(axes)}"
            )
        features = self.readings * net.layout[-2].shape[0]
        if axes.ndim != 2 or len(axes) != features or not 0 < axes.shape[1] <= features:
            raise ValueError(
                f"axes must be (features, axes) of {features} features, found {axes.shape}"
            )
        with np.errstate(over="ignore"):
            finite = np.isfinite(axes.astype(net.dtype)).all()
        if not finite:
            raise ValueError("axes must hold finite numbers; they hold NaN or infinite ones")
        if self.steps:
            raise ValueError(
                "axes must be None where inner steps follow: they go through the network's "
                "readout, which weighs its features themselves"
            )

    @property
    def once(self) -> "ClassMeans":
        """This rule as runs learn by it, and devices: by one look, along no axes."""
        return replace(self, looks=1, axes=None)

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
        if self.looks > 1 or self.axes is not None:
            more = [f"{self.looks} looks"] * (self.looks > 1) + ["axes"] * (self.axes is not None)
            warnings.warn(
                "a readout of class means weighs all features of one look at a recording, not "
                f"{' or '.join(more)}; `logits` answers by these",
                stacklevel=3,
            )
        c = class_means(net.features(theta, x, spike=spike, record=record), y, net.ways)
        return self._plain._descend(
            net, with_prototypes(net, theta, c, self.scale), x, y, second, spike, rest
        )

    def logits(self, net: Network, theta: Array, task: Task) -> Array:
        """The network's answers to the query samples after learning the support set, (Q, ways)."""
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
        support, query = self._records(recorded)
        seen = self._each(net.features, theta, task.x_support, spike, support)
        c = class_means(_along(_mean(seen), self.axes), task.y_support, task.ways)
        p = _along(_mean(self._each(net.features, theta, task.x_query, spike, query)), self.axes)
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
        records, of_query = self._records(recorded)
        support = self._features(net, theta, task.x_support, spike, records)
        c = class_means(support.p, task.y_support, task.ways)
        twice = net.dtype.type(2 * self.scale)
        no_step = np.zeros(net.size, net.dtype) if np.ndim(self.step_size) else 0.0
        if not self.steps:
            query = self._features(net, theta, task.x_query, spike, of_query)
            logits = distance_logits(query.p, c, self.scale)
            e = cross_entropy_backward(logits, task.y_query)
            gradient = query.pullback(-twice * (e.sum(1, keepdims=True) * query.p - e @ c))
            gradient += support.pullback(
                spread_over(twice * (e.T @ query.p - e.sum(0)[:, None] * c), task.y_support)
            )
            return MetaGradient(
                cross_entropy(logits, task.y_query), gradient, no_step, None, logits
            )
        _, rest = _first(recorded)
        found = self._plain.meta_gradient(
            net, with_prototypes(net, theta, c, self.scale), task, order, spike, rest
        )
        views = net.views(found.gradient)
        weight, bias = views["readout.weight"], views["readout.bias"]
        dc = twice * (weight.T - bias[:, None] * c)
        weight[...], bias[...] = 0, 0
        gradient = found.gradient + support.pullback(spread_over(dc, task.y_support))
        return found._replace(gradient=gradient, support_logits=None)

    def _each(self, read: Callable, theta, x, spike: str, records: list | None) -> list:
        """read of every look at x, with its record."""
        looks = _looks(x, self.looks)
        return [
            read(theta, one, spike=spike, record=record, readings=self.readings)
            for one, record in zip(looks, records or [None] * len(looks))
        ]

    def _features(self, net: Network, theta, x, spike: str, records: list | None) -> Features:
        """The mean over all looks, along the axes, and its pullback."""
        if self.axes is not None:
            seen = replace(self, axes=None)._features(net, theta, x, spike, records)
            axes = self.axes.astype(seen.p.dtype)
            return Features(seen.p @ axes, lambda dp: seen.pullback(dp @ axes.T))
        found = self._each(net.features_and_pullback, theta, x, spike, records)
        if len(found) == 1:
            return found[0]
        share = net.dtype.type(1 / len(found))
        return Features(
            _mean([one.p for one in found]),
            lambda dp: np.sum([one.pullback(share * dp) for one in found], axis=0),
        )

    def _records(self, recorded: Recorded | None) -> tuple[list | None, list | None]:
        """Of the looks at the support, and at the query where no steps follow."""
        if recorded is None:
            return None, None
        return recorded.records[: self.looks], recorded.records[self.looks :]

    def record(self, net: Network, theta: Array, task: Task) -> Recorded:
        """As `InnerLoop.record`, preceded by a record of the support at theta, where the class
        means are taken; without steps, of all looks at the support, then of those at the query."""
        self.check(net)
        if not self.steps:
            both = (task.x_support, task.x_query)
            return Recorded(
                [net.record(theta, one) for x in both for one in _looks(x, self.looks)], []
            )
        first = net.record(theta, task.x_support)
        c = class_means(net.features(theta, task.x_support), task.y_support, net.ways)
        rest = self._plain.record(net, with_prototypes(net, theta, c, self.scale), task)
        return Recorded([first, *rest.records], rest.gates)


def _first(recorded: Recorded | None) -> tuple[list | None, Recorded | None]:
    return (
        (None, None)
        if recorded is None
        else (recorded.records[0], recorded._replace(records=recorded.records[1:]))
    )
