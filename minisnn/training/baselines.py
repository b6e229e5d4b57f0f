"""Baselines that meta-learning must beat: nearest class means on features with and without
meta-training.

A rule maps a task to logits of its query samples, (Q, ways), or to several sets of them, (n, Q,
ways). These rules answer with the nearest class mean of the support (`meta.prototypes`), on

    frames      the pixel baseline: the events of each cell, or the values of each feature, summed
                over time; no network
    random      the last trace of a network of the same kind with random weights, scaled to the
                support sets of a few tasks
    pretrained  the last trace of an ordinary classifier
    own         the last trace of the meta-trained network itself

A meta-learner that does not beat the last one has learned features, but not a better way to learn
from them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np

from ..arguments import must
from ..meta.implicit import ImplicitLoop
from ..meta.inner import InnerLoop
from ..meta.online import OnlineReadout
from ..meta.prototypes import ClassMeans, class_means, distance_logits, nearest
from ..meta.tasks import Task
from ..meta.remembered import remembered
from .regression import rivals
from .intervals import (
    ANSWERS,
    ANYTHING,
    DIFFERENCES,
    ERRORS,
    Drawn,
    Estimate,
    Shared,
    of_values,
)

Rule = Callable[[Task], np.ndarray]


def frames(task: Task) -> np.ndarray:
    """Answer by the nearest class mean of summed frames: the pixel baseline."""
    support, query = (
        x.sum(1, dtype=np.float32).reshape(len(x), -1) for x in (task.x_support, task.x_query)
    )
    return distance_logits(query, class_means(support, task.y_support, task.ways))


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest class mean of a network's last trace."""

    net: Any
    theta: np.ndarray

    def __call__(self, task: Task) -> np.ndarray:
        return nearest(self.net, self.theta, task)


@dataclass(frozen=True, eq=False)
class Adapted:
    """A network's answers after an inner loop, such as `ClassMeans`."""

    net: Any
    theta: np.ndarray
    inner: InnerLoop

    @classmethod
    def of(cls, found: Any) -> "Adapted":
        """Make the rule of a checkpoint's network, or of a result's."""
        return cls(found.net, found.theta, found.loop)

    def __call__(self, task: Task) -> np.ndarray:
        return self.inner.logits(self.net, self.theta, task)


def learns_by(name: str, net: Any, theta: np.ndarray, inner: InnerLoop) -> Adapted:
    """Return a network's answers by another learning rule, with the number of steps of `inner`.

    name   "nearest" class mean, "proto-maml", "maml" or "online", one sample after the other; the
           readout of "maml" starts from zero if it was not trained to start from its weights
    """
    plain = {f.name: getattr(inner, f.name) for f in fields(InnerLoop)}
    plain["steps"] = 0 if name == "nearest" else max(1, inner.steps)
    scale = {"scale": inner.scale} if hasattr(inner, "scale") else {}
    if name == "online":
        loop = OnlineReadout(inner.step_size, plain["steps"], **{"scale": 1.0, **scale})
        return Adapted(net, theta, loop)
    if name == "maml":
        zero = isinstance(inner, ClassMeans | OnlineReadout)
        return Adapted(net, net.without_readout(theta) if zero else theta, InnerLoop(**plain))
    kept = (
        ("readings", "looks", "axes") if name == "nearest" and isinstance(inner, ClassMeans) else ()
    )
    more = {part: getattr(inner, part) for part in kept}
    return Adapted(net, theta, ClassMeans(**plain, **scale, **more))


