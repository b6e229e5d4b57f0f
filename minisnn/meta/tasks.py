"""A task of few-shot learning: a support set to learn from and a query set to be judged on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import array, texts, whole


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """An N-way K-shot task: learn N classes from K support samples of each, then name the query
    samples.

    x_support (B, T, H, W, 2)   event counts a time step, channel 0 = OFF, 1 = ON: uint8 or floating
                                point
    y_support (B,)              labels 0 .. ways - 1 of any integer type, kept as int64; or real
                                targets (B, outputs)
    x_query, y_query            likewise, with their own B
    classes                     names of the classes, label k being classes[k]; may be left out
    recordings                  numbers of the recordings that each sample is made of, (support (B,
                                k), query (B, k)), or None. Where samples are parts of continuous
                                recordings, these are the numbers of those recordings

    Sequences of other ranks, such as (B, T, features), are accepted too; both sets must agree in
    all axes but B. Arrays are copied. Raises ValueError for shapes that do not fit, labels out of range, and counts
    that are not finite. Source: Stewart & Neftci 2022, section 2.1; Vinyals et al. 2016.

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
        object.__setattr__(self, "classes", texts("classes", self.classes))
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes are {', '.join(self.classes)}, expected each once")
        for part in ("support", "query"):
            x = array(f"x_{part}", getattr(self, f"x_{part}"))
            y = array(f"y_{part}", getattr(self, f"y_{part}"))
            if x.ndim < 2 or x.size == 0:
                raise ValueError(
                    f"x_{part} has shape {x.shape}, expected samples first: (B, T, H, W, 2) with "
                    "none of them 0"
                )
            if x.dtype != np.uint8 and x.dtype.kind != "f":
                raise ValueError(
                    f"x_{part} is of type {x.dtype}, expected uint8 or floating-point event counts"
                )
            if x.dtype.kind == "f" and not np.isfinite(x).all():
                raise ValueError(
                    f"x_{part} holds NaN or infinite values, expected finite event counts"
                )
            if (
                y.dtype.kind == "f"
                and y.ndim == 2
                and len(y) == len(x)
                and y.size
                and not self.classes
            ):
                if not np.isfinite(y).all():
                    raise ValueError(
                        f"y_{part} holds NaN or infinite values, expected finite targets"
                    )
                object.__setattr__(self, f"x_{part}", x.copy())
                object.__setattr__(self, f"y_{part}", y.copy())
                continue
            if y.dtype.kind not in "iu":
                raise ValueError(
                    f"y_{part} is of type {y.dtype} and shape {y.shape}, expected integer labels, "
                    "or real targets "
                    f"({len(x)}, outputs) without classes"
                )
            if y.shape != (len(x),):
                raise ValueError(
                    f"y_{part} has shape {y.shape}, expected ({len(x)},), one label for each "
                    f"sample of x_{part}"
                )
            if y.min() < 0:
                raise ValueError(f"y_{part} holds the label {y.min()}, expected labels from 0")
            if self.classes and y.max() >= (ways := len(self.classes)):
                raise ValueError(
                    f"y_{part} holds the label {y.max()}, expected at most {ways - 1} for {ways} "
                    "classes"
                )
            object.__setattr__(self, f"x_{part}", x.copy())
            object.__setattr__(self, f"y_{part}", y.astype(np.int64))
        if (
            self.y_support.ndim != self.y_query.ndim
            or self.y_support.shape[1:] != self.y_query.shape[1:]
        ):
            shapes = (
                f"{self.y_query.shape}, expected labels or targets as y_support has them, "
                f"{self.y_support.shape}"
            )
            raise ValueError(f"y_query has the shape {shapes}")
        if self.recordings is not None:
            recordings = tuple(array("recordings", side).copy() for side in self.recordings)
            object.__setattr__(self, "recordings", recordings)
            self._check_recordings(*recordings)
        if self.x_support.shape[1:] != self.x_query.shape[1:]:
            shapes = (
                f"{self.x_query.shape[1:]}, expected that of x_support, {self.x_support.shape[1:]}"
            )
            raise ValueError(f"x_query has samples of shape {shapes}")

    def _check_recordings(self, support: np.ndarray, query: np.ndarray) -> None:
        """ValueError where recordings are not one row a sample, or one is on both sides."""
        sizes = len(self.x_support), len(self.x_query)
        if support.ndim != 2 or query.ndim != 2 or (len(support), len(query)) != sizes:
            found = f"shapes {support.shape} and {query.shape}"
            raise ValueError(
                f"recordings have {found}, expected ({sizes[0]}, k) and ({sizes[1]}, k), a row a "
                "sample"
            )
        if (both := np.intersect1d(support, query)).size:
            raise ValueError(
                f"recording {both[0]} is in support and in query, expected each on one side"
            )

    def __repr__(self) -> str:
        sizes = f"{len(self.y_support)} support and {len(self.y_query)} query samples"
        if self.real:
            return (
                f"Task: {self.ways} real outputs; {sizes} of shape {self.x_support.shape[1:]}, "
                f"{self.x_support.dtype}"
            )
        names = f": {' '.join(self.classes)}" if self.classes else ""
        return (
            f"Task: {self.ways} classes{names}; {sizes} of shape {self.x_support.shape[1:]}, "
            f"{self.x_support.dtype}"
        )

    @property
    def real(self) -> bool:
        """Whether it is a task of regression, with real targets in place of labels.

        >>> x = np.zeros((2, 10, 4), np.uint8)
        >>> ms.Task(x, [0, 1], x, [1, 0]).real, ms.Task(x, np.ones((2, 3)), x, np.ones((2, 3))).real
        (False, True)
        """
        return self.y_query.dtype.kind == "f"

    @property
    def ways(self) -> int:
        """Number of classes: that of the names, or else the highest label plus one; in regression,
        the number of outputs.

        >>> x = np.zeros((2, 10, 4), np.uint8)
        >>> ms.Task(x, [0, 1], x, [2, 0]).ways
        3
        """
        if self.real:
            return self.y_query.shape[1]
        return len(self.classes) or int(max(self.y_support.max(), self.y_query.max())) + 1


