"""What learning to learn must beat: nearest class means on features that were not meta-trained, and on those that were.

A rule takes a task to logits of its query samples, (Q, ways), or to several, (n, Q, ways). Those here take the class means of
the support and answer with the nearest (`meta.prototypes`), on

    frames      the events of each cell, or the values of each feature, summed over time: no network at all
    random      the last trace of a network of the same kind with random weights, scaled to the support sets of a few tasks
    pretrained  the last trace of an ordinary classifier
    own         the last trace of the meta-trained network itself

A meta-learner that does not beat the last has learned features, and not how to learn from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..meta.inner import InnerLoop
from ..meta.online import OnlineReadout
from ..meta.prototypes import SCALE, ClassMeans, class_means, distance_logits, nearest
from ..meta.tasks import Task
from ..parallel.executor import Executor
from .intervals import ci95, intervals

Rule = Callable[[Task], np.ndarray]


def frames(task: Task) -> np.ndarray:
    """Nearest class mean of summed frames."""
    support, query = (x.sum(1, dtype=np.float32).reshape(len(x), -1) for x in (task.x_support, task.x_query))
    return distance_logits(query, class_means(support, task.y_support, task.ways))


@dataclass(frozen=True, eq=False)
class Nearest:
    """Nearest class mean of a network's last trace."""

    net: Any
    theta: np.ndarray

    def __call__(self, task: Task) -> np.ndarray:
        return nearest(self.net, self.theta, task)


@dataclass(frozen=True, eq=False)
class Adapted:
    """What the network answers after an inner loop, `ClassMeans` or another."""

    net: Any
    theta: np.ndarray
    inner: InnerLoop

    def __call__(self, task: Task) -> np.ndarray:
        return self.inner.logits(self.net, self.theta, task)


def learns_by(name: str, net: Any, theta: np.ndarray, inner: InnerLoop) -> Adapted:
    """A network that learns by another rule, with the steps of `inner`: "nearest" class mean, "proto-maml", "maml", whose
    readout starts from zero where it was not trained to start from its own, or "online", one sample after the other."""
    plain = InnerLoop(**{f.name: getattr(inner, f.name) for f in fields(InnerLoop)})
    if name != "nearest":
        plain = replace(plain, steps=max(1, inner.steps))
    if name == "online":
        return Adapted(net, theta, OnlineReadout(**vars(replace(plain, online=True)), scale=getattr(inner, "scale", 1.0)))
    if name == "maml":
        if isinstance(inner, ClassMeans | OnlineReadout):
            theta = net.without_readout(theta)
        return Adapted(net, theta, plain)
    steps = 0 if name == "nearest" else plain.steps
    return Adapted(net, theta, ClassMeans(**vars(replace(plain, steps=steps)), scale=getattr(inner, "scale", SCALE)))


def with_ways(net: Any, theta: np.ndarray, inner: InnerLoop, ways: int) -> tuple[Any, np.ndarray, InnerLoop]:
    """(network, theta, inner loop) for `ways` classes.

    Meta-training makes the readout's columns alike, for its classes come in any order. So a readout whose columns are all their
    mean is a start for N classes; with the learned step sizes it adapts as the network does."""
    wide = net.like(ways=ways)

    def widened(flat: np.ndarray) -> np.ndarray:
        weight, bias = (flat[p.slice].reshape(p.shape) for p in net.layout[-2:])
        columns = np.repeat(weight.mean(1, keepdims=True), ways, 1).ravel()
        parts = [flat[: net.layout[-2].slice.start], columns, np.full(ways, bias.mean(), flat.dtype)]
        return np.concatenate(parts).astype(flat.dtype)

    step = widened(np.asarray(inner.step_size)) if np.ndim(inner.step_size) else inner.step_size
    # the loss is a mean over classes too: a class's share of the gradient shrinks as classes are added
    return wide, widened(theta), replace(inner, step_size=step * (ways / net.ways))


def random_network(net: Any, tasks: Any, seed: int = 0, looks: int = 4) -> Nearest:
    """Nearest class mean on random weights, scaled to the support sets of `looks` episodes as training starts."""
    x = np.concatenate([tasks.episode(seed, index, net.ways, 1, 1).x_support for index in range(looks)])
    return Nearest(net, net.init(np.random.default_rng(seed), x))


