"""Files of pen strokes: the positions of a pen over time while characters were written.

Lake, Salakhutdinov & Tenenbaum 2015, Science 350:1332 (MIT licence), recorded Omniglot's drawings
online. A file of this form is an .npz archive of plain arrays:

    xy          (points, 2) whole numbers, x and y (down) in eighths of a pixel of a picture of 105 x 105
    t           (points,) whole numbers, ms since the drawing began
    stroke      (strokes + 1,) where in `xy` each stroke begins, and the number of points
    drawing     (drawings + 1,) where in `stroke` each drawing begins, and the number of strokes
    character   (drawings,) what each drawing shows, a place in `names`
    drawer      (drawings,) the number of who drew it, within its alphabet
    names       (characters,) texts, "Alphabet/number"

The published archives, strokes_background.zip and strokes_evaluation.zip, contain a text file for
each drawing, such as Alphabet/character07/0107_12.txt, in which the last number identifies the
person who drew it. Its first line is START, each point is a line "x,y,t", with y from 0 down to
-105, and each stroke ends with the line BREAK.

A pen that follows these strokes sends an event for every piece that it draws (p = 1), and for every
stroke two events (p = 0): just before it is put down and just after it is lifted, like a tablet.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...arguments import need
from ...files import whole_file
from ...parallel.once import once
from ..readers.arrays import load
from ..readers.events import EVENT
from ..readers.hdf5 import naming
from ..sets.omniglot import MIRRORED
from ..store.cache import identity

PICTURE = 105.0  # pixels along a side
SPACING = 1.0  # pixels of the picture between points of a path, at most
LIFT = 8.0  # length of a lift: the pixels that the pen, at constant speed, could draw meanwhile
FILL = 0.8  # longer side of a fitted drawing, as a share of the sensor's side
LEAST = 20.0  # a fitted drawing's longer side counts as at least so many pixels
EIGHTHS = 8  # positions are in eighths of a pixel
LONGEST_MS = 3_600_000  # longest drawing: an hour
BEYOND = 1.0  # how far a pen may leave the picture, in sides of the picture
MEMBERS = "xy t stroke drawing character drawer names".split()
WHAT = f"pen strokes, an .npz archive of {', '.join(MEMBERS)}"
WHERE = "https://github.com/brendenlake/omniglot"


class Stroke(NamedTuple):
    """One stroke of a pen: xy (points, 2), its positions in pixels of the picture, and t (points,),
    their times in ms."""

    xy: np.ndarray
    t: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Strokes:
    """Drawings of characters, as `read_strokes` reads them; the arrays are those of the file.

    >>> from minisnn.data.written.strokes import Stroke, strokes_of
    >>> line = [Stroke(np.array([[10, 20], [90, 20]]), np.array([0, 400]))]
    >>> found = strokes_of([line, line], [0, 0], [1, 2], ["Made/01"])
    >>> found, found.alphabets
    (Strokes: 2 drawings of 1 characters of Made, ['Made'])
    >>> found.of(1)[0].xy.tolist()
    [[10.0, 20.0], [90.0, 20.0]]
    """

    xy: np.ndarray
    t: np.ndarray
    stroke: np.ndarray
    drawing: np.ndarray
    character: np.ndarray
    drawer: np.ndarray
    names: np.ndarray
    path: Path | None = None

    def __len__(self) -> int:
        return len(self.character)

    def __repr__(self) -> str:
        return (
            f"Strokes: {len(self)} drawings of {len(self.names)} characters of "
            f"{', '.join(self.alphabets)}"
        )

    @once
    def alphabets(self) -> list[str]:
        """The names of the alphabets, in the order of the characters."""
        return list(dict.fromkeys(self.alphabet_of.tolist()))

    @once
    def alphabet_of(self) -> np.ndarray:
        """The alphabet of every character, (characters,) texts."""
        return np.array([str(name).partition("/")[0] for name in self.names])

    def of(self, number: int) -> list[Stroke]:
        """Return the strokes of a drawing, in the order in which they were written."""
        first, end = self.drawing[number : number + 2]
        edges = self.stroke[first : end + 1].tolist()
        parts = [slice(*pair) for pair in pairwise(edges)]
        return [Stroke(self.xy[part] / float(EIGHTHS), self.t[part]) for part in parts]

    def identity(self) -> str:
        """Return a hash of all drawings."""
        return identity([getattr(self, name) for name in MEMBERS[:-1]] + [self.names.tolist()])


def read_strokes(path: str | Path) -> Strokes:
    """Read drawings from a file of pen strokes, or from a folder of them as published by Omniglot.
    A folder is slow to read; `write_strokes` converts it to one file.

    Raises ValueError, naming the file, if it is damaged or not such a file, and FileNotFoundError
    if it is missing.

    >>> from minisnn.data.written.strokes import Stroke, strokes_of, write_strokes
    >>> line = [Stroke(np.array([[10, 20], [90, 20]]), np.array([0, 400]))]
    >>> path = write_strokes("strokes.npz", strokes_of([line, line], [0, 0], [1, 2], ["Made/01"]))
    >>> ms.read_strokes(path)
    Strokes: 2 drawings of 1 characters of Made
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _published(path)
    with naming(path, WHAT):
        return _checked(load(path, *MEMBERS), path)


