"""What is drawn in tasks over written characters: which classes may meet in one, and the recordings
of each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ... import arguments
from .orders import Shape, Variant, shape_of, variants
from .strokes import Strokes

TRAINING = ("Japanese_(katakana)", "Latin", "Sanskrit")
VALIDATION = ("Greek",)  # all other alphabets of a file test


class Row(NamedTuple):
    """A recording to be: a drawing, and a variant of it, by its place; or as it was written."""

    drawing: int
    variant: int | None = None


class Part(NamedTuple):
    """Classes that may meet in a task, and the recordings of each.

    names    of the classes
    rows     a recording each
    labels   (n,), places in `names`
    shape, ways   of recordings of one character in orders: whose strokes match, and the orders
    """

    names: list[str]
    rows: list[Row]
    labels: np.ndarray
    shape: Shape | None = None
    ways: tuple[Variant, ...] = ()

    def told(self) -> list:
        """What recordings in the cache are known by."""
        rows = [[row.drawing, row.variant] for row in self.rows]
        return [self.names, rows, self.labels, repr(self.shape), repr(self.ways)]


def alphabets_of(strokes: Strokes, split: str, asked: Sequence[str] | None) -> list[str]:
    """The alphabets of a split. ValueError where the file has none, or lacks one that is asked."""
    if asked is not None:
        asked = arguments.texts("alphabets", asked)
        if split != "test":
            raise ValueError(
                f"alphabets names those that test; leave it out for split {split}, whose alphabets "
                "are fixed"
            )
        for name in asked:
            if name not in strokes.alphabets or name in (*TRAINING, *VALIDATION):
                known = set(strokes.alphabets) - {*TRAINING, *VALIDATION}
                raise ValueError(
                    f"{strokes.path}: alphabets names {name!r}; expected of those that do not meta-"
                    f"train, {', '.join(sorted(known)) or 'of which it has none'}"
                )
    known_by = {"train": TRAINING, "val": VALIDATION}
    apart = {*TRAINING, *VALIDATION}
    found = [
        name
        for name in strokes.alphabets
        if (name in known_by[split] if split in known_by else name not in apart)
        and (not asked or name in asked)
    ]
    if not found:
        expected = " or ".join(known_by.get(split, ("any that does not meta-train",)))
        raise ValueError(
            f"{strokes.path}: has the alphabets {', '.join(strokes.alphabets)}; expected "
            f"{expected} for split {split}"
        )
    return found


def lasting(strokes: Strokes) -> np.ndarray:
    """How long each drawing took, ms."""
    edges = strokes.stroke[strokes.drawing]
    return np.maximum.reduceat(strokes.t, edges[:-1]) - strokes.t[edges[:-1]]


def of_drawings(
    strokes: Strokes, alphabets: list[str], serves: np.ndarray, over: str, seed: int
) -> list[Part]:
    """A part for every alphabet, whose classes are its characters or its drawers."""
    found = []
    for alphabet in alphabets:
        own = strokes.alphabet_of[strokes.character] == alphabet
        where = np.flatnonzero(own & serves)
        kinds = strokes.drawer if over == "drawers" else strokes.character
        symbols, labels = np.unique(kinds[where], return_inverse=True)
        names = [
            f"{alphabet} by {one:02d}" if over == "drawers" else str(strokes.names[one])
            for one in symbols.tolist()
        ]
        found.append(Part(names, [Row(k) for k in where.tolist()], labels))
    return [one for one in found if one.names]


def of_orders(
    strokes: Strokes, alphabets: list[str], serves: np.ndarray, over: str, seed: int
) -> list[Part]:
    """A part for every character that can be written in orders, which are its classes."""
    found = []
    for character, name in enumerate(strokes.names.tolist()):
        if strokes.alphabet_of[character] not in alphabets:
            continue
        where = np.flatnonzero((strokes.character == character) & serves).tolist()
        shape = shape_of([strokes.of(k) for k in where], where) if where else None
        if shape is None:
            continue
        ways = variants(len(shape.matches[0].order), seed)
        rows = [Row(k, way) for way in range(len(ways)) for k in range(len(shape.numbers))]
        labels = np.repeat(np.arange(len(ways)), len(shape.numbers))
        names = [f"{name} {one.told()}" for one in ways]
        rows = [Row(shape.numbers[row.drawing], row.variant) for row in rows]
        found.append(Part(names, rows, labels, shape, tuple(ways)))
    return found
