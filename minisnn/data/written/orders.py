"""One shape written in several orders and directions: real strokes, replayed.

People draw the strokes of a character in one order or another, and from either end. So that orders
are comparable, the strokes of every drawing are matched to those of one of them, the reference:
which is which, and from which end it is drawn. Replayed are then the same strokes, in another order
or from other ends, at the pace that `paths` gives. Summed over time all of these look alike.
"""

from collections.abc import Sequence
from itertools import permutations, product
from typing import NamedTuple

import numpy as np

from .strokes import PICTURE, Stroke

FEWEST, MOST = 2, 4  # strokes of a shape that is written in orders
VARIANTS = 8  # of a shape, at most
LOOKS = 8  # points of a stroke that are compared
SHORT = 10.0  # pixels of a stroke, below which it has no direction
CLOSED = 0.25  # of a stroke's length: ends no farther apart are one, as a circle's, begun anywhere
APART = 0.25  # sides of the picture by which strokes that match may lie apart, on average
DRAWINGS = 4  # of a shape, at least


class Variant(NamedTuple):
    """The strokes of a reference in the order in which they are drawn, and whether each is drawn
    from its other end."""

    order: tuple[int, ...]
    turned: tuple[bool, ...]

    def told(self) -> str:
        """ "2+1-": the second stroke first, then the first from its other end."""
        return "".join(f"{k + 1}{'-' if self.turned[k] else '+'}" for k in self.order)


class Shape(NamedTuple):
    """The drawings of a character whose strokes match: numbers (n,), and of each drawing its
    strokes as the reference has them, which of its own and whether from the other end."""

    numbers: list[int]
    matches: list[Variant]


def variants(strokes: int, seed: int) -> list[Variant]:
    """Orders and directions of so many strokes, drawn by a seed."""
    known = [
        Variant(order, turned)
        for order in permutations(range(strokes))
        for turned in product((False, True), repeat=strokes)
    ]
    chosen = np.random.default_rng((seed, strokes)).permutation(len(known))[:VARIANTS]
    return [known[k] for k in sorted(chosen.tolist())]


def shape_of(drawings: Sequence[list[Stroke]], numbers: Sequence[int]) -> Shape | None:
    """The drawings of a character, by their numbers, that have the same strokes: as many as most of
    them have, each with two ends, about where the reference has them, which is the drawing nearest
    to all. None where these strokes are too few or too many, or the drawings too few."""
    lengths = [len(one) for one in drawings]
    usual = int(np.bincount(lengths).argmax())
    if not FEWEST <= usual <= MOST:
        return None
    own = [
        k
        for k, length in enumerate(lengths)
        if length == usual and all(map(_has_ends, drawings[k]))
    ]
    if len(own) < DRAWINGS:
        return None
    looks = [_looks(drawings[k]) for k in own]
    matched = [[_match(a, b) for b in looks] for a in looks]
    reference = int(np.argmin([sum(apart for _, apart in row) for row in matched]))
    found = [(own[k], *matched[reference][k]) for k in range(len(own))]
    kept = [(numbers[k], match) for k, match, apart in found if apart <= APART]
    if len(kept) < DRAWINGS:
        return None
    return Shape([number for number, _ in kept], [match for _, match in kept])


def _has_ends(stroke: Stroke) -> bool:
    """Whether it can be told from which end a stroke was drawn."""
    length = np.hypot(*np.diff(stroke.xy, axis=0).T).sum()
    apart = np.hypot(*(stroke.xy[-1] - stroke.xy[0]))
    return bool(length >= SHORT and apart > CLOSED * length)


def _looks(strokes: list[Stroke]) -> np.ndarray:
    """Points of each stroke, evenly along it, (strokes, LOOKS, 2), in sides of the picture, the
    drawing's middle at 0."""
    points = np.concatenate([one.xy for one in strokes])
    middle = (points.min(0) + points.max(0)) / 2
    found = np.empty((len(strokes), LOOKS, 2))
    for k, (xy, _) in enumerate(strokes):
        way = np.append(0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T)))
        along = np.linspace(0.0, way[-1], LOOKS)
        found[k] = np.stack([np.interp(along, way, xy[:, side]) for side in (0, 1)], 1)
    return (found - middle) / PICTURE


def _match(reference: np.ndarray, looks: np.ndarray) -> tuple[Variant, float]:
    """Which stroke of a drawing is which of the reference's, and from which end; and how far they
    lie apart, on average."""
    from scipy.optimize import linear_sum_assignment

    apart = np.stack(
        [
            np.linalg.norm(reference[:, None] - ends[None], axis=-1).mean(-1)
            for ends in (looks, looks[:, ::-1])
        ]
    )
    _, order = linear_sum_assignment(apart.min(0))
    turned = apart.argmin(0)[np.arange(len(order)), order] == 1
    mean = apart.min(0)[np.arange(len(order)), order].mean()
    return Variant(tuple(order.tolist()), tuple(turned.tolist())), float(mean)


def replayed(strokes: list[Stroke], match: Variant, variant: Variant) -> list[Stroke]:
    """The strokes of a drawing in the order and directions of a variant of the reference; the pen
    is lifted as long as it was after its first stroke, its second, and so on."""
    lifts = [int(b.t[0] - a.t[-1]) for a, b in zip(strokes, strokes[1:])] + [0]
    made = []
    clock = 0
    for place, k in enumerate(variant.order):
        xy, t = strokes[match.order[k]]
        if match.turned[k] != variant.turned[k]:
            xy, t = xy[::-1], t[-1] - t[::-1]
        else:
            t = t - t[0]
        made.append(Stroke(xy, clock + t))
        clock += int(t[-1]) + lifts[place]
    return made
