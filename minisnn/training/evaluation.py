"""Few-shot accuracy over seeded episodes, before and after adaptation (Stewart & Neftci 2022,
section 3.1)."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from .. import terminal
from ..arguments import one_of, whole
from ..parallel.executor import Executor
from .baselines import Adapted, Answers, Row, Rule, answers_of, one_answer, rows_of
from .fields import SOUNDS, UNALIGNED
from .intervals import Intervals
from .settings import TrainingConfig
from ..meta.beforehand import expect
from ..meta.inner import InnerLoop
from ..meta.online import OnlineReadout
from ..meta.prototypes import ClassMeans
from ..core.loss import Loss, loss_of
from ..core.network import Network
from ..meta.remembered import Samples, remembered
from ..meta.rules import RULES
from ..meta.tasks import Classification
from ..data.sets.named import Opened, open_set
from ..data.sets.pool import TELLING
from ..data.sets.samples import shared

ALIGNED = {
    "support": "tasks aligned by their support",
    "centred": "each recording centred",
    "none": "tasks not aligned",
}


def open_sets(config: TrainingConfig, progress: bool = True) -> Opened:
    """The sets of tasks, by split, that a run of these settings needs."""
    known = asked_whole(config.dataset) if RULES[config.rule].whole_set else {}
    splits = (
        ["train"] + ["val"] * (config.evaluate_every > 0) + ["test"] * (config.test_episodes > 0)
    )
    how = {split: {**config.recordings(split), **known} for split in splits}
    return Opened(
        {
            split: open_set(config.dataset, split, config.root, progress, **how[split])
            for split in splits
        },
        config.dataset,
        config.root,
        how["train"],
    )


def asked_whole(dataset: str) -> dict[str, str]:
    """Options of a set of which all training classes are told apart at once: there is no support to
    align tasks by. Of spoken words it is all of them, as the field tells them apart."""
    if dataset in SOUNDS:
        return dict(classes="all")
    return dict(classes="train", **({"align": "none"} if dataset == "double-nmnist" else {}))


def check_ways(config: TrainingConfig, data: Mapping[str, Any]) -> None:
    """ValueError where a set has fewer classes than its tasks, or does not say which it has where
    all of them are told apart."""
    for split, tasks in data.items():
        ways = config.ways
        if RULES[config.rule].whole_set and not _chooses(tasks):
            raise ValueError(
                f"{split}: a set for rule {config.rule}, which tells all classes apart, has "
                "`classes`, their names, and `sample_task` takes some of them (classes=); found "
                f"{type(tasks).__name__} without"
            )
        classes = getattr(tasks, "classes", ())
        if not RULES[config.rule].whole_set and 0 < len(classes) < ways:
            raise ValueError(
                f"{split}: has {len(classes)} classes, but {ways}-way tasks need {ways}; give "
                "fewer ways or another split: in a folder by the column split of an index.csv, in "
                "Python by Recordings.split (--dataset FILE.py:NAME hands its parts to the command)"
            )


def _chooses(tasks: Any) -> bool:
    """Whether a set names its classes, and draws tasks of those that it is asked for."""
    return hasattr(tasks, "classes") and "classes" in signature(tasks.sample_task).parameters


def check_apart(config: TrainingConfig, data: Mapping[str, Any]) -> None:
    """ValueError where what is to be unseen is known: recordings that train and are tested on, too,
    or, where all classes are told apart, classes of other sets than those that train."""
    train = data["train"]
    for split, tasks in data.items():
        if split == "train":
            continue
        if RULES[config.rule].whole_set and set(tasks.classes) != set(train.classes):
            odd = sorted(set(tasks.classes) ^ set(train.classes))[0]
            raise ValueError(
                f"{split}: its classes are not those that train, which rule {config.rule} tells "
                f"apart ({odd!r} is in one of the two alone); give sets of the same classes and "
                "other recordings, as Recordings.split_recordings makes them"
            )
        if (common := shared(train, tasks)) is not None:
            raise ValueError(
                f"train and {split} {common}; recordings that are called unseen would be known: "
                "give others"
            )


def measure_of(names: Iterable[str]) -> str:
    """What tells how well tasks are learned, by the names of what was measured: "accuracy", or
    "error" of real targets."""
    return "error" if "error_after" in names else "accuracy"


def rehearsed(config: TrainingConfig, data: Mapping[str, Any], loss: Loss | None = None) -> str:
    """`measure_of` tasks that nothing was learned of yet, for a network with this loss. A first
    task to validate and to test on is drawn: ValueError for what they lack comes before training,
    and not after."""
    ways = len(data["train"].classes) if RULES[config.rule].whole_set else config.ways
    size = (ways, config.shots, config.queries)
    shape = tuple(data["train"].input_shape)
    tasks = {
        split: data[split].episode(config.seed, 0, *size)
        for split in ("val", "test")
        if split in data
    }
    for split, task in tasks.items():
        if not RULES[config.rule].whole_set:
            check_size(task, *size)
        if task.x_query.shape[2:] != shape:
            raise ValueError(
                f"{split}: has samples of shape {task.x_query.shape[2:]}; the training samples "
                f"have {shape}"
            )
    if not tasks:
        tasks["train"] = data["train"].episode(config.seed, 0, *size)
    rule = RULES[config.rule]
    labels = rule.whole_set or rule.class_means or rule.any_ways
    for split, task in tasks.items():
        check_targets(task, loss_of(loss or "cross_entropy"), labels, f"{split}: its tasks")
    return "error" if any(task.real for task in tasks.values()) else "accuracy"


def check_targets(task: Any, loss: Loss, labels: bool, what: str = "tasks") -> None:
    """ValueError for real targets where a loss or a rule takes labels only."""
    if task.real and (labels or not loss.one_hot):
        raise ValueError(
            f"{what} have real targets, and {'the rule' if labels else loss.name} takes labels; "
            "expected a rule of gradient steps with a loss of targets, such as squared "
            "(ms.train(loss=...) in Python)"
        )


def check_size(task: Any, ways: int, shots: int, queries: int) -> None:
    """ValueError where a task of labels is not as large as was asked: what is said of the accuracy
    names these numbers."""
    if task.real:
        return
    learned = np.bincount(task.y_support, minlength=ways).tolist()
    asked = np.bincount(task.y_query, minlength=ways).tolist()
    fits = learned == [shots] * ways and len(asked) == ways and sum(asked) == ways * queries
    if not fits:
        raise ValueError(
            f"a task has {learned} support and {asked} query samples of its classes; expected "
            f"{shots} and {queries} of each of {ways}, which episode and sample_task are asked "
            "for"
        )


def accuracy(logits: np.ndarray, y: np.ndarray) -> float:
    """Share of samples whose label has the largest logit (the first of equal ones)."""
    return float(np.mean(logits.argmax(1) == y))


def measured(logits: np.ndarray, y: np.ndarray) -> float:
    """`accuracy` of labels; of real targets (B, outputs) the mean squared error."""
    return accuracy(logits, y) if y.dtype.kind in "iu" else float(np.mean((logits - y) ** 2))


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
    """Query accuracy on `episodes` tasks, starting each from theta; episode i depends on (seed, i)
    alone.

    dataset    a name that `data.sets.named` opens, read from `root`, or anything with
               `episode(seed, i, ways, shots, queries)`
    split      "train", "val" or "test"; None: that of the set, as the parts of `Recordings.split`
               know, else "test"
    ways       those of the network, unless given
    executor   carries the episodes out, with the same numbers as this process
    align      where the data set is given by name: "support" or "none", of Double N-MNIST (default:
               "support" unless the split is "train")
    how        other options of a data set that is given by name
    whole_set  the network tells all training classes apart (rule classify): it is tested on these,
               in recordings of `split`
    classes    with whole_set, their names in the order of the network's outputs; None: in that of
               the set
    beside     makes other learning rules from the set of tasks, such as `baselines`, for the same
               episodes

    Returns a dictionary in JSON's types. It has accuracy_before and accuracy_after (means, 0 to 1;
    for real targets error_before and error_after, mean squared errors), per_episode,
    per_episode_before, and dataset, root, split, align, inner_steps, episodes, seed, ways, shots,
    queries;
    interval        of accuracy_after, the one to quote: {half, low, high, population: whom it
                    speaks for} (`intervals`), None for one episode
    ci95, ci95_recordings, ci95_classes     half the 95 % intervals over episodes, 1.96 s /
                                            sqrt(episodes), which does not hold
                    for new recordings; over new recordings of these classes; over new classes; None
                    where not known
    rules           {name: mean, interval, ci95, ci95_recordings, ci95_classes, per_episode, less,
                    less_interval} of those beside; less the paired difference, [accuracy_after -
                    mean, half over episodes, half over recordings]

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
    episodes = whole("episodes", episodes, 1)
    seed = whole("seed", seed, 0)
    shots = whole("shots", shots, 1)
    queries = whole("queries", queries, 1)
    ways = net.ways if ways is None else whole("ways", ways)
    if ways != net.ways:
        raise ValueError(f"ways is {ways}; the network has {net.ways} classes")
    inner.check(net)
    expect(net)
    name = dataset if isinstance(dataset, str) else type(dataset).__name__
    if isinstance(dataset, str):
        if dataset in SOUNDS and align is not None:
            if align != "none":
                raise ValueError(f"{UNALIGNED}: leave it out")
            align = None
        options = {**({} if align is None else {"align": align}), **(how or {})}
        options |= asked_whole(dataset) if whole_set else {}
        dataset = open_set(dataset, split, root, progress, **options)
    if whole_set:
        there = tuple(dataset.classes)
        if len(there) != net.ways:
            raise ValueError(
                f"{name} has {len(there)} training classes; the network has {net.ways}"
            )
        if classes is not None and set(classes) != set(there):
            other = next(one for one in there if one not in set(classes))
            raise ValueError(
                f"{name}: the network has not learned its class {other}; expected the classes that "
                f"it tells apart, {', '.join(map(str, classes[:5]))}{', …' * (len(classes) > 5)}"
            )
        dataset = Classification(dataset, classes)
    rules: dict[str, Rule] = {"adapted": Adapted(net, theta, inner)}
    if beside:
        rules.update(beside(dataset))
    before = []
    after = []
    answered = list[Answers]()
    known = 0
    adapts = inner.steps > 0
    measure = "accuracy"
    form = ".1%"
    size = (ways, shots, queries)
    one = partial(_episode, dataset, net, theta, list(rules.values()), Samples(), seed, size)
    with terminal.bar(None, episodes, f"{episodes} {split} episodes", progress) as bar:

        def add(episode: tuple[float, Answers, int]) -> None:
            nonlocal measure, form, known
            known += episode[2]
            if episode[1].right.dtype.kind == "f":
                measure, form = "error", ".3g"
            before.append(episode[0])
            answered.append(episode[1])
            after.append(float(np.mean(episode[1].right[0])))
            words = f"{np.mean(before):{form}} → " * adapts + f"{np.mean(after):{form}}"
            bar.set_postfix_str(f"{measure} {words}", False)
            bar.update()

        (executor or Executor()).in_order(one, range(episodes), add)
    if known:
        total = sum(len(one.drawn.of) for one in answered)
        warnings.warn(
            f"{name}: {known} of {total} query samples are identical to a support sample of their "
            "task; answers to them show what is remembered, not what is learned",
            stacklevel=2,
        )
    episodic = not isinstance(dataset, Classification)
    if adapts and measure == "accuracy" and episodic and one_answer(answered):
        warnings.warn(
            f"{name}: in every episode all queries get one and the same answer, right in 1 of "
            f"{ways} by how episodes are made; the accuracy is that of guessing, and its interval "
            "tells nothing of what was learned",
            stacklevel=2,
        )
    rows = rows_of(list(rules), answered, errors=measure == "error")
    own = rows.pop("adapted")
    told = told_beside(own, rows)
    return {
        f"{measure}_before": float(np.mean(before)),
        f"{measure}_after": float(np.mean(after)),
        **intervals_told(own.intervals),
        "dataset": name,
        "root": None if root is None else str(root),
        "split": split,
        "episodes": episodes,
        "seed": seed,
        "rules": told,
        "align": alignment(dataset),
        "inner_steps": inner.steps,
        "ways": ways,
        "shots": shots,
        "queries": queries,
        "per_episode": after,
        "per_episode_before": before,
    }