def baselines(
    net: Any, theta: np.ndarray, tasks: Any, pretrained: Any = None, inner: InnerLoop | None = None
) -> dict[str, Rule]:
    """The four by name, for a network and a set of tasks; `pretrained` a checkpoint that takes the same recordings, if any.
    With `inner`, how the network learns, the rules of a gradient step that it was not trained for, too."""
    rules: dict[str, Rule] = {"frames": frames, "random": random_network(net, tasks)}
    if pretrained is not None and pretrained.net.input_shape == net.input_shape:
        rules["pretrained"] = Nearest(pretrained.net, pretrained.theta)
    rules["own"] = Nearest(net, theta)
    if inner is not None and net.loss_name == "cross_entropy":
        by_means, online = isinstance(inner, ClassMeans), isinstance(inner, OnlineReadout)
        others = ["proto-maml"] * (not by_means or not inner.steps) + ["maml"] * (by_means or online)
        rules.update({name: learns_by(name, net, theta, inner) for name in others})
    return rules


@dataclass(frozen=True)
class Row:
    """A rule's accuracy on the episodes: mean, half the 95 % intervals over episodes and over recordings (None where the set
    does not tell them), the accuracy of every episode, and all answers: right (n,), recordings (n, k)."""

    mean: float
    ci95: float | None
    clustered: float | None
    per_episode: list[float]
    answers: Answers = field(compare=False, repr=False)

    def less(self, other: Row) -> tuple[float, float | None, float | None]:
        """This accuracy less the other's in as many episodes: mean, half the 95 % intervals over episodes and over recordings.

        Of the differences of single answers where both rest on the same recordings; else the episodes are paired alone."""
        if np.array_equal(self.answers.recordings, other.answers.recordings):
            apart = self.answers.right.astype(float) - other.answers.right
            return float(apart.mean()), *intervals(apart, self.answers.recordings, len(self.per_episode))
        each = np.subtract(self.per_episode, other.per_episode)
        return float(each.mean()), ci95(each.tolist()), self.both(other)

    def both(self, other: Row) -> float | None:
        """Half the 95 % interval over recordings of a difference of independent answers; None where they are not known."""
        if self.clustered is None or other.clustered is None:
            return None
        return float(np.hypot(self.clustered, other.clustered))


def compare(
    tasks: Any,
    rules: Mapping[str, Rule],
    episodes: int,
    seed: int = 0,
    ways: int = 5,
    shots: int = 1,
    queries: int = 10,
    executor: Executor | None = None,
) -> dict[str, Row]:
    """All rules on the same episodes; episode i depends on (seed, i) alone."""
    found: list[Answers] = []
    one = partial(answers, tasks, list(rules.values()), seed, ways, shots, queries)
    (executor or Executor()).in_order(one, range(episodes), found.append)
    return rows_of(list(rules), found)


class Answers(NamedTuple):
    """Which answers are right, of one episode (rules, Q), and the recordings each rests on, (Q, k); k = 0 where unknown."""

    right: np.ndarray
    recordings: np.ndarray


def answers(tasks: Any, rules: list[Rule], seed: int, ways: int, shots: int, queries: int, index: int) -> Answers:
    """What the rules answer to episode `index`."""
    return answers_of(tasks.episode(seed, index, ways=ways, shots=shots, queries=queries), rules)


def answers_of(task: Task, rules: list[Rule]) -> Answers:
    """What the rules answer to a task."""
    return Answers(np.concatenate([correct(rule(task), task) for rule in rules]), rests_on(task))


def correct(logits: np.ndarray, task: Task) -> np.ndarray:
    """Which query samples have the largest logit at their label, (n, Q) of one or several logits; of real targets the squared
    error of each, a mean over the outputs."""
    if task.real:
        return np.atleast_2d(((logits - task.y_query) ** 2).mean(-1))
    return np.atleast_2d(logits.argmax(-1) == task.y_query)


def rests_on(task: Task, support: bool = True) -> np.ndarray:
    """(Q, k): the recordings of a query sample and those of its true class in the support, unless they do not count, as where
    many shots have a small part each; k = 0 where the set does not tell."""
    if task.recordings is None:
        return np.zeros((len(task.y_query), 0), np.int64)
    learned, query = task.recordings
    if not support:
        return query
    of_class = np.array([learned[task.y_support == k].ravel() for k in range(task.ways)])
    return np.concatenate([query, of_class[task.y_query]], 1)


def rows_of(names: list[str], found: list[Answers]) -> dict[str, Row]:
    """A row for every rule, of the answers of all episodes."""
    recordings, rows = np.concatenate([one.recordings for one in found]), {}
    for name, right in zip(names, np.concatenate([one.right for one in found], 1)):
        per_episode = right.reshape(len(found), -1).mean(1).tolist()
        halves = intervals(right, recordings, len(found))
        rows[name] = Row(float(np.mean(per_episode)), *halves, per_episode, Answers(right, recordings))
    return rows