def with_ways(
    net: Any, theta: np.ndarray, inner: InnerLoop, ways: int
) -> tuple[Any, np.ndarray, InnerLoop]:
    """Return (network, theta, inner loop) for `ways` classes.

    Meta-training makes the readout's columns similar, because the order of classes is random. So
    for another number of classes the readout starts with copies of their mean, and adapts with the
    learned step sizes.
    """
    wide = net.like(ways=ways)

    def widened(flat: np.ndarray) -> np.ndarray:
        weight, bias = (flat[p.slice].reshape(p.shape) for p in net.layout[-2:])
        columns = np.repeat(weight.mean(1, keepdims=True), ways, 1).ravel()
        below = flat[: net.layout[-2].slice.start]
        return np.concatenate([below, columns, np.full(ways, bias.mean())]).astype(flat.dtype)

    step = widened(np.asarray(inner.step_size)) if np.ndim(inner.step_size) else inner.step_size
    # the loss is a mean over classes, so a class's share of the gradient shrinks as classes are
    # added; an online update uses one sample for any number of classes
    changes: dict[str, Any] = dict(step_size=step * (1 if inner.online else ways / net.ways))
    if isinstance(inner, ImplicitLoop):
        changes["proximal"] = inner.proximal * (net.ways / ways)
    return wide, widened(theta), replace(inner, **changes)


def random_network(net: Any, tasks: Any, seed: int = 0, looks: int = 4) -> Nearest:
    """Return the nearest-mean rule on random weights, scaled to the support sets of `looks`
    episodes like a run's initial weights."""
    episodes = (tasks.episode(seed, index, net.ways, 1, 1) for index in range(looks))
    x = np.concatenate([task.x_support for task in episodes])
    return Nearest(net, net.init(np.random.default_rng(seed), x))


def baselines(
    net: Any, theta: np.ndarray, tasks: Any, pretrained: Any = None, inner: InnerLoop | None = None
) -> dict[str, Rule]:
    """Return the four rules by name for a network and a set of tasks, or those of `regression` for
    real targets.

    pretrained   a checkpoint for the same recordings, if any
    inner        how the network learns; if given, gradient-step rules for which it was not trained
                 are added
    """
    random = random_network(net, tasks)
    if net.criterion.one_hot and tasks.episode(0, 0, net.ways, 2, 1).real:
        return rivals(net, theta, random.theta)
    rules: dict[str, Rule] = {"frames": frames, "random": random}
    if pretrained is not None and pretrained.net.input_shape == net.input_shape:
        rules["pretrained"] = Nearest(pretrained.net, pretrained.theta)
    rules["own"] = Nearest(net, theta)
    if inner is None or net.loss_name != "cross_entropy":
        return rules
    others = {
        "proto-maml": not isinstance(inner, ClassMeans) or not inner.steps,
        "maml": isinstance(inner, ClassMeans | OnlineReadout | ImplicitLoop),
    }
    return rules | {
        name: learns_by(name, net, theta, inner) for name, apart in others.items() if apart
    }


@dataclass(frozen=True, kw_only=True)
class Row(Estimate):
    """A rule's accuracy or error over the episodes; `right` (n,) has every answer, right or wrong,
    or the errors of real targets. `Shared` gives the intervals."""

    per_episode: list[float]
    right: np.ndarray = field(compare=False, repr=False)
    shared: Shared = field(compare=False, repr=False)
    errors: bool = False
    r2: list[float] = field(default_factory=list)

    def less(self, other: "Row") -> Estimate:
        """Return this accuracy minus the other's on as many episodes.

        Of the differences of single answers where the episodes are the same; else the interval is
        that of independent answers, the root of the sum of the squares of both halves."""
        within = ANYTHING if self.errors else DIFFERENCES
        if self.shared.same(other.shared):
            return self.shared.estimate(self.right.astype(float) - other.right, within)
        return Estimate(self.mean - other.mean, ci95=float(np.hypot(self.half, other.half)))

    def in_json(self) -> dict[str, Any]:
        """Return the row in JSON's types."""
        found = dict(mean=self.mean, per_episode=self.per_episode, **self.as_json())
        return found | (self.explained() if self.errors else {})

    def explained(self) -> dict[str, float | None]:
        """Return R^2, a mean over the episodes where it is known, and half its 95 % interval over
        them."""
        known = [value for value in self.r2 if np.isfinite(value)]
        found = of_values(known) if known else Estimate(np.nan)
        return dict(r2=found.mean if known else None, r2_ci95=found.ci95)


