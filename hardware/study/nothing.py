"""Pictures of no class: dots, filled squares and an empty picture, as seen by the camera of a set
of drawn pictures, and their means, by which a device rejects them (`chip.means`).

Each radius of a dot, and each side of a square, has one mean, over several positions. Dots and
squares of other sizes at other positions test whether they are rejected.
"""

from typing import Any, NamedTuple

import numpy as np

from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.sets.omniglot import CROP, Omniglot, thickened
from minisnn.data.sets.pool import Sight

from ..chip.network import IntegerNet

SIDE = 28  # pixels of a picture
RADII = 0.8, 1.2, 2.0, 3.0  # radii of dots, pixels
SIDES = 5, 8, 12, 16, 20, 24  # sides of squares, pixels
PLACES = 4  # positions of each, in one mean
FIRST = 1_000_000  # number of the first recording, by which the camera draws its noise
_LAST = 16  # p's units per 256th


class Blots(NamedTuple):
    """Traces (n, inputs) of pictures that belong to no class, by kind."""

    dots: np.ndarray
    squares: np.ndarray
    empty: np.ndarray


def known(tasks: Any) -> bool:
    """Return whether this module can draw pictures that are recorded in the same way as the set's
    own pictures."""
    return isinstance(tasks, Omniglot)


def dot(radius: float, row: float, column: float) -> np.ndarray:
    """Draw a dot in a picture (28, 28), where 255 is ink."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.where((y - row) ** 2 + (x - column) ** 2 <= radius**2, 255, 0).astype(np.uint8)


def square(side: int, row: int, column: int) -> np.ndarray:
    """Draw a filled square in a picture (28, 28), where 255 is ink, given the square's first row
    and column."""
    found = np.zeros((SIDE, SIDE), np.uint8)
    found[row : row + side, column : column + side] = 255
    return found


def means(chip: IntegerNet, tasks: Any) -> np.ndarray:
    """Return the means for the dots in RADII, the squares in SIDES and the empty picture, uint8 (n,
    inputs)."""
    radii = [radius for radius in RADII for _ in range(PLACES)]
    sides = [side for side in SIDES for _ in range(PLACES)]
    p = _seen(chip, tasks, np.random.default_rng(0), radii, sides, PLACES, FIRST)
    total = np.minimum(p, 255 * _LAST).reshape(-1, PLACES, len(chip.weight)).sum(1)
    return ((total + PLACES * _LAST // 2) // (PLACES * _LAST)).astype(np.uint8)


def others(chip: IntegerNet, tasks: Any, number: int, seed: int) -> Blots:
    """Return the traces of `number` dots and as many squares, with other sizes and positions, and
    of one empty picture."""
    rng = np.random.default_rng((seed, 1))
    first = FIRST + PLACES * (len(RADII) + len(SIDES) + 1)
    between = min(RADII), max(RADII)
    radii = (rng.uniform(*between) for _ in range(number))
    sides = (int(rng.integers(min(SIDES), 1 + max(SIDES))) for _ in range(number))
    p = _seen(chip, tasks, rng, radii, sides, 1, first)
    return Blots(*np.split(p, [number, 2 * number]))


def _seen(chip: IntegerNet, tasks: Any, rng, radii, sides, empty: int, first: int) -> np.ndarray:
    """Return the traces of dots and squares at random positions, and of `empty` empty pictures."""
    pictures = [dot(radius, *rng.uniform(radius, SIDE - 1 - radius, 2)) for radius in radii]
    # not at the border, where a side of the square would be out of sight
    pictures += [square(side, *rng.integers(1, SIDE - side, 2)) for side in sides]
    pictures += [np.zeros((SIDE, SIDE), np.uint8)] * empty
    steps, side, *_ = tasks.pool.shape
    own = chip.recording
    more = dict(step_ms=own.bin // 1000, centred=own.centred, steps=steps)
    sight = Sight(EventCamera(), 0, CROP, CROP[0] // side, **more)
    x = sight.counts(thickened(np.stack(pictures)), first + np.arange(len(pictures)), 0)
    return chip.counted_alone().traces_of(x)[:, -1]
