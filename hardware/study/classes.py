"""The number of classes that a device can distinguish: few-shot accuracy of class means in integers
and in float, from five classes to all of a set, and the continual curve, as classes arrive one by
one.

The set deals the episodes (`drawings`). Their shots come shuffled over all classes, one at a
time, into running means (`chip.means.CountedMeans`); float has the exact means of the same shots.
The largest number of classes, up to MOST, is met one by one, too: all shots of a class, then those
of the next, and after each the accuracy over the queries of all classes so far. Learning a class
changes no other, so an answer among m classes is that among the first m means.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from minisnn.data.sets.recordings import Recordings
from minisnn.experiments.findings import Table, figure
from minisnn.meta.prototypes import class_means, distance_logits
from minisnn.parallel.executor import Executor
from minisnn.terminal import bar
from minisnn.training.baselines import Answers, Row, drawn_by, rows_of

from ..chip.means import CountedMeans
from .drawings import Traces, numbered

ALL = "all"
WAYS = 5, 20, 50, 250, ALL
SHOTS = 1, 5, 10
MOST = 250  # classes that arrive one by one
FIRST, STEP = 10, 5  # the curve keeps every class up to FIRST, then every fifth


class How(NamedTuple):
    """The settings of a study: the numbers of classes and of shots, the queries per class, the
    number of episodes, the number of orders in which classes arrive, and a seed."""

    ways: tuple[int, ...]
    shots: tuple[int, ...]
    queries: int
    episodes: int
    orders: int
    seed: int

    @property
    def most(self) -> int:
        """The number of classes that arrive one by one."""
        return max([n for n in self.ways if n <= MOST] or [min(self.ways)])

    def numbers(self) -> dict[tuple[int, int], int]:
        """Return {(ways, shots): number of episodes}."""
        orders = {n: self.orders if n == self.most else 0 for n in self.ways}
        return {(n, k): max(self.episodes, orders[n]) for k in self.shots for n in self.ways}

    def deals(self) -> list[tuple[int, int, int, int, int]]:
        """List the arguments of `episode` for all episodes."""
        return [
            (self.seed, index, ways, shots, self.queries)
            for (ways, shots), number in self.numbers().items()
            for index in range(number)
        ]


class Seen(NamedTuple):
    """The results of the study.

    cells      {(ways, shots): {"integers", "float": Row}}
    orders     {shots: {"one by one", "at once", "float": Row}} of the most classes
    curves     {shots: accuracy in integers after each class that arrives, (most,)}
    off        the largest distance of a mean from the exact one, as a share of its bound
    """

    cells: dict[tuple[int, int], dict[str, Row]]
    orders: dict[int, dict[str, Row]]
    curves: dict[int, np.ndarray]
    off: float


def how_many(asked: Sequence[int | str], tasks: Recordings, given: bool) -> tuple[int, ...]:
    """Return the numbers of classes to study. "all" becomes the number of classes in the set.
    Default numbers (not `given`) that exceed it are dropped. Raises ValueError for a given number
    above it, or for one below two."""
    most = len(tasks.classes)
    ways = dict.fromkeys(most if n == ALL else int(n) for n in asked)
    for n in ways:
        if n < 2 or (given and n > most):
            raise ValueError(
                f"--ways has {n}; {tasks.source} has {most} classes: expected 2 to {most}, or all"
            )
    return tuple(sorted(n for n in ways if n <= most))


def check_room(tasks: Recordings, how: How) -> None:
    """Raise ValueError if the set is too small, so that a recording would be taught or tested
    twice."""
    if any(len(own) > 1 for own in tasks.made_of.values()):
        return
    least = min(len(tasks.symbols[own]) for (own,) in tasks.made_of.values())
    shots = max(how.shots)
    if shots > least // 2 or shots + how.queries > least:
        raise ValueError(
            f"{shots} shots and {how.queries} queries are needed; {tasks.source} has {least} "
            f"recordings of a class: expected at most {least // 2} shots, and {least} of both"
        )


def look(tasks: Recordings, traces: Traces, how: How, executor: Executor, show: bool) -> Seen:
    """Classify the queries of all episodes. If `show`, show a progress bar in a terminal."""
    dealt = numbered(tasks)
    cells = {}
    orders = {}
    curves = {}
    most = 0.0
    numbers = how.numbers()
    total = sum(numbers.values())
    with bar(None, total, f"{total} episodes of up to {max(how.ways)} classes", show) as shown:
        for (ways, shots), number in numbers.items():
            found: list[tuple] = []

            def collect(item: tuple, found: list = found) -> None:
                found.append(item)
                shown.update()

            arrives = ways == how.most and how.orders > 0
            asked = how.seed, ways, shots, how.queries, arrives
            executor.in_order(partial(_episode, dealt, traces, asked), range(number), collect)
            answered, arriving, off = zip(*found)
            names = ["integers", "float", "one by one"]
            cells[ways, shots] = rows_of(names[:2], list(answered[: how.episodes]))
            most = max(most, *off[: how.episodes])
            if arrives:
                names[0] = "at once"
                orders[shots] = rows_of(names, list(answered[: how.orders]))
                curves[shots] = np.mean(arriving[: how.orders], 0)
    return Seen(cells, orders, curves, most)


def _episode(dealt, traces, asked, index) -> tuple[Answers, np.ndarray, float]:
    """Return three results from an episode: the predictions in integers, in float, and with classes
    taught one by one; the continual curve with classes taught one by one; and the largest distance
    between a stored and an exact mean, as a share of its bound."""
    seed, ways, shots, queries, arrives = asked
    one = traces.of(dealt.episode(seed, index, ways, shots, queries))
    y = one.task.y_query
    labels = one.task.y_support
    p = traces.integers[one.support]
    query = traces.integers[one.query]
    means = taught(p, labels, shuffled(seed, index).permutation(len(labels)))
    at_once = far = means.distances(query)
    if arrives:
        far = taught(p, labels, np.argsort(labels, kind="stable")).distances(query)
    c = class_means(traces.floats[one.support], labels, ways)
    logits = distance_logits(traces.floats[one.query], c)
    answers = at_once.argmin(1), logits.argmax(1), far.argmin(1)
    right = np.stack([found == y for found in answers])
    return Answers(right, drawn_by(one.task)), curve(far, y), off_exact(means, p, labels)


def shuffled(seed: int, index: int) -> np.random.Generator:
    """Return the random generator that shuffles an episode's shots over all classes."""
    return np.random.default_rng((seed, index, 1))


