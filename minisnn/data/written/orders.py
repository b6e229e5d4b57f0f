"""The classes and recordings of tasks over written characters. One shape can be written in several
orders and directions, by replaying real strokes.

People draw the strokes of a character in one order or another, and from either end. So that orders
are comparable, the strokes of every drawing are matched to those of one drawing, the reference.
This tells which stroke is which, and from which end it is drawn. The same strokes are then replayed
in another order or from other ends, at one speed. Summed over time, all these recordings look
alike.
"""

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np

from ...arguments import must, need
from ..sets.omniglot import Part
from .strokes import PICTURE, Stroke, Strokes, evenly, length_of

TRAINING = ("Japanese_(katakana)", "Latin", "Sanskrit")
VALIDATION = ("Greek",)  # for validation; all alphabets not named here are for testing
FEWEST, MOST = 2, 4  # fewest and most strokes of a shape that is written in several orders
VARIANTS = 8  # largest number of ways to write a shape
LOOKS = 8  # points of a stroke that are compared
SHORT = 10.0  # length in pixels below which a stroke has no direction
CLOSED = 0.25  # share of a stroke's length: a stroke with closer ends is closed, like a circle
APART = 0.25  # largest mean distance of strokes that match, in sides of the picture
DRAWINGS = 4  # fewest drawings of a shape

# the strokes' numbers in the order of drawing, each with whether it starts from its other end
Way = tuple[tuple[int, bool], ...]


def in_words(way: Way) -> str:
    """Format a way: "2+1-" is the second stroke first, then the first from its other end."""
    return "".join(f"{k + 1}{'-' if back else '+'}" for k, back in way)


def ways_of(strokes: int, seed: int) -> list[Way]:
    """Choose at random, from a seed, some ways to write this number of strokes: in which order,
    and each stroke in which direction."""
    known = [
        tuple((k, turned[k]) for k in order)
        for order in permutations(range(strokes))
        for turned in product((False, True), repeat=strokes)
    ]
    chosen = np.random.default_rng((seed, strokes)).permutation(len(known))[:VARIANTS]
    return [known[k] for k in sorted(chosen.tolist())]


def matched(drawings: Sequence[list[Stroke]]) -> dict[int, Way]:
    """Match the strokes of a character's drawings to those of the reference, which is the drawing
    nearest to all others. Drawings are used if they have the most common number of strokes, each
    with two distinct ends and near the reference's. Returns {} if there are too few strokes, too
    many, or too few drawings."""
    usual = int(np.bincount([len(strokes) for strokes in drawings]).argmax())
    own = [
        k
        for k, strokes in enumerate(drawings)
        if len(strokes) == usual and all(map(_has_ends, strokes))
    ]
    if not FEWEST <= usual <= MOST or len(own) < DRAWINGS:
        return {}
    looks = [_looks(drawings[k]) for k in own]
    pairs = [[_match(a, b) for b in looks] for a in looks]
    nearest = min(pairs, key=lambda row: sum(apart for _, apart in row))
    found = {k: match for k, (match, apart) in zip(own, nearest) if apart <= APART}
    return found if len(found) >= DRAWINGS else {}


def _has_ends(stroke: Stroke) -> bool:
    """Return whether a stroke's two ends can be distinguished."""
    length = length_of(stroke.xy)[-1]
    return length >= SHORT and np.hypot(*(stroke.xy[-1] - stroke.xy[0])) > CLOSED * length


def _looks(strokes: list[Stroke]) -> np.ndarray:
    """Return evenly spaced points along each stroke, (strokes, LOOKS, 2), relative to the drawing's
    middle and in units of the picture's side."""
    points = np.concatenate([stroke.xy for stroke in strokes])
    middle = (points.min(0) + points.max(0)) / 2
    return (np.array([evenly(stroke.xy, LOOKS) for stroke in strokes]) - middle) / PICTURE


def _match(reference: np.ndarray, looks: np.ndarray) -> tuple[Way, float]:
    """Return which stroke of a drawing matches each stroke of the reference, whether it starts from
    the other end, and their mean distance."""
    from scipy.optimize import linear_sum_assignment

    ends = np.stack([looks, looks[:, ::-1]])[:, None]
    apart = np.linalg.norm(reference[:, None] - ends, axis=-1).mean(-1)
    chosen = linear_sum_assignment(apart.min(0))
    turned = apart.argmin(0)[chosen] == 1
    way = tuple(zip(chosen[1].tolist(), turned.tolist()))
    return way, float(apart.min(0)[chosen].mean())


def replayed(lines: list[np.ndarray], match: Way, way: Way) -> list[np.ndarray]:
    """Return a drawing's strokes, each (points, 2), in the order and directions that one way to
    write the reference prescribes."""
    strokes = [(lines[match[k][0]], match[k][1] != back) for k, back in way]
    return [line[::-1] if turned else line for line, turned in strokes]


def alphabets_of(strokes: Strokes, split: str, asked: Sequence[str] | None) -> list[str]:
    """Return the alphabets of a split. Raises ValueError if the file has none, or lacks a requested
    one."""
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
    """Return the duration of each drawing, ms."""
    edges = strokes.stroke[strokes.drawing]
    return np.maximum.reduceat(strokes.t, edges[:-1]) - strokes.t[edges[:-1]]


def of_drawings(strokes: Strokes, alphabets: list[str], usable: np.ndarray) -> list[Part]:
    """Return a part for every alphabet, whose classes are its characters."""
    found = []
    for alphabet in alphabets:
        where = np.flatnonzero((strokes.alphabet_of[strokes.character] == alphabet) & usable)
        symbols, labels = np.unique(strokes.character[where], return_inverse=True)
        rows = [(k, None) for k in where.tolist()]
        found.append(Part(strokes.names[symbols].tolist(), rows, labels))
    return [part for part in found if part.names]


def of_orders(strokes: Strokes, alphabets: list[str], usable: np.ndarray, seed: int) -> list[Part]:
    """Return a part for every character whose strokes can be written in several orders; the orders
    are its classes."""
    found = []
    for character in np.flatnonzero(np.isin(strokes.alphabet_of, alphabets)):
        where = np.flatnonzero((strokes.character == character) & usable).tolist()
        alike = matched([strokes.of(k) for k in where]) if where else {}
        if alike:
            ways = ways_of(len(next(iter(alike.values()))), seed)
            rows = [(where[k], (match, way)) for way in ways for k, match in alike.items()]
            names = [f"{strokes.names[character]} {in_words(way)}" for way in ways]
            found.append(Part(names, rows, np.repeat(np.arange(len(ways)), len(alike))))
    return found
