"""Files of pen strokes: where a pen was, and when, as characters were written.

Lake, Salakhutdinov & Tenenbaum 2015, Science 350:1332 (MIT licence), recorded Omniglot's drawings
online. A file of this form is an .npz archive of plain arrays:

    xy          (points, 2) whole numbers, x and y (down) in eighths of a pixel of a picture of 105 x 105
    t           (points,) whole numbers, ms since the drawing began
    stroke      (strokes + 1,) where in `xy` each stroke begins, and the number of points
    drawing     (drawings + 1,) where in `stroke` each drawing begins, and the number of strokes
    character   (drawings,) what each drawing shows, a place in `names`
    drawer      (drawings,) the number of who drew it, within its alphabet
    names       (characters,) texts, "Alphabet/number"

As they are published, strokes_background.zip and strokes_evaluation.zip, unpacked, hold a text
file for each drawing, Alphabet/character07/0107_12.txt, the last number being its drawer. Its first
line is START, each point a line "x,y,t", with y from 0 down to -105, and each stroke ends by BREAK.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...files import check_archive, size_of, write_whole
from ...parallel.once import once
from ..readers.hdf5 import naming
from ..store.cache import identity

PICTURE = 105.0  # pixels of a side
EIGHTHS = 8  # of a pixel, in which positions are counted
MOST_BYTES = 1 << 28  # of a file, and of what it unpacks to
LONGEST_MS = 3_600_000  # of a drawing: an hour
BEYOND = 1.0  # sides of the picture that a pen may leave it by
MEMBERS = "xy t stroke drawing character drawer names".split()
WHAT = f"pen strokes, an .npz archive of {', '.join(MEMBERS)}"
MOST_TEXT = 1 << 20  # bytes of the file of a drawing
WHERE = "https://github.com/brendenlake/omniglot"


class Stroke(NamedTuple):
    """xy (points, 2), pixels of the picture; t (points,), ms, which never falls."""

    xy: np.ndarray
    t: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Strokes:
    """Drawings of characters, as `read_strokes` finds them; the arrays are those of the file.

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
        """Names of the alphabets, in the order of the characters."""
        return list(dict.fromkeys(self.alphabet_of.tolist()))

    @once
    def alphabet_of(self) -> np.ndarray:
        """The alphabet of every character, (characters,) texts."""
        return np.array([str(name).partition("/")[0] for name in self.names])

    def of(self, number: int) -> list[Stroke]:
        """The strokes of a drawing, in the order in which they were written."""
        first, end = self.drawing[number : number + 2]
        edges = self.stroke[first : end + 1].tolist()
        start = edges[0]
        # where the clock steps back, time waits until it has caught up
        t = np.maximum.accumulate(self.t[start : edges[-1]])
        return [
            Stroke(self.xy[a:b] / float(EIGHTHS), t[a - start : b - start])
            for a, b in zip(edges, edges[1:])
        ]

    def identity(self) -> str:
        """A hash of all drawings."""
        return identity([getattr(self, name) for name in MEMBERS[:-1]] + [self.names.tolist()])