def taught(p: np.ndarray, labels: np.ndarray, order: Iterable[int]) -> CountedMeans:
    """Return running means after learning traces p (n, inputs) in this order; labels are class
    ids."""
    means = CountedMeans(p.shape[1])
    for _ in range(int(labels.max()) + 1):
        means.add()
    for n in order:
        means.learn(int(labels[n]), p[n])
    return means


def off_exact(means: CountedMeans, p: np.ndarray, labels: np.ndarray) -> float:
    """Return the largest |c - exact mean| over all synapses, each as a share of
    `ClassMean.bound`."""
    x = np.minimum(p.astype(np.int64), 16 * 255)
    exact = (x[labels == known.id].mean(0) / 16 for known in means.known)
    return max(float(np.abs(one.mean - c).max()) / one.bound for one, c in zip(means.known, exact))


def curve(far: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the continual curve (classes,): after each class, the accuracy over the queries of the
    classes so far, from distances (queries, classes). Of equally near classes the first is
    predicted."""
    place = np.arange(len(y))
    least = np.minimum.accumulate(far, 1)
    own = far[place, y]
    before_all = (y == 0) | (own < least[place, y - 1])
    right = before_all[:, None] & (least == own[:, None])
    return np.array([right[y <= m, m].mean() for m in range(far.shape[1])])


# ---- tables and figures


def tables(seen: Seen, how: How, note: str) -> list[Table]:
    """Format accuracies by the number of classes and shots, and those with classes taught one by
    one."""
    shots = [_shots(k) for k in how.shots]
    header = ["classes", *(f"{text} (%)" for text in shots)]
    header += [f"less float, {text} (points)" for text in shots]
    rows = []
    for ways in how.ways:
        several = [seen.cells[ways, k] for k in how.shots]
        shown = [rows["integers"].percent() for rows in several]
        less = [rows["integers"].less(rows["float"]).points() for rows in several]
        rows.append([str(ways), *shown, *less])
    text = (
        f"{how.episodes} episodes each, {how.queries} queries per class, shots shuffled over all "
        f"classes; ± is half a 95 % interval, {_speaks(seen, how)}. {note}"
    )
    found = [Table("classes", "Accuracy of class means in integers", header, rows, text)]
    header = ["shots", "one by one (%)", "all at once (%)", "less (points)", "float (%)"]
    rows = []
    for k, one in seen.orders.items():
        shown = [one[name].percent() for name in ("one by one", "at once", "float")]
        shown.insert(2, one["one by one"].less(one["at once"]).points())
        rows.append([str(k), *shown])
    title = f"{how.most} classes that arrive one by one, and the same shots all at once, shuffled"
    text = f"{how.orders} orders. Accuracy over all classes, after the last."
    return [*found, Table("continual", title, header, rows, text)]


def _shots(k: int) -> str:
    return f"{k} shot{'s' * (k > 1)}"


def _speaks(seen: Seen, how: How) -> str:
    """State, in a phrase, the population to which the intervals refer."""
    of = {n: seen.cells[n, how.shots[0]]["integers"].shared.population for n in how.ways}
    words = {"classes": "new classes", "recordings": "new recordings", "episodes": "more episodes"}
    first = of[how.ways[0]]
    others = [
        f"in the row of {n} classes for {words[kind]}" for n, kind in of.items() if kind != first
    ]
    return ", ".join([f"for {words[first]}", *others])


def figures(seen: Seen, how: How) -> dict[str, dict]:
    """Return every number by its name."""
    found = {"off": figure(seen.off, "%"), "most": figure(how.most, "")}
    several: list[tuple] = [
        (key, "integers", "float", "less", rows) for key, rows in seen.cells.items()
    ]
    several += [
        ((k,), "one by one", "at once", "one by one less", rows) for k, rows in seen.orders.items()
    ]
    for key, first, second, less, rows in several:
        numbers = {name: (row, "%") for name, row in rows.items()}
        numbers[less] = rows[first].less(rows[second]), "points"
        for name, (one, unit) in numbers.items():
            name = "-".join([*name.split(), *map(str, key)])
            found[name] = figure(one.mean, unit, one.half if np.isfinite(one.half) else None)
    return found


def panels(seen: Seen, how: How, published: Sequence[tuple[int, int, float]]) -> list[dict]:
    """Return the data of both pictures for `plots.curve.plot_lines`. `published` contains results
    of other systems, as (classes, shots, accuracy in %)."""
    at_once = []
    for k in how.shots:
        several = [seen.cells[n, k]["integers"] for n in how.ways]
        line = dict(label=_shots(k), x=list(how.ways), y=[_percent(one.mean) for one in several])
        at_once.append(line | dict(half=[_percent(one.half) for one in several]))
    kept = [m for m in range(1, how.most + 1) if m <= FIRST or m % STEP == 0 or m == how.most]
    arriving = [
        dict(label=_shots(k), x=kept, y=[_percent(one[m - 1]) for m in kept])
        for k, one in seen.curves.items()
    ]
    for classes, k, percent in published:
        mark = dict(label=f"Chameleon, a chip: {_shots(k)}", x=[classes], y=[percent])
        (arriving if classes == MOST else at_once).append(mark)
    axes = dict(xlabel="classes", ylabel="accuracy (%)")
    return [
        dict(axes, title="Learned at once", log=True, series=at_once),
        dict(axes, title="One class after another", log=False, series=arriving),
    ]


def _percent(share: float) -> float:
    return round(100 * float(share), 2)
