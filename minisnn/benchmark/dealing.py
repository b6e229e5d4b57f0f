"""A series dealt out, episode by episode: its truth, what the episodes hold, and what rules answer.

Queries lie in the order of hashes, so that their places tell nothing of their classes. What is
hashed are the numbers of the recordings where a set tells them: they are in no exported file, and
the same on every processor. Else it is the counts themselves. The hash of what was dealt is of the
same; of a set that does not ship it is of the counts, too, for other recordings may bear the same
numbers.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..data.sets.pool import Counts
from ..meta.tasks import Task
from ..parallel.executor import Executor
from ..training.baselines import Answers, Rule, answers_of, drawn_by
from ..training.evaluation import check_size
from ..training.intervals import Drawn
from .series import Series, anybody_has

COLUMNS = "tyxp"


class Dealt(NamedTuple):
    """An episode.

    labels   (B,) of the support
    truth    (Q,) labels of the queries, in their order
    order    (Q,) which query of the task each of them is
    content  a hash of which recordings were dealt to whom
    drawn    what answers rest on, in the order of the task
    answers  of the rules that were asked, in the order of the task; None without rules
    samples  the hashes of the recordings of support (B, S) and query (Q, S); None where what they
             hold is not asked for
    held     {hash: counts (T, H, W, C) or (T, units)} of those that are new to whoever asks
    """

    labels: np.ndarray
    truth: np.ndarray
    order: np.ndarray
    content: bytes
    drawn: Drawn
    answers: Answers | None
    samples: tuple[np.ndarray, np.ndarray] | None
    held: dict[bytes, np.ndarray]


class Truth(NamedTuple):
    """What a series is scored by: `dealt`, the hash of all episodes, the labels of the queries
    (E, Q) and the order that they stand in, what answers rest on, and those of the rules."""

    dealt: str
    labels: np.ndarray
    order: np.ndarray
    drawn: list[Drawn]
    answers: list[Answers]


class Frozen(NamedTuple):
    """What a series holds: support (E, B, S), labels (E, B) and query (E, Q, S), recordings by
    their hashes, and the hash of all that was dealt."""

    support: list[np.ndarray]
    labels: np.ndarray
    query: list[np.ndarray]
    dealt: str


def truth_of(
    series: Series,
    tasks: Any,
    rules: Mapping[str, Rule] | None = None,
    executor: Executor | None = None,
    told: Callable[[], None] = lambda: None,
) -> Truth:
    """What a series is scored by, dealt again; `told` is called after every episode."""
    found: list[Dealt] = []

    def add(one: Dealt) -> None:
        found.append(one)
        told()

    deal = partial(_deal, tasks, series, list((rules or {}).values()), False)
    (executor or Executor()).in_order(deal, range(series.episodes), add)
    return Truth(
        hashlib.sha256(b"".join(one.content for one in found)).hexdigest(),
        np.stack([one.truth for one in found]),
        np.stack([one.order for one in found]),
        [one.drawn for one in found],
        [one.answers for one in found if one.answers is not None],
    )


def freeze(
    series: Series,
    tasks: Any,
    held: dict[bytes, tuple[np.ndarray, ...]],
    told: Callable[[], None] = lambda: None,
) -> Frozen:
    """Deal a series out; the events of its recordings are added to `held`, by their hashes."""
    found: list[Dealt] = []
    for index in range(series.episodes):
        one = _deal(tasks, series, [], True, index)
        for key, counts in one.held.items():
            if key not in held:
                held[key] = events_of(counts)
        found.append(one._replace(held={}))
        told()
    samples = [one.samples for one in found if one.samples is not None]
    return Frozen(
        [support for support, _ in samples],
        np.stack([one.labels for one in found]),
        [query for _, query in samples],
        hashlib.sha256(b"".join(one.content for one in found)).hexdigest(),
    )


def _deal(
    tasks: Any,
    series: Series,
    rules: list[Rule],
    holding: bool,
    index: int,
) -> Dealt:
    """Episode `index`."""
    task = tasks.episode(series.seed, index, *series.size)
    if task.real or task.x_query.dtype != np.uint8 or task.x_query.ndim not in (3, 5):
        kind = "real targets" if task.real else f"{task.x_query.dtype} of {task.x_query.shape[1:]}"
        raise ValueError(
            f"a task has samples that are {kind}; expected labels, and event counts, uint8 of "
            "shape (T, H, W, 2) or (T, units)"
        )
    check_size(task, *series.size)
    support, query = sides(task)
    numbers = None if task.recordings is None else task.recordings[1]
    keys = (
        None if numbers is None else [_key(index, row.astype("<i8").tobytes()) for row in numbers]
    )
    if keys is None or len(set(keys)) < len(keys):  # which of them is which, what they hold tells
        keys = [_key(index, one.tobytes()) for one in query]
    order = np.argsort(np.array(keys), kind="stable")
    truth = task.y_query[order]
    learned = None if numbers is None or not numbers.size else task.recordings[0].astype("<i8")
    of_support = support if learned is None else learned
    content = hashlib.sha256(b"".join([*keys, task.y_support.tobytes(), truth.tobytes()]))
    content.update(of_support.tobytes())
    if not anybody_has(series):
        for counts in (support, query[order]):
            content.update(repr(counts.shape).encode() + counts.tobytes())
    held: dict[bytes, np.ndarray] = {}
    samples = None
    if holding:
        samples = _hashed(support, held), _hashed(query[order], held)
    answers = answers_of(task, rules) if rules else None
    return Dealt(
        task.y_support, truth, order, content.digest(), drawn_by(task), answers, samples, held
    )


def _key(index: int, content: bytes) -> bytes:
    return hashlib.sha256(index.to_bytes(8, "little") + content).digest()


def sides(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Support and query by their recordings: (B, S, T, H, W, 2), or (B, S, T, units)."""
    count = 1 if task.recordings is None else task.recordings[1].shape[1]
    axis = -1 if task.x_query.ndim == 3 else -2
    if count < 1 or task.x_query.shape[axis] % count:
        count = 1
    support, query = (np.stack(np.split(x, count, axis), 1) for x in (task.x_support, task.x_query))
    return support, query


