"""When a device should answer "none of these": the distance beyond which it does is chosen on
validation classes, and its false alarms are counted on test classes.

An episode has twice as many classes as are taught. Queries of the first half are known, those of
the second are not. The device refuses where the nearest class's distance is beyond
refuse (1 + 1 / shots), see `chip.means`.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minisnn.experiments.findings import Table
from minisnn.parallel.executor import Executor
from minisnn.results.figures import figure

from ..chip.learner import samples_of
from ..chip.means import CountedMeans
from ..chip.network import IntegerNet

SHARES = 0.01, 0.02, 0.05, 0.1, 0.2  # of the known ones that may be refused, on validation


class Seen(NamedTuple):
    """Of all episodes: distances of the nearest class to known queries (n,), whether it was right
    (n,), to untaught ones (m,), and to an empty recording, one an episode."""

    known: np.ndarray
    right: np.ndarray
    untaught: np.ndarray
    empty: np.ndarray


class Choice(NamedTuple):
    """A share of false alarms that is accepted on validation, and the refuse that keeps it."""

    share: float
    refuse: int


def look(
    chip: IntegerNet,
    tasks: Any,
    how: tuple[int, int, int],
    episodes: int,
    seed: int,
    executor: Executor,
) -> Seen:
    """What so many episodes of `tasks` show; how: (ways, shots, queries)."""
    empty = chip.traces_of(np.zeros((1, 1, *chip.input_shape), np.uint8))[0, -1]
    found: list[Seen] = []
    one = partial(_episode, chip, tasks, how, empty, seed)
    executor.in_order(one, range(episodes), found.append)
    return Seen(*map(np.concatenate, zip(*found)))


def _episode(chip, tasks, how, empty, seed, index) -> Seen:
    ways, shots, queries = how
    task = tasks.episode(seed, index, 2 * ways, shots, queries)
    taught = task.y_support < ways
    p = chip.counted_alone().traces_of(samples_of(task), 1 + index)[:, -1]
    n = len(task.y_support)
    means = CountedMeans(p.shape[1])
    for _ in range(ways):
        means.add()
    for label, traces in zip(task.y_support[taught], p[:n][taught]):
        means.learn(int(label), traces)
    far = np.array([means.distances(one) for one in p[n:]])
    known = task.y_query < ways
    right = far[known].argmin(1) == task.y_query[known]
    nearest = far.min(1)
    return Seen(nearest[known], right, nearest[~known], means.distances(empty).min()[None])


def refused(distances: np.ndarray, refuse: int, shots: int) -> float:
    """The share of distances that a device refuses."""
    return float((distances > refuse + refuse // shots).mean())


def choose(known: np.ndarray, share: float, shots: int) -> int:
    """The smallest refuse that refuses at most such a share of the known."""
    allowed = int(share * len(known))
    reach = int(np.sort(known)[::-1][allowed]) if allowed < len(known) else 0
    refuse = max(math.ceil(reach * shots / (shots + 1)) - 2, 0)
    while refuse + refuse // shots < reach:
        refuse += 1
    return refuse


def curve(seen: Mapping[str, Seen], shots: int, shares=SHARES) -> list[Choice]:
    """A choice for every share, of what validation ("val") shows."""
    return [Choice(share, choose(seen["val"].known, share, shots)) for share in shares]


def table(seen: Mapping[str, Seen], shots: int, shares=SHARES, note: str = "") -> Table:
    """The false-alarm curve, in per cent."""
    rows = []
    for share, refuse in curve(seen, shots, shares):
        test = seen["test"]
        taken = test.known <= refuse + refuse // shots
        several = [(one.known, one.untaught) for one in (seen["val"], test)]
        shown = [f"{100 * refused(x, refuse, shots):.1f}" for pair in several for x in pair]
        right = f"{100 * test.right[taken].mean():.1f}" if taken.any() else None
        empty = f"{100 * refused(test.empty, refuse, shots):.1f}"
        rows.append([f"{100 * share:g}", refuse, *shown, right, empty])
    return Table(
        "refuse",
        'False alarms of "none of these", in %: the threshold is chosen on validation classes',
        [
            "allowed",
            "--refuse",
            "known, validation",
            "untaught, validation",
            "known, test",
            "untaught, test",
            "right of the rest",
            "empty",
        ],
        rows,
        "Shares that are refused: of queries of taught classes (false alarms), of classes that were "
        f"not taught, and of empty recordings. {note}",
    )


def figures(seen: Mapping[str, Seen], shots: int, share: float) -> dict[str, dict]:
    """Of the choice for one share: its threshold, and what it refuses on test classes."""
    refuse = choose(seen["val"].known, share, shots)
    test = seen["test"]
    return {
        "refuse": figure(refuse, ""),
        "known": figure(refused(test.known, refuse, shots), "%"),
        "untaught": figure(refused(test.untaught, refuse, shots), "%"),
        "empty": figure(refused(test.empty, refuse, shots), "%"),
    }
