"""Tasks of few-shot learning: a support set to learn from, and a query set to test on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..arguments import MOST, array, need, texts, whole


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """An N-way K-shot task: learn N classes from K support samples of each, then classify the query
    samples.

    x_support (B, T, H, W, 2)   event counts per time step, channel 0 = OFF, 1 = ON: uint8 or
                                floating point
    y_support (B,)              labels 0 .. ways - 1 of any integer type, kept as int64; or real
                                targets (B, outputs), or (B, n, outputs) at the window's n steps
    x_query, y_query            likewise, with their own B
    classes                     names of the classes: label k is classes[k]; may be left out
    recordings                  numbers of the recordings from which each sample was made, (support
                                (B, k), query (B, k)), or None

    Other ranks, such as (B, T, features), are accepted too; both sets must agree in all axes except
    B. Arrays are copied. Raises ValueError for shapes that do not fit, labels out of range, and
    counts that are not finite. Source: Stewart & Neftci 2022, section 2.1; Vinyals et al. 2016.

    >>> x = np.zeros((2, 10, 4, 4, 2), np.uint8)
    >>> ms.Task(x, [0, 1], x, [1, 0], classes=("cat", "dog"))
    Task: 2 classes: cat dog; 2 support and 2 query samples of shape (10, 4, 4, 2), uint8
    """

    x_support: np.ndarray
    y_support: np.ndarray
    x_query: np.ndarray
    y_query: np.ndarray
    classes: tuple[str, ...] = ()
    recordings: tuple[np.ndarray, np.ndarray] | None = None

    def __post_init__(self) -> None:
        classes = texts("classes", self.classes)
        need("classes", ", ".join(classes), len(set(classes)) == len(classes), "each of them once")
        x, query = _samples("x_support", self.x_support), _samples("x_query", self.x_query)
        y = _answers("y_support", self.y_support, len(x), classes)
        asked = _answers("y_query", self.y_query, len(query), classes)
        shapes = query.shape[1:], asked.shape[1:]
        expected = x.shape[1:], y.shape[1:]
        need(
            "a query sample with its answer", shapes, shapes == expected, f"{expected}, as support"
        )
        recordings = self.recordings
        if recordings is not None:
            support, others = (array("recordings", side).copy() for side in recordings)
            need(
                "the shape of recordings",
                (support.shape, others.shape),
                support.ndim == others.ndim == 2
                and (len(support), len(others)) == (len(x), len(query)),
                f"({len(x)}, k) and ({len(query)}, k), one row per sample",
            )
            recordings = support, others
            both = np.intersect1d(support, others).tolist()
            need("recordings", both, not both, "each in support or in query, none in both")
        values = x, y, query, asked, classes, recordings
        for field, value in zip(fields(self), values):
            object.__setattr__(self, field.name, value)

    def __repr__(self) -> str:
        names = f": {' '.join(self.classes)}" if self.classes else ""
        return (
            f"Task: {self.ways} {'real outputs' if self.real else 'classes'}{names}; "
            f"{len(self.y_support)} support and {len(self.y_query)} query samples of shape "
            f"{self.x_support.shape[1:]}, {self.x_support.dtype}"
        )

    @property
    def real(self) -> bool:
        """True for a regression task, with real targets in place of labels.

        >>> x = np.zeros((2, 10, 4), np.uint8)
        >>> ms.Task(x, [0, 1], x, [1, 0]).real, ms.Task(x, np.ones((2, 3)), x, np.ones((2, 3))).real
        (False, True)
        """
        return self.y_query.dtype.kind == "f"

    @property
    def ways(self) -> int:
        """Number of classes. This is the number of names or, without names, the highest label plus
        one; in regression, it is the number of outputs.

        >>> x = np.zeros((2, 10, 4), np.uint8)
        >>> ms.Task(x, [0, 1], x, [2, 0]).ways
        3
        """
        if self.real:
            return self.y_query.shape[-1]
        return len(self.classes) or int(max(self.y_support.max(), self.y_query.max())) + 1


def _samples(name: str, found: Any) -> np.ndarray:
    """Check event counts (B, T, ...), and return a copy."""
    x = array(name, found)
    need(
        name,
        f"{x.dtype} of shape {x.shape}",
        (x.dtype == np.uint8 or x.dtype.kind == "f" and np.isfinite(x).all())
        and x.ndim > 1
        and x.size,
        "finite event counts (B, T, ...), B > 0, uint8 or floating-point",
    )
    return x.copy()


def _answers(name: str, found: Any, samples: int, classes: tuple[str, ...]) -> np.ndarray:
    """Check labels, or real targets if there are no classes, and return a copy."""
    y = array(name, found)
    real = y.dtype.kind == "f" and not classes and np.isfinite(y).all()
    need(
        name,
        f"{y.dtype} of shape {y.shape}",
        (y.ndim in (2, 3) if real else y.dtype.kind in "iu" and y.ndim == 1)
        and len(y) == samples
        and y.size,
        f"{samples} integer labels, or finite targets, floating-point, ({samples}, outputs) or "
        f"({samples}, steps, outputs) without classes",
    )
    if real:
        return y.copy()
    most = len(classes) - 1 if classes else MOST
    need(
        name,
        f"{y.min()} to {y.max()}",
        y.min() >= 0 and y.max() <= most,
        f"labels from 0 to {most}",
    )
    return y.astype(np.int64)


class Classification:
    """Ordinary classification of all classes in a set, in the form of tasks without adaptation:
    each query set is a batch.

    tasks     a set with `classes`, `input_shape` and `sample_task(rng, ways, shots, queries,
              classes)`
    classes   names of the classes in the order of their labels; None: in the order of the set

    Only the argument `queries` of a task has an effect: the number of query samples, each of a
    different class. The support set has the same number of other samples, which are not used.
    """

    def __init__(self, tasks: Any, classes: Sequence[str] | None = None):
        self.tasks = tasks.ungrouped() if hasattr(tasks, "ungrouped") else tasks
        self.classes = tuple(tasks.classes if classes is None else classes)
        self.input_shape = tasks.input_shape

    def sample_task(
        self, rng: np.random.Generator, ways: int = 0, shots: int = 1, queries: int = 32
    ) -> Task:
        """Return a batch that contains `queries` samples. Raises ValueError if there are fewer
        classes than that."""
        most = len(self.classes)
        need(
            "queries", queries, queries <= most, f"at most {most}: a batch has one sample per class"
        )
        labels = rng.choice(most, size=queries, replace=False)
        task = self.tasks.sample_task(rng, queries, 1, 1, [self.classes[k] for k in labels])
        recordings = None
        if task.recordings is not None:
            recordings = np.zeros((len(task.y_support), 0), np.int64), task.recordings[1]
        y_support, y_query = labels[task.y_support], labels[task.y_query]
        return Task(task.x_support, y_support, task.x_query, y_query, self.classes, recordings)

    def episode(
        self, seed: int, index: int, ways: int = 0, shots: int = 1, queries: int = 32
    ) -> Task:
        """Return batch number `index` in the series that this seed gives."""
        key = (whole("index", index, 0),)
        sequence = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=key)
        return self.sample_task(np.random.default_rng(sequence), ways, shots, queries)
