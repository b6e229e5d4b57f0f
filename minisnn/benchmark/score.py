"""Answers beside each other on the same episodes: accuracy, both intervals, and the paired
difference to the first.

Whose answers are kept with the results is beside, too: a record of kind "entry" has which of its
answers are right, a bit each, packed (`packed`).
"""

import base64
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..parallel.executor import Executor
from ..results.record import Record
from ..terminal import bar
from ..training.baselines import Answers, Row, Rule, frames, rows_of
from ..training.evaluation import intervals_told, told_beside
from ..training.progress import plus_minus
from .dealing import Truth, truth_of
from .series import IDENTITIES, VERSION, Series

FRAMES = "class means of summed frames"


def score(
    series: Series,
    tasks: Any,
    answers: Mapping[str, np.ndarray],
    rules: Mapping[str, Rule] | None = None,
    known: Callable[[str], Mapping[str, np.ndarray]] = lambda identity: {},
    dealt: str | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Score answers to a series, which is dealt again.

    answers   {name: labels (episodes, queries)}, by others
    rules     {name: rule}, which answer now, and class means of summed frames after them
    known     gives {name: which answers are right (episodes, queries)} of results, by the identity
              of the series; see `kept`
    dealt     the hash of the episodes that were answered

    Returns, in JSON's types, `identity`, `official`, sizes, `entries`: {name: accuracy and
    intervals, per_episode, `right`: see `packed`}, and of the first also `rules`, the others beside
    it as `training.evaluation` has them. Raises ValueError where the episodes are others, or where
    answers have the name of a rule.
    """
    asked: dict[str, Rule] = {**(rules or {}), FRAMES: frames}
    if twice := [name for name in answers if name in asked]:
        raise ValueError(
            f"{series.name}: answers are called {twice[0]!r}, as a rule beside them is; expected "
            "another name"
        )
    with bar(None, series.episodes, series.name, progress) as shown:
        truth = truth_of(series, tasks, asked, executor, lambda: shown.update())
    if dealt is not None and truth.dealt != dealt:
        raise ValueError(
            f"{series.name}: the episodes that were answered have the hash {dealt[:12]}, those "
            f"dealt here {truth.dealt[:12]}; expected the same recordings, options and "
            f"{'seed' if series.secret else 'version of minisnn'}"
        )
    identity = series.identity(truth.dealt)
    right = {name: labels == truth.labels for name, labels in answers.items()}
    own = dict(zip(asked, np.stack([one.right for one in truth.answers], 1)))
    ordered = {name: _in_order(found, truth) for name, found in own.items() if name != FRAMES}
    met = {**right, **ordered}
    taken = {*met, FRAMES}
    apart = {
        f"{name} (an entry of the results)" if name in taken else name: found
        for name, found in known(identity).items()
    }
    beside = {**apart, FRAMES: _in_order(own[FRAMES], truth)}
    everyone = {**met, **beside}
    rows = _rows(everyone, truth)
    first, *others = rows
    return {
        "identity": identity,
        "official": IDENTITIES.get(series.name) == identity,
        "version": VERSION,
        **{key: value for key, value in series.told().items() if key != "data"},
        "first": first,
        "entries": {
            name: {
                "accuracy": row.mean,
                **intervals_told(row.intervals),
                "per_episode": row.per_episode,
                "right": packed(everyone[name]),
            }
            for name, row in rows.items()
        },
        "rules": told_beside(rows[first], {name: rows[name] for name in others}),
    }


def _in_order(right: np.ndarray, truth: Truth) -> np.ndarray:
    """Answers in the order of the task, (E, Q), in that of the queries."""
    return np.take_along_axis(right.astype(bool), truth.order, 1)


def _rows(right: Mapping[str, np.ndarray], truth: Truth) -> dict[str, Row]:
    """The row of each, of answers in the order of the queries."""
    back = np.argsort(truth.order, 1)
    found = [
        Answers(np.stack([one[episode][back[episode]] for one in right.values()]), drawn)
        for episode, drawn in enumerate(truth.drawn)
    ]
    return rows_of(list(right), found)


def packed(right: np.ndarray) -> str:
    """Truths (E, Q) as a short text."""
    return base64.b64encode(zlib.compress(np.packbits(right).tobytes(), 9)).decode()


def unpacked(text: str, series: Series) -> np.ndarray:
    """What `packed` made a text of, (E, Q). ValueError where it is of other sizes."""
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8))
    shape = (series.episodes, series.asked)
    if not 0 <= len(bits) - shape[0] * shape[1] < 8:
        raise ValueError(f"{series.name}: an entry holds {len(bits)} answers; expected {shape}")
    return bits[: shape[0] * shape[1]].reshape(shape).astype(bool)


def kept(records: Mapping[str, Record], series: Series, identity: str) -> dict[str, np.ndarray]:
    """Entries among results that answered the very same episodes, by their titles."""
    found = {}
    for record in records.values():
        told = record.more.get("series", {}).get(series.name) if record.kind == "entry" else None
        if told is not None and told["identity"] == identity:
            found[record.title] = unpacked(told["right"], series)
    return found


def table(scored: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One table of all series: a line each for whoever answered it."""
    entries = [name for one in scored.values() for name in one["entries"]]
    wide = max(38, *(len(name) + 4 for name in entries))
    lines = []
    for name, one in scored.items():
        which = f"minisnn benchmark {one['version']}" if one["official"] else "a benchmark of yours"
        lines += [
            f"{name}: {one['episodes']} episodes, {one['ways'] * one['queries']} queries each "
            f"({which}, {one['identity']})",
            f"{'  in %':<{wide}}{'right':>7}{'95 %':>9}{'episodes':>10}{'first minus it':>17}",
        ]
        for entry, row in one["entries"].items():
            less = one["rules"].get(entry)
            apart = ""
            if less is not None:
                apart = f"{100 * less['less'][0]:+.1f}{plus_minus(less['less_interval'])}"
            episodes = "" if row["ci95"] is None else f"± {max(100 * row['ci95'], 0.1):.1f}"
            lines.append(
                f"  {entry:<{wide - 2}}{100 * row['accuracy']:>7.1f}"
                f"{plus_minus(row['interval']):>9}{episodes:>10}{apart:>17}"
            )
    populations = {
        row["interval"]["population"]
        for one in scored.values()
        for row in one["entries"].values()
        if row["interval"]
    }
    if populations:
        lines.append(
            f"95 %: the interval for {' or '.join(sorted(populations))}; episodes: 1.96 standard "
            "errors over the episodes alone"
        )
    return [line.rstrip() for line in lines]