def _hashed(samples: np.ndarray, held: dict[bytes, np.ndarray]) -> np.ndarray:
    """The hash of every recording of samples (B, S, …): objects (B, S)."""
    found = np.empty(samples.shape[:2], object)
    for place in np.ndindex(found.shape):
        key = hashlib.sha256(samples[place].tobytes()).digest()
        held.setdefault(key, samples[place])
        found[place] = key
    return found


def events_of(counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """The events of counts (T, H, W, C), or (T, units), in the order of time: t, y, x and p, or t
    and x."""
    places = np.nonzero(counts)
    how_often = counts[places]
    return tuple(
        np.repeat(place, how_often).astype(np.uint8 if size <= 256 else np.uint16)
        for place, size in zip(places, counts.shape)
    )


def joined(held: Sequence[tuple[np.ndarray, ...]]) -> dict[str, np.ndarray]:
    """Events of recordings one after the other, as files have them: start and a column each."""
    names = COLUMNS if len(held[0]) == 4 else "tx"
    sizes = [len(one[0]) for one in held]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return {
        "start": start,
        **{name: np.concatenate([one[k] for one in held]) for k, name in enumerate(names)},
    }


def training_of(tasks: Any) -> dict[str, np.ndarray] | None:
    """All recordings of a set with the symbol that each shows, and the symbols of its classes; None
    of a set that is not made of recordings."""
    if not isinstance(getattr(tasks, "pool", None), Counts):
        return None
    symbols = sorted({one for name in tasks.classes for one in tasks.made_of[name]})
    places = {symbol: np.asarray(tasks.symbols[symbol]) for symbol in symbols}
    held = [
        events_of(tasks.pool.dense(np.array([place]))[0])
        for symbol in symbols
        for place in places[symbol].tolist()
    ]
    return {
        **joined(held),
        "label": np.repeat(np.arange(len(symbols)), [len(places[one]) for one in symbols]),
        "classes": np.array(
            [[symbols.index(one) for one in tasks.made_of[name]] for name in tasks.classes]
        ),
        "names": np.array(list(tasks.classes)),
    }
