"""Few-shot accuracy over seeded episodes, before and after adaptation (Stewart & Neftci 2022, section 3.1)."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import terminal
from ..parallel.arguments import flag, one_of, shown, whole
from ..parallel.executor import Executor
from .baselines import Adapted, Answers, Rule, answers_of, rows_of
from .intervals import Intervals
from .settings import TrainingConfig
from ..meta.inner import InnerLoop, predict
from ..network.base import Network
from ..meta.rules import RULES

DATASETS = {"double-nmnist": (16, 32, 2), "double-asl": (30, 80, 2), "omniglot": (16, 16, 2)}  # and the shape of their samples
TAKES = {f"double-asl-{protocol}": protocol for protocol in ("same-take", "new-subject", "other-subject")}
DATASETS |= dict.fromkeys(TAKES, DATASETS["double-asl"])


def open_set(name: str, split: str, root: str | Path | None = None, progress: bool = True, **options: Any) -> Any:
    """The set of tasks of a name in DATASETS, or one that `data.sets.named` finds: something with `episode`, `sample_task`
    and `input_shape`.

    options   of `DoubleNMnist`, `DoubleASL` or `Omniglot`, such as classes="train" to meet known
              classes in recordings of `split`
    """
    from ..data.sets import named
    from ..data.sets.double_asl import DoubleASL
    from ..data.sets.double_nmnist import DoubleNMnist
    from ..data.sets.omniglot import Omniglot

    opened, sets = name, {"double-nmnist": DoubleNMnist, "double-asl": DoubleASL, "omniglot": Omniglot}
    if name in DATASETS:
        if name in TAKES:
            name, options = "double-asl", dict(options, protocol=TAKES[name])
        found = sets[name](split, root, progress=progress, **options)
    else:
        found = named.open_named(name, split, root, progress=progress, **options)
    how = options if name == named.OWN else {one: options[one] for one in ("size", "bin_ms", "centred") if one in options}
    found.opened = opened, None if root is None else str(root), json.dumps(how) if how else None
    return found


def open_sets(config: TrainingConfig, progress: bool = True) -> dict:
    """The sets of tasks, by split, that a run of these settings needs."""
    known = dict(classes="train") if RULES[config.rule].whole_set else {}
    splits = ["train"] + ["val"] * (config.evaluate_every > 0) + ["test"] * (config.test_episodes > 0)
    how = {split: {**known, **config.recordings(split)} for split in splits}
    return {split: open_set(config.dataset, split, config.root, progress, **how[split]) for split in splits}


def check_ways(config: TrainingConfig, data: Mapping[str, Any]) -> None:
    """ValueError where a set has fewer classes than its tasks."""
    for split, tasks in data.items():
        ways, classes = config.ways, getattr(tasks, "classes", ())
        if not RULES[config.rule].whole_set and 0 < len(classes) < ways:
            raise ValueError(
                f"{split}: has {len(classes)} classes, {ways}-way tasks need {ways}; give fewer ways or another split"
            )


def accuracy(logits: np.ndarray, y: np.ndarray) -> float:
    """Share of samples whose label has the largest logit (the first of equal ones)."""
    return float(np.mean(logits.argmax(1) == y))


def evaluate(
    net: Network,
    theta: np.ndarray,
    inner: InnerLoop,
    dataset: Any = "double-nmnist",
    split: str = "test",
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
) -> dict:
    """Query accuracy on `episodes` tasks, each from theta anew; episode i depends on (seed, i) alone.

    dataset    a name in DATASETS, read from `root`, or anything with `episode(seed, i, ways, shots, queries)`
    ways       those of the network, unless given
    executor   carries the episodes out, with the same numbers as this process
    align, how   option, and other options, of the data set, where it is given by name
    beside     makes other rules of learning from the set of tasks, such as `baselines`, for the same episodes

    Returns a dictionary in JSON's types: accuracy_before, accuracy_after (means, 0 to 1), per_episode, per_episode_before, and
    dataset, root, split, align, episodes, seed, ways, shots, queries;
    interval        of accuracy_after, the one to quote: {half, low, high, population: whom it speaks for} (`intervals`), None
                    for one episode
    ci95, ci95_recordings, ci95_classes     half the 95 % intervals over episodes, 1.96 s / sqrt(episodes), which does not hold
                    for new recordings; over new recordings of these classes; over new classes; None where not known
    rules           {name: mean, interval, ci95, ci95_recordings, ci95_classes, per_episode, less, less_interval} of those
                    beside; less the paired difference, [accuracy_after - mean, half over episodes, half over recordings]
    """
    one_of("split", split, ("train", "val", "test"))
    for name, given, least in (("episodes", episodes, 1), ("seed", seed, 0), ("shots", shots, 1), ("queries", queries, 1)):
        whole(name, given, least)
    flag("progress", progress)
    if not isinstance(inner, InnerLoop):
        raise ValueError(f"inner must say how the network adapts, such as minisnn.InnerLoop(), not {shown(inner)}")
    if not isinstance(dataset, str) and not hasattr(dataset, "episode"):
        raise ValueError(f"dataset must be a name, or have a method episode, not {shown(dataset)}")
    ways = net.ways if ways is None else whole("ways", ways)
    if ways != net.ways:
        raise ValueError(f"ways is {ways}; the network tells {net.ways} classes apart")
    inner.check(net)
    name = dataset if isinstance(dataset, str) else type(dataset).__name__
    if isinstance(dataset, str):
        dataset = open_set(dataset, split, root, progress, **({} if align is None else {"align": align}), **(how or {}))
    rules: dict[str, Rule] = {"adapted": Adapted(net, theta, inner), **(beside(dataset) if beside else {})}
    before, after, answered = [], [], list[Answers]()
    one = partial(_episode, dataset, net, theta, list(rules.values()), seed, (ways, shots, queries))
    with terminal.bar(None, episodes, f"{split} episodes", progress) as bar:

        def add(episode: tuple[float, Answers]) -> None:
            before.append(episode[0])
            answered.append(episode[1])
            after.append(float(np.mean(episode[1].right[0])))
            bar.set_postfix_str(f"accuracy {np.mean(before):.1%} → {np.mean(after):.1%}", False)
            bar.update()

        (executor or Executor()).in_order(one, range(episodes), add)
    rows = rows_of(list(rules), answered)
    own = rows.pop("adapted")
    found: dict[str, Any] = dict(accuracy_before=float(np.mean(before)), accuracy_after=float(np.mean(after)))
    found.update(_told(own.intervals))
    found.update(dataset=name, root=None if root is None else str(root), split=split, episodes=episodes, seed=seed)
    told = {name: dict(mean=row.mean, per_episode=row.per_episode, **_told(row.intervals)) for name, row in rows.items()}
    for name, row in rows.items():
        less, halves = own.less(row)
        told[name]["less"] = [less, halves.episodes, halves.recordings]
        told[name]["less_interval"] = _told(halves)["interval"]
    found.update(rules=told, align=getattr(dataset, "align", None))
    found.update(ways=ways, shots=shots, queries=queries, per_episode=after, per_episode_before=before)
    return found


def _episode(tasks, net, theta, rules: list[Rule], seed: int, size: tuple[int, int, int], index: int) -> tuple[float, Answers]:
    """Query accuracy at theta on episode `index`, and what the rules answer; size: (ways, shots, queries)."""
    task = tasks.episode(seed, index, *size)
    return accuracy(predict(net, theta, task.x_query), task.y_query), answers_of(task, rules)


def _told(found: Intervals) -> dict[str, Any]:
    """Intervals as JSON has them."""
    lead = None if found.lead is None else found.lead.told()
    return dict(interval=lead, ci95=found.episodes, ci95_recordings=found.recordings, ci95_classes=found.classes)


def sentence(result: dict) -> str:
    """The result of `evaluate` in a line."""
    if result.get("rule") in [name for name, rule in RULES.items() if rule.whole_set]:
        return f"accuracy {100 * result['accuracy_after']:.1f} % among {result['ways']} classes on unseen recordings"
    interval = result.get("interval")  # not in results of earlier versions, whose ci95 is over episodes
    half = interval["half"] if interval else result["ci95"]
    margin = "" if half is None else f" ± {100 * half:.1f}"
    speaks = f"; ± for {interval['population']}" if interval else ""
    kind = {"train": "", "val": "unseen validation ", "test": "unseen "}.get(result["split"], "")
    episodes = f"{kind}{result['ways']}-way {result['shots']}-shot episode{'s' * (result['episodes'] != 1)}"
    right, before = (f"{100 * result[f'accuracy_{when}']:.1f}" for when in ("after", "before"))
    first = f"{result['split']} accuracy {right}{margin} % on {result['episodes']} {episodes}"
    return f"{first} ({before} % before adaptation{speaks})"


def table(result: dict, learned: str | None = None) -> list[str]:
    """The rules of `evaluate` side by side, a line each: accuracy with the interval that leads, and the first less it, paired,
    in points; then whom the intervals speak for. learned: the words for how the network learned."""
    if not result.get("rules"):
        return []
    rows = {learned or "this network, after adaptation": dict(result, mean=result["accuracy_after"]), **result["rules"]}
    shown = {RULE_NAMES.get(name, name): row for name, row in rows.items()}
    wide = max(36, *map(len, shown))
    lines = [f"{'on the same episodes, in %':<{wide}}{'mean':>8}{'95 %':>10}{'first less it':>20}"]
    for name, row in shown.items():
        less = f"{100 * row['less'][0]:+.1f}{_margin(row['less_interval'])}" if "less" in row else ""
        lines.append(f"{name:<{wide}}{100 * row['mean']:>8.1f}{_margin(row['interval']):>10}{less:>20}")
    if result["interval"]:
        lines.append(f"± is the 95 % interval for {result['interval']['population']}")
    return [line.rstrip() for line in lines]


def _margin(interval: Mapping[str, Any] | None) -> str:
    return "" if interval is None else f" ± {100 * interval['half']:.1f}"


_MEANS = dict(frames="summed frames", random="random network", pretrained="classifier", own="this network")
RULE_NAMES = {
    **{rule: f"nearest mean: {of}" for rule, of in _MEANS.items()},
    **{rule: f"{name}'s step, not trained for it" for rule, name in (("maml", "MAML"), ("proto-maml", "Proto-MAML"))},
    "nearest": "nearest mean",
    "online": "online, one sample after the other",
}
