"""What is drawn in tasks over written characters: which classes may meet in one, and the recordings
of each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...arguments import must, need
from .orders import Way, in_words, matched, ways_of
from .strokes import Strokes

TRAINING = ("Japanese_(katakana)", "Latin", "Sanskrit")
VALIDATION = ("Greek",)  # all other alphabets of a file test


class Part(NamedTuple):
    """Classes that may meet in a task, and the recordings of each.

    names    of the classes
    rows     a recording each: a drawing, and where it is replayed which of its strokes are those of
             the reference, and the way to write it
    labels   (n,), places in `names`
    """

    names: list[str]
    rows: Sequence[tuple[int, tuple[Way, Way] | None]]
    labels: np.ndarray


def alphabets_of(strokes: Strokes, split: str, asked: Sequence[str] | None) -> list[str]:
    """The alphabets of a split. ValueError where the file has none, or lacks one that is asked."""
    others = {name for name in strokes.alphabets if name not in TRAINING + VALIDATION}
    own = {"train": TRAINING, "val": VALIDATION}.get(split, others)
    able = [name for name in strokes.alphabets if name in own]
    if asked is not None:
        good = split == "test" and set(asked) <= others
        must("alphabets", good, f"of those that test, {', '.join(sorted(others))}", asked)
        able = [name for name in able if name in asked]
    expected = f"{' or '.join(own) or 'any that does not meta-train'} for split {split}"
    list_of = f"{strokes.path}: the list of its alphabets"
    need(list_of, ", ".join(strokes.alphabets), able, expected)
    return able


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
        where = np.flatnonzero((strokes.alphabet_of[strokes.character] == alphabet) & serves)
        kinds = strokes.drawer if drawers else strokes.character
        symbols, labels = np.unique(kinds[where], return_inverse=True)
        names = [
            f"{alphabet} by {one:02d}" if drawers else str(strokes.names[one]) for one in symbols
        ]
        found.append(Part(names, [(k, None) for k in where.tolist()], labels))
    return [part for part in found if part.names]


def of_orders(strokes: Strokes, alphabets: list[str], serves: np.ndarray, seed: int) -> list[Part]:
    """A part for every character that can be written in orders, which are its classes."""
    found = []
    for character in np.flatnonzero(np.isin(strokes.alphabet_of, alphabets)):
        where = np.flatnonzero((strokes.character == character) & serves).tolist()
        alike = matched([strokes.of(k) for k in where]) if where else {}
        if alike:
            ways = ways_of(len(next(iter(alike.values()))), seed)
            rows = [(where[k], (match, way)) for way in ways for k, match in alike.items()]
            names = [f"{strokes.names[character]} {in_words(way)}" for way in ways]
            found.append(Part(names, rows, np.repeat(np.arange(len(ways)), len(alike))))
    return found
