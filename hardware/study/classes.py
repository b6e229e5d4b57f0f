"""How many classes a device holds apart: few-shot accuracy of class means in integers and in float,
from five classes to all of a set, and the continual curve, classes arriving one by one.

Episodes are dealt by the set (`drawings`). Their shots come shuffled over all classes, one at a
time, into running means (`chip.means.CountedMeans`); float has the exact means of the same shots.
The largest number of classes, up to MOST, is met one by one, too: all shots of a class, then those
of the next, and after each the accuracy over the queries of all classes so far. Learning a class
changes no other, so an answer among m classes is that among the first m means.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minisnn.data.sets.recordings import Recordings
from minisnn.experiments.findings import Table, figure
from minisnn.experiments.statistics import difference, estimate
from minisnn.meta.prototypes import class_means, distance_logits
from minisnn.parallel.executor import Executor
from minisnn.terminal import bar
from minisnn.training.baselines import Answers, Row, drawn_by, rows_of

from ..chip.means import UNTAUGHT, CountedMeans
from .drawings import Dealt, Traces, numbered

ALL = "all"
WAYS = 5, 20, 50, 250, ALL
SHOTS = 1, 5, 10
MOST = 250  # classes that arrive one by one
RULES = "integers", "float"
FIRST, STEP = 10, 5  # of the curve every class is kept up to FIRST, then every fifth


class How(NamedTuple):
    """What is measured: numbers of classes, and of shots; queries of each class, episodes, orders
    in which classes arrive, and the seed of all."""

    ways: tuple[int, ...]
    shots: tuple[int, ...]
    queries: int
    episodes: int
    orders: int
    seed: int

    @property
    def most(self) -> int:
        """Classes that arrive one by one."""
        return max([n for n in self.ways if n <= MOST] or [min(self.ways)])

    def deals(self) -> list[tuple[int, int, int, int, int]]:
        """The arguments of `episode` of all that is dealt."""
        found = {(n, k): self.episodes for n in self.ways for k in self.shots}
        for k in self.shots:
            found[self.most, k] = max(self.episodes, self.orders)
        return [
            (self.seed, index, ways, shots, self.queries)
            for (ways, shots), number in found.items()
            for index in range(number)
        ]


class Seen(NamedTuple):
    """What was found.

    cells      {(ways, shots): {rule: Row}}
    orders     {shots: {"one by one", "at once", "float": Row}} of the most classes
    curves     {shots: {rule: (orders, most) accuracy after each class}}
    off        the largest distance of a mean from the exact one, as a share of its bound
    """

    cells: dict[tuple[int, int], dict[str, Row]]
    orders: dict[int, dict[str, Row]]
    curves: dict[int, dict[str, np.ndarray]]
    off: float


def how_many(asked: Sequence[int | str], tasks: Recordings, given: bool) -> tuple[int, ...]:
    """Numbers of classes, "all" being those of the set; of numbers that nobody asked for (not
    `given`), those that it has. ValueError for more than that, or fewer than two."""
    there = len(tasks.classes)
    ways = dict.fromkeys(there if n == ALL else int(n) for n in asked)
    for n in ways:
        if n < 2 or (given and n > there):
            raise ValueError(
                f"--ways has {n}; {tasks.source} has {there} classes: expected 2 to {there}, or all"
            )
    return tuple(sorted(n for n in ways if n <= there))


def check_room(tasks: Recordings, how: How) -> None:
    """ValueError where recordings would be taught or asked about twice."""
    if any(len(own) > 1 for own in tasks.made_of.values()):
        return
    least = min(len(tasks.symbols[own]) for (own,) in tasks.made_of.values())
    shots = max(how.shots)
    if shots > least // 2 or shots + how.queries > least:
        raise ValueError(
            f"{shots} shots and {how.queries} queries are asked for; {tasks.source} has {least} "
            f"recordings of a class: expected at most {least // 2} shots, and {least} of both"
        )


def look(tasks: Recordings, traces: Traces, how: How, executor: Executor, show: bool) -> Seen:
    """Answer all episodes; a terminal shows a bar where `show`."""
    dealt = numbered(tasks)
    cells = {}
    curves: dict[int, dict[str, np.ndarray]] = {}
    orders = {}
    off = 0.0
    total = len(how.ways) * len(how.shots) * how.episodes + len(how.shots) * how.orders
    with bar(None, total, f"{total} episodes of up to {max(how.ways)} classes", show) as shown:

        def collected(one: Callable, number: int) -> list:
            found: list[Any] = []

            def collect(item: Any) -> None:
                found.append(item)
                shown.update()

            executor.in_order(one, range(number), collect)
            return found

        for shots in how.shots:
            for ways in how.ways:
                asked = how.seed, ways, shots, how.queries
                found = collected(partial(_episode, dealt, traces, asked), how.episodes)
                cells[ways, shots] = rows_of(list(RULES), [one for one, _ in found])
                off = max(off, *(share for _, share in found))
            asked = how.seed, how.most, shots, how.queries
            found = collected(partial(_arrivals, dealt, traces, asked), how.orders)
            names = ["one by one", "at once", "float"]
            orders[shots] = rows_of(names, [one for one, _ in found])
            both = np.array([curve for _, curve in found])
            curves[shots] = {name: both[:, k] for k, name in enumerate(RULES)}
    return Seen(cells, orders, curves, off)


def _dealt(dealt: Recordings, traces: Traces, asked: tuple, index: int) -> Dealt:
    seed, ways, shots, queries = asked
    return traces.of(dealt.episode(seed, index, ways, shots, queries))


def _episode(dealt, traces, asked, index) -> tuple[Answers, float]:
    """Answers of both rules, and how far a mean is from the exact one, as a share of its bound."""
    one = _dealt(dealt, traces, asked, index)
    y = one.task.y_query
    means = taught(traces.integers[one.support], one.task.y_support, shuffled(asked[0], index))
    integers = distances(means, traces.integers[one.query]).argmin(1) == y
    floats = _in_float(traces, one).argmax(1) == y
    share = off_exact(means, traces.integers[one.support], one.task.y_support)
    return Answers(np.stack([integers, floats]), drawn_by(one.task)), share


def _arrivals(dealt, traces, asked, index) -> tuple[Answers, list[np.ndarray]]:
    """Answers among all classes, taught one by one, or all at once, or in float; and the curves of
    the first and the last."""
    one = _dealt(dealt, traces, asked, index)
    y = one.task.y_query
    p = traces.integers[one.support]
    labels = one.task.y_support
    means = taught(p, labels, np.argsort(labels, kind="stable"))
    at_once = taught(p, labels, shuffled(asked[0], index))
    far = distances(means, traces.integers[one.query])
    logits = _in_float(traces, one)
    right = [
        far.argmin(1) == y,
        distances(at_once, traces.integers[one.query]).argmin(1) == y,
        logits.argmax(1) == y,
    ]
    return Answers(np.stack(right), drawn_by(one.task)), [curve(far, y), curve(-logits, y)]


def shuffled(seed: int, index: int) -> np.random.Generator:
    """What shuffles the shots of an episode over all classes."""
    return np.random.default_rng((seed, index, 1))


def taught(p: np.ndarray, labels: np.ndarray, order: Any) -> CountedMeans:
    """Running means of traces p (n, inputs), whose labels are the ids of the classes; `order` of the
    shots, or a generator that draws it."""
    means = CountedMeans(p.shape[1])
    for _ in range(int(labels.max()) + 1):
        means.add()
    if isinstance(order, np.random.Generator):
        order = order.permutation(len(labels))
    for n in order:
        means.learn(int(labels[n]), p[n])
    return means


def distances(means: CountedMeans, p: np.ndarray) -> np.ndarray:
    """`CountedMeans.distances` of many traces p (n, inputs), (n, classes)."""
    found = distances_to(np.array([means.answering(one) for one in means.known]), p)
    found[:, [not one.shots for one in means.known]] = UNTAUGHT
    return found


def distances_to(m: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Squared distances of traces p (n, inputs) and means m (k, inputs), (n, k) in 65536ths; sums of
    products stay below 2^53, so that float64 holds them exactly."""
    m = m.astype(np.float64)
    p = p.astype(np.float64)
    squares = (p * p).sum(1)[:, None] + 256 * (m * m).sum(1)
    return (squares - 32 * (p @ m.T)).astype(np.int64) >> 8


