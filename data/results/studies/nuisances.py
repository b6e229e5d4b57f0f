"""Tasks with a nuisance: something that is new in each task, and the same for all its recordings.

Whoever learns a task from its support can learn the nuisance there, too. A nearest class mean
cannot: its features are the same in every task. Characters of Omniglot, upright, on SIZE cells and
in steps of BIN_MS milliseconds that hold all three saccades; a nuisance takes their counts
x (B, T, H, W, 2) to others of that shape.

    turned      the sensor by 90, 180 or 270 degrees, or not
    mirrored    left and right, above and below, both, or not
    polarities  ON and OFF are exchanged, or not
    stretched   time runs up to twice as fast, or half as fast; what lies outside is not seen
    late        recordings begin up to LATEST steps late
    dead        DEAD of the cells see nothing
    dim         of all events, 10 to 100 % are seen
    shifted     by up to FARTHEST cells each way; what leaves the sensor is lost
    rewired     the sensor's tiles of TILE x TILE cells are exchanged
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.data.sets.omniglot import Omniglot
from minisnn.meta.tasks import Task
from minisnn.experiments.onset import delayed

Array = np.ndarray
Change = Callable[[Array], Array]
SIZE, BIN_MS, DURATION_MS = (16, 16), 25, 300
LATEST, FARTHEST, TILE = 6, 4, 4
FASTEST, DEAD, DIMMEST = 2.0, 1 / 3, 0.1


def _as_it_is(rng: np.random.Generator) -> Change:
    return lambda x: x


def _turned(rng: np.random.Generator) -> Change:
    turns = int(rng.integers(4))
    return lambda x: np.rot90(x, turns, axes=(2, 3))


def _mirrored(rng: np.random.Generator) -> Change:
    axes = [axis for axis in (2, 3) if rng.random() < 0.5]
    return lambda x: np.flip(x, axes)


def _polarities(rng: np.random.Generator) -> Change:
    exchanged = rng.random() < 0.5
    return lambda x: x[..., ::-1] if exchanged else x


def _stretched(rng: np.random.Generator) -> Change:
    pace = FASTEST ** rng.uniform(-1, 1)

    def change(x: Array) -> Array:
        out = np.zeros_like(x)
        # each step goes where its middle lies
        places = ((np.arange(x.shape[1]) + 0.5) / pace).astype(int)
        for step, place in enumerate(places):
            if place < x.shape[1]:
                out[:, place] += x[:, step]
        return out

    return change


def _late(rng: np.random.Generator) -> Change:
    delay = int(rng.integers(LATEST + 1))
    return lambda x: delayed(x, delay)


def _dead(rng: np.random.Generator) -> Change:
    alive = rng.random(SIZE) >= DEAD
    return lambda x: x * alive[..., None].astype(x.dtype)


def _dim(rng: np.random.Generator) -> Change:
    share = rng.uniform(DIMMEST, 1)
    own = np.random.default_rng(rng.integers(1 << 63))
    return lambda x: own.binomial(x, share).astype(x.dtype)


def _shifted(rng: np.random.Generator) -> Change:
    rows, columns = rng.integers(-FARTHEST, FARTHEST + 1, 2).tolist()

    def change(x: Array) -> Array:
        H, W = x.shape[2:4]
        wide = np.pad(x, ((0, 0), (0, 0), (FARTHEST, FARTHEST), (FARTHEST, FARTHEST), (0, 0)))
        top, left = FARTHEST - rows, FARTHEST - columns
        return wide[:, :, top : top + H, left : left + W]

    return change


def _rewired(rng: np.random.Generator) -> Change:
    across = SIZE[0] // TILE
    order = rng.permutation(across * across)

    def change(x: Array) -> Array:
        B, T, H, W, C = x.shape
        tiles = x.reshape(B, T, across, TILE, across, TILE, C).swapaxes(3, 4)
        tiles = tiles.reshape(B, T, across * across, TILE, TILE, C)[:, :, order]
        tiles = tiles.reshape(B, T, across, across, TILE, TILE, C).swapaxes(3, 4)
        return tiles.reshape(x.shape)

    return change


NUISANCES: dict[str, Callable[[np.random.Generator], Change]] = {
    "none": _as_it_is,
    "turned": _turned,
    "mirrored": _mirrored,
    "polarities": _polarities,
    "stretched": _stretched,
    "late": _late,
    "dead": _dead,
    "dim": _dim,
    "shifted": _shifted,
    "rewired": _rewired,
}


class Disturbed:
    """A set of tasks with a nuisance of a name: the tasks of `tasks`, each changed in its own way.

    >>> from nuisances import Disturbed
    >>> tasks = ms.Omniglot("val", bin_ms=12, duration_ms=300, cache=False, progress=False)
    >>> task = Disturbed("polarities", tasks).episode(seed=0, index=0)
    >>> task.x_support.shape
    (5, 25, 16, 16, 2)
    """

    def __init__(self, nuisance: str, tasks: Any):
        self.nuisance = nuisance
        self.tasks = tasks

    @property
    def classes(self) -> tuple[str, ...]:
        return self.tasks.classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.tasks.input_shape

    def sample_task(
        self, rng: np.random.Generator, ways: int = 5, shots: int = 1, queries: int = 5
    ) -> Task:
        """A task of `tasks`, and its nuisance, both drawn by `rng`."""
        return self._changed(self.tasks.sample_task(rng, ways, shots, queries), rng)

    def episode(
        self, seed: int, index: int, ways: int = 5, shots: int = 1, queries: int = 5
    ) -> Task:
        """Episode `index` of the series `seed` of `tasks`: the same recordings whatever the
        nuisance, and always the same nuisance."""
        key = np.random.SeedSequence(seed, spawn_key=(index, 1))
        task = self.tasks.episode(seed, index, ways, shots, queries)
        return self._changed(task, np.random.default_rng(key))

    def _changed(self, task: Task, rng: np.random.Generator) -> Task:
        change = NUISANCES[self.nuisance](rng)
        support, query = (np.ascontiguousarray(change(x)) for x in (task.x_support, task.x_query))
        return replace(task, x_support=support, x_query=query)


def _set(nuisance: str, split: str, root: str | Path | None = None) -> Disturbed:
    """The tasks of a split, by a name of NUISANCES; `root` must stay away, as for Omniglot."""
    how: dict[str, Any] = dict(size=SIZE, bin_ms=BIN_MS, duration_ms=DURATION_MS, centred=True)
    return Disturbed(nuisance, Omniglot(split, root, turns=False, **how))


# sets by name, as `open_set` finds them: nuisances:late
globals().update({name: partial(_set, name) for name in NUISANCES})
