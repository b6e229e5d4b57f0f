"""Few-shot accuracy over seeded episodes, before and after adaptation (Stewart & Neftci 2022,
section 3.1), and checks of the sets of tasks."""

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from .. import terminal
from ..arguments import must, need, one_of
from ..core.architecture import loss_of
from ..core.bases import Loss
from ..core.network import Network
from ..data.sets.named import Opened, open_set
from ..data.sets.pool import TELLING
from ..data.sets.samples import shared
from ..meta.beforehand import expect
from ..meta.inner import InnerLoop
from ..meta.online import OnlineReadout
from ..meta.prototypes import ClassMeans
from ..meta.remembered import Samples, remembered
from ..meta.rules import RULES
from ..meta.tasks import Classification, Task
from ..parallel.executor import Executor
from .baselines import Adapted, Answers, Row, Rule, answers_of, rows_of
from .settings import SOUNDS, UNALIGNED, TrainingConfig

ALIGNED = {
    "support": "tasks aligned by their support",
    "centred": "each recording centred",
    "none": "tasks not aligned",
}


def open_sets(config: TrainingConfig, progress: bool = True) -> Opened:
    """Open the sets of tasks, by split, that a run with these settings needs."""
    known = whole_set_options(config.dataset) if RULES[config.rule].whole_set else {}
    looks = {"train": 1, "val": config.evaluate_every, "test": config.test_episodes}
    how = {split: {**config.recordings(split), **known} for split in looks if looks[split]}
    place = config.dataset, config.root
    sets = {
        split: open_set(config.dataset, split, config.root, progress, **options)
        for split, options in how.items()
    }
    return Opened(sets, *place, how["train"])


def whole_set_options(dataset: str) -> dict[str, str]:
    """Return a set's options for a classifier of all training classes: no alignment, since its
    tasks have no support; all spoken words, as is usual in the field."""
    if dataset in SOUNDS:
        return dict(classes="all")
    return dict(classes="train", **({"align": "none"} if dataset == "double-nmnist" else {}))


def check_sets(config: TrainingConfig, data: Mapping[str, Any], loss: Loss | None = None) -> str:
    """Check the sets of tasks, and return the measure of learning: "accuracy", or "error" for real
    targets.

    Raises ValueError, before training, for sets with too few classes or recordings for training,
    validation or the test, and for sets that share classes or recordings that should be unseen.
    Draws a first task of each.
    """
    rule = RULES[config.rule]
    train = data["train"]
    real = False
    for split, tasks in data.items():
        classes = tuple(getattr(tasks, "classes", ()))
        if not rule.whole_set:
            if 0 < len(classes) < config.ways:
                raise ValueError(
                    f"split {split} has {len(classes)} classes, but {config.ways}-way tasks need "
                    f"{config.ways}; give fewer ways, or in a folder another split by an index.csv"
                )
        elif not classes or "classes" not in signature(tasks.sample_task).parameters:
            raise ValueError(
                f"{split}: a set for rule {config.rule}, which classifies all classes, has "
                "`classes`, their names, and `sample_task` takes some of them (classes=); found "
                f"{type(tasks).__name__} without"
            )
        elif odd := set(classes) ^ set(train.classes):
            raise ValueError(
                f"{split}: its classes are not those that train, which rule {config.rule} "
                f"classifies ({min(odd)!r} is in one of the two only); give sets of the same classes and "
                "other recordings, as Recordings.split_recordings makes them"
            )
        if split != "train" and (common := shared(train, tasks)) is not None:
            raise ValueError(
                f"train and {split} {common}, which would not be unseen; give other recordings"
            )
    size = len(train.classes) if rule.whole_set else config.ways, config.shots, config.queries
    for split in [split for split in data if split != "train"] or ["train"]:
        task = data[split].episode(config.seed, 0, *size)
        if not rule.whole_set:
            check_size(task, *size)
        found = task.x_query.shape[2:]
        shape = tuple(train.input_shape)
        need(f"the shape of samples of {split}", found, found == shape, f"{shape}, as in training")
        labels = rule.whole_set or rule.class_means or rule.any_ways
        check_targets(task, loss_of(loss or config.loss), labels, f"{split}: its tasks")
        real = real or task.real
    return "error" if real else "accuracy"


def check_targets(task: Task, loss: Loss, labels: bool, what: str = "tasks") -> None:
    """Raise ValueError for real targets if the loss or the rule needs labels."""
    if task.real and (labels or not loss.one_hot):
        raise ValueError(
            f"{what} have real targets, and {'the rule' if labels else loss.name} takes labels; "
            "expected a rule of gradient steps or ridge, with a loss of real targets, such as "
            "squared (--loss squared)"
        )