def read_strokes(path: str | Path) -> Strokes:
    """The drawings of a file of pen strokes, or of a folder of them as Omniglot publishes them,
    which takes a while: `write_strokes` makes one file of it.

    Raises ValueError, naming the file, where it is not such a file or damaged, and
    FileNotFoundError where it is missing.

    >>> from minisnn.data.written.strokes import Stroke, strokes_of, write_strokes
    >>> line = [Stroke(np.array([[10, 20], [90, 20]]), np.array([0, 400]))]
    >>> path = write_strokes("strokes.npz", strokes_of([line, line], [0, 0], [1, 2], ["Made/01"]))
    >>> ms.read_strokes(path)
    Strokes: 2 drawings of 1 characters of Made
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _published(path)
    size_of(path, WHAT, MOST_BYTES)
    with naming(path, WHAT):
        check_archive(path, "a file of pen strokes", MOST_BYTES)
        with np.load(path, allow_pickle=False) as archive:
            return _checked({name: archive[name] for name in MEMBERS}, path)


def holds_strokes(path: str | Path) -> bool:
    """Whether this is a file of pen strokes, or a folder of them, as far as its names tell."""
    path = Path(path)
    if path.is_dir():
        return next(_texts(path), None) is not None
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{name}.npy" for name in MEMBERS} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _texts(root: Path) -> Iterator[Path]:
    """The files of drawings in a folder, or in folders in it."""
    for names in ("*/character*/*.txt", "*/*/character*/*.txt"):
        yield from root.glob(names)


def _published(root: Path) -> Strokes:
    """The drawings of a folder. ValueError, naming the file, where one is damaged."""
    found = sorted(_texts(root))
    if not found:
        raise ValueError(
            f"{root}: no file is named as Alphabet/character01/0001_01.txt; expected a folder of "
            f"strokes as {WHERE} has them, or the file of {WHAT}"
        )
    characters: dict[str, int] = {}
    numbers, drawers, drawings = [], [], []
    for one in found:
        kind = one.parent.name.removeprefix("character")
        drawer = one.stem.rpartition("_")[2]
        if not (kind.isdecimal() and drawer.isdecimal()):
            raise ValueError(f"{one}: expected a name such as Alphabet/character01/0001_01.txt")
        name = f"{one.parents[1].name}/{int(kind):02d}"
        numbers.append(characters.setdefault(name, len(characters)))
        drawers.append(int(drawer))
        drawings.append(_read_text(one))
    with naming(root, WHAT):
        return replace(strokes_of(drawings, numbers, drawers, list(characters)), path=root)


def _read_text(path: Path) -> list[Stroke]:
    """The strokes of the file of a drawing."""
    size_of(path, "the strokes of a drawing", MOST_TEXT)
    points: list[list[list[float]]] = [[]]
    lines = path.read_text(encoding="utf-8", errors="replace").split()
    if lines[:1] != ["START"]:
        raise ValueError(f"{path}: begins with {''.join(lines[:1])[:40]!r}; expected START")
    for number, line in enumerate(lines[1:], 2):
        if line == "BREAK":
            points.append([])
            continue
        try:
            point = [float(one) for one in line.split(",")]
        except ValueError:
            point = []
        if len(point) != 3 or not np.isfinite(point).all() or max(map(abs, point)) > LONGEST_MS:
            raise ValueError(f"{path}, line {number}: {line[:40]!r}; expected x,y,t or BREAK")
        points[-1].append(point)
    strokes = [np.array(one) for one in points if one]
    if not strokes:
        raise ValueError(f"{path}: has no points; expected at least one")
    began = strokes[0][0, 2]
    return [
        Stroke(one[:, :2] * [1, -1], np.maximum(np.rint(one[:, 2] - began), 0).astype(np.int64))
        for one in strokes
    ]


def _checked(arrays: dict[str, np.ndarray], path: Path | None) -> Strokes:
    """The drawings of such arrays. ValueError where these do not fit each other."""
    for name in MEMBERS[:-1]:
        found = arrays[name]
        ranks = 2 if name == "xy" else 1
        if found.dtype.kind not in "iu" or found.ndim != ranks or ranks == 2 and len(found.T) != 2:
            shape = "(points, 2)" if name == "xy" else "(n,)"
            raise ValueError(
                f"{name} is of {found.dtype} and shape {found.shape}; expected whole numbers of "
                f"shape {shape}"
            )
    xy, t = (arrays[name] for name in ("xy", "t"))
    stroke, drawing = (arrays[name].astype(np.int64) for name in ("stroke", "drawing"))
    character, drawer = (arrays[name].astype(np.int64) for name in ("character", "drawer"))
    names = _names(arrays["names"])
    if len(t) != len(xy):
        raise ValueError(f"t has {len(t)} times and xy {len(xy)} points; expected one a point")
    _check_edges("stroke", stroke, len(xy), "points")
    _check_edges("drawing", drawing, len(stroke) - 1, "strokes")
    for name, found in (("character", character), ("drawer", drawer)):
        if len(found) != len(drawing) - 1:
            raise ValueError(
                f"{name} has {len(found)} entries; expected one a drawing, {len(drawing) - 1}"
            )
    if character.min() < 0 or character.max() >= len(names):
        wrong = character[(character < 0) | (character >= len(names))][0]
        raise ValueError(f"character holds {wrong}; expected 0 to {len(names) - 1}, as in names")
    if drawer.min() < 0:
        raise ValueError(f"drawer holds {drawer.min()}; expected numbers from 0 on")
    side = PICTURE * EIGHTHS
    low, high = -BEYOND * side, (1 + BEYOND) * side
    if xy.min() < low or xy.max() > high:
        wrong = int(xy.min()) if xy.min() < low else int(xy.max())
        raise ValueError(
            f"xy reaches {wrong}; expected {low:.0f} to {high:.0f}, eighths of a pixel about a "
            f"picture of {PICTURE:.0f}"
        )
    if t.min() < 0 or t.max() > LONGEST_MS:
        wrong = int(t.min()) if t.min() < 0 else int(t.max())
        raise ValueError(f"t reaches {wrong}; expected 0 to {LONGEST_MS} ms since a drawing began")
    return Strokes(xy, t.astype(np.int64), stroke, drawing, character, drawer, names, path)


def _names(found: np.ndarray) -> np.ndarray:
    """The names of the characters. ValueError for others than "Alphabet/number", each once."""
    if found.dtype.kind != "U" or found.ndim != 1 or not len(found):
        raise ValueError(
            f"names is of {found.dtype} and shape {found.shape}; expected texts, one a character"
        )
    for name in found.tolist():
        alphabet, _, number = name.partition("/")
        if not (alphabet and number and name.isprintable()):
            raise ValueError(f"names holds {name[:60]!r}; expected Alphabet/number")
    if len(set(found.tolist())) < len(found):
        raise ValueError("names holds a name twice; expected each character once")
    return found


def _check_edges(name: str, edges: np.ndarray, end: int, of: str) -> None:
    """ValueError unless each begins after the one before it, the first at 0, and the last ends at
    the end."""
    if len(edges) < 2 or edges[0] != 0 or edges[-1] != end:
        told = f"{edges[0]} to {edges[-1]}" if len(edges) else "nothing"
        raise ValueError(f"{name} goes from {told}; expected 0 to {end}, the number of {of}")
    short = np.flatnonzero(np.diff(edges) < 1)
    if len(short):
        raise ValueError(f"{name} {short[0]} has no {of}; expected at least one in each")


def strokes_of(
    drawings: list[list[Stroke]], character: list[int], drawer: list[int], names: list[str]
) -> Strokes:
    """Drawings given in Python, each a list of strokes, as those of a file: positions are rounded
    to eighths of a pixel.

    character, drawer   of each drawing, places in `names` and numbers of people

    Raises ValueError where these do not fit each other.
    """
    flat = [one for strokes in drawings for one in strokes]
    arrays = {
        "xy": np.concatenate([np.rint(np.asarray(one.xy, float) * EIGHTHS) for one in flat]),
        "t": np.concatenate([one.t for one in flat]),
        "stroke": np.cumsum([0, *[len(one.t) for one in flat]]),
        "drawing": np.cumsum([0, *map(len, drawings)]),
        "character": np.asarray(character),
        "drawer": np.asarray(drawer),
        "names": np.asarray(names),
    }
    arrays["xy"] = arrays["xy"].astype(np.int32)
    return _checked(arrays, None)


def write_strokes(path: str | Path, strokes: Strokes) -> Path:
    """Write drawings as a file of this form, which appears only when it is whole; returns its
    path."""
    image = io.BytesIO()
    np.savez_compressed(image, **{name: getattr(strokes, name) for name in MEMBERS})
    write_whole(Path(path), image.getvalue())
    return Path(path)