class Answers(NamedTuple):
    """The answers of one episode: which are right (rules, Q), the recordings behind them, and for
    real targets each rule's R^2."""

    right: np.ndarray
    drawn: Drawn
    r2: list[float] = []


def answers(
    tasks: Any, rules: list[Rule], seed: int, ways: int, shots: int, queries: int, index: int
) -> Answers:
    """Return the rules' answers to episode `index`."""
    return answers_of(tasks.episode(seed, index, ways=ways, shots=shots, queries=queries), rules)


def answers_of(task: Task, rules: list[Rule]) -> Answers:
    """Return the rules' answers to a task."""
    with remembered():
        logits = [rule(task) for rule in rules]
    right = np.concatenate([correct(answer, task) for answer in logits])
    r2 = [explained(answer, task.y_query) for answer in logits] if task.real else []
    return Answers(right, drawn_by(task), r2)


def explained(answers: np.ndarray, y: np.ndarray) -> float:
    """Return R^2 = 1 - sum (answer - y)^2 / sum (y - mean y)^2 of each output over samples and
    steps, averaged over outputs; NaN where a y does not vary."""
    off, y = ((a.reshape(-1, y.shape[-1])) for a in (answers - y, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - (off**2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    return float(np.where(np.isfinite(r2), r2, np.nan).mean())


def correct(logits: np.ndarray, task: Task) -> np.ndarray:
    """Return which query samples have their largest logit at their label, (n, Q) for one or several
    sets of logits; for real targets the squared error of each, averaged over outputs and steps.
    Raises ValueError for logits of another shape."""
    logits = np.asarray(logits)
    expected = task.y_query.shape if task.real else (len(task.y_query), task.ways)
    axes = len(expected)
    fits = logits.ndim in (axes, axes + 1) and logits.shape[-axes:-1] == expected[:-1]
    if not fits or logits.shape[-1] < task.ways or task.real and logits.shape[-1] != task.ways:
        raise ValueError(
            f"a rule answers with logits of shape {logits.shape}; expected {expected}, one for each "
            "query sample and class"
        )
    must("a rule's logits", not np.isnan(logits).any(), "numbers", logits)
    if task.real:
        return np.atleast_2d(((logits - task.y_query) ** 2).mean((*range(1 - axes, 0),)))
    return np.atleast_2d(logits.argmax(-1) == task.y_query)


def drawn_by(task: Task, asked: np.ndarray | None = None, support: bool = True) -> Drawn:
    """Return the recordings behind the answers to a task. asked: the queries (Q,), all by default.
    support: whether to include support recordings; each matters little if there are many shots."""
    of = task.y_query
    labels = task.y_support
    names = task.classes or tuple(map(str, range(task.ways)))
    if task.real:  # targets have no classes: all samples count as one class
        of, labels = (np.zeros(len(y), np.int64) for y in (of, labels))
        names = ("all",)
    which = slice(None) if asked is None else asked
    learned, query = task.recordings or [np.zeros((len(y), 0), np.int64) for y in (labels, of)]
    if not support or learned.shape[1] == 0:  # unknown, or a classifier, which has no inner loop
        learned = np.zeros((0, query.shape[1]), np.int64)
        labels = labels[:0]
    return Drawn(query[which], of[which], learned, labels, names)


def rows_of(names: list[str], found: list[Answers], errors: bool = False) -> dict[str, Row]:
    """Return a row for every rule, from the answers of all episodes (errors, for real targets)."""
    shared = Shared([episode.drawn for episode in found])
    rows = {}
    for n, (name, right) in enumerate(
        zip(names, np.concatenate([episode.right for episode in found], 1))
    ):
        per_episode = right.reshape(len(found), -1).mean(1).tolist()
        estimate = vars(shared.estimate(right, ERRORS if errors else ANSWERS))
        rows[name] = Row(
            **estimate,
            per_episode=per_episode,
            right=right,
            shared=shared,
            errors=errors,
            r2=[episode.r2[n] for episode in found if episode.r2],
        )
    return rows