def check_size(task: Task, ways: int, shots: int, queries: int) -> None:
    """Raise ValueError if a task of labels does not have the requested size, which reports
    quote."""
    if task.real:
        return
    learned = np.bincount(task.y_support, minlength=ways).tolist()
    asked = np.bincount(task.y_query, minlength=ways).tolist()
    if learned != [shots] * ways or len(asked) != ways or sum(asked) != ways * queries:
        raise ValueError(
            f"a task has {learned} support and {asked} query samples of its classes; expected "
            f"{shots} and {queries} of each of {ways}, as requested"
        )


def measured(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the accuracy: the share of samples whose label has the largest logit (ties go to the
    first); for real targets (B, outputs) the mean squared error."""
    right = logits.argmax(1) == y if y.dtype.kind in "iu" else (logits - y) ** 2
    return float(np.mean(right))


@dataclass(frozen=True, eq=False)
class Unadapted:
    """A network's answers before it learns the task."""

    net: Any
    theta: np.ndarray

    def __call__(self, task: Task) -> np.ndarray:
        return self.net(self.theta, task.x_query)


def evaluate(
    net: Network,
    theta: np.ndarray,
    inner: InnerLoop,
    dataset: Any = "double-nmnist",
    split: str | None = None,
    episodes: int = 100,
    seed: int = 0,
    ways: int | None = None,
    shots: int = 1,
    queries: int = 10,
    *,
    root: str | Path | None = None,
    progress: bool = True,
    executor: Executor | None = None,
    align: str | None = None,
    beside: Callable[[Any], Mapping[str, Rule]] | None = None,
    how: Mapping[str, Any] | None = None,
    whole_set: bool = False,
    classes: Sequence[str] | None = None,
) -> dict:
    """Measure query accuracy on `episodes` tasks, each learned from theta; episode i depends on
    (seed, i) only.

    dataset    a name that `data.sets.named` opens, read from `root`, or anything with
               `episode(seed, i, ways, shots, queries)`
    split      "train", "val" or "test"; None: that of the set, if it is a part of
               `Recordings.split`, else "test"
    ways       by default those of the network
    executor   computes the episodes; the results are the same as without
    align      for Double N-MNIST by name: "support" or "none" (default: "support" unless the split
               is "train")
    how        other options of a data set given by name
    whole_set  whether the network classifies all training classes (rule classify); it is tested on
               these, with recordings of `split`
    classes    with whole_set, their names in the order of the network's outputs; None: in the set's
               order
    beside     function that makes other learning rules from the set of tasks, such as `baselines`;
               tested on the same episodes

    Returns a dictionary in JSON's types. It has accuracy_before and accuracy_after (means, 0 to 1;
    for real targets error_before and error_after, mean squared errors), per_episode,
    per_episode_before, and dataset, root, split, align, inner_steps, episodes, seed, ways, shots,
    queries;
    interval        the interval of accuracy_after to quote: {half, low, high, population}
                    (`intervals`), None for one episode
    ci95, ci95_recordings, ci95_classes     half the 95 % intervals over episodes, 1.96 s /
                                            sqrt(episodes), which does not hold
                    for new recordings; over new recordings of these classes; over new classes; None
                    where not known
    rules           {name: mean, interval, ci95, ci95_recordings, ci95_classes, per_episode, less,
                    less_interval} of the other rules; less is the paired difference,
                    [accuracy_after - mean, half over episodes, half over recordings]

    >>> frames = np.random.default_rng(0).poisson(0.1, (24, 40, 2, 4, 4))
    >>> tasks = ms.Recordings(frames, list("abcdef") * 4, duration_ms=40)
    >>> net = ms.SpikingNet(tasks.input_shape, (), ways=3)
    >>> theta = net.init(np.random.default_rng(0))
    >>> found = ms.evaluate(net, theta, ms.InnerLoop(), tasks, episodes=4, queries=2, progress=False)
    >>> found["episodes"], len(found["per_episode"]), 0 <= found["accuracy_after"] <= 1
    (4, 4, True)
    """
    split = (getattr(dataset, "of_split", None) or "test") if split is None else split
    one_of("split", split, ("train", "val", "test"))
    episodes, seed, shots, queries = map(index, (episodes, seed, shots, queries))
    need("episodes", episodes, episodes > 0, "at least 1")
    ways = net.ways if ways is None else index(ways)
    need("ways", ways, ways == net.ways, f"{net.ways}, the classes of the network")
    inner.check(net)
    expect(net)
    name = dataset if isinstance(dataset, str) else type(dataset).__name__
    if isinstance(dataset, str):
        if dataset in SOUNDS:
            must("align", align in (None, "none"), f"left out: {UNALIGNED}", align)
            align = None
        options = {**({} if align is None else {"align": align}), **(how or {})}
        options |= whole_set_options(dataset) if whole_set else {}
        dataset = open_set(dataset, split, root, progress, **options)
    if whole_set:
        names = tuple(dataset.classes)
        known = tuple(classes or dataset.classes)
        number = f"{net.ways}, the outputs of the network"
        need(f"training classes of {name}", len(names), len(names) == net.ways, number)
        if odd := [label for label in names if label not in set(known)]:
            raise ValueError(
                f"{name}: the network has not learned its class {odd[0]}; expected the classes that "
                f"it knows, {', '.join(map(str, known[:5]))}, …"
            )
        dataset = Classification(dataset, classes)
    rules: dict[str, Rule] = {
        "before": Unadapted(net, theta),
        "adapted": Adapted(net, theta, inner),
        **(beside(dataset) if beside else {}),
    }
    one = partial(_episode, dataset, list(rules.values()), Samples(), seed, (ways, shots, queries))
    answered: list[Answers] = []
    repeated = 0
    with terminal.bar(None, episodes, f"{episodes} {split} episodes", progress) as bar:

        def add(episode: tuple[Answers, int]) -> None:
            nonlocal repeated
            answered.append(episode[0])
            repeated += episode[1]
            bar.update()

        (executor or Executor()).in_order(one, range(episodes), add)
    measure = "error" if answered[0].right.dtype.kind == "f" else "accuracy"
    if repeated:
        many = sum(len(episode.drawn.of) for episode in answered)
        warnings.warn(
            f"{name}: {repeated} of {many} query samples are identical to a support sample of their "
            "task; answers to them show memory, not learning",
            stacklevel=2,
        )
    rows = rows_of(list(rules), answered, errors=measure == "error")
    before = rows.pop("before")
    own = rows.pop("adapted")
    others = {rule: row.in_json() | _less(own, row) for rule, row in rows.items()}
    return {
        f"{measure}_before": before.mean,
        f"{measure}_after": own.mean,
        **own.as_json(),
        **(own.explained() if measure == "error" else {}),
        "dataset": name,
        "root": None if root is None else str(root),
        "split": split,
        "episodes": episodes,
        "seed": seed,
        "rules": others,
        "align": alignment(dataset),
        "inner_steps": inner.steps,
        "ways": ways,
        "shots": shots,
        "queries": queries,
        "per_episode": own.per_episode,
        "per_episode_before": before.per_episode,
    }


def _less(own: Row, other: Row) -> dict[str, Any]:
    """Return this rule's difference from another, in JSON's types."""
    less = own.less(other)
    halves = [less.mean, less.ci95, less.ci95_recordings]
    return dict(less=halves, less_interval=less.as_json()["interval"])


def alignment(tasks: Any) -> str:
    """Return how recordings are aligned in a set's tasks, a key of ALIGNED."""
    tasks = getattr(tasks, "tasks", tasks)
    centred = "centred" if getattr(tasks, "centred", False) else "none"
    return getattr(tasks, "align", None) or centred


def _episode(
    tasks: Any,
    rules: list[Any],
    samples: Samples,
    seed: int,
    size: tuple[int, int, int],
    number: int,
) -> tuple[Answers, int]:
    """Return the rules' answers to episode `number` (first the network's before and after
    adaptation), and the number of query samples identical to a support sample, counting only those
    with enough events to rule out coincidence. size: (ways, shots, queries)."""
    task = tasks.episode(seed, number, *size)
    before, adapted, *_ = rules
    repeated = 0
    if task.real:
        by_labels = isinstance(adapted.inner, ClassMeans | OnlineReadout)
        check_targets(task, before.net.criterion, by_labels)
    elif not isinstance(tasks, Classification):
        check_size(task, *size)
        support = {hashlib.blake2b(x.tobytes()).digest() for x in task.x_support}
        same = [x for x in task.x_query if hashlib.blake2b(x.tobytes()).digest() in support]
        repeated = sum(int(np.count_nonzero(x)) >= TELLING for x in same)
    lasting = tuple(rule.theta for rule in rules if hasattr(rule, "theta"))
    with remembered(samples, lasting):
        return answers_of(task, rules), repeated
