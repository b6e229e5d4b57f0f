"""Pools of recordings for sets of tasks, files that are read or pictures that the event camera
sees; from the cache, where they are known there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...terminal import bar
from ..camera.event_camera import EventCamera
from ..camera.moved import Move
from ..readers.events import SATURATION, bin_events, crop_cells
from ..store.cache import cached, file_identity
from ..store.code import code_identity
from ..store.shipped import shipped
from .pool import Pool

STEPS = 100  # of a recording, from the first event on; of a millisecond, as a rule
HELD_OUT = 5  # training pictures with a number divisible by this never meta-train
BATCH = 20  # pictures that the camera sees at once


class Keep(NamedTuple):
    """Whether recordings are kept in the cache, and looked for there, and whether a terminal shows
    a bar meanwhile."""

    cache: bool
    progress: bool


class Sight(NamedTuple):
    """The camera that sees pictures, the seed of its noise, the rows and columns of its sensor that
    count, and how many of its pixels, squared, make a cell; how often it sees each picture, with a
    variation every time another scene and sensor; how what it sees is shifted, to measure; the
    whole milliseconds of a time step; whether every recording is shifted by whole pixels, so that
    its mean event lies in the middle of those that count; and the time steps of a recording."""

    camera: EventCamera
    seed: int
    crop: tuple[int, int] | None
    scale: int
    draws: int = 1
    move: Move | None = None
    step_ms: int = 1
    centred: bool = False
    steps: int = STEPS

    def identity(self) -> dict[str, Any]:
        """What recordings are known by: as before there were other steps than a millisecond,
        centring, and other numbers of steps."""
        usual = {"step_ms": 1, "centred": False, "steps": STEPS}
        return {name: one for name, one in self._asdict().items() if usual.get(name, ...) != one}

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 2) of a recording."""
        return (self.steps, *crop_cells(self.camera.sensor, self.crop, self.scale), 2)

    def counts(self, pictures: np.ndarray, numbers: Any, draw: int) -> np.ndarray:
        """What it sees of these pictures."""
        duration = self.steps * self.step_ms
        if self.move is not None:
            events = (
                self.move.of(self._events(one, n, draw), n)
                for one, n in zip(pictures, numbers.tolist())
            )
            how: dict[str, Any] = dict(shape=self.camera.sensor, crop=self.crop, scale=self.scale)
            return np.array([bin_events(one, duration, self.step_ms, **how) for one in events])
        whole = self.step_ms == 1 and not self.centred
        cells = self.scale if whole else 1
        found = self.camera.record_counts(
            pictures, numbers, self.seed, duration, self.crop, cells, draw
        )
        if self.centred:
            found = centred(found)
        return found if whole else summed(found, self.step_ms, self.scale)

    def _events(self, picture: np.ndarray, number: int, draw: int) -> np.ndarray:
        """Events of one picture; a draw after the first has a scene and a sensor of its own, as in
        `EventCamera.record_counts`."""
        camera: EventCamera = self.camera
        if draw and camera.variation is not None:
            picture = picture / 255.0 if picture.dtype == np.uint8 else picture
            camera, picture = camera.variation.draw(camera, picture, (self.seed, number, draw))
        return camera.record(picture, self.seed, number)


def centred(counts: np.ndarray) -> np.ndarray:
    """Counts (N, T, H, W, 2), each recording shifted by the whole cells that bring its mean event
    nearest to the middle; what leaves the picture is lost, and one without events stays."""
    moved = np.zeros_like(counts)
    for old, new in zip(counts, moved):
        seen = old.reshape(len(old), -1).sum(0, np.uint32).reshape(old.shape[1:]).sum(2)
        sources, targets = [], []
        for along in (seen.sum(1), seen.sum(0)):
            size = len(along)
            middle = float(along @ np.arange(size)) / max(along.sum(), 1)
            by = round((size - 1) / 2 - middle) if along.any() else 0
            sources.append(slice(max(0, -by), min(size, size - by)))
            targets.append(slice(max(0, by), min(size, size + by)))
        new[:, *targets] = old[:, *sources]
    return moved


def summed(counts: np.ndarray, steps: int, cells: int) -> np.ndarray:
    """Counts (N, T, H, W, 2) in steps and cells that are so many times as long and wide, (N, T /
    steps, H / cells, …)."""
    n, t, h, w, _ = counts.shape
    parts = counts.reshape(n, t // steps, steps, h // cells, cells, w // cells, cells, 2)
    return np.minimum(parts.sum((2, 4, 6), np.uint16), SATURATION).astype(np.uint8)


def trains(number: np.ndarray | int) -> Any:
    """Whether the recording of this number, of a picture or of a letter, may meta-train."""
    return number % HELD_OUT != 0


def which(train: bool, of: str = "") -> str:
    """The numbers that train, or do not, in words."""
    return f"numbers {'not ' * train}divisible by {HELD_OUT}{of}"


def number_within(labels: np.ndarray) -> np.ndarray:
    """Number of each recording among those of its label, from 1 on, in their order."""
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    number = np.empty(len(labels), np.int64)
    number[order] = np.arange(len(labels)) - np.searchsorted(ranked, ranked) + 1
    return number


def pool_of_pictures(
    name: str,
    pictures: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    numbers: np.ndarray,
    where: np.ndarray,
    sight: Sight,
    keep: Keep,
    what: str,
    noise: np.ndarray,
    **made_from: Any,
) -> Pool:
    """What the camera sees of the pictures at the places `where` in `labels` and `numbers`.

    pictures   gives those of an array of places, `made_from` says what they depend on, and `what`
               they show
    noise      for every place the number that draws the noise of its recording, with the seed
    """

    def recorded() -> Iterator[tuple]:
        for draw, first in product(range(sight.draws), range(0, len(where), BATCH)):
            part = where[first : first + BATCH]
            yield sight.counts(pictures(part), noise[part], draw), labels[part], numbers[part]

    rows = dict(labels=labels[where], numbers=numbers[where], noise=noise[where])
    path = shipped("camera_trajectory.csv").read_text("utf-8")
    made_from.update(sight.identity(), **rows, trajectory=path)
    total = sight.draws * len(where)
    what = f"the event camera records {total} {what}"
    return pool_of(name, sight.shape, recorded(), keep, what, total, **made_from)


def pool_of(
    name: str,
    shape: tuple[int, ...],
    batches: Iterable[tuple],
    keep: Keep,
    what: str,
    total: int | None,
    few: Sequence[tuple[int, int, int, bool]] = (),
    files: Iterable[Path] = (),
    **made_from: Any,
) -> Pool:
    """The pool of these batches (`Pool.collect`, also of `few`), which a bar over `total` recordings
    calls `what`, from the cache where it is known there: by what it is made from, the `files` that
    are read, and the code of this room. ValueError where files change meanwhile."""
    files = set(files)
    before = file_identity(files)

    def shown_batches() -> Iterator[tuple]:
        with bar(None, total, what, keep.progress) as shown:
            for batch in batches:
                shown.update(len(batch[1]))
                yield batch
        if file_identity(files) != before:  # what was read of them is of both
            raise ValueError(
                f"{what}: files changed meanwhile; try again when nothing writes there"
            )

    def make() -> dict[str, np.ndarray]:
        return Pool.collect(shape, shown_batches(), few).arrays()

    if keep.cache:
        made_from.update(files=before, code=code_identity(__name__), shape=list(shape))
    arrays: Any = cached(name, made_from, make) if keep.cache else make()
    return Pool(**arrays)
