"""What is no class: dots, filled squares and an empty picture, as the camera of a set of drawn
pictures sees them, and their means, which a device keeps to refuse them (`chip.means`).

A dot of a radius, or a square of a side, is one mean of several places in the picture. Others, of
sizes in between and at other places, tell whether they are refused.
"""

from typing import Any, NamedTuple

import numpy as np

from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.sets.omniglot import CROP, Omniglot, thickened
from minisnn.data.sets.pools import Sight

from ..chip.network import IntegerNet

SIDE = 28  # pixels of a picture
RADII = 0.8, 1.2, 2.0, 3.0  # of dots
SIDES = 5, 8, 12, 16, 20, 24  # of squares
PLACES = 4  # of each, in one mean
FIRST = 1_000_000  # number of the first recording, by which the camera draws its noise
_LAST = 16  # of p's 4096ths, a 256th


class Blots(NamedTuple):
    """Traces (n, inputs) of what is no class, by kind."""

    dots: np.ndarray
    squares: np.ndarray
    empty: np.ndarray


def known(tasks: Any) -> bool:
    """Whether pictures can be drawn before the camera of a set, and seen as its own are."""
    return isinstance(tasks, Omniglot)


def dot(radius: float, row: float, column: float) -> np.ndarray:
    """A picture (28, 28), 255 = ink."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.where((y - row) ** 2 + (x - column) ** 2 <= radius**2, 255, 0).astype(np.uint8)


def square(side: int, row: int, column: int) -> np.ndarray:
    """A picture (28, 28), 255 = ink, with the square's first row and column."""
    found = np.zeros((SIDE, SIDE), np.uint8)
    found[row : row + side, column : column + side] = 255
    return found


def means(chip: IntegerNet, tasks: Any) -> np.ndarray:
    """Of RADII, SIDES and the empty picture, uint8 (n, inputs)."""
    rng = np.random.default_rng(0)
    pictures = [_dot(rng, radius) for radius in RADII for _ in range(PLACES)]
    pictures += [_square(rng, side) for side in SIDES for _ in range(PLACES)]
    pictures += [np.zeros((SIDE, SIDE), np.uint8)] * PLACES
    p = _seen(chip, tasks, pictures, FIRST).reshape(-1, PLACES, len(chip.weight))
    found = np.minimum(p, 255 * _LAST).sum(1)
    return ((found + PLACES * _LAST // 2) // (PLACES * _LAST)).astype(np.uint8)


def others(chip: IntegerNet, tasks: Any, number: int, seed: int) -> Blots:
    """So many dots and squares of other sizes, at other places, and one empty picture."""
    rng = np.random.default_rng((seed, 1))
    first = FIRST + PLACES * (len(RADII) + len(SIDES) + 1)
    dots = [_dot(rng, rng.uniform(min(RADII), max(RADII))) for _ in range(number)]
    squares = [_square(rng, int(rng.integers(min(SIDES), 1 + max(SIDES)))) for _ in range(number)]
    pictures = [*dots, *squares, np.zeros((SIDE, SIDE), np.uint8)]
    return Blots(*np.split(_seen(chip, tasks, pictures, first), [number, 2 * number]))


def _dot(rng: np.random.Generator, radius: float) -> np.ndarray:
    return dot(radius, *rng.uniform(radius, SIDE - 1 - radius, 2))


def _square(rng: np.random.Generator, side: int) -> np.ndarray:
    # not at the edge, where an edge of the square would be out of sight
    return square(side, *rng.integers(1, SIDE - side, 2))


def _seen(chip: IntegerNet, tasks: Any, pictures: list[np.ndarray], first: int) -> np.ndarray:
    steps, side, *_ = tasks.pool.shape
    own = chip.recording
    step = own.bin // 1000
    sight = Sight(
        EventCamera(), 0, CROP, CROP[0] // side, step_ms=step, centred=own.centred, steps=steps
    )
    x = sight.counts(thickened(np.stack(pictures)), first + np.arange(len(pictures)), 0)
    return chip.counted_alone().traces_of(x)[:, -1]
