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


class Part(NamedTuple):
    """Classes that may meet in a task, and the recordings of each.

    names    of the classes
    rows     a recording each: a drawing, and the place in `ways` of its order, or None as written
    labels   (n,), places in `names`
    shape, ways   of recordings of one character in orders: whose strokes match, and the orders
    """

    names: list[str]
    rows: list[tuple[int, int | None]]
    labels: np.ndarray
    shape: Shape | None = None
    ways: tuple[Variant, ...] = ()

    def told(self) -> list:
        """What recordings in the cache are known by."""
        return [self.names, self.rows, self.labels, repr(self.shape), repr(self.ways)]


def alphabets_of(strokes: Strokes, split: str, asked: Sequence[str] | None) -> list[str]:
    """The alphabets of a split. ValueError where the file has none, or lacks one that is asked."""
    own = {"train": TRAINING, "val": VALIDATION}
    able = [
        name
        for name in strokes.alphabets
        if (name in own[split] if split in own else name not in TRAINING + VALIDATION)
    ]
    free = asked is None or split == "test"
    arguments.must("alphabets", free, f"None for split {split}, whose alphabets are fixed", asked)
    asked = able if asked is None else arguments.texts("alphabets", asked)
    for name in asked:
        expected = f"of those that do not meta-train, {', '.join(able)}"
        arguments.need(f"{strokes.path}: one of alphabets", name, name in able, expected)
    expected = " or ".join(own.get(split, ("any that does not meta-train",)))
    there = ", ".join(strokes.alphabets)
    list_of = f"{strokes.path}: the list of its alphabets"
    arguments.need(list_of, there, able, f"{expected} for split {split}")
    return [name for name in able if name in asked]


def lasting(strokes: Strokes) -> np.ndarray:
    """How long each drawing took, ms."""
    edges = strokes.stroke[strokes.drawing]
    return np.maximum.reduceat(strokes.t, edges[:-1]) - strokes.t[edges[:-1]]


def of_drawings(
    strokes: Strokes, alphabets: list[str], serves: np.ndarray, drawers: bool
) -> list[Part]:
    """A part for every alphabet, whose classes are its characters, or its drawers."""
    found = []
    for alphabet in alphabets:
        own = strokes.alphabet_of[strokes.character] == alphabet
        where = np.flatnonzero(own & serves)
        kinds = strokes.drawer if drawers else strokes.character
        symbols, labels = np.unique(kinds[where], return_inverse=True)
        names = [
            f"{alphabet} by {one:02d}" if drawers else str(strokes.names[one]) for one in symbols
        ]
        if names:
            found.append(Part(names, [(k, None) for k in where.tolist()], labels))
    return found


def of_orders(strokes: Strokes, alphabets: list[str], serves: np.ndarray, seed: int) -> list[Part]:
    """A part for every character that can be written in orders, which are its classes."""
    found = []
    for character, name in enumerate(strokes.names.tolist()):
        where = np.flatnonzero((strokes.character == character) & serves).tolist()
        chosen = strokes.alphabet_of[character] in alphabets and where
        shape = shape_of([strokes.of(k) for k in where], where) if chosen else None
        if shape is not None:
            ways = variants(len(shape.matches[0].order), seed)
            rows: list[tuple[int, int | None]]
            rows = [(number, way) for way in range(len(ways)) for number in shape.numbers]
            labels = np.repeat(np.arange(len(ways)), len(shape.numbers))
            names = [f"{name} {one.told()}" for one in ways]
            found.append(Part(names, rows, labels, shape, tuple(ways)))
    return found
