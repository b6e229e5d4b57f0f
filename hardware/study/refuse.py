"""Choice of when a device answers "none of these": the distance limit is chosen on validation
classes, and its false alarms are counted on test classes.

An episode has twice as many classes as are taught. The first half of the classes is taught, so
their queries are known; the others are not. The device rejects a recording if its distance to the
nearest class exceeds refuse (1 + 1 / shots), or if a mean that is no class is nearer and within
refuse (see `chip.means`). Distances (n, 2) are those to the nearest class, and to the nearest such
mean.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minisnn.data.sets.recordings import Recordings
from minisnn.experiments.findings import Table, figure
from minisnn.parallel.executor import Executor

from ..chip.means import UNTAUGHT, distances_to, is_refused
from ..chip.network import IntegerNet
from .classes import How, check_room, taught
from .drawings import Traces
from .nothing import Blots

SHARES = 0.01, 0.02, 0.05, 0.1, 0.2  # shares of known queries that may be refused on validation


class Seen(NamedTuple):
    """Results of all episodes: distances (n, 2) for queries of known classes, and whether the
    nearest class was right (n,); distances for queries of untaught classes, for empty recordings,
    and, if pictures can be drawn, for dots and filled squares."""

    known: np.ndarray
    right: np.ndarray
    untaught: np.ndarray
    empty: np.ndarray
    dots: np.ndarray = np.zeros((0, 2), np.int64)
    squares: np.ndarray = np.zeros((0, 2), np.int64)


def check(tasks: Recordings, how: How) -> None:
    """Raise ValueError if a set has too few classes (half are taught, half are not) or too few
    recordings for episodes of `how`."""
    there = len(tasks.classes)
    if how.most > there:
        raise ValueError(
            f"--ways is {how.most // 2}, and as many classes are not taught; {tasks.source} has "
            f"{there}: expected at most {there // 2}"
        )
    check_room(tasks, how)


def look(
    chip: IntegerNet,
    dealt: Any,
    how: tuple[int, int, int],
    episodes: int,
    seed: int,
    executor: Executor,
    traces: Traces,
    blots: Blots | None = None,
) -> Seen:
    """Return the results of this many episodes, drawn from `drawings.numbered` tasks. `how` is
    (ways, shots, queries).

    traces   traces of all recordings in these episodes
    blots    traces of dots and squares, to test rejection as well
    """
    if blots is None:
        empty = chip.traces_of(np.zeros((1, 1, *chip.input_shape), np.uint8))[:, -1]
        blots = Blots(empty[:0], empty[:0], empty)
    found: list[Seen] = []
    one = partial(_episode, chip, dealt, how, traces, blots, seed)
    executor.in_order(one, range(episodes), found.append)
    return Seen(*map(np.concatenate, zip(*found)))


def _episode(chip, dealt, how, traces, blots, seed, index) -> Seen:
    ways, shots, queries = how
    task = dealt.episode(seed, index, 2 * ways, shots, queries)
    one = traces.of(task)
    support = traces.integers[one.support]
    query = traces.integers[one.query]
    first = task.y_support < ways  # the classes that are taught
    means = taught(support[first], task.y_support[first], range(int(first.sum())))
    known = task.y_query < ways
    right = means.distances(query[known]).argmin(1) == task.y_query[known]
    asked = query[known], query[~known], blots.empty, blots.dots, blots.squares
    far, *others = (_nearest(chip, means, p) for p in asked)
    return Seen(far, right, *others)


def _nearest(chip: IntegerNet, means, p: np.ndarray) -> np.ndarray:
    """Return the distances (n, 2) from traces p to the nearest class mean, and to the nearest mean
    of recordings that belong to no class (`chip.nothing`)."""
    blank = distances_to(chip.nothing, p).min(1, initial=UNTAUGHT)
    return np.stack([means.distances(p).min(1), blank], 1)


def choose(known: np.ndarray, share: float, shots: int) -> int:
    """Return the smallest `refuse` with which at most this share of the known queries is rejected.

    Raises ValueError if no threshold does, because too many are nearest to a mean of no class.
    """
    allowed = int(share * len(known))
    nearest = np.sort(known[:, 0])
    # at most the allowed number of queries are beyond it
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


def _shares(seen: Seen, refuse: int, shots: int) -> dict[str, float | None]:
    """Return, for each kind of recording, the share that a device rejects; None for a kind without
    recordings."""
    far = seen._asdict()
    del far["right"]
    return {
        name: float(is_refused(one, refuse, shots).mean()) if len(one) else None
        for name, one in far.items()
    }


def table(seen: Mapping[str, Seen], shots: int, shares=SHARES, note: str = "") -> Table:
    """Format the false-alarm curve, in per cent, for every allowed share that a threshold can
    keep."""
    header = ["allowed", "--refuse", "known, validation", "untaught, validation", "known, test"]
    header += ["untaught, test", "right of the rest", "empty", "dots", "filled squares"]
    rows = []
    for share in shares:
        try:
            refuse = choose(seen["val"].known, share, shots)
        except ValueError:  # no threshold keeps this share
            continue
        test = seen["test"]
        taken = ~is_refused(test.known, refuse, shots)
        val, shown = (_shares(seen[split], refuse, shots) for split in ("val", "test"))
        right = test.right[taken].mean() if taken.any() else None
        numbers = [val["known"], val["untaught"], shown["known"], shown["untaught"], right]
        numbers += [shown[name] for name in ("empty", "dots", "squares")]
        cells = (None if number is None else f"{100 * number:.1f}" for number in numbers)
        rows.append([f"{100 * share:g}", refuse, *cells])
    return Table(
        "refuse",
        'False alarms of "none of these", in %: the threshold is chosen on validation classes',
        header,
        rows,
        "Shares that are refused: of queries of taught classes (false alarms), of classes that were "
        f"not taught, of empty recordings, and of dots and filled squares of many sizes. {note}",
    )


def figures(seen: Mapping[str, Seen], shots: int, share: float) -> dict[str, dict]:
    """Return the threshold chosen for one allowed share, and the shares that it rejects in the test
    classes."""
    refuse = choose(seen["val"].known, share, shots)
    shares = _shares(seen["test"], refuse, shots)
    found = {name: figure(share, "%") for name, share in shares.items() if share is not None}
    return found | {"refuse": figure(refuse, "")}
