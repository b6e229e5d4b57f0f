"""Compute the traces of each recording of a set once, in integers and in float. To find which
recordings an episode uses, the set draws it from stand-ins that contain only their index.

The traces of an `IntegerNet` of LIF depend only on the recording, so an episode of 250 classes
costs distances and no inference. CubaLIF's traces are rounded stochastically, with separate noise
for each recording.
"""

from collections.abc import Iterable
from copy import copy
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minisnn.data.sets.pool import Counts
from minisnn.data.sets.recordings import Recordings
from minisnn.data.store.cache import cached, code_identity, identity
from minisnn.meta.tasks import Task
from minisnn.parallel.executor import Executor
from minisnn.terminal import bar

from ..chip.network import IntegerNet

PIECE = 200  # recordings whose traces are computed, and kept, together
_BYTES = 4  # bytes of a recording's number


class Numbers(Counts):
    """A pool of stand-ins: each recording contains only its index, in four bytes."""

    shape = (_BYTES, 1)

    def __init__(self, pool: Counts) -> None:
        self.labels = pool.labels
        self.numbers = pool.numbers
        self.made_from = pool

    def events_of(self, recording: int) -> tuple[np.ndarray, np.ndarray]:
        shown = np.array([recording], "<u4").view(np.uint8)
        return np.arange(_BYTES), shown

    def identity(self) -> str:
        return identity(["numbers", self.made_from.identity()])


class Dealt(NamedTuple):
    """An episode: a task whose samples are the indices of recordings, and the rows in `Traces`
    where its support and query samples are found."""

    task: Task
    support: np.ndarray
    query: np.ndarray


def check(tasks: Any) -> None:
    """Raise ValueError for a data set that changes its recordings, or aligns them by task."""
    if not isinstance(tasks, Recordings) or getattr(tasks, "align", None) not in (None, "none"):
        raise ValueError(
            f"{type(tasks).__name__}: a device is taught one recording after the other; expected a "
            "set of recordings, such as ms.Recordings, that are not aligned by their support"
        )


def rows(tasks: Recordings, asked: Iterable[tuple]) -> np.ndarray:
    """Return the distinct recordings in all episodes, as sorted indices in the pool (n, symbols).
    `asked` contains the arguments of `episode` for each episode."""
    dealt = numbered(tasks)
    drawn = (dealt.episode(*arguments) for arguments in asked)
    found = [places(x) for task in drawn for x in (task.x_support, task.x_query)]
    return np.unique(np.concatenate(found), axis=0)


def numbered(tasks: Recordings) -> Recordings:
    """Return a copy of the set of tasks, in which samples (4, symbols) contain the indices of
    recordings."""
    part = copy(tasks)
    part.pool = Numbers(tasks.pool)
    return part


def places(x: np.ndarray) -> np.ndarray:
    """Return the indices (B, symbols) that are stored in samples (B, 4, symbols) from
    `numbered`."""
    return np.ascontiguousarray(x.transpose(0, 2, 1)).view("<u4")[..., 0].astype(np.int64)


class Traces(NamedTuple):
    """The traces of distinct recordings at the last step: `integers` in uQ1.12 and `floats`, both
    (n, inputs). `rows` (n, symbols) are the recordings' indices; several symbols stand side by
    side."""

    rows: np.ndarray
    integers: np.ndarray
    floats: np.ndarray

    def of(self, task: Task) -> Dealt:
        """Find the rows that contain the support and query samples of a task from `numbered`."""
        # rows are sorted, and so are their keys
        digits = (int(self.rows.max(initial=0)) + 1) ** np.arange(self.rows.shape[1])[::-1]
        asked = places(task.x_support), places(task.x_query)
        sides = (np.searchsorted(self.rows @ digits, side @ digits) for side in asked)
        return Dealt(task, *sides)


def traces(
    chip: IntegerNet,
    found: Any,
    tasks: Recordings,
    rows: np.ndarray,
    executor: Executor,
    show: bool,
) -> Traces:
    """Return the traces of the recordings in these rows, computed once and cached; `found` is the
    checkpoint.

    rows   (n, symbols) places in the pool; repetitions are dropped
    show   show a progress bar in a terminal
    """
    rows = np.unique(rows, axis=0)
    pieces = [rows[at : at + PIECE] for at in range(0, len(rows), PIECE)]
    parts: list[dict[str, np.ndarray]] = []
    with bar(None, len(rows), f"traces of {len(rows):,} recordings", show) as shown:

        def collect(piece: dict[str, np.ndarray]) -> None:
            parts.append(piece)
            shown.update(len(piece["floats"]))

        one = partial(_piece, chip, found.net, found.theta, tasks, _made_from(chip, found, tasks))
        executor.in_order(one, pieces, collect)
    both = (np.concatenate([part[name] for part in parts]) for name in ("integers", "floats"))
    return Traces(rows, *both)


def _made_from(chip: IntegerNet, found: Any, tasks: Recordings) -> dict[str, Any]:
    """Return everything on which the traces depend, except for the rows. The cache's key is made
    from it."""
    layers = [[layer.weight, layer.bias] for layer in chip.layers[:-1]]
    return dict(
        chip=type(chip).__name__,
        layers=layers,
        constants=[chip.constants(), [chip.layer_constants(n) for n in range(len(layers))]],
        net=identity(found.net.configuration()),
        theta=np.asarray(found.theta),
        recordings=tasks.pool.identity(),
        code=code_identity(type(chip).__module__),
    )


def _piece(
    chip: IntegerNet, net: Any, theta: np.ndarray, tasks: Recordings, key: dict, rows: np.ndarray
) -> dict[str, np.ndarray]:
    def make() -> dict[str, np.ndarray]:
        x = tasks.pool.side_by_side(rows)
        p = chip.counted_alone().traces_of(x, seed=1 + int(rows[0, 0]))[:, -1]
        return dict(integers=p.astype(np.uint16), floats=net.features(theta, x).astype(np.float32))

    return cached("traces", dict(key, rows=rows), make)