class Classification:
    """All classes of a set told apart at once, as tasks in which nothing is adapted: the query set
    is a batch.

    tasks     a set with `classes`, `input_shape` and `sample_task(rng, ways, shots, queries,
              classes)`
    classes   names of the classes in the order of their labels; None: in the order of the set

    Of a task's arguments only `queries` counts: it is the number of query samples, each of another
    class. The support set holds as many other samples, from which nothing is learned.
    """

    def __init__(self, tasks: Any, classes: Sequence[str] | None = None):
        self.tasks = tasks.ungrouped() if hasattr(tasks, "ungrouped") else tasks
        self.classes = tuple(tasks.classes if classes is None else classes)
        self.input_shape = tasks.input_shape

    def sample_task(
        self, rng: np.random.Generator, ways: int = 0, shots: int = 1, queries: int = 32
    ) -> Task:
        """A batch of `queries` samples. Raises ValueError for more than there are classes."""
        if queries > len(self.classes):
            most = (
                f"expected at most {len(self.classes)}, for a batch has one sample of a class and "
                "the set so many classes"
            )
            raise ValueError(f"queries is {queries}; {most}")
        labels = rng.choice(len(self.classes), size=queries, replace=False)
        task = self.tasks.sample_task(rng, queries, 1, 1, [self.classes[k] for k in labels])
        rests_on = None
        if task.recordings is not None:
            rests_on = np.zeros((len(task.y_support), 0), np.int64), task.recordings[1]
        return Task(
            task.x_support,
            labels[task.y_support],
            task.x_query,
            labels[task.y_query],
            self.classes,
            rests_on,
        )

    def episode(
        self, seed: int, index: int, ways: int = 0, shots: int = 1, queries: int = 32
    ) -> Task:
        """Batch number `index` of the series `seed`."""
        sequence = np.random.SeedSequence(
            whole("seed", seed, 0), spawn_key=(whole("index", index, 0),)
        )
        return self.sample_task(np.random.default_rng(sequence), ways, shots, queries)


def summed_frames(x: np.ndarray) -> np.ndarray:
    """Pictures of sequences: the counts (B, T, H, W, C) summed over time, (B, H, W, C) in
    float32."""
    x = array("x", x)
    if x.ndim != 5:
        raise ValueError(f"x has shape {x.shape}, expected sequences (B, T, H, W, C)")
    return x.sum(axis=1, dtype=np.float32)