def holds_strokes(path: str | Path) -> bool:
    """Return whether this is a file of pen strokes, or a folder of them, judging by names."""
    path = Path(path)
    if path.is_dir():
        return next(_texts(path), None) is not None
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{name}.npy" for name in MEMBERS} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _texts(root: Path) -> Iterator[Path]:
    """Yield the files of drawings in a folder, or in folders in it."""
    for names in ("*/character*/*.txt", "*/*/character*/*.txt"):
        yield from root.glob(names)


def _published(root: Path) -> Strokes:
    """Read the drawings of a folder. Raises ValueError, naming the file, if one is damaged."""
    characters: dict[str, int] = {}
    numbers, drawers, drawings = [], [], []
    for path in sorted(_texts(root)):
        kind = path.parent.name.removeprefix("character")
        drawer = path.stem.rpartition("_")[2]
        with naming(path, "the strokes of a drawing, Alphabet/character01/0001_01.txt"):
            name = f"{path.parents[1].name}/{int(kind):02d}"
            drawers.append(int(drawer))
            drawings.append(_read_text(path))
        numbers.append(characters.setdefault(name, len(characters)))
    with naming(root, f"a folder of strokes as {WHERE} has them, or a file of {WHAT}"):
        return replace(strokes_of(drawings, numbers, drawers, list(characters)), path=root)


def _read_text(path: Path) -> list[Stroke]:
    """Read the strokes of a drawing's file."""
    start, *lines = path.read_text(encoding="utf-8", errors="replace").split() or [""]
    need("the first line", start[:40], start == "START", "START")
    parts = [part.split() for part in " ".join(lines).split("BREAK")]
    strokes = [np.array([line.split(",") for line in part], float) for part in parts if part]
    good = all(stroke.shape[1:] == (3,) and np.isfinite(stroke).all() for stroke in strokes)
    need("the drawing", path.name, strokes and good, "points x,y,t, and BREAK after each stroke")
    began = strokes[0][0, 2]
    return [
        Stroke(one[:, :2] * [1, -1], np.maximum(np.rint(one[:, 2] - began), 0).astype(np.int64))
        for one in strokes
    ]


def _checked(arrays: dict[str, np.ndarray], path: Path | None) -> Strokes:
    """Make drawings of these arrays. Raises ValueError if they do not fit together."""
    held = [arrays[name] for name in MEMBERS]
    xy, t, stroke, drawing, character, drawer, names = held
    far = (1 + BEYOND) * PICTURE * EIGHTHS
    number = len(drawing) - 1
    good = {
        "xy": xy.shape[1:] == (2,) and _within(xy, PICTURE * EIGHTHS - far, far),
        "t": t.shape == xy.shape[:1] and _within(t, 0, LONGEST_MS),
        "stroke": _are_edges(stroke, len(xy)),
        "drawing": _are_edges(drawing, len(stroke) - 1),
        "character": len(character) == number and _within(character, 0, len(names) - 1),
        "drawer": len(drawer) == number and _within(drawer, 0, 1 << 31),
        "names": names.dtype.kind == "U" and len(set(names.tolist())) == len(names),
    }
    for name, one in zip(MEMBERS, held):
        reach = f", {one.min()} to {one.max()}" if one.size and one.dtype.kind in "iuf" else ""
        need(name, f"{one.dtype} of shape {one.shape}{reach}", good[name], WHAT)
    numbers = dict(zip(MEMBERS[1:-1], (array.astype(np.int64) for array in held[1:-1])))
    return Strokes(xy, **numbers, names=names, path=path)


def _within(numbers: np.ndarray, low: float, high: float) -> bool:
    """Return whether these are whole numbers within limits."""
    some = numbers.dtype.kind in "iu" and numbers.size > 0
    return some and bool(low <= numbers.min() and numbers.max() <= high)


def _are_edges(edges: np.ndarray, end: int) -> bool:
    """Return whether whole numbers rise from 0 to `end`."""
    ends = _within(edges, 0, end) and edges[0] == 0 and edges[-1] == end
    return bool(ends and (np.diff(edges) > 0).all())