def off_exact(means: CountedMeans, p: np.ndarray, labels: np.ndarray) -> float:
    """The largest |c - exact mean| over all synapses, each as a share of `ClassMean.bound`."""
    x = np.minimum(p.astype(np.int64), 16 * 255)
    most = 0.0
    for one in means.known:
        exact = x[labels == one.id].mean(0) / 16
        most = max(most, float(np.abs(one.mean - exact).max()) / one.bound)
    return most


def curve(far: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Accuracy over the queries of the classes so far, after each class (classes,): of distances
    (queries, classes), the first of equal ones answering."""
    number = far.shape[1]
    own = far[np.arange(len(y)), y][:, None]
    place = np.arange(number)
    before = place < y[:, None]
    beats = np.where(before, far <= own, far < own)
    beats[np.arange(len(y)), y] = False
    # a query is right from its class on until a nearer one comes
    lost = np.where(beats.any(1), beats.argmax(1), number)
    found = np.empty(number)
    for m in range(1, number + 1):
        known = y < m
        found[m - 1] = float((lost[known] >= m).mean())
    return found


def _in_float(traces: Traces, one: Dealt) -> np.ndarray:
    p = traces.floats
    c = class_means(p[one.support], one.task.y_support, one.task.ways)
    return distance_logits(p[one.query], c)


# ---- what is told


def tables(seen: Seen, how: How, note: str) -> list[Table]:
    """Accuracy by classes and shots; classes one by one."""
    shots = [f"{k} shot{'s' * (k > 1)}" for k in how.shots]
    header = ["classes", *(f"{text} (%)" for text in shots)]
    header += [f"less float, {text} (points)" for text in shots]
    cells = []
    for ways in how.ways:
        several = [seen.cells[ways, k] for k in how.shots]
        shown = [estimate(one["integers"]).percent() for one in several]
        less = [difference(one["integers"], one["float"]).points() for one in several]
        cells.append([str(ways), *shown, *less])
    told = (
        f"{how.episodes} episodes each, {how.queries} queries a class, shots shuffled over all "
        f"classes; ± is half a 95 % interval, {_speaks(seen, how)}. {note}"
    )
    title = "Accuracy of class means in integers"
    found = [Table("classes", title, header, cells, told)]
    header = ["shots", "one by one (%)", "all at once (%)", "less (points)", "float (%)"]
    cells = []
    for k, one in seen.orders.items():
        less = difference(one["one by one"], one["at once"]).points()
        shown = [estimate(one[name]).percent() for name in ("one by one", "at once")]
        cells.append([str(k), *shown, less, estimate(one["float"]).percent()])
    title = f"{how.most} classes that arrive one by one, and the same shots all at once, shuffled"
    told = f"{how.orders} orders. Accuracy over all classes, after the last."
    return [*found, Table("continual", title, header, cells, told)]


def _speaks(seen: Seen, how: How) -> str:
    """For whom the intervals speak, in words."""
    of = {n: seen.cells[n, how.shots[0]]["integers"].shared.population for n in how.ways}
    words = {"classes": "new classes", "recordings": "new recordings", "episodes": "more episodes"}
    first = of[how.ways[0]]
    others = [f"of {n} classes for {words[kind]}" for n, kind in of.items() if kind != first]
    return ", ".join([f"for {words[first]}", *others])


def figures(seen: Seen, how: How) -> dict[str, dict]:
    """Every number by its name."""
    found = {"off": figure(seen.off, "%"), "most": figure(how.most, "")}
    for (ways, shots), one in seen.cells.items():
        less = difference(one["integers"], one["float"])
        for name, row in one.items():
            found[f"{name}-{ways}-{shots}"] = _shown(estimate(row))
        found[f"less-{ways}-{shots}"] = _shown(less, "points")
    for shots, one in seen.orders.items():
        for name, row in one.items():
            found[f"{name.replace(' ', '-')}-{shots}"] = _shown(estimate(row))
        less = difference(one["one by one"], one["at once"])
        found[f"one-by-one-less-{shots}"] = _shown(less, "points")
    return found


def _shown(found: Any, unit: str = "%") -> dict:
    return figure(found.mean, unit, found.half if np.isfinite(found.half) else None)


def panels(seen: Seen, how: How, published: Sequence[tuple[int, int, float]]) -> list[dict]:
    """Both pictures, as `plots.lines.plot_lines` draws them; published: (classes, shots, %) of
    others."""
    accuracies = []
    for k in how.shots:
        several = [estimate(seen.cells[n, k]["integers"]) for n in how.ways]
        accuracies.append(
            dict(
                label=f"{k} shot{'s' * (k > 1)}",
                x=list(how.ways),
                y=[_percent(one.mean) for one in several],
                half=[_percent(one.half) for one in several],
            )
        )
    kept = [m for m in range(1, how.most + 1) if m <= FIRST or m % STEP == 0 or m == how.most]
    arriving = []
    for k, one in seen.curves.items():
        mean = one["integers"].mean(0)
        y = [_percent(mean[m - 1]) for m in kept]
        arriving.append(dict(label=f"{k} shot{'s' * (k > 1)}", x=kept, y=y))
    for classes, shots, percent in published:
        mark = dict(label=f"Chameleon, {shots} shot{'s' * (shots > 1)}", x=[classes], y=[percent])
        (arriving if classes == MOST else accuracies).append(mark)
    axes = dict(xlabel="classes", ylabel="accuracy (%)")
    return [
        dict(axes, title="Learned at once", log=True, series=accuracies),
        dict(axes, title="One class after another", log=False, series=arriving),
    ]


def _percent(share: float) -> float:
    return round(100 * float(share), 2)
