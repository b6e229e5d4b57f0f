"""Double N-MNIST: few-shot tasks over two-digit numbers, each made of two recordings side by side.

Stewart and Neftci 2022, section 2.3, after Double MNIST (S.-H. Sun 2019, "Multi-digit MNIST for
few-shot learning"), whose 64, 16 and 20 classes for meta-training, meta-validation and meta-testing
are used here.

Alignment by the support: all recordings of a task, kept at the sensor's resolution, are shifted by
one whole-pixel offset that brings the mean event of its support to where it is in meta-training
(ANCHOR), then cropped and downscaled. It uses neither labels nor queries, so a chip can do it while
it learns.

    offset = round(ANCHOR - mean over the support's events of (x, y))
    counts[t, (y + dy) // scale, (x + dx) // scale, p] += counts at (t, y, x, p)      where 0 <= x + dx, y + dy < crop
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import arguments
from ..camera.event_camera import EventCamera
from ..camera.variation import Move, Variation
from ..readers import events, nmnist
from .digits import load_digits
from .pool import STEPS, Keep, Pool, Sight, pool_of, pool_of_pictures, trains, which
from .recordings import Recordings
from .samples import SPLITS

CLASSES = {
    "train": tuple(
        "00 01 04 05 06 08 09 11 12 13 14 15 16 18 19 20 21 23 24 26 28 29 30 31 33 35 37 38 41 42 "
        "43 44 "
        "45 50 51 53 54 56 59 60 62 63 65 69 70 72 74 75 76 77 79 81 82 84 85 87 88 89 90 91 "
        "94 95 97 98".split()
    ),
    "val": tuple("03 07 10 22 27 34 39 40 48 52 58 61 64 71 93 99".split()),
    "test": tuple("02 17 25 32 36 46 47 49 55 57 66 67 68 73 78 80 83 86 92 96".split()),
}
ALIGNMENTS = ("support", "none")
CROP, SCALE = (32, 32), 2  # the sensor's upper left 32 x 32 pixels; 2 x 2 pixels per cell
SENSOR = (34, 34)
# (x, y) in pixels: mean event in the first 100 ms of the simulated training recordings
ANCHOR = (14.75, 18.15)
MOST = 8  # largest shift of a task in pixels, in each direction
SHAPE = (STEPS, CROP[0] // SCALE, CROP[1] // SCALE, 2)


def choose(split: str, classes: str | None, recordings: str | None) -> tuple[str, bool]:
    """Return the split that determines the classes, and whether the recordings are training
    ones."""
    chosen = {"split": split, "classes": classes or split, "recordings": recordings or split}
    for name, value in chosen.items():
        arguments.one_of(name, value, SPLITS)
    return chosen["classes"], chosen["recordings"] == "train"


class DoubleNMnist(Recordings):
    """Double N-MNIST: real recordings from `root`, or the bundled digits recorded by the simulated
    event camera.

    split        "train", "val" or "test": chooses both the classes and the recordings
    root         folder that holds N-MNIST's Train or Test or both; None: simulated recordings of
                 the bundled digits
    seed         seed for the simulated camera's noise
    classes, recordings   "train", "val" or "test" in place of `split` for one of the two. With
                 classes="train" and recordings="test", for example, known classes are tested in
                 unseen recordings (the paper's Table 2, "train")
    camera       an EventCamera in place of the default one
    draws        simulated recordings of each digit, each with another scene and sensor
                 (`camera.variation`); 0: one of each, all with the same sensor
    align        "support": each task is shifted by the whole-pixel offset that brings the mean
                 event of its support to that of meta-training (`offset_of`); "none": tasks
                 stay as they are. None: "support" for validation and test, "none" for training
    move         shifts every recording as if by another camera (`camera.variation.Move`), to
                 measure transfer
    cache        whether to use the cache for recordings
    progress     whether to show a progress bar in a terminal while recordings are made or read

    Every fifth training picture, by its MNIST number, is never used in meta-training. Validation
    and test use Test if the root has it, otherwise these pictures. So training and test share no
    picture, even if one is simulated and the other real.

    Raises ValueError if the root lacks what the split needs, or has fewer than two recordings of
    a digit.

    >>> tasks = ms.DoubleNMnist("test", progress=False)
    >>> len(tasks.classes), tasks.classes[:3], tasks.input_shape
    (20, ('02', '17', '25'), (16, 32, 2))
    >>> tasks.episode(seed=0, index=0, ways=5, queries=2).x_query.shape
    (10, 100, 16, 32, 2)
    """

    def __init__(
        self,
        split: str = "train",
        root: str | Path | None = None,
        *,
        seed: int = 0,
        classes: str | None = None,
        recordings: str | None = None,
        camera: EventCamera | None = None,
        draws: int = 0,
        align: str | None = None,
        move: Move | None = None,
        cache: bool = True,
        progress: bool = True,
    ):
        if align is None:
            align = "none" if split == "train" else "support"
        arguments.one_of("align", align, ALIGNMENTS)
        of_classes, train = choose(split, classes, recordings)
        keep = Keep(cache, progress)
        crop, scale = (CROP, SCALE) if align == "none" else (None, 1)
        camera = camera or EventCamera()
        if draws and camera.variation is None:
            camera = replace(camera, variation=Variation())
        sight = Sight(camera, seed, crop, scale, max(draws, 1), move)
        if root is None:
            pool, source = _simulated(train, sight, keep)
        else:
            pool, source = _real(Path(root).expanduser(), train, sight, keep)
        self.align = align
        made_of = {name: (int(name[0]), int(name[1])) for name in CLASSES[of_classes]}
        # support and query must not share a picture
        groups = {"picture": pool.numbers} if draws > 1 and not train else None
        super().__init__(pool, made_of=made_of, source=source, kind="digit", groups=groups)
        self.of_split = split if {classes, recordings} <= {None, split} else None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape (H, W, C) of a sample, aligned or not."""
        return SHAPE[1], 2 * SHAPE[2], SHAPE[3]

    def _counts(self, support: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.align == "none":
            return super()._counts(support, query)
        assert isinstance(self.pool, Pool)
        offset = offset_of(self.pool, support)
        return (
            side_by_side(self.pool, support, offset, CROP[0], SCALE),
            side_by_side(self.pool, query, offset, CROP[0], SCALE),
        )


def _real(root: Path, train: bool, sight: Sight, keep: Keep) -> tuple[Pool, str]:
    present = {path.parts[-3].lower() for path in root.glob("*/*/*.[bB][iI][nN]")}
    part = "train" if train or "test" not in present else "test"
    files = [
        (digit, number, path)
        for digit, numbered in nmnist.nmnist_files(root, part).items()
        for number, path in numbered
        if part == "test" or trains(number) == train
    ]

    def counts(path: Path) -> np.ndarray:
        found = nmnist.read_nmnist(path)
        if sight.move is not None:
            found = sight.move.of(found, int(path.stem))
        return events.bin_events(found, STEPS, crop=sight.crop, scale=sight.scale)

    read = ((counts(path)[None], [digit], [number]) for digit, number, path in files)
    paths = [path for _, _, path in files]
    what = f"reading {len(files)} recordings of {root}"
    how = sight.shape, read, keep, what, len(files), paths
    rows: Any = [file[:2] for file in files]
    pool = pool_of("nmnist", *how, **sight._asdict(), rows=rows)
    return pool, f"{root} ({'Test' if part == 'test' else f'Train, {which(train)}'})"


def _simulated(train: bool, sight: Sight, keep: Keep) -> tuple[Pool, str]:
    digits = load_digits()
    numbers = digits.numbers
    args = digits.images.__getitem__, digits.labels, numbers, numbers, train, sight, keep, "digits"
    return pool_of_pictures("nmnist-simulated", *args, images=digits.images), "simulated recordings"


def offset_of(pool: Pool, support: np.ndarray) -> tuple[int, int]:
    """Return the shift (dx, dy) that aligns a task, judged by the recordings in its support; (0, 0)
    if they have no events."""
    found = [pool.events_of(n) for n in np.ravel(support)]
    _, y, x, _ = np.unravel_index(np.concatenate([cells for cells, _ in found]), pool.shape)
    count = np.concatenate([counts for _, counts in found]).astype(np.int64)
    number = max(count.sum(), 1)
    means = ((x * count).sum() / number, (y * count).sum() / number) if count.any() else ANCHOR
    dx, dy = (int(np.clip(round(to - at), -MOST, MOST)) for to, at in zip(ANCHOR, means))
    return dx, dy


def side_by_side(
    pool: Pool, which: np.ndarray, offset: tuple[int, int], crop: int, scale: int
) -> np.ndarray:
    """Return the counts of recordings `which` (B, S), joined from left to right: uint8 (B, T,
    crop/scale, S·crop/scale, C), each at most 255."""
    samples, sides = which.shape
    steps, _, _, channels = pool.shape
    cells = crop // scale
    shape = (steps, cells, sides * cells, channels)
    out = np.zeros((samples, int(np.prod(shape))), np.uint16)
    for sample, side in np.ndindex(which.shape):
        cell, count = pool.events_of(int(which[sample, side]))
        t, y, x, p = np.unravel_index(cell, pool.shape)
        x = x + offset[0]
        y = y + offset[1]
        inside = (0 <= x) & (x < crop) & (0 <= y) & (y < crop)
        place = np.ravel_multi_index((t, y // scale, side * cells + x // scale, p), shape, "clip")
        np.add.at(out[sample], place[inside], count[inside])
    return np.minimum(out, events.SATURATION).astype(np.uint8).reshape(samples, *shape)