def strokes_of(
    drawings: Sequence[list[Stroke]],
    character: Sequence[int],
    drawer: Sequence[int],
    names: Sequence[str],
) -> Strokes:
    """Build a `Strokes` object from lists of strokes, as if read from a file: positions are rounded
    to eighths of a pixel.

    character, drawer   for each drawing, the index of its character in `names`, and the number of
                        the person who drew it

    Raises ValueError if these do not fit each other.
    """
    flat = [stroke for strokes in drawings for stroke in strokes]
    arrays = {
        "xy": np.rint(np.concatenate([stroke.xy for stroke in flat]) * EIGHTHS).astype(np.int32),
        "t": np.concatenate([stroke.t for stroke in flat]),
        "stroke": np.cumsum([0, *[len(stroke.t) for stroke in flat]]),
        "drawing": np.cumsum([0, *map(len, drawings)]),
        "character": np.asarray(character),
        "drawer": np.asarray(drawer),
        "names": np.asarray(names),
    }
    return _checked(arrays, None)


def write_strokes(path: str | Path, strokes: Strokes) -> Path:
    """Write drawings to a file of this form, whole or not at all; return its path."""
    with whole_file(path) as file:
        np.savez_compressed(file, **{name: getattr(strokes, name) for name in MEMBERS})
    return Path(path)


class PenPath(NamedTuple):
    """A pen's path: xy (n, 2), its positions in pixels of the picture, x right and y down; t (n,),
    ascending times in ms from the first point on; down (n,), false just before and after each
    stroke."""

    xy: np.ndarray
    t: np.ndarray
    down: np.ndarray


def length_of(xy: np.ndarray) -> np.ndarray:
    """Return the length of the path from its first point to each point, in pixels."""
    return np.append(0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T)))


def evenly(xy: np.ndarray, number: int) -> np.ndarray:
    """Return `number` evenly spaced points along a stroke, (number, 2)."""
    way = length_of(xy)
    along = np.linspace(0.0, way[-1], number)
    moves = np.append(True, np.diff(way) > 0)  # keeps the first of points at the same position
    return np.stack([np.interp(along, way[moves], side[moves]) for side in xy.T], 1)


def path_of(lines: list[np.ndarray], duration_ms: float) -> PenPath:
    """Return the path of a pen along strokes, each (points, 2), at constant speed within
    `duration_ms`. A lift is as long as LIFT pixels. The path has a point every SPACING pixels, and
    one lifted point before and one after each stroke."""
    places, times, downs = [], [], []
    clock = 0.0
    for xy in lines:
        length = length_of(xy)[-1]
        number = max(int(np.ceil(length / SPACING)), 1)
        time = clock + np.linspace(0.0, length, number + 1)
        clock = time[-1] + LIFT
        # the same from either end, so that the sum of all does not show directions
        with_ends = [0, *range(number + 1), number]
        places.append(evenly(xy, number + 1)[with_ends])
        times.append(time[with_ends])
        downs += [False, *[True] * (number + 1), False]
    time = np.concatenate(times)
    time *= duration_ms * (1 - 1e-9) / max(time[-1], 1e-9)
    return PenPath(np.concatenate(places), time, np.array(downs))


def placed(
    xy: np.ndarray,
    size: tuple[int, int],
    fitted: bool = True,
    turn: int = 0,
    varied: float = 0.0,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Map positions on the picture to rows and columns (n, 2) on a sensor, fractions included.

    fitted   whether the drawing is centred and scaled to fill the sensor, except for a margin;
             otherwise the whole picture fills it
    turn     degrees by which it is turned; from MIRRORED on, it is also mirrored
    varied   strength of a random change by rng: standard deviation of its turn in radians, of the
             logarithm of its scale, of its shear, and ten times that of its shift
    """
    low, high = (xy.min(0), xy.max(0)) if fitted else (np.zeros(2), np.full(2, PICTURE))
    side = max(float(np.max(high - low)), LEAST)
    about = (xy - (low + high) / 2) / (side / FILL if fitted else side)
    for _ in range(turn % MIRRORED // 90):
        about = np.stack([-about[:, 1], about[:, 0]], 1)  # a quarter clockwise, y being down
    if turn >= MIRRORED:
        about = about * [-1, 1]
    if rng is not None and varied:
        angle = rng.normal(0, varied)
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        wide, high = np.exp(rng.normal(0, varied, 2))
        sheared = [[wide, rng.normal(0, varied)], [rng.normal(0, varied), high]]
        about = about @ (turned @ np.array(sheared)) + rng.normal(0, varied / 10, 2)
    return about[:, ::-1] * min(size) + np.array(size) / 2


def pen_events(place: np.ndarray, path: PenPath, size: tuple[int, int]) -> np.ndarray:
    """Return a pen's events (dtype EVENT), one for each point of its path, given the points'
    positions (n, 2) on the sensor. Points beyond the sensor are clipped to its border."""
    events = np.empty(len(place), EVENT)
    cell = np.floor(place).astype(int).clip(0, np.array(size) - 1)
    events["y"], events["x"] = cell.T
    events["t"] = np.floor(path.t * 1000)
    events["p"] = path.down
    return events
