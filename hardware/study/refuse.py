"""When a device should answer "none of these": the distance beyond which it does is chosen on
validation classes, and its false alarms are counted on test classes.

An episode has twice as many classes as are taught. Queries of the first half are known, those of
the second are not. The device refuses where the nearest class's distance is beyond
refuse (1 + 1 / shots), and where a mean that is no class is nearer and within refuse, see
`chip.means`. Distances (n,) are those of the nearest class; (n, 2) also of the nearest such mean.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minisnn.data.sets.recordings import Recordings
from minisnn.experiments.findings import Table, figure
from minisnn.parallel.executor import Executor

from ..chip.learner import samples_of
from ..chip.network import IntegerNet
from .classes import How, check_room, distances, distances_to, taught
from .drawings import Traces
from .nothing import Blots

SHARES = 0.01, 0.02, 0.05, 0.1, 0.2  # of the known ones that may be refused, on validation


class Seen(NamedTuple):
    """Of all episodes: distances of the nearest class to known queries (n,), whether it was right
    (n,), to untaught ones (m,), to an empty recording, one an episode, and to dots and to filled
    squares, where pictures can be drawn."""

    known: np.ndarray
    right: np.ndarray
    untaught: np.ndarray
    empty: np.ndarray
    dots: np.ndarray = np.zeros(0, np.int64)
    squares: np.ndarray = np.zeros(0, np.int64)


class Choice(NamedTuple):
    """A share of false alarms that is accepted on validation, and the refuse that keeps it."""

    share: float
    refuse: int


def check(tasks: Recordings, how: How) -> None:
    """ValueError where a set has too few classes, half of which are taught, or too few recordings
    for episodes of `how`."""
    taught = how.most // 2
    there = len(tasks.classes)
    if how.most > there:
        raise ValueError(
            f"--ways is {taught}, and as many classes are not taught; {tasks.source} has {there}: "
            f"expected at most {there // 2}"
        )
    check_room(tasks, how)


def look(
    chip: IntegerNet,
    tasks: Any,
    how: tuple[int, int, int],
    episodes: int,
    seed: int,
    executor: Executor,
    traces: Traces | None = None,
    blots: Blots | None = None,
) -> Seen:
    """What so many episodes of `tasks` show; how: (ways, shots, queries).

    traces   of all their recordings, where `tasks` are `drawings.numbered`
    blots    what is asked about beside
    """
    if blots is None:
        empty = chip.traces_of(np.zeros((1, 1, *chip.input_shape), np.uint8))[:, -1]
        blots = Blots(empty[:0], empty[:0], empty)
    found: list[Seen] = []
    one = partial(_episode, chip, tasks, how, traces, blots, seed)
    executor.in_order(one, range(episodes), found.append)
    return Seen(*map(np.concatenate, zip(*found)))


def _episode(chip, tasks, how, traces, blots, seed, index) -> Seen:
    ways, shots, queries = how
    task = tasks.episode(seed, index, 2 * ways, shots, queries)
    first = task.y_support < ways  # the classes that are taught
    if traces is None:
        p = chip.counted_alone().traces_of(samples_of(task), 1 + index)[:, -1]
        support, query = np.split(p, [len(task.y_support)])
    else:
        one = traces.of(task)
        support, query = traces.integers[one.support], traces.integers[one.query]
    means = taught(support[first], task.y_support[first], range(int(first.sum())))
    far = distances(means, query)
    known = task.y_query < ways
    right = far[known].argmin(1) == task.y_query[known]
    nearest = _with_nothing(chip, query, far.min(1))
    asked = [
        _with_nothing(chip, p, distances(means, p).min(1))
        for p in (blots.empty, blots.dots, blots.squares)
    ]
    return Seen(nearest[known], right, nearest[~known], *asked)


def _with_nothing(chip: IntegerNet, p: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """The distances (n,), or (n, 2) where the chip has means that are no class, of traces p."""
    if not len(chip.nothing):
        return nearest
    return np.stack([nearest, distances_to(chip.nothing, p).min(1)], 1)


def is_refused(far: np.ndarray, refuse: int, shots: int) -> np.ndarray:
    """Which distances, (n,) or (n, 2), a device refuses, (n,)."""
    if far.ndim == 1:
        return far > refuse + refuse // shots
    nearest, blank = far.T
    alike = (blank < nearest) & ((blank <= refuse) | (refuse == 0))
    return alike | (nearest > refuse + refuse // shots)


def refused(far: np.ndarray, refuse: int, shots: int) -> float:
    """The share of distances that a device refuses."""
    return float(is_refused(far, refuse, shots).mean())


def choose(known: np.ndarray, share: float, shots: int) -> int:
    """The smallest refuse that refuses at most such a share of the known.

    Raises ValueError where none does, as too many lie nearer to a mean that is no class.
    """
    allowed = int(share * len(known))
    nearest = np.sort(known if known.ndim == 1 else known[:, 0])
    # beyond fewer than these, as many as are allowed lie
    for reach in nearest[max(len(known) - allowed - 1, 0) :] if allowed < len(known) else [0]:
        refuse = max(math.ceil(int(reach) * shots / (shots + 1)) - 2, 0)
        while refuse + refuse // shots < reach:
            refuse += 1
        if is_refused(known, refuse, shots).sum() <= allowed:
            return refuse
    raise ValueError(
        f"--allowed is {100 * share:g}; more of the recordings of known classes look like what is no "
        "class, a dot or a filled square, whatever the threshold; expected more"
    )


def curve(seen: Mapping[str, Seen], shots: int, shares=SHARES) -> list[Choice]:
    """A choice for every share that can be kept, of what validation ("val") shows."""
    found = []
    for share in shares:
        with suppress(ValueError):  # not this share
            found.append(Choice(share, choose(seen["val"].known, share, shots)))
    return found


def table(seen: Mapping[str, Seen], shots: int, shares=SHARES, note: str = "") -> Table:
    """The false-alarm curve, in per cent."""
    rows = []
    for share, refuse in curve(seen, shots, shares):
        test = seen["test"]
        taken = ~is_refused(test.known, refuse, shots)
        several = [(one.known, one.untaught) for one in (seen["val"], test)]
        shown = [f"{100 * refused(x, refuse, shots):.1f}" for pair in several for x in pair]
        right = f"{100 * test.right[taken].mean():.1f}" if taken.any() else None
        others = [
            f"{100 * refused(far, refuse, shots):.1f}" if len(far) else None
            for far in (test.empty, test.dots, test.squares)
        ]
        rows.append([f"{100 * share:g}", refuse, *shown, right, *others])
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
            "dots",
            "filled squares",
        ],
        rows,
        "Shares that are refused: of queries of taught classes (false alarms), of classes that were "
        f"not taught, of empty recordings, and of dots and filled squares of many sizes. {note}",
    )


def figures(seen: Mapping[str, Seen], shots: int, share: float) -> dict[str, dict]:
    """Of the choice for one share: its threshold, and what it refuses on test classes."""
    refuse = choose(seen["val"].known, share, shots)
    test = seen["test"]
    drawn = {"dots": test.dots, "squares": test.squares}
    more = {
        name: figure(refused(far, refuse, shots), "%") for name, far in drawn.items() if len(far)
    }
    return more | {
        "refuse": figure(refuse, ""),
        "known": figure(refused(test.known, refuse, shots), "%"),
        "untaught": figure(refused(test.untaught, refuse, shots), "%"),
        "empty": figure(refused(test.empty, refuse, shots), "%"),
    }
