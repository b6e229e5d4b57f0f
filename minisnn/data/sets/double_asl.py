"""Double ASL-DVS: two letters of American Sign Language side by side, and few-shot tasks over them.

Stewart and Neftci 2022, section 2.3: pairs of recordings of ASL-DVS (Bi et al. 2019, ICCV), 576
ordered pairs of 24 letters. The paper does not list which pairs meta-train; here a seeded shuffle
makes 369 classes for meta-training, 92 for meta-validation and 115 for meta-testing.
"""

import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..readers.asl import LETTERS, SHAPE as SENSOR, asl_files, read_asl, recording_number
from ..readers.pictures import holds_pictures
from ..store.code import code_identity
from .double_nmnist import choose
from .pools import STEPS, Keep, Sight, pool_of_files, pool_of_pictures, trains, which
from .pool import Pool
from .recordings import Recordings
from ..camera.event_camera import EventCamera
from ..readers import events, pictures

SIZES = {"train": 369, "val": 92, "test": 115}
SCALE = 6  # 6 x 6 pixels a cell
SHAPE = (STEPS, SENSOR[0] // SCALE, SENSOR[1] // SCALE, 2)
REAL_PER_LETTER = 500  # as in dvssign.hdf5 of torchneuromorphic; all 4,200 would take gigabytes
SIMULATED_PER_LETTER = 200


def double_asl_classes(seed: int = 0) -> dict[str, tuple[str, ...]]:
    """Names of the classes of each split, "ab" = a left, b right, in alphabetic order; `seed`
    shuffles them."""
    names = [left + right for left in LETTERS for right in LETTERS]
    order = np.random.default_rng(seed).permutation(len(names))
    ends = np.cumsum(list(SIZES.values()))
    return {
        split: tuple(names[i] for i in sorted(order[end - SIZES[split] : end]))
        for split, end in zip(SIZES, ends)
    }


class DoubleASL(Recordings):
    """Double ASL-DVS: real recordings, or hands seen by the simulated event camera: drawn hands, or
    your photographs.

        counts[t, i, j, p] = events at  (time - first event) // 1 ms = t,  y // 6 = i,  x // 6 = j,  polarity p

    Samples are uint8 (100, 30, 80, 2): two recordings of 40 x 30 cells side by side along x.

    split        "train", "val" or "test": chooses both the classes and the recordings
    root         folder that holds ASL-DVS, with a folder for each letter; or pictures of hands that
                 show the 24 letters, in folders again or in a file of `pictures.read_pictures`;
                 None: drawn hands
    seed         of the drawn hands and of the simulated camera's noise
    class_seed   shuffles the pairs of letters into the three splits, see `double_asl_classes`
    classes, recordings   "train", "val" or "test" in place of `split` for one of the two. With
                          classes="train" and
                 recordings="test", for example, known classes are met in unseen recordings
    per_letter   the first so many recordings of each letter, by their numbers; None: 500 real, or
                 200 drawn ones; with a protocol at most 60, and all of them for None
    flip_y       whether y of the real recordings grows upwards, as it does in the files of ASL-DVS
    camera       an EventCamera of 240 x 180 pixels in place of `hand_camera()`, or of
                 `takes.take_camera()`
    protocol     None: every drawn hand is another one. Else recordings are moments of continuous
                 recordings (`takes`), `per_letter` of each. "same-take": support and query of a
                 task are moments of the same continuous recordings, one for each letter, of one
                 subject, as in the paper. "new-subject": validation and test also meet other
                 subjects than meta-training
    cache        whether recordings are kept in the cache, and looked for there
    progress     whether a terminal shows a progress bar while recordings are made or read

    Recordings whose number within their letter, counted from 1, is divisible by 5 never meta-train;
    validation and test draw from those alone. Raises ValueError where a letter has fewer than two
    recordings of the kind that is needed, and for more moments than there are.

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
        which_classes, train, keep = *choose(split, classes, recordings), Keep(cache, progress)
        root = None if root is None else Path(root).expanduser()
        if protocol is not None:
            from .takes import MOMENTS, PROTOCOLS, take_camera

            if protocol not in PROTOCOLS or root is not None:
                found = f"protocol is {protocol!r}" + f" with recordings of {root}" * (
                    root is not None
                )
                raise ValueError(
                    f"{found}; expected one of {', '.join(PROTOCOLS)}, of drawn hands, or None"
                )
            per_letter = MOMENTS if per_letter is None else per_letter
            camera = camera or take_camera()
        elif per_letter is None:
            per_letter = SIMULATED_PER_LETTER if root is None else REAL_PER_LETTER
        if (
            isinstance(per_letter, bool)
            or not isinstance(per_letter, (int, np.integer))
            or per_letter < 1
        ):
            raise ValueError(
                f"per_letter is {per_letter!r}, expected a whole number from 1 on, or None"
            )
        if protocol is not None and per_letter > MOMENTS:
            raise ValueError(
                f"per_letter is {per_letter}, expected at most {MOMENTS} with a protocol: so many "
                "moments are in a continuous recording"
            )
        sight = Sight(camera or hand_camera(), seed, SENSOR, SCALE)
        groups: dict[str, Any] = {}
        if protocol is not None:
            pool, source, groups = _takes(
                protocol, split if recordings is None else recordings, int(per_letter), sight, keep
            )
        elif root is None:
            pool, source = _drawn(train, int(per_letter), sight, keep)
        elif holds_pictures(root):
            pool, source = _photographed(root, train, int(per_letter), sight, keep)
        else:
            pool, source = _real(root, train, int(per_letter), flip_y, keep)
        super().__init__(
            pool,
            made_of={
                name: [LETTERS.index(letter) for letter in name]
                for name in double_asl_classes(class_seed)[which_classes]
            },
            source=source,
            kind="letter",
            **groups,
        )


def hand_camera() -> EventCamera:
    """The event camera that sees drawn hands as a DAVIS240c would: light hands, seen over the whole
    of its sensor.

    The motion is N-MNIST's, three times as far: a hand of a third of the picture then makes some
    27,000 events in the first 100 ms.
    """
    return EventCamera(sensor=SENSOR, picture_px=float(SENSOR[1]), inverted=False, amplitude=3.0)


def _real(root: Path, train: bool, per_letter: int, flip_y: bool, keep: Keep) -> tuple[Pool, str]:
    files: list[tuple[int, int, Path]] = []
    seen: Counter[str] = Counter()
    for letter, path in asl_files(root):
        seen[letter] += 1
        number = recording_number(path)
        if seen[letter] <= per_letter and trains(number) == train:
            files.append((LETTERS.index(letter), number, path))
    source = f"{root}, rows turned over, as y grows upwards" * flip_y or str(root)
    source += f" ({which(train)})"
    _check_letters(Counter(label for label, _, _ in files), source)

    def counts(path: Path) -> np.ndarray:
        return events.bin_events(read_asl(path, flip_y), STEPS, shape=SENSOR, scale=SCALE)

    return pool_of_files(
        "asl",
        SHAPE,
        files,
        counts,
        root,
        keep,
        code_identity(__name__),
        flip_y=bool(flip_y),
        scale=SCALE,
    ), source


def _takes(
    protocol: str, split: str, moments: int, sight: Sight, keep: Keep
) -> tuple[Pool, str, dict[str, Any]]:
    """And the subjects, of whom support and query have one in common."""
    from .takes import SUBJECTS, pool_of_takes

    known = protocol == "same-take" or split == "train"
    subjects = SUBJECTS["train" if known else split]
    last = moments if known else moments // 2
    met = functools.partial(_met, train=split == "train", known=known, last=last)
    pool, of = pool_of_takes(subjects, met, SHAPE, sight, keep)
    words = (
        f"simulated continuous recordings of subjects {subjects[0] + 1} to {subjects[-1] + 1}"
        + f" ({which(split == 'train')})" * known
    )
    _check_letters(Counter(pool.labels.tolist()), words)
    return pool, words, dict(within=of)


def _met(moment: int, train: bool, known: bool, last: int) -> bool:
    return moment <= last and (not known or bool(trains(moment)) == train)


def _drawn(train: bool, per_letter: int, sight: Sight, keep: Keep) -> tuple[Pool, str]:
    from .hands import hand_picture

    labels = np.repeat(np.arange(len(LETTERS)), per_letter)
    numbers = _number_within(labels)

    def draw(part: np.ndarray) -> np.ndarray:
        return np.stack(
            [hand_picture(int(labels[k]), int(numbers[k]) - 1, sight.seed) for k in part]
        )

    source = f"simulated recordings ({which(train, f' of {per_letter} a letter')})"
    return _seen(draw, labels, train, source, sight, keep, "hands"), source


def _photographed(
    root: Path, train: bool, per_letter: int, sight: Sight, keep: Keep
) -> tuple[Pool, str]:
    found = pictures.read_pictures(root)
    unknown = [name for name in found.names if name.lower() not in LETTERS]
    if unknown:
        raise ValueError(
            f"{root}: holds pictures of {unknown[0]!r}, expected the 24 letters a to y without j"
        )
    letters = np.array([LETTERS.index(name.lower()) for name in found.names])[found.labels]
    order = np.argsort(letters, kind="stable")
    chosen = order[_number_within(letters[order]) <= per_letter]
    images = found.images[chosen]
    source = f"photographs of {root} ({which(train)})"

    def enlarged(part: np.ndarray) -> np.ndarray:
        return pictures.enlarged(images[part], SENSOR[0])

    return _seen(
        enlarged, letters[chosen], train, source, sight, keep, "photographs", images=images
    ), source


def _seen(
    pictures: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    train: bool,
    source: str,
    sight: Sight,
    keep: Keep,
    what: str,
    **made_from: object,
) -> Pool:
    """The camera's recordings of pictures with these labels, which are sorted, whose number trains,
    or does not."""
    numbers = _number_within(labels)
    where = np.flatnonzero(trains(numbers) == train)
    _check_letters(Counter(labels[where].tolist()), source)
    noise = np.arange(len(labels))
    return pool_of_pictures(
        "asl-simulated",
        SHAPE,
        pictures,
        labels,
        numbers,
        where,
        sight,
        keep,
        what,
        noise,
        code_identity(__name__),
        **made_from,
    )


def _number_within(labels: np.ndarray) -> np.ndarray:
    """Number of each recording within its letter, from 1 on; labels are sorted."""
    return np.arange(len(labels)) - np.searchsorted(labels, labels) + 1


def _check_letters(numbers, source: str) -> None:
    for label, letter in enumerate(LETTERS):
        number = numbers.get(label, 0)
        if number < 2:
            raise ValueError(
                f"{source}: letter {letter} has {number} recording{'s' * (number != 1)}, expected "
                "at "
                "least 2, one for support and one for query"
            )
