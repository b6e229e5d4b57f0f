"""Double ASL-DVS: two letters of American Sign Language side by side, and few-shot tasks over them.

Stewart and Neftci 2022, section 2.3. A sample is a pair of recordings from ASL-DVS (Bi et al. 2019,
ICCV); the classes are the 576 ordered pairs of 24 letters. The paper does not list which pairs
meta-train; here a seeded shuffle makes 369 classes for meta-training, 92 for meta-validation and
115 for meta-testing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ... import arguments
from ..camera.event_camera import EventCamera
from ..readers import pictures
from ..readers.asl import LETTERS, asl_files, read_asl
from ..readers.asl import SHAPE as SENSOR
from ..readers.events import bin_events
from .double_nmnist import choose
from .hands import hand_picture
from .pool import (
    Pool,
    STEPS,
    Keep,
    Sight,
    number_within,
    pool_of,
    pool_of_pictures,
    trains,
    which,
)
from .recordings import Recordings
from .takes import MOMENTS, PROTOCOLS, pool_of_takes, take_camera

SIZES = {"train": 369, "val": 92, "test": 115}
SCALE = 6  # 6 x 6 pixels per cell
SHAPE = (STEPS, SENSOR[0] // SCALE, SENSOR[1] // SCALE, 2)
REAL_PER_LETTER = 500  # most real recordings of a letter, as in dvssign.hdf5 of torchneuromorphic
SIMULATED_PER_LETTER = 200


def double_asl_classes(seed: int = 0) -> dict[str, tuple[str, ...]]:
    """Return the names of each split's classes, in alphabetical order. Class "ab" has letter a on
    the left and b on the right. `seed` shuffles the classes into splits."""
    names = [left + right for left in LETTERS for right in LETTERS]
    order = np.random.default_rng(seed).permutation(len(names))
    ends = np.cumsum(list(SIZES.values()))
    return {
        split: tuple(names[i] for i in sorted(order[end - SIZES[split] : end]))
        for split, end in zip(SIZES, ends)
    }


class DoubleASL(Recordings):
    """Double ASL-DVS: real recordings, or hands recorded by the simulated event camera; the hands
    are drawn, or come from photographs of your own.

        counts[t, i, j, p] = events at  (time - first event) // 1 ms = t,  y // 6 = i,  x // 6 = j,  polarity p

    Samples are uint8 (100, 30, 80, 2): two recordings of 40 x 30 cells side by side along x.

    split        "train", "val" or "test": chooses both the classes and the recordings
    root         folder that holds ASL-DVS, with a folder for each letter; or pictures of hands that
                 show the 24 letters, in folders again or in a file of `pictures.read_pictures`;
                 None: drawn hands
    seed         seed for the drawn hands and for the simulated camera's noise
    class_seed   shuffles the pairs of letters into the three splits, see `double_asl_classes`
    classes, recordings   "train", "val" or "test" in place of `split` for one of the two. With
                 classes="train" and recordings="test", for example, known classes are tested in
                 unseen recordings
    per_letter   number of recordings of each letter, the first by number; None: 500 real, or 200
                 drawn ones; with a protocol at most 60, and all of them for None
    flip_y       whether y of the real recordings grows upwards, as it does in the files of ASL-DVS
    camera       an EventCamera of 240 x 180 pixels in place of `hand_camera()`, or of
                 `takes.take_camera()`
    protocol     None: every drawn hand is different. Otherwise recordings are moments of continuous
                 recordings (`takes`), `per_letter` from each. "same-take": support and query of a
                 task are moments of the same continuous recordings, one for each letter, by one
                 subject, as in the paper. "new-subject": validation and test also have other
                 subjects than meta-training
    cache        whether to use the cache for recordings
    progress     whether to show a progress bar in a terminal while recordings are made or read

    Every fifth recording of a letter is never used in meta-training; validation and test use only
    these. Raises ValueError if a letter has fewer than two recordings for this split, or fewer
    moments than requested.

    >>> tasks = ms.DoubleASL("test", per_letter=10, progress=False)
    >>> len(tasks.classes), tasks.input_shape
    (115, (30, 80, 2))
    """

    def __init__(
        self,
        split: str = "train",
        root: str | Path | None = None,
        *,
        seed: int = 0,
        class_seed: int = 0,
        classes: str | None = None,
        recordings: str | None = None,
        per_letter: int | None = None,
        flip_y: bool = True,
        camera: EventCamera | None = None,
        protocol: str | None = None,
        cache: bool = True,
        progress: bool = True,
    ):
        of_classes, train = choose(split, classes, recordings)
        keep = Keep(cache, progress)
        root = None if root is None else Path(root).expanduser()
        usual, most = SIMULATED_PER_LETTER if root is None else REAL_PER_LETTER, None
        if protocol is not None:
            arguments.one_of("protocol", protocol, PROTOCOLS)
            arguments.must("root", root is None, "None with a protocol, of drawn hands", root)
            usual = most = MOMENTS
        number = arguments.whole("per_letter", usual if per_letter is None else per_letter, 1, most)
        usual_camera = hand_camera if protocol is None else take_camera
        sight = Sight(camera or usual_camera(), seed, SENSOR, SCALE)
        within = None
        if protocol is not None:
            pool, source = pool_of_takes(protocol, recordings or split, number, sight, keep)
            # the same subject shows both letters of a sample
            within = (pool.numbers - 1) // MOMENTS
        elif root is None:
            pool, source = _drawn(train, number, sight, keep)
        elif root.is_file() or any(map(pictures.is_picture, root.glob("*/*"))):
            pool, source = _photographed(root, train, number, sight, keep)
        else:
            pool, source = _real(root, train, number, flip_y, keep)
        names = double_asl_classes(class_seed)[of_classes]
        made_of = {name: [LETTERS.index(letter) for letter in name] for name in names}
        super().__init__(pool, made_of=made_of, source=source, kind="letter", within=within)

    def name_of(self, symbol: int) -> str:
        return f"letter {LETTERS[symbol]}"


def hand_camera() -> EventCamera:
    """Return an event camera that records drawn hands as a DAVIS240c would: light hands, over the
    whole sensor.

    The motion is N-MNIST's, three times as far: a hand that covers a third of the picture then makes
    some 27,000 events in the first 100 ms.
    """
    return EventCamera(sensor=SENSOR, picture_px=float(SENSOR[1]), inverted=False, amplitude=3.0)


def _real(root: Path, train: bool, per_letter: int, flip_y: bool, keep: Keep) -> tuple[Pool, str]:
    found = [(LETTERS.index(letter), number, path) for letter, number, path in asl_files(root)]
    rank = number_within(np.array([letter for letter, *_ in found]))
    files = [one for one, k in zip(found, rank) if k <= per_letter and trains(one[1]) == train]
    read = (
        (bin_events(read_asl(path, flip_y), STEPS, shape=SENSOR, scale=SCALE)[None], [k], [number])
        for k, number, path in files
    )
    what = f"reading {len(files)} recordings of {root}"
    how: dict[str, Any] = dict(flip_y=bool(flip_y), rows=[file[:2] for file in files])
    paths = [path for _, _, path in files]
    pool = pool_of("asl", SHAPE, read, keep, what, len(files), files=paths, **how)
    turned = ", rows turned over, as y grows upwards" * flip_y
    return pool, f"{root}{turned} ({which(train)})"


def _drawn(train: bool, per_letter: int, sight: Sight, keep: Keep) -> tuple[Pool, str]:
    labels = np.repeat(np.arange(len(LETTERS)), per_letter)
    numbers = number_within(labels)

    def draw(part: np.ndarray) -> np.ndarray:
        return np.stack([hand_picture(labels[k], numbers[k] - 1, sight.seed) for k in part])

    how = labels, numbers, np.arange(len(labels)), train, sight, keep, "hands"
    source = f"simulated recordings ({which(train, f' of {per_letter} a letter')})"
    return pool_of_pictures("asl-simulated", draw, *how), source


def _photographed(
    root: Path, train: bool, per_letter: int, sight: Sight, keep: Keep
) -> tuple[Pool, str]:
    found = pictures.read_pictures(root)
    unknown = [name for name in found.names if name.lower() not in LETTERS]
    expected = "of the 24 letters a to y without j"
    arguments.need(f"{root}: the list of labels", unknown, not unknown, expected)
    letters = np.array([LETTERS.index(name.lower()) for name in found.names])[found.labels]
    order = np.argsort(letters, kind="stable")
    chosen = order[number_within(letters[order]) <= per_letter]
    images = found.images[chosen]
    labels = letters[chosen]

    def show(part: np.ndarray) -> np.ndarray:
        return pictures.enlarged(images[part], SENSOR[0])

    how = labels, number_within(labels), np.arange(len(labels)), train, sight, keep, "photographs"
    pool = pool_of_pictures("asl-simulated", show, *how, images=images)
    return pool, f"photographs of {root} ({which(train)})"
