"""Recordings of a pen on a small grid of cells, in which time carries the class: strokes drawn in
different orders, made up from a seed, and characters as people wrote them.

A recording is x (STEPS, cells): 1 in the cell where the pen draws at a step, 0 elsewhere; no cell
sees anything while the pen is lifted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np

from minisnn.data.sets.samples import draw_samples
from minisnn.meta.tasks import Task
from minisnn.arguments import whole

Array = np.ndarray
STEPS = 40
STROKES = 3  # of a figure
SIDE = 6  # cells of the grid for figures
MISSED = 0.1  # of the events
LIFTED = (0.05, 0.2)  # how long the pen is lifted after a stroke, where a stroke takes PACE
PACE = (0.7, 1.3)
MOVED = 0.1  # standard deviation of ends of strokes, in cells
ALPHABETS = {  # of the written characters
    "train": ("Balinese", "Japanese_(katakana)", "Korean", "Sanskrit"),
    "val": ("Greek",),
    "test": ("Latin",),
}
WRITTEN_SIDE = 10
PICTURE = 105.0  # pixels of a written character's side; the file counts eighths
LOOKS = 4  # at a written stroke, a step


class _Series:
    """Tasks by number."""

    def episode(
        self, seed: int, index: int, ways: int = 5, shots: int = 1, queries: int = 5
    ) -> Task:
        """Task number `index` of the series `seed`: always the same one."""
        key = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=(whole("index", index, 0),))
        return self.sample_task(np.random.default_rng(key), ways, shots, queries)


# ---- figures drawn in different orders


@dataclass(frozen=True)
class Orders(_Series):
    """Tasks in which all classes are one figure: its strokes are drawn in another order, and from
    other ends.

    How long a stroke takes, where it is and which of its events are missed is drawn for the
    stroke, not for its place in the order. So recordings of all classes, summed over time, have
    the same distribution, and looks alone answer by chance.

    split   "train", "val" or "test": figures that no other split has, for each has random numbers
            of its own
    """

    split: str = "train"

    @property
    def classes(self) -> tuple[str, ...]:
        """All orders: "2+1-3+" draws the second stroke first, and the first from its other end."""
        return tuple(_told(*one) for one in _orders())

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (SIDE * SIDE,)

    def sample_task(
        self, rng: np.random.Generator, ways: int = 5, shots: int = 1, queries: int = 5
    ) -> Task:
        """A figure, `ways` orders of its strokes, and recordings of them, sorted by class."""
        own = np.random.SeedSequence(rng.integers(1 << 32, size=4).tolist(), spawn_key=self._key)
        rng = np.random.default_rng(own)
        drawn = figure(rng)
        known = _orders()
        chosen = [known[k] for k in rng.choice(len(known), ways, replace=False)]
        support, query = (
            np.concatenate([record(rng, drawn, *one, number) for one in chosen])
            for number in (shots, queries)
        )
        labels = np.arange(ways)
        names = tuple(_told(*one) for one in chosen)
        return Task(support, labels.repeat(shots), query, labels.repeat(queries), names)

    @property
    def _key(self) -> tuple[int]:
        return (tuple(ALPHABETS).index(self.split),)


def _orders() -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
    """(order of the strokes, whether each is drawn from its other end)."""
    turned = list(product((False, True), repeat=STROKES))
    return [(order, ends) for order in permutations(range(STROKES)) for ends in turned]


def _told(order: Sequence[int], turned: Sequence[bool]) -> str:
    return "".join(f"{k + 1}{'-' if turned[k] else '+'}" for k in order)


def figure(rng: np.random.Generator) -> Array:
    """Straight strokes (STROKES, 2, 2), each from end to end, row and column in cells; none shorter
    than half the grid."""
    while True:
        ends = rng.uniform(0, SIDE - 1, (STROKES, 2, 2))
        if (np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) >= SIDE / 2).all():
            return ends


def record(
    rng: np.random.Generator,
    ends: Array,
    order: Sequence[int],
    turned: Sequence[bool],
    number: int,
) -> Array:
    """Recordings (number, STEPS, cells) of a figure whose strokes are drawn in an order,
    those that are `turned` from the other end."""
    x = np.zeros((number, STEPS, SIDE * SIDE), np.uint8)
    pens = rng.uniform(*PACE, (number, STROKES))
    lifts = rng.uniform(*LIFTED, (number, STROKES))
    steps = shared_out(np.stack([pens, lifts], 2).reshape(number, -1), STEPS)
    ends = ends + rng.normal(0, MOVED, (number, 1, 1, 2))
    ends = ends + rng.normal(0, MOVED, (number, *ends.shape[1:]))
    seen = rng.random((number, STROKES, STEPS)) >= MISSED
    for n, one in enumerate(x):
        start = 0
        for k in order:
            pen, lifted = steps[n, 2 * k : 2 * k + 2]
            along = (np.arange(pen) + 0.5) / max(pen, 1)
            first, last = ends[n, k]
            cells = np.rint(first + along[:, None] * (last - first)).astype(int)
            row, column = np.clip(cells, 0, SIDE - 1).T
            at = start + (np.arange(pen)[::-1] if turned[k] else np.arange(pen))
            one[at, row * SIDE + column] = seen[n, k, :pen]
            start += pen + lifted
    return x


def shared_out(lengths: Array, steps: int) -> Array:
    """Whole numbers (…, n) that add up to `steps`, in proportion to lengths (…, n)."""
    share = np.cumsum(lengths, -1) / lengths.sum(-1, keepdims=True)
    return np.diff(np.rint(share * steps).astype(int), axis=-1, prepend=0)


# ---- written characters


class Written(_Series):
    """Characters of Omniglot as they were written (Lake, Salakhutdinov & Tenenbaum 2015), each from
    its first to its last moment in STEPS steps, its middle in the middle of the grid.

    path    an archive of strokes: `xy` (points, 2) in eighths of a pixel, `t` (points,) in
            milliseconds, `stroke` and `drawing`, where in `xy` and in `stroke` each begins, and of
            each drawing its `character`, a place in `names`, "Alphabet/number"
    split   "train", "val" or "test": alphabets that no other split has
    """

    def __init__(self, path: Path, split: str = "train"):
        self.split = split
        with np.load(path, allow_pickle=False) as archive:
            names = "xy t stroke drawing character names".split()
            xy, t, stroke, drawing, character, known = (archive[name] for name in names)
        part = [str(name).split("/")[0] in ALPHABETS[split] for name in known]
        self.symbols = [np.flatnonzero(character == k) for k in np.flatnonzero(part)]
        self.classes = tuple(str(known[k]) for k in np.flatnonzero(part))
        self.x = {
            k: _written(
                [
                    (xy[first:end] / 8.0, t[first:end])
                    for first, end in zip(
                        stroke[drawing[k] : drawing[k + 1]],
                        stroke[drawing[k] + 1 : drawing[k + 1] + 1],
                    )
                ]
            )
            for k in np.concatenate(self.symbols).tolist()
        }

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (WRITTEN_SIDE * WRITTEN_SIDE,)

    def sample_task(
        self, rng: np.random.Generator, ways: int = 5, shots: int = 1, queries: int = 5
    ) -> Task:
        """Characters of the split, and drawings of them, sorted by class."""
        chosen = rng.choice(len(self.classes), ways, replace=False).tolist()
        sizes = {k: len(self.symbols[k]) for k in chosen}
        drawn = draw_samples(rng, [(k,) for k in chosen], sizes, shots, queries)
        support, query = (
            np.concatenate([self.symbols[k][of[:, 0]] for k, of in zip(chosen, side)])
            for side in drawn
        )
        labels = np.arange(ways)
        return Task(
            np.stack([self.x[k] for k in support.tolist()]),
            labels.repeat(shots),
            np.stack([self.x[k] for k in query.tolist()]),
            labels.repeat(queries),
            tuple(self.classes[k] for k in chosen),
            (support[:, None], query[:, None]),
        )


def _written(strokes: list[tuple[Array, Array]]) -> Array:
    """The recording (STEPS, cells) of strokes [(xy (n, 2) in pixels, t (n,))]."""
    first = min(t[0] for _, t in strokes)
    length = max(max(t[-1] for _, t in strokes) - first, 1)
    points = np.concatenate([xy for xy, _ in strokes])
    middle = (points.min(0) + points.max(0)) / 2
    x = np.zeros((STEPS, WRITTEN_SIDE, WRITTEN_SIDE), np.uint8)
    looks = (np.arange(STEPS * LOOKS) + 0.5) / (STEPS * LOOKS)
    for xy, t in strokes:
        time = (t - first) / length
        # of a stroke between two looks, its middle is one
        between = (looks >= time[0]) & (looks <= time[-1])
        seen = looks[between] if between.any() else np.array([time.mean()])
        place = np.stack([np.interp(seen, time, xy[:, side]) for side in (0, 1)], 1)
        cells = np.floor((place - middle) / PICTURE * WRITTEN_SIDE + WRITTEN_SIDE / 2).astype(int)
        column, row = np.clip(cells, 0, WRITTEN_SIDE - 1).T
        x[np.minimum((seen * STEPS).astype(int), STEPS - 1), row, column] = 1
    return x.reshape(STEPS, -1)


# ---- sets by name


def pens(split: str = "train", root: str | Path | None = None) -> Orders | Written:
    """The set of tasks of a split: written characters of the archive `root`, or figures drawn in
    different orders."""
    return Orders(split) if root is None else Written(Path(root).expanduser(), split)


# ---- what becomes of a task


def shuffled(task: Task) -> Task:
    """The same task with the steps of every recording in a random order: what a network sees of it
    is its summed events."""
    rng = np.random.default_rng(0)
    support, query = (
        np.stack([one[rng.permutation(len(one))] for one in x])
        for x in (task.x_support, task.x_query)
    )
    return Task(support, task.y_support, query, task.y_query, task.classes, task.recordings)


def sliced(x: Array, slices: int) -> Array:
    """The events of recordings (B, T, …) in `slices` stretches of time, (B, slices · …)."""
    parts = np.array_split(x, slices, axis=1)
    return np.concatenate(
        [part.sum(1, dtype=np.float32).reshape(len(x), -1) for part in parts], axis=1
    )
