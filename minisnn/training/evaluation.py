"""Few-shot accuracy over seeded episodes, before and after adaptation (Stewart & Neftci 2022, section 3.1)."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import terminal
from ..parallel.executor import Executor
from ..meta.inner import InnerLoop, predict
from ..network.base import Network
from ..meta.rules import RULES

DATASETS = {"double-nmnist": (16, 32, 2), "double-asl": (30, 80, 2)}  # and the shape of their samples


def open_set(name: str, split: str, root: str | Path | None = None, progress: bool = True, **options: Any) -> Any:
    """The set of tasks of a name in DATASETS: something with `episode`, `sample_task` and `input_shape`.

    options   of `DoubleNMnist` or `DoubleASL`, such as classes="train" to meet known classes in recordings of `split`
    """
    if name not in DATASETS:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}, not {name!r}")
    from ..data.sets.double_asl import DoubleASL
    from ..data.sets.double_nmnist import DoubleNMnist

    sets: dict[str, Any] = {"double-nmnist": DoubleNMnist, "double-asl": DoubleASL}
    found = sets[name](split, root, progress=progress, **options)
    found.opened = name, None if root is None else str(root)
    return found


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
) -> dict:
    """Query accuracy on `episodes` tasks, each from theta anew; episode i depends on (seed, i) alone.

    dataset    a name in DATASETS, read from `root`, or anything with `episode(seed, i, ways, shots, queries)`
    ways       those of the network, unless given
    executor   carries the episodes out, with the same numbers as this process

    Returns a dictionary in JSON's types: accuracy_before, accuracy_after (means, 0 to 1), ci95 (half the 95 %
    confidence interval of the latter, 1.96 s / sqrt(episodes); None for one episode), per_episode,
    per_episode_before, and dataset, root, split, episodes, seed, ways, shots, queries.
    """
    ways = net.ways if ways is None else ways
    if ways != net.ways:
        raise ValueError(f"ways is {ways}; the network tells {net.ways} classes apart")
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, not {episodes}")
    inner.check(net)
    name = dataset if isinstance(dataset, str) else type(dataset).__name__
    if isinstance(dataset, str):
        dataset = open_set(dataset, split, root, progress)
    before, after = [], []
    one = partial(_before_and_after, dataset, net, theta, inner, seed, (ways, shots, queries))
    with terminal.bar(None, episodes, f"{split} episodes", progress) as bar:

        def add(found: tuple[float, float]) -> None:
            before.append(found[0])
            after.append(found[1])
            bar.set_postfix_str(f"accuracy {np.mean(before):.1%} → {np.mean(after):.1%}", False)
            bar.update()

        (executor or Executor()).in_order(one, range(episodes), add)
    found: dict[str, Any] = dict(accuracy_before=float(np.mean(before)), accuracy_after=float(np.mean(after)), ci95=ci95(after))
    found.update(dataset=name, root=None if root is None else str(root), split=split, episodes=episodes, seed=seed)
    found.update(ways=ways, shots=shots, queries=queries, per_episode=after, per_episode_before=before)
    return found


def _before_and_after(tasks, net, theta, inner, seed: int, size: tuple[int, int, int], index: int) -> tuple[float, float]:
    """Query accuracy on episode `index` at theta and after the inner loop; size: (ways, shots, queries)."""
    task = tasks.episode(seed, index, *size)
    unadapted = accuracy(predict(net, theta, task.x_query), task.y_query)
    return unadapted, accuracy(inner.logits(net, theta, task), task.y_query)


def ci95(values: list[float]) -> float | None:
    """1.96 s / sqrt(n), s the sample standard deviation; None for a single value."""
    return 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None


def sentence(result: dict) -> str:
    """The result of `evaluate` in a line."""
    if result.get("rule") in [name for name, rule in RULES.items() if rule.whole_set]:
        return f"accuracy {100 * result['accuracy_after']:.1f} % among {result['ways']} classes on unseen recordings"
    margin = "" if result["ci95"] is None else f" ± {100 * result['ci95']:.1f}"
    kind = {"train": "", "val": "unseen validation ", "test": "unseen "}.get(result["split"], "")
    return (
        f"{result['split']} accuracy {100 * result['accuracy_after']:.1f}{margin} % on {result['episodes']} {kind}"
        f"{result['ways']}-way {result['shots']}-shot episode{'s' * (result['episodes'] != 1)} "
        f"({100 * result['accuracy_before']:.1f} % before adaptation)"
    )