def alignment(tasks: Any) -> str:
    """How recordings lie in the tasks of a set, of ALIGNED."""
    tasks = getattr(tasks, "tasks", tasks)
    return getattr(tasks, "align", None) or (
        "centred" if getattr(tasks, "centred", False) else "none"
    )


def _episode(
    tasks: Any,
    net: Network,
    theta: np.ndarray,
    rules: list[Rule],
    samples: Samples,
    seed: int,
    size: tuple[int, int, int],
    index: int,
) -> tuple[float, Answers, int]:
    """Query accuracy at theta on episode `index`, what the rules answer, and how many query samples
    the support has, too; size: (ways, shots, queries)."""
    task = tasks.episode(seed, index, *size)
    if not isinstance(tasks, Classification):
        check_size(task, *size)
    if task.real:
        by_labels = isinstance(rules[0].inner, ClassMeans | OnlineReadout)  # type: ignore[attr-defined]
        check_targets(task, net.criterion, by_labels)
    adapts = not isinstance(tasks, Classification) and not task.real
    known = _known(task) if adapts else 0
    lasting = (theta, *(rule.theta for rule in rules if hasattr(rule, "theta")))
    with remembered(samples, lasting):
        return measured(net(theta, task.x_query), task.y_query), answers_of(task, rules), known


def _known(task: Any) -> int:
    """Query samples that are a support sample, too, and have enough events that this is no
    coincidence."""
    support = {hashlib.blake2b(one.tobytes()).digest() for one in task.x_support}
    known = [one for one in task.x_query if hashlib.blake2b(one.tobytes()).digest() in support]
    return sum(int(np.count_nonzero(one)) >= TELLING for one in known)


def told_beside(own: Row, rows: Mapping[str, Row]) -> dict[str, dict[str, Any]]:
    """Rules beside one on the same episodes, as JSON has them: `rules` of `evaluate`."""
    told: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        less, halves = own.less(row)
        told[name] = dict(mean=row.mean, per_episode=row.per_episode)
        told[name] |= intervals_told(row.intervals)
        told[name]["less"] = [less, halves.episodes, halves.recordings]
        told[name]["less_interval"] = intervals_told(halves)["interval"]
    return told


def intervals_told(found: Intervals) -> dict[str, Any]:
    """Intervals as JSON has them."""
    lead = None if found.lead is None else found.lead.told()
    return dict(
        interval=lead,
        ci95=found.episodes,
        ci95_recordings=found.recordings,
        ci95_classes=found.classes,
    )
