"""N-Omniglot: 1,623 handwritten characters, written on a screen before a DAVIS346, each by 20
people.

Li, Dong, Zhao & Zeng 2022, "N-Omniglot, a large-scale neuromorphic dataset for spatio-temporal
sparse few-shot learning", Scientific Data 9:746. As in the paper, the 250 x 250 pixels of the
screen are scaled to 28 x 28, and a sample becomes 12 frames of equal length, however long it was
written; the characters of the evaluation alphabets are met in meta-testing alone. The paper
meta-trains on all 30 background alphabets; here five of them validate, those of `sets.omniglot`.
The recordings do not ship: `archive.WHERE` has them.
"""

import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ...parallel import arguments
from ..readers.events import EVENT, SATURATION, bin_events, downscaled
from ..sets.omniglot import VALIDATION
from ..sets.pool import Pieces, Pool
from ..sets.pools import HELD_OUT, Keep, pool_of
from ..sets.recordings import SPLITS, Recordings
from ..store.cache import check_unchanged, file_identity
from ..store.code import code_identity
from . import archive
from .archive import PEOPLE, Character

FRAMES = 12
SIZE = (28, 28)
CORNER, SCREEN = (4, 54), (250, 250)  # the rows and columns that show the screen
_VALIDATE = tuple(one.lower() for one in VALIDATION)
DURATION_MS = 4000.0  # where steps have a length of their own


class NOmniglot(Recordings):
    """Characters as a DAVIS346 saw them written: samples are uint8 (steps, *size, 2).

        counts[k, i, j, p] = events at  (time - first event) // length = k,  row i, column j of `size` cells,  polarity p

    split        "train", "val" or "test": alphabets that meta-train, five others of the background,
                 the evaluation alphabets
    root         folder that holds dvs_background and dvs_evaluation, or events_np (`archive`)
    size         rows and columns of cells, into which the 250 x 250 pixels of the screen are
                 downscaled by area
    bin_ms, duration_ms   length of a time step, and of what is seen of a sample from its first
                          event on; None: 12 frames, of which each is a twelfth of the sample
    classes      "train": the characters that meta-train, to train a classifier of them. With split
                 "train" they are samples by four in five people, else samples by the others
    cache        whether recordings are kept in the cache, and looked for there
    progress     as of other sets; a character is read when a task first asks for it

    A class is named by alphabet and character: "Greek-07". Raises ValueError, naming the file,
    where one is missing, damaged or not of this form; files of cameras need the library faery.
    """

    def __init__(
        self,
        split: str = "train",
        root: str | Path | None = None,
        *,
        size: tuple[int, int] = SIZE,
        bin_ms: float | None = None,
        duration_ms: float | None = None,
        classes: str | None = None,
        cache: bool = True,
        progress: bool = True,
    ):
        arguments.one_of("split", split, SPLITS)
        if classes is not None:
            arguments.one_of("classes", classes, ("train",))
        if root is None:
            raise ValueError(
                "n-omniglot needs a root; expected --root, the folder with dvs_background and "
                f"dvs_evaluation of {archive.WHERE}"
            )
        if bin_ms is None and duration_ms is not None:
            raise ValueError("duration_ms needs bin_ms; without both a sample has 12 frames")
        if len(size) != 2 or not all(1 <= side <= most for side, most in zip(size, SCREEN)):
            raise ValueError(
                f"size is {tuple(size)}; expected rows and columns of cells, 1 to {SCREEN[0]} each"
            )
        length = None if bin_ms is None else (bin_ms, duration_ms or DURATION_MS)
        place = Path(root).expanduser()
        found = _of_split(place, split if classes is None else "train")
        rows, columns = (int(side) for side in size)
        empty = np.zeros(0, EVENT)
        shape = counts(empty, (rows, columns), length).shape
        labels = np.repeat(np.arange(len(found)), PEOPLE)
        pool = Pieces(
            shape,
            labels,
            np.arange(len(labels)),
            np.arange(len(found) + 1) * PEOPLE,
            partial(_recorded, found, (rows, columns), length, Keep(cache, progress)),
            [[one.name, file_identity(one.files)] for one in found] + [list(shape), length],
        )
        super().__init__(
            pool,
            made_of={one.name: (k,) for k, one in enumerate(found)},
            source=str(place),
            kind="character",
        )
        if classes is not None:
            known = pool.numbers % PEOPLE % HELD_OUT != HELD_OUT - 1
            self.symbols = {
                one: where[known[where] == (split == "train")]
                for one, where in self.symbols.items()
            }


def _of_split(root: Path, split: str) -> list[Character]:
    found = archive.characters(root, "evaluation" if split == "test" else "background")
    if split != "test":
        validates = [any(one in char.alphabet.lower() for one in _VALIDATE) for char in found]
        found = [one for one, val in zip(found, validates) if val == (split == "val")]
    if not found:
        raise ValueError(
            f"{root}: has no character to {'validate' if split == 'val' else 'train'} on; expected "
            f"alphabets of the background, of which {', '.join(VALIDATION)} validate"
        )
    return found


def counts(
    events: np.ndarray, size: tuple[int, int], length: tuple[float, float] | None
) -> np.ndarray:
    """Counts of a sample, uint8 (T, *size, 2), of the screen alone; length: of a step and of the
    sample, ms, or None for 12 equal parts, the last of which has what division leaves."""
    first = events["t"][0] if len(events) else 0
    whole = events["t"][-1] - first if len(events) else FRAMES
    seen = events.copy()
    inside = np.ones(len(events), bool)
    for axis, corner, side in zip("yx", CORNER, SCREEN):
        place = seen[axis].astype(np.int64) - corner
        inside &= (place >= 0) & (place < side)
        seen[axis] = place.clip(0, side - 1)
    seen = seen[inside]
    seen = downscaled(seen, SCREEN, size, zlib.crc32(events["x"].tobytes()))
    if length is not None:
        return bin_events(seen, length[1], length[0], shape=size, start=float(first))
    if whole < FRAMES:
        raise ValueError(f"a sample lasts {whole} microseconds; expected {FRAMES} or more")
    step = np.minimum((seen["t"] - first) // (whole // FRAMES), FRAMES - 1)
    cell = ((step * size[0] + seen["y"]) * size[1] + seen["x"]) * 2 + seen["p"]
    total = np.bincount(cell.astype(np.int64), minlength=FRAMES * size[0] * size[1] * 2)
    return np.minimum(total, SATURATION).astype(np.uint8).reshape(FRAMES, *size, 2)


def _recorded(
    found: list[Character],
    size: tuple[int, int],
    length: tuple[float, float] | None,
    keep: Keep,
    k: int,
) -> Pool:
    """Piece k: the samples of a character."""
    one = found[k]
    files = file_identity(one.files)

    def read() -> Iterator[tuple]:
        for number, events in enumerate(archive.samples(one)):
            try:
                dense = counts(events, size, length)
            except ValueError as error:
                raise ValueError(f"{one.files[-1]}: sample {number + 1}: {error}") from None
            yield dense[None], [0], [number]
        check_unchanged(one.files, files, one.files[0].parent)

    shape = counts(np.zeros(0, EVENT), size, length).shape
    made_from = dict(files=files, size=list(size), length=length)
    return pool_of("n-omniglot", shape, made_from, read, keep, code_identity(__name__))
